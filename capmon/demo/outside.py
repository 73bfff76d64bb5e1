"""Requests from outside: each one really waits until the simulated queue has served it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from capmon.demo.queue import Request

POLL = 0.004
"""Seconds between two looks at the queue while requests from outside stand in it."""


class WaitingRoom:
    """Wakes callers when their requests are done.

    When a waiting request will start is not known beforehand: others may give up, replicas may
    come and go. So one task looks at the line for all of them; once a request is in service its
    end is known and its caller sleeps until then.

    Args:
        now: Brings the queue up to the clock and returns the time on it, seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._line: deque[tuple[Request, asyncio.Future[None]]] = deque()
        self._watch: asyncio.Task[None] | None = None

    async def until_left(self, request: Request) -> None:
        """Return when the request has left the queue, served or not."""
        if request.end != request.end:
            called = asyncio.get_running_loop().create_future()
            self._line.append((request, called))
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._call_up())
            await called
        await asyncio.sleep(max(0.0, request.end - self._now()))
        self._now()

    async def _call_up(self) -> None:
        line = self._line
        while line:
            await asyncio.sleep(POLL)
            self._now()
            # First come, first served: behind one that has no end yet nobody has one.
            while line and line[0][0].end == line[0][0].end:
                called = line.popleft()[1]
                if not called.done():
                    called.set_result(None)
