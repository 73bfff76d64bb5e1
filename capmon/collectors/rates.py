"""Counters turned into rates over the true interval between two readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIRST = "first reading"
RESET = "counter was reset"
NO_TIME = "no time between two readings"


@dataclass(frozen=True, slots=True)
class Missing:
    """No value, and why."""

    reason: str
    """Fit to show."""


class Counter:
    """The last reading of one counter."""

    def __init__(self) -> None:
        self._series = Counters()

    @property
    def interval(self) -> tuple[float, float] | None:
        """Monotonic begin and end of the interval behind the last rate; None when there was none."""
        return self._series.interval

    def rate(self, value: float, at: float) -> float | Missing:
        """Increase per second since the reading before.

        A value that went down is a reset. How much of the interval the new count covers is not
        known, so there is no rate until the next reading.

        Args:
            value: The counter, finite.
            at: Monotonic time of the reading, seconds.
        """
        return self._series.rate({"": value}, at)


class Counters:
    """The last reading of a family of counters whose rates are added up.

    A series that appears or vanishes adds nothing to the interval in which it does: its count
    may have grown for hours elsewhere.
    """

    def __init__(self) -> None:
        self._at: float | None = None
        self._last: dict[str, float] = {}
        self.interval: tuple[float, float] | None = None
        """Monotonic begin and end of the interval behind the last rate; None when there was none."""

    def rate(self, values: Mapping[str, float], at: float) -> float | Missing:
        """Sum of the increases per second of all series present in both readings.

        Args:
            values: Counters by series, finite. An empty family has rate 0 once it was seen twice.
            at: Monotonic time of the reading, seconds.
        """
        before, last = self._at, self._last
        self.interval = None
        if before is not None and at <= before:
            return Missing(NO_TIME)
        self._at, self._last = at, dict(values)
        if before is None or (values and last and values.keys().isdisjoint(last)):
            return Missing(FIRST)
        increase = 0.0
        for series, value in values.items():
            grown = value - last.get(series, value)
            if grown < 0:
                return Missing(RESET)
            increase += grown
        self.interval = (before, at)
        return increase / (at - before)

    def forget(self) -> None:
        """Start over, as when the family left the page."""
        self._at, self._last, self.interval = None, {}, None
