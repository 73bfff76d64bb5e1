"""What limits the service now: every component against its threshold, sustained and ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from capmon.analysis.recommend import WHEN
from capmon.analysis.remedies import REMEDIES
from capmon.analysis.sustain import Stage, Watch
from capmon.analysis.thresholds import NEAR, Rule, near_objective, rules
from capmon.config.schema import Settings
from capmon.model.frame import ProcessUse, Reading, TopProcesses
from capmon.model.metric import Unit, metric
from capmon.model.results import Bottleneck, Evidence, Recommendation, ReplicaState
from capmon.model.units import show, span

FOLLOWS = 0.8
"""Correlation with the CPU from which a response time is said to follow it."""

STOPS_FOLLOWING = 0.7
"""Correlation below which it no longer is."""

BACKS: dict[str, tuple[str, ...]] = {
    "cpu pressure": ("cpu", "app cpu"),
    "throttled": ("app cpu", "cpu"),
    "memory pressure": ("memory", "app memory"),
    "io pressure": ("disk busy",),
}
"""Families whose bottleneck a sign of saturation strengthens instead of standing alone."""


class Detector:
    """Follows every component from reading to reading."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watches: dict[str, Watch] = {}
        self._rules: dict[str, Rule] = {}
        self._shown: dict[str, Bottleneck] = {}
        self._following = False

    def step(
        self,
        at: float,
        monotonic: float,
        readings: Mapping[str, Reading],
        texts: Mapping[str, str],
        processes: TopProcesses | None = None,
        replicas: ReplicaState | None = None,
        follows: float | None = None,
    ) -> tuple[tuple[Bottleneck, ...], tuple[str, ...]]:
        """Take in one tick.

        Args:
            at: Unix time, for labels only.
            monotonic: Seconds of a clock that never steps, for durations.
            readings: Latest values.
            texts: States in words.
            processes: The processes that use the most.
            replicas: The scale target.
            follows: Correlation of the response time with the CPU; None when not known.

        Returns:
            Bottlenecks, the worst first; and a line for each that began, changed or ended.
        """
        current = rules(self._settings, readings, texts)
        near = near_objective(self._settings, readings, self._follows(follows))
        if near is not None:
            current.append(near)
        self._watch(current, monotonic)
        found: list[Bottleneck] = []
        for name, rule in self._rules.items():
            watch = self._watches[name]
            if watch.level:
                found.append(_bottleneck(rule, watch, at, monotonic, processes, replicas))
        found = _merge(found, self._rules)
        found.sort(key=lambda b: (-b.severity.rank, -_excess(b, self._rules[b.component])))
        return tuple(found), self._transitions(found)

    def _follows(self, follows: float | None) -> float | None:
        least = STOPS_FOLLOWING if self._following else FOLLOWS
        self._following = follows is not None and follows > least
        return follows if self._following else None

    def _watch(self, current: Sequence[Rule], now: float) -> None:
        """Step every watch; a component whose reading vanished counts as not known."""
        seen = {rule.component: rule for rule in current}
        gone = {n: replace(r, value=None) for n, r in self._rules.items() if n not in seen}
        self._rules = seen | gone
        for name, rule in self._rules.items():
            self._watches.setdefault(name, Watch()).step(rule, now)
        for name in gone:
            if self._watches[name].stage is Stage.FINE and not self._watches[name].lost:
                del self._watches[name], self._rules[name]

    def _transitions(self, found: list[Bottleneck]) -> tuple[str, ...]:
        """A line for each row that came, changed or went."""
        now = {b.component: b for b in found}
        lines: list[str] = []
        for name, b in now.items():
            before = self._shown.get(name)
            reason = b.evidence[0].text if b.evidence else b.impact
            if before is None:
                lines.append(f"{name}: {b.severity} began, {reason}")
            elif before.severity is not b.severity:
                lines.append(f"{name}: {before.severity} is now {b.severity}, {reason}")
        for name, before in self._shown.items():
            if name not in now:
                lines.append(f"{name}: {self._ending(name, before, now)}")
        self._shown = now
        return tuple(lines)

    def _ending(self, name: str, before: Bottleneck, now: Mapping[str, Bottleneck]) -> str:
        watch = self._watches.get(name)
        if watch is not None and watch.lost:
            return f"lost sight of {before.severity}, no data"
        if watch is not None and watch.level:
            host = next(
                (b.component for b in now.values() if _strengthens(name, b, self._rules)), ""
            )
            return f"counted with {host}" if host else "counted with latency"
        return f"{before.severity} is over after {span(before.sustained)}"


def detect(
    settings: Settings,
    readings: Mapping[str, Reading],
    texts: Mapping[str, str],
    at: float = 0.0,
) -> tuple[Bottleneck, ...]:
    """Bottlenecks of one set of readings taken by itself, however short they have held."""
    found: list[Bottleneck] = []
    every = {
        rule.component: replace(rule, sustain=0.0) for rule in rules(settings, readings, texts)
    }
    for rule in every.values():
        watch = Watch()
        watch.step(rule, 0.0)
        if watch.level:
            found.append(_bottleneck(rule, watch, at, 0.0, None, None))
    found = _merge(found, every)
    found.sort(key=lambda b: (-b.severity.rank, -_excess(b, every[b.component])))
    return tuple(found)


def _bottleneck(
    rule: Rule,
    watch: Watch,
    at: float,
    monotonic: float,
    processes: TopProcesses | None,
    replicas: ReplicaState | None,
) -> Bottleneck:
    """The row of one component."""
    severity = rule.severities[watch.level - 1]
    worst = rule.severities[1]
    remedy = REMEDIES[rule.family]
    impact = remedy.effect(severity, worst)
    if rule.note:
        impact = f"near the objective, {rule.note}"
    return Bottleneck(
        component=rule.component,
        severity=severity,
        metric=rule.metric,
        value=None if rule.state else watch.value,
        threshold=None if rule.state else rule.warning,
        since=at - (monotonic - watch.began),
        sustained=watch.over.seconds,
        impact=impact,
        evidence=(_evidence(rule, watch),),
        culprit=_culprit(rule.family, processes, replicas),
        recommendations=tuple(
            Recommendation(text, WHEN[severity], rule.component)
            for text in remedy.steps(severity, worst)
        ),
        recovering=watch.stage is Stage.RECOVERING,
    )


def _evidence(rule: Rule, watch: Watch) -> Evidence:
    """The measurement in words."""
    critical = watch.level == 2 and watch.critical.running
    held = watch.critical.seconds if critical else watch.over.seconds
    tail = f" for {span(held)}" if held >= 0.5 else ""
    if rule.state:
        words = "healthy again" if watch.stage is Stage.RECOVERING else f"reports {rule.state}"
        return Evidence(rule.metric, None, f"{words}{tail}")
    unit = metric(rule.metric).unit
    threshold = rule.critical if critical else rule.warning
    if watch.stage is Stage.RECOVERING:
        text = f"{show(watch.value, unit)}, back from {show(threshold, unit)}"
    else:
        sign = "<" if rule.low_is_bad else ">"
        text = f"{show(watch.value, unit)} {sign} {show(threshold, unit)}{tail}"
        if watch.level == 2 and not critical:
            text += f", was {sign} {show(rule.critical, unit)}"
    return Evidence(rule.metric, watch.value, f"{text}, {rule.note}" if rule.note else text)


def _excess(b: Bottleneck, rule: Rule) -> float:
    """Distance beyond the threshold, relative to it; a bad state is as far as can be."""
    if b.value is None or b.threshold is None or b.threshold == 0:
        return 1.0
    distance = (b.value - b.threshold) / b.threshold
    return -distance if rule.low_is_bad else distance


def _merge(found: list[Bottleneck], every: Mapping[str, Rule]) -> list[Bottleneck]:
    """Fold signs of saturation into the resource they speak of; drop what another row says."""
    rows = {b.component: b for b in found}
    for b in found:
        host = next((r for r in rows.values() if _strengthens(b.component, r, every)), None)
        if host is not None:
            del rows[b.component]
            detail = Evidence(b.metric, b.value, f"{b.component} {b.evidence[0].text}")
            rows[host.component] = replace(host, evidence=(*host.evidence, detail))
    if "latency" in rows:
        rows.pop(NEAR, None)
    return list(rows.values())


def _strengthens(name: str, resource: Bottleneck, every: Mapping[str, Rule]) -> bool:
    return every[resource.component].family in BACKS.get(name, ())


def _culprit(family: str, processes: TopProcesses | None, replicas: ReplicaState | None) -> str:
    """The process behind a row, or how many replicas share a slow response."""
    if family in {"latency", NEAR}:
        if replicas is None or replicas.ready is None:
            return ""
        return f"{replicas.ready} replica{'' if replicas.ready == 1 else 's'}"
    if processes is None:
        return ""
    if family in {"cpu", "cpu pressure"}:
        return _top(processes.by_cpu, lambda p: p.cpu, Unit.CORES, " cores")
    if family in {"memory", "memory pressure"}:
        return _top(processes.by_memory, lambda p: p.memory, Unit.BYTES)
    if family in {"disk busy", "io pressure"}:
        return _top(processes.by_io, lambda p: p.io, Unit.BYTES_PER_SECOND)
    return ""


def _top(
    listed: Sequence[ProcessUse],
    use: Callable[[ProcessUse], float | None],
    unit: Unit,
    tail: str = "",
) -> str:
    """The first of a list with what it uses: `java 5.1 GiB`."""
    amount = use(listed[0]) if listed else None
    if not amount:
        return ""
    number = f"{amount:.1f}" if unit is Unit.CORES else str(_rounded(amount, unit))
    return f"{listed[0].name} {number}{tail}"


def _rounded(amount: float, unit: Unit) -> str:
    """Two significant digits: a culprit is named, not measured."""
    shown = show(amount, unit)
    value = float(shown.number)
    return f"{value:.1f} {shown.unit}" if value < 9.95 else f"{value:.0f} {shown.unit}"
