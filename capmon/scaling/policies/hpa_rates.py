"""How fast the Kubernetes HPA lets a count follow: stabilization windows and rates of change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from capmon.config.scaling import BehaviorSettings, RateSettings
from capmon.scaling.policies.base import Change
from capmon.scaling.policies.hpa_metrics import MOST

Recommendation = tuple[int, float]
"""Replicas that were wanted, and when, in seconds."""

Recommendations = tuple[Recommendation, ...]
"""Several of them."""

Limit = Literal[
    "DesiredWithinRange", "ScaleUpLimit", "ScaleDownLimit", "TooManyReplicas", "TooFewReplicas"
]
"""Why a count is what it is, in the words of the HPA's condition ScalingLimited."""


def stabilized(
    current: int,
    desired: int,
    lows: Sequence[Recommendation],
    highs: Sequence[Recommendation],
    now: float,
    up_window: float,
    down_window: float,
) -> int:
    """The count nearest to `current` between the lowest and the highest recent recommendation.

    Args:
        current: Replicas asked for.
        desired: Replicas wanted now; counts as a recommendation of its own.
        lows: Earlier recommendations; the lowest within `up_window` bounds from below.
        highs: Earlier recommendations; the highest within `down_window` bounds from above.
        now: Seconds on the clock of the recommendations.
        up_window: Seconds. A recommendation of exactly that age counts no more.
        down_window: Seconds, likewise.

    Source:
        `stabilizeRecommendationWithBehaviors` of kubernetes/kubernetes,
        pkg/controller/podautoscaler/horizontal.go.
    """
    lowest = highest = desired
    for replicas, at in lows:
        if replicas < lowest and now - at < up_window:
            lowest = replicas
    for replicas, at in highs:
        if replicas > highest and now - at < down_window:
            highest = replicas
    return min(max(current, lowest), highest)


def with_low(lows: Recommendations, desired: int, now: float, window: float) -> Recommendations:
    """`lows` with one more; without those that are too old or can never be the lowest again."""
    kept = tuple((n, at) for n, at in lows if n < desired and now - at < window)
    return (*kept, (desired, now)) if window > 0 else ()


def with_high(highs: Recommendations, desired: int, now: float, window: float) -> Recommendations:
    """`highs` with one more; without those that are too old or can never be the highest again."""
    kept = tuple((n, at) for n, at in highs if n > desired and now - at < window)
    return (*kept, (desired, now)) if window > 0 else ()


def seconds_held(
    held: int, recommendations: Recommendations, now: float, window: float, *, up: bool
) -> float:
    """Seconds until a count that the window holds at `held` may move; 0 when none holds it."""
    ends = [at + window for n, at in recommendations if (n <= held if up else n >= held)]
    return max([0.0, *(end - now for end in ends)])


def limited(
    current: int,
    desired: int,
    least: int,
    most: int,
    up: BehaviorSettings,
    down: BehaviorSettings,
    changes: Sequence[Change],
    now: float,
) -> tuple[int, Limit]:
    """The count nearest to `desired` that the bounds and the rates of change allow, and why.

    Args:
        current: Replicas asked for, within the bounds or about to be led back to them.
        desired: Replicas wanted, stabilized.
        least: Least replicas.
        most: Most replicas.
        up: How fast replicas may be added.
        down: How fast they may be taken away.
        changes: Changes of the count, oldest first, as far back as the longest period.
        now: Seconds on the clock of the changes.

    Source:
        `convertDesiredReplicasWithBehaviorRate` of kubernetes/kubernetes,
        pkg/controller/podautoscaler/horizontal.go.
    """
    if desired > current:
        bound = max(reach_up(current, up, changes, now)[0], current)
        if desired > min(most, bound):
            return (bound, "ScaleUpLimit") if most > bound else (most, "TooManyReplicas")
    elif desired < current:
        bound = min(reach_down(current, down, changes, now)[0], current)
        if desired < max(least, bound):
            return (bound, "ScaleDownLimit") if least < bound else (least, "TooFewReplicas")
    return desired, "DesiredWithinRange"


def reach_up(
    current: int, rules: BehaviorSettings, changes: Sequence[Change], now: float
) -> tuple[int, RateSettings | None]:
    """The most replicas that may be asked for, and the rate that sets it, if one does.

    A percentage rounds up, as else one of few replicas would never allow another.
    """
    if rules.select == "disabled":
        return current, None
    return _selected(
        [(_grown(_start(current, rate, changes, now), rate), rate) for rate in rules.rates],
        farthest=rules.select == "max",
        up=True,
    )


def reach_down(
    current: int, rules: BehaviorSettings, changes: Sequence[Change], now: float
) -> tuple[int, RateSettings | None]:
    """The least replicas that may be asked for, and the rate that sets it, if one does."""
    if rules.select == "disabled":
        return current, None
    return _selected(
        [(_shrunk(_start(current, rate, changes, now), rate), rate) for rate in rules.rates],
        farthest=rules.select == "max",
        up=False,
    )


def _start(current: int, rate: RateSettings, changes: Sequence[Change], now: float) -> int:
    """Replicas asked for when the period of a rate began."""
    start, period = current, rate.per
    for change in reversed(changes):
        if now - change.at >= period:
            break
        start -= change.to - change.origin
    return start


def _grown(start: int, rate: RateSettings) -> int:
    if rate.kind == "pods":
        return start + rate.amount
    # Written as HPA writes it: the rounding of this very product decides on the last replica.
    return math.ceil(start * (1 + rate.amount / 100))


def _shrunk(start: int, rate: RateSettings) -> int:
    return start - rate.amount if rate.kind == "pods" else int(start * (1 - rate.amount / 100))


def _selected(
    reaches: list[tuple[int, RateSettings]], *, farthest: bool, up: bool
) -> tuple[int, RateSettings | None]:
    if not reaches:
        return (MOST if up else 0), None
    choose = max if farthest == up else min
    return choose(reaches, key=lambda reach: reach[0])
