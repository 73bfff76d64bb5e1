"""Scaling once from the command line: asked, carried out, followed, taken back."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from capmon.cli import main
from capmon.config.load import Loaded, load
from capmon.errors import CapmonError
from capmon.scale_once import LEFT, NOT_CONFIRMED, NOT_READY, OVERRULED, Wish, scale_once

WRITE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
READ = """
import sys
desired = int(open(sys.argv[1]).read())
most = int(open(sys.argv[2]).read())
print(f"{min(desired, most)}/{desired}")
"""


class Place:
    """A target whose count is a file, and of which at most so many become ready as another file says."""

    def __init__(self, folder: Path, mode: str = "act") -> None:
        self.count, self.most = folder / "count", folder / "most"
        self.count.write_text("3")
        self.most.write_text("99")
        read, write = folder / "read.py", folder / "write.py"
        read.write_text(READ)
        write.write_text(WRITE)
        python = (sys.executable, "-IS")
        self.settings = {
            "app.source": "none",
            "app.interval": "100ms",
            "interval": "100ms",
            "scaling.mode": mode,
            "scaling.target.kind": "command",
            "scaling.target.read": json.dumps(
                [*python, str(read), str(self.count), str(self.most)]
            ),
            "scaling.target.write": json.dumps(
                [*python, str(write), str(self.count), "{replicas}"]
            ),
            "scaling.target.interval": "100ms",
        }
        self.log = folder / "state" / "capmon" / "audit.jsonl"

    def loaded(self, **more: str) -> Loaded:
        """The configuration."""
        return load(environ={}, cwd=Path("/"), overrides=self.settings | more)

    def events(self) -> list[dict[str, Any]]:
        """Records of the audit log, oldest first."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A target with three replicas, in mode act."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Place(tmp_path)


def yes(_: str) -> bool:
    """Agree to everything."""
    return True


def test_it_asks_then_acts_and_is_done_when_ready(place: Place) -> None:
    """The plan is shown before anything runs; the count is what was agreed to, and how long it took is told."""
    asked: list[str] = []

    def agree(text: str) -> bool:
        asked.append(place.count.read_text() + text)
        return True

    state, detail, outcome = scale_once(place.loaded(), Wish(delta=1, wait=30), confirm=agree)
    assert (state, place.count.read_text()) == ("done", "4")
    assert detail.startswith("4 of 4 ready after ")
    assert outcome is not None
    assert outcome.ready_after is not None
    assert len(asked) == 1
    assert asked[0].startswith("3")
    assert "3 → 4 replicas (act)" in asked[0]
    assert [e["event"] for e in place.events()] == ["attempt", "accepted", "done"]


@pytest.mark.parametrize(
    ("mode", "agree", "read_only", "expected"),
    [
        ("act", False, False, NOT_CONFIRMED),
        ("dry-run", True, False, "dry-run"),
        ("act", True, True, "refused"),
    ],
)
def test_the_count_is_left_alone(
    place: Place, mode: str, agree: bool, read_only: bool, expected: str
) -> None:
    """Without a yes, in dry-run, and in a session that may only look."""
    loaded = place.loaded(**{"scaling.mode": mode})
    wish = Wish(to=5, wait=30)
    found = scale_once(loaded, wish, confirm=lambda _: agree, read_only=read_only)
    assert found.state == expected
    assert place.count.read_text() == "3"


def test_without_a_target_there_is_nothing_to_scale(place: Place) -> None:
    """The text says which setting is missing."""
    loaded = place.loaded(**{"scaling.target.kind": "none"})
    with pytest.raises(CapmonError, match=r"set scaling\.target"):
        scale_once(loaded, Wish(to=3), confirm=yes)


def test_replicas_that_do_not_become_ready_are_told_apart(place: Place) -> None:
    """Accepted stays accepted: what came in time is said, and the change stands."""
    place.most.write_text("4")
    said: list[str] = []
    found = scale_once(place.loaded(), Wish(to=6, wait=1.5), confirm=yes, say=said.append)
    assert found.state == NOT_READY
    assert found.detail.startswith("4 of 6 ready after ")
    assert found.detail.endswith("not in 2 s")
    assert place.count.read_text() == "6"
    assert len(said) == 1
    assert said[0].startswith("4 of 6 ready")
    assert [e["event"] for e in place.events()] == ["attempt", "accepted"]


def test_a_change_that_something_else_undoes_is_not_waited_for(place: Place) -> None:
    """Another autoscaler that takes it back is named at once, not after the timeout."""
    place.most.write_text("4")

    def undo(_: str) -> None:
        place.count.write_text("3")

    found = scale_once(place.loaded(), Wish(to=6, wait=60), confirm=yes, say=undo)
    assert found.state == OVERRULED
    assert found.detail == "not verified: 3 are asked for now, by something else"


def test_the_measured_effect(place: Place) -> None:
    """With a measurement wanted, cpu and memory stand before and after, in the audit log too."""
    found = scale_once(place.loaded(), Wish(to=4, wait=30, verify=0.6), confirm=yes)
    assert found.state == "done"
    assert found.outcome is not None
    assert found.outcome.settled
    actual = dict(found.outcome.actual)
    assert actual["replicas.ready"] == 4
    host = {"system.cpu.utilization", "system.memory.utilization"}
    assert host <= actual.keys()
    assert {p.metric for p in found.outcome.predicted if p.before is not None} == host
    last = place.events()[-1]
    assert last["event"] == "verified"
    assert host <= last["before"].keys()
    assert host <= last["after"].keys()


def test_the_cooldown_and_the_way_past_it(place: Place) -> None:
    """A second action is refused; a person who says so passes the cooldown over, on the record; and takes it back."""
    assert scale_once(place.loaded(), Wish(to=5), confirm=yes).state == "accepted"
    again = scale_once(place.loaded(), Wish(to=6), confirm=yes)
    assert again.state == "refused"
    assert "cooldown: " in again.detail
    plain = scale_once(place.loaded(), Wish(back=True), confirm=yes)
    assert plain.state == "refused"
    assert place.count.read_text() == "5"
    texts: list[str] = []

    def agree(text: str) -> bool:
        texts.append(text)
        return True

    back = scale_once(place.loaded(), Wish(back=True, ignore_cooldown=True), confirm=agree)
    assert (back.state, back.detail, place.count.read_text()) == ("accepted", "", "3")
    assert "takes 3 → 5 back" in texts[0]
    assert "the cooldown is passed over: " in texts[0]
    first, last = place.events()[0], place.events()[-1]
    assert (last["event"], last["takes_back"]) == ("accepted", first["id"])
    assert last["ignores_cooldown"] is True
    assert "ignores_cooldown" not in first


def test_back_needs_the_count_that_the_action_left(place: Place) -> None:
    """Nothing is taken back that has been changed since, or that never was."""
    with pytest.raises(CapmonError, match="nothing to take back"):
        scale_once(place.loaded(), Wish(back=True), confirm=yes)
    scale_once(place.loaded(), Wish(to=5), confirm=yes)
    place.count.write_text("4")
    found = scale_once(place.loaded(), Wish(back=True, ignore_cooldown=True), confirm=yes)
    assert found.state == "refused"
    assert "the last action left 5, and 4 are asked for now" in found.detail
    assert place.count.read_text() == "4"


# The command


def command(place: Place, *words: str) -> list[str]:
    """The arguments of `capmon scale`."""
    options = [part for k, v in place.settings.items() for part in ("--set", f"{k}={v}")]
    return ["scale", *words, *options]


def test_the_command_prints_the_effect(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 0, one line a metric on standard output, and what goes on beside it on standard error."""
    monkeypatch.setattr("capmon.monitor.build.settling", lambda _: 0.6)
    done = CliRunner().invoke(main, command(place, "up", "--yes", "--verify"))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    result = next(i for i, line in enumerate(lines) if line.startswith("done: 4 of 4 ready after "))
    assert {line.split()[0] for line in lines[result + 1 :]} == {"cpu", "memory"}
    assert done.stderr == "measuring the service as it is for 1 s\n"


def test_the_command_tells_not_ready_by_its_status(place: Place) -> None:
    """Waited for and not ready is status 1; accepted and not waited for is 0."""
    place.most.write_text("3")
    late = CliRunner().invoke(main, command(place, "up", "--yes", "--wait", "--timeout", "300ms"))
    assert late.exit_code == 1
    assert f"{NOT_READY}: 3 of 4 ready after " in late.stdout
    unwatched = CliRunner().invoke(main, command(place, "up", "--yes", "--ignore-cooldown"))
    assert unwatched.exit_code == 0, unwatched.output
    assert unwatched.stdout.splitlines()[-1] == "accepted"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("up", "--verify", "--no-wait"), "--verify has to wait"),
        (("up", "--timeout", "soon"), "expected a duration"),
    ],
)
def test_options_that_cannot_be_meant(words: tuple[str, ...], text: str) -> None:
    """Status 2, before anything is read."""
    done = CliRunner().invoke(main, ["scale", *words])
    assert done.exit_code == 2
    assert text in done.stderr


@pytest.fixture
def terminal(place: Place, tmp_path: Path) -> Iterator[Terminal]:
    """Starts `capmon scale` on a terminal of its own, and ends it."""
    found = Terminal(place, tmp_path)
    yield found
    found.end()


class Terminal:
    """One `capmon scale` on a pseudo terminal."""

    def __init__(self, place: Place, folder: Path) -> None:
        self._place, self._folder = place, folder
        self.end_of_ours, self._other = pty.openpty()
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start it."""
        self.running = subprocess.Popen(
            [sys.executable, "-P", "-m", "capmon", *command(self._place, *words)],
            cwd=self._folder,
            env={**os.environ, "TERM": "xterm"},
            stdin=self._other,
            stdout=self._other,
            stderr=self._other,
        )
        os.close(self._other)
        return self.running

    def until(self, words: str, seconds: float = 15.0) -> str:
        """What it has written once these words are among it, or once it ended."""
        said, end = b"", time.monotonic() + seconds
        while words.encode() not in said and time.monotonic() < end:
            if select.select([self.end_of_ours], [], [], 0.1)[0]:
                try:
                    said += os.read(self.end_of_ours, 4096)
                except OSError:
                    break
        return said.decode()

    def end(self) -> None:
        """End it, however far it is."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
        os.close(self.end_of_ours)


def test_ctrl_c_at_the_question_ends_it(place: Place, terminal: Terminal) -> None:
    """Nobody has to press Enter after Ctrl+C, and nothing has run."""
    asking = terminal.start("up")
    assert "carry it out?" in terminal.until("carry it out?")
    asking.send_signal(signal.SIGINT)
    assert asking.wait(5.0) == 1
    assert place.count.read_text() == "3"


def test_ctrl_c_while_waiting_leaves_the_change(place: Place, terminal: Terminal) -> None:
    """On a terminal it waits by default; Ctrl+C says how far it was, and that the change was accepted."""
    place.most.write_text("4")
    waiting = terminal.start("to", "6", "--yes")
    assert "4 of 6 ready" in terminal.until("4 of 6 ready")
    waiting.send_signal(signal.SIGINT)
    assert f"{LEFT}: 4 of 6 ready after " in terminal.until(LEFT + ": 4 of 6 ready after ")
    assert waiting.wait(5.0) == 1
    assert place.count.read_text() == "6"
    assert [e["event"] for e in place.events()] == ["attempt", "accepted"]
