"""What the header says of the moment that is shown, and of who remembers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from capmon.model.frame import Frame, Past, Recording
from capmon.model.units import UNKNOWN, span
from capmon.ui.panes.figures import clock
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, Run, bold, cut, dim

WIDE = 100
"""From this width on, what stands on the lines at the edges is wide apart and whole."""

NARROW = 60
"""Below this width these lines leave out what is not the answer."""

RECORDED: dict[str, Run] = {
    "recording": dim("  ● rec"),
    "attached": dim("  attached"),
    "elsewhere": dim("  rec elsewhere"),
    "off": dim("  not recorded"),
    "failing": ("  ▲ not recorded", "warning"),
}
"""Who remembers what is measured, in few cells; the help has the whole of it."""


def recorded(found: Recording | None) -> Line:
    """Whether what is measured is remembered."""
    return [] if found is None or found.state not in RECORDED else [RECORDED[found.state]]


def mark(frame: Frame, past: Past, view: View, width: int) -> Line:
    """Which moment is shown, how far back it is, and of when the results are."""
    moment = datetime.fromtimestamp(frame.at, UTC)
    if past.kind == "file":
        name = cut(past.name, max(8, width - 44))
        return [bold(f"▪ {name}", "warning"), dim(" · "), bold(f"{moment:%Y-%m-%d %H:%M:%S}", "warning"), dim(" UTC")]  # fmt: skip
    glyph = "◀" if view.paused else "▶"
    day = f"{moment:%d %b} " if width >= NARROW else ""
    line: Line = [bold(f"{glyph} {day}{moment:%H:%M:%S}", "warning")]
    if width >= WIDE:
        line.append(dim(" UTC"))
    if width >= NARROW:
        # Where somebody records on, its end is now.
        if frame.recording is None and past.end - frame.at < 1:
            line += [dim(" · "), bold("the end", "warning")]
        now = past.end if view.now is None else view.now
        line += [dim(" · "), (f"{apart(max(now - frame.at, 0.0)):>9} ago", "warning")]
        line.append(dim(f" · {_made(frame.at, past.results_at)}"))
    return [*line, dim(f"  {view.window}")]


def _made(at: float, results_at: float | None) -> str:
    """Of when models, forecasts and bottlenecks are; as wide whatever it says."""
    if results_at is None:
        return f"{'no results kept':<19}"
    return f"results of {clock(results_at, at, seconds=True)}"


def apart(seconds: float) -> str:
    """How far two moments lie apart, in two units: `7 s`, `3 m 07 s`, `2 h 03 m`, `12 d 04 h`."""
    if not math.isfinite(seconds):
        return UNKNOWN
    size = round(abs(seconds))
    if size < 60:
        return f"{size} s"
    for above, unit, name, less, part in _PAIRS:
        if size < above:
            return f"{size // unit} {name} {size % unit // less:02d} {part}"
    return span(seconds)


_PAIRS = (
    (3600, 60, "m", 1, "s"),
    (48 * 3600, 3600, "h", 60, "m"),
    (100 * 86400, 86400, "d", 3600, "h"),
)
"""Seconds below which a pair of units is used, the units and their names."""
