"""What the guide's bottleneck detector says of one set of readings, word for word.

Nothing here is sustained, ranked or explained: that is `capmon.analysis.bottlenecks.bottleneck`. Percentages
and milliseconds are the guide's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from capmon.errors import NotEnoughData

SEVERITIES = ("critical", "high", "medium", "low")
"""The guide's severities in its order; it gives `low` to nothing."""

THRESHOLDS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "cpu_utilization": MappingProxyType({"warning": 70, "critical": 90}),
        "memory_utilization": MappingProxyType({"warning": 80, "critical": 95}),
        "disk_utilization": MappingProxyType({"warning": 80, "critical": 90}),
        "response_time_p95": MappingProxyType({"warning": 250, "critical": 500}),
        "cache_hit_rate": MappingProxyType({"warning": 0.7, "critical": 0.5}),
        "database_connections": MappingProxyType({"warning": 0.8, "critical": 0.95}),
    }
)
"""The guide's thresholds. Those of disk and database connections are never looked at."""

HEALTHY = "healthy"
"""The one word for a database that is not a bottleneck."""


@dataclass(frozen=True, slots=True)
class BottleneckResult:
    """One bottleneck as the guide puts it."""

    component: str
    """`CPU`, `Memory`, `Response Time`, `Cache` or `Database`."""

    severity: str
    """`critical`, `high` or `medium`."""

    utilization: float
    """The reading: per cent, milliseconds or a ratio; 0 for the database."""

    threshold: float
    """The threshold of the warning, also where the critical one was crossed."""

    impact: str
    """What it does to the service."""

    recommendations: tuple[str, ...]
    """What to do, in the guide's order."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The part of a result that the reading does not change."""

    severity: str
    """`critical`, `high` or `medium`."""

    impact: str
    """What it does to the service."""

    recommendations: tuple[str, ...]
    """What to do."""


CPU_IMPACT = "High response times, request queuing"
MEMORY_IMPACT = "Garbage collection pressure, potential OOM"

CPU_CRITICAL = Verdict(
    "critical",
    CPU_IMPACT,
    (
        "Immediate horizontal scaling required",
        "Investigate CPU-intensive operations",
        "Consider optimizing algorithms",
        "Enable CPU profiling to identify hot spots",
    ),
)
CPU_HIGH = Verdict(
    "high",
    CPU_IMPACT,
    (
        "Plan for scaling within 24 hours",
        "Monitor CPU usage patterns",
        "Review recent changes for performance impact",
        "Consider vertical scaling",
    ),
)
MEMORY_CRITICAL = Verdict(
    "critical",
    MEMORY_IMPACT,
    (
        "Immediate memory scaling required",
        "Check for memory leaks",
        "Reduce cache size temporarily",
        "Restart application if necessary",
    ),
)
MEMORY_HIGH = Verdict(
    "high",
    MEMORY_IMPACT,
    (
        "Increase memory allocation",
        "Optimize memory usage patterns",
        "Review garbage collection settings",
        "Monitor for memory leaks",
    ),
)
RESPONSE_CRITICAL = Verdict(
    "critical",
    "Poor user experience, potential timeouts",
    (
        "Investigate slow endpoints",
        "Optimize database queries",
        "Increase cache usage",
        "Scale horizontally",
    ),
)
RESPONSE_MEDIUM = Verdict(
    "medium",
    "Degraded user experience",
    (
        "Monitor response time trends",
        "Review recent changes",
        "Optimize slow operations",
    ),
)
CACHE_HIGH = Verdict(
    "high",
    "Increased database load, slower responses",
    (
        "Increase cache size",
        "Optimize cache TTL settings",
        "Implement cache warming",
        "Review cache key strategy",
    ),
)
DATABASE_CRITICAL = Verdict(
    "critical",
    "Application failures, data inconsistency",
    (
        "Check database connectivity",
        "Review slow query logs",
        "Increase connection pool size",
        "Consider read replicas",
    ),
)


def detect_cpu_bottleneck(cpu_percent: float) -> BottleneckResult | None:
    """Judge the CPU; keeps the guide's verdict from a single second of measurement.

    Args:
        cpu_percent: Busy share of the CPU in per cent.
    """
    return _over("CPU", cpu_percent, "cpu_utilization", CPU_CRITICAL, CPU_HIGH)


def detect_memory_bottleneck(memory_percent: float) -> BottleneckResult | None:
    """Judge the memory; keeps the guide's verdict from a single reading.

    Args:
        memory_percent: Used share of the memory in per cent.
    """
    return _over("Memory", memory_percent, "memory_utilization", MEMORY_CRITICAL, MEMORY_HIGH)


def detect_response_time(response_time_p95_ms: float | None) -> BottleneckResult | None:
    """Judge the response time; keeps the guide's step from medium to critical with no high between.

    Args:
        response_time_p95_ms: 95th percentile in milliseconds.

    Raises:
        NotEnoughData: It is not known; the guide's code raises TypeError.
    """
    return _over(
        "Response Time",
        response_time_p95_ms,
        "response_time_p95",
        RESPONSE_CRITICAL,
        RESPONSE_MEDIUM,
    )


def detect_cache(cache_hit_rate: float | None) -> BottleneckResult | None:
    """Judge the cache; keeps the guide's deafness between its own warning of 0.7 and 0.5.

    Args:
        cache_hit_rate: Hits over look-ups, 0 to 1.

    Raises:
        NotEnoughData: It is not known; the guide's code raises TypeError.
    """
    limits = THRESHOLDS["cache_hit_rate"]
    if cache_hit_rate is None:
        raise NotEnoughData("'<' not supported between instances of 'NoneType' and 'float'")
    if cache_hit_rate < limits["critical"]:
        return _result("Cache", CACHE_HIGH, cache_hit_rate, limits["warning"])
    return None


def detect_database(database_status: str | None) -> BottleneckResult | None:
    """Judge the database by its word; keeps the guide's outage wherever nothing was reported.

    Args:
        database_status: The application's word for it; None where it has none.
    """
    if database_status == HEALTHY:
        return None
    return _result("Database", DATABASE_CRITICAL, 0, 0)


def bottlenecks(
    cpu_percent: float,
    memory_percent: float,
    response_time_p95_ms: float | None,
    cache_hit_rate: float | None,
    database_status: str | None,
) -> dict[str, list[BottleneckResult]]:
    """Everything that the guide finds, by severity; keeps the guide's silence on what is unknown.

    An unknown response time also hides the cache, as one exception ends both checks.

    Args:
        cpu_percent: Busy share of the CPU in per cent.
        memory_percent: Used share of the memory in per cent.
        response_time_p95_ms: 95th percentile in milliseconds; None when not known.
        cache_hit_rate: Hits over look-ups, 0 to 1; None when not known.
        database_status: The application's word for its database; None where it has none.
    """
    application, _ = detect_application(response_time_p95_ms, cache_hit_rate)
    return by_severity(
        detect_cpu_bottleneck(cpu_percent),
        detect_memory_bottleneck(memory_percent),
        detect_database(database_status),
        *application,
    )


def detect_application(
    response_time_p95_ms: float | None, cache_hit_rate: float | None
) -> tuple[list[BottleneckResult], str]:
    """Judge response time and cache; keeps the guide's end of both checks at the first fault.

    Returns:
        The results until that fault, and what the guide prints of it or an empty text.
    """
    found: list[BottleneckResult] = []
    try:
        for check, value in (
            (detect_response_time, response_time_p95_ms),
            (detect_cache, cache_hit_rate),
        ):
            result = check(value)
            if result is not None:
                found.append(result)
    except NotEnoughData as fault:
        return found, f"Error detecting application bottlenecks: {fault}"
    return found, ""


def by_severity(*results: BottleneckResult | None) -> dict[str, list[BottleneckResult]]:
    """The results under their severities, in the order given; every severity is a key."""
    found: dict[str, list[BottleneckResult]] = {severity: [] for severity in SEVERITIES}
    for result in results:
        if result is not None:
            found[result.severity].append(result)
    return found


def _over(
    component: str, value: float | None, limits_name: str, critical: Verdict, warning: Verdict
) -> BottleneckResult | None:
    limits = THRESHOLDS[limits_name]
    if value is None:
        raise NotEnoughData("'>' not supported between instances of 'NoneType' and 'int'")
    if value > limits["critical"]:
        return _result(component, critical, value, limits["warning"])
    if value > limits["warning"]:
        return _result(component, warning, value, limits["warning"])
    return None


def _result(component: str, verdict: Verdict, value: float, threshold: float) -> BottleneckResult:
    return BottleneckResult(
        component, verdict.severity, value, threshold, verdict.impact, verdict.recommendations
    )
