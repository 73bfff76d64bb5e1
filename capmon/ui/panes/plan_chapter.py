"""One chapter of the plan: its answer, statements, figures, tables, charts and steps, to be scrolled."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.plan import Chapter, Plan
from capmon.ui.panes import plan_blocks as blocks
from capmon.ui.panes import plan_chart
from capmon.ui.panes.plan_shown import PlanPane, PlanShown, chosen
from capmon.ui.widgets import plot
from capmon.ui.widgets.pane import Drawing, View
from capmon.ui.widgets.text import Line, cut, dim, wrapped


class ChapterPane(PlanPane):
    """The selected chapter."""

    name_of_pane = "chapter"

    def __init__(self) -> None:
        super().__init__()
        self._first = 0
        self._plan: Plan | None = None
        self._key: tuple[object, ...] = ()
        self._body: list[Line] = []
        self._room = 1

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """As much of the chapter as there is room for, from where it was scrolled to."""
        plan = self.shown.plan
        if plan is None:
            return Drawing("capacity plan", waiting(self.shown, width))
        chapter = chosen(plan, view)
        key = (chapter.key, width, plot.ready())
        if key != self._key or plan is not self._plan:
            if chapter.key not in self._key:
                self._first = 0
            self._plan, self._key, self._body = plan, key, body(chapter, width)
        if view.filter:
            return Drawing(chapter.title.lower(), self._body)
        self._room = height
        self._first = min(self._first, max(0, len(self._body) - height))
        shown = self._body[self._first : self._first + height]
        head = title(chapter, self._first, len(shown), len(self._body), width)
        return Drawing(head, shown, height)

    def scroll(self, pages: int) -> None:
        """Show what comes further down or up, by pages that overlap by two lines."""
        step = max(1, self._room - 2)
        last = max(0, len(self._body) - self._room)
        self._first = min(max(self._first + pages * step, 0), last)
        self._redraw()


def title(chapter: Chapter, first: int, shown: int, whole: int, width: int) -> str:
    """`growth and seasons · 1–34 of 80, pgdn`: which lines are seen where not all are; the name gives way."""
    name = chapter.title.lower()
    if shown >= whole:
        return name
    place = f" · {first + 1}–{first + shown} of {whole}"
    place += ", pgdn" if first + shown < whole else ", pgup"
    return cut(name, max(4, width - 4 - len(place))) + place


def waiting(shown: PlanShown, width: int) -> list[Line]:
    """What is being done, or what is wrong and how to have a plan."""
    if shown.problem:
        return [*wrapped(shown.problem, width), [], *wrapped("r asks again", width, "dim")]
    return [[dim("◌ "), dim(f"{shown.doing or 'opening the record'}…")]]


def body(chapter: Chapter, width: int) -> list[Line]:
    """The whole chapter, a blank line between its parts."""
    parts: list[list[Line]] = []
    if chapter.answer:
        parts.append(wrapped(chapter.answer, width, "ink!"))
    if chapter.statements:
        parts.append([line for s in chapter.statements for line in blocks.statement(s, width)])
    if chapter.figures:
        parts.append(blocks.figures(chapter.figures, width))
    parts += [plan_chart.draw(c, width) for c in chapter.charts]
    parts += [blocks.table(t, width) for t in chapter.tables]
    if chapter.steps:
        parts.append(blocks.steps(chapter.steps, width))
    if chapter.missing:
        parts.append(blocks.missing(chapter.missing, width))
    if not parts:
        parts.append([[dim("nothing to say")]])
    out: list[Line] = []
    for part in parts:
        out += [[], *part] if out else part
    return out
