"""What the rank of the selected bottleneck is made of, and the load at which it binds."""

from __future__ import annotations

import math

from capmon.model.frame import Frame
from capmon.model.results import Bottleneck, Term
from capmon.model.units import digits
from capmon.ui.panes.chosen import bottleneck_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.models import interval
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, bold, dim, ink, label

NAME = 12
BAR = 8
SHARE = 5


class RankPane(Pane):
    """Why it ranks where it does."""

    name_of_pane = "rank"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a term, then where it binds."""
        found = bottleneck_of(frame, view)
        if found is None:
            text = "nothing to rank" if frame.engine_ready else loading(frame)
            return Drawing("rank", [[dim(text)]])
        return Drawing("why it ranks here", draw(found, width, height))


def draw(found: Bottleneck, width: int, height: int) -> list[Line]:
    """The lines, where it binds first of all where there is little room."""
    terms = [term_line(t, width) for t in found.terms] or [[dim("its parts are not known yet")]]
    answer = binds(found)
    if height < len(terms) + 2:
        return [answer, *terms][:height]
    return [*terms, [], answer][:height]


def term_line(term: Term, width: int) -> Line:
    """`headroom  ████████·· 0.82  binds at 118 req/s, .94× now`."""
    known = term.share is not None and math.isfinite(term.share)
    size = BAR if width >= 44 else max(0, width - NAME - SHARE - 14)
    shown = digits(min(max(term.share or 0.0, 0.0), 1.0)) if known else "–"
    line: Line = [label(term.name, NAME), *bar(term.share if known else None, size)]
    line.append(bold(f"{shown[:4]:>{SHARE}}") if known else dim(f"{shown:>{SHARE}}"))
    return [*line, dim("  "), ink(term.text) if known else dim(term.text)]


def binds(found: Bottleneck) -> Line:
    """The load of the whole service at which it binds, against that of now."""
    at = found.binds_at
    if at is None:
        return [label("binds at", NAME), dim("no model can tell at which load")]
    line: Line = [label("binds at", NAME), bold(digits(at.value)), dim(" req/s")]
    line.append(dim(f" {interval(at)}".rstrip()))
    if found.load_multiple is not None:
        tone = "warning" if found.load_multiple < 1.1 else "ink"
        line += [dim(", "), bold(f"{found.load_multiple:.2f}×", tone), dim(" the load now")]
    return line
