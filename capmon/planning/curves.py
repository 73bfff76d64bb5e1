"""The curves that a record supports: resources and response time over load, and what one replica carries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.curves.headroom import TRUSTED_REACH, Limit, crossing, headroom, in_order
from capmon.analysis.demand import cpu_per_request, memory_per_concurrent
from capmon.analysis.effect import FULL_FIRST, past_full, whole_load
from capmon.analysis.models import Models
from capmon.analysis.workload import RAW_REACH, held
from capmon.config.quantities import Duration
from capmon.config.schema import Settings
from capmon.model.curves import Estimate, Fit, Headroom
from capmon.model.names import CPU, IN_FLIGHT, LATENCY, MEMORY_USAGE, RATE, READY, USERS
from capmon.model.patterns import Demand
from capmon.planning.record import PlanRecord

REACH = 30 * 86400.0
"""Seconds of the record that curves are fitted to: what a service cost before that is another service."""

MOST_CELLS = 3000
"""Cells of a fit: more of them add time and hardly any certainty, since neighbours repeat each other."""

_STEPS = (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
_HOLD_CELLS = 3
_CPU_LIMIT = "system.cpu.limit"


@dataclass(frozen=True, slots=True)
class Replica:
    """What one replica carries within each limit; the whole service where replicas are not known."""

    at_target: Estimate | None
    """Requests per second at which its CPU reaches the utilization target; None where that is not known."""

    at_objective: Estimate | None
    """Requests per second at which its response time reaches the objective."""

    carries: Estimate | None
    """The least at which any limit over the request rate binds."""

    binds: str = ""
    """Metric key of what binds there; empty where nothing is known."""

    problem: str = ""
    """Why `carries` is not known; empty when it is."""

    per_replica: bool = False
    """Whether it is one replica that is spoken of, and not the whole service."""

    extrapolated: bool = False
    """Whether `carries` lies beyond 1.3 times the load seen, where the curve is a guess."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Everything fitted."""

    fits: tuple[Fit, ...]
    """Curves over load; those without a curve say why."""

    usl: Fit | None
    """Throughput over requests in flight."""

    limits: Mapping[str, Limit]
    """What each fitted metric must not pass."""

    changes: tuple[str, ...] = ()
    """A line for each change at equal load after which the curves start."""


def fitted(record: PlanRecord, settings: Settings, until: float) -> Curves:
    """Fit every curve to the last 30 days, or to what there is of them.

    Args:
        record: The record.
        settings: The configuration.
        until: Unix time of the end.
    """
    seconds = min(max(record.age(key, until) for key in (RATE, USERS)), REACH)
    seconds = max(seconds, 1.0)
    step = cell(record, seconds)
    adjusted = replace(
        settings,
        interval=Duration(min(settings.interval, step)),
        app=replace(settings.app, interval=Duration(step)),
        models=replace(settings.models, window=Duration(max(seconds, step))),
        scaling=replace(
            settings.scaling,
            target=replace(settings.scaling.target, interval=Duration(step)),
        ),
    )
    models = Models(adjusted)
    changes = models.refit(record, until, seconds)
    return Curves(models.fits, models.scalability, models.limits(), changes)


def cell(record: PlanRecord, seconds: float) -> float:
    """Seconds a cell: the pace of what is recorded, a minute at least beyond an hour, few enough cells."""
    paces = [record.interval(key) for key in (RATE, *CPU, LATENCY)]
    pace = max((p for p in paces if p is not None), default=1.0)
    if seconds <= RAW_REACH:
        return max(pace, seconds / MOST_CELLS)
    least = max(pace, seconds / MOST_CELLS)
    return next((s for s in _STEPS if s >= least), max(least, _STEPS[-1]))


def rooms(curves: Curves, now: Mapping[str, float], ready: int | None) -> tuple[Headroom, ...]:
    """Where each curve binds, against the busy hour; the first to bind in front.

    Args:
        curves: The curves.
        now: Load of the whole service by its key.
        ready: Ready replicas; None where they are not known.
    """
    found = []
    for fit in curves.fits:
        limit = curves.limits.get(fit.target)
        if limit is None:
            continue
        load = whole_load(fit)
        room = headroom(fit, limit, load, now.get(load), ready)
        if fit.target == LATENCY and room.at is not None and past_full(curves.fits, fit, limit):
            room = Headroom(
                room.target, room.limit, room.limit_name, load, None, room.now, problem=FULL_FIRST
            )
        found.append(room)
    return in_order(found)


def replica(curves: Curves) -> Replica:
    """What one replica carries: the least load at which a curve over the request rate meets its limit."""
    reached: dict[str, tuple[Estimate, Fit]] = {}
    problems: list[str] = []
    for fit in curves.fits:
        limit = curves.limits.get(fit.target)
        if limit is None or whole_load(fit) != RATE:
            continue
        at, problem = crossing(fit, limit.value)
        if at is not None and fit.target == LATENCY and past_full(curves.fits, fit, limit):
            at, problem = None, FULL_FIRST
        if at is None or not 0 < at.value < math.inf:
            problems.append(problem or "over its limit without load")
        else:
            reached[fit.target] = at, fit
    busy = next((reached[k][0] for k in CPU if k in reached), None)
    late = reached[LATENCY][0] if LATENCY in reached else None
    if not reached:
        problem = "; ".join(dict.fromkeys(problems)) or "no curve over the request rate"
        return Replica(busy, late, None, problem=problem)
    binds, (first, fit) = min(reached.items(), key=lambda item: item[1][0].value)
    lows = [e.low for e, _ in reached.values() if e.low is not None]
    low = min(lows) if first.low is not None and lows else None
    # What carries no more than each of its limits allows is no surer than the surest of them.
    highs = [e.high for e, _ in reached.values() if e.high is not None]
    high = min(highs) if first.high is not None and highs else None
    extrapolated = fit.load_max is not None and first.value > TRUSTED_REACH * fit.load_max
    carries = replace(first, low=low, high=high)
    return Replica(busy, late, carries, binds, "", fit.per_replica, extrapolated)


def costs(record: PlanRecord, until: float) -> tuple[Demand, ...]:
    """What one request costs, by the utilization law, over the last 30 days.

    Args:
        record: The record.
        until: Unix time of the end.
    """
    seconds = max(min(record.age(RATE, until), REACH), 1.0)
    step = max(cell(record, seconds), 10.0)
    keys = (RATE, CPU[1], _CPU_LIMIT, MEMORY_USAGE, IN_FLIGHT, USERS, READY)
    table = record.window(keys, until, seconds, step)
    rate, cpu, limit, memory, in_flight, users, ready = np.where(
        np.isfinite(table), table, math.nan
    )
    replicas = held(ready, _HOLD_CELLS)
    replicas = np.where(replicas >= 1, replicas, math.nan)
    cores = held(limit, len(limit))
    concurrent = users if np.isfinite(users).any() else in_flight
    with np.errstate(all="ignore"):
        used, each = cpu * cores, concurrent / replicas
    of_cpu = cpu_per_request(rate, used)
    if np.nanmax(replicas, initial=1.0) > 1 and not of_cpu.problem:
        # The whole service's requests over the CPU of this one host would be too cheap.
        of_cpu = Demand(of_cpu.name, None, None, problem="replicas may run on other hosts")
    return of_cpu, memory_per_concurrent(each, memory)
