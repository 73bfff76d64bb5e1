"""The guide's assessment of current utilization against capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GIB = 1024**3
TIMESTAMP = "2024-01-15T10:30:00Z"
"""When every assessment of the guide was made."""


@dataclass(frozen=True, slots=True)
class SystemResources:
    """What the machine has left until 80 %."""

    cpu_percent: float
    """Busy share of the CPU, per cent."""

    cpu_headroom: float
    """Percentage points."""

    memory_percent: float
    """Used share of the memory, per cent."""

    memory_headroom_gb: float
    """GiB, counted from what is used and not from what is not available."""

    disk_percent: float
    """Used share of the root file system, per cent."""

    disk_headroom_gb: float
    """GiB."""


@dataclass(frozen=True, slots=True)
class ApplicationPerformance:
    """How the application does."""

    response_time_p95: float
    """Milliseconds."""

    response_time_headroom_ms: float
    """Milliseconds until 250."""

    cache_hit_rate: float
    """Hits over look-ups; 0 where there is none."""

    cache_efficiency: str
    """`good` above 0.8, else `poor`."""


@dataclass(frozen=True, slots=True)
class CurrentUtilization:
    """The guide's report."""

    system_resources: SystemResources
    """The machine."""

    application_performance: ApplicationPerformance
    """The application."""

    scaling_recommendation: str
    """`immediate` or `monitor`."""

    timestamp: str = TIMESTAMP
    """A constant."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes in use and bytes there are."""

    used: float
    """Bytes in use."""

    total: float
    """Bytes there are."""


def assess_current_utilization(
    cpu_percent: float,
    memory_percent: float,
    memory: Usage,
    disk: Usage,
    metrics: Mapping[str, Any],
) -> tuple[CurrentUtilization | None, str]:
    """Assess one moment.

    Keeps the guide's constant time, its poor cache where none was reported, and its loss of the
    machine's report where the application's is broken.

    Args:
        cpu_percent: Busy share of the CPU in per cent.
        memory_percent: Used share of the memory in per cent.
        memory: Of the machine.
        disk: Of the root file system.
        metrics: The document of `/metrics`.

    Returns:
        The report or None, and what the guide prints of a fault or an empty text.
    """
    try:
        p95 = metrics["histograms"]["http_request_duration"]["p95"]
        hits = metrics.get("cache_hit_rate", 0)
        report = CurrentUtilization(
            SystemResources(
                cpu_percent,
                80 - cpu_percent,
                memory_percent,
                (memory.total * 0.8 - memory.used) / GIB,
                disk.used / disk.total * 100,
                (disk.total * 0.8 - disk.used) / GIB,
            ),
            ApplicationPerformance(p95, 250 - p95, hits, "good" if hits > 0.8 else "poor"),
            "immediate" if cpu_percent > 70 or memory_percent > 80 else "monitor",
        )
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as fault:
        return None, f"Error collecting utilization data: {fault}"
    return report, ""
