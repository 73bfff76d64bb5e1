"""What the analysis and the actions say: fits, headroom, forecasts, bottlenecks, plans, health.

Every value is in base units (seconds, bytes, ratios, per second). `None` means not known, and
a `problem` beside it says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the interval that holds it."""

    value: float
    """Point estimate."""

    low: float | None = None
    """Lower end of the interval; None where no interval could be had."""

    high: float | None = None
    """Upper end of the interval; None where it is open or could not be had."""

    level: float = 0.95
    """Confidence level of the interval."""


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


class FitKind(StrEnum):
    """Shape of a fitted curve."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One parameter of a fitted curve."""

    name: str
    """Name in the formula: `slope`, `intercept`, `a`, `b`."""

    value: float
    """Estimate in base units."""

    std_error: float | None
    """Standard error in the same unit; None where the data leave no degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A curve of one metric over load, or the reason why there is none."""

    target: str
    """Key of the metric that the curve predicts."""

    load: str
    """Key of the load it is predicted from, per ready replica where replicas are known."""

    kind: FitKind
    """Shape of the curve."""

    coefficients: tuple[Coefficient, ...] = ()
    """linear: slope, intercept (y = slope·x + intercept). exponential: a, b (y = a·e^(b·x))."""

    r_squared: float | None = None
    """Share of the target's variance that the curve explains, on the original scale."""

    n: int = 0
    """Points used."""

    load_min: float | None = None
    """Least load seen."""

    load_max: float | None = None
    """Greatest load seen."""

    residual_std: float | None = None
    """Standard deviation of the residuals: in the target's unit for a line, of the logarithm for an exponential."""

    load_mean: float | None = None
    """Mean load of the points used."""

    load_squares: float | None = None
    """Sum of squared deviations of the load from its mean."""

    t_quantile: float | None = None
    """Student's t at 97.5 % for the residual degrees of freedom."""

    window: float = 0.0
    """Seconds of history that were looked at."""

    per_replica: bool = False
    """Whether load was divided by ready replicas."""

    problem: str = ""
    """Why there is no curve: `not enough load variation`; empty when there is one."""

    def coefficient(self, name: str) -> float:
        """Value of one coefficient.

        Raises:
            KeyError: The curve has no coefficient of that name.
        """
        for c in self.coefficients:
            if c.name == name:
                return c.value
        raise KeyError(name)

    def predict(self, load: float) -> float | None:
        """The curve's value at a load, or None where there is no curve."""
        if not self.coefficients:
            return None
        if self.kind is FitKind.LINEAR:
            return self.coefficient("slope") * load + self.coefficient("intercept")
        return _exp(math.log(self.coefficient("a")) + self.coefficient("b") * load)

    def band(self, load: float) -> Estimate | None:
        """Prediction interval for one new observation at a load, parameter uncertainty included.

        Source:
            Draper and Smith, Applied Regression Analysis (1998), section 3.1.
        """
        centre = self.predict(load)
        if centre is None:
            return None
        spread = self._half_width(load)
        if spread is None:
            return Estimate(centre)
        if self.kind is FitKind.LINEAR:
            return Estimate(centre, centre - spread, centre + spread)
        return Estimate(centre, centre * _exp(-spread), centre * _exp(spread))

    def _half_width(self, load: float) -> float | None:
        s, t, mean, squares = self.residual_std, self.t_quantile, self.load_mean, self.load_squares
        if s is None or t is None or mean is None or not squares or not self.n:
            return None
        return t * s * math.sqrt(1 + 1 / self.n + (load - mean) ** 2 / squares)


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


@dataclass(frozen=True, slots=True)
class Headroom:
    """The load at which one resource or objective binds."""

    target: str
    """Key of the metric that reaches its limit."""

    limit: float
    """The limit, in the target's unit."""

    limit_name: str
    """Which setting the limit comes from: `thresholds.cpu.warning`, `objectives.latency_p95`."""

    load: str
    """Key of the load."""

    at: Estimate | None
    """Load of the whole service at which the limit is reached, at today's replicas."""

    now: float | None
    """Load of the whole service now."""

    multiple: float | None = None
    """`at` over `now`."""

    extrapolated: bool = False
    """Whether `at` lies beyond 1.3 times the load seen, where the curve is a guess."""

    problem: str = ""
    """Why `at` is not known: `does not grow with load`; empty when it is."""


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
    """Forecast points scored."""

    inside: float
    """Share of them that fell inside the interval."""

    mase: float | None
    """Mean absolute error over that of the naive forecast; None where the naive one is exact."""

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


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What a scale target says of itself."""

    kind: str
    """`swarm`, `kubernetes`, `command`, `http` or `none`."""

    name: str
    """Name of the target for a screen."""

    ready: int | None
    """Replicas that serve; None when not known, which is never taken for 1."""

    desired: int | None
    """Replicas asked for; None when not known."""

    at: float | None = None
    """Unix time of the answer."""

    reason: str = ""
    """Why the counts are not known."""

    minimum: int | None = None
    """Least replicas allowed by the configuration."""

    maximum: int | None = None
    """Most replicas allowed by the configuration."""

    version: str = ""
    """Opaque version of the target for a precondition, such as a resourceVersion."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the models expect of one metric after an action."""

    metric: str
    """Key of the metric."""

    before: float | None
    """Value when the plan was made."""

    after: Estimate | None
    """Expected value; None when no model can tell."""

    problem: str = ""
    """Why no model can tell."""


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """A proposed change of the replica count: everything a person needs to say yes or no."""

    origin: int | None
    """Ready or desired replicas now; None when not known."""

    to: int | None
    """Replicas after; None when the count now is not known."""

    why: tuple[str, ...]
    """Reasons, the strongest first."""

    refusals: tuple[str, ...] = ()
    """Why it may not be done; empty when it may."""

    warnings: tuple[str, ...] = ()
    """What to think of before doing it."""

    argv: tuple[str, ...] = ()
    """The exact command or request that will run."""

    predicted: tuple[Predicted, ...] = ()
    """What the models expect."""

    mode: str = "dry-run"
    """`dry-run` or `act`."""

    target: str = ""
    """Name of the target for a screen."""

    @property
    def allowed(self) -> bool:
        """Whether nothing forbids it."""
        return not self.refusals and self.to is not None and self.to != self.origin


class ActionState(StrEnum):
    """How far an action is."""

    REFUSED = "refused"
    DRY_RUN = "dry-run"
    RUNNING = "running"
    FAILED = "failed"
    ACCEPTED = "accepted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt to scale."""

    id: str
    """Identifier in the audit log."""

    at: float
    """Unix time of the attempt."""

    origin: int | None
    """Replicas before."""

    to: int | None
    """Replicas asked for."""

    state: ActionState
    """How far it is. Accepted means that the target said yes; done that the replicas are ready."""

    detail: str = ""
    """The error, the refusal, or a remark."""

    predicted: tuple[Predicted, ...] = ()
    """What was expected when the plan was made."""

    actual: tuple[tuple[str, float], ...] = ()
    """Values seen after the action, by metric key, in the order of `predicted`."""

    settled: bool = False
    """Whether enough time has passed for `actual` to count."""


@dataclass(frozen=True, slots=True)
class Advice:
    """How many replicas the models ask for."""

    to: int | None
    """Replicas advised; None when nothing can be said."""

    reason: str
    """Why, in one line; or why nothing can be said."""

    predicted: tuple[Predicted, ...] = ()
    """What the models expect of it."""
