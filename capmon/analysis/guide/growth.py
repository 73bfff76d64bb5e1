"""The guide's GrowthAnalyzer: a straight trend, a forecast with a constant interval, triggers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capmon.analysis.guide.line import line
from capmon.analysis.guide.table import Rows, column, every, has, moments, over
from capmon.analysis.windows import Vec
from capmon.errors import NotEnoughData

FORECAST = ("daily_requests", "peak_concurrent_users", "data_volume_gb")
"""The metrics that the guide forecasts."""

THRESHOLDS: dict[str, float] = {
    "cpu_utilization": 70,
    "memory_utilization": 80,
    "response_time_p95": 200,
    "cache_hit_rate": 0.7,
    "database_connections_used": 0.8,
}
"""Thresholds of the triggers: per cent, milliseconds and ratios, told apart by their size."""


@dataclass(frozen=True, slots=True)
class GrowthTrend:
    """A straight trend over days."""

    daily_growth_rate: float
    """Change a day, in the metric's unit."""

    monthly_growth_rate: float
    """Thirty times that."""

    annual_growth_rate: float
    """365 times that."""

    r_squared: float
    """Share of the variance explained."""

    current_value: float
    """The last value, not the trend's."""

    intercept: float
    """The trend on the first day."""


@dataclass(frozen=True, slots=True)
class LoadForecast:
    """A forecast day by day, the first one day after the last row."""

    forecasted_values: tuple[float, ...]
    """The trend."""

    confidence_lower: tuple[float, ...]
    """The trend less a constant."""

    confidence_upper: tuple[float, ...]
    """The trend plus the same constant."""

    growth_rate_per_day: float
    """Change a day."""

    current_value: float
    """The last value."""


@dataclass(frozen=True, slots=True)
class ScalingTrigger:
    """One metric against its threshold."""

    current: float
    """The last row's value; NaN where that row has none."""

    threshold: float
    """The threshold."""

    triggered: bool
    """Whether it is beyond."""

    urgency: str
    """`high` or `medium`, also where nothing is triggered."""


def analyze_growth_trend(history: Rows, metric: str = "daily_requests") -> GrowthTrend:
    """Fit a straight trend; keeps the guide's line for whatever grows by a factor.

    Args:
        history: Rows with `timestamp` and the metric.
        metric: The column.

    Raises:
        NotEnoughData: A row lacks the metric; the guide's code raises KeyError or ValueError.
    """
    return _trend(_days(history), _values(history, metric))


def forecast_load(
    history: Rows, days_ahead: int = 90, confidence_interval: float = 0.95
) -> dict[str, LoadForecast]:
    """Forecast each load, a day at a time.

    Keeps the guide's interval that is no wider in 90 days than tomorrow, takes the residuals'
    spread for the whole error, and is of 90 % whenever it is not of 95 %.

    Args:
        history: Rows with `timestamp` and any of the metrics of `FORECAST`.
        days_ahead: Days.
        confidence_interval: Level: 1.96 standard deviations at 0.95, 1.645 at any other.

    Raises:
        NotEnoughData: A row lacks one of the metrics; the guide's code raises ValueError.
    """
    days = _days(history)
    ahead = days.max() + 1 + np.arange(days_ahead)
    z_score = 1.96 if confidence_interval == 0.95 else 1.645
    forecasts = {}
    for metric in FORECAST:
        if not has(history, metric):
            continue
        values = _values(history, metric)
        trend = _trend(days, values)
        residual = values - (trend.intercept + trend.daily_growth_rate * days)
        half = z_score * float(np.std(residual))
        centre = trend.intercept + trend.daily_growth_rate * ahead
        forecasts[metric] = LoadForecast(
            tuple(centre.tolist()),
            tuple((centre - half).tolist()),
            tuple((centre + half).tolist()),
            trend.daily_growth_rate,
            trend.current_value,
        )
    return forecasts


def identify_scaling_triggers(history: Rows) -> dict[str, ScalingTrigger]:
    """Hold the last row against thresholds.

    Keeps the guide's high urgency for a ratio that is far from its threshold on the good side.

    Args:
        history: Rows with any of the metrics of `THRESHOLDS`.

    Raises:
        NotEnoughData: There are no rows; the guide's code raises IndexError.
    """
    if not history:
        raise NotEnoughData("there are no rows")
    triggers = {}
    for metric, threshold in THRESHOLDS.items():
        if not has(history, metric):
            continue
        current = float(column(history, metric)[-1])
        if isinstance(threshold, float) and threshold < 1:
            beyond = current < threshold if "hit_rate" in metric else current > threshold
            far = abs(current - threshold) / threshold > 0.2
        else:
            beyond = current > threshold
            far = current > threshold * 1.2
        triggers[metric] = ScalingTrigger(current, threshold, beyond, "high" if far else "medium")
    return triggers


def _days(history: Rows) -> Vec:
    """Whole days since the first moment."""
    times = moments(history)
    first = min(times)
    return np.array([(t - first).days for t in times], float)


def _values(history: Rows, metric: str) -> Vec:
    values = every(history, metric)
    if not np.isfinite(values).all():
        raise NotEnoughData(f"{metric!r} holds a value that is not finite")
    return values


def _trend(days: Vec, values: Vec) -> GrowthTrend:
    if np.ptp(days) > 0:
        fitted = line(days.tolist(), values.tolist())
        slope, intercept = fitted.slope, fitted.intercept
    else:
        # The guide's library answers a single day with a level.
        slope, intercept = 0.0, float(values.mean())
    residual = values - (intercept + slope * days)
    total = float(np.sum((values - values.mean()) ** 2))
    unexplained = over(float(np.sum(residual**2)), total)
    return GrowthTrend(
        daily_growth_rate=slope,
        monthly_growth_rate=slope * 30,
        annual_growth_rate=slope * 365,
        r_squared=1 - unexplained,
        current_value=float(values[-1]),
        intercept=intercept,
    )
