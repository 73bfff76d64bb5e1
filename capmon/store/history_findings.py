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
        "SELECT k.at, k.body, k.base, b.body FROM kept k LEFT JOIN kept b ON b.id = k.base"
        " WHERE k.record = ? AND k.at <= ? ORDER BY k.at DESC, k.id DESC LIMIT ?"
    )
    for when, body, base, base_body in connection.execute(query, (record, at, _TRIES)):
        try:
            if base and base_body is None:
                raise Damaged("what it is told apart from is gone")
            whole = history_kept.decode(base_body, None) if base else None
            document = history_kept.document_of(history_kept.decode(body, whole))
        except Damaged as error:
            rows.damaged(f"findings of {rfc3339(when, timespec='seconds')}", str(error))
            continue
        return Kept(when, document)
    return None


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
