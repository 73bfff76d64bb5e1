"""The scale dialog: it shows a plan as it is now, and asks before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from capmon.model.results import ScalePlan
from capmon.ui.pacing import FEW, backlog
from capmon.ui.screens.plan_lines import lines, unchanged
from capmon.ui.screens.sheet import Sheet

Propose = Callable[[int | None], ScalePlan | None]
"""A plan for so many replicas; for None one for the count that is."""

WIDTH = 84
"""Cells of the dialog where the terminal has them."""

NARROW = 60
"""Below this width the frame names only enter and esc."""

BESIDE = 19
"""Cells of a line that are not prose: border, padding, scroll bar and name."""

FRAME = 2
"""Lines that the border takes."""

PACE = 0.5
"""Seconds between two looks at the plan: no frame is older when it is shown."""


class ConfirmScreen(Sheet[ScalePlan | None]):
    """Ends with the plan to carry out, or None.

    The plan is made anew while the dialog is open, and once more when it is confirmed. Where the
    count changed since it was asked for, the first enter only takes note of that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False, priority=True),
        Binding("enter,y", "confirm", show=False, priority=True),
        Binding("plus,right,up,k", "change(1)", show=False, priority=True),
        Binding("minus,left,down,j", "change(-1)", show=False, priority=True),
    ]

    def __init__(self, plan: ScalePlan, propose: Propose, advised: int | None = None) -> None:
        super().__init__("take back" if plan.takes_back else "scale", keys(plan, WIDTH), WIDTH)
        self.plan = plan
        self._advised = advised
        self._propose = propose
        self._typed = ""
        self._asked = plan
        self._wanted = plan.to
        self.moved = ""
        """What changed under the open dialog and was not taken note of yet."""
        self._drawn = (plan, "")

    def on_mount(self) -> None:
        """Show the plan, and again whenever it changes."""
        self._show()
        self.set_interval(PACE, self.follow)

    def follow(self) -> None:
        """Look at the facts again; also while the screen behind is held: this one decides."""
        fresh = self._propose(self._wanted)
        if fresh is None:
            return
        if fresh.why != self.plan.why:
            self._advised = None
        self._take(fresh)
        if (self.plan, self.moved) != self._drawn and backlog(self.app._driver) <= FEW:
            self._show()

    def _take(self, fresh: ScalePlan) -> None:
        self.plan = fresh
        if fresh.to is not None:
            # A count that is lost for a while is no reason to forget what was asked for.
            self._wanted = fresh.to
        if self._asked.origin is None:
            self._asked = fresh
        self.moved = moved(self._asked, fresh)

    def _show(self) -> None:
        self._drawn = (self.plan, self.moved)
        across, down = self.app.size
        width = max(8, min(WIDTH, across) - BESIDE)
        room = max(1, down - FRAME)
        self.put(lines(self.plan, width, self._advised, room=room, moved=self.moved))
        # In the frame it is in sight however little room there is.
        self.retitle(keys(self.plan, across, self.moved))

    def on_resize(self) -> None:
        """Wrap the prose anew."""
        self._show()

    def action_leave(self) -> None:
        """Do nothing and leave."""
        self.dismiss(None)

    def action_confirm(self) -> None:
        """Carry the plan out as it is now, unless something forbids it or nobody has seen it."""
        # Nobody can take note of what a slow terminal was not shown yet.
        noted = self._drawn[1]
        fresh = self._propose(self._wanted)
        if fresh is not None:
            self._take(fresh)
        if self.plan.allowed and not self.moved:
            self.dismiss(self.plan)
            return
        if self.plan.allowed and self.moved == noted:
            self._asked, self.moved = self.plan, ""
        self.app.bell()
        self._show()

    def action_change(self, step: int) -> None:
        """Propose one more or one less."""
        if self.plan.to is not None:
            self._typed = ""
            self._ask(self.plan.to + step)

    def on_key(self, event: events.Key) -> None:
        """Digits type a count."""
        if event.character and event.character.isdigit():
            self._typed = (self._typed + event.character)[-4:]
            self._ask(int(self._typed))
            event.stop()

    def _ask(self, to: int) -> None:
        plan = self._propose(max(0, to))
        if plan is not None:
            self._take(plan)
            self._show()


def moved(asked: ScalePlan, fresh: ScalePlan) -> str:
    """What changed since a person asked that makes it another question; empty when nothing did."""
    if fresh.origin is None or asked.origin in (None, fresh.origin):
        return ""
    return f"the count was {asked.origin} when this was asked, it is {fresh.origin} now"


def keys(plan: ScalePlan, width: int, changed: str = "") -> str:
    """What the keys do now, above all what enter does."""
    if changed and plan.allowed:
        does = "changed: enter asks again"
    elif plan.allowed:
        does = "enter runs it" if plan.mode == "act" else "enter logs it (dry-run)"
    else:
        does = "nothing to run" if unchanged(plan) else "refused: enter does nothing"
    return f"{does} · + - change · esc leave" if width >= NARROW else f"{does} · esc"
