"""The live monitor in real terminals: it shows numbers, takes keys, and fits every size."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal, slow

Start = Callable[..., Terminal]

HOST_ALONE = ("--set", "app.source=none")
LIVE = r"cpu +\S+ +\d"
TRUE_COLOUR = re.compile(rb"\x1b\[[0-9;]*[34]8;2;")
PALETTE = re.compile(rb"\x1b\[[0-9;]*[34]8;5;")


def leave(terminal: Terminal) -> None:
    """It still answers, and ends well."""
    terminal.press("\x03")
    assert terminal.wait_exit() == 0, terminal.text


def test_it_shows_live_numbers_of_this_host(screen: Start) -> None:
    """Within its first second the panes hold readings, and a second later newer ones."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.wait_for(r"mem +\S+ +[\d.]+ %")
    assert "● live" in terminal.text
    first = terminal.wait_for(r"\d\d:\d\d:\d\d")[0]
    terminal.wait_for(rf"(?!{first})\d\d:\d\d:\d\d")
    leave(terminal)


def test_keys_do_what_the_footer_says(screen: Start) -> None:
    """Help, filter, zoom, views and pause work and can be left again."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.press("?")
    terminal.wait_for("Leave capmon.")
    terminal.press("?")
    terminal.wait_for("bottlenecks")
    terminal.press(" ")
    terminal.wait_for("paused")
    terminal.press(" ")
    terminal.wait_for("live")
    terminal.press("2")
    terminal.wait_for("(?s)^(?!.*bottlenecks)")
    terminal.press("1")
    terminal.wait_for("bottlenecks")
    terminal.press("\t")
    terminal.press("z")
    terminal.wait_for("(?s)^(?!.*bottlenecks)")
    terminal.press("z")
    terminal.wait_for("bottlenecks")
    leave(terminal)


@pytest.mark.slow
def test_every_theme_can_be_shown(screen: Start) -> None:
    """The theme key goes through all of them and comes back to the first."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    seen = []
    while not seen or seen[-1] != "night":
        terminal.press("t")
        seen.append(terminal.wait_for(r"theme (?!" + "|".join(seen or ["-"]) + r")(\w+)")[1])
    assert len(seen) == len(set(seen)) > 3
    leave(terminal)


def test_no_size_is_too_much(screen: Start) -> None:
    """Sizes from one cell to 300 by 100 come and go; at full size it is whole again."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    for columns, rows in [(80, 24), (40, 12), (1, 1), (2, 300), (300, 2), (300, 100), (1, 1)]:
        terminal.resize(columns, rows)
        terminal.pump(0.2)
        assert terminal.process.poll() is None, terminal.text
    terminal.resize(120, 40)
    for name in ("resources", "models", "forecast", "bottlenecks", "processes"):
        terminal.wait_for(f"─ {name}")
    terminal.wait_for(LIVE)
    leave(terminal)


@pytest.mark.parametrize(("columns", "rows"), [slow(1, 1), (40, 12)])
def test_it_starts_in_a_small_terminal(screen: Start, columns: int, rows: int) -> None:
    """A size is no reason not to start; from 20 columns on it shows numbers."""
    terminal = screen(*HOST_ALONE, columns=columns, rows=rows)
    if columns > 1:
        terminal.wait_for(r"\d")
    else:
        terminal.pump(1.0)
    leave(terminal)


@pytest.mark.slow
def test_any_key_at_any_time(screen: Start) -> None:
    """All keys of the keyboard at once, escape sequences and noise do not end or confuse it."""
    terminal = screen(*HOST_ALONE, "--read-only")
    terminal.pump(0.4)
    for keys in (
        "\x1b[A\x1b[B\x1bOP\x1b[24~",
        "/abc[]()%\r",
        "\x1b",
        "[[]]]]",
        "\x1b[<0;5;5M",
        "\xff\xfe",
    ):
        terminal.press(keys)
        terminal.pump(0.15)
    terminal.press("\x1b")
    terminal.pump(0.3)
    terminal.press("\x1b")
    terminal.wait_for(LIVE)
    leave(terminal)


# Terminals that can do less


def test_no_color_sends_no_colour(screen: Start) -> None:
    """With NO_COLOR nothing but greys is sent, and the text is there."""
    terminal = screen(*HOST_ALONE, env={"NO_COLOR": "1"})
    terminal.wait_for(LIVE)
    cells = [c for row in terminal.screen.buffer.values() for c in row.values()]
    shown = {colour for c in cells for colour in (c.fg, c.bg)} - {"default"}
    assert all(c[:2] == c[2:4] == c[4:] for c in shown), shown
    leave(terminal)


@pytest.mark.slow
def test_256_colours_are_enough(screen: Start) -> None:
    """Without COLORTERM, as over SSH, no colour is sent that the terminal may not know."""
    terminal = screen(*HOST_ALONE, env={"COLORTERM": ""})
    terminal.wait_for(LIVE)
    assert PALETTE.search(terminal.raw)
    assert not TRUE_COLOUR.search(terminal.raw)
    leave(terminal)


def test_16_colours_are_enough(screen: Start) -> None:
    """A plain xterm is sent the standard colours alone, and two different ones at least."""
    terminal = screen(*HOST_ALONE, env={"COLORTERM": "", "TERM": "xterm"})
    terminal.wait_for(LIVE)
    assert not TRUE_COLOUR.search(terminal.raw)
    assert not PALETTE.search(terminal.raw)
    shown = {c.fg for row in terminal.screen.buffer.values() for c in row.values() if c.data != " "}
    assert len(shown) > 1
    leave(terminal)


def test_a_locale_that_says_nothing_gets_utf_8(screen: Start) -> None:
    """LANG=C is what many servers have, while the terminal at the other end knows UTF-8."""
    terminal = screen(*HOST_ALONE, env={"LANG": "C"})
    terminal.wait_for(LIVE)
    assert "╭─ resources" in terminal.text
    leave(terminal)


def test_an_encoding_without_our_glyphs_gets_stand_ins(screen: Start) -> None:
    """Every byte sent is one of the terminal's, frames and bars are drawn all the same."""
    terminal = screen(*HOST_ALONE, env={"PYTHONIOENCODING": "ascii"})
    terminal.wait_for(r"cpu +\S+ +\d")
    terminal.wait_for(r"\+- resources -+\+")
    assert bytes(terminal.raw).isascii()
    assert not re.search(r"\\u|\?\?\?", terminal.text)
    leave(terminal)


@pytest.mark.slow
def test_standard_error_in_a_file_stays_empty(screen: Start, tmp_path: Path) -> None:
    """The screen is on standard output; an error log holds no picture."""
    log = tmp_path / "errors"
    terminal = screen(*HOST_ALONE, redirect=f"2>{log}")
    terminal.wait_for(LIVE)
    leave(terminal)
    assert log.read_bytes() == b""


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_it_works_in_tmux(environment: dict[str, str], tmp_path: Path) -> None:
    """Inside tmux it shows numbers, follows the pane's size, and leaves a clean pane."""
    socket = tmp_path / "tmux"

    def tmux(*arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(socket), "-f", "/dev/null", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout

    def wait(pattern: str) -> str:
        end = time.monotonic() + 15
        while True:
            text = tmux("capture-pane", "-p")
            if re.search(pattern, text):
                return text
            assert time.monotonic() < end, text
            time.sleep(0.1)

    command = shlex.join([sys.executable, "-m", "capmon", *HOST_ALONE])
    tmux("new-session", "-d", "-x", "120", "-y", "40", f"{command}; echo left $?; exec cat")
    try:
        assert "╭─ bottlenecks" in wait(LIVE)
        tmux("resize-window", "-x", "80", "-y", "24")
        assert max(map(len, wait(r"(?m)^\W*resources ?─+\W?$").splitlines())) <= 80
        tmux("send-keys", "q")
        assert "resources" not in wait("left 0")
        assert tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag}").strip() == "0 0"
    finally:
        tmux("kill-server")
