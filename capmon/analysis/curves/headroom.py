"""The load at which a fitted curve reaches its limit, with the interval that holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.analysis.curves.inverse import NO_GROWTH, UNCERTAIN, crossing, no_growth
from capmon.model.results import Estimate, Fit, Headroom

__all__ = [
    "NO_GROWTH",
    "TRUSTED_REACH",
    "UNCERTAIN",
    "Limit",
    "crossing",
    "headroom",
    "in_order",
    "no_growth",
]

TRUSTED_REACH = 1.3
"""A curve is trusted up to this many times the greatest load that it has seen."""

_MOST_REPLICAS = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """What a metric must not pass."""

    value: float
    """In the metric's unit."""

    name: str
    """Setting that it comes from."""


def headroom(fit: Fit, limit: Limit, load: str, now: float | None, ready: int | None) -> Headroom:
    """The load of the whole service at which one fit reaches its limit.

    Args:
        fit: The curve.
        limit: What it must not pass.
        load: Key of the whole service's load.
        now: That load now; None when not known.
        ready: Ready replicas; needed where the fit counts load per replica.
    """

    def unknown(problem: str) -> Headroom:
        return Headroom(fit.target, limit.value, limit.name, load, None, now, problem=problem)

    at, problem = crossing(fit, limit.value)
    if at is None:
        return unknown(problem)
    replicas = 1
    if fit.per_replica:
        if not ready or ready < 1:
            return unknown("replica count is not known")
        replicas = ready
    whole = Estimate(at.value * replicas, _times(at.low, replicas), _times(at.high, replicas))
    if not math.isfinite(whole.value):
        return unknown(NO_GROWTH)
    beyond = fit.load_max is not None and at.value > TRUSTED_REACH * fit.load_max
    multiple = whole.value / now if now is not None and now > 0 else None
    if multiple is not None and not math.isfinite(multiple):
        multiple = None
    return Headroom(
        fit.target,
        limit.value,
        limit.name,
        load,
        whole,
        now,
        multiple,
        extrapolated=beyond,
        needs=_needs(at.value, now) if fit.per_replica else None,
    )


def _needs(each: float, now: float | None) -> int | None:
    """Least replicas that carry a load when each carries so much; None where that is absurd."""
    if now is None or not math.isfinite(now) or now < 0 or not each > 0:
        return None
    count = now / each
    if not count < _MOST_REPLICAS:
        return None
    # Rounding must not ask for one more.
    return max(1, math.ceil(count - 1e-9))


def _times(value: float | None, factor: int) -> float | None:
    if value is None or not math.isfinite(value * factor):
        return None
    return value * factor


def in_order(found: list[Headroom]) -> tuple[Headroom, ...]:
    """The limit that binds first in front, those not known at the end."""

    def rank(h: Headroom) -> tuple[bool, float, float]:
        if h.at is None:
            return (True, math.inf, math.inf)
        return (False, h.multiple if h.multiple is not None else math.inf, h.at.value)

    return tuple(sorted(found, key=rank))
