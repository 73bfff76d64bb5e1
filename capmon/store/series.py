"""Series in memory: raw readings for an hour, minutes for two days, aligned windows of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from capmon.errors import CapmonError
from capmon.model.frame import Trend
from capmon.model.metric import Summary, metric
from capmon.store.ring import Ring

Vec = NDArray[np.float64]
Mat = NDArray[np.float64]

RAW_SECONDS = 3600.0
MINUTES = 2880
MINUTE = 60.0
COVER = 1.5
"""A reading stands for the interval that it ended: cells up to this many intervals before it."""

SWEEP_SECONDS = 3600.0
"""Seconds between two looks for series that have gone silent for good."""

STEPS = (2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1440, 1800, 3600)
"""Seconds that one cell of a trend may span: those that divide an hour or a day evenly."""


class Series:
    """All that is kept of one metric."""

    __slots__ = (
        "_open_minute",
        "_open_values",
        "first",
        "interval",
        "last",
        "minutes",
        "raw",
        "summary",
    )

    def __init__(self, metric_key: str, interval: float) -> None:
        self.interval = interval
        self.summary = _summary_of(metric_key)
        self.raw = Ring(max(16, math.ceil(RAW_SECONDS / interval)))
        self.minutes = Ring(MINUTES)
        self.first = math.inf
        self.last = -math.inf
        self._open_minute = -1
        self._open_values: list[float] = []

    def append(self, at: float, value: float) -> None:
        """Add one finite reading."""
        minute = int(at // MINUTE)
        if at <= self.last:
            self._go_back(at, minute)
        elif minute != self._open_minute:
            self._close_minute()
            self._open_minute = minute
        # After a silence longer than the memory, or a clock that was far off, all is new.
        fresh = at < self.first or at - self.last > MINUTES * MINUTE
        self.first, self.last = at if fresh else self.first, at
        self.raw.append(at, value)
        self._open_values.append(value)

    def begin(self, raw: tuple[Vec, Vec], minutes: tuple[Vec, Vec]) -> None:
        """Hold what was recorded before, in place of what is held: see `Store.begin`."""
        times, values = raw
        starts, means = minutes
        ends = [float(t[-1]) for t in (times, starts + MINUTE) if len(t)]
        self.last = max(ends)
        self.first = min(float(t[0]) for t in (times, starts) if len(t))
        self._open_minute = int(self.last // MINUTE)
        closed = int(np.searchsorted(starts, self._open_minute * MINUTE))
        self.raw.fill(times, values)
        self.minutes.fill(starts[:closed] + MINUTE, means[:closed])
        self._open_values = values[times >= self._open_minute * MINUTE].tolist()

    def _go_back(self, at: float, minute: int) -> None:
        """Forget what the clock, set back, says is yet to come."""
        self.raw.truncate(at)
        self.minutes.truncate(minute * MINUTE + 1)
        of_minute = int(np.searchsorted(self.raw.times(), minute * MINUTE))
        self._open_minute, self._open_values = minute, self.raw.values()[of_minute:].tolist()

    def _close_minute(self) -> None:
        if self._open_values:
            value = _summarize(np.asarray(self._open_values), self.summary)
            # A minute tier cell stands for the whole minute, so it carries its end.
            self.minutes.append((self._open_minute + 1) * MINUTE, value)
            self._open_values = []

    def cells(self, start: float, step: float, n: int) -> Vec:
        """(n,) values of the cells [start + i·step, start + (i+1)·step); NaN where unmeasured."""
        out = _resample(self.raw, start, step, n, self.interval, self.summary)
        if step < MINUTE or not len(self.raw) or not len(self.minutes):
            return out
        # Cells that begin before the oldest raw reading are the minutes' business.
        old = min(n, math.ceil((float(self.raw.times()[0]) - start) / step))
        if old > 0:
            minutes = _resample(self.minutes, start, step, old, MINUTE, self.summary)
            known = np.isfinite(minutes)
            out[:old][known] = minutes[known]
        return out

    def awaits(self, last: int, step: float, end: float) -> bool:
        """Whether nothing is missing yet in the cell before `last` * step: a reading may come."""
        begun = (last - 1) * step
        return begun + min(step, self.interval) / 2 + COVER * self.interval > end


class Store:
    """The samples of all metrics. One thread writes and reads it."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}
        self._swept = -math.inf

    def write(self, values: Mapping[str, float], at: float, interval: float) -> None:
        """Add the readings of one batch.

        Args:
            values: Finite values by metric key; others are left out as gaps.
            at: Unix time of the readings.
            interval: Seconds between two readings of this source.
        """
        for metric_key, value in values.items():
            if not math.isfinite(value):
                continue
            series = self._series.get(metric_key)
            if series is None:
                series = self._series[metric_key] = Series(metric_key, interval)
            series.append(at, value)
        if not 0 <= at - self._swept < SWEEP_SECONDS:
            self._swept = at
            self._sweep(at)

    def begin(
        self,
        metric_key: str,
        interval: float,
        raw: tuple[Vec, Vec],
        minutes: tuple[Vec, Vec],
    ) -> None:
        """Let a series begin with what was recorded before; nothing happens where there is none.

        Args:
            metric_key: Which series.
            interval: Seconds between two of its readings.
            raw: Times, rising, and values of readings.
            minutes: Unix times at which minutes begin, rising, and what stands for each.
        """
        if len(raw[0]) or len(minutes[0]):
            series = self._series[metric_key] = Series(metric_key, interval)
            series.begin(raw, minutes)

    def _sweep(self, at: float) -> None:
        """Drop series of which nothing is in any window: file systems and devices come and go."""
        oldest = at - MINUTES * MINUTE
        self._series = {k: s for k, s in self._series.items() if s.last >= oldest}

    def keys(self) -> Iterable[str]:
        """Metric keys that have readings."""
        return self._series.keys()

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> Mat:
        """Values of several series on one grid of complete cells.

        Args:
            keys: k metric keys; an unknown one gives a row of NaN.
            end: Unix time; the last cell is the last complete one at or before it.
            seconds: Length of history wanted; n = ceil(seconds / step) cells.
            step: Seconds a cell.

        Returns:
            (k, n), oldest first, NaN where nothing was measured.
        """
        n = max(1, math.ceil(seconds / step))
        start = (math.floor(end / step) - n) * step
        out = np.full((len(keys), n), np.nan)
        for row, metric_key in enumerate(keys):
            series = self._series.get(metric_key)
            if series is not None:
                out[row] = series.cells(start, step, n)
        return out

    def age(self, metric_key: str, end: float) -> float:
        """Seconds between the first reading of a series and `end`; 0 when there is none."""
        series = self._series.get(metric_key)
        return 0.0 if series is None else max(0.0, end - series.first)

    def trend(self, metric_key: str, end: float, seconds: float, cells: int) -> Trend | None:
        """The recent course of one metric, the running cell included.

        While the history is younger than the window, cells are shorter, so that a young screen
        is not an empty one.

        Args:
            metric_key: Which series.
            end: Unix time.
            seconds: Window wanted.
            cells: At most this many cells.
        """
        series = self._series.get(metric_key)
        if series is None:
            return None
        wanted = min(seconds, max(end - series.first, series.interval))
        step = _step_for(wanted / cells, series.interval)
        last = math.floor(end / step) + 1
        n = min(cells, last - math.floor((end - wanted) / step))
        values = series.cells((last - n) * step, step, n)
        while len(values) > 1 and math.isnan(values[-1]) and series.awaits(last, step, end):
            last, values = last - 1, values[:-1]
        return Trend(end=last * step, step=step, values=tuple(values.tolist()))


def _step_for(least: float, interval: float) -> float:
    for step in STEPS:
        if step >= least and step >= interval * 0.999:
            return float(step)
    return float(math.ceil(least / 3600) * 3600)


def _summary_of(metric_key: str) -> Summary:
    try:
        return metric(metric_key).summary
    except CapmonError:
        return Summary.MEAN


def _summarize(values: Vec, summary: Summary) -> float:
    match summary:
        case Summary.LAST:
            return float(values[-1])
        case Summary.MEDIAN:
            return float(np.median(values))
        case _:
            return float(np.mean(values))


def _resample(
    ring: Ring, start: float, step: float, n: int, interval: float, summary: Summary
) -> Vec:
    times = ring.times()
    # A minute's value carries the end of its minute and belongs to the cell before that instant.
    closed = interval == MINUTE and step >= MINUTE
    side: Literal["left", "right"] = "right" if closed else "left"
    first, last = (int(np.searchsorted(times, at, side=side)) for at in (start, start + n * step))
    out = np.full(n, np.nan)
    if first == last:
        if not closed:
            _cover(out, ring, start, step, interval)
        return out
    t, v = times[first:last], ring.values()[first:last]
    position = (t - start) / step
    cell = (np.ceil(position) - 1 if closed else np.floor(position)).astype(np.intp)
    np.clip(cell, 0, n - 1, out=cell)
    match summary:
        case Summary.LAST:
            out[cell] = v
        case Summary.MEDIAN:
            _median_by_cell(out, cell, v)
        case _:
            count = np.bincount(cell, minlength=n)
            seen = count > 0
            out[seen] = np.bincount(cell, weights=v, minlength=n)[seen] / count[seen]
    if not closed:
        _cover(out, ring, start, step, interval)
    return out


def _median_by_cell(out: Vec, cell: NDArray[np.intp], values: Vec) -> None:
    """Write the median of the values of each cell; `cell` rises."""
    ordered = values[np.lexsort((values, cell))]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    counts = np.diff(np.concatenate((starts, [len(cell)])))
    lower, upper = ordered[starts + (counts - 1) // 2], ordered[starts + counts // 2]
    # Halves are added, not sums halved: two values near the greatest float have no sum.
    out[cell[starts]] = lower / 2 + upper / 2


def _cover(out: Vec, ring: Ring, start: float, step: float, interval: float) -> None:
    """Fill cells without a reading of their own from the reading that ended their interval."""
    if step > COVER * interval:
        return
    empty = np.flatnonzero(np.isnan(out))
    times = ring.times()
    if not len(empty) or not len(times):
        return
    centre = start + (empty + 0.5) * step
    at = np.searchsorted(times, centre, side="left")
    known = at < len(times)
    empty, centre, at = empty[known], centre[known], at[known]
    near = times[at] - centre <= COVER * interval
    out[empty[near]] = ring.values()[at[near]]
