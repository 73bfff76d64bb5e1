"""Readers of a history file: any number, beside the one process that writes."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capmon.errors import CapmonError
from capmon.model.frame import Event
from capmon.store.course import HOUR, MINUTE, Course, Kept, Record, Summaries, Vec
from capmon.store.history_cells import summary_of
from capmon.store.history_file import connect_to_read, is_damage
from capmon.store.history_findings import finding, records_of
from capmon.store.history_grid import covered, gridded
from capmon.store.history_rows import Rows
from capmon.store.history_view import Seen, View

Mat = NDArray[np.float64]

COVER = 1.5
"""A reading stands for the interval that it ended: cells up to this many intervals before it."""


class NoRecord(CapmonError):
    """The file holds nothing under that name; the text lists the names that there are."""


class HistoryReader:
    """Reads one record of a history file. One thread owns it; it never changes the file.

    Each question sees what was written up to then, the last few seconds before a write excepted.
    Every method raises CapmonError where the file cannot be read, and says so where it is damaged.
    """

    def __init__(self, path: Path, name: str | None) -> None:
        self.name = name or ""
        """Name of the record."""
        self.notices: list[str] = []
        """What is damaged and was left out."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._seen: View | None = None

    @classmethod
    def open(cls, path: Path, name: str | None = None) -> HistoryReader:
        """Open a record to read.

        Args:
            path: The file.
            name: Name of the record; None for the one with the latest reading.

        Raises:
            CapmonError: There is no such file or record, or a newer capmon wrote it.
        """
        reader = cls(path, name)
        try:
            with reader._asked():
                pass
        except BaseException:
            reader.close()
            raise
        return reader

    def records(self) -> tuple[Record, ...]:
        """What the file holds, by name."""
        with self._asked() as view:
            return records_of(view.connection)

    def keys(self) -> tuple[str, ...]:
        """Keys of the metrics that have readings, sorted."""
        with self._asked() as view:
            return tuple(sorted(view.series()))

    def interval(self, metric_key: str) -> float | None:
        """Seconds between two readings of a metric; None where it is not known."""
        with self._asked() as view:
            found = view.series().get(metric_key)
            return None if found is None else found.interval

    def span(self, metric_key: str | None = None) -> tuple[float, float] | None:
        """Unix times of the first and the last reading, of one metric or of all; None for none."""
        with self._asked() as view:
            known = view.series()
            some = list(known.values()) if metric_key is None else [known.get(metric_key)]
            spans = [view.span(s) for s in some if s is not None]
        if not spans:
            return None
        return min(s for s, _ in spans), max(e for _, e in spans)

    def raw(self, metric_key: str, start: float, end: float) -> Course:
        """Readings from `start` to `end`, both included; none where only minutes are left."""
        with self._asked() as view:
            series = view.series().get(metric_key)
            return view.raw(series, start, end) if series else Course(np.empty(0), np.empty(0))

    def minutes(self, metric_key: str, start: float, end: float) -> Summaries:
        """Minutes that begin at or after `start` and before `end`."""
        with self._asked() as view:
            return view.cells(view.series().get(metric_key), MINUTE, start, end)

    def hours(self, metric_key: str, start: float, end: float) -> Summaries:
        """Hours that begin at or after `start` and before `end`, the running one as far as it is."""
        with self._asked() as view:
            return view.cells(view.series().get(metric_key), HOUR, start, end)

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> Mat:
        """Values of several series on one grid of complete cells, as `capmon.store.series.Store` has them.

        Readings where a cell is no whole number of minutes, else minutes, else hours; where those
        are gone that a cell needs, the next coarser ones stand for it.

        Args:
            keys: k metric keys; an unknown one gives a row of NaN.
            end: Unix time; the last cell is the last complete one at or before it.
            seconds: Length of history wanted; n = ceil(seconds / step) cells.
            step: Seconds a cell.

        Returns:
            (k, n), oldest first, NaN where nothing was measured.
        """
        n = max(1, math.ceil(seconds / step))
        start = (math.floor(end / step) - n) * step
        out = np.full((len(keys), n), np.nan)
        with self._asked() as view:
            known = view.series()
            for row, metric_key in enumerate(keys):
                series = known.get(metric_key)
                if series is not None:
                    _fill(view, series, out[row], start, step)
                    _cut(view, series, out[row], start, step)
        return out

    def age(self, metric_key: str, end: float) -> float:
        """Seconds between the first reading of a series and `end`; 0 when there is none."""
        with self._asked() as view:
            series = view.series().get(metric_key)
            return 0.0 if series is None else max(0.0, end - view.span(series)[0])

    def latest(self, metric_key: str, at: float) -> tuple[float, float] | None:
        """Time and value of the last reading at or before a moment; None where there is none.

        Where readings are gone, a minute or an hour that was over by then, at its end.
        """
        with self._asked() as view:
            series = view.series().get(metric_key)
            return None if series is None else view.latest(series, at)

    def events(self, start: float, end: float, most: int = 200) -> tuple[Event, ...]:
        """Events from `start` to `end`, both included, the latest first."""
        query = (
            "SELECT at, kind, text FROM event WHERE record = ? AND at BETWEEN ? AND ?"
            " ORDER BY at DESC, id DESC LIMIT ?"
        )
        with self._asked() as view:
            found = view.connection.execute(query, (view.record, start, end, most)).fetchall()
        return tuple(Event(*row) for row in found)

    def kept(self, at: float) -> Kept | None:
        """What was found last at or before a moment; None where nothing was."""
        with self._asked() as view:
            return finding(view.connection, view.rows, view.record, at)

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        self._seen = None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @contextlib.contextmanager
    def _asked(self) -> Iterator[View]:
        """The file as it is now, the same for everything that one question asks."""
        try:
            connection = self._opened()
            connection.execute("BEGIN")
            try:
                yield self._view(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            self.close()
            if is_damage(error):
                raise CapmonError(
                    f"{self._path} is damaged ({error}): the next capmon that writes it sets it aside"
                ) from None
            raise CapmonError(f"{self._path}: {error}") from None
        except OSError as error:
            raise CapmonError(f"{self._path}: {error.strerror or error}") from None

    def _opened(self) -> sqlite3.Connection:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise CapmonError(f"{self._path}: there is no history yet") from None
        identity = found.st_dev, found.st_ino
        if self._connection is None or identity != self._identity:
            # A damaged file was set aside, and another is in its place.
            self.close()
            self._connection, self._identity = connect_to_read(self._path), identity
        return self._connection

    def _view(self, connection: sqlite3.Connection) -> View:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if self._seen is None or self._seen.version != version:
            record = self._record(connection)
            self._seen = View(connection, Rows(connection, self.notices), record, version)
        return self._seen

    def _record(self, connection: sqlite3.Connection) -> int:
        if not self.name:
            latest = max(records_of(connection), key=lambda r: (r.until, r.name), default=None)
            if latest is None:
                raise NoRecord(f"{self._path} holds no readings yet")
            self.name = latest.name
        query = "SELECT id FROM record WHERE name = ?"
        found = connection.execute(query, (self.name,)).fetchone()
        if found is None:
            names = [r for (r,) in connection.execute("SELECT name FROM record ORDER BY name")]
            listed = f"it has {', '.join(names)}" if names else "it has none"
            raise NoRecord(f"{self._path} has no record {self.name!r}: {listed}")
        return int(found[0])


def _fill(view: View, series: Seen, out: Vec, start: float, step: float) -> None:
    """Fill one row of a window, from the tier that the step needs to coarser ones."""
    how, n = summary_of(series.key), len(out)
    end, reach = start + n * step, COVER * series.interval
    old = n
    if step % MINUTE:
        course = view.raw(series, start, end + reach)
        out[:] = gridded(course.times, course.values, None, start, step, n, how)
        covered(out, course.times, course.values, start, step, reach)
        old = _before(view.readings_begin(series), start, step, n)
    for tier in (MINUTE, HOUR):
        if not old:
            return
        if step % HOUR == 0 and tier == MINUTE:
            continue
        upto = start + old * step
        times, values, counts = view.means(series, tier, start - tier, upto + max(reach, tier))
        part = gridded(times, values, counts, start, step, old, how)
        if step < tier:
            covered(part, times + tier, values, start, step, tier)
        if series.interval > tier:
            covered(part, times + tier, values, start, step, reach)
        empty = np.isnan(out[:old])
        out[:old][empty] = part[empty]
        old = min(old, _before(view.cells_begin(series, tier), start, step, n))


def _cut(view: View, series: Seen, out: Vec, start: float, step: float) -> None:
    """Leave empty what an hour or a minute says of the time before its first and after its last reading."""
    first, last = view.span(series)
    begins = start + step * np.arange(len(out))
    reach = COVER * series.interval
    # The first reading tells of the interval before it, where that is seen at all.
    out[(begins + step <= first - (reach if step <= reach else 0.0)) | (begins > last)] = np.nan


def _before(begin: float, start: float, step: float, n: int) -> int:
    """Cells that begin before a tier does."""
    if math.isinf(begin):
        return n
    return min(n, max(0, math.ceil((begin - start) / step)))
