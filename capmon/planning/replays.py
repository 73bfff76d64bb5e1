"""Recorded load replayed under policies and growth: what they cost, and how sure they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.windows import Vec
from capmon.config.quantities import Ratio
from capmon.config.scaling import HpaSettings
from capmon.model.curves import Estimate
from capmon.model.names import RATE
from capmon.model.policies import ReplayTable
from capmon.planning.aim import aim_of
from capmon.planning.evidence import Evidence
from capmon.planning.futures import futures
from capmon.scaling.limits import reach
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.price import HOURS_A_MONTH
from capmon.scaling.simulate.replay import followed
from capmon.scaling.simulate.run import POLICIES, Recorded, simulate
from capmon.scaling.simulate.service import Service, overloaded, serving

STEP = 300.0
"""Seconds a step."""

DAYS = 7
"""Days that are replayed at most."""

LEAST_DAYS = 2
"""Days of load below which no replay is told."""

COMPARED = ("static_peak", "hpa", "predictive", "look_ahead")
"""Policies whose cost is compared, with the configured one."""

TOLERATED = 0.01
"""Share of the time in which load may be over what serves, while the objective still counts as held."""

TRAINED = 3.5
"""Days before them that forecasts rest on and that are not scored; a third of what there is where it is less."""

_DAY = 86400.0
_HALVINGS = 9
_WIDEST = 4.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """A policy on the recorded load, as a month."""

    hours: float
    """Replica-hours a month."""

    overload: float
    """Share of the time in which load was over what served."""

    requests: float = 0.0
    """Requests a month."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to run: how many at least and at most."""

    least: int
    """Least replicas."""

    most: int
    """Most replicas; the same as `least` for a fixed count."""

    @property
    def is_fixed(self) -> bool:
        """Whether nothing scales."""
        return self.least == self.most


def load_of(evidence: Evidence) -> tuple[Vec, float]:
    """(n,) load by step over the last days, NaN for gaps, and seconds a step; empty where too short."""
    load, step = trained(evidence)
    return load[train_of(len(load), step) :] if len(load) * step > DAYS * _DAY else load, step


def train_of(n: int, step: float) -> int:
    """Steps of a load that forecasts rest on: all but the last seven days, or a third."""
    return max(n - round(DAYS * _DAY / step), min(round(TRAINED / (DAYS + TRAINED) * n), n - 1), 1)


def trained(evidence: Evidence) -> tuple[Vec, float]:
    """The same with the days before them, for policies that forecast."""
    record, until = evidence.record, evidence.until
    age = min(record.age(RATE, until), (DAYS + TRAINED) * _DAY)
    pace = record.interval(RATE) or STEP
    step = STEP if pace <= STEP else pace
    if age < LEAST_DAYS * _DAY * 0.999:
        return np.empty(0), step
    row = record.window([RATE], until, age, step)[0]
    # Of what was before its first reading nobody knows whether there was any load.
    known = np.flatnonzero(np.isfinite(row))
    return np.asarray(row[known[0] :] if len(known) else row[:0], dtype=np.float64), step


def service_of(
    evidence: Evidence, each: float, step: float, *, most: int | None = None
) -> Service | None:
    """The service that load is run through, one of whose replicas carries `each`; None where not known."""
    scaling = evidence.settings.scaling
    if not each > 0:
        return None
    known = evidence.known
    return Service(
        capacity=each,
        startup=max(evidence.lead_time, 1.0),
        least=scaling.min,
        most=reach(scaling) if most is None else max(most, scaling.min),
        target=scaling.hpa.cpu or 0.7,
        step=step,
        full=1.0 if known is None else known.full,
        latency=None if known is None else known.latency,
        objective=None if known is None else known.objective,
    )


def policies(evidence: Evidence, factor: float, each: float) -> ReplayTable | None:
    """Policies on the recorded load times a factor, and the configured one, as they are configured.

    The maximum is lifted to what a load that has grown takes.
    """
    name = f"policies at {factor!r} × {each!r}"
    if name not in evidence.once:
        evidence.once[name] = _replayed(evidence, factor, each)
    found: ReplayTable | None = evidence.once[name]
    return found


def _replayed(evidence: Evidence, factor: float, each: float) -> ReplayTable | None:
    load, step = trained(evidence)
    if not len(load):
        return None
    grown = int(3 * float(np.nanmax(load)) * factor / max(each, 1e-12)) + 2 if factor != 1 else 0
    service = service_of(evidence, each, step, most=max(reach(evidence.settings.scaling), grown))
    if service is None:
        return None
    # All of them on the load as it was, for the choice of one; what that costs later, of fewer.
    wanted = (*COMPARED, evidence.settings.scaling.policy) if factor != 1 else (*COMPARED, "step")
    chosen = [p for p in POLICIES if p in wanted]
    recorded = Recorded(load * factor, train_of(len(load), step))
    return simulate(recorded, service, evidence.settings.scaling, chosen)


def months(evidence: Evidence, factor: float, each: float) -> dict[str, Replayed]:
    """The same as a month, by policy."""
    table = policies(evidence, factor, each)
    if table is None:
        return {}
    load, step = trained(evidence)
    scored = load[train_of(len(load), step) :] * factor
    month = HOURS_A_MONTH / (table.seconds / 3600.0)
    requests = float(np.nanmean(scored)) * HOURS_A_MONTH * 3600.0
    return {
        r.policy: Replayed(r.replica_hours * month, r.overload_percent / 100, requests)
        for r in table.rows
    }


def _hpa(load: Vec, service: Service, settings: HpaSettings) -> Replayed:
    aim = replace(settings, cpu=Ratio(service.target), memory=None, rate=None)
    policy = HpaPolicy(aim, service.least, service.most, explain=False)
    asked = followed(policy, load, service, pace=service.step)
    ready = serving(asked, int(asked[0]), service.delay)
    over, known = overloaded(load, ready, service.capacity), np.isfinite(load)
    share = float(np.count_nonzero(over & known)) / max(int(np.count_nonzero(known)), 1)
    return Replayed(float(np.mean(asked)) * HOURS_A_MONTH, share)


def fixed(load: Vec, each: float, count: int) -> Replayed:
    """A count that never changes."""
    known = np.isfinite(load)
    over = float(np.count_nonzero(load[known] > count * each)) / max(int(known.sum()), 1)
    return Replayed(count * HOURS_A_MONTH, over)


def holds(evidence: Evidence, plan: Plan, load: Vec, step: float, each: Estimate) -> float:
    """Probability that a plan holds the objective at the horizon, from the loads and curves that may be.

    A replay depends on load over capacity alone: the greatest factor at which the plan holds is
    searched, and the share of 4,000 drawn futures below it is the probability.
    """
    then = evidence.load_then
    if then is None or evidence.load_now is None or evidence.load_now.value <= 0:
        return 0.0
    limit = _greatest(evidence, plan, load, step, each.value)
    drawn = futures(then, each)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = drawn.load / evidence.load_now.value * each.value / drawn.each
    return float(np.mean(ratio <= limit))


def run(evidence: Evidence, plan: Plan, load: Vec, step: float, each: float) -> Replayed:
    """One plan on one load."""
    if plan.is_fixed:
        return fixed(load, each, plan.least)
    service = service_of(evidence, each, step, most=plan.most)
    if service is None:
        return Replayed(0.0, 1.0)
    bounded = replace(service, least=plan.least, most=plan.most, target=aim_of(evidence))
    return _hpa(load, bounded, evidence.settings.scaling.hpa)


def _greatest(evidence: Evidence, plan: Plan, load: Vec, step: float, each: float) -> float:
    """The greatest factor on the load at which the plan still holds, within a hundredth or so."""
    peak = float(np.nanmax(load))
    high = _WIDEST * plan.most * each / max(peak, 1e-12)
    if run(evidence, plan, load * high, step, each).overload <= TOLERATED:
        return high
    # Below this no count is ever short, even before a replica has started.
    low = min(plan.least * each / max(peak, 1e-12), high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if run(evidence, plan, load * middle, step, each).overload <= TOLERATED:
            low = middle
        else:
            high = middle
    return low


def noted() -> str:
    """What a reader should know of every replay."""
    return f"the last 7 days in steps of 5 min or as recorded, start-up as configured, plans asked once a step; held while over capacity in at most {TOLERATED * 100:g} % of the time"
