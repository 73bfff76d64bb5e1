"""What takes hours and days to see: patterns of the load, growth, and what a request costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from capmon.analysis.bottlenecks.thresholds import FILESYSTEM
from capmon.analysis.days.growth import growth
from capmon.analysis.days.patterns import patterns
from capmon.analysis.demand import cpu_per_request, memory_per_concurrent
from capmon.analysis.windows import History, Vec
from capmon.analysis.workload import held
from capmon.config.schema import Settings
from capmon.model.frame import Reading, value_of
from capmon.model.names import CPU, IN_FLIGHT, MEMORY_USAGE, RATE, READY, USERS
from capmon.model.patterns import Demand, Growth, Patterns

PACE = 60.0
"""Seconds between two looks at the same thing; the first tries come faster."""

YOUNG = 10.0
"""Seconds between two looks while there is nothing to show yet."""

REACH = 2 * 86400.0 + 3600.0
"""Seconds of history that are asked for; the store may hold less."""

STEP = 300.0
"""Seconds a cell of the long history."""

DEMAND_STEP = 10.0
"""Seconds a cell for what a request costs: shorter ones are noise of arrivals."""

CPU_LIMIT = "system.cpu.limit"


class LongView:
    """Looks at one thing a tick, each in its turn."""

    def __init__(self, settings: Settings, time_zone: str) -> None:
        self._settings = settings
        self._zone = time_zone
        self.patterns: Patterns | None = None
        """Days and weeks of the load."""
        self.growth: tuple[Growth, ...] = ()
        """Load, memory and the fullest disk over days."""
        self.demands: tuple[Demand, ...] = ()
        """What a request costs."""
        self._due: dict[str, float] = {}
        self._grown: dict[str, Growth] = {}

    def step(
        self, history: History, at: float, monotonic: float, readings: Mapping[str, Reading]
    ) -> None:
        """Look at what is due, one thing at most."""
        grows = growing(readings)
        self.growth = tuple(self._grown[k] for k in grows if k in self._grown)
        turns: dict[str, Callable[[], bool]] = {
            "demands": lambda: self._look_at_demands(history, at),
            "patterns": lambda: self._look_at_patterns(history, at),
        }
        turns |= {key: partial(self._look_at_growth, history, at, key) for key in grows}
        for name, look in turns.items():
            if not 0 < self._due.get(name, -math.inf) - monotonic <= PACE:
                self._due[name] = monotonic + (PACE if look() else YOUNG)
                return

    def _look_at_patterns(self, history: History, at: float) -> bool:
        since, values = _long(history, RATE, at)
        found = patterns(RATE, since, STEP, values, self._zone)
        # Too short a history is told by its age, which cells of five minutes would round.
        self.patterns = replace(found, seconds=min(history.age(RATE, at), REACH))
        return not found.problem

    def _look_at_growth(self, history: History, at: float, metric_key: str) -> bool:
        since, values = _long(history, metric_key, at)
        times: Vec = since + STEP * (np.arange(len(values), dtype=np.float64) + 0.5)
        days = self._settings.forecast.horizon / 86400
        found = growth(metric_key, times, values, horizon_days=days)
        self._grown[metric_key] = found
        return not found.problem

    def _look_at_demands(self, history: History, at: float) -> bool:
        seconds = min(self._settings.models.window, 3600.0)
        keys = (RATE, CPU[1], CPU_LIMIT, MEMORY_USAGE, IN_FLIGHT, USERS, READY)
        table = history.window(keys, at, seconds, DEMAND_STEP)
        rate, cpu, limit, memory, in_flight, users, ready = np.where(
            np.isfinite(table), table, math.nan
        )
        replicas = held(ready, 3)
        replicas = np.where(replicas >= 1, replicas, math.nan)
        cores = held(limit, len(limit))
        concurrent = users if np.isfinite(users).any() else in_flight
        with np.errstate(all="ignore"):
            used, each = cpu * cores, concurrent / replicas
        of_cpu = cpu_per_request(rate, used)
        if np.nanmax(replicas, initial=1.0) > 1 and not of_cpu.problem:
            # The whole service's requests over the CPU of this one host would be too cheap.
            of_cpu = Demand(of_cpu.name, None, None, problem="replicas may run on other hosts")
        self.demands = (of_cpu, memory_per_concurrent(each, memory))
        return any(not demand.problem for demand in self.demands)


def growing(readings: Mapping[str, Reading]) -> tuple[str, ...]:
    """Keys of what is followed over days: the load, memory in use, and the fullest file system."""
    disks = [
        (v, k)
        for k in readings
        if k.startswith(FILESYSTEM) and (v := value_of(readings, k)) is not None
    ]
    memory = (MEMORY_USAGE, "system.memory.usage")
    used = next((k for k in memory if value_of(readings, k) is not None), memory[-1])
    return (RATE, used, *([max(disks)[1]] if disks else []))


def _long(history: History, metric_key: str, at: float) -> tuple[float, Vec]:
    """Unix time of the first cell and (n,) cells of the long history, leading gaps left out."""
    row = history.window([metric_key], at, REACH, STEP)[0]
    values = np.where(np.isfinite(row), row, math.nan)
    known = np.flatnonzero(np.isfinite(values))
    first = int(known[0]) if len(known) else len(values)
    last = math.floor(at / STEP) * STEP
    return last - STEP * (len(values) - first), values[first:]
