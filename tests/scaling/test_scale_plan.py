"""A proposed change, with its warnings."""

from __future__ import annotations

import pytest

from capmon.config.scaling import BudgetSettings, ScalingSettings
from capmon.model.policies import Verdict
from capmon.model.results import (
    Bottleneck,
    Estimate,
    Predicted,
    ReplicaState,
    ScalePlan,
    Severity,
)
from capmon.scaling.plan import propose

SETTINGS = ScalingSettings(min=2, max=10, mode="act")
LATENCY = Bottleneck(
    "latency", Severity.HIGH, "http.server.request.duration.p95", 0.3, 0.25, 0.0, 60.0, "slow"
)


def plan(to: int | None, ready: int = 4, desired: int = 4, **more: object) -> ScalePlan:
    """A plan in harmless circumstances, but for what is given."""
    state = ReplicaState("swarm", "web", ready, desired, at=0.0)
    usual = {"state": state, "state_age": 1.0, "data_age": 1.0, "since_action": None}
    settings = more.pop("settings", SETTINGS)
    return propose(settings, to, target="web", **{**usual, **more})  # type: ignore[arg-type]


def test_plan_carries_what_it_was_given() -> None:
    """Command, reasons, predictions and mode reach the person who decides."""
    predicted = (Predicted("system.cpu.utilization", 0.7, Estimate(0.62, 0.6, 0.64)),)
    argv = ("docker", "service", "scale", "--detach", "web=5")
    made = plan(5, argv=argv, why=["p95 high"], predicted=predicted)
    assert (made.origin, made.to, made.mode, made.target) == (4, 5, "act", "web")
    assert (made.argv, made.why, made.predicted) == (argv, ("p95 high",), predicted)
    assert made.allowed
    assert made.warnings == ()


def test_scale_in_under_a_bottleneck_is_warned_of() -> None:
    """Taking replicas away while something limits the service is allowed, and said."""
    assert plan(3, bottlenecks=[LATENCY]).warnings == (
        "scale-in while latency is a bottleneck (high)",
    )
    assert plan(3, bottlenecks=[LATENCY]).allowed
    assert plan(5, bottlenecks=[LATENCY]).warnings == ()


def test_roll_out_and_owner_are_warned_of() -> None:
    """A count that is not reached yet and an HPA that owns it come before the decision."""
    made = plan(6, ready=4, desired=5, notices=["HPA web (2–10) owns this count"])
    assert made.origin == 5
    assert made.warnings == (
        "HPA web (2–10) owns this count",
        "a roll-out is under way: 4 of 5 ready",
    )


def test_way_back_says_that_it_is_not_enough() -> None:
    """From far over the maximum, a step that stays over it is allowed with a remark."""
    made = plan(12, ready=14, desired=14)
    assert made.allowed
    assert made.warnings == ("12 is still over the maximum of 10; 2 more must go",)
    assert plan(1, ready=0, desired=0).warnings == ("1 is still under the minimum of 2",)


def test_unknown_origin_gives_no_plan() -> None:
    """Where the count is not known neither end of the change is."""
    made = plan(5, state=None, state_age=None)
    assert (made.origin, made.to, made.allowed) == (None, None, False)
    assert made.refusals == ("replica count is not known: no answer yet",)


def test_plan_says_what_it_costs() -> None:
    """A price gives the cost of a month before and after; without one or a count there is none."""
    priced = ScalingSettings(price_per_hour=0.1275, currency="EUR")
    cost = plan(5, settings=priced).cost
    assert cost is not None
    assert (cost.before, cost.after) == pytest.approx((372.3, 465.375))
    assert cost.currency == "EUR"
    assert plan(5).cost is None
    assert plan(5, settings=priced, state=None, state_age=None).cost is None


def test_plan_carries_what_binds_and_what_hpa_would_do() -> None:
    """What others say stands beside the plan and forbids nothing."""
    verdict = Verdict("hpa", 5, ("cpu 84 % / 70 % × 4 = 4.8",))
    made = plan(6, hpa=verdict, binds="max 6")
    assert (made.hpa, made.binds, made.takes_back) == (verdict, "max 6", "")
    assert made.allowed


def test_only_an_autoscaler_is_refused_for_flapping() -> None:
    """A person may turn the count round once more, and is told; an autoscaler may not."""
    flapped = ((900.0, 3, 4), (600.0, 4, 3), (300.0, 3, 4))
    few = ScalingSettings(budget=BudgetSettings(turns=2))
    by_hand = plan(3, settings=few, changes=flapped)
    assert by_hand.allowed
    assert by_hand.warnings == (
        "flapping: 2 changes of direction within the hour; an autoscaler would stop at 2",
    )
    alone = plan(3, settings=few, changes=flapped, automatic=True)
    assert not alone.allowed
    assert alone.refusals[0].startswith("flapping: 2 changes of direction within the hour")


def test_a_rollback_is_marked_as_one() -> None:
    """The plan says which action it takes back, and the cooldown does not hold it up."""
    made = plan(3, takes_back="a1b2", since_action=5.0)
    assert made.allowed
    assert made.takes_back == "a1b2"
    assert not plan(3, since_action=5.0).allowed
