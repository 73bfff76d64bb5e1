"""Response times over load: which curve is believed, where it binds, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.signal import lfilter

from capmon.analysis.curves.fits import Question, fit, fit_latency
from capmon.analysis.curves.headroom import Limit, crossing, headroom
from capmon.analysis.curves.inverse import BEYOND
from capmon.analysis.curves.question import usable
from capmon.analysis.curves.settling import settled
from capmon.model.curves import Estimate, Fit, FitKind
from capmon.model.shapes import queue_p95

QUEUES = (FitKind.MMC, FitKind.KINGMAN)
QUESTION = Question("p95", "load", FitKind.EXPONENTIAL, min_points=20, min_spread=0.2)


@cache
def table(servers: int) -> tuple[np.ndarray, np.ndarray]:
    """95th percentile of M/M/c's response in service times, over utilization."""
    rho = np.linspace(0, 0.99, 400)
    return rho, np.array([queue_p95(servers, r) for r in rho.tolist()])


def wander(rng: np.random.Generator, n: int, memory: float = 0.98) -> np.ndarray:
    """A series from 0 to 1 that changes slowly."""
    values = lfilter([1.0], [1.0, -memory], rng.normal(0, 1, n))
    return (values - values.min()) / np.ptp(values)


def service(
    rng: np.random.Generator,
    servers: int,
    n: int = 600,
    seen: tuple[float, float] = (0.2, 0.75),
    noise: float = 0.1,
    capacity: float = 100.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Load and p95 of M/M/c whose utilization wanders between bounds, noise by a factor."""
    rho = seen[0] + (seen[1] - seen[0]) * wander(rng, n)
    p95 = servers / capacity * np.interp(rho, *table(servers))
    return rho * capacity, p95 * np.exp(rng.normal(0, noise, n))


def holds(at: Estimate, truth: float) -> bool:
    """Whether an interval holds a value; an open end holds everything on its side."""
    low, high = at.low, at.high
    return (low is None or low <= truth) and (high is None or truth <= high)


def test_intervals_of_the_limit_cover_the_truth() -> None:
    """500 services of 1 to 8 servers, 50 to 300 a second, loads of 20 to 75 % of the capacity.

    Where the limit is reached within 1.3 times the load seen, the interval holds the true load in
    more than 95 of 100, the median error is below 3 %, and no more than one in eight is not told.
    """
    rng = np.random.default_rng(6)
    told, inside, errors = 0, 0, []
    for _ in range(500):
        servers = int(rng.choice((1, 2, 4, 8)))
        capacity = rng.uniform(50, 300)
        load, p95 = service(rng, servers, noise=rng.uniform(0.05, 0.15), capacity=capacity)
        truth = load.max() * rng.uniform(0.7, 1.3)
        limit = servers / capacity * float(np.interp(truth / capacity, *table(servers)))
        at, problem = crossing(fit_latency(QUESTION, load, p95), limit)
        assert (at is None) == bool(problem)
        if at is not None:
            told += 1
            inside += holds(at, truth)
            errors.append(abs(at.value / truth - 1))
    assert inside / told >= 0.95
    assert told >= 500 * 7 / 8
    assert np.median(errors) < 0.03


def test_a_queue_is_no_exponential() -> None:
    """M/M/4 seen to 85 %: the queue finds the limit at 276 within 4 %, an exponential is far off."""
    rng = np.random.default_rng(9)
    load, p95 = service(rng, 4, n=1800, seen=(0.2, 0.85), noise=0.08, capacity=300.0)
    limit = 4 / 300 * queue_p95(4, 276 / 300)
    curve = fit_latency(QUESTION, load, p95)
    assert curve.kind in QUEUES and curve.relative
    at, _ = crossing(curve, limit)
    assert at is not None and holds(at, 276.0)
    assert at.value == pytest.approx(276, rel=0.04)
    assert curve.saturates_at is not None and holds(curve.saturates_at, 300.0)
    # What an exponential says lies beyond the capacity, or so far off that it is not said.
    blind, problem = crossing(fit(QUESTION, load, p95), limit)
    assert problem == BEYOND if blind is None else blind.value > 300


@pytest.mark.parametrize("servers", [1, 4, 16])
def test_a_clean_queue_is_recovered(servers: int) -> None:
    """With hardly any noise the capacity is found within 1 %, whatever the number of servers."""
    load, p95 = service(np.random.default_rng(3), servers, seen=(0.3, 0.9), noise=0.002)
    curve = fit_latency(QUESTION, load, p95)
    assert curve.kind in QUEUES
    assert curve.coefficient("capacity") == pytest.approx(100, rel=0.01)
    assert curve.r_squared is not None and curve.r_squared > 0.97


def test_an_exponential_is_believed_where_it_is_one() -> None:
    """Noise is no reason for a pole: 40 exponentials are told as such or as a curve beside it."""
    rng, simple = np.random.default_rng(8), 0
    for _ in range(40):
        load = 20 + 60 * wander(rng, 600)
        p95 = 0.05 * np.exp(0.02 * load + rng.normal(0, 0.1, 600))
        curve = fit_latency(QUESTION, load, p95)
        simple += curve.kind is FitKind.EXPONENTIAL
        assert curve.predict(60.0) == pytest.approx(0.05 * math.exp(1.2), rel=0.05)
    assert simple >= 30


def test_a_line_can_win() -> None:
    """Response times that grow in proportion to load are a line, and none of the others."""
    rng = np.random.default_rng(8)
    load = 5 + 95 * wander(rng, 900)
    curve = fit_latency(QUESTION, load, (0.01 + 0.004 * load) * np.exp(rng.normal(0, 0.05, 900)))
    assert curve.kind is FitKind.LINEAR and curve.relative
    assert curve.coefficient("slope") == pytest.approx(0.004, rel=0.03)
    band = curve.band(50.0)
    assert band is not None and band.low is not None and band.high is not None
    assert band.high / band.value == pytest.approx(math.exp(1.96 * 0.05), rel=0.03)


def test_candidates_are_listed_with_the_chosen_one() -> None:
    """All four shapes stand in order of their error; one is chosen; refusals say why."""
    rng = np.random.default_rng(2)
    curve = fit_latency(QUESTION, *service(rng, 1))
    assert {c.kind for c in curve.candidates} == {*QUEUES, FitKind.LINEAR, FitKind.EXPONENTIAL}
    assert [c.kind for c in curve.candidates if c.chosen] == [curve.kind]
    errors = [c.error for c in curve.candidates if c.error is not None]
    assert errors == sorted(errors) and errors[0] == pytest.approx(0.1, rel=0.1)
    assert all(bool(c.problem) == (c.error is None) for c in curve.candidates)


@pytest.mark.parametrize(
    ("slope", "problem"), [(-0.01, "does not grow with load"), (0.0, "growth not certain yet")]
)
def test_without_growth_there_is_no_shape(slope: float, problem: str) -> None:
    """A response time that falls or stays has no limit over load, and the others were not tried."""
    rng = np.random.default_rng(12)
    load = 20 + 60 * wander(rng, 600)
    curve = fit_latency(QUESTION, load, 0.1 * np.exp(slope * load + rng.normal(0, 0.2, 600)))
    said = {c.problem for c in curve.candidates if not c.chosen}
    assert said <= {problem, "does not grow with load"} and said
    assert crossing(curve, 0.5)[0] is None


def test_a_far_limit_is_refused_by_curves_that_know_no_pole() -> None:
    """Beyond three times the load seen an exponential says so rather than a number."""
    rng = np.random.default_rng(8)
    load = 20 + 60 * wander(rng, 600)
    curve = fit(QUESTION, load, 0.05 * np.exp(0.01 * load + rng.normal(0, 0.05, 600)))
    near = crossing(curve, 0.05 * math.exp(0.01 * 200))
    far = crossing(curve, 0.05 * math.exp(0.01 * 300))
    assert near[0] is not None and near[1] == ""
    assert far == (None, BEYOND)
    room = headroom(curve, Limit(0.05 * math.exp(3.0), "x"), "rate", 60.0, None)
    assert (room.at, room.problem) == (None, BEYOND)


def test_a_known_capacity_bounds_the_pole() -> None:
    """Loads far from the pole tell little of it; what the CPU tells narrows the interval."""
    rng = np.random.default_rng(3)
    load, p95 = service(rng, 2, seen=(0.2, 0.55), noise=0.05)
    full = Estimate(101.0, 99.0, 103.0)
    alone, told = fit_latency(QUESTION, load, p95), fit_latency(QUESTION, load, p95, pole=full)
    assert told.kind in QUEUES
    assert told.saturates_at is not None and told.saturates_at.high is not None
    assert told.saturates_at.value <= 103.0 + 1e-9
    assert told.saturates_at.high <= 103.0 + 1e-9
    limit = 0.02 * queue_p95(2, 0.9)
    wide, narrow = crossing(alone, limit)[0], crossing(told, limit)[0]
    assert narrow is not None and narrow.high is not None and holds(narrow, 90.0)
    assert narrow.high <= 103.0
    assert wide is None or wide.high is None or wide.high >= narrow.high * 0.999


def test_a_capacity_that_is_contradicted_is_ignored() -> None:
    """When most readings lie beyond the CPU's saturation, that model is wrong, not they."""
    load, p95 = service(np.random.default_rng(3), 1)
    curve = fit_latency(QUESTION, load, p95, pole=Estimate(30.0, 29.0, 31.0))
    assert curve.left_out == "" and curve.load_max == load.max()
    assert curve.saturates_at is not None and curve.saturates_at.value > 75


def test_overload_is_left_out_and_said() -> None:
    """Readings of a queue that grows without end do not bend the curve of one that settles."""
    rng = np.random.default_rng(4)
    load, p95 = service(rng, 4, n=600, seen=(0.2, 0.88), noise=0.08)
    over = np.linspace(100, 130, 60)
    curve = fit_latency(
        QUESTION,
        np.concatenate([load, over]),
        np.concatenate([p95, 2.0 * np.exp(rng.normal(0, 0.1, 60))]),
    )
    assert curve.left_out.endswith("points at saturation")
    assert curve.load_max is not None and curve.load_max < 100
    plain = fit_latency(QUESTION, load, p95)
    at, want = crossing(curve, 0.25)[0], crossing(plain, 0.25)[0]
    assert at is not None and want is not None
    assert at.value == pytest.approx(want.value, rel=0.03)


def test_saturation_is_judged_by_load_not_by_single_readings() -> None:
    """One slow reading at low load leaves nothing out."""
    load, p95 = service(np.random.default_rng(4), 4)
    p95[100] *= 20
    points = usable(QUESTION, load, p95, positive=True)
    assert not isinstance(points, str)
    assert settled(points, None)[0] is points


def test_short_memory_counts_fewer_points() -> None:
    """Readings that repeat each other for a minute are too few for a pole, and it is said."""
    rng = np.random.default_rng(4)
    load, p95 = service(rng, 2, n=60, noise=1e-6)
    wave = lfilter([1.0], [1.0, -0.97], rng.normal(0, 0.03, 60))
    curve = fit_latency(QUESTION, load, p95 * np.exp(wave))
    said = [c.problem for c in curve.candidates if c.kind in QUEUES]
    assert all(s.startswith("needs 12 independent points, has ") for s in said)
    assert curve.kind not in QUEUES


@pytest.mark.parametrize("factor", [1e-3, 1e6])
def test_units_of_load_and_time_scale_through(factor: float) -> None:
    """The same shape is chosen and the same limit found in other units."""
    load, p95 = service(np.random.default_rng(5), 4, seen=(0.2, 0.9))
    one, other = fit_latency(QUESTION, load, p95), fit_latency(QUESTION, load * factor, p95 / 7)
    assert other.kind is one.kind
    at, moved = crossing(one, 0.3)[0], crossing(other, 0.3 / 7)[0]
    assert at is not None and moved is not None
    for a, b in ((at.value, moved.value), (at.low, moved.low), (at.high, moved.high)):
        assert b == pytest.approx(a * factor, rel=1e-4)


def test_a_noisy_rate_is_averaged() -> None:
    """A rate counted over a second flattens the curve by a quarter and more; averaged it does not."""
    rng = np.random.default_rng(15)
    n, capacity = 1800, 40.0
    rho = 0.25 + 0.6 * wander(rng, n, 0.995)
    p95 = 2 / capacity * np.interp(rho, *table(2)) * np.exp(rng.normal(0, 0.1, n))
    counted = rng.poisson(rho * capacity).astype(float)
    curve = fit_latency(QUESTION, counted, p95)
    assert curve.averaged > 1
    assert curve.n <= n / curve.averaged + 1
    limit = 2 / capacity * queue_p95(2, 0.8)
    at, _ = crossing(curve, limit)
    raw, _ = crossing(fit(replace(QUESTION, kind=FitKind.KINGMAN), counted, p95), limit)
    assert at is not None and raw is not None
    assert at.value == pytest.approx(0.8 * capacity, rel=0.08)
    assert raw.value > 1.25 * 0.8 * capacity


def test_a_true_swing_of_load_is_not_averaged() -> None:
    """Load that jumps from second to second and is answered at once is no noise."""
    rng = np.random.default_rng(15)
    rho = rng.uniform(0.2, 0.85, 900)
    p95 = 0.02 * np.interp(rho, *table(2)) * np.exp(rng.normal(0, 0.1, 900))
    curve = fit_latency(QUESTION, rho * 100, p95)
    assert (curve.averaged, curve.n) == (1, 900)


def test_the_guide_s_six_points_are_fitted() -> None:
    """Points that are no series need no memory: a curve comes of six, a pole does not."""
    load = np.array([10, 25, 50, 75, 100, 150], float)
    p95 = np.array([80, 90, 120, 150, 200, 300]) / 1000
    question = Question("p95", "load", FitKind.EXPONENTIAL, series=False)
    curve: Fit = fit_latency(question, load, p95)
    assert curve.problem == "" and curve.kind in {FitKind.EXPONENTIAL, FitKind.LINEAR}
    said = {c.kind: c.problem for c in curve.candidates}
    assert said[FitKind.MMC] == said[FitKind.KINGMAN] == "needs 12 independent points, has 6"
