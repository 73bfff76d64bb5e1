"""Whether an action did what was predicted, at the load that came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from desk import CPU, P95, PREDICTED, RATE, READY, Desk

from capmon.actions.measured import Measured, Recent, growth, measured, spread, with_before
from capmon.actions.verification import Foretold
from capmon.model.results import ActionState, Estimate, Outcome, Predicted, ReplicaState


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk whose replicas warm up for four seconds, after half a minute of 100 req/s."""
    desk = Desk(tmp_path, warm_up=4.0, settle=10.0)
    desk.ticks(20, p95=0.187, cpu=0.70, rate=100.0)
    return desk


async def acted(desk: Desk, to: int = 6, **wanted: object) -> None:
    """Carry a plan out, with its replicas ready at once."""
    outcome = await desk.actuator.execute(desk.plan(to=to, **wanted))
    assert outcome.state is ActionState.ACCEPTED, outcome.detail
    desk.service.ready = to
    desk.tick()


def latest(desk: Desk) -> Outcome:
    """The latest outcome."""
    return desk.actuator.outcomes()[0]


async def test_warm_up_does_not_count(desk: Desk) -> None:
    """What replicas do in their first seconds is no effect of the new count."""
    await acted(desk)
    desk.ticks(3, p95=3.0, cpu=1.0, rate=100.0)
    desk.ticks(10, p95=0.15, cpu=0.62, rate=100.0)
    assert not latest(desk).settled
    desk.ticks(1, p95=0.15, cpu=0.62, rate=100.0)
    assert latest(desk).settled
    assert latest(desk).actual == (
        (P95, 0.15),
        (CPU, pytest.approx(0.62)),
        (READY, 6.0),
        (RATE, pytest.approx(100)),
    )
    assert latest(desk).detail == "6 of 6 ready after 1 s"
    assert latest(desk).ready_after == 1.0


async def test_p95_is_a_median(desk: Desk) -> None:
    """One wild reading within the window moves nothing."""
    await acted(desk)
    desk.ticks(8, p95=0.15, rate=100.0)
    desk.tick(p95=9.0, rate=100.0)
    desk.ticks(6, p95=0.15, rate=100.0)
    assert dict(latest(desk).actual)[P95] == 0.15


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (100.0, ""),
        (109.0, ""),
        (112.0, "; load is 12 % higher than when predicted"),
        (50.0, "; load is 50 % lower than when predicted"),
    ],
)
async def test_a_load_that_moved_is_said(desk: Desk, rate: float, text: str) -> None:
    """Beyond a tenth, the prediction was for another load, and nothing is learned from it."""
    await acted(desk)
    desk.ticks(15, p95=0.15, cpu=0.62, rate=rate)
    assert latest(desk).detail == f"6 of 6 ready after 1 s{text}"
    last = desk.audit.tail(1)[0]
    assert last["load_change"] == pytest.approx(rate / 100)
    assert last["comparable"] is (not text)
    assert (P95 in desk.actuator.learned().ratios) is (not text)
    assert latest(desk).predicted == PREDICTED


async def test_it_is_predicted_again_at_the_load_that_came(desk: Desk) -> None:
    """The models that the plan rested on are asked again, and that is what the outcome is held against."""
    asked: list[float] = []

    def again(growth: float) -> tuple[Predicted, ...]:
        asked.append(growth)
        return (Predicted(P95, 0.3, Estimate(0.2, 0.19, 0.21)), Predicted(CPU, 0.9, None, "far"))

    await acted(desk, again=Foretold(again))
    desk.ticks(15, p95=0.205, cpu=0.62, rate=120.0)
    assert asked == [pytest.approx(1.2)]
    p95, cpu = latest(desk).predicted
    assert (p95.after, p95.before) == (Estimate(0.2, 0.19, 0.21), 0.187)
    assert cpu == PREDICTED[1]
    assert latest(desk).detail.endswith(
        "load is 20 % higher than when predicted; predicted again for it"
    )
    last = desk.audit.tail(1)[0]
    assert [p["after"] for p in last["predicted"]] == [0.149, 0.62]
    assert [p["after"] for p in last["again"]] == [0.2]
    assert last["compared"][0]["inside"] is True
    assert desk.actuator.learned().ratios[P95] == (pytest.approx(1.025),)


async def test_growth_counts_from_the_load_that_was_predicted_for(desk: Desk) -> None:
    """The models' load is a mean of late: the last seconds before the plan say nothing of it."""
    asked: list[float] = []

    def again(growth: float) -> tuple[Predicted, ...]:
        asked.append(growth)
        return ()

    await acted(desk, again=Foretold(again, {RATE: 120.0}))
    desk.ticks(15, p95=0.205, cpu=0.62, rate=150.0)
    assert asked == [pytest.approx(1.25)]


async def test_replicas_that_have_yet_to_end_are_said(desk: Desk) -> None:
    """On the way down more are ready than were asked for, and that is not `6 of 3`."""
    outcome = await desk.actuator.execute(desk.plan(to=3))
    assert outcome.state is ActionState.ACCEPTED, outcome.detail
    desk.tick()
    assert latest(desk).detail == "3 of 3 ready after 1 s; 1 more must end"


async def test_an_unmoved_load_asks_nothing_again(desk: Desk) -> None:
    """Within a tenth the first prediction stands."""

    def again(growth: float) -> tuple[Predicted, ...]:
        raise AssertionError(growth)

    await acted(desk, again=Foretold(again))
    desk.ticks(15, p95=0.15, cpu=0.62, rate=105.0)
    assert latest(desk).predicted == PREDICTED


async def test_what_no_model_predicts_is_measured_too(desk: Desk) -> None:
    """Without a model the outcome has the values before and after, and no claim."""
    await acted(desk, predicted=())
    desk.ticks(15, p95=0.15, cpu=0.62, rate=100.0)
    p95, cpu = latest(desk).predicted[1], latest(desk).predicted[0]
    assert (p95.metric, p95.before, p95.after) == (P95, 0.187, None)
    assert (cpu.metric, cpu.before, cpu.after) == (CPU, pytest.approx(0.7), None)
    assert latest(desk).actual[:3] == ((CPU, pytest.approx(0.62)), (P95, 0.15), (READY, 6.0))
    last = desk.audit.tail(1)[0]
    assert last["compared"] == []
    assert last["before"] == {P95: 0.187, CPU: pytest.approx(0.7), RATE: 100.0}


async def test_later_predictions_know_the_miss(desk: Desk) -> None:
    """A miss widens the next plan, in this session and in the next one."""
    await desk.actuator.execute(desk.plan(to=6))
    desk.ticks(3)
    desk.service.ready = 6
    desk.ticks(16, p95=0.298, cpu=0.62, rate=100.0)
    desk.clock.advance(600)
    for actuator in (desk.actuator, desk.another()):
        assert actuator.learned().startup == Estimate(4.0)
        plan = actuator.propose(to=7, state=desk.state(), predicted=PREDICTED, data_age=1.0)
        p95, cpu = plan.predicted
        assert p95.after == Estimate(0.149, pytest.approx(0.0745), pytest.approx(0.298))
        assert p95.model == PREDICTED[0].after
        assert p95.remark == "wider: 1 past action was off by up to 2.00×"
        assert cpu == PREDICTED[1]


async def test_a_target_that_tells_no_start_teaches_none(desk: Desk) -> None:
    """A count that is ready as soon as it is asked for may be one number that stands for both."""
    await acted(desk)
    desk.ticks(15, p95=0.298, cpu=0.62, rate=100.0)
    assert latest(desk).ready_after == 1.0
    assert desk.actuator.learned().startup is None


async def test_nothing_is_learned_from_its_own_corrections(desk: Desk) -> None:
    """Misses are counted against the curve alone, so that a correction that fits does not fade."""
    for _ in range(6):
        desk.clock.advance(700)
        to = 7 if desk.service.desired == 6 else 6
        desk.ticks(20, p95=0.187, cpu=0.7, rate=100.0)
        await acted(desk, to)
        desk.ticks(15, p95=0.149 * 1.2, cpu=0.62, rate=100.0)
    learned = desk.actuator.learned()
    assert learned.ratios[P95] == pytest.approx((1.2,) * 6)
    assert learned.correction(P95)[0] == pytest.approx(1.2)
    expected = latest(desk).predicted[0]
    assert expected.after is not None
    assert expected.after.value == pytest.approx(0.149 * 1.2)
    assert expected.remark.startswith("moved up 20 %: 5 of 5 past actions came higher")


# Readings


def state(ready: int, desired: int) -> ReplicaState:
    """A target."""
    return ReplicaState("swarm", "web", ready, desired)


def test_before_is_measured_over_half_of_the_window_at_least() -> None:
    """One reading is no measurement; nor is one that lies further back than the window."""
    recent = Recent(10.0)
    recent.add(0.0, {P95: 0.1}, state(4, 4))
    recent.add(4.0, {P95: 0.2}, state(4, 4))
    assert recent.measured(4.0) == Measured()
    recent.add(5.0, {P95: 0.3, CPU: 0.5}, state(4, 4))
    assert dict(recent.measured(5.0).values) == {P95: 0.2}
    assert recent.measured(11.0) == Measured()


def test_before_is_of_one_count() -> None:
    """What was measured with another count of replicas is no baseline; an unknown count changes nothing."""
    recent = Recent(10.0)
    for second in range(8):
        recent.add(second, {P95: 0.1, "disk": 1.0, CPU: float("nan")}, state(4, 4))
    recent.add(8.0, {P95: 0.1}, None)
    assert dict(recent.measured(8.0).values) == {P95: 0.1}
    recent.add(9.0, {P95: 0.1}, state(4, 5))
    assert recent.measured(9.0) == Measured()


def test_noise_is_not_moved_by_a_spike() -> None:
    """A single wild reading leaves the spread alone."""
    calm = [0.18, 0.19, 0.20, 0.21, 0.22]
    assert spread([*calm, 9.0]) < 2 * spread(calm)
    assert measured({P95: [], CPU: [0.5]}) == Measured({CPU: 0.5}, {CPU: 0.0})


def test_growth_needs_the_same_load_on_both_sides() -> None:
    """Requests before users; neither from nothing, nor from one side alone."""
    users = "app.users.active"
    before, after = Measured({RATE: 100.0, users: 50.0}), Measured({users: 60.0})
    assert growth(before, Measured({RATE: 90.0, users: 60.0})) == 0.9
    assert growth(before, after) == 1.2
    assert growth(Measured({RATE: 0.0}), Measured({RATE: 5.0})) is None
    assert growth(Measured(), after) is None


def test_the_replicas_own_readings_come_before_the_hosts() -> None:
    """Of each kind one metric is judged by, and none that is spoken of already."""
    own = "process.cpu.utilization"
    before = Measured({CPU: 0.5, own: 0.6, P95: 0.2})
    assert [p.metric for p in with_before((), before)] == [own, P95]
    assert with_before(PREDICTED, before) == PREDICTED


def test_where_no_model_speaks_before_is_measured() -> None:
    """A single reading gives way to what was measured; a model's own word stays."""
    silent = Predicted(P95, 0.9, None, "not enough load variation")
    found = with_before((silent, PREDICTED[1]), Measured({P95: 0.2, CPU: 0.1}))
    assert found == (replace(silent, before=0.2), PREDICTED[1])
    assert with_before((silent,), Measured()) == (silent,)
