"""Ids of a record, its sources and its series, made when they are first met."""

from __future__ import annotations

import sqlite3


class Names:
    """What a writer knows of the ids in the file that it has open."""

    def __init__(self, name: str) -> None:
        self.record = 0
        """Id of the record."""
        self._name = name
        self._sources: dict[str, int] = {}
        self._series: dict[str, tuple[int, float]] = {}

    def begin(self, connection: sqlite3.Connection) -> None:
        """Find or make the record in a file that was just opened."""
        self.forget()
        connection.execute("INSERT OR IGNORE INTO record(name) VALUES (?)", (self._name,))
        query = "SELECT id FROM record WHERE name = ?"
        self.record = connection.execute(query, (self._name,)).fetchone()[0]

    def forget(self) -> None:
        """Ask the file anew."""
        self._sources.clear()
        self._series.clear()

    def source(self, connection: sqlite3.Connection, name: str) -> int:
        """Id of a source."""
        found = self._sources.get(name)
        if found is None:
            row = (self.record, name)
            connection.execute("INSERT OR IGNORE INTO source(record, name) VALUES (?, ?)", row)
            query = "SELECT id FROM source WHERE record = ? AND name = ?"
            found = self._sources[name] = int(connection.execute(query, row).fetchone()[0])
        return found

    def series(self, connection: sqlite3.Connection, key: str, interval: float, at: int) -> int:
        """Id of a series; a reading of it is at `at`, milliseconds."""
        found = self._series.get(key)
        if found is not None and found[1] == interval:
            return found[0]
        row = (self.record, key, interval, at, at)
        connection.execute(
            "INSERT INTO series(record, key, interval, first, last) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT(record, key) DO UPDATE SET interval = excluded.interval,"
            " first = min(first, excluded.first), last = max(last, excluded.last)",
            row,
        )
        query = "SELECT id FROM series WHERE record = ? AND key = ?"
        number = int(connection.execute(query, row[:2]).fetchone()[0])
        self._series[key] = number, interval
        return number
