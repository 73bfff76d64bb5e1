"""Notes and the incident summary: from a key to the record, the clipboard and a file."""

from __future__ import annotations

import base64
import re
import stat
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import frames
import pytest
from stage import FakeMonitor, Stage, staged
from textual.widgets import Input

from capmon.clock import ManualClock
from capmon.config.schema import Settings
from capmon.recording.still import Still
from capmon.report.incident import incident
from capmon.ui import sharing
from capmon.ui.clipboard import MOST_BYTES, SCREEN_PIECE, sequences, to_tmux
from capmon.ui.screens.monitor import MonitorScreen
from capmon.ui.screens.note import LONGEST, NoteScreen

HOME_FILE = "capmon-web-01-20260301T143207Z.md"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where state is kept, with no terminal multiplexer about."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


@dataclass
class Noting(FakeMonitor):
    """A monitor that writes down what is noted."""

    noted: list[tuple[str, str]] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        """Remember it."""
        self.noted.append((kind, text))


async def copied(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the terminal when the summary is copied."""
    written: list[str] = []
    monkeypatch.setattr(stage.app._driver, "write", written.append)
    sharing.copy(stage.app)
    for thread in threading.enumerate():
        if thread.name.startswith("Thread-") and "_copy" in thread.name:
            thread.join(10)
    end = time.monotonic() + 5
    while not stage.notices and time.monotonic() < end:
        await stage.settle()
    return [text for text in written if text.startswith(("\x1b]52", "\x1bP"))]


# Notes


async def test_a_note_goes_into_the_record() -> None:
    """Typed letters are the note and no commands; enter keeps it."""
    monitor = Noting()
    async with staged(frames.busy(), monitor=monitor) as stage:
        await stage.press("n")
        assert isinstance(stage.app.screen, NoteScreen)
        await stage.press(*"q S1 [b]?")
        await stage.press("enter")
        assert monitor.noted == [("note", "q S1 [b]?")]
        assert isinstance(stage.app.screen, MonitorScreen)
        assert stage.monitor.executed == []


@pytest.mark.parametrize("keys", [("escape",), ("enter",), ("x", "escape"), ("space", "enter")])
async def test_no_note_is_none(keys: tuple[str, ...]) -> None:
    """Left, or empty, nothing is kept, and q quits again."""
    monitor = Noting()
    async with staged(frames.busy(), monitor=monitor) as stage:
        await stage.press("n", *keys)
        assert isinstance(stage.app.screen, MonitorScreen)
        assert monitor.noted == []
        await stage.press("q")
        assert stage.app._exit


async def test_a_note_has_an_end() -> None:
    """What is pasted is cut, and a second sheet does not lie over the first."""
    async with staged(frames.busy(), monitor=Noting()) as stage:
        sharing.note(stage.app)
        await stage.settle()
        sharing.note(stage.app)
        await stage.settle()
        assert len(stage.app.screen_stack) == 3
        field_ = stage.app.screen.query_one(Input)
        field_.insert_text_at_cursor("x" * 10 * LONGEST)
        assert len(field_.value) <= LONGEST


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12), (20, 5), (8, 3), (1, 1)])
async def test_the_sheet_fits_every_terminal(size: tuple[int, int]) -> None:
    """It opens, takes a letter and closes, whatever the size."""
    monitor = Noting()
    async with staged(frames.busy(), size, monitor=monitor) as stage:
        await stage.press("n", "x", "enter")
        assert monitor.noted == [("note", "x")]


async def test_a_note_on_a_file_shows_at_once() -> None:
    """Someone else's snapshot takes notes of its reader among its events."""
    still = Still(frames.busy(), Settings(), ManualClock(frames.NOW + 60))
    async with staged(monitor=still) as stage:  # type: ignore[arg-type]
        await stage.press("n", *"deploy", "enter")
        assert stage.app.monitor.frame is not None
        assert stage.app.monitor.frame.events[0].text == "deploy"


# The incident summary


async def test_the_summary_is_copied_and_kept(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One OSC 52 with the whole text, a file for its owner alone, and a notice that names both."""
    async with staged(frames.busy(), notifications=True) as stage:
        (sequence,) = await copied(stage, monkeypatch)
        found = re.fullmatch(r"\x1b]52;c;([A-Za-z0-9+/=]+)\x07", sequence)
        assert found is not None
        text = base64.b64decode(found[1]).decode()
        assert text == incident(frames.busy())
        path = state / "capmon" / "incidents" / HOME_FILE
        assert path.read_text(encoding="utf-8") == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stage.notices == [f"sent to the terminal (OSC 52); also in {path}"]


async def test_a_second_copy_replaces_the_first(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shorter text leaves nothing of a longer one of the same second behind."""
    path = state / "capmon" / "incidents" / HOME_FILE
    async with staged(frames.busy()) as stage:
        await copied(stage, monkeypatch)
        stage.forget_notices()
        calm = frames.calm()
        await stage.give(calm)
        await copied(stage, monkeypatch)
        assert path.read_text(encoding="utf-8") == incident(calm)


async def test_without_a_place_for_state_it_is_written_beside_exports(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without either the notice says so, and it is copied all the same."""
    state.write_text("a file where the folder should be")  # noqa: ASYNC240 - of the test alone
    async with staged(frames.busy(), folder=tmp_path) as stage:
        assert len(await copied(stage, monkeypatch)) == 1
        assert (tmp_path / HOME_FILE).read_text(encoding="utf-8") == incident(frames.busy())
    async with staged(frames.busy(), folder=tmp_path / "none") as stage:
        assert len(await copied(stage, monkeypatch)) == 1
        assert "no file was written" in stage.notices[0]


async def test_a_link_is_not_written_through(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that lies in wait keeps what it has."""
    folder = state / "capmon" / "incidents"
    folder.mkdir(parents=True, mode=0o700)
    (state / "capmon").chmod(0o700)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / HOME_FILE).symlink_to(victim)
    async with staged(frames.busy(), folder=tmp_path / "none") as stage:
        await copied(stage, monkeypatch)
        assert victim.read_text() == "precious"


async def test_before_the_first_frame_there_is_nothing_to_copy(state: Path) -> None:
    """That is said, and nothing is written."""
    async with staged() as stage:
        sharing.copy(stage.app)
        await stage.settle()
        assert stage.notices == ["there is nothing to copy yet"]
        assert not state.exists()  # noqa: ASYNC240 - a folder of the test alone


async def test_a_text_that_no_terminal_takes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the file alone."""
    monkeypatch.setattr("capmon.report.incident.incident", lambda _: "x" * (MOST_BYTES + 1))
    async with staged(frames.busy()) as stage:
        assert await copied(stage, monkeypatch) == []
        assert "more than terminals take (74 kB), so not in the clipboard" in stage.notices[0]
        assert HOME_FILE in stage.notices[0]


async def test_a_hostile_name_makes_no_path(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file lies in its folder, whatever the host calls itself."""
    host = replace(frames.HOST, hostname="../../" + "x/" * 400)
    async with staged(replace(frames.busy(), host=host)) as stage:
        await copied(stage, monkeypatch)
    (found,) = (state / "capmon" / "incidents").iterdir()
    assert len(found.name) < 120


# Sequences


def decoded(sequence: str) -> str:
    """The text in an OSC 52."""
    return base64.b64decode(sequence.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()


def test_tmux_gets_it_plain_and_wrapped() -> None:
    """Plain where it takes it itself; wrapped, each escape doubled, where it passes it on."""
    plain, wrapped = sequences("déjà", {"TMUX": "/tmp/x,1,0"})
    assert decoded(plain) == "déjà"
    inner = wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert inner.replace("\x1b\x1b", "\x1b") == plain
    assert "\x1b" not in inner.replace("\x1b\x1b", "")


def test_screen_gets_it_in_pieces() -> None:
    """Each short enough for its buffer; together they are the sequence."""
    (found,) = sequences("x" * 2000, {"STY": "1.pts"})
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", found, re.DOTALL)
    assert len(pieces) > 10
    assert max(map(len, pieces)) <= SCREEN_PIECE
    assert decoded("".join(pieces)) == "x" * 2000


def test_the_longest_text_and_one_byte_more() -> None:
    """At the limit it is sent, beyond it not; half a surrogate pair does not stop it."""
    (found,) = sequences("x" * MOST_BYTES, {})
    assert len(found) < 100_000
    assert sequences("x" * (MOST_BYTES + 1), {}) == ()
    assert decoded(sequences("a\udc80", {})[0]) == "a?"


async def test_no_tmux_is_asked_where_there_is_none(tmp_path: Path) -> None:
    """Outside of one, without its program, and with a server that is gone."""
    assert not await to_tmux("x", {"PATH": "/usr/bin:/bin"})
    assert not await to_tmux("x", {"TMUX": "/x,1,0", "PATH": str(tmp_path)})
    assert not await to_tmux("x", {"TMUX": f"{tmp_path}/none,1,0", "PATH": "/usr/bin:/bin"})
