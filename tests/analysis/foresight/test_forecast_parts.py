"""What a forecast is made of: seasons, lines, weights, errors, futures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.forecast import ensemble, quantile_forecast
from capmon.analysis.foresight.analogs import analogs, greatest_after
from capmon.analysis.foresight.candidates import candidates
from capmon.analysis.foresight.intervals import independent, offsets
from capmon.analysis.foresight.paths import continued, sustained
from capmon.analysis.foresight.usual_day import is_seasonal, profile
from capmon.analysis.foresight.weighing import stretches_of, weigh

BAND = np.array([0.025, 0.5, 0.975])


def days(n: int, period: int = 48, noise: float = 3.0, seed: int = 0) -> np.ndarray:
    """A daily wave around 100."""
    t = np.arange(n)
    return (
        100 + 40 * np.sin(2 * np.pi * t / period) + np.random.default_rng(seed).normal(0, noise, n)
    )


@pytest.mark.parametrize("n", [40, 300, 700])
def test_no_candidate_sees_the_future(n: int) -> None:
    """Values from an origin on do not change what was forecast from it."""
    y = days(n, 24)
    origins = np.array([n // 2, n - 5])
    before = candidates(y, origins, 20, 24)
    changed = y.copy()
    changed[n // 2 :] = 1e6
    after = candidates(changed, origins, 20, 24)
    # Which kinds are tried at all is decided once, for the whole series: the bank may differ.
    told = min(len(before.names), len(after.names))
    kept = [i for i in range(told) if before.names[i] == after.names[i]]
    assert len(kept) >= 6
    for i in kept:
        assert np.array_equal(after.forecasts[i][0], before.forecasts[i][0]), before.names[i]


def test_a_forecast_of_some_steps_ignores_how_many_follow() -> None:
    """Medians of a short horizon are the start of those of a long one."""
    y = days(400)
    near, far = (quantile_forecast(y, 48, h, BAND) for h in (20, 90))
    assert near == pytest.approx(far[:20])


def test_a_week_is_followed_where_it_was_seen() -> None:
    """Quiet weekends are forecast as quiet, and the Monday after them as busy."""
    hours = np.arange(24 * 7 * 7)
    busy = np.where(hours // 24 % 7 < 5, 1.0, 0.3)
    y = busy * (50 + 30 * np.sin(2 * np.pi * hours / 24))
    y += np.random.default_rng(1).normal(0, 1, len(y))
    start = 24 * (7 * 5 + 5)
    got = quantile_forecast(y[:start], 24, 72, BAND)[:, 1]
    assert np.abs(got - y[start : start + 72]).mean() < 4
    found = ensemble(y[:start], 24, 72)
    assert found is not None and "week" in found.weights[-1].parts[0][0]


def test_noise_has_no_season() -> None:
    """Neither white noise nor a constant resembles itself a period ago."""
    assert not is_seasonal(np.random.default_rng(0).normal(size=500), 48)
    assert not is_seasonal(np.full(500, 3.0), 48)
    assert not is_seasonal(days(90), 48)
    assert is_seasonal(days(96), 48)


def test_a_usual_day_forgets_one_bad_day() -> None:
    """With five days, the mean leaves out the extreme one."""
    y = np.tile(np.full(24, 10.0), 5)
    y[48:72] = 500.0
    assert profile(y, np.array([120]), 24) == pytest.approx(np.full((1, 24), 10.0))


def test_lines_do_not_run_away() -> None:
    """A steep climb at the end of a long calm goes no farther than the range seen so far."""
    y = np.concatenate([np.full(500, 50.0), 50 + 2.0 * np.arange(30)])
    got = quantile_forecast(y, 0, 288, np.array([0.5]))
    assert got.max() <= y.max() + 1.01 * np.ptp(y)


def test_stretches_are_the_same_for_every_horizon() -> None:
    """A longer horizon adds stretches and changes none."""
    assert stretches_of(1) == ((0, 1),)
    for horizon in (2, 5, 60, 288, 2000):
        found = stretches_of(horizon)
        assert found[-1][0] < horizon <= found[-1][1]
        assert stretches_of(3000)[: len(found)] == found


def test_weights_find_a_sum_that_is_better_than_each() -> None:
    """Two candidates that miss to opposite sides share the weight; a stretch without truth takes it over."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 200)
    errors = np.stack([1 + noise, noise - 1, np.full(200, 3.0)])[None].repeat(2, axis=0)
    errors[1] = math.nan
    got = weigh(errors, np.ones(200))
    assert got.sum(axis=1) == pytest.approx(1)
    assert got[0] == pytest.approx([0.5, 0.5, 0], abs=0.1)
    assert np.array_equal(got[1], got[0])


def test_an_exact_line_has_no_band_until_it_misses() -> None:
    """What was never wrong is said without doubt; one miss among the last steps widens it."""
    y = 10 + 0.3 * np.arange(150.0)
    sure = quantile_forecast(y, 0, 20, BAND)
    assert np.ptp(sure[-1]) < 1e-6
    for at in (149, 120):
        missed = y.copy()
        missed[at] += 5
        assert np.ptp(quantile_forecast(missed, 0, 20, BAND)[-1]) > 1e-3


def test_bands_follow_the_swing_of_the_day() -> None:
    """Where nights are calm and days are not, the band of the night is narrower."""
    t = np.arange(96 * 8)
    wild = np.where(t % 96 < 48, 1.0, 10.0)
    y = 100 + 20 * np.sin(2 * np.pi * t / 96) + wild * np.random.default_rng(3).normal(size=len(t))
    got = quantile_forecast(y[: 96 * 7], 96, 96, BAND)
    width = got[:, 2] - got[:, 0]
    assert np.median(width[55:90]) > 1.5 * np.median(width[8:40])


def test_few_errors_widen_quantiles() -> None:
    """Four independent errors give a wider band than four hundred of the same spread."""
    pool = np.linspace(-1, 1, 400)
    few, many = (offsets(pool, np.ones(400), BAND, worth, 1.8) for worth in (4.0, 400.0))
    assert few[2] > 1.3 * many[2]
    assert many == pytest.approx([-0.95, 0, 0.95], abs=0.02)


def test_repeated_errors_are_worth_few() -> None:
    """Independent rows count in full, rows that repeat each other as one."""
    rows = np.random.default_rng(1).normal(size=(60, 1))
    assert independent(rows) > 40
    assert independent(np.ones((60, 4))) == 1


def test_unknown_ends_follow_a_row_that_stood_alike() -> None:
    """A row that ends early goes on as the older one that was nearest to it there."""
    rows = np.array([[0.0, 0.0, 5.0], [1.0, 1.0, 7.0], [0.9, math.nan, math.nan]])
    assert continued(rows)[2].tolist() == [0.9, 1.0, 7.0]


@pytest.mark.parametrize("width", [1, 3, 12])
def test_sustained_means(width: int) -> None:
    """They are the means of each run of values, however they are summed."""
    values = np.random.default_rng(2).normal(size=(4, 40))
    direct = np.lib.stride_tricks.sliding_window_view(values, width, axis=1).mean(axis=2)
    assert sustained(values, width) == pytest.approx(direct)


def test_like_moments_count_most() -> None:
    """After earlier moments at a like level, the limit was passed as often as their share says."""
    y = np.tile(np.repeat([0.0, 10.0], 50), 6)
    for end, expected in ((len(y) - 25, 0.97), (len(y) - 75, 0.03)):
        found = analogs(y[:end], np.array([end]), np.array([1, 2]), 1, 0)
        assert found.exceeds(5.0) == pytest.approx([expected] * 2, abs=0.03)
    y = np.array([0.0, 0.0, 0.0, 1.0, 5.0])
    reach = greatest_after(y, np.array([0, len(y) - 1]), np.array([1, 4]), 1)
    assert reach[0].tolist() == [0.0, 1.0]
    assert reach[1, 0] == 5.0
    assert math.isnan(reach[1, 1])


def test_an_ensemble_says_what_it_is_made_of() -> None:
    """Its season, the names of what weighs most early and late, and the scale of its errors."""
    y = days(48 * 7, noise=1)
    found = ensemble(y, 48, 48)
    assert found is not None
    assert found.season == 48
    assert [(m.first, m.last) for m in found.weights] == [(1, 8), (25, 48)]
    assert found.weights[-1].parts[0][0].startswith(("usual day", "same time"))
    assert all(0 < sum(w for _, w in m.parts) <= 1 + 1e-9 for m in found.weights)
    assert found.scale_for_mase == pytest.approx(np.abs(y[48:] - y[:-48]).mean())
    plain = ensemble(np.random.default_rng(0).normal(50, 1, 60), 48, 1)
    assert plain is not None and plain.season == 0 and len(plain.weights) == 1


def test_a_slow_wave_is_held_more_often_than_not() -> None:
    """Where half of a wave was seen, 95 % bands hold nine in ten."""
    rng, inside = np.random.default_rng(6), []
    for _ in range(60):
        t = np.arange(180)
        y = 100 + 30 * np.sin(2 * np.pi * (t / 240 + rng.uniform())) + rng.normal(0, 1.5, 180)
        band = quantile_forecast(y[:120], 0, 60, BAND)
        inside.append(np.mean((band[:, 0] <= y[120:]) & (y[120:] <= band[:, 2])))
    assert np.mean(inside) >= 0.9
