"""The guide's WorkloadAnalyzer: patterns of the load, cost of a request, capacity for growth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from capmon.analysis.guide.table import Rows, column, every, mean, moments, over, whole
from capmon.analysis.windows import Vec

CORES, MEMORY_GB, CACHE_MB, CONNECTIONS = 4, 8, 1000, 25
"""What the guide scales from, whatever the service has."""


@dataclass(frozen=True, slots=True)
class RequestPatterns:
    """When requests come."""

    hourly_distribution: dict[int, float]
    """Mean request rate by hour of the day."""

    daily_distribution: dict[int, float]
    """Mean request rate by day of the week, Monday 0."""

    peak_hour: int
    """Hour with the greatest mean."""

    peak_day: int
    """Day with the greatest mean."""

    peak_to_average_ratio: float
    """Greatest rate over mean rate."""


@dataclass(frozen=True, slots=True)
class ResourcesPerRequest:
    """What the guide takes one request to cost."""

    cpu_ms_per_request: float
    """Mean CPU per cent over mean rate, times 1000: called milliseconds."""

    memory_mb_per_request: float
    """Mean memory over mean concurrent requests, MB."""

    response_time_ms: float
    """Mean 95th percentile."""

    cache_benefit_ms: float
    """Mean response time without the cache less that with it."""


@dataclass(frozen=True, slots=True)
class PredictedLoad:
    """The load after growth."""

    rps: float
    """Requests per second."""

    response_time: float
    """95th percentile, ms."""


@dataclass(frozen=True, slots=True)
class ScalingFactors:
    """How much more of each resource the guide asks for."""

    cpu_scaling_factor: float
    """Factor on 4 cores."""

    memory_scaling_factor: float
    """Factor on 8 GB."""

    cache_scaling_factor: float
    """Factor on 1000 MB."""

    database_scaling_factor: float
    """Factor on 25 connections."""


@dataclass(frozen=True, slots=True)
class RecommendedResources:
    """What the guide would buy."""

    cpu_cores: int
    """Cores, cut to whole ones."""

    memory_gb: int
    """Memory, cut to whole GB."""

    cache_size_mb: int
    """Cache, cut to whole MB."""

    db_connections: int
    """Connections, cut to whole ones."""


@dataclass(frozen=True, slots=True)
class CapacityNeeds:
    """What growth asks for."""

    predicted_load: PredictedLoad
    """Load and response time after growth."""

    scaling_requirements: ScalingFactors
    """Factors on what there is."""

    recommended_resources: RecommendedResources
    """What to have."""


def analyze_request_patterns(history: Rows) -> RequestPatterns:
    """Patterns over hours and days; keeps the guide's peak hour out of any three rows.

    Args:
        history: Rows with `timestamp` and `request_rate`.

    Raises:
        NotEnoughData: A column is missing; the guide's code raises KeyError.
    """
    times, rates = moments(history), column(history, "request_rate")
    hourly = _means((t.hour for t in times), rates)
    daily = _means((t.weekday() for t in times), rates)
    return RequestPatterns(
        hourly_distribution=hourly,
        daily_distribution=daily,
        peak_hour=_greatest(hourly),
        peak_day=_greatest(daily),
        peak_to_average_ratio=over(float(np.nanmax(rates)), mean(rates)),
    )


def _means(slots: Iterable[int], values: Vec) -> dict[int, float]:
    slot = np.fromiter(slots, int)
    return {int(s): mean(values[slot == s]) for s in np.unique(slot)}


def _greatest(means: dict[int, float]) -> int:
    """The first slot with the greatest mean."""
    return max(means, key=lambda slot: -math.inf if math.isnan(means[slot]) else means[slot])


def calculate_resource_per_request(history: Rows) -> ResourcesPerRequest:
    """Cost of one request.

    Keeps the guide's CPU per cent taken for seconds, and its memory shared out among the requests
    in flight although most of it is there without any.

    Args:
        history: Rows with `request_rate`, `cpu_usage` in per cent, `memory_usage_mb`,
            `concurrent_requests`, `response_time_p95`, `response_time_no_cache` and
            `response_time_with_cache` in ms.

    Raises:
        NotEnoughData: A column is missing; the guide's code raises KeyError.
    """

    def average(name: str) -> float:
        return mean(column(history, name))

    return ResourcesPerRequest(
        cpu_ms_per_request=over(average("cpu_usage"), average("request_rate")) * 1000,
        memory_mb_per_request=over(average("memory_usage_mb"), average("concurrent_requests")),
        response_time_ms=average("response_time_p95"),
        cache_benefit_ms=average("response_time_no_cache") - average("response_time_with_cache"),
    )


def predict_capacity_needs(
    history: Rows, growth_factor: float = 2.0, target_response_time: float = 250
) -> CapacityNeeds:
    """Capacity for growth.

    Keeps the guide's response time in proportion to the load, its fewer cores once the target is
    passed, and its capacity rounded down.

    Args:
        history: Rows with `request_rate` and `response_time_p95` in ms.
        growth_factor: Load to plan for over the mean load.
        target_response_time: Milliseconds.

    Raises:
        NotEnoughData: A row lacks a value (the guide's code raises KeyError), or the growth is
            no number (ValueError).
    """
    rps = float(np.mean(every(history, "request_rate"))) if history else math.nan
    p95 = float(np.mean(every(history, "response_time_p95"))) if history else math.nan
    grown = PredictedLoad(rps * growth_factor, p95 * growth_factor)
    if grown.response_time > target_response_time:
        factor = over(grown.response_time, target_response_time)
        needed = ScalingFactors(factor, factor * 0.8, growth_factor, growth_factor * 1.2)
    else:
        needed = ScalingFactors(growth_factor, growth_factor * 0.8, growth_factor, growth_factor)
    return CapacityNeeds(
        predicted_load=grown,
        scaling_requirements=needed,
        recommended_resources=RecommendedResources(
            cpu_cores=whole(CORES * needed.cpu_scaling_factor),
            memory_gb=whole(MEMORY_GB * needed.memory_scaling_factor),
            cache_size_mb=whole(CACHE_MB * needed.cache_scaling_factor),
            db_connections=whole(CONNECTIONS * needed.database_scaling_factor),
        ),
    )
