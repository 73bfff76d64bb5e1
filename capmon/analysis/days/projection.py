"""What a trend expects of a metric at some time ahead, and when it reaches a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.days.seasonal import LEAST_STRENGTH, SIGNIFICANCE, season_test
from capmon.analysis.days.trends import LEAST_POINTS, MODELS, Judged, Trend, judge
from capmon.analysis.windows import Vec
from capmon.model.forecasts import TimeToLimit
from capmon.model.patterns import GrowthModel

DAY = 86400.0
AUTO = "auto"
CONSTANT = "constant"

_WEEKS = 3
_STEPS_AHEAD = 512
_PLACES = 5
_FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Projection:
    """What is expected at some times ahead, or the reason why nothing can be said."""

    ahead: Vec
    """(h,) days after the last value."""

    centre: Vec
    """(h,) medians of a new value; empty where there is a problem."""

    low: Vec
    """(h,) lower ends of the prediction interval."""

    high: Vec
    """(h,) upper ends of the prediction interval."""

    model: str = ""
    """Trend chosen: `linear`, `damped`, `exponential`, `constant`."""

    problem: str = ""
    """Why there is no projection: `needs 3 points, has 2`; empty when there is one."""

    models: tuple[GrowthModel, ...] = ()
    """Trends that were tried, the best first."""

    weekly: bool = False
    """Whether a pattern by day of the week was taken out before and put back after."""


def project(
    days: Vec, values: Vec, ahead: Vec, level: float = 0.95, model: str = AUTO
) -> Projection:
    """Project a metric with prediction intervals that count the uncertainty of the trend.

    The trend is the simplest of `linear`, `damped` and `exponential` that foretold the past as
    well as any. With three weeks of daily values a pattern by day of the week, where a test finds
    one, is taken out first. What was never negative stays so.

    Args:
        days: (n,) times in days, any origin, in any order.
        values: (n,) values, NaN for gaps.
        ahead: (h,) days after the last known value, 0 or more.
        level: Confidence level, strictly between 0 and 1.
        model: A name to go by without a choice.

    Raises:
        ValueError: The level, the model or a time ahead is out of its range.

    Source:
        Draper and Smith, Applied Regression Analysis (1998), section 3.1, for the interval.
    """
    ahead = np.asarray(ahead, dtype=np.float64)
    check(level, model, ahead)
    course = course_of(days, values, _reach(ahead), model)
    if isinstance(course, str):
        empty = np.empty(0)
        return Projection(ahead, empty, empty, empty, problem=course)
    centre, low, high = course.band(ahead, level)
    return Projection(ahead, centre, low, high, course.name, "", course.models, course.weekly)


def check(level: float, model: str, ahead: Vec) -> None:
    """Refuse what no projection can be made for.

    Raises:
        ValueError: The level, the model or a time ahead is out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if model not in (AUTO, *MODELS):
        raise ValueError(f"{model!r} is no trend: use {', '.join((AUTO, *MODELS))}")
    if not (np.isfinite(ahead) & (ahead >= 0)).all():
        raise ValueError("days ahead must be finite and not negative")


def _reach(ahead: Vec) -> float:
    return max(float(ahead.max()), 1e-6) if len(ahead) else 1.0


@dataclass(frozen=True, slots=True)
class Course:
    """A trend in the metric's own unit, with its day of the week put back."""

    trend: Trend | None
    """The trend of the scaled values; None where they never change."""

    last: float
    """Last value."""

    scale: float = 1.0
    """What one unit of the trend is worth."""

    least: float = -math.inf
    """Least value possible."""

    factors: Vec | None = None
    """Effect of each day of the week, that of the last value last; None without a weekly pattern."""

    multiplies: bool = False
    """Whether the effects are factors; else they are added."""

    models: tuple[GrowthModel, ...] = ()
    """Trends that were tried, the best first."""

    rivals: tuple[Trend, ...] = ()
    """Trends that the past does not rule out; the interval is stretched by how far they lead away."""

    @property
    def name(self) -> str:
        """Name of the trend."""
        return self.trend.name if self.trend is not None else CONSTANT

    @property
    def weekly(self) -> bool:
        """Whether the week was taken out."""
        return self.factors is not None

    def band(self, ahead: Vec, level: float) -> tuple[Vec, Vec, Vec]:
        """Median and interval so many days after the last value."""
        if self.trend is None:
            flat = np.full(len(ahead), self.last)
            return flat, flat.copy(), flat.copy()
        centre, low, high = self.trend.band(ahead, level)
        apart = [np.zeros(len(ahead)), *(r.median(ahead) - centre for r in self.rivals)]
        low, high = low + np.min(apart, axis=0), high + np.max(apart, axis=0)
        return self._whole(centre, ahead), self._whole(low, ahead), self._whole(high, ahead)

    def _whole(self, line: Vec, ahead: Vec) -> Vec:
        """In the metric's own unit, and no less than it can be."""
        with np.errstate(over="ignore"):
            return np.maximum(self._seasoned(line, ahead) * self.scale, self.least)

    def _seasoned(self, line: Vec, ahead: Vec) -> Vec:
        if self.factors is None:
            return line
        place = (len(self.factors) - 1 + np.floor(ahead + 0.5).astype(np.intp)) % len(self.factors)
        effect = self.factors[place]
        return np.asarray(line * effect if self.multiplies else line + effect)


def course_of(days: Vec, values: Vec, reach: float, model: str) -> Course | str:
    """The trend to go by within `reach` days, its week taken out; or why there is none.

    Args:
        days: (n,) times in days.
        values: (n,) values, NaN for gaps.
        reach: Days ahead that matter.
        model: Name of a trend, or `auto`.
    """
    days, values = known_points(days, values)
    if len(days) < LEAST_POINTS:
        return f"needs {LEAST_POINTS} points, has {len(days)}"
    scale = float(np.abs(values).max())
    least = 0.0 if float(values.min()) >= 0 else -math.inf
    if not scale > 0 or float(np.ptp(values / scale)) <= _FLAT:
        last = float(values[-1])
        return Course(None, last, least=least)
    y = values / scale
    factors, multiplies = _week(days, y)
    if factors is not None:
        place = (len(factors) - 1 - np.rint(days[-1] - days).astype(np.intp)) % len(factors)
        y = y / factors[place] if multiplies else y - factors[place]
    spent = 6 if factors is not None else 0
    judged = judge(days, y, reach, MODELS if model == AUTO else (model,), spent=spent)
    if judged.trend is None:
        return _reason(judged)
    models = tuple(
        m if m.error is None else GrowthModel(m.name, m.error * scale, m.chosen, m.problem)
        for m in judged.models
    )
    return Course(
        judged.trend, float(values[-1]), scale, least, factors, multiplies, models, judged.rivals
    )


def _reason(judged: Judged) -> str:
    return next((m.problem for m in judged.models if m.problem), "no trend could be fitted")


def known_points(days: Vec, values: Vec) -> tuple[Vec, Vec]:
    """Finite points in the order of time, one a time: the mean of those that share it.

    Times less than a second apart are one: no slope between them means anything.
    """
    days, values = np.asarray(days, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = np.isfinite(days) & np.isfinite(values)
    days, values = np.round(days[known], _PLACES), values[known]
    if not (np.diff(days) <= 0).any():
        return days, values
    unique, place = np.unique(days, return_inverse=True)
    if len(unique) == len(days):
        order = np.argsort(days)
        return days[order], values[order]
    count = np.bincount(place)
    shared: Vec = np.bincount(place, weights=values / count[place]).astype(np.float64)
    return unique, shared


def _week(days: Vec, y: Vec) -> tuple[Vec | None, bool]:
    """Effect of each day of the week, the last day's own last; None where the test finds none.

    Where all values are positive the effects are factors, else terms.
    """
    gaps = np.diff(days)
    cells = np.rint(days - days[0]).astype(np.intp)
    n = int(cells[-1]) + 1
    daily = abs(float(np.median(gaps)) - 1) < 0.05 and len(np.unique(cells)) == len(cells)
    if n < 7 * _WEEKS or not daily or len(days) < 0.8 * n:
        return None, False
    full = np.full(n, math.nan)
    multiplies = bool((y > 0).all())
    full[cells] = np.log(y) if multiplies else y
    found = season_test(full, 7)
    if found is None or found.p_value >= SIGNIFICANCE or found.strength < LEAST_STRENGTH:
        return None, False
    filled = np.interp(np.arange(n), cells, full[cells])
    usual = np.convolve(filled, np.full(7, 1 / 7), mode="valid")
    rest = full[3 : n - 3] - usual
    rest = rest[len(rest) % 7 :]
    by_day = np.nanmedian(rest.reshape(-1, 7), axis=0)
    # The last of `rest` lies three days before the last day.
    by_day = np.roll(by_day - by_day.mean(), -3)
    return (np.exp(by_day), True) if multiplies else (by_day, False)


def time_to(
    days: Vec,
    values: Vec,
    limit: float,
    *,
    horizon_days: float | None = None,
    below: bool = False,
    model: str = AUTO,
) -> TimeToLimit:
    """When a trend reaches a limit, as seconds after the last value.

    `t50` is where the median gets there; `t10` and `t90` are where a new value is beyond the limit
    with a probability of 10 and of 90 %. A last value beyond it means crossed already: then all
    three are the negative time since the last value that was not.

    Args:
        days: (n,) times in days.
        values: (n,) values, NaN for gaps.
        limit: In the metric's unit.
        horizon_days: How far to look; None for as long as the history is.
        below: Whether the limit is one to stay above.
        model: A trend to go by without a choice.

    Returns:
        None in each place that is not reached within the horizon; in all of them with too few
        points.
    """
    nothing = TimeToLimit(None, None, None)
    known_days, known = known_points(days, values)
    if not len(known) or not math.isfinite(limit):
        return nothing
    beyond = known < limit if below else known > limit
    if beyond[-1]:
        fine = np.flatnonzero(~beyond)
        since = float(known_days[-1] - known_days[fine[-1] if len(fine) else 0]) * DAY
        return TimeToLimit(-since, -since, -since)
    reach = horizon_days if horizon_days is not None else float(known_days[-1] - known_days[0])
    if len(known) < LEAST_POINTS or not 0 < reach < math.inf:
        return nothing
    course = course_of(known_days, known, reach, model)
    if isinstance(course, str) or course.trend is None:
        return nothing
    ahead = np.linspace(0.0, reach, _STEPS_AHEAD)
    centre, low, high = course.band(ahead, 0.8)
    soon, late = (low, high) if below else (high, low)
    return TimeToLimit(*(_first(ahead, path, limit, below=below) for path in (soon, centre, late)))


def _first(ahead: Vec, path: Vec, limit: float, *, below: bool) -> float | None:
    """Seconds until a path passes the limit, between two steps by a line."""
    over = path < limit if below else path > limit
    if not over.any():
        return None
    at = int(np.argmax(over))
    if at == 0:
        return 0.0
    part = (limit - path[at - 1]) / (path[at] - path[at - 1])
    part = part if math.isfinite(part) else 1.0
    return float(ahead[at - 1] + part * (ahead[at] - ahead[at - 1])) * DAY
