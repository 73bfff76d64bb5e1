"""Whatever goes wrong while replicas are changed, the count is read back, nothing runs twice, and it is on record."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.actions.targets.command import CommandTarget
from capmon.clock import ManualClock
from capmon.config.schema import Duration, ScalingSettings, TargetSettings
from capmon.model.results import ActionState, Outcome, ReplicaState, ScalePlan
from capmon.scaling.plan import propose

HASTY = 1.0
"""Seconds that a command may take where it hangs."""

WRITE_IT = "open(count, 'w').write(to)"
HANG = "import time; time.sleep(60)"


class Place:
    """Two real little programs that count and set, and an actuator on them."""

    def __init__(self, folder: Path, timeout: float = 20.0) -> None:
        self.folder = folder
        self.count = folder / "count"
        self.count.write_text("4")
        self.writes = folder / "writes"
        self.writes.write_text("")
        self.clock = ManualClock()
        self.audit = Audit(folder / "state" / "audit.jsonl", self.clock, {})
        self.settings = ScalingSettings(
            mode="act", target=TargetSettings(kind="command", interval=Duration(5.0))
        )
        self.reads("print(open(count).read())")
        self.does(WRITE_IT)
        python = (sys.executable, "-IS")
        self.target = CommandTarget(
            (*python, str(folder / "read.py")),
            (*python, str(folder / "write.py"), "{replicas}"),
            timeout,
        )
        self.actuator = self.another()

    def reads(self, body: str) -> None:
        """What the program that counts does."""
        (self.folder / "read.py").write_text(f"count = {str(self.count)!r}\n{body}\n")

    def does(self, body: str) -> None:
        """What the program that sets the count does, once it has noted that it was called."""
        (self.folder / "write.py").write_text(
            f"import os, sys\ncount, to = {str(self.count)!r}, sys.argv[1]\n"
            f"with open({str(self.writes)!r}, 'a') as f: f.write(to + '\\n')\n{body}\n"
        )

    def another(self) -> Actuator:
        """One more actuator on the same target and log, as after a restart."""
        return Actuator(self.settings, self.target, self.audit, self.clock, planner=propose)

    async def state(self) -> ReplicaState:
        """What the target says now."""
        return replace(await self.target.read(), at=self.clock.now())

    async def plan(self, to: int, actuator: Actuator | None = None, **more: object) -> ScalePlan:
        """A plan on fresh measurements and a count just read."""
        given = {"state": await self.state(), "data_age": 1.0} | more
        return (actuator or self.actuator).propose(to=to, **given)  # type: ignore[arg-type]

    async def act(self, to: int) -> Outcome:
        """Propose and carry out."""
        return await self.actuator.execute(await self.plan(to))

    def written(self) -> list[str]:
        """Counts that the program was called with."""
        return self.writes.read_text().split()

    def events(self) -> list[str]:
        """Events of the audit log, oldest first."""
        return [str(e["event"]) for e in self.audit.tail(100)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Four replicas, in mode act."""
    return Place(tmp_path)


@pytest.fixture
def hasty(tmp_path: Path) -> Place:
    """The same, where commands must end soon."""
    return Place(tmp_path, HASTY)


async def test_a_command_that_hangs_before_it_acted(hasty: Place) -> None:
    """It is ended at its deadline; the count says that nothing changed, so there is no cooldown."""
    hasty.does(HANG)
    outcome = await hasty.act(6)
    assert outcome.state is ActionState.FAILED
    assert outcome.detail.endswith(f"no answer in {HASTY:g} s")
    assert hasty.events() == ["attempt", "failed"]
    assert hasty.audit.tail(1)[0]["changed"] is False
    assert hasty.actuator.cooldown("up") == 0


async def test_a_command_that_hangs_after_it_acted(hasty: Place) -> None:
    """The count is read back: it was accepted all the same, and is followed as such."""
    hasty.does(f"{WRITE_IT}\n{HANG}")
    outcome = await hasty.act(6)
    assert outcome.state is ActionState.ACCEPTED
    assert outcome.detail.startswith("accepted all the same: ")
    assert hasty.actuator.cooldown("up") == 300
    hasty.clock.advance(1)
    hasty.actuator.observe(await hasty.state(), {})
    assert hasty.actuator.outcomes()[0].state is ActionState.DONE


async def test_a_command_that_hangs_and_a_count_that_cannot_be_read(hasty: Place) -> None:
    """Nobody knows: it counts as changed, which costs a cooldown and claims nothing."""
    hasty.does(f"os.remove(count)\n{HANG}")
    outcome = await hasty.act(6)
    assert outcome.state is ActionState.FAILED
    assert hasty.audit.tail(1)[0]["changed"] is True
    assert hasty.actuator.cooldown("up") == 300


async def test_a_command_that_leaves_something_else(hasty: Place) -> None:
    """Neither what was nor what was asked for: failed, and changed."""
    hasty.does(f"open(count, 'w').write('5')\n{HANG}")
    outcome = await hasty.act(6)
    assert outcome.state is ActionState.FAILED
    assert hasty.audit.tail(1)[0]["changed"] is True


@pytest.mark.parametrize(
    ("body", "state", "changed"),
    [
        ("", ActionState.FAILED, False),
        (WRITE_IT, ActionState.ACCEPTED, None),
        ("open(count, 'w').write('5')", ActionState.FAILED, True),
    ],
)
async def test_a_command_that_crashes_in_the_middle(
    place: Place, body: str, state: ActionState, changed: bool | None
) -> None:
    """What it wrote to stderr is the reason; how far it came is read back, not assumed."""
    place.does(f"{body}\nprint('no quorum: token=S3CRET', file=sys.stderr)\nsys.exit(3)")
    outcome = await place.act(6)
    assert outcome.state is state
    assert "no quorum: token=***" in outcome.detail
    assert place.audit.tail(1)[0].get("changed") is changed
    assert "S3CRET" not in place.audit.path.read_text()
    assert place.written() == ["6"]


async def test_a_command_that_is_killed(place: Place) -> None:
    """A signal is named."""
    place.does("import signal; os.kill(os.getpid(), signal.SIGKILL)")
    outcome = await place.act(6)
    assert (outcome.state, outcome.detail.endswith("ended by signal 9")) == (
        ActionState.FAILED,
        True,
    )


@pytest.mark.parametrize(
    "body",
    [
        "print('4/', end='')",
        "print('{\"ready\": 4, \"des', end='')",
        "print('{\"ready\": 4}')",
        "print('')",
        "print('4\\n5')",
        "print('4' * 5_000_000)",
        "print('4'); sys = __import__('sys'); sys.stdout.flush(); sys.exit(1)",
    ],
)
async def test_a_count_that_is_half_there_is_no_count(place: Place, body: str) -> None:
    """Partial, malformed, endless or followed by a failure: nothing runs on such an answer."""
    plan = await place.plan(6)
    place.reads(body)
    outcome = await place.actuator.execute(plan)
    assert outcome.state is ActionState.REFUSED
    assert "not known" in outcome.detail
    assert place.written() == []
    assert place.events() == ["attempt", "refused"]


async def test_pressed_twice_it_acts_once(place: Place) -> None:
    """Of two at once one runs, and the other is refused."""
    plan = await place.plan(6)
    outcomes = await asyncio.gather(*(place.actuator.execute(plan) for _ in range(2)))
    assert [o.state for o in outcomes] == [ActionState.ACCEPTED, ActionState.REFUSED]
    assert outcomes[1].detail == "one action at a time: 4 → 6 is under way"
    assert place.written() == ["6"]
    third = await place.actuator.execute(plan)
    assert third.detail == "was 4 when proposed, is 6 now"


async def test_pressed_in_two_sessions_the_second_meets_the_first(place: Place) -> None:
    """A plan made before the other session acted is refused by the count, and then by the cooldown."""
    other = place.another()
    stale = await place.plan(6, other)
    assert (await place.act(5)).state is ActionState.ACCEPTED
    assert (await other.execute(stale)).detail == "was 4 when proposed, is 5 now"
    fresh = await place.plan(6, other)
    assert fresh.refusals[0].startswith("cooldown: ")
    assert place.written() == ["5"]


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
async def test_a_clock_that_steps_moves_no_cooldown(place: Place, step: float) -> None:
    """The cooldown holds on the clock that never steps; only the times in the log are odd."""
    await place.act(6)
    place.clock.advance(100)
    place.clock.step(step)
    for actuator in (place.actuator, place.another()):
        plan = await place.plan(7, actuator)
        assert plan.refusals == ("cooldown: 3 m of 5 m left before replicas may be added",)
    place.clock.advance(200)
    assert (await place.act(7)).state is ActionState.ACCEPTED
    first, last = place.audit.tail(9)[1], place.audit.tail(9)[-1]
    assert (last["time"] < first["time"]) is (step < 0)
    assert last["uptime"] - first["uptime"] == 300


async def test_a_restart_within_a_cooldown(place: Place) -> None:
    """A new capmon on the same log waits like the old one, in its plans and when it acts."""
    await place.act(6)
    place.clock.advance(10)
    fresh = place.another()
    plan = await place.plan(7, fresh)
    assert plan.refusals[0].startswith("cooldown: ")
    outcome = await fresh.execute(replace(plan, refusals=()))
    assert outcome.state is ActionState.REFUSED
    assert place.written() == ["6"]


@pytest.mark.parametrize(
    ("age", "text"),
    [(None, "no measurements yet"), (31.0, "no fresh measurements for 31 s")],
)
async def test_without_measurements_nothing_runs(
    place: Place, age: float | None, text: str
) -> None:
    """What nobody measured nobody can judge."""
    plan = await place.plan(6, data_age=age)
    assert plan.refusals == (text,)
    assert (await place.actuator.execute(plan)).detail == text
    assert place.written() == []


@pytest.mark.parametrize("to", [None, 6])
async def test_a_count_that_is_not_known_is_never_taken_for_one(
    place: Place, to: int | None
) -> None:
    """Without an answer of the target nothing is proposed, and nothing runs."""
    for state in (
        None,
        ReplicaState("command", "x", None, None, at=place.clock.now(), reason="HTTP 500"),
    ):
        plan = place.actuator.propose(to=to, delta=1, state=state, data_age=1.0)
        assert plan.to is None
        assert "not known" in plan.refusals[0]
        assert (await place.actuator.execute(plan)).state is ActionState.REFUSED
    half = ReplicaState("command", "x", None, 4, at=place.clock.now())
    plan = place.actuator.propose(to=to, delta=1, state=half, data_age=1.0)
    assert "count of ready replicas is not known" in plan.refusals[0]
    assert place.written() == []


async def test_a_log_in_a_folder_that_may_not_be_written(place: Place) -> None:
    """Without a record nothing runs, and the reason is the file's."""
    place.audit.path.parent.mkdir()
    place.audit.path.mkdir()
    outcome = await place.act(6)
    assert outcome.state is ActionState.REFUSED
    assert outcome.detail.startswith("it cannot be audited: ")
    assert str(place.audit.path) in outcome.detail
    assert place.written() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_log_without_permission(place: Place) -> None:
    """The same where the folder is another's."""
    place.audit.path.parent.mkdir(mode=0o500)
    outcome = await place.act(6)
    assert outcome.state is ActionState.REFUSED
    assert "Permission denied" in outcome.detail
    assert place.written() == []


FULL = """
import asyncio, json, resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from test_fault_table import Place
place = Place(Path(sys.argv[1]))
async def main():
    plan = await place.plan(6)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    outcome = await place.actuator.execute(plan)
    print(json.dumps([outcome.state, outcome.detail, place.written()]))
asyncio.run(main())
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """A record that could not be written whole is none, and nothing runs on it."""
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    state, detail, written = json.loads(ran.stdout)
    assert (state, written) == ("refused", [])
    assert "it cannot be audited: " in detail
    assert "the disk is full" in detail


async def test_a_log_that_fills_up_after_the_action(place: Place) -> None:
    """What was done is told with the lack of its record, and the cooldown holds all the same."""
    plan = await place.plan(6)
    place.does(
        f"{WRITE_IT}\nimport pathlib\nlog = pathlib.Path({str(place.audit.path)!r})\nlog.unlink()\nlog.mkdir()"
    )
    outcome = await place.actuator.execute(plan)
    assert outcome.state is ActionState.ACCEPTED
    assert outcome.detail.startswith("not audited: ")
    assert place.actuator.cooldown("up") == 300
