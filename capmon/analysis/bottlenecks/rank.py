"""Which bottleneck comes first: visible terms, one score of them, and an order that does not flap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from capmon.analysis.bottlenecks.context import Context, cut, finite, label, of_load, of_one
from capmon.analysis.bottlenecks.sustain import Watch
from capmon.analysis.bottlenecks.thresholds import Rule
from capmon.config.schema import Settings
from capmon.model.metric import metric
from capmon.model.results import Forecast, Severity, Term
from capmon.model.units import percent, show, show_metric, span

WEIGHTS = {"headroom": 4.0, "utilization": 2.0, "pressure": 1.0, "forecast": 1.0, "latency": 1.0}
"""How much each term counts within a severity: headroom as much as utilization and two others."""

MARGIN = 0.05
"""Difference of two scores from which their order is turned."""

PRESSURES: dict[str, tuple[str, ...]] = {
    "cpu": ("system.pressure.cpu.some.avg10", "container.cpu.throttled"),
    "app cpu": ("system.pressure.cpu.some.avg10", "container.cpu.throttled"),
    "memory": ("system.pressure.memory.some.avg10",),
    "app memory": ("system.pressure.memory.some.avg10",),
    "disk busy": ("system.pressure.io.some.avg10",),
}
"""Signs of saturation by family of component."""

CPU_FAMILIES = frozenset({"cpu", "app cpu", "cpu pressure", "throttled"})
"""Families whose correlation with the response time is measured."""


def terms(rule: Rule, watch: Watch, severity: Severity, context: Context) -> tuple[Term, ...]:
    """What the rank of one bottleneck is made of, always the same six in the same order.

    Every share is 0 where nothing speaks for it and one half where its limit stands: headroom
    at 1 × the load of now, utilization and pressure at their critical thresholds, a forecast
    that passes its limit as likely as not. More harm never lowers a share:

        headroom     1 / (1 + m²), m the load at which it binds over the load of now
        utilization  t / (1 + t), t = (value - warning) / (critical - warning), 0 below the warning
        pressure     v / (v + c) of the greatest sign, v its value and c its critical threshold
        forecast     probability that the limit is passed within the horizon
        latency      correlation of the response time with it, 0 below 0

    A share that is not known is None and its text says why.
    """
    return (
        Term("severity", severity.rank / (len(Severity) - 1), severity.value),
        _headroom(rule, context),
        _utilization(rule, watch),
        _pressure(rule, context),
        _forecast(rule, context),
        _latency(rule, context),
    )


def score(found: Sequence[Term]) -> float:
    """Place within a severity, 0 to 1: the mean of the known shares by `WEIGHTS`.

    A term that is not known counts neither for nor against. Severity is no part of it: it comes
    before any score.
    """
    known = [(WEIGHTS[t.name], t.share) for t in found if t.name in WEIGHTS and t.share is not None]
    weight = sum(w for w, _ in known)
    return sum(w * share for w, share in known) / weight if weight else 0.0


class Order:
    """An order by group and score that is turned only where a score differs by a margin."""

    def __init__(self, margin: float = MARGIN) -> None:
        self._margin = margin
        self._last: dict[str, int] = {}

    def arrange(self, entries: Mapping[str, tuple[int, float]]) -> tuple[str, ...]:
        """Names in order: least group first, within it the greatest score.

        Two names that were in the group before keep their places unless the later one's score
        exceeds the earlier one's by more than the margin. A name that is new to its group takes
        its place by score; equal scores stand by name.

        Args:
            entries: Group and score by name.
        """
        ranked: list[str] = []
        for group in sorted({group for group, _ in entries.values()}):
            ranked += self._group(group, {n: s for n, (g, s) in entries.items() if g == group})
        self._last = {name: entries[name][0] for name in ranked}
        return tuple(ranked)

    def _group(self, group: int, scores: Mapping[str, float]) -> list[str]:
        stayed = [n for n, g in self._last.items() if g == group and n in scores]
        came = sorted(scores.keys() - set(stayed), key=lambda n: (-scores[n], n))
        placed: list[str] = []
        lowest = math.inf
        for names, margin in ((stayed, self._margin), (came, 0.0)):
            for name in names:
                least = scores[name] - margin
                if lowest < least:
                    place = next(i for i, other in enumerate(placed) if scores[other] < least)
                    placed.insert(place, name)
                else:
                    placed.append(name)
                lowest = min(lowest, scores[name])
        return placed


def beyond(rule: Rule, value: float | None) -> float | None:
    """How far a value is past the warning as a share of the way to the critical threshold.

    0 at the warning, 1 at the critical threshold, negative on the good side. Where both are one
    number, a share of that number; where that is 0, of one.
    """
    value = finite(value)
    if value is None:
        return None
    sign = -1.0 if rule.low_is_bad else 1.0
    way = sign * (rule.critical - rule.warning)
    if way <= 0:
        way = abs(rule.warning) or 1.0
    return sign * (value - rule.warning) / way


def _headroom(rule: Rule, context: Context) -> Term:
    room = context.room(rule)
    if room is None:
        return Term("headroom", None, "no model of load")
    name = "" if room.target == rule.metric else f"{label(room.target)} "
    at = None if room.at is None else finite(room.at.value)
    if at is None:
        return Term("headroom", None, cut(f"{name}{room.problem or 'not known'}"))
    text = f"{name}binds at {of_load(room.load, at)}"
    multiple = finite(room.multiple)
    if multiple is None or multiple < 0:
        return Term("headroom", None, cut(f"{text}, load of now not known"))
    return Term("headroom", 1 / (1 + multiple * multiple), cut(f"{text}, {of_one(multiple)}× now"))


def _utilization(rule: Rule, watch: Watch) -> Term:
    if rule.state:
        bad = watch.value is not None and watch.value < rule.warning
        return Term("utilization", float(bad), cut(rule.state if bad else rule.well))
    t = beyond(rule, watch.value)
    if t is None or watch.value is None:
        return Term("utilization", None, "not known")
    unit = metric(rule.metric).unit
    text = f"{show(watch.value, unit)} against {show(rule.warning, unit)}"
    if rule.warning > 0:
        text += f", {of_one(watch.value / rule.warning)}×"
    return Term("utilization", 1 - 1 / (1 + max(0.0, t)), cut(text))


def critical_pressure(settings: Settings, metric_key: str) -> float:
    """The critical threshold of a sign of saturation."""
    limits = settings.thresholds
    return {
        "system.pressure.cpu.some.avg10": limits.cpu_pressure,
        "system.pressure.memory.some.avg10": limits.memory_pressure,
        "system.pressure.io.some.avg10": limits.io_pressure,
        "container.cpu.throttled": limits.throttled,
    }[metric_key].critical


def _pressure(rule: Rule, context: Context) -> Term:
    signs = PRESSURES.get(rule.family)
    if signs is None:
        return Term("pressure", None, "no sign of saturation belongs to it")
    known = [(k, max(0.0, v)) for k in signs if (v := context.value(k)) is not None]
    if not known:
        return Term("pressure", None, "not measured")
    shares = [_half_at(v, critical_pressure(context.settings, k)) for k, v in known]
    text = ", ".join(f"{label(k)} {show(v, metric(k).unit)}" for k, v in known)
    return Term("pressure", max(shares), cut(text))


def _half_at(value: float, critical: float) -> float:
    """0 at 0, one half at the critical threshold."""
    return 1 / (1 + critical / value) if value > 0 else 0.0


def _forecast(rule: Rule, context: Context) -> Term:
    found = context.forecast(rule)
    if found is None or rule.low_is_bad:
        return Term("forecast", None, "not forecast")
    name = "" if found.metric == rule.metric else f"{label(found.metric)} "
    if found.problem or found.demoted:
        return Term(
            "forecast", None, cut(name + (found.problem or f"not trusted: {found.demoted}"))
        )
    p, limit = finite(found.breach_probability), finite(found.limit)
    if p is None or limit is None:
        return Term("forecast", None, cut(f"{name}has no limit to pass"))
    return Term("forecast", min(max(p, 0.0), 1.0), cut(name + _passing(found, p, limit)))


def _passing(found: Forecast, p: float, limit: float) -> str:
    """`34 % to pass 250 ms in 6 h, median 5 h`, or `over 80 % for 4 m`."""
    shown = show_metric(found.metric, limit)
    when = found.time_to_limit
    half = None if when is None else finite(when.t50)
    if half is not None and half < 0:
        return f"over {shown} for {span(half)}"
    chance = "<1" if 0 < p < 0.01 else ">99" if 0.99 < p < 1 else percent(p)
    text = f"{chance} % to pass {shown} in {span(found.horizon)}"
    return text if half is None else f"{text}, median {span(half)}"


def _latency(rule: Rule, context: Context) -> Term:
    if rule.family not in CPU_FAMILIES:
        return Term("latency", None, "correlation not measured")
    r = finite(context.follows)
    if r is None:
        return Term("latency", None, "correlation not known")
    return Term("latency", min(max(r, 0.0), 1.0), f"p95 follows it, r {of_one(r)}")
