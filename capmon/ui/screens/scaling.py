"""The scaling view: what the policies say, what holds them up, whether it worked, and how they would have done."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.ui import boards, layout
from capmon.ui.panes import scaling_verdicts
from capmon.ui.panes.scaling_audit import AuditPane
from capmon.ui.panes.scaling_counts import CountsPane
from capmon.ui.panes.scaling_replay import ReplayPane
from capmon.ui.panes.scaling_verdicts import VerdictsPane
from capmon.ui.panes.scaling_waits import WaitsPane
from capmon.ui.panes.scaling_worked import WorkedPane
from capmon.ui.screens.selecting import SelectingScreen
from capmon.ui.widgets.pane import View


class ScalingScreen(SelectingScreen):
    """Policies, replicas, effect, countdowns, replay, audit."""

    name_of_view = scaling_verdicts.VIEW
    panes = (VerdictsPane, CountsPane, WorkedPane, WaitsPane, ReplayPane, AuditPane)

    @staticmethod
    def listed(frame: Frame) -> tuple[str, ...]:
        """Policies, and the models."""
        return scaling_verdicts.listed(frame)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return boards.scaling(width, height, focus, maximised)

    def apply(self, frame: Frame | None, view: View, key_names: dict[str, str]) -> None:
        """Show a frame; without a target one pane says how to have one."""
        unscaled = frame is not None and scaling_verdicts.is_unscaled(frame, view)
        self.follow(boards.unscaled if unscaled else boards.scaling)
        super().apply(frame, view, key_names)
