"""What several panes say in the same way: states, ages, sources."""

from __future__ import annotations

from collections.abc import Iterable

from capmon.model.frame import Frame
from capmon.model.results import Bottleneck, Health, SourceState
from capmon.model.units import span
from capmon.ui.widgets.spark import cells, spark, top_of
from capmon.ui.widgets.text import SEVERITY, Line, Run, bold, dim

STATE: dict[SourceState, tuple[str, str]] = {
    SourceState.LIVE: ("●", "ok"),
    SourceState.STARTING: ("◌", "dim"),
    SourceState.LATE: ("◐", "warning"),
    SourceState.FAILING: ("▲", "warning"),
    SourceState.OFF: ("○", "dim"),
}
"""Glyph and token of each state of a source."""


def loading(frame: Frame) -> str:
    """What stands where results are missing: they are about to come, or were not kept."""
    return "loading the models" if frame.past is None else "no results were kept of this moment"


def bottleneck_on(frame: Frame, metric_keys: Iterable[str]) -> Bottleneck | None:
    """The worst active bottleneck on one of some metrics."""
    keys = set(metric_keys)
    return next((b for b in frame.bottlenecks if b.metric in keys), None)


def state_token(bottleneck: Bottleneck | None) -> str:
    """Token of a bar: accent while all is well."""
    if bottleneck is None or bottleneck.recovering or bottleneck.severity.rank < 2:
        return "accent"
    return SEVERITY[bottleneck.severity][1]


def state_word(bottleneck: Bottleneck | None, *, short: bool = False) -> Line:
    """Glyph and word of a state; nothing while all is well."""
    if bottleneck is None:
        return []
    glyph, token = SEVERITY[bottleneck.severity]
    if bottleneck.recovering:
        return [dim("◇" if short else "◇ easing")]
    if short:
        return [bold(glyph, token)]
    return [bold(f"{glyph} {bottleneck.severity.value}", token)]


def trend_spark(
    frame: Frame, metric_key: str, width: int, tone: str, *, top: float | None = None
) -> Run:
    """A spark of one metric, from zero to `top` or to the greatest value shown."""
    values = cells(frame.trends.get(metric_key), width, metric_key)
    return spark(values, width, top_of(values) if top is None else top), tone


def health_of(frame: Frame, source: str) -> Health | None:
    """How one collector does."""
    return next((h for h in frame.health if h.source == source), None)


def health_line(health: Health, now: float) -> Line:
    """Glyph, word, and for anything but live the reason and since when."""
    glyph, token = STATE[health.state]
    out: Line = [(f"{glyph} ", token), (health.state.value, token)]
    if health.state in (SourceState.LIVE, SourceState.STARTING):
        return out
    if health.reason:
        out.append(dim(f"  {health.reason}"))
    if "last answer" in health.reason:
        return out
    if health.last_success is not None:
        out.append(dim(f", last answer {span(now - health.last_success)} ago"))
    elif health.since is not None:
        out.append(dim(f", for {span(now - health.since)}"))
    return out


def amount(value: float | None, text: str) -> Run:
    """A bold value, dim while it is not known."""
    return dim("–") if value is None else bold(text)
