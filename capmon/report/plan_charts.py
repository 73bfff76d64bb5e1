"""Charts of a capacity plan as plain text: dots with axes that name their units and dates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from capmon.model.plan import Chart, Line
from capmon.report.plan_words import TIME, unit_name, written

WIDTH = 96
"""Columns that a chart takes at most."""

HEIGHT = 16
"""Rows that a chart takes, its axes included."""

MARKERS = {"limit": "╌", "low": "·", "high": "·"}
"""What lines are drawn with; others are dots of braille."""

NAMES = {"limit": "╌╌", "low": "··", "high": "··", "median": "⠤⠤", "measured": "⠒⠒"}
"""The same in a legend."""

DAYS = (1, 2, 5, 7, 14, 30, 60, 91, 182, 365, 730)
HOURS = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0)

ROOM = 13
"""Columns between two dates."""


def drawn(chart: Chart, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """A chart as lines of text without colours, none wider than `width`; one that says so where it is empty.

    Gaps stay gaps; what a line has beyond every scale is left out.
    """
    lines = [line for line in chart.lines if _points(line)]
    if not lines:
        return ["nothing to draw"]
    xs = [p[0] for line in lines for p in _points(line)]
    ys = [p[1] for line in lines for p in _points(line)]
    x_low, x_high = min(xs), max(xs)
    if x_high <= x_low:
        x_low, x_high = x_low - 0.5 * (abs(x_low) or 1), x_high + 0.5 * (abs(x_high) or 1)
    y_ticks = _round_numbers(min(0.0, *ys), max(ys), max(2, height // 3))
    if chart.x_unit == TIME:
        x_ticks, name = _dates(x_low, x_high, max(2, (width - 12) // ROOM))
    else:
        x_ticks = [t for t in _round_numbers(x_low, x_high, 6) if x_low <= t <= x_high]
        name = _plain
    text = _figure(
        lines, (x_low, x_high), (y_ticks[0], y_ticks[-1]), (width, height),
        (x_ticks, [name(t) for t in x_ticks]),
        (y_ticks, [written(t, chart.y_unit) for t in y_ticks]),
    )  # fmt: skip
    return [*(row.rstrip() for row in text.split("\n") if row.strip()), *_legend(chart, width)]


def _points(line: Line) -> list[tuple[float, float]]:
    return [p for p in zip(line.x, line.y, strict=False) if all(map(math.isfinite, p))]


def _figure(
    lines: Sequence[Line],
    x: tuple[float, float],
    y: tuple[float, float],
    size: tuple[int, int],
    x_ticks: tuple[list[float], list[str]],
    y_ticks: tuple[list[float], list[str]],
) -> str:
    """Plotext's text, of a figure of its own: the module's own one belongs to the screen."""
    import plotext

    plotext.terminal.limit(False, False)
    figure: Any = type(plotext.figure)(plotext.terminal)
    figure.plot_size(*size)
    figure.canvas("default")
    figure.legend(False)
    for axis, ends, ticks in (("x", x, x_ticks), ("y", y, y_ticks)):
        figure.ruler(axis).lim(*ends)
        figure.ruler(axis).ticks(*ticks)
    default = plotext.pixel(foreground="default")
    # Limits and bands first: what was measured is drawn over them.
    order = ("limit", "low", "high")
    for line in sorted(lines, key=lambda each: each.role not in order):
        marker = plotext.marker(MARKERS.get(line.role, "braille"), pixel=default)
        for part in _parts(line):
            signal = figure.signal([p[0] for p in part], [p[1] for p in part], marker=marker)
            figure.draw(signal.lines(True) if len(part) > 1 else signal)
    return str(figure.build().string(colorless=True))


def _parts(line: Line) -> list[list[tuple[float, float]]]:
    """Neighbouring points, parted at gaps."""
    parts: list[list[tuple[float, float]]] = [[]]
    for point in zip(line.x, line.y, strict=False):
        if all(map(math.isfinite, point)):
            parts[-1].append(point)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _round_numbers(low: float, high: float, aim: int) -> list[float]:
    """Round numbers evenly apart from at most `low` to at least `high`."""
    width = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(width / aim))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power * aim >= width * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [i * step for i in range(first, last + 1)]


def _dates(low: float, high: float, most: int) -> tuple[list[float], Callable[[float], str]]:
    """Moments evenly apart at whole days or hours in UTC, and how they are written."""
    width = high - low
    hours = next((s for s in HOURS if width / s <= most), 0.0)
    step = hours or 86400.0 * next((d for d in DAYS if width / 86400.0 / d <= most), DAYS[-1])
    while width / step > most:
        step *= 2
    ticks = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    form = "%d %b %H:%M" if hours else "%Y-%m-%d" if width > 300 * 86400 else "%d %b"

    def name(at: float) -> str:
        try:
            return datetime.fromtimestamp(at, UTC).strftime(form)
        except (ValueError, OverflowError, OSError):
            return ""

    return ticks or [low], name


def _plain(value: float) -> str:
    return written(value, "")


def _legend(chart: Chart, width: int) -> list[str]:
    """What each line is, and the unit from left to right."""
    known: dict[str, None] = {}
    for line in chart.lines:
        if _points(line):
            known[f"{NAMES.get(line.role, '⠒⠒')} {line.name}"] = None
    ends = f"→ {unit_name(chart.x_unit)}" if unit_name(chart.x_unit) else ""
    parts = [*known, *([ends] if ends else [])]
    rows: list[str] = []
    for part in parts:
        if rows and len(rows[-1]) + 3 + len(part) <= width:
            rows[-1] += f"   {part}"
        else:
            rows.append(f"  {part}"[:width])
    return rows
