"""The history file: what must outlive a restart, in one SQLite database of this user's own."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from capmon.clock import Clock, rfc3339
from capmon.errors import CapmonError
from capmon.private import make_file, make_folder, state_folder

VERSION = 1
"""`PRAGMA user_version` of the files that this program writes."""

PATIENCE = 0.25
"""Seconds to wait for another process that writes."""

_SCHEMA = "CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT, at REAL, boot TEXT, uptime REAL)"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BESIDE = ("-wal", "-shm")

T = TypeVar("T")


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
        self.path = path
        self.notices: list[str] = []
        """What a person should know of the file, the latest last."""
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    @classmethod
    def open(cls, path: Path, clock: Clock) -> History:
        """Open the file, and make it where it is not there.

        Raises:
            CapmonError: It cannot be opened, is not this user's own, or a newer capmon wrote it.
        """
        history = cls(path, clock)
        history._ask(lambda _: None)
        return history

    def save_state(self, key: str, document: Any) -> None:
        """Keep a document under a key, in place of the one before.

        Raises:
            CapmonError: It cannot be written.
        """
        value = json.dumps(document, allow_nan=False, separators=(",", ":"))
        clock = self._clock
        row = (key, value, clock.now(), clock.boot(), clock.boottime())
        self._ask(lambda c: c.execute("REPLACE INTO state VALUES (?, ?, ?, ?, ?)", row))

    def load_state(self, key: str) -> Kept | None:
        """The document kept under a key; None where there is none that can be read.

        Raises:
            CapmonError: The file cannot be read.
        """
        query = "SELECT value, at, boot, uptime FROM state WHERE key = ?"
        row = self._ask(lambda c: c.execute(query, (key,)).fetchone())
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
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _age(self, at: float, boot: str, uptime: float) -> float:
        clock = self._clock
        # A wall clock that was set in between would make a cooldown longer or shorter.
        same = bool(boot) and boot == clock.boot()
        return max(0.0, clock.boottime() - uptime if same else clock.now() - at)

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        """Put a question to the file; one that is damaged is set aside first, and answers None."""
        with self._said():
            try:
                return self._put(question)
            except sqlite3.DatabaseError as error:
                if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _DAMAGE:
                    raise
                self._set_aside(str(error))
            return self._put(question)

    def _put(self, question: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = _connect(self.path)
        with self._connection:
            return question(self._connection)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CapmonError(f"{self.path}: {error}") from None

    def _set_aside(self, why: str) -> None:
        self.close()
        stamp = rfc3339(self._clock.now(), timespec="seconds").replace(":", "").replace("-", "")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        self.path.replace(aside)
        for end in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").replace(f"{aside}{end}")
        self.notices.append(f"{self.path} was damaged ({why}): set aside as {aside.name}")


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a file of the right version, made where there is none."""
    make_folder(path.parent)
    make_file(path)
    found = _version(path)
    if found > VERSION:
        raise CapmonError(f"{path} was written by a newer capmon (version {found}): left as it is")
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if found < VERSION:
            _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(path: Path) -> int:
    """The file's version, read without the right to change anything."""
    reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        found = int(reader.execute("PRAGMA user_version").fetchone()[0])
        tables = reader.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        reader.close()
    if tables and not found:
        raise CapmonError(f"{path} is a database of something else: left as it is")
    return found


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have made it meanwhile.
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
