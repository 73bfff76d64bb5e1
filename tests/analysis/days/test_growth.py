"""Growth over days, what it projects, and when a limit is reached."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.days.growth import by_day, growth, project, time_to
from capmon.analysis.effective import line_errors, memory
from capmon.model.forecasts import TimeToLimit

GUIDE = json.loads((Path(__file__).parents[2] / "data" / "vectors" / "guide.json").read_text())
REFERENCE = GUIDE["_corrected_reference"]["growth_daily_requests"]
ROWS = GUIDE["GrowthAnalyzer"]["historical_data"]
DAYS = np.array([date.fromisoformat(row["timestamp"]).toordinal() for row in ROWS], float)
REQUESTS = np.array([row["daily_requests"] for row in ROWS], float)
AHEAD = np.array([1.0, 30.0, 90.0])
DAY = 86400.0


def test_linear_intervals_of_the_guides_history() -> None:
    """±2,229, 4,697 and 10,861 requests at 1, 30 and 90 days: the line's own error counts."""
    found = project(DAYS, REQUESTS, AHEAD, 0.95, "linear")
    want = [REFERENCE[str(int(a))] for a in AHEAD]
    assert found.centre == pytest.approx([w["linear"] for w in want], rel=1e-9)
    assert found.low == pytest.approx([w["pi95"][0] for w in want], rel=1e-9)
    assert found.high - found.centre == pytest.approx([w["half"] for w in want], rel=1e-9)


def test_exponential_intervals_of_the_guides_history() -> None:
    """The same history as compound growth: 42,343 (36,207 to 49,520) in 30 days."""
    found = project(DAYS, REQUESTS, AHEAD, 0.95, "exponential")
    want = [REFERENCE[str(int(a))] for a in AHEAD]
    assert found.centre == pytest.approx([w["exp"] for w in want], rel=1e-9)
    assert found.low == pytest.approx([w["exp_pi95"][0] for w in want], rel=1e-9)
    assert found.high == pytest.approx([w["exp_pi95"][1] for w in want], rel=1e-9)


@pytest.mark.parametrize("metric", ["daily_requests", "peak_concurrent_users", "data_volume_gb"])
def test_the_guides_three_metrics_grow(metric: str) -> None:
    """Slope and R² are the guide's, and the horizon is the history's length."""
    values = np.array([row[metric] for row in ROWS], float)
    found = growth(metric, DAYS * DAY, values, horizon_days=90)
    want = GUIDE["GrowthAnalyzer"]["trend"][metric]
    assert found.per_day is not None and found.model == "linear"
    assert found.per_day.value == pytest.approx(want["daily_growth_rate"], rel=1e-9)
    assert found.r_squared == pytest.approx(want["r_squared"], rel=1e-9)
    assert found.horizon_days == 21.0 and found.caution == "90 d asked, history holds 21 d"
    assert found.outlook[-1].days == 21.0
    assert found.doubling_days == pytest.approx(46.148, abs=0.001)


def test_force_looks_farther_and_says_so() -> None:
    """90 days from three weeks only on demand, with the caution kept."""
    found = growth("load", DAYS * DAY, REQUESTS, horizon_days=90, force=True)
    assert [o.days for o in found.outlook] == [1.0, 7.0, 30.0, 90.0]
    assert found.outlook[-1].value.high == pytest.approx(REFERENCE["90"]["pi95"][1], rel=1e-9)
    assert found.caution


def test_the_swing_of_a_day_is_no_growth_to_rely_on() -> None:
    """From six hours a trend is given with a caution; from three days without."""
    at = np.arange(3 * 24 * 12) * 300.0
    load = 100 + 50 * np.sin(at / DAY * 2 * np.pi)
    assert "swing" in growth("load", at[:72], load[:72], horizon_days=0.2).caution
    assert "asked" in growth("load", at[:72], load[:72], horizon_days=7).caution
    assert not growth("load", at, load, horizon_days=2).caution


def simulated(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """One history of a kind and as much of what came after."""
    t = np.arange(2 * n)
    steps = rng.normal(size=2 * n)
    if kind == "memory":
        for i in range(1, 2 * n):
            steps[i] += 0.6 * steps[i - 1]
    if kind == "outliers":
        steps = rng.standard_t(3, size=2 * n)
    if kind == "compound":
        return np.asarray(100 * np.exp(0.02 * t + 0.05 * steps))
    weekly = np.where((t + 3) % 7 < 5, 1.1, 0.75) if kind == "weekly" else 1.0
    return np.asarray((100 + 0.5 * t) * weekly + 5 * steps)


@pytest.mark.parametrize(
    ("kind", "n", "runs"),
    [
        ("white", 10, 500),
        ("memory", 24, 500),
        pytest.param("white", 30, 150, marks=pytest.mark.slow),
        pytest.param("outliers", 30, 150, marks=pytest.mark.slow),
        ("weekly", 35, 150),
    ],
)
def test_intervals_hold_what_comes(kind: str, n: int, runs: int) -> None:
    """Of simulated histories 90 % at least have the truth inside 95 %, near and far."""
    rng = np.random.default_rng(5)
    ahead = np.array([1, n // 2, n])
    inside = np.zeros(3)
    for _ in range(runs):
        y = simulated(kind, n, rng)
        found = project(np.arange(float(n)), y[:n], ahead.astype(float))
        truth = y[n - 1 + ahead]
        inside += (truth >= found.low) & (truth <= found.high)
    assert (inside / runs >= 0.9).all()


def test_compound_growth_is_recognized() -> None:
    """Two per cent a day over a quarter is no line, and its rate is recovered."""
    rng = np.random.default_rng(6)
    found = growth(
        "load", np.arange(90) * DAY, simulated("compound", 90, rng)[:90], horizon_days=30
    )
    assert found.model == "exponential" and found.rate is not None
    assert found.rate.low < math.expm1(0.02) < found.rate.high
    assert found.doubling_days == pytest.approx(math.log(2) / 0.02, rel=0.1)
    assert [m.name for m in found.models if m.chosen] == ["exponential"]


def test_the_simplest_of_equals_is_chosen() -> None:
    """An exact line is one, though damped and compound trends come close."""
    found = growth("load", np.arange(40) * DAY, 100 + 2.0 * np.arange(40), horizon_days=30)
    assert found.model == "linear" and found.per_day is not None
    assert found.per_day.value == pytest.approx(2.0)


def test_saturating_growth_is_damped() -> None:
    """What levels off is not prolonged as it began."""
    t = np.arange(60.0)
    found = project(t, 100 * (1 - np.exp(-t / 15)), np.array([30.0]))
    assert found.model == "damped" and found.centre[0] < 115


def test_the_week_is_taken_out_and_put_back() -> None:
    """A quiet weekend is neither a fall nor lost from the projection."""
    t = np.arange(42)
    load = (100 + t) * np.where(t % 7 < 5, 1.1, 0.75)
    found = project(t.astype(float), load, np.arange(1.0, 8.0))
    future = np.arange(42, 49)
    assert found.weekly
    expected = (100 + future) * np.where(future % 7 < 5, 1.1, 0.75)
    assert found.centre == pytest.approx(expected, rel=0.05)


def test_a_day_that_has_only_begun_is_no_fall() -> None:
    """Hourly readings are counted back from the last, whatever the hour."""
    at = np.arange(24 * 20 + 7) * 3600.0
    load = 100 + 50 * np.sin(at / DAY * 2 * np.pi)
    found = growth("load", at, load, horizon_days=10)
    assert found.per_day is not None and found.n == 20
    assert abs(found.per_day.value) < 0.01


def test_blocks_need_half_their_readings() -> None:
    """A day of which an hour is known does not speak for that day."""
    at = np.arange(24 * 10) * 3600.0
    load = np.full(len(at), 5.0)
    load[24:47] = math.nan
    days, values = by_day(at, load)
    assert len(days) == 9 and values == pytest.approx(np.full(9, 5.0))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "needs 3 points, has 0"),
        ([1.0, 2.0], "needs 3 points, has 2"),
        ([1.0, math.nan, 2.0, math.nan], "needs 3 points, has 2"),
        ([math.nan] * 9, "needs 3 points, has 0"),
    ],
)
def test_too_few_points_are_refused(values: list[float], said: str) -> None:
    """Words, and nothing else, below three points."""
    days = np.arange(float(len(values)))
    found = growth("load", days * DAY, np.array(values), horizon_days=30)
    assert found.problem == said and found.per_day is None and not found.outlook
    assert project(days, np.array(values), AHEAD).problem == said
    assert time_to(days, np.array(values), 10.0) == TimeToLimit(None, None, None)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e300])
def test_what_never_changes_stays(value: float) -> None:
    """A constant, zero too, is projected as itself and does not grow."""
    found = growth("load", np.arange(30) * DAY, np.full(30, value), horizon_days=7)
    assert found.model == "constant" and not found.problem and found.per_day is not None
    assert found.per_day.value == 0.0 and found.doubling_days is None
    assert found.outlook[-1].value.value == value
    assert time_to(np.arange(30.0), np.full(30, value), abs(value) + 1).t50 is None


def test_extremes_and_gaps_have_an_answer() -> None:
    """1e300, a counter, and a history with holes are projected without a fault."""
    t = np.arange(30.0)
    huge = project(t, 1e300 * (1 + t / 10), AHEAD)
    assert huge.centre[0] == pytest.approx(1e300 * 4.0) and not np.isnan(huge.high).any()
    counter = growth("load", t * DAY, np.cumsum(np.full(30, 1e9)), horizon_days=7)
    assert counter.per_day is not None and counter.per_day.value == pytest.approx(1e9)
    holes = np.where(t % 3 == 0, math.nan, 10 + t)
    assert project(t, holes, np.array([1.0])).centre[0] == pytest.approx(40.0)


@pytest.mark.parametrize("level", [0.001, 0.5, 0.8, 0.99, 0.999999, math.nextafter(1, 0)])
def test_any_level_between_0_and_1(level: float) -> None:
    """A higher level is a wider interval about the same median."""
    found = project(DAYS, REQUESTS, AHEAD, level, "linear")
    wider = project(DAYS, REQUESTS, AHEAD, (1 + level) / 2 if level < 0.9999 else level, "linear")
    assert (wider.high >= found.high).all() and np.isfinite(found.high).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, math.nan])
def test_other_levels_are_refused(level: float) -> None:
    """95 is not 95 %."""
    with pytest.raises(ValueError, match="level"):
        project(DAYS, REQUESTS, AHEAD, level)
    with pytest.raises(ValueError, match="level"):
        growth("load", DAYS * DAY, REQUESTS, horizon_days=30, level=level)


def test_other_faults_of_a_call_are_refused() -> None:
    """An unknown trend, the past, and a horizon of nothing."""
    with pytest.raises(ValueError, match="no trend"):
        project(DAYS, REQUESTS, AHEAD, model="cubic")
    with pytest.raises(ValueError, match="ahead"):
        project(DAYS, REQUESTS, np.array([-1.0]))
    with pytest.raises(ValueError, match="horizon"):
        growth("load", DAYS * DAY, REQUESTS, horizon_days=0)


def test_a_limit_is_reached_where_the_line_meets_it() -> None:
    """18 days and 16 hours to 25,000 a day; sooner with luck, and perhaps not at all."""
    found = time_to(DAYS, REQUESTS, 25_000)
    assert found.t50 == pytest.approx(18.6667 * DAY, rel=1e-4)
    assert found.t10 is not None and found.t10 < found.t50 and found.t90 is None
    falling = time_to(DAYS, 40_000 - REQUESTS, 15_000, below=True)
    assert falling.t50 == pytest.approx(found.t50)


def test_a_limit_beyond_the_horizon_is_not_foretold() -> None:
    """Null within three weeks, and known once the caller looks farther."""
    assert time_to(DAYS, REQUESTS, 40_000).t50 is None
    assert time_to(DAYS, REQUESTS, 40_000, horizon_days=90).t50 is not None


def test_a_limit_crossed_lies_in_the_past() -> None:
    """17,000 was passed since the reading a week ago."""
    assert time_to(DAYS, REQUESTS, 17_000) == TimeToLimit(-7 * DAY, -7 * DAY, -7 * DAY)


def test_line_errors_agree_with_simulation() -> None:
    """Height, slope and residual spread of a line through noise with memory are as computed."""
    rng, n, r = np.random.default_rng(8), 30, 0.7
    x, places = np.arange(n, dtype=float), np.arange(n)
    steps = rng.normal(size=(4000, n + 100)) * math.sqrt(1 - r * r)
    for i in range(1, n + 100):
        steps[:, i] += r * steps[:, i - 1]
    y = steps[:, 100:]
    slope = y @ (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    residual = y - y.mean(axis=1)[:, None] - slope[:, None] * (x - x.mean())
    found = line_errors(x, places, r)
    assert found.height == pytest.approx(np.var(y.mean(axis=1)), rel=0.1)
    assert found.tilt == pytest.approx(np.var(slope), rel=0.1)
    assert found.spread == pytest.approx(np.mean(np.sum(residual**2, axis=1)), rel=0.1)
    assert np.mean([memory(e, places, fitted=2) for e in residual]) == pytest.approx(r, abs=0.08)


NUMBERS = st.floats(-1e300, 1e300, allow_nan=False)


@given(st.lists(st.tuples(st.floats(0, 1e4), NUMBERS), max_size=25), NUMBERS)
def test_finite_in_no_nan_out(points: list[tuple[float, float]], limit: float) -> None:
    """Any finite history has a projection in order, or words; never NaN."""
    days, values = np.array(points, float).reshape(-1, 2).T
    found = project(days, values, np.array([0.0, 0.5, 7.0, 400.0]))
    assert bool(found.problem) == (len(found.centre) == 0)
    assert not np.isnan(np.concatenate([found.low, found.centre, found.high])).any()
    assert (found.low <= found.centre).all() and (found.centre <= found.high).all()
    when = time_to(days, values, limit)
    known = [t for t in (when.t10, when.t50, when.t90) if t is not None]
    assert known == sorted(known) and all(map(math.isfinite, known))
    grown = growth("load", days * DAY, values, horizon_days=30)
    assert grown.problem or all(math.isfinite(o.value.value) for o in grown.outlook)


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-200, 1e6)), min_size=3, max_size=30),
    st.sampled_from([1e-9, 1 / 1024, 1e3, 2.0**30]),
)
def test_units_scale_through(values: list[float], unit: float) -> None:
    """Bytes or gigabytes, the same trend is projected, by its own name, when it is forced."""
    y, days = np.array(values), np.arange(float(len(values)))
    one = project(days, y, np.array([1.0, 7.0]), model="linear")
    other = project(days, y * unit, np.array([1.0, 7.0]), model="linear")
    size = max(float(np.abs(y).max()), 1e-300)
    assert one.model == other.model
    assert other.centre / unit == pytest.approx(one.centre, rel=1e-6, abs=1e-6 * size)
    assert other.high / unit == pytest.approx(one.high, rel=1e-6, abs=1e-6 * size)


@given(st.floats(18_000, 60_000), st.floats(18_000, 60_000))
@settings(max_examples=60, deadline=None)
def test_a_higher_limit_is_reached_no_sooner(one: float, other: float) -> None:
    """Each of the three times grows with the limit."""
    low, high = sorted((one, other))
    first = time_to(DAYS, REQUESTS, low, horizon_days=120)
    second = time_to(DAYS, REQUESTS, high, horizon_days=120)
    for a, b in zip(
        (first.t10, first.t50, first.t90), (second.t10, second.t50, second.t90), strict=True
    ):
        assert b is None or (a is not None and a <= b + 1e-6)
