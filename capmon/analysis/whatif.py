"""What the models say to another load, other replicas or another objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from capmon.analysis.curves.headroom import (
    NO_GROWTH,
    TRUSTED_REACH,
    Limit,
    crossing,
    headroom,
    in_order,
    no_growth,
)
from capmon.analysis.sizing import steady, whole_load
from capmon.analysis.workload import CPU, LATENCY, RATE
from capmon.config.schema import ScalingSettings, Settings
from capmon.model.frame import Frame, Reading
from capmon.model.metric import Unit, metric
from capmon.model.results import Estimate, Fit, Headroom, Predicted
from capmon.model.units import show, show_metric
from capmon.model.whatif import Question, WhatIf

FAR = 2 * TRUSTED_REACH
"""Beyond this many times the greatest load seen a curve says nothing at all."""

MOST_REPLICAS = 1_000_000
"""A count beyond this is a curve that has nothing to say."""

NO_REPLICAS = "replica count is not known"
NOT_SHARED = "load is not counted per replica yet"
FULL_FIRST = "cpu is full first"


@dataclass(frozen=True, slots=True)
class _Case:
    """One supposition, with all that its answer starts from."""

    fits: tuple[Fit, ...]
    readings: Mapping[str, Reading]
    growth: float
    origin: int | None
    replicas: int | None

    def now(self, fit: Fit) -> float | None:
        """The whole service's load behind a fit, now."""
        return _value(self.readings, whole_load(fit))

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


def what_if(settings: Settings, frame: Frame, question: Question) -> WhatIf:
    """Answer one question from the models of a frame, which stay as they are.

    Load is the recent one that headroom speaks of. Where load is counted per replica a count
    that is not known answers nothing; where it is not, only the load can be supposed.

    Args:
        settings: Objective, bounds of the count and what replicas share.
        frame: Curves, limits, readings and replicas of now.
        question: What is supposed; its growth is 0 or more.
    """
    origin = _ready(frame)
    case = _Case(
        frame.fits,
        steady(frame.readings, frame.headroom),
        question.growth,
        origin,
        origin if question.replicas is None else max(1, question.replicas),
    )
    objective = question.objective or settings.objectives.latency_p95
    limits = _limits(frame, objective)
    now = _value(case.readings, RATE)
    needed, reason = _needed(case, limits, settings.scaling, ready=frame.engine_ready)
    return WhatIf(
        question=question,
        load_now=now,
        load=None if now is None else now * question.growth,
        replicas_now=origin,
        replicas=case.replicas,
        objective=objective,
        predicted=tuple(_predicted(case, fit) for fit in frame.fits),
        headroom=in_order([_room(case, f, limits[f.target]) for f in frame.fits if f.target in limits]),
        needed=needed,
        needed_reason=reason,
        beyond=_beyond(case),
        per_replica=_carried(case, limits),
    )  # fmt: skip


def _ready(frame: Frame) -> int | None:
    """Ready replicas; None when not known or when there are none."""
    ready = None if frame.replicas is None else frame.replicas.ready
    return ready if ready is not None and ready >= 1 else None


def _limits(frame: Frame, objective: float) -> dict[str, Limit]:
    """What each metric must not pass: the limits of now, with the objective supposed."""
    found = {h.target: Limit(h.limit, h.limit_name) for h in frame.headroom}
    if any(f.target == LATENCY for f in frame.fits):
        found[LATENCY] = Limit(objective, "objectives.latency_p95")
    return found


def _predicted(case: _Case, fit: Fit) -> Predicted:
    """One metric on its curve, now and as supposed."""
    problem, at = case.problem(fit), case.share(fit)
    if problem or at is None:
        return Predicted(fit.target, _value(case.readings, fit.target), None, problem)
    now, count = case.now(fit), case.origin if fit.per_replica else 1
    reading = _value(case.readings, fit.target)
    before = fit.predict(now / count) if now is not None and count else reading
    after = None
    if fit.target == LATENCY and _cpu_is_full(case, fit, at):
        problem = FULL_FIRST
    elif fit.load_max is not None and at > FAR * fit.load_max:
        problem = "far beyond the load seen"
    else:
        after = _held(fit, at)
        problem = "" if after is not None else _past(fit, at)
    return Predicted(fit.target, _finite(before), after, problem)


def _past(fit: Fit, load: float) -> str:
    """Why a curve has no value at a load: it is at its pole, or out of every scale."""
    full = fit.saturates_at
    if full is None or load < full.value:
        return "beyond what the model can tell"
    return f"full at {_amount(fit, full.value)}{' a replica' if fit.per_replica else ''}"


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


def _cpu_is_full(case: _Case, fit: Fit, load: float) -> bool:
    """Whether all of the CPU is taken at a load: a curve that knows no saturation runs on beyond."""
    full = _full_at(case, fit)
    return full is not None and load >= full


def _full_at(case: _Case, fit: Fit) -> float | None:
    """The load, in a fit's own, that takes all of the CPU."""
    cpu = next((f for f in case.fits if f.target in CPU and f.load == fit.load), None)
    at = None if cpu is None else crossing(cpu, 1.0)[0]
    return None if at is None else at.value


def _room(case: _Case, fit: Fit, limit: Limit) -> Headroom:
    """Where one limit binds, against the load supposed."""
    load = case.load(fit)
    room = headroom(fit, limit, whole_load(fit), load, case.replicas)
    problem = "" if room.at is None else case.problem(fit)
    if room.at is not None and not problem and fit.target == LATENCY:
        full, at = _full_at(case, fit), crossing(fit, limit.value)[0]
        problem = FULL_FIRST if full is not None and at is not None and at.value > full else ""
    if problem:
        room = replace(room, at=None, multiple=None, extrapolated=False, problem=problem)
    return replace(room, needs=_whole(_wanted(case, fit, limit)))


def _wanted(case: _Case, fit: Fit, limit: Limit) -> float | None:
    """Replicas, not yet whole, at which the load supposed just reaches a limit; None where not known."""
    load, at = case.load(fit), crossing(fit, limit.value)[0]
    if not fit.per_replica or load is None or at is None or at.value <= 0:
        return None
    count = load / at.value
    return count if count < MOST_REPLICAS else None


def _whole(count: float | None) -> int | None:
    """The least whole count; a hair over one is a rounding error, not one replica more."""
    return None if count is None else max(1, math.ceil(count - 1e-9))


def _needed(
    case: _Case, limits: Mapping[str, Limit], scaling: ScalingSettings, *, ready: bool
) -> tuple[int | None, str]:
    """Least replicas that carry the load within every limit that can be told, and why so many."""
    found: list[tuple[float, Fit, Limit]] = []
    silent: list[str] = []
    for fit in case.fits:
        limit = limits.get(fit.target)
        if limit is None:
            continue
        wanted = _wanted(case, fit, limit)
        if wanted is not None:
            found.append((wanted, fit, limit))
        elif case.problem(fit) != NO_GROWTH:
            silent.append(metric(fit.target).label)
    if not found:
        return None, _nothing(case, ready=ready)
    most, fit, limit = max(found, key=lambda each: each[0])
    count = _whole(most)
    at = crossing(fit, limit.value)[0]
    reason = f"{metric(fit.target).label} reaches {show(limit.value, metric(fit.target).unit)}"
    if at is not None:
        reason += f" at {_amount(fit, at.value)} a replica"
    if silent:
        reason += f"; {' and '.join(silent)} cannot be told"
    return count, reason + _bounds(count or 1, scaling)


def _nothing(case: _Case, *, ready: bool) -> str:
    """Why no count can be told."""
    if not ready:
        return "the models are loading"
    known = [f for f in case.fits if not f.problem]
    if not known:
        return next((f.problem for f in case.fits if f.problem), "no model yet")
    if not any(f.per_replica for f in known):
        return NO_REPLICAS if case.origin is None else NOT_SHARED
    return next((p for f in known if (p := case.problem(f))), "no limit can be told")


def _bounds(count: int, scaling: ScalingSettings) -> str:
    """What stands against a count: bounds of the configuration and what replicas share."""
    notes = []
    if count > scaling.max:
        notes.append(f"the most allowed is {scaling.max}")
    for shared in scaling.limits:
        most = math.floor(shared.total / shared.per_replica) if shared.per_replica > 0 else count
        if most < count:
            notes.append(f"{shared.name} allow {most}")
    return f", but {' and '.join(notes)}" if notes else ""


def _carried(case: _Case, limits: Mapping[str, Limit]) -> Estimate | None:
    """The least of the requests per second at which one replica reaches a limit."""
    found = [
        at
        for fit in case.fits
        if fit.per_replica and whole_load(fit) == RATE and fit.target in limits
        if (at := crossing(fit, limits[fit.target].value)[0]) is not None
    ]
    return min(found, key=lambda at: at.value, default=None)


def _beyond(case: _Case) -> str:
    """Which load the models have not seen, the farthest of them; empty within their reach."""
    worst, text = TRUSTED_REACH, ""
    for fit in case.fits:
        at, seen = case.share(fit), fit.load_max
        if fit.problem or at is None or not seen or at / seen <= worst:
            continue
        worst = at / seen
        each = " a replica" if fit.per_replica else ""
        text = f"{_amount(fit, at)}{each} is {worst:.1f}× the load seen"
    return text


def _amount(fit: Fit, load: float) -> str:
    """A load in words: `51.0 req/s`, `130 users`."""
    key = whole_load(fit)
    return f"{show_metric(key, load)}{'' if key == RATE else ' users'}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _value(readings: Mapping[str, Reading], metric_key: str) -> float | None:
    reading = readings.get(metric_key)
    return None if reading is None else _finite(reading.value)
