"""The models, large: every curve, one of them with its points, its evidence and its rivals."""

from __future__ import annotations

import threading

from capmon.model.frame import Frame
from capmon.ui import layout
from capmon.ui.panes import curves
from capmon.ui.panes.candidates import CandidatesPane
from capmon.ui.panes.coefficients import CoefficientsPane
from capmon.ui.panes.curve import ChartPane, CurvePane, Scales
from capmon.ui.panes.curves import CurvesPane
from capmon.ui.panes.residuals import ResidualsPane
from capmon.ui.screens.selecting import SelectingScreen
from capmon.ui.threads import Call, way_back
from capmon.ui.widgets import plot


class ModelsScreen(SelectingScreen):
    """Curves, one curve, its residuals, its evidence, and the shapes tried."""

    name_of_view = curves.VIEW
    panes = (CurvesPane, CurvePane, CoefficientsPane, CandidatesPane, ResidualsPane)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return layout.models(width, height, focus, maximised)

    @staticmethod
    def listed(frame: Frame) -> tuple[str, ...]:
        """Metrics of the curves."""
        return curves.listed(frame)

    def on_mount(self) -> None:
        """Share the scales, and load what draws without keeping the keys waiting."""
        scales = Scales()
        for pane in self.query(ChartPane):
            pane.scales = scales
        if not plot.ready():
            back = way_back(self.app)
            threading.Thread(
                target=self._load, args=(back,), daemon=True, name="capmon-plot"
            ).start()
        super().on_mount()

    def _load(self, back: Call) -> None:
        plot.load()
        back(self._loaded)

    def _loaded(self) -> None:
        if self.composed:
            self._reapply()
