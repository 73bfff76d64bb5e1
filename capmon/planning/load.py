"""The load that capacity is planned for: the busy hour now, and at the horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.days.growth import project
from capmon.analysis.days.projection import CONSTANT as _CONSTANT
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.patterns import Patterns, Scenario
from capmon.model.plan import PlanQuestion
from capmon.model.units import span
from capmon.store.course import HOUR, Summaries

DAY = 86400.0
WEEK = 7 * DAY

BUSY = 0.95
"""Share of the hours of a week that the busy hour is not below."""

LEVEL = 0.95
"""Level of every interval of the load."""

LEAST_DAYS = 4
"""Whole days of load from which on its growth is told."""

NO_LOAD = "no load was recorded: set app.source, or import a series of the request rate"

_LEAST_HOURS = 24
_FULL = 0.5
_KNOWN_HOURS = 18
_RESAMPLES = 500
_NEARLY = 1.01
_DAMPED, _LINEAR = "damped", "linear"


@dataclass(frozen=True, slots=True)
class Busy:
    """The busy hour, or why it is not known."""

    load: Estimate | None
    """Requests per second of the whole service."""

    text: str
    """What it rests on, or the reason."""


def whole_hours(hours: Summaries) -> tuple[Vec, Vec]:
    """(n,) beginnings and (n,) means of hours that hold half of the readings of a usual one."""
    known = np.isfinite(hours.mean)
    if not known.any():
        return np.empty(0), np.empty(0)
    full = known & (hours.count >= _FULL * float(np.median(hours.count[known])))
    return hours.times[full], hours.mean[full]


def busy_hour(hours: Summaries | None, minutes: Summaries | None, until: float) -> Busy:
    """95th percentile of the hourly means of the last week; of the minutes where hours are few.

    The interval says how far it would be another in such a week: days are drawn anew.

    Args:
        hours: Hours of the load; None where there are none.
        minutes: Minutes of it.
        until: Unix time of the last measurement.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application (1997), section 2.4, of
        whole days, since hours of one day belong together.
    """
    if hours is not None:
        times, means = whole_hours(hours)
        late = times >= until - WEEK
        times, means = times[late], means[late]
        if len(means) >= _LEAST_HOURS:
            text = f"95th percentile of {len(means)} hourly means, last {span(until - times[0])}"
            return Busy(_by_day(times, means, until), text)
    if minutes is not None:
        near = minutes.mean[(minutes.times >= until - DAY) & np.isfinite(minutes.mean)]
        if len(near):
            text = f"95th percentile of {len(near)} minutes, for want of a day of hours"
            return Busy(Estimate(float(np.quantile(near, BUSY))), text)
    return Busy(None, NO_LOAD)


def _by_day(times: Vec, means: Vec, until: float) -> Estimate:
    value = float(np.quantile(means, BUSY))
    days = np.floor((until - times) / DAY).astype(np.intp)
    groups = [means[days == d] for d in np.unique(days)]
    if len(groups) < 3:
        return Estimate(value)
    random = np.random.default_rng(7)
    picks = random.integers(0, len(groups), (_RESAMPLES, len(groups)))
    made = [float(np.quantile(np.concatenate([groups[i] for i in p]), BUSY)) for p in picks]
    low, high = np.quantile(made, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    # A percentile interval of few groups is too narrow by about the root of n over n less one.
    wider = math.sqrt(len(groups) / (len(groups) - 1))
    return Estimate(
        value,
        max(value - wider * max(value - float(low), 0.0), 0.0),
        value + wider * max(float(high) - value, 0.0),
        LEVEL,
    )


def daily_busy(hours: Summaries) -> tuple[Vec, Vec]:
    """Busy hour by day, days counted back from the last hour.

    Returns:
        (d,) days since the Unix epoch, each the middle of its day, and (d,) 95th percentiles of
        its hourly means; days with fewer than 18 hours are left out.
    """
    times, means = whole_hours(hours)
    if not len(times):
        return np.empty(0), np.empty(0)
    end = float(times[-1]) + HOUR
    day = np.floor((end - times - HOUR / 2) / DAY).astype(np.intp)
    found = [
        (end - (d + 0.5) * DAY, float(np.quantile(means[day == d], BUSY)))
        for d in np.unique(day)[::-1]
        if np.count_nonzero(day == d) >= _KNOWN_HOURS
    ]
    if not found:
        return np.empty(0), np.empty(0)
    at, value = np.array(found).T
    return at / DAY, value


@dataclass(frozen=True, slots=True)
class Ahead:
    """The busy hour on days to come, or why it is not told."""

    days: Vec
    """(h,) days after the last measurement; empty where nothing is told."""

    loads: tuple[Estimate, ...] = ()
    """One a day."""

    model: str = ""
    """Trend that it follows, or what was assumed."""

    caution: str = ""
    """What to keep in mind; empty for nothing."""

    problem: str = ""
    """Why nothing is told; empty when something is."""

    @property
    def last(self) -> Estimate | None:
        """The load at the horizon."""
        return self.loads[-1] if self.loads else None


def ahead(
    hours: Summaries | None, now: Estimate | None, question: PlanQuestion, points: int = 60
) -> Ahead:
    """The busy hour up to the horizon: as the question assumes, else as its daily course foretells.

    The trend is that of the busy hours by day; its interval is one for a new day, the uncertainty
    of the trend included, taken as a whole for the busy hour of a week: it is rather too wide.

    Args:
        hours: Hours of the load.
        now: The busy hour now.
        question: Horizon, and growth where it is assumed.
        points: Most days that are told.
    """
    horizon = question.horizon / DAY
    days = np.linspace(0.0, horizon, points)
    if now is None:
        return Ahead(np.empty(0), problem=NO_LOAD)
    factor = assumed_factor(question)
    if factor is not None:
        # Growth by a factor is taken as even in ratio: the same share a day.
        each = tuple(scaled(now, factor ** (d / horizon)) for d in days.tolist())
        return Ahead(days, each, assumed_text(question))
    return _foretold(hours, now, days, horizon)


def _foretold(hours: Summaries | None, now: Estimate, days: Vec, horizon: float) -> Ahead:
    at, busy = daily_busy(hours) if hours is not None else (np.empty(0), np.empty(0))
    if len(at) < LEAST_DAYS:
        problem = f"growth needs {LEAST_DAYS} whole days of load, has {len(at)}; or give --growth"
        return Ahead(np.empty(0), problem=problem)
    week = np.arange(7.0) if len(at) >= 7 else np.zeros(1)
    # Days of the week that ends then, counted from the last one that is recorded.
    grid = days[:, None] - week[None, :]
    length = float(at[-1] - at[0]) + 1
    made = _trend(at, busy, np.maximum(grid, 0.0).ravel(), beyond=horizon > length * _NEARLY)
    if isinstance(made, str):
        return Ahead(np.empty(0), problem=made)
    model, *lines = made
    recent = float(busy[-len(week) :].mean())
    factor = now.value / recent if recent > 0 else 1.0
    known = np.interp(at[-1] + grid, at, busy)
    # What is recorded already is not foretold.
    means = [np.where(grid > 0, v.reshape(grid.shape), known).mean(axis=1) * factor for v in lines]
    loads = tuple(_with_own(now, *ends) for ends in zip(*(m.tolist() for m in means), strict=True))
    caution = ""
    if horizon > length * _NEARLY:
        caution = f"{span(horizon * DAY)} asked, the load's history holds {span(length * DAY)}"
    return Ahead(days, loads, model, caution)


def _with_own(now: Estimate, centre: float, low: float, high: float) -> Estimate:
    """One day's load: how far the trend may be off, and how far the level that it starts from."""
    share = centre / now.value if now.value > 0 else 0.0
    down = 0.0 if now.low is None else (now.value - now.low) * share
    up = 0.0 if now.high is None else (now.high - now.value) * share
    top = centre + math.hypot(high - centre, up) if math.isfinite(high) else None
    return Estimate(centre, max(centre - math.hypot(centre - low, down), 0.0), top, LEVEL)


def _trend(at: Vec, busy: Vec, grid: Vec, *, beyond: bool) -> tuple[str, Vec, Vec, Vec] | str:
    """Name, median and ends of the trend at some days ahead, or why there is none.

    No history tells whether growth goes on for longer than it is long: there the interval spans
    that of a trend that goes on and that of one that dies away, and the median is not the latter's.
    """
    made = project(at, busy, grid, LEVEL)
    if made.problem:
        return made.problem
    if not beyond or made.model == _CONSTANT:
        return made.model, made.centre, made.low, made.high
    rivals = [project(at, busy, grid, LEVEL, name) for name in (_LINEAR, _DAMPED)]
    known = [made, *(r for r in rivals if not r.problem)]
    chosen = rivals[0] if made.model == _DAMPED and not rivals[0].problem else made
    low = np.min([r.low for r in known], axis=0)
    return chosen.model, chosen.centre, low, np.max([r.high for r in known], axis=0)


def assumed_factor(question: PlanQuestion) -> float | None:
    """Load at the horizon over that of today as the question assumes it; None where it does not."""
    if question.growth is not None:
        return question.growth
    if question.growth_rate is not None:
        rate, per = question.growth_rate
        return float((1 + rate) ** (question.horizon / per))
    return None


def assumed_text(question: PlanQuestion) -> str:
    """What the question assumes in words: `load ×2 by the horizon`; empty for nothing."""
    if question.growth is not None:
        return f"load ×{question.growth:.3g} by the horizon"
    if question.growth_rate is not None:
        rate, per = question.growth_rate
        return f"load {rate * 100:+.3g} % every {span(per)}"
    return ""


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate times a number above 0."""
    low, high = (None if v is None else v * factor for v in (estimate.low, estimate.high))
    return replace(estimate, value=estimate.value * factor, low=low, high=high)


def scenarios(
    patterns: Patterns | None, now: Estimate | None, then: Estimate | None, horizon: float
) -> tuple[Scenario, ...]:
    """Loads to size for: those of the patterns, the busy hour, and the busy hour at the horizon."""
    found = list(patterns.scenarios) if patterns is not None else []
    base = found[0].load if found else now.value if now is not None else 0.0
    if now is not None and base > 0:
        found.append(
            Scenario("busy hour", now.value, now.value / base, "busy hour of the last week")
        )
    if then is not None and base > 0:
        text = f"busy hour in {span(horizon)}"
        found.append(Scenario("horizon", then.value, then.value / base, text))
        if then.high is not None:
            text = f"upper end of its {then.level * 100:.0f} % interval"
            found.append(Scenario("horizon, high", then.high, then.high / base, text))
    return tuple(found)
