"""The history file: what must outlive a restart, in one SQLite database of this user's own."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capmon.clock import Clock
from capmon.private import state_folder
from capmon.store.history_file import PATIENCE as PATIENCE
from capmon.store.history_file import VERSION as VERSION
from capmon.store.history_file import HistoryFile


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was saved."""

    document: Any
    """As JSON knows it."""

    age: float
    """Seconds since it was saved, never less than 0. Within one boot the wall clock has no say."""


def history_path() -> Path:
    """`$XDG_STATE_HOME/capmon/history.db`, by default under `~/.local/state`."""
    return state_folder() / "history.db"


class History:
    """One open history file. Several processes may have it open at once.

    A file that is damaged is set aside under another name and a new one begun; `notices` says so.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file = HistoryFile(path, clock)
        self._clock = clock

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def notices(self) -> list[str]:
        """What a person should know of the file, the latest last."""
        return self._file.notices

    @property
    def _connection(self) -> sqlite3.Connection | None:
        return self._file.connection

    @classmethod
    def open(cls, path: Path, clock: Clock) -> History:
        """Open the file, and make it where it is not there.

        Raises:
            CapmonError: It cannot be opened, is not this user's own, or a newer capmon wrote it.
        """
        history = cls(path, clock)
        history._file.ask(lambda _: None)
        return history

    def save_state(self, key: str, document: Any) -> None:
        """Keep a document under a key, in place of the one before.

        Raises:
            CapmonError: It cannot be written.
        """
        value = json.dumps(document, allow_nan=False, separators=(",", ":"))
        clock = self._clock
        row = (key, value, clock.now(), clock.boot(), clock.boottime())
        self._file.moved()
        self._file.ask(lambda c: c.execute("REPLACE INTO state VALUES (?, ?, ?, ?, ?)", row))

    def load_state(self, key: str) -> Kept | None:
        """The document kept under a key; None where there is none that can be read.

        Raises:
            CapmonError: The file cannot be read.
        """
        query = "SELECT value, at, boot, uptime FROM state WHERE key = ?"
        self._file.moved()
        row = self._file.ask(lambda c: c.execute(query, (key,)).fetchone())
        if row is None:
            return None
        value, at, boot, uptime = row
        try:
            return Kept(json.loads(value), self._age(at, boot, uptime))
        except (TypeError, ValueError, RecursionError):
            self.notices.append(
                f"{self.path}: what is kept as {key} cannot be read, and is dropped"
            )
            return None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _age(self, at: float, boot: str, uptime: float) -> float:
        clock = self._clock
        # A wall clock that was set in between would make a cooldown longer or shorter.
        same = bool(boot) and boot == clock.boot()
        return max(0.0, clock.boottime() - uptime if same else clock.now() - at)
