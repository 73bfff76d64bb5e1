"""Simple forecasts made at many origins at once, for an ensemble to weigh.

Every candidate sees only values before its origin. Shapes: R origins, H steps ahead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat, Vec

Index = NDArray[np.intp]

SEASONAL_STRENGTH = 0.3
"""Correlation of the series with itself one period ago from which a season is believed."""

_SHORT = 3
_SMOOTH = 3
_MOST_CYCLES = 7


def candidates(y: Vec, origins: Index, horizon: int, period: int) -> NDArray[np.float64]:
    """All candidates that the series can carry.

    Args:
        y: (n,) finite values on an even grid.
        origins: (R,) each the index of the first value to forecast, 1 to n.
        horizon: Steps ahead.
        period: Steps of one season; below 2 for none.

    Returns:
        (C, R, H) forecasts.
    """
    found = level_candidates(y, origins, horizon, period)
    found += line_candidates(y, origins, horizon)
    if is_seasonal(y, period):
        found += seasonal_candidates(y, origins, horizon, period)
    return np.stack(found)


def is_seasonal(y: Vec, period: int) -> bool:
    """Whether the series has two periods and resembles itself one period ago."""
    if period < 2 or len(y) < 2 * period:
        return False
    a, b = y[period:], y[:-period]
    a, b = a - a.mean(), b - b.mean()
    power = math.sqrt(float(a @ a) * float(b @ b))
    return power > 0 and float(a @ b) / power > SEASONAL_STRENGTH


def _before(y: Vec, origins: Index, width: int) -> Mat:
    """(R, width) values before each origin, the latest first; the first value repeats."""
    before: Mat = y[np.maximum(origins[:, None] - 1 - np.arange(width), 0)]
    return before


def level_candidates(y: Vec, origins: Index, horizon: int, period: int) -> list[Mat]:
    """The last value, a short median, a long median, and the way from short to long."""
    shape = (len(origins), horizon)
    last = y[origins - 1]
    short = np.median(_before(y, origins, _SHORT), axis=1)
    wide = np.median(_before(y, origins, 4 * _SHORT), axis=1)
    reach = period if 2 <= period <= len(y) // 2 else max(8 * _SHORT, len(y) // 3)
    thinned = max(1, reach // 96)
    long = np.median(_before(y, origins, reach)[:, ::thinned], axis=1)
    fade = np.exp(-np.arange(1, horizon + 1) / max(4.0, reach / 12))
    returning = long[:, None] + (short - long)[:, None] * fade
    flat = [np.broadcast_to(level[:, None], shape) for level in (last, short, wide, long)]
    return [*flat, returning]


def line_candidates(y: Vec, origins: Index, horizon: int) -> list[Mat]:
    """Theil's line through the recent past: once damped, once as long as the horizon.

    Source:
        Theil, A rank-invariant method of linear and polynomial regression analysis (1950), the
        incomplete method, which pairs each point with one half a window away.
    """
    ahead = np.arange(1, horizon + 1)
    found: list[Mat] = []
    for width, damped in ((24, True), (min(max(horizon, 24), 288), False)):
        pairs = min(width, len(y)) // 2
        if pairs < 2:
            continue
        # An early origin has a shorter window behind it; its pairs stand closer.
        half = np.clip(origins // 2, 1, pairs)[:, None]
        back = np.arange(pairs) * half // pairs
        recent = y[np.maximum(origins[:, None] - 1 - back, 0)]
        earlier = y[np.maximum(origins[:, None] - 1 - back - half, 0)]
        slope = np.median((recent - earlier) / half, axis=1)
        short = max(_SHORT, pairs // 4)
        level = np.median(recent[:, :short] + slope[:, None] * back[:, :short], axis=1)
        phi = math.exp(-1 / max(3.0, pairs / 2))
        steps = phi * (1 - phi**ahead) / (1 - phi) if damped else ahead
        found.append(level[:, None] + slope[:, None] * steps)
    return found


def seasonal_candidates(y: Vec, origins: Index, horizon: int, period: int) -> list[Mat]:
    """The value one season ago and the usual season, each with today's deviation fading out."""
    ahead = np.arange(horizon) % period
    naive_index = origins[:, None] - period + ahead
    naive = y[np.maximum(naive_index, 0)]
    usual = profile(y, origins, period)
    recent = _before(y, origins, _SHORT)
    back = period - 1 - np.arange(_SHORT)
    drift = np.median(recent - usual[:, back], axis=1)
    ago = y[np.maximum(origins[:, None] - 1 - period - np.arange(_SHORT), 0)]
    naive_drift = np.median(recent - ago, axis=1)
    usual = usual[:, ahead]
    t = np.arange(1, horizon + 1)
    fades = [np.exp(-t / max(fade, 1.0)) for fade in (period / 24, period / 5)]
    found = [naive, usual, *(usual + drift[:, None] * fade for fade in fades)]
    found.append(naive + naive_drift[:, None] * np.exp(-t / max(period / 12, 1.0)))
    step = max(1, period // 48)
    day_on_day = _before(y, origins, period) - season_before(y, origins, period)
    shift = np.median(day_on_day[:, ::step], axis=1)
    found.append(usual + shift[:, None])
    return found


def season_before(y: Vec, origins: Index, period: int) -> Mat:
    """(R, period) values of the last season but one, the latest first."""
    before: Mat = y[np.maximum(origins[:, None] - 1 - period - np.arange(period), 0)]
    return before


def profile(y: Vec, origins: Index, period: int) -> Mat:
    """(R, period) usual season from each origin on: the mean of cycles without the extremes.

    Column i belongs to i steps after the origin. Cycles that the series does not have are left
    out; an origin within the first cycle gets what there is.
    """
    cycles = min(_MOST_CYCLES, len(y) // period)
    index = origins[:, None] + np.arange(period)
    total = np.zeros(index.shape)
    count = np.zeros(index.shape)
    most = np.full(index.shape, -np.inf)
    least = np.full(index.shape, np.inf)
    for k in range(1, cycles + 1):
        at = index - k * period
        there = at >= 0
        value = y[np.maximum(at, 0)]
        total += np.where(there, value, 0)
        count += there
        np.maximum(most, value, out=most, where=there)
        np.minimum(least, value, out=least, where=there)
    trim = count >= 4
    total = np.where(trim, total - np.where(trim, most, 0) - np.where(trim, least, 0), total)
    count = np.where(trim, count - 2, count)
    first = y[np.minimum(index, origins[:, None] - 1)]
    mean = np.where(count > 0, total / np.maximum(count, 1), first)
    return (np.roll(mean, 1, axis=1) + mean + np.roll(mean, -1, axis=1)) / _SMOOTH
