"""What the plan's panes show: the plan, what is being done for it, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.plan import Chapter, Plan
from capmon.ui.widgets.pane import Pane, View

VIEW = "plan"
"""Name of the view."""

SUMMARY = "summary"
"""Key of what stands before the chapters."""


@dataclass(frozen=True, slots=True)
class PlanShown:
    """What is known of the plan."""

    plan: Plan | None = None
    """The plan; None before the first."""

    doing: str = ""
    """What is being done for a new one; empty while nothing is."""

    problem: str = ""
    """Why there is no new one; empty while nothing is wrong."""


class PlanPane(Pane):
    """A pane of the plan's view; its screen gives it what to show beside the frame."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = PlanShown()


def summary_of(plan: Plan) -> Chapter:
    """The answers, as a chapter that stands before the others."""
    if not plan.summary:
        return Chapter(SUMMARY, "Summary", "nothing can be said yet")
    return Chapter(SUMMARY, "Summary", "", plan.summary)


def chapters_of(plan: Plan) -> tuple[Chapter, ...]:
    """The summary, then the chapters."""
    return (summary_of(plan), *plan.chapters)


def chosen(plan: Plan, view: View) -> Chapter:
    """The selected chapter; the summary where none is."""
    name = view.selected.get(VIEW, SUMMARY)
    all_ = chapters_of(plan)
    return next((c for c in all_ if c.key == name), all_[0])
