"""The plan's chapters, one of them selected, each with the worst that it says and how much it could not."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.plan import Chapter, Plan
from capmon.model.results import Severity
from capmon.model.units import span
from capmon.report import plan_words as words
from capmon.ui.panes.plan_shown import PlanPane, PlanShown, chapters_of, chosen
from capmon.ui.widgets.pane import Drawing, View
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink, length, padded, wrapped

WAITING = "a moment: the plan is made from the whole record"


class ChaptersPane(PlanPane):
    """Chapters to choose from."""

    name_of_pane = "chapters"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a chapter, then what the plan rests on."""
        return Drawing("plan", draw(self.shown, view, width, height))


def draw(shown: PlanShown, view: View, width: int, height: int) -> list[Line]:
    """The lines; what is being done comes last and stays in sight."""
    foot = _state(shown, width)
    if shown.plan is None:
        return (foot or wrapped(WAITING, width, "dim"))[:height]
    now = chosen(shown.plan, view).key
    rows = [
        row(c, i, selected=c.key == now, width=width) for i, c in enumerate(chapters_of(shown.plan))
    ]
    at = next(i for i, c in enumerate(chapters_of(shown.plan)) if c.key == now)
    room = max(1, height - len(foot))
    if len(rows) > room:
        first = min(max(0, at - room // 2), len(rows) - room)
        return [*rows[first : first + room], *foot][:height]
    basis = [*_basis(shown.plan, width), [], *_keys(view, width)]
    spare = room - len(rows) - 1
    about = [[], *basis] if spare >= len(basis) else []
    return [*rows, *about, *([[]] if foot and spare > len(basis) else []), *foot][:height]


def row(chapter: Chapter, i: int, *, selected: bool, width: int) -> Line:
    """`▸ 3 growth and seasons         ▲`."""
    mark = ("▸ ", "accent") if selected else ("  ", "dim")
    number = f"{i} " if i else "  "
    number = number.rjust(3)
    end = _worst(chapter)
    room = max(1, width - 2 - len(number) - length(end) - (1 if end else 0))
    # A short name whole says more than half of a long one.
    name = chapter.title.lower() if len(chapter.title) <= room else chapter.key
    title = padded(name, room, "ink!" if selected else "ink")
    return [mark, dim(number), title, *([dim(" "), *end] if end else [])]


def _worst(chapter: Chapter) -> Line:
    """Glyph of the gravest statement, or a mark where all of it is unknown."""
    found = [Severity(s.severity) for s in chapter.statements if s.severity in list(Severity)]
    if found:
        glyph, tone = SEVERITY[max(found, key=lambda s: s.rank)]
        return [bold(glyph, tone)]
    bare = not (chapter.statements or chapter.figures or chapter.tables or chapter.steps)
    return [dim("?")] if bare and chapter.missing else []


def _basis(plan: Plan, width: int) -> list[Line]:
    """What was measured, when, and what was asked, as far as it fits."""
    rows = [
        ("measured", span(plan.until - plan.since)),
        ("until", words.moment(plan.until)),
        ("ahead", span(plan.question.horizon)),
    ]
    told = [[dim(f"{name:<9} "), ink(text)] for name, text in rows if 10 + len(text) <= width]
    bare = any(_worst(c) == [dim("?")] for c in chapters_of(plan))
    return [*told, *([[dim(f"{'?':<9} not known yet")]] if bare and width >= 23 else [])]


def _keys(view: View, width: int) -> list[Line]:
    """What can be done with it, where it fits."""
    names = view.key_names
    rows = [
        (names.get("plan_again", "r"), "makes it anew"),
        (names.get("plan_write", "o"), "writes plan.md"),
    ]
    return [[bold(key, "accent"), dim(f" {what}")] for key, what in rows if len(what) + 2 <= width]


def _state(shown: PlanShown, width: int) -> list[Line]:
    if shown.doing:
        return [[dim("◌ "), *line] if i == 0 else [dim("  "), *line] for i, line in enumerate(wrapped(f"{shown.doing}…", max(4, width - 2), "dim"))]  # fmt: skip
    if shown.problem and shown.plan is not None:
        return [[("▲ ", "warning"), *line] if i == 0 else [dim("  "), *line] for i, line in enumerate(wrapped(shown.problem, max(4, width - 2), "ink"))]  # fmt: skip
    return []
