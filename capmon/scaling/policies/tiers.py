"""What a tier can carry and what it costs: finding the one that runs, and the smallest that will do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from capmon.config.scaling import TierSettings
from capmon.model.metric import Unit
from capmon.model.units import digits, show

CPU, MEMORY, RATE, USERS = "CPU", "memory", "load", "users"
CPU_ASKED, MEMORY_ASKED = "CPU recommended", "memory recommended"
P95 = "p95"

ROOM = 0.9
"""Share of each level that a smaller tier may use, so that the next hour does not undo the step."""

SAME_CORES, SAME_MEMORY = 0.01, 0.1
"""How far a replica's size may be from that of its tier, as a share: a machine shows less memory
than it was sold with, since firmware and kernel keep some."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one replica takes of one thing that a tier has."""

    what: str
    """`CPU`, `memory`, `load`, `users`, `CPU recommended` or `memory recommended`."""

    amount: float
    """In cores, bytes, requests per second or users."""

    level: float = 1.0
    """Share of what a tier has that may be taken."""

    def over(self, tier: TierSettings, room: float = 1.0) -> bool:
        """Whether it is more than a tier may carry; False where the tier does not say what it carries."""
        has = offer(tier, self.what)
        return has is not None and self.amount > self.level * room * has

    def on(self, tier: TierSettings) -> str:
        """How it would stand on a tier: `CPU 43 %`, `load 118 of 250 req/s`; empty where that is not known."""
        has = offer(tier, self.what)
        if has is None or has <= 0:
            return ""
        if self.what in (CPU, MEMORY):
            return f"{self.what} {show(self.amount / has, Unit.RATIO)}"
        if self.what == CPU_ASKED:
            return f"{self.what} {digits(self.amount)} of {has:g} cores"
        if self.what == MEMORY_ASKED:
            return f"{self.what} {show(self.amount, Unit.BYTES)} of {show(has, Unit.BYTES)}"
        unit = " req/s" if self.what == RATE else ""
        return f"{self.what} {digits(self.amount)} of {has:g}{unit}"


Demands = Mapping[str, Demand]
"""What is known of one replica's demands, by what they are of."""


def offer(tier: TierSettings, what: str) -> float | None:
    """How much of something a tier has; None where it does not say."""
    if what in (CPU, CPU_ASKED):
        return tier.cores
    if what in (MEMORY, MEMORY_ASKED):
        return tier.memory
    return tier.max_rps if what == RATE else tier.max_users


def running(
    tiers: Iterable[TierSettings], name: str, cores: float | None, memory: float | None
) -> tuple[TierSettings | None, str]:
    """The tier that runs, or None with the reason.

    Args:
        tiers: Those configured.
        name: Which one it is; empty to find it by its size.
        cores: Cores of one replica; None when not known.
        memory: Bytes of one replica; None when not known.
    """
    if name:
        named = next((t for t in tiers if t.name == name), None)
        return named, "" if named else f"{name} is not among the tiers"
    if cores is None or memory is None:
        unknown = " and ".join(n for n, v in (("cores", cores), ("memory", memory)) if v is None)
        return None, f"{unknown} of a replica {'is' if unknown == 'memory' else 'are'} not known"
    close = [
        (abs(t.memory - memory), t)
        for t in tiers
        if abs(t.cores - cores) <= SAME_CORES * t.cores
        and abs(t.memory - memory) <= SAME_MEMORY * t.memory
    ]
    if not close:
        return None, f"no tier has {cores:.3g} cores and {show(memory, Unit.BYTES)}"
    return min(close, key=lambda c: c[0])[1], ""


def measured(tier: TierSettings, cores: float | None, memory: float | None) -> TierSettings:
    """A tier with the size that a replica really has, as far as that is known."""
    size = type(tier.memory)(tier.memory if memory is None else memory)
    return replace(tier, cores=tier.cores if cores is None else cores, memory=size)


def larger(tiers: Iterable[TierSettings], than: TierSettings) -> list[TierSettings]:
    """Tiers with more cores or memory and no less of either, the smallest first."""
    found = (t for t in tiers if t.cores >= than.cores and t.memory >= than.memory)
    return by_size(t for t in found if (t.cores, t.memory) != (than.cores, than.memory))


def smaller(tiers: Iterable[TierSettings], than: TierSettings) -> list[TierSettings]:
    """Tiers with fewer cores or less memory and no more of either, the smallest first."""
    found = (t for t in tiers if t.cores <= than.cores and t.memory <= than.memory)
    return by_size(t for t in found if (t.cores, t.memory) != (than.cores, than.memory))


def by_size(tiers: Iterable[TierSettings]) -> list[TierSettings]:
    """The smallest first; what has no size is no tier."""
    sized = (t for t in tiers if t.cores > 0 and t.memory > 0)
    return sorted(sized, key=lambda t: (t.cores, t.memory))


def smallest(
    tiers: Iterable[TierSettings], demands: Demands, room: float = 1.0, *, checked: bool = False
) -> TierSettings | None:
    """The first of several tiers that carries what is asked of it; None when none does."""
    return next((t for t in tiers if not obstacle(t, demands, room, checked=checked)), None)


def obstacle(tier: TierSettings, demands: Demands, room: float, *, checked: bool = False) -> str:
    """Why a tier cannot carry what is asked of it; empty when it can.

    Args:
        tier: The tier.
        demands: What one replica takes.
        room: Share of each level that may be used.
        checked: Whether a tier that says what it carries is refused while none of it can be compared.
    """
    for demand in demands.values():
        has = offer(tier, demand.what)
        if has is not None and demand.over(tier, room):
            if demand.what in (CPU, MEMORY):
                most = show(demand.level * room, Unit.RATIO)
                return f"{demand.on(tier)} on {tier.name}, more than {most}"
            return f"{demand.on(tier)} on {tier.name} leaves too little room"
    said = [w for w in (RATE, USERS) if offer(tier, w) is not None]
    if checked and said and not any(w in demands for w in said):
        return f"{' and '.join(said)} not known, so whether {tier.name} carries it is not either"
    return ""


def count(
    tier: TierSettings, demands: Demands, replicas: int, what: Iterable[str], room: float
) -> int | None:
    """How many replicas of a tier carry what so many carry now, by the demands named; None when not known.

    Args:
        tier: The tier of them all.
        demands: What one of the present replicas takes.
        replicas: How many share the load now.
        what: Demands that are shared out among more or fewer replicas.
        room: Share of each level that may be used.
    """
    most = None
    for demand in (demands[w] for w in what if w in demands):
        has = offer(tier, demand.what)
        if has is None:
            continue
        usable = has * demand.level * room
        if usable <= 0:
            return None
        # 3 × .8 / .8 must give 3 although neither is exact in binary.
        needed = max(1, math.ceil(replicas * demand.amount / usable * (1 - 1e-12)))
        most = needed if most is None else max(most, needed)
    return most


def saving(origin: TierSettings, to: TierSettings, replicas: int) -> float | None:
    """What a change saves an hour, all replicas; None where a price is not known."""
    if origin.price_per_hour is None or to.price_per_hour is None:
        return None
    return (origin.price_per_hour - to.price_per_hour) * replicas
