"""Loads at which a limit is reached."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import Limit, crossing, headroom, in_order
from capmon.analysis.curves.inverse import ABOVE_CAP, BEYOND
from capmon.model.curves import Coefficient, Curve, Estimate
from capmon.model.results import Fit, FitKind

VECTORS = Path(__file__).parents[2] / "data" / "vectors"
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


def queue(**changes: object) -> Fit:
    """Kingman's wait for one server over 50 ms: 80 ms at half of the capacity of 200."""
    values = (("base", 0.05), ("scale", 0.03), ("capacity", 200.0), ("servers", 1.0))
    coefficients = tuple(Coefficient(n, v, None) for n, v in values)
    fit = Fit("p95", RATE, FitKind.KINGMAN, coefficients, n=400, load_max=120.0, relative=True)
    return dataclasses.replace(fit, **changes)


def test_a_queue_is_inverted_up_to_its_pole() -> None:
    """0.05 + 0.03·ρ/(1 - ρ) is 80 ms at ρ of 0.5 and 1.55 s at 0.98; without noise no interval."""
    assert crossing(queue(), 0.08)[0] == Estimate(pytest.approx(100.0))
    assert crossing(queue(), 0.05 + 0.03 * 49)[0] == Estimate(pytest.approx(196.0))
    assert crossing(queue(), 1e9)[0] == Estimate(pytest.approx(200.0))
    assert crossing(queue(), 0.04) == (None, "over its limit without load")
    assert crossing(queue(), 0.0) == (None, "limit is not positive")


def test_rivals_set_the_ends_of_the_interval() -> None:
    """With hardly any noise the ends are where the outermost rivals reach the limit."""
    early, late = (Curve(FitKind.KINGMAN, (0.05, 0.03, c, 1.0)) for c in (160.0, 260.0))
    at, _ = crossing(queue(residual_std=1e-9, t_quantile=2.0, rivals=(early, late)), 0.08)
    assert at == Estimate(pytest.approx(100.0), pytest.approx(80.0), pytest.approx(130.0))
    # A line among the rivals never reaches it within ten times the load seen: the end is open.
    flat = Curve(FitKind.LINEAR, (1e-6, 0.05))
    at, _ = crossing(queue(residual_std=1e-9, t_quantile=2.0, rivals=(early, flat)), 0.08)
    assert at is not None and at.low == pytest.approx(80.0) and at.high is None


def test_a_limit_above_the_cap_is_never_reached() -> None:
    """A utilization does not pass 100 %, wherever its line would lead."""
    capped = dataclasses.replace(guide_cpu(), cap=1.0)
    assert crossing(capped, 1.2) == (None, ABOVE_CAP)
    assert crossing(capped, 0.8) == crossing(guide_cpu(), 0.8)


def test_lines_of_a_resource_reach_farther_than_curves_of_latency() -> None:
    """A line of CPU may be followed beyond three times the load seen, one of response times not."""
    line = noisy()
    assert crossing(line, 0.01 * 200 + 0.1)[0] is not None
    relative = dataclasses.replace(line, relative=True)
    assert crossing(relative, 0.01 * 200 + 0.1) == (None, BEYOND)


@pytest.mark.parametrize(
    ("now", "needs"), [(80.0, 2), (120.0, 3), (159.9, 4), (160.0, 4), (160.1, 5), (0.0, 1)]
)
def test_needs_is_the_least_count_that_carries_the_load(now: float, needs: int) -> None:
    """One replica carries 40: so many are needed, and rounding asks for none more."""
    line = Fit(
        "c",
        "l",
        FitKind.LINEAR,
        (Coefficient("slope", 0.01, None), Coefficient("intercept", 0.1, None)),
        per_replica=True,
    )
    assert headroom(line, Limit(0.5, "x"), RATE, now, 4).needs == needs


def test_needs_is_unknown_where_the_load_is_not_shared_out() -> None:
    """A curve of the whole service, a load not known, a limit not reached: no count."""
    shared = noisy(per_replica=True)
    assert headroom(noisy(), Limit(0.5, "x"), RATE, 30.0, 4).needs is None
    assert headroom(shared, Limit(0.5, "x"), RATE, None, 4).needs is None
    assert headroom(shared, Limit(0.05, "x"), RATE, 80.0, 4).needs is None
    assert headroom(shared, Limit(0.5, "x"), RATE, 1e300, 4).needs is None
