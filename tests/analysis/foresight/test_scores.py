"""Forecasts are scored when their time comes, and demoted when they miss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.foresight.scores import DAY, MOST_PENDING, SHOWN, Scoreboard


def board_of(inside: list[bool], *, step: float = 10.0, naive: float = 3.0) -> Scoreboard:
    """A board whose one-step forecasts, one a cell, held or missed as told."""
    board = Scoreboard()
    for i in range(len(inside)):
        board.issue(i * step, step, np.array([[0.0, 1.0, 2.0]]), naive=naive, scale=lambda _: 2.0)
    board.settle(len(inside) * step, step, np.where(inside, 1.5, 5.0))
    return board


def test_scores_count_what_fell_inside() -> None:
    """Half of the points inside gives a coverage of one half; gaps score nothing."""
    board = Scoreboard()
    for i in range(40):
        board.issue(i * 10.0, 10.0, np.array([[0.0, 1.0, 2.0]]), naive=3.0, scale=lambda _: 2.0)
    actual = np.array([1.5, 5.0] * 20)
    actual[-2:] = math.nan
    board.settle(400.0, 10.0, actual)
    got = board.coverage()
    assert got is not None
    assert (got.scored, got.inside) == (38, 0.5)
    assert got.naive_ratio == pytest.approx((0.5 + 4.0) / (1.5 + 2.0))
    assert got.mase == pytest.approx((0.5 + 4.0) / 2 / 2.0)
    assert board.waiting == 0


def test_pending_forecasts_are_bounded() -> None:
    """However many forecasts are made, only so many points wait."""
    board = Scoreboard()
    for i in range(1000):
        board.issue(i * 10.0, 10.0, np.ones((300, 3)), naive=1.0)
    assert board.waiting == MOST_PENDING
    assert board.coverage() is None


def test_each_grid_is_scored_by_itself() -> None:
    """Points of another cell length wait for a window of their own."""
    board = Scoreboard()
    board.issue(0.0, 5.0, np.ones((1, 3)), naive=1.0)
    board.issue(0.0, 60.0, np.ones((1, 3)), naive=1.0)
    assert board.steps == (5.0, 60.0)
    board.settle(60.0, 5.0, np.ones(12))
    assert board.steps == (60.0,)
    assert board.reach(60.0, 120.0) == 2
    board.settle(120.0, 60.0, np.ones(2))
    assert board.waiting == 0


def test_scores_older_than_a_day_do_not_count() -> None:
    """Yesterday's misses are forgotten."""
    board = board_of([False] * 30)
    assert board.coverage() is not None
    board.issue(DAY, 10.0, np.ones((1, 3)), naive=1.0)
    board.settle(DAY + 1000, 10.0, np.ones(100))
    assert board.coverage() is None
    assert len(board.scored()) == 1


def test_scored_points_say_what_was_said_and_what_came() -> None:
    """The latest points stand oldest first, with their interval and their lead."""
    board = board_of([True] * (SHOWN + 30))
    got = board.scored()
    assert len(got) == SHOWN
    assert got[-1].at == (SHOWN + 30) * 10.0
    assert (got[-1].low, got[-1].median, got[-1].high, got[-1].actual) == (0.0, 1.0, 2.0, 1.5)
    assert got[-1].ahead == 10.0


@pytest.mark.parametrize(("misses", "demoted"), [(0, False), (5, False), (10, False), (30, True)])
def test_a_forecast_that_misses_is_demoted(misses: int, demoted: bool) -> None:
    """Of a hundred, ten outside of a 95 % interval may be chance; thirty are not."""
    board = board_of([i >= misses for i in range(100)])
    said = board.demoted(0.95)
    assert bool(said) is demoted
    if demoted:
        assert said == "band held 70 % of 95 %"


def test_a_forecast_worse_than_the_last_value_is_demoted() -> None:
    """An interval may hold and the median still be worth less than no model."""
    board = board_of([True] * 50, naive=1.6)
    assert board.demoted(0.95) == "error 5.0× that of the last value"


def test_near_forecasts_do_not_hide_far_ones() -> None:
    """Nine in ten points are a step ahead and hold; those a quarter of an hour ahead all miss."""
    board = Scoreboard()
    for i in range(400):
        at = i * 60.0
        board.issue(at, 60.0, np.array([[0.0, 1.0, 2.0]]), naive=3.0)
        if i % 20 == 0:
            far = np.tile([4.0, 5.0, 6.0], (16, 1))
            far[:8] = [0.0, 1.0, 2.0]
            board.issue(at, 60.0, far, naive=9.0)
    board.settle(416 * 60.0, 60.0, np.full(416, 1.5))
    got = board.coverage()
    assert got is not None and got.inside > 0.93
    assert board.demoted(0.95) == "band held 0 % of 95 % beyond 15 m"


def test_few_or_overlapping_forecasts_demote_nothing() -> None:
    """Misses of forecasts that overlap are one miss."""
    board = Scoreboard()
    band = np.tile([0.0, 1.0, 2.0], (64, 1))
    for i in range(30):
        board.issue(float(i), 1.0, band, naive=3.0)
    board.settle(100.0, 1.0, np.where(np.arange(100) < 36, 1.5, 9.0))
    got = board.coverage()
    assert got is not None and got.inside < 0.8
    lone = Scoreboard()
    for i in range(40):
        lone.issue(i * 0.1, 100.0, np.array([[0.0, 1.0, 2.0]]), naive=3.0)
    lone.settle(200.0, 100.0, np.array([9.0, 9.0]))
    assert lone.demoted(0.95) == ""


def test_a_demoted_forecast_is_reinstated_when_it_holds() -> None:
    """Between the two bounds the verdict stays what it was."""
    assert board_of([i >= 10 for i in range(100)]).demoted(0.95) == ""
    board = board_of([i >= 30 for i in range(100)])
    assert board.demoted(0.95)
    for i in range(100, 300):
        board.issue(i * 10.0, 10.0, np.array([[0.0, 1.0, 2.0]]), naive=3.0, scale=lambda _: 2.0)
    board.settle(3000.0, 10.0, np.full(200, 1.5))
    got = board.coverage()
    assert got is not None and got.inside == pytest.approx(0.9)
    assert board.demoted(0.95) == ""


def test_misses_widen_what_comes() -> None:
    """Intervals that held are not widened; those that were too narrow are, within bounds."""
    assert board_of([True] * 200).stretch(0.95) == 1.0
    assert board_of([False] * 200).stretch(0.95) == 3.0
    assert Scoreboard().stretch(0.95) == 1.0


@pytest.mark.parametrize("true_std", [1.0, 2.0])
def test_the_widened_intervals_hold_their_level(true_std: float) -> None:
    """A forecaster that takes the noise for half of what it is covers 95 % before long."""
    rng = np.random.default_rng(3)
    board, held = Scoreboard(), []
    for i in range(1200):
        stretch = board.stretch(0.95)
        half = 1.96 * stretch
        board.issue(float(i), 1.0, np.array([[-half, 0.0, half]]), naive=0.0, stretch=stretch)
        actual = float(rng.normal(0, true_std))
        board.settle(i + 1.0, 1.0, np.array([actual]))
        held.append(abs(actual) <= half)
    assert 0.92 < np.mean(held[300:]) < 0.985
