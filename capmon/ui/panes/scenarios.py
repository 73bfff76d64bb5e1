"""Loads that capacity may be sized for, and where load and resources are heading."""

from __future__ import annotations

import math

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.patterns import Growth, Patterns, Scenario
from capmon.model.units import digits, percent, show_metric, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import between, full_name
from capmon.ui.panes.load_map import too_young
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, ink, label, length, number, padded

NAME = 18
WORDS = 32
"""Cells of `greatest forecast of the next day`: prose that does not fit whole gives way to a bar."""

GROWN = 12
"""Cells of the name of what grows."""


class ScenariosPane(Pane):
    """Loads to size for, and growth."""

    name_of_pane = "scenarios"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Scenarios, how often to look, then growth."""
        return Drawing("size for · growth", draw(frame, width, height), fixed=height)


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    found = frame.patterns
    if found is None:
        words = "not looked for yet" if frame.engine_ready else loading(frame)
        return [[dim(words)]]
    lines: list[Line] = []
    if found.scenarios:
        lines += [scenario_line(s, found, width) for s in found.scenarios]
        if found.size_reason:
            aim: list[Line] = [[bold("▸ ", "accent"), dim(found.size_reason)]]
            if found.size_by_hand:
                aim.append([dim(f"by hand {found.size_by_hand}")])
            lines.append(as_many(aim, width, ", "))
        if found.watch_every is not None and found.watch_reason:
            lines.append([label("look", 7), bold(f"every {span(found.watch_every)}"), dim(f": {found.watch_reason}")])  # fmt: skip
    else:
        lines.append([ink(too_young(found))])
    if frame.growth and height > len(lines) + 1:
        lines.append([])
    return [*lines, *(growth_line(g, width) for g in frame.growth)][:height]


def scenario_line(scenario: Scenario, found: Patterns, width: int) -> Line:
    """`▸ p95  140 req/s  1.71×  95th percentile of the load`, or a bar where there is little room."""
    aimed = scenario.name == found.size_for
    shown = show_metric(found.metric, scenario.load)
    line: Line = [
        bold("▸ ", "accent") if aimed else dim("  "),
        padded(scenario.name, NAME - 2, "ink!" if aimed else "dim"),
        number(shown, 5),
        dim(f" {shown.unit:<6}"),
        bold(f"{digits(scenario.factor):>5}×"),
    ]
    room = width - length(line) - 2
    if room >= WORDS:
        return [*line, dim(f"  {scenario.text}")]
    greatest = max((s.load for s in found.scenarios if math.isfinite(s.load)), default=0.0)
    share = scenario.load / greatest if greatest > 0 else None
    return [*line, dim("  "), *bar(share, room)] if room >= 4 else line


def growth_line(growth: Growth, width: int) -> Line:
    """`rate  +1.2 % a day (0.4–2.0), doubles in 58 d`."""
    name = label(full_name(growth.metric), GROWN)
    if growth.problem:
        return [name, dim(growth.problem)]
    if growth.rate is None and growth.caution:
        return [name, ink("too early to tell"), dim(f": {growth.caution}")]
    parts = [_pace(growth)]
    if growth.doubling_days is not None and _sure(growth):
        parts.append([dim("doubles in "), bold(span(growth.doubling_days * 86400))])
    if growth.model:
        parts.append([dim(growth.model)])
    parts.append([dim(growth.caution or f"{span(growth.days * 86400)} seen")])
    return [name, *(as_many([p for p in parts if p], width - GROWN, ", ") or parts[0])]


def _sure(growth: Growth) -> bool:
    """Whether the interval of the change leaves out none at all."""
    found = growth.rate or growth.per_day
    if found is None or found.low is None or found.high is None:
        return False
    return found.low > 0 or found.high < 0


def _pace(growth: Growth) -> Line:
    """The change a day: relative where it was fitted so, else in the metric's unit."""
    found = growth.rate or growth.per_day
    if found is None:
        return [dim("no trend")]
    share = metric(growth.metric).unit is Unit.RATIO
    if growth.rate is not None or share:
        # Of a share, a change in per cent could be read either way.
        unit = "%" if growth.rate is not None else "points"
        low, high = (None if v is None else percent(v) for v in (found.low, found.high))
        if not _sure(growth) and low is not None and high is not None:
            return [ink("no trend"), dim(f" ({low}–{high} {unit} a day)")]
        line: Line = [bold(f"{'+' if found.value > 0 else ''}{percent(found.value)}"), dim(f" {unit} a day")]  # fmt: skip
        return [*line, dim(f" ({low}–{high})")] if low is not None and high is not None else line
    shown = show_metric(growth.metric, found.value)
    inside = between(growth.metric, found.low, found.high)
    sign = "+" if found.value > 0 else ""
    return [bold(f"{sign}{shown.number}"), dim(f" {shown.unit} a day{f' ({inside})' if inside else ''}")]  # fmt: skip
