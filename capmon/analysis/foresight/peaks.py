"""How high a load may come within the next few steps: quantiles of its peak, by its own past.

A forecast says where the load will be; a replica that is asked for now and serves in three minutes
must cope with all that comes until then. So what is forecast is the peak over the lead, and
its far quantiles are read off what followed similar levels, hour by hour, each time from the past alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from capmon.analysis.windows import Mat, Vec

DAY = 86400.0

LEVELS: Final = (
    *(0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997),
    *(0.998, 0.9985, 0.999, 0.9995, 0.9998, 0.9999),
)
"""Probabilities that are offered to choose from."""

DAYS = 7
"""Earlier days from which the usual course over the lead is taken."""

MEMORY_DAYS = 14.0
"""Days of what followed that count."""

BINS = 6
"""Classes of level; what followed a neighbouring class counts a third, the others next to nothing."""

NEAR, FAR = 0.3, 0.02
"""Weights of the neighbouring class and of all others."""

REFRESH = 3600.0
"""Seconds between two readings of the quantiles."""

GROWN = 16
"""While the history is short they are read again whenever it has grown by one part in so many."""

LEAST_LEADS = 5
"""So many times the lead must have passed before what followed tells anything: less is one burst or none."""

LEAST_COURSE, MOST_COURSE = 0.5, 10.0
"""Bounds of the usual course over the lead, as a factor of the level."""

FLOOR = 0.01
"""Least level, as a share of the mean load: from nothing, everything is infinitely more."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the level of the load is taken, and whether a usual day is known."""

    name: str
    """Name in words."""

    seasonal: bool
    """Whether what followed at the same time of earlier days counts."""

    memory: float
    """Seconds over which the level is smoothed."""


RECIPES: Final = (
    Recipe("time of day", True, 570.0),
    Recipe("time of day, calm", True, 1970.0),
    Recipe("level", False, 1170.0),
)
"""What a replay chooses from. No single one does best on every load."""


def lead_steps(lead: float, step: float) -> int:
    """Steps over which the peak counts for a decision at the end of a step: until the new replica has served one."""
    return math.ceil(lead / step - 1e-9) + 1


def peaks_ahead(load: Vec, steps: int) -> Vec:
    """(n,) greatest load of the next `steps` steps; the end has fewer, its last value none: -inf."""
    after = np.concatenate((load[1:], np.full(steps, -np.inf)))
    after = np.where(np.isnan(after), -np.inf, after)
    return np.asarray(sliding_window_view(after, steps).max(axis=1)[: len(load)])


def peak_quantiles(load: Vec, step: float, lead: float, start: int, recipe: Recipe) -> Mat:
    """Quantiles of the peak until a replica asked for at the end of each step has served one.

    Every row rests on what came before it alone; where that is less than `LEAST_LEADS` leads, it
    is NaN. A level of which fewer than one in so many rows has spoken is the greatest that came.

    Args:
        load: (n,) load by step, equally spaced; NaN where it is not known.
        step: Seconds a step.
        lead: Seconds until a replica that is asked for serves.
        start: First row wanted.
        recipe: How the level is taken.

    Returns:
        (n - start, len(LEVELS)) quantiles, in the unit of the load.
    """
    steps = lead_steps(lead, step)
    filled = _filled(load)
    level = np.maximum(_smooth(filled, step, recipe.memory), 1e-12)
    ahead = peaks_ahead(load, steps)
    base = level * _course(ahead, level, step) if recipe.seasonal else level
    base = np.maximum(base, FLOOR * max(_mean(filled[: max(start, 1)]), 1e-12))
    ratio, place = ahead / base, np.log(base)
    refresh, memory = max(1, round(REFRESH / step)), round(MEMORY_DAYS * DAY / step)
    out = np.empty((len(load) - start, len(LEVELS)))
    at = start
    while at < len(load):
        known = slice(max(0, at - steps - memory), max(0, at - steps))
        rows = slice(at, min(len(load), at + max(1, min(refresh, at // GROWN))))
        table, edges = _table(place[known], ratio[known], LEAST_LEADS * steps)
        found = base[rows, None] * table[np.searchsorted(edges, place[rows])]
        out[rows.start - start : rows.stop - start] = found
        at = rows.stop
    return out


def _table(place: Vec, ratio: Vec, least: int) -> tuple[Mat, Vec]:
    """Quantiles of what followed, by class of level, and the inner edges of the classes; NaN of too few."""
    sound = np.isfinite(ratio)
    place, ratio = place[sound], ratio[sound]
    if len(ratio) < least:
        return np.full((1, len(LEVELS)), np.nan), np.empty(0)
    edges = np.quantile(place, np.linspace(0, 1, BINS + 1)[1:-1])
    order = np.argsort(ratio, kind="stable")
    ratio, of = ratio[order], np.searchsorted(edges, place[order])
    table = np.empty((BINS, len(LEVELS)))
    for row in range(BINS):
        away = np.abs(of - row)
        total = np.cumsum(np.where(away == 0, 1.0, np.where(away == 1, NEAR, FAR)))
        at = np.searchsorted(total, np.array(LEVELS) * total[-1])
        table[row] = ratio[np.minimum(at, len(ratio) - 1)]
    return table, np.asarray(edges)


def _course(ahead: Vec, level: Vec, step: float) -> Vec:
    """How the peak ahead usually compares to the level at this time of day; 1 where no day is known."""
    day = round(DAY / step)
    above, below = np.zeros(len(level)), np.zeros(len(level))
    sound = np.isfinite(ahead) & np.isfinite(level)
    peak, base = np.where(sound, ahead, 0.0), np.where(sound, level, 0.0)
    for days in range(1, DAYS + 1):
        shift = days * day
        if shift >= len(level):
            break
        above[shift:] += peak[:-shift]
        below[shift:] += base[:-shift]
    usual = np.divide(above, below, out=np.ones(len(level)), where=below > 0)
    return np.asarray(np.clip(usual, LEAST_COURSE, MOST_COURSE))


def _filled(load: Vec) -> Vec:
    """The load with gaps at the last known value; NaN before the first."""
    known = ~np.isnan(load)
    last = np.maximum.accumulate(np.where(known, np.arange(len(load)), -1))
    return np.where(last >= 0, load[np.maximum(last, 0)], np.nan)


def _mean(filled: Vec) -> float:
    """The mean of what is known; 0 of nothing."""
    known = filled[np.isfinite(filled)]
    return float(np.mean(known)) if len(known) else 0.0


def _smooth(values: Vec, step: float, memory: float) -> Vec:
    """Exponentially weighted mean with a time constant of `memory` seconds, from the first known value on."""
    share = 1.0 - math.exp(-step / memory)
    out, state = np.empty(len(values)), math.nan
    for i, value in enumerate(values.tolist()):
        state = value if math.isnan(state) else state + share * (value - state)
        out[i] = state
    return out
