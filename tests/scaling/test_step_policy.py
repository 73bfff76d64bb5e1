"""The step policy: the guide's thresholds, and its defects gone."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.scaling import CooldownSettings, LevelSettings, StepSettings
from capmon.config.schema import Duration, Ratio
from capmon.model.policies import Verdict, Wait
from capmon.scaling.kept import plain, revived
from capmon.scaling.policies.base import Change, Policy, Situation
from capmon.scaling.policies.step import StepPolicy, StepState

CPU, MEMORY, P95 = (
    "process.cpu.utilization",
    "process.memory.utilization",
    "http.server.request.duration.p95",
)
UP = LevelSettings(Ratio(0.7), Ratio(0.8), Duration(0.25))
DOWN = LevelSettings(Ratio(0.4), Ratio(0.5), Duration(0.15))
LASTING = StepSettings(
    dataclasses.replace(UP, for_=Duration(60.0)), dataclasses.replace(DOWN, for_=Duration(120.0))
)
NEVER: tuple[Change, ...] = ()


def seen(
    at: float = 0.0,
    desired: int = 4,
    cpu: float | None = 0.55,
    memory: float | None = 0.6,
    p95: float | None = 0.2,
    changes: tuple[Change, ...] = NEVER,
) -> Situation:
    """A situation between the levels, unless told otherwise; None is not known."""
    found = {CPU: cpu, MEMORY: memory, P95: p95}
    known = {key: value for key, value in found.items() if value is not None}
    return Situation(at, desired, desired, known, changes)


def low(**more: Any) -> Situation:
    """A situation in which everything is under its lower level."""
    return seen(**{"cpu": 0.1, "memory": 0.1, "p95": 0.01, **more})


def step(settings: StepSettings | None = None) -> StepPolicy:
    """The guide's policy between 2 and 10 replicas, with its cooldowns of 5 and 10 minutes."""
    return StepPolicy(settings or StepSettings(), CooldownSettings(), 2, 10)


def once(situation: Situation, settings: StepSettings | None = None) -> Verdict:
    """The first verdict."""
    policy = step(settings)
    return policy.decide(policy.start(), situation)[0]


@pytest.mark.parametrize(
    ("situation", "to", "reasons"),
    [
        (seen(cpu=0.71), 5, ("cpu 71 % > 70 %",)),
        (seen(memory=0.81), 5, ("memory 81 % > 80 %",)),
        (seen(p95=0.251), 5, ("p95 251 ms > 250 ms",)),
        (seen(cpu=0.77, p95=0.5), 5, ("p95 500 ms > 250 ms", "cpu 77 % > 70 %")),
        (seen(cpu=0.7001), 5, ("cpu just over 70 %",)),
        (
            seen(cpu=0.7, memory=0.8, p95=0.25),
            4,
            (
                "cpu 70 % (40 % to 70 %)",
                "memory 80 % (50 % to 80 %)",
                "p95 250 ms (150 ms to 250 ms)",
            ),
        ),
        (
            seen(cpu=0.39, memory=0.49, p95=0.149),
            3,
            ("cpu 39 % < 40 %", "memory 49 % < 50 %", "p95 149 ms < 150 ms"),
        ),
        (
            seen(cpu=0.4, memory=0.49, p95=0.149),
            4,
            (
                "cpu 40 % (40 % to 70 %)",
                "memory 49 % (50 % to 80 %)",
                "p95 149 ms (150 ms to 250 ms)",
            ),
        ),
        (seen(cpu=0.39, memory=0.49, p95=0.26), 5, ("p95 260 ms > 250 ms",)),
    ],
)
def test_guide_thresholds(situation: Situation, to: int, reasons: tuple[str, ...]) -> None:
    """Over any upper level one more, under all lower ones one less, on a level nothing."""
    verdict = once(situation)
    assert (verdict.to, verdict.reasons) == (to, reasons)
    assert (verdict.binds, verdict.waits) == ("", ())


@pytest.mark.parametrize("ago", [0.0, 1.0, 299.0, 300.0, 86_400.0 * 3 + 10.0])
def test_cooldown_before_adding(ago: float) -> None:
    """Nothing is added for five minutes after a change; days are counted as days."""
    now = 1_000_000.0
    for change in (Change(now - ago, 3, 4), Change(now - ago, 5, 4)):
        verdict = once(seen(now, cpu=0.9, changes=(change,)))
        if ago < 300:
            assert verdict.to == 4
            assert verdict.waits == (Wait("cooldown", up=True, seconds=300.0 - ago),)
        else:
            assert (verdict.to, verdict.waits) == (5, ())


@pytest.mark.parametrize("ago", [0.0, 300.0, 599.5, 600.0])
def test_cooldown_before_taking_away(ago: float) -> None:
    """Nothing is taken away for ten minutes after a change."""
    verdict = once(low(at=1000.0, changes=(Change(1000.0 - ago, 3, 4),)))
    if ago < 600:
        assert verdict.to == 4
        assert verdict.waits == (Wait("cooldown", up=False, seconds=600.0 - ago),)
    else:
        assert (verdict.to, verdict.waits) == (3, ())


def test_only_changes_start_a_cooldown() -> None:
    """Wanting more, at the maximum or before it, resets no clock: only a change does."""
    policy = step()
    state = policy.start()
    for at in range(0, 600, 60):
        verdict, state = policy.decide(state, seen(float(at), desired=10, cpu=0.9))
        assert (verdict.to, verdict.binds, verdict.waits) == (10, "max 10", ())
    assert state.changed_at is None
    verdict, state = policy.decide(state, low(at=600.0, desired=10))
    assert (verdict.to, verdict.waits) == (9, ())
    # Nobody followed it, so that it is still wanted at once.
    assert policy.decide(state, low(at=615.0, desired=10))[0].to == 9


def test_cooldown_outlasts_the_changes_told() -> None:
    """A cooldown longer than the changes are told of still counts from the change."""
    policy = StepPolicy(StepSettings(), CooldownSettings(Duration(7200.0), Duration(7200.0)), 2, 10)
    change = Change(0.0, 3, 4)
    _, state = policy.decide(policy.start(), seen(10.0, cpu=0.9, changes=(change,)))
    verdict, state = policy.decide(state, seen(5000.0, cpu=0.9))
    assert (verdict.to, verdict.waits) == (4, (Wait("cooldown", up=True, seconds=2200.0),))
    assert policy.decide(state, seen(7200.0, cpu=0.9))[0].to == 5


@pytest.mark.parametrize(
    ("situation", "to", "binds"),
    [
        (low(desired=2), 2, "min 2"),
        (seen(desired=10, cpu=0.9), 10, "max 10"),
        (seen(desired=9, cpu=0.9), 10, ""),
        (low(desired=3), 2, ""),
        (low(desired=14), 10, "max 10"),
        (seen(desired=1, cpu=None, memory=None, p95=None), 2, "min 2"),
    ],
)
def test_bounds_are_named(situation: Situation, to: int, binds: str) -> None:
    """A bound that keeps the count is named, and a count outside is led back to it."""
    verdict = once(situation)
    assert (verdict.to, verdict.binds) == (to, binds)


def test_unknown_metric_blocks_scale_down() -> None:
    """A metric that is not known is no 0: it keeps replicas, and the verdict says so."""
    verdict = once(low(memory=None))
    assert (verdict.to, verdict.binds) == (4, "memory unknown: nothing is taken away")
    assert verdict.reasons[-1] == "memory unknown"
    assert once(low(p95=math.nan)).to == 4


def test_unknown_metric_adds_nothing() -> None:
    """The metrics that are known decide alone on one more."""
    assert once(seen(memory=None)).to == 4
    verdict = once(seen(cpu=0.9, memory=None))
    assert (verdict.to, verdict.reasons) == (5, ("cpu 90 % > 70 %", "memory unknown"))


def test_what_cannot_be_told_says_why() -> None:
    """With nothing known, or nothing running, there is no count, but a reason."""
    nothing = once(seen(cpu=None, memory=None, p95=None))
    assert nothing.to is None
    assert nothing.reasons == ("cpu unknown", "memory unknown", "p95 unknown")
    stopped = once(seen(desired=0, cpu=0.9))
    assert (stopped.to, stopped.reasons) == (None, ("scaling is disabled: 0 replicas asked for",))


def test_host_stands_in_for_the_application() -> None:
    """The application's own utilization counts, else that of the host."""
    host = {"system.cpu.utilization": 0.9, "system.memory.utilization": 0.1, P95: 0.1}
    assert once(Situation(0.0, 4, 4, host)).to == 5
    assert once(Situation(0.0, 4, 4, {**host, CPU: 0.1})).to == 3


def test_levels_must_hold() -> None:
    """One more is asked for only when a level was crossed all the time that it must be."""
    policy = step(LASTING)
    verdict, state = policy.decide(policy.start(), seen(0.0, cpu=0.9))
    assert (verdict.to, verdict.waits) == (4, (Wait("hold", up=True, seconds=60.0),))
    # Another metric takes over: some level is crossed all the while.
    verdict, state = policy.decide(state, seen(45.0, memory=0.9))
    assert (verdict.to, verdict.waits) == (4, (Wait("hold", up=True, seconds=15.0),))
    assert policy.decide(state, seen(60.0, cpu=0.9))[0].to == 5
    _, state = policy.decide(state, seen(50.0))
    verdict, state = policy.decide(state, seen(60.0, cpu=0.9))
    assert (verdict.to, verdict.waits) == (4, (Wait("hold", up=True, seconds=60.0),))


def test_unknown_is_no_evidence_of_holding() -> None:
    """Time in which a metric was not known does not count toward taking away."""
    policy = step(LASTING)
    _, state = policy.decide(policy.start(), low(at=0.0))
    _, state = policy.decide(state, low(at=100.0, p95=None))
    verdict, state = policy.decide(state, low(at=120.0))
    assert (verdict.to, verdict.waits) == (4, (Wait("hold", up=False, seconds=120.0),))
    _, state = policy.decide(state, low(at=180.0))
    assert policy.decide(state, low(at=240.0))[0].to == 3


def test_a_time_that_nobody_saw_is_no_evidence_of_holding() -> None:
    """A level that is crossed before and after a gap, or a restart, has not held through it."""
    policy = step(LASTING)
    _, state = policy.decide(policy.start(), seen(0.0, cpu=0.9))
    verdict, state = policy.decide(state, seen(61.0, cpu=0.9))
    assert (verdict.to, verdict.waits) == (4, (Wait("hold", up=True, seconds=60.0),))


def test_all_waits_are_told() -> None:
    """A cooldown and a level that must hold are told side by side."""
    verdict = once(seen(100.0, cpu=0.9, changes=(Change(0.0, 3, 4),)), LASTING)
    assert verdict.waits == (Wait("cooldown", True, 200.0), Wait("hold", True, 60.0))


shares = st.floats(0, 3)
situations = st.builds(
    lambda at, desired, found, changes: Situation(
        at, desired, desired, found, tuple(sorted(changes, key=lambda c: c.at))
    ),
    st.floats(0, 2000),
    st.integers(0, 14),
    st.dictionaries(st.sampled_from([CPU, MEMORY, P95]), shares, max_size=3),
    st.lists(
        st.builds(Change, st.floats(0, 2000), st.integers(1, 12), st.integers(1, 12)), max_size=4
    ),
)


@given(st.lists(situations, max_size=12), st.sampled_from([StepSettings(), LASTING]))
def test_counts_stay_within_bounds(each: list[Situation], settings: StepSettings) -> None:
    """Whatever is seen, in whatever order of time, the count is within the bounds or not told."""
    policy = step(settings)
    state = policy.start()
    for situation in each:
        verdict, state = policy.decide(state, situation)
        assert verdict.reasons
        assert all(w.seconds > 0 for w in verdict.waits)
        if verdict.to is None:
            continue
        assert 2 <= verdict.to <= 10
        if 2 <= situation.desired <= 10:
            assert abs(verdict.to - situation.desired) <= 1
            assert len(situation.values) == 3 or verdict.to >= situation.desired


@given(
    st.lists(situations, max_size=5),
    situations,
    st.sampled_from([CPU, MEMORY, P95]),
    shares,
    shares,
)
def test_more_use_never_means_fewer_replicas(
    before: list[Situation], last: Situation, key: str, one: float, other: float
) -> None:
    """Raising a value does not lower the count, whatever came before."""
    policy = step(LASTING)
    state = policy.start()
    for situation in before:
        _, state = policy.decide(state, situation)
    less, more = (
        policy.decide(state, dataclasses.replace(last, values={**last.values, key: value}))[0].to
        for value in sorted([one, other])
    )
    assert (less is None) == (more is None)
    if less is not None and more is not None:
        assert less <= more


def test_clock_that_stands_still_is_harmless() -> None:
    """A situation of the same or an earlier time neither fails nor shortens a wait."""
    policy = step()
    change = Change(1000.0, 3, 4)
    _, state = policy.decide(policy.start(), seen(1100.0, cpu=0.9, changes=(change,)))
    for at in (1100.0, 500.0, -1e9):
        verdict, state = policy.decide(state, seen(at, cpu=0.9, changes=(change,)))
        assert (verdict.to, verdict.waits) == (4, (Wait("cooldown", True, 200.0),))
    earlier = seen(1100.0, cpu=0.9, changes=(Change(0.0, 3, 4),))
    assert policy.decide(state, earlier)[0].waits == (Wait("cooldown", True, 200.0),)
    future = once(seen(0.0, cpu=0.9, changes=(change,)))
    assert (future.to, future.waits) == (4, (Wait("cooldown", True, 300.0),))


def test_moved_state_decides_alike_on_another_clock() -> None:
    """A state moved to another clock leads to the same verdict there."""
    policy = step(LASTING)
    _, state = policy.decide(policy.start(), seen(0.0, cpu=0.9, changes=(Change(-50.0, 3, 4),)))
    verdict, after = policy.decide(state, seen(30.0, cpu=0.9))
    moved, moved_after = policy.decide(policy.moved(state, 7000.0), seen(7030.0, cpu=0.9))
    assert len(verdict.waits) == 2
    assert moved == verdict
    assert moved_after == policy.moved(after, 7000.0)
    assert policy.moved(StepState(), 5.0) == StepState()


def test_state_outlives_a_restart_as_json() -> None:
    """The state goes through JSON unchanged."""
    policy = step()
    _, state = policy.decide(policy.start(), seen(12.5, cpu=0.9, changes=(Change(3.25, 3, 4),)))
    assert state == StepState(12.5, 12.5, None, 3.25)
    assert revived(StepState, json.loads(json.dumps(plain(state)))) == state


@given(situations)
def test_short_verdicts_agree(situation: Situation) -> None:
    """Leaving the explanation out changes neither the count nor what is remembered."""
    told = step()
    short = StepPolicy(StepSettings(), CooldownSettings(), 2, 10, explain=False)
    (one, state), (other, brief) = (p.decide(p.start(), situation) for p in (told, short))
    assert (one.to, state) == (other.to, brief)


def test_policy_is_one() -> None:
    """It is what every policy must be."""
    policy: Policy[StepState] = step()
    assert policy.name == "step"
