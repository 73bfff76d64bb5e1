"""Groups of recording and alerting rules, and the file that Prometheus loads them from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from capmon.report.promql import duration
from capmon.report.scalars import block, comment, scalar


@dataclass(frozen=True, slots=True)
class Recording:
    """An expression that is evaluated once and used by name."""

    record: str
    """Name of the series: level, metric, operation."""

    expr: str
    """PromQL."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that it is given."""

    notes: tuple[str, ...] = ()
    """What a reader should know, one line each."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that someone should hear of."""

    alert: str
    """Name, in camel case; rules of one name differ in their severity."""

    expr: str
    """PromQL; whatever it gives is an alert."""

    labels: Mapping[str, str]
    """Labels, templates allowed."""

    annotations: Mapping[str, str]
    """Texts for people, templates allowed."""

    for_: float = 0.0
    """Seconds that it must hold."""

    keep: float = 0.0
    """Seconds for which it goes on once the condition is over."""

    notes: tuple[str, ...] = ()
    """What a reader should know, one line each."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, in this order."""

    name: str
    """Unique in its file."""

    rules: tuple[Recording | Alert, ...]
    """Recordings before the alerts that use them."""

    notes: tuple[str, ...] = ()
    """What a reader should know, one line each."""


def as_yaml(header: Iterable[str], groups: Sequence[Group]) -> str:
    """The file: comments, then every group that has a rule."""
    lines = [comment(text) for text in header]
    kept = [g for g in groups if g.rules]
    lines.append("groups:" if kept else "groups: []")
    for group in kept:
        lines += [comment(note, 2) for note in group.notes]
        lines += [f"  - name: {scalar(group.name)}", "    rules:"]
        for rule in group.rules:
            lines += [comment(note, 6) for note in rule.notes]
            lines += _recording(rule) if isinstance(rule, Recording) else _alert(rule)
    return "\n".join(lines) + "\n"


def _recording(rule: Recording) -> list[str]:
    return [
        f"      - record: {scalar(rule.record)}",
        f"        expr: {block(rule.expr, 10)}",
        *_mapping("labels", rule.labels),
    ]


def _alert(rule: Alert) -> list[str]:
    lines = [f"      - alert: {scalar(rule.alert)}", f"        expr: {block(rule.expr, 10)}"]
    lines += [f"        for: {duration(rule.for_)}"] if rule.for_ > 0 else []
    lines += [f"        keep_firing_for: {duration(rule.keep)}"] if rule.keep > 0 else []
    return [
        *lines,
        *_mapping("labels", rule.labels),
        *_mapping("annotations", rule.annotations),
    ]


def _mapping(name: str, items: Mapping[str, str]) -> list[str]:
    if not items:
        return []
    return [
        f"        {name}:",
        *(f"          {key}: {scalar(text)}" for key, text in items.items()),
    ]
