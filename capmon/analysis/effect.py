"""What the curves say of each metric at another load or with other replicas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from capmon.analysis.curves.headroom import TRUSTED_REACH, Limit, crossing, no_growth
from capmon.model.frame import Reading, value_of
from capmon.model.metric import Unit, metric
from capmon.model.names import CPU, LATENCY, RATE, USERS, USERS_PER_REPLICA
from capmon.model.results import Estimate, Fit, Predicted
from capmon.model.units import show_metric

FAR = 2 * TRUSTED_REACH
"""Beyond this many times the greatest load seen a curve says nothing at all."""

NO_REPLICAS = "replica count is not known"
NOT_SHARED = "load is not counted per replica yet"
FULL_FIRST = "cpu is full first"


def whole_load(fit: Fit) -> str:
    """Key of the whole service's load behind a fit's own."""
    return USERS if fit.load in {USERS, USERS_PER_REPLICA} else RATE


@dataclass(frozen=True, slots=True)
class Case:
    """One supposition, with all that its answer starts from."""

    fits: tuple[Fit, ...]
    readings: Mapping[str, Reading]
    growth: float
    origin: int | None
    replicas: int | None

    def now(self, fit: Fit) -> float | None:
        """The whole service's load behind a fit, now."""
        return value_of(self.readings, whole_load(fit))

    def load(self, fit: Fit) -> float | None:
        """The same as it is supposed."""
        now = self.now(fit)
        return None if now is None else now * self.growth

    def problem(self, fit: Fit) -> str:
        """Why a fit has nothing to say to this case; empty when it has."""
        if fit.problem or no_growth(fit):
            return fit.problem or no_growth(fit)
        if fit.per_replica and self.replicas is None:
            return NO_REPLICAS
        if not fit.per_replica and self.replicas != self.origin:
            return NOT_SHARED
        return "load is not known" if self.load(fit) is None else ""

    def share(self, fit: Fit) -> float | None:
        """The load that a fit is asked for, in its own unit."""
        load = self.load(fit)
        if load is None or not fit.per_replica:
            return load
        return load / self.replicas if self.replicas else None


def predicted(case: Case, fit: Fit) -> Predicted:
    """One metric on its curve, now and as supposed."""
    problem, at = case.problem(fit), case.share(fit)
    if problem or at is None:
        return Predicted(fit.target, value_of(case.readings, fit.target), None, problem)
    now, count = case.now(fit), case.origin if fit.per_replica else 1
    reading = value_of(case.readings, fit.target)
    before = fit.predict(now / count) if now is not None and count else reading
    after = None
    if fit.target == LATENCY and _cpu_is_full(case, fit, at):
        problem = FULL_FIRST
    elif fit.load_max is not None and at > FAR * fit.load_max:
        problem = "far beyond the load seen"
    else:
        after = _held(fit, at)
        problem = "" if after is not None else _past(fit, at)
    return Predicted(
        fit.target, before if before is not None and math.isfinite(before) else None, after, problem
    )


def _past(fit: Fit, load: float) -> str:
    """Why a curve has no value at a load: it is at its pole, or out of every scale."""
    full = fit.saturates_at
    if full is None or load < full.value:
        return "beyond what the model can tell"
    return f"full at {amount(fit, full.value)}{' a replica' if fit.per_replica else ''}"


def _held(fit: Fit, load: float) -> Estimate | None:
    """The band at a load, within what the metric can be; None past the pole of a curve without a cap."""
    cap = fit.cap
    if cap is None and metric(fit.target).unit is Unit.RATIO:
        cap = 1.0
    full = fit.saturates_at
    if full is not None and load >= full.value:
        return None if cap is None else Estimate(cap)
    band = fit.band(load)
    if band is None or not math.isfinite(band.value):
        return None

    def end(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return max(value if cap is None else min(value, cap), 0.0)

    return Estimate(end(band.value) or 0.0, end(band.low), end(band.high), band.level)


def _cpu_is_full(case: Case, fit: Fit, load: float) -> bool:
    """Whether all of the CPU is taken at a load: a curve that knows no saturation runs on beyond."""
    full = full_at(case.fits, fit)
    return full is not None and load >= full


def full_at(fits: Sequence[Fit], fit: Fit) -> float | None:
    """The load, in a fit's own, that takes all of the CPU."""
    cpu = next((f for f in fits if f.target in CPU and f.load == fit.load), None)
    at = None if cpu is None else crossing(cpu, 1.0)[0]
    return None if at is None else at.value


def amount(fit: Fit, load: float) -> str:
    """A load in words: `51.0 req/s`, `130 users`."""
    key = whole_load(fit)
    return f"{show_metric(key, load)}{'' if key == RATE else ' users'}"


def past_full(fits: Sequence[Fit], curve: Fit, limit: Limit) -> bool:
    """Whether a limit of the response time lies beyond the load that takes all of the CPU."""
    full, at = full_at(fits, curve), crossing(curve, limit.value)[0]
    return full is not None and at is not None and at.value > full
