"""Every curve with its limit: where it binds, how far that is, and how many replicas it asks for."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.results import Fit, Headroom
from capmon.model.units import digits, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import short_name
from capmon.ui.panes.models import (
    QUEUES,
    formula,
    interval,
    limit_for,
    limit_text,
    times,
    unit_of_load,
)
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, bold, cut, dim, fit, ink, length, padded

VIEW = "models"
"""Name under which a view remembers which curve is selected."""

NAME = 9
SHAPE = 12
FORMULA = 22
LIMIT = 9
AT, AT_SHORT = 26, 20
"""Cells of `1023 (1001–1130) req/s`, and a blank."""
NOW = 8
NEEDS = 12
USED = 10

TIGHT = 0.9
"""From this share of the load that fits on, there is little room."""

NONE_YET = "no model yet"


class CurvesPane(Pane):
    """The curves, one of them selected."""

    name_of_pane = "curves"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a curve below the heads of the columns."""
        lines = draw(frame, view, width)
        head = lines[: 1 if len(lines) > 1 and height > 1 else 0]
        rows = lines[1:] if len(lines) > 1 else lines
        at = next((i for i, line in enumerate(rows) if line[0][0].startswith("▸")), 0)
        # Where there is no room for every curve, the one that is selected stays in sight.
        first = max(0, at + 1 - max(1, height - len(head)))
        return Drawing(title(frame), [*head, *rows[first:]][:height], fixed=len(head))


def title(frame: Frame) -> str:
    """What load is counted in, and over which time."""
    known = [f for f in frame.fits if not f.problem]
    if not known:
        return "models"
    per = "per replica" if any(f.per_replica for f in known) else "whole service"
    return f"models · {per} · last {span(max(f.window for f in known))}"


def listed(frame: Frame) -> tuple[str, ...]:
    """Metrics with a curve, or with a reason why there is none, in a stable order."""
    return tuple(dict.fromkeys(f.target for f in frame.curves))


def selected(frame: Frame, view: View) -> Fit | None:
    """The curve that is shown in detail: the one selected, else the first."""
    wanted = view.selected.get(VIEW, "")
    return next((f for f in frame.curves if f.target == wanted), frame.curves[0] if frame.curves else None)  # fmt: skip


def name_of(fit_: Fit) -> str:
    """A curve's metric in few letters."""
    return short_name(fit_.target)


def draw(frame: Frame, view: View, width: int) -> list[Line]:
    """The lines."""
    if not frame.fits:
        return [[dim(NONE_YET if frame.engine_ready else loading(frame))]]
    shown = selected(frame, view)
    columns = _columns(width)
    rows = [_row(f, limit_for(frame, f), columns, width, at=f is shown) for f in frame.curves]
    return [_heads(columns), *rows]


def _columns(width: int) -> dict[str, int]:
    """Columns that there is room for, from left to right; the answer is the last to go."""
    widths = {"shape": SHAPE, "formula": FORMULA, "R²": 6, "limit": LIMIT, "at": AT, "now": NOW, "needs": NEEDS, "used": USED}  # fmt: skip
    room = width - 2 - NAME
    if room < 60 - NAME:
        widths["at"] = AT_SHORT
    keep: list[str] = []
    for name in ("at", "now", "limit", "needs", "formula", "R²", "shape", "used"):
        if sum(widths[k] for k in keep) + widths[name] > room:
            break
        keep.append(name)
    return {k: w for k, w in widths.items() if k in keep}


def _heads(columns: dict[str, int]) -> Line:
    names = {"at": "  reached at", "now": "of now", "limit": "   limit", "used": "  used"}
    out: Line = [dim(" " * (2 + NAME))]
    for name, width in columns.items():
        text = names.get(name, name)
        out.append(dim(f"{text:>{width - 1}} " if name in ("now", "needs") else f"{text:<{width}}"))
    return out


def _row(
    fit_: Fit, room: Headroom | None, columns: dict[str, int], width: int, *, at: bool
) -> Line:
    head: Line = [("▸ " if at else "  ", "accent!")]
    head.append(bold(padded(name_of(fit_), NAME)[0]) if at else padded(name_of(fit_), NAME, "dim"))
    if fit_.problem:
        return [*head, *fit([dim(fit_.problem)], width - length(head))]
    out = head
    for name, size in columns.items():
        out = out + _cell(name, size, fit_, room, at=at)
    if "at" not in columns and room is not None and room.at is not None:
        out += [bold(digits(room.at.value))]
    return out


def _cell(name: str, size: int, fit_: Fit, room: Headroom | None, *, at: bool) -> Line:
    """One cell of a row, as wide as its column."""
    match name:
        case "shape":
            return [padded("queue" if fit_.kind in QUEUES else fit_.kind.value, size, "dim")]
        case "formula":
            return [padded(formula(fit_), size, "ink" if at else "dim")]
        case "R²":
            r2 = "–" if fit_.r_squared is None else f"{fit_.r_squared:.2f}".removeprefix("0")
            return [ink(f"{r2:<{size}}")]
    if room is None:
        return [dim(" " * size)]
    match name:
        case "limit":
            return [ink(f"{cut(limit_text(room), size - 1):>{size - 1}} ")]
        case "at":
            return _reached(fit_, room, size)
        case "now":
            tone = "warning" if room.multiple is not None and room.multiple * TIGHT <= 1 else "ink"
            text = "" if room.multiple is None else times(room.multiple)
            return [bold(f"{text:>{size - 1}} ", tone)]
        case "used":
            return _used(room, size)
    if room.needs is None:
        return [dim(f"{'–':>{size - 1}} ")]
    noun = "replica" if room.needs == 1 else "replicas"
    return [dim(cut(f"{room.needs} {noun}", size - 1).rjust(size - 1) + " ")]


def _used(room: Headroom, size: int) -> Line:
    """How much of the load that fits is used, as a bar."""
    if room.at is None or room.now is None or room.at.value <= 0:
        return [dim(" " * size)]
    share = room.now / room.at.value
    return [dim("  "), *bar(share, size - 2, "warning" if share >= TIGHT else "accent")]


def _reached(fit_: Fit, room: Headroom, size: int) -> Line:
    """Where the limit is reached with its interval, or why that is not known."""
    if room.at is None:
        return [padded(room.problem, size, "dim")]
    value = f"{'~' if room.extrapolated else ''}{digits(room.at.value)}"
    out: Line = [bold(value.rjust(5))]
    tail = f" {interval(room.at)}".rstrip()
    unit = f" {unit_of_load(fit_.load)}"
    if length([*out, dim(tail + unit)]) < size:
        tail += unit
    return [*out, padded(tail, size - length(out), "dim")]
