"""The limit that the models name at half load is the one that the demo service reaches later."""

from __future__ import annotations

import numpy as np
import pytest

from capmon.analysis.engine import Analysis, Engine, Now
from capmon.config.schema import Settings
from capmon.demo.scenarios import scenario
from capmon.demo.state import DemoState
from capmon.model.frame import Reading, TopProcesses
from capmon.model.results import Headroom, ReplicaState
from capmon.store.series import Store

START = 1_700_000_000.0
PACE = 2
CPU, P95 = "process.cpu.utilization", "http.server.request.duration.p95"
SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)))


def load_at(second: float) -> float:
    """What the scenario asks of the service."""
    return scenario("ramp").rate(second)


def readings(
    state: DemoState, before: dict[str, int], counters: dict[str, int]
) -> dict[str, float]:
    """What a collector reads of the service, in base units."""
    gauges = state.metrics()["gauges"]
    (p95,) = state.latency.quantiles((0.95,), state.clock)
    requests = counters["http_requests_total"] - before["http_requests_total"]
    errors = counters["http_errors_total"] - before["http_errors_total"]
    found = {
        "http.server.request.rate": requests / PACE,
        "http.server.error.ratio": errors / requests if requests else None,
        P95: p95,
        CPU: None if gauges["cpu_utilization"] is None else gauges["cpu_utilization"] / 100,
        "app.users.active": gauges["concurrent_users"],
        "http.server.active_requests": gauges["concurrent_requests"],
        "replicas.ready": state.replicas()["ready"],
    }
    return {k: float(v) for k, v in found.items() if v is not None}


def watched(seed: int, until: float) -> Analysis:
    """The analysis of the ramp when its load has come to `until` requests a second."""
    state, store, engine = DemoState(scenario("ramp"), seed=seed), Store(), Engine(Settings())
    counters = state.metrics()["counters"]
    second, got = 0, None
    while load_at(second) < until:
        second += PACE
        state.advance(float(second))
        before, counters = counters, state.metrics()["counters"]
        values = readings(state, before, counters)
        at = START + second
        store.write(values, at, float(PACE))
        now = {k: Reading(v, at) for k, v in values.items()}
        target = ReplicaState("http", "demo", **state.replicas())
        got = engine.step(store, Now(at, 300.0, now, {}, TopProcesses(), target, float(second)))
    assert got is not None
    return got


def reached(limit: float, of: str) -> float:
    """Load at which the service comes to a limit in the end, the mean course of several ramps."""
    courses = []
    for seed in range(10, 18):
        state, course = DemoState(scenario("ramp"), seed=seed), []
        for second in range(PACE, 600, PACE):
            state.advance(float(second))
            value = state.cpu() if of == CPU else state.latency.quantiles((0.95,), state.clock)[0]
            course.append(np.nan if value is None else value)
        courses.append(course)
    mean = np.nanmean(courses, axis=0)
    smooth = np.convolve(mean, np.ones(9) / 9, mode="same")
    return load_at(PACE * (1 + int(np.argmax(smooth > limit))))


def room(got: Analysis, of: str) -> Headroom:
    """The headroom of one metric."""
    return next(h for h in got.headroom if h.target == of)


@pytest.fixture(scope="module")
def full() -> float:
    """Load at which the CPU comes to 80 %."""
    return reached(0.8, CPU)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_limit_is_known_at_half_load(seed: int, full: float) -> None:
    """At 75 of the 146 requests a second that fill the CPU, the interval holds where it fills."""
    assert full == pytest.approx(146, abs=4)
    found = room(watched(seed, full / 2 + 2), CPU)
    assert found.at is not None and found.at.low is not None and found.at.high is not None
    assert found.at.low <= full <= found.at.high
    assert found.at.value == pytest.approx(full, rel=0.15)
    assert found.extrapolated


@pytest.mark.parametrize("seed", SEEDS)
def test_the_limit_is_sharp_before_it_comes(seed: int, full: float) -> None:
    """At four fifths of it the estimate is within a twentieth."""
    found = room(watched(seed, 0.82 * full), CPU)
    assert found.at is not None and found.at.value == pytest.approx(full, rel=0.05)
    assert not found.extrapolated


def test_a_response_time_that_is_flat_promises_nothing() -> None:
    """Far from saturation the response time does not grow yet: no limit is invented."""
    found = room(watched(1, 76), P95)
    assert found.at is None and found.problem
