"""The one writer of a record: readings, events and findings, buffered, flushed and compacted."""

from __future__ import annotations

import math
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capmon.clock import Clock, rfc3339
from capmon.errors import CapmonError
from capmon.model.frame import Event
from capmon.store import history_kept
from capmon.store.course import Vec
from capmon.store.history_compact import Compaction, due
from capmon.store.history_file import HistoryFile
from capmon.store.history_findings import is_kept
from capmon.store.history_import import Piece, put, rising_readings
from capmon.store.history_lock import WriterLock
from capmon.store.history_names import Names
from capmon.store.history_retention import Retention as Retention
from capmon.store.history_retention import by_age, by_size
from capmon.store.history_rows import Rows
from capmon.store.history_tail import EMPTY, Block, encode_row, merged

FLUSH = 5.0
"""Seconds between two writes: what a kill loses, and what a reader is behind."""

PATIENCE = 600.0
"""Seconds of readings that wait in memory while the file cannot be written."""

SLICE = 0.04
"""Seconds of work on hours that are over in one beat."""

_MOST_WAITING = 1000
"""Events and findings that wait in memory at most."""

_SETTLED = 600.0
"""Seconds before anything is dropped for its age: a clock that is wrong at boot is soon set."""

_AGEING = 25.0
"""Seconds that a record grows older at most in one second, beyond a day: a clock far ahead costs little."""

_AGE_EVERY = 3600.0
_SIZE_EVERY = 60.0
_CARRIED = 200
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Batch:
    source: str
    interval: float
    at: int
    values: dict[str, float]
    came: float


class HistoryWriter:
    """Writes one record of a history file. One thread owns it; nothing here starts another.

    What is written is in the file for good once a flush is over, whatever happens to the process.
    Of a file that is damaged see `HistoryFile`.
    """

    def __init__(self, path: Path, clock: Clock, name: str, retention: Retention) -> None:
        self.failing = ""
        """Why nothing can be written now; empty when all is well."""
        self._clock = clock
        self._retention = retention
        self._file = HistoryFile(path, clock)
        self._lock = WriterLock(path, clock, name)
        self._names = Names(name)
        self._generation = 0
        self._batches: deque[_Batch] = deque()
        self._events: deque[Event] = deque(maxlen=_MOST_WAITING)
        self._findings: deque[tuple[float, bytes]] = deque(maxlen=60)
        self._base: tuple[int, bytes, int] | None = None
        self._newest = -math.inf
        self._known = -math.inf
        self._lost = 0
        self._work: tuple[Compaction, Iterator[None]] | None = None
        self._made = False
        self._carry: dict[str, Block] = {}
        begun = clock.monotonic()
        self._begun = begun
        self._flushed = begun
        self._age_at = begun + _SETTLED
        self._size_at = begun
        self._drift = clock.now() - begun

    @classmethod
    def open(cls, path: Path, clock: Clock, name: str, retention: Retention) -> HistoryWriter:
        """Open a record to write, and make file and record where they are not there.

        Raises:
            HistoryBusy: Another process writes the record.
            CapmonError: It cannot be opened, is not this user's own, or a newer capmon wrote it.
        """
        writer = cls(path, clock, name, retention)
        writer._lock.take()
        try:
            writer._file.ask(writer._begin)
        except BaseException:
            writer._lock.release()
            raise
        return writer

    @property
    def notices(self) -> list[str]:
        """What a person should know of the file, the latest last."""
        return self._file.notices

    def batch(self, source: str, interval: float, at: float, values: Mapping[str, float]) -> None:
        """Take readings of one time; those that are not finite are gaps. Cheap: nothing is written yet."""
        known = {key: float(v) for key, v in values.items() if math.isfinite(v)}
        if not known or not abs(at) < 1e12:
            return
        came = self._clock.monotonic()
        self._batches.append(_Batch(source, interval, round(at * 1000), known, came))
        self._newest = max(self._newest, at)

    def event(self, event: Event) -> None:
        """Take an event."""
        self._events.append(event)

    def keep(self, at: float, document: Mapping[str, Any]) -> None:
        """Take what was found at one time: fields by name, as JSON knows them. Floats keep seven digits."""
        self._findings.append((at, history_kept.text_of(document)))

    def beat(self) -> None:
        """Write what is due, and do a little of what else is: call it every second.

        A file that cannot be written is a notice and `failing`; what waits is tried again.
        """
        now = self._clock.monotonic()
        if now - self._flushed >= FLUSH:
            self.flush()
        if self.failing:
            return
        try:
            if not self._compact(now + SLICE):
                self._let_go(now)
        except CapmonError as error:
            self._fails(error)

    def flush(self) -> None:
        """Write what waits."""
        self._flushed = self._clock.monotonic()
        moved = self._file.moved()
        if moved:
            self._work = None
            self.notices.append(f"{self._file.path} was replaced: writing goes on in what is there")
        if not (moved or self._batches or self._events or self._findings or self.failing):
            return
        try:
            self._file.ask(self._write)
        except CapmonError as error:
            self._fails(error)
            return
        self._batches.clear()
        self._events.clear()
        self._findings.clear()
        if self.failing:
            lost = f"; {self._lost} batches of readings were lost" if self._lost else ""
            self.notices.append(f"{self._file.path} can be written again{lost}")
            self.failing, self._lost = "", 0

    def add(self, metric_key: str, times: Vec, values: Vec, interval: float) -> int:
        """Put readings from elsewhere into the record, in place of what it held of their time.

        They go into minutes and hours, and as they are where the interval is below a minute and
        they are young enough. Give long records in order of time: then no cell is torn.

        Args:
            metric_key: Which series.
            times: (n,) Unix times, rising.
            values: (n,) in the metric's own unit; those that are not finite are left out.
            interval: Seconds between two readings.

        Returns:
            Readings taken.

        Raises:
            CapmonError: They cannot be written.
        """
        whole, some = rising_readings(times, values)
        if not len(whole):
            return 0
        self.flush()
        if self.failing:
            raise CapmonError(self.failing)
        self._work = None
        last = float(whole[-1]) / 1000.0
        newest = max(self._newest, last)

        def question(connection: sqlite3.Connection) -> None:
            self._begin(connection)
            connection.execute("BEGIN IMMEDIATE")
            names = self._names
            series = names.series(connection, metric_key, interval, int(whole[0]))
            source = names.source(connection, f"import:{metric_key}")
            young = newest - self._retention.raw if interval < 60 else math.inf
            piece = Piece(metric_key, series, source, whole, some)
            carry = self._carry.get(metric_key, EMPTY)
            put(connection, Rows(connection, self.notices), names.record, piece, young, carry)
            self._carried(piece, carry)

        try:
            self._file.ask(question)
        except CapmonError:
            self._names.forget()
            raise
        self._newest = newest
        return len(whole)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self.flush()
        self._work = None
        self._file.close()
        self._lock.release()

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Learn what a file says that was just opened."""
        if self._generation == self._file.generation:
            return
        self._work, self._base = None, None
        connection.execute("BEGIN IMMEDIATE")
        self._names.begin(connection)
        last = connection.execute(
            "SELECT max(last) FROM series WHERE record = ?", (self._names.record,)
        ).fetchone()[0]
        connection.execute("COMMIT")
        if last is not None:
            self._newest = max(self._newest, last / 1000.0)
            self._known = last / 1000.0
        self._generation = self._file.generation

    def _write(self, connection: sqlite3.Connection) -> None:
        self._begin(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write_batches(connection)
            record = self._names.record
            connection.executemany(
                "INSERT INTO event(record, at, kind, text) VALUES (?, ?, ?, ?)",
                [(record, e.at, e.kind, e.text) for e in self._events],
            )
            for at, text in self._findings:
                self._write_finding(connection, at, text)
            connection.execute("COMMIT")
        except BaseException:
            # Ids that were given in a change that is taken back hold no more.
            self._names.forget()
            self._base = None
            raise

    def _write_batches(self, connection: sqlite3.Connection) -> None:
        together: dict[tuple[str, int], list[_Batch]] = {}
        for batch in self._batches:
            together.setdefault((batch.source, batch.at // _HOUR_MS), []).append(batch)
        for (source, hour), batches in together.items():
            # A row counts its batches in two bytes.
            for i in range(0, len(batches), 1000):
                part = batches[i : i + 1000]
                rows = [
                    (b.at, {self._series(connection, key, b): v for key, v in b.values.items()})
                    for b in part
                ]
                connection.execute(
                    "INSERT INTO tail(source, hour, body) VALUES (?, ?, ?)",
                    (self._names.source(connection, source), hour, encode_row(rows)),
                )

    def _series(self, connection: sqlite3.Connection, key: str, batch: _Batch) -> int:
        return self._names.series(connection, key, batch.interval, batch.at)

    def _write_finding(self, connection: sqlite3.Connection, at: float, text: bytes) -> None:
        base = self._base
        if base is not None and not is_kept(connection, base[0]):
            base = None  # the writer of another record made room
        if base is not None and base[2] >= history_kept.EVERY:
            base = None
        body = history_kept.encode(text, base[1] if base else None)
        row = connection.execute(
            "INSERT INTO kept(record, at, base, body) VALUES (?, ?, ?, ?)",
            (self._names.record, at, base[0] if base else 0, body),
        ).lastrowid
        self._base = row or 0, text, base[2] + 1 if base else 0

    def _compact(self, until: float) -> bool:
        """Work on an hour that is over until a moment; False where there is none."""
        if self._work is None or self._file.generation != self._generation:
            # What was begun in a file that is no more goes with it.
            self._work = None

            def asked(connection: sqlite3.Connection) -> Compaction | None:
                self._begin(connection)
                return due(connection, self._names.record, self._clock.now())

            found = self._file.ask(asked, again=False)
            if found is None:
                return False

            def steps(connection: sqlite3.Connection) -> Iterator[None]:
                return found.steps(connection, Rows(connection, self.notices))

            begun = self._file.ask(steps, again=False)
            if begun is None:
                return False
            self._work, self._made = (found, begun), False
        work, made = self._work

        def go_on(_: sqlite3.Connection) -> bool:
            return all(self._clock.monotonic() < until for _step in made)

        try:
            if self._made:
                # In a beat of its own: a commit may have to wait for the disk.
                self._work, self._made = None, False
                self._file.ask(work.write, again=False)
            else:
                over = self._file.ask(go_on, again=False)
                if over is None:
                    self._work = None
                self._made = bool(over)
        except CapmonError:
            self._work = None
            raise
        return True

    def _let_go(self, now: float) -> None:
        """Drop what is too old or too much, a portion at a time."""
        if now >= self._size_at:
            most = self._retention.max_size
            gone = self._file.ask(lambda c: by_size(c, most), again=False)
            self._size_at = now + (0 if gone else _SIZE_EVERY)
            if gone is not None:
                self._base = None
                self._say_dropped(*gone)
        if now >= self._age_at and math.isfinite(self._newest):
            drift = self._clock.now() - now
            if abs(drift - self._drift) > _AGE_EVERY:
                # The clock was set; whether rightly will show before anything goes.
                self._drift, self._age_at = drift, now + _AGE_EVERY
                return
            # A reading from the future, of a clock that was wrong, makes nothing old.
            newest = min(self._newest, self._clock.now(), self._oldest_now(now))

            def drop(connection: sqlite3.Connection) -> bool:
                self._begin(connection)
                return by_age(connection, self._names.record, newest, self._retention)

            more = self._file.ask(drop, again=False)
            self._names.forget()
            self._age_at = now if more else now + _AGE_EVERY

    def _oldest_now(self, now: float) -> float:
        """How new a reading may be, whatever the clock says that wrote it."""
        if math.isinf(self._known):
            return math.inf
        return self._known + 86400.0 + _AGEING * (now - self._begun)

    def _say_dropped(self, what: str, upto: float) -> None:
        start = f"{self._file.path} reached its greatest size: {what} before "
        self.notices[:] = [n for n in self.notices if not n.startswith(start)]
        self.notices.append(f"{start}{rfc3339(upto, timespec='seconds')} were dropped")

    def _fails(self, error: CapmonError) -> None:
        if str(error) != self.failing:
            self.failing = str(error)
            self.notices.append(f"readings are not kept: {error}")
        oldest = self._clock.monotonic() - PATIENCE
        while self._batches and self._batches[0].came < oldest:
            self._batches.popleft()
            self._lost += 1

    def _carried(self, piece: Piece, carry: Block) -> None:
        """Remember the last hour of a piece: the next one may go on in it."""
        hour = piece.times[-1] // _HOUR_MS
        inside = piece.times // _HOUR_MS == hour
        new = Block(piece.times[inside], {piece.series: piece.values[inside]})
        times, values = carry.of(piece.series)
        before = (times // _HOUR_MS == hour) & (times < piece.times[0])
        if before.any():
            new = merged(Block(times[before], {piece.series: values[before]}), new)
        if len(self._carry) >= _CARRIED:
            self._carry.pop(next(iter(self._carry)))
        self._carry[piece.key] = new
