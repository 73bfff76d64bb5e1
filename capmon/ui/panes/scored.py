"""Past forecasts of the selected metric, held against what came."""

from __future__ import annotations

from collections.abc import Sequence

from capmon.model.frame import Frame
from capmon.model.results import Coverage, Forecast, Scored
from capmon.model.units import percent, show_metric, span
from capmon.ui.panes.chosen import forecast_of
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import clock, figure, local_zone, unit_of
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, cut, dim, ink, join, length, padded

HIT, ABOVE, BELOW = "·", "▲", "▼"

SLACK = 1e-9
"""Share of a value by which rounding may move it past an end."""

INTERVAL = 13
"""Cells of ` 0.512–0.611 `."""

CAME = 7
MINUTE = 60.0


class ScoredPane(Pane):
    """Past forecasts and what came."""

    name_of_pane = "scored"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The sum, a mark a point, and the last points in full, the latest first."""
        forecast = forecast_of(frame, view)
        if forecast is None:
            text = "no forecast has come due yet" if frame.engine_ready else loading(frame)
            return Drawing("past forecasts", [[dim(text)]])
        lines = draw(forecast, frame, width, height)
        title = "past forecasts"
        if forecast.coverage is not None:
            title += f" · last {span(forecast.coverage.window)}"
        return Drawing(title, lines[:height], fixed=height)


def draw(forecast: Forecast, frame: Frame, width: int, height: int) -> list[Line]:
    """The lines, the sum first."""
    if forecast.coverage is None and not forecast.scored:
        return [[dim("none has come due yet")]]
    lines: list[Line] = []
    if forecast.demoted:
        lines.append([bold("▲ ", "warning"), ink(f"not trusted: {forecast.demoted}")])
    if forecast.coverage is not None:
        lines += summary(forecast.coverage, forecast.level, width, height)
    if forecast.scored and height > len(lines):
        lines.append(strip(forecast.scored, width))
    if height > len(lines) + 1 and forecast.scored:
        lines += table(forecast, frame, width, height - len(lines))
    return lines


def summary(found: Coverage, level: float, width: int, height: int) -> list[Line]:
    """`95 % band held 94 % of 212 points, MASE 0.82, error 0.61× naive` in one line or two."""
    tone = "warning" if found.inside < level - 0.1 else "ink"
    held: Line = [
        dim(f"{percent(level)} % band held "),
        bold(f"{percent(found.inside)} %", tone),
        dim(f" of {found.scored} points"),
    ]
    more: list[Line] = []
    if found.mase is not None:
        more.append([dim("MASE "), bold(f"{found.mase:.2f}")])
    if found.naive_ratio is not None:
        worse = found.naive_ratio > 1
        more.append([dim("error "), bold(f"{found.naive_ratio:.2f}×", "warning" if worse else "ink"), dim(" naive")])  # fmt: skip
    one = as_many([held, *more], width, ", ")
    if height < 6 or length(one) == length(join([held, *more], ", ")):
        return [one]
    return [held, as_many(more, width, ", ")]


def missed(point: Scored) -> int:
    """0 where what came lay inside the interval, 1 above it, -1 below."""
    slack = SLACK * max(abs(point.actual), abs(point.median))
    if point.actual > point.high + slack:
        return 1
    return -1 if point.actual < point.low - slack else 0


def strip(points: Sequence[Scored], width: int) -> Line:
    """A mark a point, the latest at the right: inside, above, below."""
    legend = "  ▲ above ▼ below"
    room = width - len(legend) if width >= 3 * len(legend) else width
    out: Line = []
    for point in points[-max(1, room) :]:
        side = missed(point)
        run = (HIT, "dim") if not side else (ABOVE if side > 0 else BELOW, "warning")
        if out and out[-1][1] == run[1]:
            out[-1] = (out[-1][0] + run[0], run[1])
        else:
            out.append(run)
    blank = room - sum(len(t) for t, _ in out)
    return [dim(" " * blank), *out, dim(legend if room < width else "")]


def table(forecast: Forecast, frame: Frame, width: int, height: int) -> list[Line]:
    """The last points, the latest first: when, how far ahead, the interval, what came."""
    points = forecast.scored[::-1][: height - 1]
    unit = unit_of(forecast.metric, [p.actual for p in points])
    fine = any(p.ahead < MINUTE for p in forecast.scored)
    time = 9 if fine else 6
    said = "interval".rjust(INTERVAL)
    head = f"{'UTC' if local_zone(frame) else 'time':<{time}}{'ahead':>6}{said}{'came':>{CAME}} {_unit(forecast, unit)}"
    # Without room for the words, the marks alone stand behind the values.
    words = width >= time + 6 + INTERVAL + CAME + 9
    head = head if len(head) <= width else head.rsplit(" ", 1)[0]
    lines: list[Line] = [[dim(cut(head, width))]]
    return lines + [_row(p, forecast, frame, unit, time, words=words) for p in points]


def _unit(forecast: Forecast, unit: str) -> str:
    """The unit as it is said of this metric: requests by their name."""
    return "req/s" if show_metric(forecast.metric, 1.0).unit == "req/s" and unit == "/s" else unit


def _row(
    point: Scored, forecast: Forecast, frame: Frame, unit: str, time: int, *, words: bool
) -> Line:
    side = missed(point)
    low, high = (figure(forecast.metric, v, unit, 6).strip() for v in (point.low, point.high))
    glyph, word = ((HIT, "hit"), (ABOVE, "above"), (BELOW, "below"))[side]
    text = f"{glyph} {word}" if words else glyph
    mark = bold(text, "warning") if side else dim(text)
    return [
        padded(clock(point.at, frame.at, seconds=time > 6), time, "dim"),
        dim(f"{span(point.ahead):>6}"),
        dim(f"{low}–{high}".rjust(INTERVAL)[:INTERVAL]),
        bold(figure(forecast.metric, point.actual, unit, CAME)),
        dim("  "),
        mark,
    ]
