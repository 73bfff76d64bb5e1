"""A course and what is expected of it: filled below, a shaded band, limits and the moment of now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from capmon.model.metric import Unit, Worse
from capmon.model.units import show
from capmon.ui.widgets.chart import AXIS, GREATEST
from capmon.ui.widgets.scale import size_of
from capmon.ui.widgets.spark import BLOCKS
from capmon.ui.widgets.text import Line, cut, dim

ABOVE, BELOW = "▒", "▓"
"""Shades of a band above and below its median."""

LINE = "▔━▁"
"""A line in the upper, the middle and the lower third of a cell."""

LEAST = 0.3
"""Share of a cell that a band must take to be seen in it."""

FAR = 4.0
"""A limit this many times beyond all values would press them flat, and is left out."""

WIDEST = 2.0
"""Times the greatest of all else up to which a band is shown; what lies above reaches the edge."""

FLAT = 0.8
"""Values that stay above this share of their greatest are drawn from near their least, not from zero."""

STILL = 0.02
"""Values that differ by no more than this share are drawn from zero, so that noise stays small."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Limit:
    """A level that matters."""

    at: float
    """Where it is, in the unit of the values."""

    name: str
    """What stands on its line."""

    tone: str = "dim"
    """Token of its line."""


@dataclass(frozen=True, slots=True)
class Course:
    """What was, and what is expected; one value a step, oldest first, NaN where there is a gap."""

    past: Sequence[float]
    """Values that were measured."""

    median: Sequence[float] = ()
    """Expected values."""

    low: Sequence[float] = ()
    """Lower ends of the band."""

    high: Sequence[float] = ()
    """Upper ends of the band."""

    limits: tuple[Limit, ...] = ()
    """Levels that matter; what is beyond the first one stands out."""

    worse: Worse = Worse.NEITHER
    """The direction that is beyond."""

    came: Sequence[float] = ()
    """What came in the steps that were expected, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, and what a time axis below it needs."""

    lines: list[Line]
    """Rows, the upper one first; empty where there is no room."""

    now: int
    """Cells from the left edge to the moment between past and future."""

    cells_a_step: float
    """Cells that one step takes."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Values at the lower and the upper edge of a drawing."""

    bottom: float
    top: float

    def share(self, value: float) -> float:
        """Where a value stands, 0 at the bottom and 1 at the top, clamped."""
        return min(max((value - self.bottom) / (self.top - self.bottom), 0.0), 1.0)


def plot(course: Course, width: int, height: int, unit: Unit, tone: str = "accent") -> Plot:
    """Draw a course, filled below it in eighths of a cell, with its scale at the left.

    What is expected is filled up to its median; its band is shaded on both sides of it.

    Args:
        course: What to draw.
        width: Cells for scale and drawing.
        height: Rows.
        unit: Unit of the values.
        tone: Token of the past.
    """
    room = width - AXIS
    if room < 4 or height < 1:
        return Plot([], 0, 0.0)
    past, ahead = list(course.past), len(course.median)
    now, each = _split(len(past), ahead, room)
    past = past[-max(1, math.ceil(now / each)) :]
    extent = extent_of(_shown(past, course), course.limits, unit)
    canvas = _Canvas(room, height, extent, course)
    canvas.fill(past, now - len(past) * each, each, tone)
    if ahead:
        canvas.fill(course.median, now, each, "future")
        canvas.shade(_stretched(course.low, each), _stretched(course.high, each), now)
        canvas.line(_stretched(course.came, each), now)
        canvas.rule(now)
    for limit in reversed(course.limits):
        canvas.limit(limit)
    labels = _labels(extent, course.limits, height, unit)
    lines = [[dim(f"{labels.get(y, ''):>{AXIS - 1}} "), *canvas.row(y)] for y in range(height)]
    return Plot(lines, AXIS + now, each)


def _shown(past: Sequence[float], course: Course) -> list[float]:
    """What the scale must hold: all but a band that would press everything else flat."""
    core = [v for v in (*past, *course.median, *course.came) if math.isfinite(v)]
    core += [x.at for x in course.limits if _is_near(x.at, max(core, default=0.0))]
    most = WIDEST * max(core, default=math.inf)
    return [*core, *course.low, *(min(v, most) if most > 0 else v for v in course.high)]


def _split(known: int, ahead: int, room: int) -> tuple[int, float]:
    """Cells of the past, and cells a step: the past has more room where there is more of it."""
    if not ahead:
        return room, room / max(1, known)
    shown = min(known, math.ceil(1.5 * ahead))
    # A young history leaves its room empty rather than move the moment of now.
    shown = max(shown, ahead // 2, 1)
    now = min(room - 2, max(1, round(room * shown / (shown + ahead))))
    return now, (room - now) / ahead


def extent_of(
    values: Sequence[float], limits: Sequence[Limit] = (), unit: Unit = Unit.COUNT
) -> Extent:
    """A scale of round numbers that holds the values, and limits that are not far away.

    It begins at zero, unless all values stay so close together that nothing would be seen.
    """
    known = [min(max(v, -GREATEST), GREATEST) for v in values if math.isfinite(v)]
    greatest = max(known, default=0.0)
    near = [x.at for x in limits if math.isfinite(x.at) and _is_near(x.at, greatest)]
    known += near
    low, high = min(known, default=0.0), max(known, default=0.0)
    if 0 <= low < FLAT * high or 0 <= high - low <= STILL * low:
        low = 0.0
    size = size_of(unit, high)
    step = size * _nice_step(((high - low) / 4 or abs(high) / 10) / size)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    if bottom > 0 and low - bottom < step / 2:
        bottom -= step  # the least value is seen to be more than nothing
    if not bottom < top or not math.isfinite(top - bottom):
        return Extent(min(0.0, low), max(1.0, high))
    return Extent(bottom, top)


def _is_near(limit: float, greatest: float) -> bool:
    return greatest <= 0 or abs(limit) <= FAR * greatest


def _nice_step(size: float) -> float:
    if not math.isfinite(size) or size <= 1e-300:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size))
    return next((m * power for m in _STEPS if m * power >= size * 0.9999), 10 * power)


def _labels(extent: Extent, limits: Sequence[Limit], height: int, unit: Unit) -> dict[int, str]:
    """What stands at the scale, by row."""

    def name(value: float) -> str:
        return cut(str(show(value, unit)), AXIS - 1)

    found = {0: name(extent.top), height - 1: name(extent.bottom)}
    if height >= 7:
        found[(height - 1) // 2] = name(extent.bottom / 2 + extent.top / 2)
    for limit in reversed(limits):
        y = row_of(extent, limit.at, height)
        if y is not None:
            found = {k: v for k, v in found.items() if abs(k - y) > 1 or k in (0, height - 1)}
            found[y] = name(limit.at)
    return found


def row_of(extent: Extent, value: float, height: int) -> int | None:
    """The row of a value, or None where it lies outside of the drawing."""
    if not math.isfinite(value) or not extent.bottom <= value <= extent.top:
        return None
    return min(height - 1, int((1 - extent.share(value)) * height))


def _stretched(values: Sequence[float], each: float) -> list[float]:
    """One value a cell."""
    cells = round(len(values) * each)
    return [values[min(len(values) - 1, int((x + 0.5) / each))] for x in range(cells)]


class _Canvas:
    """Cells that are drawn over one another, the later over the earlier."""

    def __init__(self, width: int, height: int, extent: Extent, course: Course) -> None:
        self._width, self._height, self._extent = width, height, extent
        self._limit = course.limits[0].at if course.limits else None
        self._worse = course.worse
        self._cells: list[list[tuple[str, str]]] = [[(" ", "ink")] * width for _ in range(height)]

    def _is_beyond(self, value: float) -> bool:
        if self._limit is None or self._worse is Worse.NEITHER:
            return False
        return value > self._limit if self._worse is Worse.HIGH else value < self._limit

    def fill(self, values: Sequence[float], start: float, each: float, tone: str) -> None:
        """Fill what lies below a course; what is beyond the limit stands out."""
        columns: dict[int, list[float]] = {}
        for i, value in enumerate(values):
            if math.isfinite(value):
                first = math.floor(start + i * each)
                for x in range(first, max(first + 1, math.floor(start + (i + 1) * each))):
                    columns.setdefault(x, []).append(value)
        # The part of a column that stands out begins at the limit, where high values do harm.
        row = None if self._limit is None else row_of(self._extent, self._limit, self._height)
        above = self._height - 1 if self._worse is Worse.LOW or row is None else row
        for x, found in columns.items():
            if 0 <= x < self._width:
                level = math.fsum(v / len(found) for v in found)
                self._column(x, level, tone, above if self._is_beyond(level) else -1)

    def _column(self, x: int, value: float, tone: str, above: int) -> None:
        """Fill one column; rows from the top down to `above` stand out."""
        eighths = max(1, round(self._extent.share(value) * self._height * 8))
        for y in range(self._height):
            level = min(8, max(0, eighths - 8 * (self._height - y - 1)))
            if level:
                self._cells[y][x] = (BLOCKS[level], "warning" if y <= above else tone)

    def shade(self, low: Sequence[float], high: Sequence[float], start: int) -> None:
        """Shade what lies between two courses."""
        for x, (a, b) in enumerate(zip(low, high, strict=False), start):
            if x >= self._width or math.isnan(a) or math.isnan(b):
                continue
            below, above = (self._extent.share(v) * self._height for v in (a, b))
            for y in range(self._height):
                foot = self._height - y - 1
                if min(above, foot + 1) - max(below, foot) < LEAST:
                    continue
                char, token = self._cells[y][x]
                if char == " ":
                    self._cells[y][x] = (ABOVE, "future")
                elif char == BLOCKS[8]:
                    self._cells[y][x] = (BELOW, token)

    def line(self, values: Sequence[float], start: int) -> None:
        """Draw a course as a line over all else, with an upright where it leaps."""
        before: int | None = None
        for x, value in enumerate(values, start):
            y = None
            if x < self._width and math.isfinite(value):
                thirds = min(3 * self._height - 1, int((1 - self._extent.share(value)) * 3 * self._height))  # fmt: skip
                y, part = divmod(thirds, 3)
                if before is not None:
                    for between in range(min(before, y) + 1, max(before, y)):
                        self._cells[between][x] = ("┃", "accent")
                self._cells[y][x] = (LINE[part], "accent!")
            before = y

    def rule(self, x: int) -> None:
        """An upright line."""
        for row in self._cells:
            if 0 < x <= len(row):
                row[x - 1] = ("│", "faint")

    def limit(self, limit: Limit) -> None:
        """A dashed line with its name, behind what is filled."""
        y = row_of(self._extent, limit.at, self._height)
        if y is None:
            return
        row = self._cells[y]
        free = "".join("╌" if char in (" ", ABOVE) else char for char, _ in row)
        name = f" {limit.name} "
        at = free.find("╌" * (len(name) + 4)) + 2 if limit.name else 0
        text = free if at < 2 else free[:at] + name + free[at + len(name) :]
        for x, char in enumerate(free):
            if char == "╌":
                row[x] = (text[x], limit.tone)

    def row(self, y: int) -> Line:
        """One row in as few runs as it has."""
        out: Line = []
        for char, tone in self._cells[y]:
            if out and (out[-1][1] == tone or char == " "):
                out[-1] = (out[-1][0] + char, out[-1][1])
            else:
                out.append((char, tone))
        return out
