"""Forecasts of bare arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.forecast import breach_probability, ensemble, quantile_forecast

LEVELS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])


def day(n: int, period: int, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A daily wave around 100."""
    t = np.arange(n)
    rng = np.random.default_rng(seed)
    return 100 + 40 * np.sin(2 * np.pi * t / period) + rng.normal(0, noise, n)


def test_shape_and_order() -> None:
    """One row a step, one column a level, never decreasing along a row."""
    got = quantile_forecast(day(300, 48, 5), 48, 30, LEVELS)
    assert got.shape == (30, 5)
    assert np.isfinite(got).all()
    assert (got[:, 1:] >= got[:, :-1]).all()


def test_a_season_goes_on() -> None:
    """A clean daily wave is continued through its peak and trough."""
    y = day(48 * 8, 48)
    got = quantile_forecast(y[:-48], 48, 48, LEVELS)[:, 2]
    assert np.abs(got - y[-48:]).max() < 2


def test_a_line_goes_on() -> None:
    """A steady climb is continued and not damped away."""
    y = np.linspace(10, 40, 121)
    got = quantile_forecast(y[:91], 0, 30, LEVELS)[:, 2]
    assert np.abs(got - y[91:]).max() < 0.1


def test_noise_has_no_trend() -> None:
    """White noise is forecast near its mean, with a band about as wide as it is."""
    rng = np.random.default_rng(2)
    got = quantile_forecast(50 + rng.normal(0, 2, 300), 0, 60, LEVELS)
    assert np.abs(got[:, 2] - 50).max() < 2
    assert 5 < np.median(got[:, 4] - got[:, 0]) < 14


def test_intervals_hold_what_comes() -> None:
    """Over many noisy days, 95 % intervals hold at least 88 % of the truth."""
    inside = []
    for seed in range(20):
        y = day(48 * 7, 48, 8, seed)
        band = quantile_forecast(y[:-24], 48, 24, LEVELS)
        inside.append(np.mean((band[:, 0] <= y[-24:]) & (y[-24:] <= band[:, 4])))
    assert np.mean(inside) >= 0.88


def walk(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random walk."""
    return 1000 + np.cumsum(rng.normal(0, 5, n))


def wander(rng: np.random.Generator, n: int) -> np.ndarray:
    """AR(1) with a memory of 0.8."""
    y = rng.normal(0, 5, n + 50)
    for i in range(1, n + 50):
        y[i] += 0.8 * y[i - 1]
    return 100 + y[50:]


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Independent noise."""
    return rng.normal(100, 9, n)


@pytest.mark.parametrize("n", [12, 24, 60, 120])
@pytest.mark.parametrize("process", [noise, wander, walk])
def test_intervals_hold_half_a_history_ahead(process, n: int) -> None:
    """95 % intervals hold nine in ten, whatever the memory, and short histories widen them."""
    rng, inside, width = np.random.default_rng(2), [], []
    for _ in range(80):
        y = process(rng, n + n // 2)
        band = quantile_forecast(y[:n], 0, n // 2, LEVELS)
        inside.append(np.mean((band[:, 0] <= y[n:]) & (y[n:] <= band[:, 4])))
        width.append(np.median(band[:, 4] - band[:, 0]))
    assert np.mean(inside) >= 0.88
    if process is noise:
        assert np.median(width) < 1.6 * 2 * 1.96 * 9


@pytest.mark.parametrize(
    ("process", "above"),
    [(noise, 22.0), (noise, 30.0), (wander, 25.0), (walk, 40.0), (walk, 100.0)],
)
def test_what_is_called_likely_happens_as_often(process, above: float) -> None:
    """Over many histories the mean probability of a breach is close to the share that breached."""
    rng, said, came = np.random.default_rng(4), [], []
    for _ in range(80):
        y = process(rng, 180)
        limit = (y[119] if process is walk else 100) + above
        said.append(breach_probability(y[:120], 0, 60, limit))
        came.append(bool((y[120:] > limit).any()))
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.16)


def test_never_negative_where_history_never_was() -> None:
    """A falling rate stops at zero; a clip bounds it on both sides."""
    falling = np.linspace(100, 1, 100)
    assert quantile_forecast(falling, 0, 50, LEVELS).min() >= 0
    rising = np.linspace(0.5, 0.99, 100)
    assert quantile_forecast(rising, 0, 50, LEVELS, clip=(0, 1)).max() <= 1
    below = quantile_forecast(falling - 50, 0, 50, LEVELS)
    assert below[-1, 2] < -60


@pytest.mark.parametrize(
    "values",
    [[5.0] * 40, [0.0] * 40, [1e300] * 20 + [1e299] * 20, [1.0, 2.0, 3.0], [5e-324] * 9],
)
def test_odd_histories_have_an_answer(values: list[float]) -> None:
    """Constants, zeros, three points and enormous values give finite quantiles."""
    got = quantile_forecast(np.array(values), 4, 10, LEVELS)
    assert np.isfinite(got).all()
    if len(set(values)) == 1:
        assert got == pytest.approx(np.full((10, 5), values[0]))


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [math.nan] * 30])
def test_too_little_is_unknown(values: list[float]) -> None:
    """Fewer than three known values give NaN, never a guess."""
    assert np.isnan(quantile_forecast(np.array(values), 0, 4, LEVELS)).all()
    assert math.isnan(breach_probability(np.array(values), 0, 4, 1.0))


def test_gaps_change_little() -> None:
    """A tenth of the readings missing leaves the forecast where it was."""
    y = day(48 * 7, 48, 2)
    holes = y.copy()
    holes[np.random.default_rng(4).choice(len(y), len(y) // 10, replace=False)] = math.nan
    whole, gappy = (quantile_forecast(v, 48, 24, LEVELS)[:, 2] for v in (y, holes))
    assert np.abs(whole - gappy).max() < 6


def test_breach_probability_orders_limits() -> None:
    """A limit far above is safe, one far below is sure, one between is in between."""
    y = day(48 * 7, 48, 8)
    p = [breach_probability(y, 48, 24, limit, 3) for limit in (300.0, 150.0, 20.0)]
    assert p[0] < 0.02 and p[2] > 0.98
    assert p[0] <= p[1] <= p[2]


def test_paths_agree_with_quantiles() -> None:
    """Paths have the forecast's own spread at every step, and their own order in time."""
    found = ensemble(day(48 * 7, 48, 8), 48, 24)
    assert found is not None
    paths, band = found.paths(), found.quantiles(np.array([0.1, 0.5, 0.9]))
    assert np.abs(np.quantile(paths, 0.5, axis=0) - band[:, 1]).max() < 3
    within = np.mean((paths >= band[:, 0]) & (paths <= band[:, 2]))
    assert 0.72 < within < 0.88


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.one_of(st.just(math.nan), st.floats(width=64)), max_size=80),
    st.integers(-1, 30),
    st.integers(1, 40),
)
def test_any_history_has_an_answer(values: list[float], period: int, horizon: int) -> None:
    """Any readings give finite, ordered quantiles or NaN, the same ones twice."""
    y = np.array(values, float)
    got = quantile_forecast(y, period, horizon, LEVELS)
    assert got.shape == (horizon, 5)
    assert np.isfinite(got).all() or np.isnan(got).all()
    assert np.array_equal(got, quantile_forecast(y, period, horizon, LEVELS), equal_nan=True)
    if np.isfinite(got).all():
        assert (got[:, 1:] >= got[:, :-1]).all()
        assert 0 <= breach_probability(y, period, horizon, 1.0, 3) <= 1
