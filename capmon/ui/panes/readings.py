"""Every reading of the application: value, unit, age, and why it is missing."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import CATALOGUE
from capmon.model.units import show_metric, span
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, bold, dim, ink, number, padded

PREFIXES = ("http.", "app.", "process.", "cache.", "db.", "replicas.")


WORDS = ("db.status", "service.version")
"""Metrics that are said in words."""

RARE = ("service.version", "process.start_time")
"""Metrics that no application has to report."""


class ReadingsPane(Pane):
    """Every reading of the application."""

    name_of_pane = "readings"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a metric, in the catalogue's order."""
        return Drawing("readings", draw(frame, width)[:height])


def draw(frame: Frame, width: int) -> list[Line]:
    """The lines."""
    keys = [k for k in CATALOGUE if k.startswith(PREFIXES) and _listed(frame, k)]
    if not keys:
        return [[dim("the application was not read yet")]]
    name = max(18, min(38, width - 16))
    return [_row(frame, k, name) for k in keys]


def _listed(frame: Frame, metric_key: str) -> bool:
    """Whether a metric has a row: those that few applications have, only where they have them."""
    reading = frame.readings.get(metric_key)
    return reading is not None and (metric_key not in RARE or reading.value is not None)


def _row(frame: Frame, metric_key: str, name: int) -> Line:
    reading = frame.readings[metric_key]
    head = padded(metric_key, name, "dim")
    if reading.value is None:
        return [head, dim("     –  "), dim(reading.reason)]
    if metric_key == "process.start_time":
        return [head, dim("  "), bold(span(frame.at - reading.value)), dim(" ago")]
    shown = show_metric(metric_key, reading.value)
    text = frame.texts.get(metric_key, "")
    if metric_key in WORDS and text:
        return [head, dim("  "), bold(text)]
    age = frame.at - reading.at if reading.at is not None else 0.0
    line: Line = [head, number(shown, 6), dim(f" {shown.unit:<6}")]
    if text:
        return [*line, ink(text)]
    # Ages below two intervals are the normal pace and would only flicker.
    return [*line, dim(f" {span(age)} old")] if age > 5 else line
