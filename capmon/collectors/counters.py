"""Counters turned into what happened between two readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIRST = "first reading"
"""Why there is no rate yet."""

RESET = "counter was reset"
"""Why there is no rate after a counter went down."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one group of counters between two readings."""

    increase: tuple[float, ...]
    """How much each went up, never negative."""

    seconds: float
    """True time between the readings, more than 0."""

    def rates(self) -> tuple[float, ...]:
        """Increase per second of each."""
        return tuple(n / self.seconds for n in self.increase)


class Counters:
    """Remembers the last reading of a table of counters.

    A counter that goes down was reset, or wrapped around at 32 bits: which of the two, and how
    far it had come, nobody can tell, so that interval has no rate.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, tuple[float, ...]]] = {}

    def step(self, table: Mapping[str, tuple[float, ...]], at: float) -> dict[str, Change | str]:
        """Take the next reading of the whole table; rows not in it are forgotten.

        Args:
            table: Counters by row; those of one row are reset together.
            at: Monotonic seconds of the reading.

        Returns:
            For each row its change, or the reason why there is none.
        """
        before, self._last = self._last, {row: (at, now) for row, now in table.items()}
        return {row: _change(before.get(row), now, at) for row, now in table.items()}

    def one(self, row: str, now: tuple[float, ...], at: float) -> Change | str:
        """Take the next reading of a table of a single row."""
        return self.step({row: now}, at)[row]


def _change(
    before: tuple[float, tuple[float, ...]] | None, now: tuple[float, ...], at: float
) -> Change | str:
    if before is None:
        return FIRST
    seconds = at - before[0]
    increase = tuple(b - a for a, b in zip(before[1], now, strict=False))
    if len(now) != len(before[1]) or any(n < 0 for n in increase):
        return RESET
    if seconds <= 0:
        return "no time has passed"
    return Change(increase, seconds)
