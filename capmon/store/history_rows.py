"""What stands in the rows of a history: readings and cells of a series, damaged ones skipped."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator

import numpy as np

from capmon.clock import rfc3339
from capmon.store.course import HOUR, Summaries, Vec
from capmon.store.history_cells import SPANS, between, decode_cells, decode_means, joined
from capmon.store.history_codec import Damaged, Ints, decode_ints, decode_values, unseal
from capmon.store.history_tail import Block, Tail

_MOST_NOTICES = 100


class Rows:
    """The rows of an open file. What cannot be read is left out, and said once in `notices`."""

    def __init__(self, connection: sqlite3.Connection, notices: list[str]) -> None:
        self._ask = connection.execute
        self._notices = notices
        self._axes: dict[int, Ints] = {}

    def forget(self) -> None:
        """Read times anew: their rows were changed."""
        self._axes.clear()

    def axis(self, row: int, blob: bytes) -> Ints:
        """(n,) times of an hour in milliseconds; series of one source ask for the same."""
        found = self._axes.get(row)
        if found is None:
            if len(self._axes) >= 64:
                self._axes.clear()
            found = self._axes[row] = decode_ints(unseal(blob))
        return found

    def chunks(self, series: int, first: int, last: int) -> Iterator[tuple[int, Ints, Vec]]:
        """Axis, times in milliseconds and values of each hour of a series, from one hour to another."""
        query = (
            "SELECT c.hour, a.id, a.body, c.body FROM chunk c JOIN axis a ON a.id = c.axis"
            " WHERE c.series = ? AND c.hour BETWEEN ? AND ? ORDER BY c.hour, c.axis"
        )
        for hour, axis, times_blob, blob in self._ask(query, (series, first, last)):
            try:
                times, values = self.axis(axis, times_blob), decode_values(unseal(blob))
                if len(times) != len(values):
                    raise Damaged("times and values of different number")
            except Damaged as error:
                self.damaged(f"readings of the hour from {_moment(hour * HOUR)}", str(error))
                continue
            present = np.isfinite(values)
            if present.all():
                yield axis, times, values
            else:
                yield axis, times[present], values[present]

    def axis_of(self, source: int, hour: int) -> int | None:
        """Row of the times of one hour of a source; None where there is none."""
        query = "SELECT id FROM axis WHERE source = ? AND hour = ?"
        found = self._ask(query, (source, hour)).fetchone()
        return None if found is None else found[0]

    def axis_block(self, source: int, hour: int) -> tuple[int | None, Block]:
        """All readings of one hour of a source that are chunks already, and their axis."""
        found = self._ask(
            "SELECT id, body FROM axis WHERE source = ? AND hour = ?", (source, hour)
        ).fetchone()
        empty = Block(np.empty(0, dtype=np.int64), {})
        if found is None:
            return None, empty
        columns: dict[int, Vec] = {}
        try:
            times = decode_ints(unseal(found[1]))
        except Damaged as error:
            self.damaged(f"times of the hour from {_moment(hour * HOUR)}", str(error))
            return found[0], empty
        for series, blob in self._ask("SELECT series, body FROM chunk WHERE axis = ?", found[:1]):
            try:
                values = decode_values(unseal(blob))
            except Damaged as error:
                self.damaged(f"readings of the hour from {_moment(hour * HOUR)}", str(error))
                continue
            if len(values) == len(times):
                columns[series] = values
        return found[0], Block(times, columns)

    def tail(self, record: int, first: int, last: int) -> Tail:
        """Readings of a record that are no chunks yet, from one hour to another."""
        query = (
            "SELECT id, body FROM tail WHERE hour BETWEEN ? AND ?"
            " AND source IN (SELECT id FROM source WHERE record = ?) ORDER BY id"
        )
        return self._decoded(self._ask(query, (first, last, record)))

    def tail_of(self, source: int, hour: int, upto: int) -> Block:
        """Readings of one hour of a source that are no chunks yet, up to one row."""
        query = "SELECT id, body FROM tail WHERE source = ? AND hour = ? AND id <= ? ORDER BY id"
        return self._decoded(self._ask(query, (source, hour, upto))).block()

    def _decoded(self, rows: Iterator[tuple[int, bytes]]) -> Tail:
        bad: list[int] = []
        found = Tail(rows, bad)
        for row in bad:
            self.damaged(f"row {row} of the latest readings", "the checksum does not fit")
        return found

    def cells(self, series: int, step: float, start: float, end: float) -> Summaries:
        """Stored cells that begin at or after `start` and before `end`."""
        parts = []
        for begun, blob in self._cells(series, step, start, end):
            try:
                parts.append(decode_cells(blob, step))
            except Damaged as error:
                self._bad_cells(begun, step, error)
        return between(joined(parts, step), start, end)

    def means(self, series: int, step: float, start: float, end: float) -> tuple[Vec, Vec, Vec]:
        """Times, means and counts of stored cells, without the other columns."""
        parts = []
        for begun, blob in self._cells(series, step, start, end):
            try:
                parts.append(decode_means(blob, step))
            except Damaged as error:
                self._bad_cells(begun, step, error)
        if not parts:
            return np.empty(0), np.empty(0), np.empty(0)
        times, mean, count = (np.concatenate(column) for column in zip(*parts, strict=True))
        first, last = np.searchsorted(times, [start, end])
        return times[first:last], mean[first:last], count[first:last]

    def span_of_cells(self, series: int, step: float) -> tuple[float, float] | None:
        """Begin of the first chunk of cells of a tier, and end of the last; None where there is none."""
        found = self._ask(
            "SELECT min(start), max(start) FROM cells WHERE series = ? AND step = ?",
            (series, int(step)),
        ).fetchone()
        return None if found[0] is None else (float(found[0]), found[1] + SPANS[step])

    def _cells(
        self, series: int, step: float, start: float, end: float
    ) -> Iterator[tuple[int, bytes]]:
        span = SPANS[step]
        if not start < end:
            return iter(())
        first = math.floor(max(start, -1e15) / span) * span
        query = (
            "SELECT start, body FROM cells WHERE series = ? AND step = ? AND start >= ?"
            " AND start < ? ORDER BY start"
        )
        rows: Iterator[tuple[int, bytes]] = self._ask(query, (series, int(step), first, end))
        return rows

    def _bad_cells(self, start: int, step: float, error: Damaged) -> None:
        what = "minutes" if step < HOUR else "hours"
        self.damaged(f"{what} from {_moment(start)}", str(error))

    def damaged(self, what: str, why: str) -> None:
        """Say that something cannot be read."""
        text = f"{what} cannot be read ({why}) and are left out"
        if text not in self._notices and len(self._notices) < _MOST_NOTICES:
            self._notices.append(text)


def hour_of(at: float) -> int:
    """The hour since 1970 that a time falls into, kept within what a file can hold."""
    return math.floor(min(max(at, -1e12), 1e12) / HOUR)


def _moment(at: float) -> str:
    try:
        return rfc3339(at, timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f} s"
