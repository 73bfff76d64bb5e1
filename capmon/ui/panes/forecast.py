"""Forecasts: what came, what is expected, and the answer in a short sentence."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Forecast, TimeToLimit
from capmon.model.units import percent, show, show_metric, span
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.spark import spark
from capmon.ui.widgets.text import Line, bold, dim, label

LABEL = 5
ANSWER = 34
"""Cells of `  0 % over 191 req/s within 90 s` and the gap before it."""

LEAST_AHEAD = 60.0
"""Seconds that a forecast must reach before it names a time."""

NEAR = 600.0
"""Seconds ahead for which a span is said instead of a time of day."""

LIKELY = 0.2
"""From this probability on, a breach is shown as a warning."""

SHORT = {
    "http.server.request.rate": "rate",
    "http.server.request.duration.p95": "p95",
    "system.cpu.utilization": "cpu",
    "process.cpu.utilization": "cpu",
    "system.memory.utilization": "mem",
    "process.memory.utilization": "mem",
    "system.filesystem.utilization": "disk",
}


class ForecastPane(Pane):
    """Forecasts."""

    name_of_pane = "forecast"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a metric, then how past forecasts did."""
        ahead = max((f.horizon for f in frame.forecasts), default=0.0)
        title = f"forecast · {span(ahead)}" if ahead else "forecast"
        return Drawing(title, draw(frame, width, height))


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    if not frame.engine_ready:
        return [[dim("loading the models")]]
    shown = frame.forecasts
    if len(shown) > height:
        # Where not all fit, those that are about to cross a limit stay; the order is stable.
        shown = tuple(sorted(shown, key=lambda f: -(f.breach_probability or 0.0) // LIKELY))
    lines = [forecast_line(f, frame.at, width, frame.value(f.metric)) for f in shown]
    if not lines:
        return [[dim("nothing to forecast yet")]]
    score = coverage_line(frame)
    if score and height > len(lines):
        if height > len(lines) + 1:
            lines.append([])
        lines.append(score)
    return lines[:height]


def name_of(forecast: Forecast) -> str:
    """Short name of what is forecast."""
    base = forecast.metric.partition("{")[0]
    return SHORT.get(base, metric(forecast.metric).label)


def forecast_line(forecast: Forecast, now: float, width: int, value: float | None = None) -> Line:
    """Label, past and future side by side, and the answer."""
    line: Line = [label(name_of(forecast), LABEL)]
    room = width - LABEL - ANSWER
    half = max(0, min(16, room // 2))
    if half >= 4:
        past, future = _resampled(forecast.past, half), _resampled(forecast.median, half)
        top = _top(forecast, past, future)
        line += [
            (spark(past, half, top), "accent"),
            ("▏", "faint"),
            (spark(future, len(future), top).ljust(half), "future"),
            dim("  "),
        ]
    return line + (
        answer(forecast, now, value) if not forecast.problem else [dim(forecast.problem)]
    )


def _top(forecast: Forecast, past: list[float], future: list[float]) -> float:
    if metric(forecast.metric).unit is Unit.RATIO:
        return 1.0
    return max((v for v in past + future if math.isfinite(v)), default=1.0)


def _resampled(values: tuple[float, ...], width: int) -> list[float]:
    """At most `width` values: neighbours give their greatest."""
    if len(values) <= width:
        return list(values)
    out = []
    for i in range(width):
        part = values[i * len(values) // width : (i + 1) * len(values) // width]
        known = [v for v in part if math.isfinite(v)]
        out.append(max(known) if known else math.nan)
    return out


def answer(forecast: Forecast, now: float, value: float | None = None) -> Line:
    """The short sentence: past a limit, when it is reached, how likely, or where the peak is."""
    crossing = forecast.time_to_limit
    limit = forecast.limit
    if limit is not None and _is_past(forecast, limit, value):
        return [bold(f"{_side(forecast)} {show_metric(forecast.metric, limit)} now", "warning")]
    if limit is not None and crossing is not None:
        said = _crossing(forecast, limit, crossing)
        if said:
            return said
    if limit is not None and forecast.breach_probability is not None:
        return _breach(forecast, limit, forecast.breach_probability, now)
    return _peak(forecast, now)


def _crossing(forecast: Forecast, limit: float, crossing: TimeToLimit) -> Line:
    shown = show_metric(forecast.metric, limit)
    if crossing.t50 is not None and crossing.t50 < 0:
        return [bold(f"{shown} crossed {span(crossing.t50)} ago", "critical")]
    # Ahead of a minute there is nothing to plan: how likely it is says enough.
    sure = (forecast.breach_probability or 0.0) >= 0.5 and forecast.horizon >= LEAST_AHEAD
    if crossing.t50 is None or not sure:
        return []
    line: Line = [dim(f"{shown} in "), bold(span(crossing.t50), "warning")]
    if crossing.t10 is not None and crossing.t90 is not None:
        line.append(dim(f" ({_range(crossing.t10, crossing.t90)})"))
    return line


def _range(low: float, high: float) -> str:
    first, last = span(max(low, 0.0)), span(high)
    if first.split()[-1] == last.split()[-1]:
        first = first.split()[0]
    return f"{first}–{last}"


def _breach(forecast: Forecast, limit: float, probability: float, now: float) -> Line:
    shown = show_metric(forecast.metric, limit)
    tone = "warning" if probability >= LIKELY else "ink"
    # A time of day that moves on every second would say less than the span does.
    near = forecast.horizon < NEAR
    by = (
        f"within {span(forecast.horizon)}"
        if near
        else f"by {clock(forecast.made_at + forecast.horizon, now)}"
    )
    text = "<1" if 0 < probability < 0.01 else ">99" if 0.99 < probability < 1 else percent(probability)  # fmt: skip
    return [bold(f"{text} %".rjust(5), tone), dim(f" {_side(forecast)} {shown} {by}")]


def _side(forecast: Forecast) -> str:
    return "under" if metric(forecast.metric).worse == "low" else "over"


def _is_past(forecast: Forecast, limit: float, value: float | None) -> bool:
    """Whether the limit is crossed already: there is no time left to say."""
    crossing = forecast.time_to_limit
    if value is None or (crossing is not None and (crossing.t50 or 0.0) < 0):
        return False
    return value < limit if _side(forecast) == "under" else value > limit


def _peak(forecast: Forecast, now: float) -> Line:
    if not forecast.median:
        return [dim("no trend")]
    at = max(range(len(forecast.median)), key=lambda i: forecast.median[i])
    unit = metric(forecast.metric).unit
    line: Line = [dim("peak "), bold(show(forecast.median[at], unit).number)]
    if forecast.low and forecast.high:
        low, high = show(forecast.low[at], unit).number, show(forecast.high[at], unit).number
        line.append(dim(f" ({low}–{high})"))
    ahead = (at + 1) * forecast.step
    when = f"in {span(ahead)}" if ahead < NEAR else clock(forecast.made_at + ahead, now)
    return [*line, dim(f" {when}")]


def clock(at: float, now: float) -> str:
    """A time of day in UTC, with the day when it is far."""
    moment = datetime.fromtimestamp(at, UTC)
    if at - now > 86400:
        return f"{moment:%d %b %H:%M}"
    return f"{moment:%H:%M}"


def coverage_line(frame: Frame) -> Line:
    """How past forecasts did, all metrics together."""
    scored = [(f, f.coverage) for f in frame.forecasts if f.coverage and f.coverage.scored]
    if not scored:
        return []
    total = sum(c.scored for _, c in scored)
    inside = sum(c.inside * c.scored for _, c in scored) / total
    level = scored[0][0].level
    window = max(c.window for _, c in scored)
    line: Line = [
        dim(f"last {span(window)}: {percent(level)} % band held "),
        bold(f"{percent(inside)} %", "warning" if inside < level - 0.1 else "ink"),
    ]
    errors = [c.mase for _, c in scored if c.mase is not None]
    if errors:
        line += [dim(", error "), bold(f"{sorted(errors)[len(errors) // 2]:.2f}"), dim("× naive")]
    return line
