"""Points and curves as dots in cells: the one place that knows plotext."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from capmon.ui.widgets.scale import Scale
from capmon.ui.widgets.text import Run

Cells = list[list[Run]]
"""Rows from top to bottom, each of single characters with the token of their style."""

BLANK: Run = (" ", "ink")

_COLOUR = re.compile("\x1b\\[(?:38;5;)?(\\d+)m")
_FIRST = 1
"""Number of the first layer's colour: plotext colours cells, and the number tells the layer."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Points or a line through them, drawn over the layers before it."""

    points: tuple[tuple[float, float], ...]
    """Places on both scales, from left to right where they are joined; others are left out."""

    token: str
    """Token of its cells."""

    joined: bool = False
    """Whether neighbours are joined by a line."""

    over: bool = False
    """Whether its cells hide what is below, so that a line stays a line in a cloud of points."""


class _Figure:
    """Plotext's figure, which takes a moment to load and of which there is one a process."""

    def __init__(self) -> None:
        self.loaded: Any = None
        self.problem = ""


_figure = _Figure()


def ready() -> bool:
    """Whether a chart can be drawn at once."""
    return _figure.loaded is not None


def problem() -> str:
    """Why no chart can be drawn on this machine; empty while that is not known."""
    return _figure.problem


def load() -> None:
    """Load what draws; slow the first time, so that a screen asks for it in a thread."""
    if ready() or _figure.problem:
        return
    try:
        import plotext
    except ImportError as fault:
        # Its compiled part is not there for every machine.
        _figure.problem = str(fault).partition("\n")[0] or "plotext cannot be loaded"
        return
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.axes(False)
    figure.legend(False)
    figure.canvas("default")
    for axis in ("x", "y"):
        figure.ruler(axis).frequency(0)
    _figure.loaded = plotext


def cells(layers: Sequence[Layer], x: Scale, y: Scale, width: int, height: int) -> Cells:
    """Layers as dots, eight to a cell; a cell takes the token of the last layer that has a dot there.

    Blank while `ready` does not hold: nothing is loaded here.

    Args:
        layers: What to draw, the undermost first.
        x: Scale from left to right.
        y: Scale from bottom to top.
        width: Cells of a row.
        height: Rows.
    """
    inside = [(layer, _inside(layer, x, y)) for layer in layers]
    inside = [(layer, points) for layer, points in inside if any(points)]
    out = [[BLANK] * width for _ in range(height)]
    if not ready() or width < 1 or height < 1:
        return out
    for over in (False, True):
        group = [each for each in inside if each[0].over is over]
        text = _drawn(group, x, y, width, height) if group else ""
        tokens = [layer.token for layer, _ in group]
        for row, line in zip(out, text.split("\n"), strict=False):
            drawn = _row(line, tokens, width)
            row[:] = [new if new[0] != " " else old for old, new in zip(row, drawn, strict=True)]
    return out


Part = list[tuple[float, float]]
"""Neighbouring points of one layer."""


def _drawn(
    inside: Sequence[tuple[Layer, list[Part]]], x: Scale, y: Scale, width: int, height: int
) -> str:
    """Plotext's text, a colour for each layer."""
    plotext = _figure.loaded
    figure = plotext.figure
    figure.clear.data()
    figure.plot_size(width, height)
    figure.ruler("x").lim(x.low, x.high)
    figure.ruler("y").lim(y.low, y.high)
    for i, (layer, parts) in enumerate(inside):
        marker = plotext.marker("braille", pixel=plotext.pixel(foreground=_FIRST + i))
        for part in parts:
            signal = figure.signal([p[0] for p in part], [p[1] for p in part], marker=marker)
            figure.draw(signal.lines(True) if layer.joined else signal)
    text = str(figure.build().string())
    figure.clear.data()
    return text


def _row(line: str, tokens: Sequence[str], width: int) -> list[Run]:
    """One row of plotext's text: its colours tell the layer."""
    out: list[Run] = []
    style = "ink"
    for i, part in enumerate(_COLOUR.split(line)):
        if i % 2:
            layer = int(part) - _FIRST
            style = tokens[layer] if 0 <= layer < len(tokens) else "ink"
        else:
            out += [(char, style) if char != " " else BLANK for char in part]
    return out[:width] + [BLANK] * (width - len(out))


def _inside(layer: Layer, x: Scale, y: Scale) -> list[Part]:
    """The parts of a layer that lie on both scales; a line is cut where it leaves them."""
    if not layer.joined:
        return [[p for p in layer.points if x.holds(p[0]) and y.holds(p[1])]]
    parts: list[Part] = [[]]
    last: tuple[float, float] | None = None
    for point in layer.points:
        if not all(map(math.isfinite, point)) or not x.holds(point[0]):
            parts.append([])
            last = None
            continue
        if y.holds(point[1]):
            if last is not None and not y.holds(last[1]):
                parts.append([_border(point, last, y)])
            parts[-1].append(point)
        elif last is not None and y.holds(last[1]):
            parts[-1].append(_border(last, point, y))
        last = point
    return [part for part in parts if part]


def _border(inner: tuple[float, float], outer: tuple[float, float], y: Scale) -> tuple[float, float]:  # fmt: skip
    """Where the line between two points leaves a scale."""
    end = y.high if outer[1] > y.high else y.low
    share = (end - inner[1]) / (outer[1] - inner[1])
    return inner[0] + share * (outer[0] - inner[0]), end
