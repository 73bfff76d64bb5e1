"""The heart goes on: without the engine, with a broken one, and whatever sources do."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from monitor_fakes import (
    CPU,
    MEMORY,
    P95,
    PACE,
    RATE,
    STATUS,
    Rig,
    ScaledRig,
    Source,
    fast,
    state,
)

from capmon.analysis.engine import Engine
from capmon.clock import ManualClock, SystemClock
from capmon.config.schema import Duration, Ratio, ThresholdSettings, ThresholdsSettings
from capmon.errors import TargetError
from capmon.headless import without_waiting
from capmon.model.frame import Frame, ProcessUse, TopProcesses
from capmon.model.results import ActionState, ScalePlan, SourceState
from capmon.monitor.monitor import BATCHES_KEPT, STALLED
from capmon.store.series import Store

CLOCK = SystemClock()


def host(**values: float) -> Source:
    """A host with a CPU."""
    return Source(CLOCK, values={CPU: 0.5, **values})


# Frames


async def test_frames_come_before_the_engine() -> None:
    """What was read is shown at once; what the analysis would say is empty, not wrong."""
    async with Rig(host(), Source(CLOCK, "app", {RATE: 118.0}), settings=fast(app="json")) as rig:
        frame = await rig.until(lambda f: f.value(CPU) and f.value(RATE))
        assert (frame.value(CPU), frame.value(RATE)) == (0.5, 118.0)
        assert not frame.engine_ready
        assert frame.trends == {}
        assert frame.bottlenecks == frame.fits == frame.forecasts == ()
        assert frame.app_source == "json"
        assert "capmon.analysis" not in {t.name for t in threading.enumerate()}


async def test_frames_count_up_and_carry_the_settings() -> None:
    """Sequence by one, interval and window as asked for."""
    async with Rig(host()) as rig:
        await rig.more(4)
        assert [f.sequence for f in rig.frames] == list(range(1, len(rig.frames) + 1))
        assert {(f.interval, f.window) for f in rig.frames} == {(PACE, 300.0)}
        assert rig.monitor.frame is rig.frames[-1]


async def test_a_host_that_cannot_be_read_does_not_stop_the_ticks() -> None:
    """Frames come without a pacemaker, and say that it fails."""
    dead = host()
    dead.problem = "permission denied"
    async with Rig(dead) as rig:
        frame = await rig.until(lambda f: f.sequence > 3)
        assert state(frame, "host") is SourceState.FAILING
        assert frame.health[0].reason == "permission denied"


async def test_the_engine_joins_in() -> None:
    """Trends of what is read, and results, once it is started; starting it twice is once."""
    async with Rig(host()) as rig:
        await rig.more(1)
        rig.monitor.start_engine()
        rig.monitor.start_engine()
        frame = await rig.until(lambda f: f.engine_ready)
        assert set(frame.trends) <= set(frame.readings)
        assert frame.utilization is not None
        assert frame.utilization.cpu == 0.5
        frame = await rig.until(lambda f: CPU in f.trends)
        assert frame.trends[CPU].values[-1] == 0.5


async def test_another_window_is_shown_from_the_next_frame_on() -> None:
    """Trends and the frame's own word change together within a few ticks."""
    async with Rig(host()) as rig:
        rig.monitor.start_engine()
        await rig.until(lambda f: f.engine_ready and CPU in f.trends)
        rig.monitor.set_window(3600.0)
        assert rig.monitor.window == 3600.0
        assert (await rig.more(1)).window == 3600.0


# The engine fails


async def test_a_failing_analysis_is_a_notice_and_frames_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readings and trends stay, results are gone rather than stale, the notice stands once."""
    step = Engine.step
    broken = threading.Event()

    def fails(self: Engine, history: object, now: object) -> object:
        if broken.is_set():
            raise ZeroDivisionError("division\nby zero")
        return step(self, history, now)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "step", fails)
    async with Rig(host()) as rig:
        rig.monitor.start_engine()
        await rig.until(lambda f: f.engine_ready and CPU in f.trends)
        broken.set()
        await rig.until(lambda f: not f.engine_ready)
        frame = await rig.more(5)
        assert not frame.engine_ready
        assert frame.utilization is None
        assert frame.value(CPU) == 0.5
        assert CPU in frame.trends
        assert rig.notes("notice") == ["analysis failed: ZeroDivisionError: division by zero"]
        broken.clear()
        await rig.until(lambda f: f.engine_ready)
        broken.set()
        await rig.until(lambda f: not f.engine_ready)
        await rig.more(2)
        assert len(rig.notes("notice")) == 2


async def test_an_analysis_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation of the numeric libraries costs the results, not the readings."""
    monkeypatch.setitem(sys.modules, "capmon.analysis.engine", None)
    async with Rig(host()) as rig:
        rig.monitor.start_engine()
        await rig.until(lambda f: f.events and f.sequence > 3)
        frame = await rig.more(3)
        assert frame.value(CPU) == 0.5
        assert not frame.engine_ready
        assert len(rig.notes("notice")) == 1
        assert rig.notes("notice")[0].startswith("analysis cannot be loaded: ")
        assert len(rig.monitor._pending) < 5


async def test_a_broken_history_does_not_end_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails outside the analysis proper is answered too: nothing waits for ever."""

    def fails(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(Store, "write", fails)
    async with Rig(host()) as rig:
        rig.monitor.start_engine()
        await rig.until(lambda f: f.events and f.sequence > 3)
        await rig.more(5)
        assert rig.notes("notice") == ["analysis failed: MemoryError: no room"]


async def test_a_hung_analysis_is_said_and_its_results_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames keep their pace beside it; results too old to trust go; the end is not held up."""
    step = Engine.step
    gate = threading.Event()
    gate.set()

    def slow(self: Engine, history: object, now: object) -> object:
        gate.wait(20)
        return step(self, history, now)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "step", slow)
    clock = ManualClock()
    async with Rig(Source(clock, values={CPU: 0.5}), clock=clock) as rig:
        rig.monitor.start_engine()
        await rig.until(lambda f: f.engine_ready)
        gate.clear()
        frame = await rig.more(8)
        assert frame.engine_ready
        assert rig.notes("notice") == []
        clock.advance(STALLED + 1)
        frame = await rig.until(lambda f: not f.engine_ready)
        frame = await rig.more(3)
        assert rig.notes("notice") == ["the analysis has not answered for 30 s"]
        assert rig.monitor._pending.maxlen == BATCHES_KEPT
        gate.set()
        await rig.until(lambda f: f.engine_ready)
        gate.clear()
        await rig.more(2)
    gate.set()


@pytest.mark.parametrize("passes", ["advance", "sleep"])
async def test_a_verdict_that_comes_too_late_is_none_to_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: str
) -> None:
    """It rests on what was measured before the analysis hung, or the machine slept; the next one counts."""
    step = Engine.step
    gate = threading.Event()

    def slow(self: Engine, history: object, now: object) -> object:
        gate.wait(20)
        return step(self, history, now)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "step", slow)
    clock = ManualClock()
    asked = []
    async with ScaledRig(tmp_path, Source(clock, values={CPU: 0.5}), clock=clock) as rig:
        rig.monitor.on_frame(lambda _: asked.append(rig.monitor.asked))
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4)
        rig.monitor.start_engine()
        await rig.more(8)
        getattr(clock, passes)(STALLED + 1)
        gate.set()
        await rig.until(lambda f: f.scaling is not None)
        clock.advance(STALLED)
        await rig.until(lambda _: asked[-1] > 0)
    assert 1 not in asked and asked[0] == 0


# Sources


async def test_a_failing_source_takes_its_values_along_and_brings_them_back() -> None:
    """Unknown with the reason while it fails, other sources untouched, then known again."""
    app = Source(CLOCK, "app", {RATE: 118.0, STATUS: 1.0})
    app.texts = {STATUS: "healthy"}
    async with Rig(host(), app, settings=fast(app="json")) as rig:
        await rig.until(lambda f: f.value(RATE))
        app.problem = "connection refused"
        frame = await rig.until(lambda f: f.value(RATE) is None)
        reading = frame.readings[RATE]
        assert reading.reason == "connection refused"
        assert reading.at is not None
        assert STATUS not in frame.texts
        assert frame.value(CPU) == 0.5
        app.problem = ""
        frame = await rig.until(lambda f: f.value(RATE))
        assert frame.texts[STATUS] == "healthy"
        await rig.more(2)
        noted = rig.notes("source")
        assert [t for t in noted if t.startswith("app")][:2] == [
            "app live",
            "app failing connection refused",
        ]


async def test_a_late_source_has_no_values() -> None:
    """A reading under way for longer than three intervals: what it said before is old."""
    clock = ManualClock()
    app = Source(clock, "app", {RATE: 118.0}, deadline=60.0)
    rig = Rig(Source(clock, values={CPU: 0.5}), app, clock=clock, settings=fast(app="json"))
    async with rig:
        await rig.until(lambda f: f.value(RATE))
        app.gate.clear()
        readings = app.readings
        await rig.until(lambda _: app.readings > readings)
        clock.advance(10.0)
        frame = await rig.until(lambda f: state(f, "app") is SourceState.LATE)
        assert frame.readings[RATE].value is None
        assert frame.readings[RATE].reason == "last answer 10 s ago"
        app.gate.set()
        await rig.until(lambda f: f.value(RATE))


async def test_a_metric_that_is_gone_is_unknown() -> None:
    """A source that does not mention it any more leaves no old value behind."""
    source = host(**{MEMORY: 0.8})
    async with Rig(source) as rig:
        await rig.until(lambda f: f.value(MEMORY))
        del source.values[MEMORY]
        frame = await rig.until(lambda f: f.value(MEMORY) is None)
        assert frame.reason(MEMORY) == "no longer reported"
        assert frame.reason("no.such") == "not collected"


async def test_processes_go_with_their_source() -> None:
    """A list of processes that nobody reads any more is not shown."""
    table = Source(CLOCK, "processes")
    table.processes = TopProcesses(by_cpu=(ProcessUse(1, "init", 0.1, 1e6),))
    async with Rig(host(), table) as rig:
        await rig.until(lambda f: f.processes.by_cpu)
        table.problem = "permission denied"
        await rig.until(lambda f: not f.processes.by_cpu)


async def test_a_bottleneck_is_noted_when_it_begins() -> None:
    """The transition stands in the record of the frame that shows it."""
    threshold = ThresholdSettings(Ratio(0.7), Ratio(0.9), Duration(0.0))
    settings = without_waiting(fast(thresholds=ThresholdsSettings(cpu=threshold)))
    async with Rig(host(**{CPU: 0.95}), settings=settings) as rig:
        rig.monitor.start_engine()
        frame = await rig.until(lambda f: f.bottlenecks)
        assert frame.bottlenecks[0].component == "cpu"
        assert any("cpu" in text for text in rig.notes("bottleneck"))


# Faults inside


async def test_a_listener_that_raises_harms_nobody() -> None:
    """The other listeners hear every frame, the ticks go on, and it is said once."""
    rig = Rig(host())

    def broken(_: Frame) -> None:
        raise LookupError("no widget")

    heard: list[int] = []
    rig.monitor.on_frame(broken)
    rig.monitor.on_frame(lambda f: heard.append(f.sequence))
    async with rig:
        await rig.more(5)
        assert heard == [f.sequence for f in rig.frames]
        noted = rig.notes("notice")
        assert len(noted) == 1
        assert noted[0].endswith("broken, failed: LookupError: no widget")


async def test_a_fault_in_a_tick_does_not_end_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad tick is said in the next good one."""
    async with Rig(host()) as rig:
        await rig.more(2)
        good = rig.monitor._readings.now

        def fails(_: object) -> None:
            raise KeyError("x")

        monkeypatch.setattr(rig.monitor._readings, "now", fails)
        await asyncio.sleep(4 * PACE)
        monkeypatch.setattr(rig.monitor._readings, "now", good)
        await rig.more(3)
        assert rig.notes("notice") == ["tick failed: KeyError: 'x'"]


async def test_the_record_holds_single_lines() -> None:
    """What a program said in several lines, with escapes in it, is one line here."""
    rig = Rig(host())
    rig.monitor.note("notice", "a\nb\x1b[31m\u202ec")
    async with rig:
        await rig.more(1)
        assert rig.notes("notice") == ["a b[31mc"]


# The end


async def test_it_stops_within_a_second_while_a_source_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reading that does not heed its cancellation is left behind, without a word of complaint."""
    stuck = Source(CLOCK, "app")
    stuck.gate.clear()
    rig = Rig(host(), stuck)
    await rig.monitor.start()
    rig.monitor.start_engine()
    await rig.more(2)
    with caplog.at_level(logging.DEBUG):
        async with asyncio.timeout(1.2):
            await rig.monitor.stop()
        seen = len(rig.frames)
        stuck.gate.set()
        await asyncio.sleep(0.2)
        gc.collect()
    assert len(rig.frames) == seen
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_it_can_be_stopped_before_it_was_started_and_twice() -> None:
    """An early end is no error."""
    rig = Rig(host())
    await rig.monitor.stop()
    async with rig:
        await rig.more(1)
        await rig.monitor.stop()


# Scaling


async def test_dry_run_changes_nothing(tmp_path: Path) -> None:
    """The plan says what would run, the outcome that nothing did, and the record tells of it."""
    async with ScaledRig(tmp_path, host(), mode="dry-run") as rig:
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4)
        plan = rig.monitor.propose(delta=1)
        assert plan is not None
        assert (plan.origin, plan.to, plan.mode, plan.allowed) == (4, 5, "dry-run", True)
        assert plan.argv == ("docker", "service", "scale", "web=5")
        assert plan.why == ("asked for by hand",)
        outcome = await rig.monitor.execute(plan)
        assert outcome.state is ActionState.DRY_RUN
        assert rig.service.written == []
        frame = await rig.more(2)
        assert rig.notes("action") == ["4 → 5 replicas: dry-run nothing was run"]
        assert frame.outcomes[0].state is ActionState.DRY_RUN


async def test_an_action_shows_its_success_in_later_frames(tmp_path: Path) -> None:
    """Accepted, then seen in the count, then done; the record holds both."""
    async with ScaledRig(tmp_path, host()) as rig:
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4)
        plan = rig.monitor.propose(to=6)
        assert plan is not None
        outcome = await rig.monitor.execute(plan)
        assert outcome.state is ActionState.ACCEPTED
        assert rig.service.written == [6]
        frame = await rig.until(lambda f: f.replicas and f.replicas.ready == 6)
        assert frame.value("replicas.ready") == 6
        frame = await rig.until(lambda f: f.outcomes and f.outcomes[0].state is ActionState.DONE)
        assert frame.outcomes[0].to == 6
        assert rig.notes("action") == ["4 → 6 replicas: accepted"]
        assert rig.notes("replicas") == ["replicas ready: 4 → 6", "replicas ready: unknown → 4"]
        assert [e["event"] for e in rig.audit.tail(9)][:2] == ["attempt", "accepted"]


async def test_what_a_limit_forbids_is_refused(tmp_path: Path) -> None:
    """Beyond the maximum nothing runs, even when the plan is carried out all the same."""
    async with ScaledRig(tmp_path, host()) as rig:
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4)
        plan = rig.monitor.propose(to=11)
        assert plan is not None
        assert not plan.allowed
        outcome = await rig.monitor.execute(plan)
        assert outcome.state is ActionState.REFUSED
        assert rig.service.written == []


@pytest.mark.parametrize("wanted", [{"to": 5}, {"delta": 1}, {"to": 1}, {"delta": 0}])
async def test_an_unknown_count_is_never_acted_on(tmp_path: Path, wanted: dict[str, int]) -> None:
    """Whatever is asked for, unknown is not one, and nothing is written."""
    async with ScaledRig(tmp_path, host(), count=None) as rig:
        await rig.until(lambda f: f.replicas and f.replicas.reason == "the answer has no count")
        plan = rig.monitor.propose(**wanted)
        assert plan is not None
        assert (plan.origin, plan.to, plan.allowed) == (None, None, False)
        outcome = await rig.monitor.execute(plan)
        assert outcome.state is ActionState.REFUSED
        forged = replace(plan, origin=4, to=5, refusals=(), argv=("docker",))
        assert forged.allowed
        assert (await rig.monitor.execute(forged)).state is ActionState.REFUSED
        assert rig.service.written == []


async def test_before_the_first_frame_there_is_nothing_to_propose(tmp_path: Path) -> None:
    """Without a frame, or without a target, there is no plan and nothing to carry out."""
    assert ScaledRig(tmp_path, host()).monitor.propose(delta=1) is None
    async with Rig(host()) as rig:
        await rig.more(1)
        assert rig.monitor.propose(delta=1) is None
        with pytest.raises(TargetError, match="nothing to scale"):
            await rig.monitor.execute(ScalePlan(4, 5, ()))


@pytest.mark.parametrize("passes", ["advance", "sleep"])
async def test_old_measurements_carry_no_plan_whatever_the_clock_says(
    tmp_path: Path, passes: str
) -> None:
    """Data age counts on the clock that never steps and never sleeps: setting the time back makes nothing fresh."""
    clock = ManualClock()
    app = Source(clock, "app", {P95: 0.2})
    rig = ScaledRig(tmp_path, Source(clock, values={CPU: 0.5}), app, app="json", clock=clock)
    async with rig:
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4 and f.value(P95))
        fresh = rig.monitor.propose(delta=1)
        assert fresh is not None
        assert fresh.allowed
        app.problem = "connection refused"
        await rig.until(lambda f: state(f, "app") is SourceState.FAILING)
        getattr(clock, passes)(31.0)
        clock.step(-3600.0)
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4)
        stale = rig.monitor.propose(delta=1)
        assert stale is not None
        assert not stale.allowed
        assert any("31" in r for r in stale.refusals), stale.refusals


async def test_an_answer_without_a_value_is_no_measurement(tmp_path: Path) -> None:
    """An application that answers and tells nothing gives a plan nothing to rest on."""
    app = Source(CLOCK, "app")
    app.missing = {P95: "no such path"}
    async with ScaledRig(tmp_path, host(), app, app="json") as rig:
        await rig.until(lambda f: f.replicas and f.replicas.ready == 4 and P95 in f.readings)
        plan = rig.monitor.propose(delta=1)
        assert plan is not None
        assert not plan.allowed


async def test_models_can_be_told_to_begin_anew() -> None:
    """The reason reaches the engine with the next job, once."""
    asked: list[str] = []
    reset = Engine.reset_models

    def noted(self: Engine, at: float, reason: str) -> None:
        asked.append(reason)
        reset(self, at, reason)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "reset_models", noted)
        async with Rig(host()) as rig:
            rig.monitor.start_engine()
            await rig.until(lambda f: f.engine_ready)
            rig.monitor.forget_models("deploy")
            await rig.more(4)
            assert asked == ["deploy"]


def test_all_that_the_analysis_finds_is_in_the_frame() -> None:
    """Each field of the analysis has a field of that name in the frame, but for the lines of events."""
    from dataclasses import fields

    from capmon.analysis.engine import Analysis

    lines = {"transitions", "changes"}
    assert {f.name for f in fields(Analysis)} - lines <= {f.name for f in fields(Frame)}
