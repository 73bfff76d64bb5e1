"""A child that never outlives its parent, not even one that is killed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; Linux only.

    Elsewhere, and where the kernel refuses, `watch` does the same a second later.
    """
    if sys.platform == "linux":
        # CDLL(None) is the C library that Python itself uses.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It ended before the kernel was asked.
        raise SystemExit("the parent process is gone")


async def watch(
    parent: int, stop: Callable[[], None], *, stdin: int = 0, interval: float = 1.0
) -> None:
    """Call `stop` once the parent is gone or has closed the pipe that is our stdin."""
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(stdin, 4096):
            loop.remove_reader(stdin)
            closed.set()

    loop.add_reader(stdin, read)
    while os.getppid() == parent and not closed.is_set():
        try:
            await asyncio.wait_for(closed.wait(), interval)
        except TimeoutError:
            continue
    stop()
