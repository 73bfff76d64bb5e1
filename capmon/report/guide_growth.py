"""The guide's forecast of growth beside the right intervals, and the exponential beside its line."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis import guide
from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.days.growth import Projection, project
from capmon.analysis.days.trends import EXPONENTIAL, LINEAR
from capmon.analysis.windows import Vec
from capmon.errors import NotEnoughData
from capmon.model.curves import Fit, FitKind
from capmon.report import guide_inputs as given
from capmon.report.example import LEVEL, Example, vec

SECTION = "growth of daily requests"
AHEAD = (1, 30, 90)
METRIC = "daily_requests"


def growth() -> tuple[Example, ...]:
    """Intervals of the line, and the same load as an exponential."""
    line, bend = _projected(LINEAR, LEVEL), _projected(EXPONENTIAL, LEVEL)
    theirs = guide.forecast_load(given.HISTORY, max(AHEAD), LEVEL)[METRIC]
    return (
        *_intervals(theirs, line),
        _other_level(),
        *_exponential(theirs, bend),
        *_speed(),
    )


def _projected(model: str, level: float) -> Projection:
    found = project(vec(given.HISTORY_DAYS), _requests(), vec(AHEAD), level, model)
    if found.problem:
        raise NotEnoughData(f"the guide's figures: {found.problem}")
    return found


def _requests() -> Vec:
    return vec([row[METRIC] for row in given.HISTORY])


def _half(lower: float, upper: float) -> float:
    return (upper - lower) / 2


def _intervals(theirs: guide.LoadForecast, line: Projection) -> tuple[Example, ...]:
    whys = (
        "counts 4 points where 2 are left, and the line as exact",
        "does not widen as the slope's error adds up",
        "as narrow as tomorrow's, from 21 days of history",
    )
    return tuple(
        Example(
            f"interval_{ahead}d",
            SECTION,
            f"95 % interval in {ahead} d",
            "",
            _half(theirs.confidence_lower[ahead - 1], theirs.confidence_upper[ahead - 1]),
            _half(float(line.low[i]), float(line.high[i])),
            why,
            float(line.low[i]),
            float(line.high[i]),
            sign="±",
        )
        for i, (ahead, why) in enumerate(zip(AHEAD, whys, strict=True))
    )


def _other_level() -> Example:
    theirs = guide.forecast_load(given.HISTORY, 30, 0.99)[METRIC]
    ours = _projected(LINEAR, 0.99)
    at = AHEAD.index(30)
    low, high = float(ours.low[at]), float(ours.high[at])
    return Example(
        "interval_99_30d",
        SECTION,
        "99 % interval in 30 d",
        "",
        _half(theirs.confidence_lower[-1], theirs.confidence_upper[-1]),
        _half(low, high),
        "1.645 deviations, which is 90 %, at any level but .95",
        low,
        high,
        sign="±",
    )


def _exponential(theirs: guide.LoadForecast, bend: Projection) -> tuple[Example, ...]:
    """What the same history foretells if it grows by a factor."""
    found = []
    for i, ahead in enumerate(AHEAD):
        low, high = float(bend.low[i]), float(bend.high[i])
        found.append(
            Example(
                f"exponential_{ahead}d",
                SECTION,
                f"in {ahead} d, exponential",
                "",
                theirs.forecasted_values[ahead - 1],
                float(bend.centre[i]),
                f"knows only lines; {low:,.0f}–{high:,.0f} as an exponential",
                low,
                high,
            )
        )
    return tuple(found)


def _speed() -> tuple[Example, ...]:
    """How well either shape fits, and how fast the exponential grows."""
    theirs = guide.analyze_growth_trend(given.HISTORY, METRIC)
    straight = _fit(FitKind.LINEAR, np.log(_requests()))
    bend = _fit(FitKind.EXPONENTIAL, _requests())
    b = bend.coefficient("b")
    return (
        Example(
            "growth_r_squared",
            SECTION,
            "R² of a line, of an exponential",
            "",
            theirs.r_squared,
            straight.r_squared,
            "on the logarithm; fits better, but 4 points cannot decide",
        ),
        Example(
            "growth_per_week",
            SECTION,
            "growth a week, exponential",
            "%",
            None,
            math.expm1(7 * b) * 100,
            f"{theirs.daily_growth_rate:.0f} requests more each day, for ever",
        ),
        Example(
            "doubling_days",
            SECTION,
            "doubles in",
            "d",
            None,
            math.log(2) / b,
            "follows from that",
        ),
    )


def _fit(kind: FitKind, values: Vec) -> Fit:
    return fit(Question(METRIC, "days", kind, series=False), vec(given.HISTORY_DAYS), values)
