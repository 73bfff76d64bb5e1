"""Borders and titles as lines, so that they take part in the comparison of cells."""

from __future__ import annotations

from capmon.model.text import one_line
from capmon.ui.widgets.text import Line, Run, cut, fit, length

Kind = str
"""`wide`: a round border and a cell of padding. `stacked`: a title line and a cell of padding.
`single`: a title line."""


def inner(kind: Kind, width: int, height: int) -> tuple[int, int]:
    """Cells that are left for the content."""
    if kind == "wide":
        return max(0, width - 4), max(0, height - 2)
    return max(0, width - (2 if kind == "stacked" else 0)), max(0, height - 1)


def framed(
    kind: Kind, title: str, lines: list[Line], width: int, height: int, *, focused: bool
) -> list[Line]:
    """Content with its title, and its border where there is room for one.

    Args:
        kind: How it is framed.
        title: Text in the upper border.
        lines: Content; cut to the room inside.
        width: Cells of the whole.
        height: Rows of the whole.
        focused: Whether the pane has the focus.
    """
    rule = "dim" if focused else "rule"
    name: Run = (one_line(title), "accent!" if focused else "ink!")
    if kind != "wide":
        pad = " " if kind == "stacked" else ""
        head = _ruled("─", name, "", rule, width)
        return [head, *([(pad, "ink"), *line] for line in lines[: height - 1])]
    room, rows = inner(kind, width, height)
    head = _ruled("╭─ ", name, " ", rule, width - 1)
    body = [_between(lines[y] if y < len(lines) else [], room, rule) for y in range(rows)]
    foot: Line = [("╰" + "─" * (width - 2) + "╯", rule)]
    return [[*head, ("╮", rule)], *body, foot][:height]


def _ruled(before: str, name: Run, after: str, rule: str, width: int) -> Line:
    text = cut(name[0], max(0, width - len(before) - len(after) - 1))
    used = len(before) + length([(text, "")]) + len(after)
    return [(before, rule), (text, name[1]), (after + "─" * max(0, width - used), rule)]


def _between(line: Line, room: int, rule: str) -> Line:
    content = fit(line, room)
    gap = " " * (room - length(content))
    return [("│ ", rule), *content, (gap + " ", "ink"), ("│", rule)]
