"""A series by hours of local days: a table of days by hours, summer time seen to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat, Vec

HOUR = 3600.0
DAY = 86400.0
QUARTER = 900.0
"""Seconds of which every offset from UTC in use is a multiple."""

_MONDAY = 3
_PROBE = DAY / 2


@dataclass(frozen=True, slots=True)
class Quarters:
    """A series in slots of a quarter of an hour, or of its own step where that is longer."""

    since: float
    """Unix time of the first slot's beginning, a multiple of `width`."""

    width: float
    """Seconds a slot."""

    count: Vec
    """(m,) values known in each slot."""

    total: Vec
    """(m,) their sums, over `scale`."""

    peak: Vec
    """(m,) the greatest of them, over `scale`; minus infinity where there is none."""

    scale: float
    """What one unit is worth."""

    @classmethod
    def of(cls, since: float, step: float, values: Vec) -> Quarters:
        """Thin a series on an even grid; gaps at its ends are left out.

        Args:
            since: Unix time of the first cell's beginning.
            step: Seconds a cell.
            values: (n,) with at least one finite.
        """
        known = np.isfinite(values)
        first, last = np.flatnonzero(known)[[0, -1]]
        values, known = values[first : last + 1], known[first : last + 1]
        since += float(first) * step
        # A power of two costs no digit.
        scale = 2.0 ** max(math.frexp(float(np.abs(values[known]).max()))[1] - 1, -1000)
        filled = np.where(known, values, 0.0) / scale
        high = np.where(known, filled, -math.inf)
        if step >= QUARTER * (1 - 1e-9):
            return cls(since, step, known.astype(np.float64), filled, high, scale)
        place = np.floor((since + step * np.arange(len(values))) / QUARTER + 1e-9)
        starts = np.flatnonzero(np.diff(place, prepend=place[0] - 1) > 0)
        slots = (place[starts] - place[0]).astype(np.intp)
        size = int(slots[-1]) + 1
        count, total, peak = np.zeros(size), np.zeros(size), np.full(size, -math.inf)
        count[slots] = np.add.reduceat(known, starts, dtype=np.float64)
        total[slots] = np.add.reduceat(filled, starts)
        peak[slots] = np.maximum.reduceat(high, starts)
        return cls(float(place[0]) * QUARTER, QUARTER, count, total, peak, scale)

    def hourly_means(self) -> Vec:
        """(h,) means of hours of UTC, or of slots where those are longer; NaN for gaps."""
        place = self._utc_hours()
        return _means(place, self.count, self.total, int(place[-1]) + 1) * self.scale

    def hourly_peaks(self) -> Vec:
        """(h,) greatest values of hours of UTC, or of slots where those are longer; NaN for gaps."""
        place = self._utc_hours()
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        found = np.full(int(place[-1]) + 1, math.nan)
        found[place[starts]] = np.maximum.reduceat(self.peak, starts)
        return np.where(np.isfinite(found), found, math.nan) * self.scale

    def _utc_hours(self) -> NDArray[np.intp]:
        if self.width >= HOUR * (1 - 1e-9):
            return np.arange(len(self.count), dtype=np.intp)
        at = self.since + self.width * np.arange(len(self.count))
        hours = np.floor(at / HOUR + 1e-9).astype(np.intp)
        return np.asarray(hours - hours[0], dtype=np.intp)


def _means(place: NDArray[np.intp], count: Vec, total: Vec, size: int) -> Vec:
    """(size,) means of what falls on each place, NaN where nothing does."""
    number = np.bincount(place, weights=count, minlength=size).astype(np.float64)
    whole = np.bincount(place, weights=total, minlength=size).astype(np.float64)
    return np.where(number > 0, whole / np.maximum(number, 1), math.nan)


def by_local_hour(series: Quarters, time_zone: str) -> Mat:
    """Means by local day and hour.

    An hour that a change of the clock skips is NaN; one that it repeats holds both.

    Args:
        series: What to arrange.
        time_zone: Name of the zone: `UTC`, `Europe/Berlin`.

    Returns:
        (7·w, 24) means, Monday first, NaN where nothing is known.

    Raises:
        ValueError: The time zone is not known.
    """
    place, days = _places(time_zone, series.since, series.width, len(series.count))
    size = 24 * 7 * math.ceil(days / 7)
    means = _means(place, series.count, series.total, size)
    return (means * series.scale).reshape(-1, 24)


@lru_cache(maxsize=8)
def _places(time_zone: str, since: float, width: float, n: int) -> tuple[NDArray[np.intp], int]:
    """Hour since the Monday before, of each slot, and days from that Monday to the last."""
    # A slot belongs to the hour of its middle; one that is halved goes to the earlier.
    middle = since + width * (np.arange(n, dtype=np.float64) + 0.5) - 1e-3
    local = middle + utc_offsets(time_zone, middle)
    first = math.floor(float(local.min()) / DAY)
    early = (first + _MONDAY) % 7
    hours = np.floor(local / HOUR).astype(np.intp) - 24 * (first - early)
    return np.asarray(hours, dtype=np.intp), int(hours.max()) // 24 + 1


def zone(name: str) -> tzinfo:
    """A time zone by its name.

    Raises:
        ValueError: It is not known.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known") from error


def utc_offsets(time_zone: str, at: Vec) -> Vec:
    """Seconds that local clocks are ahead of UTC.

    Args:
        time_zone: Name of the zone.
        at: (n,) ascending Unix times.

    Raises:
        ValueError: The time zone is not known.
    """
    where = zone(time_zone)
    begin, end = float(at[0]), float(at[-1])
    changes, offsets = [-math.inf], [_offset(where, begin)]
    before = begin
    while before < end:
        after = min(before + _PROBE, end)
        if _offset(where, after) != offsets[-1]:
            changes.append(_change(where, before, after))
            offsets.append(_offset(where, after))
        before = after
    return np.array(offsets)[np.searchsorted(changes, at, "right") - 1]


def _offset(where: tzinfo, at: float) -> float:
    found = datetime.fromtimestamp(at, where).utcoffset()
    return found.total_seconds() if found is not None else 0.0


def _change(where: tzinfo, before: float, after: float) -> float:
    """Unix time, to the second, at which the offset changes between two times."""
    old = _offset(where, before)
    while after - before > 0.5:
        middle = (before + after) / 2
        if _offset(where, middle) == old:
            before = middle
        else:
            after = middle
    return round(after)
