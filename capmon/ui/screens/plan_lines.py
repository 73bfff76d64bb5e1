"""A scale plan as the lines of its dialog: what decides stays in sight, prose gives way first."""

from __future__ import annotations

import shlex

from capmon.model.results import Predicted, ScalePlan
from capmon.model.units import show_metric
from capmon.scaling.price import cost_text
from capmon.summary import hpa_text, mode_text
from capmon.ui.panes.bars import effect_text
from capmon.ui.panes.figures import between, spoken
from capmon.ui.screens.sheet import row, wrapped
from capmon.ui.widgets.text import Line, bold, dim, ink, length

NAME = 12
"""Cells of the column of names."""

MANY = 1000
"""Lines that any plan has room in."""

ORDER = (
    "title", "moved", "", "why", "", "expected", "HPA", "cost", "binds", "",
    "beware", "refused", "", "run", "mode", "", "verdict",
)  # fmt: skip
"""The blocks from above; an empty name is a blank line between two that show something."""

DECIDING = (
    "title", "moved", "refused", "run", "mode", "beware", "expected", "HPA", "cost", "binds",
    "why", "verdict",
)  # fmt: skip
"""The blocks where they do not all fit: what forbids it and what would run come first."""


def lines(
    plan: ScalePlan,
    width: int,
    advised: int | None = None,
    *,
    room: int = MANY,
    moved: str = "",
) -> list[Line]:
    """What a person needs to say yes or no.

    Args:
        plan: What is proposed.
        width: Cells that prose is wrapped to.
        advised: Replicas that the models ask for; None when they ask for none.
        room: Lines that can be seen at once. Where they are few, what the frame says as well
            gives way first, then blank lines, then the reasons behind the first; where even that
            is not enough, what decides comes first and the rest is scrolled to.
        moved: What changed under the open dialog; empty when nothing did.
    """
    parts = _parts(plan, width, advised, moved)
    whole = _laid(parts, ORDER)
    if len(whole) + 2 <= room:
        return [[], *whole, []]
    if len(whole) > room:
        # How to go on stands in the frame too.
        whole = _laid(parts, ORDER[: ORDER.index("verdict")])
    while len(whole) > room and (denser := _fewer_blanks(whole)) is not None:
        whole = denser
    if len(whole) > room:
        spare = room - len(whole) + len(parts["why"])
        dense = tuple(name for name in ORDER if name not in ("", "verdict"))
        whole = _laid({**parts, "why": _why(plan, width, spare)}, dense)
    return whole if len(whole) <= room else _laid(parts, DECIDING)


def _laid(parts: dict[str, list[Line]], order: tuple[str, ...]) -> list[Line]:
    """The blocks one below the other, a blank line only between two that show something."""
    out: list[Line] = []
    blank = False
    for name in order:
        block = parts.get(name, [])
        if block:
            out += [[], *block] if blank and out else block
        blank = (blank and not block) or not name
    return out


def _fewer_blanks(shown: list[Line]) -> list[Line] | None:
    """The lines without the last blank one; None when there is none."""
    at = next((i for i in range(len(shown) - 1, -1, -1) if not shown[i]), None)
    return None if at is None else shown[:at] + shown[at + 1 :]


def _why(plan: ScalePlan, width: int, room: int) -> list[Line]:
    """As many of the reasons as there is room for, the first in any case, and how many are left out."""
    reasons = plan.why or ("asked for by hand",)
    block: list[Line] = []
    for kept in range(len(reasons), 0, -1):
        more = f" … {len(reasons) - kept} more" if kept < len(reasons) else ""
        block = _block("why", (*reasons[: kept - 1], reasons[kept - 1] + more), "ink", width)
        if len(block) <= room:
            break
    return block


def _parts(plan: ScalePlan, width: int, advised: int | None, moved: str) -> dict[str, list[Line]]:
    """The blocks of the dialog by name."""
    name, refusals = _refused(plan, advised)
    mark = "will run" if plan.mode == "act" and plan.allowed else "would run"
    still = unchanged(plan)
    run = _block(mark, (shlex.join(plan.argv) if plan.argv else "nothing",), "ink", width)
    return {
        "title": [_title(plan)],
        "moved": _block("▲ changed", (moved,) if moved else (), "warning", width),
        "why": _why(plan, width, MANY),
        "expected": [] if still else _expected(plan, width),
        "HPA": _block("HPA", (hpa_text(plan.hpa),) if plan.hpa is not None else (), "ink", width),
        "cost": _block(
            "cost", (cost_text(plan.cost),) if plan.cost is not None else (), "ink", width
        ),
        "binds": _block("binds", (plan.binds,) if plan.binds else (), "ink", width),
        "beware": _block("beware", plan.warnings, "warning", width),
        "refused": _block(name, refusals, "critical" if name else "ink", width),
        "run": [] if still else run,
        "mode": [] if still or not plan.allowed else _mode(plan, width),
        "verdict": [_verdict(plan, moved)],
    }


def _title(plan: ScalePlan) -> Line:
    origin, to = ("unknown" if n is None else str(n) for n in (plan.origin, plan.to))
    noun = "replica" if plan.to == 1 else "replicas"
    return [bold(origin), dim(" → "), bold(to, "accent"), ink(f" {noun}"), dim(f"   {plan.target}")]


def _mode(plan: ScalePlan, width: int) -> list[Line]:
    """What saying yes does; that it does nothing is the thing to see."""
    first, *rest = wrapped(mode_text(plan), width, "dim")
    mark, colon, does = first[0][0].partition(":")
    told: Line = [bold(mark, "ink" if plan.mode == "act" else "warning"), dim(colon + does)]
    return [row("" if i else "mode", line, NAME) for i, line in enumerate([told, *rest])]


def unchanged(plan: ScalePlan) -> bool:
    """Whether the count that is proposed is the one that is."""
    return plan.to is not None and plan.to == plan.origin


def _refused(plan: ScalePlan, advised: int | None) -> tuple[str, tuple[str, ...]]:
    """What forbids it, and its name: that nothing would change is no refusal."""
    if not unchanged(plan) or len(plan.refusals) > 1:
        return "refused", plan.refusals
    noun = "replica is" if plan.to == 1 else "replicas are"
    what = "what is advised" if plan.to == advised else "asked for already"
    return "", (f"nothing to change: {plan.to} {noun} {what}",)


def _expected(plan: ScalePlan, width: int) -> list[Line]:
    """What the models expect, a table of each metric now and then where there is room for one."""
    known = [p for p in plan.predicted if p.after is not None]
    if not known:
        texts = tuple(f"{spoken(p.metric)} not known: {p.problem}" for p in plan.predicted)
        return _block("expected", texts, "dim", width)
    table = _table(known)
    if max(length(line) for line in table) > width:
        return _block("expected", tuple(effect_text(p) for p in plan.predicted), "ink", width)
    absent = ", ".join(spoken(p.metric) for p in plan.predicted if p.after is None)
    prose = [f"{spoken(p.metric)}: {p.remark}" for p in known if p.remark]
    prose += [f"not known: {absent}"] if absent else []
    rows = [*table, *(line for text in prose for line in wrapped(text, width, "dim"))]
    return [row("" if i else "expected", line, NAME) for i, line in enumerate(rows)]


def _table(known: list[Predicted]) -> list[Line]:
    """A head, and for each metric its value now and then, with its interval."""
    cells = [(spoken(p.metric), *_figures(p)) for p in known]
    name, now, then = (max(len(cell[i]) for cell in cells) for i in range(3))
    head: Line = [dim(f"{'':<{name}}  {'now':>{now}}   {'then':>{then}}")]
    return [
        head,
        *(
            [
                dim(f"{label:<{name}}  "),
                ink(f"{before:>{now}}"),
                dim(" → "),
                bold(f"{after:>{then}}"),
                dim(interval),
            ]
            for label, before, after, interval in cells
        ),
    ]


def _figures(predicted: Predicted) -> tuple[str, str, str]:
    """A metric now, then, and the interval of it, which may be empty."""
    key, after = predicted.metric, predicted.after
    before = str(show_metric(key, predicted.before))
    if after is None:
        return before, "", ""
    then = str(show_metric(key, after.value))
    if after.low is None or after.high is None:
        return before, then, ""
    return before, then, f" ({between(key, max(after.low, 0.0), after.high)})"


def _block(name: str, texts: tuple[str, ...], tone: str, width: int) -> list[Line]:
    out: list[Line] = []
    for text in texts:
        for line in wrapped(text, width, tone):
            out.append(row(name if not out else "", line, NAME))
    return out


def _verdict(plan: ScalePlan, moved: str) -> Line:
    if plan.to is None:
        return [bold("esc", "accent"), dim(" to leave; it asks again when the target answers")]
    if moved and plan.allowed:
        return [bold("enter", "accent"), dim(" to go on with that, "), bold("esc", "accent"), dim(" to leave")]  # fmt: skip
    if plan.allowed:
        return [bold("enter", "accent"), dim(" to confirm, "), bold("esc", "accent"), dim(" to leave")]  # fmt: skip
    reason = "nothing would change" if unchanged(plan) else "this is refused"
    return [dim(f"{reason}; "), bold("+ -", "accent"), dim(" to change, "), bold("esc", "accent"), dim(" to leave")]  # fmt: skip
