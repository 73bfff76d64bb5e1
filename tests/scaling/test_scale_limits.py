"""What forbids a change of the replica count."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.scaling import BudgetSettings
from capmon.config.schema import (
    CooldownSettings,
    CouplingSettings,
    Duration,
    ScalingSettings,
    TargetSettings,
)
from capmon.model.results import ReplicaState
from capmon.scaling.limits import (
    Circumstances,
    binding,
    cautions,
    ceiling,
    coupling,
    fits,
    reach,
    refusals,
    remaining,
)

DATABASE = CouplingSettings("database connections", 25, 100)
SETTINGS = ScalingSettings(min=2, max=10, target=TargetSettings(kind="swarm", service="web"))
COUPLED = ScalingSettings(min=2, max=10, limits=(DATABASE,))
CACHE = CouplingSettings("shared cache", 512, 3072)
QUOTA = CouplingSettings("API quota", 40, 120)
PAID = ScalingSettings(min=2, max=10, price_per_hour=0.17, budget=BudgetSettings(per_hour=1.5))
HOLD = ((3000.0, 2, 3), (2000.0, 3, 2), (1500.0, 2, 3), (900.0, 3, 2), (600.0, 2, 3))
"""Four changes of direction within the hour, the last one up."""


def state(ready: int | None = 4, desired: int | None = 4, reason: str = "") -> ReplicaState:
    """Four of four, or as given."""
    return ReplicaState("swarm", "web", ready, desired, at=0.0, reason=reason)


def now(**changes: object) -> Circumstances:
    """Circumstances in which nothing forbids anything, but for what is given."""
    usual = {"state": state(), "state_age": 1.0, "data_age": 1.0}
    return Circumstances(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("to", [2, 3, 5, 10])
def test_within_bounds_nothing_forbids(to: int) -> None:
    """Counts within the bounds are allowed."""
    assert refusals(SETTINGS, to, now()) == ()


@pytest.mark.parametrize(
    ("to", "text"),
    [
        (11, "11 is over the maximum of 10"),
        (1, "1 is under the minimum of 2"),
        (0, "0 replicas would stop the service"),
        (-1, "-1 replicas would stop the service"),
        (4, "nothing to change: 4 replicas asked for already"),
    ],
)
def test_bounds_are_named(to: int, text: str) -> None:
    """A refusal names the bound."""
    assert refusals(SETTINGS, to, now()) == (text,)


@pytest.mark.parametrize(("count", "to"), [(14, 12), (1, 2), (20, 11)])
def test_way_back_is_open(count: int, to: int) -> None:
    """A change toward what is allowed is not refused for being outside of it."""
    assert refusals(COUPLED, to, now(state=state(count, count))) == ()


def test_coupling_shows_its_arithmetic() -> None:
    """Ten replicas on a pool for four are refused with the sum and the count that fits."""
    assert refusals(COUPLED, 10, now()) == (
        "database connections: 10 × 25 = 250 > 100 there are; 4 replicas fit",
    )
    assert ceiling(COUPLED) == 4
    assert ceiling(SETTINGS) == 10


def test_coupling_does_not_keep_from_going_down() -> None:
    """Six replicas on a pool for four may become five."""
    assert refusals(COUPLED, 5, now(state=state(6, 6))) == ()


@given(
    per=st.floats(0.01, 1e6), total=st.floats(0, 1e9), to=st.integers(min_value=1, max_value=10**6)
)
def test_coupling_agrees_with_its_largest_count(per: float, total: float, to: int) -> None:
    """A count is refused exactly when it is greater than the one said to fit."""
    limit = CouplingSettings("x", per, total)
    most = fits(limit)
    assert most is not None
    assert bool(coupling(limit, to)) == (to > most)
    assert most * per <= total * (1 + 1e-9)
    assert (most + 1) * per > total * (1 - 1e-9)


def test_exact_fit_survives_binary_fractions() -> None:
    """A tenth a replica and one there is: ten fit, not nine."""
    assert fits(CouplingSettings("licences", 0.1, 1)) == 10
    assert fits(CouplingSettings("licences", 0.1, 0.3)) == 3
    assert fits(CouplingSettings("nothing", 0, 1)) is None


def test_cooldown_counts_whole_seconds_beyond_a_day() -> None:
    """An action a day and ten seconds ago is long over: elapsed time is not taken modulo a day."""
    cooldown = CooldownSettings(up=Duration(300), down=Duration(600))
    assert remaining(cooldown, True, 86_410.0) == 0
    assert remaining(cooldown, True, 10.0) == 290
    assert remaining(cooldown, False, 10.0) == 590
    assert remaining(cooldown, False, None) == 0
    assert remaining(cooldown, False, -5.0) == 600


def test_cooldown_differs_by_direction() -> None:
    """Six minutes after an action replicas may be added and not yet taken away."""
    assert refusals(SETTINGS, 5, now(since_action=360.0)) == ()
    assert refusals(SETTINGS, 3, now(since_action=360.0)) == (
        "cooldown: 4 m of 10 m left before replicas may be taken away",
    )
    assert refusals(SETTINGS, 5, now(since_action=299.9)) == (
        "cooldown: 1 s of 5 m left before replicas may be added",
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": None, "state_age": None}, "replica count is not known: no answer yet"),
        ({"state_age": 40.0}, "replica count is not known: last answer 40 s ago"),
        (
            {"state": state(None, None, "docker: not found"), "state_age": 40.0},
            "replica count is not known: last answer 40 s ago: docker: not found",
        ),
        (
            {"state": state(None, 4, "the controller lags")},
            "count of ready replicas is not known: last answer 1 s ago: the controller lags",
        ),
    ],
)
def test_unknown_count_is_refused(changes: dict[str, object], text: str) -> None:
    """Without a fresh count nothing may be scaled, and the refusal says since when."""
    assert refusals(SETTINGS, 5, now(**changes)) == (text,)


def test_unknown_count_is_refused_without_a_wanted_count() -> None:
    """A plan for one more than an unknown count is refused, never taken for two."""
    assert refusals(SETTINGS, None, now(state=state(None, None))) != ()


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (45.0, "no fresh measurements for 45 s"),
        (math.inf, "no fresh measurements"),
        (None, "no measurements yet"),
    ],
)
def test_stale_measurements_are_refused(age: float | None, text: str) -> None:
    """Nothing is scaled on measurements that are old or absent."""
    assert refusals(SETTINGS, 5, now(data_age=age)) == (text,)


def test_every_reason_is_given_at_once() -> None:
    """A person sees all that forbids it, not one reason at a time."""
    said = refusals(
        COUPLED,
        11,
        now(
            read_only=True,
            untrusted="capmon.yaml can be written by others",
            running="2 → 5",
            data_age=60.0,
            since_action=1.0,
        ),
    )
    assert said == (
        "this session is read-only",
        "the configuration is not trusted: capmon.yaml can be written by others",
        "one action at a time: 2 → 5 is under way",
        "no fresh measurements for 60 s",
        "database connections: 11 × 25 = 275 > 100 there are; 4 replicas fit",
        "11 is over the maximum of 10",
        "cooldown: 5 m of 5 m left before replicas may be added",
    )


# What is shared, and what it costs


def test_the_tightest_limit_is_named_first() -> None:
    """Of connections, a shared cache, an API quota and the maximum, the one that allows least leads."""
    shared = ScalingSettings(min=2, max=5, limits=(CACHE, DATABASE, QUOTA))
    assert refusals(shared, 7, now(state=state(2, 2))) == (
        "API quota: 7 × 40 = 280 > 120 there are; 3 replicas fit",
        "database connections: 7 × 25 = 175 > 100 there are; 4 replicas fit",
        "7 is over the maximum of 5",
        "shared cache: 7 × 512 = 3584 > 3072 there are; 6 replicas fit",
    )
    assert ceiling(shared) == 3
    assert refusals(shared, 3, now(state=state(2, 2))) == ()


def test_a_way_down_that_is_not_far_enough_says_how_far_it_is() -> None:
    """Six replicas on a pool for four may become five, with how many more must go."""
    shared = ScalingSettings(min=2, max=10, limits=(CACHE, DATABASE, QUOTA))
    assert refusals(shared, 5, now(state=state(6, 6))) == ()
    assert cautions(shared, 5, now(state=state(6, 6))) == (
        "API quota: 5 × 40 = 200, still over 120; 2 more must go",
        "database connections: 5 × 25 = 125, still over 100; 1 more must go",
    )
    assert cautions(shared, 3, now(state=state(6, 6))) == ()


def test_the_hourly_budget_shows_its_arithmetic() -> None:
    """More than the budget pays for is refused to people too; a way down never is."""
    for automatic in (False, True):
        assert refusals(PAID, 9, now(automatic=automatic)) == (
            "budget: 9 × $0.17 = $1.53 an hour > $1.50 allowed; 8 replicas fit",
        )
        assert refusals(PAID, 8, now(automatic=automatic)) == ()
        down = now(state=state(12, 12), automatic=automatic)
        assert refusals(PAID, 9, down) == ()
        assert cautions(PAID, 9, down) == (
            "budget: 9 × $0.17 = $1.53 an hour, still over $1.50; 1 more must go",
        )
    assert ceiling(PAID) == 8
    assert refusals(ScalingSettings(max=20, price_per_hour=9.0), 20, now()) == ()


@pytest.mark.parametrize(
    ("settings", "wanted", "text"),
    [
        (SETTINGS, 10, ""),
        (SETTINGS, 11, "max 10"),
        (SETTINGS, 1, "min 2"),
        (COUPLED, 12, "database connections (4 fit)"),
        (ScalingSettings(limits=(CouplingSettings("licences", 1, 1),)), 3, "licences (1 fits)"),
        (PAID, 12, "budget of $1.50 an hour (8 fit)"),
    ],
)
def test_what_binds_is_the_tightest(settings: ScalingSettings, wanted: int, text: str) -> None:
    """What keeps a wish from coming true is named in few words, with the count it allows."""
    assert binding(settings, wanted) == text


@given(
    most=st.integers(1, 40),
    per=st.floats(0.1, 1e3),
    total=st.floats(0.1, 1e4),
    price=st.floats(0.01, 10),
    budget=st.floats(0, 100),
    to=st.integers(2, 60),
)
def test_refusals_ceiling_and_what_binds_agree(
    most: int, per: float, total: float, price: float, budget: float, to: int
) -> None:
    """A count is refused for its size exactly when it is over the ceiling, and then something binds."""
    settings = ScalingSettings(
        min=1,
        max=most,
        limits=(CouplingSettings("x", per, total),),
        price_per_hour=price,
        budget=BudgetSettings(per_hour=budget),
    )
    refused = refusals(settings, to, now(state=state(1, 1)))
    assert bool(refused) == (to > ceiling(settings)) == bool(binding(settings, to))


# Flapping, and taking back


def test_an_autoscaler_that_flaps_stops() -> None:
    """Once the turns of an hour are spent only a person turns the count round; straight on may go."""
    settings = ScalingSettings(budget=BudgetSettings(turns=5))
    assert refusals(settings, 2, now(state=state(3, 3), automatic=True, changes=HOLD)) == (
        "flapping: 4 changes of direction within the hour, 5 allowed, the last is kept for adding;"
        " a person must decide or 10 m must pass",
    )
    assert refusals(settings, 4, now(state=state(3, 3), automatic=True, changes=HOLD)) == ()
    assert refusals(settings, 2, now(state=state(3, 3), changes=HOLD)) == ()
    assert cautions(settings, 2, now(state=state(3, 3), changes=HOLD)) == ()
    few = ScalingSettings(budget=BudgetSettings(turns=4))
    assert cautions(few, 2, now(state=state(3, 3), changes=HOLD)) == (
        "flapping: 4 changes of direction within the hour; an autoscaler would stop at 4",
    )


@pytest.mark.parametrize(
    ("policy", "waits"), [("step", True), ("hpa", False), ("predictive", False)]
)
def test_a_policy_that_paces_itself_waits_for_no_cooldown(policy: Any, waits: bool) -> None:
    """Only where an autoscaler follows it: a person waits, and every other limit holds."""
    settings = replace(SETTINGS, policy=policy)
    soon = now(since_action=60.0, automatic=True)
    cooling = ("cooldown: 4 m of 5 m left before replicas may be added",)
    assert refusals(settings, 5, soon) == (cooling if waits else ())
    assert refusals(settings, 5, now(since_action=60.0)) == cooling
    assert "11 is over the maximum of 10" in refusals(settings, 11, soon)
    assert refusals(settings, 5, replace(soon, running="4 → 6"))[0].startswith("one action at a")


def test_an_owned_count_is_left_to_its_owner() -> None:
    """By an autoscaler; a person has been warned and may."""
    owned = now(automatic=True, owners=("HPA web (2–10) owns this count",))
    assert refusals(SETTINGS, 5, owned) == (
        "HPA web (2–10) owns this count: capmon does not act beside it",
    )
    assert refusals(SETTINGS, 5, replace(owned, automatic=False)) == ()


@given(st.integers(1, 30), st.integers(1, 20), st.floats(0.5, 50))
def test_what_is_in_reach_is_never_refused_for_being_too_much(
    most: int, least: int, per: float
) -> None:
    """And one more is, unless the minimum itself is too much."""
    settings = ScalingSettings(
        min=least, max=max(least, most), limits=(CouplingSettings("x", per, 100),)
    )
    far = reach(settings)
    assert least <= far <= settings.max
    if far > least:
        assert refusals(settings, far, now(state=state(1, 1))) == ()
    assert binding(settings, far + 1)


def test_a_rollback_waits_for_no_cooldown() -> None:
    """Taking back what made things worse is done at once, and both are said; other limits hold."""
    soon = now(since_action=60.0, takes_back="a1b2", state=state(5, 5))
    assert refusals(SETTINGS, 4, soon) == ()
    assert cautions(SETTINGS, 4, soon) == (
        "this takes an action back: it will not itself be taken back automatically",
        "cooldown: 9 m of 10 m left, not waited for: that action made things worse",
    )
    late = now(since_action=6000.0, takes_back="a1b2", state=state(5, 5))
    assert len(cautions(SETTINGS, 4, late)) == 1
    assert refusals(SETTINGS, 11, soon) == ("11 is over the maximum of 10",)
