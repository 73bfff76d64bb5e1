"""What limits the service, what speaks for it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit


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
class Term:
    """One term of the rank of a bottleneck."""

    name: str
    """`severity`, `headroom`, `utilization`, `pressure`, `forecast`, `latency`."""

    share: float | None
    """How much it speaks for the bottleneck, 0 to 1; None when it is not known."""

    text: str
    """The measurement behind it: `binds at 118 req/s, .94× now`, or why it is not known."""


@dataclass(frozen=True, slots=True)
class GuideView:
    """The guide's own verdict on a component, word for word of its rules."""

    severity: str
    """`critical`, `high`, `medium`, or `none` where its rules see nothing."""

    impact: str
    """Its impact; empty with `none`."""

    recommendations: tuple[str, ...] = ()
    """Its recommendations in its order."""


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

    terms: tuple[Term, ...] = ()
    """What its rank is made of: utilization, headroom, pressure, forecast, correlation with latency."""

    binds_at: Estimate | None = None
    """Load of the whole service at which it binds; None where no model can tell."""

    load_multiple: float | None = None
    """`binds_at` over the load of now: below 1 it binds already."""

    guide: GuideView | None = None
    """What the capacity guide says of the same readings; None where it does not look at this component."""

    would_change: tuple[str, ...] = ()
    """What would lower its severity, each with its number: `cpu below 66 % for 30 s`."""

    critical: float | None = None
    """Threshold from which it takes the worse of its severities; None where there is no such number."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One threshold that is watched, and how far its metric is from it in the direction of harm."""

    component: str
    """Stable name, as that of a bottleneck."""

    metric: str
    """Key of the metric."""

    value: float | None
    """Its value now; None when not known."""

    threshold: float
    """Threshold of the warning, in the metric's unit."""

    distance: float | None
    """Distance past the threshold as a share of it: positive is harm, negative is room; None when not known."""

    triggered: bool
    """Whether it is beyond the threshold and has been for its time."""

    sustained: float
    """Seconds that it has been beyond the threshold."""

    sustain: float
    """Seconds that it must be."""

    urgency: When | None
    """How soon to act; None where nothing is in sight."""

    reaches: TimeToLimit | None = None
    """When the threshold is crossed; None where nothing is forecast."""
