"""The bottlenecks view: what limits the service and the evidence, or else which threshold is nearest."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.ui import boards, layout
from capmon.ui.panes.bottleneck_course import BottleneckCoursePane
from capmon.ui.panes.bottlenecks import RankedPane
from capmon.ui.panes.guide_text import GuidePane
from capmon.ui.panes.rank import RankPane
from capmon.ui.panes.todo import TodoPane
from capmon.ui.panes.triggers import TriggersPane
from capmon.ui.screens.selecting import SelectingScreen
from capmon.ui.widgets.pane import View


class BottlenecksScreen(SelectingScreen):
    """Bottlenecks, evidence, rank, what to do, what the guide says, thresholds."""

    name_of_view = "bottlenecks"
    panes = (RankedPane, BottleneckCoursePane, RankPane, TodoPane, GuidePane, TriggersPane)

    @staticmethod
    def listed(frame: Frame) -> tuple[str, ...]:
        """Bottlenecks; where there are none, thresholds."""
        names = tuple(b.component for b in frame.bottlenecks)
        return names or tuple(t.component for t in frame.triggers)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return boards.bottlenecks(width, height, focus, maximised)

    def apply(self, frame: Frame | None, view: View, key_names: dict[str, str]) -> None:
        """Show a frame; while nothing binds, the thresholds have the room."""
        calm = frame is None or not frame.bottlenecks
        self.follow(boards.thresholds if calm else boards.bottlenecks)
        super().apply(frame, view, key_names)
