"""When to act, and on what first."""

from __future__ import annotations

from collections.abc import Iterable

from capmon.model.results import Bottleneck, Priority, Recommendation, Severity, When

WHEN: dict[Severity, When] = {
    Severity.CRITICAL: When.IMMEDIATE,
    Severity.HIGH: When.SHORT_TERM,
    Severity.MEDIUM: When.LONG_TERM,
    Severity.LOW: When.LONG_TERM,
}
"""How soon a bottleneck of each severity asks for its steps."""

_PRIORITIES = {
    Severity.CRITICAL: Priority.IMMEDIATE,
    Severity.HIGH: Priority.URGENT,
    Severity.MEDIUM: Priority.PLANNED,
}


def priority(bottlenecks: Iterable[Bottleneck]) -> Priority:
    """When to scale: as soon as the worst bottleneck asks for it; one that eases does not ask."""
    worst = max(
        (b.severity for b in bottlenecks if not b.recovering), key=lambda s: s.rank, default=None
    )
    return Priority.NONE if worst is None else _PRIORITIES.get(worst, Priority.NONE)


def recommendations(bottlenecks: Iterable[Bottleneck]) -> tuple[Recommendation, ...]:
    """Every step once, most urgent first, in the order of the bottlenecks."""
    every = [r for b in bottlenecks for r in b.recommendations]
    every.sort(key=lambda r: list(When).index(r.when))
    first: dict[str, Recommendation] = {}
    for r in every:
        first.setdefault(r.text, r)
    return tuple(first.values())
