"""What is known now, and why not: nothing stale passes for a measurement."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.model.frame import ProcessUse, Reading, TopProcesses
from capmon.model.results import Health, ReplicaState, SourceState
from capmon.model.sample import Batch
from capmon.monitor.readings import OF_THE_APPLICATION, REMEMBERED, Readings

CPU, P95, STATUS = "system.cpu.utilization", "http.server.request.duration.p95", "db.status"
DISK = 'system.filesystem.utilization{mountpoint="/data"}'
LIVE = SourceState.LIVE


def health(source: str, state: SourceState = LIVE, reason: str = "") -> Health:
    """How one source does."""
    return Health(source, state, reason, last_success=1.0)


def test_the_latest_value_counts() -> None:
    """A later batch of the same source replaces the earlier one."""
    readings = Readings()
    readings.take("host", Batch(1.0, {CPU: 0.5}))
    readings.take("host", Batch(2.0, {CPU: 0.6}))
    assert readings.now([health("host")]) == {CPU: Reading(0.6, 2.0)}


def test_missing_keeps_the_time_when_it_was_last_known() -> None:
    """The value is gone, its reason and its last moment are there."""
    readings = Readings()
    readings.take("app", Batch(1.0, {P95: 0.2}))
    readings.take("app", Batch(2.0, {}, {P95: "no requests", STATUS: "no such path"}))
    now = readings.now([health("app")])
    assert now[P95] == Reading(None, 1.0, "no requests")
    assert now[STATUS] == Reading(None, None, "no such path")


def test_what_is_no_longer_reported_is_said() -> None:
    """A metric that a source does not mention any more is unknown, and other sources' stay."""
    readings = Readings()
    readings.take("host", Batch(1.0, {CPU: 0.5, DISK: 0.4}))
    readings.take("app", Batch(1.0, {P95: 0.2}))
    readings.take("host", Batch(2.0, {CPU: 0.5}))
    now = readings.now([health("host"), health("app")])
    assert now[DISK] == Reading(None, 1.0, "no longer reported")
    assert now[P95].value == 0.2


def test_a_part_long_gone_is_forgotten() -> None:
    """A file system that was taken away is listed for an hour; a metric without labels for good."""
    readings = Readings()
    readings.take("host", Batch(0.0, {CPU: 0.5, DISK: 0.4}))
    for at in (1.0, REMEMBERED, REMEMBERED + 1):
        readings.take("host", Batch(at))
    assert readings.now([health("host")]) == {CPU: Reading(None, 0.0, "no longer reported")}
    readings.take("host", Batch(REMEMBERED + 2, {DISK: 0.1}))
    assert readings.now([health("host")])[DISK].value == 0.1


@pytest.mark.parametrize("state", [SourceState.FAILING, SourceState.LATE, SourceState.OFF])
def test_values_of_a_silent_source_are_unknown(state: SourceState) -> None:
    """Numbers, words and processes go with their source, with its reason, and come back."""
    readings = Readings()
    processes = TopProcesses(by_cpu=(ProcessUse(1, "init", 0.1, 1e6),))
    readings.take("app", Batch(5.0, {STATUS: 1.0}, texts={STATUS: "healthy"}))
    readings.take("processes", Batch(5.0, processes=processes))
    silent = [health("app", state, "connection refused"), health("processes", state, "slow")]
    assert readings.now(silent)[STATUS] == Reading(None, 5.0, "connection refused")
    assert readings.texts(silent) == {}
    assert readings.processes(silent) == TopProcesses()
    back = [health("app"), health("processes")]
    assert readings.now(back)[STATUS].value == 1.0
    assert readings.texts(back) == {STATUS: "healthy"}
    assert readings.processes(back) == processes


def test_a_reason_of_its_own_stays() -> None:
    """What was missing before its source fell silent keeps its own reason."""
    readings = Readings()
    readings.take("app", Batch(1.0, {}, {P95: "no such path"}))
    silent = [health("app", SourceState.FAILING, "connection refused")]
    assert readings.now(silent)[P95].reason == "no such path"


def test_a_silent_source_without_a_reason_says_its_state() -> None:
    """Unknown never comes without a reason."""
    readings = Readings()
    readings.take("host", Batch(1.0, {CPU: 0.5}))
    assert readings.now([health("host", SourceState.OFF)])[CPU].reason == "off"


def test_words_go_when_their_source_stops_saying_them() -> None:
    """A remark beside a value does not outlive it."""
    readings = Readings()
    readings.take("app", Batch(1.0, {P95: 10.0}, texts={P95: "above 10 s, the last bucket"}))
    assert readings.texts([health("app")]) == {P95: "above 10 s, the last bucket"}
    readings.take("app", Batch(2.0, {P95: 0.2}))
    assert readings.texts([health("app")]) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_unknown(value: float) -> None:
    """A source that breaks its promise does not put NaN on the screen."""
    readings = Readings()
    readings.take("host", Batch(1.0, {CPU: value}))
    assert readings.now([health("host")])[CPU] == Reading(None, None, "not a finite number")


def test_before_its_first_answer_all_of_the_application_is_unknown() -> None:
    """Every metric that only it can tell is there with the reason."""
    never = Health("app", SourceState.FAILING, "connection refused")
    now = Readings().now([never])
    assert set(now) == set(OF_THE_APPLICATION)
    assert {r.reason for r in now.values()} == {"connection refused"}
    assert {r.value for r in now.values()} == {None}
    starting = Readings().now([Health("app", SourceState.STARTING)])
    assert {r.reason for r in starting.values()} == {"not read yet"}


def test_replica_counts_are_unknown_while_their_source_is_silent() -> None:
    """The last count is no count; the limits stay."""
    readings = Readings()
    known = ReplicaState("swarm", "web", 4, 4, at=1.0, minimum=2, maximum=10)
    readings.take("replicas", Batch(1.0, replicas=known))
    assert readings.replica_state([health("replicas")]) == known
    gone = readings.replica_state([health("replicas", SourceState.LATE, "last answer 1 m ago")])
    assert gone is not None
    assert (gone.ready, gone.desired, gone.reason) == (None, None, "last answer 1 m ago")
    assert (gone.minimum, gone.maximum) == (2, 10)
    assert Readings().replica_state([]) is None


KEYS = st.sampled_from([CPU, P95, STATUS, DISK])
BATCHES = st.tuples(
    st.sampled_from(["host", "app"]),
    st.dictionaries(KEYS, st.floats()),
    st.dictionaries(KEYS, st.sampled_from(["gone", "refused"])),
)


@given(st.lists(BATCHES, max_size=12), st.sampled_from(list(SourceState)))
def test_a_reading_has_a_value_or_a_reason(
    batches: list[tuple[str, dict[str, float], dict[str, str]]], state: SourceState
) -> None:
    """Whatever sources give: a finite value without a reason, or a reason without a value."""
    readings = Readings()
    for at, (source, values, missing) in enumerate(batches):
        readings.take(source, Batch(float(at), values, missing))
    for reading in readings.now([health("host"), health("app", state)]).values():
        if reading.value is None:
            assert reading.reason
        else:
            assert math.isfinite(reading.value)
            assert not reading.reason
