"""Queues with several servers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from capmon.analysis.curves import queueing as q
from capmon.analysis.curves.waits import SERVERS, steepness, wait_shape
from capmon.demo.queue import Queue, Request
from capmon.model.curves import FitKind
from capmon.model.shapes import queue_p95, queue_wait

SERVER_COUNTS = st.integers(1, 200)
UTILIZATIONS = st.floats(0, 0.9999)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9, 0.999])
def test_one_server_has_the_closed_forms(rho: float) -> None:
    """M/M/1: waits with probability ρ, response exponential with mean S/(1 - ρ)."""
    assert q.waiting_probability(1, rho) == pytest.approx(rho)
    assert q.mean_response(1, rho, 0.2) == pytest.approx(0.2 / (1 - rho))
    want = -math.log(0.05) * 0.2 / (1 - rho)
    assert q.response_quantile(0.95, 1, rho, 0.2) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(
    ("servers", "rho"), [(4, 0.75), (2, 0.5), (4, 0.7500001), (4, 0.76), (8, 0.6), (16, 0.97)]
)
def test_quantiles_invert_the_distribution(servers: int, rho: float) -> None:
    """Also at c(1 - ρ) = 1 and beside it, where wait and service have the same rate."""
    for share in (0.0, 0.1, 0.5, 0.95, 0.999):
        time = q.response_quantile(share, servers, rho)
        assert q.response_tail(time, servers, rho) == pytest.approx(1 - share, rel=1e-10)


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.5), (3, 2 / 3), (4, 0.9), (32, 0.95)])
def test_the_tail_of_the_response_has_the_right_mean(servers: int, rho: float) -> None:
    """Its integral is the mean response."""
    area, _ = integrate.quad(lambda t: q.response_tail(t, servers, rho), 0, np.inf, limit=200)
    assert area == pytest.approx(q.mean_response(servers, rho), rel=1e-6)


def test_a_simulated_queue_behaves_so() -> None:
    """Poisson arrivals at 3 exponential servers: mean and 95th percentile as computed."""
    rng, ended = np.random.default_rng(1), []
    queue = Queue(3, done=ended.append)
    at = np.cumsum(rng.exponential(1 / 2.4, 60_000))
    for arrival, service in zip(at.tolist(), rng.exponential(1.0, len(at)).tolist(), strict=True):
        queue.offer(Request(arrival, service))
    queue.advance(1e9)
    response = np.array([r.end - r.arrival for r in ended])
    assert response.mean() == pytest.approx(q.mean_response(3, 0.8), rel=0.03)
    want = q.response_quantile(0.95, 3, 0.8)
    assert np.quantile(response, 0.95) == pytest.approx(want, rel=0.04)


def test_many_servers_neither_overflow_nor_lose_digits() -> None:
    """A hundred thousand servers at 99 %: hardly anyone waits, and Erlang B agrees with C."""
    c, rho = 100_000, 0.99
    waits, blocked = q.waiting_probability(c, rho), q.blocking_probability(c, c * rho)
    assert 0 < waits < 0.01
    assert waits == pytest.approx(blocked / (1 - rho * (1 - blocked)), rel=1e-12)


def test_erlang_b_matches_its_sum() -> None:
    """aᶜ/c! over the sum of aᵏ/k!, where that can be written out."""
    offered, servers = 7.3, 9
    terms = [offered**k / math.factorial(k) for k in range(servers + 1)]
    assert q.blocking_probability(servers, offered) == pytest.approx(terms[-1] / sum(terms))
    assert q.blocking_probability(4, 0.0) == 0.0


def test_kingman_is_exact_for_poisson_arrivals_at_one_server() -> None:
    """M/G/1 by Pollaczek and Khinchine; half as much for a constant service time."""
    assert q.kingman_wait(0.8, 2.0) == pytest.approx(q.mean_wait(1, 0.8, 2.0))
    assert q.kingman_wait(0.8, 2.0, 1.0, 0.0) == pytest.approx(4.0)
    assert q.kingman_wait(0.8, 2.0, 0.0, 0.0) == 0.0


@given(SERVER_COUNTS, UTILIZATIONS, UTILIZATIONS)
def test_everything_grows_with_utilization(servers: int, one: float, other: float) -> None:
    """Waiting probability, mean and quantiles never fall as the servers get busier."""
    low, high = sorted((one, other))
    for f in (
        q.waiting_probability,
        q.mean_wait,
        q.sakasegawa_wait,
        lambda c, r: q.wait_quantile(0.95, c, r),
        lambda c, r: q.response_quantile(0.95, c, r),
    ):
        assert f(servers, low) <= f(servers, high) * (1 + 1e-9)


@given(SERVER_COUNTS, UTILIZATIONS, st.floats(1e-6, 1e6))
def test_times_scale_with_the_service_time(servers: int, rho: float, service: float) -> None:
    """Twice the service time, twice every time; a response is no shorter than its service's."""
    alone = -math.log(0.05)
    got = q.response_quantile(0.95, servers, rho, service)
    assert got == pytest.approx(service * q.response_quantile(0.95, servers, rho))
    assert got >= service * alone * (1 - 1e-9)
    assert q.mean_wait(servers, rho, service) == pytest.approx(service * q.mean_wait(servers, rho))


@pytest.mark.parametrize(
    "call",
    [
        lambda: q.waiting_probability(0, 0.5),
        lambda: q.waiting_probability(2.5, 0.5),  # type: ignore[arg-type]
        lambda: q.mean_wait(2, 1.0),
        lambda: q.mean_wait(2, -0.1),
        lambda: q.mean_wait(2, math.nan),
        lambda: q.mean_wait(2, 0.5, 0.0),
        lambda: q.wait_quantile(1.0, 2, 0.5),
        lambda: q.response_quantile(-0.1, 2, 0.5),
        lambda: q.response_tail(-1.0, 2, 0.5),
        lambda: q.sakasegawa_wait(2, 0.5, arrival_scv=-1),
        lambda: q.blocking_probability(2, math.inf),
    ],
)
def test_bad_arguments_are_refused(call: object) -> None:
    """Utilization of 1 and more, no servers, negative times: an error and no number."""
    with pytest.raises(ValueError, match="must be"):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("servers", SERVERS)
def test_fast_shapes_are_the_exact_ones(servers: int) -> None:
    """The table of live fits is good to three in ten thousand, and so is its slope to a hundredth."""
    rho = np.linspace(0, 0.99, 173)
    exact = np.array([queue_p95(servers, r) for r in rho.tolist()])
    assert wait_shape(FitKind.MMC, servers, rho) == pytest.approx(exact, rel=3e-4)
    wait = np.array([queue_wait(servers, r) for r in rho.tolist()])
    assert wait_shape(FitKind.KINGMAN, servers, rho) == pytest.approx(wait, rel=1e-12)
    at, h = np.array([0.3, 0.6, 0.9, 0.98]), 1e-5
    for kind, f in ((FitKind.MMC, queue_p95), (FitKind.KINGMAN, queue_wait)):
        slope = [(f(servers, r + h) - f(servers, r - h)) / (2 * h) for r in at.tolist()]
        top = max(slope)
        assert steepness(kind, servers, at) == pytest.approx(slope, rel=0.02, abs=1e-3 * top)
