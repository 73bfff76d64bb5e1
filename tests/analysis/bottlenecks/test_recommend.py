"""What speaks for a bottleneck, what would lower it, and how many replicas are recommended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from capmon.analysis.bottlenecks.bottleneck import Detector
from capmon.analysis.bottlenecks.recommend import recommendations
from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import Limit, headroom
from capmon.config.schema import CouplingSettings, Duration, Settings
from capmon.model.frame import ProcessUse, Reading, TopProcesses
from capmon.model.results import (
    Bottleneck,
    Estimate,
    Fit,
    FitKind,
    Headroom,
    ReplicaState,
    When,
)

CPU, APP, P95 = "system.cpu.utilization", "process.cpu.utilization", "http.server.request.duration.p95"  # fmt: skip
RATE, USERS, MEMORY = "http.server.request.rate", "app.users.active", "system.memory.utilization"
CONNECTIONS = "db.connections.utilization"
COUPLED = CouplingSettings("database connections", 25, 100)


def config(**scaling: Any) -> Settings:
    """Thresholds that need not hold."""
    base = Settings()
    limits = base.thresholds
    each = {n: replace(getattr(limits, n), for_=Duration(0.0)) for n in type(limits).__slots__}
    return replace(
        base, thresholds=replace(limits, **each), scaling=replace(base.scaling, **scaling)
    )


def rows(
    values: dict[str, float], base: Settings | None = None, **about: Any
) -> dict[str, Bottleneck]:
    """Bottlenecks of one set of readings, by component."""
    read = {k: Reading(v, 0.0) for k, v in values.items()}
    found, _ = Detector(base or config()).step(0.0, 0.0, read, {}, **about)
    return {b.component: b for b in found}


def room(target: str, needs: int | None, now: float = 118.0, load: str = RATE) -> Headroom:
    """A limit that binds below today's load."""
    return Headroom(target, 0.8, "utilization_target", load, Estimate(100.0), now, 100 / now, needs=needs)  # fmt: skip


def swarm(ready: int | None = 4, desired: int | None = None) -> ReplicaState:
    """A scale target."""
    return ReplicaState("swarm", "web", ready, ready if desired is None else desired)


def first(b: Bottleneck) -> str:
    """Its first recommendation."""
    return b.recommendations[0].text


def line(noise: float = 0.0) -> Fit:
    """CPU of one replica: 2 % a request a second over 10 %."""
    rng = np.random.default_rng(3)
    x = np.linspace(10, 40, 200)
    question = Question(APP, "load.per_replica", FitKind.LINEAR, per_replica=True)
    return fit(question, x, 0.02 * x + 0.1 + rng.normal(0, 0.005, 200))


PROCESSES = TopProcesses(
    by_cpu=(ProcessUse(812, "java", 1.42, 5.1 * 2**30, 2.1e6),),
    by_memory=(ProcessUse(812, "java", 1.42, 5.1 * 2**30, 2.1e6),),
    by_io=(ProcessUse(99, "postgres", 0.1, 2**30, 1.3e6),),
)


def test_evidence_names_process_pressure_and_latency() -> None:
    """The process with its pid and share of the resource, who waits, and what follows it."""
    values = {CPU: 0.8, MEMORY: 0.85, "system.cpu.limit": 2.0, "system.memory.limit": 24 * 2.0**30,
              "system.pressure.cpu.some.avg10": 0.12, "system.pressure.memory.some.avg10": 0.001,
              P95: 0.187}  # fmt: skip
    got = rows(values, processes=PROCESSES, follows=0.93)
    assert [e.text for e in got["cpu"].evidence] == [
        "80 % > 70 %",
        "java (812) 1.4 cores, 71 % of cpu",
        "cpu pressure 12 %",
        "p95 187 ms follows it, r .93",
    ]
    assert [(e.metric, e.value) for e in got["cpu"].evidence[2:]] == [
        ("system.pressure.cpu.some.avg10", 0.12), (P95, 0.187)]  # fmt: skip
    assert [e.text for e in got["memory"].evidence] == [
        "85 % > 80 %", "java (812) 5.1 GiB, 21 % of memory"]  # fmt: skip
    assert (got["cpu"].culprit, got["memory"].culprit) == ("java 1.4 cores", "java 5.1 GiB")


def test_evidence_leaves_out_what_is_not_known() -> None:
    """Without limits there is no share, without processes no process, with weak correlation none."""
    got = rows(
        {CPU: 0.8, 'system.disk.io.time{device="sda"}': 0.9}, processes=PROCESSES, follows=0.5
    )
    assert [e.text for e in got["cpu"].evidence] == ["80 % > 70 %", "java (812) 1.4 cores"]
    assert got["disk busy sda"].evidence[1].text == "postgres (99) 1.3 MB/s"
    assert len(rows({CPU: 0.8})["cpu"].evidence) == 1


def test_a_sign_that_is_a_bottleneck_is_said_once() -> None:
    """Pressure beyond its own threshold stands with it, not a second time without."""
    got = rows({CPU: 0.8, "system.pressure.cpu.some.avg10": 0.3})
    assert [e.text for e in got["cpu"].evidence] == ["80 % > 70 %", "cpu pressure 30 % > 25 %"]


def test_slow_responses_say_what_they_follow() -> None:
    """The row of the latency names the CPU that it rises and falls with."""
    got = rows({P95: 0.3, APP: 0.6}, follows=0.93)
    assert [e.text for e in got["latency"].evidence] == [
        "300 ms > 250 ms",
        "follows cpu 60 %, r .93",
    ]


@pytest.mark.parametrize(
    ("values", "component", "text"),
    [
        ({CPU: 0.8}, "cpu", "cpu below 66 % for 30 s"),
        ({CPU: 0.95}, "cpu", "cpu below 85 % for 30 s"),
        ({"cache.hit_ratio": 0.6}, "cache", "cache above 74 % for 30 s"),
        ({"cache.hit_ratio": 0.4}, "cache", "cache above 53 % for 30 s"),
        ({P95: 0.3}, "latency", "latency below 237 ms for 30 s"),
        ({P95: 0.6}, "latency", "latency below 475 ms for 30 s"),
        ({"db.status": 0.0}, "database", "database healthy for 4 s"),
        ({"system.disk.io.time{device=\"sda\"}": 0.9}, "disk busy sda", "disk busy sda below 76 % for 60 s"),
    ],
)  # fmt: skip
def test_what_would_end_it_is_the_rule_itself(
    values: dict[str, float], component: str, text: str
) -> None:
    """The threshold less the hysteresis, rounded to the side on which it holds, for its time."""
    detector = Detector(Settings())
    for second in range(62):
        read = {k: Reading(v, 0.0) for k, v in values.items()}
        found, _ = detector.step(0.0, float(second), read, {})
    assert {b.component: b.would_change for b in found} == {component: (text,)}


def test_load_and_replicas_that_would_end_it_come_from_its_curve() -> None:
    """CPU is back at 66.5 % with 28.25 requests a second each: 113 with four, five for 130."""
    curve = line()
    now = 130.0
    at = headroom(curve, Limit(0.8, "utilization_target"), RATE, now, 4)
    got = rows({APP: 0.75}, replicas=swarm(), headroom=[at], fits=[curve])["app cpu"]
    assert got.would_change == ("app cpu below 66 %", "load below 112 req/s", "5 replicas")
    alone = rows({APP: 0.75}, headroom=[at], fits=[curve])["app cpu"]
    assert alone.would_change == ("app cpu below 66 %",)


def test_a_limit_above_the_line_promises_nothing() -> None:
    """Without the curve, the load of the 80 % limit says nothing of 66 %, but enough of 85 %."""
    high = rows({APP: 0.85}, replicas=swarm(), headroom=[room(APP, 6)])["app cpu"]
    assert high.would_change == ("app cpu below 66 %",)
    critical = rows({APP: 0.95}, replicas=swarm(), headroom=[room(APP, 6)])["app cpu"]
    assert critical.would_change == ("app cpu below 85 %", "load below 100 req/s", "6 replicas")


def test_another_metrics_curve_promises_nothing() -> None:
    """The application's CPU may fall without the host's."""
    got = rows({CPU: 0.95}, replicas=swarm(), headroom=[room(APP, 6)])["cpu"]
    assert got.load_multiple is not None
    assert got.would_change == ("cpu below 85 %",)


def test_replicas_are_named_with_the_load_that_needs_them() -> None:
    """The number stands first, in place of the step without one, and on other hosts for the host."""
    base = config()
    got = rows({APP: 0.95, CPU: 0.95, P95: 0.6}, base, replicas=swarm(), headroom=[room(APP, 6), room(P95, 5)])  # fmt: skip
    assert first(got["app cpu"]) == "add 2 replicas: 118 req/s need 6"
    assert first(got["latency"]) == "add 2 replicas: 118 req/s need 6"
    assert first(got["cpu"]) == "add 2 replicas on other hosts: 118 req/s need 6"
    texts = [r.text for b in got.values() for r in b.recommendations]
    assert not {"add replicas now", "add replicas"} & set(texts)
    assert first(rows({APP: 0.95}, replicas=swarm(5), headroom=[room(APP, 6)])["app cpu"]) == (
        "add 1 replica: 118 req/s need 6")  # fmt: skip


@pytest.mark.parametrize(
    ("state", "needs"),
    [(None, 6), (swarm(None), 6), (swarm(0), 6), (ReplicaState("none", "", 4, 4), 6), (swarm(6), 6), (swarm(4), None)],
)  # fmt: skip
def test_no_number_without_a_target_or_a_need(
    state: ReplicaState | None, needs: int | None
) -> None:
    """Nothing to scale, a count that is not known, or enough of them: the step stays without one."""
    got = rows({APP: 0.95}, replicas=state, headroom=[room(APP, needs)])["app cpu"]
    assert first(got) == "add replicas now"
    assert not any("need" in r.text for r in got.recommendations)


@pytest.mark.parametrize(
    ("scaling", "state", "text"),
    [
        ({"max": 5}, swarm(), "add 1 replica: 118 req/s need 6, 5 allowed"),
        ({"max": 4}, swarm(), "raise the limit of 4 replicas: 118 req/s need 6"),
        ({"limits": (COUPLED,)}, swarm(), "raise database connections first: 4 replicas fit, 6 needed"),
        ({}, swarm(4, 6), "wait for 2 replicas to be ready: 118 req/s need 6"),
        ({}, swarm(4, 5), "add 1 replica: 118 req/s need 6"),
    ],
)  # fmt: skip
def test_no_more_replicas_than_may_be(
    scaling: dict[str, Any], state: ReplicaState, text: str
) -> None:
    """What bounds the count is named instead, and those on their way are waited for."""
    got = rows({APP: 0.95}, config(**scaling), replicas=state, headroom=[room(APP, 6)])
    assert first(got["app cpu"]) == text


FULL = Headroom(CONNECTIONS, 0.8, "thresholds", RATE, Estimate(100.0), 118.0, 0.85)


@pytest.mark.parametrize("about", [{CONNECTIONS: 0.9}, {}])
def test_no_replicas_where_database_connections_bind(about: dict[str, float]) -> None:
    """Full now or by their model: a replica more would take connections that are not there."""
    rooms = [room(APP, 6), room(P95, 6), *([] if about else [FULL])]
    got = rows(
        {APP: 0.95, P95: 0.6, CPU: 0.95} | about, replicas=swarm(), headroom=rooms, follows=0.9
    )
    texts = [r.text for b in got.values() for r in b.recommendations]
    assert [
        t for t in texts if t.startswith("add") and "replica" in t and "no" not in t.split()
    ] == []
    assert not any("replicas" in w for b in got.values() for w in b.would_change)
    assert first(got["latency"]) == "find the slow endpoints"


def test_steps_come_in_the_order_of_the_rows() -> None:
    """The worst row's steps first, each in the order of its remedy, none twice, the same every time."""
    values = {
        APP: 0.95,
        MEMORY: 0.85,
        P95: 0.3,
        'system.filesystem.utilization{mountpoint="/"}': 0.95,
    }
    got = rows(values, replicas=swarm(), headroom=[room(APP, 6), room(P95, 5)])
    found = recommendations(got.values())
    assert [r.text for r in found] == list(
        dict.fromkeys(r.text for b in got.values() for r in b.recommendations)
    )
    assert [r.when for r in found] == sorted((r.when for r in found), key=list(When).index)
    again = rows(
        dict(reversed(values.items())), replicas=swarm(), headroom=[room(P95, 5), room(APP, 6)]
    )
    assert recommendations(again.values()) == found


def test_users_are_counted_as_users() -> None:
    """A load in users is not called requests."""
    got = rows({APP: 0.95}, replicas=swarm(), headroom=[room(APP, 6, 64.0, USERS)])["app cpu"]
    assert first(got) == "add 2 replicas: 64 users need 6"


def test_a_response_time_near_its_objective_has_two_ways_out() -> None:
    """It falls clear of the share of the objective, or does not follow the CPU any more."""
    got = rows({P95: 0.2}, follows=0.93)["latency near objective"]
    assert got.would_change == ("latency below 178 ms", "correlation with cpu below 0.7")


def test_memory_in_bytes_answers_for_its_share() -> None:
    """A curve of bytes over users gives the users at which the share is back under its line."""
    share = Settings().utilization_target
    x = np.linspace(10, 60, 100)
    question = Question("process.memory.usage", USERS, FitKind.LINEAR)
    curve = fit(question, x, 1e9 + 5e7 * x + np.random.default_rng(1).normal(0, 1e6, 100))
    at = headroom(curve, Limit(share * 4e9, "utilization_target"), USERS, 55.0, None)
    got = rows({"process.memory.utilization": 0.93}, headroom=[at], fits=[curve])["app memory"]
    # 76 % of 4 GB are 3.04 GB, which 40.8 users take.
    assert got.would_change == ("app memory below 76 %", "load below 40.8 users")


def foreign(app: float, host: float = 0.95, **about: Any) -> Bottleneck:
    """The host's row while the application uses so much of its own cpu."""
    values = {CPU: host, APP: app, "system.cpu.limit": 2.0}
    return rows(values, replicas=swarm(), headroom=[room(APP, 6)], **about)["cpu"]


def test_a_host_that_another_process_keeps_busy_is_not_the_applications() -> None:
    """The process is named first, and nothing is said of the application's code or its headroom."""
    for host in (0.95, 0.8):
        got = foreign(0.1, host, processes=PROCESSES)
        assert first(got) == "see what java (812) does here: it takes 1.4 of 2 cores"
        texts = " ".join(r.text for r in got.recommendations)
        assert not any(
            word in texts for word in ("algorithm", "hot spots", "recent changes", "add 2")
        )
        term = next(t for t in got.terms if t.name == "headroom")
        assert (term.share, got.binds_at, got.load_multiple) == (None, None, None)
        assert not any("load" in text for text in got.would_change)
    assert first(foreign(0.1)) == "find the process that takes the cpu"


def test_a_long_name_leaves_room_for_the_rest() -> None:
    """The step stays within a line, its numbers whole."""
    long = TopProcesses(by_cpu=(ProcessUse(4194304, "a" * 80, 63.9, 1.0),))
    text = first(foreign(0.1, processes=long))
    assert len(text) <= 60
    assert text.endswith("(4194304) does here: it takes 63.9 of 2 cores")


def test_a_busy_application_on_a_busy_host_has_its_advice() -> None:
    """Past its own warning the load is its own: both rows ask for replicas; neither borrows headroom."""
    got = foreign(0.9, processes=PROCESSES)
    assert first(got) == "add 2 replicas on other hosts: 118 req/s need 6"
    assert next(t for t in got.terms if t.name == "headroom").share is None
