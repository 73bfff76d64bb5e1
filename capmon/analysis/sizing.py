"""How many replicas the models ask for, and what a change of the count would do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from capmon.analysis.curves.headroom import TRUSTED_REACH, Limit, crossing
from capmon.analysis.effect import Case, predicted, whole_load
from capmon.config.schema import ScalingSettings
from capmon.model.frame import Reading, value_of
from capmon.model.metric import metric
from capmon.model.names import CPU, USERS
from capmon.model.results import (
    Advice,
    Fit,
    Forecast,
    Headroom,
    Predicted,
    ReplicaState,
)
from capmon.model.units import show, show_metric

TOLERANCE = 0.1
"""How far utilization may be from its target before the count changes, as a share of it."""

START_UP = 300.0
"""Seconds that a new replica may take until it serves; the load must be carried that far ahead."""

_NO_REPLICAS = "replica count is not known"


@dataclass(frozen=True, slots=True)
class Need:
    """How many replicas something takes."""

    count: int
    """Replicas."""

    reason: str
    """Why, in one line."""


def advise(
    scaling: ScalingSettings,
    target: float,
    replicas: ReplicaState | None,
    readings: Mapping[str, Reading],
    fits: Sequence[Fit],
    limits: Mapping[str, Limit],
    forecasts: Sequence[Forecast] = (),
) -> Advice:
    """The least count at which every fitted limit holds, now and until a new replica serves.

    Without a fit the proportional rule on CPU decides: ready × utilization / target, and no
    change within a tenth of the target.

    Args:
        scaling: Bounds of the count and what replicas share.
        target: Utilization aimed at.
        replicas: The scale target; without a ready count nothing is advised.
        readings: Latest values.
        fits: Curves over load.
        limits: What each fitted metric must not pass, by metric key.
        forecasts: The load's own is looked up to `START_UP` seconds ahead.

    Source:
        The proportional rule is that of Kubernetes' HorizontalPodAutoscaler.
    """
    if replicas is None or replicas.ready is None:
        return Advice(None, _NO_REPLICAS)
    ready = replicas.ready
    if ready < 1:
        return Advice(None, "no replica is ready")
    need = _by_fits(ready, readings, fits, limits, forecasts) or _by_share(ready, readings, target)
    if need is None:
        return Advice(None, "neither a model nor CPU utilization to go by")
    to, reason = _clamped(need, scaling)
    return Advice(to, reason, predict_effect(fits, readings, ready, to))


def _by_fits(
    ready: int,
    readings: Mapping[str, Reading],
    fits: Sequence[Fit],
    limits: Mapping[str, Limit],
    forecasts: Sequence[Forecast],
) -> Need | None:
    """What the fitted limits ask for; None where no fit can tell."""
    needs: list[Need] = []
    for fit in fits:
        load = _expected(whole_load(fit), readings, forecasts)
        limit = limits.get(fit.target)
        if not fit.per_replica or load is None or limit is None:
            continue
        at, _ = crossing(fit, limit.value)
        if at is not None and at.value > 0:
            needs.append(_need(fit, at.value, limit, *load, ready))
    return max(needs, key=lambda n: n.count, default=None)


def _need(fit: Fit, reach: float, limit: Limit, load: float, when: str, ready: int) -> Need:
    """What one fit asks for. One replica less must leave a margin and stay where the fit has been."""
    count = bare = _ceil(load / reach)
    if count < ready:
        seen = TRUSTED_REACH * (fit.load_max or reach)
        count = min(ready, _ceil(max(load * (1 + TOLERANCE) / reach, load / seen)))
    margin = " with a margin" if count > bare else ""
    label, unit = metric(fit.target).label, metric(fit.target).unit
    key = whole_load(fit)
    tail = " users" if key == USERS else ""
    each, whole = (f"{show_metric(key, v)}{tail}" for v in (reach, load))
    text = f"{whole}{when} take {count}{margin}: {label} {show(limit.value, unit)} at {each} each"
    return Need(count, text)


def _expected(
    load: str, readings: Mapping[str, Reading], forecasts: Sequence[Forecast]
) -> tuple[float, str] | None:
    """The load now or its forecast peak until a new replica serves, whichever is greater, and when."""
    now = value_of(readings, load)
    if now is None or now < 0:
        return None
    when = ""
    for forecast in forecasts:
        if forecast.metric == load and forecast.median and forecast.step > 0:
            soon = forecast.median[: max(1, math.ceil(START_UP / forecast.step))]
            peak = max((v for v in soon if math.isfinite(v)), default=0.0)
            if peak > now:
                ahead = forecast.step * (soon.index(peak) + 1)
                at = datetime.fromtimestamp(forecast.made_at + ahead, UTC)
                # A time of day without seconds could be past when it is read.
                said = "within a minute" if ahead <= 60 else f"by {at:%H:%M}"
                now, when = peak, f" expected {said}"
    return now, when


def _by_share(ready: int, readings: Mapping[str, Reading], target: float) -> Need | None:
    """The proportional rule on CPU."""
    used = next((v for k in CPU if (v := value_of(readings, k)) is not None), None)
    if used is None or target <= 0:
        return None
    ratio = used / target
    now = f"cpu {show(used, metric(CPU[0]).unit)} against a target of {show(target, metric(CPU[0]).unit)}"
    if abs(ratio - 1) <= TOLERANCE:
        return Need(ready, f"{now}: within a tenth")
    count = max(1, _ceil(ready * ratio))
    return Need(count, f"{now}: {count} by proportion, no model yet")


def _clamped(need: Need, scaling: ScalingSettings) -> tuple[int, str]:
    """The count within its bounds, with the bound that binds."""
    most, why = scaling.max, f"the most allowed is {scaling.max}"
    for shared in scaling.limits:
        fits_in = math.floor(shared.total / shared.per_replica) if shared.per_replica > 0 else most
        if fits_in < most:
            most, why = fits_in, f"{shared.name} allow {fits_in}"
    if need.count > most:
        return max(most, 1), f"{need.reason}, but {why}"
    if need.count < scaling.min:
        return min(
            scaling.min, max(most, 1)
        ), f"{need.reason}, but the least allowed is {scaling.min}"
    return need.count, need.reason


def steady(readings: Mapping[str, Reading], headroom: Sequence[Headroom]) -> Mapping[str, Reading]:
    """Readings in which each load that headroom speaks of is the recent one, not the last reading."""
    recent = {h.load: h.now for h in headroom if h.now is not None and h.load in readings}
    return {**readings, **{key: replace(readings[key], value=v) for key, v in recent.items()}}


def predict_effect(
    fits: Sequence[Fit], readings: Mapping[str, Reading], origin: int | None, to: int | None
) -> tuple[Predicted, ...]:
    """What the models expect of each fitted metric with `to` replicas at today's load.

    Args:
        fits: Curves over load.
        readings: Latest values.
        origin: Replicas now; with the same count after, nothing changes but the noise.
        to: Replicas after.
    """
    known, wanted = (c if c is not None and c >= 1 else None for c in (origin, to))
    # From a count that is not known no change leads anywhere.
    case = Case(tuple(fits), readings, 1.0, known, wanted if known is not None else None)
    return tuple(predicted(case, fit) for fit in fits)


def _ceil(x: float) -> int:
    """The next whole number up, but for rounding errors, and never astronomical."""
    return math.ceil(max(min(x, 1e9), -1e9) - 1e-9)
