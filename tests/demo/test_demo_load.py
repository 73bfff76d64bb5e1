"""The load on the demo service and its scenarios."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from statistics import fmean, stdev

import pytest

from capmon.demo.load import Arrivals, Lognormal, Users, Workload
from capmon.demo.scenarios import DAY_SECONDS, names, scenario
from capmon.errors import CapmonError


def arrivals_until(arrivals: Arrivals, end: float) -> list[float]:
    """Arrival times before `end`."""
    times = []
    while arrivals.next < end:
        times.append(arrivals.next)
        arrivals.step()
    return times


def test_steady_arrivals_are_a_poisson_process() -> None:
    """Gaps have the mean and the spread of the exponential distribution."""
    times = arrivals_until(Arrivals(lambda _at: 50.0, 120.0, Random(2)), 400.0)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert fmean(gaps) == pytest.approx(1 / 50, rel=4 / math.sqrt(len(gaps)))
    assert stdev(gaps) / fmean(gaps) == pytest.approx(1.0, rel=0.04)


@pytest.mark.parametrize("name", names())
def test_arrivals_follow_the_scenario_s_rate(name: str) -> None:
    """In each twenty seconds the count agrees with the rate's integral to within Poisson noise."""
    course = scenario(name)
    times = arrivals_until(Arrivals(course.rate, course.peak, Random(3), begin=7.0), 7.0 + 240)
    for cell in range(12):
        begin = cell * 20.0
        expected = sum(course.rate(begin + i * 0.1 + 0.05) for i in range(200)) * 0.1
        count = sum(begin <= time - 7.0 < begin + 20 for time in times)
        assert abs(count - expected) < 4.5 * math.sqrt(expected)


@pytest.mark.parametrize("name", names())
def test_a_scenario_stays_within_its_bounds(name: str) -> None:
    """Rates lie above zero and never beyond the peak, hit ratios between 0 and 1."""
    course = scenario(name)
    for step in range(15_000):
        at = step * 0.1
        assert 0 < course.rate(at) <= course.peak
        assert 0 <= course.hit_ratio(at) <= 1


def test_a_day_crosses_what_four_replicas_can_carry() -> None:
    """Its load varies by a third within a minute and a half, and by a factor of two in all."""
    rates = [scenario("day").rate(at) for at in range(int(DAY_SECONDS))]
    assert max(rates[:90]) / min(rates[:90]) > 1.3
    assert max(rates) / min(rates) > 2
    assert min(rates) < 60
    assert 150 < max(rates) < 165


def test_a_day_takes_as_long_as_asked() -> None:
    """The slow wave stretches, so that the load at the same share of two days differs little."""
    short, long = scenario("day", 60.0), scenario("day", 6000.0)
    assert short.rate(0.0) == long.rate(0.0)
    mean_of_first_half = fmean(long.rate(at) for at in range(3000))
    assert mean_of_first_half > 115
    assert fmean(long.rate(at) for at in range(3000, 6000)) < 90


def test_an_unknown_scenario_names_the_known_ones() -> None:
    """The error lists what there is."""
    with pytest.raises(CapmonError, match="no scenario 'storm': use day, steady, ramp"):
        scenario("storm")


def test_service_times_have_their_mean() -> None:
    """A lognormal is given by its own mean, not by that of its logarithm."""
    random, times = Random(4), Lognormal(0.045, 0.85)
    drawn = [times.draw(random) for _ in range(40_000)]
    assert fmean(drawn) == pytest.approx(0.045, rel=0.02)


def test_work_depends_on_cache_and_database() -> None:
    """A cold cache makes work longer, a dead database makes misses fail; hits do not notice."""
    work = Workload()
    warm = [work.draw(1.0, 1.0, False, random) for random in [Random(5)] for _ in range(500)]
    cold = [work.draw(1.0, 0.0, True, random) for random in [Random(5)] for _ in range(500)]
    dead = [work.draw(1.0, 0.0, False, random) for random in [Random(5)] for _ in range(500)]
    assert fmean(r.service for r in cold) > 2 * fmean(r.service for r in warm)
    assert not any(r.failed for r in [*warm, *cold])
    assert all(r.failed and r.service == work.connect_timeout for r in dead)


def test_two_caches_see_the_same_requests() -> None:
    """With one seed, a request that misses in both runs costs the same in both."""
    work, one, other = Workload(), Random(6), Random(6)
    pairs = [(work.draw(0, 0.9, True, one), work.draw(0, 0.5, True, other)) for _ in range(500)]
    assert all(a.service == b.service for a, b in pairs if a.hit == b.hit)
    assert sum(a.hit != b.hit for a, b in pairs) > 100


def test_users_follow_the_load_with_a_lag() -> None:
    """After one lag the count has made 63 % of its way, after many it is there."""
    users, random = Users(2.0, 100.0, lag=10.0), Random(7)
    users.pass_time(10.0, 100.0, random)
    assert 155 < users.count < 172
    for _ in range(50):
        users.pass_time(10.0, 100.0, random)
    assert 185 < users.count < 215
