"""The load at which a fitted curve reaches a height, with the interval that holds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from capmon.model.curves import Estimate, Fit, FitKind

NO_GROWTH = "does not grow with load"
UNCERTAIN = "growth not certain yet"
"""The slope's interval holds zero."""

BLIND_REACH = 3.0
"""A curve of response times without a pole says nothing beyond this many times the load seen."""

BEYOND = "beyond 3× the load seen"
ABOVE_CAP = "the limit is above the most it can be"

_SEARCHED = 10.0
"""Where there is no pole, ends of intervals are looked for up to this many times the load seen."""

_STEPS = 60
_CLOSE = 1e-6


def no_growth(fit: Fit) -> str:
    """Why a curve does not tell what load does to its metric; empty when it does."""
    if fit.kind in {FitKind.MMC, FitKind.KINGMAN, FitKind.USL}:
        return ""
    grows, error = fit.coefficients[1 if fit.kind is FitKind.EXPONENTIAL else 0], None
    error = grows.std_error
    if grows.value <= 0:
        return NO_GROWTH
    uncertain = error is not None and grows.value <= (fit.t_quantile or 0.0) * error
    return UNCERTAIN if uncertain else ""


@lru_cache(maxsize=64)
def crossing(fit: Fit, limit: float) -> tuple[Estimate | None, str]:
    """The load at which a curve reaches a limit, in the fit's own load, or why there is none.

    The interval holds all loads at which the limit lies inside the prediction band for one new
    observation. For lines and exponentials it is Fieller's, in closed form; for others, and where
    a curve has rivals, its ends are searched on the band. An end is open where the band does not
    reach the limit.

    Source:
        Draper and Smith, Applied Regression Analysis (1998), section 3.2, inverse regression.
    """
    if fit.problem or not fit.coefficients:
        return None, fit.problem or "no curve"
    if fit.cap is not None and limit > fit.cap:
        return None, ABOVE_CAP
    if limit <= 0 and (fit.relative or fit.kind is FitKind.EXPONENTIAL):
        return None, "limit is not positive"
    problem = no_growth(fit)
    if problem:
        return None, problem
    at = _reached(fit, limit)
    if at is None or not math.isfinite(at):
        return None, NO_GROWTH
    if at <= 0:
        return None, "over its limit without load"
    if _blind(fit) and fit.load_max is not None and at > BLIND_REACH * fit.load_max:
        return None, BEYOND
    closed = not fit.rivals and not fit.covariance
    low, high = fieller(fit, limit) if closed else _on_band(fit, limit, at)
    # Between very narrow ends rounding could leave the value outside.
    low = None if low is None else max(min(low, at), 0.0)
    return Estimate(at, low, None if high is None else max(high, at)), ""


def _blind(fit: Fit) -> bool:
    """Whether the curve is one of response times that knows of no pole."""
    line = fit.kind is FitKind.LINEAR and fit.relative
    return line or fit.kind is FitKind.EXPONENTIAL


def _line(fit: Fit) -> tuple[float, float]:
    """Slope and intercept of the line, of the logarithm for an exponential."""
    if fit.kind is FitKind.EXPONENTIAL:
        return fit.coefficient("b"), math.log(fit.coefficient("a"))
    return fit.coefficient("slope"), fit.coefficient("intercept")


def _reached(fit: Fit, limit: float) -> float | None:
    """Load at which the curve itself reaches the limit; None where it never does."""
    if fit.kind in {FitKind.LINEAR, FitKind.ROBUST, FitKind.EXPONENTIAL}:
        slope, intercept = _line(fit)
        height = math.log(limit) if fit.kind is FitKind.EXPONENTIAL else limit
        return (height - intercept) / slope
    curve = fit.curve
    if curve is None:
        return None
    if curve.height(0.0) >= limit:
        return 0.0
    end = curve.pole or (fit.saturates_at.value if fit.saturates_at is not None else None)
    end = end or _SEARCHED * (fit.load_max or 1.0)
    return _first(lambda x: curve.height(x) / limit, 0.0, end)


def fieller(
    fit: Fit, limit: float, *, observation: bool = True
) -> tuple[float | None, float | None]:
    """Loads between which a line, of the logarithm for an exponential, reaches a limit.

    They are the roots of (limit - line)² = t²·variance. The uncertainty of the line enters with
    its standard errors, which allow for memory in the residuals.

    Args:
        fit: A line or an exponential.
        limit: In the target's unit.
        observation: Whether the limit is to be met by one new reading, noise included, or by the
            line itself.

    Returns:
        Both ends, None where they are open.
    """
    s, t, mean, squares = fit.residual_std, fit.t_quantile, fit.load_mean, fit.load_squares
    if s is None or t is None or mean is None or not squares or fit.n < 1:
        return None, None
    slope, intercept = _line(fit)
    height = math.log(limit) if fit.kind is FitKind.EXPONENTIAL else limit
    width = (t * s) ** 2
    away = height - intercept - slope * mean
    a = slope * slope - width * fit.slope_inflation / squares
    b = -2 * away * slope
    c = away * away - width * (observation + fit.mean_inflation / fit.n)
    disc = b * b - 4 * a * c
    if not math.isfinite(disc) or disc < 0 or a <= 0:
        return None, None
    root = math.sqrt(disc)
    return mean + (-b - root) / (2 * a), mean + (-b + root) / (2 * a)


def _on_band(fit: Fit, limit: float, at: float) -> tuple[float | None, float | None]:
    """Loads at which the band's upper and lower ends meet the limit."""

    def upper(load: float) -> float:
        band = fit.band(load)
        return math.nan if band is None or band.high is None else band.high / limit

    def lower(load: float) -> float:
        band = fit.band(load)
        return math.nan if band is None or band.low is None else band.low / limit

    if math.isnan(upper(at)):
        return None, None
    low = 0.0 if upper(0.0) >= 1 else _first(upper, 0.0, at)
    poles = [c.pole for c in (*fit.rivals, fit.curve) if c is not None and c.pole is not None]
    blind = _SEARCHED * (fit.load_max or at)
    open_ended = len(poles) < len(fit.rivals) or not fit.rivals
    return low, _first(lower, at, max(at, blind if open_ended else max(poles)))


def _first(ratio: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a ratio that grows from below 1 reaches it; None where it does not by `high`.

    Halving, but for the false position on the logarithm where both ends are finite: a pole makes
    the ratio infinite, and there only halving tells anything.
    """
    under, over = _log(ratio(low)), _log(ratio(high))
    if not over >= 0:
        return None
    if under >= 0:
        return low
    for step in range(_STEPS):
        middle = (low + high) / 2
        if step % 3 and math.isfinite(under) and math.isfinite(over) and over > under:
            middle = low + (high - low) * -under / (over - under)
        found = _log(ratio(middle))
        if found >= 0:
            high, over = middle, found
        else:
            low, under = middle, found
        if high - low <= _CLOSE * high:
            break
    return (low + high) / 2


def _log(ratio: float) -> float:
    if math.isinf(ratio):
        return math.inf
    return math.log(ratio) if ratio > 0 else -math.inf
