"""What the live monitor sends to its terminal, counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from terminal import Terminal

Start = Callable[..., Terminal]

HOST_ALONE = ("--set", "app.source=none")
LIVE = r"cpu +\S+ +\d"
DEMO_LIVE = r"replicas +\d+ of \d+ ready"

CLOCK = re.compile(r"\d\d:\d\d:\d\d")

WARM_UP = 4.0
WINDOW = 8.0
SLOW_LINE = 2000
"""Bytes a second of a bad connection."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "ready", "budget"), [(HOST_ALONE, LIVE, 1500), (("demo",), DEMO_LIVE, 2500)]
)
def test_a_second_costs_no_more_than_its_budget(
    screen: Start, arguments: tuple[str, ...], ready: str, budget: int
) -> None:
    """At 120 by 40, one frame a second, after the warm-up: bytes a second."""
    terminal = screen(*arguments)
    terminal.wait_for(ready)
    terminal.pump(WARM_UP)
    start = time.monotonic()
    sent = terminal.pump(WINDOW)
    rate = sent / (time.monotonic() - start)
    assert 0 < rate <= budget, f"{rate:.0f} bytes/s"


@pytest.mark.slow
def test_a_held_screen_sends_nothing(screen: Start) -> None:
    """Paused, three seconds cost next to nothing; sampling goes on and shows afterwards."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.press(" ")
    terminal.wait_for("paused")
    clock = terminal.wait_for(r"\d\d:\d\d:\d\d")[0]
    terminal.pump(0.7)
    assert terminal.pump(3.0) <= 50
    terminal.press(" ")
    terminal.wait_for(rf"(?!{clock})\d\d:\d\d:\d\d")


@pytest.mark.slow
def test_a_slow_line_stalls_nothing(screen: Start) -> None:
    """Read at 2 kB/s, frames are left out and keys still count: q ends it at once.

    Twelve views of 10 kB and more are asked for in four seconds, in which the line takes 8 kB.
    """
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    for turn in range(16):
        if turn < 12:
            terminal.press("21"[turn % 2])
        begun = time.monotonic()
        terminal.pump(0.25, limit=SLOW_LINE // 4)
        time.sleep(max(0.0, 0.25 - (time.monotonic() - begun)))
    started = time.monotonic()
    terminal.press("q")
    while terminal.process.poll() is None and time.monotonic() - started < 2.0:
        terminal.pump(0.05, limit=SLOW_LINE // 20)
    assert terminal.process.poll() == 0
    terminal.pump(0.5)
    assert terminal.modes_left() == set()
    assert terminal.attributes() == terminal.before


@pytest.mark.slow
def test_frames_are_left_out_while_the_terminal_lags(screen: Start) -> None:
    """What it reads after five seconds is old views and then now, not every second between."""
    terminal = screen(*HOST_ALONE)
    terminal.wait_for(LIVE)
    terminal.pump(1.0)
    for view in "2121212121":
        terminal.press(view)
        time.sleep(0.1)
    stuck, start = time.time() + 1.0, len(terminal.raw)
    time.sleep(5.0)
    free = time.time()
    terminal.pump(2.5)
    clocks = [found[0] for row in terminal.first_rows(start) if (found := CLOCK.search(row))]
    missed = clock_times(stuck + 1, free)
    assert len(missed) >= 3
    assert not missed.intersection(clocks)
    assert clocks[-1] in clock_times(free, time.time() + 1)


def clock_times(begin: float, end: float) -> set[str]:
    """What a clock shows in the whole seconds between two moments."""
    return {time.strftime("%H:%M:%S", time.gmtime(t)) for t in range(int(begin), int(end))}
