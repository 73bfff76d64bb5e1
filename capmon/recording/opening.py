"""The record that the configuration speaks of, opened to be read."""

from __future__ import annotations

import socket
from pathlib import Path

from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.recording.naming import history_file, record_name
from capmon.store.history_reader import HistoryReader


def open_record(
    settings: Settings, *, file: Path | None = None, name: str | None = None
) -> HistoryReader:
    """Open a record.

    Args:
        settings: All settings.
        file: Another history file than the configuration's.
        name: Another record than the configuration's; with a file alone, the one read last.

    Raises:
        CapmonError: Nothing is remembered, there is no such record, or it cannot be read.
    """
    path = file or history_file(settings)
    if path is None:
        raise CapmonError("nothing is remembered here: history.path is none")
    if not path.exists():
        raise CapmonError(
            f"there is no history yet ({path}): `capmon record` makes one, `capmon import` brings one"
        )
    if name is None and file is None:
        name = record_name(settings, socket.gethostname())
    return HistoryReader.open(path, name)
