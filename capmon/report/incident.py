"""The incident summary: a frame as Markdown, short enough for a chat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from capmon import __version__
from capmon.clock import rfc3339
from capmon.model.frame import Event, Frame
from capmon.model.metric import Unit, metric
from capmon.model.names import ERRORS, RATE
from capmon.model.results import Bottleneck, Outcome, Predicted, Severity, SourceState
from capmon.model.text import one_line
from capmon.model.units import show, show_metric, span
from capmon.summary import forecast_text, headroom_text, said

LINES = 60
"""Lines at most."""

LONGEST = 240
"""Characters of a line that are kept before it is escaped."""

MOST = {"wrong": 8, "headroom": 4, "forecast": 5, "done": 4, "events": 8, "sources": 4}
"""Entries of each part at most; how many more there are is said."""

GLYPHS = {
    Severity.CRITICAL: "◆",
    Severity.HIGH: "▲",
    Severity.MEDIUM: "●",
    Severity.LOW: "○",
}
"""As on the screen: colour does not travel."""

DAY = 86400.0
"""Seconds within which a moment goes without its date."""

P95 = "http.server.request.duration.p95"

_SPECIAL = re.compile(r"([\\`*_\[\]<~|&])")
_LINKS = re.compile(r"(?<=\w)://|@|(?<=www)\.", re.IGNORECASE)
_OPENING = re.compile(r"^(\s*)(?:(\d+)([.)])(?=\s|$)|([-+=>#]))")


def incident(frame: Frame) -> str:
    """The summary of a frame: what is wrong, what is left, until when, what was done, what happened."""
    parts = [
        _wrong(frame),
        _left(frame),
        _ahead(frame),
        _done(frame),
        _happened(frame),
        _environment(frame),
    ]
    lines = [_headline(frame), ""]
    for part in parts:
        lines += [*part, ""] if part else []
    return "\n".join(lines[:LINES]).rstrip() + "\n"


def escaped(text: str) -> str:
    """Foreign words that Markdown shows as they are, on one line: no emphasis, link, tag or mention."""
    line = one_line(text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    line = _SPECIAL.sub(r"\\\1", line)
    # Chats make links of addresses and mentions of names; a space of no width keeps them from it.
    line = _LINKS.sub("\N{ZERO WIDTH SPACE}\\g<0>", line)
    return _OPENING.sub(r"\1\2\\\3\4", line)


def _headline(frame: Frame) -> str:
    """`**▲ HIGH · web on web-01 · memory, latency · 2026-03-01 14:32:07 UTC**`."""
    worst = max((b.severity for b in frame.bottlenecks), key=lambda s: s.rank, default=None)
    host = frame.host.hostname if frame.host is not None else "unknown host"
    who = (
        host if frame.app_source == "none" or not frame.app_name else f"{frame.app_name} on {host}"
    )
    if worst is not None:
        names = ", ".join(b.component for b in frame.bottlenecks[:3])
        more = len(frame.bottlenecks) - 3
        state = f"{GLYPHS[worst]} {worst.value.upper()}"
        what = names + (f" and {more} more" if more > 0 else "")
    elif not frame.engine_ready:
        state, what = "UNKNOWN", "nothing was analysed yet"
    else:
        state, what = "✓ OK", "no bottleneck"
    parts = (state, escaped(who), escaped(what), f"{_moment(frame.at)} UTC")
    return f"**{' · '.join(parts)}**"


def _section(title: str, lines: Sequence[str], most: int) -> list[str]:
    """A title and its entries, as many as there is room for."""
    if not lines:
        return []
    more = len(lines) - most
    rest = [f"- … and {more} more"] if more > 0 else []
    return [f"**{title}**", *lines[:most], *rest]


def _wrong(frame: Frame) -> list[str]:
    silent = [
        f"- source {escaped(h.source)} {h.state.value}: {escaped(h.reason or 'no answer')}"
        for h in frame.health
        if h.state in (SourceState.FAILING, SourceState.LATE)
    ]
    lines = [_bottleneck(frame, b) for b in frame.bottlenecks]
    more = max(0, len(silent) - MOST["sources"])
    silent = silent[: MOST["sources"]] + ([f"- … and {more} more sources"] if more else [])
    title = "Wrong"
    if frame.bottlenecks:
        title = f"Wrong (scaling priority: {frame.priority.value})"
    found = _section(title, lines, MOST["wrong"])
    return [*(found or ([f"**{title}**"] if silent else [])), *silent]


def _bottleneck(frame: Frame, found: Bottleneck) -> str:
    """`- ▲ high **memory**: 81 % > 80 % for 4 m; GC pressure; java 5.1 GiB → add memory`."""
    word = "easing" if found.recovering else found.severity.value
    evidence = "; ".join(e.text for e in found.evidence[:2] if e.text)
    if not evidence and found.value is not None:
        evidence = f"{show_metric(found.metric, found.value)} for {span(found.sustained)}"
    parts = [p for p in (evidence, found.impact, found.culprit) if p]
    since = _moment(found.since)[: -len(":00")]
    since = since[-len("14:32") :] if abs(frame.at - found.since) < DAY else since
    text = f"- {GLYPHS[found.severity]} {word} **{escaped(found.component)}** since {since}: {escaped('; '.join(parts))}"
    todo = found.recommendations[0].text if found.recommendations else ""
    return f"{text} → {escaped(todo)}" if todo else text


def _left(frame: Frame) -> list[str]:
    known = [f"- {escaped(headroom_text(h))}" for h in frame.headroom if h.at is not None]
    unknown = [f"- {escaped(headroom_text(h))}" for h in frame.headroom if h.at is None]
    now = "" if frame.app_source == "none" else f", load now {said(frame, RATE)}"
    title = f"Headroom{escaped(now)}"
    return _section(title, [*known, *([] if known else unknown)], MOST["headroom"])


def _ahead(frame: Frame) -> list[str]:
    told = [f for f in frame.forecasts if not f.problem]
    told.sort(key=lambda f: -(f.breach_probability or 0.0))
    lines = [
        f"- {escaped(forecast_text(f))}{escaped(f' (not to be trusted: {f.demoted})') if f.demoted else ''}"
        for f in told
    ]
    if not lines and frame.forecasts:
        lines = [f"- none: {escaped(frame.forecasts[0].problem)}"]
    return _section("Forecast", lines, MOST["forecast"])


def _done(frame: Frame) -> list[str]:
    return _section("Done", [_outcome(o) for o in frame.outcomes], MOST["done"])


def _outcome(outcome: Outcome) -> str:
    """`- 12:32 3 → 4 replicas, done: p95 187 ms → 152 ms, expected 149 ms`."""
    when = _moment(outcome.at)[: -len(":00")]
    text = (
        f"- {when} {_count(outcome.origin)} → {_count(outcome.to)} replicas, {outcome.state.value}"
    )
    if outcome.detail:
        text += f": {escaped(outcome.detail)}"
    if not outcome.settled:
        return text + (
            "; effect not known yet" if outcome.state.value in ("accepted", "done") else ""
        )
    actual = dict(outcome.actual)
    effects = [e for p in outcome.predicted if (e := _effect(p, actual.get(p.metric)))]
    text += f"; {escaped(', '.join(effects))}" if effects else ""
    return text + (f"; made it worse: {escaped(outcome.worse)}" if outcome.worse else "")


def _effect(expected: Predicted, came: float | None) -> str:
    if came is None:
        return ""
    label = metric(expected.metric).label
    text = f"{label} {show_metric(expected.metric, expected.before)} → {show_metric(expected.metric, came)}"
    after = expected.after
    return (
        text if after is None else f"{text}, expected {show_metric(expected.metric, after.value)}"
    )


def _happened(frame: Frame) -> list[str]:
    """Notes first of all: they are what a person had to say; then what happened, the latest first."""
    notes = [e for e in frame.events if e.kind == "note"]
    others = [e for e in frame.events if e.kind != "note"]
    chosen = [*notes, *others][: MOST["events"]]
    lines = [_event(e) for e in sorted(chosen, key=lambda e: -e.at)]
    more = len(frame.events) - len(chosen)
    return _section("Events (UTC)", [*lines, *([f"- … and {more} more"] if more else [])], MOST["events"] + 1)  # fmt: skip


def _event(event: Event) -> str:
    kind = "**note**" if event.kind == "note" else escaped(event.kind)
    return f"- {_moment(event.at)} {kind}: {escaped(event.text)}"


def _environment(frame: Frame) -> list[str]:
    lines = []
    host = frame.host
    if host is not None:
        limit = "" if host.cpu_limit_origin == "machine" else f" ({host.cpu_limit_origin} {host.cpu_limit:g})"  # fmt: skip
        size = show(host.memory_limit, Unit.BYTES)
        lines.append(
            f"- {escaped(f'{host.hostname}, {host.system}, {host.cores} cores{limit}, {size}')}"
        )
    figures = [("cpu", "system.cpu.utilization"), ("memory", "system.memory.utilization")]
    if frame.app_source != "none":
        figures += [("rate", RATE), ("p95", P95), ("errors", ERRORS)]
    lines.append("- " + escaped(", ".join(f"{name} {said(frame, k)}" for name, k in figures)))
    state = frame.replicas
    if state is not None:
        counts = f"{_count(state.ready)} of {_count(state.desired)} replicas ready"
        why = f" ({state.reason})" if state.ready is None and state.reason else ""
        lines.append(f"- {escaped(f'{counts}{why}, {state.kind} {state.name}')}")
    where = ""
    if frame.past is not None:
        where = f", {frame.past.kind} {frame.past.name}"
    lines.append(f"- {escaped(f'capmon {__version__}{where}')}")
    return ["**Environment**", *lines]


def _moment(at: float) -> str:
    """`2026-03-01 14:32:07`, in UTC; dashes in its place for what no calendar holds."""
    try:
        return rfc3339(at, timespec="seconds").replace("T", " ").rstrip("Z")
    except (ValueError, OverflowError, OSError):
        return "---- -- -- --:--:--"


def _count(count: int | None) -> str:
    return "unknown" if count is None else str(count)
