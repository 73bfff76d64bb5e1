"""The load at which a fitted curve reaches its limit, with the interval that holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.model.results import Estimate, Fit, FitKind, Headroom

TRUSTED_REACH = 1.3
"""A curve is trusted up to this many times the greatest load that it has seen."""

NO_GROWTH = "does not grow with load"
UNCERTAIN = "growth not certain yet"
"""The slope's interval holds zero."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a metric must not pass."""

    value: float
    """In the metric's unit."""

    name: str
    """Setting that it comes from."""


def _slope_error(fit: Fit) -> float | None:
    return fit.coefficients[0 if fit.kind is FitKind.LINEAR else 1].std_error


def no_growth(fit: Fit) -> str:
    """Why a curve does not tell what load does to its metric; empty when it does."""
    slope, error = _line(fit)[0], _slope_error(fit)
    if slope <= 0:
        return NO_GROWTH
    return UNCERTAIN if error is not None and slope <= (fit.t_quantile or 0.0) * error else ""


def crossing(fit: Fit, limit: float) -> tuple[Estimate | None, str]:
    """The load at which a curve reaches a limit, in the fit's own load, or why there is none.

    The interval is Fieller's: all loads at which the limit lies inside the prediction band for
    one new observation. Its end is open where the slope is too uncertain to close it. For an
    exponential the same is done on the logarithm. The uncertainty of the line enters with its
    standard errors, which allow for memory in the residuals.

    Source:
        Draper and Smith, Applied Regression Analysis (1998), section 3.2, inverse regression.
    """
    if fit.problem or not fit.coefficients:
        return None, fit.problem or "no curve"
    slope, intercept = _line(fit)
    if fit.kind is FitKind.EXPONENTIAL:
        if limit <= 0:
            return None, "limit is not positive"
        limit = math.log(limit)
    problem = no_growth(fit)
    if problem:
        return None, problem
    error = _slope_error(fit)
    at = (limit - intercept) / slope
    if not math.isfinite(at):
        return None, NO_GROWTH
    if at <= 0:
        return None, "over its limit without load"
    low, high = _interval(fit, slope, intercept, error, limit)
    return Estimate(at, None if low is None else max(low, 0.0), high), ""


def _line(fit: Fit) -> tuple[float, float]:
    """Slope and intercept of the line, of the logarithm for an exponential."""
    if fit.kind is FitKind.LINEAR:
        return fit.coefficient("slope"), fit.coefficient("intercept")
    return fit.coefficient("b"), math.log(fit.coefficient("a"))


def _interval(
    fit: Fit, slope: float, intercept: float, error: float | None, limit: float
) -> tuple[float | None, float | None]:
    """Ends of Fieller's interval: the roots of (limit - line)² = t²·variance."""
    s, t, mean, squares = fit.residual_std, fit.t_quantile, fit.load_mean, fit.load_squares
    if s is None or t is None or mean is None or not squares or error is None or fit.n < 1:
        return None, None
    width = (t * s) ** 2
    away = limit - intercept - slope * mean
    a = slope * slope - width * fit.slope_inflation / squares
    b = -2 * away * slope
    c = away * away - width * (1 + fit.mean_inflation / fit.n)
    disc = b * b - 4 * a * c
    if not math.isfinite(disc) or disc < 0:
        return None, None
    root = math.sqrt(disc)
    if a <= 0:
        return None, None
    return mean + (-b - root) / (2 * a), mean + (-b + root) / (2 * a)


def headroom(fit: Fit, limit: Limit, load: str, now: float | None, ready: int | None) -> Headroom:
    """The load of the whole service at which one fit reaches its limit.

    Args:
        fit: The curve.
        limit: What it must not pass.
        load: Key of the whole service's load.
        now: That load now; None when not known.
        ready: Ready replicas; needed where the fit counts load per replica.
    """

    def unknown(problem: str) -> Headroom:
        return Headroom(fit.target, limit.value, limit.name, load, None, now, problem=problem)

    at, problem = crossing(fit, limit.value)
    if at is None:
        return unknown(problem)
    replicas = 1
    if fit.per_replica:
        if not ready or ready < 1:
            return unknown("replica count is not known")
        replicas = ready
    whole = Estimate(at.value * replicas, _times(at.low, replicas), _times(at.high, replicas))
    if not math.isfinite(whole.value):
        return unknown(NO_GROWTH)
    beyond = fit.load_max is not None and at.value > TRUSTED_REACH * fit.load_max
    multiple = whole.value / now if now is not None and now > 0 else None
    if multiple is not None and not math.isfinite(multiple):
        multiple = None
    return Headroom(
        fit.target, limit.value, limit.name, load, whole, now, multiple, extrapolated=beyond
    )


def _times(value: float | None, factor: int) -> float | None:
    if value is None or not math.isfinite(value * factor):
        return None
    return value * factor


def in_order(found: list[Headroom]) -> tuple[Headroom, ...]:
    """The limit that binds first in front, those not known at the end."""

    def rank(h: Headroom) -> tuple[bool, float, float]:
        if h.at is None:
            return (True, math.inf, math.inf)
        return (False, h.multiple if h.multiple is not None else math.inf, h.at.value)

    return tuple(sorted(found, key=rank))
