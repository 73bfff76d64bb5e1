"""How each policy would have done on the load of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capmon.model.frame import Frame
from capmon.model.policies import Replay, ReplayTable
from capmon.model.units import UNKNOWN, digits, span
from capmon.ui.panes.scaling_verdicts import FOLLOWED
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, Run, dim, join, length, padded

UNTRIED = "not tried yet"

MARK, NAME = 2, 13
"""Cells of the mark and the name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every policy."""

    head: str
    """Its name."""

    cells: int
    """Cells, the gap before it included."""

    rank: int
    """The higher, the sooner it gives way."""


COLUMNS = (
    Column("overload", 9, 1),
    Column("p95 over", 9, 3),
    Column("hours", 8, 2),
    Column("changes", 8, 4),
    Column("turns", 6, 5),
    Column("cost", 7, 6),
)
"""Time in overload, time over the objective, replica-hours over the look-ahead's, changes of the count and
of its direction, cost."""

EXPLAINED = "overload: beyond what replicas carry · hours: replica-hours over the look-ahead's"


class ReplayPane(Pane):
    """The replay."""

    name_of_pane = "replay"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A head, one line a policy, and what was replayed."""
        found = None if frame.scaling is None else frame.scaling.replay
        if found is None or found.problem or not found.rows:
            problem = UNTRIED if found is None else found.problem or UNTRIED
            return Drawing("replay", [[dim(problem)]])
        title = f"replay · last {span(found.seconds)} of load"
        return Drawing(title, draw(found, frame, view, width, height), fixed=1)


def draw(found: ReplayTable, frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines: rows before notes."""
    columns = fitting(width)
    followed = "" if frame.scaling is None else frame.scaling.policy
    head: Line = [dim(" " * MARK), padded("policy", NAME, "dim")]
    head.append(dim("".join(f"{c.head:>{c.cells}}" for c in columns)))
    rows = ordered(found.rows, followed, max(1, height - 1))
    lines = [head, *(row(r, columns, followed=r.policy == followed) for r in rows)]
    notes = [*_said(found, frame, view.scaling.currency, width), [dim(EXPLAINED)]]
    return [*lines, *notes][:height]


def fitting(width: int) -> tuple[Column, ...]:
    """As many columns as there is room for, those that say most."""
    left = width - MARK - NAME
    kept: list[Column] = []
    for column in sorted(COLUMNS, key=lambda c: c.rank):
        if column.cells > left:
            break
        kept.append(column)
        left -= column.cells
    return tuple(c for c in COLUMNS if c in kept)


def ordered(rows: Sequence[Replay], followed: str, room: int) -> Sequence[Replay]:
    """All rows as they come; where they have no room, the one that is followed first."""
    if len(rows) <= room:
        return rows
    return sorted(rows, key=lambda r: r.policy != followed)[:room]


def row(replay: Replay, columns: Sequence[Column], *, followed: bool) -> Line:
    """One policy: right-aligned figures, those of what no policy can reach dim."""
    mark: Run = (f"{FOLLOWED} ", "accent") if followed else dim("  ")
    name = replay.policy.replace("_", " ").replace("look ahead", "look-ahead")
    tone = "dim" if replay.policy == "look_ahead" else "ink!" if followed else "ink"
    figures = {
        "overload": f"{_number(replay.overload_percent)} %",
        "p95 over": UNKNOWN if replay.slo_minutes is None else f"{_number(replay.slo_minutes)} m",
        "hours": f"{replay.relative_replica_hours:.2f}×",
        "changes": f"{replay.actions}",
        "turns": f"{replay.direction_changes}",
        "cost": UNKNOWN if replay.cost is None else _number(replay.cost),
    }
    text = "".join(f" {figures[c.head]:>{c.cells - 1}}"[: c.cells] for c in columns)
    return [mark, padded(name, NAME, tone), (text, tone)]


def _number(value: float) -> str:
    """One digit behind the point, so that figures below one another can be compared."""
    if not abs(value) < 100:
        return digits(value)
    return "<0.1" if 0 < value < 0.05 else f"{value:.1f}"


def _said(found: ReplayTable, frame: Frame, currency: str, width: int) -> list[Line]:
    """What was replayed and when, then the notes, in as few lines as they fit into."""
    parts: list[Line] = [[dim(f"a replica carries {digits(found.capacity)} req/s")]]
    if found.at is not None:
        parts.append([dim(f"tried {span(frame.at - found.at)} ago")])
    if any(r.cost is not None for r in found.rows):
        parts.append([dim(f"cost in {currency}")])
    parts += [[dim(note)] for note in found.notes]
    lines: list[Line] = []
    for part in parts:
        whole = join([lines[-1], part], " · ") if lines else part
        if lines and length(whole) <= width:
            lines[-1] = whole
        else:
            lines.append(part)
    return lines
