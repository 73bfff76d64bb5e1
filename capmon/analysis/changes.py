"""When a service began to behave differently at the same load: a deploy, a new setting, a sick replica."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec

LEAST_CELLS = 24
"""Known cells on either side of a change, at least."""

CERTAIN = 5.0
"""Standard errors that a shift must be away from none: the greatest of many splits is tested."""

MATTERS = 0.15
"""Least size of a shift as a share of the usual value; it must also stand out of the noise."""

_LONGEST_MEMORY = 0.98


@dataclass(frozen=True, slots=True)
class Change:
    """A lasting shift of a metric away from what load explains."""

    cell: int
    """First cell after it."""

    size: float
    """Height of the shift, in the unit of the values."""

    errors: float
    """The same in standard errors."""


def change_point(expected: Vec, actual: Vec, load: Vec | None = None) -> Change | None:
    """The clearest lasting shift of a series against what a model of load expects, or None.

    The split is where the cumulative sum of the residuals lies farthest from zero. There the
    values are regressed on what was expected and on before-or-after: the shift counts only at
    loads that both sides have seen, and its standard error allows for memory in the residuals.

    Args:
        expected: (n,) values of the model at the load of each cell, NaN for gaps.
        actual: (n,) values measured, NaN for gaps.
        load: (n,) load of each cell; what was expected stands for it where it is not given.

    Source:
        Page, Continuous inspection schemes, Biometrika 41 (1954), for the cumulative sum.
        Andrews, Tests for parameter instability and structural change with unknown change
        point, Econometrica 61 (1993), for why the greatest of many splits needs a high bar.
    """
    known = np.flatnonzero(np.isfinite(expected) & np.isfinite(actual))
    n = len(known)
    if n < 2 * LEAST_CELLS:
        return None
    with np.errstate(all="ignore"):
        x, y = expected[known], actual[known]
        split = _split(y - x)
        at = x if load is None else load[known]
        overlap = _overlap(at[:split], at[split:])
        if overlap is None:
            return None
        shift, error, noise = _shift(x, y, split)
        usual = float(np.median(np.abs(y)))
        if not math.isfinite(shift) or not error > 0:
            return None
        certain = abs(shift) >= CERTAIN * error
        matters = abs(shift) >= max(MATTERS * usual, noise)
    return Change(int(known[split]), shift, shift / error) if certain and matters else None


def _split(residual: Vec) -> int:
    """First point of the second part, where the cumulative sum is farthest from zero for its place."""
    n = len(residual)
    places = np.arange(LEAST_CELLS, n - LEAST_CELLS + 1)
    sums = np.cumsum(residual - residual.mean())[places - 1]
    score = np.abs(sums) / np.sqrt(places * (n - places))
    return int(places[int(np.argmax(score))])


def _overlap(before: Vec, after: Vec) -> tuple[float, float] | None:
    """Values of the model that both sides have seen often; None where they share too few."""
    low = max(float(np.quantile(before, 0.1)), float(np.quantile(after, 0.1)))
    high = min(float(np.quantile(before, 0.9)), float(np.quantile(after, 0.9)))
    if low > high:
        return None
    shared = [np.count_nonzero((side >= low) & (side <= high)) for side in (before, after)]
    return (low, high) if min(shared) >= LEAST_CELLS // 4 else None


def _shift(x: Vec, y: Vec, split: int) -> tuple[float, float, float]:
    """Height of the shift at equal load, its standard error, and the standard deviation about it."""
    after = (np.arange(len(x)) >= split).astype(np.float64)
    centred = x - x.mean()
    # A model that expects the same everywhere leaves nothing to adjust for.
    columns = [np.ones(len(x)), after]
    if float(np.ptp(centred)) > 1e-9 * max(float(np.abs(x).max()), 1e-300):
        columns.insert(1, centred / float(np.abs(centred).max()))
    design = np.column_stack(columns)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coefficients
    memory = _memory(residual, split)
    inflation = (1 + memory) / (1 - memory)
    freedom = max(len(x) / inflation - design.shape[1], 1.0)
    variance = float(residual @ residual) / len(x) * (len(x) / inflation) / freedom
    inverse = np.linalg.pinv(design.T @ design)
    error = math.sqrt(max(variance * inflation * float(inverse[-1, -1]), 0.0))
    return float(coefficients[-1]), error, math.sqrt(variance)


def _memory(residual: Vec, split: int) -> float:
    """Lag-1 autocorrelation within the two parts, unbiased as in the fits and never negative."""
    parts = [residual[:split] - residual[:split].mean(), residual[split:] - residual[split:].mean()]
    power = sum(float(p @ p) for p in parts)
    if not power > 0:
        return 0.0
    r = sum(float(p[1:] @ p[:-1]) for p in parts) / power
    return min(max(r + (1 + 4 * r) / len(residual), 0.0), _LONGEST_MEMORY)


def block_means(values: Vec, width: int) -> Vec:
    """Means of neighbouring cells, NaN where a block has none known; the last whole blocks count."""
    count = len(values) // width
    blocks = values[len(values) - count * width :].reshape(count, width)
    known = np.isfinite(blocks)
    total = np.where(known, blocks, 0.0).sum(axis=1)
    counted = known.sum(axis=1)
    means: Vec = np.where(counted > 0, total / np.maximum(counted, 1), math.nan)
    return means
