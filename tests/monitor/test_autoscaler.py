"""The autoscaler: it follows a verdict through the guard, and does nothing that it cannot see."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from autoscaler_rig import CPU, MEMORY, P95, Rig, Scalable
from monitor_fakes import Source, fast

from capmon.clock import ManualClock, SystemClock
from capmon.config.schema import CooldownSettings, Duration
from capmon.errors import ActionRefused, CapmonError
from capmon.model.policies import Wait
from capmon.model.results import ReplicaState
from capmon.monitor import autoscaler
from capmon.monitor.decision import Decision
from capmon.monitor.memory import LEAST_HOLD, Memory
from capmon.store.history import History


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blindness is told early, and again soon."""
    monkeypatch.setattr(autoscaler, "STARTING", 0.3)
    monkeypatch.setattr(autoscaler, "REPEAT", 0.5)


async def test_it_does_what_the_policy_wants(tmp_path: Path) -> None:
    """Once: then the count is reached, and a cooldown holds up the next step."""
    rig = Rig(tmp_path, policy="step")
    async with rig.running():
        done = await rig.until(lambda d: d.done == "accepted")
        held = await rig.until(lambda d: d.desired == 5)
        await rig.turns()
    assert (done.desired, done.ready, done.to) == (4, 4, 5)
    assert done.reasons == ("cpu 90 % > 70 %",)
    assert rig.service.written == [5]
    assert held.to == 5 and [(w.what, w.up) for w in held.waits] == [("cooldown", True)]


@pytest.mark.parametrize("policy", ["hpa", "predictive"])
async def test_a_policy_that_paces_itself_waits_for_no_cooldown(
    tmp_path: Path, policy: Literal["hpa", "predictive"]
) -> None:
    """Its replay knows none; a person's next action is held up all the same."""
    rig = Rig(tmp_path, policy=policy)
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted" and d.to == 8)
        plan = rig.monitor.propose(delta=1)
    assert rig.service.written[:2] == [6, 8]
    assert not any("cooldown" in text for d in rig.said for text in d.refusals)
    assert not any(w.what == "cooldown" for d in rig.said for w in d.waits)
    assert plan is not None and plan.refusals[0].startswith("cooldown: ")


async def test_it_is_written_down_why(tmp_path: Path) -> None:
    """The audit log names the policy and its reasons, and the screen shows them."""
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted")
        rig.app.values[CPU] = 0.7
        await rig.turns()
        frame = rig.monitor.frame
    attempt = rig.audit.tail(100)[0]
    assert attempt["why"] == ["hpa: cpu 90 % / 70 % × 4 = 5.143 → 6"]
    assert frame is not None and frame.scaling is not None
    assert {"attempt", "accepted"} <= {line.event for line in frame.scaling.audit}
    assert [w.what for w in frame.scaling.waits] == ["cooldown", "cooldown"]
    assert frame.scaling.actor == ""


async def test_advice_writes_nothing_but_one_dry_run(tmp_path: Path) -> None:
    """However often the policy says the same; another count is another advice."""
    rig = Rig(tmp_path, act=False)
    async with rig.running():
        await rig.until(lambda d: d.done == "dry-run")
        await rig.turns()
        assert rig.audited() == [("dry-run", 6)]
        rig.app.values[CPU] = 1.2
        await rig.until(lambda d: d.to == 7)
    assert rig.audited() == [("dry-run", 6), ("dry-run", 7)]
    assert rig.service.written == []
    assert not (tmp_path / "locks").exists()


async def test_a_session_that_only_looks_writes_nothing_at_all(tmp_path: Path) -> None:
    """Not even a dry run."""
    rig = Rig(tmp_path, act=False, read_only=True)
    async with rig.running():
        said = await rig.until(lambda d: d.refusals)
    assert said.refusals == ("this session is read-only",)
    assert rig.audited() == [] and rig.service.written == []


async def test_only_what_changes_is_said(tmp_path: Path) -> None:
    """A verdict with other figures and the same counts is no news, nor a wait that comes and goes."""
    rig = Rig(tmp_path)
    rig.app.values[CPU] = 0.70
    async with rig.running():
        await rig.until(lambda d: d.event == "verdict")
        for cpu in (0.71, 0.5, 0.70, 0.5):
            rig.app.values[CPU] = cpu
            await rig.turns(3)
    assert len(rig.events("verdict")) == 1
    assert rig.service.written == []


@pytest.mark.usefixtures("hasty")
async def test_without_measurements_nothing_is_done(tmp_path: Path) -> None:
    """Said once, again after a while, and over by itself when they are back."""
    rig = Rig(tmp_path)
    rig.app.problem = "connection refused"
    async with rig.running():
        blind = await rig.until(lambda d: d.event == "blind")
        assert "no fresh measurements of the service: connection refused" in blind.reasons[0]
        await rig.turns(2)
        assert len(rig.events("blind")) == 1
        await rig.until(lambda _: len(rig.events("blind")) == 2)
        assert rig.service.written == []
        rig.app.problem = ""
        await rig.until(lambda d: d.event == "seeing")
        await rig.until(lambda d: d.done == "accepted")
    assert rig.service.written == [6]


@pytest.mark.usefixtures("hasty")
async def test_a_service_that_dies_is_not_scaled_down(tmp_path: Path) -> None:
    """Its host falls idle, which says nothing of what the service needs."""
    rig = Rig(tmp_path, up=0.0, down=0.0)
    rig.app.values[CPU] = 0.7
    async with rig.running():
        await rig.until(lambda d: d.event == "verdict")
        rig.app.problem = "connection refused"
        await rig.until(lambda d: d.event == "blind")
        await rig.turns(5)
    assert rig.service.written == []


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("gone", ["before", "later"])
async def test_without_a_count_nothing_is_done(tmp_path: Path, gone: str) -> None:
    """Whether it was never known, or is no longer."""
    rig = Rig(tmp_path, up=0.0, service=Scalable(None if gone == "before" else 4))
    rig.app.values[CPU] = 0.7
    async with rig.running():
        if gone == "later":
            await rig.until(lambda d: d.event == "verdict")
        rig.service.count = None
        rig.app.values[CPU] = 0.9
        blind = await rig.until(lambda d: d.event == "blind")
        assert "replica count is not known" in blind.reasons[0]
        assert rig.service.attempts == 0
        rig.service.count = 4
        await rig.until(lambda d: d.event == "seeing")
        await rig.until(lambda d: d.done == "accepted")
    assert rig.service.written[0] == 6


@pytest.mark.usefixtures("hasty")
async def test_without_a_verdict_nothing_is_done(tmp_path: Path) -> None:
    """The policy knows too little: it says what it lacks."""
    rig = Rig(tmp_path)
    rig.app.values, rig.host.values = {P95: 0.1}, {}
    async with rig.running():
        blind = await rig.until(lambda d: d.event == "blind")
        await rig.turns()
    assert "cpu" in blind.reasons[0]
    assert rig.service.attempts == 0


@pytest.mark.usefixtures("hasty")
async def test_when_the_analysis_fails_nothing_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verdict can come, and it says why."""
    import capmon.monitor.policies

    def broken(*_: object) -> None:
        raise OSError("no library")

    monkeypatch.setattr(capmon.monitor.policies, "Verdicts", broken)
    rig = Rig(tmp_path)
    async with rig.running():
        blind = await rig.until(lambda d: d.event == "blind")
    assert "no library" in blind.reasons[0]
    assert rig.service.attempts == 0


async def test_a_look_ahead_that_fails_stops_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured now still counts, and the screen says what is missing."""
    from capmon.monitor.policies import Lookout

    def broken(*_: object) -> None:
        raise MemoryError("too long a history")

    monkeypatch.setattr(Lookout, "step", broken)
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted")
        frame = rig.monitor.frame
    assert frame is not None and frame.scaling is not None and frame.scaling.replay is not None
    assert "too long a history" in frame.scaling.replay.problem


async def test_a_write_that_fails_is_not_hammered(tmp_path: Path) -> None:
    """It is told and audited, and the next attempt waits."""
    rig = Rig(tmp_path)
    rig.service.problem = "permission denied"
    async with rig.running():
        failed = await rig.until(lambda d: d.done == "failed")
        held = await rig.until(lambda d: d.refusals)
        before = rig.service.attempts
        rig.service.problem = ""
        await rig.until(lambda d: d.done == "accepted")
    assert failed.detail == "permission denied"
    assert held.refusals[0].startswith("the last attempt failed")
    assert before == 1 and rig.service.written == [6]


async def test_a_cooldown_outlives_a_restart(tmp_path: Path) -> None:
    """Although the audit log is gone, and the wall clock stepped a day ahead."""
    folder, clock = tmp_path / "history", Stepped()
    history = History.open(folder / "history.db", clock)
    rig = Rig(tmp_path, shelf=history, clock=clock, policy="step")
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted")
    history.close()
    rig.audit.path.unlink()
    clock.ahead = 86400.0
    history = History.open(folder / "history.db", clock)
    again = Rig(tmp_path, shelf=history, clock=clock, service=rig.service, policy="step")
    async with again.running():
        held = await again.until(lambda d: d.event == "verdict")
        await again.turns()
    history.close()
    assert [(w.what, w.up) for w in held.waits] == [("cooldown", True)]
    assert rig.service.written == [5]


async def test_a_cooldown_outlives_what_the_policies_remember(tmp_path: Path) -> None:
    """The last action is kept beside them: where they start afresh, it holds the policy up."""
    folder = tmp_path / "history"
    history = History.open(folder / "history.db", SystemClock())
    rig = Rig(tmp_path, shelf=history, policy="step")
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted")
    kept = history.load_state("web")
    assert kept is not None
    history.save_state("web", {**kept.document, "verdicts": None})
    rig.audit.path.unlink()
    again = Rig(tmp_path, shelf=history, service=rig.service, policy="step")
    async with again.running():
        held = await again.until(lambda d: d.refusals)
    history.close()
    assert held.refusals[0].startswith("cooldown: ")
    assert rig.service.written == [5]


async def test_stabilization_outlives_a_restart(tmp_path: Path) -> None:
    """What was wanted five minutes ago still holds up taking away."""
    clock = SystemClock()
    written = {}
    for turn, cpu in enumerate((0.9, 0.1)):
        history = History.open(tmp_path / "history" / "history.db", clock)
        rig = Rig(tmp_path, shelf=history, up=0.0, down=0.0)
        rig.service.count = 6
        rig.app.values = {CPU: cpu, MEMORY: 0.5, P95: 0.1}
        async with rig.running():
            await rig.until(lambda d: d.event == "verdict")
            await rig.turns()
        written[turn] = list(rig.service.written)
        history.close()
    assert written[0] and written[1] == []
    wait = rig.events("verdict")[0].waits[0]
    assert (wait.what, wait.up) == ("stabilization", False) and wait.seconds > 200


async def test_one_that_made_it_worse_is_not_repeated(tmp_path: Path) -> None:
    """Nothing more is added for a while, nothing is taken back, and a person is asked."""
    rig = Rig(tmp_path, up=0.0, down=0.0)
    rig.app.values |= {CPU: 0.7, P95: 0.2}
    async with rig.running():
        await rig.until(lambda d: d.event == "verdict")
        await rig.turns()
        rig.app.values[CPU] = 0.9
        await rig.until(lambda d: d.done == "accepted")
        rig.app.values[P95] = 0.9
        rig.app.values[CPU] = 0.72  # near its target, until the effect is known
        worse = await rig.until(lambda d: d.event == "worse")
        rig.app.values[CPU] = 0.9
        held = await rig.until(lambda d: d.refusals)
        await rig.turns()
    assert "4 → 6 made it worse: p95 200 → 900 ms" in worse.reasons[0]
    assert "a person should look" in worse.reasons[0]
    assert held.refusals[0].startswith("held for") and held.to is not None and held.to > 6
    assert rig.service.written == [6]


async def test_a_second_one_is_refused(tmp_path: Path) -> None:
    """Before it starts anything, and told who acts; advice is still given."""
    first, second = Rig(tmp_path), Rig(tmp_path)
    adviser = Rig(tmp_path, act=False, service=second.service)
    async with first.running():
        await first.until(lambda d: d.event == "verdict")
        with pytest.raises(ActionRefused, match=r"an autoscaler \(pid \d+, .*acts on web already"):
            await second.scaler.run()
        async with adviser.running():
            told = await adviser.until(lambda d: "acts on this target" in "".join(d.reasons))
    assert told.event == "notice" and second.said == [] and second.service.attempts == 0
    assert first.monitor.surroundings is not None
    assert first.monitor.surroundings.lock.holder() is None


async def test_a_person_is_warned_that_one_acts(tmp_path: Path) -> None:
    """By whatever way a change is proposed."""
    acting, other = Rig(tmp_path), Rig(tmp_path, act=False)
    async with acting.running(), other.running():
        await other.until(lambda d: d.event == "verdict")
        plan = other.monitor.propose(delta=1)
    assert plan is not None and "acts on this target" in plan.warnings[0]
    assert plan.hpa is not None and plan.hpa.policy == "hpa"


@dataclass
class Promised:
    """A lease that answers as it is told."""

    answer: str = ""
    duration: float = 0.3
    notice: str = ""
    calls: list[str] = field(default_factory=list)
    truly: bool = True
    valid_until: float = -math.inf

    async def acquire(self) -> str:
        """Try to get it."""
        self.calls.append("acquire")
        return self._answered()

    async def renew(self) -> str:
        """Keep it."""
        self.calls.append("renew")
        return self._answered()

    def _answered(self) -> str:
        if self.truly and not self.answer:
            self.valid_until = SystemClock().boottime() + self.duration
        return self.answer

    async def release(self) -> None:
        """Give it back."""
        self.calls.append("release")


async def test_it_acts_only_while_it_has_the_lease(tmp_path: Path) -> None:
    """Not before, no longer when it is lost, and it gives it back at the end."""
    service, lease = Scalable(grows=False), Promised("web-02 holds the lease")
    service.lease = lease
    rig = Rig(tmp_path, up=0.0, service=service)
    async with rig.running():
        held = await rig.until(lambda d: d.refusals)
        await rig.turns()
        assert held.refusals == ("web-02 holds the lease",) and rig.service.attempts == 0
        lease.answer = ""
        await rig.until(lambda d: d.done == "accepted")
        lease.answer = "the lease was taken by web-02"
        await rig.until(lambda d: d.refusals == (lease.answer,))
        before = rig.service.attempts
        await rig.turns()
        assert rig.service.attempts == before
    assert lease.calls[0] == "acquire" and "renew" in lease.calls and lease.calls[-1] == "release"


async def test_a_lease_that_is_not_renewed_in_time_is_lost(tmp_path: Path) -> None:
    """A renewal that hangs lets nobody act on an old yes."""

    class Hanging(Promised):
        async def renew(self) -> str:
            self.calls.append("renew")
            await asyncio.sleep(60)
            return ""

    service = Scalable(grows=False)
    service.lease = Hanging()
    rig = Rig(tmp_path, up=0.0, service=service)
    async with rig.running():
        await rig.until(lambda d: "could not be renewed in time" in "".join(d.refusals))
        before = service.attempts
        await rig.turns()
    assert service.attempts == before


async def test_only_a_true_renewal_keeps_the_lease(tmp_path: Path) -> None:
    """One that failed and is no loss yet lets nobody act longer than the last that did not."""
    service, lease = Scalable(grows=False), Promised()
    service.lease = lease
    rig = Rig(tmp_path, up=0.0, service=service)
    async with rig.running():
        await rig.until(lambda d: d.done == "accepted")
        lease.truly = False
        renewals = len(lease.calls)
        await rig.until(lambda d: "could not be renewed in time" in "".join(d.refusals))
        before = service.attempts
        await rig.until(lambda _: len(lease.calls) > renewals + 6)
    assert service.attempts == before


async def test_a_lease_lost_since_the_verdict_stops_the_change(tmp_path: Path) -> None:
    """It is asked for once more after the target was read, right before it is changed."""

    class Losing(Scalable):
        async def read(self) -> ReplicaState:
            if self.closely and isinstance(self.lease, Promised):
                self.lease.valid_until = -math.inf
            return await super().read()

        closely = False

        def look_closely(self) -> None:
            self.closely = True

    service = Losing()
    service.lease = Promised(duration=60.0)
    rig = Rig(tmp_path, service=service)
    async with rig.running():
        refused = await rig.until(lambda d: d.done == "refused")
    assert refused.detail == "the lease could not be renewed in time"
    assert service.attempts == 0 and rig.audited()[:2] == [("attempt", 6), ("refused", 6)]


@pytest.mark.parametrize("when", ["before", "between"])
async def test_it_does_not_act_beside_an_owner(tmp_path: Path, when: str) -> None:
    """Of the count: an HPA of the cluster, also one that has come since the verdict."""
    owner = "HPA web (2–10) owns this count and may undo a change"

    class Owned(Scalable):
        def look_closely(self) -> None:
            self.notices = self.owners = (owner,)

    service = Owned()
    if when == "before":
        service.look_closely()
    rig = Rig(tmp_path, service=service)
    async with rig.running():
        held = await rig.until(lambda d: d.refusals)
        await rig.turns()
        plan = rig.monitor.propose(delta=1)
    assert held.refusals == (f"{owner}: capmon does not act beside it",)
    assert service.attempts == 0
    assert rig.audited() == ([] if when == "before" else [("attempt", 6), ("refused", 6)])
    assert plan is not None and plan.refusals == () and owner in plan.warnings


async def test_advice_takes_no_lease(tmp_path: Path) -> None:
    """It does not act."""
    service = Scalable()
    lease = service.lease = Promised()
    rig = Rig(tmp_path, act=False, service=service)
    async with rig.running():
        await rig.until(lambda d: d.event == "verdict")
    assert lease.calls == []


async def test_once_ends_after_a_decision(tmp_path: Path) -> None:
    """And has done what there was to do."""
    rig = Rig(tmp_path)
    async with asyncio.timeout(10):
        await rig.scaler.run(once=True)
    assert rig.service.written == [6]
    assert not rig.scaler.undecided and not rig.scaler.failed


@pytest.mark.usefixtures("hasty")
async def test_once_ends_without_a_decision_too(tmp_path: Path) -> None:
    """When there is none within its patience."""
    rig = Rig(tmp_path)
    rig.app.problem = "connection refused"
    async with asyncio.timeout(10):
        await rig.scaler.run(once=True)
    assert rig.scaler.undecided and rig.service.attempts == 0


async def test_leaving_in_the_middle_of_a_change_keeps_the_cooldown(tmp_path: Path) -> None:
    """Nobody knows whether the target took it."""

    class Slow(Scalable):
        async def write(self, to: int, state: object, /) -> None:
            self.attempts += 1
            await asyncio.sleep(60)

    history = History.open(tmp_path / "history" / "history.db", SystemClock())
    rig = Rig(tmp_path, shelf=history, service=Slow())
    async with rig.running():
        await rig.until(lambda _: rig.service.attempts)
    assert rig.audited() == [("attempt", 6), ("failed", 6)]
    kept = history.load_state("web")
    history.close()
    assert kept is not None and kept.document["acted"] is not None


def test_nothing_to_scale_is_an_error(tmp_path: Path) -> None:
    """Of the configuration, told before anything runs."""
    from capmon.monitor.monitor import Monitor

    clock = SystemClock()
    monitor = Monitor(fast(), [Source(clock)], clock)
    with pytest.raises(CapmonError, match=r"set scaling\.target"):
        autoscaler.Autoscaler(monitor, fast(), clock, print, act=True)


class Stepped(SystemClock):
    """The machine's clocks, with a wall clock that can be set."""

    ahead = 0.0

    def now(self) -> float:
        """Unix time as it is set."""
        return super().now() + self.ahead


def memory(clock: ManualClock, history: History | None = None) -> Memory:
    """One with short cooldowns."""
    return Memory(clock, CooldownSettings(Duration(100.0), Duration(200.0)), history, "web")


def test_a_memory_forgets_what_is_over() -> None:
    """Cooldowns and holds end, each in its own direction."""
    clock = ManualClock()
    mind = memory(clock)
    mind.acting()
    assert mind.hindrance(up=True) and mind.hindrance(up=False)
    assert not mind.hindrance(up=True, cooling=False)
    clock.advance(150.0)
    assert not mind.hindrance(up=True) and mind.hindrance(up=False)
    assert mind.hold(up=True, why="worse") == 100.0
    assert "worse" in mind.hindrance(up=True, cooling=False)
    clock.advance(100.0)
    assert not mind.hindrance(up=True) and not mind.hindrance(up=False)


def test_a_memory_undoes_what_changed_nothing() -> None:
    """The action before it counts again."""
    clock = ManualClock()
    mind = memory(clock)
    undo = mind.acting()
    undo()
    assert not mind.hindrance(up=True)


def test_failures_in_a_row_wait_ever_longer() -> None:
    """Until one succeeds."""
    clock = ManualClock()
    mind = memory(clock)
    waits = []
    for _ in range(6):
        mind.failed(15.0)
        waits.append(mind.hindrance(up=True))
    assert waits[0] == "the last attempt failed: 30 s until the next"
    assert waits[-1] == "the last attempt failed: 5 m until the next"
    mind.succeeded()
    assert not mind.hindrance(up=True)


def test_a_memory_of_no_cooldown_still_holds_what_went_wrong(tmp_path: Path) -> None:
    """For a minute at least, and over a restart."""
    clock = ManualClock()
    history = History.open(tmp_path / "h" / "history.db", clock)
    none = CooldownSettings(Duration(0.0), Duration(0.0))
    first = Memory(clock, none, history, "web")
    assert first.hold(up=False, why="worse") == LEAST_HOLD
    first.save(None)
    clock.advance(20.0)
    second = Memory(clock, none, history, "web")
    second.load()
    assert second.hindrance(up=False).startswith("held for 40 s: worse")
    history.close()


def test_a_restart_before_the_first_verdict_loses_nothing(tmp_path: Path) -> None:
    """What was loaded is saved again, as old as it is."""
    clock = ManualClock()
    history = History.open(tmp_path / "h" / "history.db", clock)
    first = memory(clock, history)
    first.save({"at": clock.monotonic(), "x": 1})
    clock.advance(10.0)
    second = memory(clock, history)
    assert second.load() == ({"at": 0.0, "x": 1}, 10.0)
    clock.advance(5.0)
    second.save(None)
    clock.advance(5.0)
    assert memory(clock, history).load() == ({"at": 0.0, "x": 1}, 20.0)
    history.close()


@pytest.mark.parametrize("document", [None, [], {}, {"version": 9}, {"version": 1, "now": "x"}])
def test_a_memory_that_cannot_be_read_is_dropped(tmp_path: Path, document: object) -> None:
    """And said, once."""
    clock = ManualClock()
    history = History.open(tmp_path / "h" / "history.db", clock)
    history.save_state("web", document)
    mind = memory(clock, history)
    assert mind.load() is None
    (line,) = mind.notices()
    assert "dropped" in line and mind.notices() == []
    history.close()


def test_a_decision_reads_well() -> None:
    """As a line, with what binds, and as a document."""
    decision = Decision(
        0.0,
        "verdict",
        "hpa",
        4,
        3,
        6,
        ("cpu 90 % / 70 % × 4 = 5.143 → 6",),
        "max 6",
        done="accepted",
    )
    assert decision.line() == (
        "00:00:00Z  3 of 4 → 6  hpa: cpu 90 % / 70 % × 4 = 5.143 → 6 · max 6 · accepted"
    )
    document = json.loads(json.dumps(decision.document()))
    assert (document["at"], document["to"]) == ("1970-01-01T00:00:00.000Z", 6)


def test_a_wait_stands_for_what_binds() -> None:
    """It says the same, and how long still; nothing unknown is invented."""
    waits = (Wait("stabilization", False, 42.0),)
    line = Decision(
        0.0, "verdict", "hpa", None, None, 4, binds="stabilization 5 m", waits=waits
    ).line()
    assert line == "00:00:00Z  ? → 4  hpa · stabilization 42 s"


def test_hostile_text_stays_on_its_line() -> None:
    """Names and reasons may hold anything."""
    line = Decision(0.0, "notice", reasons=("a\nb\x1b[31m",)).line()
    assert line.isprintable()
