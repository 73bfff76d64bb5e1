"""Readings on their way into the history: on disk, so that a file of any size takes little memory."""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capmon.errors import CapmonError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vec = NDArray[np.float64]
    Piece = tuple[Vec, Vec]

BLOCK = 4096
"""Readings of one series that are written at once."""

TOGETHER = 64
"""Blocks that are in memory at once."""

MOST_UNSORTED = 20_000_000
"""Readings of one series that can be sorted; they are in memory while they are."""

MOST_SERIES = 2000
"""Series of one import."""

HOUR = 3600.0

GAP = 1.5
"""Intervals between two readings from which something is missing between them."""


@dataclass(slots=True)
class Series:
    """The readings of one metric."""

    key: str
    """Metric key."""

    counter: bool = False
    """Whether they are counts that become rates."""

    count: int = 0
    """Readings as they came."""

    rising: bool = True
    """Whether no time is before the one that came before it."""

    latest: float = -math.inf
    """The last time of all."""

    times: array[float] = field(default_factory=lambda: array("d"))
    """Of the block that fills."""

    values: array[float] = field(default_factory=lambda: array("d"))
    """Of the block that fills."""

    blocks: list[tuple[int, int]] = field(default_factory=list)
    """Place and length of each block that is full."""


@dataclass(frozen=True, slots=True)
class Described:
    """What there is of one metric, once in order."""

    readings: int
    """How many."""

    since: float
    """Unix time of the first."""

    until: float
    """Unix time of the last."""

    step: float | None
    """Seconds that usually lie between two; None of a single one."""

    gaps: int
    """Intervals in which something is missing."""

    longest: float
    """Seconds of the longest gap; 0 without one."""

    least: float
    """Smallest value."""

    most: float
    """Greatest value."""

    repeated: int
    """Readings replaced by a later one of the same time."""

    resets: int
    """Times that a counter began anew."""


class Spool:
    """Takes readings in any order and gives them back rising, a piece at a time."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self._file = tempfile.TemporaryFile(prefix="capmon-import-")  # noqa: SIM115  closed with the spool
        self._end = 0

    def of(self, key: str, *, counter: bool) -> Series:
        """The series of a metric.

        Raises:
            CapmonError: There are too many, or the metric came as a counter and as a value.
        """
        found = self.series.get(key)
        if found is None:
            if len(self.series) >= MOST_SERIES:
                raise CapmonError(f"more than {MOST_SERIES} metrics in one import")
            found = self.series[key] = Series(key, counter)
        if found.counter != counter:
            raise CapmonError(f"{key} comes both as a counter and as a value")
        return found

    def put(self, series: Series, at: float, value: float) -> None:
        """Take one reading."""
        if at >= series.latest:
            series.latest = at
        else:
            series.rising = False
        series.count += 1
        series.times.append(at)
        series.values.append(value)
        if len(series.times) == BLOCK:
            self._write(series)

    def pieces(self, series: Series, shift: float = 0.0) -> Iterator[Piece]:
        """The readings in order, cut at whole hours, so that no hour is in two pieces.

        Args:
            series: Of this spool.
            shift: Seconds to add to every time.

        Raises:
            CapmonError: They are in no order and too many to be sorted.
        """
        import numpy as np

        held: Piece | None = None
        for times, values in _Course(self, series).chunks():
            moved = times + shift
            if held is not None:
                moved, values = np.concatenate((held[0], moved)), np.concatenate((held[1], values))
            at = int(np.searchsorted(moved, math.floor(moved[-1] / HOUR) * HOUR))
            if at:
                yield moved[:at], values[:at]
            held = moved[at:], values[at:]
        if held is not None and len(held[0]):
            yield held

    def describe(self, series: Series) -> Described | None:
        """What there is; None where nothing is left, such as of a counter that was read once.

        Raises:
            CapmonError: The readings are in no order and too many to be sorted.
        """
        import numpy as np

        course = _Course(self, series)
        since = until = math.nan
        readings = gaps = 0
        longest, least, most = 0.0, math.inf, -math.inf
        step: float | None = None
        for times, values in course.chunks():
            between = np.diff(times, prepend=until) if readings else np.diff(times)
            if step is None and len(between):
                step = float(np.median(between))
            missing = between[between > GAP * step] if step else between[:0]
            gaps += len(missing)
            longest = max(longest, float(missing.max())) if len(missing) else longest
            since = since if readings else float(times[0])
            until, readings = float(times[-1]), readings + len(times)
            least, most = min(least, float(values.min())), max(most, float(values.max()))
        if not readings:
            return None
        return Described(readings, since, until, step, gaps, longest, least, most, course.repeated, course.resets)  # fmt: skip

    def stored(self, series: Series) -> Iterator[Piece]:
        """The readings as they came, some blocks at a time."""
        import numpy as np

        for first in range(0, len(series.blocks), TOGETHER):
            parts = [self._read(*b) for b in series.blocks[first : first + TOGETHER]]
            yield np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        if series.times:
            yield np.array(series.times), np.array(series.values)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def _write(self, series: Series) -> None:
        content = series.times.tobytes() + series.values.tobytes()
        try:
            self._file.seek(self._end)
            self._file.write(content)
            self._file.flush()
        except OSError as fault:
            raise CapmonError(f"no room beside the import in {tempfile.gettempdir()}: {fault.strerror}; TMPDIR names another folder") from None  # fmt: skip
        series.blocks.append((self._end, len(series.times)))
        self._end += len(content)
        series.times, series.values = array("d"), array("d")

    def _read(self, place: int, length: int) -> Piece:
        import numpy as np

        self._file.seek(place)
        both = np.frombuffer(self._file.read(16 * length))
        return both[:length], both[length:]


class _Course:
    """One walk through a series in order: one reading a time, counters as rates."""

    def __init__(self, spool: Spool, series: Series) -> None:
        self._spool, self._series = spool, series
        self.repeated = self.resets = 0

    def chunks(self) -> Iterator[Piece]:
        """The readings, rising; none of the chunks is empty."""
        single = self._single(self._ordered())
        for chunk in self._rates(single) if self._series.counter else single:
            if len(chunk[0]):
                yield chunk

    def _ordered(self) -> Iterator[Piece]:
        import numpy as np

        series = self._series
        if series.rising:
            yield from self._spool.stored(series)
            return
        if series.count > MOST_UNSORTED:
            raise CapmonError(f"{series.key}: times fall and rise, and {series.count} readings are too many to sort here: sort the file by time")  # fmt: skip
        parts = list(self._spool.stored(series))
        times, values = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        # A stable order keeps the later of two readings of one time behind the earlier.
        order = np.argsort(times, kind="stable")
        yield times[order], values[order]

    def _single(self, chunks: Iterator[Piece]) -> Iterator[Piece]:
        import numpy as np

        held: Piece | None = None
        for chunk in chunks:
            times, values = chunk
            if held is not None:
                times, values = np.concatenate((held[0], times)), np.concatenate((held[1], values))
            last = np.append(np.diff(times) > 0, True)
            self.repeated += len(times) - int(np.count_nonzero(last))
            times, values = times[last], values[last]
            yield times[:-1], values[:-1]
            held = times[-1:], values[-1:]
        if held is not None:
            yield held

    def _rates(self, chunks: Iterator[Piece]) -> Iterator[Piece]:
        import numpy as np

        held: Piece | None = None
        for times, values in chunks:
            if not len(times):
                continue
            if held is not None:
                times, values = np.concatenate((held[0], times)), np.concatenate((held[1], values))
            grown = np.diff(values)
            kept = grown >= 0
            self.resets += len(grown) - int(np.count_nonzero(kept))
            # How much of its interval a count after a reset covers is not known.
            yield times[1:][kept], (grown / np.diff(times))[kept]
            held = times[-1:], values[-1:]
