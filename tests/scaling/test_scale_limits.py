"""What forbids a change of the replica count."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.schema import (
    CooldownSettings,
    CouplingSettings,
    Duration,
    ScalingSettings,
    TargetSettings,
)
from capmon.model.results import ReplicaState
from capmon.scaling.limits import Circumstances, ceiling, coupling, fits, refusals, remaining

DATABASE = CouplingSettings("database connections", 25, 100)
SETTINGS = ScalingSettings(min=2, max=10, target=TargetSettings(kind="swarm", service="web"))
COUPLED = ScalingSettings(min=2, max=10, limits=(DATABASE,))


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
        "11 is over the maximum of 10",
        "database connections: 11 × 25 = 275 > 100 there are; 4 replicas fit",
        "cooldown: 5 m of 5 m left before replicas may be added",
    )
