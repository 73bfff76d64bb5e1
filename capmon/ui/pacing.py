"""When to draw: at most four frames a second, and none while the terminal lags behind."""

from __future__ import annotations

import gc
import sys
from typing import Any

from textual.drivers.linux_driver import LinuxDriver

LEAST_GAP = 0.25
"""Seconds between two frames while the window has the focus."""

BLURRED_GAP = 1.0
"""Seconds between two frames while it has not."""

FEW = 2
"""So many queued writes are no backlog: one is under way, one was just made."""


def backlog(driver: object) -> int:
    """Writes that the terminal has not taken yet.

    Textual offers no public way to ask its writer thread.
    """
    thread: Any = getattr(driver, "_writer_thread", None)
    return 0 if thread is None else int(thread._queue.qsize())


def collect_garbage_again() -> None:
    """End the pause of the start, and never look again at what the start has made."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class SteadyDriver(LinuxDriver):
    """Textual's driver, with output that never makes the event loop wait.

    Textual's writer thread takes 30 writes and then blocks the loop until the terminal reads
    again: no key would be seen and no sample taken. Here its queue takes any number; frames
    are left out while there is a `backlog`, so that only what keys cause can pile up.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Textual writes to standard error, which may well be sent to a file.
        self._file = sys.__stdout__

    def start_application_mode(self) -> None:
        """Begin to write, without a limit to the queue."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        thread: Any = self._writer_thread
        if thread is not None:
            thread._queue.maxsize = 0

    def close(self) -> None:
        """All is written: whoever ends the process from now on leaves the terminal alone."""
        super().close()
        last_resort = getattr(self._app, "last_resort", None)
        if last_resort is not None:
            last_resort.put_back()

    def _sigtstp_application(self, *_: Any) -> None:
        """Stop from the event loop: a signal may come while the queue's lock is held."""
        self._loop.call_soon_threadsafe(super()._sigtstp_application)


class Pacer:
    """Decides frame by frame."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self.skipped = 0
        """Frames that were left out."""

    def may_draw(self, now: float, *, queued: int, blurred: bool) -> bool:
        """Whether to draw a frame at `now`, seconds on a clock that never steps."""
        gap = BLURRED_GAP if blurred else LEAST_GAP
        # A tick that comes a little early is the next frame, not an extra one.
        if queued > FEW or now - self._last < gap * 0.8:
            self.skipped += 1
            return False
        self._last = now
        return True
