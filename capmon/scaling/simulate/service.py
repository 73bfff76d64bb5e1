"""The service that a replay runs load through: start-up delay, capacity, response times."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from capmon.analysis.windows import Vec

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]
"""(n,) replicas by step."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of equal replicas."""

    capacity: float
    """Load that one replica carries at most; the load's own unit."""

    startup: float
    """Seconds from the request of a replica until it serves."""

    least: int
    """Least replicas."""

    most: int
    """Most replicas."""

    target: float
    """Busy share of a replica's CPU that is aimed at, 0 to 1."""

    step: float
    """Seconds a step of the load."""

    full: float = 1.0
    """Busy share of a replica's CPU at its capacity: less than 1 where something else binds first."""

    latency: Callable[[float], float] | None = None
    """95th percentile of the response time, seconds, over load as a share of capacity, below 1; None where it is not known."""

    objective: float | None = None
    """What that should stay under, seconds."""

    @property
    def delay(self) -> int:
        """Whole steps until a replica that was asked for serves."""
        return math.ceil(self.startup / self.step - 1e-9)

    def bounded(self, replicas: float) -> int:
        """A count within the bounds."""
        return min(self.most, max(self.least, math.ceil(replicas - 1e-9)))

    def sized(self, load: float) -> int:
        """Replicas that carry a load at the utilization aimed at."""
        share = min(1.0, self.target / self.full)
        return self.bounded(load / (self.capacity * share)) if load > 0 else self.least

    def p95(self, utilization: float) -> float | None:
        """Response time at a utilization; infinite from 1 on, None where there is no curve."""
        if self.latency is None:
            return None
        return math.inf if utilization >= 1 else self.latency(utilization)


def queue_curve(objective: float, reached_at: float) -> Callable[[float], float]:
    """95th percentile of a single-server queue that reaches an objective at a given utilization.

    In M/M/1 every quantile of the response time grows as 1 / (1 - utilization).

    Args:
        objective: Seconds.
        reached_at: Utilization between 0 and 1.

    Source:
        Gross et al., Fundamentals of Queueing Theory (2008), section 2.2.
    """
    idle = objective * (1.0 - reached_at)
    return lambda utilization: idle / (1.0 - utilization)


def serving(asked: Counts, first: int, delay: int) -> Counts:
    """Replicas that serve in each step, from those asked for at the end of each.

    A replica serves once it has been asked for without a break for the start-up; the newest
    are taken away first.

    Args:
        asked: (n,) or (c, n) counts asked for at the end of each step.
        first: Count that serves at the beginning.
        delay: Whole steps that a start-up takes.

    Returns:
        Counts of the same shape.
    """
    before = np.full((*asked.shape[:-1], delay + 1), first, dtype=asked.dtype)
    whole = np.concatenate((before, asked), axis=-1)[..., : asked.shape[-1] + delay]
    return np.asarray(sliding_window_view(whole, delay + 1, axis=-1).min(axis=-1))


def overloaded(load: Vec, ready: Counts, capacity: float) -> np.ndarray:
    """Whether each step's load was over what the serving replicas carry; never where it is not known."""
    return np.asarray(np.nan_to_num(load, nan=-1.0) > ready * capacity)
