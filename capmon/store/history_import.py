"""Readings from elsewhere put into a record, in place of what it held of their time."""

from __future__ import annotations

import itertools
import math
import sqlite3
from dataclasses import dataclass

import numpy as np

from capmon.model.metric import Summary
from capmon.store.course import HOUR, Summaries, Vec
from capmon.store.history_cells import between, joined, last_of_each, summarize, summary_of
from capmon.store.history_codec import Ints, encode_ints, encode_values, seal
from capmon.store.history_compact import (
    PUT_AXIS,
    PUT_CELLS,
    PUT_CHUNK,
    TIERS,
    drop_axis,
    replaced,
)
from capmon.store.history_rows import Rows, hour_of
from capmon.store.history_tail import Block, decode_rows, encode_row, merged

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Readings of one series, times rising strictly."""

    key: str
    """Key of the metric."""

    series: int
    """Id of the series."""

    source: int
    """Id of the source that its chunks are written under."""

    times: Ints
    """(n,) Unix times in milliseconds."""

    values: Vec
    """(n,) finite."""


def rising_readings(times: Vec, values: Vec) -> tuple[Ints, Vec]:
    """Finite readings in whole milliseconds; of those of one time the last stays."""
    good = np.isfinite(times) & np.isfinite(values) & (np.abs(times) < 1e12)
    whole = np.rint(times[good] * 1000.0).astype(np.int64)
    order = last_of_each(whole)
    return whole[order], values[good][order]


def put(
    connection: sqlite3.Connection,
    rows: Rows,
    record: int,
    piece: Piece,
    young: float,
    carry: Block,
) -> None:
    """Write a piece into every tier.

    Args:
        connection: In a transaction.
        rows: What it holds.
        record: Id of the record.
        piece: What is to be written.
        young: Unix time from which readings themselves are kept; infinite for none.
        carry: What the piece before brought of the hour that this one begins in.
    """
    how = summary_of(piece.key)
    exact = how is Summary.LAST
    begin, end = int(piece.times[0]), int(piece.times[-1])
    _cut_chunks(connection, rows, piece, exact=exact)
    _cut_tail(connection, record, piece)
    _put_chunks(connection, rows, piece, young, exact=exact)
    times, values = _with_edges(rows, record, piece, carry)
    seconds = times / 1000.0
    for step in TIERS:
        first, last = _floor(begin, step), _floor(end, step) + step
        cells = between(summarize(seconds, values, step, how), first, last)
        if step == HOUR:
            cells = _fuller(rows, piece.series, cells)
        put_cells = replaced(rows, piece.series, cells, first, last, exact=exact)
        connection.executemany(PUT_CELLS, put_cells)
    connection.execute(
        "UPDATE series SET first = min(first, ?), last = max(last, ?) WHERE id = ?",
        (begin, end, piece.series),
    )


def _floor(at: int, step: float) -> float:
    return math.floor(at / 1000.0 / step) * step


def _fuller(rows: Rows, series: int, hours: Summaries) -> Summaries:
    """The hours, at both ends those of the record where they rest on more readings.

    Of an hour whose readings are gone no percentile can be made again.
    """
    ends = sorted({float(hours.times[0]), float(hours.times[-1])})
    found = [rows.cells(series, HOUR, at, at + HOUR) for at in ends]
    kept = []
    for at, old in zip(ends, found, strict=True):
        new = between(hours, at, at + HOUR)
        if len(old.times) and old.count[0] > new.count[0]:
            kept.append(old)
    return joined([hours, *kept], HOUR)


def _with_edges(rows: Rows, record: int, piece: Piece, carry: Block) -> tuple[Ints, Vec]:
    """The piece with what else is known of the hours in which it begins and ends."""
    begin, end = int(piece.times[0]), int(piece.times[-1])
    parts = [carry.of(piece.series)]
    for hour in sorted({hour_of(begin / 1000), hour_of(end / 1000)}):
        parts += [(t, v) for _, t, v in rows.chunks(piece.series, hour, hour)]
        parts.append(rows.tail(record, hour, hour).of(piece.series))
    outside = [(t[keep], v[keep]) for t, v in parts for keep in [(t < begin) | (t > end)]]
    times = np.concatenate([*(t for t, _ in outside), piece.times])
    values = np.concatenate([*(v for _, v in outside), piece.values])
    order = last_of_each(times)
    return times[order], values[order]


def _cut_chunks(connection: sqlite3.Connection, rows: Rows, piece: Piece, *, exact: bool) -> None:
    """Take readings of the piece's time out of the chunks that are there."""
    begin, end = int(piece.times[0]), int(piece.times[-1])
    hours = hour_of(begin / 1000), hour_of(end / 1000)
    for axis, times, values in list(rows.chunks(piece.series, *hours)):
        keep = (times < begin) | (times > end)
        if keep.all():
            continue
        if not keep.any():
            connection.execute(
                "DELETE FROM chunk WHERE series = ? AND axis = ?", (piece.series, axis)
            )
            continue
        blob = connection.execute("SELECT body FROM axis WHERE id = ?", (axis,)).fetchone()[0]
        whole = rows.axis(axis, blob)
        column = np.full(len(whole), np.nan)
        column[np.searchsorted(whole, times[keep])] = values[keep]
        connection.execute(
            "UPDATE chunk SET body = ? WHERE series = ? AND axis = ?",
            (seal(encode_values(column, exact=exact)), piece.series, axis),
        )


def _cut_tail(connection: sqlite3.Connection, record: int, piece: Piece) -> None:
    """The same for readings that are no chunks yet."""
    begin, end = int(piece.times[0]), int(piece.times[-1])
    query = (
        "SELECT id, body FROM tail WHERE hour BETWEEN ? AND ?"
        " AND source IN (SELECT id FROM source WHERE record = ?)"
    )
    hours = hour_of(begin / 1000), hour_of(end / 1000)
    for row, blob in connection.execute(query, (*hours, record)).fetchall():
        block = decode_rows([(row, blob)], [])
        times, _ = block.of(piece.series)
        if not ((times >= begin) & (times <= end)).any():
            continue
        batches = []
        for i, at in enumerate(block.times.tolist()):
            batch = {s: float(c[i]) for s, c in block.columns.items() if np.isfinite(c[i])}
            if begin <= at <= end:
                batch.pop(piece.series, None)
            batches.append((at, batch))
        connection.execute("UPDATE tail SET body = ? WHERE id = ?", (encode_row(batches), row))


def _put_chunks(
    connection: sqlite3.Connection, rows: Rows, piece: Piece, young: float, *, exact: bool
) -> None:
    """Write the readings themselves, an hour a chunk, as far as they are young enough."""
    hours = piece.times // _HOUR_MS
    begins = np.concatenate(([0], np.flatnonzero(np.diff(hours)) + 1, [len(hours)]))
    for first, last in itertools.pairwise(begins.tolist()):
        hour = int(hours[first])
        if not (hour + 1) * HOUR > young:
            continue
        _, stored = rows.axis_block(piece.source, hour)
        new = Block(piece.times[first:last], {piece.series: piece.values[first:last]})
        block = merged(stored, new)
        drop_axis(connection, piece.source, hour)
        times, values = block.of(piece.series)
        axis = connection.execute(
            PUT_AXIS, (piece.source, hour, seal(encode_ints(times)))
        ).lastrowid
        blob = seal(encode_values(values, exact=exact))
        connection.execute(PUT_CHUNK, (piece.series, hour, axis, blob))
    rows.forget()
