"""The history's SQLite file: its tables, its version, and what happens to one that is damaged."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from capmon.clock import Clock, rfc3339
from capmon.errors import CapmonError
from capmon.private import make_file, make_folder

VERSION = 2
"""`PRAGMA user_version` of the files that this program writes."""

PATIENCE = 0.25
"""Seconds to wait for another process that writes."""

STATE = "CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT, at REAL, boot TEXT, uptime REAL)"
"""What version 1 consists of: documents that outlive a restart."""

RECORDS = (
    "CREATE TABLE record(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    # One thing that delivers readings of several series at the same times.
    "CREATE TABLE source(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, name TEXT NOT NULL,"
    " UNIQUE(record, name))",
    "CREATE TABLE series(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, key TEXT NOT NULL,"
    " interval REAL NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, UNIQUE(record, key))",
    # A few seconds of one source, row by row, until their hour is over.
    "CREATE TABLE tail(id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL,"
    " hour INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX tail_hour ON tail(source, hour)",
    # The times of an hour of one source, shared by its series.
    "CREATE TABLE axis(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " body BLOB NOT NULL, UNIQUE(source, hour))",
    "CREATE INDEX axis_hour ON axis(hour)",
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " axis INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE UNIQUE INDEX chunk_hour ON chunk(series, hour, axis)",
    "CREATE INDEX chunk_axis ON chunk(axis)",
    # A day of minutes or a month of hours of one series.
    "CREATE TABLE cells(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, step INTEGER NOT NULL,"
    " start INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE UNIQUE INDEX cells_start ON cells(series, step, start)",
    "CREATE INDEX cells_step ON cells(step, start)",
    "CREATE TABLE event(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, at REAL NOT NULL,"
    " kind TEXT NOT NULL, text TEXT NOT NULL)",
    "CREATE INDEX event_at ON event(record, at)",
    # What was found; `base` is the row whose document this one is told apart from, 0 for a whole one.
    "CREATE TABLE kept(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, at REAL NOT NULL,"
    " base INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX kept_at ON kept(record, at, base)",
)
"""What version 2 adds: records of readings, in milliseconds and hours since 1970."""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BESIDE = ("-wal", "-shm")
_PAGE = 1024
_WAL_BYTES = 2**20

T = TypeVar("T")


class HistoryFile:
    """A history file that may be written. Several processes may have it open at once.

    A file that is damaged is set aside under another name and a new one begun; `notices` says so.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.notices: list[str] = []
        """What a person should know of the file, the latest last."""
        self.generation = 0
        """Counts files: what was learned of one holds for no other."""
        self._clock = clock
        self.connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def ask(self, question: Callable[[sqlite3.Connection], T], *, again: bool = True) -> T | None:
        """Put a question to the file; one that is damaged is set aside first, and answers None.

        Args:
            question: Asks; what it changes is committed at its end, or not at all.
            again: Whether it is put to the new file too, once one was set aside.

        Raises:
            CapmonError: It cannot be opened, read or written, or a newer capmon wrote it.
        """
        with said(self.path):
            try:
                return self._put(question)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._set_aside(str(error))
            return self._put(question) if again else None

    def moved(self) -> bool:
        """Whether the path leads to another file than the open one; then the next question opens it."""
        if self.connection is None or _identity(self.path) == self._identity:
            return False
        self.close()
        return True

    def close(self) -> None:
        """Let go of the file."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _put(self, question: Callable[[sqlite3.Connection], T]) -> T:
        if self.connection is None:
            self.connection = connect(self.path)
            self._identity = _identity(self.path)
            self.generation += 1
        with self.connection:
            return question(self.connection)

    def _set_aside(self, why: str) -> None:
        was = self._identity if self.connection is not None else None
        self.close()
        if was is not None and _identity(self.path) != was:
            # Another process was first: what is there now is not what is damaged.
            return
        stamp = rfc3339(self._clock.now(), timespec="seconds").replace(":", "").replace("-", "")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        count = 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{count}")
        self.path.replace(aside)
        for end in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").replace(f"{aside}{end}")
        self.notices.append(f"{self.path} was damaged ({why}): set aside as {aside.name}")


@contextlib.contextmanager
def said(path: Path) -> Iterator[None]:
    """Failures of the file as errors of ours that name it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CapmonError(f"{path}: {error}") from None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a file is no database, or not a whole one."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file of the right version, made or brought up to it where it is older.

    Raises:
        CapmonError: The file is not this user's own, a newer capmon wrote it, or something else did.
        sqlite3.Error: It cannot be opened.
    """
    make_folder(path.parent)
    make_file(path)
    found = version(path)
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        _shape(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_BYTES // _PAGE}")
        if found < VERSION:
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, whoever writes meanwhile.

    Raises:
        CapmonError: There is no such file, a newer capmon wrote it, or something else did.
        sqlite3.Error: It cannot be opened.
    """
    if not path.exists():
        raise CapmonError(f"{path}: there is no history yet")
    if version(path) < VERSION:
        raise CapmonError(f"{path} holds no readings yet")
    connection = _read_only(path)
    try:
        connection.execute("SELECT count(*) FROM record").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) != sqlite3.SQLITE_CANTOPEN:
            raise
        # In a folder that cannot be written nobody else writes the file either.
        connection = _read_only(path, "&immutable=1")
    return connection


def version(path: Path) -> int:
    """The file's version, read without a trace.

    Raises:
        CapmonError: A newer capmon wrote it, or something else did.
        sqlite3.Error: It is no database.
    """
    found = _asked(path, "&immutable=1")
    beside = Path(f"{path}-wal")
    if found <= VERSION and beside.exists() and beside.stat().st_size:
        # What was written last is not yet in the file itself.
        found = _asked(path, "")
    if found > VERSION:
        raise CapmonError(f"{path} was written by a newer capmon (version {found}): left as it is")
    return found


def _asked(path: Path, how: str) -> int:
    reader = _read_only(path, how)
    try:
        found = int(reader.execute("PRAGMA user_version").fetchone()[0])
        if not found and reader.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise CapmonError(f"{path} is a database of something else: left as it is")
    finally:
        reader.close()
    return found


def _read_only(path: Path, how: str = "") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{how}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring a file up to this version, as one change; another process may have done so meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        steps = ((STATE,), RECORDS)
        for statements in steps[found:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(found, VERSION)}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    if found == 1:
        # A file learns to give pages back only when it is written anew; where another process
        # is at it that is left for good: its pages are used again, though the file stays long.
        with contextlib.suppress(sqlite3.Error):
            try:
                connection.execute("PRAGMA journal_mode = DELETE")
                _shape(connection)
                connection.execute("VACUUM")
            finally:
                connection.execute("PRAGMA journal_mode = WAL")


def _shape(connection: sqlite3.Connection) -> None:
    """How a file is to be laid out; SQLite heeds it where there is nothing in it yet."""
    # Chunks of a few kilobytes leave less unused in small pages.
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    # Pages that are no longer needed go back to the file system, a few at a time.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
