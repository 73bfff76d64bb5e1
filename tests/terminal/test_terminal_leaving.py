"""Capmon leaves: at once, whatever the terminal does, and with the terminal as it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import psutil
import pytest
from terminal import Terminal, gone, slow

from capmon.ui import leaving

Start = Callable[..., Terminal]

HOST_ALONE = ("--set", "app.source=none")
LIVE = r"cpu +\S+ +\d"
"""The CPU's row with a number in it."""

SOON = 2.0
"""Seconds in which it must be gone: one that it gives itself, and one for a busy machine."""


def assert_restored(terminal: Terminal) -> None:
    """Nothing of the screen is left in the terminal."""
    assert terminal.modes_left() == set()
    assert terminal.keyboard_depth() == 0
    assert terminal.attributes() == terminal.before


def fill(terminal: Terminal) -> None:
    """Have it draw, without reading, until far more waits to be written than a terminal takes."""
    for _ in range(6):
        for view in "21":
            terminal.press(view)
            time.sleep(0.1)


@pytest.mark.parametrize(("keys", "name"), [("q", "q"), ("\x03", "ctrl+c")])
def test_a_key_leaves_with_status_0(screen: Start, keys: str, name: str) -> None:
    """Both keys end it, and every mode that it set is taken back."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    assert {1049, 25, 1000, 1003, 2004, 1004} <= terminal.modes_left(), name
    terminal.press(keys)
    assert terminal.wait_exit(SOON) == 0
    assert_restored(terminal)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, slow(signal.SIGINT), slow(signal.SIGQUIT)]
)
def test_a_signal_leaves_with_its_status(screen: Start, number: signal.Signals) -> None:
    """The status is 128 and the signal's number, the terminal as before."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.signal(number)
    assert terminal.wait_exit(SOON) == 128 + number
    assert_restored(terminal)


@pytest.mark.parametrize(
    "after", [slow(0.1), slow(0.25), 0.3, slow(0.35), 0.4, slow(0.5), slow(0.6)]
)
def test_a_signal_while_it_starts_leaves_nothing_behind(screen: Start, after: float) -> None:
    """However early the signal comes, it ends, and the terminal is as before."""
    terminal = screen(*HOST_ALONE)
    terminal.pump(after)
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_exit(SOON) in (128 + signal.SIGTERM, -signal.SIGTERM)
    assert_restored(terminal)


@pytest.mark.parametrize("controlling", [slow(True), False])
def test_a_terminal_that_goes_away_ends_it(screen: Start, controlling: bool) -> None:
    """A connection that drops ends it, with the kernel's SIGHUP and without."""
    terminal = screen(*HOST_ALONE, controlling=controlling)
    terminal.wait_for(LIVE)
    terminal.hang_up()
    assert terminal.wait_exit(SOON, read=False) == 128 + signal.SIGHUP


def test_a_terminal_that_goes_away_ends_it_although_sighup_is_ignored(screen: Start) -> None:
    """Started by nohup, it does not go on without a terminal, spinning."""
    terminal = screen(*HOST_ALONE, shell="trap '' HUP;")
    terminal.wait_for(LIVE)
    terminal.hang_up()
    assert terminal.wait_exit(SOON, read=False) == 128 + signal.SIGHUP


@pytest.mark.parametrize("how", ["q", slow("SIGTERM")])
def test_it_leaves_a_terminal_that_stopped_reading(screen: Start, how: str) -> None:
    """Far more is queued than the terminal takes; still it ends, and its last words arrive."""
    terminal = screen(*HOST_ALONE, controlling=False)
    terminal.wait_for(LIVE)
    fill(terminal)
    if how == "q":
        terminal.press("q")
    else:
        terminal.signal(signal.SIGTERM)
    assert terminal.wait_exit(SOON, read=False) == (0 if how == "q" else 128 + signal.SIGTERM)
    terminal.pump(0.3)
    assert_restored(terminal)
    assert not terminal.nonblocking()


@pytest.mark.slow
def test_it_goes_on_after_a_terminal_stopped_reading_for_a_while(screen: Start) -> None:
    """Keys pressed meanwhile count, and the screen is whole once it is read again."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    fill(terminal)
    terminal.press("?")
    terminal.wait_for("sampling goes on")
    terminal.press("\x03")
    assert terminal.wait_exit(SOON) == 0
    assert_restored(terminal)


def test_it_can_be_stopped_and_continued(screen: Start) -> None:
    """SIGTSTP gives the terminal back to the shell, SIGCONT takes and redraws it."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.signal(signal.SIGTSTP)
    terminal.wait_status(psutil.STATUS_STOPPED)
    assert_restored(terminal)
    terminal.screen.reset()
    terminal.signal(signal.SIGCONT)
    terminal.wait_for(LIVE)
    terminal.press("q")
    assert terminal.wait_exit(SOON) == 0
    assert_restored(terminal)


DEMO_LIVE = r"replicas +\d+ of \d+ ready"


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), slow(signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_the_demo_leaves_no_process(screen: Start, number: signal.Signals, status: int) -> None:
    """However the monitor ends, the service that it started ends too."""
    terminal = screen("demo")
    terminal.wait_for(DEMO_LIVE)
    children = terminal.children()
    assert len(children) == 1
    terminal.signal(number)
    assert terminal.wait_exit(SOON) == status
    assert gone(children, SOON)
    if number is not signal.SIGKILL:
        assert_restored(terminal)


def test_the_last_resort_leaves_a_terminal_alone_that_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The interpreter may end it between dropping the last words and writing its own."""
    seen: list[tuple[int, object]] = []
    monkeypatch.setattr(leaving, "GRACE", 0.0)
    monkeypatch.setattr(leaving, "end_now", lambda status, modes: seen.append((status, modes)))
    monkeypatch.setattr(leaving, "_terminal_modes", lambda: ["modes"])
    for put_back in (False, True):
        last_resort = leaving.Exit()
        if put_back:
            last_resort.put_back()
        last_resort.soon(7)
        last_resort._wait()
    assert seen == [(7, ["modes"]), (7, None)]
