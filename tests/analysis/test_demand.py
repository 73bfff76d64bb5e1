"""What one request costs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.demand import cpu_per_request, memory_per_concurrent, total_demand
from capmon.model.patterns import Demand

GUIDE = json.loads((Path(__file__).parent.parent / "data" / "vectors" / "guide.json").read_text())
REFERENCE = GUIDE["_corrected_reference"]
SAMPLE = GUIDE["WorkloadAnalyzer"]["sample_metrics"]
CORES = 4


def column(name: str) -> np.ndarray:
    """One column of the guide's sample."""
    return np.array([row[name] for row in SAMPLE], float)


def test_total_demand_of_the_guides_sample() -> None:
    """Mean cores used over mean rate: 31.1 ms of CPU per request."""
    found = cpu_per_request(column("request_rate"), column("cpu_usage") / 100 * CORES)
    assert found.total is not None
    want = REFERENCE["cpu_ms_per_request"]["correct(4 cores)"] / 1e3
    assert found.total.value == pytest.approx(want, rel=1e-12)
    assert found.total.low < want < found.total.high


def test_marginal_demand_leaves_the_background_out() -> None:
    """One more request costs 20 ms: the rest is there without any."""
    found = cpu_per_request(column("request_rate"), column("cpu_usage") / 100 * CORES)
    assert found.per_unit is not None and found.base is not None
    assert found.per_unit.value == pytest.approx(0.02)
    assert found.base.value == pytest.approx(0.8 + 1 / 30)
    assert found.per_unit.low == 0.0 and found.per_unit.high == pytest.approx(0.0493, abs=1e-4)


def test_memory_of_the_guides_sample() -> None:
    """23.2 MB per concurrent request over a base of 1,576 MB, not 75.7 MB."""
    found = memory_per_concurrent(column("concurrent_requests"), column("memory_usage_mb") * 1e6)
    want = REFERENCE["memory_per_concurrent_mb"]
    assert found.per_unit is not None and found.base is not None and found.total is not None
    assert found.per_unit.value == pytest.approx(want["regression_slope"] * 1e6)
    assert found.base.value == pytest.approx(want["base_mb"] * 1e6)
    assert found.total.value == pytest.approx(want["seed"] * 1e6)


@pytest.mark.parametrize("phi", [0.0, 0.8])
def test_intervals_hold_the_truth(phi: float) -> None:
    """Of 500 simulated windows about 95 % have the true cost in each interval, memory or not."""
    rng = np.random.default_rng(4)
    rate = 60 + 25 * np.sin(np.arange(200) / 15)
    inside = np.zeros(3)
    for _ in range(500):
        noise = rng.normal(0, 0.05, 400)
        for i in range(1, 400):
            noise[i] += phi * noise[i - 1]
        found = cpu_per_request(rate, 0.5 + 0.03 * rate + noise[200:])
        assert found.per_unit is not None and found.base is not None and found.total is not None
        truths = (0.03, 0.5, 0.03 + 0.5 / rate.mean())
        for k, (e, truth) in enumerate(
            zip((found.per_unit, found.base, found.total), truths, strict=True)
        ):
            inside[k] += e.low <= truth <= e.high
    assert (inside / 500 > 0.9).all()


def test_without_spread_the_base_is_counted_in_and_said() -> None:
    """A steady load allows only the line through the origin."""
    found = cpu_per_request(np.full(30, 50.0), 1 + 0.01 * np.sin(np.arange(30.0)))
    assert found.per_unit == found.total and found.base is None and not found.problem
    assert found.per_unit is not None and found.per_unit.value == pytest.approx(0.02, rel=0.01)
    assert "origin" in found.note


@pytest.mark.parametrize(
    ("load", "used", "said"),
    [
        ([1, 2], [1, 2], "needs 3 points, has 2"),
        ([], [], "needs 3 points with load, has none"),
        ([math.nan] * 5, [1.0] * 5, "needs 3 points with load, has none"),
        ([0, 0, 0, 0], [1, 1, 2, 1], "no load"),
        ([10, 20, 30, 40], [2, 2, 2, 2], "does not change"),
        ([10, 20, 30, 40], [4, 3, 2, 1], "does not grow"),
        ([10, 20, 30, 40], [1e300, 2e300, 3e300, 4e300], "out of range"),
    ],
)
def test_refusals_have_words(load: list[float], used: list[float], said: str) -> None:
    """What cannot be told is None, and the reason stands beside it."""
    found = cpu_per_request(np.array(load, float), np.array(used, float))
    assert found.per_unit is None and said in found.problem


def test_a_base_is_not_negative() -> None:
    """A line that meets zero at some load is no negative memory."""
    found = memory_per_concurrent(np.array([10.0, 20, 30, 40]), np.array([1.0, 3, 5, 7.1]))
    assert found.base is not None and found.base.value == 0.0 and found.note


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)), max_size=30),
    st.sampled_from([1e-3, 1.0, 1024.0]),
)
@settings(max_examples=150, deadline=None)
def test_no_nan_and_units_scale_through(points: list[tuple[float, float]], unit: float) -> None:
    """Every number that comes out is finite, and bytes against kilobytes change nothing else."""
    load, used = np.array(points, float).reshape(-1, 2).T
    found, scaled = (memory_per_concurrent(load, used * u) for u in (1.0, unit))
    for one in (found, scaled):
        check(one)
    total, other = total_demand(load, used), total_demand(load, used * unit)
    if total is not None and other is not None:
        assert other.value == pytest.approx(total.value * unit, rel=1e-6)


def check(found: Demand) -> None:
    """Each estimate is finite, and inside its interval."""
    assert (found.per_unit is None) == bool(found.problem)
    for e in (found.per_unit, found.base, found.total):
        if e is not None and e.low is not None and e.high is not None:
            assert all(map(math.isfinite, (e.value, e.low, e.high)))
            assert 0 <= e.low <= e.value <= e.high
