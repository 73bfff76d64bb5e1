"""The forecast view: one metric large, how likely its limit is crossed, how past forecasts did, and the load's days."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.ui import boards, layout
from capmon.ui.panes.breach import BreachPane
from capmon.ui.panes.expected import ExpectedPane
from capmon.ui.panes.forecast import ForecastsPane
from capmon.ui.panes.load_map import LoadMapPane, has_map
from capmon.ui.panes.scenarios import ScenariosPane
from capmon.ui.panes.scored import ScoredPane
from capmon.ui.screens.selecting import SelectingScreen
from capmon.ui.widgets.pane import View


class ForecastScreen(SelectingScreen):
    """Metrics, chart, breach, past forecasts, load by hour, loads to size for."""

    name_of_view = "forecast"
    panes = (ForecastsPane, BreachPane, ExpectedPane, ScoredPane, LoadMapPane, ScenariosPane)

    @staticmethod
    def listed(frame: Frame) -> tuple[str, ...]:
        """Metrics that are forecast."""
        return tuple(f.metric for f in frame.forecasts)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return boards.forecast(width, height, focus, maximised)

    def apply(self, frame: Frame | None, view: View, key_names: dict[str, str]) -> None:
        """Show a frame; while there is no map of the load, the others have its room."""
        mapped = frame is not None and has_map(frame)
        self.follow(boards.forecast if mapped else boards.young_forecast)
        super().apply(frame, view, key_names)
