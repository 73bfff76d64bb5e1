"""The live views by name, each imported when it is first looked at."""

from __future__ import annotations

from capmon.ui.screens.monitor import MonitorScreen


def live_view(name: str) -> MonitorScreen:
    """A new screen of a view; the overview for a name that is none."""
    if name == "application":
        from capmon.ui.screens.application import ApplicationScreen

        return ApplicationScreen()
    if name == "models":
        from capmon.ui.screens.models import ModelsScreen

        return ModelsScreen()
    if name == "forecast":
        from capmon.ui.screens.forecast import ForecastScreen

        return ForecastScreen()
    if name == "bottlenecks":
        from capmon.ui.screens.bottlenecks import BottlenecksScreen

        return BottlenecksScreen()
    if name == "scaling":
        from capmon.ui.screens.scaling import ScalingScreen

        return ScalingScreen()
    if name == "plan":
        from capmon.ui.screens.plan import PlanScreen

        return PlanScreen()
    from capmon.ui.screens.overview import OverviewScreen

    return OverviewScreen()
