"""One of several things is selected: which, how it is marked, and which rows stay in view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from capmon.model.frame import Frame
from capmon.model.results import Bottleneck, Forecast, Trigger
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, bold, dim

Thing = TypeVar("Thing")

MARK = 2
"""Cells of the mark before a row."""


def marked(line: Line, *, selected: bool) -> Line:
    """A row with its mark, or the room for it."""
    return [bold("▸ ", "accent") if selected else dim("  "), *line]


def window(things: Sequence[Thing], at: int, height: int) -> Sequence[Thing]:
    """As many in a row as there is room for, the one at `at` among them."""
    first = min(max(0, at - height + 1), max(0, len(things) - height))
    return things[first : first + height]


def _named(pairs: Iterable[tuple[str, Thing]], wanted: str) -> Thing | None:
    """The thing of a name, else the first."""
    first: Thing | None = None
    for name, thing in pairs:
        if name == wanted:
            return thing
        if first is None:
            first = thing
    return first


def forecast_of(frame: Frame, view: View) -> Forecast | None:
    """The selected forecast, or None where there are none."""
    wanted = view.selected.get("forecast", "")
    return _named(((f.metric, f) for f in frame.forecasts), wanted)


def bottleneck_of(frame: Frame, view: View) -> Bottleneck | None:
    """The selected bottleneck, or None where there are none."""
    wanted = view.selected.get("bottlenecks", "")
    return _named(((b.component, b) for b in frame.bottlenecks), wanted)


def trigger_of(frame: Frame, view: View) -> Trigger | None:
    """The selected threshold while there is no bottleneck, or None."""
    if frame.bottlenecks:
        return None
    wanted = view.selected.get("bottlenecks", "")
    return _named(((t.component, t) for t in frame.triggers), wanted)
