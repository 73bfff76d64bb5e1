"""How often to look at a load, from how fast it can grow through the room that is left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.units import percent, span

ROOM = 0.25
"""Growth that the room above the load carries: what 80 % utilization leaves."""

LEAD = 300.0
"""Seconds until a new replica serves."""

_FASTEST = 0.999
_WEEK = 7 * 86400.0
_FARTHEST = 6 * 3600.0
_LEAST_STEP = 60.0
_SHORTEST = 10.0
_LONGEST = 86400.0
_LEAST_POINTS = 30


@dataclass(frozen=True, slots=True)
class Watch:
    """How often to look at a load."""

    every: float | None
    """Seconds between two looks; None where it cannot be told."""

    reason: str
    """Why."""

    outruns: bool = False
    """Whether the load can grow through its room before new capacity serves."""


def watch(step: float, values: Vec, *, room: float = ROOM, lead: float = LEAD) -> Watch:
    """How often to look at a load so that there is time left to act.

    The load's growth over ever longer spans of the last week is taken at its fastest, the one in
    a thousand, against the greater of the load before and the mean. The span in which it grows
    through the room is the time there is; what is left of it after the lead allows two looks.

    Args:
        step: Seconds a cell.
        values: (n,) load, NaN for gaps.
        room: Growth that what is there carries.
        lead: Seconds that new capacity takes.
    """
    y, step = _cells(values, step)
    if int(np.count_nonzero(np.isfinite(y))) < _LEAST_POINTS:
        return Watch(None, "too few values to tell how fast the load moves")
    mean = float(np.nanmean(y))
    if not mean > 0:
        return Watch(_LONGEST, "no load in the last week")
    seconds, grown = _time_to_grow(y, step, mean, room)
    if grown <= 0:
        return Watch(_LONGEST, "the load never rises")
    most = "" if grown >= room else "at most "
    found = f"load grows {most}{percent(grown)} % in {span(seconds)}"
    reach = min(seconds * room / grown, 4 * _LONGEST)
    if reach <= lead:
        text = f"{found}: faster than new capacity comes, so only room helps"
        return Watch(_SHORTEST, text, outruns=True)
    every = min(max((reach - lead) / 2, _SHORTEST), _LONGEST)
    return Watch(every, f"{found}, room is {percent(room)} %")


def _cells(values: Vec, step: float) -> tuple[Vec, float]:
    """The last week, in cells of a minute at least, over its greatest value."""
    y = values[-max(1, math.ceil(_WEEK / step)) :]
    known = y[np.isfinite(y)]
    scale = float(np.abs(known).max()) if len(known) else 0.0
    y = np.where(np.isfinite(y), y, math.nan) / (scale if scale > 0 else 1.0)
    width = max(1, round(_LEAST_STEP / step))
    if width == 1:
        return y, step
    table = y[len(y) % width :].reshape(-1, width)
    held = np.isfinite(table)
    count = held.sum(axis=1)
    total = np.where(held, table, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), math.nan), width * step


def _time_to_grow(y: Vec, step: float, mean: float, room: float) -> tuple[float, float]:
    """The least span looked at in which the load grows through the room, and by how much it does.

    Where it never does, the longest span and its most in any.
    """
    width, seconds, grown = 1, step, 0.0
    while width < len(y) and width * step <= max(_FARTHEST, step) and grown < room:
        before, after = y[:-width], y[width:]
        rise = (after - before) / np.maximum(before, mean)
        rise = rise[np.isfinite(rise)]
        if len(rise):
            seconds = width * step
            grown = max(grown, float(np.quantile(rise, _FASTEST)))
        width *= 2
    return seconds, grown
