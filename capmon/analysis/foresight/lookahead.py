"""The forecast of one metric from its recorded history: which grid, which limit, when."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.forecast import Ensemble, crossing_curve, ensemble, reached
from capmon.analysis.foresight.scores import Scoreboard
from capmon.analysis.windows import History, Vec
from capmon.model.metric import Unit, metric
from capmon.model.results import Chance, Forecast, TimeToLimit

NEEDS_POINTS = 12
"""Known values below which no forecast is shown."""

MOST_POINTS = 300
"""Cells of history looked at, but for a history long enough to show two days."""

SUSTAINED = 10.0
"""Seconds over a limit before it is called crossed."""

DAY = 86400.0

MOST_SETTLED = 4096
"""Cells that are looked through for what past forecasts said of them, at most."""

MARKS = 12
"""Times at which the probability of a crossing is told."""

LEAST_SHARE = 0.15
"""Weight below which a part of a forecast is not named."""

_STEPS = ((120.0, 1.0), (600.0, 5.0), (3600.0, 30.0), (18000.0, 60.0))
_LONGEST_STEP = 300.0
_TWO_DAYS_CELLS = 576


@dataclass(frozen=True, slots=True)
class Subject:
    """One metric to look ahead for."""

    metric: str
    """Its key."""

    limit: float | None
    """The limit that matters; None for none."""

    pace: float = 1.0
    """Seconds between two readings of it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of the history and of the forecast."""

    step: float
    """Seconds a cell."""

    cells: int
    """Cells of history."""

    ahead: int
    """Cells of the forecast."""

    period: int
    """Cells of a day; 0 where the history does not hold two."""


def grid_for(age: float, horizon: float, pace: float) -> Grid:
    """Cells fit for a history of this age: a forecast reaches half as far as its history.

    The other half is where it can be tried out before it is believed.

    Args:
        age: Seconds since the first reading.
        horizon: Farthest look ahead, seconds.
        pace: Seconds between two readings.
    """
    step = next((s for limit, s in _STEPS if age < limit), _LONGEST_STEP)
    while step < pace:
        step = next((s for _, s in _STEPS if s > step), max(_LONGEST_STEP, math.ceil(pace)))
    known = max(1, math.floor(age / step))
    day = round(DAY / step)
    long = step >= _LONGEST_STEP and known >= 2 * day - 1
    cells = min(known, _TWO_DAYS_CELLS if long else MOST_POINTS)
    ahead = max(1, min(known // 2, math.floor(horizon / step)))
    return Grid(step, cells, ahead, day if long else 0)


def look_ahead(
    history: History, subject: Subject, end: float, horizon: float, level: float, board: Scoreboard
) -> Forecast:
    """Forecast one metric, score what was forecast before, and remember this one.

    Args:
        history: Recorded series.
        subject: What to look at.
        end: Unix time now.
        horizon: Farthest look ahead, seconds.
        level: Level of the interval.
        board: Where the metric's forecasts wait for their time.
    """
    age = history.age(subject.metric, end)
    if not math.isfinite(age) or age <= 0:
        return Forecast(subject.metric, end, limit=subject.limit, problem="not collected yet")
    grid = grid_for(age, horizon, subject.pace)
    row = history.window([subject.metric], end, grid.cells * grid.step, grid.step)[0]
    past = np.where(np.isfinite(row), row, math.nan)
    made_at = math.floor(end / grid.step) * grid.step
    _settle(history, subject.metric, end, board)
    known = int(np.count_nonzero(np.isfinite(past)))
    if known < NEEDS_POINTS:
        problem = f"needs {NEEDS_POINTS} points, has {known}"
        return _without(subject, made_at, grid.step, past, board, problem)
    found = ensemble(past, grid.period, grid.ahead, bounds(subject.metric))
    if found is None:
        return _without(subject, made_at, grid.step, past, board, "no values")
    stretch = board.stretch(level)
    found = replace(found, stretch=stretch)
    band = found.quantiles(_levels(level))
    last = float(past[np.flatnonzero(np.isfinite(past))[-1]])
    board.issue(made_at, grid.step, band, last, _changes(found, past), stretch)
    breach, chances, when = _breach(found, subject.limit, past, grid.step)
    return Forecast(
        metric=subject.metric,
        made_at=made_at,
        step=grid.step,
        past=tuple(past.tolist()),
        median=tuple(band[:, 1].tolist()),
        low=tuple(band[:, 0].tolist()),
        high=tuple(band[:, 2].tolist()),
        level=level,
        method=made_of(found),
        limit=subject.limit,
        breach_probability=breach,
        time_to_limit=when,
        coverage=board.coverage(),
        breach_by=chances,
        scored=board.scored(),
        demoted=board.demoted(level),
        season=found.season * grid.step,
    )


def _changes(found: Ensemble, past: Vec) -> Callable[[int], float]:
    """Mean absolute change of the history over one season, or over some steps without one."""

    def change(steps: int) -> float:
        if found.season:
            return found.scale_for_mase
        if steps >= len(past):
            return math.nan
        with np.errstate(over="ignore"):  # what no float holds is infinite, and counts for nothing
            known = np.abs(past[steps:] - past[:-steps])
            known = known[np.isfinite(known)]
            usual = float(known.mean()) if len(known) else math.nan
        return usual if math.isfinite(usual) else math.nan

    return change


def made_of(found: Ensemble) -> str:
    """What a forecast is made of, in words: `last value and short median, later usual day`."""
    said = [
        " and ".join(name for name, share in mixture.parts[:2] if share >= LEAST_SHARE)
        for mixture in found.weights
    ]
    said = [text for text in dict.fromkeys(said) if text]
    return ", later ".join(said[:1] + said[-1:] if len(said) > 1 else said)


def _levels(level: float) -> Vec:
    tail = (1 - level) / 2
    return np.array([tail, 0.5, 1 - tail])


def _settle(history: History, metric_key: str, end: float, board: Scoreboard) -> None:
    """Score what is due, each point on the grid that it was made on."""
    for step in board.steps:
        last = math.floor(end / step) * step
        cells = min(board.reach(step, last), MOST_SETTLED)
        if cells:
            actual = history.window([metric_key], end, cells * step, step)[0]
            board.settle(last, step, np.where(np.isfinite(actual), actual, math.nan))


def _without(
    subject: Subject, made_at: float, step: float, past: Vec, board: Scoreboard, problem: str
) -> Forecast:
    return Forecast(
        subject.metric,
        made_at,
        step=step,
        past=tuple(past.tolist()),
        limit=subject.limit,
        coverage=board.coverage(),
        scored=board.scored(),
        problem=problem,
    )


def bounds(metric_key: str) -> tuple[float, float]:
    """Least and greatest value that a metric can take: none that capmon knows is negative."""
    shares_of_all = metric_key.startswith("system.") and metric(metric_key).unit is Unit.RATIO
    return (0.0, 1.0 if shares_of_all else math.inf)


def _breach(
    found: Ensemble, limit: float | None, past: Vec, step: float
) -> tuple[float | None, tuple[Chance, ...], TimeToLimit | None]:
    """Probability that a limit is passed, the same by some times ahead, and when it is."""
    if limit is None:
        return None, (), None
    known = past[np.isfinite(past)]
    # A cell of a few seconds is one reading: noise near a limit crosses it back and forth.
    held = math.ceil(SUSTAINED / step)
    if len(known) >= held and (known[-held:] > limit).all():
        since = _over_since(past, limit, step)
        return 1.0, (), TimeToLimit(-since, -since, -since)
    curve = crossing_curve(found, limit, held)
    steps = sorted({math.ceil(len(curve) * (i + 1) / MARKS) for i in range(MARKS)})
    chances = tuple(Chance(n * step, float(curve[n - 1])) for n in steps)
    t10, t50, t90 = (
        None if (n := reached(curve, share)) is None else n * step for share in (0.1, 0.5, 0.9)
    )
    return chances[-1].probability, chances, TimeToLimit(t10, t50, t90)


def _over_since(past: Vec, limit: float, step: float) -> float:
    """Seconds since the latest cell that was not over the limit, gaps bridged."""
    under = np.flatnonzero(past <= limit)
    return float((len(past) - 1 - under[-1]) * step) if len(under) else float(len(past) * step)
