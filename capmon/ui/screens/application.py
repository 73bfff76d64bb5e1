"""The application, large: rate, latency against its objective, and every reading."""

from __future__ import annotations

from capmon.ui import layout
from capmon.ui.panes.charts import LatencyPane, RatePane
from capmon.ui.panes.readings import ReadingsPane
from capmon.ui.screens.monitor import MonitorScreen


class ApplicationScreen(MonitorScreen):
    """Rate, latency, readings."""

    name_of_view = "application"
    panes = (RatePane, LatencyPane, ReadingsPane)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return layout.application(width, height, focus, maximised)
