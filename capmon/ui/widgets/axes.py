"""A picture of dots with its scales, lines and marks beside and on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capmon.ui.widgets.plot import Cells
from capmon.ui.widgets.scale import Scale
from capmon.ui.widgets.text import Line, Run, dim

AXIS = 9
"""Cells of the numbers at the left, one blank included."""

Name = Callable[[float], str]
"""How a scale's number is written."""


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the picture at one height."""

    value: float
    """Where, on the upright scale."""

    token: str
    """Token of the line and of its number."""

    name: str = ""
    """Its number; empty for a line without one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One character over the picture."""

    x: float
    """Where, on the scale from left to right."""

    y: float
    """Where, on the upright scale."""

    char: str
    """The character."""

    token: str
    """Its token."""


@dataclass(frozen=True, slots=True)
class Pole:
    """A line from top to bottom, behind the dots."""

    x: float
    """Where, on the scale from left to right."""

    token: str
    """Its token."""


def framed(
    picture: Cells,
    x: Scale,
    y: Scale,
    names: tuple[Name, Name],
    *,
    levels: Sequence[Level] = (),
    poles: Sequence[Pole] = (),
    marks: Sequence[Mark] = (),
) -> list[Line]:
    """Rows from top to bottom with numbers at the left, and a row of numbers below.

    Args:
        picture: Dots; lines are seen where it is blank, marks everywhere.
        x: Scale from left to right.
        y: Scale from bottom to top.
        names: How the numbers below and at the left are written.
        levels: Lines across.
        poles: Lines from top to bottom.
        marks: Single characters, the last on top.
    """
    height = len(picture)
    width = len(picture[0]) if height else 0
    rows = [list(row) for row in picture]
    for pole in poles:
        at = x.place(pole.x, width)
        for row in rows if at is not None else ():
            _behind(row, at or 0, "┊", pole.token)
    for level in levels:
        found = _row_of(y, level.value, height)
        for column in range(width) if found is not None else ():
            _behind(rows[found or 0], column, "╌", level.token)
    for mark in marks:
        column_, row_ = x.place(mark.x, width), _row_of(y, mark.y, height)
        if column_ is not None and row_ is not None:
            rows[row_][column_] = (mark.char, mark.token)
    heads = _heads(y, names[1], levels, height)
    return [[head, *_joined(row)] for head, row in zip(heads, rows, strict=True)] + [
        _feet(x, names[0], width)
    ]


def _row_of(y: Scale, value: float, height: int) -> int | None:
    place = y.place(value, height)
    return None if place is None else height - 1 - place


def _behind(row: list[Run], column: int, char: str, token: str) -> None:
    if row[column][0] == " ":
        row[column] = (char, token)


def _heads(y: Scale, name: Name, levels: Sequence[Level], height: int) -> list[Run]:
    """The numbers at the left: levels first, then as many of the scale's as stand apart."""
    taken: dict[int, Run] = {}
    for level in levels:
        at = _row_of(y, level.value, height)
        if at is not None and level.name:
            taken[at] = (level.name, level.token)
    marks = y.marks()
    order = [marks[-1], marks[0], *marks[1:-1]]
    for value in order:
        at = _row_of(y, value, height)
        if at is not None and all(abs(at - other) > 1 for other in taken):
            taken[at] = dim(name(value))
    blank = dim(" " * AXIS)
    return [
        (f"{taken[i][0]:>{AXIS - 1}} "[-AXIS:], taken[i][1]) if i in taken else blank
        for i in range(height)
    ]


def _feet(x: Scale, name: Name, width: int) -> Line:
    """The numbers below, those that would touch the one before left out."""
    text = ""
    for value in x.marks():
        shown = name(value)
        at = AXIS + min(width - 1, x.place(value, width) or 0)
        start = min(max(at - len(shown) // 2, AXIS), AXIS + width - len(shown))
        if start >= 0 and (not text or start > len(text)):
            text = text.ljust(start) + shown
    return [dim(text)]


def _joined(row: Sequence[Run]) -> Line:
    """Neighbours of one token as one run."""
    out: Line = []
    for char, token in row:
        if out and (out[-1][1] == token or char == " "):
            out[-1] = (out[-1][0] + char, out[-1][1])
        else:
            out.append((char, token))
    return out
