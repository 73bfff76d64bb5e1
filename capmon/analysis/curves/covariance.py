"""Errors of a curve's coefficients, from the curve's derivatives by its free parameters."""

from __future__ import annotations

import numpy as np

from capmon.analysis.windows import Mat


def covariance(jacobian: Mat, to_natural: Mat, variance: float) -> Mat:
    """(k, k) covariance of the coefficients.

    Args:
        jacobian: (n, p) derivatives of the curve at each point by the free parameters.
        to_natural: (k, p) derivatives of the coefficients by those parameters.
        variance: Of one residual.
    """
    size = np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian))
    size = np.where(size > 0, size, 1.0)
    scaled = jacobian / size
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=1e-12, hermitian=True)
    natural = to_natural / size
    return np.asarray(variance * natural @ inverse @ natural.T, dtype=np.float64)
