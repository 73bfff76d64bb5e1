"""Response times kept twice: cumulative buckets for a scraper, recent quantiles for a reader."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5)
"""Upper bounds of the buckets, seconds; one lies at the objective of 250 ms."""

WINDOW = 5.0
"""Seconds of completed requests that the quantiles look at: short, so that a change shows soon."""


class Latency:
    """Response times of the requests that were answered or gave up waiting."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._recent: deque[tuple[float, float]] = deque()

    def record(self, at: float, seconds: float) -> None:
        """Note a request that ended at `at`, no earlier than the one before."""
        self.count += 1
        self.sum += seconds
        self._buckets[bisect_left(BOUNDS, seconds)] += 1
        self._recent.append((at, seconds))
        if self._recent[0][0] < at - WINDOW:
            self._forget(at)

    def cumulative(self) -> list[int]:
        """Requests at or below each bound, then all of them."""
        total, counts = 0, []
        for bucket in self._buckets:
            total += bucket
            counts.append(total)
        return counts

    def quantiles(self, levels: Sequence[float], now: float) -> list[float | None]:
        """Quantiles over the window before `now`, seconds; None where it saw no request."""
        self._forget(now)
        ordered = sorted([seconds for _, seconds in self._recent])
        return [_quantile(ordered, level) for level in levels]

    def _forget(self, now: float) -> None:
        oldest = now - WINDOW
        recent = self._recent
        while recent and recent[0][0] < oldest:
            recent.popleft()


def _quantile(ordered: Sequence[float], level: float) -> float | None:
    if not ordered:
        return None
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
