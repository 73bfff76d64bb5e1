"""What is let go: by age, counted from a record's newest reading, and by the size of the file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from capmon.store.course import HOUR, MINUTE
from capmon.store.history_cells import SPANS

_AXES_AT_ONCE = 6
"""Hours of readings that go in one change, so that none takes long."""

_PAGES_AT_ONCE = 4000
_LOW = 0.95
"""Share of the greatest size down to which a file that reached it is emptied."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each tier is kept, counted from the newest reading of its record."""

    raw: float
    """Seconds of readings."""

    minutes: float
    """Seconds of minutes, and of what was found."""

    hours: float
    """Seconds of hours, and of events."""

    max_size: int
    """Bytes that the file may take."""


def by_age(
    connection: sqlite3.Connection, record: int, newest: float, retention: Retention
) -> bool:
    """Drop what is too old in one record; True where some of it is left for the next time."""
    sources = "SELECT id FROM source WHERE record = ?"
    series = "SELECT id FROM series WHERE record = ?"
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        last = int((newest - retention.raw) // HOUR) - 1
        old = connection.execute(
            f"SELECT id FROM axis WHERE hour <= ? AND source IN ({sources}) ORDER BY hour LIMIT ?",  # noqa: S608 - no text from outside
            (last, record, _AXES_AT_ONCE),
        ).fetchall()
        _drop_axes(connection, old)
        for step, age in ((MINUTE, retention.minutes), (HOUR, retention.hours)):
            connection.execute(
                f"DELETE FROM cells WHERE step = ? AND start <= ? AND series IN ({series})",  # noqa: S608
                (int(step), newest - age - SPANS[step], record),
            )
        longest = max(retention.raw, retention.minutes, retention.hours)
        connection.execute(
            "UPDATE series SET first = ? WHERE record = ? AND first < ?",
            (limit := int((newest - longest) * 1000), record, limit),
        )
        # An id may be given anew: nothing of the series that had it may be left.
        gone = connection.execute(
            "SELECT id FROM series WHERE record = ? AND last < first", (record,)
        ).fetchall()
        for table, column in (("chunk", "series"), ("cells", "series"), ("series", "id")):
            connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
        connection.execute(
            "DELETE FROM event WHERE record = ? AND at < ?", (record, newest - retention.hours)
        )
        _drop_kept(connection, record, newest - max(retention.raw, retention.minutes))
        connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
    return len(old) == _AXES_AT_ONCE


def _drop_kept(connection: sqlite3.Connection, record: int, before: float) -> None:
    """Drop old findings; those that younger ones lead back to stay."""
    first = connection.execute(
        "SELECT min(id) FROM kept WHERE record = ? AND at >= ?", (record, before)
    ).fetchone()[0]
    whole = None
    if first is not None:
        whole = connection.execute(
            "SELECT max(id) FROM kept WHERE record = ? AND base = 0 AND id <= ?", (record, first)
        ).fetchone()[0]
    connection.execute(
        "DELETE FROM kept WHERE record = ? AND at < ? AND id < ?",
        (record, before, 2**62 if whole is None else whole),
    )


def by_size(connection: sqlite3.Connection, most: int) -> tuple[str, float] | None:
    """Drop one portion of the oldest where the file is too large.

    Readings go first, then minutes with the findings of their time, then hours.

    Returns:
        What went and the Unix time up to which; None where nothing had to, or nothing is left.
    """
    if used(connection) <= most * _LOW:
        return None
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        gone = _drop_readings(connection) or _drop_cells(connection)
    connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
    return gone


def used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _drop_readings(connection: sqlite3.Connection) -> tuple[str, float] | None:
    oldest = connection.execute("SELECT min(hour) FROM axis").fetchone()[0]
    if oldest is None:
        return None
    found = connection.execute(
        "SELECT id FROM axis WHERE hour = ? LIMIT ?", (oldest, _AXES_AT_ONCE)
    ).fetchall()
    _drop_axes(connection, found)
    return "readings", (oldest + 1) * HOUR


def _drop_cells(connection: sqlite3.Connection) -> tuple[str, float] | None:
    for step, what in ((MINUTE, "minutes"), (HOUR, "hours")):
        oldest = connection.execute(
            "SELECT min(start) FROM cells WHERE step = ?", (int(step),)
        ).fetchone()[0]
        if oldest is None:
            continue
        end = oldest + SPANS[step]
        connection.execute("DELETE FROM cells WHERE step = ? AND start = ?", (int(step), oldest))
        records = connection.execute("SELECT id FROM record").fetchall()
        for (record,) in records:
            _drop_kept(connection, record, end)
        if step == HOUR:
            connection.execute("UPDATE series SET first = max(first, ?)", (int(end * 1000),))
        return what, end
    return None


def _drop_axes(connection: sqlite3.Connection, axes: list[tuple[int]]) -> None:
    connection.executemany("DELETE FROM chunk WHERE axis = ?", axes)
    connection.executemany("DELETE FROM axis WHERE id = ?", axes)
