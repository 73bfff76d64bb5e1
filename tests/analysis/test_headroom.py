"""Loads at which a limit is reached."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from capmon.analysis.fits import Question, fit
from capmon.analysis.headroom import Limit, crossing, headroom, in_order
from capmon.model.results import Fit, FitKind

VECTORS = Path(__file__).parent.parent / "data" / "vectors"
SEED = json.loads((VECTORS / "usl_queueing.json").read_text())
RATES = np.array([10, 25, 50, 75, 100, 150], float)
RATE = "http.server.request.rate"


def guide_cpu() -> Fit:
    """The guide's CPU line, as ratios."""
    y = np.array([15, 25, 40, 55, 70, 85]) / 100
    return fit(Question("system.cpu.utilization", RATE, FitKind.LINEAR, series=False), RATES, y)


def noisy(n: int = 200, slope: float = 0.01, per_replica: bool = False) -> Fit:
    """A line through noise."""
    rng = np.random.default_rng(5)
    x = rng.uniform(10, 60, n)
    y = slope * x + 0.1 + rng.normal(0, 0.02, n)
    return fit(Question("c", "l", FitKind.LINEAR, per_replica=per_replica), x, y)


def test_crossings_match_the_seed() -> None:
    """The guide's CPU line and response times reach their limits where the reference says."""
    at, _ = crossing(guide_cpu(), 0.8)
    assert at is not None
    assert at.value == pytest.approx(SEED["seed_cpu"]["rps_at_80pct"], rel=1e-9)
    y = np.array([80, 90, 120, 150, 200, 300]) / 1000
    curve = fit(Question("p95", RATE, FitKind.EXPONENTIAL, series=False), RATES, y)
    at, _ = crossing(curve, 0.25)
    assert at is not None
    assert at.value == pytest.approx(SEED["seed_latency"]["max_rps_at_250ms"]["exp"], rel=1e-9)


def test_interval_ends_lie_on_the_prediction_band() -> None:
    """At the lower end the upper band meets the limit, at the upper end the lower band does."""
    curve = guide_cpu()
    at, _ = crossing(curve, 0.8)
    assert at is not None and at.low is not None and at.high is not None
    low, high = curve.band(at.low), curve.band(at.high)
    assert low is not None and high is not None
    assert low.high == pytest.approx(0.8)
    assert high.low == pytest.approx(0.8)
    assert at.low < at.value < at.high


def test_memory_in_the_residuals_widens_band_and_interval_alike() -> None:
    """Residuals that repeat each other widen the band, and the interval still ends on it."""
    rng = np.random.default_rng(5)
    wander = np.zeros(400)
    for i in range(1, 400):
        wander[i] = 0.95 * wander[i - 1] + rng.normal(0, 0.003)
    load = 20 + 5 * np.sin(np.arange(400) / 40)
    curve = fit(Question("cpu", RATE, FitKind.LINEAR), load, 0.01 * load + 0.1 + wander)
    plain = dataclasses.replace(curve, mean_inflation=1.0, slope_inflation=1.0)
    at, _ = crossing(curve, 0.8)
    assert at is not None and at.low is not None and at.high is not None
    low, high, narrow = curve.band(at.low), curve.band(at.high), plain.band(at.low)
    assert low is not None and high is not None and narrow is not None
    assert (low.high, high.low) == (pytest.approx(0.8), pytest.approx(0.8))
    assert low.high is not None and narrow.high is not None
    assert low.high - low.value > 1.2 * (narrow.high - narrow.value)


@pytest.mark.parametrize("slope", [0.0, -0.01])
def test_flat_and_falling_lines_have_no_limit(slope: float) -> None:
    """A metric that does not grow with load never binds, and the result says so."""
    got = headroom(noisy(slope=slope), Limit(0.8, "x"), RATE, 30.0, None)
    assert got.at is None
    assert got.problem == "does not grow with load"


def test_load_is_counted_for_the_whole_service() -> None:
    """A per-replica curve is multiplied by ready replicas, and by nothing when they are unknown."""
    alone = headroom(noisy(), Limit(0.5, "x"), RATE, 30.0, None)
    four = headroom(noisy(per_replica=True), Limit(0.5, "x"), RATE, 80.0, 4)
    assert alone.at is not None and four.at is not None
    assert four.at.value == pytest.approx(4 * alone.at.value)
    assert four.multiple == pytest.approx(four.at.value / 80)
    unknown = headroom(noisy(per_replica=True), Limit(0.5, "x"), RATE, 80.0, None)
    assert unknown.problem == "replica count is not known"


def test_far_crossings_are_marked() -> None:
    """Beyond 1.3 times the load seen a crossing is a guess; within it is not."""
    assert headroom(noisy(), Limit(0.99, "x"), RATE, 30.0, None).extrapolated
    assert not headroom(noisy(), Limit(0.6, "x"), RATE, 30.0, None).extrapolated


def test_an_idle_service_over_its_limit_is_said() -> None:
    """A limit below the intercept is no load at all."""
    assert crossing(noisy(), 0.05) == (None, "over its limit without load")


def test_first_limit_comes_first() -> None:
    """Limits stand in the order in which they bind, unknown ones at the end."""
    near, far = (headroom(noisy(), Limit(v, "x"), RATE, 30.0, None) for v in (0.4, 0.6))
    none = headroom(noisy(slope=0.0), Limit(0.8, "x"), RATE, 30.0, None)
    assert in_order([none, far, near]) == (near, far, none)
