"""A field of shades, a row a day and a column an hour, that reads without colour too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from capmon.ui.widgets.text import Line, Run, faint

SHADES = "░▒▓█"
"""From the least to the greatest."""

ABSENT = "·"
"""Where nothing is known."""

TONE = "accent"


@dataclass(frozen=True, slots=True)
class Shading:
    """Which value has which shade: steps of equal size from the least to the greatest."""

    low: float
    """Least value."""

    high: float
    """Greatest value."""

    @property
    def flat(self) -> bool:
        """Whether all values are the same."""
        return not self.low / 2 < self.high / 2

    def level(self, value: float | None) -> int | None:
        """0 for the lightest shade to 3 for the darkest, or None where nothing is known."""
        if value is None or not math.isfinite(value):
            return None
        if self.flat:
            return 1
        # Halves first: the difference of two huge numbers has no number.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return min(len(SHADES) - 1, max(0, int(share * len(SHADES))))

    def edges(self) -> tuple[float, ...]:
        """Ends of the shades, one more than there are."""
        n = len(SHADES)
        return tuple(self.low * (1 - i / n) + self.high * (i / n) for i in range(n + 1))


def shading(rows: Sequence[Sequence[float | None]]) -> Shading | None:
    """The shading that spans all known values, or None where there are none."""
    known = [v for row in rows for v in row if v is not None and math.isfinite(v)]
    return Shading(min(known), max(known)) if known else None


def shaded(row: Sequence[float | None], scale: Shading, each: int = 1) -> Line:
    """One row, every value `each` cells wide, in as few runs as it has."""
    out: Line = []
    for value in row:
        level = scale.level(value)
        run: Run = faint(ABSENT * each) if level is None else (SHADES[level] * each, TONE)
        if out and out[-1][1] == run[1]:
            out[-1] = (out[-1][0] + run[0], run[1])
        else:
            out.append(run)
    return out


def hours_axis(each: int, hours: int = 24) -> str:
    """Every third hour above its column."""
    text = ""
    for hour in range(0, hours, 3):
        text = text.ljust(hour * each) + f"{hour}"
    return text.ljust(hours * each)


def bracket(start: int, length: int, each: int, name: str, hours: int = 24) -> str:
    """A mark under hours in a row, with its name where it fits; it may pass midnight."""
    cells = [" "] * (hours * each)
    for hour in range(start, start + min(length, hours)):
        for x in range(each):
            cells[(hour % hours) * each + x] = "▔"
    first = (start % hours) * each
    room = min(length * each, hours * each - first)
    if len(name) + 2 <= room:
        x = first + (room - len(name)) // 2
        cells[x : x + len(name)] = name
    return "".join(cells)
