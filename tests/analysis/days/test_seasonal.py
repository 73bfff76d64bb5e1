"""Whether a metric repeats itself by day or week."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.analysis.days.seasonal import (
    DAY,
    LEAST_STRENGTH,
    SIGNIFICANCE,
    season_test,
    seasons,
)

HOUR = 3600.0
RUNS = 300


def autoregressive(rng: np.random.Generator, runs: int, n: int, phi: float) -> np.ndarray:
    """(runs, n) series that keep a share phi of themselves from step to step."""
    steps = rng.normal(size=(runs, n + 200))
    for i in range(1, n + 200):
        steps[:, i] += phi * steps[:, i - 1]
    return steps[:, 200:]


def noise(kind: str, n: int) -> np.ndarray:
    """(RUNS, n) series without any season."""
    rng = np.random.default_rng(11)
    if kind == "walk":
        return np.cumsum(rng.normal(size=(RUNS, n)), axis=1)
    return autoregressive(rng, RUNS, n, {"white": 0.0, "ar.95": 0.95}[kind])


def claimed(series: np.ndarray, period: int, inner: int = 0) -> float:
    """Share of the rows in which a season is claimed."""
    found = [season_test(row, period, inner) for row in series]
    return float(
        np.mean(
            [
                f is not None and f.p_value < SIGNIFICANCE and f.strength >= LEAST_STRENGTH
                for f in found
            ]
        )
    )


@pytest.mark.parametrize("kind", ["white", "ar.95", "walk"])
@pytest.mark.parametrize("days", [2, 4, 14, 30])
def test_noise_is_rarely_called_a_season(kind: str, days: int) -> None:
    """White noise, long memory and a random walk are claimed in 5 % of runs at most."""
    assert claimed(noise(kind, 24 * days), 24) <= 0.05


@pytest.mark.parametrize("kind", ["white", "ar.95", "walk"])
def test_a_day_is_not_called_a_week(kind: str) -> None:
    """A strong day without weekends is no week, whatever the noise."""
    series = noise(kind, 168 * 4)
    series = series + 2 * series.std() * np.sin(np.arange(168 * 4) / 24 * 2 * np.pi)
    assert claimed(series, 168, 24) <= 0.05


@pytest.mark.parametrize(("kind", "days"), [("white", 7), ("ar.95", 14)])
@pytest.mark.parametrize("shape", ["sine", "office", "nightly job"])
def test_a_real_day_is_found(kind: str, days: int, shape: str) -> None:
    """A cycle with 30 % of the variance is found in 90 % of runs at least."""
    hour = np.arange(24 * days) % 24
    course = {
        "sine": np.sin(hour / 24 * 2 * np.pi),
        "office": ((hour >= 9) & (hour <= 17)) * 1.0,
        "nightly job": (hour == 2) * 1.0,
    }[shape]
    course = (course - course.mean()) / course.std()
    series = noise(kind, 24 * days)
    series = series / series.std(axis=1, keepdims=True)
    assert claimed(math.sqrt(0.3) * course + math.sqrt(0.7) * series, 24) >= 0.9


def test_strength_is_that_of_the_simulation() -> None:
    """The share of the variance is estimated without bias, even from three cycles."""
    hour = np.arange(24 * 3) % 24
    course = np.sin(hour / 24 * 2 * np.pi) * math.sqrt(2)
    series = math.sqrt(0.5) * course + math.sqrt(0.5) * noise("white", 24 * 3)
    found = [season_test(row, 24) for row in series]
    assert np.mean([f.strength for f in found if f is not None]) == pytest.approx(0.5, abs=0.04)


def test_day_and_week_of_a_service() -> None:
    """Office hours and weekends are both named, with their cycles."""
    at = HOUR * np.arange(24 * 28)
    load = 100 + 50 * ((at % DAY) // HOUR // 9 == 1) - 30 * ((at // DAY + 3) % 7 > 4)
    day, week = seasons(0.0, HOUR, load + np.random.default_rng(1).normal(0, 5, len(at)))
    assert day.present and week.present
    assert (day.cycles, week.cycles) == (28.0, 4.0)
    assert (day.name, week.name) == ("day", "week")


@pytest.mark.parametrize("step", [1.0, 60.0, 300.0, 3600.0, 7200.0, 21600.0, 1000.0])
def test_any_step_will_do(step: float) -> None:
    """Seconds, minutes, hours and steps that do not divide an hour find the same day."""
    n = int(4 * DAY / step)
    at = step * np.arange(n)
    load = 10 + np.sin(at / DAY * 2 * np.pi) + np.random.default_rng(2).normal(0, 0.05, n)
    assert seasons(0.0, step, load)[0].present


@pytest.mark.parametrize(
    ("step", "values", "said"),
    [
        (HOUR, np.arange(30.0), "needs 2 days, has 1.2"),
        (HOUR, np.array([]), "needs 2 days, has 0.0"),
        (HOUR, np.full(100, math.nan), "needs 2 days"),
        (HOUR, np.full(100, 5.0), "constant"),
        (HOUR, np.zeros(100), "constant"),
        (DAY, np.arange(30.0), "too far apart"),
        (HOUR, np.where(np.arange(100) % 24 < 8, 1.0 + np.arange(100), math.nan), "is known"),
    ],
)
def test_refusals_have_words(step: float, values: np.ndarray, said: str) -> None:
    """What is not tested is not claimed, and says why."""
    day = seasons(0.0, step, values)[0]
    assert said in day.problem and not day.present
    assert day.p_value is None and day.strength is None


def test_one_incident_is_no_season() -> None:
    """A single hour a thousand times the rest does not hide a day nor make one."""
    rng = np.random.default_rng(3)
    hour = np.arange(24 * 10)
    load = 10 + np.sin(hour / 24 * 2 * np.pi) + rng.normal(0, 0.3, len(hour))
    load[100] = 10_000
    assert seasons(0.0, HOUR, load)[0].present
    flat = 10 + rng.normal(0, 0.3, len(hour))
    flat[100] = 10_000
    assert not seasons(0.0, HOUR, flat)[0].present


@given(
    st.lists(
        st.one_of(st.floats(allow_infinity=False, allow_nan=True, width=64)),
        min_size=0,
        max_size=120,
    ),
    st.sampled_from([HOUR, 2 * HOUR, 6 * HOUR, DAY, 500.0]),
)
def test_any_values_give_a_season_or_words(values: list[float], step: float) -> None:
    """Nothing that is finite makes NaN; every number lies in its range."""
    for found in seasons(0.0, step, np.array(values, float)):
        assert (found.p_value is None) == (found.strength is None) == bool(found.problem)
        if found.p_value is not None and found.strength is not None:
            assert 0 <= found.p_value <= 1 and 0 <= found.strength <= 1
