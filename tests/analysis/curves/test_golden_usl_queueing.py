"""Queueing and scalability against reference values from other implementations."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from capmon.analysis.curves import queueing
from capmon.analysis.curves.usl import NO_PEAK, Scalability, peak_interval, scalability

SHARED = Path(__file__).parents[2] / "data"
GOLDEN = json.loads((SHARED / "vectors" / "usl_queueing.json").read_text())
R_USL = GOLDEN["R_usl_reference"]


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Concurrency and throughput of one of the published measurements."""
    rows = np.genfromtxt(SHARED / "usl" / f"{name}.csv", delimiter=",", skip_header=1)
    return rows[:, 0], rows[:, 1]


@pytest.fixture(scope="module")
def sdm() -> Scalability:
    """The law fitted to SPEC SDM91."""
    return scalability(*table("specsdm91"))


@pytest.mark.parametrize("case", GOLDEN["mmc"])
def test_queues_match_the_reference(case: str) -> None:
    """Waiting probability, mean wait, mean response and the wait's 95th percentile, to 1e-9."""
    servers, rho = (float(v) for v in re.findall(r"[\d.]+", case))
    c, want = int(servers), GOLDEN["mmc"][case]
    close = {"rel": 1e-9, "abs": 1e-9}
    assert queueing.waiting_probability(c, rho) == pytest.approx(want["P_wait"], **close)
    assert queueing.mean_wait(c, rho) == pytest.approx(want["Wq_over_S"], **close)
    assert queueing.mean_response(c, rho) == pytest.approx(want["R_over_S"], **close)
    assert queueing.wait_quantile(0.95, c, rho) == pytest.approx(want["W_p95_over_S"], **close)
    got = queueing.sakasegawa_wait(c, rho)
    assert got == pytest.approx(want["sakasegawa_Wq_over_S"], **close)


def test_specsdm91_matches_scipy_and_r(sdm: Scalability) -> None:
    """α, β, γ, their errors and the noise agree with scipy's fit; the peak with R's to six digits."""
    want = GOLDEN["specsdm91"]
    got = (sdm.alpha, sdm.beta, sdm.gamma)
    assert got == pytest.approx((want["alpha"], want["beta"], want["gamma"]), rel=1e-5)
    # The reference differentiates by differences, good to four digits.
    assert sdm.std_errors == pytest.approx(want["se"], rel=1e-4)
    assert sdm.std_errors == pytest.approx(R_USL["specsdm91"]["se"], rel=5e-4)
    assert sdm.sigma == pytest.approx(want["sigma"], rel=1e-9)
    assert sdm.freedom == want["df"] == 4
    assert sdm.peak == pytest.approx(R_USL["specsdm91"]["peak"], rel=1e-6)
    assert sdm.peak == pytest.approx(want["peak_N"], rel=1e-5)
    assert sdm.peak_throughput == pytest.approx(want["peak_X"], rel=1e-6)
    assert sdm.limit == pytest.approx(R_USL["specsdm91"]["limit"], rel=1e-6)
    assert sdm.limit == pytest.approx(want["amdahl_limit"], rel=1e-5)
    assert sdm.optimal == pytest.approx(R_USL["specsdm91"]["optimal"], rel=1e-6)
    assert sdm.optimal == pytest.approx(want["opt_N"], rel=1e-5)


def test_efficiency_matches_r(sdm: Scalability) -> None:
    """Measured throughput over γ·N is R's efficiency."""
    load, rate = table("specsdm91")
    assert rate / (sdm.gamma * load) == pytest.approx(R_USL["specsdm91"]["efficiency"], abs=5e-5)


def test_bootstrap_of_the_peak_agrees(sdm: Scalability) -> None:
    """The interval of the peak is the reference's within 15 %, and the same each time."""
    load, rate = table("specsdm91")
    peak, problem = peak_interval(sdm, load, rate)
    assert problem == "" and peak is not None
    assert (peak.low, peak.high) == pytest.approx(GOLDEN["specsdm91"]["peak_N_boot95"], rel=0.15)
    assert peak_interval(sdm, load, rate) == (peak, "")


def test_raytracer_has_no_peak_in_range() -> None:
    """Without coherency the law only saturates: Amdahl's limit is known, a peak is not."""
    want, found = GOLDEN["raytracer"], scalability(*table("raytracer"))
    assert found.alpha == pytest.approx(want["alpha"], rel=1e-6)
    assert found.gamma == pytest.approx(want["gamma"], rel=1e-6)
    assert found.beta < 1e-12
    assert found.std_errors == pytest.approx(want["se"], rel=1e-4)
    assert found.sigma == pytest.approx(want["sigma"], rel=1e-6)
    assert found.freedom == want["df"]
    assert found.limit == pytest.approx(want["amdahl_limit"], rel=1e-6)
    assert found.optimal == pytest.approx(want["opt_N"], rel=1e-6)
    assert found.peak is None and found.peak_throughput is None
    assert peak_interval(found, *table("raytracer")) == (None, NO_PEAK)


def test_intervals_of_a_short_series_match() -> None:
    """The first six of raytracer give the reference's coefficients with Student's t at n - 3."""
    load, rate = table("raytracer")
    found, want = scalability(load[:6], rate[:6]), GOLDEN["raytracer_first6"]
    values = (found.alpha, found.beta, found.gamma)
    assert values == pytest.approx((want["alpha"], want["beta"], want["gamma"]), rel=1e-6)
    for i, (low, high) in enumerate(want["ci95"]):
        got = found.interval(i)
        assert (got.low, got.high) == pytest.approx((low, high), rel=1e-4, abs=1e-6)
