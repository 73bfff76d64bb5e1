"""One replica more above any upper level, one less below all lower ones, with a wait after each change."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.config.scaling import CooldownSettings, StepSettings
from capmon.model.names import CPU, LATENCY, MEMORY
from capmon.model.policies import Verdict, Wait
from capmon.model.units import percent, show_seconds
from capmon.scaling.policies.base import Situation

BRIDGE = 60.0
"""Seconds without a decision that do not end what was above or below its level."""


@dataclass(frozen=True, slots=True)
class StepState:
    """What the policy remembers."""

    at: float | None = None
    """Time of the last decision, seconds; None before the first."""

    above_since: float | None = None
    """Since when an upper level is crossed; None while none is."""

    below_since: float | None = None
    """Since when every value is under its lower level; None while one is not."""

    changed_at: float | None = None
    """Time of the latest change of the count that was seen; None while none was."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The two levels of one metric."""

    label: str
    keys: tuple[str, ...]
    up: float
    down: float
    seconds: bool = False
    """Whether the value is a time, else a share."""

    def text(self, value: float) -> str:
        return str(show_seconds(value)) if self.seconds else f"{percent(value)} %"


@dataclass(frozen=True, slots=True)
class _Reading:
    """One metric that is known."""

    level: _Level
    value: float

    @property
    def over(self) -> bool:
        """Whether it asks for one more."""
        return self.value > self.level.up

    @property
    def under(self) -> bool:
        """Whether it allows one less."""
        return self.value < self.level.down


class StepPolicy:
    """The capacity guide's rule: one replica at a time, by levels and cooldowns.

    Above any upper level it adds one; below all lower levels it takes one away; between them,
    which is its hysteresis, nothing changes. The levels must hold for as long as they say. A
    metric that is not known adds nothing and keeps replicas from being taken away.

    Cooldowns count from the latest change of the count, whoever made it, and not from a
    decision: wanting more than the maximum is no change and starts no cooldown. A count outside
    of the bounds is led back to them at once; a count of 0 is left alone.

    `waits` names the `cooldown` and the `hold`, the time for which the levels must still hold.

    Args:
        settings: The levels.
        cooldown: How long after any change replicas may be added or taken away.
        least: Least replicas, 1 or more.
        most: Most replicas.
        bridge: Seconds without a decision after which nobody knows that a level has held.
        explain: Whether verdicts carry reasons, bounds and waits.

    Source:
        The `AutoScaler` and the horizontal strategy of the capacity guide.
    """

    def __init__(
        self,
        settings: StepSettings,
        cooldown: CooldownSettings,
        least: int,
        most: int,
        *,
        bridge: float = BRIDGE,
        explain: bool = True,
    ) -> None:
        self._settings = settings
        self._cooldown = cooldown
        self._bridge = bridge
        self._least = least
        self._most = most
        self._explain = explain
        self._levels = _levels(settings)

    @property
    def name(self) -> str:
        """Name in tables."""
        return "step"

    def start(self) -> StepState:
        """Nothing remembered."""
        return StepState()

    def moved(self, state: StepState, seconds: float, /) -> StepState:
        """The state with `seconds` added to every time in it."""
        return StepState(
            _plus(state.at, seconds),
            _plus(state.above_since, seconds),
            _plus(state.below_since, seconds),
            _plus(state.changed_at, seconds),
        )

    def decide(self, state: StepState, seen: Situation, /) -> tuple[Verdict, StepState]:
        """One more, one less or the same; a situation older than the last counts as of that time."""
        now = seen.at if state.at is None else max(seen.at, state.at)
        if state.at is not None and now - state.at > self._bridge:
            state = StepState(changed_at=state.changed_at)
        known, unknown = _readings(self._levels, seen)
        over = any(r.over for r in known)
        under = not over and not unknown and all(r.under for r in known)
        after = StepState(
            now,
            _since(state.above_since, over, now),
            _since(state.below_since, under, now),
            _latest(state.changed_at, seen),
        )
        return self._verdict(after, seen.desired, known, unknown), after

    def _verdict(
        self, state: StepState, count: int, known: list[_Reading], unknown: tuple[str, ...]
    ) -> Verdict:
        if not self._least <= count <= self._most:
            return self._outside(count)
        if not known:
            return Verdict(self.name, None, unknown)
        if state.above_since is not None:
            return self._up(state, count, known, unknown)
        if state.below_since is not None:
            return self._down(state, count, known)
        return self._between(count, known, unknown)

    def _up(
        self, state: StepState, count: int, known: list[_Reading], unknown: tuple[str, ...]
    ) -> Verdict:
        reasons: tuple[str, ...] = ()
        if self._explain:
            strongest = sorted((r for r in known if r.over), key=_excess, reverse=True)
            reasons = (*(_crossed(r, r.level.up) for r in strongest), *unknown)
        if count >= self._most:
            return self._say(count, reasons, f"max {self._most}")
        waits = self._waits(state, state.above_since, up=True)
        return self._say(count if waits else count + 1, reasons, waits=waits)

    def _down(self, state: StepState, count: int, known: list[_Reading]) -> Verdict:
        reasons = tuple(_crossed(r, r.level.down) for r in known) if self._explain else ()
        if count <= self._least:
            return self._say(count, reasons, f"min {self._least}")
        waits = self._waits(state, state.below_since, up=False)
        return self._say(count if waits else count - 1, reasons, waits=waits)

    def _between(self, count: int, known: list[_Reading], unknown: tuple[str, ...]) -> Verdict:
        """No upper level crossed, and some value not under its lower one, or not known."""
        if not self._explain:
            return Verdict(self.name, count)
        # Only where all that is known allows one less is it the unknown that keeps the count.
        keeps = bool(unknown) and all(r.under for r in known)
        binds = f"{unknown[0]}: nothing is taken away" if keeps else ""
        return self._say(count, (*(_within(r) for r in known), *unknown), binds)

    def _outside(self, count: int) -> Verdict:
        if count <= 0:
            return Verdict(self.name, None, ("scaling is disabled: 0 replicas asked for",))
        if count > self._most:
            bound, to = f"max {self._most}", self._most
        else:
            bound, to = f"min {self._least}", self._least
        return Verdict(self.name, to, (f"{count} asked for, {bound}",), bound)

    def _waits(self, state: StepState, since: float | None, *, up: bool) -> tuple[Wait, ...]:
        """The cooldown and the time that the levels must still hold, where there is some left."""
        now = state.at or 0.0
        found = []
        if state.changed_at is not None:
            length = self._cooldown.up if up else self._cooldown.down
            # A change from after this moment, as a clock that stood still may show, is fresh.
            cooling = length - max(0.0, now - state.changed_at)
            if cooling > 0:
                found.append(Wait("cooldown", up, cooling))
        length = (self._settings.up if up else self._settings.down).for_
        left = length - (0.0 if since is None else now - since)
        if left > 0:
            found.append(Wait("hold", up, left))
        return tuple(found)

    def _say(
        self, to: int, reasons: tuple[str, ...], binds: str = "", waits: tuple[Wait, ...] = ()
    ) -> Verdict:
        if self._explain:
            return Verdict(self.name, to, reasons, binds, waits)
        return Verdict(self.name, to)


def _levels(settings: StepSettings) -> tuple[_Level, ...]:
    up, down = settings.up, settings.down
    return (
        _Level("cpu", CPU, up.cpu, down.cpu),
        _Level("memory", MEMORY, up.memory, down.memory),
        _Level("p95", (LATENCY,), up.latency_p95, down.latency_p95, seconds=True),
    )


def _readings(
    levels: tuple[_Level, ...], seen: Situation
) -> tuple[list[_Reading], tuple[str, ...]]:
    """What is known, and a text for each metric that is not."""
    known: list[_Reading] = []
    unknown: tuple[str, ...] = ()
    for level in levels:
        for key in level.keys:
            value = seen.values.get(key)
            if value is not None and math.isfinite(value):
                known.append(_Reading(level, value))
                break
        else:
            unknown = (*unknown, f"{level.label} unknown")
    return known, unknown


def _since(before: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if before is None else before


def _latest(before: float | None, seen: Situation) -> float | None:
    """The latest change known: one older than the situations tell of may still be cooling."""
    if not seen.changes:
        return before
    latest = seen.changes[-1].at
    return latest if before is None else max(before, latest)


def _plus(at: float | None, seconds: float) -> float | None:
    return None if at is None else at + seconds


def _excess(reading: _Reading) -> float:
    return reading.value / reading.level.up if reading.level.up > 0 else math.inf


def _crossed(reading: _Reading, bound: float) -> str:
    """Such as `cpu 84 % > 70 %`."""
    level, over = reading.level, reading.value > bound
    value, text = level.text(reading.value), level.text(bound)
    if value == text:
        return f"{level.label} just {'over' if over else 'under'} {text}"
    return f"{level.label} {value} {'>' if over else '<'} {text}"


def _within(reading: _Reading) -> str:
    """Such as `cpu 55 % (40 % to 70 %)`."""
    level = reading.level
    return f"{level.label} {level.text(reading.value)} ({level.text(level.down)} to {level.text(level.up)})"
