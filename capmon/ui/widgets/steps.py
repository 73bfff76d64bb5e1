"""Counts over time as stepped lines, in columns of time that do not slide while the last one fills."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capmon.model.frame import Trend
from capmon.ui.widgets.text import Line, Run

SPANS = (
    60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0,
)  # fmt: skip
"""Seconds that an axis covers while its history is younger than the window."""

GREATEST = 9999.0
"""Counts beyond this are drawn as this."""

LIGHT, HEAVY = "─│╭╮╯╰", "━┃┏┓┛┗"
"""Level, upright, and the corners of a line: told apart without colour."""

_JOINED = {
    **{(old, "━"): "┷" for old in "╯╰"},
    **{(old, "━"): "┯" for old in "╮╭"},
    ("─", "┏"): "┲",
    ("─", "┗"): "┺",
}
"""What stands where a heavy line leaves or meets a light one: the one below, the one above."""

Merge = Callable[[Sequence[float]], float]
"""One value for several that fall into one column."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal time, each of which begins at a multiple of its length."""

    seconds: float
    """Seconds a column; 0 where there is nothing to draw."""

    last: int
    """Number of the column behind the last one, counted from 1970."""

    width: int
    """Columns."""

    @classmethod
    def of(cls, trend: Trend, window: float, width: int) -> Timeline:
        """Columns for a window, or while the history is young for the next round span."""
        covered = trend.step * len(trend.values)
        span = min((s for s in SPANS if s >= covered), default=covered)
        span = min(span, max(window, covered))
        known = math.isfinite(trend.end) and math.isfinite(span) and span > 0 and width > 0
        seconds = span / width if known else 0.0
        if not known or not abs(trend.end) < 1e15 * seconds:
            return cls(0.0, 0, max(0, width))
        # An end that lies on the edge but for rounding begins no further column.
        return cls(seconds, math.ceil(trend.end / seconds - 1e-6), width)

    @property
    def end(self) -> float:
        """Unix time of the right edge."""
        return self.last * self.seconds

    def place(self, at: float) -> int | None:
        """The column of a moment; None outside."""
        if not self.seconds or not math.isfinite(at) or abs(at - self.end) > 1e9:
            return None
        x = math.floor(at / self.seconds) - (self.last - self.width)
        return x if 0 <= x < self.width else None

    def values(self, trend: Trend | None, merge: Merge) -> list[float]:
        """A value for each column; NaN where nothing was measured."""
        if trend is None or not self.seconds:
            return [math.nan] * self.width
        columns: list[list[float]] = [[] for _ in range(self.width)]
        first = trend.end - trend.step * len(trend.values)
        edge = self.last - self.width
        for i, value in enumerate(trend.values):
            if not math.isfinite(value):
                continue
            # A cell that touches a column by rounding alone is not in it.
            low = math.floor((first + i * trend.step) / self.seconds + 1e-6) - edge
            high = math.ceil((first + (i + 1) * trend.step) / self.seconds - 1e-6) - edge
            for x in range(max(0, low), min(self.width, max(high, low + 1))):
                columns[x].append(value)
        return [merge(found) if found else math.nan for found in columns]


def mean(values: Sequence[float]) -> float:
    """Their mean, without overflow."""
    return math.fsum(v / len(values) for v in values)


@dataclass(frozen=True, slots=True)
class Steps:
    """Rows for whole counts."""

    bottom: int
    """Count at the lowest row."""

    top: int
    """Count at the highest row that has one."""

    height: int
    """Rows."""

    @classmethod
    def of(cls, courses: Sequence[Sequence[float]], height: int) -> Steps:
        """Rows for all counts of some courses, and where there is room for one above and below."""
        known = [_whole(v) for course in courses for v in course if math.isfinite(v)]
        low, high = min(known, default=0), max(known, default=0)
        if high - low + 3 > height > 1:
            return cls(low, max(high, low + 1), height)
        return cls(max(0, low - 1), high + 1, max(1, height))

    @property
    def apart(self) -> int:
        """Rows from one count to the next; 0 where several share a row."""
        return (self.height - 1) // max(1, self.top - self.bottom)

    def row(self, count: float) -> int | None:
        """Row of a count from the top; None outside."""
        if not math.isfinite(count):
            return None
        above = _whole(count) - self.bottom
        if not 0 <= above <= self.top - self.bottom:
            return None
        size = self.top - self.bottom
        up = above * self.apart if self.apart else round(above / size * (self.height - 1))
        return self.height - 1 - up

    def names(self) -> dict[int, str]:
        """The counts at the left, by row: each where it has a row of its own, else the ends."""
        counts = range(self.bottom, self.top + 1) if self.apart else (self.bottom, self.top)
        return {self.row(n) or 0: str(n) for n in counts}


def _whole(value: float) -> int:
    return round(min(max(value, 0.0), GREATEST))


class StepCanvas:
    """Cells of stepped lines, the later drawn over the earlier."""

    def __init__(self, steps: Steps, width: int) -> None:
        self._steps, self._width = steps, width
        self._cells: list[list[Run]] = [[(" ", "ink")] * width for _ in range(steps.height)]

    def level(self, count: float, name: str) -> None:
        """A dashed line across with its name, behind all that comes later."""
        row = self._steps.row(count)
        if row is not None:
            text = f"╌╌ {name} ".ljust(self._width, "╌")[: self._width]
            self._cells[row] = [(char, "faint") for char in text]

    def pole(self, x: int) -> None:
        """A line from top to bottom, behind all that comes later."""
        for row in self._cells:
            if row[x][0] in " ╌":
                row[x] = ("┊", "faint")

    def draw(self, course: Sequence[float], token: str, pen: str = LIGHT) -> None:
        """A line that runs level and turns where the count changes; gaps stay gaps."""
        before: int | None = None
        for x, value in enumerate(course[: self._width]):
            row = self._steps.row(value)
            if row is None:
                before = None
                continue
            if before is None or before == row:
                self._put(x, row, pen[0], token)
            else:
                self._turn(x, before, row, token, pen)
            before = row

    def _turn(self, x: int, before: int, row: int, token: str, pen: str) -> None:
        rises = row < before
        for y in range(min(before, row) + 1, max(before, row)):
            self._cells[y][x] = (pen[1], token)
        self._put(x, before, pen[4] if rises else pen[3], token)
        self._put(x, row, pen[2] if rises else pen[5], token)

    def _put(self, x: int, y: int, char: str, token: str) -> None:
        self._cells[y][x] = (_JOINED.get((self._cells[y][x][0], char), char), token)

    def lines(self) -> list[Line]:
        """Rows from top to bottom, neighbours of one token as one run."""
        return [joined(row) for row in self._cells]


def joined(cells: Sequence[Run]) -> Line:
    """Neighbours of one token as one run; blanks take the token before them."""
    out: Line = []
    for char, token in cells:
        if out and (out[-1][1] == token or char == " "):
            out[-1] = (out[-1][0] + char, out[-1][1])
        else:
            out.append((char, token))
    return out
