"""A capacity plan as Markdown: the answers first, then each chapter with its numbers, charts and gaps."""

from __future__ import annotations

from collections.abc import Iterator

from capmon.model.plan import Chapter, Column, Figure, Plan, Statement, Step, Table
from capmon.report import plan_words as words
from capmon.report.markdown import (
    Notes,
    anchor,
    bullet,
    escaped,
    fence,
    prose,
    table,
)
from capmon.report.plan_charts import drawn

UNKNOWN_HEAD = "Not known"
"""Under which a chapter says what it could not."""

CONVENTIONS = (
    "Numbers stand with the interval that holds them at 95 % unless another level is said. "
    "Small figures lead to the evidence at the end of each chapter. Times are in UTC."
)


def as_markdown(plan: Plan) -> str:
    """The whole plan as text; the same plan gives the same bytes."""
    titles = [f"{i}. {escaped(c.title)}" for i, c in enumerate(plan.chapters, 1)]
    lines = [
        f"# Capacity plan: {escaped(plan.name)}",
        "",
        *_head(plan),
        "",
        "## Summary",
        "",
        *_summary(plan),
        "",
        "## Contents",
        "",
        *(
            f"{i}. [{escaped(c.title)}](#{anchor(f'{i}. {c.title}')})"
            for i, c in enumerate(plan.chapters, 1)
        ),
    ]
    for title, chapter in zip(titles, plan.chapters, strict=True):
        lines += ["", f"## {title}", "", *_chapter(chapter)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    rows = (
        ("Made", f"{words.moment(plan.made_at)} UTC"),
        ("Measured", words.sample(plan.since, plan.until)),
        ("Asked", words.asked(plan.question)),
    )
    for name, text in rows:
        yield from prose(f"**{name}:** {escaped(text)}", "  ", "- ")
    yield ""
    yield from prose(CONVENTIONS)


def _summary(plan: Plan) -> list[str]:
    if not plan.summary:
        return ["Nothing can be said yet."]
    notes = Notes()
    lines = [line for s in plan.summary for line in _statement(s, notes)]
    return [*lines, *_evidence(notes)]


def _chapter(chapter: Chapter) -> list[str]:
    notes = Notes()
    parts: list[list[str]] = [prose(f"**{escaped(chapter.answer)}**")] if chapter.answer else []
    if chapter.statements:
        parts.append([line for s in chapter.statements for line in _statement(s, notes)])
    if chapter.figures:
        parts.append(_figures(chapter.figures, notes))
    parts += [_table(t, notes) for t in chapter.tables]
    parts += [[f"**{escaped(c.title)}**", "", *fence(drawn(c))] for c in chapter.charts]
    if chapter.steps:
        parts.append(_timeline(chapter.steps))
    parts += [_step(i, step) for i, step in enumerate(chapter.steps, 1)]
    evidence = _evidence(notes)
    parts += [evidence[1:]] if evidence else []
    if chapter.missing:
        missing = [line for text in chapter.missing for line in bullet(escaped(text))]
        parts.append([f"### {UNKNOWN_HEAD}", "", *missing])
    return [line for i, part in enumerate(parts) for line in (["", *part] if i else part)]


def _statement(statement: Statement, notes: Notes) -> list[str]:
    """`- ▲ **high** disk / is full in 12 d ¹`."""
    glyph = words.SEVERITIES.get(statement.severity, "")
    mark = f"{glyph} **{escaped(statement.severity)}** " if statement.severity else ""
    return bullet(f"{mark.lstrip()}{escaped(statement.text)}{notes.mark(statement.evidence)}")


def _figures(figures: tuple[Figure, ...], notes: Notes) -> list[str]:
    rows = []
    for found in figures:
        value, held = "not known", escaped(found.reason)
        if found.value is not None:
            value = escaped(words.written(found.value.value, found.unit))
            held = escaped(words.interval(found.value, found.unit))
            held = held or ("exact" if found.exact else "no interval")
        rows.append((escaped(found.name), value, held + notes.mark(found.evidence)))
    return table(("", "value", "interval"), rows, (False, True, False))


def _table(shown: Table, notes: Notes) -> list[str]:
    heads = [escaped(words.head(c.name, c.unit)) for c in shown.columns]
    right = [_is_number(column, i, shown) for i, column in enumerate(shown.columns)]
    rows = []
    for at, row in enumerate(shown.rows):
        cells = [escaped(words.cell(v, c.unit)) for v, c in zip(row, shown.columns, strict=True)]
        if shown.chosen == at:
            cells[0] = f"**{cells[0]}** ◀"
        rows.append(cells)
    title = f"**{escaped(shown.title)}**{notes.mark(shown.evidence)}"
    if not rows:
        return [title, "", "No rows."]
    return [title, "", *table(heads, rows, right)]


def _is_number(column: Column, i: int, shown: Table) -> bool:
    return bool(column.unit) or any(isinstance(row[i], int | float) for row in shown.rows)


def _timeline(steps: tuple[Step, ...]) -> list[str]:
    rows = [
        (str(i), words.date(s.begin), words.date(s.by), escaped(s.title))
        for i, s in enumerate(steps, 1)
    ]
    return table(("", "begin", "done by", "what"), rows, (True, False, False, False))


def _step(i: int, step: Step) -> list[str]:
    lines = [f"### Step {i}: {escaped(step.title)}"]
    if step.by is not None:
        begin = f"begin {words.date(step.begin)}, " if step.begin is not None else ""
        lines += ["", f"{begin}done by {words.date(step.by)}".capitalize() + "."]
    if step.why:
        lines += ["", *prose(escaped(step.why))]
    if step.how:
        lines += ["", *fence(step.how)]
    for name, text in (("Check", step.check), ("Take back", step.rollback)):
        if text:
            lines += ["", *prose(f"**{name}:** {escaped(text)}")]
    return lines


def _evidence(notes: Notes) -> list[str]:
    found = list(notes.lines())
    return ["", "Evidence:", "", *found] if found else []
