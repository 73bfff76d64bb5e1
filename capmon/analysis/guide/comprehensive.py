"""The guide's whole bottleneck analysis of the application's documents, and what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capmon.analysis.guide.detector import (
    BottleneckResult,
    by_severity,
    detect_application,
    detect_cpu_bottleneck,
    detect_database,
    detect_memory_bottleneck,
)

Document = Mapping[str, Any]
"""What one of the application's endpoints answered."""


@dataclass(frozen=True, slots=True)
class ComprehensiveAnalysis:
    """What the guide found, and what it printed on the way."""

    results: dict[str, list[BottleneckResult]]
    """Results by severity; every severity is a key."""

    said: tuple[str, ...] = ()
    """Lines printed: the only trace of a check that failed."""


@dataclass(frozen=True, slots=True)
class ScalingRecommendation:
    """What the guide would do about its bottlenecks."""

    scaling_priority: str
    """`immediate`, `urgent`, `planned` or `none`."""

    immediate_actions: frozenset[str] = frozenset()
    """For critical results. The guide's `list(set())` has no order that could be kept."""

    short_term_actions: frozenset[str] = frozenset()
    """For high results."""

    long_term_actions: frozenset[str] = frozenset()
    """For medium results."""


def detect_application_bottleneck(
    metrics: Document, cache_stats: Document
) -> tuple[list[BottleneckResult], str]:
    """Judge response time and cache; keeps the guide's perfect cache where no hit rate is given.

    Returns:
        The results until the first fault, and what the guide prints of that fault or an empty text.
    """
    try:
        p95 = metrics["histograms"]["http_request_duration"]["p95"]
    except (KeyError, TypeError) as fault:
        return [], f"Error detecting application bottlenecks: {fault}"
    return detect_application(p95, cache_stats.get("hit_rate", 1.0))


def detect_database_bottleneck(health: Document) -> tuple[BottleneckResult | None, str]:
    """Judge the database; keeps the guide's outage where the document has no database at all.

    Returns:
        The result, and what the guide prints of a fault or an empty text.
    """
    try:
        status = health.get("components", {}).get("database", {}).get("status")
    except AttributeError as fault:
        return None, f"Error detecting database bottlenecks: {fault}"
    return detect_database(status), ""


def run_comprehensive_analysis(
    cpu_percent: float,
    memory_percent: float,
    metrics: Document,
    cache_stats: Document,
    health: Document,
) -> ComprehensiveAnalysis:
    """Run every check of the guide; keeps the guide's loss of whatever follows a fault.

    Args:
        cpu_percent: Busy share of the CPU in per cent.
        memory_percent: Used share of the memory in per cent.
        metrics: The document of `/metrics`.
        cache_stats: The document of `/cache/stats`.
        health: The document of `/health`.
    """
    database, database_said = detect_database_bottleneck(health)
    application, application_said = detect_application_bottleneck(metrics, cache_stats)
    results = by_severity(
        detect_cpu_bottleneck(cpu_percent),
        detect_memory_bottleneck(memory_percent),
        database,
        *application,
    )
    return ComprehensiveAnalysis(
        results, tuple(said for said in (database_said, application_said) if said)
    )


def generate_scaling_recommendation(
    bottlenecks: Mapping[str, Sequence[BottleneckResult]],
) -> ScalingRecommendation:
    """Actions by urgency; keeps the guide's silence on which action comes first.

    Args:
        bottlenecks: Results by severity, as `run_comprehensive_analysis` gives them.
    """
    priority = "none"
    for severity, word in (("critical", "immediate"), ("high", "urgent"), ("medium", "planned")):
        if bottlenecks[severity]:
            priority = word
            break
    return ScalingRecommendation(
        priority,
        _actions(bottlenecks["critical"]),
        _actions(bottlenecks["high"]),
        _actions(bottlenecks["medium"]),
    )


def _actions(results: Iterable[BottleneckResult]) -> frozenset[str]:
    return frozenset(text for result in results for text in result.recommendations)
