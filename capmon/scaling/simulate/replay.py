"""One policy over recorded load, step by step, as it would have run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from capmon.analysis.foresight.peaks import peaks_ahead
from capmon.analysis.windows import Vec
from capmon.model.names import APP_CPU, APP_MEMORY, LATENCY, RATE
from capmon.scaling.policies.base import Change, PeakOutlook, Policy, Situation
from capmon.scaling.simulate.service import Counts, Service

State = TypeVar("State")

REMEMBERED = 3600.0
"""Seconds for which changes are told to a policy."""

STUCK = 60.0
"""Seconds of response time that stand for a queue without end."""


def followed(
    policy: Policy[State],
    load: Vec,
    service: Service,
    *,
    pace: float = 15.0,
    outlook: Callable[[int], PeakOutlook | None] = lambda _: None,
) -> Counts:
    """What a policy asks for at the end of each step, when it is obeyed.

    It is asked every `pace` seconds; where steps are longer, what was measured in a step stands
    until the next, and the policy is asked several times on it.

    Args:
        policy: The rule.
        load: (n,) load by step; NaN where it is not known, and then nothing changes.
        service: The service.
        pace: Seconds between two decisions.
        outlook: The forecast at the end of a step.

    Returns:
        (n,) counts.
    """
    known = load[~np.isnan(load)]
    desired = service.sized(float(known[0])) if len(known) else service.least
    run = _Run(desired, service)
    state, repeats = policy.start(), max(1, round(service.step / pace))
    asked = np.empty(len(load), dtype=np.int64)
    for i, amount in enumerate(load.tolist()):
        values = run.measured(amount)
        ahead = None if values is None else outlook(i)
        for again in range(repeats if values is not None else 0):
            # The last of them at the step's end: what it asks for is what the step ends with.
            at = (i + 1) * service.step - (repeats - 1 - again) * pace
            seen = run.seen(at, values or {}, ahead)
            verdict, state = policy.decide(state, seen)
            if verdict.to is not None:
                run.ask(at, verdict.to)
        asked[i] = run.end()
    return asked


class _Run:
    """The replicas of one replay: asked for, starting, serving."""

    def __init__(self, desired: int, service: Service) -> None:
        self._service = service
        self._desired = desired
        self._recent = [desired] * (service.delay + 1)
        self._changes: tuple[Change, ...] = ()

    def measured(self, load: float) -> dict[str, float] | None:
        """What is measured over a step with this load; None where the load is not known."""
        if math.isnan(load):
            return None
        service, ready = self._service, min(self._recent)
        used = load / (service.capacity * ready)
        # What is over the capacity is measured as such: demand, as a proportional rule needs it.
        values = {APP_CPU: used * service.full, RATE: load, APP_MEMORY: 0.0}
        p95 = service.p95(used)
        if p95 is not None:
            values[LATENCY] = min(p95, STUCK)
        return values

    def seen(self, at: float, values: dict[str, float], outlook: PeakOutlook | None) -> Situation:
        """What a policy sees."""
        return Situation(
            at,
            self._desired,
            min(self._recent),
            values,
            self._changes,
            outlook,
            self._service.capacity,
        )

    def ask(self, at: float, to: int) -> None:
        """Ask for a count."""
        to = self._service.bounded(to)
        if to == self._desired:
            return
        kept = (c for c in self._changes if at - c.at < REMEMBERED)
        self._changes = (*kept, Change(at, self._desired, to))
        self._desired = to

    def end(self) -> int:
        """The count asked for at the end of a step."""
        self._recent = [*self._recent[1:], self._desired]
        return self._desired


def static_peak(load: Vec, service: Service) -> Counts:
    """One count for all of it: what carries its peak at the utilization aimed at."""
    peak = float(np.nanmax(load)) if np.any(~np.isnan(load)) else 0.0
    return np.full(len(load), service.sized(peak), dtype=np.int64)


def look_ahead(load: Vec, service: Service) -> Counts:
    """What would be asked for by someone who knew the load until a replica asked for now has served."""
    ahead = peaks_ahead(load, service.delay + 1).tolist()
    return np.array([service.sized(peak) for peak in ahead], dtype=np.int64)


def turns(asked: Counts) -> tuple[int, int]:
    """How often the count changed, and how often it changed its direction."""
    changes = np.sign(np.diff(asked))
    changes = changes[changes != 0]
    return len(changes), int(np.count_nonzero(np.diff(changes)))
