"""What speaks for a bottleneck: its measurement, the process behind it, pressure, latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capmon.analysis.bottlenecks.context import MOST_CELLS, Context, cut, of_one
from capmon.analysis.bottlenecks.rank import CPU_FAMILIES, PRESSURES
from capmon.analysis.bottlenecks.sustain import Stage, Watch
from capmon.analysis.bottlenecks.thresholds import NEAR, Rule
from capmon.model.frame import ProcessUse, TopProcesses
from capmon.model.metric import Unit, metric
from capmon.model.names import CPU, LATENCY
from capmon.model.results import Evidence, ReplicaState
from capmon.model.units import SCALES, percent, show, show_metric, span

LEAST_PRESSURE = 0.01
"""Share of time spent waiting below which it is not worth a line."""

MOST_DIGITS = 4
"""Digits that are tried to tell a value from its threshold."""

LONGEST_NAME = 24
"""Characters of a process's name."""

_USES_CPU = frozenset({"cpu", "cpu pressure", "throttled"})
_USES_MEMORY = frozenset({"memory", "memory pressure"})
_USES_IO = frozenset({"disk busy", "io pressure"})


def measured(rule: Rule, watch: Watch) -> Evidence:
    """The measurement itself: `81 % > 80 % for 4 m`."""
    if rule.state:
        return _state(rule, watch)
    text = _recovering(rule, watch) if watch.stage is Stage.RECOVERING else _past(rule, watch)
    noted = f"{text}, {rule.note}"
    # The impact says it too.
    fits = rule.note and len(noted) <= MOST_CELLS
    return Evidence(rule.metric, watch.value, noted if fits else cut(text))


def _recovering(rule: Rule, watch: Watch) -> str:
    """`5.5 %, under 70 % for 12 s`."""
    if rule.idle:
        return f"{show(watch.value, metric(rule.metric).unit)}, does not follow cpu any more"
    value, threshold = apart(watch.value, rule.warning, metric(rule.metric).unit)
    side = "above" if rule.low_is_bad else "under"
    return f"{value}, {side} {threshold}{_tail(watch.under.seconds)}"


def _past(rule: Rule, watch: Watch) -> str:
    """`95 % > 90 % for 30 s`; past the critical threshold for less than its time, the longer one."""
    unit = metric(rule.metric).unit
    sign = "<" if rule.low_is_bad else ">"
    if watch.level == 2 and watch.critical.full(rule.held(2)):
        value, threshold = apart(watch.value, rule.critical, unit)
        return f"{value} {sign} {threshold}{_tail(watch.critical.seconds)}"
    value, threshold = apart(watch.value, rule.warning, unit)
    text = f"{value} {sign} {threshold}{_tail(watch.over.seconds)}"
    if watch.level < 2:
        return text
    if watch.critical.running:
        return f"{text}, now past {show(rule.critical, unit)}"
    return f"{text}, {'fell' if rule.low_is_bad else 'peaked'} past {show(rule.critical, unit)}"


def apart(value: float | None, threshold: float, unit: Unit) -> tuple[str, str]:
    """A value and its threshold as texts: with more digits where both round alike."""
    shown, limit = show(value, unit), show(threshold, unit)
    if value is None or value == threshold or str(shown) != str(limit):
        return str(shown), str(limit)
    of_unit = SCALES[unit].get(limit.unit, 1.0)
    places = len(limit.number.partition(".")[2])
    for more in range(places + 1, places + MOST_DIGITS):
        texts = [f"{v / of_unit:.{more}f}" for v in (value, threshold)]
        if texts[0] != texts[1]:
            said = texts[1].rstrip("0").rstrip(".")
            return f"{texts[0]} {limit.unit}".rstrip(), f"{said} {limit.unit}".rstrip()
    return f"just {'over' if value > threshold else 'under'} {shown}", str(limit)


def _state(rule: Rule, watch: Watch) -> Evidence:
    if watch.stage is Stage.RECOVERING:
        return Evidence(rule.metric, None, cut(f"{rule.well}{_tail(watch.back_seconds)}"))
    tail = _tail(watch.over.seconds)
    return Evidence(rule.metric, None, cut(rule.state, 60 - len(tail)) + tail)


def _tail(seconds: float) -> str:
    return f" for {span(seconds)}" if seconds >= 0.5 else ""


def supporting(rule: Rule, context: Context) -> tuple[Evidence, ...]:
    """What else speaks for it, the process behind it first."""
    found = [_reason(rule), _process(rule, context), *_pressures(rule, context)]
    found.append(_correlated(rule, context))
    return tuple(e for e in found if e is not None)


def _reason(rule: Rule) -> Evidence | None:
    """Why an application does not answer, in the words of its collector."""
    said = rule.word if rule.family == "application" else ""
    return Evidence(rule.metric, None, cut(said)) if said else None


def _process(rule: Rule, context: Context) -> Evidence | None:
    """`java (812) 5.1 GiB, 21 % of memory`: of this host, for what the application reports may run elsewhere."""
    top = context.processes
    if top is None:
        return None
    if rule.family in _USES_CPU:
        limit = context.value("system.cpu.limit")
        return _used(rule, top.by_cpu, lambda p: p.cpu, Unit.CORES, limit, "cpu")
    if rule.family in _USES_MEMORY:
        limit = context.value("system.memory.limit")
        return _used(rule, top.by_memory, lambda p: p.memory, Unit.BYTES, limit, "memory")
    if rule.family in _USES_IO:
        return _used(rule, top.by_io, lambda p: p.io, Unit.BYTES_PER_SECOND, None, "")
    return None


def _used(
    rule: Rule,
    listed: Sequence[ProcessUse],
    use: Callable[[ProcessUse], float | None],
    unit: Unit,
    limit: float | None,
    resource: str,
) -> Evidence | None:
    amount = use(listed[0]) if listed else None
    if not amount:
        return None
    name = cut(listed[0].name, LONGEST_NAME)
    text = f"{name} ({listed[0].pid}) {_amount(amount, unit)}"
    if limit is not None and limit > 0:
        text += f", {percent(amount / limit)} % of {resource}"
    return Evidence(rule.metric, None, cut(text))


def _pressures(rule: Rule, context: Context) -> list[Evidence]:
    """`cpu pressure 12 %`: tasks wait for what is busy."""
    found = []
    for sign in PRESSURES.get(rule.family, ()):
        value = context.value(sign)
        if value is not None and value >= LEAST_PRESSURE:
            found.append(Evidence(sign, value, str(f"{metric(sign).label} {_shown(sign, value)}")))
    return found


def _correlated(rule: Rule, context: Context) -> Evidence | None:
    """A response time that rises and falls with the CPU speaks for either."""
    r = context.follows
    if r is None or not context.following:
        return None
    if rule.family in CPU_FAMILIES:
        value = context.value(LATENCY)
        now = "" if value is None else f" {_shown(LATENCY, value)}"
        return Evidence(LATENCY, value, f"p95{now} follows it, r {of_one(r)}")
    if rule.family == "latency":
        key = next((k for k in CPU if context.value(k) is not None), None)
        value = None if key is None else context.value(key)
        now = "" if key is None or value is None else f" {_shown(key, value)}"
        return Evidence(key or CPU[-1], value, f"follows cpu{now}, r {of_one(r)}")
    return None


def _shown(metric_key: str, value: float) -> str:
    return str(show_metric(metric_key, value))


def culprit(family: str, processes: TopProcesses | None, replicas: ReplicaState | None) -> str:
    """The process behind a row, or how many replicas share a slow response."""
    if family in {"latency", NEAR}:
        if replicas is None or replicas.ready is None:
            return ""
        return f"{replicas.ready} replica{'' if replicas.ready == 1 else 's'}"
    if processes is None:
        return ""
    if family in {"cpu", "cpu pressure"}:
        return _top(processes.by_cpu, lambda p: p.cpu, Unit.CORES)
    if family in {"memory", "memory pressure"}:
        return _top(processes.by_memory, lambda p: p.memory, Unit.BYTES)
    if family in _USES_IO:
        return _top(processes.by_io, lambda p: p.io, Unit.BYTES_PER_SECOND)
    return ""


def _top(
    listed: Sequence[ProcessUse], use: Callable[[ProcessUse], float | None], unit: Unit
) -> str:
    """The first of a list with what it uses: `java 5.1 GiB`."""
    amount = use(listed[0]) if listed else None
    return f"{listed[0].name} {_amount(amount, unit)}" if amount else ""


def _amount(amount: float, unit: Unit) -> str:
    """Two significant digits: a culprit is named, not measured."""
    if unit is Unit.CORES:
        return f"{amount:.1f} cores"
    shown = show(amount, unit)
    value = float(shown.number)
    return f"{value:.1f} {shown.unit}" if value < 9.95 else f"{value:.0f} {shown.unit}"
