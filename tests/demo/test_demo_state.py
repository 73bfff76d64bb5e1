"""The demo service without its network: what it shows, and how scaling and faults change it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from capmon.demo import state as demo_state
from capmon.demo.scenarios import Scenario, scenario
from capmon.demo.state import PATIENCE, ROOM, SERVERS, DemoState
from capmon.errors import CapmonError

STEADY = scenario("steady")


def at_rate(rate: float) -> Scenario:
    """A scenario with a constant rate."""
    return replace(STEADY, rate=lambda _at: rate, peak=rate)


def latency(state: DemoState) -> dict[str, Any]:
    """The histogram as the API shows it."""
    return state.metrics()["histograms"]["http_request_duration"]


def averages(course: Scenario, replicas: int, seconds: int = 400) -> dict[str, float]:
    """Quantiles in ms and CPU in percent, averaged over readings ten seconds apart."""
    state = DemoState(course, seed=11, replicas=replicas)
    sums = dict.fromkeys(("p50", "p95", "p99", "cpu"), 0.0)
    readings = range(20, seconds, 10)
    for at in readings:
        state.advance(float(at))
        seen = latency(state) | {"cpu": state.metrics()["gauges"]["cpu_utilization"]}
        sums = {name: total + seen[name] for name, total in sums.items()}
    return {name: total / len(readings) for name, total in sums.items()}


@pytest.fixture(scope="module")
def by_rate() -> dict[int, dict[str, float]]:
    """Averages with four replicas by rate."""
    return {rate: averages(at_rate(rate), 4) for rate in (50, 90, 118, 130, 145)}


def test_four_replicas_at_118_a_second_look_as_the_guide_s_do(
    by_rate: dict[int, dict[str, float]],
) -> None:
    """CPU between 60 and 70 %, p50 near 42, p95 150 to 190, p99 near 300 ms."""
    seen = by_rate[118]
    assert 60 < seen["cpu"] < 70
    assert 38 < seen["p50"] < 48
    assert 150 < seen["p95"] < 190
    assert 260 < seen["p99"] < 350


def test_the_objective_is_crossed_between_130_and_145_a_second(
    by_rate: dict[int, dict[str, float]],
) -> None:
    """p95 rises with every step of the load and passes 250 ms where it should."""
    p95 = [seen["p95"] for seen in by_rate.values()]
    assert p95 == sorted(p95)
    assert by_rate[130]["p95"] < 250 < by_rate[145]["p95"]


def test_cpu_is_a_straight_line_over_load(by_rate: dict[int, dict[str, float]]) -> None:
    """By the utilization law the slope between any two loads is the same demand."""
    slopes = [
        (by_rate[high]["cpu"] - by_rate[low]["cpu"]) / (high - low)
        for low, high in ((50, 90), (90, 130), (50, 145))
    ]
    assert min(slopes) > 0.45
    assert max(slopes) < 0.57


def test_scaling_up_ends_an_overload() -> None:
    """With two replicas p95 is over a second; with five it is below 250 ms ten seconds later."""
    state = DemoState(STEADY, replicas=2)
    state.advance(60.0)
    assert latency(state)["p95"] > 1000
    state.scale(5, 60.0)
    state.advance(70.0)
    assert latency(state)["p95"] < 250
    assert state.replicas() == {"ready": 5, "desired": 5}


def test_one_more_replica_lowers_p95_at_the_limit() -> None:
    """At 140 requests a second the fifth replica takes at least a quarter off p95."""
    assert averages(at_rate(140.0), 5, 300)["p95"] < 0.75 * averages(at_rate(140.0), 4, 300)["p95"]


def test_a_replica_takes_its_time_to_start() -> None:
    """It is desired at once and ready after the start-up delay, not before."""
    state = DemoState(STEADY, replicas=4, startup=2.0)
    state.scale(6, 10.0)
    assert state.replicas() == {"ready": 4, "desired": 6}
    state.advance(11.999)
    assert state.replicas()["ready"] == 4
    state.advance(12.0)
    assert state.replicas() == {"ready": 6, "desired": 6}


def test_scaling_down_first_takes_those_that_still_start() -> None:
    """Changing one's mind within the start-up leaves the serving replicas alone."""
    state = DemoState(STEADY, replicas=4)
    state.scale(6, 10.0)
    state.scale(4, 11.0)
    assert state.replicas() == {"ready": 4, "desired": 4}
    state.advance(20.0)
    assert state.replicas() == {"ready": 4, "desired": 4}


def test_scaling_down_drains() -> None:
    """Requests in service when their replica goes are answered all the same."""
    state = DemoState(at_rate(60.0), replicas=8)
    state.advance(30.0)
    state.scale(2, 30.0)
    assert state.replicas() == {"ready": 2, "desired": 2}
    state.advance(31.0)
    assert state.codes["500"] + state.codes["503"] == 0


@pytest.mark.parametrize("count", [0, -1, 51, 10**9])
def test_a_count_that_cannot_be_had_is_refused(count: int) -> None:
    """The text names the limits, and nothing changes."""
    state = DemoState(STEADY)
    with pytest.raises(CapmonError, match=f"replicas must be from 1 to 50, got {count}"):
        state.scale(count, 1.0)
    assert state.replicas() == {"ready": 4, "desired": 4}


def everything(state: DemoState) -> str:
    """All documents as one text."""
    return json.dumps(
        [state.metrics(), state.cache_stats(), state.health(), state.replicas(), state.codes]
    )


@pytest.mark.parametrize("name", ["day", "leak", "db-down"])
def test_reading_does_not_change_the_course(name: str) -> None:
    """A state read ten times a second and one read once show the same to the last digit."""
    often, once = DemoState(scenario(name), seed=5), DemoState(scenario(name), seed=5)
    for tenth in range(1, 601):
        often.advance(tenth / 10)
        everything(often)
    once.advance(60.0)
    assert often.codes == once.codes
    assert latency(often)["p95"] == latency(once)["p95"]
    assert often.memory() == once.memory()
    assert often.cpu() == pytest.approx(once.cpu(), rel=1e-9)


def test_another_seed_is_another_course() -> None:
    """The seed decides."""
    one, other = DemoState(STEADY, seed=1), DemoState(STEADY, seed=2)
    one.advance(10.0)
    other.advance(10.0)
    assert everything(one) != everything(other)


def test_scaling_does_not_change_which_requests_come() -> None:
    """Two runs that differ in replicas alone see the same number of arrivals."""
    few, many = DemoState(STEADY, replicas=2), DemoState(STEADY, replicas=9)
    few.advance(100.0)
    many.advance(100.0)
    arrived = [sum(s.codes.values()) + s.in_flight for s in (few, many)]
    assert arrived[0] == arrived[1]


def test_overload_is_turned_away_and_bounded() -> None:
    """One replica under 220 requests a second keeps a bounded line and answers the rest 503."""
    state = DemoState(at_rate(220.0), replicas=1)
    for at in range(1, 121):
        state.advance(float(at))
        assert state.in_flight <= ROOM + SERVERS
    document = state.metrics()
    assert document["counters"]["http_errors_total"] == state.codes["503"]
    assert document["counters"]["http_requests_total"] == sum(state.codes.values())
    assert state.codes["503"] > 10_000
    assert latency(state)["p99"] <= PATIENCE * 1e3 + 1000
    assert document["gauges"]["cpu_utilization"] > 80
    assert document["gauges"]["database_connections"] == 25


def test_a_flushed_cache_is_seen_and_warms_up_again() -> None:
    """The hit rate falls to near 20 %, p95 rises over the objective, and both recover."""
    state = DemoState(scenario("cold-cache"))
    state.advance(19.0)
    before = state.cache_stats()
    assert before["hit_rate"] > 0.85
    assert latency(state)["p95"] < 200
    state.advance(30.0)
    flushed = state.cache_stats()
    assert flushed["hit_rate"] < 0.4
    assert flushed["entries"] < before["entries"] / 2
    assert flushed["size_bytes"] < flushed["max_size_bytes"]
    state.advance(45.0)
    assert latency(state)["p95"] > 250
    state.advance(250.0)
    assert state.cache_stats()["hit_rate"] > 0.85
    assert latency(state)["p95"] < 250


def test_a_leak_grows_until_the_replica_restarts() -> None:
    """Memory rises to its limit, replicas are missing for a while, and memory is low again."""
    state = DemoState(scenario("leak"))
    state.advance(5.0)
    start, top, least_ready = state.metrics()["gauges"]["memory_utilization"], 0.0, 4
    for at in range(6, 400):
        state.advance(float(at))
        gauges = state.metrics()["gauges"]
        least_ready = min(least_ready, gauges["replicas"])
        if gauges["memory_utilization"] is not None:
            top = max(top, gauges["memory_utilization"])
    assert start < 40
    assert top > 85
    assert least_ready < 4
    assert state.replicas()["desired"] == 4
    low = min(s for s in _memory(state, 400, 800) if s is not None)
    assert low < 0.6 * top


def _memory(state: DemoState, begin: int, end: int) -> Iterator[float | None]:
    for at in range(begin, end):
        state.advance(float(at))
        yield state.metrics()["gauges"]["memory_utilization"]


def test_no_replica_ready_is_unknown_memory_not_zero() -> None:
    """While the only replica restarts, what a replica uses is not known."""
    state = DemoState(scenario("leak"), replicas=1)
    while state.replicas()["ready"] == 1:
        state.advance(state.clock + 0.5)
    gauges = state.metrics()["gauges"]
    assert gauges["memory_utilization"] is None
    assert gauges["memory_usage_mb"] is None
    assert gauges["replicas"] == 0
    state.advance(state.clock + 3.0)
    assert state.metrics()["gauges"]["replicas"] == 1


def test_errors_come_while_the_database_is_away() -> None:
    """Health says so, misses fail meanwhile, and before and after nothing does."""
    state = DemoState(scenario("db-down"))
    state.advance(29.0)
    assert state.health()["status"] == "healthy"
    assert state.codes["500"] == 0
    state.advance(100.0)
    assert state.health() == {
        "status": "degraded",
        "version": "1.4.2",
        "components": {"database": {"status": "unhealthy"}, "cache": {"status": "healthy"}},
    }
    assert state.metrics()["gauges"]["database_connections"] == 0
    failed = state.codes["500"]
    assert 0.05 < failed / (70 * 85) < 0.13
    state.advance(130.0)
    after = state.codes["500"]
    state.advance(230.0)
    assert state.codes["500"] == after
    assert state.health()["status"] == "healthy"


def test_connections_grow_with_replicas_up_to_what_the_database_has() -> None:
    """Each replica holds its own; all of them together never exceed the maximum."""
    state = DemoState(STEADY)
    state.advance(10.0)
    four = state.metrics()["gauges"]["database_connections"]
    state.scale(10, 10.0)
    state.advance(20.0)
    ten = state.metrics()["gauges"]["database_connections"]
    state.scale(50, 20.0)
    state.advance(30.0)
    assert four < ten
    assert state.metrics()["gauges"]["database_connections"] == 100


def test_before_the_first_request_quantiles_are_unknown() -> None:
    """At the first moment there is no quantile, no hit rate and no CPU share."""
    state = DemoState(STEADY)
    assert latency(state) == {"count": 0, "sum": 0.0, "p50": None, "p95": None, "p99": None}
    assert state.cache_stats()["hit_rate"] is None
    assert state.metrics()["gauges"]["cpu_utilization"] is None


def test_quantiles_forget_and_the_histogram_does_not() -> None:
    """Fifteen seconds after an overload ends p95 is low, while count and sum only grow."""
    state = DemoState(at_rate(150.0), replicas=2)
    state.advance(30.0)
    before = latency(state)
    state.switch(at_rate(20.0), 30.0)
    state.advance(45.0)
    after = latency(state)
    assert after["p95"] < 0.4 * before["p95"]
    assert after["count"] > before["count"]
    assert after["sum"] > before["sum"]
    assert state.latency.cumulative() == sorted(state.latency.cumulative())
    assert state.latency.cumulative()[-1] == after["count"]


def test_an_outside_request_stands_in_the_same_line() -> None:
    """It waits behind those that came before, and counts like them."""
    state = DemoState(at_rate(150.0), replicas=1)
    state.advance(30.0)
    ahead, answered = state.in_flight, sum(state.codes.values())
    request = None
    while request is None:
        request = state.submit(state.clock + 0.01)
    assert ahead > 50
    state.advance(state.clock + 5.0)
    assert request.end - request.arrival > 1.0
    assert sum(state.codes.values()) > answered


def test_a_switch_begins_the_scenario_anew() -> None:
    """Its curves start at the moment of the switch."""
    state = DemoState(STEADY)
    state.switch(scenario("db-down"), 1000.0)
    state.advance(1029.0)
    assert state.database_up
    state.advance(1031.0)
    assert not state.database_up
    assert state.scenario.name == "db-down"


def test_users_and_memory_follow_the_load() -> None:
    """Memory of a replica is its base and 23 MB for each of its users."""
    state = DemoState(at_rate(100.0))
    state.advance(120.0)
    gauges = state.metrics()["gauges"]
    assert 230 < gauges["concurrent_users"] < 270
    expected = (demo_state.BASE_MEMORY + 23e6 * gauges["concurrent_users"] / 4) / 1e6
    assert gauges["memory_usage_mb"] == pytest.approx(expected, rel=0.03)


def test_a_deploy_makes_requests_dearer() -> None:
    """After two minutes the version is another and the same rate takes a third more CPU."""
    state = DemoState(scenario("deploy"), seed=3)
    used = {}
    for version, start, end in (("1.4.2", 20, 118), ("1.5.0", 125, 223)):
        seen = []
        for at in range(start, end):
            state.advance(float(at))
            seen.append(state.cpu())
        assert state.health()["version"] == version
        used[version] = sum(seen) / len(seen)
    assert 1.2 < used["1.5.0"] / used["1.4.2"] < 1.45
