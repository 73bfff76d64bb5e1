"""What one replica takes of what a tier has, as a moment tells it."""

from __future__ import annotations

from dataclasses import replace

from capmon.config.scaling import LevelSettings, TierSettings
from capmon.model import names
from capmon.scaling.policies.base import Situation
from capmon.scaling.policies.recommender import Recommendations
from capmon.scaling.policies.tiers import (
    CPU,
    CPU_ASKED,
    MEMORY,
    MEMORY_ASKED,
    RATE,
    USERS,
    Demand,
)

LOAD_KEYS = {
    RATE: (names.RATE_PER_REPLICA, names.RATE),
    USERS: (names.USERS_PER_REPLICA, names.USERS),
}
"""Where a load comes from: of one replica, or of the whole service."""


def used(seen: Situation, size: TierSettings, up: LevelSettings) -> dict[str, Demand]:
    """CPU and memory that a replica of this size uses; what is not known is absent."""
    found = {}
    for what, keys, has, level in (
        (CPU, names.CPU, size.cores, up.cpu),
        (MEMORY, names.MEMORY, size.memory, up.memory),
    ):
        share = next((seen.values[k] for k in keys if k in seen.values), None)
        if share is not None:
            found[what] = Demand(what, share * has, level)
    if names.APP_MEMORY not in seen.values and names.MEMORY_USAGE in seen.values:
        found[MEMORY] = Demand(MEMORY, seen.values[names.MEMORY_USAGE], up.memory)
    return found


def loads(seen: Situation) -> dict[str, Demand]:
    """What one replica is asked to carry; what is not known is absent."""
    found = {}
    for what, (each, whole) in LOAD_KEYS.items():
        if each in seen.values:
            found[what] = Demand(what, seen.values[each])
        elif whole in seen.values and seen.ready > 0:
            found[what] = Demand(what, seen.values[whole] / seen.ready)
    return found


def asked(request: Recommendations | None) -> dict[str, Demand]:
    """What is recommended, which a tier must have in full; what is not known is absent."""
    found = {}
    if request is not None and request.cores is not None:
        found[CPU_ASKED] = Demand(CPU_ASKED, request.cores.value)
    if request is not None and request.memory is not None:
        found[MEMORY_ASKED] = Demand(MEMORY_ASKED, request.memory.value)
    return found


def at_peak(takes: dict[str, Demand], peak: float | None) -> dict[str, Demand]:
    """What a replica takes at a peak load, where that is more.

    CPU is taken in proportion to the load, which is too much rather than too little: some of
    the use comes without load.

    Args:
        takes: What it takes now.
        peak: Requests per second of one replica; None when not known.
    """
    load = takes.get(RATE)
    if peak is None or (load is not None and peak <= load.amount):
        return takes
    found = {**takes, RATE: Demand(RATE, peak)}
    cpu = takes.get(CPU)
    if cpu is not None and load is not None and load.amount > 0:
        found[CPU] = replace(cpu, amount=cpu.amount * peak / load.amount)
    return found
