"""The application's rate and latency, large."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import metric
from capmon.model.units import show_metric, span
from capmon.ui.panes.application import P50, P95, P99, RATE
from capmon.ui.widgets.chart import AXIS, chart
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.spark import cells
from capmon.ui.widgets.text import Line, as_many, dim, number


class RatePane(Pane):
    """Requests per second."""

    name_of_pane = "rate"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The chart, with today's numbers above it."""
        keys = (RATE, "http.server.error.rate", "http.server.active_requests")
        return Drawing("rate", drawn(frame, RATE, keys, width, height, None), fixed=height)


class LatencyPane(Pane):
    """95th percentile of the response time against its objective."""

    name_of_pane = "latency"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The chart, with the quantiles above it."""
        lines = drawn(frame, P95, (P95, P50, P99), width, height, view.objective)
        return Drawing("latency · p95 and its objective", lines, fixed=height)


def drawn(
    frame: Frame,
    metric_key: str,
    figures: tuple[str, ...],
    width: int,
    height: int,
    limit: float | None,
) -> list[Line]:
    """A line of figures, the chart, and the time it spans."""
    if frame.value(metric_key) is None and metric_key not in frame.trends:
        return [[dim(frame.reason(metric_key))]]
    parts: list[Line] = []
    for name in figures:
        shown = show_metric(name, frame.value(name))
        parts.append([dim(f"{metric(name).label} "), number(shown, 5), dim(f" {shown.unit}")])
    trend = frame.trends.get(metric_key)
    values = cells(trend, width - AXIS, metric_key)
    rows = chart(values, width, max(1, height - 2), metric(metric_key).unit, limit)
    covered = trend.step * len(trend.values) if trend else 0.0
    foot: Line = [dim(" " * AXIS + f"last {span(covered)}")] if covered else []
    return [as_many(parts, width, "   "), *rows, foot][:height]
