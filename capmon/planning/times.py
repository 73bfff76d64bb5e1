"""When each limit is reached: load against what the curves allow, memory and disks against their thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capmon.analysis.days.growth import by_day
from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit
from capmon.model.metric import Unit
from capmon.model.names import LATENCY, MEMORY, RATE
from capmon.model.units import span
from capmon.planning.amounts import fills
from capmon.planning.baseline import warning
from capmon.planning.chances import chance_over
from capmon.planning.evidence import Evidence
from capmon.planning.load import whole_hours
from capmon.planning.words import REQUESTS, label, number, ranged

DAY = 86400.0

LIMITED = (*MEMORY, "system.filesystem.utilization")
"""Shares that are followed over days towards their thresholds."""

LEAST_DAYS = 1.9
"""Days of history, near enough two, from which on a share is followed."""

_STEPS = 512
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Reach:
    """When one limit is reached."""

    metric: str
    """Key of the metric that meets its limit."""

    name: str
    """What it is in words: `app cpu 80 %`."""

    limit: str
    """The limit in words: `120 req/s (115–126)`, `80 %`."""

    when: TimeToLimit
    """Seconds after the last measurement; negative or 0 where it is reached already."""

    evidence: str
    """What it rests on."""

    of_load: bool
    """Whether it is the load that reaches it, so that replicas help."""


def reaches(evidence: Evidence) -> tuple[Reach, ...]:
    """Every limit that can be followed, the one that is likely to be met first in front."""
    found = [*_of_load(evidence), *_of_shares(evidence)]
    return tuple(sorted(found, key=lambda r: _first(r.when)))


def _first(when: TimeToLimit) -> float:
    known = (v for v in (when.t50, when.t10) if v is not None)
    far = 1e12
    return next(known, far) + (0.0 if when.t50 is not None else far / 2)


def foretells(evidence: Evidence, metric_key: str) -> bool:
    """Whether a metric's history is long enough to be followed: in less the swing of a day looks like growth."""
    growth = evidence.growths.get(metric_key)
    return growth is not None and not growth.problem and growth.days >= LEAST_DAYS


def _of_load(evidence: Evidence) -> list[Reach]:
    found = []
    for room in evidence.headroom:
        if room.load != RATE or room.at is None or not evidence.ahead.loads:
            continue
        unit = (
            Unit.SECONDS if room.target == LATENCY else Unit.BYTES if room.limit > 1 else Unit.RATIO
        )
        name = f"{label(room.target)} {number(room.limit, unit)}"
        text = f"busy hour, {evidence.ahead.model}, against the curve"
        if room.extrapolated:
            text += "; the limit lies beyond 1.3× the load seen"
        found.append(
            Reach(
                room.target,
                name,
                ranged(room.at, REQUESTS),
                when_over(evidence, room.at),
                text,
                True,
            )
        )
    return found


def when_over(evidence: Evidence, limit: Estimate) -> TimeToLimit:
    """When the busy hour is over a load with a probability of 10, 50 and 90 %.

    Load and limit are both uncertain and taken as independent. None in each place that is not
    reached by the horizon.

    Args:
        evidence: Its load ahead is looked at.
        limit: Load of the whole service.
    """
    days, loads = evidence.ahead.days, evidence.ahead.loads
    if not loads:
        return TimeToLimit(None, None, None)
    chances = np.maximum.accumulate([chance_over(load, limit) for load in loads])
    fine = np.linspace(float(days[0]), float(days[-1]), _STEPS)
    likely = np.interp(fine, days, chances)
    return TimeToLimit(*(_crossed(fine, likely, q) for q in _QUANTILES))


def _crossed(days: np.ndarray, likely: np.ndarray, level: float) -> float | None:
    over = np.flatnonzero(likely >= level)
    return float(days[over[0]]) * DAY if len(over) else None


def _of_shares(evidence: Evidence) -> list[Reach]:
    found = []
    for key, hours in sorted(evidence.hourly.items()):
        limit = warning(evidence.settings, key)
        if key.partition("{")[0] not in LIMITED or limit is None:
            continue
        times, means = whole_hours(hours)
        if not foretells(evidence, key):
            continue
        days, _ = by_day(times + hours.step / 2, means)
        when = fills(hours, limit, evidence.until, evidence.question.horizon)
        length = float(times[-1] - times[0]) if len(times) else 0.0
        text = f"trend of {len(days)} days or blocks over {span(length)}"
        share = number(limit, Unit.RATIO)
        found.append(Reach(key, f"{label(key)} {share}", share, when, text, False))
    return found
