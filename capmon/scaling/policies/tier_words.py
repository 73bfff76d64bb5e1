"""How advice on tiers is worded: each line one fact with its figures."""

from __future__ import annotations

from capmon.config.scaling import LevelSettings, TierSettings
from capmon.model.metric import Unit
from capmon.model.units import digits, show, span
from capmon.scaling.policies.tiers import (
    CPU,
    CPU_ASKED,
    MEMORY,
    MEMORY_ASKED,
    P95,
    RATE,
    Demands,
    offer,
)
from capmon.scaling.price import exact


def above(what: str, amount: float, size: TierSettings, up: LevelSettings, held: float) -> str:
    """What is above its level: `CPU 86 % > 80 % for 15 m`.

    Args:
        what: What it is.
        amount: What one replica takes of it.
        size: What one replica has.
        up: The upper levels.
        held: Seconds for which it has been so.
    """
    has = offer(size, what) or 0.0
    if what in (CPU, MEMORY):
        share = amount / has if has > 0 else amount
        shown, level = (
            str(show(v, Unit.RATIO)) for v in (share, up.cpu if what == CPU else up.memory)
        )
    elif what == P95:
        shown, level = (str(show(v, Unit.SECONDS)) for v in (amount, up.latency_p95))
    elif what == MEMORY_ASKED:
        shown, level = (str(show(v, Unit.BYTES)) for v in (amount, has))
    else:
        unit = {RATE: " req/s", CPU_ASKED: " cores"}.get(what, "")
        # What a tier offers is shown as it was written: 125, not 125.0.
        shown, level = f"{digits(amount)}{unit}", f"{has:g}{unit}"
    # Two figures that look equal would belie the sign between them.
    compared = f"just over {level}" if shown == level else f"{shown} > {level}"
    return f"{what} {compared} for {span(held)}"


def stands(demands: Demands, p95: float | None, size: TierSettings) -> str:
    """Where a replica stands now: `CPU 22 %, memory 31 %, p95 62 ms`."""
    parts = [demands[w].on(size) for w in (CPU, MEMORY) if w in demands]
    if p95 is not None:
        parts.append(f"p95 {show(p95, Unit.SECONDS)}")
    return ", ".join(parts)


def missing(demands: Demands, p95: float | None) -> str:
    """What is not known, and what that keeps from being said; empty when all is known."""
    unknown = _unknown(demands)
    what = "no smaller tier" if len(unknown) < 2 else "nothing"
    if p95 is None:
        unknown.append(P95)
    return f"{_are(unknown)} not known, so {what} can be advised" if unknown else ""


def latency_alone(demands: Demands, size: TierSettings) -> str:
    """What a high response time says where nothing that a tier has is known to be high."""
    unknown = _unknown(demands)
    if unknown:
        return f"{_are(unknown)} not known, nor whether a larger tier helps"
    shown = " and ".join(demands[w].on(size) for w in (CPU, MEMORY))
    return f"{shown} are not high: a larger tier may not help"


def expected(tier: TierSettings, demands: Demands, busiest: bool = False) -> str:
    """How a replica of a tier would stand: `tier_3: CPU 43 %, memory 31 %, load 118 of 250 req/s`."""
    parts = [text for d in demands.values() if (text := d.on(tier))]
    return f"{tier.name}{' at its busiest' if busiest else ''}: {', '.join(parts)}" if parts else ""


def bill(origin: TierSettings, to: TierSettings, replicas: int, currency: str) -> str:
    """What a change costs: `4 × tier_3: $1.36 an hour, $0.68 more`; empty where no price is known."""
    before, after = origin.price_per_hour, to.price_per_hour
    if before is None and after is None:
        return ""
    if before is None or after is None:
        return f"the price of {origin.name if before is None else to.name} is not known"
    more = (after - before) * replicas
    change = f"{exact(abs(more), currency)} {'more' if more > 0 else 'less'}" if more else "as now"
    return f"{replicas} × {to.name}: {exact(after * replicas, currency)} an hour, {change}"


def instead(tier: TierSettings, to: TierSettings, replicas: int, currency: str) -> str:
    """The same by another count of the present tier: `or 5 × tier_2 carries the same for $0.85`.

    Empty where one of the prices is not known, for then they cannot be compared.
    """
    if tier.price_per_hour is None or to.price_per_hour is None:
        return ""
    price = exact(tier.price_per_hour * replicas, currency)
    return f"or {replicas} × {tier.name} carries the same for {price}"


def _unknown(demands: Demands) -> list[str]:
    return [w for w in (CPU, MEMORY) if w not in demands]


def _are(what: list[str]) -> str:
    """`CPU is`, `CPU, memory and p95 are`."""
    *most, last = what
    return f"{', '.join(most)} and {last} are" if most else f"{last} is"
