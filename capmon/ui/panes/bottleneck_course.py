"""What speaks for the selected bottleneck: its metric over time against its thresholds, since when, and why."""

from __future__ import annotations

import re

from capmon.model.frame import Frame
from capmon.model.metric import Worse, metric
from capmon.model.results import Bottleneck, Trigger
from capmon.model.units import show_metric
from capmon.ui.panes.chosen import bottleneck_of, trigger_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import clock, full_name
from capmon.ui.panes.triggers import STATES
from capmon.ui.widgets.band import Course, Limit, Plot, plot
from capmon.ui.widgets.chart import AXIS
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import SEVERITY, Line, as_many, bold, dim, ink, join, length, spread
from capmon.ui.widgets.ticks import time_axis

BEGAN = "▲ began "
"""What stands on the time axis where the threshold was first crossed."""

MOST_EVIDENCE = 2
"""Further measurements that have lines of their own."""


class BottleneckCoursePane(Pane):
    """The selected bottleneck's metric over time."""

    name_of_pane = "course"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """What was measured, the chart, and what is behind it."""
        found = bottleneck_of(frame, view)
        if found is not None:
            name = full_name(found.metric)
            title = " · ".join(dict.fromkeys(("evidence", found.component, name)))
            return Drawing(title, of_bottleneck(found, frame, width, height), fixed=height)
        trigger = trigger_of(frame, view)
        if trigger is not None:
            name = full_name(trigger.metric)
            title = name if name == trigger.component else f"{trigger.component} · {name}"
            return Drawing(title, of_trigger(trigger, frame, width, height), fixed=height)
        return Drawing("evidence", [[dim("nothing binds" if frame.engine_ready else loading(frame))]])  # fmt: skip


def of_bottleneck(found: Bottleneck, frame: Frame, width: int, height: int) -> list[Line]:
    """Measurements, the chart since before it began, and the process behind it."""
    said = [e.text for e in found.evidence] or ["no measurement"]
    glyph, tone = SEVERITY[found.severity]
    if found.recovering:
        glyph, tone = "◇", "dim"
    since: Line = [dim(f"since {clock(found.since, frame.at, seconds=True)}")]
    first: Line = [bold(f"{glyph} ", tone), ink(said[0])]
    head = [spread(first, since, width) if length(first) + 16 <= width else first]
    head += [[dim("  "), dim(text)] for text in said[1 : 1 + min(MOST_EVIDENCE, height - 7)]]
    foot = [_behind(found, width)] if height >= 6 and (found.culprit or found.impact) else []
    limits = _limits(found.threshold, found.critical)
    room = height - len(head) - len(foot)
    if room < 3:
        return [*head, *foot][:height]
    body = chart(frame, found.metric, limits, width, room, found.since)
    return [*head, *body, *foot][:height]


def _behind(found: Bottleneck, width: int) -> Line:
    """The process behind it, and what it does to the service."""
    parts: list[Line] = []
    if found.culprit:
        parts.append([dim("behind it "), bold(found.culprit)])
    parts.append([dim(found.impact)])
    return as_many(parts, width, " · ") or join(parts[:1])


def of_trigger(trigger: Trigger, frame: Frame, width: int, height: int) -> list[Line]:
    """The value and its threshold, or the state in words, and the chart."""
    value = show_metric(trigger.metric, trigger.value)
    limit = show_metric(trigger.metric, trigger.threshold)
    line: Line = [bold(str(value)), dim(f" of {limit}")]
    if trigger.value is None:
        line = [dim(frame.reason(trigger.metric) or "not known")]
    limits = _limits(trigger.threshold, None)
    words = STATES.get(trigger.metric)
    if words is not None and trigger.value is not None:
        # Half of a state means nothing.
        line, limits = [bold(words[trigger.value >= 1])], ()
    return [line, *chart(frame, trigger.metric, limits, width, height - 1, None)][:height]


def _limits(warning: float | None, critical: float | None) -> tuple[Limit, ...]:
    found = (Limit(warning, "warning", "warning"),) if warning is not None else ()
    return (*found, Limit(critical, "critical", "critical")) if critical is not None else found


def chart(
    frame: Frame,
    metric_key: str,
    limits: tuple[Limit, ...],
    width: int,
    height: int,
    since: float | None,
) -> list[Line]:
    """The metric's recent course with its limits, a time axis, and a mark where it began."""
    trend = frame.trends.get(metric_key)
    entry = metric(metric_key)
    if trend is None or not trend.values:
        return [[dim(frame.reason(metric_key) or "no history yet")]]
    worse = entry.worse if entry.worse is not Worse.NEITHER else Worse.HIGH
    course = Course(trend.values, limits=limits, worse=worse)
    drawn = plot(course, width, height - 1, entry.unit)
    if not drawn.lines:
        return []
    words = STATES.get(metric_key)
    if words is not None:
        drawn.lines[:] = _named(drawn.lines, words)
    step = trend.step / drawn.cells_a_step
    axis = time_axis(width, AXIS, drawn.now, step, trend.end)
    return [*drawn.lines, _began(axis, drawn, step, trend.end, since)]


def _named(rows: list[Line], words: tuple[str, str]) -> list[Line]:
    """Rows whose scale says what 1 and 0 are called."""
    scale = [words[1], *[""] * (len(rows) - 2), words[0]] if len(rows) > 1 else [words[1]]
    return [[dim(f"{name:>{AXIS - 1}} "), *row[1:]] for name, row in zip(scale, rows, strict=True)]


def _began(axis: Line, drawn: Plot, step: float, end: float, since: float | None) -> Line:
    """The time axis with a mark where the threshold was first crossed."""
    if since is None or not step:
        return axis
    x = round(drawn.now + (since - end) / step) if abs(since - end) < 1e9 else -1
    text = axis[0][0] if axis else ""
    if not AXIS <= x < drawn.now:
        return axis
    end_of = x + len(BEGAN)
    # Labels that it would touch give way whole.
    for found in re.finditer(r"\S+(?: \S+)*", text):
        if found.start() < end_of and found.end() >= x:
            text = text[: found.start()] + " " * len(found[0]) + text[found.end() :]
    text = text.ljust(end_of)
    room = drawn.now - x
    tail = BEGAN[1:room] + text[end_of:] if room >= len(BEGAN) - 1 else ""
    return [dim(text[:x]), bold(BEGAN[0], "warning"), dim(tail.rstrip())]
