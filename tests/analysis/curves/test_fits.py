"""Curves over load."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from capmon.analysis.curves.fits import NO_OUTLIERS, Question, fit, fit_resource
from capmon.model.results import Fit, FitKind

VECTORS = Path(__file__).parents[2] / "data" / "vectors"
GUIDE = json.loads((VECTORS / "guide.json").read_text())["ResourceConsumptionModel"]
SEED = json.loads((VECTORS / "usl_queueing.json").read_text())
INPUTS = {k: np.array(v, float) for k, v in GUIDE["inputs"].items()}


def plain(kind: FitKind = FitKind.LINEAR) -> Question:
    """Ordinary least squares of points that are no series."""
    return Question("system.cpu.utilization", "http.server.request.rate", kind, series=False)


def series(kind: FitKind = FitKind.LINEAR, spread: float = 0.2) -> Question:
    """The fit that the engine makes."""
    return Question("system.cpu.utilization", "http.server.request.rate", kind, 20, spread)


@pytest.mark.parametrize(
    ("model", "load", "target", "slope", "intercept"),
    [
        ("cpu", "request_rates", "cpu_utilizations", "slope", "intercept"),
        ("memory", "concurrent_users", "memory_usage", "memory_per_user_mb", "base_memory_mb"),
    ],
)
def test_lines_match_the_guide(
    model: str, load: str, target: str, slope: str, intercept: str
) -> None:
    """The guide's example gives the guide's lines and R²."""
    got, want = fit(plain(), INPUTS[load], INPUTS[target]), GUIDE["models"][model]
    assert got.coefficient("slope") == pytest.approx(want[slope], rel=1e-9)
    assert got.coefficient("intercept") == pytest.approx(want[intercept], rel=1e-9)
    assert got.r_squared == pytest.approx(want["r_squared"], rel=1e-9)


def test_exponential_matches_the_guide() -> None:
    """The guide's response times give the guide's a and b, with R² of the original scale."""
    x, y = INPUTS["request_rates"], INPUTS["response_times"]
    got = fit(plain(FitKind.EXPONENTIAL), x, y)
    assert got.coefficient("a") == pytest.approx(SEED["seed_latency"]["exp_log_fit"]["a"], rel=1e-9)
    assert got.coefficient("b") == pytest.approx(SEED["seed_latency"]["exp_log_fit"]["b"], rel=1e-9)
    residual = y - [got.predict(v) for v in x]
    assert got.r_squared == pytest.approx(1 - np.sum(residual**2) / np.sum((y - y.mean()) ** 2))
    assert got.r_squared != pytest.approx(GUIDE["models"]["response_time"]["r_squared"], abs=1e-6)


def test_standard_errors_match_scipy() -> None:
    """Errors of a plain line are the textbook's; a's follows from the intercept's."""
    x, y = INPUTS["request_rates"], INPUTS["cpu_utilizations"]
    got, want = fit(plain(), x, y), stats.linregress(x, y)
    assert got.coefficients[0].std_error == pytest.approx(want.stderr, rel=1e-9)
    assert got.coefficients[1].std_error == pytest.approx(want.intercept_stderr, rel=1e-9)
    assert got.t_quantile == pytest.approx(stats.t.ppf(0.975, 4), rel=1e-9)
    curve = fit(plain(FitKind.EXPONENTIAL), x, y)
    log = stats.linregress(x, np.log(y))
    a_error = curve.coefficient("a") * log.intercept_stderr
    assert curve.coefficients[0].std_error == pytest.approx(a_error, rel=1e-9)


@pytest.mark.parametrize(
    ("load", "target", "problem"),
    [
        ([math.nan] * 40, [0.5] * 40, "needs 20 points with load, has none"),
        ([1.0] * 40, [math.nan] * 40, "not reported"),
        ([0.0] * 40, [0.5] * 40, "no load"),
        ([], [], "needs 20 points with load, has none"),
        (list(range(1, 8)), [0.1 * i for i in range(7)], "needs 20 points, has 7"),
        ([100 + 0.1 * i for i in range(40)], list(range(40)), "not enough load variation"),
        (list(range(1, 41)), [0.5] * 40, "constant"),
        ([1e300 * i for i in range(1, 41)], [1e300 * i for i in range(40)], "values out of range"),
    ],
)
def test_refusals_say_why(load: list[float], target: list[float], problem: str) -> None:
    """Points that make no curve give a problem and no numbers."""
    got = fit(series(), np.array(load, float), np.array(target, float))
    assert got.problem == problem
    assert got.coefficients == ()


def test_gaps_are_dropped() -> None:
    """A cell that lacks either value counts for nothing."""
    x = np.linspace(10, 60, 60)
    y = 0.01 * x + 0.1
    x[5], y[9] = math.nan, math.nan
    got = fit(series(), x, y)
    assert got.n == 58
    assert got.coefficient("slope") == pytest.approx(0.01)


def test_a_spike_does_not_move_the_line() -> None:
    """One absurd reading is left out, and so told by n."""
    rng = np.random.default_rng(3)
    x = rng.uniform(10, 60, 120)
    y = 0.01 * x + 0.1 + rng.normal(0, 0.005, 120)
    clean = fit(series(), x, y)
    y[60] = 1e6
    got = fit(series(), x, y)
    assert got.n == clean.n - 1 == 119
    assert got.coefficient("slope") == pytest.approx(clean.coefficient("slope"), rel=0.01)


def test_a_lasting_departure_is_no_outlier() -> None:
    """Three odd readings in a row are how the service behaves; two apart are not."""
    rng = np.random.default_rng(3)
    x = rng.uniform(10, 60, 120)
    y = 0.01 * x + 0.1 + rng.normal(0, 0.005, 120)
    for places, n in (([60, 61, 62], 120), ([0, 1, 2], 120), ([20, 21, 90], 117)):
        odd = y.copy()
        odd[places] += 1.0
        assert fit(series(), x, odd).n == n


@pytest.mark.parametrize("load_memory", [0.0, 0.98])
def test_slope_intervals_hold_with_memory_in_the_residuals(load_memory: float) -> None:
    """95 % intervals of the slope cover at least 90 % under AR(1) residuals with φ = 0.8."""
    rng = np.random.default_rng(11)
    runs, n, inside = 300, 300, 0

    def ar(phi: float) -> np.ndarray:
        noise = rng.normal(0, 1, n)
        out = np.empty(n)
        out[0] = noise[0] / math.sqrt(1 - phi**2)
        for i in range(1, n):
            out[i] = phi * out[i - 1] + noise[i]
        return out

    for _ in range(runs):
        x = ar(load_memory)
        x = 50 + 10 * (x - x.mean()) / x.std()
        got = fit(series(), x, 20 + 0.5 * x + ar(0.8))
        slope = got.coefficients[0]
        assert slope.std_error is not None and got.t_quantile is not None
        inside += abs(slope.value - 0.5) <= got.t_quantile * slope.std_error
    assert 0.90 <= inside / runs <= 0.995


def busy(n: int = 900, top: float = 60.0, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """CPU of 5 % and 1.5 % a request, with noise of 2 %, under a load that comes and goes."""
    rng = np.random.default_rng(seed)
    x = top / 2 + top / 2.4 * np.sin(np.arange(n) / 60)
    return x, 0.05 + 0.015 * x + rng.normal(0, 0.02, n)


def test_a_clean_resource_is_a_plain_line() -> None:
    """Least squares is chosen, the median line is not even tried, and both are listed."""
    got = fit_resource(series(FitKind.EXPONENTIAL), *busy(), cap=1.0)
    assert got.kind is FitKind.LINEAR and not got.relative
    assert got.coefficient("slope") == pytest.approx(0.015, rel=0.01)
    tried = {c.kind: c for c in got.candidates}
    assert tried[FitKind.LINEAR].chosen
    assert tried[FitKind.LINEAR].error == pytest.approx(0.02, rel=0.05)
    assert tried[FitKind.ROBUST].problem == NO_OUTLIERS
    assert len(got.points) == 200


def test_a_line_misled_by_outliers_gives_way() -> None:
    """A job that takes CPU in every eighth reading does not enter what a request costs."""
    x, y = busy()
    rng = np.random.default_rng(1)
    job = rng.random(len(x)) < 1 / 8
    got = fit_resource(series(), x, np.where(job, y + 0.01 * x, y), cap=2.0)
    assert got.kind is FitKind.ROBUST
    assert got.coefficient("slope") == pytest.approx(0.015, rel=0.02)
    assert got.coefficients[0].std_error is not None
    plain = next(c for c in got.candidates if c.kind is FitKind.LINEAR)
    assert plain.error is not None and plain.error > 1.2 * got.candidates[0].error  # type: ignore[operator]


def test_readings_at_the_cap_do_not_bend_the_line() -> None:
    """A full CPU hides the demand: those readings are left out and counted, none is predicted past it."""
    x, y = busy(top=90.0)
    bent = fit(series(), x, np.minimum(y, 1.0))
    got = fit_resource(series(), x, np.minimum(y, 1.0), cap=1.0)
    count = int(np.count_nonzero(np.minimum(y, 1.0) >= 0.97))
    assert got.left_out == f"{count} points at the cap"
    assert got.n == len(x) - count
    assert got.coefficient("slope") == pytest.approx(0.015, rel=0.02)
    assert bent.coefficient("slope") < 0.0142
    assert got.predict(200.0) == 1.0
    band = got.band(200.0)
    assert band is not None and band.high == 1.0


def test_a_resource_that_is_always_full_says_so() -> None:
    """Without a reading below the cap there is no line, and with few there are too few."""
    x, _ = busy(200)
    assert fit_resource(series(), x, np.ones(200), cap=1.0).problem == "constant"
    full = 0.98 + 0.01 * np.sin(x)
    assert fit_resource(series(), x, full, cap=1.0).problem == "always at its cap"
    full[:10] = 0.5
    want = "needs 20 points, has 10 (190 points at the cap)"
    assert fit_resource(series(), x, full, cap=1.0).problem == want


def test_saturation_is_where_the_line_reaches_the_cap() -> None:
    """The load that takes all of the CPU, with an interval that holds it in 90 to 99 of 100 runs."""
    truth, inside = 0.95 / 0.015, 0
    for seed in range(300):
        at = fit_resource(series(), *busy(300, seed=seed), cap=1.0).saturates_at
        assert at is not None and at.low is not None and at.high is not None
        assert at.low < at.value < at.high
        inside += at.low <= truth <= at.high
    assert 0.90 <= inside / 300 <= 0.99
    assert fit_resource(series(), *busy()).saturates_at is None


def test_a_rate_read_with_noise_does_not_flatten_the_line() -> None:
    """Requests counted over a second scatter; averaged, what one costs is not underestimated."""
    rng = np.random.default_rng(2)
    x, y = busy(1800, top=30.0)
    counted = rng.poisson(x).astype(float)
    raw, got = fit(series(), counted, y), fit_resource(series(), counted, y, cap=1.0)
    assert got.averaged > 1
    assert raw.coefficient("slope") < 0.93 * 0.015
    assert got.coefficient("slope") == pytest.approx(0.015, rel=0.03)


def finite(result: Fit) -> bool:
    """Whether every number of a fit is one."""
    numbers = [v for v in asdict(result).values() if isinstance(v, float)]
    numbers += [c.value for c in result.coefficients]
    numbers += [c.std_error for c in result.coefficients if c.std_error is not None]
    return all(map(math.isfinite, numbers))


@given(
    st.lists(
        st.tuples(st.floats(width=64), st.floats(width=64)),
        max_size=60,
    ),
    st.sampled_from(FitKind),
)
def test_any_points_give_a_fit_or_a_problem(
    points: list[tuple[float, float]], kind: FitKind
) -> None:
    """Whatever the readings, no exception and no number that is none."""
    table = np.array(points, float).reshape(-1, 2)
    got = fit(Question("t", "l", kind), table[:, 0], table[:, 1])
    assert bool(got.problem) != bool(got.coefficients)
    assert got.kind is kind
    assert finite(got)
