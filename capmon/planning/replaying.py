"""The policies replayed on the load of the record itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.names import RATE
from capmon.model.policies import Replay, ReplayTable
from capmon.model.units import span
from capmon.planning.evidence import Evidence
from capmon.scaling.limits import reach
from capmon.scaling.simulate.run import Recorded, simulate
from capmon.scaling.simulate.service import Service

DAY = 86400.0
LEAST = 2 * DAY
"""Seconds of load from which on a replay says something of a policy."""

REPLAYED = 14 * DAY
MOST_STEPS = 8640
"""Steps of a replay: a policy is asked at every one of them."""

POLICIES = ("static_peak", "step", "hpa", "predictive")

CHOOSABLE = ("step", "hpa", "predictive")
"""Policies that can be followed."""

_TRAIN = 1 / 3
_STEPS = (60.0, 120.0, 300.0, 600.0, 900.0)
_SAME = 0.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the replay says, or why there is none."""

    table: ReplayTable | None
    """A row a policy."""

    best: Replay | None = None
    """The policy to follow: least overload, and of those within .1 points the fewest replica-hours."""

    problem: str = ""
    """Why there is none; empty when there is one."""

    step: float = 0.0
    """Seconds a step."""


def replayed(evidence: Evidence) -> Replayed:
    """Replay the policies on the last 14 days of the record, the first third as their history."""
    known = evidence.known
    if known is None:
        return Replayed(None, problem="what one replica carries is not known")
    pace = evidence.record.interval(RATE) or 60.0
    if pace > _STEPS[-1]:
        return Replayed(
            None, problem=f"a reading every {span(pace)} is too coarse to replay a policy on"
        )
    seconds = min(evidence.record.age(RATE, evidence.until), REPLAYED)
    if seconds < LEAST * (1 - 1e-3):
        return Replayed(None, problem=f"needs {span(LEAST)} of load, has {span(seconds)}")
    least = max(pace, seconds / MOST_STEPS)
    step = next((s for s in _STEPS if s >= least), _STEPS[-1])
    load = _load(evidence, seconds, step)
    settings = evidence.settings.scaling
    service = Service(
        capacity=known.capacity,
        startup=evidence.lead_time,
        least=settings.min,
        most=reach(settings),
        target=settings.hpa.cpu or 0.7,
        step=step,
        full=known.full,
        latency=known.latency,
        objective=known.objective,
    )
    table = simulate(Recorded(load, max(2, round(_TRAIN * len(load)))), service, settings, POLICIES)
    return Replayed(table, _best(table), step=step)


def _load(evidence: Evidence, seconds: float, step: float) -> Vec:
    row = evidence.record.window([RATE], evidence.until, seconds, step)[0]
    row = np.where(np.isfinite(row), row, math.nan)
    return row[int(np.argmax(np.isfinite(row))) :]


def _best(table: ReplayTable) -> Replay | None:
    rows = [r for r in table.rows if r.policy in CHOOSABLE]
    if not rows:
        return None
    least = min(r.overload_percent for r in rows)
    return min(
        (r for r in rows if r.overload_percent <= least + _SAME), key=lambda r: r.replica_hours
    )
