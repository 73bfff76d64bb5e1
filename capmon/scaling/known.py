"""What the models know of one replica: what it carries, how busy it is there, how it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capmon.model.curves import Fit, Headroom
from capmon.model.names import CPU, LATENCY, RATE


@dataclass(frozen=True, slots=True)
class Known:
    """One replica of the service, as the models have it."""

    capacity: float
    """Requests per second at which it reaches its first limit."""

    full: float = 1.0
    """Busy share of its CPU there."""

    latency: Callable[[float], float] | None = None
    """95th percentile of the response time, seconds, over load as a share of capacity."""

    objective: float | None = None
    """What that should stay under, seconds."""

    startup: float | None = None
    """Seconds until a new replica serves, as measured; None for the configured ones."""


def known(
    headroom: Sequence[Headroom],
    fits: Sequence[Fit],
    ready: int | None,
    *,
    objective: float | None = None,
    startup: float | None = None,
) -> Known | None:
    """What one replica carries; None while no limit over the request rate is known.

    Of a limit beyond the load seen, the lower end of its interval counts.

    Args:
        headroom: Limits of the whole service, the first that binds in front.
        fits: Curves over load.
        ready: Replicas that serve.
        objective: What the 95th percentile should stay under, seconds.
        startup: Seconds until a new replica serves, as measured.
    """
    if not ready:
        return None
    limits = (_reach(room) for room in headroom if room.load == RATE)
    first = next((at for at in limits if at is not None and at > 0), None)
    if first is None:
        return None
    capacity = first / ready
    cpu = next((f for f in fits if f.target in CPU and f.per_replica and not f.problem), None)
    busy = None if cpu is None else cpu.predict(capacity)
    p95 = next((f for f in fits if f.target == LATENCY and f.per_replica and not f.problem), None)
    return Known(
        capacity,
        busy if busy is not None and 0 < busy <= 1 else 1.0,
        None if p95 is None else _curve(p95, capacity),
        objective if p95 is not None else None,
        startup,
    )


def _reach(room: Headroom) -> float | None:
    if room.at is None:
        return None
    return room.at.low if room.extrapolated else room.at.value


def _curve(fit: Fit, capacity: float) -> Callable[[float], float]:
    def latency(share: float) -> float:
        found = fit.predict(share * capacity)
        return math.inf if found is None or math.isnan(found) else found

    return latency
