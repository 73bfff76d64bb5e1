"""The forecast of one metric from its recorded history: which grid, which limit, when."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.forecast import Ensemble, chance, ensemble
from capmon.analysis.scores import Scoreboard
from capmon.analysis.windows import History, Mat, Vec
from capmon.model.metric import Unit, metric
from capmon.model.results import Forecast, TimeToLimit

NEEDS_POINTS = 12
"""Known values below which no forecast is shown."""

MOST_POINTS = 300
"""Cells of history looked at, but for a history long enough to show two days."""

SUSTAINED = 10.0
"""Seconds over a limit before it is called crossed."""

DAY = 86400.0

MOST_SETTLED = 4096
"""Cells that are looked through for what past forecasts said of them, at most."""

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
    band = _stretched(found.quantiles(_levels(level)), stretch, bounds(subject.metric))
    last = float(past[np.flatnonzero(np.isfinite(past))[-1]])
    board.issue(made_at, grid.step, band, last, _seasonal_change(past, grid.period), stretch)
    breach, when = _breach(found, subject.limit, past, grid.step)
    return Forecast(
        metric=subject.metric,
        made_at=made_at,
        step=grid.step,
        past=tuple(past.tolist()),
        median=tuple(band[:, 1].tolist()),
        low=tuple(band[:, 0].tolist()),
        high=tuple(band[:, 2].tolist()),
        level=level,
        method="weighted medians, lines and seasons"
        if grid.period
        else "weighted medians and lines",
        limit=subject.limit,
        breach_probability=breach,
        time_to_limit=when,
        coverage=board.coverage(),
        scored=board.scored(),
        demoted=board.demoted(level),
    )


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


def _stretched(band: Mat, factor: float, limits: tuple[float, float]) -> Mat:
    """(H, 3) low, median and high with the ends as much farther from the median."""
    if factor == 1.0:
        return band
    median = band[:, 1:2]
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.clip(median + (band - median) * factor, *limits)
    return np.where(np.isfinite(wide), wide, band)


def _seasonal_change(past: Vec, period: int) -> float:
    """Mean absolute change from one season to the next, or from one cell to the next without one."""
    lag = period if 0 < period < len(past) else 1
    change = np.abs(past[lag:] - past[:-lag])
    change = change[np.isfinite(change)]
    return float(change.mean()) if len(change) else math.nan


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
) -> tuple[float | None, TimeToLimit | None]:
    """Probability that a limit is passed, and when."""
    if limit is None:
        return None, None
    known = past[np.isfinite(past)]
    # A cell of a few seconds is one reading: noise near a limit crosses it back and forth.
    held = math.ceil(SUSTAINED / step)
    if len(known) >= held and (known[-held:] > limit).all():
        since = _over_since(past, limit, step)
        return 1.0, TimeToLimit(-since, -since, -since)
    return first_passage(found.paths(), limit, step)


def _over_since(past: Vec, limit: float, step: float) -> float:
    """Seconds since the latest cell that was not over the limit, gaps bridged."""
    under = np.flatnonzero(past <= limit)
    return float((len(past) - 1 - under[-1]) * step) if len(under) else float(len(past) * step)


def first_passage(paths: Mat, limit: float, step: float) -> tuple[float, TimeToLimit]:
    """Probability to pass a limit, and by when a tenth, half and nine tenths of the paths have.

    Args:
        paths: (S, H) possible futures.
        limit: In the metric's unit.
        step: Seconds a cell.
    """
    over = paths > limit
    crossed = np.asarray(over.any(axis=1))
    first = np.sort(np.where(crossed, (np.argmax(over, axis=1) + 1) * step, math.inf))

    def by(share: float) -> float | None:
        at = float(first[min(math.ceil(share * len(first)), len(first)) - 1])
        return at if math.isfinite(at) else None

    return chance(crossed), TimeToLimit(by(0.1), by(0.5), by(0.9))
