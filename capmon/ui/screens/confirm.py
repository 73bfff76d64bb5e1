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

NARROW = 60
"""Below this width the frame names only enter and esc."""

FEW_ROWS = 18
"""Below this height what decides comes first."""

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

    def __init__(self, plan: ScalePlan, propose: Propose, advised: int | None = None) -> None:
        super().__init__("scale", keys(plan, WIDTH), WIDTH)
        self.plan = plan
        self._advised = advised
        self._propose = propose
        self._typed = ""

    def on_mount(self) -> None:
        """Show the plan."""
        self._show()

    def _show(self) -> None:
        across, down = self.app.size
        width = max(8, min(WIDTH, across) - BESIDE)
        shown = lines(self.plan, width, self._advised, short=down < FEW_ROWS)
        self.put(shown)
        # In the frame it is in sight however little room there is.
        self.retitle(keys(self.plan, across))

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


def keys(plan: ScalePlan, width: int) -> str:
    """What the keys do now, above all what enter does."""
    if plan.allowed:
        does = "enter runs it" if plan.mode == "act" else "enter logs it (dry-run)"
    else:
        does = "nothing to run" if _unchanged(plan) else "refused: enter does nothing"
    return f"{does} · + - change · esc leave" if width >= NARROW else f"{does} · esc"


def _unchanged(plan: ScalePlan) -> bool:
    return plan.to is not None and plan.to == plan.origin


def _refused(plan: ScalePlan, advised: int | None) -> tuple[str, tuple[str, ...]]:
    """What forbids it, and its name: that nothing would change is no refusal."""
    if not _unchanged(plan) or len(plan.refusals) > 1:
        return "refused", plan.refusals
    noun = "replica is" if plan.to == 1 else "replicas are"
    what = "what is advised" if plan.to == advised else "asked for already"
    return "", (f"nothing to change: {plan.to} {noun} {what}",)


def lines(
    plan: ScalePlan,
    width: int = WIDTH - BESIDE,
    advised: int | None = None,
    *,
    short: bool = False,
) -> list[Line]:
    """What a person needs to say yes or no.

    Args:
        plan: What is proposed.
        width: Cells that prose is wrapped to.
        advised: Replicas that the models ask for; None when they ask for none.
        short: Whether there are few rows: what forbids it and what would run come first then.
    """
    parts = _parts(plan, width, advised)
    if short:
        order = ("replicas", "refused", "run", "beware", "expected", "why", "verdict")
        return [line for name in order for line in parts[name]]
    top = [*parts["why"], *parts["expected"], *parts["beware"], *parts["refused"]]
    return [[], *parts["replicas"], [], *top, [], *parts["run"], [], *parts["verdict"], []]


def _parts(plan: ScalePlan, width: int, advised: int | None) -> dict[str, list[Line]]:
    """The blocks of the dialog by name."""
    origin = "unknown" if plan.origin is None else str(plan.origin)
    to = "unknown" if plan.to is None else str(plan.to)
    counts: Line = [bold(origin), dim(" → "), bold(to, "accent"), dim(f"   {plan.target}")]
    expected = [[ink(effect_text(p))] for p in plan.predicted if p.after is not None]
    unknown = [[dim(f"{effect_text(p)}: {p.problem}")] for p in plan.predicted if p.after is None]
    name, refusals = _refused(plan, advised)
    mark = "will run" if plan.mode == "act" and plan.allowed else "would run"
    run = _block(mark, (command(plan.argv),) if plan.argv else ("nothing",), "ink", width)
    if plan.mode != "act" and plan.allowed:
        run.append(row("", [bold("dry-run", "warning"), dim(": it is logged, nothing is changed")]))
    return {
        "replicas": [row("replicas", counts)],
        "why": _block("why", plan.why or ("asked for by hand",), "ink", width),
        "expected": [row("" if i else "expected", x) for i, x in enumerate(expected or unknown)],
        "beware": _block("beware", plan.warnings, "warning", width),
        "refused": _block(name, refusals, "critical" if name else "ink", width),
        "run": [] if _unchanged(plan) else run,
        "verdict": [_verdict(plan)],
    }


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
    reason = "nothing would change" if _unchanged(plan) else "this is refused"
    return [dim(f"{reason}; "), bold("+ -", "accent"), dim(" to change, "), bold("esc", "accent"), dim(" to leave")]  # fmt: skip
