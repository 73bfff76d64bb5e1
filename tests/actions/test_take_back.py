"""An action that made the objective worse is offered to be taken back, for as long as that has a point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from desk import ERRORS, P95, RATE, Desk

from capmon.actions.measured import Measured
from capmon.actions.rollback import Promise, worse
from capmon.model.results import ActionState, Outcome

PROMISE = Promise(0.25, 0.01)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with a promise of 250 ms and 1 %, well kept for a while by four replicas."""
    desk = Desk(tmp_path, settle=10.0, promise=PROMISE)
    desk.ticks(20, p95=0.187, errors=0.002, rate=100.0)
    return desk


async def acted(desk: Desk, to: int, **after: float) -> Outcome:
    """Carry a plan out, and let its effect settle."""
    outcome = await desk.actuator.execute(desk.plan(to=to))
    assert outcome.state is ActionState.ACCEPTED, outcome.detail
    desk.service.ready = to
    desk.ticks(12, **after)
    return desk.actuator.outcomes()[0]


BAD = {"p95": 0.312, "errors": 0.002, "rate": 100.0}
GOOD = {"p95": 0.2, "errors": 0.002, "rate": 100.0}


async def test_worse_says_so_with_figures(desk: Desk) -> None:
    """The count before is offered, and the audit log knows why."""
    outcome = await acted(desk, 3, **BAD)
    assert outcome.worse == "p95 187 → 312 ms, objective 250 ms"
    assert outcome.rollback == 4
    assert desk.audit.tail(1)[0]["worse"] == outcome.worse


def m(p95: float, rate: float | None = 100.0, errors: float = 0.0, noise: float = 0.0) -> Measured:
    """Something measured."""
    load = {} if rate is None else {RATE: rate}
    return Measured({P95: p95, ERRORS: errors, **load}, {P95: noise})


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (m(0.187), m(0.2), ""),
        (m(0.187), m(0.312), "p95 187 → 312 ms, objective 250 ms"),
        (m(0.3), m(0.31), ""),
        (m(0.3), m(0.32), "p95 300 → 320 ms, objective 250 ms"),
        (m(0.3, noise=0.05), m(0.34), ""),
        (m(0.3, noise=0.05), m(0.36), "p95 300 → 360 ms, objective 250 ms"),
        (m(0.3), m(0.29), ""),
        (m(0.187), m(0.312, rate=111.0), ""),
        (m(0.187), m(0.312, rate=109.0), "p95 187 → 312 ms, objective 250 ms"),
        (m(0.187), m(0.312, rate=50.0), "p95 187 → 312 ms, objective 250 ms"),
        (m(0.187, None), m(0.312), "p95 187 → 312 ms, objective 250 ms; the load is not known"),
        (m(0.1, errors=0.002), m(0.1, errors=0.031), "errors 0.2 → 3.1 %, threshold 1.0 %"),
        (m(0.1, errors=0.02), m(0.1, errors=0.031), ""),
        (Measured(), m(0.312), ""),
        (m(0.187), Measured(), ""),
    ],
)
def test_what_counts_as_worse(before: Measured, after: Measured, text: str) -> None:
    """Over the objective and up by more than noise, or errors past their threshold; not with more load, not from nothing."""
    assert worse(PROMISE, before, after) == text


async def test_without_a_baseline_nothing_is_claimed(tmp_path: Path) -> None:
    """An action of the first seconds has nothing measured to be worse than."""
    desk = Desk(tmp_path, settle=10.0, promise=PROMISE)
    desk.tick(**GOOD)
    outcome = await acted(desk, 3, **BAD)
    assert (outcome.settled, outcome.worse, outcome.rollback) == (True, "", None)


async def test_it_is_taken_back_within_the_cooldown(desk: Desk) -> None:
    """What was measured to do harm goes back at once; the record says what it took back."""
    bad = await acted(desk, 3, **BAD)
    assert desk.actuator.cooldown("up") > 0
    plan = desk.plan(takes_back=bad.id)
    assert (plan.origin, plan.to, plan.takes_back) == (3, 4, bad.id)
    assert plan.why[0] == "takes 4 → 3 back: p95 187 → 312 ms, objective 250 ms"
    assert plan.allowed
    assert (await desk.actuator.execute(plan)).state is ActionState.ACCEPTED
    assert desk.service.written == [3, 4]
    assert desk.audit.tail(1)[0]["takes_back"] == bad.id
    assert desk.actuator.outcomes()[1].rollback is None
    assert desk.actuator.outcomes()[1].worse


async def test_another_session_can_take_it_back(desk: Desk) -> None:
    """What was verified is known from the audit log."""
    bad = await acted(desk, 3, **BAD)
    other = desk.another()
    last = other.last()
    assert last is not None
    assert (last.id, last.origin, last.to, last.worse) == (bad.id, 4, 3, bad.worse)
    plan = other.propose(to=4, takes_back=last.id, state=desk.state(), data_age=1.0)
    assert (await other.execute(plan)).state is ActionState.ACCEPTED


async def test_without_harm_the_cooldown_counts(desk: Desk) -> None:
    """An action that did nothing wrong is taken back like any other change."""
    fine = await acted(desk, 5, **GOOD)
    plan = desk.plan(takes_back=fine.id)
    assert (plan.to, len(plan.refusals)) == (4, 1)
    assert plan.refusals[0].startswith("cooldown: ")
    assert plan.why[0] == "takes 4 → 5 back"


async def test_a_taking_back_is_not_taken_back(desk: Desk) -> None:
    """Two that take each other back would go on for ever."""
    bad = await acted(desk, 3, **BAD)
    await desk.actuator.execute(desk.plan(takes_back=bad.id))
    last = desk.actuator.last()
    assert last is not None
    assert last.takes_back == bad.id
    refusals = desk.plan(takes_back=last.id).refusals
    assert "the last action, 3 → 4, took another one back itself" in refusals


async def test_forged_taking_back_is_refused(desk: Desk) -> None:
    """A name alone does not pass the cooldown over: it must be the last action, its count and its origin."""
    bad = await acted(desk, 3, **BAD)
    assert desk.plan(takes_back="none").refusals[-1] == (
        "another action came after the one to take back: 4 → 3"
    )
    assert desk.plan(to=5, takes_back=bad.id).refusals[-1] == (
        "to take 4 → 3 back is to go to 4, not to 5"
    )
    forged = replace(desk.plan(to=6), takes_back="none", refusals=())
    outcome = await desk.actuator.execute(forged)
    assert outcome.state is ActionState.REFUSED
    desk.service.desired = desk.service.ready = 2
    assert desk.plan(takes_back=bad.id).refusals[-1] == (
        "the last action left 3, and 2 are asked for now"
    )
    assert desk.service.written == [3]


def test_without_any_action_there_is_nothing_to_take_back(desk: Desk) -> None:
    """An empty record offers nothing."""
    assert "there is no action to take back" in desk.plan(takes_back="x").refusals
    assert desk.actuator.last() is None


async def test_the_offer_ends_when_the_objective_holds_for_a_minute(desk: Desk) -> None:
    """A good minute ends it; one bad or unknown reading within begins the minute anew."""
    await acted(desk, 3, **BAD)
    desk.ticks(59, **GOOD)
    desk.tick(**BAD)
    desk.ticks(59, **GOOD)
    desk.tick(errors=0.002, rate=100.0)
    desk.ticks(60, **GOOD)
    assert desk.actuator.outcomes()[0].rollback == 4
    desk.tick(**GOOD)
    (outcome,) = desk.actuator.outcomes()
    assert outcome.rollback is None
    assert outcome.worse
    assert outcome.detail.endswith("not to be taken back: the objective holds again")


async def test_the_offer_ends_when_another_count_is_asked_for(desk: Desk) -> None:
    """Whoever changed it, the count to go back from is gone."""
    await acted(desk, 3, **BAD)
    desk.service.desired = 6
    desk.tick(**BAD)
    (outcome,) = desk.actuator.outcomes()
    assert outcome.rollback is None
    assert outcome.detail.endswith("not to be taken back: 6 are asked for now")


async def test_a_later_action_ends_the_offer(desk: Desk) -> None:
    """Only the last action can be taken back, also when its successor is not known to have worked."""
    await acted(desk, 3, **BAD)
    desk.clock.advance(700)
    desk.service.error = "docker: no answer in 20 s"
    plan = desk.plan(to=5)
    desk.service.ready = desk.service.desired = 3

    def gone() -> None:
        desk.service.unreadable = "gone"

    original = desk.service.write

    async def write_and_vanish(to: int, state: object, /) -> None:
        gone()
        await original(to, state)  # type: ignore[arg-type]

    desk.service.write = write_and_vanish  # type: ignore[method-assign]
    assert (await desk.actuator.execute(plan)).state is ActionState.FAILED
    failed, first = desk.actuator.outcomes()
    assert (failed.rollback, first.rollback) == (None, None)
    assert first.worse


async def test_a_superseded_action_offers_nothing(desk: Desk) -> None:
    """An effect that was not measured to its end is no reason to go back."""
    await desk.actuator.execute(desk.plan(to=3))
    desk.service.ready = 3
    desk.ticks(5, **BAD)
    plan = desk.plan(to=5, ignore_cooldown=True)
    assert any(w.startswith("the cooldown is passed over: ") for w in plan.warnings)
    assert (await desk.actuator.execute(plan)).state is ActionState.ACCEPTED
    first = desk.actuator.outcomes()[1]
    assert (first.settled, first.worse, first.rollback) == (False, "", None)


async def test_an_autoscaler_cannot_pass_the_cooldown_over(desk: Desk) -> None:
    """That is for a person to say, where the policy is one that waits."""
    desk.actuator = desk.another(
        settings=replace(desk.settings, policy="step"), settle=10.0, promise=PROMISE
    )
    await acted(desk, 5, **GOOD)
    plan = desk.plan(to=6, automatic=True, ignore_cooldown=True)
    assert plan.refusals[0].startswith("cooldown: ")
    by_hand = desk.plan(to=6, ignore_cooldown=True)
    assert (await desk.actuator.execute(by_hand)).state is ActionState.ACCEPTED
    assert desk.audit.tail(1)[0]["ignores_cooldown"] is True
