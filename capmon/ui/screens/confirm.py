"""The scale dialog: from and to, why, limits, the exact command, and what the models expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from capmon.model.results import ScalePlan
from capmon.ui.panes.bars import effect_text
from capmon.ui.screens.sheet import Sheet, row, wrapped
from capmon.ui.widgets.text import Line, bold, dim, ink

Propose = Callable[[int], ScalePlan | None]
"""A plan for so many replicas."""

WIDTH = 84
"""Cells of the dialog where the terminal has them."""

BESIDE = 19
"""Cells of a line that are not prose: border, padding, scroll bar and name."""


class ConfirmScreen(Sheet[ScalePlan | None]):
    """Ends with the plan to carry out, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False, priority=True),
        Binding("enter,y", "confirm", show=False, priority=True),
        Binding("plus,right,up,k", "change(1)", show=False, priority=True),
        Binding("minus,left,down,j", "change(-1)", show=False, priority=True),
    ]

    def __init__(self, plan: ScalePlan, propose: Propose) -> None:
        super().__init__("scale", "enter confirm · + - change · esc leave", WIDTH)
        self.plan = plan
        self._propose = propose
        self._typed = ""

    def on_mount(self) -> None:
        """Show the plan."""
        self._show()

    def _show(self) -> None:
        width = min(WIDTH, self.app.size.width) - BESIDE
        self.put(lines(self.plan, max(8, width)))

    def on_resize(self) -> None:
        """Wrap the prose anew."""
        self._show()

    def action_leave(self) -> None:
        """Do nothing and leave."""
        self.dismiss(None)

    def action_confirm(self) -> None:
        """Carry the plan out, unless something forbids it."""
        if self.plan.allowed:
            self.dismiss(self.plan)
        else:
            self.app.bell()

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
            self.plan = plan
            self._show()


def lines(plan: ScalePlan, width: int = WIDTH - BESIDE) -> list[Line]:
    """What a person needs to say yes or no; prose is wrapped to `width` cells."""
    origin = "unknown" if plan.origin is None else str(plan.origin)
    to = "unknown" if plan.to is None else str(plan.to)
    out: list[Line] = [
        [],
        row("replicas", [bold(origin), dim(" → "), bold(to, "accent"), dim(f"   {plan.target}")]),
        [],
    ]
    out += _block("why", plan.why or ("asked for by hand",), "ink", width)
    expected = [[ink(effect_text(p))] for p in plan.predicted if p.after is not None]
    unknown = [[dim(f"{effect_text(p)}: {p.problem}")] for p in plan.predicted if p.after is None]
    for i, line in enumerate(expected or unknown):
        out.append(row("" if i else "expected", line))
    out += _block("beware", plan.warnings, "warning", width)
    out += _block("refused", plan.refusals, "critical", width)
    out.append([])
    mark = "will run" if plan.mode == "act" and plan.allowed else "would run"
    out += _block(mark, (command(plan.argv),) if plan.argv else ("nothing",), "ink", width)
    if plan.mode != "act" and plan.allowed:
        out.append(row("", [bold("dry-run", "warning"), dim(": it is logged, nothing is changed")]))
    out += [[], _verdict(plan), []]
    return out


def _block(name: str, texts: tuple[str, ...], tone: str, width: int) -> list[Line]:
    out: list[Line] = []
    for text in texts:
        for line in wrapped(text, width, tone):
            out.append(row(name if not out else "", line))
    return out


def command(argv: tuple[str, ...]) -> str:
    """The command as it would be typed, each argument quoted where it needs to be."""
    import shlex

    return " ".join(shlex.quote(a) for a in argv)


def _verdict(plan: ScalePlan) -> Line:
    if plan.allowed:
        return [
            bold("enter", "accent"),
            dim(" to confirm, "),
            bold("esc", "accent"),
            dim(" to leave"),
        ]
    if plan.to is None:
        return [bold("esc", "accent"), dim(" to leave, and ask again when it answers")]
    reason = "nothing would change" if not plan.refusals else "this is refused"
    return [dim(f"{reason}; "), bold("+ -", "accent"), dim(" to change, "), bold("esc", "accent"), dim(" to leave")]  # fmt: skip
