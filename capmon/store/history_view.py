"""One record as it stands between two writes: stored chunks and the tail as one course."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

import numpy as np

from capmon.store.course import HOUR, MINUTE, Course, Summaries, Vec
from capmon.store.history_cells import (
    between,
    fuller,
    joined,
    last_of_each,
    none,
    summarize,
    summary_of,
)
from capmon.store.history_codec import Ints
from capmon.store.history_hours import hour_cell
from capmon.store.history_rows import Rows, hour_of
from capmon.store.history_tail import Tail

_FRESH = 2 * MINUTE
"""A reading that is no older than this is the latest, whatever minutes there are."""

_EVER = 2**40
"""Hours beyond any."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One series."""

    key: str
    """Key of the metric."""

    id: int
    """Its id in the file."""

    interval: float
    """Seconds between two readings."""

    first: float
    """Unix time of the first reading."""

    last: float
    """Unix time of the last reading that is a chunk or a cell."""


class View:
    """Answers from one state of the file; what several answers need is read once."""

    def __init__(
        self, connection: sqlite3.Connection, rows: Rows, record: int, version: int
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.record = record
        self.version = version
        """`PRAGMA data_version`: it changes with the file."""
        self._series: dict[str, Seen] | None = None
        self._tail: Tail | None = None
        self._recent: dict[int, tuple[Ints, Vec]] = {}
        self._live: dict[tuple[int, float], tuple[Ints, Summaries]] = {}

    def series(self) -> dict[str, Seen]:
        """Every series of the record by key."""
        if self._series is None:
            query = "SELECT key, id, interval, first, last FROM series WHERE record = ?"
            found = self.connection.execute(query, (self.record,))
            self._series = {
                key: Seen(key, number, interval, first / 1000.0, last / 1000.0)
                for key, number, interval, first, last in found
            }
        return self._series

    def span(self, series: Seen) -> tuple[float, float]:
        """First and last reading."""
        times, _ = self._latest_of(series)
        if not len(times):
            return series.first, series.last
        # A clock that was ahead may have begun the series later than what it wrote since.
        first, last = float(times[0]) / 1000.0, float(times[-1]) / 1000.0
        return min(series.first, first), max(series.last, last)

    def raw(self, series: Seen, start: float, end: float) -> Course:
        """Readings from `start` to `end`, both included."""
        first, last = hour_of(start), hour_of(end)
        times, values = self._of_hours(series, first, last)
        seconds = times / 1000.0
        begin, stop = (
            int(np.searchsorted(seconds, start)),
            int(np.searchsorted(seconds, end, side="right")),
        )
        return Course(seconds[begin:stop], values[begin:stop])

    def cells(self, series: Seen | None, step: float, start: float, end: float) -> Summaries:
        """Minutes or hours that begin at or after `start` and before `end`."""
        if series is None:
            return none(step)
        stored = self.rows.cells(series.id, step, start, end)
        _, live = self._running(series, step)
        return between(fuller([stored, live], step), start, end)

    def means(self, series: Seen, step: float, start: float, end: float) -> tuple[Vec, Vec, Vec]:
        """Times, means and counts of the same cells."""
        times, mean, count = self.rows.means(series.id, step, start, end)
        _, live = self._running(series, step)
        live = between(live, start, end)
        if not len(live.times):
            return times, mean, count
        times = np.concatenate((times, live.times))
        mean, count = np.concatenate((mean, live.mean)), np.concatenate((count, live.count))
        rising = np.argsort(count, kind="stable")
        order = rising[last_of_each(times[rising])]
        return times[order], mean[order], count[order]

    def readings_begin(self, series: Seen) -> float:
        """Unix time from which readings themselves are kept; infinite where none are."""
        query = "SELECT min(hour) FROM chunk WHERE series = ?"
        found = self.connection.execute(query, (series.id,)).fetchone()[0]
        times, _ = self._latest_of(series)
        begins = [float(times[0]) / 1000.0] if len(times) else []
        if found is not None:
            begins.append(found * HOUR)
        return min(begins, default=math.inf)

    def cells_begin(self, series: Seen, step: float) -> float:
        """The same of minutes or hours."""
        found = self.rows.span_of_cells(series.id, step)
        _, live = self._running(series, step)
        begins = [float(live.times[0])] if len(live.times) else []
        if found is not None:
            begins.append(found[0])
        return min(begins, default=math.inf)

    def latest(self, series: Seen, at: float) -> tuple[float, float] | None:
        """Time and value of the last reading, or end of a cell, at or before a moment."""
        found = self._latest_reading(series, at)
        if found is not None and at - found[0] <= _FRESH:
            return found
        for step in (MINUTE, HOUR):
            cell = self._latest_cell(series, step, at)
            # A cell that holds what was found already says nothing later.
            if cell is not None and (found is None or cell[0] - step >= found[0]):
                found = cell
        return found

    def _latest_reading(self, series: Seen, at: float) -> tuple[float, float] | None:
        hour = hour_of(at)
        query = "SELECT max(hour) FROM chunk WHERE series = ? AND hour <= ?"
        tail_times, _ = self._latest_of(series)
        hours = {int(h) for h in np.unique(tail_times // 3_600_000) if h <= hour}
        for _ in range(8):
            stored = self.connection.execute(query, (series.id, hour)).fetchone()[0]
            candidates = [h for h in hours if h <= hour] + ([stored] if stored is not None else [])
            if not candidates:
                return None
            hour = max(candidates)
            course = self.raw(series, hour * HOUR, min(at, (hour + 1) * HOUR - 0.001))
            if len(course.times):
                return float(course.times[-1]), float(course.values[-1])
            hour -= 1
        return None

    def _latest_cell(self, series: Seen, step: float, at: float) -> tuple[float, float] | None:
        query = "SELECT max(start) FROM cells WHERE series = ? AND step = ? AND start + ? <= ?"
        row = (series.id, int(step), int(step), at)
        start = self.connection.execute(query, row).fetchone()[0]
        _, live = self._running(series, step)
        begins = live.times[live.times + step <= at]
        first = min([s for s in (start, begins[0] if len(begins) else None) if s is not None], default=None)  # fmt: skip
        if first is None:
            return None
        times, mean, _ = self.means(series, step, float(first), at)
        over = int(np.searchsorted(times, at - step, side="right"))
        return (float(times[over - 1]) + step, float(mean[over - 1])) if over else None

    def _of_hours(self, series: Seen, first: int, last: int) -> tuple[Ints, Vec]:
        """Times in milliseconds and values of some hours, chunks and tail, rising."""
        parts = [(t, v) for _, t, v in self.rows.chunks(series.id, first, last)]
        times, values = self._latest_of(series)
        if len(times):
            inside = (times >= first * 3_600_000) & (times < (last + 1) * 3_600_000)
            parts.append((times[inside], values[inside]))
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0)
        times = np.concatenate([t for t, _ in parts])
        values = np.concatenate([v for _, v in parts])
        if not (np.diff(times) > 0).all():
            order = last_of_each(times)
            times, values = times[order], values[order]
        return times, values

    def _latest_of(self, series: Seen) -> tuple[Ints, Vec]:
        """Readings of a series that are no chunks yet."""
        if self._tail is None:
            self._tail = self.rows.tail(self.record, -_EVER, _EVER)
        found = self._recent.get(series.id)
        if found is None:
            found = self._recent[series.id] = self._tail.of(series.id)
        return found

    def _running(self, series: Seen, step: float) -> tuple[Ints, Summaries]:
        """Hours that have a tail, and their cells, made of all readings of theirs."""
        found = self._live.get((series.id, step))
        if found is None:
            tail, _ = self._latest_of(series)
            hours = np.unique(tail // 3_600_000)
            parts = []
            for hour in hours.tolist():
                times, values = self._of_hours(series, hour, hour)
                how = summary_of(series.key)
                if step == HOUR:
                    parts.append(hour_cell(self.rows, series.id, hour, times / 1000.0, values, how))
                else:
                    parts.append(summarize(times / 1000.0, values, step, how))
            found = self._live[series.id, step] = hours, joined(parts, step)
        return found
