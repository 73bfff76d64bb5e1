"""Which of several fitted curves to believe: the simplest that predicts points left out of its fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Mat, Vec
from capmon.model.curves import Candidate, FitKind

BLOCKS = 20
"""Least stretches of time that points are left out by, and those that a difference is judged by."""

_LEAST_IN_BLOCK = 5
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Contender:
    """One shape as it was fitted, or why it was not."""

    kind: FitKind
    """The shape."""

    parameters: int = 0
    """How many numbers were free."""

    errors: Vec | None = None
    """(n,) residual of each point with its block left out; None where the shape was not fitted."""

    r_squared: float | None = None
    """Share of the variance explained, on the original scale."""

    problem: str = ""
    """Why it was not fitted."""

    @property
    def mean_square(self) -> float:
        """Mean of the squared errors; infinite where there are none."""
        if self.errors is None:
            return math.inf
        found = float(self.errors @ self.errors) / len(self.errors)
        return found if math.isfinite(found) else math.inf


def block_length(n: int, inflation: float) -> int:
    """How many neighbours in time are left out together: several times what the noise remembers.

    Args:
        n: Points.
        inflation: Factor on the variance of a mean for memory in the residuals.
    """
    return max(1, min(max(_LEAST_IN_BLOCK, math.ceil(2 * inflation)), n // BLOCKS))


def left_out(jacobian: Mat, residual: Vec, block: int = 1) -> Vec:
    """Residual of each point when it and its neighbours in time take no part in the fit.

    In the plane that touches the curve at its optimum, leaving out the block B turns its residuals
    into (I - H_BB)⁻¹·e_B with the hat matrix H; for one point that is e/(1 - h). Neighbours in time
    share their noise, so that a series is left out block by block: a single point left out would be
    told by its neighbours.

    Args:
        jacobian: (n, p) derivatives of the curve at the points, oldest first.
        residual: (n,) residuals at the optimum, or (n, k) of several curves.
        block: Points that are left out together; 1 where they are no series.

    Returns:
        The same shape as `residual`.

    Source:
        Bates and Watts, Nonlinear Regression Analysis (1988), section 2.3, for the plane; Burman,
        Chow and Nolan, A cross-validatory method for dependent data, Biometrika 81 (1994).
    """
    q = _orthonormal(jacobian)
    n, p = q.shape
    if block == 1:
        leverage = np.minimum((q * q).sum(axis=1), 1 - 1e-6)
        return np.asarray((residual.T / (1 - leverage)).T, dtype=np.float64)
    blocks = -(-n // block)
    rows = np.zeros((blocks * block, p))
    rows[:n] = q
    tall = np.zeros((blocks * block, residual.size // n))
    tall[:n] = residual.reshape(n, -1)
    parts, e = rows.reshape(blocks, block, p), tall.reshape(blocks, block, -1)
    across = parts.transpose(0, 2, 1)
    rest = np.eye(p) * (1 + _RIDGE) - across @ parts
    moved = parts @ np.linalg.solve(rest, across @ e)
    return np.asarray((e + moved).reshape(len(tall), -1)[:n].reshape(residual.shape), np.float64)


def _orthonormal(jacobian: Mat) -> Mat:
    """Columns that span the same plane; those that add nothing are dropped."""
    square = jacobian.T @ jacobian
    size = np.sqrt(np.diag(square))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(square / np.outer(size, size))
    kept = values > 1e-10 * max(float(values[-1]), 1e-300)
    turned = vectors[:, kept] / size[:, None] / np.sqrt(values[kept])
    return np.asarray(jacobian @ turned, dtype=np.float64)


def choose(found: Sequence[Contender], *, series: bool, usual: FitKind | None = None) -> int | None:
    """Place of the contender to believe; None where none was fitted.

    The one with the least error, but for one with fewer parameters whose error is not greater by
    more than one standard error of the difference. Differences are averaged within blocks of time
    before their standard error is taken: neighbours repeat each other. The usual shape stays as
    long as it is no worse than that, so that the curve does not change its form by chance.

    Source:
        Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.10.
    """
    fitted = [i for i, c in enumerate(found) if math.isfinite(c.mean_square)]
    if not fitted:
        return None
    best = min(fitted, key=lambda i: found[i].mean_square)
    close = [i for i in fitted if _not_worse(found[i], found[best], series=series)]
    return min(
        close, key=lambda i: (found[i].kind is not usual, found[i].parameters, found[i].mean_square)
    )


def _not_worse(one: Contender, best: Contender, *, series: bool) -> bool:
    if one.errors is None or best.errors is None or one is best:
        return True
    difference = one.errors**2 - best.errors**2
    n = len(difference)
    blocks = BLOCKS if series and n >= BLOCKS * _LEAST_IN_BLOCK else n
    starts = np.arange(blocks) * n // blocks
    means = np.add.reduceat(difference, starts) / np.diff(np.append(starts, n))
    error = float(means.std(ddof=1)) / math.sqrt(blocks)
    return float(means.mean()) <= error


def candidates(found: Sequence[Contender], chosen: int | None) -> tuple[Candidate, ...]:
    """The contenders in the words of the result, the least error first."""
    order = sorted(range(len(found)), key=lambda i: found[i].mean_square)
    return tuple(_as_candidate(found[i], chosen=i == chosen) for i in order)


def _as_candidate(one: Contender, *, chosen: bool) -> Candidate:
    square = one.mean_square
    error = math.sqrt(square) if math.isfinite(square) else None
    sound = one.r_squared is not None and math.isfinite(one.r_squared)
    return Candidate(one.kind, error, one.r_squared if sound else None, chosen, one.problem)
