"""How many replicas a load takes, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.model.curves import Estimate
from capmon.planning.chances import chance_over
from capmon.planning.evidence import Evidence
from capmon.planning.load import scaled

MOST = 100_000
"""Counts beyond this are no advice."""


@dataclass(frozen=True, slots=True)
class Count:
    """Replicas for one load."""

    median: int
    """What carries the load expected, by the curve itself."""

    low: int | None
    """What the favourable ends of both intervals would take; None where an end is open."""

    high: int | None
    """What the unfavourable ends would take."""

    sure: int
    """Least count that carries the load with the probability asked for."""


def replicas_for(load: Estimate, carries: Estimate, probability: float) -> Count | None:
    """Replicas that carry a load; None where one replica carries nothing or the count is absurd.

    Args:
        load: Requests per second of the whole service.
        carries: Requests per second that one replica carries.
        probability: With which the load shall stay within what they carry.
    """
    if not carries.value > 0 or not load.value / carries.value < MOST:
        return None
    low = _whole(load.low / carries.high) if load.low is not None and carries.high else None
    high = _whole(load.high / carries.low) if load.high is not None and carries.low else None
    median = _whole(load.value / carries.value)
    return Count(median, low, high, _sure(load, carries, probability, median))


def _whole(count: float) -> int:
    # Rounding must not ask for one more.
    return max(1, math.ceil(min(count, float(MOST)) - 1e-9))


def _sure(load: Estimate, carries: Estimate, probability: float, median: int) -> int:
    """The least count whose chance of being too few is at most what is left of the probability."""

    def enough(count: int) -> bool:
        return chance_over(load, scaled(carries, count)) <= 1 - probability

    high = median
    while not enough(high) and high < MOST:
        high *= 2
    low = median if not enough(median) else 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return max(high, 1)


def at_horizon(evidence: Evidence) -> Count | None:
    """Replicas for the busy hour at the horizon; None where load, capacity or count is not known."""
    return _of(evidence, evidence.load_then)


def at_busy_hour(evidence: Evidence) -> Count | None:
    """Replicas for the busy hour of now."""
    return _of(evidence, evidence.load_now)


def _of(evidence: Evidence, load: Estimate | None) -> Count | None:
    carries = evidence.replica.carries
    if load is None or carries is None or not evidence.replica.per_replica:
        return None
    return replicas_for(load, carries, evidence.question.probability)
