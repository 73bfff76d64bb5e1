"""Bottlenecks, the worst first: what, how we know, what it does, who causes it, what to do."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.results import Bottleneck, Priority
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink, length, padded

SPOKEN = {"latency": "latency", "db connections": "db conns"}


class BottlenecksPane(Pane):
    """Bottlenecks."""

    name_of_pane = "bottlenecks"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line each, then what to do where there is room."""
        title = "bottlenecks"
        if frame.priority is not Priority.NONE:
            title += f" · scaling priority {frame.priority.value}"
        return Drawing(title, draw(frame, width, height))


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    if not frame.engine_ready:
        return [[dim("loading the models")]]
    if not frame.bottlenecks:
        return [[("● ", "ok"), ink("none"), dim(nearest(frame))]]
    lines = [row(b, width) for b in frame.bottlenecks]
    room = height - len(lines)
    if room >= 2:
        lines += advice_lines(frame, room)
    return lines[:height]


def nearest(frame: Frame) -> str:
    """What would bind next, for a screen without bottlenecks."""
    first = next((h for h in frame.headroom if h.at is not None and h.multiple), None)
    if first is None or first.multiple is None:
        return ""
    from capmon.ui.panes.models import SPOKEN as NAMES

    name = NAMES.get(first.target, first.target)
    return f"   {name} binds first, at {first.multiple:.2f}× today's load"


def row(bottleneck: Bottleneck, width: int) -> Line:
    """Severity, what, evidence, impact, culprit, what to do, in columns of fixed width."""
    glyph, tone = SEVERITY[bottleneck.severity]
    word = "easing" if bottleneck.recovering else bottleneck.severity.value
    line: Line = [bold(f"{glyph} {word:<9}", tone)]
    line.append((padded(bottleneck.component, 11)[0], "ink!"))
    evidence = bottleneck.evidence[0].text if bottleneck.evidence else ""
    line.append(padded(evidence, min(27, max(12, width - length(line)))))
    room = width - length(line)
    todo = bottleneck.recommendations[0].text if bottleneck.recommendations else ""
    if room < 24:
        return line
    if room < 60:
        return [*line, dim("  "), ink(todo or bottleneck.impact)]
    who = bottleneck.culprit
    impact_width = 34 if room >= 84 else 0
    if impact_width:
        line.append((padded("  " + bottleneck.impact, impact_width)[0], "dim"))
    line.append((padded("  " + who, 20)[0], "dim"))
    return [*line, dim("  "), ink(todo)]


def advice_lines(frame: Frame, room: int) -> list[Line]:
    """The next recommendations of each bottleneck, most urgent first."""
    shown = {b.recommendations[0].text for b in frame.bottlenecks if b.recommendations}
    rest = [r for r in frame.recommendations if r.text not in shown][: room - 1]
    if not rest:
        return []
    return [
        [],
        *([dim(f"  {r.when.value:<11}"), dim(f"{r.component:<12}"), ink(r.text)] for r in rest),
    ]
