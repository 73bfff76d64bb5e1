"""The end of the audit log: who asked for what, and what came of it."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.policies import AuditLine
from capmon.model.units import UNKNOWN
from capmon.ui.panes.figures import clock, local_zone
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, dim, length, padded

TIME, USER, CHANGE, EVENT = 9, 8, 8, 9
"""Cells of the columns; the text has the rest."""

WITH_USER = 50
"""Cells from which the user has a column."""

TONES = {
    "refused": "warning",
    "failed": "warning",
    "attempt": "dim",
    "dry-run": "dim",
}
"""Tokens of events; the others are ink."""


class AuditPane(Pane):
    """The audit log."""

    name_of_pane = "audit"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a record, the latest first."""
        title = "audit · latest first" + (" · times in UTC" if local_zone(frame) else "")
        found = () if frame.scaling is None else frame.scaling.audit
        if not found:
            return Drawing("audit", [[dim("nothing was written to it yet")]])
        return Drawing(title, [row(a, frame, width) for a in found[:height]])


def _news(record: AuditLine) -> str:
    """What a record says; of one that verifies an action not again that the replicas were ready."""
    if record.event != "verified":
        return record.text
    parts = record.text.split("; ")
    return "; ".join(p for p in parts if " ready after " not in p) or record.text


def row(record: AuditLine, frame: Frame, width: int) -> Line:
    """`14:02:11 olaf      4 → 5   accepted  cpu binds first`."""
    # Of what is older than a day the day says more than the minute.
    moment = clock(record.at, frame.at, seconds=True)
    line: Line = [padded(moment if len(moment) < TIME else moment[:6], TIME, "dim")]
    if width >= WITH_USER:
        line += [padded(record.user, USER - 1, "dim"), dim(" ")]
    origin, to = (UNKNOWN if n is None else str(n) for n in (record.origin, record.to))
    line.append(padded(f"{origin} → {to}", CHANGE))
    line.append(padded(record.event, EVENT, TONES.get(record.event, "ink")))
    return [*line, padded(_news(record), max(0, width - length(line)), "dim")]
