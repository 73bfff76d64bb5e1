"""What the analysis and the actions say: fits, headroom, forecasts, bottlenecks, plans, health.

Every value is in base units (seconds, bytes, ratios, per second). `None` means not known, and
a `problem` beside it says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from capmon.model.curves import Coefficient, Estimate, Fit, FitKind, Headroom
from capmon.model.scaling import ActionState, Advice, Outcome, Predicted, ReplicaState, ScalePlan

__all__ = [
    "ActionState",
    "Advice",
    "Bottleneck",
    "Coefficient",
    "Coverage",
    "Estimate",
    "Evidence",
    "Fit",
    "FitKind",
    "Forecast",
    "Headroom",
    "Health",
    "Outcome",
    "Predicted",
    "Priority",
    "Recommendation",
    "ReplicaState",
    "ScalePlan",
    "Severity",
    "SourceState",
    "TimeToLimit",
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
class TimeToLimit:
    """Seconds until a limit is crossed: negative means crossed already, None no prediction."""

    t10: float | None
    """With probability 10 % it is crossed before this."""

    t50: float | None
    """Median."""

    t90: float | None
    """With probability 90 % it is crossed before this."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How past forecasts of this metric did, scored when their time came."""

    scored: int
    """Forecast points scored; points of one forecast, and of forecasts that overlap, go together."""

    inside: float
    """Share of them that fell inside the interval."""

    mase: float | None
    """Mean absolute error over that of repeating the last value as far ahead; None where that is exact."""

    window: float
    """Seconds of history that the scores cover."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one metric is expected to do, or the reason why nothing can be said."""

    metric: str
    """Key of the metric."""

    made_at: float
    """Unix time of the last point used."""

    step: float = 0.0
    """Seconds between two points."""

    past: tuple[float, ...] = ()
    """Values of the history, oldest first, one a step; NaN where there is a gap."""

    median: tuple[float, ...] = ()
    """Expected values, the first one step after `made_at`."""

    low: tuple[float, ...] = ()
    """Lower ends of the prediction interval."""

    high: tuple[float, ...] = ()
    """Upper ends of the prediction interval."""

    level: float = 0.95
    """Level of the prediction interval."""

    method: str = ""
    """Which method made it."""

    limit: float | None = None
    """The limit that matters for this metric."""

    breach_probability: float | None = None
    """Probability that the limit is crossed within the horizon."""

    time_to_limit: TimeToLimit | None = None
    """When the limit is crossed."""

    coverage: Coverage | None = None
    """How past forecasts of this metric did; None until some could be scored."""

    problem: str = ""
    """Why there is no forecast: `needs 60 points, has 12`; empty when there is one."""

    @property
    def horizon(self) -> float:
        """Seconds that the forecast looks ahead."""
        return self.step * len(self.median)


class Severity(StrEnum):
    """How bad a bottleneck is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical."""
        return list(Severity).index(self)


class Priority(StrEnum):
    """When to scale."""

    IMMEDIATE = "immediate"
    URGENT = "urgent"
    PLANNED = "planned"
    NONE = "none"


class When(StrEnum):
    """When a recommendation should be followed."""

    IMMEDIATE = "immediate"
    SHORT_TERM = "short term"
    LONG_TERM = "long term"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do about a bottleneck."""

    text: str
    """What to do, in the imperative."""

    when: When
    """How soon."""

    component: str
    """Bottleneck that it is for."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measurement that speaks for a bottleneck."""

    metric: str
    """Key of the metric."""

    value: float | None
    """Its value now."""

    text: str
    """The measurement in words: `81 % > 80 % for 4 m`."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Something that limits the service now, or is about to."""

    component: str
    """Stable name: `cpu`, `memory`, `disk /var`, `latency`, `cache`, `database`."""

    severity: Severity
    """How bad."""

    metric: str
    """Key of the metric that crossed its threshold."""

    value: float | None
    """Its value now, in its own unit; None for a state such as an unhealthy database."""

    threshold: float | None
    """The threshold crossed."""

    since: float
    """Unix time at which it was first over the threshold."""

    sustained: float
    """Seconds that it has been over the threshold."""

    impact: str
    """What it does to the service."""

    evidence: tuple[Evidence, ...] = ()
    """Measurements that speak for it, the strongest first."""

    culprit: str = ""
    """The process or part behind it: `java 5.1 GiB`; empty when not known."""

    recommendations: tuple[Recommendation, ...] = ()
    """What to do, most urgent first."""

    recovering: bool = False
    """Under the threshold again, but not yet long enough to be called over."""


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
