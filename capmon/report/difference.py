"""What changed between two frames, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from capmon.model.frame import Frame
from capmon.model.metric import Unit
from capmon.model.results import Bottleneck, Health, SourceState
from capmon.model.units import show, span
from capmon.report.difference_figures import changed_figures, unknown_in_both
from capmon.report.difference_models import changed_forecasts, changed_limits
from capmon.report.difference_words import Change, Turn, among


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    name: str
    """Name of its file."""

    frame: Frame
    """What it shows."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of what made it."""

    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting that is no default came from."""


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changed from one frame to another."""

    before: Side
    """The first."""

    after: Side
    """The second."""

    strangers: tuple[str, ...]
    """Why they cannot be compared as one: another host, another application; empty when they can."""

    changes: tuple[Change, ...]
    """Worst first."""

    unknown: tuple[str, ...]
    """Keys of metrics that neither knows."""


def difference(before: Side, after: Side) -> Difference:
    """Compare two frames: what is worse comes first, then what only differs, then what is better."""
    a, b = before.frame, after.frame
    changes = [
        *_bottlenecks(a, b),
        *_sources(a, b),
        *_replicas(a, b),
        *changed_figures(a, b),
        *_states(a, b),
        *changed_limits(a, b),
        *changed_forecasts(a, b),
        *_host(a, b),
        *_settings(before, after),
        *_versions(before, after),
        *_happened(a, b),
    ]
    order = {Turn.WORSE: 0, Turn.OTHER: 1, Turn.BETTER: 2}
    # Python's sort is stable: what weighs the same stays in the order of the kinds.
    changes.sort(key=lambda c: (order[c.turn], -c.weight))
    return Difference(before, after, tuple(_strangers(a, b)), tuple(changes), unknown_in_both(a, b))


def _strangers(a: Frame, b: Frame) -> Iterator[str]:
    hosts = tuple("unknown" if f.host is None else f.host.hostname for f in (a, b))
    if None in (a.host, b.host):
        yield f"whether it is one host is not known: {hosts[0]}, {hosts[1]}"
    elif hosts[0] != hosts[1]:
        yield f"another host: {hosts[0]}, then {hosts[1]}"
    if (a.app_name, a.app_source) != (b.app_name, b.app_source):
        names = [_application(f) for f in (a, b)]
        yield f"another application: {names[0]}, then {names[1]}"
    if b.at < a.at:
        yield f"the second was taken {span(a.at - b.at)} before the first"


def _application(frame: Frame) -> str:
    return "none" if frame.app_source == "none" else f"{frame.app_name} ({frame.app_source})"


def _bottlenecks(a: Frame, b: Frame) -> Iterator[Change]:
    if not (a.engine_ready and b.engine_ready):
        if a.engine_ready or b.engine_ready:
            which = "the first" if not a.engine_ready else "the second"
            turn = Turn.WORSE if a.engine_ready else Turn.OTHER
            yield Change("bottleneck", "all", turn, 85, remark=f"unknown: {which} was not analysed")
        return
    old, new = ({x.component: x for x in f.bottlenecks} for f in (a, b))
    for name in dict.fromkeys([*new, *old]):
        was, now = old.get(name), new.get(name)
        ranks = tuple(-1 if x is None else x.severity.rank for x in (was, now))
        if ranks[0] == ranks[1]:
            continue
        turn = Turn.WORSE if ranks[1] > ranks[0] else Turn.BETTER
        yield Change(
            "bottleneck",
            name,
            turn,
            90 + max(ranks) * 10,
            _severity(was, "none"),
            _severity(now, "gone"),
            remark=_evidence(now or was),
        )


def _severity(found: Bottleneck | None, nothing: str) -> str:
    return nothing if found is None else found.severity.value


def _evidence(found: Bottleneck | None) -> str:
    if found is None or not found.evidence:
        return ""
    text = found.evidence[0].text
    return f"{text}; {found.culprit}" if found.culprit else text


def _sources(a: Frame, b: Frame) -> Iterator[Change]:
    old, new = ({h.source: h for h in f.health} for f in (a, b))
    for name in dict.fromkeys([*new, *old]):
        was, now = old.get(name), new.get(name)
        before, after = ("none" if h is None else h.state.value for h in (was, now))
        if before == after:
            continue
        bad, good = _silent(now), _silent(was)
        turn = Turn.WORSE if bad and not good else Turn.BETTER if good and not bad else Turn.OTHER
        reason = next((h.reason for h in (now, was) if h is not None and h.reason), "")
        yield Change("source", name, turn, 100 if bad else 40, before, after, remark=reason)


def _silent(found: Health | None) -> bool:
    return found is not None and found.state in (SourceState.FAILING, SourceState.LATE)


def _replicas(a: Frame, b: Frame) -> Iterator[Change]:
    if a.replicas is None and b.replicas is None:
        return
    for name in ("ready", "desired", "minimum", "maximum"):
        was, now = (getattr(f.replicas, name, None) for f in (a, b))
        if was == now:
            continue
        lost = name == "ready" and was is not None and (now is None or now < was)
        reason = b.replicas.reason if b.replicas is not None and now is None else ""
        change = among(was, now, Unit.COUNT)
        yield Change(
            "replicas",
            name,
            Turn.WORSE if lost else Turn.OTHER,
            95 if lost else 60,
            _count(was),
            _count(now),
            change.absolute,
            change.relative,
            remark=reason,
            figures=change.figures,
        )


def _count(count: int | None) -> str:
    return "unknown" if count is None else str(count)


def _states(a: Frame, b: Frame) -> Iterator[Change]:
    """What is said in words: the database's health, the application's version."""
    for key in sorted({*a.texts, *b.texts}):
        was, now = a.texts.get(key, "unknown"), b.texts.get(key, "unknown")
        if was == now:
            continue
        turn, weight = Turn.OTHER, 55
        if key == "db.status":
            well = tuple(f.value(key) for f in (a, b))
            turn = Turn.WORSE if well[1] != 1.0 else Turn.BETTER
            weight = 110 if turn is Turn.WORSE else 50
        yield Change("state", key, turn, weight, was, now)


def _host(a: Frame, b: Frame) -> Iterator[Change]:
    if a.host is None or b.host is None:
        return
    for name, unit in (("cores", None), ("cpu_limit", None), ("memory_total", Unit.BYTES), ("memory_limit", Unit.BYTES)):  # fmt: skip
        was, now = getattr(a.host, name), getattr(b.host, name)
        if was == now:
            continue
        before, after = (f"{v:g}" if unit is None else str(show(v, unit)) for v in (was, now))
        turn = Turn.WORSE if now < was else Turn.BETTER
        yield Change("host", name.replace("_", " "), turn, 70, before, after)
    if a.host.system != b.host.system:
        yield Change("host", "system", Turn.OTHER, 20, a.host.system, b.host.system)
    boots = a.host.boot_time, b.host.boot_time
    if a.host.hostname == b.host.hostname and None not in boots and abs(boots[1] - boots[0]) > 60:  # type: ignore[operator]
        yield Change(
            "host", "restarted", Turn.OTHER, 75, remark=f"up {span(b.at - (boots[1] or 0.0))}"
        )


def _settings(before: Side, after: Side) -> Iterator[Change]:
    """Where settings come from: their values are in no snapshot."""
    for key in sorted({*before.origins, *after.origins}):
        was, now = before.origins.get(key, "default"), after.origins.get(key, "default")
        if was != now:
            yield Change("setting", key, Turn.OTHER, 30, was, now)


def _versions(before: Side, after: Side) -> Iterator[Change]:
    for key in sorted({*before.versions, *after.versions}):
        was, now = (s.versions.get(key, "unknown") for s in (before, after))
        if was != now:
            yield Change("version", key, Turn.OTHER, 10, was, now)


TOLD = frozenset({"note", "action", "change", "start", "stop"})
"""Kinds of events that explain a difference; the others are told by what differs."""

MOST_EVENTS = 12
"""Events that are told at most, the latest."""


def _happened(a: Frame, b: Frame) -> Iterator[Change]:
    known = set(a.events)
    fresh = [e for e in b.events if e not in known and e.kind in TOLD]
    fresh.sort(key=lambda e: -e.at)
    for event in fresh[:MOST_EVENTS]:
        yield Change("event", event.kind, Turn.OTHER, 35, remark=event.text, at=event.at)


def as_document(found: Difference) -> dict[str, Any]:
    """The difference as plain values, fit for JSON."""
    return {
        "schema_version": "1.0",
        "kind": "capmon.difference",
        "before": _side(found.before),
        "after": _side(found.after),
        "strangers": list(found.strangers),
        "changes": [change.as_document() for change in found.changes],
        "unknown_in_both": list(found.unknown),
    }


def _side(side: Side) -> dict[str, Any]:
    from capmon.clock import rfc3339

    host = side.frame.host
    return {
        "file": side.name,
        "at": rfc3339(side.frame.at),
        "host": None if host is None else host.hostname,
        "application": side.frame.app_name or None,
    }
