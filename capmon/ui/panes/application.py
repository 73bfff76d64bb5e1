"""The application: rate, latency against its objective, cache and database."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import SourceState
from capmon.model.units import show, show_seconds, span
from capmon.ui.panes.common import (
    bottleneck_on,
    health_line,
    health_of,
    state_token,
    state_word,
    trend_spark,
)
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, label, number

LABEL = 8
RATE = "http.server.request.rate"
ERRORS = "http.server.error.ratio"
P50, P95, P99 = (f"http.server.request.duration.{q}" for q in ("p50", "p95", "p99"))


class ApplicationPane(Pane):
    """The application."""

    name_of_pane = "application"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Rate and latency first, then cache, database and what it says of itself."""
        title = f"application · {frame.app_name}" if frame.app_source != "none" else "application"
        return Drawing(title, draw(frame, view, width, height))


def draw(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines, the most important first."""
    if frame.app_source == "none":
        return [
            [dim("none is watched")],
            [dim("set app.source and app.url in capmon.yaml")],
        ][:height]
    lines = [
        _row(frame, "rate", RATE, "req/s", width, _errors(frame)),
        _row(frame, "p95", P95, "ms", width, _objective(frame, view, width)),
        _row(frame, "p50 p99", P50, "ms", width, _p99(frame)),
        _row(frame, "cache", "cache.hit_ratio", "% hit", width, _cache(frame)),
        _row(frame, "db", "db.connections.usage", "conns", width, _database(frame)),
        _row(frame, "in fl.", "http.server.active_requests", "reqs", width, _users(frame)),
        _row(frame, "cpu", "process.cpu.utilization", "%", width, _limit(frame, "process.cpu.utilization")),
        _row(frame, "memory", "process.memory.utilization", "%", width, _memory(frame)),
    ]  # fmt: skip
    source = _source(frame)
    if _is_down(frame):
        return [source, *lines][:height]
    return [*lines[: height - 1], source][:height] if height > 5 else lines[:height]


def _is_down(frame: Frame) -> bool:
    health = health_of(frame, "app")
    return health is not None and health.state is SourceState.FAILING


def _row(frame: Frame, name: str, metric_key: str, unit: str, width: int, tail: Line) -> Line:
    """Label, value, unit, spark, and a tail: each at the same place in every row."""
    known = frame.value(metric_key)
    shown = show(known, metric(metric_key).unit)
    unit = shown.unit if shown.unit in ("s", "k/s") else unit
    tone = state_token(bottleneck_on(frame, (metric_key,)))
    line: Line = [
        label(name, LABEL),
        number(shown, 5, "ink" if tone == "accent" else tone),
        dim(f" {unit:<6}"),
    ]
    room = width - LABEL - 12
    sparks = max(0, min(room - 20, room * 2 // 5))
    if sparks >= 6:
        top = 1.0 if metric(metric_key).unit is Unit.RATIO else None
        line += [trend_spark(frame, metric_key, sparks, "accent", top=top), dim("  ")]
    if known is None and not tail:
        tail = [dim(frame.reason(metric_key))]
    return [*line, *tail]


def _errors(frame: Frame) -> Line:
    shown = show(frame.value(ERRORS), Unit.RATIO)
    return [dim("errors "), number(shown, 4), dim(" %")]


def _objective(frame: Frame, view: View, width: int) -> Line:
    p95 = frame.value(P95)
    problem = bottleneck_on(frame, (P95,))
    limit = show_seconds(view.objective)
    share = None if p95 is None else p95 / view.objective
    tone = state_token(problem)
    if share is not None and share > 1 and tone == "accent":
        tone = "warning"
    size = 10 if width >= 52 else 5
    return [*bar(share, size, tone), dim(f" of {limit.number} {limit.unit}")]


def _p99(frame: Frame) -> Line:
    return [number(show(frame.value(P99), Unit.SECONDS), 5), dim(" ms p99")]


def _cache(frame: Frame) -> Line:
    problem = state_word(bottleneck_on(frame, ("cache.hit_ratio",)))
    used, size = frame.value("cache.usage"), frame.value("cache.limit")
    if problem:
        return problem
    if used is None:
        return [] if frame.value("cache.hit_ratio") is None else [dim("")]
    if size is None:
        return [dim(str(show(used, Unit.BYTES)))]
    return [dim(f"{show(used, Unit.BYTES).number} of {show(size, Unit.BYTES)}")]


def _database(frame: Frame) -> Line:
    status = frame.texts.get("db.status", "")
    healthy = frame.value("db.status")
    limit = frame.value("db.connections.limit")
    of = f"of {limit:.0f}" if limit is not None else ""
    if healthy is None:
        return [dim(of or frame.reason("db.status"))]
    if healthy >= 1:
        return [("● ", "ok"), dim(f"{status or 'healthy'}{', ' + of if of else ''}")]
    return [bold(f"◆ {status or 'not healthy'}", "critical")]


def _users(frame: Frame) -> Line:
    users = frame.value("app.users.active")
    return [] if users is None else [bold(f"{users:.0f}"), dim(" users")]


def _limit(frame: Frame, metric_key: str) -> Line:
    problem = state_word(bottleneck_on(frame, (metric_key,)))
    return problem or ([] if frame.value(metric_key) is None else [dim("of one replica")])


def _memory(frame: Frame) -> Line:
    used = frame.value("process.memory.usage")
    problem = state_word(bottleneck_on(frame, ("process.memory.utilization",)))
    if problem:
        return problem
    return [] if used is None else [dim(f"{show(used, Unit.BYTES)} a replica")]


def _source(frame: Frame) -> Line:
    health = health_of(frame, "app")
    if health is None:
        return [dim("no source")]
    every = span(health.interval) if health.interval >= 1 else f"{health.interval * 1e3:.0f} ms"
    if health.state is SourceState.LIVE:
        parts: list[Line] = [
            [dim(f"{frame.app_source} every {every}")],
            health_line(health, frame.at),
            [dim("quantiles of the last interval")],
        ]
        return as_many(parts, 80, "   ")
    return health_line(health, frame.at)
