"""A curve of several rows with its scale, its limit and its ends."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from capmon.model.metric import Unit
from capmon.model.units import show
from capmon.ui.widgets.spark import spark_rows
from capmon.ui.widgets.text import Line, dim, faint

AXIS = 9

GREATEST = 1e300
"""Beyond this a scale would have no number above it."""


def nice_top(value: float) -> float:
    """The least of 1, 2, 2.5 or 5 times a power of ten that is not below a value."""
    if not math.isfinite(value) or value < sys.float_info.min * 10:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= value * 0.9999)


def chart(
    values: Sequence[float], width: int, height: int, unit: Unit, limit: float | None = None
) -> list[Line]:
    """Rows from top to bottom: scale, curve from zero, and the limit as a dashed line.

    Args:
        values: Oldest first, in the base unit; NaN where there is a gap.
        width: Cells for scale and curve.
        height: Rows.
        unit: Unit of the values.
        limit: Where the dashed line stands; None for no line.
    """
    room = width - AXIS
    if room < 4 or height < 1:
        return []
    # A young history is drawn wider, so that it is not lost in an empty chart.
    each = max(1, room // len(values)) if values else 1
    values = [v for v in values for _ in range(each)]
    known = [v for v in values if math.isfinite(v)]
    top = nice_top(min(max([*known, limit or 0.0], default=1.0), GREATEST))
    rows = spark_rows(values, room, height, top)
    at = None if limit is None else min(height - 1, max(0, round(height - limit / top * height - 0.5)))  # fmt: skip
    lines: list[Line] = []
    for y, row in enumerate(rows):
        scale = top if y == 0 else 0.0 if y == height - 1 else None
        name = "" if scale is None else str(show(scale, unit))
        if y == at and limit is not None:
            name = str(show(limit, unit))
        head = dim(f"{name:>{AXIS - 1}} ")
        lines.append([head, *(_dashed(row) if y == at else [(row, "accent")])])
    return lines


def _dashed(row: str) -> Line:
    """A row whose empty cells carry the line of the limit."""
    out: Line = []
    for char in row:
        run = faint("╌") if char == " " else (char, "warning")
        if out and out[-1][1] == run[1]:
            out[-1] = (out[-1][0] + run[0], run[1])
        else:
            out.append(run)
    return out
