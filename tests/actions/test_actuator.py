"""The one place from which the replica count is changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from desk import CPU, P95, READY, Desk, Service

from capmon.actions.actuator import OUTCOMES_KEPT, Actuator
from capmon.errors import TargetError
from capmon.model.results import ActionState, ReplicaState
from capmon.scaling.plan import propose


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk in mode act with four of four replicas ready."""
    return Desk(tmp_path)


def test_proposal_counts_from_what_is_asked_for(desk: Desk) -> None:
    """One more during a roll-out is one more than asked for, not than ready."""
    desk.service.ready = 2
    plan = desk.plan(delta=1)
    assert (plan.origin, plan.to) == (4, 5)
    assert plan.warnings == ("a roll-out is under way: 2 of 4 ready",)
    assert plan.argv == ("docker", "service", "scale", "--detach", "web=5", "--token=***")


def test_proposal_without_a_target_says_so(desk: Desk) -> None:
    """Where nothing is configured, that is the one reason given."""
    empty = Actuator(desk.settings, None, desk.audit, desk.clock, planner=propose)
    plan = empty.propose(delta=1, state=None, data_age=1.0)
    assert plan.refusals == ("no scale target is configured",)


def test_notices_of_the_target_come_before_the_decision(desk: Desk) -> None:
    """What the target warns of stands in the plan."""
    desk.service.notices = ("HPA web (2–10) owns this count and may undo a change",)
    assert desk.plan(to=5).warnings == desk.service.notices


def test_old_answer_counts_as_unknown(desk: Desk) -> None:
    """A count that was true forty seconds ago is not acted on."""
    state = desk.state()
    desk.clock.advance(40)
    plan = desk.actuator.propose(to=5, state=state, data_age=1.0)
    assert plan.refusals == ("replica count is not known: last answer 40 s ago",)


async def test_whole_course(desk: Desk) -> None:
    """Accepted, done when ready, verified by what was measured after; each step is audited."""
    outcome = await desk.actuator.execute(desk.plan(to=6))
    assert (outcome.state, desk.service.written) == (ActionState.ACCEPTED, [6])
    desk.service.hindrance = "no suitable node"
    desk.service.ready = 5
    desk.tick(12, p95=0.5, cpu=0.9)
    (outcome,) = desk.actuator.outcomes()
    assert outcome.state is ActionState.ACCEPTED
    assert outcome.detail == "5 of 6 ready after 12 s; no suitable node"
    desk.service.ready = 6
    desk.tick(p95=0.5, cpu=0.9)
    (outcome,) = desk.actuator.outcomes()
    assert (outcome.state, outcome.settled) == (ActionState.DONE, False)
    assert outcome.detail == "6 of 6 ready after 13 s"
    assert (outcome.ready_after, outcome.actual) == (13.0, ((READY, 6.0),))
    for p95, cpu in ((0.15, 0.60), (0.14, 0.62), (9.0, 0.64)):
        desk.tick(10, p95=p95, cpu=cpu)
    (outcome,) = desk.actuator.outcomes()
    assert outcome.settled
    assert outcome.actual == ((P95, 0.15), (CPU, pytest.approx(0.62)), (READY, 6.0))
    assert desk.events() == ["attempt", "accepted", "done", "verified"]
    done, last = desk.audit.tail(2)
    assert (done["ready_after"], done["actual"]) == (13.0, {READY: 6.0})
    assert last["actual"] == {P95: 0.15, CPU: pytest.approx(0.62), READY: 6.0}
    assert [(c["metric"], c["expected"], c["inside"]) for c in last["compared"]] == [
        (P95, 0.149, True),
        (CPU, 0.62, True),
    ]
    assert len({e["id"] for e in desk.audit.tail(9)}) == 1
    assert "S3CRET" not in desk.audit.path.read_text()


async def test_wavering_count_starts_the_measurement_anew(desk: Desk) -> None:
    """What was measured while a replica was gone does not count for the new size."""
    await desk.actuator.execute(desk.plan(to=5))
    desk.service.ready = 5
    desk.tick()
    desk.tick(20, p95=0.9)
    desk.service.ready = 4
    desk.tick(1, p95=0.9)
    desk.service.ready = 5
    desk.tick(1, p95=0.9)
    desk.tick(29, p95=0.2)
    assert not desk.actuator.outcomes()[0].settled
    desk.tick(1, p95=0.2)
    (outcome,) = desk.actuator.outcomes()
    assert outcome.settled
    assert outcome.actual == ((P95, 0.2), (READY, 5.0))
    assert outcome.detail.endswith(f"not measured: {CPU}")
    assert desk.events().count("done") == 1


async def test_count_moved_by_others_ends_the_verification(desk: Desk) -> None:
    """An autoscaler that takes the change back is named, and nothing is claimed as measured."""
    await desk.actuator.execute(desk.plan(to=6))
    desk.tick()
    desk.service.desired = 4
    desk.tick()
    (outcome,) = desk.actuator.outcomes()
    assert outcome.detail == "not verified: 4 are asked for now, by something else"
    desk.service.ready = desk.service.desired = 6
    desk.tick(100, p95=0.1, cpu=0.1)
    assert not desk.actuator.outcomes()[0].settled


async def test_answer_from_before_the_change_is_not_held_against_it(desk: Desk) -> None:
    """The first tick may still carry the old count."""
    before = desk.state()
    await desk.actuator.execute(desk.plan(to=5))
    desk.actuator.observe(before, {})
    desk.actuator.observe(None, {})
    desk.actuator.observe(replace(before, ready=None), {})
    (outcome,) = desk.actuator.outcomes()
    assert (outcome.state, outcome.detail) == (ActionState.ACCEPTED, "")


async def test_dry_run_runs_and_reads_nothing(desk: Desk) -> None:
    """In dry-run the plan is written down; even a plan marked act is not run."""
    settings = replace(desk.settings, mode="dry-run")
    dry = desk.another(settings=settings)
    desk.service.unreadable = "it was read"
    plan = dry.propose(to=5, state=desk.state(), data_age=1.0)
    assert (plan.mode, plan.allowed) == ("dry-run", True)
    for p in (plan, replace(plan, mode="act")):
        assert (await dry.execute(p)).state is ActionState.DRY_RUN
    asked_for_dry = replace(desk.plan(to=5), mode="dry-run")
    assert (await desk.actuator.execute(asked_for_dry)).state is ActionState.DRY_RUN
    assert desk.service.written == []
    assert desk.events() == ["dry-run"] * 3
    assert dry.cooldown("up") == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"read_only": True}, "this session is read-only"),
        ({"untrusted": "others can write it"}, "the configuration is not trusted: others"),
    ],
)
async def test_refusal_is_audited_and_nothing_runs(
    tmp_path: Path, options: dict[str, object], text: str
) -> None:
    """What is forbidden is refused also when it is executed, and leaves a record."""
    desk = Desk(tmp_path, **options)
    outcome = await desk.actuator.execute(desk.plan(to=5))
    assert outcome.state is ActionState.REFUSED
    assert outcome.detail.startswith(text)
    assert desk.service.written == []
    assert desk.events() == ["refused"]


async def test_forged_plan_meets_the_limits_again(desk: Desk) -> None:
    """A plan without its refusals is checked once more before it runs."""
    plan = replace(desk.plan(to=11), refusals=())
    outcome = await desk.actuator.execute(plan)
    assert outcome.detail == "11 is over the maximum of 10"
    other = replace(desk.plan(to=5), argv=("docker", "service", "scale", "web=3"))
    outcome = await desk.actuator.execute(other)
    assert outcome.detail == "swarm would run another command than the one shown"
    assert desk.service.written == []


def _moved(service: Service) -> None:
    service.desired = 5


def _unknown(service: Service) -> None:
    service.desired = None


def _silent(service: Service) -> None:
    service.unreadable = "docker: no answer in 10 s"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_moved, "was 4 when proposed, is 5 now"),
        (_unknown, "replica count is not known: last answer 0 s ago"),
        (_silent, "replica count is not known: docker: no answer in 10 s"),
    ],
)
async def test_count_is_read_again_just_before(
    desk: Desk, change: Callable[[Service], None], text: str
) -> None:
    """A count that moved, or cannot be read any more, stops the action."""
    plan = desk.plan(to=6)
    change(desk.service)
    outcome = await desk.actuator.execute(plan)
    assert (outcome.state, outcome.detail) == (ActionState.REFUSED, text)
    assert desk.service.written == []
    assert desk.events() == ["attempt", "refused"]
    assert desk.actuator.cooldown("up") == 0


@pytest.mark.parametrize("automatic", [False, True])
async def test_an_owner_that_came_since_stops_the_action(desk: Desk, automatic: bool) -> None:
    """The last reading looks for one, whoever asks: nobody was warned of it."""
    plan = desk.plan(to=6, automatic=automatic)
    owner = "HPA web (2–10) owns this count and may undo a change"
    desk.service.notices = desk.service.owners = (owner,)
    outcome = await desk.actuator.execute(plan)
    reason = f"{owner}: capmon does not act beside it"
    assert outcome.state is ActionState.REFUSED and desk.service.looked_closely
    assert outcome.detail == (reason if automatic else f"not known when it was proposed: {owner}")
    assert desk.service.written == []
    by_hand = await desk.actuator.execute(desk.plan(to=6))
    assert by_hand.state is ActionState.ACCEPTED


async def test_a_veto_comes_last(desk: Desk) -> None:
    """After the target was read, and nothing is written then."""
    asked = []

    def veto() -> str:
        asked.append(desk.service.looked_closely)
        return "the lease is gone"

    outcome = await desk.actuator.execute(desk.plan(to=6), veto=veto)
    assert (outcome.state, outcome.detail) == (ActionState.REFUSED, "the lease is gone")
    assert asked == [True] and desk.service.written == []
    assert desk.actuator.cooldown("up") == 0


async def test_one_action_at_a_time(desk: Desk) -> None:
    """A key pressed twice acts once."""
    desk.service.gate = asyncio.Event()
    plan = desk.plan(to=5)
    first = asyncio.create_task(desk.actuator.execute(plan))
    await desk.service.writing.wait()
    assert desk.actuator.running == "4 → 5"
    assert desk.actuator.outcomes()[0].state is ActionState.RUNNING
    second = await desk.actuator.execute(plan)
    assert second.detail == "one action at a time: 4 → 5 is under way"
    assert "one action at a time: 4 → 5 is under way" in desk.plan(to=6).refusals
    desk.service.gate.set()
    assert (await first).state is ActionState.ACCEPTED
    assert desk.service.written == [5]
    assert desk.actuator.running == ""


async def test_failure_that_changed_nothing_costs_no_cooldown(desk: Desk) -> None:
    """The error is shown and audited, and another try is free."""
    desk.service.error = "docker: update out of sequence"
    outcome = await desk.actuator.execute(desk.plan(to=5))
    assert (outcome.state, outcome.detail) == (ActionState.FAILED, "docker: update out of sequence")
    assert desk.events() == ["attempt", "failed"]
    assert desk.actuator.cooldown("up") == 0
    assert desk.another().cooldown("up") == 0


async def test_lost_answer_is_found_out(desk: Desk) -> None:
    """A command that timed out but took effect counts as accepted, and is followed."""
    desk.service.error, desk.service.takes_it_all_the_same = "docker: no answer in 20 s", True
    outcome = await desk.actuator.execute(desk.plan(to=5))
    assert outcome.state is ActionState.ACCEPTED
    assert outcome.detail == "accepted all the same: docker: no answer in 20 s"
    assert desk.actuator.cooldown("up") == 300


async def test_failure_of_unknown_effect_starts_the_cooldown(desk: Desk) -> None:
    """Where nobody knows whether it took effect, it counts as an action, after a restart too."""
    plan = desk.plan(to=5)
    reads = 0

    async def read_once() -> ReplicaState:
        nonlocal reads
        reads += 1
        if reads > 1:
            raise TargetError("gone")
        return desk.state()

    desk.service.error = "docker: no answer in 20 s"
    desk.service.read = read_once  # type: ignore[method-assign]
    assert (await desk.actuator.execute(plan)).state is ActionState.FAILED
    assert desk.actuator.cooldown("up") == 300
    assert desk.another().cooldown("up") == 300


async def test_leaving_in_the_middle_is_recorded(desk: Desk) -> None:
    """An action cut short by the exit leaves a record, and a cooldown for the next start."""
    desk.service.gate = asyncio.Event()
    task = asyncio.create_task(desk.actuator.execute(desk.plan(to=5)))
    await desk.service.writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert desk.events() == ["attempt", "failed"]
    assert desk.actuator.outcomes()[0].detail == "interrupted"
    assert desk.actuator.running == ""
    assert desk.another().cooldown("down") == 600


async def test_cooldown_by_direction_and_over_a_restart(desk: Desk) -> None:
    """The last action is known to the next session, and to another one that runs beside it."""
    beside = desk.another()
    assert beside.cooldown("up") == 0
    await desk.actuator.execute(desk.plan(to=5))
    desk.clock.advance(100)
    for actuator in (desk.actuator, beside, desk.another()):
        assert actuator.cooldown("up") == pytest.approx(200, abs=0.01)
        assert actuator.cooldown("down") == pytest.approx(500, abs=0.01)
    for step in (-86400, 2 * 86400):
        desk.clock.step(step)
        for actuator in (desk.actuator, beside, desk.another()):
            assert actuator.cooldown("up") == pytest.approx(200, abs=0.01)
    desk.clock.advance(300)
    assert desk.actuator.cooldown("up") == 0


async def test_cooldown_over_a_restart_of_the_machine(desk: Desk) -> None:
    """After a reboot the wall clock tells how long ago it was; set back, it was just now."""
    await desk.actuator.execute(desk.plan(to=5))
    desk.clock.advance(100)
    desk.clock.reboot()
    assert desk.another().cooldown("up") == pytest.approx(200, abs=0.01)
    desk.clock.step(-86400)
    assert desk.another().cooldown("up") == 300


async def test_attempt_without_an_end_counts_as_an_action(desk: Desk) -> None:
    """A capmon that was killed while it acted leaves a cooldown behind."""
    desk.audit.record("attempt", "lost", desk.plan(to=5))
    desk.clock.advance(60)
    assert desk.actuator.cooldown("up") == 240
    assert desk.actuator.cooldown("down") == 540


def test_records_of_other_targets_and_dry_runs_do_not_count(desk: Desk) -> None:
    """A cooldown is one target's own, and only what was run starts it."""
    plan = desk.plan(to=5)
    desk.audit.record("accepted", "1", replace(plan, target="api"))
    desk.audit.record("dry-run", "2", replace(plan, mode="dry-run"))
    desk.audit.record("attempt", "3", plan)
    desk.audit.record("refused", "3", plan)
    with desk.audit.path.open("a") as file:
        file.write(json.dumps({"mode": "act", "target": "web", "event": "accepted"}) + "\n")
    assert desk.actuator.cooldown("down") == 0


async def test_action_that_cannot_be_audited_is_refused(tmp_path: Path) -> None:
    """In mode act nothing runs without a record; in dry-run the lack of it is said."""
    (tmp_path / "capmon").write_text("in the way of the folder")
    desk = Desk(tmp_path)
    outcome = await desk.actuator.execute(desk.plan(to=5))
    assert outcome.state is ActionState.REFUSED
    assert outcome.detail.startswith("it cannot be audited: ")
    assert desk.service.written == []
    dry = desk.another(settings=replace(desk.settings, mode="dry-run"))
    outcome = await dry.execute(dry.propose(to=5, state=desk.state(), data_age=1.0))
    assert outcome.state is ActionState.DRY_RUN
    assert "not audited: " in outcome.detail


async def test_later_action_ends_the_earlier_verification(desk: Desk) -> None:
    """Two changes on top of each other: the first is not measured by the second's effect."""
    await desk.actuator.execute(desk.plan(to=5))
    desk.service.ready = 5
    desk.tick(301)
    await desk.actuator.execute(desk.plan(to=6))
    second, first = desk.actuator.outcomes()
    assert (first.to, second.to) == (5, 6)
    assert first.detail == "not verified: another action came before it had settled"


async def test_outcomes_are_bounded(desk: Desk) -> None:
    """Only the latest outcomes are kept, the latest first."""
    for _ in range(OUTCOMES_KEPT + 5):
        last = await desk.actuator.execute(desk.plan(to=11))
    outcomes = desk.actuator.outcomes()
    assert len(outcomes) == OUTCOMES_KEPT
    assert outcomes[0] == last
