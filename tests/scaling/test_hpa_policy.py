"""The HPA policy: Kubernetes' own cases, and what must hold beyond them."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.scaling import BehaviorSettings, HpaSettings, RateSettings
from capmon.config.schema import Duration, Ratio
from capmon.model.policies import Verdict, Wait
from capmon.scaling.kept import plain, revived
from capmon.scaling.policies.base import Change, Policy, Situation
from capmon.scaling.policies.hpa import GUIDE_HPA, HpaPolicy, HpaState
from capmon.scaling.policies.hpa_metrics import (
    per_pod_replicas,
    plain_replicas,
    quantity_aim,
    utilization_aim,
)
from capmon.scaling.policies.hpa_rates import limited, seconds_held, stabilized, with_high, with_low

VECTORS = json.loads((Path(__file__).parents[1] / "data/vectors/hpa.json").read_text("utf-8"))
NOW = 100_000.0
CPU, MEMORY, RATE = "process.cpu.utilization", "process.memory.utilization", "http.server.request.rate"  # fmt: skip
FREE = BehaviorSettings(Duration(0.0), (), tolerance=Ratio(0.0))
"""Neither a window nor a rate nor a tolerance."""

values = st.floats(0.0, 5.0)
counts = st.integers(1, 30)


def rules(numbers: list[int] | None, default: BehaviorSettings) -> BehaviorSettings:
    """Behaviour from a vector's pods, period, percent, period; absent means the default."""
    if numbers is None:
        return default
    pods, pods_period, percent, percent_period = numbers
    rates = []
    if pods:
        rates.append(RateSettings("pods", pods, Duration(float(pods_period))))
    if percent:
        rates.append(RateSettings("percent", percent, Duration(float(percent_period))))
    return BehaviorSettings(Duration(0.0), tuple(rates))


def changes_of(vector: dict[str, Any]) -> list[Change]:
    """The scale events of a vector as changes of the count, oldest first."""
    found = [Change(NOW - ago, 0, n) for n, ago in vector["upEvents"]]
    found += [Change(NOW - ago, n, 0) for n, ago in vector["downEvents"]]
    return sorted(found, key=lambda c: c.at)


def seen(at: float = 0.0, desired: int = 4, ready: int | None = None, **more: Any) -> Situation:
    """A situation in which every replica asked for is ready, unless told otherwise."""
    named = {"cpu": CPU, "memory": MEMORY, "rate": RATE}
    found = {key: more.pop(name) for name, key in named.items() if name in more}
    return Situation(at, desired, desired if ready is None else ready, found, **more)


def once(settings: HpaSettings, situation: Situation, least: int = 1, most: int = 100) -> Verdict:
    """The first verdict."""
    policy = HpaPolicy(settings, least, most)
    return policy.decide(policy.start(), situation)[0]


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=f"rate: {v['name']}") for v in VECTORS["rate_vectors"]]
)
def test_hpa_vector_rate(vector: dict[str, Any]) -> None:
    """The rate limits allow what Kubernetes allows, for the reason that it gives."""
    usual = HpaSettings()
    up, down = rules(vector["up"], usual.up), rules(vector["down"], usual.down)
    found = limited(
        vector["current"], vector["desired"], vector["min"], vector["max"],
        up, down, changes_of(vector), NOW,
    )  # fmt: skip
    assert found == (vector["expect"], vector["reason"])


@pytest.mark.parametrize(
    "vector",
    [pytest.param(v, id=f"stabilization: {i}") for i, v in enumerate(VECTORS["stabilization"], 1)],
)
def test_hpa_vector_stabilization(vector: dict[str, Any]) -> None:
    """The windows hold what Kubernetes holds, both for all recommendations and for those kept."""
    up, down = vector["upWindow"], vector["downWindow"]
    current, desired = vector["current"], vector["desired"]
    every = [(n, NOW - ago) for n, ago in vector["recs"]]
    assert stabilized(current, desired, every, every, NOW, up, down) == vector["expect"]

    lows, highs = kept(sorted(every, key=lambda r: r[1]), up, down)
    assert stabilized(current, desired, lows, highs, NOW, up, down) == vector["expect"]


def kept(each: list[tuple[int, float]], up: float, down: float) -> tuple[Any, Any]:
    """What the policy remembers of recommendations that came one after another."""
    lows: tuple[tuple[int, float], ...] = ()
    highs: tuple[tuple[int, float], ...] = ()
    for n, at in each:
        lows, highs = with_low(lows, n, at, up), with_high(highs, n, at, down)
    return lows, highs


def test_no_case_is_missing() -> None:
    """All 31 of Kubernetes' cases are run."""
    assert len(VECTORS["rate_vectors"]) == 24
    assert len(VECTORS["stabilization"]) == 7


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 60)), max_size=30),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_what_is_forgotten_cannot_matter(
    steps: list[tuple[int, int]], current: int, desired: int, up: int, down: int
) -> None:
    """The few recommendations that are kept stabilize as all of them would."""
    every, at = [], 0.0
    for n, later in steps:
        at += later
        every.append((n, at))
    lows, highs = kept(every, up, down)
    assert stabilized(current, desired, lows, highs, at, up, down) == stabilized(
        current, desired, every, every, at, up, down
    )
    assert len(lows) <= 9
    assert len(highs) <= 9


# What one metric asks for.


@pytest.mark.parametrize(
    ("mean", "ready", "wanted"),
    [
        (0.84, 4, 5),
        (0.77, 4, 4),  # 10 % over is within the tolerance
        (0.78, 4, 5),
        (0.63, 4, 4),  # 10 % under as well
        (0.62, 4, 4),
        (0.35, 4, 2),
        (0.7099, 10, 10),  # HPA cuts to whole percent
        (0.0, 4, 0),
        (1e300, 4, 2**31 - 1),
        (-1e308, 4, 0),
    ],
)
def test_mean_of_ready_replicas(mean: float, ready: int, wanted: int) -> None:
    """ceil(replicas × usage / target), unless it is within the tolerance."""
    assert plain_replicas(ready, mean, ready, 0, utilization_aim(0.7, 0.1, 0.1)) == wanted


@pytest.mark.parametrize(
    ("mean", "current", "ready", "wanted"),
    [
        (1.40, 6, 4, 8),  # 4 × 140 % over 6 is 93 %: 6 × 93 / 70 = 7.97
        (0.84, 6, 4, 6),  # 56 % with the two idle ones: it would turn around
        (1.05, 6, 4, 6),  # exactly on target with them
        (0.65, 6, 4, 6),  # within the tolerance by those that are ready
        (0.35, 6, 4, 2),  # fewer are needed: those that start do not count
        (1.40, 3, 0, None),
    ],
)
def test_replicas_that_are_not_ready(
    mean: float, current: int, ready: int, wanted: int | None
) -> None:
    """Replicas that start count as idle where more are needed, and never turn the direction."""
    aim = utilization_aim(0.7, 0.1, 0.1)
    assert plain_replicas(current, mean, ready, current - ready, aim) == wanted


@pytest.mark.parametrize(
    ("current", "target", "each", "unready", "wanted"),
    [
        (3, 0.3, [0.3, 0.5, 0.7], 0, 5),
        (3, 0.3, [0.5, 0.7], 1, 4),
        (3, 0.3, [0.4], 2, 3),
        (2, 0.3, [0.5, 0.7], 0, 4),
        (5, 0.5, [0.1, 0.3, 0.5, 0.25, 0.25], 0, 3),
        (5, 0.5, [0.1, 0.3, 0.5], 2, 2),
        (5, 0.5, [0.1], 4, 1),
        (4, 1.0, [0.4, 0.095, None, None], 0, 3),
        (2, 1.0, [1.0, None], 0, 2),
        (2, 1.0, [1.9, None], 0, 2),
        (2, 1.0, [0.6, None], 0, 2),
        (3, 0.5, [0.45, None], 1, 3),
        (3, 0.5, [2.0, None], 1, 4),
        (4, 0.5, [0.1, 0.1, None], 1, 3),
        (2, 0.5, [0.1, 0.1, None], 0, 2),
    ],
)
def test_cases_of_the_replica_calculator(
    current: int, target: float, each: list[float | None], unready: int, wanted: int
) -> None:
    """Kubernetes' own cases of silent and starting pods come out alike.

    Source: figures of replica_calculator_test.go in kubernetes/kubernetes,
    pkg/controller/podautoscaler (Apache-2.0), those where every pod requests as much.
    """
    assert per_pod_replicas(current, each, unready, utilization_aim(target, 0.1, 0.1)) == wanted


@pytest.mark.parametrize(
    ("mean", "up", "down", "wanted"),
    [
        (1.02, 0.1, 0.1, 3),
        (1.01, 0.0, 0.0, 4),
        (1.90, 2.0, 0.1, 3),
        (1.09, 0.08, 2.0, 4),
        (0.65, 0.1, 0.36, 3),
        (0.65, 0.1, 0.34, 2),
    ],
)
def test_cases_of_tolerance(mean: float, up: float, down: float, wanted: int) -> None:
    """Kubernetes' own cases of tolerances by direction come out alike, from the same source."""
    assert plain_replicas(3, mean, 3, 0, utilization_aim(1.0, up, down)) == wanted


@pytest.mark.parametrize(
    ("each", "unready", "current", "wanted"),
    [
        ([0.84, 0.84, 0.84, 0.84], 0, 4, 5),
        ([1.4, 1.4, 1.4, None], 0, 4, 6),  # the silent one idle: 105 % of 70 % × 4
        ([0.8, 0.8, 0.8, None], 0, 4, 4),  # idle it would ask for fewer
        ([0.1, 0.1, None], 0, 3, 2),  # full: 40 % of 70 % × 3 = 1.7
        ([0.5, 0.5, 0.5, None], 0, 4, 4),  # full: 62 % of 70 % × 4 = 3.5
        ([0.6, None, None], 0, 3, 3),  # full it would ask for more
        ([1.4, 1.4, None], 1, 4, 4),  # one silent, one starting: 70 %
        ([0.1, 0.1, 0.1], 3, 6, 1),  # those that start do not hold replicas
        ([None, None], 0, 2, None),
        ([math.nan], 0, 1, None),
        ([], 2, 2, None),
    ],
)
def test_each_replica_counts(
    each: list[float | None], unready: int, current: int, wanted: int | None
) -> None:
    """A silent replica counts against the change: idle where more are asked for, full where fewer."""
    assert per_pod_replicas(current, each, unready, utilization_aim(0.7, 0.1, 0.1)) == wanted


def test_silent_replica_counts_as_on_target_for_quantities() -> None:
    """A silent replica of a quantity is taken to be on target, not at 100 %, where fewer are asked for."""
    aim = quantity_aim(100.0, 0.1, 0.1)
    assert per_pod_replicas(4, [10.0, 10.0, 10.0, None], 0, aim) == 2  # 130 over 4 is 32.5
    assert per_pod_replicas(4, [140.0, 140.0, 140.0, 140.0], 0, aim) == 6


def test_tolerance_differs_by_direction() -> None:
    """Each direction has its own tolerance."""
    aim = utilization_aim(0.5, 0.0, 0.5)
    assert plain_replicas(10, 0.51, 10, 0, aim) == 11
    assert plain_replicas(10, 0.25, 10, 0, aim) == 10
    assert plain_replicas(10, 0.24, 10, 0, aim) == 5


# The policy.


def test_hpa_reasons_name_the_arithmetic() -> None:
    """Each metric's arithmetic is told, the highest count first."""
    verdict = once(GUIDE_HPA, seen(cpu=0.84, memory=0.5, rate=480.0), 2, 10)
    assert verdict.reasons == (
        "cpu 84 % / 70 % × 4 = 4.8 → 5",
        "rate 120 req/s / 100 req/s × 4 = 4.8 → 5",
        "memory 50 % / 80 % × 4 = 2.5 → 3",
    )
    assert once(HpaSettings(), seen(cpu=0.72)).reasons == ("cpu 72 % / 70 %, within 10 % → 4",)
    assert once(HpaSettings(), seen(desired=6, ready=4, cpu=1.4)).reasons == (
        "cpu 140 % / 70 % × 4 = 8, 2 not ready count as idle → 8",
    )


def test_guide_manifest() -> None:
    """The guide's manifest holds a rise for five minutes and then adds half at most."""
    policy, situation = HpaPolicy(GUIDE_HPA, 2, 10, name="guide_hpa"), seen(cpu=1.4, memory=0.5, rate=100.0)  # fmt: skip
    verdict, state = policy.decide(policy.start(), situation)
    assert (verdict.policy, verdict.to) == ("guide_hpa", 4)
    assert verdict.binds == "stabilization 5 m"
    assert verdict.waits == (Wait("stabilization", up=True, seconds=300.0),)

    verdict, state = policy.decide(state, dataclasses.replace(situation, at=120.0))
    assert verdict.waits == (Wait("stabilization", up=True, seconds=180.0),)

    verdict, state = policy.decide(state, dataclasses.replace(situation, at=300.0))
    assert (verdict.to, verdict.binds, verdict.waits) == (6, "at most +50 % in 60 s", ())


def test_scale_in_waits_for_the_window() -> None:
    """A fall is followed only when the highest recommendation has left the window."""
    policy = HpaPolicy(HpaSettings(), 1, 10)
    _, state = policy.decide(policy.start(), seen(0.0, cpu=0.7))
    verdict, state = policy.decide(state, seen(100.0, cpu=0.3))
    assert (verdict.to, verdict.binds) == (4, "stabilization 5 m")
    assert verdict.waits == (Wait("stabilization", up=False, seconds=200.0),)
    verdict, state = policy.decide(state, seen(299.0, cpu=0.1))
    assert (verdict.to, verdict.waits[0].seconds) == (4, 1.0)
    verdict, state = policy.decide(state, seen(300.0, cpu=0.1))
    assert (verdict.to, verdict.waits) == (2, (Wait("stabilization", False, 100.0),))
    verdict, state = policy.decide(state, seen(400.0, desired=2, cpu=0.2))
    assert verdict.to == 1


@pytest.mark.parametrize(
    ("situation", "to", "binds"),
    [
        (seen(cpu=5.0), 8, "at most +100 % in 15 s"),
        (seen(desired=3, cpu=5.0), 7, "at most +4 in 15 s"),
        (seen(desired=6, cpu=5.0), 10, "max 10"),
        (seen(desired=5, cpu=5.0), 10, "max 10"),
        (seen(desired=10, cpu=5.0), 10, "max 10"),
        (seen(desired=12, cpu=0.7), 10, "max 10"),
        (seen(desired=1, cpu=0.7), 2, "min 2"),
        (seen(10.0, desired=6, cpu=5.0, changes=(Change(0.0, 4, 6),)), 8, "at most +100 % in 15 s"),
        (seen(15.0, desired=6, cpu=5.0, changes=(Change(0.0, 4, 6),)), 10, "max 10"),
        (seen(cpu=0.7), 4, ""),
        (seen(cpu=0.84), 5, ""),
    ],
)
def test_what_binds_is_named(situation: Situation, to: int, binds: str) -> None:
    """The rate or the bound that decides is named; nothing where nothing does."""
    verdict = once(HpaSettings(), situation, 2, 10)
    assert (verdict.to, verdict.binds) == (to, binds)


def test_scale_in_bounds_are_named() -> None:
    """Rates and bounds of the way down are named, and one of several is chosen as asked."""
    rates = (RateSettings("percent", 10, Duration(60.0)), RateSettings("pods", 3, Duration(60.0)))
    fall = seen(desired=10, cpu=0.1)
    for select, to, binds in (
        ("max", 7, "at most -3 in 60 s"),
        ("min", 9, "at most -10 % in 60 s"),
        ("disabled", 10, "nothing may be taken away"),
    ):
        down = BehaviorSettings(Duration(0.0), rates, select)  # type: ignore[arg-type]
        verdict = once(HpaSettings(down=down), fall, 2, 10)
        assert (verdict.to, verdict.binds) == (to, binds)
    verdict = once(HpaSettings(down=FREE), fall, 2, 10)
    assert (verdict.to, verdict.binds) == (2, "")
    assert once(HpaSettings(down=FREE), seen(desired=4, cpu=0.1), 2, 10).binds == "min 2"


def test_adding_can_be_disabled() -> None:
    """A direction that is disabled changes nothing and says so."""
    up = BehaviorSettings(Duration(0.0), (RateSettings("pods", 4, Duration(15.0)),), "disabled")
    verdict = once(HpaSettings(up=up), seen(cpu=2.0))
    assert (verdict.to, verdict.binds) == (4, "nothing may be added")


def test_unknown_metric_blocks_scale_in_only() -> None:
    """A metric that is not known keeps replicas, yet lets the others add some."""
    settings = HpaSettings(memory=Ratio(0.8), up=FREE, down=FREE)
    low = once(settings, seen(cpu=0.1))
    assert (low.to, low.binds) == (4, "memory unknown")
    assert low.reasons == ("cpu 10 % / 70 % × 4 = 0.571 → 1", "memory unknown")
    high = once(settings, seen(cpu=1.4))
    assert (high.to, high.reasons[1]) == (8, "memory unknown")


@pytest.mark.parametrize(
    ("settings", "situation", "reasons"),
    [
        (GUIDE_HPA, seen(), ("cpu unknown", "memory unknown", "rate unknown")),
        (HpaSettings(), seen(cpu=math.nan), ("cpu unknown",)),
        (GUIDE_HPA, seen(ready=0, cpu=0.9), ("no replica is ready",)),
        (HpaSettings(), seen(desired=0, cpu=0.9), ("scaling is disabled: 0 replicas asked for",)),
        (HpaSettings(cpu=None), seen(cpu=0.9), ("no metric is aimed at",)),
        (HpaSettings(cpu=Ratio(0.0)), seen(cpu=0.9), ("cpu cannot aim at 0 %",)),
        (HpaSettings(cpu=None, rate=0.0), seen(rate=9.0), ("rate cannot aim at 0 req/s",)),
    ],
)
def test_what_cannot_be_told_says_why(
    settings: HpaSettings, situation: Situation, reasons: tuple[str, ...]
) -> None:
    """Without a metric, a ready replica or a target there is no count, but a reason."""
    verdict = once(settings, situation)
    assert (verdict.to, verdict.reasons) == (None, reasons)


def test_host_stands_in_for_the_application() -> None:
    """The application's own utilization counts, else that of the host."""
    both = Situation(0.0, 4, 4, {CPU: 0.7, "system.cpu.utilization": 1.4})
    host = Situation(0.0, 4, 4, {"system.cpu.utilization": 1.4})
    assert once(HpaSettings(), both).to == 4
    assert once(HpaSettings(), host).to == 8


def test_each_replica_is_used_where_it_is_told() -> None:
    """Values of each replica go before their mean; a silent one counts against the change."""
    situation = seen(cpu=1.4, each={CPU: (1.4, 1.4, 1.4, None)})
    verdict = once(HpaSettings(), situation)
    assert (verdict.to, verdict.reasons) == (6, ("cpu of each replica against 70 % → 6",))
    assert once(HpaSettings(), seen(cpu=1.4, each={CPU: (None,) * 4})).to == 8


def test_replicas_on_their_way_out_do_not_count() -> None:
    """While more are ready than are asked for, those asked for are counted."""
    assert once(HpaSettings(up=FREE, down=FREE), seen(desired=3, ready=5, cpu=1.4)).to == 6


@given(values, counts)
def test_without_windows_it_is_the_formula(cpu: float, desired: int) -> None:
    """With no window, rate or tolerance the count is ceil(replicas × usage / target) within the bounds."""
    settings = HpaSettings(cpu=Ratio(0.5), up=FREE, down=FREE)
    whole = math.floor(cpu * 100 + 1e-9)
    formula = math.ceil(whole / 50 * desired)
    assert once(settings, seen(desired=desired, cpu=cpu), 1, 30).to == min(max(formula, 1), 30)


situations = st.builds(
    lambda at, desired, ready, found, changes: Situation(
        at, desired, ready, found, tuple(sorted(changes, key=lambda c: c.at))
    ),
    st.floats(0, 2000),
    st.integers(0, 14),
    st.integers(0, 14),
    st.dictionaries(
        st.sampled_from([CPU, MEMORY, RATE]), st.floats(0, 3) | st.floats(0, 1e308), max_size=3
    ),
    st.lists(st.builds(Change, st.floats(0, 2000), st.integers(1, 12), st.integers(1, 12))),
)


@given(st.lists(situations, max_size=12), st.sampled_from([GUIDE_HPA, HpaSettings()]))
def test_counts_stay_within_bounds(each: list[Situation], settings: HpaSettings) -> None:
    """Whatever is seen, in whatever order of time, the count is within the bounds or not told."""
    policy = HpaPolicy(settings, 2, 10)
    state = policy.start()
    for situation in each:
        verdict, state = policy.decide(state, situation)
        assert verdict.to is None or 2 <= verdict.to <= 10
        assert verdict.reasons
        assert all(w.seconds >= 0 for w in verdict.waits)
        known = all(key in situation.values for key in (CPU, MEMORY, RATE))
        if settings is GUIDE_HPA and not known and 2 <= situation.desired <= 10:
            assert verdict.to is None or verdict.to >= situation.desired
    assert len(state.lows) <= 9 + 3
    assert len(state.highs) <= 9 + 3


@given(
    st.lists(situations, max_size=5),
    situations,
    st.sampled_from([CPU, MEMORY, RATE]),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_more_use_never_means_fewer_replicas(
    before: list[Situation], last: Situation, key: str, one: float, other: float
) -> None:
    """Raising a utilization does not lower the count, whatever came before."""
    policy = HpaPolicy(GUIDE_HPA, 2, 10)
    state = policy.start()
    for situation in before:
        _, state = policy.decide(state, situation)
    low, high = (
        policy.decide(state, dataclasses.replace(last, values={**last.values, key: value}))[0].to
        for value in sorted([one, other])
    )
    assert (low is None) == (high is None)
    if low is not None and high is not None:
        assert low <= high


def test_clock_that_stands_still_is_harmless() -> None:
    """A situation of the same or an earlier time neither fails nor shortens a window."""
    policy = HpaPolicy(HpaSettings(), 1, 10)
    _, state = policy.decide(policy.start(), seen(1000.0, cpu=0.7))
    for at in (1000.0, 500.0, -1e9, 1000.0):
        verdict, state = policy.decide(state, seen(at, cpu=0.1))
        assert verdict.to == 4
        assert state.at == 1000.0
    assert policy.decide(state, seen(1300.0, cpu=0.1))[0].to == 1


def test_memory_is_bounded() -> None:
    """Ten thousand decisions leave no more than a handful of recommendations."""
    policy = HpaPolicy(GUIDE_HPA, 2, 10)
    state = policy.start()
    for i in range(10_000):
        _, state = policy.decide(state, seen(float(i), cpu=(i * 37 % 100) / 100))
    assert len(state.lows) <= 10
    assert len(state.highs) <= 10


def test_moved_state_decides_alike_on_another_clock() -> None:
    """A state moved to another clock leads to the same verdict there."""
    policy = HpaPolicy(GUIDE_HPA, 2, 10)
    state = policy.start()
    for at in range(0, 600, 60):
        _, state = policy.decide(state, seen(float(at), cpu=at / 500, memory=0.3, rate=50.0))
    later = seen(640.0, cpu=0.2, memory=0.3, rate=50.0)
    there = dataclasses.replace(later, at=640.0 - 5000.0)
    verdict, after = policy.decide(state, later)
    moved, moved_after = policy.decide(policy.moved(state, -5000.0), there)
    assert verdict.waits
    assert moved == verdict
    assert moved_after == policy.moved(after, -5000.0)
    assert policy.moved(HpaState(), 5.0) == HpaState()


def test_state_outlives_a_restart_as_json() -> None:
    """The state goes through JSON unchanged."""
    policy = HpaPolicy(GUIDE_HPA, 2, 10)
    state = policy.start()
    for at, cpu in ((0.0, 0.7), (10.5, 0.3), (20.25, 1.2)):
        _, state = policy.decide(state, seen(at, cpu=cpu, memory=0.1, rate=1.0))
    assert len(state.lows) > 1 or len(state.highs) > 1
    assert revived(HpaState, json.loads(json.dumps(plain(state)))) == state


@given(situations)
def test_short_verdicts_agree(situation: Situation) -> None:
    """Leaving the explanation out changes neither the count nor what is remembered."""
    told, short = (HpaPolicy(GUIDE_HPA, 2, 10, explain=explain) for explain in (True, False))
    (one, state), (other, brief) = (p.decide(p.start(), situation) for p in (told, short))
    assert (one.to, state) == (other.to, brief)


def test_policy_is_one() -> None:
    """It is what every policy must be."""
    policy: Policy[HpaState] = HpaPolicy(HpaSettings(), 1, 2)
    assert policy.name == "hpa"
    assert seconds_held(4, (), NOW, 60.0, up=False) == 0.0
