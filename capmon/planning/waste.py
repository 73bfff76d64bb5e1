"""What ran against what was needed: surplus replicas, idle hours, and the size that use asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.metric import Unit
from capmon.model.names import APP_CPU, APP_MEMORY, HOST_CPU, HOST_MEMORY, MEMORY_USAGE, RATE, READY
from capmon.model.units import digits, show
from capmon.planning.evidence import Evidence
from capmon.planning.tiers import present
from capmon.scaling.policies.recommender import Recommendations, Recommender
from capmon.scaling.policies.tiers import CPU_ASKED, MEMORY_ASKED, Demand, by_size, smallest
from capmon.store.course import Summaries

IDLE = 0.1
"""Share of what the ready replicas carry below which a time counts as idle."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Replica-hours of a record: paid, needed, too many."""

    hours: float
    """Hours in which both replicas and load are known."""

    paid: float
    """Replica-hours that ran."""

    surplus: float
    """Replica-hours above what carried the load within every limit, and above scaling.min."""

    idle: float
    """Hours in which load was below a tenth of what the ready replicas carried."""

    requests: float
    """Requests served."""

    text: str
    """What it rests on."""


def ran(evidence: Evidence) -> Ran | None:
    """What ran; None where replicas, load or what one carries is not known."""
    each = evidence.replica.carries
    if each is None or each.value <= 0 or not evidence.replica.per_replica:
        return None
    for source in (evidence.minutely, evidence.hourly):
        load, ready = source.get(RATE), source.get(READY)
        if load is not None and ready is not None and len(load.times) > 1:
            return _ran(evidence, load, ready, each.value)
    return None


def _ran(evidence: Evidence, load: Summaries, ready: Summaries, each: float) -> Ran | None:
    _, a, b = np.intersect1d(load.times, ready.times, return_indices=True)
    rate, peak, count = load.mean[a], load.max[a], ready.mean[b]
    known = np.isfinite(rate) & np.isfinite(count) & (count >= 1)
    rate, peak, count = rate[known], peak[known], count[known]
    if len(rate) < 2:
        return None
    # One summary stands for the pace at which they come: a minute, or five where readings are sparse.
    pace = float(np.median(np.diff(load.times))) / 3600.0
    needed = np.maximum(np.ceil(peak / each * (1 - 1e-9)), evidence.settings.scaling.min)
    unit = "minutes" if load.step < 3600 else "hours"
    return Ran(
        len(rate) * pace,
        float(count.sum()) * pace,
        float(np.maximum(count - needed, 0.0).sum()) * pace,
        float(np.count_nonzero(rate < IDLE * count * each)) * pace,
        float(rate.sum()) * pace * 3600.0,
        f"{len(rate):,} {unit} of {RATE} and {READY}; needed is the greatest reading of each over what one carries, and scaling.min",
    )


@dataclass(frozen=True, slots=True)
class RightSize:
    """What one replica should ask for, and which tier has it."""

    request: Recommendations
    """Cores and memory."""

    tier: str
    """Name of the smallest tier that has both; empty without one."""

    now: str
    """Name of the tier that runs; empty where not known."""

    text: str
    """What it rests on, or why it is not known."""

    whose: str = "One replica"
    """What is sized: without a count of replicas, this host with all that runs on it."""


def right_size(evidence: Evidence) -> RightSize:
    """Put what one replica used to the recommender of the vertical policy, minute by minute."""
    tier, _ = present(evidence)
    cores = None if tier is None else tier.cores
    memory = None if tier is None else float(tier.memory)
    own = APP_CPU in evidence.keys
    if not own and evidence.replicas_now not in (None, 1):
        # The host's CPU is that of all that runs on it.
        return RightSize(Recommender().recommend(), "", "" if tier is None else tier.name, "the CPU of a replica is not recorded")  # fmt: skip
    if not own:
        cores, memory = evidence.cores, evidence.memory
    learner, counted = Recommender(), 0
    for at, share in _course(evidence, (APP_CPU, HOST_CPU)):
        if cores is not None:
            counted += learner.add_cpu(at, share * cores)
    for at, used in _memory(evidence, memory):
        learner.add_memory(at, used)
    asked = learner.recommend()
    fit = None
    if asked.cores is not None and asked.memory is not None:
        demands = {
            CPU_ASKED: Demand(CPU_ASKED, asked.cores.value),
            MEMORY_ASKED: Demand(MEMORY_ASKED, asked.memory.value),
        }
        fit = smallest(by_size(evidence.tiers), demands)
    why = "cores of a replica are not known: set scaling.vertical.tier" if cores is None else ""
    text = (
        why
        or f"90th percentile with 15 % on top, halving in a day, of {counted:,} readings; {'; '.join(asked.missing) or 'both known'}"
    )
    return RightSize(asked, "" if fit is None else fit.name, "" if tier is None else tier.name, text, "One replica" if own or evidence.replicas_now == 1 else "This host")  # fmt: skip


def _course(evidence: Evidence, keys: tuple[str, ...]) -> list[tuple[float, float]]:
    for key in keys:
        found = evidence.minutely.get(key, evidence.hourly.get(key))
        if found is not None:
            return _pairs(found.times, found.mean)
    return []


def _memory(evidence: Evidence, size: float | None) -> list[tuple[float, float]]:
    used = evidence.minutely.get(MEMORY_USAGE, evidence.hourly.get(MEMORY_USAGE))
    if used is not None:
        return _pairs(used.times, used.max)
    own = APP_CPU in evidence.keys
    # What the host uses is one replica's only where the host is all that is measured.
    keys = (APP_MEMORY,) if own else (APP_MEMORY, HOST_MEMORY)
    return [] if size is None else [(at, share * size) for at, share in _course(evidence, keys)]


def _pairs(times: Vec, values: Vec) -> list[tuple[float, float]]:
    good = np.isfinite(values)
    return list(zip(times[good].tolist(), values[good].tolist(), strict=True))


def said(found: RightSize) -> str:
    """The recommendation in words; empty where nothing is known."""
    cores, memory = found.request.cores, found.request.memory
    parts = [] if cores is None else [f"{digits(cores.value)} cores"]
    parts += [] if memory is None else [str(show(memory.value, Unit.BYTES))]
    if not parts:
        return ""
    text = f"{found.whose} should ask for {' and '.join(parts)}"
    if found.tier and found.now and found.tier != found.now:
        return f"{text}: {found.tier} has that, {found.now} runs."
    return f"{text}{f', which {found.tier} has' if found.tier else ''}."


def share(part: float, whole: float) -> float:
    """One over the other; 0 of nothing."""
    return part / whole if whole > 0 and math.isfinite(whole) else 0.0
