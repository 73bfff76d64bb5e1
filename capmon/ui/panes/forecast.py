"""Forecasts: what came, what is expected, and the answer in a short sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Forecast, TimeToLimit
from capmon.model.units import percent, show, show_metric, span
from capmon.ui.panes import held
from capmon.ui.panes.chosen import MARK, forecast_of, marked, window
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import chance_text, clock, full_name, short_name
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.spark import spark
from capmon.ui.widgets.text import Line, bold, dim, ink, label, length

LABEL = 9
"""Cells of `host cpu` and the gap after it."""

NAMED = 12
"""Cells of `host memory` and the gap after it."""

ANSWER = 34
"""Cells of `  0 % over 191 req/s within 90 s` and the gap before it."""

LEAST_SPARK = 4
"""Cells below which a spark says nothing."""

CAME = 3
"""Cells of the rule before what came, and of the mark behind it."""

LEAST_AHEAD = 60.0
"""Seconds that a forecast must reach before it names a time."""

NEAR = 600.0
"""Seconds ahead for which a span is said instead of a time of day."""

LIKELY = 0.2
"""From this probability on, a breach is shown as a warning."""

FAR = 0.5
"""Up to this share of its limit a value is far from it."""

RARE = 0.05
"""Below this probability a breach far away worries nobody: few past forecasts never say much less."""


class ForecastPane(Pane):
    """Forecasts."""

    name_of_pane = "forecast"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a metric, then how past forecasts did."""
        ahead = max((f.horizon for f in frame.forecasts), default=0.0)
        title = f"forecast · {span(ahead)}" if ahead else "forecast"
        return Drawing(title, draw(frame, width, height))


class ForecastsPane(Pane):
    """The forecasts to choose from."""

    name_of_pane = "forecasts"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a metric, the selected one marked and always in view."""
        return Drawing("metrics", listed(frame, view, width, height))


def listed(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines, in an order that does not change."""
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    chosen = forecast_of(frame, view)
    if chosen is None:
        return [[dim("nothing to forecast yet")]]
    each = frame.forecasts
    at = next(i for i, f in enumerate(each) if f is chosen)
    return [
        marked(_named(f, frame, width - MARK), selected=f is chosen)
        for f in window(each, at, height)
    ]


def _named(forecast: Forecast, frame: Frame, width: int) -> Line:
    """A line with the name in full: two disks are told apart."""
    name = full_name(forecast.metric)
    came = held.course(forecast, frame)
    now = frame.value(forecast.metric)
    return forecast_line(forecast, frame.at, width, now, name=name, came=came)


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    shown = frame.forecasts
    if len(shown) > height:
        # Where not all fit, those that are about to cross a limit stay, each in its place.
        likely = [-(f.breach_probability or 0.0) // LIKELY for f in shown]
        kept = sorted(range(len(shown)), key=lambda i: (likely[i], i))[:height]
        shown = tuple(shown[i] for i in sorted(kept))
    lines = [
        forecast_line(f, frame.at, width, frame.value(f.metric), came=held.course(f, frame))
        for f in shown
    ]
    if not lines:
        return [[dim("nothing to forecast yet")]]
    score = held.total(frame) or coverage_line(frame)
    if score and height > len(lines):
        if height > len(lines) + 1:
            lines.append([])
        lines.append(score)
    return lines[:height]


def name_of(forecast: Forecast) -> str:
    """Short name of what is forecast."""
    return short_name(forecast.metric)


def forecast_line(
    forecast: Forecast,
    now: float,
    width: int,
    value: float | None = None,
    *,
    name: str = "",
    came: Sequence[float] = (),
) -> Line:
    """Label, past and future side by side, what came of it, and the answer.

    Args:
        forecast: What to show.
        now: Unix time.
        width: Cells.
        value: The metric now.
        name: Its name in full, where it has a wider column; else the short one.
        came: What came in the steps of the forecast; none while live.
    """
    line: Line = [label(name, NAMED - 1), dim(" ")] if name else [label(name_of(forecast), LABEL)]
    room = width - length(line) - ANSWER
    fits = room >= 3 * LEAST_SPARK + CAME
    half = max(0, min(16, (room - CAME) // 3 if came and fits else room // 2))
    found = held.held(forecast, came)
    if half >= LEAST_SPARK:
        past, future = _resampled(forecast.past, half), _resampled(forecast.median, half)
        after = _resampled(tuple(came), half) if fits else []
        top = _top(forecast, past, [*future, *after])
        tones = ("dim", "faint") if forecast.demoted else ("accent", "future")
        line += [
            (spark(past, half, top), tones[0]),
            ("▏", "faint"),
            (spark(future, len(future), top).ljust(half), tones[1]),
        ]
        if after:
            line += [("▏", "faint"), (spark(after, len(after), top).ljust(half), "accent")]
        line.append(dim("  "))
    if found is not None and not forecast.demoted:
        line += [found.mark, dim(" ")]
    return [*line, *verdict(forecast, now, value, width - length(line))]


def verdict(forecast: Forecast, now: float, value: float | None = None, width: int = 1000) -> Line:
    """The answer, unless there is none or past forecasts did too badly to give one.

    Args:
        forecast: What to tell of.
        now: Unix time.
        value: The metric now.
        width: Cells; a doubt that is longer loses whole words.
    """
    if forecast.problem:
        return [dim(forecast.problem)]
    # What crossed a limit was measured and stands whatever is thought of the forecast.
    if forecast.demoted and not is_past(forecast, value) and not has_crossed(forecast):
        if _harmless(forecast, value):
            return [dim("▲ "), *answer(forecast, now, value)]
        return [bold("▲ ", "warning"), dim(_doubt(forecast.demoted, width - 2))]
    return answer(forecast, now, value)


def _harmless(forecast: Forecast, value: float | None) -> bool:
    """Whether the limit is so far away that a poor forecast of it worries nobody."""
    limit, chance = forecast.limit, forecast.breach_probability
    if limit is None or value is None or chance is None or not chance < RARE:
        return False
    return value * FAR >= limit if side(forecast) == "under" else value <= limit * FAR


def _doubt(why: str, width: int) -> str:
    """Why it is not trusted, as much as says something by itself: `not trusted: error 2.0×`."""
    texts = [f"not trusted: {why}", f"not trusted: {re.split(' (?:that )?of ', why)[0]}"]
    return next((t for t in texts if len(t) <= width), "not trusted")


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
    if limit is not None and is_past(forecast, value):
        return [bold(f"{side(forecast)} {show_metric(forecast.metric, limit)} now", "warning")]
    if limit is not None and is_back(forecast, value):
        back = "over" if side(forecast) == "under" else "under"
        return [ink(f"{show_metric(forecast.metric, limit)} crossed, {back} it now")]
    if limit is not None and crossing is not None:
        said = _crossing(forecast, limit, crossing)
        if said:
            return said
    if limit is not None and forecast.breach_probability is not None:
        return _breach(forecast, limit, forecast.breach_probability, now)
    return peak(forecast, now)


def _crossing(forecast: Forecast, limit: float, crossing: TimeToLimit) -> Line:
    shown = show_metric(forecast.metric, limit)
    if crossing.t50 is not None and crossing.t50 < 0:
        return [bold(f"{shown} crossed {span(crossing.t50)} ago", "critical")]
    # Ahead of a minute there is nothing to plan: how likely it is says enough.
    sure = (forecast.breach_probability or 0.0) >= 0.5 and forecast.horizon >= LEAST_AHEAD
    if crossing.t50 is None or not sure:
        return []
    if crossing.t10 is None or crossing.t90 is None:
        return [dim(f"{shown} in "), bold(span(crossing.t50), "warning")]
    low, middle, high = (max(t, 0.0) for t in (crossing.t10, crossing.t50, crossing.t90))
    # Minutes that read the same are told in seconds, all three, for them to be compared.
    told = same_unit if len({span(low), span(middle), span(high)}) < 3 and high < NEAR else span
    return [
        dim(f"{shown} in "),
        bold(told(middle), "warning"),
        dim(f" ({range_of(low, high, told)})"),
    ]


def same_unit(seconds: float) -> str:
    """A span in seconds: `130 s`."""
    return f"{seconds:.0f} s"


def range_of(low: float, high: float, told: Callable[[float], str] = span) -> str:
    """`9–18 d`."""
    first, last = told(max(low, 0.0)), told(high)
    if first == last:
        return last
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
    return [
        bold(f"{chance_text(probability)} %".rjust(5), tone),
        dim(f" {side(forecast)} {shown} {by}"),
    ]


def side(forecast: Forecast) -> str:
    """`under` where low values do harm, else `over`."""
    return "under" if metric(forecast.metric).worse == "low" else "over"


def has_crossed(forecast: Forecast) -> bool:
    """Whether it is known since when the limit is crossed."""
    crossing = forecast.time_to_limit
    return crossing is not None and crossing.t50 is not None and crossing.t50 < 0


def is_back(forecast: Forecast, value: float | None) -> bool:
    """Whether a limit that was crossed when the forecast was made is not any more."""
    limit = forecast.limit
    if limit is None or value is None or not has_crossed(forecast):
        return False
    return value >= limit if side(forecast) == "under" else value <= limit


def is_past(forecast: Forecast, value: float | None) -> bool:
    """Whether the limit is crossed already: there is no time left to say."""
    limit = forecast.limit
    if limit is None or value is None or has_crossed(forecast):
        return False
    return value < limit if side(forecast) == "under" else value > limit


def peak(forecast: Forecast, now: float) -> Line:
    """The greatest expected value, its interval, and when."""
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
        line += [dim(", MASE "), bold(f"{sorted(errors)[len(errors) // 2]:.2f}")]
    return line
