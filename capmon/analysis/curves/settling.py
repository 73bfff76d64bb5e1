"""Which response times are of a queue that settles, and what their scatter is about."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.curves.lines import least_squares
from capmon.analysis.curves.question import Points
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate

SATURATED = 8.0
"""A response that takes so many times the usual one waits in a queue that does not settle: M/M/1
gets there at 88 % of its capacity, with more servers later."""

_FULL = 0.985
_FULL_SHARE = 0.3
_UNSURE = 1.25


def settled(points: Points, pole: Estimate | None) -> tuple[Points, float | None]:
    """Points at which the queue settles, and the most that its capacity can be.

    From the load on at which a response commonly takes `SATURATED` times what it takes at low
    load, the queue grows for as long as the load lasts, and the curve says nothing of it. A pole
    that many readings lie beyond is no pole of this service.
    """
    x = points.x
    limit = math.inf
    bound = None
    if pole is not None and 0 < pole.value < math.inf:
        high = pole.high if pole.high is not None and pole.high > pole.value else None
        if np.count_nonzero(x >= pole.value) <= _FULL_SHARE * len(x):
            limit, bound = _FULL * pole.value, high or _UNSURE * pole.value
    loads, heights = by_load(points)
    if len(loads):
        quarter = len(heights) // 4
        over = heights > heights[:quarter].min() + math.log(SATURATED)
        first = quarter + int(np.argmax(over[quarter:]))
        # The cell before the first holds some of both.
        if over[first] and np.count_nonzero(x >= loads[first - 1]) <= len(x) / 2:
            limit = min(limit, float(loads[first - 1]))
    kept = x < limit
    count = len(x) - int(np.count_nonzero(kept))
    return points.only(kept, f"{count} points at saturation"), bound


def by_load(points: Points) -> tuple[Vec, Vec]:
    """(b,) mean load and median logarithm of cells of equal count; none with few points."""
    n = len(points.x)
    bins = min(32, n // 8)
    if bins < 4:
        return np.empty(0), np.empty(0)
    order = np.argsort(points.x, kind="stable")[n % bins :].reshape(bins, -1)
    return points.x[order].mean(axis=1), np.log(np.median(points.y[order], axis=1))


def about_neighbours(points: Points) -> Vec:
    """(n,) logarithm of each reading over the usual one at its load, whatever the curve."""
    log_y = np.log(points.y)
    loads, heights = by_load(points)
    if not len(loads):
        slope, intercept = least_squares(points.x, log_y)
        return log_y - slope * points.x - intercept
    # Beyond the last cell's middle the curve is steepest: it goes on as it went before.
    tilt = (heights[-1] - heights[-2]) / max(loads[-1] - loads[-2], 1e-300)
    beyond = np.maximum(points.x - loads[-1], 0.0) * max(tilt, 0.0)
    return np.asarray(log_y - np.interp(points.x, loads, heights) - beyond, dtype=np.float64)
