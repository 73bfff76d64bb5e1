"""Questions about a whole record: what was found last, and which records a file holds."""

from __future__ import annotations

import sqlite3

import numpy as np

from capmon.clock import rfc3339
from capmon.store import history_kept
from capmon.store.course import Kept, Record
from capmon.store.history_codec import Damaged
from capmon.store.history_rows import Rows
from capmon.store.history_tail import decode_rows

_TRIES = 60
"""Documents that are looked at for one that is whole."""


def finding(connection: sqlite3.Connection, rows: Rows, record: int, at: float) -> Kept | None:
    """The last document kept at or before a moment; one that is damaged is passed over."""
    query = (
        "SELECT at, body, base FROM kept WHERE record = ? AND at <= ?"
        " ORDER BY at DESC, id DESC LIMIT ?"
    )
    for when, body, base in connection.execute(query, (record, at, _TRIES)).fetchall():
        try:
            document = history_kept.document_of(_text(connection, body, base))
        except Damaged as error:
            rows.damaged(f"findings of {rfc3339(when, timespec='seconds')}", str(error))
            continue
        return Kept(when, document)
    return None


def _text(connection: sqlite3.Connection, body: bytes, base: int) -> bytes:
    """A document, from the whole one that its row leads back to."""
    bodies = [body]
    while base:
        found = connection.execute("SELECT body, base FROM kept WHERE id = ?", (base,)).fetchone()
        if found is None or len(bodies) > _TRIES:
            raise Damaged("what it is told apart from is gone")
        bodies.append(found[0])
        base = found[1]
    text = history_kept.decode(bodies.pop(), None)
    while bodies:
        text = history_kept.decode(bodies.pop(), text)
    return text


def records_of(connection: sqlite3.Connection) -> tuple[Record, ...]:
    """Records that have readings, by name."""
    query = (
        "SELECT r.id, r.name, min(s.first), max(s.last), count(*)"
        " FROM record r JOIN series s ON s.record = r.id GROUP BY r.id ORDER BY r.name"
    )
    found = []
    for number, name, first, last, count in connection.execute(query).fetchall():
        until = max(last, _last_of_tail(connection, number))
        found.append(Record(name, first / 1000.0, until / 1000.0, count))
    return tuple(found)


def _last_of_tail(connection: sqlite3.Connection, record: int) -> int:
    """Greatest time in the newest row of each source of a record, milliseconds."""
    rows = connection.execute(
        "SELECT id, body FROM tail WHERE id IN (SELECT max(id) FROM tail WHERE source IN"
        " (SELECT id FROM source WHERE record = ?) GROUP BY source, hour)",
        (record,),
    ).fetchall()
    times = decode_rows(rows, []).times
    return int(np.max(times)) if len(times) else -(2**62)


def is_kept(connection: sqlite3.Connection, row: int) -> bool:
    """Whether a row of findings is still there."""
    return connection.execute("SELECT 1 FROM kept WHERE id = ?", (row,)).fetchone() is not None
