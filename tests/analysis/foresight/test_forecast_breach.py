"""Probabilities that a limit is passed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capmon.analysis.forecast import (
    breach_curve,
    breach_probability,
    crossing_curve,
    ensemble,
    reached,
)

HISTORIES = st.lists(
    st.one_of(st.just(math.nan), st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, 5.0])),
    min_size=3,
    max_size=90,
).filter(lambda values: sum(map(math.isfinite, values)) >= 3)


def busy_days(n: int, seed: int) -> np.ndarray:
    """Half-hours with a busy hour at a hundred of otherwise twenty, and noise."""
    t = np.arange(n) % 48
    return 20 + 80 * ((t >= 20) & (t < 22)) + np.random.default_rng(seed).normal(0, 2, n)


@settings(max_examples=120, deadline=None)
@given(
    HISTORIES,
    st.integers(0, 20),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 6),
    st.floats(-1e3, 1e3),
    st.floats(0, 500),
)
@example([0.0, 1.6e-290, 0.0], 0, 1, 1, 1, 0.0, 3.0)
def test_chances_are_ordered(values, period, horizon, more, sustain, limit, higher) -> None:
    """Looking farther never lowers a probability, a higher limit never raises it; 0 and 1 are never said."""
    y = np.array(values)
    near = breach_probability(y, period, horizon, limit, sustain)
    far = breach_probability(y, period, horizon + more, limit, sustain)
    above = breach_probability(y, period, horizon, limit + higher, sustain)
    assert 0 < near < 1 and 0 < far < 1
    assert far >= near - 1e-9
    assert above <= near + 1e-9


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.integers(0, 20), st.integers(6, 40), st.integers(1, 6), st.floats(-1e3, 1e3))
def test_one_curve_says_what_many_questions_do(values, period, horizon, sustain, limit) -> None:
    """Marks on one curve agree with the probability asked for each, and never fall."""
    y = np.array(values)
    found = ensemble(y, period, horizon)
    assert found is not None
    marks = [m for m in (sustain, 7, horizon // 2, horizon) if sustain <= m <= horizon]
    got = breach_curve(found, limit, sustain, sorted(marks))
    asked = [breach_probability(y, period, m, limit, sustain) for m in sorted(marks)]
    assert got == pytest.approx(asked)
    assert got == sorted(got)


def test_marks_beyond_the_horizon_get_its_probability() -> None:
    """A mark is never out of range."""
    found = ensemble(np.arange(40.0) % 7, 0, 10)
    assert found is not None
    got = breach_curve(found, 5.5, 1, [-3, 1, 10, 99])
    assert got[0] == got[1]
    assert got[2] == got[3]


def test_the_time_of_day_decides_when() -> None:
    """What happens every noon is unlikely before noon and likely after it."""
    y = busy_days(48 * 8, 3)[: 48 * 7 + 8]
    found = ensemble(y, 48, 24)
    assert found is not None
    before, after = breach_curve(found, 60.0, 1, [10, 16])
    assert before < 0.2
    assert after > 0.75


def test_rare_bursts_are_as_likely_as_they_were() -> None:
    """Bursts that no forecast sees coming keep their frequency."""
    said, came = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = 5 + 20.0 * (rng.uniform(size=400) < 0.02)
        said.append(breach_probability(y[:360], 0, 40, 15.0))
        came.append((y[360:] > 15).any())
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.15)


def test_a_climb_reaches_its_limit_when_its_line_does() -> None:
    """Tenth, half and nine tenths of the probability stand close together on an exact line."""
    found = ensemble(np.linspace(10, 40, 121), 0, 60)
    assert found is not None
    curve = crossing_curve(found, 45.1)
    assert [reached(curve, share) for share in (0.1, 0.5, 0.9)] == [21, 21, 21]
    assert reached(crossing_curve(found, 1000.0), 0.1) is None


def test_spikes_shorter_than_the_mean_do_not_count() -> None:
    """A limit that single values pass is safe where the mean of six must."""
    rng = np.random.default_rng(5)
    y = 10 + rng.normal(0, 1, 600) + 30 * (np.arange(600) % 20 == 0)
    assert breach_probability(y, 0, 40, 25.0, 1) > 0.9
    assert breach_probability(y, 0, 40, 25.0, 6) < 0.1


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_skill_over_the_base_rate(share: float) -> None:
    """On noisy days a probability has a lower Brier score than the share that came to pass."""
    said, came = [], []
    rng = np.random.default_rng(8)
    for _ in range(40):
        t = np.arange(48 * 7) + int(rng.integers(48))
        y = 100 + 30 * np.sin(2 * np.pi * t / 48) + rng.normal(0, 6, len(t))
        limit = float(np.quantile(y, share)) + 6
        said.append(breach_probability(y[:-12], 48, 12, limit, 2))
        came.append(float((np.convolve(y[-12:], [0.5, 0.5], "valid") > limit).any()))
    base = np.mean(came)
    assert np.mean((np.array(said) - came) ** 2) < 0.6 * base * (1 - base)
