"""How likely the selected metric has crossed its limit by which time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from capmon.model.frame import Frame
from capmon.model.results import Chance, Forecast
from capmon.model.units import show_metric, span, spans
from capmon.ui.panes.chosen import forecast_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import between, chance_text, clock, local_zone
from capmon.ui.panes.forecast import LIKELY, NEAR, has_crossed, is_back, is_past, side
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, ink, join, label, length, number

WORDS = 27
"""Cells of `nine in ten  not within 6 h`."""

TIME = 13
"""Cells of `17 Mar 15:30` and the gap after it."""

INTERVAL = 15
"""Cells of ` (0.512–0.611)` and a blank."""

MOST = 6
"""Times for which an expected value is said, at most."""

Thing = TypeVar("Thing")

TAIL = 6
"""Cells of ` >99 %`."""


class BreachPane(Pane):
    """The chance of a breach by hour."""

    name_of_pane = "breach"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A bar for each time; beside it when one, five and nine in ten cases have crossed."""
        forecast = forecast_of(frame, view)
        if forecast is None or forecast.limit is None:
            return Drawing("expected", draw(forecast, frame, width, height))
        limit = show_metric(forecast.metric, forecast.limit)
        title = f"{side(forecast)} {limit}"
        # Beside the load's days in their own zone, a bare time of day could be either's.
        if forecast.breach_by and forecast.horizon >= NEAR and local_zone(frame):
            title += " · times in UTC"
        return Drawing(title, draw(forecast, frame, width, height))


def draw(forecast: Forecast | None, frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    if forecast is None:
        return [[dim("nothing to forecast yet" if frame.engine_ready else loading(frame))]]
    if forecast.problem:
        return [[dim(forecast.problem)]]
    if forecast.limit is None:
        return expected(forecast, frame, width, height)
    wide = width >= WORDS + 3 + TIME + TAIL + 8
    room = width - WORDS - 3 if wide else width
    # Side by side where there is room; else the words are one line above the bars.
    said = words(forecast, frame) if wide else [sentence(forecast, frame, width)]
    above = [] if wide else said
    shown = chosen(forecast.breach_by, height - len(above))
    times = _when([c.ahead for c in shown], forecast, frame)
    bars = [_bar(c, t, room) for c, t in zip(shown, times, strict=True)]
    if not bars:
        # What is over its limit now may come back: the expected values tell.
        known = _already(forecast, frame)
        rest = expected(forecast, frame, width, height - 1) if known else said
        return [known, *rest][:height] if known else rest[:height]
    if not wide:
        return [*above, *bars]
    rows = max(len(bars), len(said))
    bars += [[dim(" " * room)]] * (rows - len(bars))
    said += [[]] * (rows - len(said))
    return [join([b, w], " " * (room + 3 - length(b))) for b, w in zip(bars, said, strict=True)][
        :height
    ]


def chosen(things: Sequence[Thing], room: int) -> list[Thing]:
    """As many as there is room for, evenly apart, the last among them."""
    n = len(things)
    if room <= 0 or not n:
        return []
    if n <= room:
        return list(things)
    return [things[(i + 1) * n // room - 1] for i in range(room)]


def expected(forecast: Forecast, frame: Frame, width: int, height: int) -> list[Line]:
    """Without a limit there is no breach: what is expected by when, with its interval."""
    found = list(zip(forecast.median, forecast.low, forecast.high, strict=False))
    greatest = max((m for m, _, _ in found if math.isfinite(m)), default=0.0)
    lines: list[Line] = []
    places = chosen(range(len(found)), min(height, MOST))
    times = _when([(i + 1) * forecast.step for i in places], forecast, frame)
    for i, time in zip(places, times, strict=True):
        median, low, high = found[i]
        shown = show_metric(forecast.metric, median)
        inside = f" ({between(forecast.metric, low, high)})"
        line: Line = [
            label(time, TIME),
            number(shown),
            dim(f" {shown.unit:<6}"),
        ]
        room = width - length(line) - INTERVAL - 1
        share = median / greatest if greatest > 0 else None
        tail = (
            [label(inside, INTERVAL), dim(" "), *bar(share, room, "future")]
            if room >= 4
            else [dim(inside)]
        )
        lines.append(line + tail)
    return lines or [[dim("nothing is expected")]]


def _bar(chance: Chance, when: str, width: int) -> Line:
    """`16:30        ███▌····  12 %`."""
    level = chance.probability
    tone = "warning" if math.isfinite(level) and level >= LIKELY else "accent"
    time = TIME if width >= TIME + TAIL + 8 or len(when) >= TIME - 7 else TIME - 7
    return [
        label(when, time),
        *bar(level, max(0, width - time - TAIL), tone),
        bold(f"{chance_text(level):>4}", "warning" if tone == "warning" else "ink"),
        dim(" %"),
    ]


def _when(ahead: Sequence[float], forecast: Forecast, frame: Frame) -> list[str]:
    """Times of rows below each other, different ones never written the same."""
    if forecast.horizon < NEAR:
        return [f"in {text}" for text in spans(ahead)]
    return [clock(forecast.made_at + seconds, frame.at) for seconds in ahead]


def words(forecast: Forecast, frame: Frame) -> list[Line]:
    """When one, five and nine in ten cases have crossed the limit, a line each."""
    crossed = _already(forecast, frame)
    names = ("one in ten", "one in two", "nine in ten")
    return [crossed] if crossed else [
        [label(name, 13), *by] for name, by in zip(names, _each(forecast, frame), strict=True)
    ]  # fmt: skip


def sentence(forecast: Forecast, frame: Frame, width: int) -> Line:
    """The same in one line: `1 in 10 by 15:42, 1 in 2 by 18:36`."""
    crossed = _already(forecast, frame)
    if crossed:
        return crossed
    names = ("1 in 10 ", "1 in 2 ", "9 in 10 ")
    each = zip(names, _times(forecast), _each(forecast, frame), strict=True)
    parts: list[Line] = [[dim(n), *by] for n, s, by in each if s is not None]
    if not parts:
        return [dim(f"fewer than 1 in 10 within {span(forecast.horizon)}")]
    return as_many(parts, width, ", ") or parts[0]


def _already(forecast: Forecast, frame: Frame) -> Line:
    """What is known rather than expected."""
    if is_back(forecast, frame.value(forecast.metric)):
        return [ink("crossed, but not now")]
    if has_crossed(forecast) and forecast.time_to_limit is not None:
        return [bold(f"crossed {span(forecast.time_to_limit.t50 or 0.0)} ago", "critical")]
    if is_past(forecast, frame.value(forecast.metric)):
        return [bold(f"{side(forecast)} it now", "warning")]
    return []


def _times(forecast: Forecast) -> tuple[float | None, float | None, float | None]:
    found = forecast.time_to_limit
    return (None, None, None) if found is None else (found.t10, found.t50, found.t90)


def _each(forecast: Forecast, frame: Frame) -> list[Line]:
    """By when each share of cases has crossed, spans that differ told apart."""
    times = _times(forecast)
    known = [s for s in times if s is not None and math.isfinite(s) and s > 0]
    said = dict(zip(known, spans(known), strict=True))
    return [_by(s, said, forecast, frame) for s in times]


def _by(seconds: float | None, said: Mapping[float, str], forecast: Forecast, frame: Frame) -> Line:
    if seconds is None or not math.isfinite(seconds):
        return [dim(f"not within {span(forecast.horizon)}")]
    if seconds <= 0:
        return [bold("already")]
    if seconds < NEAR or forecast.horizon < NEAR:
        return [dim("in "), bold(said[seconds])]
    return [dim("by "), bold(clock(forecast.made_at + seconds, frame.at))]
