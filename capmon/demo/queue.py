"""A queue with several servers, first in first out, advanced lazily to whatever time it is asked about."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(slots=True, eq=False)
class Request:
    """One request on its way through the queue; times are in seconds on the queue's own clock."""

    arrival: float
    """When it arrives."""

    service: float
    """Seconds it holds a server."""

    cpu: float = 1.0
    """Share of its service in which it computes; in the rest it waits for something else."""

    hit: bool = True
    """Whether the cache had its answer."""

    failed: bool = False
    """Whether it ends in an error even though it was served."""

    start: float = math.nan
    """When its service began; NaN while it waits, and for good when it gave up waiting."""

    end: float = math.nan
    """When it left, served or not; set as soon as its service begins."""

    @property
    def served(self) -> bool:
        """Whether it reached a server."""
        return self.start == self.start


class Queue:
    """Servers that share one line.

    The queue simulates single events: each request has its own arrival, start and end, and what
    happens does not depend on how often or when the queue is asked.

    Args:
        servers: How many requests can be served at once.
        room: How many may wait; one more is turned away. None means no limit.
        patience: Seconds a request waits before it gives up.
        done: Called with each request that leaves, in the order of their ends.
    """

    def __init__(
        self,
        servers: int,
        *,
        room: int | None = None,
        patience: float = math.inf,
        done: Callable[[Request], None] | None = None,
    ) -> None:
        self.servers = servers
        self.clock = 0.0
        self.busy_seconds = 0.0
        self.cpu_seconds = 0.0
        self.server_seconds = 0.0
        self._room = math.inf if room is None else room
        self._patience = patience
        self._done = done
        self._running: list[tuple[float, int, Request]] = []
        self._waiting: deque[Request] = deque()
        self._computing = 0.0
        self._started = 0

    @property
    def busy(self) -> int:
        """Requests in service, those on servers being drained included."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._waiting)

    def offer(self, request: Request) -> bool:
        """Let a request in at its arrival time; False when the line is full.

        Raises:
            ValueError: It arrives before a time that the queue has already reached.
        """
        if request.arrival < self.clock:
            raise ValueError(f"arrival at {request.arrival} lies before {self.clock}")
        self.advance(request.arrival)
        if len(self._running) < self.servers:
            self._start(request)
        elif len(self._waiting) < self._room:
            self._waiting.append(request)
        else:
            return False
        return True

    def resize(self, servers: int, at: float) -> None:
        """Change the number of servers; those taken away finish the request they have."""
        self.advance(at)
        self.servers = servers
        self._fill()

    def advance(self, now: float) -> None:
        """Let everything happen that happens up to and including `now`; never goes back."""
        running, waiting = self._running, self._waiting
        while running or waiting:
            end = running[0][0] if running else math.inf
            expiry = waiting[0].arrival + self._patience if waiting else math.inf
            if end > now and expiry > now:
                break
            if end <= expiry:
                self._pass(end)
                request = heappop(running)[2]
                self._computing -= request.cpu
                self._fill()
            else:
                self._pass(expiry)
                request = waiting.popleft()
                request.end = expiry
            if self._done is not None:
                self._done(request)
        if now > self.clock:
            self._pass(now)

    def _start(self, request: Request) -> None:
        request.start = self.clock
        request.end = self.clock + request.service
        self._started += 1
        self._computing += request.cpu
        heappush(self._running, (request.end, self._started, request))

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.servers:
            self._start(self._waiting.popleft())

    def _pass(self, now: float) -> None:
        step = now - self.clock
        busy = len(self._running)
        if not busy:
            # Sums of many floats drift; an empty queue is where the drift is known.
            self._computing = 0.0
        self.busy_seconds += step * busy
        self.cpu_seconds += step * self._computing
        self.server_seconds += step * max(self.servers, busy)
        self.clock = now
