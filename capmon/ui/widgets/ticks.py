"""A time axis of one line: clock times where the span is long, spans to and from now where it is short."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from capmon.ui.widgets.text import Line, cut, dim

NEAR = 600.0
"""Seconds each way up to which spans are written: clock times would move on every second."""

MINUTE = 60.0
MINUTES = 100.0
"""Seconds from which on spans are written in minutes."""

APART = 11
"""Cells between two labels at least."""

LEAST, GREATEST = 1e-6, 1e9
"""Seconds a cell that have labels."""

STEPS = (
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0,
    21600.0, 43200.0, 86400.0, 172800.0, 604800.0, 1209600.0, 2592000.0, 7776000.0, 31536000.0,
)  # fmt: skip


def time_axis(
    width: int, left: int, now: int, seconds_a_cell: float, at: float, *, name: str = "now"
) -> Line:
    """Labels below a drawing.

    Args:
        width: Cells of the whole line.
        left: Cells before the drawing begins.
        now: Cells from the left edge to the present.
        seconds_a_cell: What a cell stands for.
        at: Unix time of the present.
        name: What the present is called.
    """
    if width - left < 4 or not LEAST < seconds_a_cell < GREATEST:
        return []
    farthest = max(now - left, width - now) * seconds_a_cell
    # Where minutes are written, all ticks stand at whole ones: no two read the same.
    least = MINUTE if farthest >= MINUTES else 0.0
    step = next((s for s in STEPS if s >= least and s / seconds_a_cell >= APART), 0.0)
    cells = [" "] * width
    _put(cells, name, min(now - 1, width - len(name)), left)
    if step:
        relative = farthest < NEAR
        first = -math.floor((now - left) * seconds_a_cell / step)
        origin = 0.0 if relative else at - (at // step) * step
        for i in range(first - 1, math.ceil((width - now) * seconds_a_cell / step) + 1):
            ahead = i * step - origin
            if relative and i == 0:
                continue
            text = _relative(ahead, step) if relative else _clock(at + ahead, step)
            _put(cells, text, round(now + ahead / seconds_a_cell) - len(text) // 2, left)
    return [dim(cut("".join(cells).rstrip(), width))]


def _relative(ahead: float, step: float) -> str:
    size = abs(ahead)
    text = f"{size / MINUTE:.0f} m" if step >= MINUTE else f"{size:.0f} s"
    return f"{'-' if ahead < 0 else '+'}{text}"


def _clock(at: float, step: float) -> str:
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    if step >= 31536000.0:
        return f"{moment:%Y}"
    return f"{moment:%d %b}" if step >= 86400.0 else f"{moment:%H:%M}"


def _put(cells: list[str], text: str, x: int, left: int) -> None:
    """Write a label where it fits whole and touches no other."""
    if x < left or x + len(text) > len(cells):
        return
    if any(c != " " for c in cells[max(0, x - 2) : x + len(text) + 2]):
        return
    cells[x : x + len(text)] = text
