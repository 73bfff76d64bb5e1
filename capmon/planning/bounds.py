"""How few and how many replicas to allow: one answer for every chapter."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.names import RATE
from capmon.planning.counts import replicas_for
from capmon.planning.evidence import Evidence
from capmon.planning.futures import futures, least
from capmon.planning.infrastructure import losses
from capmon.planning.load import whole_hours
from capmon.planning.replays import TOLERATED
from capmon.scaling.limits import ceiling

_QUIET = 0.05
_LEAST_HOURS = 24
_WEEK = 168
_MOST = 10_000


def fixed_count(evidence: Evidence, load: Vec, each: Estimate) -> int | None:
    """Fewest replicas that, never changed, hold the load of the horizon with the question's probability.

    Args:
        evidence: What everything rests on.
        load: (n,) the load replayed, of now.
        each: What one replica carries.
    """
    then, now = evidence.load_then, evidence.load_now
    if then is None or now is None or now.value <= 0 or not len(load):
        return None
    busy = float(np.nanquantile(load, 1 - TOLERATED, method="higher"))
    drawn = futures(then, each)
    with np.errstate(divide="ignore", invalid="ignore"):
        counts = np.sort(drawn.load / now.value * busy / drawn.each)
    at = min(math.ceil(evidence.question.probability * len(counts)) - 1, len(counts) - 1)
    if not np.isfinite(counts[at]) or counts[at] > _MOST:
        return None
    return max(math.ceil(float(counts[at]) * (1 - 1e-9)), 1)


def most_replicas(evidence: Evidence, load: Vec) -> int | None:
    """What `scaling.max` has to be by the horizon: the busy hour with one lost, and the load's peaks."""
    each, then = evidence.replica.carries, evidence.load_then
    if each is None or then is None or not evidence.replica.per_replica:
        return None
    busy = least(then, each, evidence.question.probability)
    if busy is None:
        return None
    return max(busy + 1, fixed_count(evidence, load, each) or 0)


def least_replicas(evidence: Evidence) -> tuple[int, float] | None:
    """What carries the quiet hour with the question's probability, and the load of that hour."""
    hours, carries = evidence.hourly.get(RATE), evidence.replica.carries
    if hours is None or carries is None or not evidence.replica.per_replica:
        return None
    _, means = whole_hours(hours)
    if len(means) < _LEAST_HOURS:
        return None
    quiet = float(np.quantile(means[-_WEEK:], _QUIET))
    count = replicas_for(Estimate(quiet), carries, evidence.question.probability)
    return None if count is None else (count.sure, quiet)


def to_spare(evidence: Evidence) -> int | None:
    """Replicas to keep in the busy hour of now so that one may fail; None where those that run do."""
    found = losses(evidence, evidence.load_now)
    one = found[0] if found else None
    if one is None or one.holds is None or one.needed is None:
        return None
    now = evidence.replicas_now or 0
    if one.holds >= evidence.question.probability or one.needed <= max(
        evidence.settings.scaling.min, now
    ):
        return None
    return min(one.needed, ceiling(evidence.settings.scaling))
