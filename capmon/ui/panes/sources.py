"""Collectors' health, and what happened lately."""

from __future__ import annotations

from datetime import UTC, datetime

from capmon.model.frame import Event, Frame
from capmon.ui.panes.common import health_line
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, dim, ink, label

TONES = {"action": "accent", "bottleneck": "ink", "notice": "warning"}


class SourcesPane(Pane):
    """Collectors' health and recent events."""

    name_of_pane = "sources"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Sources first, events below."""
        return Drawing("sources and events", draw(frame, height))


def draw(frame: Frame, height: int) -> list[Line]:
    """The lines."""
    live = [h for h in frame.health if h.state.value == "live"]
    others = [h for h in frame.health if h.state.value != "live"]
    lines: list[Line] = [[label(h.source, 10), *health_line(h, frame.at)] for h in others]
    if live:
        names = ", ".join(h.source for h in live)
        lines.append([("● ", "ok"), ("live", "ok"), dim(f"  {names}")])
    lines += [event_line(e) for e in frame.events]
    return lines[:height]


def event_line(event: Event) -> Line:
    """Time and text of one event."""
    moment = datetime.fromtimestamp(event.at, UTC)
    tone = TONES.get(event.kind, "dim")
    return [dim(f"{moment:%H:%M:%S}  "), (event.text, tone) if tone != "ink" else ink(event.text)]
