"""The parts of a plan's chapter as lines: statements, figures, tables, steps, what is not known."""

from __future__ import annotations

from rich.cells import cell_len

from capmon.model.plan import Figure, Statement, Step, Table
from capmon.model.results import Severity
from capmon.report import plan_words as words
from capmon.ui.panes import plan_table
from capmon.ui.widgets.text import SEVERITY, Line, Run, bold, dim, faint, ink, padded, wrapped

MARK = 2
"""Cells of a glyph and a blank, which further lines of a statement are indented by."""

NAME = 44
"""Cells that the name of a figure takes at most."""

GAP = "  "


def indented(lines: list[Line], first: Run | None = None, by: int = MARK) -> list[Line]:
    """Lines behind a mark, the further ones below the first."""
    blank = dim(" " * by)
    return [
        [first if first is not None and not i else blank, *line] for i, line in enumerate(lines)
    ]


def statement(found: Statement, width: int, *, evidence: bool = True) -> list[Line]:
    """Glyph, word and sentence, and below it dim what it rests on."""
    room = max(8, width - MARK)
    known = found.severity in list(Severity)
    glyph, tone = SEVERITY[Severity(found.severity)] if known else ("·", "dim")
    text = f"{found.severity}  {found.text}" if known else found.text
    lines = wrapped(text, room)
    if known and lines and lines[0]:
        first = lines[0][0][0]
        lines[0] = [bold(found.severity, tone), ink(first.removeprefix(found.severity))]
    out = indented(lines, bold(f"{glyph} ", tone))
    if evidence and found.evidence:
        out += indented(wrapped(found.evidence, room, "dim"))
    return out


def figures(found: tuple[Figure, ...], width: int) -> list[Line]:
    """Names, values right-aligned in one column, intervals; then dim what they rest on, told once."""
    told = [_told(f) for f in found]
    name = min(NAME, max(cell_len(f.name) for f in found), max(12, width // 2))
    value = max(cell_len(v) for v, _ in told)
    lines: list[Line] = []
    for f, (amount, held) in zip(found, told, strict=True):
        first = wrapped(f.name, name, "dim") or [[]]
        head = [padded(first[0][0][0] if first[0] else "", name, "dim"), dim(GAP)]
        run = dim(amount.rjust(value)) if f.value is None else bold(amount.rjust(value))
        behind = max(8, width - name - value - 2 * len(GAP))
        rest = wrapped(held, behind, "dim") or [[]]
        for i in range(max(len(first), len(rest))):
            left = head if i == 0 else [padded(_text(first, i), name, "dim"), dim(GAP)]
            middle = run if i == 0 else dim(" " * value)
            lines.append([*left, middle, dim(GAP), *(rest[i] if i < len(rest) else [])])
    seen = list(dict.fromkeys(f.evidence for f in found if f.evidence))
    for text in seen:
        lines += indented(wrapped(text, max(8, width - MARK), "dim"))
    return lines


def _text(lines: list[Line], i: int) -> str:
    return lines[i][0][0] if i < len(lines) and lines[i] else ""


def _told(found: Figure) -> tuple[str, str]:
    if found.value is None:
        return "–", found.reason or "not known"
    held = words.interval(found.value, found.unit)
    return words.written(found.value.value, found.unit), f"({held})" if held else ""


def table(found: Table, width: int) -> list[Line]:
    """A title, the rows, and dim what they rest on."""
    lines: list[Line] = [*wrapped(found.title, width, "ink!")]
    if found.rows:
        lines += plan_table.lines(found, width)
    else:
        lines.append([dim("no rows")])
    if found.evidence:
        lines += indented(wrapped(found.evidence, max(8, width - MARK), "dim"))
    return lines


DATE = 10
"""Cells of a day."""


def steps(found: tuple[Step, ...], width: int) -> list[Line]:
    """A line of time from above: when to begin and by when, what, why, how, how to see and to take back."""
    lines: list[Line] = []
    for i, step in enumerate(found):
        last = i == len(found) - 1
        rail = dim(" ") if last else faint("│")
        begin = words.date(step.begin) if step.begin is not None else ""
        by = words.date(step.by) if step.by is not None else ""
        when = begin or by or "any time"
        room = max(8, width - DATE - 4)
        title = wrapped(step.title, room, "ink!")
        lines.append([padded(when, DATE, "accent"), dim(" "), bold("●" if by else "○", "accent"), dim(" "), *title[0]])  # fmt: skip
        margin: Line = [dim(" " * (DATE + 1)), rail, dim(" ")]
        body: list[Line] = list(title[1:])
        body += [[dim("done by "), ink(by)]] if by and begin else []
        body += wrapped(step.why, room, "dim")
        for line in step.how:
            body += [[("› ", "faint"), *part] for part in wrapped(line, max(8, room - 2), "accent")]
        for name, text in (("check", step.check), ("back", step.rollback)):
            if text:
                body += indented(wrapped(text, max(8, room - 7)), dim(f"{name:<7}"), 7)
        lines += [[*margin, *line] for line in body]
        if not last:
            lines.append(margin)
    return lines


def missing(found: tuple[str, ...], width: int) -> list[Line]:
    """What could not be said, and what it would take."""
    lines: list[Line] = [[bold("not known", "dim")]]
    for text in found:
        lines += indented(wrapped(text, max(8, width - MARK), "dim"), dim("? "))
    return lines
