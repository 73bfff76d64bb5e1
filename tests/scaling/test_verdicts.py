"""What all policies say: when they are asked, what they are told, and what they remember."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.schema import (
    CouplingSettings,
    Duration,
    ScalingSettings,
    Settings,
    Size,
    TierSettings,
)
from capmon.model.curves import Estimate
from capmon.model.frame import Reading
from capmon.model.policies import Scaling, Verdict, Wait
from capmon.model.results import ReplicaState
from capmon.scaling.kept import plain, revived
from capmon.scaling.policies.base import Change, PeakOutlook, Situation
from capmon.scaling.policies.hpa import HpaState
from capmon.scaling.policies.step import StepState
from capmon.scaling.verdicts import Verdicts

CPU, MEMORY, P95 = (
    "process.cpu.utilization",
    "process.memory.utilization",
    "http.server.request.duration.p95",
)
EVERY = 15.0


def readings(cpu: float | None = 0.6, **more: float) -> dict[str, Reading]:
    """Values of a service."""
    known = {CPU: cpu, MEMORY: 0.5, P95: 0.1, **more}
    return {k: Reading(v, 1.0, "" if v is not None else "silent") for k, v in known.items()}


def replicas(desired: int | None = 4, ready: int | None = -1) -> ReplicaState:
    """A target."""
    ready = desired if ready == -1 else ready
    reason = "no route to host" if desired is None or ready is None else ""
    return ReplicaState("command", "web", ready, desired, reason=reason)


@dataclass(frozen=True)
class Marks:
    """What the recording policy remembers."""

    times: tuple[float, ...] = ()


class Recording:
    """A policy that keeps what it is told."""

    def __init__(self, name: str = "told", to: int | None = 4) -> None:
        self.name = name
        self.to = to
        self.seen: list[Situation] = []
        self.waits: tuple[Wait, ...] = ()
        self.fault: Exception | None = None

    def start(self) -> Marks:
        """No mark."""
        return Marks()

    def decide(self, state: Marks, seen: Situation, /) -> tuple[Verdict, Marks]:
        """What it was told to want."""
        self.seen.append(seen)
        if self.fault is not None:
            raise self.fault
        verdict = Verdict(self.name, self.to, ("told to",), waits=self.waits)
        return verdict, Marks((*state.times, seen.at))

    def moved(self, state: Marks, seconds: float, /) -> Marks:
        """Every mark moved."""
        return Marks(tuple(t + seconds for t in state.times))


def settings(**changes: Any) -> Settings:
    """Settings with a known pace."""
    scaling = replace(ScalingSettings(policy="hpa", every=Duration(EVERY)), **changes)
    return Settings(scaling=scaling)


def rig(to: int | None = 4) -> tuple[Verdicts, Recording]:
    """Verdicts with a policy that records."""
    policy = Recording(to=to)
    return Verdicts(settings(), [policy]), policy


def verdicts_of(scaling: Scaling) -> dict[str, int | None]:
    """Counts by policy."""
    return {v.policy: v.to for v in scaling.verdicts}


def test_all_are_asked_in_one_order() -> None:
    """Step, hpa, then the others; the configured one is named."""
    verdicts, _ = rig()
    scaling = verdicts.step(0.0, readings(0.9), replicas())
    assert [v.policy for v in scaling.verdicts] == ["step", "hpa", "told"]
    assert verdicts_of(scaling) == {"step": 5, "hpa": 6, "told": 4}
    assert scaling.policy == "hpa"


def test_they_are_told_what_is_known() -> None:
    """Finite values alone, both counts, the outlook and the capacity."""
    verdicts, policy = rig()
    outlook = PeakOutlook(180.0, 0.99, 120.0)
    values = {**readings(None), "bad": Reading(math.inf, 1.0), "nan": Reading(math.nan, 1.0)}
    verdicts.step(7.0, values, replicas(4, 3), outlook=outlook, capacity=30.0)
    (seen,) = policy.seen
    assert (seen.at, seen.desired, seen.ready) == (7.0, 4, 3)
    assert seen.values == {MEMORY: 0.5, P95: 0.1}
    assert (seen.outlook, seen.capacity) == (outlook, 30.0)


def test_they_are_asked_at_their_pace() -> None:
    """Ticks in between give the last verdicts, whatever is measured meanwhile."""
    verdicts, policy = rig()
    counts = [
        verdicts_of(verdicts.step(float(t), readings(0.9), replicas()))["hpa"] for t in range(31)
    ]
    assert [s.at for s in policy.seen] == [0.0, 15.0, 30.0]
    assert verdicts.asked == 3
    assert set(counts) == {6}


def test_a_tick_that_comes_early_is_not_skipped() -> None:
    """Otherwise the pace would be that of every second tick."""
    verdicts, policy = rig()
    for at in (0.0, 14.9, 29.8):
        verdicts.step(at, readings(), replicas())
    assert len(policy.seen) == 3


def test_waits_are_counted_down_in_between() -> None:
    """And are gone when they are over."""
    verdicts, policy = rig()
    policy.waits = (Wait("stabilization", False, 10.0), Wait("hold", True, 3.0))
    verdicts.step(0.0, readings(), replicas())
    later = verdicts.step(4.0, readings(), replicas()).verdicts[-1]
    assert later.waits == (Wait("stabilization", False, 6.0),)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "no answer yet"),
        (replicas(None, None), "no route to host"),
        (replicas(4, None), "no route to host"),
        (replicas(None, 4), "no route to host"),
    ],
)
def test_without_a_count_nobody_is_asked(state: ReplicaState | None, reason: str) -> None:
    """Every verdict is unknown, with the reason."""
    verdicts, policy = rig()
    scaling = verdicts.step(0.0, readings(), state)
    assert not policy.seen
    assert {v.to for v in scaling.verdicts} == {None}
    assert {v.reasons for v in scaling.verdicts} == {(f"replica count is not known: {reason}",)}


def test_blind_nobody_is_asked() -> None:
    """The host's own values say nothing of a service that does not answer."""
    verdicts, policy = rig()
    verdicts.step(0.0, readings(), replicas())
    scaling = verdicts.step(
        1.0, {"system.cpu.utilization": Reading(0.01, 1.0)}, replicas(), blind="down"
    )
    assert len(policy.seen) == 1
    assert {(v.to, v.reasons) for v in scaling.verdicts} == {(None, ("down",))}
    assert verdicts.asked == 2


def test_they_are_asked_again_as_soon_as_something_is_known() -> None:
    """Not at the next turn only; and a verdict of before is not shown again."""
    verdicts, policy = rig()
    verdicts.step(0.0, readings(), None)
    verdicts.step(1.0, readings(), replicas())
    verdicts.step(2.0, readings(), replicas(None, None))
    verdicts.step(3.0, readings(), replicas())
    assert [s.at for s in policy.seen] == [1.0, 3.0]
    assert verdicts.asked == 4


def test_changes_are_seen_whoever_made_them() -> None:
    """Also between two turns and across a gap, for an hour; the first count is no change."""
    verdicts, policy = rig()
    counts = [(0.0, 4), (3.0, 5), (5.0, None), (9.0, 7), (15.0, 7)]
    for at, count in counts:
        verdicts.step(at, readings(), replicas(count))
    assert policy.seen[-1].changes == (Change(3.0, 4, 5), Change(9.0, 5, 7))
    verdicts.step(3605.0, readings(), replicas(7))
    assert policy.seen[-1].changes == (Change(9.0, 5, 7),)


def test_cooldowns_and_startup_are_passed_on() -> None:
    """A cooldown that is over is none."""
    verdicts, policy = rig()
    startup = Estimate(40.0)
    scaling = verdicts.step(0.0, readings(), replicas(), cooldowns=(0.0, 12.0), startup=startup)
    assert scaling.waits == (Wait("cooldown", False, 12.0),)
    assert scaling.startup == startup
    assert policy.seen[-1].startup == 40.0


def test_one_that_fails_stops_none_of_the_others() -> None:
    """It says so, and starts afresh."""
    verdicts, policy = rig()
    verdicts.step(0.0, readings(), replicas())
    policy.fault = ZeroDivisionError("by zero")
    scaling = verdicts.step(15.0, readings(0.9), replicas())
    assert verdicts_of(scaling) == {"step": 5, "hpa": 6, "told": None}
    assert scaling.verdicts[-1].reasons == ("failed: ZeroDivisionError: by zero",)
    assert verdicts.state()["policies"]["told"] == {"times": []}


def test_tiers_are_advised_where_they_are_configured() -> None:
    """And nothing is said where there are none."""
    tiers = (TierSettings("small", 2, Size(4e9)), TierSettings("large", 4, Size(8e9)))
    assert rig()[0].step(0.0, readings(), replicas()).vertical is None
    vertical = replace(settings().scaling.vertical, tier="small")
    verdicts = Verdicts(replace(settings(vertical=vertical), tiers=tiers))
    found = verdicts.step(0.0, readings(), replicas()).vertical
    assert found is not None and found.tier == "small"


def kept(verdicts: Verdicts) -> Any:
    """The state as a file gives it back."""
    return json.loads(json.dumps(verdicts.state()))


def test_a_restart_keeps_what_they_remember() -> None:
    """On another clock: stabilization, holds and changes are as old as they are."""
    first, _ = rig()
    for at, cpu, count in ((0.0, 0.9, 4), (15.0, 0.9, 4), (20.0, 0.9, 6)):
        first.step(at, readings(cpu), replicas(count))
    second, policy = rig()
    assert second.restore(kept(first), age=100.0, at=1000.0) == ()
    scaling = second.step(1000.0, readings(0.1), replicas(6))
    # HPA wanted 6 and more 100 s ago: that holds for 300 s.
    assert verdicts_of(scaling)["hpa"] == 6
    (wait,) = scaling.verdicts[1].waits
    assert wait.what == "stabilization" and not wait.up
    assert policy.seen[-1].changes == (Change(900.0, 4, 6),)
    assert second.state()["policies"]["told"] == {"times": [880.0, 895.0, 900.0, 1000.0]}


def test_a_count_that_moved_asks_at_once() -> None:
    """Else the verdict on the old count would stand beside the new one for up to `scaling.every`."""
    verdicts, policy = rig()
    verdicts.step(0.0, readings(), replicas(5))
    verdicts.step(1.0, readings(), replicas(5))
    verdicts.step(2.0, readings(), replicas(4))
    verdicts.step(3.0, readings(), replicas(4))
    assert [seen.desired for seen in policy.seen] == [5, 4]
    assert policy.seen[-1].changes == (Change(2.0, 5, 4),)


def test_after_a_long_time_away_the_count_that_is_found_counts() -> None:
    """No window reaches back that far: a restart takes nothing away at once."""
    first, _ = rig()
    first.step(0.0, readings(0.7), replicas(8))
    second, policy = rig()
    assert second.restore(kept(first), age=301.0, at=1000.0) == ()
    second.step(1000.0, readings(0.1), replicas(8))
    scaling = second.step(1015.0, readings(0.1), replicas(8))
    assert verdicts_of(scaling)["hpa"] == 8
    assert second.state()["policies"]["told"] == {"times": [1000.0, 1015.0]}
    assert policy.seen[-1].changes == ()


def test_no_policy_asks_for_what_would_be_refused() -> None:
    """What replicas share bounds them all, and is named: a whole refusal would leave too few."""
    shared = (CouplingSettings("database connections", 25, 150),)
    verdicts = Verdicts(settings(limits=shared))
    found = verdicts.step(0.0, readings(2.0), replicas()).verdicts[-1]
    assert (found.policy, found.to, found.binds) == ("hpa", 6, "database connections (6 fit)")


def test_a_change_made_in_between_is_seen() -> None:
    """By whoever, while nobody was looking."""
    first, _ = rig()
    first.step(0.0, readings(), replicas(4))
    second, policy = rig()
    second.restore(kept(first), age=50.0, at=10.0)
    second.step(10.0, readings(), replicas(7))
    assert policy.seen[-1].changes == (Change(10.0, 4, 7),)


def test_a_size_that_was_learned_is_kept() -> None:
    """With its times moved."""
    tiers = (TierSettings("small", 2, Size(4e9)), TierSettings("large", 4, Size(8e9)))
    vertical = replace(settings().scaling.vertical, tier="small")
    asked = replace(settings(vertical=vertical), tiers=tiers)
    first = Verdicts(asked)
    for at in range(0, 600, 15):
        found = first.step(float(at), readings(0.9), replicas()).vertical
    second = Verdicts(asked)
    assert second.restore(kept(first), age=15.0, at=99.0) == ()
    again = second.step(99.0, readings(0.9), replicas()).vertical
    assert found is not None and again is not None and found.cores is not None
    assert again.cores is not None and again.cores.value == pytest.approx(found.cores.value)
    assert any("10 m" in line for line in again.reasons)


DAMAGED: dict[str, Any] = {
    "none": None,
    "a list": [],
    "empty": {},
    "another version": {"version": 99},
    "no time": {"version": 1, "at": "soon", "changes": [], "policies": {}, "desired": 1},
    "changes": {"version": 1, "at": 0, "changes": [{"at": 1}], "policies": {}, "desired": 1},
    "policies": {"version": 1, "at": 0, "changes": [], "policies": 7, "desired": 1},
}


@pytest.mark.parametrize("document", DAMAGED.values(), ids=DAMAGED)
def test_what_cannot_be_read_is_dropped(document: Any) -> None:
    """With one line, and the policies start afresh."""
    verdicts, policy = rig()
    (notice,) = verdicts.restore(document, age=1.0, at=1.0)
    assert "dropped" in notice
    verdicts.step(0.0, readings(), replicas())
    assert policy.seen[0].changes == ()


def test_one_damaged_state_takes_no_other_with_it() -> None:
    """The hpa policy starts afresh, the others go on."""
    first, _ = rig()
    first.step(0.0, readings(), replicas())
    document = kept(first)
    document["policies"]["hpa"]["highs"] = "none"
    second, _ = rig()
    (notice,) = second.restore(document, age=0.0, at=0.0)
    assert "hpa" in notice
    assert second.state()["policies"]["hpa"] == plain(HpaState())
    assert second.state()["policies"]["told"] == {"times": [0.0]}


numbers = st.floats(allow_nan=False)
counts = st.lists(st.tuples(st.integers(), numbers), max_size=4).map(tuple)


@given(st.builds(HpaState, at=st.none() | numbers, lows=counts, highs=counts))
def test_a_state_comes_back_as_it_was(state: HpaState) -> None:
    """Through JSON and back, for any numbers."""
    assert revived(HpaState, json.loads(json.dumps(plain(state)))) == state


@dataclass(frozen=True)
class Inner:
    """One of many."""

    kind: Literal["a", "b"]
    flag: bool = False


@dataclass(frozen=True)
class Outer:
    """One of each."""

    count: int
    share: float | None = None
    text: str = ""
    inner: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (0, "")


def test_every_kind_of_value_comes_back() -> None:
    """Nested, optional, and of a fixed set."""
    value = Outer(1, 2.0, "µ", (Inner("a", True), Inner("b")), (3, "x"))
    assert revived(Outer, json.loads(json.dumps(plain(value)))) == value


@pytest.mark.parametrize(
    "document",
    [
        {"count": "1"},
        {"count": True},
        {"count": 1.5},
        {},
        {"count": 1, "more": 2},
        {"count": 1, "share": "x"},
        {"count": 1, "share": math.nan},
        {"count": 1, "text": 7},
        {"count": 1, "inner": {}},
        {"count": 1, "inner": [{"kind": "c"}]},
        {"count": 1, "inner": [{"kind": "a", "flag": 1}]},
        {"count": 1, "pair": [1]},
        [],
        None,
    ],
)
def test_a_value_of_another_kind_is_no_value(document: Any) -> None:
    """It is refused, never bent."""
    with pytest.raises(ValueError, match=r"expected|missing|has no|none of|not a number"):
        revived(Outer, document)


@given(
    st.recursive(
        st.none() | st.booleans() | numbers | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=6,
    )
)
def test_no_document_crashes_a_restart(document: Any) -> None:
    """Whatever stands in the file, in whatever place."""
    verdicts, _ = rig()
    whole: Mapping[str, Any] = {
        "version": 1,
        "at": 0.0,
        "desired": None,
        "changes": [],
        "policies": {"step": document, "hpa": document},
        "size": None,
    }
    assert len(verdicts.restore(whole, age=0.0, at=0.0)) <= 2
    verdicts.restore(document, age=0.0, at=0.0)
    assert isinstance(verdicts.state(), dict)


def test_a_state_of_step_is_told_apart_from_one_of_hpa() -> None:
    """Fields that a state does not have are no state of it."""
    with pytest.raises(ValueError, match="highs"):
        revived(StepState, plain(HpaState(1.0)))
