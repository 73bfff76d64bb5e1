"""The Universal Scalability Law on measurements and on laws that are known."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import crossing
from capmon.analysis.curves.usl import fit_usl, peak_interval, scalability
from capmon.errors import NotEnoughData
from capmon.model.curves import FitKind
from capmon.model.shapes import usl

FOLDER = Path(__file__).parents[2] / "data" / "usl"
LOADS = np.array([1, 2, 4, 8, 12, 16, 24, 32, 48, 64], float)
QUESTION = Question("throughput", "concurrency", FitKind.USL)


def law(load: np.ndarray, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """Throughput without noise."""
    return np.array([usl(alpha, beta, gamma, v) for v in load.tolist()])


def oracle() -> tuple[np.ndarray, np.ndarray]:
    """Transactions a second over active sessions of a database, six hours every two minutes."""
    with (FOLDER / "oracledb.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(np.array([float(r[k]) for r in rows]) for k in ("db_time", "txn_rate"))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.3), st.floats(1e-5, 0.01), st.floats(0.01, 1e6), st.floats(1e-3, 1e3))
def test_known_laws_are_found(alpha: float, beta: float, gamma: float, unit: float) -> None:
    """Without noise the coefficients come back, in whatever unit the throughput is."""
    found = scalability(LOADS, law(LOADS, alpha, beta, gamma) * unit)
    assert (found.alpha, found.beta) == pytest.approx((alpha, beta), rel=1e-4, abs=1e-8)
    assert found.gamma == pytest.approx(gamma * unit, rel=1e-5)
    peak = math.sqrt((1 - alpha) / beta)
    assert found.peak == (pytest.approx(peak, rel=1e-3) if peak <= 3 * 64 else None)


def test_linear_growth_has_neither_peak_nor_limit() -> None:
    """α and β of nothing: no limit to name."""
    found = scalability(LOADS, 5 * LOADS)
    assert found.alpha == pytest.approx(0, abs=1e-9)
    assert found.peak is None
    assert found.gamma == pytest.approx(5)


def test_intervals_cover_the_truth() -> None:
    """95 % intervals of α, β, γ and of the peak hold the true value in 90 to 99 of 100 runs."""
    rng, true = np.random.default_rng(4), (0.05, 0.0008, 20.0)
    clean, peak = law(LOADS, *true), math.sqrt(0.95 / 0.0008)
    runs, inside = 300, np.zeros(4)
    for _ in range(runs):
        rate = clean + rng.normal(0, 4, len(LOADS))
        found = fit_usl(QUESTION, LOADS, rate)
        for i, c in enumerate(found.coefficients):
            assert c.std_error is not None and found.t_quantile is not None
            inside[i] += abs(c.value - true[i]) <= found.t_quantile * c.std_error
        at = found.saturates_at
        assert at is not None and at.low is not None
        inside[3] += at.low <= peak <= (at.high or math.inf)
    assert ((inside / runs >= 0.90) & (inside / runs <= 0.99)).all()


def test_the_bootstrap_leaves_the_end_open_where_a_peak_may_be_missing() -> None:
    """Noise that hides the fall of throughput opens the upper end rather than inventing one."""
    rng = np.random.default_rng(2)
    load = LOADS[:7]
    rate = law(load, 0.05, 0.002, 20.0) + rng.normal(0, 12, len(load))
    found = scalability(load, rate)
    interval, _ = peak_interval(found, load, rate)
    assert interval is not None and interval.low is not None
    assert interval.low < interval.value and interval.high is None


def test_oracledb_matches_scipy() -> None:
    """360 noisy readings give the optimum that scipy's bounded least squares finds."""
    load, rate = oracle()
    found = scalability(load, rate)

    def residual(p: np.ndarray) -> np.ndarray:
        return p[2] * load / (1 + p[0] * (load - 1) + p[1] * load * (load - 1)) - rate

    want = optimize.least_squares(
        residual, [0.1, 0.01, 5], bounds=([0, 0, 0], np.inf), xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    got = (found.alpha, found.beta, found.gamma)
    assert got == pytest.approx(want.x, rel=1e-5)
    assert found.sigma**2 * found.freedom == pytest.approx(2 * want.cost, rel=1e-12)
    inverse = np.linalg.inv(want.jac.T @ want.jac) * found.sigma**2
    assert found.std_errors == pytest.approx(np.sqrt(np.diag(inverse)), rel=1e-4)


def test_the_law_is_a_curve() -> None:
    """As a fit it predicts, has a band about it, and tells the concurrency for a throughput."""
    rng = np.random.default_rng(5)
    rate = law(LOADS, 0.05, 0.0008, 20.0) * np.exp(rng.normal(0, 0.02, len(LOADS)))
    curve = fit(QUESTION, LOADS, rate)
    assert [c.name for c in curve.coefficients] == ["alpha", "beta", "gamma"]
    assert curve.saturates_at is not None
    assert curve.saturates_at.value == pytest.approx(math.sqrt(0.95 / 0.0008), rel=0.1)
    band = curve.band(20.0)
    assert band is not None and band.low is not None and band.high is not None
    assert band.low < usl(0.05, 0.0008, 20.0, 20.0) < band.high
    at, problem = crossing(curve, 150.0)
    assert problem == "" and at is not None
    assert curve.predict(at.value) == pytest.approx(150.0, rel=1e-4)
    assert at.low is not None and at.low < at.value
    assert crossing(curve, 1e6)[0] is None


@pytest.mark.parametrize(
    ("load", "rate"),
    [
        ([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]),
        ([1.0, 1.0, 2.0, 2.0], [1.0, 1.1, 2.0, 2.1]),
        ([1.0, 2.0, math.nan, 8.0], [1.0, 2.0, 3.0, 4.0]),
        ([0.0, 1.0, 2.0, 4.0], [0.0, 1.0, 2.0, 3.0]),
    ],
)
def test_too_few_measurements_are_refused(load: list[float], rate: list[float]) -> None:
    """Three parameters take four usable measurements at three concurrencies."""
    with pytest.raises(NotEnoughData, match="needs 4 measurements"):
        scalability(np.array(load), np.array(rate))
    assert fit_usl(QUESTION, np.array(load), np.array(rate)).problem
