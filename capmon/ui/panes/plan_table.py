"""A table of the plan: columns where they fit, else each row as what it says of each head."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from capmon.model.plan import Table
from capmon.report import plan_words as words
from capmon.ui.widgets.text import Line, Run, bold, dim, fit, ink, length, wrapped

MARK = 2
"""Cells before each row: the mark of the one that is taken."""

GAP = "  "

TEXT = 12
"""Cells that a column of text keeps at least."""

HEAD = 11
"""Cells that the words of a head may ask for."""

TALL = 4
"""Lines that a cell takes at most in a table; where it needs more, rows stand alone."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column in words."""

    head: str
    unit: str
    cells: tuple[str, ...]
    number: bool

    @property
    def whole(self) -> int:
        """Cells that it takes with nothing wrapped."""
        return max(map(cell_len, (self.head, self.unit, *self.cells)))

    @property
    def least(self) -> int:
        """Cells below which it is not read any more: numbers whole, text in a few words."""
        heads = max((cell_len(word) for word in self.head.split()), default=0)
        if self.number:
            return max(min(heads, HEAD), *map(cell_len, (self.unit, *self.cells)))
        return min(self.whole, max(TEXT, min(heads, HEAD)))


def lines(table: Table, width: int) -> list[Line]:
    """The rows of a table below their heads, as many cells wide as there are."""
    columns = _columns(table)
    widths = shared([c.whole for c in columns], [c.least for c in columns], width - MARK)
    if (
        widths is not None
        and max(_height(c, w) for c, w in zip(columns, widths, strict=True)) <= TALL
    ):
        return _grid(table, columns, widths)
    return _alone(table, columns, width)


def _columns(table: Table) -> list[_Column]:
    found = []
    for i, column in enumerate(table.columns):
        values = [row[i] for row in table.rows]
        number = bool(column.unit) or any(isinstance(v, int | float) for v in values)
        cells = tuple(words.cell(v, column.unit) for v in values)
        found.append(
            _Column(column.name, words.column_unit(column.name, column.unit), cells, number)
        )
    return found


def shared(whole: list[int], least: list[int], width: int) -> list[int] | None:
    """Widths of columns within `width`, the widest giving way first; None where the least do not fit."""
    out = list(whole)
    room = width - len(GAP) * (len(out) - 1)
    if sum(least) > room:
        return None
    while sum(out) > room:
        wide = max((i for i in range(len(out)) if out[i] > least[i]), key=lambda i: out[i])
        out[wide] -= 1
    return out


def _height(column: _Column, width: int) -> int:
    return max(len(_wrapped(text, width)) for text in column.cells)


def _wrapped(text: str, width: int) -> list[str]:
    return [line[0][0] for line in wrapped(text, width) if line] or [""]


def _grid(table: Table, columns: list[_Column], widths: list[int]) -> list[Line]:
    out = _row([c.head for c in columns], columns, widths, "dim", dim(" " * MARK), low=True)
    if any(c.unit for c in columns):
        out += _row([c.unit for c in columns], columns, widths, "faint", dim(" " * MARK))
    for i in range(len(table.rows)):
        taken = table.chosen == i
        tone, mark = ("ink!", bold("▸ ", "accent")) if taken else ("ink", dim(" " * MARK))
        out += _row([c.cells[i] for c in columns], columns, widths, tone, mark)
    return out


def _row(
    texts: list[str], columns: list[_Column], widths: list[int], tone: str, mark: Run, *, low: bool = False
) -> list[Line]:  # fmt: skip
    """One row, as many lines as its tallest cell; heads stand low, on what they name."""
    cells = [_wrapped(text, size) for text, size in zip(texts, widths, strict=True)]
    tall = max(map(len, cells))
    if low:
        cells = [[""] * (tall - len(cell)) + cell for cell in cells]
    out: list[Line] = []
    for y in range(tall):
        line: Line = [mark if not y else dim(" " * MARK)]
        for i, (cell, size) in enumerate(zip(cells, widths, strict=True)):
            text = cell[y] if y < len(cell) else ""
            blank = " " * (size - cell_len(text))
            line.append((f"{blank}{text}" if columns[i].number else f"{text}{blank}", tone))
            line.append(dim(GAP if i < len(cells) - 1 else ""))
        out.append(line)
    return out


def _alone(table: Table, columns: list[_Column], width: int) -> list[Line]:
    """Each row below its first cell: `replicas 16 · with one lost 17 · …`."""
    room = max(8, width - 2 * MARK)
    out: list[Line] = []
    for i in range(len(table.rows)):
        taken = table.chosen == i
        name = wrapped(columns[0].cells[i], max(8, width - MARK), "ink!") or [[]]
        mark = bold("▸ ", "accent") if taken else dim(" " * MARK)
        out += [[mark if not y else dim(" " * MARK), *line] for y, line in enumerate(name)]
        parts = [_part(c, i) for c in columns[1:]]
        out += [[dim(" " * 2 * MARK), *line] for line in _flowed(parts, room)]
    return out


def _part(column: _Column, i: int) -> Line:
    value = column.cells[i]
    unit = f" {column.unit}" if column.unit and value != "–" else ""
    return [dim(f"{column.head} "), ink(value), dim(unit)]


def _flowed(parts: list[Line], width: int) -> list[Line]:
    """Parts one behind the other, whole where they fit into a line."""
    out: list[Line] = []
    for part in parts:
        if out and length(out[-1]) + 3 + length(part) <= width:
            out[-1] = [*out[-1], dim(" · "), *part]
        elif length(part) <= width:
            out.append(part)
        else:
            head = wrapped(part[0][0], width, "dim")
            text = wrapped(part[1][0] + part[2][0], max(4, width - MARK))
            out += [*head, *([dim(" " * MARK), *line] for line in text)]
    return [fit(line, width) for line in out]
