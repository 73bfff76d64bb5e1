"""Seasonal forecasts from many origins at once: what the same time of earlier days and weeks suggests.

Shapes: R origins, H steps ahead.
"""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.foresight.levels import SHORT, Index, Named, before
from capmon.analysis.windows import Mat, Vec

SEASONAL_STRENGTH = 0.3
"""Correlation of the series with itself one period ago from which a season is believed."""

SHOWN_OFTEN = 14
"""Periods from which two thirds of that strength are enough: chance hardly repeats itself so often."""

WEEK = 7
"""Days of a week, where the season is a day."""

_MOST_CYCLES = 7
_MOST_WEEKS = 4
_TRIMMED = 4


def is_seasonal(y: Vec, period: int) -> bool:
    """Whether the series has two periods and resembles itself one period ago."""
    if period < 2 or len(y) < 2 * period:
        return False
    a, b = y[period:], y[:-period]
    a, b = a - a.mean(), b - b.mean()
    power = math.sqrt(float(a @ a) * float(b @ b))
    often = len(y) >= SHOWN_OFTEN * period
    return power > 0 and float(a @ b) / power > SEASONAL_STRENGTH * (2 / 3 if often else 1)


def seasonal_candidates(y: Vec, origins: Index, horizon: int, period: int) -> Named:
    """The value one season ago and the usual season, as they are and moved to the level of now."""
    ahead = np.arange(horizon) % period
    t = np.arange(1, horizon + 1)
    naive = y[np.maximum(origins[:, None] - period + ahead, 0)]
    # A job that starts on the minute needs the sharp shape, noise the smooth one.
    cycle = profile(y, origins, period)
    smooth = (np.roll(cycle, 1, axis=1) + cycle + np.roll(cycle, -1, axis=1)) / 3
    sharp, usual = cycle[:, ahead], smooth[:, ahead]
    wide = max(SHORT, period // 8)
    away = before(y, origins, wide) - cycle[:, period - 1 - np.arange(wide)]
    now = np.median(away[:, :SHORT], axis=1)[:, None]
    lately = np.median(away, axis=1)[:, None]
    since = np.median(before(y, origins, SHORT) - before(y, origins, SHORT, period), axis=1)
    step = max(1, period // 48)
    days = before(y, origins, period)[:, ::step] - before(y, origins, period, period)[:, ::step]
    shift = np.median(days, axis=1)[:, None]

    def fade(share: float) -> Vec:
        return np.exp(-t / max(share * period, 1.0))

    return [
        ("same time yesterday", naive),
        ("same time yesterday", naive + since[:, None] * fade(1 / 12)),
        ("usual day", usual),
        ("usual day", usual + now * fade(1 / 5)),
        ("usual day, shifted", usual + lately * fade(1)),
        ("usual day, shifted", sharp + now),
        ("usual day", sharp),
        ("usual day, shifted", usual + shift),
    ]


def weekly_candidates(y: Vec, origins: Index, horizon: int, period: int) -> Named:
    """The value one week ago and the usual week, as they are and moved to the level of now."""
    week = WEEK * period
    ahead = np.arange(horizon) % week
    t = np.arange(1, horizon + 1)
    naive = y[np.maximum(origins[:, None] - week + ahead, 0)]
    total, count = naive.copy(), np.ones_like(naive)
    for k in range(2, min(_MOST_WEEKS, len(y) // week) + 1):
        at = origins[:, None] - k * week + ahead
        there = at >= 0
        total += np.where(there, y[np.maximum(at, 0)], 0)
        count += there
    usual = total / count
    since = np.median(before(y, origins, SHORT) - before(y, origins, SHORT, week), axis=1)
    shift = np.median(before(y, origins, period) - before(y, origins, period, week), axis=1)
    fade = np.exp(-t / max(period / 4, 1.0))
    return [
        ("same time last week", naive),
        ("same time last week", naive + shift[:, None]),
        ("usual week", usual),
        ("usual week", usual + since[:, None] * fade),
    ]


def profile(y: Vec, origins: Index, period: int) -> Mat:
    """(R, period) usual season from each origin on: the mean of cycles without the extremes.

    Column i belongs to i steps after the origin. Cycles that the series does not have are left
    out; an origin within the first cycle gets what there is.
    """
    cycles = min(_MOST_CYCLES, len(y) // period)
    # The cycles before a time are the same from every origin less than a cycle earlier.
    at = np.arange(len(y) + period) - period * np.arange(1, cycles + 1)[:, None]
    there = (at >= 0) & (at < len(y))
    value = y[np.clip(at, 0, len(y) - 1)]
    count = there.sum(axis=0)
    total = np.where(there, value, 0.0).sum(axis=0)
    most = np.where(there, value, -np.inf).max(axis=0)
    least = np.where(there, value, np.inf).min(axis=0)
    trim = count >= _TRIMMED
    total -= np.where(trim, most, 0.0) + np.where(trim, least, 0.0)
    usual = total / np.maximum(count - 2 * trim, 1)
    index = origins[:, None] + np.arange(period)
    first = y[np.minimum(index, origins[:, None] - 1)]
    return np.asarray(np.where(count[index] > 0, usual[index], first))
