"""When to draw: at most four frames a second, and none while the terminal lags behind."""

from __future__ import annotations

from typing import Any

LEAST_GAP = 0.25
"""Seconds between two frames while the window has the focus."""

BLURRED_GAP = 1.0
"""Seconds between two frames while it has not."""

FEW = 2
"""So many queued writes are no backlog: one is under way, one was just made."""


def backlog(driver: object) -> int:
    """Writes that the terminal has not taken yet.

    Textual's writer thread blocks the event loop once its queue of 30 is full, and offers no
    public way to ask how full it is.
    """
    thread: Any = getattr(driver, "_writer_thread", None)
    return 0 if thread is None else int(thread._queue.qsize())


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
