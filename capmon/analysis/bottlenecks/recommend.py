"""When to act, on what first, and how many replicas the load needs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from capmon.analysis.bottlenecks.context import (
    CONNECTIONS,
    MOST_CELLS,
    Context,
    cut,
    finite,
    of_load,
)
from capmon.analysis.bottlenecks.remedies import FOREIGN_CPU, REMEDIES, SCALE_OUT
from capmon.analysis.bottlenecks.thresholds import NEAR, Rule
from capmon.config.schema import ScalingSettings
from capmon.model.names import APP_CPU, CPU, LATENCY
from capmon.model.results import (
    Bottleneck,
    Headroom,
    Priority,
    Recommendation,
    Severity,
    When,
)

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

_RELIEVED = frozenset({"cpu", "app cpu", "latency", NEAR})
"""Families that a replica more relieves."""


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


def steps(
    rule: Rule, severity: Severity, context: Context | None = None
) -> tuple[Recommendation, ...]:
    """What to do about one bottleneck: the number of replicas first where a model knows it.

    A step that adds replicas is left out where database connections bind or the number stands.
    A busy host whose application is not busy asks for a look at its processes.
    """
    if context is not None and rule.family == "cpu" and context.app_is_calm:
        listed = FOREIGN_CPU.steps(severity, rule.severities[1])
        listed = (_look_at(context) or listed[0], *listed[1:])
        return tuple(Recommendation(text, WHEN[severity], rule.component) for text in listed)
    listed = REMEDIES[rule.family].steps(severity, rule.severities[1])
    numbered = None if context is None else _numbered(rule, context)
    if numbered is not None or (context is not None and context.connections_bind):
        listed = tuple(text for text in listed if text not in SCALE_OUT)
    if numbered is not None:
        listed = (numbered, *listed)
    return tuple(Recommendation(text, WHEN[severity], rule.component) for text in listed)


def _look_at(context: Context) -> str:
    """`see what make (812) does here: it takes 0.9 of 2 cores`; empty where no process is known."""
    listed = () if context.processes is None else context.processes.by_cpu
    if not listed or not listed[0].cpu:
        return ""
    limit = context.value("system.cpu.limit")
    cores = (
        f"{listed[0].cpu:.1f}" + (f" of {limit:.3g}" if limit and limit >= 0.1 else "") + " cores"
    )
    tail = f" ({listed[0].pid}) does here: it takes {cores}"
    return cut(f"see what {cut(listed[0].name, max(4, MOST_CELLS - 9 - len(tail)))}{tail}")


@dataclass(frozen=True, slots=True)
class Need:
    """How many replicas the load takes."""

    replicas: int
    """Ready replicas."""

    load: str
    """The load that takes them: `118 req/s`."""


def _numbered(rule: Rule, context: Context) -> str | None:
    """`add 2 replicas: 118 req/s need 6`, or what forbids it; None where no model asks for any."""
    ready, state = context.ready, context.replicas
    if rule.family not in _RELIEVED or ready is None or state is None or context.connections_bind:
        return None
    room = context.room(rule)
    if room is None and rule.family == "cpu":
        # The application is busy too: fewer of its requests on this host relieve both.
        room = context.room_of((APP_CPU,))
    if room is None or room.needs is None or room.needs <= ready:
        return None
    need = _need(context)
    if need is None:
        return None
    asked = max(ready, state.desired or 0)
    said = f"{need.load} need {need.replicas}"
    if need.replicas <= asked:
        return cut(f"wait for {_count(asked - ready)} to be ready: {said}")
    most, bound = _most(context.settings.scaling)
    if most <= asked:
        if bound:
            return cut(f"raise {bound} first: {_fit(most)}, {need.replicas} needed")
        return cut(f"raise the limit of {_count(most)}: {said}")
    more = min(need.replicas, most) - asked
    where = " on other hosts" if rule.family == "cpu" else ""
    tail = "" if need.replicas <= most else f", {most} allowed"
    return cut(f"add {_count(more)}{where}: {said}{tail}")


def _need(context: Context) -> Need | None:
    """The most that CPU and latency ask for: rows of one service name one number."""
    asking = [h for h in context.headroom if h.needs is not None and h.target in (*CPU, LATENCY)]
    if not asking:
        return None
    worst = max(asking, key=lambda h: h.needs or 0)
    now = finite(worst.now)
    load = "the load" if now is None else of_load(worst.load, now)
    return Need(worst.needs or 0, load)


def _most(scaling: ScalingSettings) -> tuple[int, str]:
    """The most replicas that may be, and the name of what they share where that is the reason."""
    most, bound = scaling.max, ""
    for shared in scaling.limits:
        # 100 / 0.1 must give 1000 although neither is exact in binary.
        if shared.per_replica > 0:
            fit = math.floor(shared.total / shared.per_replica * (1 + 1e-12))
            if fit < most:
                most, bound = max(fit, 0), shared.name
    return most, bound


def connections_full(rooms: Iterable[Headroom]) -> bool:
    """Whether a model says that database connections are used up at the load of now."""
    return any(
        h.target == CONNECTIONS and h.multiple is not None and h.multiple <= 1 for h in rooms
    )


def _count(n: int) -> str:
    return f"{n} replica{'' if n == 1 else 's'}"


def _fit(n: int) -> str:
    return f"{_count(n)} fit{'s' if n == 1 else ''}"
