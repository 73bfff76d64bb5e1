"""Where a recorded amount is heading: what it will be at the horizon, and when it reaches a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.days.growth import by_day, project, time_to
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit
from capmon.model.units import span
from capmon.planning.load import whole_hours
from capmon.store.course import HOUR, Summaries

DAY = 86400.0

LEVEL = 0.95
"""Level of the interval at the horizon."""

LEAST_SPAN = 2 * DAY
"""Seconds below which the swing of one day passes for growth."""

_NOTHING = TimeToLimit(None, None, None)


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount: where it stands, where it goes, or why that is not known."""

    now: float | None
    """Last value."""

    then: Estimate | None
    """A value at the horizon with its prediction interval; None where it is not foretold."""

    per_day: Estimate | None
    """Change a day over the first day ahead of the trend, as part of the way to the horizon."""

    evidence: str
    """Points, span and trend."""

    problem: str = ""
    """Why it is not foretold; empty when it is."""

    caution: str = ""
    """What the history is too short for; empty when it is long enough."""


def amount(hours: Summaries | None, until: float, horizon: float) -> Amount:
    """Where one amount is heading, from its hours.

    Args:
        hours: Its hours; None where it was not recorded.
        until: Unix time from which it is looked ahead.
        horizon: Seconds ahead.
    """
    if hours is None or not np.isfinite(hours.mean).any():
        return Amount(None, None, None, "", "not recorded")
    now = float(hours.mean[np.isfinite(hours.mean)][-1])
    days, values, length = _course(hours)
    base = f"{len(days)} points over {span(length)}"
    if length < LEAST_SPAN:
        return Amount(now, None, None, base, f"growth needs 2 d of history, has {span(length)}")
    late = max(until / DAY - float(days[-1]), 0.0)
    made = project(days, values, np.array([late, late + horizon / DAY]), LEVEL)
    if made.problem:
        return Amount(now, None, None, base, made.problem)
    then = _estimate(made.centre[1], made.low[1], made.high[1])
    ahead = horizon / DAY
    slope = tuple(
        (float(v[1]) - float(made.centre[0])) / ahead for v in (made.centre, made.low, made.high)
    )
    caution = (
        "" if horizon <= 1.01 * length else f"{span(horizon)} asked, history holds {span(length)}"
    )
    return Amount(now, then, _estimate(*slope), f"{base}, {made.model} trend", "", caution)


def fills(
    hours: Summaries | None, limit: float, until: float, horizon: float, *, below: bool = False
) -> TimeToLimit:
    """Seconds from `until` after which an amount reaches a limit; negative where it has already.

    Nothing is looked for beyond the horizon, and nothing is told from less than two days.
    """
    if hours is None:
        return _NOTHING
    days, values, length = _course(hours)
    if not len(days):
        return _NOTHING
    late = max(until / DAY - float(days[-1]), 0.0)
    last = float(hours.mean[np.isfinite(hours.mean)][-1])
    if last < limit if below else last > limit:
        return _since(hours, limit, until, below=below)
    if length < LEAST_SPAN:
        return _NOTHING
    found = time_to(days, values, limit, horizon_days=horizon / DAY + late, below=below)
    return TimeToLimit(*(None if t is None else max(t - late * DAY, 0.0) for t in (found.t10, found.t50, found.t90)))  # fmt: skip


def _since(hours: Summaries, limit: float, until: float, *, below: bool) -> TimeToLimit:
    """For how long the last values have been beyond a limit."""
    known = np.isfinite(hours.mean)
    times, values = hours.times[known], hours.mean[known]
    fine = np.flatnonzero(~(values < limit if below else values > limit))
    begin = times[fine[-1] + 1] if len(fine) else times[0]
    ago = -max(until - float(begin), 1.0)
    return TimeToLimit(ago, ago, ago)


def _course(hours: Summaries) -> tuple[Vec, Vec, float]:
    """Days, values of a trend, and seconds between first and last."""
    times, means = whole_hours(hours)
    if not len(times):
        return np.empty(0), np.empty(0), 0.0
    days, values = by_day(times + HOUR / 2, means)
    return days, values, float(times[-1] - times[0]) + hours.step


def _estimate(value: float, low: float, high: float) -> Estimate:
    low, high = min(low, high), max(low, high)
    return Estimate(float(value), _finite(low), _finite(high), LEVEL)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def spans(found: TimeToLimit) -> str:
    """The three times in words: `12 d (9–18 d)`, `already, for 4 h`, `not within the horizon`."""
    if found.t10 is None and found.t50 is None:
        return "not within the horizon"
    if found.t50 is not None and found.t50 <= 0:
        return f"already, for {span(found.t50)}" if found.t50 < 0 else "already"
    low, mid, high = (None if t is None else span(t) for t in (found.t10, found.t50, found.t90))
    if mid is None:
        return f"{low} at the earliest (10 %), by the median not within the horizon"
    return f"{mid} ({low or '–'} to {high or 'beyond the horizon'})"
