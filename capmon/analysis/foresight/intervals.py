"""How far a forecast misses: how much the series swings at each time, and the quantiles of past errors."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from capmon.analysis.foresight.levels import Index
from capmon.analysis.foresight.weighing import Stretches
from capmon.analysis.windows import Mat, Vec

LEAST_RESIDUALS = 4
"""Errors below which a stretch has no quantiles of its own."""

WIDEN = 1.8
"""How much bands are widened for the few errors they are made from."""

_MIRROR = 24.0
_FLOOR = 0.25
_FLOOR_FROM = 1.5
_BY_TIME_OF_DAY = 0.5
_BY_LATELY = 0.8
_LATELY = 24
_LATELY_PRIOR = 4.0
_LATELY_LASTS = 60.0
_MOST_CYCLES = 7
_NORMAL = NormalDist()


def swings(y: Vec, origins: Index, horizon: int, period: int) -> Mat:
    """(R, H) how much the series moves around each time to forecast, about 1 on the whole.

    The time of day tells it, and, fading out, how much the series moved just before the origin. Both
    count with a power below 1, because both are estimates.
    """
    n = len(y)
    moved = np.abs(np.diff(y, prepend=y[0]))
    total = np.concatenate([[0.0], np.cumsum(moved)])
    width = max(1, min(_LATELY, n // 8))
    lately = (total[origins] - total[np.maximum(origins - width, 0)]) / np.minimum(origins, width)
    lately = _about_one(lately, float(moved.mean()), 0.2)
    power = _BY_LATELY * width / (width + _LATELY_PRIOR)
    found = lately[:, None] ** (power * np.exp(-np.arange(horizon) / _LATELY_LASTS))
    if 2 <= period <= n // 2:
        by_time = _swing_of_day(y, period) ** _BY_TIME_OF_DAY
        found *= by_time[(origins[:, None] - n + np.arange(horizon)) % period]
    return found


def _swing_of_day(y: Vec, period: int) -> Vec:
    """(period,) mean distance from the median day within two hours, from the end of the series on."""
    cycles = min(_MOST_CYCLES, len(y) // period)
    days = y[len(y) - cycles * period :].reshape(cycles, period)
    away = np.abs(days - np.median(days, axis=0)).mean(axis=0)
    reach = max(1, period // 12)
    total = np.cumsum(np.concatenate([[0.0], away[-reach:], away, away[:reach]]))
    width = 2 * reach + 1
    smooth = (total[width:] - total[:-width]) / width
    return _about_one(smooth, float(smooth.mean()), 0.1)


def _about_one(values: Vec, usual: float, floor: float) -> Vec:
    raised = np.maximum(values, 0.0) + floor * usual + 1e-12
    return np.asarray(raised / raised.mean())


def offsets(pool: Vec, counts: Vec, levels: Vec, independent: float, widen: float) -> Vec:
    """Quantiles of past errors, wider the fewer they are.

    The few overlapping errors of a long horizon tend to lie on one side of the forecast, which
    says how far it can miss but not to which side: they are mirrored. They are widened as
    Student's t is, the tails more than the middle: it is the scale that is not known.

    Args:
        pool: (m,) errors.
        counts: (m,) how much each counts.
        levels: (k,) between 0 and 1.
        independent: How many errors of their own they are worth.
        widen: 0 for quantiles as they are.
    """
    mirrored = min(1.0, _MIRROR / independent)
    own = _quantiles(pool, counts, levels)
    both = np.sign(levels - 0.5) * _quantiles(np.abs(pool), counts, np.abs(2 * levels - 1))
    z = np.array([_NORMAL.inv_cdf(min(max(float(p), 1e-9), 1 - 1e-9)) for p in levels])
    factor = 1 + widen * (z * z + 1) / (4 * independent)
    spread = (own + (both - own) * mirrored) * factor
    floor = (
        _FLOOR
        * np.sign(z)
        * np.maximum(np.abs(z) - _FLOOR_FROM, 0.0)
        * float(counts @ np.abs(pool))
        / float(counts.sum())
    )
    held = np.where(levels < 0.5, np.minimum(spread, floor), np.maximum(spread, floor))
    return np.asarray(held)


def _quantiles(values: Vec, counts: Vec, levels: Vec) -> Vec:
    """(k,) quantiles of weighted values."""
    order = np.argsort(values)
    held = np.cumsum(counts[order])
    return np.interp(levels, (held - 0.5 * counts[order]) / held[-1], values[order])


def independent(residuals: Mat) -> float:
    """How many independent errors a stretch is worth, 1 at least, from how its origins repeat each other.

    Source:
        Bayley and Hammersley, The effective number of independent observations in an
        autocorrelated time series, Suppl. J. R. Stat. Soc. 8 (1946).
    """
    known = np.isfinite(residuals)
    rows = int(known.any(axis=1).sum())
    e = np.where(known, residuals, 0.0)
    pairs = known[1:] & known[:-1]
    power = float(np.sum((e[1:] ** 2 + e[:-1] ** 2) * pairs)) / 2
    if rows < 2 or not power > 0:
        return 1.0
    # About zero, not about their mean: that all lie on one side is the sign of repetition.
    memory = min(max(float(np.sum(e[1:] * e[:-1])) / power, 0.0), 1.0)
    return max(1.0, rows * (1 - memory) / (1 + memory))


def grow_into_gaps(spread: Mat, stretches: Stretches) -> None:
    """Fill stretches without residuals from the one before, growing as a random walk does."""
    known = np.flatnonzero(np.isfinite(spread).all(axis=1))
    if not len(known):
        spread[:] = 0
        return
    for b in range(len(spread)):
        if np.isfinite(spread[b]).all():
            continue
        source = known[known < b][-1] if (known < b).any() else known[0]
        growth = math.sqrt(max(1.0, stretches[b][1] / stretches[source][1]))
        spread[b] = spread[source] * growth
