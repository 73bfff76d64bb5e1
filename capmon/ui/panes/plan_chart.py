"""A chart of the plan as dots with axes, in the colours that lines have everywhere."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from capmon.model.metric import Unit
from capmon.model.plan import Chart
from capmon.model.plan import Line as Drawn
from capmon.report import plan_words as words
from capmon.ui.widgets import plot
from capmon.ui.widgets.axes import AXIS, Level, Name, framed
from capmon.ui.widgets.scale import Scale, scale, size_of
from capmon.ui.widgets.text import Line, as_many, bold, dim, wrapped

TONES = {
    "measured": "accent",
    "median": "ink",
    "low": "future",
    "high": "future",
    "limit": "warning",
}
"""Token of each role."""

ORDER = {"low": 0, "high": 0, "median": 2, "measured": 3}
"""What is drawn over what, the topmost last."""

HEIGHT = 12
"""Rows of a picture."""

STEPS = (3600.0, 7200.0, 21600.0, 43200.0, 86400.0, 172800.0, 604800.0, 1209600.0, 2592000.0, 7776000.0, 31536000.0)  # fmt: skip


def draw(chart: Chart, width: int, height: int = HEIGHT) -> list[Line]:
    """Title, what is what, and the picture."""
    lines: list[Line] = [*wrapped(chart.title, width, "ink!")]
    points = [p for line in chart.lines for p in points_of(line)]
    if not points:
        return [*lines, [dim("nothing to draw")]]
    if not plot.ready():
        return [*lines, [dim(plot.problem() or "loading the chart")]]
    if width < AXIS + 10:
        return lines
    x = _across(chart, [p[0] for p in points], width - AXIS)
    top, low = max(p[1] for p in points), min(p[1] for p in points)
    unit = chart.y_unit
    size = size_of(unit, top) if isinstance(unit, Unit) else 1.0
    y = Scale(0.0, 1.0, 0.2) if unit == Unit.RATIO and 0.5 < top <= 1 else scale(1.02 * max(top, -low), 5, size, both=low < 0)  # fmt: skip
    layers, levels = [], []
    for line in sorted(chart.lines, key=lambda each: ORDER.get(each.role, 1)):
        level = constant(line)
        if level is not None:
            levels.append(Level(level, TONES["limit"], _height(level, unit)))
        else:
            layers.append(plot.Layer(points_of(line, gaps=True), TONES.get(line.role, "ink"), joined=len(line.x) > 1))  # fmt: skip
    picture = plot.cells(layers, x, y, width - AXIS, height)
    names = (_name(chart, x), lambda value: _height(value, unit))
    return [*lines, _legend(chart, width), *framed(picture, x, y, names, levels=levels)]


def points_of(line: Drawn, *, gaps: bool = False) -> tuple[tuple[float, float], ...]:
    """Points that are known; with gaps also those that part a line."""
    pairs = zip(line.x, line.y, strict=False)
    return tuple(p for p in pairs if gaps or all(map(math.isfinite, p)))


def constant(line: Drawn) -> float | None:
    """The height of a limit that is the same everywhere; None for any other line."""
    heights = {p[1] for p in points_of(line)}
    return heights.pop() if line.role == "limit" and len(heights) == 1 else None


def _across(chart: Chart, xs: list[float], cells: int) -> Scale:
    low, high = min(xs), max(xs)
    if chart.x_unit != words.TIME:
        return scale(high, 6) if low >= 0 else scale(max(high, -low), 3, both=True)
    width = max(high - low, 3600.0)
    step = next((s for s in STEPS if width / s <= max(2, cells // 14)), STEPS[-1])
    while width / step > max(2, cells // 14):
        step *= 2
    first = math.floor(low / step) * step
    # No room is left blank before the first point: the first mark may lie outside the picture.
    return Scale(low, max(high, low + 1.0), step) if first < low else Scale(first, high, step)


def _height(value: float, unit: Unit | str) -> str:
    """A number at the left; what is no unit of the catalogue is too long to stand with it."""
    return words.written(value, unit if isinstance(unit, Unit) else "")


def _name(chart: Chart, x: Scale) -> Name:
    if chart.x_unit != words.TIME:
        return lambda value: words.written(value, "")
    form = "%H:%M" if x.step < 86400 else "%Y-%m-%d" if x.high - x.low > 300 * 86400 else "%d %b"

    def name(at: float) -> str:
        try:
            return datetime.fromtimestamp(at, UTC).strftime(form)
        except (ValueError, OverflowError, OSError):
            return ""

    return name


def _legend(chart: Chart, width: int) -> Line:
    parts: dict[str, Line] = {}
    for line in chart.lines:
        if points_of(line):
            tone = TONES.get(line.role, "ink")
            glyph = "╌" if constant(line) is not None else "━"
            parts.setdefault(line.name, [bold(f"{glyph} ", tone), dim(line.name)])
    if chart.y_unit and not isinstance(chart.y_unit, Unit):
        parts["↑"] = [dim(f"↑ {chart.y_unit}")]
    if unit := words.unit_name(chart.x_unit):
        parts["→"] = [dim(f"→ {unit}")]
    return as_many(list(parts.values()), width, "   ")
