"""The CPU utilization that HPA is to aim at: one answer for every chapter."""

from __future__ import annotations

import math

import numpy as np

from capmon.model.names import CPU, RATE
from capmon.model.units import percent, span
from capmon.planning.baseline import finest
from capmon.planning.evidence import Evidence

_RISE = 0.99


Target = tuple[float | None, str, str]


def hpa_target(evidence: Evidence) -> Target:
    """CPU utilization to aim at, so that the load's rise until a new replica serves stays within what is carried.

    Where the response time binds first, a replica is full before its CPU is.

    Returns:
        The target, what it rests on, and the reason where there is none.
    """
    if "aim" not in evidence.once:
        evidence.once["aim"] = _target(evidence)
    found: Target = evidence.once["aim"]
    return found


def _target(evidence: Evidence) -> Target:
    carries = evidence.replica.carries
    cpu = next((f for f in evidence.fits if f.target in CPU and not f.problem), None)
    series = finest(evidence, RATE)
    if carries is None or cpu is None or series is None:
        return None, "", "no curve of the CPU over load"
    full = cpu.predict(carries.value)
    wait = evidence.lead_time + evidence.settings.scaling.every
    rise = _rise(series.times, series.mean, wait)
    if full is None or rise is None:
        return None, "", "how fast the load rises is not known"
    target = min(full / rise, float(evidence.settings.utilization_target))
    text = (
        f"CPU {percent(full)} % where the first limit binds, over the load's rise of {rise:.2f}× "
        f"in {span(wait)} until a replica serves (99th percentile); at most utilization_target"
    )
    return target, text, ""


def aim_of(evidence: Evidence) -> float:
    """The share that HPA is replayed with: `hpa_target`, or what is configured where that is not known."""
    target, _, _ = hpa_target(evidence)
    if target is not None:
        # HPA takes whole per cent.
        return round(target, 2)
    full = 1.0 if evidence.known is None else evidence.known.full
    aim = evidence.settings.utilization_target * full
    return min(evidence.settings.scaling.hpa.cpu or aim, aim)


def _rise(times: np.ndarray, values: np.ndarray, lead: float) -> float | None:
    """99th percentile of how much the load grows within a lead time, at loads above the median."""
    gap = float(np.median(np.diff(times))) if len(times) > 1 else math.inf
    if not gap < 1800 or len(times) < 100:
        return None
    ahead = np.searchsorted(times, times + lead)
    good = (ahead < len(times)) & np.isfinite(values) & (values > np.nanmedian(values))
    later = np.minimum(ahead, len(times) - 1)
    good &= times[later] - times <= lead + 2 * gap
    if np.count_nonzero(good) < 100:
        return None
    ratio = values[later][good] / values[good]
    return max(1.0, float(np.nanquantile(ratio, _RISE)))
