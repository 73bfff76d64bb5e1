"""The guide's examples as text: aligned columns, and a number never parted from its unit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from capmon.report.example import Example, Value

BESIDE = 40
"""Least columns that the reasons need to stand beside the values; with fewer they stand beneath."""

LEAST_NAME = 16
"""Columns below which the name of a value is not narrowed any more."""

UNSAID = "–"
"""What stands where the guide has no value."""

UNKNOWN = "unknown"
"""What stands where the right answer is that nobody can know."""

_GAP = "  "
_TIED = "\u00a0"
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class _Row:
    """One example in words."""

    section: str
    cells: tuple[str, str, str, str]
    """Name, the guide's value, the right one, their unit."""

    why: str


def as_table(examples: tuple[Example, ...], width: int) -> str:
    """Lay the examples out, every line within `width` columns where that can be done.

    Args:
        examples: Those to show, in their order.
        width: Columns.
    """
    rows = [_Row(e.section, _cells(e), _tied(e.why)) for e in examples]
    head = ("", "guide", "right", "")
    widths = [max(len(r.cells[i]) for r in [*rows, _Row("", head, "")]) for i in range(4)]
    fixed = sum(widths[1:]) + 3 * len(_GAP)
    beside = width - widths[0] - fixed - len(_GAP)
    if beside < BESIDE:
        widths[0] = min(widths[0], max(width - fixed, LEAST_NAME))
    lines = [_line(head, widths, "why" if beside >= BESIDE else "")]
    for section, inside in groupby(rows, key=lambda r: r.section):
        lines += ["", section]
        for row in inside:
            lines += _laid_out(row, widths, beside, width)
    return "\n".join(line.replace(_TIED, " ").rstrip() for line in lines) + "\n"


def _laid_out(row: _Row, widths: list[int], beside: int, width: int) -> Iterator[str]:
    """The lines of one example."""
    if beside >= BESIDE:
        why = _wrapped(row.why, beside)
        yield _line(row.cells, widths, why[0] if why else "")
        margin = " " * (sum(widths) + 4 * len(_GAP))
        yield from (margin + line for line in why[1:])
        return
    name = _wrapped(_tied(row.cells[0]), widths[0]) or [""]
    yield _line((name[0], *row.cells[1:]), widths, "")
    yield from name[1:]
    for line in _wrapped(row.why, max(width - len(_INDENT), LEAST_NAME)):
        yield _INDENT + line


def _line(cells: tuple[str, str, str, str], widths: list[int], why: str) -> str:
    name, theirs, ours, unit = cells
    columns = (
        name.ljust(widths[0]),
        theirs.rjust(widths[1]),
        ours.rjust(widths[2]),
        unit.ljust(widths[3]),
        why,
    )
    return _GAP.join(columns)


def _cells(example: Example) -> tuple[str, str, str, str]:
    def written(value: Value, unknown: str) -> str:
        if value is None:
            return unknown
        return value if isinstance(value, str) else f"{example.sign}{figure(value)}"

    return (
        example.what,
        written(example.guide, UNSAID),
        written(example.right, UNKNOWN),
        example.unit,
    )


def figure(value: float) -> str:
    """A number to three significant digits at least, whole from a thousand up, digits in groups."""
    size = abs(value)
    if value == int(value) or size >= 1000:
        return f"{value:,.0f}"
    places = 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 5
    return f"{value:.{places}f}"


def _tied(text: str) -> str:
    """Text in which a number stays with the word behind it."""
    return re.sub(r"(?<=\d) (?=\S)", _TIED, text)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
