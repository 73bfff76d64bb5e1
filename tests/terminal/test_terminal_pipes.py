"""Capmon without a terminal: the summary once, in whatever the output can hold."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[bytes]]

QUICK = ("--set", "app.source=none", "--set", "interval=200ms")


def assert_summary(text: str) -> None:
    """The summary of a host, without a single escape sequence."""
    assert text.startswith("capmon  ")
    assert "\ncpu " in text
    assert "\nsources     host live" in text
    assert "\x1b" not in text


def test_a_pipe_gets_the_summary_once(capmon: Run) -> None:
    """Status 0, nothing on standard error."""
    done = capmon(*QUICK)
    assert (done.returncode, done.stderr) == (0, b"")
    assert_summary(done.stdout.decode())


def test_the_demo_on_a_pipe_shows_the_service_and_ends_it(capmon: Run) -> None:
    """The summary holds what the service says."""
    done = capmon("demo", "--set", "interval=200ms")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert_summary(text)
    assert "app live" in text
    assert "ready, 2–10, http" in text


@pytest.mark.parametrize(
    ("env", "redirect"),
    [({"TERM": "dumb"}, ""), ({}, "</dev/null"), ({}, "<&-"), ({}, ">out")],
)
def test_half_a_terminal_gets_the_summary(
    screen: Callable[..., Terminal], env: dict[str, str], redirect: str, tmp_path: Path
) -> None:
    """A terminal that cannot move its cursor, and one at one end alone, are no screen."""
    terminal = screen(*QUICK, env=env, redirect=redirect)
    assert terminal.wait_exit() == 0
    shown = (tmp_path / "out").read_bytes() if redirect == ">out" else bytes(terminal.raw)
    assert_summary(shown.decode().replace("\r\n", "\n"))


def test_a_reader_that_has_enough_is_no_fault(capmon: Run) -> None:
    """As with head: no traceback, nothing on standard error."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = capmon(*QUICK, capture_output=False, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_full_disk_is_said(capmon: Run) -> None:
    """What could not be written is an error, in one line."""
    with Path("/dev/full").open("wb") as full:
        done = capmon(*QUICK, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"capmon: standard output: No space left on device\n"


def test_a_closed_output_is_said(screen: Callable[..., Terminal]) -> None:
    """There is nowhere to write to: an error, and no traceback."""
    terminal = screen(*QUICK, redirect=">&-")
    assert terminal.wait_exit() == 1
    assert terminal.raw == b"capmon: standard output is closed\r\n"


def test_an_encoding_without_our_glyphs_gets_stand_ins_in_text(capmon: Run) -> None:
    """A summary in Latin-1 can be read, and no character stops it."""
    done = capmon(*QUICK, env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert_summary(done.stdout.decode("latin-1"))


def test_an_ascii_locale_is_no_fault(capmon: Run) -> None:
    """Where even Python takes ASCII for all that there is, nothing raises."""
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = capmon(*QUICK, env=ascii_alone)
    assert (done.returncode, done.stderr) == (0, b"")
    assert_summary(done.stdout.decode())


def test_it_says_what_it_can_do(capmon: Run) -> None:
    """Help and version need no terminal and no configuration."""
    assert capmon("--version").stdout.startswith(b"capmon, version ")
    shown = capmon("-h").stdout.decode()
    for command in ("demo", "snapshot", "check", "scale", "config"):
        assert f"\n  {command} " in shown
    wrong = capmon("--no-such-option")
    assert wrong.returncode == 2
    assert b"no such option" in wrong.stderr.lower()
