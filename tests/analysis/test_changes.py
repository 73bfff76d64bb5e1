"""Lasting shifts at equal load are found where they begin; noise and load are no shifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capmon.analysis.changes import LEAST_CELLS, block_means, change_point


def ar1(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    """Noise of unit variance that remembers."""
    out = np.empty(n)
    out[0] = rng.normal()
    for i, e in enumerate(rng.normal(0, math.sqrt(1 - memory**2), n - 1)):
        out[i + 1] = memory * out[i] + e
    return out


def service(rng: np.random.Generator, memory: float, shift: float, at: int = 200, n: int = 300):
    """What a line expects of the CPU at a wandering load, and the CPU with a shift in it."""
    load = 100 + 30 * ar1(rng, n, 0.95)
    cpu = 0.13 + 0.004 * load + 0.03 * ar1(rng, n, memory)
    cpu[at:] += shift
    return np.polyval(np.polyfit(load, cpu, 1), load), cpu


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_noise_is_no_change(memory: float) -> None:
    """Of 200 services that never changed, at most four are said to have."""
    rng = np.random.default_rng(1)
    found = [change_point(*service(rng, memory, 0.0)) for _ in range(200)]
    assert sum(f is not None for f in found) <= 4


@pytest.mark.parametrize(("memory", "least"), [(0.0, 95), (0.8, 85)])
def test_a_shift_is_found_where_it_begins(memory: float, least: int) -> None:
    """A fifth of the CPU more at the same load is found in most of a hundred services, near its place."""
    rng = np.random.default_rng(2)
    found = [change_point(*service(rng, memory, 0.15)) for _ in range(100)]
    places = [f.cell for f in found if f is not None]
    assert len(places) >= least
    assert np.median(np.abs(np.array(places) - 200)) <= 3
    assert np.median([f.size for f in found if f is not None]) == pytest.approx(0.15, rel=0.2)


def test_more_load_is_no_change() -> None:
    """The CPU rises with the load as the line says: nothing changed."""
    rng = np.random.default_rng(3)
    load = np.concatenate([rng.uniform(40, 80, 150), rng.uniform(60, 140, 150)])
    cpu = 0.1 + 0.005 * load + rng.normal(0, 0.02, 300)
    assert change_point(np.polyval(np.polyfit(load, cpu, 1), load), cpu) is None


def test_loads_that_never_met_cannot_be_compared() -> None:
    """Before at 40 to 60, after at 100 to 120: what differs may be the curve's own bend."""
    rng = np.random.default_rng(4)
    load = np.concatenate([rng.uniform(40, 60, 150), rng.uniform(100, 120, 150)])
    cpu = 0.1 + 0.00003 * load**2 + rng.normal(0, 0.005, 300)
    assert change_point(np.polyval(np.polyfit(load, cpu, 1), load), cpu) is None


def test_small_shifts_do_not_matter() -> None:
    """A tenth more is certain after long enough, and still no reason to forget."""
    rng = np.random.default_rng(5)
    actual = 0.5 + rng.normal(0, 0.002, 300)
    actual[150:] += 0.05
    assert change_point(np.full(300, 0.5), actual) is None


def test_too_few_cells_say_nothing() -> None:
    """A shift needs its least number of cells on both sides; gaps are no cells."""
    actual = np.where(np.arange(2 * LEAST_CELLS) < LEAST_CELLS, 1.0, 2.0)
    expected = np.full(len(actual), 1.5)
    rng = np.random.default_rng(6)
    noisy = actual + rng.normal(0, 0.01, len(actual))
    assert change_point(expected[1:], noisy[1:]) is None
    found = change_point(expected, noisy)
    assert found is not None and found.cell == LEAST_CELLS
    gaps = np.insert(noisy, 10, [math.nan] * 7)
    found = change_point(np.full(len(gaps), 1.5), gaps)
    assert found is not None and found.cell == LEAST_CELLS + 7


@given(
    arrays(np.float64, 80, elements=st.floats(allow_nan=True, allow_infinity=True)),
    arrays(np.float64, 80, elements=st.floats(allow_nan=True, allow_infinity=True)),
)
def test_anything_has_an_answer(expected: np.ndarray, actual: np.ndarray) -> None:
    """Whatever the numbers, it is a finite change or none."""
    found = change_point(expected, actual)
    assert found is None or (math.isfinite(found.size) and 0 <= found.cell < 80)


def test_block_means_leave_gaps_out() -> None:
    """A block's mean is that of its known cells; the oldest odd cells are left out."""
    got = block_means(np.array([9.0, 1.0, 3.0, math.nan, 5.0, math.nan, math.nan]), 2)
    assert np.array_equal(got, [2.0, 5.0, math.nan], equal_nan=True)
