"""Leave whatever happens: signals, a terminal that is gone, a writer that is stuck."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from typing import Any

GRACE = 0.9
"""Seconds that an orderly end may take before the process ends without it."""

RESTORE = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[0m"
"""Leave the alternate screen, show the cursor, and end mouse, paste and focus reports."""


def saved_terminal() -> list[Any] | None:
    """The terminal's modes, to be put back by `end_at_last`; None without a terminal."""
    try:
        return termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
    except (termios.error, OSError, ValueError):
        return None


def on_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[int], None]) -> None:
    """Call `leave` with the exit status when the process is asked to end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, leave, 128 + number)


def hung_up() -> bool:
    """Whether the terminal on standard input is gone."""
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ else 0
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        events = poll.poll(0)
        if any(e & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, e in events):
            return True
        termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):
        return True
    return False


def end_at_last(status: int, modes: list[Any] | None, after: float = GRACE) -> threading.Timer:
    """End the process with `status` if it has not ended by itself in time.

    A terminal that takes no more output blocks the orderly end for ever; then this puts the
    terminal back as well as it can, without waiting, and leaves.
    """

    def end() -> None:
        with contextlib.suppress(OSError, ValueError, termios.error):
            descriptor = sys.__stdout__.fileno() if sys.__stdout__ else 1
            os.set_blocking(descriptor, False)
            if modes is not None and sys.__stdin__ is not None:
                termios.tcflush(descriptor, termios.TCOFLUSH)
                os.write(descriptor, RESTORE.encode())
                termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, modes)
        os._exit(status)

    timer = threading.Timer(after, end)
    timer.daemon = True
    timer.start()
    return timer
