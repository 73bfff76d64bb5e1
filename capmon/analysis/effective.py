"""How much a series that repeats itself knows: its memory, and what that does to means, slopes and spreads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Vec

LONGEST_MEMORY = 0.98
"""Autocorrelation beyond which a sample cannot tell how long its memory is."""

LEAST_POINTS = 8
"""Points below which memory cannot be told."""

_EXACT = 250


def memory(residual: Vec, places: NDArray[np.intp], *, fitted: int = 1) -> float:
    """Lag-one autocorrelation of residuals, its bias undone, from 0 to `LONGEST_MEMORY`.

    Args:
        residual: (n,) deviations from what was fitted.
        places: (n,) cell of each on an even grid; only neighbours are compared.
        fitted: Parameters fitted: 1 for a mean, 2 for a line; each pulls the estimate down.

    Returns:
        0 with fewer than eight points, which cannot tell.

    Source:
        Marriott and Pope, Bias in the estimation of autocorrelations, Biometrika 41 (1954).
    """
    n = len(residual)
    power = float(residual @ residual)
    follows = np.diff(places) == 1
    pairs = int(np.count_nonzero(follows))
    if n < LEAST_POINTS or pairs < LEAST_POINTS // 2 or not power > 0:
        return 0.0
    product = float(np.sum((residual[1:] * residual[:-1])[follows]))
    r = product / pairs * n / power
    return min(max(r + (fitted + 4 * max(r, 0.0)) / n, 0.0), LONGEST_MEMORY)


def inflation(residual: Vec, places: NDArray[np.intp]) -> float:
    """Factor on the variance of a mean for memory in the residuals, 1 or more.

    n points are worth n over this many independent ones.

    Source:
        Bayley and Hammersley, The effective number of independent observations in an
        autocorrelated time series, Suppl. J. R. Stat. Soc. 8 (1946).
    """
    r = memory(residual, places)
    return min((1 + r) / (1 - r), float(max(len(residual), 1)))


@dataclass(frozen=True, slots=True)
class LineErrors:
    """What memory does to the errors of a least-squares line."""

    height: float
    """Variance of its height at the mean, in units of the residuals' variance."""

    tilt: float
    """Variance of its slope, in those units."""

    spread: float
    """Expected sum of squared residuals, in those units."""

    freedom: float
    """Degrees of freedom of that sum, 1 or more."""


def line_errors(x: Vec, places: NDArray[np.intp], r: float) -> LineErrors:
    """Errors of a line through points whose residuals keep a share r from cell to cell.

    Exact for a known r, and Satterthwaite's degrees of freedom; from 250 points on what they tend
    to for long series.

    Args:
        x: (n,) where the points stand, n at least 3.
        places: (n,) cell of each on an even grid.
        r: Lag-one autocorrelation, 0 to below 1.

    Source:
        Box, Some theorems on quadratic forms, Ann. Math. Stat. 25 (1954).
    """
    n = len(x)
    away = x - x.mean()
    squares = float(away @ away)
    if r <= 0:
        return LineErrors(1 / n, 1 / squares, n - 2.0, max(n - 2.0, 1.0))
    if n > _EXACT:
        grown = (1 + r) / (1 - r)
        freedom = max(n * (1 - r * r) / (1 + r * r) - 2, 1.0)
        return LineErrors(grown / n, grown / squares, max(n - 2 * grown, n / 4), freedom)
    like = r ** np.abs(places[:, None] - places[None, :]).astype(np.float64)
    basis = np.stack([np.full(n, n**-0.5), away / squares**0.5])
    moved = basis @ like
    height, tilt = float(moved[0] @ basis[0]), float(moved[1] @ basis[1])
    rest = like - basis.T @ moved
    spread = float(np.trace(rest))
    freedom = spread**2 / max(float(np.sum(rest * rest.T)), 1e-300)
    return LineErrors(height / n, tilt / squares, spread, max(freedom, 1.0))
