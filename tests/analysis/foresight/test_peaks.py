"""The load's peak until a new replica serves: causal, calibrated, and aware of the time of day."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from capmon.analysis.foresight.peaks import (
    LEAST_LEADS,
    LEVELS,
    RECIPES,
    Recipe,
    lead_steps,
    peak_quantiles,
    peaks_ahead,
)

DAY, LEVEL = RECIPES[0], RECIPES[2]


def noisy(n: int, seed: int = 0) -> np.ndarray:
    """A load with independent lognormal noise."""
    return 100 * np.exp(np.random.default_rng(seed).normal(0, 0.2, n))


def test_the_peak_counts_the_steps_until_a_replica_has_served_one() -> None:
    """Asked for at the end of a step, ready three minutes later: four one-minute steps depend on it."""
    assert lead_steps(180, 60) == 4
    assert lead_steps(180, 300) == 2
    assert peaks_ahead(np.array([9.0, 1, 5, 2, 3]), 2).tolist() == [5, 5, 3, 3, -np.inf]
    assert peaks_ahead(np.array([1.0, np.nan, 4.0]), 1).tolist() == [-np.inf, 4.0, -np.inf]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_nothing_is_known_of_the_future(recipe: object) -> None:
    """What comes after a step changes nothing in its row."""
    load = noisy(4000)
    other = load.copy()
    other[3000:] *= 7
    first = peak_quantiles(load, 60.0, 180.0, 2000, recipe)  # type: ignore[arg-type]
    second = peak_quantiles(other, 60.0, 180.0, 2000, recipe)  # type: ignore[arg-type]
    assert np.array_equal(first[:1000], second[:1000])
    assert not np.array_equal(first[1000:], second[1000:])


@lru_cache
def of_noise() -> tuple[np.ndarray, np.ndarray]:
    """Peaks that came, and their quantiles beforehand."""
    load = noisy(20_000)
    return peaks_ahead(load, 4)[5000:-10], peak_quantiles(load, 60.0, 180.0, 5000, LEVEL)[:-10]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.97, 0.99, 0.995])
def test_a_level_holds_as_often_as_it_says(level: float) -> None:
    """The share of peaks under each quantile is the quantile's level, to a percent or a third of the rest."""
    peaks, quantiles = of_noise()
    held = float(np.mean(peaks <= quantiles[:, LEVELS.index(level)]))
    assert held == pytest.approx(level, abs=max(0.012, (1 - level) / 3))


def test_quantiles_rise_with_their_level() -> None:
    """A surer level is never a lower peak."""
    found = peak_quantiles(noisy(3000), 60.0, 180.0, 1000, DAY)
    assert np.all(np.diff(found, axis=1) >= 0)


def test_what_happens_every_day_at_the_same_minute_is_expected() -> None:
    """A job that triples the load at noon is seen coming by the time of day, and not by the level."""
    minute = np.arange(6 * 1440) % 1440
    load = np.where((minute >= 720) & (minute < 730), 300.0, 100.0)
    row = 5 * 1440 + 717 - 1440
    by_day = peak_quantiles(load, 60.0, 180.0, 1440, DAY)[row, LEVELS.index(0.5)]
    by_level = peak_quantiles(load, 60.0, 180.0, 1440, LEVEL)[row, LEVELS.index(0.5)]
    assert by_day == pytest.approx(300, rel=0.05)
    assert by_level < 150


def test_gaps_and_silence_give_numbers() -> None:
    """Missing steps and hours of nothing lead to finite peaks, and a burst out of nothing is not infinite."""
    load = noisy(3000)
    load[500:560] = np.nan
    load[1000:1200] = 0.0
    load[1100] = 500.0
    found = peak_quantiles(load, 60.0, 180.0, 600, LEVEL)
    assert np.all(np.isfinite(found))
    assert np.all(found >= 0)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_what_came_before_the_first_reading_is_not_a_load_of_nothing(recipe: Recipe) -> None:
    """Unknown steps in front change no row, or the first load would look like a burst out of nothing."""
    load = noisy(3000)
    late = np.concatenate((np.full(5000, np.nan), load))
    alone = peak_quantiles(load, 60.0, 180.0, 2000, recipe)
    behind = peak_quantiles(late, 60.0, 180.0, 7000, recipe)
    assert behind[::60] == pytest.approx(alone[::60], rel=0.05)
    assert np.max(behind) < 10 * np.max(load)


def test_too_little_tells_nothing() -> None:
    """Before five leads have passed there is no quantile; soon after there are all of them."""
    found = peak_quantiles(noisy(120), 60.0, 180.0, 10, LEVEL)
    told = np.isfinite(found)
    assert np.array_equal(told.any(axis=1), told.all(axis=1))
    assert 10 + int(np.argmax(told[:, 0])) == LEAST_LEADS * 4 + 4


def test_a_short_history_is_read_again_as_it_grows() -> None:
    """A burst is known soon after it came, not an hour later."""
    load = np.full(300, 100.0)
    load[120:125] = 900.0
    found = peak_quantiles(load, 60.0, 180.0, 40, LEVEL)[:, -1]
    assert np.all(found[:80] < 150)
    assert np.all(found[140 - 40 :] > 500)
