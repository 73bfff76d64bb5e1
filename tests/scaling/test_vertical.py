"""When a tier has been too small or too large for long, and which to take instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.quantities import Duration, Ratio, Size
from capmon.config.scaling import LevelSettings, TierSettings, VerticalSettings
from capmon.model.curves import Estimate
from capmon.model.policies import TierAdvice
from capmon.scaling.policies.base import Situation
from capmon.scaling.policies.recommender import Recommendations
from capmon.scaling.policies.tiers import ROOM, Demand, count, running
from capmon.scaling.policies.vertical import VerticalPolicy, VerticalState

GIB = 2.0**30
NAMES = ("tier_1", "tier_2", "tier_3", "tier_4")


def tier(n: int, price: float | None = None) -> TierSettings:
    """The guide's tier n, 1 to 4: 2 to 16 cores, each twice the one before."""
    size = 2.0**n
    rps, users = ((50, 100), (125, 250), (250, 500), (500, 1000))[n - 1]
    return TierSettings(f"tier_{n}", size, Size(size * 2 * GIB), rps, users, price)


GUIDE = tuple(tier(n) for n in (1, 2, 3, 4))
PRICED = tuple(tier(n, 0.085 * 2 ** (n - 1)) for n in (1, 2, 3, 4))
QUIET = {"cpu": 0.2, "memory": 0.25, "p95": 0.05, "load": 20.0, "users": 40.0}
BUSY = {"cpu": 0.86, "memory": 0.6, "p95": 0.187, "load": 118.0, "users": 200.0}
STEADY = {"cpu": 0.62, "memory": 0.55, "p95": 0.187, "load": 80.0, "users": 150.0}
KEYS = {
    "cpu": "process.cpu.utilization",
    "memory": "process.memory.utilization",
    "p95": "http.server.request.duration.p95",
    "load": "load.per_replica",
    "users": "users.per_replica",
}

Readings = Mapping[str, float]


class Run:
    """A policy fed every 15 s."""

    def __init__(
        self,
        name: str = "tier_2",
        tiers: tuple[TierSettings, ...] = GUIDE,
        levels: VerticalSettings | None = None,
        replicas: int = 4,
        **inputs: object,
    ) -> None:
        self.settings = replace(levels or VerticalSettings(), tier=name)
        self.policy = VerticalPolicy(self.settings, tiers)
        self.state = self.policy.start()
        self.at = 1000.0
        self.replicas = replicas
        self.inputs = inputs

    def once(self, readings: Readings, step: float = 15.0) -> TierAdvice:
        """One decision, and the clock forward after it."""
        values = {KEYS.get(k, k): v for k, v in readings.items()}
        seen = Situation(self.at, self.replicas, self.replicas, values)
        advice, self.state = self.policy.decide(self.state, seen, **self.inputs)  # type: ignore[arg-type]
        self.at += step
        return advice

    def feed(
        self,
        readings: Readings,
        minutes: float,
        each: Callable[[TierAdvice], None] = lambda _: None,
    ) -> TierAdvice:
        """The same readings for so long, the first and the last included."""
        for _ in range(round(minutes * 4) + 1):
            advice = self.once(readings)
            each(advice)
        return advice


def without(readings: Readings, *names: str) -> dict[str, float]:
    """Readings of which some are not known."""
    return {k: v for k, v in readings.items() if k not in names}


# Larger


@pytest.mark.parametrize(
    ("what", "value", "cause"),
    [
        ("cpu", 0.86, "CPU 86 % > 80 % for 15 m"),
        ("cpu", 0.801, "CPU just over 80 % for 15 m"),
        ("memory", 0.9, "memory 90 % > 85 % for 15 m"),
        ("load", 140.0, "load 140 req/s > 125 req/s for 15 m"),
        ("users", 251.0, "users 251 > 250 for 15 m"),
    ],
)
def test_above_a_level_for_long_asks_for_more(what: str, value: float, cause: str) -> None:
    """Fifteen minutes above any of them; one reading less is not enough."""
    run = Run()
    assert run.feed({**STEADY, what: value}, 14.75).to == "tier_2"
    advice = run.once({**STEADY, what: value})
    assert (advice.tier, advice.to) == ("tier_2", "tier_3")
    assert advice.reasons[0] == cause


def test_reasons_of_a_larger_tier() -> None:
    """The cause, where a replica would stand, the bill, and the same in replicas."""
    advice = Run(tiers=PRICED).feed(BUSY, 15)
    assert advice == TierAdvice(
        "tier_2",
        "tier_3",
        (
            "CPU 86 % > 80 % for 15 m",
            "tier_3: CPU 43 %, memory 30 %, load 118 of 250 req/s, users 200 of 500",
            "4 × tier_3: $1.36 an hour, $0.68 more",
            "or 5 × tier_2 carries the same for $0.85",
        ),
        saving_per_hour=pytest.approx(-0.68),
    )


def test_a_wait_is_told() -> None:
    """Until it has lasted, the present tier stays and the reason says how far it is."""
    advice = Run().feed(BUSY, 4)
    assert (advice.to, advice.reasons) == ("tier_2", ("CPU 86 % > 80 % for 4 m of 15 m",))


def test_a_dip_starts_anew() -> None:
    """What is not above its level is not above it for fifteen minutes."""
    run = Run()
    run.feed(BUSY, 14)
    run.once({**BUSY, "cpu": 0.8})
    assert run.feed(BUSY, 14.75).to == "tier_2"
    assert run.once(BUSY).to == "tier_3"


def test_each_level_has_its_own_time() -> None:
    """Ten minutes of CPU and ten of memory are not fifteen of either."""
    run = Run()
    run.feed(BUSY, 10)
    assert run.feed({**STEADY, "memory": 0.9}, 10).to == "tier_2"


def test_the_tier_is_the_smallest_that_removes_it() -> None:
    """More load than the next one carries skips it; so does what is recommended."""
    assert Run("tier_1").feed({**STEADY, "load": 260.0}, 15).to == "tier_4"
    need = Recommendations(memory=Estimate(17 * GIB))
    assert Run("tier_1", request=need).feed(BUSY, 15).to == "tier_4"


def test_a_finer_tier_is_enough() -> None:
    """CPU of 86 % of 4 cores is under 80 % of 5, without doubling."""
    tiers = (*GUIDE, TierSettings("tier_2b", 5, Size(8 * GIB)))
    assert Run(tiers=tiers).feed({**STEADY, "cpu": 0.86}, 15).to == "tier_2b"
    # Memory is the same on it: no help against too much of that.
    assert Run(tiers=tiers).feed({**STEADY, "memory": 0.86}, 15).to == "tier_3"


@pytest.mark.parametrize(
    ("need", "cause"),
    [
        (Recommendations(memory=Estimate(9.9 * GIB)), "memory recommended 9.90 GiB > 8.00 GiB for 15 m"),
        (Recommendations(cores=Estimate(4.6)), "CPU recommended 4.60 cores > 4 cores for 15 m"),
    ],
)  # fmt: skip
def test_what_is_recommended_must_fit(need: Recommendations, cause: str) -> None:
    """After a kill for want of memory utilization looks harmless; the recommendation does not."""
    advice = Run(request=need).feed(STEADY, 15)
    assert (advice.to, advice.reasons[0]) == ("tier_3", cause)
    assert (advice.cores, advice.memory) == (need.cores, need.memory)


def test_the_largest_tier_asks_for_replicas() -> None:
    """There is nothing larger to advise."""
    advice = Run("tier_4").feed(BUSY, 15)
    assert (advice.to, advice.saving_per_hour) == ("tier_4", None)
    assert advice.reasons[-1] == "no tier is larger than tier_4: add replicas"


def test_what_no_tier_carries_asks_for_replicas() -> None:
    """A larger tier that is too small as well is not advised."""
    advice = Run("tier_3").feed({**STEADY, "load": 620.0}, 15)
    assert advice.to == "tier_3"
    assert (
        advice.reasons[-1] == "load 620 of 500 req/s on tier_4 leaves too little room: add replicas"
    )


def test_full_is_said() -> None:
    """A replica at 100 % may want more than it can show."""
    advice = Run().feed({**BUSY, "cpu": 1.0}, 15)
    assert "CPU is full, so it may take more than that" in advice.reasons


def test_replicas_are_no_answer_to_memory() -> None:
    """What each replica holds in memory is not shared out among more of them."""
    advice = Run(tiers=PRICED).feed({**BUSY, "memory": 0.9}, 15)
    assert advice.to == "tier_3"
    assert not [r for r in advice.reasons if "carries the same" in r]


# Latency


def test_latency_alone_promises_nothing() -> None:
    """With CPU and memory at ease, a larger tier may not help, and none is advised."""
    advice = Run().feed({**STEADY, "p95": 0.34}, 15)
    assert (advice.tier, advice.to) == ("tier_2", "tier_2")
    assert advice.reasons == (
        "p95 340 ms > 300 ms for 15 m",
        "CPU 62 % and memory 55 % are not high: a larger tier may not help",
    )


def test_latency_with_a_busy_cpu_asks_for_more() -> None:
    """The CPU is above its level, though not for fifteen minutes yet."""
    run = Run()
    run.feed({**STEADY, "p95": 0.34}, 14)
    advice = run.feed({**BUSY, "p95": 0.34}, 1)
    assert (advice.to, advice.reasons[0]) == ("tier_3", "p95 340 ms > 300 ms for 15 m")


@pytest.mark.parametrize("names", [("cpu",), ("memory",), ("cpu", "memory")])
def test_latency_with_an_unknown_cause_says_so(names: tuple[str, ...]) -> None:
    """Whether a larger tier helps cannot be told without both."""
    advice = Run().feed(without({**STEADY, "p95": 0.34}, *names), 15)
    assert advice.to is None
    assert "nor whether a larger tier helps" in advice.reasons[-1]


# Gaps


@pytest.mark.parametrize(("gap", "to"), [(15.0, "tier_3"), (45.0, "tier_3"), (60.0, "tier_2")])
def test_a_short_gap_is_bridged(gap: float, to: str) -> None:
    """Up to 60 s between two readings; a longer silence starts the time anew."""
    run = Run()
    run.feed(BUSY, 10)
    for _ in range(round(gap / 15)):
        run.once(without(BUSY, "cpu"))
    assert run.feed(BUSY, 5).to == to


def test_a_gap_does_not_count_as_time_above() -> None:
    """What fires is the time between readings that were above, not the time since."""
    run = Run()
    run.feed(BUSY, 14.5)
    for _ in range(4):
        assert run.once(without(BUSY, "cpu")).to == "tier_2"


def test_silence_of_the_policy_is_a_gap() -> None:
    """Nobody asked for two minutes: nobody knows what held in between."""
    run = Run()
    run.feed(BUSY, 10)
    run.at += 120
    assert run.feed(BUSY, 14.75).to == "tier_2"
    run = Run()
    run.feed(QUIET, 20)
    run.at += 120
    assert run.feed(QUIET, 29.75).to == "tier_2"


def test_a_slower_pace_has_a_longer_bridge() -> None:
    """Readings five minutes apart count where the policy is told of that pace."""
    for bridge, to in ((60.0, "tier_2"), (600.0, "tier_3")):
        run = Run()
        run.policy = VerticalPolicy(run.settings, GUIDE, bridge=bridge)
        for _ in range(4):
            advice = run.once(BUSY, step=300.0)
        assert advice.to == to


@pytest.mark.parametrize("name", ["cpu", "memory", "p95"])
def test_unknown_is_not_below(name: str) -> None:
    """One reading without any of the three starts the thirty minutes anew."""
    run = Run()
    run.feed(QUIET, 29.75)
    run.once(without(QUIET, name))
    assert run.feed(QUIET, 29.75).to == "tier_2"
    assert run.once(QUIET).to == "tier_1"


@pytest.mark.parametrize(
    ("names", "to", "text"),
    [
        (("p95",), "tier_2", "p95 is not known, so no smaller tier can be advised"),
        (("memory",), "tier_2", "memory is not known, so no smaller tier can be advised"),
        (("cpu", "memory", "p95"), None, "CPU, memory and p95 are not known, so nothing can be advised"),
    ],
)  # fmt: skip
def test_what_is_unknown_is_named(names: tuple[str, ...], to: str | None, text: str) -> None:
    """However long it lasts, no smaller tier comes of it; without CPU and memory nothing does."""
    advice = Run().feed(without(QUIET, *names), 60)
    assert (advice.to, advice.reasons[-1]) == (to, text)


def test_the_machine_stands_in_for_the_application() -> None:
    """Where the application does not report its CPU and memory, those of the host count."""
    readings = {
        "system.cpu.utilization": 0.9,
        "system.memory.utilization": 0.5,
        "http.server.request.rate": 400.0,
    }
    advice = Run().feed(readings, 15)
    assert advice.to == "tier_3"
    assert advice.reasons[1] == "tier_3: CPU 45 %, memory 25 %, load 100 of 250 req/s"


def test_bytes_in_use_stand_in_for_a_share() -> None:
    """An application that reports them alone is not measured by the memory of its host."""
    readings = {**without(STEADY, "memory"), "process.memory.usage": 7 * GIB}
    advice = Run().feed({**readings, "system.memory.utilization": 0.3}, 15)
    assert (advice.to, advice.reasons[0]) == ("tier_3", "memory 88 % > 85 % for 15 m")


# Smaller


def test_reasons_of_a_smaller_tier() -> None:
    """Thirty minutes below everything: where a replica would stand, and what that saves."""
    run = Run("tier_3", PRICED, peak_load=30.0)
    assert run.feed(QUIET, 29.75).to == "tier_3"
    assert run.once(QUIET) == TierAdvice(
        "tier_3",
        "tier_2",
        (
            "CPU 20 %, memory 25 %, p95 50.0 ms: below all lower levels for 30 m",
            "tier_2 at its busiest: CPU 60 %, memory 50 %, load 30.0 of 125 req/s, users 40.0 of 250",
            "4 × tier_2: $0.68 an hour, $0.68 less",
            "or 2 × tier_3 carries the same for $0.68",
            "how p95 changes with the tier is not known",
        ),
        saving_per_hour=pytest.approx(0.68),
    )


def test_a_wait_below_is_told() -> None:
    """How long it has lasted, of how long it must."""
    advice = Run().feed(QUIET, 12)
    assert advice.reasons == ("below all lower levels for 12 m of 30 m",)


@pytest.mark.parametrize("what", ["cpu", "memory", "p95"])
def test_all_must_be_below(what: str) -> None:
    """One of the three in the middle keeps the tier."""
    advice = Run().feed({**QUIET, what: STEADY[what]}, 60)
    assert advice.to == "tier_2"
    assert advice.reasons[0].startswith("tier_2 fits: CPU ")


def test_the_smallest_that_will_do_may_be_two_steps_down() -> None:
    """From sixteen cores to four at once, where four are enough."""
    light = {"cpu": 0.1, "memory": 0.1, "p95": 0.05, "load": 20.0, "users": 40.0}
    assert Run("tier_4").feed(light, 30).to == "tier_2"


def test_a_tier_that_would_be_too_small_is_not_advised() -> None:
    """Below both lower levels, and yet more than half the tier could take."""
    advice = Run().feed({**QUIET, "cpu": 0.39, "memory": 0.2}, 30)
    assert advice.to == "tier_2"
    assert advice.reasons[1] == "CPU 78 % on tier_1, more than 72 %"


def test_the_busiest_minutes_count() -> None:
    """A smaller tier must carry the greatest reading of the time below, not the last."""
    run = Run()
    run.feed({**QUIET, "cpu": 0.39}, 15)
    assert run.feed(QUIET, 15).to == "tier_2"


def test_an_old_peak_is_forgotten() -> None:
    """One reading of hours ago does not hold a smaller tier up for ever."""
    run = Run()
    run.once({**QUIET, "cpu": 0.39})
    assert run.feed(QUIET, 90).to == "tier_1"


def test_the_quiet_of_a_night_is_no_reason() -> None:
    """At the peak of the day the smaller tier would be too small, so the larger one stays."""
    night = {**QUIET, "cpu": 0.1, "load": 10.0}
    advice = Run(peak_load=45.0).feed(night, 30)
    assert advice.to == "tier_2"
    assert advice.reasons[1] == "CPU 90 % on tier_1, more than 72 %"
    assert Run(peak_load=20.0).feed(night, 30).to == "tier_1"


def test_an_unknown_peak_is_said() -> None:
    """Without it the advice stands on half an hour, and says so."""
    assert "the load of busier hours is not known" in Run().feed(QUIET, 30).reasons


def test_what_a_tier_carries_must_be_comparable() -> None:
    """With neither load nor users known, its figures cannot be held against anything."""
    advice = Run().feed(without(QUIET, "load", "users"), 30)
    assert advice.to == "tier_2"
    assert "so whether tier_1 carries it is not either" in advice.reasons[1]
    advice = Run().feed(without(QUIET, "users"), 30)
    assert advice.to == "tier_1"
    assert "users not known: tier_1 is said to carry 100" in advice.reasons


def test_what_is_recommended_holds_a_smaller_tier_up() -> None:
    """Peaks of memory on other days count although it is low now."""
    need = Recommendations(Estimate(1.0), Estimate(3.8 * GIB))
    advice = Run(request=need).feed(QUIET, 30)
    assert advice.to == "tier_2"
    assert (
        advice.reasons[1]
        == "memory recommended 3.80 GiB of 4.00 GiB on tier_1 leaves too little room"
    )


def test_the_smallest_tier_asks_for_fewer_replicas() -> None:
    """There is nothing smaller to advise; of a single replica nothing can be taken away."""
    text = "no tier is smaller than tier_1"
    assert Run("tier_1").feed(QUIET, 30).reasons[1] == f"{text}: fewer replicas would save instead"
    assert Run("tier_1", replicas=1).feed(QUIET, 30).reasons[1] == text


def test_a_smaller_tier_that_costs_more_is_not_advised() -> None:
    """A special offer on the larger one is kept."""
    tiers = (tier(1, 0.2), tier(2, 0.17))
    advice = Run(tiers=tiers).feed(QUIET, 30)
    assert (advice.to, advice.reasons[1]) == ("tier_2", "no smaller tier costs less than tier_2")


def test_another_tier_starts_anew() -> None:
    """What was seen on the tier before says nothing of this one."""
    run = Run("")
    run.inputs = {"cores": 8.0, "memory": 16 * GIB}
    run.feed(QUIET, 29.75)
    run.inputs = {"cores": 4.0, "memory": 8 * GIB}
    assert run.feed(QUIET, 29.75).to == "tier_2"


# Price


@pytest.mark.parametrize(
    ("tiers", "text"),
    [
        ((tier(2, 0.17), tier(3)), "the price of tier_3 is not known"),
        ((tier(2), tier(3, 0.34)), "the price of tier_2 is not known"),
    ],
)
def test_an_unknown_price_saves_nothing(tiers: tuple[TierSettings, ...], text: str) -> None:
    """It is None, not 0, and no count of replicas is compared by it."""
    advice = Run(tiers=tiers).feed(BUSY, 15)
    assert (advice.to, advice.saving_per_hour) == ("tier_3", None)
    assert text in advice.reasons
    assert not [r for r in advice.reasons if "carries the same" in r]


def test_without_prices_nothing_is_said_of_them() -> None:
    """Nobody who left prices out is told so at each advice."""
    assert not [r for r in Run().feed(BUSY, 15).reasons if "price" in r or "$" in r]


def test_staying_saves_nothing() -> None:
    """A tier that stays costs what it costs."""
    assert Run(tiers=PRICED).feed(STEADY, 1).saving_per_hour == 0


def test_prices_are_in_the_currency() -> None:
    """As the configuration names it."""
    run = Run(tiers=PRICED)
    run.policy = VerticalPolicy(run.settings, PRICED, currency="EUR")
    assert "4 × tier_3: 1.36 EUR an hour, 0.68 EUR more" in run.feed(BUSY, 15).reasons


@pytest.mark.parametrize(
    ("replicas", "amount", "needed"), [(1, 3.2, 1), (1, 3.3, 2), (3, 3.2, 3), (4, 3.44, 5)]
)
def test_replicas_that_carry_the_same(replicas: int, amount: float, needed: int) -> None:
    """As many as bring the CPU of each to 80 % of four cores or less."""
    takes = {"CPU": Demand("CPU", amount, 0.8)}
    assert count(tier(2), takes, replicas, ("CPU", "load"), 1.0) == needed
    assert count(tier(2), takes, replicas, ("load",), 1.0) is None


# The tier that runs


@pytest.mark.parametrize(
    ("cores", "memory", "name"),
    [(4.0, 8 * GIB, "tier_2"), (4.0, 7.7 * GIB, "tier_2"), (16.0, 32 * GIB, "tier_4")],
)
def test_a_tier_is_found_by_its_size(cores: float, memory: float, name: str) -> None:
    """A machine shows a little less memory than it was sold with."""
    found, problem = running(GUIDE, "", cores, memory)
    assert found is not None
    assert (found.name, problem) == (name, "")


def test_the_nearest_of_two_sizes_is_taken() -> None:
    """Where both are close enough."""
    other = TierSettings("other", 4, Size(7.5 * GIB))
    assert running((*GUIDE, other), "", 4.0, 7.6 * GIB)[0] == other


@pytest.mark.parametrize(
    ("name", "cores", "memory", "problem"),
    [
        ("tier_9", 4.0, 8 * GIB, "tier_9 is not among the tiers"),
        ("", 6.0, 8 * GIB, "no tier has 6 cores and 8.00 GiB"),
        ("", 4.0, 6 * GIB, "no tier has 4 cores and 6.00 GiB"),
        ("", None, 8 * GIB, "cores of a replica are not known"),
        ("", 4.0, None, "memory of a replica is not known"),
        ("", 0.0, None, "cores and memory of a replica are not known"),
    ],
)
def test_a_tier_that_is_not_found(
    name: str, cores: float | None, memory: float | None, problem: str
) -> None:
    """The reason is told, and nothing is guessed."""
    advice = Run(name, cores=cores, memory=memory).feed(BUSY, 30)
    assert advice == TierAdvice(None, None, (problem, "nothing is recommended yet"))


def test_a_recommendation_places_a_replica_without_a_tier() -> None:
    """The smallest that holds it with room; no price is compared, for there is none to compare with."""
    need = Recommendations(Estimate(2.1), Estimate(5.2 * GIB))
    advice = Run("", PRICED, cores=6.0, memory=12 * GIB, request=need).once({"load": 30.0})
    assert (advice.tier, advice.to, advice.saving_per_hour) == (None, "tier_2", None)
    assert advice.reasons == (
        "no tier has 6 cores and 12.0 GiB",
        "the smallest tier that holds what is recommended: tier_2",
        "tier_2: load 30.0 of 125 req/s, CPU recommended 2.10 of 4 cores, "
        "memory recommended 5.20 GiB of 8.00 GiB",
    )


def test_what_no_tier_holds_is_said() -> None:
    """Nothing is advised that is too small."""
    need = Recommendations(Estimate(2.1), Estimate(64 * GIB))
    advice = Run("", request=need).once({})
    assert advice.to is None
    assert advice.reasons[1].startswith("memory recommended 64.0 GiB of 32.0 GiB on tier_4")


def test_half_a_recommendation_places_nothing() -> None:
    """What is missing of it is told."""
    need = Recommendations(Estimate(2.1), None, ("use of memory was not measured yet",))
    advice = Run("", request=need).once({})
    assert (advice.to, advice.reasons[1]) == (None, "use of memory was not measured yet")


def test_without_tiers_there_is_no_advice() -> None:
    """What is recommended is passed on all the same."""
    need = Recommendations(Estimate(2.1), Estimate(GIB))
    advice = Run("", (), request=need).once(BUSY)
    assert advice == TierAdvice(None, None, ("no tiers are configured",), need.cores, need.memory)


def test_the_size_that_is_measured_counts() -> None:
    """A replica of the named tier that has half its cores uses half as many."""
    run = Run("tier_2", cores=2.0, memory=8 * GIB)
    assert "tier_3: CPU 22 %" in run.feed(BUSY, 15).reasons[1]


# State


def test_state_moves_to_another_clock() -> None:
    """After a restart on a clock that starts anew, the minutes before still count."""
    for readings, minutes, to in ((BUSY, 15.0, "tier_3"), (QUIET, 30.0, "tier_1")):
        run = Run()
        run.feed(readings, minutes - 5)
        run.state = run.policy.moved(run.state, -run.at)
        run.at = 0.0
        assert run.feed(readings, 4.75).to == to


def test_a_clock_that_steps_back_starts_anew() -> None:
    """Without `moved`, times of another clock are no measure."""
    run = Run()
    run.feed(BUSY, 14)
    run.at = 0.0
    assert run.feed(BUSY, 14.75).to == "tier_2"


def test_a_start_remembers_nothing() -> None:
    """And a tier that is not known leaves the state alone."""
    run = Run("", cores=4.0, memory=8 * GIB)
    assert run.state == VerticalState()
    run.feed(BUSY, 10)
    before = run.state
    run.inputs = {}
    assert run.once(BUSY).tier is None
    assert run.state == before


def test_immediate_levels_fire_at_once() -> None:
    """A time of zero needs one reading."""
    now = LevelSettings(Ratio(0.8), Ratio(0.85), Duration(0.3))
    below = LevelSettings(Ratio(0.4), Ratio(0.5), Duration(0.1))
    levels = VerticalSettings(now, below)
    assert Run(levels=levels).once(BUSY).to == "tier_3"
    assert Run(levels=levels).once(QUIET).to == "tier_1"


# Properties

sizes = st.builds(
    lambda cores, memory, rps, users, price: TierSettings(
        "", cores, Size(memory * GIB), rps, users, price
    ),
    st.sampled_from([0.5, 1, 2, 3, 4, 6, 8, 16]),
    st.sampled_from([1, 2, 4, 6, 8, 16, 32]),
    st.none() | st.floats(1, 600),
    st.none() | st.floats(1, 1200),
    st.none() | st.floats(0.01, 2),
)
tier_lists = st.one_of(
    st.just(PRICED),
    st.lists(sizes, min_size=1, max_size=6).map(
        lambda found: tuple(replace(t, name=f"t{i}") for i, t in enumerate(found))
    ),
)
uses = st.fixed_dictionaries(
    {"cpu": st.floats(0, 1), "memory": st.floats(0.001, 1), "p95": st.floats(0.001, 0.6)},
    optional={"load": st.floats(0, 700), "users": st.floats(0, 1400)},
)
quiet_uses = st.fixed_dictionaries(
    {"cpu": st.floats(0, 0.39), "memory": st.floats(0.001, 0.49), "p95": st.floats(0.001, 0.09)},
    optional={"load": st.floats(0, 100), "users": st.floats(0, 200)},
)
needs = st.none() | st.builds(
    Recommendations,
    st.none() | st.floats(0.01, 20).map(Estimate),
    st.none() | st.floats(0.01, 40).map(lambda gib: Estimate(gib * GIB)),
)
SHORT = VerticalSettings(
    replace(VerticalSettings().up, for_=Duration(30.0)),
    replace(VerticalSettings().down, for_=Duration(30.0)),
)
"""The guide's levels, with times short enough to try many."""


def moved_to(readings: Readings, origin: TierSettings, to: TierSettings) -> dict[str, float]:
    """The same use on another tier."""
    found = dict(readings)
    found["cpu"] = readings["cpu"] * origin.cores / to.cores
    found["memory"] = readings["memory"] * origin.memory / to.memory
    return found


@given(tier_lists, st.data(), uses | quiet_uses, needs, st.none() | st.floats(0, 700))
def test_advice_is_never_taken_back(
    tiers: tuple[TierSettings, ...],
    drawn: st.DataObject,
    readings: dict[str, float],
    need: Recommendations | None,
    peak: float | None,
) -> None:
    """On the advised tier, the use expected of it never leads back.

    Of tiers of one size, or of which one has more cores and another more memory, a third may fit
    better still.
    """
    first = drawn.draw(st.sampled_from(tiers))
    inputs = {"request": need, "peak_load": peak}
    advice = Run(first.name, tiers, SHORT, **inputs).feed(readings, 0.5)
    second = next((t for t in tiers if t.name == advice.to), first)
    if second == first:
        return
    there = moved_to(readings, first, second)
    seen: set[str | None] = set()
    Run(second.name, tiers, SHORT, **inputs).feed(there, 3, lambda a: seen.add(a.to))
    assert first.name not in seen
    steps = [(b.cores - a.cores, b.memory - a.memory) for a, b in pairwise(by_cores(tiers))]
    if all(min(step) >= 0 and max(step) > 0 for step in steps):
        assert seen == {second.name}


def by_cores(tiers: tuple[TierSettings, ...]) -> list[TierSettings]:
    """The smallest first."""
    return sorted(tiers, key=lambda t: (t.cores, t.memory))


@given(tier_lists, st.data(), uses | quiet_uses, needs, st.none() | st.floats(0, 700))
def test_an_advised_tier_is_never_too_small(
    tiers: tuple[TierSettings, ...],
    drawn: st.DataObject,
    readings: dict[str, float],
    need: Recommendations | None,
    peak: float | None,
) -> None:
    """It has what is recommended, carries the load and the users, and stays under the upper levels."""
    first = drawn.draw(st.sampled_from(tiers))
    run = Run(first.name, tiers, SHORT, request=need, peak_load=peak)
    advice = run.feed(readings, 0.5)
    to = next((t for t in tiers if t.name == advice.to), first)
    if to == first:
        return
    room = ROOM if to.cores < first.cores or to.memory < first.memory else 1.0
    there = moved_to(readings, first, to)
    assert there["cpu"] <= 0.8 * room * (1 + 1e-9)
    assert there["memory"] <= 0.85 * room * (1 + 1e-9)
    load = readings.get("load", 0.0) if room == 1.0 else max(readings.get("load", 0.0), peak or 0.0)
    assert to.max_rps is None or load <= to.max_rps * room
    assert to.max_users is None or readings.get("users", 0.0) <= to.max_users * room
    if need is not None and need.cores is not None:
        assert need.cores.value <= to.cores * room
    if need is not None and need.memory is not None:
        assert need.memory.value <= to.memory * room


@given(tier_lists, needs, st.none() | st.floats(0, 700))
def test_a_placed_replica_is_never_too_small(
    tiers: tuple[TierSettings, ...], need: Recommendations | None, load: float | None
) -> None:
    """Where the tier is not known, one is advised only if all that is recommended fits."""
    advice = Run("", tiers, request=need).once({} if load is None else {"load": load})
    to = next((t for t in tiers if t.name == advice.to), None)
    if to is None:
        return
    assert need is not None
    assert need.cores is not None
    assert need.memory is not None
    assert need.cores.value <= to.cores
    assert need.memory.value <= to.memory
    assert to.max_rps is None or (load or 0.0) <= to.max_rps


@given(st.lists(st.none() | uses | quiet_uses, max_size=40), st.sampled_from(NAMES))
def test_whatever_is_read_gives_advice(readings: list[dict[str, float] | None], name: str) -> None:
    """With gaps and swings of any kind there is a reason and, if any, a tier that exists."""
    run = Run(name, PRICED, SHORT)
    for each in readings:
        advice = run.once(each or {})
        assert advice.to in (None, *NAMES)
        assert advice.tier == name
        assert advice.reasons
        assert all(advice.reasons)
