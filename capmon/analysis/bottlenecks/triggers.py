"""Every threshold that is watched: how far its metric is from harm, and how soon to act."""

from __future__ import annotations

import math
from collections.abc import Iterable

from capmon.analysis.bottlenecks.context import Context, finite
from capmon.analysis.bottlenecks.sustain import Stage, Watch
from capmon.analysis.bottlenecks.thresholds import APPLICATION, NEAR, REPLICAS, Rule
from capmon.model.results import Forecast, Severity, TimeToLimit, Trigger, When

HOUR, DAY, MONTH = 3600.0, 86400.0, 30 * 86400.0

_NO_THRESHOLDS = frozenset({NEAR, APPLICATION, REPLICAS})
"""Rules that hold no reading against a threshold of the configuration."""

_TRIGGERED, _KNOWN, _UNKNOWN = range(3)


def triggers(watched: Iterable[tuple[Rule, Watch]], context: Context) -> tuple[Trigger, ...]:
    """One trigger for each threshold, those that are triggered first, then the nearest to harm.

    Whether one is triggered is what its watch says: beyond its threshold for its time, and until
    it has come back by the hysteresis for as long.

    Args:
        watched: Rules with their watches, stepped already.
        context: For forecasts.
    """
    found = [
        _trigger(rule, watch, context)
        for rule, watch in watched
        if rule.family not in _NO_THRESHOLDS
    ]
    return tuple(sorted(found, key=_place))


def _place(t: Trigger) -> tuple[int, float, str]:
    """Group, distance as it is shown so that what looks alike keeps its order, and name."""
    if t.distance is None:
        return (_TRIGGERED if t.triggered else _UNKNOWN), 0.0, t.component
    shown = round(t.distance, 3 if abs(t.distance) < 0.0995 else 2)
    return (_TRIGGERED if t.triggered else _KNOWN), -shown, t.component


def distance(rule: Rule) -> float | None:
    """(value - threshold) / threshold in the direction of harm; None where either tells nothing."""
    value = finite(rule.value)
    if value is None or rule.warning == 0:
        return None
    share = (value - rule.warning) / rule.warning
    return finite(-share if rule.low_is_bad else share)


def _trigger(rule: Rule, watch: Watch, context: Context) -> Trigger:
    reaches = _reaches(rule, watch, context)
    return Trigger(
        component=rule.component,
        metric=rule.metric,
        value=finite(rule.value),
        threshold=rule.warning,
        distance=distance(rule),
        triggered=watch.level > 0,
        sustained=watch.over.seconds,
        sustain=rule.sustain,
        urgency=urgency(rule, watch, reaches),
        reaches=reaches,
    )


def urgency(rule: Rule, watch: Watch, reaches: TimeToLimit | None) -> When | None:
    """How soon to act: at once beyond the critical threshold, soon beyond the warning.

    What is not triggered, or eases, is as urgent as its forecast's median is near: an hour is
    immediate, a day short term, a month long term. Distance alone is no urgency: what is far
    on the good side asks for nothing, and a spike that has not held asks for nothing yet.
    """
    if watch.level and watch.stage is not Stage.RECOVERING:
        worst = watch.level == 2 or rule.severities[0] is Severity.CRITICAL
        return When.IMMEDIATE if worst else When.SHORT_TERM
    half = None if reaches is None else reaches.t50
    if half is None or half > MONTH:
        return None
    return When.IMMEDIATE if half <= HOUR else When.SHORT_TERM if half <= DAY else When.LONG_TERM


def _reaches(rule: Rule, watch: Watch, context: Context) -> TimeToLimit | None:
    """Seconds from now until the threshold is crossed, negative when it has been and still is."""
    if watch.level and watch.over.running and rule.value is not None:
        since = -watch.over.seconds
        return TimeToLimit(since, since, since)
    forecast = next((f for f in context.forecasts if f.metric == rule.metric), None)
    if forecast is None or forecast.problem or forecast.demoted or rule.value is None:
        return None
    when = forecast.time_to_limit
    if when is None or forecast.limit != rule.warning or rule.low_is_bad:
        when = _of_median(forecast, rule)
    if when is None:
        return None
    passed = max(0.0, context.at - forecast.made_at)
    found = TimeToLimit(*(_later(t, passed) for t in (when.t10, when.t50, when.t90)))
    # A crossing that was due and did not come is not in sight.
    overtaken = found.t50 is not None and found.t50 <= 0 and not rule.level
    return None if overtaken else found


def _of_median(forecast: Forecast, rule: Rule) -> TimeToLimit | None:
    """When the median crosses a threshold that is not the limit of the forecast."""
    for i, value in enumerate(forecast.median, 1):
        past = value < rule.warning if rule.low_is_bad else value > rule.warning
        if past:
            return TimeToLimit(None, i * forecast.step, None)
    return None


def _later(seconds: float | None, passed: float) -> float | None:
    """A time to come as it is seen so many seconds later; one that has passed is due."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return seconds - passed if seconds < 0 else max(0.0, seconds - passed)
