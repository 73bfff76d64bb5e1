"""How much CPU and memory one replica should ask for, as Kubernetes' Vertical Pod Autoscaler estimates it.

Use goes into histograms whose weights decay by half in a day; the recommendation is their 90th
percentile with a margin. Every constant is the default of the original.

Source:
    Kubernetes autoscaler, vertical-pod-autoscaler/pkg/recommender (`util`, `model`, `logic`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capmon.errors import CapmonError
from capmon.model.curves import Estimate
from capmon.scaling.policies.decaying import CPU_BUCKETS, MEMORY_BUCKETS, DecayingHistogram

DAY = 86400.0

TARGET, LOWER, UPPER = 0.9, 0.5, 0.95
"""Percentiles behind the recommendation and its two bounds."""

MARGIN = 0.15
"""Added to each of them, as a share."""

MEMORY_INTERVAL = DAY
"""Seconds of which only the peak of memory counts."""

MEMORY_INTERVALS = 8
"""After so many intervals without a sample what was known is forgotten."""

SAMPLES_A_DAY = 1440.0
"""Samples that make a day of history, however short the time in which they were taken."""

OOM_LEAST, OOM_FACTOR = 100.0 * 2**20, 1.2
"""A replica killed for want of memory is taken to need so many bytes more, or this factor."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recommendations:
    """What one replica should ask for.

    Each value is the 90th percentile of use with its margin. Low and high are the original's
    bounds, the 50th and the 95th percentile, the wider the less history there is: what is asked
    for now need not be changed while it lies between them. High is None without any history.
    """

    cores: Estimate | None = None
    """Cores; None while no use of the CPU is known."""

    memory: Estimate | None = None
    """Bytes; None while no use of memory is known."""

    missing: tuple[str, ...] = ()
    """Why something is None."""


@dataclass(slots=True)
class _History:
    """When samples were taken, and how many."""

    first: float | None = None
    last: float | None = None
    count: int = 0

    def note(self, at: float) -> None:
        self.first = at if self.first is None else self.first
        self.last = at if self.last is None else max(self.last, at)
        self.count += 1

    def ended(self, at: float) -> bool:
        """Whether so long a time has passed that it says nothing of today any more."""
        return self.last is not None and at - self.last >= MEMORY_INTERVALS * MEMORY_INTERVAL

    @property
    def confidence(self) -> float:
        """Days of history, at one sample a minute; less where there are fewer samples."""
        if self.first is None or self.last is None:
            return 0.0
        return min((self.last - self.first) / DAY, self.count / SAMPLES_A_DAY)

    def to_state(self) -> list[float | None]:
        return [self.first, self.last, self.count]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> _History:
        first, last, count = state
        return cls(_known(first), _known(last), int(count))


class Recommender:
    """Learns from the use of one replica what it should ask for. Not safe across threads.

    Times are seconds on one clock that never steps back; `moved` translates them to another.
    """

    def __init__(self) -> None:
        self._cpu = DecayingHistogram(CPU_BUCKETS)
        self._cpu_history = _History()
        self._memory = DecayingHistogram(MEMORY_BUCKETS)
        self._memory_history = _History()
        self._interval_ends: float | None = None
        # Of the present interval: what counts, and what was measured without the kills.
        self._peak: float | None = None
        self._measured: float | None = None

    def add_cpu(self, at: float, cores: float, weight: float = 1.0) -> bool:
        """Count one replica's use of the CPU since the sample before, best once a minute.

        Returns:
            False for a sample that is no use of a CPU, or no later than the one before.
        """
        last = self._cpu_history.last
        if not _sound(cores) or (last is not None and at <= last):
            return False
        if self._cpu_history.ended(at):
            self._forget_cpu()
        self._cpu.add(at, cores, weight)
        self._cpu_history.note(at)
        return True

    def add_memory(self, at: float, used: float) -> bool:
        """Count one replica's use of memory, bytes: the greatest of each interval stays.

        Returns:
            False for a sample that is no use of memory, or earlier than the one before.
        """
        last = self._memory_history.last
        if not _sound(used) or (last is not None and at < last):
            return False
        self._peak_at(at, used)
        self._measured = max(self._measured or 0.0, used)
        self._memory_history.note(at)
        return True

    def add_out_of_memory(self, at: float, used: float) -> bool:
        """Count a kill for want of memory: more was needed than the bytes in use, or granted, then.

        Kills that follow each other in one interval do not add up.

        Returns:
            False for a sample that is no use of memory, or from before the present interval.
        """
        ends = self._interval_ends
        if not _sound(used) or (ends is not None and at < ends - MEMORY_INTERVAL):
            return False
        if ends is None or at < ends:
            used = max(used, self._measured or 0.0)
        self._peak_at(at, max(used + OOM_LEAST, used * OOM_FACTOR))
        return True

    def recommend(self) -> Recommendations:
        """What one replica should ask for by all that was counted."""
        cores = _estimate(self._cpu, self._cpu_history.confidence)
        memory = _estimate(self._memory, self._memory_history.confidence)
        missing = []
        if cores is None:
            missing.append("use of the CPU was not measured yet")
        if memory is None:
            missing.append("use of memory was not measured yet")
        return Recommendations(cores, memory, tuple(missing))

    def moved(self, seconds: float) -> None:
        """Add so much to every time, as for another clock after a restart."""
        self._cpu.moved(seconds)
        self._memory.moved(seconds)
        for history in (self._cpu_history, self._memory_history):
            history.first = None if history.first is None else history.first + seconds
            history.last = None if history.last is None else history.last + seconds
        if self._interval_ends is not None:
            self._interval_ends += seconds

    def to_state(self) -> dict[str, object]:
        """All of it, as JSON can hold it."""
        return {
            "version": _VERSION,
            "cpu": self._cpu.to_state(),
            "memory": self._memory.to_state(),
            "cpu_history": self._cpu_history.to_state(),
            "memory_history": self._memory_history.to_state(),
            "interval": [self._interval_ends, self._peak, self._measured],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Recommender:
        """What `to_state` wrote.

        Raises:
            CapmonError: It is something else, or of another version.
        """
        made = cls()
        try:
            if state["version"] != _VERSION:
                raise CapmonError(f"use of CPU and memory kept in version {state['version']!r}")
            made._cpu = DecayingHistogram.from_state(CPU_BUCKETS, state["cpu"])
            made._memory = DecayingHistogram.from_state(MEMORY_BUCKETS, state["memory"])
            made._cpu_history = _History.from_state(state["cpu_history"])
            made._memory_history = _History.from_state(state["memory_history"])
            made._interval_ends, made._peak, made._measured = map(_known, state["interval"])
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise CapmonError(f"not the kept use of CPU and memory: {error!r}") from error
        if made._peak is not None and made._interval_ends is None:
            raise CapmonError("not the kept use of CPU and memory: a peak without its interval")
        return made

    def _forget_cpu(self) -> None:
        self._cpu = DecayingHistogram(CPU_BUCKETS)
        self._cpu_history = _History()

    def _forget_memory(self) -> None:
        self._memory = DecayingHistogram(MEMORY_BUCKETS)
        self._memory_history = _History()
        self._interval_ends = self._peak = self._measured = None

    def _peak_at(self, at: float, needed: float) -> None:
        """Let the interval's peak be at least so much. A peak counts as of its interval's end."""
        if self._memory_history.ended(at):
            self._forget_memory()
        if self._interval_ends is None:
            self._interval_ends = at + MEMORY_INTERVAL
        elif at >= self._interval_ends:
            passed = math.floor((at - self._interval_ends) / MEMORY_INTERVAL) + 1
            self._interval_ends += passed * MEMORY_INTERVAL
            self._peak = self._measured = None
        if self._peak is not None:
            if needed <= self._peak:
                return
            self._memory.remove(self._interval_ends, self._peak)
        self._memory.add(self._interval_ends, needed)
        self._peak = needed


def _estimate(histogram: DecayingHistogram, confidence: float) -> Estimate | None:
    target, low, high = (histogram.quantile(share) for share in (TARGET, LOWER, UPPER))
    if target is None or low is None or high is None:
        return None
    grown = 1 + MARGIN
    # What lies between the two bounds once history no longer widens them.
    level = UPPER - LOWER
    if confidence <= 0:
        return Estimate(target * grown, 0.0, None, level)
    widened = high * grown * (1 + 1 / confidence)
    return Estimate(target * grown, low * grown * (1 + 0.001 / confidence) ** -2, widened, level)


def _known(state: Any) -> float | None:
    """A number that was kept, or that there was none."""
    if state is None:
        return None
    if not math.isfinite(state):
        raise ValueError(state)
    return float(state)


def _sound(value: float) -> bool:
    return math.isfinite(value) and value >= 0
