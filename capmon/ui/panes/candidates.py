"""Every shape that was tried for a curve, how far off it is, and why it was taken or refused."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Candidate, Fit
from capmon.model.units import show
from capmon.ui.panes.answers import wrapped_after
from capmon.ui.panes.common import loading
from capmon.ui.panes.curves import NONE_YET, SHAPE, name_of, selected
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, dim, fit, ink, length, padded

ERROR = 10
R2 = 6


class CandidatesPane(Pane):
    """The shapes tried for the selected curve."""

    name_of_pane = "candidates"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a shape, the least error first."""
        found = selected(frame, view)
        if found is None:
            return Drawing("shapes", [[dim(NONE_YET if frame.engine_ready else loading(frame))]])
        lines = draw(found, width, height)
        title = f"shapes tried for {name_of(found)}"
        return Drawing(title, lines[:height], fixed=1 if len(lines) > 1 else 0)


def draw(found: Fit, width: int, height: int) -> list[Line]:
    """The lines; a verdict that is cut goes on below where there is room for it."""
    if not found.candidates:
        return [[dim("no shape was compared")]]
    head: Line = [dim(f"  {'shape':<{SHAPE}}{'off by':>{ERROR - 1}} ")]
    full = width >= 2 + SHAPE + ERROR + R2 + 12
    if full:
        head.append(dim(f"{'R²':<{R2}}"))
    head.append(dim("verdict"))
    out: list[Line] = [head]
    for i, candidate in enumerate(found.candidates):
        row = _row(candidate, found, full=full)
        spare = height - len(out) - (len(found.candidates) - i)
        rest: list[Line] = []
        if length(row) > width and spare > 0:
            rest = [
                [dim("    "), *line]
                for line in wrapped_after(_verdict(candidate, found), max(8, width - 4), 0)
            ]
            row = row[:-1] if len(rest) <= spare else row
        out += [fit(row, width), *(rest if len(rest) <= spare else [])]
    return out


def _row(candidate: Candidate, found: Fit, *, full: bool) -> Line:
    mark = [("▸ ", "accent!")] if candidate.chosen else [dim("  ")]
    tone = "ink" if candidate.chosen else "dim"
    line: Line = [*mark, padded(candidate.kind.value, SHAPE, tone)]
    unit = Unit.RATIO if found.relative else metric(found.target).unit
    shown = show(candidate.error, unit)
    text = "–" if candidate.error is None else str(shown)
    line.append((f"{text:>{ERROR - 1}} ", "ink!" if candidate.chosen else tone))
    if full:
        r2 = "" if candidate.r_squared is None else f"{candidate.r_squared:.2f}".removeprefix("0")
        line.append((f"{r2:<{R2}}", tone))
    verdict = _verdict(candidate, found)
    return [*line, ink(verdict) if candidate.chosen else dim(verdict)]


def _verdict(candidate: Candidate, found: Fit) -> str:
    """Why it was taken, or what speaks against it."""
    if candidate.problem:
        return candidate.problem
    errors = [c.error for c in found.candidates if c.error is not None and not c.problem]
    best = min(errors, default=None)
    if candidate.chosen:
        return "least error" if candidate.error == best and len(errors) > 1 else "taken"
    mine = next((c.error for c in found.candidates if c.chosen), None)
    if candidate.error is None or mine is None or mine <= 0:
        return ""
    worse = (candidate.error / mine - 1) * 100
    if abs(worse) < 0.5:
        return "as good"
    return f"{abs(worse):.0f} % {'worse' if worse > 0 else 'better'}" if worse < 1000 else "far off"
