"""Whether an action made the objective worse, and for how long it is offered to be taken back."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

from capmon.actions.measured import Measured, growth
from capmon.actions.record import Past
from capmon.model.names import ERRORS, LATENCY
from capmon.model.results import ReplicaState
from capmon.model.units import show_metric

MOVED = 0.1
"""A load that moved by more than this share explains what came with it."""

LEAST_NOISE = 0.05
"""Noise of the response time before, as a share of it, that is allowed for at least."""

HOLDS = 60.0
"""Seconds for which the objective must hold again before nothing is offered any more."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the service promises."""

    latency_p95: float = 0.25
    """Objective of the 95th percentile of the response time, seconds."""

    errors: float = 0.01
    """Share of failed requests that is too much."""

    def limits(self) -> Mapping[str, float]:
        """The most of each metric, by its key."""
        return {LATENCY: self.latency_p95, ERRORS: self.errors}


def worse(promise: Promise, before: Measured, after: Measured) -> str:
    """How the objective got worse, with figures; empty when it did not, or when that is not known.

    Worse is a response time over its objective that rose by more than its readings spread
    before, or a share of errors that crossed its threshold. A load that rose by more than a
    tenth explains either.
    """
    came = growth(before, after)
    if came is not None and came > 1 + MOVED:
        return ""
    found = []
    was, now = before.values.get(LATENCY), after.values.get(LATENCY)
    if was is not None and now is not None and now > promise.latency_p95:
        noise = max(before.noise.get(LATENCY, 0.0), LEAST_NOISE * was)
        if now > was + noise:
            found.append(_change(LATENCY, "p95", was, now, promise.latency_p95, "objective"))
    was, now = before.values.get(ERRORS), after.values.get(ERRORS)
    if was is not None and now is not None and was <= promise.errors < now:
        found.append(_change(ERRORS, "errors", was, now, promise.errors, "threshold"))
    if found and came is None:
        found.append("the load is not known")
    return "; ".join(found)


def _change(key: str, name: str, was: float, now: float, limit: float, word: str) -> str:
    first, last, most = (show_metric(key, v) for v in (was, now, limit))
    start = first.number if first.unit == last.unit else str(first)
    return f"{name} {start} → {last}, {word} {most}"


class Offer:
    """The offer to take an action back, until it has no point any more.

    Args:
        promise: What the service promises.
        to: The count that the action left.
        seen: Metrics that were measured after the action: each that is promised must hold again.
    """

    def __init__(self, promise: Promise, to: int | None, seen: Container[str]) -> None:
        self._limits = {key: most for key, most in promise.limits().items() if key in seen}
        self._to = to
        self._holds_since: float | None = None
        self.ended = ""
        """Why it ended; empty while it stands."""

    def observe(self, state: ReplicaState, readings: Mapping[str, float], monotonic: float) -> None:
        """Take in one tick. A value that is not known is no sign that the promise holds."""
        if state.desired is not None and state.desired != self._to:
            self.ended = f"{state.desired} are asked for now"
            return
        if not self._kept(readings):
            self._holds_since = None
            return
        if self._holds_since is None:
            self._holds_since = monotonic
        if monotonic - self._holds_since >= HOLDS:
            self.ended = "the objective holds again"

    def _kept(self, readings: Mapping[str, float]) -> bool:
        return all(readings.get(key, math.inf) <= most for key, most in self._limits.items())


def moved(change: float | None) -> str:
    """`load is 12 % higher`; empty when it stayed within a tenth, or is not known."""
    if change is None or abs(change - 1) <= MOVED:
        return ""
    return f"load is {abs(change - 1) * 100:.0f} % {'higher' if change > 1 else 'lower'}"


def taken_back(past: Past | None, takes_back: str) -> tuple[str, ...]:
    """Why an action is taken back, for the plan; nothing where none is."""
    if past is None or past.id != takes_back:
        return ()
    line = f"takes {past.origin} → {past.to} back"
    return (f"{line}: {past.worse}" if past.worse else line,)


def cannot_take_back(
    past: Past | None, takes_back: str, to: int | None, state: ReplicaState | None
) -> tuple[str, ...]:
    """What forbids to take an action back besides every other limit; nothing where none is to be.

    Args:
        past: The last action on the target by anyone.
        takes_back: The action to take back; empty for none.
        to: Replicas asked for now.
        state: What the target said last.
    """
    if not takes_back:
        return ()
    if past is None:
        return ("there is no action to take back",)
    change = f"{past.origin} → {past.to}"
    if past.id != takes_back:
        return (f"another action came after the one to take back: {change}",)
    if past.takes_back:
        return (f"the last action, {change}, took another one back itself",)
    if to is None or to != past.origin:
        return (f"to take {change} back is to go to {past.origin}, not to {to}",)
    if state is not None and state.desired is not None and state.desired != past.to:
        return (f"the last action left {past.to}, and {state.desired} are asked for now",)
    return ()
