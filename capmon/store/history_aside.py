"""A word for the record of another process: what a person did is kept, whoever writes the readings."""

from __future__ import annotations

import contextlib
from pathlib import Path

from capmon.model.frame import Event
from capmon.store.history_file import connect, said


def tell(path: Path, name: str, event: Event) -> None:
    """Put one event into a record that another process writes, as one change.

    Raises:
        CapmonError: It cannot be written.
    """
    with said(path), contextlib.closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR IGNORE INTO record(name) VALUES (?)", (name,))
        connection.execute(
            "INSERT INTO event(record, at, kind, text)"
            " SELECT id, ?, ?, ? FROM record WHERE name = ?",
            (event.at, event.kind, event.text, name),
        )
        connection.execute("COMMIT")
