"""What the capacity guide says of the selected bottleneck, beside what capmon says."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.results import GuideView, Severity
from capmon.ui.panes.chosen import bottleneck_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.todo import WHEN
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink, label, padded


class GuidePane(Pane):
    """The guide's verdict."""

    name_of_pane = "guide"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Its severity and impact, then its recommendations in its order."""
        found = bottleneck_of(frame, view)
        if found is None:
            text = "nothing to hold against it" if frame.engine_ready else loading(frame)
            return Drawing("what the guide says", [[dim(text)]])
        if found.guide is None:
            return Drawing("what the guide says", [[dim(f"it does not look at {found.component}")]])
        return Drawing("what the guide says", draw(found.guide, found.severity, height))


def draw(guide: GuideView, ours: Severity, height: int) -> list[Line]:
    """The lines."""
    if guide.severity not in list(Severity):
        return [[label("none", WHEN), dim("its rules see nothing here")]][:height]
    glyph, tone = SEVERITY[Severity(guide.severity)]
    line: Line = [bold(padded(f"{glyph} {guide.severity}", WHEN)[0], tone), dim(guide.impact)]
    lines = [line]
    for i, text in enumerate(guide.recommendations):
        lines.append([label("says" if i == 0 else "", WHEN), ink(text)])
    if height > len(lines) + 1:
        same = guide.severity == ours.value
        lines += [
            [],
            [label("differs" if not same else "agrees", WHEN), dim(_against(guide, ours))],
        ]
    return lines[:height]


def _against(guide: GuideView, ours: Severity) -> str:
    if guide.severity == ours.value:
        return "same severity as above"
    return f"it says {guide.severity}, capmon {ours.value}"
