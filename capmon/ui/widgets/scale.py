"""Scales with round numbers that stay where they are while values move a little."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.model.metric import Unit

KEEP = 0.65
"""A scale is kept until what it shows takes less than this share of it."""

GREATEST = 1e100
"""Beyond this nothing is drawn: squares of it must not overflow."""
LEAST = 1e-100


@dataclass(frozen=True, slots=True)
class Scale:
    """A range with marks at round numbers."""

    low: float
    """Value at the lower or left end."""

    high: float
    """Value at the other end, above `low`."""

    step: float
    """Distance of two marks."""

    def holds(self, value: float) -> bool:
        """Whether a value lies on it; NaN does not."""
        return self.low <= value <= self.high

    def place(self, value: float, cells: int) -> int | None:
        """Index of the cell that holds a value, counted from the low end; None beyond both ends."""
        if not self.holds(value) or cells < 1:
            return None
        return min(cells - 1, int((value - self.low) / (self.high - self.low) * cells))

    def marks(self) -> list[float]:
        """The round numbers from one end to the other."""
        n = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(n + 1)]


def scale(
    top: float, aim: int = 5, size: float = 1.0, *, both: bool = False, before: Scale | None = None
) -> Scale:
    """A scale from zero, or from as far below as above, that holds a value.

    Args:
        top: Greatest value, or greatest distance from zero, that it holds.
        aim: About how many marks above zero.
        size: What the round numbers count: 2**30 makes them whole GiB.
        both: Whether it goes below zero too.
        before: The last scale for the same thing; kept while it does well enough.
    """
    top = min(max(top, LEAST), GREATEST) if math.isfinite(top) and top > 0 else size
    if before is not None and KEEP * before.high < top <= before.high:
        return before
    step = _round(top / size / max(1, aim)) * size
    high = max(1, math.ceil(top / step - 1e-6)) * step
    return Scale(-high if both else 0.0, high, step)


def _round(value: float) -> float:
    """The least of 1, 2, 2.5 or 5 times a power of ten that is not below a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= value * (1 - 1e-9))


def size_of(unit: Unit, top: float) -> float:
    """What round numbers of a unit count: powers of 1024 for bytes, else 1."""
    if unit is not Unit.BYTES or not math.isfinite(top) or top < 1024:
        return 1.0
    return 1024.0 ** min(5, int(math.log2(top) // 10))
