"""A level bar in eighths of a cell."""

from __future__ import annotations

import math

from capmon.ui.widgets.text import Line

EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(level: float | None, width: int, tone: str = "accent") -> Line:
    """A bar of `width` cells filled to `level`, clamped to 0..1; unknown is empty.

    Anything above zero shows at least an eighth, and only a full level fills the bar.
    """
    if width <= 0:
        return []
    if level is None or math.isnan(level):
        return [("·" * width, "faint")]
    steps = width * 8
    level = min(max(level, 0.0), 1.0)
    filled = round(level * steps)
    if level > 0:
        filled = max(1, filled)
    if level < 1:
        filled = min(steps - 1, filled)
    full, part = divmod(filled, 8)
    text = "█" * full + EIGHTHS[part]
    return [(text, tone), ("·" * (width - len(text)), "faint")]
