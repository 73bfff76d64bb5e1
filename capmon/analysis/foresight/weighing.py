"""Weights of candidates per stretch of the horizon, from their errors at past origins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat, Vec

Stretches = tuple[tuple[int, int], ...]
"""Half-open ranges of steps ahead that share weights and residuals."""

_ENDS = (1, 2, 4, 8, 12, 24, 36, 72, 144, 288)
_SAMPLES = 6
_SHARPNESS = 6.0
_ROUNDS = 15
_STEEPEST = 5.0
_LEAST = 1e-12


def stretches_of(horizon: int) -> Stretches:
    """Ranges that about double in length, up to the first that holds the horizon.

    Their ends are the same for every horizon, so that what is said of a step does not depend on how
    much farther one looks.
    """
    ends = [_ENDS[0]]
    while ends[-1] < horizon:
        ends.append(_ENDS[len(ends)] if len(ends) < len(_ENDS) else 2 * ends[-1])
    return tuple(zip([0, *ends[:-1]], ends, strict=True))


def ends_of(stretches: Stretches) -> NDArray[np.intp]:
    """(B,) last step of each stretch, counted from 1."""
    return np.array([stop for _, stop in stretches], dtype=np.intp)


def sampled(stretches: Stretches) -> NDArray[np.intp]:
    """(B, 6) steps, counted from 0, in the later half of each stretch: they stand for its end."""
    rows = [np.linspace((start + stop) // 2, stop - 1, _SAMPLES) for start, stop in stretches]
    return np.stack(rows).astype(np.intp)


def between(stretches: Stretches, rows: Mat) -> Mat:
    """(H, k) rows that belong to the ends of stretches, for every step: linear in the step's logarithm."""
    steps = np.log(np.arange(1, stretches[-1][1] + 1))
    knots = np.log(ends_of(stretches))
    if len(knots) == 1:
        return np.repeat(rows, len(steps), axis=0)
    place = np.clip(np.searchsorted(knots, steps) - 1, 0, len(knots) - 2)
    part = np.clip((steps - knots[place]) / (knots[place + 1] - knots[place]), 0, 1)[:, None]
    return np.asarray(rows[place] * (1 - part) + rows[place + 1] * part)


def weigh(errors: NDArray[np.float64], counts: Vec) -> Mat:
    """Weights whose sum of candidates had the least mean absolute error.

    Starts from weights that fall with a candidate's own error, descends on the error of the sum, and
    keeps the best weights that it meets. Few rounds keep what is learnt from few errors small.

    Args:
        errors: (B, C, N) forecasts less truth, N of each stretch, NaN where no truth is known.
        counts: (N,) how much each counts.

    Returns:
        (B, C), rows sum to 1. A stretch without truth takes the weights of the one before.

    Source:
        Kivinen and Warmuth, Exponentiated gradient versus gradient descent for linear predictors,
        Information and Computation 132 (1997).
    """
    known = np.isfinite(errors[:, 0])
    missed = np.where(known[:, None], errors, 0.0)
    share = np.where(known, counts, 0.0)
    total = share.sum(axis=1, keepdims=True)
    share /= np.where(total > 0, total, 1.0)
    mean = _mean(np.abs(missed), share) + _LEAST
    least = mean.min(axis=1, keepdims=True)
    weights = (least / mean) ** _SHARPNESS
    weights /= weights.sum(axis=1, keepdims=True)
    missed /= least[:, :, None]
    weights = _descend(weights, missed, share)
    for b in np.flatnonzero(total[:, 0] <= 0):
        weights[b] = weights[b - 1] if b else 1 / weights.shape[1]
    return weights


def _mean(values: NDArray[np.float64], share: Mat) -> Mat:
    return np.asarray(values @ share[:, :, None])[:, :, 0]


def _descend(weights: Mat, missed: NDArray[np.float64], share: Mat) -> Mat:
    """The best of some rounds of exponentiated gradient descent; `missed` is (B, C, N)."""
    best, least = weights, np.full((len(weights), 1), np.inf)
    for k in range(_ROUNDS):
        summed = weights[:, None, :] @ missed
        error = _mean(np.abs(summed), share)
        best = np.where(error < least, weights, best)
        least = np.minimum(error, least)
        slope = _mean(missed, np.sign(summed[:, 0]) * share)
        slope -= slope.min(axis=1, keepdims=True)
        weights = weights * np.exp(-np.minimum(slope, _STEEPEST) / np.sqrt(k + 1))
        weights /= weights.sum(axis=1, keepdims=True)
    return best.copy()
