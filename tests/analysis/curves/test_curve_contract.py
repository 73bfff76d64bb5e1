"""What every kind of curve keeps to, whatever its shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.analysis.curves.fits import Question, fit, fit_latency, fit_resource
from capmon.analysis.curves.headroom import crossing
from capmon.model.curves import Fit, FitKind, sampled
from capmon.model.shapes import NAMES, queue_p95, queue_wait, usl

QUEUES = (FitKind.MMC, FitKind.KINGMAN)
TRUTH = {
    FitKind.LINEAR: lambda x: 0.1 + 0.01 * x,
    FitKind.ROBUST: lambda x: 0.1 + 0.01 * x,
    FitKind.EXPONENTIAL: lambda x: 0.06 * math.exp(0.03 * x),
    FitKind.MMC: lambda x: 0.02 + 0.03 * queue_p95(4, x / 80),
    FitKind.KINGMAN: lambda x: 0.1 + 0.05 * queue_wait(2, x / 80),
    FitKind.USL: lambda x: usl(0.03, 0.0003, 10.0, x),
}
KINDS = list(TRUTH)


def readings(kind: FitKind, noise: float = 0.05, n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Load that rises and falls three times, and a target that follows the kind's curve."""
    rng = np.random.default_rng(KINDS.index(kind))
    load = 40 + 28 * np.sin(np.arange(n) / n * 6 * np.pi)
    clean = np.array([TRUTH[kind](x) for x in load.tolist()])
    if kind in (*QUEUES, FitKind.EXPONENTIAL):
        return load, clean * np.exp(rng.normal(0, noise, n))
    return load, clean + clean.mean() * rng.normal(0, noise, n)


def asked(kind: FitKind) -> Question:
    """The fit that is made live."""
    return Question("target", "load", kind, min_points=20, min_spread=0.2)


def numbers(value: object) -> Iterator[float]:
    """Every float anywhere in a result."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from numbers(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from numbers(v)


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> FitKind:
    """Each kind of curve in turn."""
    return request.param


@pytest.fixture
def curve(kind: FitKind) -> Fit:
    """One curve of that kind, fitted to readings that follow it."""
    return fit(asked(kind), *readings(kind))


def test_a_curve_says_what_it_is(curve: Fit, kind: FitKind) -> None:
    """Kind, named coefficients, points used, range of the load, R², errors: all there and finite."""
    assert curve.problem == ""
    assert curve.kind is kind
    assert tuple(c.name for c in curve.coefficients) == NAMES[kind]
    assert 200 <= curve.n <= 240
    assert 12 <= curve.load_min < curve.load_max <= 68
    assert curve.r_squared is not None and curve.r_squared > 0.8
    assert all(c.std_error is None or c.std_error >= 0 for c in curve.coefficients)
    assert all(c.std_error is not None for c in curve.coefficients if c.name != "servers")
    assert all(map(math.isfinite, numbers(asdict(curve))))


def test_a_curve_lies_near_the_truth(curve: Fit, kind: FitKind) -> None:
    """Within the load seen it is within 4 % of what made the readings, where those lie dense."""
    for load in np.linspace(15, 66, 18).tolist():
        assert curve.predict(load) == pytest.approx(TRUTH[kind](load), rel=0.04)


def test_a_band_holds_the_curve_and_nine_tenths_of_readings(curve: Fit, kind: FitKind) -> None:
    """The curve lies inside its band everywhere, and 90 to 99 % of readings do."""
    inside = 0
    load, target = readings(kind)
    for x, y in zip(load.tolist(), target.tolist(), strict=True):
        band = curve.band(x)
        assert band is not None and band.low is not None and band.high is not None
        assert band.low <= band.value <= band.high
        assert band.value == curve.predict(x)
        inside += band.low <= y <= band.high
    assert 0.90 <= inside / len(load) <= 0.996


def test_a_curve_that_grows_never_falls(curve: Fit, kind: FitKind) -> None:
    """Up to its pole or its peak a curve rises with load."""
    end = 200.0
    if kind in QUEUES or kind is FitKind.USL:
        assert curve.saturates_at is not None
        end = curve.saturates_at.value
    heights = [curve.predict(x) for x in np.linspace(0, end * 0.999, 60).tolist()]
    assert all(a <= b * (1 + 1e-12) for a, b in pairwise(heights))


def test_a_crossing_is_on_the_curve_and_inside_its_interval(curve: Fit) -> None:
    """At the load found the curve has the limit's height; the interval's ends lie on the band."""
    limit = curve.predict(60.0)
    assert limit is not None
    at, problem = crossing(curve, limit)
    assert problem == "" and at is not None
    assert at.value == pytest.approx(60.0, rel=1e-4)
    assert at.low is not None and at.low < at.value
    low = curve.band(at.low)
    assert low is not None and low.high == pytest.approx(limit, rel=1e-3)
    if at.high is not None:
        high = curve.band(at.high)
        assert high is not None and high.low == pytest.approx(limit, rel=1e-3)
        assert at.high > at.value


@pytest.mark.parametrize("noise", [1e-12, 0.02])
def test_units_scale_through(kind: FitKind, noise: float) -> None:
    """Load in other units and values in other units give the same curve in those units."""
    load, target = readings(kind, noise)
    plain = fit(asked(kind), load, target)
    by_load, by_value = (1.0 if kind is FitKind.USL else 1e3), 1e-4
    scaled = fit(asked(kind), load * by_load, target * by_value)
    assert scaled.kind is plain.kind and scaled.n == plain.n
    assert scaled.r_squared == pytest.approx(plain.r_squared, rel=1e-6)
    for x in (20.0, 50.0, 70.0):
        one, other = plain.band(x), scaled.band(x * by_load)
        assert one is not None and other is not None
        assert other.value == pytest.approx(one.value * by_value, rel=1e-6)
        assert other.high == pytest.approx(one.high * by_value, rel=1e-4)


def test_points_are_thinned_and_in_order(kind: FitKind) -> None:
    """Two hundred at most, mostly the same ones while the window moves on."""
    load, target = readings(kind, n=480)
    curve, later = (
        fit(asked(kind), load[part], target[part]) for part in (slice(450), slice(30, 480))
    )
    assert len(curve.points) == len(later.points) == 200
    places = [int(np.flatnonzero(target == y)[0]) for _, y in curve.points]
    assert places == sorted(places)
    # As many as stay in the window, give or take what lies at the edge of being chosen.
    assert len(set(curve.points) & set(later.points)) >= 160
    # Every part of the window is heard: the halves differ by no more than chance allows.
    assert 70 <= sum(place < 225 for place in places) <= 130


def test_of_points_that_repeat_some_are_chosen() -> None:
    """A value that comes often is neither left out nor taken every time."""
    points = [(float(i % 3), 1.0) for i in range(900)]
    chosen = sampled(points, 300)
    assert [len([p for p in chosen if p[0] == x]) for x in (0.0, 1.0, 2.0)] == pytest.approx([100] * 3, abs=30)  # fmt: skip


def test_too_few_points_are_refused(kind: FitKind) -> None:
    """Below the least that is asked for there is a problem and no coefficient."""
    load, target = readings(kind)
    got = fit(asked(kind), load[:12], target[:12])
    assert got.problem == "needs 20 points, has 12"
    assert got.coefficients == () and got.predict(1.0) is None and got.band(1.0) is None
    assert crossing(got, 1.0) == (None, got.problem)


def test_a_refusal_comes_in_the_kind_that_was_asked(kind: FitKind) -> None:
    """Nothing measured: said, in the kind of the question."""
    got = fit(asked(kind), np.full(30, math.nan), np.full(30, math.nan))
    assert (got.kind, got.problem) == (kind, "needs 20 points with load, has none")


ODD = st.one_of(
    st.floats(-1e300, 1e300),
    st.sampled_from([0.0, 1e300, 1e-300, 1.0, math.nan, math.inf, -math.inf, 5e-324]),
    st.floats(0.1, 100),
)


@given(
    st.lists(st.tuples(ODD, ODD), max_size=40),
    st.sampled_from([*KINDS, "latency", "resource", "pole"]),
    st.integers(1, 4),
    st.booleans(),
)
def test_no_number_is_ever_none(
    points: list[tuple[float, float]], how: FitKind | str, times: int, series: bool
) -> None:
    """Zeros, constants, 1e300, three points: a finite curve or a problem, and bands without NaN."""
    table = np.array(points * times, float).reshape(-1, 2)
    x, y = table[:, 0], table[:, 1]
    kind = how if isinstance(how, FitKind) else FitKind.LINEAR
    question = Question("t", "l", kind, series=series)
    if how == "resource":
        got = fit_resource(question, x, y, cap=1.0)
    elif how == "latency":
        got = fit_latency(question, x, y)
    elif how == "pole":
        full = fit_resource(question, x, y, cap=50.0).saturates_at
        got = fit_latency(question, x, y, pole=full)
    else:
        got = fit(question, x, y)
    assert bool(got.problem) != bool(got.coefficients)
    assert all(map(math.isfinite, numbers(asdict(got))))
    for load in (0.0, 1.0, 1e6, 1e300):
        band = got.band(load)
        if band is not None:
            assert not any(map(math.isnan, numbers(asdict(band))))
    at, problem = crossing(got, 1.0)
    assert (at is None) == bool(problem)
    if at is not None:
        assert all(map(math.isfinite, numbers(asdict(at))))
        assert at.low is None or at.low <= at.value * (1 + 1e-5)
        assert at.high is None or at.high >= at.value * (1 - 1e-5)


def test_a_curve_is_a_value(curve: Fit) -> None:
    """Two fits of the same readings are equal, and one can be the key of a table."""
    assert replace(curve) == curve
    assert hash(replace(curve)) == hash(curve)
