"""Forecasts from recorded history: grids, limits, times, scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.foresight.lookahead import MARKS, Subject, bounds, grid_for, look_ahead
from capmon.analysis.foresight.scores import Scoreboard

CPU, DISK = "system.cpu.utilization", 'system.filesystem.utilization{mountpoint="/"}'
START = 1_700_000_100.0


@pytest.mark.parametrize(
    ("age", "pace", "step", "cells", "ahead", "period"),
    [
        (300, 1, 5, 60, 30, 0),
        (1800, 1, 30, 60, 30, 0),
        (7200, 1, 60, 120, 60, 0),
        (6 * 3600, 1, 300, 72, 36, 0),
        (47 * 3600, 1, 300, 300, 72, 0),
        (48 * 3600, 1, 300, 576, 72, 288),
        (300, 15, 30, 10, 5, 0),
        (3600, 900, 900, 4, 2, 0),
    ],
)
def test_grids(age: float, pace: float, step: float, cells: int, ahead: int, period: int) -> None:
    """The age of the history decides the step; the look ahead is at most half of it."""
    got = grid_for(age, 6 * 3600, pace)
    assert (got.step, got.cells, got.ahead, got.period) == (step, cells, ahead, period)


def ask(history, limit=0.8, n=1200, key=CPU, board=None):
    """Look ahead at the end of n seconds."""
    return look_ahead(history, Subject(key, limit), START + n, 3600.0, 0.95, board or Scoreboard())


def test_too_short_a_history_says_so(history) -> None:
    """Ten seconds are no base for a forecast, and none at all are said too."""
    assert ask(history).problem == "not collected yet"
    history.put(CPU, START + np.arange(10), np.full(10, 0.5))
    got = ask(history, n=10)
    assert got.problem == "needs 12 points, has 10"
    assert got.median == ()


def test_a_climb_reaches_its_limit_in_time(history) -> None:
    """A disk that fills steadily crosses its limit when the line does."""
    n = 1200
    history.put(DISK, START + np.arange(n), 0.6 + 0.0002 * np.arange(n))
    got = ask(history, limit=0.9, key=DISK)
    assert got.time_to_limit is not None and got.time_to_limit.t50 is not None
    assert got.time_to_limit.t50 == pytest.approx((0.9 - 0.84) / 0.0002, abs=60)
    assert got.breach_probability is not None and 0.97 < got.breach_probability < 1


def test_a_limit_crossed_before_is_negative(history) -> None:
    """Over the limit for four minutes is minus four minutes."""
    n = 1200
    history.put(CPU, START + np.arange(n), np.where(np.arange(n) >= n - 240, 0.9, 0.5))
    got = ask(history)
    assert got.time_to_limit is not None and got.breach_probability == 1.0
    assert got.time_to_limit.t50 == pytest.approx(-240, abs=30)


def test_no_trend_has_no_time(history) -> None:
    """Steady noise far below its limit predicts no crossing."""
    n = 1200
    history.put(CPU, START + np.arange(n), 0.3 + np.random.default_rng(0).normal(0, 0.01, n))
    got = ask(history)
    assert got.breach_probability is not None and 0 < got.breach_probability < 0.01
    assert got.time_to_limit is not None and got.time_to_limit.t10 is None


def test_the_chance_of_a_crossing_grows_with_time(history) -> None:
    """Twelve times up to the horizon, never decreasing; the last is the chance of all."""
    n = 1200
    rng = np.random.default_rng(5)
    history.put(CPU, START + np.arange(n), 0.5 + 0.0002 * np.arange(n) + rng.normal(0, 0.02, n))
    got = ask(history)
    chances = [c.probability for c in got.breach_by]
    assert len(chances) == MARKS
    assert chances == sorted(chances)
    assert chances[-1] == got.breach_probability
    assert got.breach_by[-1].ahead == got.horizon
    when = got.time_to_limit
    assert when is not None and when.t10 is not None and when.t50 is not None
    assert when.t10 <= when.t50
    assert got.method


def test_shares_stay_shares() -> None:
    """A share of the host cannot pass one; a rate can."""
    assert bounds(DISK) == (0.0, 1.0)
    assert bounds("http.server.request.rate") == (0.0, math.inf)


def test_forecasts_are_scored_when_their_time_comes(history) -> None:
    """After a quarter of an hour of forecasts on noise, most points fell inside."""
    n = 3000
    values = 0.5 + np.random.default_rng(1).normal(0, 0.02, n)
    history.put(CPU, START + np.arange(n), values)
    board = Scoreboard()
    got = None
    for end in range(1800, 3000, 30):
        got = ask(history, n=end, board=board)
    assert got is not None and got.coverage is not None
    assert got.coverage.scored > 60
    assert got.coverage.inside > 0.85
    assert got.coverage.mase is not None and got.coverage.mase < 1
