"""What the analysis and the actions say: fits, headroom, forecasts, bottlenecks, plans, health.

Every value is in base units (seconds, bytes, ratios, per second). `None` means not known, and
a `problem` beside it says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from capmon.model.bottlenecks import (
    Bottleneck,
    Evidence,
    GuideView,
    Priority,
    Recommendation,
    Severity,
    Term,
    Trigger,
    When,
)
from capmon.model.curves import Candidate, Coefficient, Estimate, Fit, FitKind, Headroom
from capmon.model.forecasts import Chance, Coverage, Forecast, Scored, TimeToLimit
from capmon.model.scaling import ActionState, Advice, Outcome, Predicted, ReplicaState, ScalePlan

__all__ = [
    "ActionState",
    "Advice",
    "Bottleneck",
    "Candidate",
    "Chance",
    "Coefficient",
    "Coverage",
    "Estimate",
    "Evidence",
    "Fit",
    "FitKind",
    "Forecast",
    "GuideView",
    "Headroom",
    "Health",
    "Outcome",
    "Predicted",
    "Priority",
    "Recommendation",
    "ReplicaState",
    "ScalePlan",
    "Scored",
    "Severity",
    "SourceState",
    "Term",
    "TimeToLimit",
    "Trigger",
    "UtilizationReport",
    "When",
]


class SourceState(StrEnum):
    """How a source of measurements does."""

    STARTING = "starting"
    LIVE = "live"
    LATE = "late"
    FAILING = "failing"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Health:
    """How one collector does."""

    source: str
    """The collector's name."""

    state: SourceState
    """Starting until the first answer; late when the last answer is older than three intervals."""

    reason: str = ""
    """What is wrong, fit to show; empty while live."""

    last_success: float | None = None
    """Unix time of the last good answer."""

    since: float | None = None
    """Unix time since which the state holds."""

    interval: float = 0.0
    """Seconds between two readings when all is well."""

    took: float | None = None
    """Seconds that the last reading took."""

    failures: int = 0
    """Failed readings in a row."""


@dataclass(frozen=True, slots=True)
class UtilizationReport:
    """Current utilization against capacity, the guide's assessment in base units."""

    cpu: float | None
    """Busy share of the CPU that may be used."""

    cpu_headroom: float | None
    """Target less `cpu`; negative when over it."""

    memory: float | None
    """Used share of the memory that may be used."""

    memory_headroom_bytes: float | None
    """Bytes until the target; negative when over it."""

    disk: float | None
    """Used share of the fullest file system."""

    disk_headroom_bytes: float | None
    """Bytes until the target on that file system."""

    disk_mountpoint: str
    """That file system."""

    latency_p95: float | None
    """95th percentile of the response time, seconds."""

    latency_headroom: float | None
    """Objective less `latency_p95`, seconds."""

    cache_hit_ratio: float | None
    """Hits over look-ups."""

    cache_efficiency: str
    """`good`, `poor` or `unknown`."""

    recommendation: str
    """`immediate` when CPU or memory is over its warning, `monitor` when both are known to be under, else `unknown`."""

    target: float
    """Utilization that headroom is counted against."""
