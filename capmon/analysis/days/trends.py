"""Trends over days: a line, an exponential, and a robust line that flattens; judged by what they foretold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.curves.lines import MAD_TO_STD, explained, inliers, least_squares
from capmon.analysis.effective import line_errors, memory
from capmon.analysis.student import t_quantile
from capmon.analysis.windows import Vec
from capmon.model.patterns import GrowthModel

LINEAR, DAMPED, EXPONENTIAL = "linear", "damped", "exponential"
MODELS = (LINEAR, DAMPED, EXPONENTIAL)
"""Names of the trends, the simplest first."""

LEAST_POINTS = 3
"""Points below which a trend has no interval."""

LEAST_ORIGINS = 3
"""Past origins below which errors cannot tell trends apart."""

MOST_ORIGINS = 6
RIVAL = 0.5
"""A trend that errs no more than by this share above the least is not ruled out: it widens the interval."""

TIE = 0.1
"""Share by which a trend must err less than a simpler one to be taken for better."""

_SERIES = 12
_FARTHEST = 1e15
_MOST_PAIRS = 200
_HALVED = 16
"""Points from which on a damped trend looks at the later half: it is for what has changed its pace."""

_FLATTENS = 2.0
_CLIP = 5.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend on a scale on which it is straight, and what is known of its errors."""

    name: str
    """`linear`, `damped`, `exponential`."""

    slope: float
    """Change a day at the end of the history; of the logarithm for an exponential."""

    slope_error: float
    """Standard error of the slope."""

    level: float
    """Height at the end of the history."""

    last: float
    """Residual of the last point."""

    std: float
    """Standard deviation of the residuals."""

    back: float
    """Days from the mean day to the last."""

    height: float
    """Variance of the trend's height at the mean day, in units of `std` squared."""

    tilt: float
    """Variance of its slope, in units of `std` squared."""

    freedom: float
    """Effective residual degrees of freedom."""

    r_squared: float | None
    """Share of the variance explained, on the original scale."""

    memory: float = 0.0
    """Share of a residual that is left after `step` days."""

    step: float = 1.0
    """Days between two points."""

    flattens: float = math.inf
    """Days over which the slope fades to 1/e of itself."""

    @property
    def relative(self) -> bool:
        """Whether the straight scale is that of the logarithm."""
        return self.name == EXPONENTIAL

    def median(self, ahead: Vec) -> Vec:
        """(h,) median of a new value so many days after the end."""
        centre = self._centre(ahead, self._kept(ahead))
        if not self.relative:
            return centre
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(centre))

    def _kept(self, ahead: Vec) -> Vec:
        """Share of the last residual that is left."""
        if self.memory <= 0:
            return np.zeros(len(ahead))
        return np.asarray(self.memory ** (ahead / self.step))

    def _centre(self, ahead: Vec, kept: Vec) -> Vec:
        travelled = ahead
        if math.isfinite(self.flattens):
            travelled = -self.flattens * np.expm1(-ahead / self.flattens)
        return np.asarray(self.level + self.slope * travelled + kept * self.last)

    def band(self, ahead: Vec, level: float) -> tuple[Vec, Vec, Vec]:
        """(h,) median, low and high of a new value so many days after the end.

        What is left of the last residual is known, the rest of a new one is not. The uncertainty
        of a damped trend is that of the undamped one: that it flattens is a guess as well.
        """
        kept = self._kept(ahead)
        centre = self._centre(ahead, kept)
        away = self.back * (1 - kept) + ahead
        variance = 1 - kept**2 + self.height * (1 - kept) ** 2 + self.tilt * away**2
        half = t_half(level, self.freedom) * self.std * np.sqrt(variance)
        low, high = centre - half, centre + half
        if self.relative:
            with np.errstate(over="ignore"):
                return np.exp(centre), np.exp(low), np.exp(high)
        return centre, low, high


def t_half(level: float, freedom: float) -> float:
    """Student's t that holds a share `level` between its negative and itself."""
    return t_quantile(min((1 + level) / 2, 1 - 1e-15), freedom)


def fit_trend(name: str, days: Vec, values: Vec, *, spent: int = 0) -> Trend | str:
    """Fit one trend, or say why it cannot be.

    Args:
        name: One of `MODELS`.
        days: (n,) ascending, n at least 3.
        values: (n,) finite, their size around 1.
        spent: Degrees of freedom that were used up before.

    Source:
        Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968), and
        Gardner and McKenzie, Forecasting trends in time series, Management Science 31 (1985), for
        the robust line that flattens.
    """
    if name == EXPONENTIAL and not (values > 0).all():
        return "has values of zero or less"
    if len(days) - 2 - spent < 1:
        return "too few points for an interval"
    if name == DAMPED and len(days) >= _HALVED:
        days, values = days[len(days) // 2 :], values[len(days) // 2 :]
    x = days - days[0]
    y = np.log(values) if name == EXPONENTIAL else values
    if name == DAMPED:
        slope = theil_sen(x, y)
        intercept = float(np.median(y - slope * x))
    else:
        slope, intercept = _line(x, y)
    curve = slope * x + intercept
    r_squared = explained(values, np.exp(curve) if name == EXPONENTIAL else curve)
    return _with_errors(name, x, y - curve, (slope, intercept), r_squared, spent)


def _line(x: Vec, y: Vec) -> tuple[float, float]:
    """Least squares, without outliers where there are points enough to tell them."""
    slope, intercept = least_squares(x, y)
    if len(x) < _SERIES:
        return slope, intercept
    kept = inliers(y - slope * x - intercept)
    return (slope, intercept) if kept.all() else least_squares(x[kept], y[kept])


def _with_errors(
    name: str, x: Vec, residual: Vec, line: tuple[float, float], r_squared: float, spent: int
) -> Trend:
    """A line as a trend, with the errors that its residuals and their memory make of it."""
    n = len(x)
    slope, intercept = line
    residual = _clipped(residual)
    step = float(np.median(np.diff(x)))
    places = np.rint(np.minimum(x / step, _FARTHEST)).astype(np.intp)
    r = memory(residual, places, fitted=2)
    errors = line_errors(x, places, r)
    left = (n - 2 - spent) / (n - 2)
    std = math.sqrt(float(residual @ residual) / (errors.spread * left))
    end = float(x[-1])
    return Trend(
        name,
        slope=slope,
        slope_error=std * math.sqrt(errors.tilt),
        level=slope * end + intercept,
        last=float(residual[-1]),
        std=std,
        back=end - float(x.mean()),
        height=errors.height * (1 + spent),
        tilt=errors.tilt,
        freedom=max(errors.freedom * left, 1.0),
        r_squared=r_squared if math.isfinite(r_squared) else None,
        memory=r,
        step=step,
        flattens=end / _FLATTENS if name == DAMPED else math.inf,
    )


def _clipped(residual: Vec) -> Vec:
    """Residuals, those of outliers cut back to five robust standard deviations."""
    away = np.abs(residual - np.median(residual))
    scale = MAD_TO_STD * float(np.median(away))
    if len(residual) < _SERIES or not scale > 0:
        return residual
    return np.clip(residual, -_CLIP * scale, _CLIP * scale)


def theil_sen(x: Vec, y: Vec) -> float:
    """Median slope between all pairs of points; of an even choice of 200 points where there are more."""
    if len(x) > _MOST_PAIRS:
        chosen = np.linspace(0, len(x) - 1, _MOST_PAIRS).astype(np.intp)
        x, y = x[chosen], y[chosen]
    first, second = np.triu_indices(len(x), 1)
    gap = x[second] - x[first]
    apart = gap > 0
    return float(np.median((y[second] - y[first])[apart] / gap[apart]))


@dataclass(frozen=True, slots=True)
class Judged:
    """How the trends did, and the one to go by."""

    trend: Trend | None
    """The one chosen; None where none could be fitted."""

    models: tuple[GrowthModel, ...]
    """All that were tried, the best first."""

    rivals: tuple[Trend, ...] = ()
    """Those that the past does not rule out beside the one chosen."""


def judge(
    days: Vec, values: Vec, ahead: float, names: tuple[str, ...] = MODELS, *, spent: int = 0
) -> Judged:
    """Fit every trend, and choose the one that foretold the past best.

    From each of up to six origins in the later half of the history the trends are fitted to
    what was known and scored on what came within `ahead` days. A trend must err 10 % less than a
    simpler one to be chosen over it.

    Args:
        days: (n,) ascending, n at least 3.
        values: (n,) finite, their size around 1.
        ahead: Days that matter.
        names: Trends to try, the simplest first.
        spent: Degrees of freedom that were used up before.

    Source:
        Tashman, Out-of-sample tests of forecasting accuracy, Int. J. Forecasting 16 (2000).
    """
    fitted = {name: fit_trend(name, days, values, spent=spent) for name in names}
    able = [name for name in names if isinstance(fitted[name], Trend)]
    errors = _past_errors(days, values, ahead, able) if len(able) > 1 else {}
    chosen = _simplest_of_the_best(able, errors)
    found = [
        GrowthModel(
            name,
            error=errors.get(name),
            chosen=name == chosen,
            problem=trend if isinstance(trend := fitted[name], str) else "",
        )
        for name in names
    ]
    order = sorted(found, key=lambda m: (bool(m.problem), m.error if m.error is not None else 0.0))
    best = fitted[chosen] if chosen else None
    limit = min(errors.values(), default=0.0) * (1 + RIVAL)
    rivals = [fitted[name] for name, error in errors.items() if error <= limit and name != chosen]
    return Judged(
        best if isinstance(best, Trend) else None,
        tuple(order),
        tuple(t for t in rivals if isinstance(t, Trend)),
    )


def _simplest_of_the_best(able: list[str], errors: dict[str, float]) -> str:
    """The first name whose error is within a tie of the least; the first where none is known."""
    if not errors or not able:
        return able[0] if able else ""
    best = min(errors.values())
    return next((n for n in able if errors.get(n, math.inf) <= best * (1 + TIE) + 1e-12), able[0])


def _past_errors(days: Vec, values: Vec, ahead: float, names: list[str]) -> dict[str, float]:
    """Mean absolute error of each trend over past origins; empty with too few origins."""
    n = len(days)
    first = max(LEAST_POINTS, n // 2)
    if n - first < LEAST_ORIGINS:
        return {}
    origins = np.unique(np.linspace(first, n - 1, MOST_ORIGINS).astype(np.intp))
    totals: dict[str, list[float]] = {name: [] for name in names}
    for origin in origins:
        until = np.searchsorted(days, days[origin - 1] + ahead, "right")
        stop = max(int(until), int(origin) + 1)
        for name in names:
            totals[name].append(_error(name, days, values, int(origin), stop))
    means = {name: math.fsum(v) / len(v) for name, v in totals.items()}
    return {name: v for name, v in means.items() if math.isfinite(v)}


def _error(name: str, days: Vec, values: Vec, origin: int, stop: int) -> float:
    """Mean absolute error of a trend of the first `origin` points on those up to `stop`."""
    past = values[:origin]
    if float(np.ptp(past)) <= 1e-9 * float(np.abs(past).max()):
        expected = np.full(stop - origin, past[-1])
    else:
        trend = fit_trend(name, days[:origin], past)
        if isinstance(trend, str):
            return math.inf
        expected = trend.median(days[origin:stop] - days[origin - 1])
    return float(np.mean(np.minimum(np.abs(expected - values[origin:stop]), 1e100)))
