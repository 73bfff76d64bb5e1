"""Thresholds that are watched: distance, hysteresis, urgency by time to the threshold, order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.bottlenecks.bottleneck import Detector
from capmon.config.schema import Ratio, Settings
from capmon.model.frame import Reading
from capmon.model.results import (
    Forecast,
    Health,
    ReplicaState,
    SourceState,
    TimeToLimit,
    Trigger,
    When,
)

CPU, P95, HITS = "system.cpu.utilization", "http.server.request.duration.p95", "cache.hit_ratio"
MEMORY, ROOT = "system.memory.utilization", 'system.filesystem.utilization{mountpoint="/"}'
HOUR, DAY = 3600.0, 86400.0


def watch(
    seconds: int, values: dict[str, float | None], detector: Detector | None = None, **about: Any
) -> dict[str, Trigger]:
    """Triggers by component, in their order, after the same readings for so many seconds."""
    detector = detector or Detector(Settings())
    read = {k: Reading(v, 0.0) for k, v in values.items()}
    for second in range(seconds + 1):
        detector.step(1000.0, float(second), read, {}, **about)
    return {t.component: t for t in detector.triggers}


def ahead(key: str, t50: float | None, limit: float = 0.7, **more: Any) -> Forecast:
    """A forecast made now whose median reaches its limit after so many seconds."""
    made = Forecast(key, 1000.0, HOUR, (), (0.5,) * 1000, limit=limit, breach_probability=0.5,
                    time_to_limit=TimeToLimit(None, t50, None))  # fmt: skip
    return replace(made, **more)


def test_distance_is_counted_toward_harm() -> None:
    """High and low metrics alike: positive beyond the threshold, negative with room, None unknown."""
    got = watch(0, {CPU: 0.77, P95: 0.2, HITS: 0.56, MEMORY: None, ROOT: 0.8})
    distances = {name: t.distance for name, t in got.items()}
    assert distances == {
        "cache": pytest.approx(0.2),
        "cpu": pytest.approx(0.1),
        "disk /": 0.0,
        "latency": pytest.approx(-0.2),
        "memory": None,
    }
    assert list(got) == ["cache", "cpu", "disk /", "latency", "memory"]
    assert (got["memory"].value, got["memory"].urgency) == (None, None)
    assert (got["cpu"].value, got["cpu"].threshold, got["cpu"].sustain) == (0.77, 0.7, 30.0)


def test_triggered_is_what_the_bottleneck_is() -> None:
    """Not before its time, and until it is clear of the threshold for as long: one watch for both."""
    detector = Detector(Settings())
    course = [0.75] * 31 + [0.69] * 40 + [0.6] * 32
    seen = []
    for second, value in enumerate(course):
        rows, _ = detector.step(0.0, float(second), {CPU: Reading(value, 0.0)}, {})
        (trigger,) = detector.triggers
        assert trigger.triggered == bool(rows)
        assert trigger.sustained == (rows[0].sustained if rows else trigger.sustained)
        seen.append(trigger.triggered)
    assert seen == [False] * 30 + [True] * 71 + [False] * 2


def test_what_is_far_on_the_good_side_is_not_urgent() -> None:
    """A cache that hits always and an idle CPU ask for nothing, where the guide calls both urgent."""
    got = watch(60, {HITS: 1.0, CPU: 0.01, P95: 0.001})
    assert {t.urgency for t in got.values()} == {None}
    assert not any(t.triggered for t in got.values())


@pytest.mark.parametrize(
    ("values", "urgency"),
    [
        ({CPU: 0.95}, When.IMMEDIATE),
        ({CPU: 0.8}, When.SHORT_TERM),
        ({HITS: 0.4}, When.IMMEDIATE),
        ({HITS: 0.6}, When.SHORT_TERM),
        ({"db.status": 0.0}, When.IMMEDIATE),
    ],
)
def test_what_is_triggered_is_urgent_by_its_level(
    values: dict[str, float | None], urgency: When
) -> None:
    """At once beyond the critical threshold, soon beyond the warning; a spike asks for nothing yet."""
    (held,) = watch(31, values).values()
    assert (held.triggered, held.urgency) == (True, urgency)
    assert held.reaches == TimeToLimit(-31.0, -31.0, -31.0)
    (spike,) = watch(1, values).values()
    assert (spike.triggered, spike.urgency, spike.reaches) == (False, None, None)


@pytest.mark.parametrize(
    ("t50", "urgency"),
    [
        (HOUR, When.IMMEDIATE),
        (HOUR + 1, When.SHORT_TERM),
        (DAY, When.SHORT_TERM),
        (DAY + 1, When.LONG_TERM),
        (30 * DAY, When.LONG_TERM),
        (30 * DAY + 1, None),
        (None, None),
    ],
)
def test_urgency_follows_the_time_to_the_threshold(t50: float | None, urgency: When | None) -> None:
    """An hour is immediate, a day short term, a month long term, more than that nothing."""
    (got,) = watch(0, {CPU: 0.5}, forecasts=[ahead(CPU, t50)]).values()
    assert got.reaches == TimeToLimit(None, t50, None)
    assert got.urgency == urgency


def test_a_forecast_of_another_limit_is_read_at_the_threshold() -> None:
    """Its median is followed to the threshold; low is bad where low is bad."""
    rising = ahead(CPU, 9 * HOUR, limit=0.8, median=(0.6, 0.69, 0.71, 0.75))
    falling = ahead(HITS, None, limit=0.7, median=(0.9, 0.69))
    got = watch(0, {CPU: 0.5, HITS: 0.95}, forecasts=[rising, falling])
    assert got["cpu"].reaches == TimeToLimit(None, 3 * HOUR, None)
    assert got["cache"].reaches == TimeToLimit(None, 2 * HOUR, None)
    flat = watch(0, {CPU: 0.5}, forecasts=[ahead(CPU, 1.0, limit=0.8)])
    assert flat["cpu"].reaches is None


@pytest.mark.parametrize("fault", [{"problem": "needs 12 points, has 3"}, {"demoted": "band held 50 % of 95 %"}])  # fmt: skip
def test_a_forecast_that_is_not_trusted_makes_nothing_urgent(fault: dict[str, str]) -> None:
    """Neither one that could not be made nor one whose past was poor."""
    (got,) = watch(0, {CPU: 0.5}, forecasts=[ahead(CPU, 60.0, **fault)]).values()
    assert (got.reaches, got.urgency) == (None, None)


def test_a_forecast_ages() -> None:
    """Seconds count from now, not from when it was made, and never pass below zero."""
    made = [ahead(CPU, 100.0, made_at=940.0), ahead(MEMORY, 30.0, limit=0.8, made_at=940.0)]
    got = watch(0, {CPU: 0.5, MEMORY: 0.85}, forecasts=made)
    halves = {name: t.reaches.t50 for name, t in got.items() if t.reaches}
    assert halves == {"cpu": 40.0, "memory": 0.0}


def test_a_crossing_that_did_not_come_is_not_in_sight() -> None:
    """Where a forecast's time has passed and the value is on the good side nothing is to be done."""
    for t50 in (30.0, -400.0):
        (got,) = watch(0, {CPU: 0.3}, forecasts=[ahead(CPU, t50, made_at=940.0)]).values()
        assert (got.reaches, got.urgency) == (None, None)


def test_the_triggered_come_first_then_the_nearest() -> None:
    """One that has held goes before a spike that is farther out; the unknown come last."""
    detector = Detector(Settings())
    watch(31, {CPU: 0.72, MEMORY: 0.5, P95: None}, detector)
    got = watch(0, {CPU: 0.72, MEMORY: 0.99, P95: None, HITS: 0.9}, detector)
    assert [(n, t.triggered) for n, t in got.items()] == [
        ("cpu", True), ("memory", False), ("cache", False), ("latency", False)]  # fmt: skip


def test_the_order_is_that_of_the_distances_shown() -> None:
    """Whatever came before the nearest stands first; what is shown alike stands by name."""
    detector = Detector(Settings())
    course = (0.500, 0.5035, 0.510, 0.490, 0.60)
    orders = [list(watch(0, {CPU: cpu, MEMORY: 0.575}, detector)) for cpu in course]
    memory, cpu = ["memory", "cpu"], ["cpu", "memory"]
    assert orders == [memory, cpu, cpu, memory, cpu]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1.5), min_size=4, max_size=4), min_size=1, max_size=4))
def test_distances_never_rise_down_the_list(course: list[list[float]]) -> None:
    """Within the triggered and within the others each is as far from harm as the one above or farther."""
    detector = Detector(Settings())
    for values in course:
        got = watch(31, dict(zip((CPU, MEMORY, P95, HITS), values, strict=True)), detector)
        for group in (True, False):
            shown = [round(t.distance or 0.0, 2) for t in got.values() if t.triggered is group]
            assert shown == sorted(shown, reverse=True)
        states = [t.triggered for t in got.values()]
        assert states == sorted(states, reverse=True)


def test_only_thresholds_of_the_configuration_are_triggers() -> None:
    """Neither a dead application, nor replicas that are missing, nor a time near its objective is one."""
    down = Health("app", SourceState.FAILING, "", 1.0, None, 2.0, None, 5)
    some = ReplicaState("swarm", "web", 1, 4)
    got = watch(90, {P95: 0.2, CPU: 0.5}, follows=0.9, app_state=down, replicas=some)
    assert set(got) == {"latency", "cpu"}


def test_a_threshold_of_zero_has_no_distance() -> None:
    """Nothing is a share of nothing; it triggers all the same."""
    base = Settings()
    limits = base.thresholds
    none = replace(limits, cpu=replace(limits.cpu, warning=Ratio(0.0)))
    got = watch(31, {CPU: 0.2}, Detector(replace(base, thresholds=none)))["cpu"]
    assert (got.distance, got.triggered) == (None, True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=50),
    st.one_of(st.none(), st.floats(-1e6, 1e7)),
)
def test_any_course_has_triggers_that_agree_with_themselves(
    course: list[float | None], t50: float | None
) -> None:
    """Sign of the distance, group and urgency always go together."""
    detector = Detector(Settings())
    for second, value in enumerate(course):
        read = {CPU: Reading(value, 0.0), HITS: Reading(value, 0.0)}
        detector.step(1000.0, float(second), read, {}, forecasts=[ahead(CPU, t50)])
        for t in detector.triggers:
            beyond = value is not None and (value < 0.7 if t.component == "cache" else value > 0.7)
            assert (t.distance is None) == (value is None)
            assert beyond == (t.distance is not None and t.distance > 0)
            assert t.triggered <= (t.sustained >= t.sustain)
            if t.triggered and beyond:
                assert t.urgency in (When.IMMEDIATE, When.SHORT_TERM)
            elif t.component == "cache":
                assert t.urgency is None
