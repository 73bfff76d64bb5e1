"""What the models say: estimates, curves over load, and the headroom that they leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the interval that holds it."""

    value: float
    """Point estimate; infinite where a curve leaves every scale."""

    low: float | None = None
    """Lower end of the interval; None where no interval could be had."""

    high: float | None = None
    """Upper end of the interval; None where it is open or could not be had."""

    level: float = 0.95
    """Confidence level of the interval."""


class FitKind(StrEnum):
    """Shape of a fitted curve."""

    LINEAR = "linear"
    ROBUST = "theil-sen"
    EXPONENTIAL = "exponential"
    MMC = "m/m/c"
    KINGMAN = "kingman"
    USL = "usl"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One shape that was tried for a curve, or the reason why it was not."""

    kind: FitKind
    """The shape."""

    error: float | None = None
    """Leave-one-out root mean squared error, in the unit that `Fit.error_unit` names; None where it was not fitted."""

    r_squared: float | None = None
    """Share of the target's variance explained, on the original scale."""

    chosen: bool = False
    """Whether this is the curve shown."""

    problem: str = ""
    """Why it was refused or not tried: `slope is negative`; empty when it stood."""


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

    mean_inflation: float = 1.0
    """Factor on the variance of the curve's height at the mean load, for memory in the residuals."""

    slope_inflation: float = 1.0
    """Factor on the variance of the slope, for memory in residuals and load alike."""

    covariance: tuple[tuple[float, ...], ...] = ()
    """Covariance of the coefficients in their order, memory allowed for; empty for a straight line or an
    exponential, whose band is closed."""

    relative: bool = False
    """Whether residuals are of the logarithm, so that the band is a factor and not a sum."""

    cap: float | None = None
    """Greatest value that the target can take; None where there is none."""

    saturates_at: Estimate | None = None
    """Load at which the curve reaches its cap or its pole; None where it has neither."""

    candidates: tuple[Candidate, ...] = ()
    """Every shape that was considered, this one among them, the least error first."""

    points: tuple[tuple[float, float], ...] = ()
    """Load and value of at most 200 of the points used, oldest first."""

    starts_from: str = ""
    """What the points start from, such as `4 → 5 replicas at 14:02`; empty when the whole window counts."""

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

        That uncertainty counts effective points: neighbours in time repeat each other.

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
        height = self.mean_inflation / self.n
        tilt = self.slope_inflation * (load - mean) ** 2 / squares
        return t * s * math.sqrt(1 + height + tilt)


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
    """Load of the whole service now, the median of the last half minute."""

    multiple: float | None = None
    """`at` over `now`."""

    extrapolated: bool = False
    """Whether `at` lies beyond 1.3 times the load seen, where the curve is a guess."""

    problem: str = ""
    """Why `at` is not known: `does not grow with load`; empty when it is."""

    needs: int | None = None
    """Least ready replicas at which the load of now stays within the limit; None where that cannot be told."""
