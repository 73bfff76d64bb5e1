"""The overview: the answers to all five questions on one screen."""

from __future__ import annotations

from capmon.ui import layout
from capmon.ui.panes.application import ApplicationPane
from capmon.ui.panes.bottlenecks import BottlenecksPane
from capmon.ui.panes.forecast import ForecastPane
from capmon.ui.panes.models import ModelsPane
from capmon.ui.panes.processes import ProcessesPane
from capmon.ui.panes.resources import ResourcesPane
from capmon.ui.panes.sources import SourcesPane
from capmon.ui.screens.monitor import MonitorScreen


class OverviewScreen(MonitorScreen):
    """Resources, application, models, forecast, bottlenecks."""

    name_of_view = "overview"
    panes = (
        ResourcesPane,
        ApplicationPane,
        ModelsPane,
        ForecastPane,
        BottlenecksPane,
        ProcessesPane,
        SourcesPane,
    )

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return layout.overview(width, height, focus, maximised)
