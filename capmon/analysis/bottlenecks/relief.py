"""What would lower the severity of a bottleneck, each with its number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.analysis.bottlenecks.context import Context, cut, finite, of_load
from capmon.analysis.bottlenecks.sustain import Watch
from capmon.analysis.bottlenecks.thresholds import NEAR, Rule
from capmon.analysis.curves.headroom import Limit, headroom
from capmon.model.metric import Unit, metric
from capmon.model.names import MEMORY_USAGE
from capmon.model.results import Fit, Headroom
from capmon.model.units import show, span

MOST_REPLICAS = 1000
"""A count above this is a fault of the curve."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a curve says of the line that a value must come back to."""

    load: float
    """Load of the whole service at which it is reached."""

    replicas: int | None
    """Ready replicas at which the load of now stays under it; None where that cannot be told."""


class Crossings:
    """Loads at which curves reach lines, found anew only when the curve or its replicas change."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Fit, float, int | None, float | None]] = {}

    def at(
        self, place: tuple[str, int], fit: Fit, limit: float, load: str, ready: int | None
    ) -> float | None:
        """Load of the whole service at which a curve reaches a limit; None where none is known.

        Args:
            place: Component and level that ask.
            fit: The curve.
            limit: The line, in the curve's unit.
            load: Key of the whole service's load.
            ready: Ready replicas.
        """
        known = self._known.get(place)
        if known is None or known[0] is not fit or known[1:3] != (limit, ready):
            found = headroom(fit, Limit(limit, "thresholds"), load, None, ready).at
            value = None if found is None else finite(found.value)
            known = self._known[place] = (fit, limit, ready, value)
        return known[3]


def clear_line(rule: Rule, level: int) -> float:
    """The value that must be passed on the way back from a level: its threshold less hysteresis."""
    threshold = rule.critical if level == 2 else rule.warning
    return threshold * (1 + rule.clear if rule.low_is_bad else 1 - rule.clear)


def would_change(
    rule: Rule, watch: Watch, context: Context, lost: float, crossings: Crossings
) -> tuple[str, ...]:
    """What would lower the severity: the value come back, less load, more replicas.

    Args:
        rule: The rule of the bottleneck.
        watch: Its state.
        context: For curves, headroom and replicas.
        lost: Correlation below which a response time is not said to follow the CPU any more.
        crossings: What was found at earlier steps.
    """
    held = f" for {span(rule.sustain)}" if 0 < rule.sustain < math.inf else ""
    if rule.state:
        return (cut(f"{rule.component} {rule.well.removesuffix(' again')}{held}"),)
    line = clear_line(rule, watch.level)
    side = "above" if rule.low_is_bad else "below"
    name = "latency" if rule.family == NEAR else cut(rule.component, 30)
    found = [f"{name} {side} {_figure(line, rule)}{held}"]
    if rule.family == NEAR:
        found.append(f"correlation with cpu below {lost:.1f}")
    room = context.room(rule)
    if room is not None and not rule.low_is_bad:
        found += _by_load(
            _room(rule, watch.level, room, line, context, crossings), rule, room, context
        )
    return tuple(cut(text) for text in found)


def _by_load(found: Room | None, rule: Rule, room: Headroom, context: Context) -> list[str]:
    now = finite(room.now)
    if found is None or now is None or found.load >= now:
        return []
    texts = [f"load below {of_load(room.load, _floored(found.load, 3))}"]
    ready, replicas = context.ready, found.replicas
    if ready and replicas and ready < replicas <= MOST_REPLICAS and not context.connections_bind:
        where = ", the new ones on other hosts" if rule.family == "cpu" else ""
        texts.append(f"{replicas} replicas{where}")
    return texts


def _room(
    rule: Rule,
    level: int,
    room: Headroom,
    line: float,
    context: Context,
    crossings: Crossings,
) -> Room | None:
    """The load at which the rule's own metric reaches a line, from its curve or from its headroom."""
    limit = _in_target(rule, room, line, context)
    if room.at is None or limit is None:
        return None
    fit = next((f for f in context.fits if f.target == room.target and not f.problem), None)
    if fit is None:
        # Without the curve only a limit that is no higher than the line says enough.
        return Room(room.at.value, room.needs) if room.limit <= limit else None
    ready = context.ready
    load = crossings.at((rule.component, level), fit, limit, room.load, ready)
    if load is None or load <= 0:
        return None
    if not fit.per_replica or not ready or room.now is None:
        return Room(load, None)
    needed = finite(room.now * ready / load)
    return Room(load, None if needed is None else math.ceil(needed - 1e-9))


def _in_target(rule: Rule, room: Headroom, line: float, context: Context) -> float | None:
    """The line in the unit of the headroom's target; None where that is another thing."""
    if room.target == rule.metric:
        return line
    share = context.settings.utilization_target
    if rule.family == "app memory" and room.target == MEMORY_USAGE and share > 0:
        return line * room.limit / share
    return None


def _figure(value: float, rule: Rule) -> str:
    """A line rounded to the side on which it holds."""
    unit = metric(rule.metric).unit
    digits = 2 if unit is Unit.RATIO else 3
    rounded = -_floored(-value, digits) if rule.low_is_bad else _floored(value, digits)
    return str(show(rounded, unit))


def _floored(value: float, digits: int) -> float:
    """The next number of so many significant digits at or below a value."""
    if value == 0 or not math.isfinite(value):
        return value
    place = 10.0 ** (digits - 1 - math.floor(math.log10(abs(value))))
    return math.floor(value * place + 1e-9) / place
