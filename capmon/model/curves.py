"""What the models say: estimates, curves over load, and the headroom that they leave."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from capmon.model.shapes import Curve, FitKind

__all__ = ["Candidate", "Coefficient", "Curve", "Estimate", "Fit", "FitKind", "Headroom", "sampled"]

Point = tuple[float, float]


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


@dataclass(frozen=True, slots=True)
class Candidate:
    """One shape that was tried for a curve, or the reason why it was not."""

    kind: FitKind
    """The shape."""

    error: float | None = None
    """Root mean squared error of points left out of the fit, of the logarithm where the fit is
    `relative`; None where it was not fitted."""

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
    """In the order of `shapes.NAMES`. linear and theil-sen: slope, intercept (y = slope·x + intercept).
    exponential: a, b (y = a·e^(b·x)). m/m/c and kingman: base, scale, capacity, servers
    (y = base + scale·g(x/capacity), g the 95th percentile of M/M/c's response in service times or
    Sakasegawa's shape of the wait). usl: alpha, beta, gamma."""

    r_squared: float | None = None
    """Share of the target's variance that the curve explains, on the original scale."""

    n: int = 0
    """Points used."""

    load_min: float | None = None
    """Least load seen."""

    load_max: float | None = None
    """Greatest load seen."""

    residual_std: float | None = None
    """Standard deviation of the residuals: in the target's unit, of the logarithm where `relative`."""

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
    """Covariance of the leading coefficients in their order, memory allowed for; servers, a whole number,
    have none. Empty for a straight line or an exponential, whose band is closed."""

    rivals: tuple[Curve, ...] = ()
    """The outermost of the curves that the data cannot tell from this one; the band takes them in."""

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

    averaged: int = 1
    """Readings that each point is the mean of: more than one where the load is read with much noise."""

    left_out: str = ""
    """Which points were left out and why, such as `12 points at the cap`; empty when none were."""

    def coefficient(self, name: str) -> float:
        """Value of one coefficient.

        Raises:
            KeyError: The curve has no coefficient of that name.
        """
        for c in self.coefficients:
            if c.name == name:
                return c.value
        raise KeyError(name)

    @property
    def curve(self) -> Curve | None:
        """The shape with its coefficients; None where there is no curve."""
        if not self.coefficients:
            return None
        return Curve(self.kind, tuple(c.value for c in self.coefficients))

    def predict(self, load: float) -> float | None:
        """The curve's value at a load, never beyond its cap, or None where there is no curve."""
        curve = self.curve
        return None if curve is None else self._capped(curve.height(load))

    def band(self, load: float) -> Estimate | None:
        """Prediction interval for one new observation at a load, parameter uncertainty included.

        That uncertainty counts effective points: neighbours in time repeat each other. For a line
        and an exponential it is closed. For other curves it comes from the gradient and the
        covariance, or, where there are rivals, from the outermost of them: a gradient tells little
        near a pole. Noise and uncertainty add up as squares.

        Source:
            Draper and Smith, Applied Regression Analysis (1998), section 3.1. Bates and Watts,
            Nonlinear Regression Analysis (1988), sections 2.3 and 6.1.
        """
        curve = self.curve
        if curve is None:
            return None
        centre = curve.height(load)
        ends = self._ends(curve, load, centre)
        if ends is None:
            return Estimate(self._capped(centre))
        return Estimate(*(self._capped(v) for v in (centre, *ends)))

    @property
    def _of_logarithm(self) -> bool:
        return self.relative or self.kind is FitKind.EXPONENTIAL

    def _capped(self, value: float) -> float:
        return value if self.cap is None else min(value, self.cap)

    def _ends(self, curve: Curve, load: float, centre: float) -> tuple[float, float] | None:
        """Low and high end of the band; None where the noise is not known."""
        s, t = self.residual_std, self.t_quantile
        if s is None or t is None or not self.n:
            return None
        noise = t * s * math.sqrt(1 + self.mean_inflation / self.n)
        if math.isinf(centre):
            least = [r.height(load) for r in self.rivals]
            return min(least, default=centre), math.inf
        if self.rivals:
            heights = [centre, *(r.height(load) for r in self.rivals)]
            down, up = (self._apart(centre, end(heights)) for end in (min, max))
            down, up = math.hypot(down, noise), math.hypot(up, noise)
        elif self.covariance:
            down = up = math.hypot(noise, t * self._gradient_spread(curve, load, centre))
        elif self.load_mean is not None and self.load_squares:
            # Factors in this order: no square of a load overflows, and none without noise counts.
            slope_error = t * s * math.sqrt(self.slope_inflation / self.load_squares)
            down = up = math.hypot(noise, slope_error * abs(load - self.load_mean))
        else:
            return None
        if self._of_logarithm:
            # Where the curve sinks below the least number there is, its band has no upper end.
            return centre * _exp(-down), centre * _exp(up) if centre > 0 else math.inf
        return centre - down, centre + up

    def _apart(self, centre: float, other: float) -> float:
        """Distance of two heights, of their logarithms where residuals are."""
        if math.isinf(other):
            return math.inf
        if not self._of_logarithm:
            return abs(other - centre)
        return abs(math.log(other / centre)) if other > 0 and centre > 0 else math.inf

    def _gradient_spread(self, curve: Curve, load: float, centre: float) -> float:
        """Standard error of the curve's height at a load by the delta method."""
        if not centre > 0 and self._of_logarithm:
            return math.inf
        gradient = []
        for i in range(len(self.covariance)):
            step = 1e-6 * abs(curve.values[i]) or 1e-9
            up, down = (self._moved(curve, i, sign * step).height(load) for sign in (1, -1))
            gradient.append((up - down) / (2 * step))
        variance = sum(
            a * b * v
            for a, row in zip(gradient, self.covariance, strict=True)
            for b, v in zip(gradient, row, strict=True)
        )
        if not math.isfinite(variance):
            return math.inf
        return math.sqrt(max(variance, 0.0)) / (centre if self._of_logarithm else 1.0)

    @staticmethod
    def _moved(curve: Curve, index: int, step: float) -> Curve:
        values = list(curve.values)
        values[index] += step
        return Curve(curve.kind, tuple(values))


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


def sampled(points: Sequence[Point], most: int) -> tuple[Point, ...]:
    """At most so many of the points, in their order.

    A point is chosen by its hash, so that of nearly the same points nearly the same are chosen: a
    scatter does not flicker as its window moves on, and a record of it repeats itself.

    Args:
        points: (n,) load and value.
        most: Points that are kept at most.
    """
    if len(points) <= most:
        return tuple(points)
    times: defaultdict[Point, int] = defaultdict(int)
    ranks = []
    for place, point in enumerate(points):
        ranks.append((hash((*point, times[point])), place))
        times[point] += 1
    ranks.sort()
    return tuple(points[place] for place in sorted(place for _, place in ranks[:most]))
