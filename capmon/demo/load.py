"""The load: open-loop arrivals that follow a rate, the work each one brings, the users behind them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from capmon.demo.queue import Request

Curve = Callable[[float], float]
"""A value over the seconds since a scenario began."""


class Arrivals:
    """Poisson arrivals that come whether or not earlier requests were answered.

    Candidates come at the peak rate and each is kept with the probability rate / peak, which
    gives exactly the Poisson process with that rate.

    Args:
        rate: Requests per second over time, never above `peak`.
        peak: Requests per second.
        random: Where the chance comes from.
        begin: Time of the curve's origin.

    Source:
        Lewis and Shedler, Simulation of nonhomogeneous Poisson processes by thinning (1979).
    """

    def __init__(self, rate: Curve, peak: float, random: Random, begin: float = 0.0) -> None:
        self._rate = rate
        self._peak = peak
        self._random = random
        self._begin = begin
        self.next = begin
        self.step()

    def step(self) -> None:
        """Move `next` to the following arrival."""
        random, peak, at = self._random, self._peak, self.next - self._begin
        while True:
            at += random.expovariate(peak)
            if random.random() * peak < self._rate(at):
                self.next = self._begin + at
                return


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A distribution of service times, long to the right as real ones are."""

    mean: float
    """Seconds."""

    sigma: float
    """Standard deviation of the logarithm."""

    def draw(self, random: Random) -> float:
        """One service time in seconds."""
        return random.lognormvariate(math.log(self.mean) - self.sigma**2 / 2, self.sigma)


@dataclass(frozen=True, slots=True)
class Workload:
    """What a request costs; the defaults give the service its latency and its CPU use."""

    hit: Lognormal = Lognormal(0.045, 0.85)
    """Service time when the cache has the answer."""

    miss: Lognormal = Lognormal(0.115, 0.85)
    """Service time when the database must be asked."""

    hit_cpu: float = 0.9
    """Share of a hit in which the replica computes; in the rest it reads and writes sockets."""

    miss_cpu: float = 0.5
    """Share of a miss in which the replica computes; in the rest it waits for the database."""

    connect_timeout: float = 0.25
    """Seconds that a miss holds a server before it fails while the database is down."""

    def draw(self, at: float, hit_ratio: float, database: bool, random: Random) -> Request:
        """A request that arrives at `at`.

        Three numbers are drawn whatever happens, so that two runs with one seed bring the same
        requests even where their caches differ.
        """
        hit = random.random() < hit_ratio
        short, long = self.hit.draw(random), self.miss.draw(random)
        if hit:
            return Request(at, short, cpu=self.hit_cpu)
        if not database:
            return Request(at, self.connect_timeout, cpu=0.1, hit=False, failed=True)
        return Request(at, long, cpu=self.miss_cpu, hit=False)


class Users:
    """Concurrent users: they come and go with the load, more slowly than requests do.

    Args:
        per_rate: Users behind one request per second.
        level: Users at the start.
        lag: Seconds in which the count makes 63 % of its way to a new level.
    """

    def __init__(self, per_rate: float, level: float, lag: float = 10.0) -> None:
        self._per_rate = per_rate
        self._level = level
        self._lag = lag

    @property
    def count(self) -> int:
        """Users now."""
        return max(0, round(self._level))

    def pass_time(self, seconds: float, rate: float, random: Random) -> None:
        """Let `seconds` pass at `rate` requests per second."""
        goal = self._per_rate * rate
        kept = math.exp(-seconds / self._lag)
        noise = random.gauss(0.0, 0.02 * goal) * math.sqrt(1 - kept**2)
        self._level = goal + (self._level - goal) * kept + noise
