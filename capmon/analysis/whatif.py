"""What the models say to another load, other replicas or another objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from capmon.analysis.curves.headroom import (
    NO_GROWTH,
    TRUSTED_REACH,
    Limit,
    crossing,
    headroom,
    in_order,
)
from capmon.analysis.effect import (
    FULL_FIRST,
    NO_REPLICAS,
    NOT_SHARED,
    Case,
    amount,
    past_full,
    predicted,
    whole_load,
)
from capmon.analysis.sizing import steady
from capmon.config.schema import ScalingSettings, Settings
from capmon.model.frame import Frame, value_of
from capmon.model.metric import metric
from capmon.model.names import LATENCY, RATE
from capmon.model.results import Estimate, Fit, Headroom
from capmon.model.units import show
from capmon.model.whatif import Question, WhatIf

MOST_REPLICAS = 1_000_000
"""A count beyond this is a curve that has nothing to say."""


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
    case = Case(
        frame.fits,
        steady(frame.readings, frame.headroom),
        question.growth,
        origin,
        origin if question.replicas is None else max(1, question.replicas),
    )
    objective = question.objective or settings.objectives.latency_p95
    limits = _limits(frame, objective)
    now = value_of(case.readings, RATE)
    needed, reason = _needed(case, limits, settings.scaling, ready=frame.engine_ready)
    return WhatIf(
        question=question,
        load_now=now,
        load=None if now is None else now * question.growth,
        replicas_now=origin,
        replicas=case.replicas,
        objective=objective,
        predicted=tuple(predicted(case, fit) for fit in frame.fits),
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


def _room(case: Case, fit: Fit, limit: Limit) -> Headroom:
    """Where one limit binds, against the load supposed."""
    load = case.load(fit)
    room = headroom(fit, limit, whole_load(fit), load, case.replicas)
    problem = "" if room.at is None else case.problem(fit)
    if room.at is not None and not problem and fit.target == LATENCY:
        problem = FULL_FIRST if past_full(case.fits, fit, limit) else ""
    if problem:
        room = replace(room, at=None, multiple=None, extrapolated=False, problem=problem)
    return replace(room, needs=_whole(_wanted(case, fit, limit)))


def _wanted(case: Case, fit: Fit, limit: Limit) -> float | None:
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
    case: Case, limits: Mapping[str, Limit], scaling: ScalingSettings, *, ready: bool
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
        reason += f" at {amount(fit, at.value)} a replica"
    if silent:
        reason += f"; {' and '.join(silent)} cannot be told"
    return count, reason + _bounds(count or 1, scaling)


def _nothing(case: Case, *, ready: bool) -> str:
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


def _carried(case: Case, limits: Mapping[str, Limit]) -> Estimate | None:
    """The least of the requests per second at which one replica reaches a limit."""
    found = [
        at
        for fit in case.fits
        if fit.per_replica and whole_load(fit) == RATE and fit.target in limits
        if (at := crossing(fit, limits[fit.target].value)[0]) is not None
    ]
    return min(found, key=lambda at: at.value, default=None)


def _beyond(case: Case) -> str:
    """Which load the models have not seen, the farthest of them; empty within their reach."""
    worst, text = TRUSTED_REACH, ""
    for fit in case.fits:
        at, seen = case.share(fit), fit.load_max
        if fit.problem or at is None or not seen or at / seen <= worst:
            continue
        worst = at / seen
        each = " a replica" if fit.per_replica else ""
        text = f"{amount(fit, at)}{each} is {worst:.1f}× the load seen"
    return text
