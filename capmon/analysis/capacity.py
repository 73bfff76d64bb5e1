"""What a load some times that of today asks for: from the fitted curves where there are any, else by factors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from capmon.analysis.curves.headroom import TRUSTED_REACH, Limit, crossing
from capmon.model.curves import Fit, FitKind
from capmon.model.metric import Unit, metric
from capmon.model.patterns import Capacity, CapacityNeed
from capmon.model.units import show

REPLICAS = "replicas"

MEMORY_SHARE = 0.8
"""How much of a step of the CPU's factor memory takes, by the guide."""

DATABASE_FACTOR = 1.2
"""How much faster than the load the database's work grows once the objective is missed, by the guide."""

_STRAIGHT = (FitKind.LINEAR, FitKind.ROBUST)
_MOST = 1e15
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that can be had more of."""

    name: str
    """`cores`, `memory`, `cache`, `connections`; another name grows with the load."""

    now: float
    """What there is today, above 0."""

    unit: float = 1.0
    """What it comes in: 1 core, 1e9 bytes."""

    target: str = ""
    """Key of the metric whose fit says how much a load uses of it; empty for none."""

    per_replica: bool = False
    """Whether each replica brings its own, so that it grows with their count and not by itself."""


def capacity_for(
    growth: float,
    load_now: float,
    fits: Sequence[Fit],
    limits: Mapping[str, Limit],
    resources: Sequence[Resource],
    *,
    ready: int | None = None,
    latency_now: float | None = None,
    objective: float | None = None,
) -> Capacity:
    """How much of each resource a grown load takes, never less than there is today.

    The fitted curves give the load at which the service as it is meets its first limit. Load that
    is counted per replica makes that a count of replicas: the grown load over what one carries.
    Without replicas the service itself must grow by that share, and with it the cores. A resource
    with a fitted line of its own takes what the line says at the grown load. Without any curve the
    guide's factors are taken, each as the greatest up to this growth: none shrinks as load grows.

    Args:
        growth: Factor on the load of today, above 0.
        load_now: Load of the whole service today, above 0.
        fits: Curves over load, those with a problem left out by themselves.
        limits: What each fitted metric must not pass, by metric key.
        resources: What there is today.
        ready: Ready replicas; None where they are not known.
        latency_now: Response time today, for the guide's factors where there is no curve.
        objective: What it must not pass.

    Returns:
        A need for each resource, and for replicas where they are known; else the problem.
    """
    load = growth * load_now

    def refused(problem: str) -> Capacity:
        return Capacity(growth, load_now, load, problem=problem)

    if not (0 < growth < math.inf and 0 < load_now < math.inf and math.isfinite(load)):
        return refused("load is not known" if growth > 0 else "growth must be positive")
    if any(not (0 < r.now < math.inf and 0 < r.unit < math.inf) for r in resources):
        return refused("what there is today is not known")
    models = _Models(load, growth, fits, limits, ready, _reach(fits, limits, ready))
    factors = guide_factors(growth, latency_now, objective)
    needs = [_resource(r, models, resources, factors) for r in resources]
    reach = models.reach
    if reach is None:
        return Capacity(growth, load_now, load, tuple(needs))
    if reach.per_replica and ready is not None:
        needs.append(_need(REPLICAS, float(ready), 1.0, load / reach.load, reach.reason))
    return Capacity(growth, load_now, load, tuple(needs), _beyond(models, reach))


@dataclass(frozen=True, slots=True)
class _Reach:
    """The load at which the first limit binds."""

    load: float
    per_replica: bool
    seen: float
    reason: str


def _reach(fits: Sequence[Fit], limits: Mapping[str, Limit], ready: int | None) -> _Reach | None:
    """Where the service, or one replica, meets its first limit; None where no curve can tell."""
    found: list[_Reach] = []
    for fit in fits:
        limit = limits.get(fit.target)
        if fit.problem or limit is None or (fit.per_replica and ready is None):
            continue
        at, _ = crossing(fit, limit.value)
        if at is None or not 0 < at.value < math.inf:
            continue
        known = metric(fit.target)
        where = " a replica" if fit.per_replica else ""
        reason = f"{known.label} reaches {show(limit.value, known.unit)} at {at.value:.3g}{where}"
        found.append(_Reach(at.value, fit.per_replica, fit.load_max or at.value, reason))
    # Load per replica and load of the whole are not of one kind: the former says more.
    best = [r for r in found if r.per_replica] or found
    return min(best, key=lambda r: r.load, default=None)


@dataclass(frozen=True, slots=True)
class _Models:
    """What is known when a need is asked for."""

    load: float
    growth: float
    fits: Sequence[Fit]
    limits: Mapping[str, Limit]
    ready: int | None
    reach: _Reach | None

    @property
    def replicas(self) -> int:
        """Replicas that the load takes, at least those of today; 1 where they are not known."""
        today = self.ready or 1
        if self.reach is None or not self.reach.per_replica:
            return today
        return max(int(_whole(min(self.load / self.reach.load, _MOST), 1.0)), today)


def _resource(
    resource: Resource, models: _Models, resources: Sequence[Resource], factors: Factors
) -> CapacityNeed:
    """What one resource takes, by the strongest thing that is known of it."""
    reach, ready = models.reach, models.ready
    if resource.per_replica and ready and reach is not None and reach.per_replica:
        each = resource.now / ready
        reason = f"{each:.3g} a replica, {models.replicas} replicas"
        return _of(resource, each * models.replicas, reason)
    line = _line(resource, models)
    if line is not None:
        return _by_line(resource, line, models)
    if reach is None:
        return _by_factor(resource, factors)
    if resource.name != "cores":
        reason = "grows with the load, for want of a line of its own"
        return _of(resource, resource.now * models.growth, reason)
    # What another resource has a line for does not ask for cores.
    own = {r.target for r in resources if r.target and r.name != "cores"}
    binds = _reach([f for f in models.fits if f.target not in own], models.limits, ready) or reach
    whole = binds.load * ready if binds.per_replica and ready else binds.load
    return _of(resource, resource.now * models.load / whole, binds.reason)


def _line(resource: Resource, models: _Models) -> Fit | None:
    """The straight line of a resource's own metric."""
    for fit in models.fits:
        able = not fit.problem and fit.kind in _STRAIGHT and (models.ready or not fit.per_replica)
        if resource.target and fit.target == resource.target and able:
            return fit
    return None


def _by_line(resource: Resource, line: Fit, models: _Models) -> CapacityNeed:
    """What a resource's own line says: a share of what there is, or an amount in its unit."""
    known = metric(resource.target)
    replicas = models.replicas if line.per_replica else 1
    used = max(line.predict(models.load / replicas) or 0.0, line.predict(0.0) or 0.0, 0.0)
    reason = f"the line of {known.label} over load, R² {line.r_squared or 0:.2f}"
    if known.unit is not Unit.RATIO:
        return _of(resource, used * replicas, reason)
    limit = models.limits.get(resource.target)
    most = limit.value if limit is not None and limit.value > 0 else 1.0
    grown = replicas / (models.ready or 1) if line.per_replica else 1.0
    return _of(resource, resource.now * grown * used / most, reason)


def _beyond(models: _Models, reach: _Reach) -> str:
    """Whether the models were asked for a load that they have not seen."""
    each = models.load / models.replicas if reach.per_replica else models.load
    ratio = each / reach.seen if reach.seen > 0 else math.inf
    if ratio <= TRUSTED_REACH:
        return ""
    where = " a replica" if reach.per_replica else ""
    return f"{each:.3g}{where} is {ratio:.2g}× the load seen"


@dataclass(frozen=True, slots=True)
class Factors:
    """By how much each kind of resource grows."""

    cpu: float
    """Cores."""

    memory: float
    """Memory."""

    cache: float
    """Cache."""

    database: float
    """Database connections."""

    reason: str
    """What they rest on."""


def guide_factors(growth: float, latency_now: float | None, objective: float | None) -> Factors:
    """The capacity guide's factors, none of which falls as growth rises nor below 1.

    The guide lets the response time grow with the load. While that stays within the objective
    every factor is the growth; beyond it, CPU grows by the time over the objective and the
    database by 1.2 times the growth. As that would ask for less beyond the objective than just
    below it, each factor is the greatest up to this growth.

    Args:
        growth: Factor on the load of today.
        latency_now: Response time today; None lets every factor be the growth.
        objective: What it must not pass, in the same unit.

    Source:
        The capacity guide, predict_capacity_needs.
    """
    if not latency_now or not objective or latency_now <= 0 or objective <= 0:
        cpu, database, why = growth, growth, "grows with the load: no curve and no response time"
    else:
        turn = objective / latency_now
        late = growth > turn
        cpu = max(turn, growth * latency_now / objective) if late else growth
        database = growth * DATABASE_FACTOR if late else growth
        why = "the guide's factor: no curve is fitted"
    cpu = max(cpu, 1.0)
    return Factors(cpu, max(cpu * MEMORY_SHARE, 1.0), max(growth, 1.0), max(database, 1.0), why)


def _by_factor(resource: Resource, factors: Factors) -> CapacityNeed:
    factor = {
        "cores": factors.cpu,
        "memory": factors.memory,
        "cache": factors.cache,
        "connections": factors.database,
    }.get(resource.name, factors.cache)
    return _of(resource, resource.now * factor, factors.reason)


def _of(resource: Resource, exact: float, reason: str) -> CapacityNeed:
    return _need(resource.name, resource.now, resource.unit, exact, reason)


def _need(name: str, now: float, unit: float, exact: float, reason: str) -> CapacityNeed:
    exact = min(exact, _MOST * unit) if math.isfinite(exact) else _MOST * unit
    return CapacityNeed(name, now, max(_whole(exact, unit), now), exact, reason)


def _whole(exact: float, unit: float) -> float:
    """The next whole number of units, but for rounding errors."""
    count = exact / unit
    return math.ceil(count * (1 - _SLACK)) * unit
