"""Somebody's snapshot in a real terminal and in a real tmux: shown, noted, copied."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal import Terminal

from capmon.config.load import Loaded
from capmon.config.schema import Settings
from capmon.snapshot import document, write

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))
import frames

Start = Callable[..., Terminal]

TMUX = shutil.which("tmux")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A snapshot of a busy service."""
    made = document(frames.busy(), Loaded(Settings(), {}, None, ""))
    return write(made, tmp_path / "incident.json")


def copied(raw: bytes) -> list[bytes]:
    """Texts that were sent to the clipboard, plain."""
    found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", raw.replace(b"\x1b\x1b", b""))
    return [base64.b64decode(text) for text in found]


def kept(tmp_path: Path) -> list[Path]:
    """Summaries that were written."""
    return list((tmp_path / "state" / "capmon" / "incidents").glob("*.md"))


def test_a_snapshot_is_shown_noted_and_copied(screen: Start, file: Path, tmp_path: Path) -> None:
    """Its views, without anything that acts; the note is in the summary that reaches the terminal."""
    terminal = screen("open", str(file))
    terminal.wait_for("web-01")
    terminal.wait_for("incident.json")
    assert "live" not in terminal.lines[0]
    terminal.press("S+")
    terminal.press("5")
    terminal.wait_for("first thing to do about")
    terminal.press("n")
    terminal.wait_for("note")
    terminal.press("it was the deploy\r")
    terminal.wait_for("noted")
    terminal.press("y")
    terminal.wait_for("OSC 52")
    (text,) = copied(bytes(terminal.raw))
    assert b"**note**: it was the deploy" in text
    (path,) = kept(tmp_path)
    assert path.read_bytes() == text
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.modes_left() == set()


@pytest.mark.slow
def test_a_hostile_snapshot_cannot_write_to_the_terminal(screen: Start, tmp_path: Path) -> None:
    """Every view of it is drawn, and no title, clipboard or clearing of its own gets through."""
    frame = frames.hostile()
    path = write(document(frame, Loaded(Settings(), {}, None, "")), tmp_path / "a.json")
    terminal = screen("open", str(path))
    terminal.wait_for("a.json")
    for view in "234561":
        terminal.press(view)
        terminal.pump(0.4)
    terminal.press("y")
    terminal.wait_for("OSC 52")
    assert b"\x1b]0;title" not in terminal.raw
    assert b"\x1b[31mred" not in terminal.raw
    terminal.press("q")
    assert terminal.wait_exit() == 0


@pytest.fixture
def tmux(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A tmux server of its own, which ends with the test."""
    if TMUX is None:
        pytest.skip("tmux is not installed")
    # The path of a socket has room for about a hundred characters.
    socket = f"capmon-{os.getpid()}"
    own = environment | {"TMUX_TMPDIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(TMUX), "-f", "/dev/null", "-L", socket, *arguments],
            env=own,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    yield run
    run("kill-server")


@pytest.mark.parametrize("clipboard", ["external", "on", "off"])
def test_tmux_takes_it_into_its_buffer(
    tmux: Callable[..., str], file: Path, tmp_path: Path, clipboard: str
) -> None:
    """Whatever its set-clipboard says, `tmux show-buffer` gives the summary, byte for byte."""
    command = f"{sys.executable} -m capmon open {file}"
    tmux("new-session", "-d", "-x", "120", "-y", "40", "-s", "t", command)
    tmux("set-option", "-s", "set-clipboard", clipboard)
    until(lambda: "incident.json" in tmux("capture-pane", "-p", "-t", "t"))
    tmux("send-keys", "-t", "t", "y")
    until(lambda: "tmux's buffer" in tmux("capture-pane", "-p", "-t", "t"))
    (path,) = kept(tmp_path)
    assert tmux("show-buffer") == path.read_text(encoding="utf-8")
    tmux("send-keys", "-t", "t", "q")


def until(found: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
