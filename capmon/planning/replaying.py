"""The policies replayed on the load of the record itself."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.names import RATE
from capmon.model.policies import Replay, ReplayTable
from capmon.model.units import span
from capmon.planning.evidence import Evidence
from capmon.planning.replays import LEAST_DAYS, policies, trained

DAY = 86400.0
COARSEST = 900.0
"""Seconds between two readings beyond which no policy is replayed."""

CHOOSABLE = ("step", "hpa", "predictive")
"""Policies that can be followed."""

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
    """Replay the policies, as they are configured, on the last seven days of the record."""
    known = evidence.known
    if known is None:
        return Replayed(None, problem="what one replica carries is not known")
    pace = evidence.record.interval(RATE) or 60.0
    if pace > COARSEST:
        return Replayed(
            None, problem=f"a reading every {span(pace)} is too coarse to replay a policy on"
        )
    seconds = evidence.record.age(RATE, evidence.until)
    each = evidence.replica.carries
    if seconds < LEAST_DAYS * DAY * (1 - 1e-3) or each is None:
        return Replayed(
            None, problem=f"needs {span(LEAST_DAYS * DAY)} of load, has {span(seconds)}"
        )
    table = policies(evidence, 1.0, each.value)
    if table is None:
        return Replayed(None, problem="no load in the last days")
    return Replayed(table, _best(table), step=trained(evidence)[1])


def _best(table: ReplayTable) -> Replay | None:
    rows = [r for r in table.rows if r.policy in CHOOSABLE]
    if not rows:
        return None
    least = min(r.overload_percent for r in rows)
    return min(
        (r for r in rows if r.overload_percent <= least + _SAME), key=lambda r: r.replica_hours
    )
