"""A proposed change, with its warnings."""

from __future__ import annotations

from capmon.config.schema import ScalingSettings
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
    return propose(SETTINGS, to, target="web", **{**usual, **more})  # type: ignore[arg-type]


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
    assert made.warnings == ("12 is still over the maximum of 10",)


def test_unknown_origin_gives_no_plan() -> None:
    """Where the count is not known neither end of the change is."""
    made = plan(5, state=None, state_age=None)
    assert (made.origin, made.to, made.allowed) == (None, None, False)
    assert made.refusals == ("replica count is not known: no answer yet",)
