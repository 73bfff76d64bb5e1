"""The selected metric, large: what was, what is expected with its band, and the limit."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Worse, metric
from capmon.model.results import Forecast
from capmon.model.units import percent, show_metric, span
from capmon.ui.panes import held
from capmon.ui.panes.chosen import forecast_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import full_name, local_zone
from capmon.ui.panes.forecast import peak, verdict
from capmon.ui.widgets.band import Course, Limit, plot
from capmon.ui.widgets.chart import AXIS
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, dim, ink, number
from capmon.ui.widgets.ticks import time_axis

ROWS_FOR_BASIS = 9
"""From this height on, what the forecast is made of has a line."""


class ExpectedPane(Pane):
    """The selected metric's past and future."""

    name_of_pane = "expected"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The answer, the chart, its time axis, and what it is made of."""
        forecast = forecast_of(frame, view)
        if forecast is None:
            text = "nothing to forecast yet" if frame.engine_ready else loading(frame)
            return Drawing("forecast", [[dim(text)]])
        title = f"{full_name(forecast.metric)} · next {span(forecast.horizon)}"
        if forecast.problem:
            title = full_name(forecast.metric)
        elif local_zone(frame):
            title += " · times in UTC"
        return Drawing(title, draw(forecast, frame, width, height), fixed=height)


def draw(forecast: Forecast, frame: Frame, width: int, height: int) -> list[Line]:
    """The lines, the answer first."""
    lines = [_answer(forecast, frame, width)]
    if frame.past is not None:
        said = as_many(held.sentence(forecast, frame), width, " · ")
        lines += [said] if said else []
    now = "now" if frame.past is None else "then"
    foot = [basis(forecast, width)] if height >= ROWS_FOR_BASIS else []
    came = held.course(forecast, frame)
    lines += chart(forecast, came, width, height - len(lines) - len(foot), now=now)
    # What it is made of stands at the bottom, whether the chart has room or not.
    lines += [[]] * (height - len(lines) - len(foot))
    return [*lines[: max(1, height - len(foot))], *foot][:height]


def _answer(forecast: Forecast, frame: Frame, width: int) -> Line:
    """The value now, what is expected of its limit, and its peak."""
    now = frame.value(forecast.metric)
    shown = show_metric(forecast.metric, now)
    said = verdict(forecast, frame.at, now)
    parts: list[Line] = [[number(shown), dim(f" {shown.unit} now")], said]
    if not forecast.problem and forecast.limit is not None:
        parts.append(peak(forecast, frame.at))
    if now is None:
        parts = [said, *parts[2:]]
    return as_many(parts, width, "   ") or said


def chart(
    forecast: Forecast, came: list[float], width: int, height: int, *, now: str = "now"
) -> list[Line]:
    """The drawing, with what came over what was expected, and its time axis."""
    limits = () if forecast.limit is None else (Limit(forecast.limit, "limit"),)
    worse = _worse(forecast)
    course = Course(
        forecast.past, forecast.median, forecast.low, forecast.high, limits, worse, came
    )
    drawn = plot(course, width, height - 1, metric(forecast.metric).unit)
    if not drawn.lines:
        return []
    step = forecast.step / drawn.cells_a_step if drawn.cells_a_step else 0.0
    return [*drawn.lines, time_axis(width, AXIS, drawn.now, step, forecast.made_at, name=now)]


def _worse(forecast: Forecast) -> Worse:
    """The direction of harm: towards the limit, where the metric has none of its own."""
    worse = metric(forecast.metric).worse
    return Worse.HIGH if worse is Worse.NEITHER and forecast.limit is not None else worse


def basis(forecast: Forecast, width: int) -> Line:
    """What the forecast is made of."""
    if forecast.problem:
        return []
    season = f"repeats every {span(forecast.season)}" if forecast.season else "no season"
    parts: list[Line] = [
        [dim("made of "), ink(forecast.method)],
        [dim(f"{percent(forecast.level)} % band")],
        [dim(season)],
        [dim(f"steps of {span(forecast.step)}")],
        [dim(f"{span(forecast.step * len(forecast.past))} of history")],
    ]
    return as_many(parts if forecast.method else parts[1:], width, " · ")
