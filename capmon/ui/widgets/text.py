"""Lines of styled text as plain values: what panes are made of before any terminal is involved."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, chop_cells, set_cell_size

from capmon.model.metric import Unit
from capmon.model.results import Severity
from capmon.model.text import one_line
from capmon.model.units import UNKNOWN, Shown, show

Run = tuple[str, str]
"""A text and the token of its style: `ink`, `dim`, `faint`, `accent`, `future`, `ok`,
`warning` or `critical`; a `!` behind the token makes it bold."""

Line = list[Run]
"""Runs from left to right."""

SEVERITY: dict[Severity, tuple[str, str]] = {
    Severity.CRITICAL: ("◆", "critical"),
    Severity.HIGH: ("▲", "warning"),
    Severity.MEDIUM: ("●", "accent"),
    Severity.LOW: ("○", "dim"),
}
"""Glyph and token of each severity."""

ELLIPSIS = "…"


def ink(text: str) -> Run:
    """A plain value or sentence."""
    return text, "ink"


def bold(text: str, tone: str = "ink") -> Run:
    """A value that the eye should find."""
    return text, tone + "!"


def dim(text: str) -> Run:
    """A label, a unit, or prose."""
    return text, "dim"


def faint(text: str) -> Run:
    """A rule or an empty cell of a bar."""
    return text, "faint"


def label(text: str, width: int) -> Run:
    """A dim label, cut or filled to a width."""
    return set_cell_size(text, width), "dim"


def padded(text: str, width: int, tone: str = "ink") -> Run:
    """A text cut with an ellipsis or filled to a width."""
    return set_cell_size(cut(text, width), width), tone


def number(shown: Shown, width: int = 5, tone: str = "ink") -> Run:
    """A bold number, right-aligned in a width that does not change with the value."""
    return shown.number.rjust(width), ("dim" if shown.number == UNKNOWN else tone + "!")


def value(value_: float | None, unit: Unit, width: int = 5, tone: str = "ink") -> Line:
    """A number and its unit, the unit dim after a space."""
    shown = show(value_, unit)
    return [number(shown, width, tone), dim(f" {shown.unit}" if shown.unit else "")]


def cut(text: str, width: int) -> str:
    """A text no wider than `width`, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def length(line: Iterable[Run]) -> int:
    """Width of a line in cells."""
    return sum(cell_len(text) for text, _ in line)


def plain(line: Iterable[Run]) -> str:
    """A line without styles."""
    return "".join(text for text, _ in line)


def fit(line: Line, width: int) -> Line:
    """A line no wider than `width`: its end gives way, with an ellipsis."""
    used = 0
    out: Line = []
    for text, token in line:
        size = cell_len(text)
        if used + size <= width:
            out.append((text, token))
            used += size
            continue
        if text.strip():
            room = width - used
            if room > 0:
                out.append((cut(text, room), token))
            elif out:
                last, last_token = out[-1]
                out[-1] = (cut(last + "x", cell_len(last)), last_token)
        return out
    return out


def spread(left: Line, right: Line, width: int) -> Line:
    """Two lines at both ends of one; the left one gives way."""
    room = width - length(right)
    if room < 1:
        return fit(right, width)
    left = fit(left, max(0, room - 1))
    return [*left, (" " * (room - length(left)), "ink"), *right]


def join(parts: Iterable[Line], gap: str = "  ") -> Line:
    """Lines one behind the other with a gap between those that hold something."""
    out: Line = []
    for part in parts:
        if not part:
            continue
        if out:
            out.append(dim(gap))
        out.extend(part)
    return out


def as_many(parts: list[Line], width: int, gap: str = "  ") -> Line:
    """As many of the parts, from the first, as fit into a width whole."""
    out: Line = []
    for part in parts:
        joined = join([out, part], gap)
        if length(joined) > width:
            break
        out = joined
    return out


def wrapped(text: str, width: int, tone: str = "ink") -> list[Line]:
    """Prose in lines no wider than `width`; a word that is wider goes on in the next line."""
    lines: list[Line] = []
    words: list[str] = []
    # A word without width is no piece to `chop_cells`.
    parts = (p for word in one_line(text).split() for p in chop_cells(word, width) or [word])
    for word in parts:
        if words and length([(" ".join([*words, word]), tone)]) > width:
            lines.append([(" ".join(words), tone)])
            words = []
        words.append(word)
    return [*lines, [(" ".join(words), tone)]] if words else lines
