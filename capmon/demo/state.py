"""The demo service without its network: queue, load and replicas under one clock, and what they show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

from capmon.demo.latency import Latency
from capmon.demo.load import Arrivals, Users, Workload
from capmon.demo.queue import Queue, Request
from capmon.demo.replicas import Replicas
from capmon.demo.scenarios import Scenario
from capmon.errors import CapmonError

SERVERS = 2
"""Requests that one replica serves at once."""

ROOM = 128
"""Requests that may wait; the next one is answered 503."""

PATIENCE = 2.0
"""Seconds a request waits before it is answered 503."""

MOST_REPLICAS = 50
"""Largest count that can be asked for."""

BACKGROUND_CPU = 0.04
"""Share of a replica's CPU that the runtime itself takes."""

BASE_MEMORY = 1.7e9
"""Bytes of a replica that serves nobody."""

MEMORY_PER_USER = 23e6
"""Bytes that each user of a replica adds."""

MEMORY_LIMIT = 8 * 2.0**30
"""Bytes that one replica may use."""

USERS_PER_RATE = 2.5
"""Users behind one request per second: each sends one every 2.5 seconds."""

CACHE_LIMIT = 8 * 2**30
"""Bytes that the cache may hold; a warm one is half full."""

CACHE_ENTRY = 36_864
"""Bytes of one entry."""

POOL_IDLE, POOL_LIMIT, CONNECTIONS_LIMIT = 5, 25, 100
"""Database connections: held open by an idle replica, most of one replica, most of all."""

MARK = 0.5
"""Seconds between two notes of the running totals, from which recent shares are taken."""

_CPU_MARKS, _HIT_MARKS = 6, 20


@dataclass(frozen=True, slots=True)
class _Totals:
    cpu_seconds: float
    server_seconds: float
    hits: int
    lookups: int


class DemoState:
    """A service under load, at whatever time it is asked about.

    All times are seconds since it began, given by the caller and never going back. What happens
    depends on the seed, the scenario and the calls that change something, not on how often the
    state is read.

    Args:
        scenario: What happens to it.
        seed: Same seed, same course.
        replicas: Count at the start.
        startup: Seconds until a new replica serves.
        created: Unix time of the start, for a scraper.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int = 1,
        replicas: int = 4,
        startup: float = 2.0,
        created: float = 0.0,
    ) -> None:
        self.scenario = scenario
        self.created = created
        self.latency = Latency()
        self.codes = {"200": 0, "500": 0, "503": 0}
        self._workload = Workload()
        # Separate sources of chance: a scale action or an outside request must not change
        # which requests the load brings.
        self._load, self._outside, self._noise = (
            Random(f"{seed}/{part}")  # noqa: S311 - a simulation has no secrets
            for part in ("load", "outside", "noise")
        )
        self._replicas = Replicas(replicas, startup, self._noise)
        self._queue = Queue(
            SERVERS * replicas, room=ROOM, patience=PATIENCE, done=self._note_completion
        )
        self._users = Users(USERS_PER_RATE, USERS_PER_RATE * scenario.rate(0.0))
        self._begin = 0.0
        self._arrivals = Arrivals(scenario.rate, scenario.peak, self._load)
        self._hits = self._lookups = 0
        self._memory_noise = 0.0
        self._next_mark = MARK
        self._marks: deque[_Totals] = deque([self._totals()], maxlen=_HIT_MARKS + 1)

    @property
    def clock(self) -> float:
        """The time it has reached."""
        return self._queue.clock

    def advance(self, now: float) -> None:
        """Let everything happen that happens until `now`."""
        arrivals, replicas = self._arrivals, self._replicas
        while True:
            change, mark = replicas.next_change, self._next_mark
            at = min(arrivals.next, change, mark)
            if at > now:
                break
            if at == arrivals.next:
                self._admit(self._draw(at, self._load))
                arrivals.step()
            elif at == change:
                replicas.settle(at)
                self._queue.resize(SERVERS * replicas.ready, at)
            else:
                self._mark(at)
        self._queue.advance(now)

    def submit(self, now: float) -> Request | None:
        """Send in one request from outside; None when the line is full."""
        self.advance(now)
        request = self._draw(self.clock, self._outside)
        return request if self._admit(request) else None

    def scale(self, desired: int, now: float) -> None:
        """Ask for a number of replicas.

        Raises:
            CapmonError: The number is not one that can be had.
        """
        if not 1 <= desired <= MOST_REPLICAS:
            raise CapmonError(f"replicas must be from 1 to {MOST_REPLICAS}, got {desired}")
        self.advance(now)
        self._replicas.scale(desired, self.clock)
        self._queue.resize(SERVERS * self._replicas.ready, self.clock)

    def switch(self, scenario: Scenario, now: float) -> None:
        """Begin another scenario; requests under way go on, leaked memory is given back."""
        self.advance(now)
        self.scenario, self._begin = scenario, self.clock
        self._arrivals = Arrivals(scenario.rate, scenario.peak, self._load, self.clock)
        self._replicas.forget_leaks()

    # What it shows

    def replicas(self) -> dict[str, int]:
        """Replicas that serve and replicas asked for."""
        return {"ready": self._replicas.ready, "desired": self._replicas.desired}

    def metrics(self) -> dict[str, Any]:
        """The document of `/api/v1/metrics`; times in it are milliseconds, shares percent."""
        p50, p95, p99 = self.latency.quantiles((0.5, 0.95, 0.99), self.clock)
        return {
            "histograms": {
                "http_request_duration": {
                    "count": self.latency.count,
                    "sum": round(self.latency.sum * 1e3, 3),
                    "p50": _times(p50, 1e3),
                    "p95": _times(p95, 1e3),
                    "p99": _times(p99, 1e3),
                }
            },
            "counters": {
                "http_requests_total": sum(self.codes.values()),
                "http_errors_total": self.codes["500"] + self.codes["503"],
            },
            "gauges": {
                "cpu_utilization": _times(self.cpu(), 100),
                "memory_utilization": _times(self.memory(), 100 / MEMORY_LIMIT),
                "memory_usage_mb": _times(self.memory(), 1e-6),
                "concurrent_requests": self.in_flight,
                "concurrent_users": self._users.count,
                "database_connections": self.connections(),
                "database_connections_max": CONNECTIONS_LIMIT,
                "replicas": self._replicas.ready,
            },
        }

    def cache_stats(self) -> dict[str, Any]:
        """The document of `/api/v1/cache/stats`; the hit rate is a share of 1, or null."""
        hit_rate = self.hit_ratio()
        # A cache that answers less holds less; a warm one is half full.
        entries = 0 if hit_rate is None else round(CACHE_LIMIT * 0.56 * hit_rate / CACHE_ENTRY)
        return {
            "hit_rate": _times(hit_rate, 1.0, 4),
            "size_bytes": entries * CACHE_ENTRY,
            "max_size_bytes": CACHE_LIMIT,
            "entries": entries,
        }

    def health(self) -> dict[str, Any]:
        """The document of `/api/v1/health`."""
        database = "healthy" if self.database_up else "unhealthy"
        return {
            "status": "healthy" if self.database_up else "degraded",
            "version": self.scenario.version(self.clock - self._begin),
            "components": {"database": {"status": database}, "cache": {"status": "healthy"}},
        }

    @property
    def in_flight(self) -> int:
        """Requests served or waiting."""
        return self._queue.busy + self._queue.waiting

    @property
    def users(self) -> int:
        """Concurrent users of the whole service."""
        return self._users.count

    @property
    def database_up(self) -> bool:
        """Whether the database answers."""
        return self.scenario.database_up(self.clock - self._begin)

    def cpu(self) -> float | None:
        """Busy share of a replica's CPU over the last 3 seconds; None when none was serving."""
        now, then = self._totals(), self._marks[max(-len(self._marks), -1 - _CPU_MARKS)]
        servers = now.server_seconds - then.server_seconds
        if servers <= 0:
            return None
        return min(1.0, BACKGROUND_CPU + (now.cpu_seconds - then.cpu_seconds) / servers)

    def memory(self) -> float | None:
        """Bytes that one replica uses, on average; None when none is serving."""
        if not self._replicas.ready:
            return None
        users = self._users.count / self._replicas.ready
        used = BASE_MEMORY + MEMORY_PER_USER * users + self._replicas.leaked + self._memory_noise
        return min(used, MEMORY_LIMIT)

    def hit_ratio(self) -> float | None:
        """Cache hits over look-ups in the last 10 seconds; None when there were none."""
        lookups = self._lookups - self._marks[0].lookups
        return (self._hits - self._marks[0].hits) / lookups if lookups else None

    def connections(self) -> int:
        """Database connections in use: each replica holds some open and one a request."""
        if not self.database_up:
            return 0
        ready = self._replicas.ready
        return min(POOL_IDLE * ready + self.in_flight, POOL_LIMIT * ready, CONNECTIONS_LIMIT)

    # What happens

    def _draw(self, at: float, random: Random) -> Request:
        since, scenario = at - self._begin, self.scenario
        request = self._workload.draw(
            at, scenario.hit_ratio(since), scenario.database_up(since), random
        )
        request.service *= scenario.cost(since)
        return request

    def _admit(self, request: Request) -> bool:
        admitted = self._queue.offer(request)
        if not admitted:
            self.codes["503"] += 1
        return admitted

    def _note_completion(self, request: Request) -> None:
        self.latency.record(request.end, request.end - request.arrival)
        if not request.served:
            self.codes["503"] += 1
            return
        self.codes["500" if request.failed else "200"] += 1
        self._lookups += 1
        self._hits += request.hit

    def _totals(self) -> _Totals:
        queue = self._queue
        return _Totals(queue.cpu_seconds, queue.server_seconds, self._hits, self._lookups)

    def _mark(self, at: float) -> None:
        self._queue.advance(at)
        self._marks.append(self._totals())
        self._next_mark += MARK
        self._users.pass_time(MARK, self.scenario.rate(at - self._begin), self._noise)
        self._memory_noise = self._noise.gauss(0.0, 15e6)
        if self.scenario.leak and self._replicas.ready:
            users = self._users.count / self._replicas.ready
            room = MEMORY_LIMIT - BASE_MEMORY - MEMORY_PER_USER * users
            self._replicas.leak(self.scenario.leak * MARK, room, at)
            self._queue.resize(SERVERS * self._replicas.ready, at)


def _times(value: float | None, factor: float, places: int = 3) -> float | None:
    return None if value is None else round(value * factor, places)
