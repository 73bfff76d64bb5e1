"""What limits the service now: every component against its threshold, sustained and ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from capmon.analysis.bottlenecks.context import Context, finite
from capmon.analysis.bottlenecks.evidence import culprit, measured, supporting
from capmon.analysis.bottlenecks.opinion import guide_view
from capmon.analysis.bottlenecks.rank import Order, score, terms
from capmon.analysis.bottlenecks.recommend import connections_full, steps
from capmon.analysis.bottlenecks.relief import Crossings, would_change
from capmon.analysis.bottlenecks.remedies import REMEDIES
from capmon.analysis.bottlenecks.sustain import Stage, Watch
from capmon.analysis.bottlenecks.thresholds import (
    NEAR,
    Rule,
    application,
    near_objective,
    rules,
    unready,
)
from capmon.analysis.bottlenecks.triggers import triggers
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses
from capmon.model.results import (
    Bottleneck,
    Evidence,
    Fit,
    Forecast,
    Headroom,
    Health,
    ReplicaState,
    Severity,
    Trigger,
)
from capmon.model.units import span

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
        self._crossings = Crossings()
        self._order = Order()
        self._triggers: tuple[Trigger, ...] = ()

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """Every threshold watched at the last step, those triggered first, then the nearest to harm."""
        return self._triggers

    def step(
        self,
        at: float,
        monotonic: float,
        readings: Mapping[str, Reading],
        texts: Mapping[str, str],
        processes: TopProcesses | None = None,
        replicas: ReplicaState | None = None,
        follows: float | None = None,
        *,
        headroom: Sequence[Headroom] = (),
        forecasts: Sequence[Forecast] = (),
        fits: Sequence[Fit] = (),
        app_state: Health | None = None,
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
            headroom: Loads at which limits bind.
            forecasts: What is expected of metrics.
            fits: Curves that headroom came from, for the load at which a severity ends.
            app_state: How the application's collector does; None when there is none.

        Returns:
            Bottlenecks, the worst first: by severity, then by `rank.score` with hysteresis; and a
            line for each that began, changed or ended.
        """
        current = rules(self._settings, readings, texts)
        near = near_objective(self._settings, readings, self._follows(follows))
        down = application(self._settings, app_state)
        fewer = unready(self._settings, replicas)
        current += [rule for rule in (near, down, fewer) if rule is not None]
        self._watch(current, monotonic)
        context = Context(
            settings=self._settings,
            at=at,
            readings=readings,
            processes=processes,
            replicas=replicas,
            follows=follows,
            following=self._following,
            headroom=headroom,
            forecasts=forecasts,
            fits=fits,
            connections_bind=self._connections_bind(headroom),
        )
        watched = [(rule, self._watches[name]) for name, rule in self._rules.items()]
        self._triggers = triggers(watched, context)
        found = _ranked(_rows(watched, monotonic, context, self._crossings), self._order)
        return found, self._transitions(found)

    def _connections_bind(self, headroom: Sequence[Headroom]) -> bool:
        watch = self._watches.get("database connections")
        return (watch is not None and watch.level > 0) or connections_full(headroom)

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

    def _transitions(self, found: Sequence[Bottleneck]) -> tuple[str, ...]:
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
    every = {
        rule.component: replace(rule, sustain=0.0) for rule in rules(settings, readings, texts)
    }
    watches = {name: Watch() for name in every}
    for name, watch in watches.items():
        watch.step(every[name], 0.0)
    full = "database connections" in watches and watches["database connections"].level > 0
    context = Context(settings=settings, at=at, readings=readings, connections_bind=full)
    watched = [(every[name], watch) for name, watch in watches.items()]
    return _ranked(_rows(watched, 0.0, context, Crossings()), Order())


def _ranked(rows: Sequence[Bottleneck], order: Order) -> tuple[Bottleneck, ...]:
    """Rows by severity, then by score, in an order that small differences do not turn."""
    by_name = {b.component: b for b in rows}
    worst = len(Severity) - 1
    places = {n: (worst - b.severity.rank, score(b.terms)) for n, b in by_name.items()}
    return tuple(by_name[name] for name in order.arrange(places))


def _rows(
    watched: Sequence[tuple[Rule, Watch]], monotonic: float, context: Context, crossings: Crossings
) -> list[Bottleneck]:
    """A row for each bottleneck.

    Signs of saturation fold into the resource they speak of; what another row says is dropped.
    """
    active = {rule.component: (rule, watch) for rule, watch in watched if watch.level}
    if "latency" in active:
        active.pop(NEAR, None)
    folded: dict[str, list[Evidence]] = {}
    for name, (rule, watch) in list(active.items()):
        backed = BACKS.get(name, ())
        host = next((n for n, (r, _) in active.items() if r.family in backed), None)
        if host is not None:
            del active[name]
            said = measured(rule, watch)
            folded.setdefault(host, []).append(replace(said, text=f"{name} {said.text}"))
    return [
        _bottleneck(rule, watch, monotonic, context, folded.get(name, ()), crossings)
        for name, (rule, watch) in active.items()
    ]


def _bottleneck(
    rule: Rule,
    watch: Watch,
    monotonic: float,
    context: Context,
    folded: Sequence[Evidence],
    crossings: Crossings,
) -> Bottleneck:
    """The row of one component, with the signs that were folded into it."""
    severity = rule.severities[watch.level - 1]
    impact = REMEDIES[rule.family].effect(severity, rule.severities[1])
    if rule.note:
        impact = f"near the objective, {rule.note}"
    room = context.room(rule)
    recovering = watch.stage is Stage.RECOVERING
    said = {e.metric for e in folded}
    others = (e for e in supporting(rule, context) if e.metric not in said)
    return Bottleneck(
        component=rule.component,
        severity=severity,
        metric=rule.metric,
        value=None if rule.state else watch.value,
        threshold=None if rule.state else rule.warning,
        critical=None if rule.state else rule.critical,
        since=context.at - (monotonic - watch.began),
        sustained=watch.over.seconds,
        impact=impact,
        evidence=(measured(rule, watch), *folded, *others),
        culprit=culprit(rule.family, context.processes, context.replicas),
        # What is about to be over asks for patience alone.
        recommendations=() if recovering else steps(rule, severity, context),
        recovering=recovering,
        terms=terms(rule, watch, severity, context),
        binds_at=None if room is None else room.at,
        load_multiple=None if room is None else finite(room.multiple),
        guide=guide_view(rule, watch),
        would_change=would_change(rule, watch, context, STOPS_FOLLOWING, crossings),
    )


def _strengthens(name: str, resource: Bottleneck, every: Mapping[str, Rule]) -> bool:
    return every[resource.component].family in BACKS.get(name, ())
