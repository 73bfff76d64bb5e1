"""How a metric grows over days, and what that makes of it within a horizon."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.days.projection import (
    AUTO,
    DAY,
    Course,
    Projection,
    check,
    course_of,
    known_points,
    project,
    time_to,
)
from capmon.analysis.days.trends import LEAST_POINTS, t_half
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.patterns import Growth, Outlook
from capmon.model.units import span as span_text

__all__ = ["Projection", "by_day", "growth", "project", "time_to"]

MARKS = (1.0, 7.0, 30.0, 90.0)
"""Days ahead at which the outlook is given, as far as the horizon goes."""

_LEAST_DAYS = 4.0
_BLOCKS = 48
_LEAST_KNOWN = 0.5
_NEARLY = 1.01
_LEAST_SPAN = 1.98
_SWING = "in less than two days the swing of a day looks like growth"


def growth(
    metric: str,
    times: Vec,
    values: Vec,
    *,
    horizon_days: float,
    level: float = 0.95,
    force: bool = False,
) -> Growth:
    """Growth of one metric over its history.

    Readings closer than a day are taken together by the day, counted back from the last one, so
    that a day that has only begun is no fall; a history of less than four days by a 48th of it.

    Args:
        metric: Its key.
        times: (n,) Unix times.
        values: (n,) values, NaN for gaps.
        horizon_days: Days that the outlook shall reach.
        level: Confidence level, strictly between 0 and 1.
        force: Look farther ahead than the history is long; `caution` says so either way.

    Raises:
        ValueError: The level or the horizon is out of its range.
    """
    if not 0 < horizon_days < math.inf:
        raise ValueError(f"horizon must be a positive number of days, got {horizon_days}")
    check(level, AUTO, np.empty(0))
    days, blocks = by_day(times, values)
    if len(days) < LEAST_POINTS:
        problem = f"needs {LEAST_POINTS} points, has {len(days)}"
        return Growth(metric, n=len(days), days=_length(times, values), problem=problem)
    span = _length(times, values)
    horizon, caution = _horizon(horizon_days, span, force=force)
    course = course_of(days, blocks, horizon, AUTO)
    if isinstance(course, str):
        return Growth(metric, n=len(days), days=span, problem=course)
    marks = np.array([*(m for m in MARKS if m < horizon), horizon])
    centre, low, high = course.band(marks, level)
    outlook = tuple(
        Outlook(float(d), _estimate(three, level))
        for d, three in zip(marks, zip(centre, low, high, strict=True), strict=True)
    )
    per_day, rate, doubling = _speed(course, level)
    if span < _LEAST_SPAN:
        # What a day's swing looks like is no pace to go on with.
        rate, doubling = None, None
    return Growth(
        metric,
        model=course.name,
        per_day=per_day,
        rate=rate,
        doubling_days=doubling,
        r_squared=course.trend.r_squared if course.trend is not None else None,
        n=len(days),
        days=span,
        models=course.models,
        outlook=outlook,
        horizon_days=horizon,
        caution=caution,
        weekly=course.weekly,
    )


def _length(times: Vec, values: Vec) -> float:
    """Days from the first known value to the last."""
    known = np.asarray(times, dtype=np.float64)[np.isfinite(times) & np.isfinite(values)]
    return float(known.max() - known.min()) / DAY if len(known) else 0.0


def _horizon(asked: float, span: float, *, force: bool) -> tuple[float, str]:
    """Days to look ahead, and what to say where more is asked than the history carries."""
    if asked <= span * _NEARLY:
        return asked, _SWING if span < _LEAST_SPAN else ""
    caution = f"{span_text(asked * DAY)} asked, history holds {span_text(span * DAY)}"
    if span < _LEAST_SPAN:
        caution = f"{caution}; {_SWING}"
    return (asked, caution) if force else (span, caution)


def _estimate(three: Sequence[float], level: float) -> Estimate:
    """Value, low and high, each at most the greatest float."""
    value, low, high = (float(np.nan_to_num(v)) for v in three)
    return Estimate(value, low, high, level)


def _speed(course: Course, level: float) -> tuple[Estimate, Estimate | None, float | None]:
    """Change a day, relative change a day, and days until it doubles if it surely grows."""
    trend = course.trend
    if trend is None:
        still = Estimate(0.0, 0.0, 0.0, level)
        return still, still if course.last else None, None
    half = t_half(level, trend.freedom) * trend.slope_error
    slopes = (trend.slope, trend.slope - half, trend.slope + half)
    if trend.relative:
        here = float(trend.median(np.zeros(1))[0])
        relative = tuple(math.expm1(min(s, 700.0)) for s in slopes)
        change = tuple(here * s for s in slopes)
        doubling = math.log(2) / trend.slope if slopes[1] > 0 else None
    else:
        change = slopes
        up = trend.level > 0
        relative = tuple(s / trend.level for s in slopes) if up else ()
        doubling = trend.level / trend.slope if up and slopes[1] > 0 else None
    per_day = _estimate([c * course.scale for c in change], level)
    rate = _estimate(relative, level) if relative else None
    return per_day, rate, doubling if doubling is None or math.isfinite(doubling) else None


def by_day(times: Vec, values: Vec) -> tuple[Vec, Vec]:
    """Days and values of a history as a trend wants it: means of whole days where it is finer.

    Args:
        times: (n,) Unix times.
        values: (n,) values, NaN for gaps.

    Returns:
        (m,) days since the Unix epoch and (m,) means. Blocks are counted back from the last
        reading, and one that is known for less than half its time is left out.
    """
    t, y = known_points(times, values)
    if len(t) < 2 * LEAST_POINTS:
        return t / DAY, y
    span, step = float(t[-1] - t[0]), float(np.median(np.diff(t)))
    width = DAY if span + step >= _LEAST_DAYS * DAY * (1 - 1e-9) else (span + step) / _BLOCKS
    if step >= 0.75 * width:
        return t / DAY, y
    block = np.floor((t[-1] - t) / width + 1e-9).astype(np.intp)
    return _means(t, y, block, width / step)


def _means(t: Vec, y: Vec, block: NDArray[np.intp], usual: float) -> tuple[Vec, Vec]:
    """Mean time and value of each block that holds half of its usual readings."""
    count = np.bincount(block)
    scale = max(float(np.abs(y).max()), 1e-300)
    full = count >= _LEAST_KNOWN * usual
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(block, weights=y / scale) / count * scale
    width = usual * float(np.median(np.diff(t)))
    middle = t[-1] - (np.arange(len(count)) + 0.5) * width
    return middle[full][::-1] / DAY, mean[full][::-1]
