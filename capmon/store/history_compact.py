"""An hour that is over: its tail becomes chunks, and its minutes and hour are added up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from capmon.model.metric import Summary
from capmon.store.course import HOUR, MINUTE, Summaries, Vec
from capmon.store.history_cells import (
    SPANS,
    encode_cells,
    fuller,
    joined,
    last_of_each,
    outside,
    summarize,
    summary_of,
    taken,
)
from capmon.store.history_codec import Ints, encode_ints, encode_values, seal
from capmon.store.history_hours import hour_cell
from capmon.store.history_rows import Rows
from capmon.store.history_tail import Block, merged

TIERS = (MINUTE, HOUR)
"""Seconds of a cell of each tier."""

_GRACE = 10.0
"""Seconds after the end of an hour at which nothing of it is awaited any more."""

PUT_CELLS = (
    "INSERT INTO cells(series, step, start, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT(series, step, start) DO UPDATE SET body = excluded.body"
)
PUT_AXIS = "INSERT INTO axis(source, hour, body) VALUES (?, ?, ?)"
PUT_CHUNK = "INSERT INTO chunk(series, hour, axis, body) VALUES (?, ?, ?, ?)"


@dataclass(slots=True)
class Compaction:
    """An hour of one source on its way into chunks: made a series at a time, written in one change."""

    source: int
    hour: int
    upto: int
    """The last row of the tail that is in it."""

    times: bytes = b""
    values: list[tuple[int, bytes]] = field(default_factory=list)
    cells: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    ends: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Times of the first and the last reading of each series, milliseconds."""

    def steps(self, connection: sqlite3.Connection, rows: Rows) -> Iterator[None]:
        """Make everything that is to be written, in steps of a few milliseconds."""
        _, stored = rows.axis_block(self.source, self.hour)
        yield
        block = merged(stored, rows.tail_of(self.source, self.hour, self.upto))
        self.times = seal(encode_ints(block.times))
        for series in sorted(block.columns):
            yield
            self._series(connection, rows, block, series)

    def _series(
        self, connection: sqlite3.Connection, rows: Rows, block: Block, series: int
    ) -> None:
        found = connection.execute("SELECT key FROM series WHERE id = ?", (series,)).fetchone()
        times, values = block.of(series)
        if found is None or not len(times):
            return
        how = summary_of(found[0])
        exact = how is Summary.LAST
        self.values.append((series, seal(encode_values(block.columns[series], exact=exact))))
        self.ends[series] = int(times[0]), int(times[-1])
        times, values = with_others(rows, self.source, self.hour, series, times, values)
        self.cells += cells_of_hour(rows, series, self.hour, times, values, how)

    def write(self, connection: sqlite3.Connection) -> None:
        """Put it into the file and take the tail out, as one change or not at all."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            drop_axis(connection, self.source, self.hour)
            if self.values:
                axis = connection.execute(PUT_AXIS, (self.source, self.hour, self.times)).lastrowid
                rows = [(series, self.hour, axis, blob) for series, blob in self.values]
                connection.executemany(PUT_CHUNK, rows)
                connection.executemany(PUT_CELLS, self.cells)
                connection.executemany(
                    "UPDATE series SET first = min(first, ?), last = max(last, ?) WHERE id = ?",
                    [(*ends, series) for series, ends in self.ends.items()],
                )
            connection.execute(
                "DELETE FROM tail WHERE source = ? AND hour = ? AND id <= ?",
                (self.source, self.hour, self.upto),
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def due(connection: sqlite3.Connection, record: int, now: float) -> Compaction | None:
    """The oldest hour of a record that is over and still has a tail; None where there is none."""
    # An hour that a clock set wrong says is yet to come waits until it is over.
    latest = int((now - _GRACE) // HOUR) - 1
    found = connection.execute(
        "SELECT source, hour, max(id) FROM tail WHERE hour <= ?"
        " AND source IN (SELECT id FROM source WHERE record = ?)"
        " GROUP BY source, hour ORDER BY hour LIMIT 1",
        (latest, record),
    ).fetchone()
    return None if found is None else Compaction(*found)


def drop_axis(connection: sqlite3.Connection, source: int, hour: int) -> None:
    """Take the chunks of one hour of a source out."""
    found = connection.execute(
        "SELECT id FROM axis WHERE source = ? AND hour = ?", (source, hour)
    ).fetchone()
    if found is not None:
        connection.execute("DELETE FROM chunk WHERE axis = ?", found)
        connection.execute("DELETE FROM axis WHERE id = ?", found)


def with_others(
    rows: Rows, source: int, hour: int, series: int, times: Ints, values: Vec
) -> tuple[Ints, Vec]:
    """Readings of a series in one hour, joined with those that other sources brought."""
    own = rows.axis_of(source, hour)
    others = [c[1:] for c in rows.chunks(series, hour, hour) if c[0] != own]
    if not others:
        return times, values
    every = np.concatenate([*(t for t, _ in others), times])
    of_all = np.concatenate([*(v for _, v in others), values])
    order = last_of_each(every)
    return every[order], of_all[order]


def cells_of_hour(
    rows: Rows, series: int, hour: int, times: Ints, values: Vec, how: Summary
) -> list[tuple[int, int, int, bytes]]:
    """Rows of both tiers with one hour made anew from its readings.

    Minutes without a reading here came from elsewhere, or their readings are gone: they stay.
    """
    start, end = hour * HOUR, (hour + 1) * HOUR
    exact = how is Summary.LAST
    minutes = summarize(times / 1000.0, values, MINUTE, how)
    whole = hour_cell(rows, series, hour, times / 1000.0, values, how)
    return [
        *replaced(rows, series, minutes, start, end, exact=exact, cut=False),
        *replaced(rows, series, whole, start, end, exact=exact),
    ]


def replaced(
    rows: Rows,
    series: int,
    new: Summaries,
    start: float,
    end: float,
    *,
    exact: bool,
    cut: bool = True,
) -> list[tuple[int, int, int, bytes]]:
    """Rows of cells with new ones in them.

    Those that were there from `start` to `end` are cut, or the fuller of two stays.
    """
    step = new.step
    span = SPANS[step]
    found = []
    first = int(start // span * span)
    for begin in range(first, int(np.ceil(end)), int(span)):
        old = rows.cells(series, step, begin, begin + span)
        old = outside(old, start, end) if cut else old
        inside = (new.times >= begin) & (new.times < begin + span)
        part = (joined if cut else fuller)([old, taken(new, inside)], step)
        if len(part.times):
            found.append((series, int(step), begin, encode_cells(part, exact=exact)))
    return found
