"""A fixed ring of timed values: constant memory, constant time to write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vec = NDArray[np.float64]


class Ring:
    """The last `capacity` readings of one series, times rising strictly."""

    __slots__ = ("_end", "_size", "_times", "_values")

    def __init__(self, capacity: int) -> None:
        # Twice the capacity lets a read be one slice: when the end is reached the newer half
        # moves to the front, which costs one copy every `capacity` writes.
        self._times = np.empty(2 * capacity, dtype=np.float64)
        self._values = np.empty(2 * capacity, dtype=np.float64)
        self._end = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, at: float, value: float) -> None:
        """Add a reading. Readings at or after `at` are dropped first: the clock was set back."""
        if self._size and at <= self._times[self._end - 1]:
            self.truncate(at)
        capacity = len(self._times) // 2
        if self._end == len(self._times):
            keep = capacity - 1
            self._times[:keep] = self._times[self._end - keep : self._end]
            self._values[:keep] = self._values[self._end - keep : self._end]
            self._end = keep
            self._size = keep
        self._times[self._end] = at
        self._values[self._end] = value
        self._end += 1
        self._size = min(self._size + 1, capacity)

    def fill(self, times: Vec, values: Vec) -> None:
        """Hold the last of some readings, times rising strictly, in place of what was held."""
        self._size = self._end = n = min(len(times), len(self._times) // 2)
        self._times[:n], self._values[:n] = times[len(times) - n :], values[len(values) - n :]

    def truncate(self, at: float) -> None:
        """Drop the readings at or after `at`."""
        keep = int(np.searchsorted(self.times(), at, side="left"))
        self._end -= self._size - keep
        self._size = keep

    def times(self) -> Vec:
        """(n,) Unix times, oldest first; a view that the next write may change."""
        return self._times[self._end - self._size : self._end]

    def values(self) -> Vec:
        """(n,) values, oldest first; a view that the next write may change."""
        return self._values[self._end - self._size : self._end]
