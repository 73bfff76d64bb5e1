"""The replicas of the demo service: asked for, starting, serving, and what each one has leaked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class _Serving:
    pace: float
    """How fast it leaks, against the scenario's rate."""

    leaked: float = 0.0
    """Bytes."""


class Replicas:
    """A count that is followed with a delay upward and at once downward.

    Args:
        count: Replicas that serve from the start.
        startup: Seconds from a request for a replica until it serves.
        random: Where the differences between replicas come from.
    """

    def __init__(self, count: int, startup: float, random: Random) -> None:
        self.desired = count
        self._startup = startup
        self._random = random
        self._starting: list[float] = []
        self._serving = [self._fresh() for _ in range(count)]

    @property
    def ready(self) -> int:
        """Replicas that take requests."""
        return len(self._serving)

    @property
    def next_change(self) -> float:
        """When the next replica becomes ready; infinite when none is starting."""
        return self._starting[0] if self._starting else math.inf

    @property
    def leaked(self) -> float:
        """Bytes that a replica has leaked, on average."""
        return sum(r.leaked for r in self._serving) / len(self._serving) if self._serving else 0.0

    def scale(self, desired: int, now: float) -> None:
        """Ask for a count; those still starting go before those that serve."""
        self.desired = desired
        missing = desired - len(self._serving) - len(self._starting)
        self._starting += [now + self._startup] * missing
        while missing < 0:
            (self._starting or self._serving).pop()
            missing += 1

    def settle(self, now: float) -> None:
        """Let those whose start-up is over serve."""
        while self._starting and self._starting[0] <= now:
            self._starting.pop(0)
            self._serving.append(self._fresh())

    def leak(self, amount: float, room: float, now: float) -> None:
        """Let each lose about `amount` bytes; one that has lost `room` is drained and starts anew."""
        for replica in self._serving:
            replica.leaked += amount * replica.pace
        full = [r for r in self._serving if r.leaked >= room]
        self._serving = [r for r in self._serving if r.leaked < room]
        self._starting += [now + self._startup] * len(full)

    def forget_leaks(self) -> None:
        """Give all the memory back."""
        for replica in self._serving:
            replica.leaked = 0.0

    def _fresh(self) -> _Serving:
        return _Serving(self._random.uniform(0.85, 1.15))
