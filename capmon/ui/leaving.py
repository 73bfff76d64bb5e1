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
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

GRACE = 0.9
"""Seconds that an orderly end may take before the process ends without it."""

TRIES = 40
"""How often to offer a stuck terminal its last words, 5 ms apart."""

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""What asks the process to end."""

NUDGE = signal.SIGURG
"""Makes a thread whose write is stuck try again; ignored by whoever does not handle it."""

RESTORE = (
    "\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[?2026l\x1b[<u\x1b[0m"
)
"""Leave the alternate screen, show the cursor, wrap lines, and end all reports."""


class Exit:
    """Ends the process soon after it was told to, whatever the rest of it waits for.

    A thread waits on a pipe for the exit status: a signal may arrive while the event loop is
    blocked or any lock is held, and writing a byte is all that is safe then.
    """

    def __init__(self) -> None:
        self._modes = _terminal_modes()
        self._told, self._tell = os.pipe()
        self._ending = threading.Lock()

    def install(self, leave: Callable[[int], None]) -> None:
        """From now on, call `leave` on the event loop when a signal asks to end.

        Args:
            leave: Starts the orderly end; given the exit status.
        """
        threading.Thread(target=self._wait, name="capmon-exit", daemon=True).start()

        def asked(number: int, _frame: FrameType | None) -> None:
            status = 128 + number
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # the screen is not up yet, or down already
                os._exit(status)
            self.soon(status)
            loop.call_soon_threadsafe(leave, status)

        for number in SIGNALS:
            signal.signal(number, asked)
        signal.signal(NUDGE, lambda *_: None)

    def soon(self, status: int) -> None:
        """End within `GRACE` seconds with a status, in order or not."""
        os.write(self._tell, bytes([status]))

    def _wait(self) -> None:
        status = os.read(self._told, 1)[0]
        time.sleep(GRACE)
        with self._ending:
            end_now(status, self._modes)

    def put_back(self) -> None:
        """The orderly end has put the terminal back.

        The other end must not touch it any more: it would drop the last words, and could be
        ended with the interpreter before it wrote its own.
        """
        with self._ending:
            self._modes = None

    def in_order(self) -> None:
        """The orderly end is through; unless the other has begun, which then goes on alone."""
        _let_go()
        self.put_back()


def _let_go() -> None:
    """Flush what was written; drop what a terminal that is gone does not take."""
    for stream, descriptor in ((sys.__stdout__, 1), (sys.__stderr__, 2)):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            # The interpreter flushes again at its end, and would change the exit status.
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def end_now(status: int, modes: list[Any] | None) -> None:
    """End the process, and put the terminal back as well as a stuck one allows."""
    try:
        terminal = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        # What other threads still want to write must not follow the last words.
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if modes is not None:
            _put_back(terminal, modes)
    except (OSError, termios.error):
        pass
    finally:
        os._exit(status)


def _put_back(terminal: int, modes: list[Any]) -> None:
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    os.set_blocking(terminal, False)
    try:
        for _ in range(TRIES):
            # A stuck write holds the terminal. Woken, it goes where its number leads by now.
            for thread in threading.enumerate():
                if thread.ident not in (None, threading.get_ident()):
                    signal.pthread_kill(thread.ident, NUDGE)
            # Drop what the terminal has not taken, else there is no room.
            termios.tcflush(terminal, termios.TCOFLUSH)
            with contextlib.suppress(BlockingIOError):
                if os.write(terminal, RESTORE.encode()) == len(RESTORE):
                    break
            time.sleep(0.005)
    finally:
        # The shell reads from the same open terminal, and would take EAGAIN for its end.
        os.set_blocking(terminal, True)


def _terminal_modes() -> list[Any] | None:
    """The terminal's line settings, or None without a terminal."""
    try:
        return termios.tcgetattr(_stdin())
    except (OSError, ValueError, termios.error):
        return None


def _stdin() -> int:
    return sys.__stdin__.fileno() if sys.__stdin__ else 0


def hung_up() -> bool:
    """Whether the terminal on standard input is gone."""
    try:
        poll = select.poll()
        poll.register(_stdin(), select.POLLIN)
        events = poll.poll(0)
        if any(e & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, e in events):
            return True
        termios.tcgetattr(_stdin())
    except (OSError, ValueError, termios.error):
        return True
    return False
