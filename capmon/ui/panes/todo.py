"""What to do about the selected bottleneck, in order, and what would end it."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.results import Bottleneck
from capmon.ui.panes.chosen import bottleneck_of
from capmon.ui.panes.common import loading
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink, label, padded

WHEN = 12


class TodoPane(Pane):
    """What to do."""

    name_of_pane = "todo"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Verdict and impact, then each step with when, then what would change it."""
        found = bottleneck_of(frame, view)
        if found is None:
            text = "nothing needs doing" if frame.engine_ready else loading(frame)
            return Drawing("what to do", [[dim(text)]])
        return Drawing("what to do", draw(found, height))


def draw(found: Bottleneck, height: int) -> list[Line]:
    """The lines; what would change it keeps its place while the last steps give theirs."""
    steps: list[Line] = []
    before = ""
    for r in found.recommendations:
        # The same word in every line would hide where it changes.
        when = r.when.value if r.when.value != before else ""
        steps.append([label(when, WHEN), ink(r.text)])
        before = r.when.value
    if found.recovering:
        steps.insert(0, [label("", WHEN), ink("wait until it is over")])
    if not steps:
        steps = [[dim("no advice for it")]]
    ends: list[Line] = [
        [label("eases at" if i == 0 else "", WHEN), dim(text)]
        for i, text in enumerate(found.would_change)
    ]
    head = [verdict(found)] if height > 4 else []
    kept = ends[: max(0, min(len(ends), height - len(head) - 2))]
    room = height - len(head) - len(kept)
    gap: list[Line] = [[]] if kept and room > len(steps) else []
    return [*head, *steps[: max(1, room)], *gap, *kept][:height]


def verdict(found: Bottleneck) -> Line:
    """`▲ high  GC pressure, risk of OOM`."""
    glyph, tone = SEVERITY[found.severity]
    word = "easing" if found.recovering else found.severity.value
    if found.recovering:
        glyph, tone = "◇", "dim"
    head, _ = padded(f"{glyph} {word}", WHEN)
    return [bold(head, tone), dim(found.impact)]
