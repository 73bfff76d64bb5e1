"""The guide's SeasonalAnalyzer: hours, days of the week, and loads to size for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from capmon.analysis.guide.table import Rows, column, mean, moments, over
from capmon.analysis.windows import Vec

Distribution = dict[str, dict[int, float]]
"""`mean`, `std`, `min` and `max`, each by slot."""


@dataclass(frozen=True, slots=True)
class DailyPatterns:
    """The request rate over the hours of a day."""

    peak_hour: int
    """Hour with the greatest mean."""

    lowest_hour: int
    """Hour with the least mean."""

    peak_to_trough_ratio: float
    """Greatest over least hourly mean."""

    high_variance_hours: tuple[int, ...]
    """Hours whose standard deviation is above the 80th percentile of the hours' own."""

    hourly_distribution: Distribution
    """Statistics by hour."""


@dataclass(frozen=True, slots=True)
class WeeklyPatterns:
    """The request rate over the days of a week."""

    peak_day: int
    """Day with the greatest mean, Monday 0."""

    lowest_day: int
    """Day with the least mean."""

    weekday_avg: float
    """Mean of the means of Monday to Friday; NaN without any."""

    weekend_avg: float
    """Mean of the means of Saturday and Sunday; NaN without any."""

    daily_distribution: Distribution
    """Statistics by day."""


@dataclass(frozen=True, slots=True)
class CapacityScenario:
    """A load to size for."""

    load_factor: float
    """The load over the mean load."""

    required_capacity: float
    """The load, requests per second."""

    description: str
    """What it is."""


@dataclass(frozen=True, slots=True)
class CapacityRequirements:
    """Patterns, loads to size for, and what the guide makes of them."""

    daily: DailyPatterns
    """Patterns over hours."""

    weekly: WeeklyPatterns
    """Patterns over days."""

    capacity_scenarios: dict[str, CapacityScenario]
    """`baseline`, `p95`, `peak`, `peak_with_buffer`."""

    recommendations: dict[str, str]
    """`auto_scaling_target`, `manual_scaling_target`, `monitoring_frequency`."""


def identify_daily_patterns(hourly: Rows) -> DailyPatterns:
    """Patterns over hours; keeps the guide's peak hour where noise alone decides between hours.

    Args:
        hourly: Rows with `timestamp` and `request_rate`.

    Raises:
        NotEnoughData: A column is missing; the guide's code raises KeyError.
    """
    by_hour = _distribution((t.hour for t in moments(hourly)), column(hourly, "request_rate"))
    means, spreads = by_hour["mean"], by_hour["std"]
    limit = _quantile(np.array(list(spreads.values())), 0.8)
    return DailyPatterns(
        peak_hour=_first(means, greatest=True),
        lowest_hour=_first(means, greatest=False),
        peak_to_trough_ratio=over(max(_known(means)), min(_known(means))),
        high_variance_hours=tuple(hour for hour, spread in spreads.items() if spread > limit),
        hourly_distribution=by_hour,
    )


def identify_weekly_patterns(hourly: Rows) -> WeeklyPatterns:
    """Patterns over days; keeps the guide's mean of means, whatever the days weigh.

    Args:
        hourly: Rows with `timestamp` and `request_rate`.

    Raises:
        NotEnoughData: A column is missing; the guide's code raises KeyError.
    """
    by_day = _distribution((t.weekday() for t in moments(hourly)), column(hourly, "request_rate"))
    means = by_day["mean"]
    return WeeklyPatterns(
        peak_day=_first(means, greatest=True),
        lowest_day=_first(means, greatest=False),
        weekday_avg=mean(np.array([m for day, m in means.items() if day <= 4], float)),
        weekend_avg=mean(np.array([m for day, m in means.items() if day >= 5], float)),
        daily_distribution=by_day,
    )


def calculate_capacity_requirements(hourly: Rows) -> CapacityRequirements:
    """Loads to size for.

    Keeps the guide's sizing by the 95th percentile, which one hour in twenty exceeds, and its look
    once a day wherever the day swings no more than threefold.

    Args:
        hourly: Rows with `timestamp` and `request_rate`.

    Raises:
        NotEnoughData: A column is missing; the guide's code raises KeyError.
    """
    daily = identify_daily_patterns(hourly)
    rates = column(hourly, "request_rate")
    baseline, peak, p95 = mean(rates), float(np.nanmax(rates)), _quantile(rates, 0.95)
    return CapacityRequirements(
        daily=daily,
        weekly=identify_weekly_patterns(hourly),
        capacity_scenarios={
            "baseline": CapacityScenario(1.0, baseline, "Average load capacity"),
            "p95": CapacityScenario(over(p95, baseline), p95, "95th percentile load capacity"),
            "peak": CapacityScenario(over(peak, baseline), peak, "Peak load capacity"),
            "peak_with_buffer": CapacityScenario(
                over(peak * 1.2, baseline), peak * 1.2, "Peak load with 20% buffer"
            ),
        },
        recommendations={
            "auto_scaling_target": "p95",
            "manual_scaling_target": "peak_with_buffer",
            "monitoring_frequency": "hourly" if daily.peak_to_trough_ratio > 3 else "daily",
        },
    )


def _distribution(slots: Iterable[int], values: Vec) -> Distribution:
    slot = np.fromiter(slots, int)
    found: Distribution = {"mean": {}, "std": {}, "min": {}, "max": {}}
    for s in map(int, np.unique(slot)):
        here = values[slot == s]
        here = here[~np.isnan(here)]
        known = len(here) > 0
        found["mean"][s] = mean(here)
        found["std"][s] = float(here.std(ddof=1)) if len(here) > 1 else math.nan
        found["min"][s] = float(here.min()) if known else math.nan
        found["max"][s] = float(here.max()) if known else math.nan
    return found


def _known(means: dict[int, float]) -> list[float]:
    return [m for m in means.values() if not math.isnan(m)] or [math.nan]


def _first(means: dict[int, float], *, greatest: bool) -> int:
    """The first slot with the greatest or the least mean; NaN is neither."""
    sign = -1.0 if greatest else 1.0
    return min(means, key=lambda s: math.inf if math.isnan(means[s]) else sign * means[s])


def _quantile(values: Vec, share: float) -> float:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, share)) if len(known) else math.nan
