"""The load by hour and day of the week, and the seasons that were found in it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from capmon.model.frame import Frame
from capmon.model.metric import metric
from capmon.model.patterns import Patterns, Season
from capmon.model.units import digits, percent, show_metric, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import figure, unit_of
from capmon.ui.widgets.heatmap import SHADES, TONE, Shading, bracket, hours_axis, shaded, shading
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, faint, ink, label

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 4
"""Cells of `mon` and a blank."""

LABEL = 5
"""Cells of `peak` and a blank."""

HOURS = 24
NEEDS = 2 * 86400.0
"""Seconds of history before which days cannot be told."""

FEW_ROWS = 8
"""Below this height the days are one row."""


class LoadMapPane(Pane):
    """The load by hour and day."""

    name_of_pane = "load"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A row a day and a column an hour, then what was found in them."""
        found = frame.patterns
        if found is None:
            return Drawing("load by hour", [[dim(_not_yet(frame))]])
        title = f"{metric(found.metric).label} by hour · {found.time_zone}"
        return Drawing(title, draw(found, frame, width, height)[:height], fixed=height)


def has_map(frame: Frame) -> bool:
    """Whether the history is long enough for a map."""
    found = frame.patterns
    return found is not None and found.seconds >= NEEDS and shading(found.week) is not None


def _not_yet(frame: Frame) -> str:
    return "days and weeks were not looked for yet" if frame.engine_ready else loading(frame)


def draw(found: Patterns, frame: Frame, width: int, height: int) -> list[Line]:
    """The lines, the map first."""
    scale = shading(found.week)
    if found.seconds < NEEDS or scale is None:
        tested: list[Line] = [
            [label(s.name, LABEL), dim(s.problem)] for s in found.seasons if s.problem
        ]
        return [[ink(too_young(found))], *([[], *tested] if height > 3 else [])]
    each = max(1, (width - DAY) // HOURS)
    axis: Line = [label("", DAY), dim(hours_axis(each))]
    zone = _zone(found.time_zone)
    now = None if zone is None else _local(frame.at, zone)
    if height < FEW_ROWS:
        row = [_middle([day[i] for day in found.week if i < len(day)]) for i in range(HOURS)]
        every: Line = [label("all", DAY), *shaded(row, scale, each)]
        return [axis, every, legend(found, scale, width)]
    lines = [axis]
    for i, (name, day) in enumerate(zip(DAYS, found.week, strict=False)):
        today = now is not None and now.weekday() == i
        head = bold(f"{name:<{DAY}}") if today else label(name, DAY)
        lines.append([head, *shaded(day, scale, each)])
    if found.peak is not None and height >= FEW_ROWS + 3:
        mark = bracket(found.peak.start, found.peak.hours, each, "peak")
        lines.append([label("", DAY), ink(mark)])
    lines.append(legend(found, scale, width))
    if now is not None:
        lines.append(_usual(found, frame, now))
    return [*lines, _peak(found, width), seasons_line(found, width)]


def too_young(found: Patterns) -> str:
    """Why there is no map, in plain words: `needs 2 days, has 3 h`."""
    if found.seconds < NEEDS:
        return f"needs 2 days, has {span(found.seconds)}"
    return found.problem or "nothing was measured"


def legend(found: Patterns, scale: Shading, width: int) -> Line:
    """Which shade stands for which values."""
    edges = scale.edges()
    unit = unit_of(found.metric, edges)
    name = show_metric(found.metric, 0.0).unit if unit == "/s" else unit
    texts = [figure(found.metric, v, unit, 9).strip() for v in edges]
    if scale.flat:
        return [label("", LABEL), (SHADES[1], TONE), dim(f" all {texts[0]} {name}")]
    unknown: Line = [faint("·"), dim(" not known")] if _has_gaps(found) else []
    line: Line = [dim(texts[0])]
    for glyph, text in zip(SHADES, texts[1:], strict=True):
        line += [(f" {glyph * 2} ", TONE), dim(text)]
    whole = as_many([[*line, dim(f" {name}")], unknown], width - LABEL, "   ")
    if whole:
        return [label("", LABEL), *whole]
    return [dim(f"{texts[0]} "), (SHADES, TONE), dim(f" {texts[-1]} {name}")]


def _has_gaps(found: Patterns) -> bool:
    return any(v is None for row in found.week for v in row)


def _middle(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return statistics.median(known) if known else None


def _usual(found: Patterns, frame: Frame, now: datetime) -> Line:
    """What is usual at this hour, and what is."""
    day, hour = now.weekday(), now.hour
    row = found.week[day] if day < len(found.week) else ()
    usual = row[hour] if hour < len(row) else None
    line: Line = [label("now", LABEL), dim(f"{DAYS[day]} {hour:>2} h  usually ")]
    if usual is None:
        line.append(dim("not known"))
    else:
        shown = show_metric(found.metric, usual)
        line += [bold(shown.number), dim(f" {shown.unit}")]
    value = frame.value(found.metric)
    if value is not None:
        shown = show_metric(found.metric, value)
        line += [dim(", is "), bold(shown.number), dim(f" {shown.unit}")]
    return line


def _peak(found: Patterns, width: int) -> Line:
    """The busiest hours, the quietest, and how far they are apart."""
    if found.peak is None:
        return [label("peak", LABEL), dim("no hours stand out")]
    first, last = found.peak.start % HOURS, (found.peak.start + found.peak.hours) % HOURS
    load = show_metric(found.metric, found.peak.median)
    parts: list[Line] = [
        [bold(f"{first}–{last} h"), dim(f" at {load}")],
        [dim(f"on {percent(found.peak.share_of_days)} % of days")],
    ]
    if found.quietest_hour is not None:
        parts.append([dim(f"least at {found.quietest_hour} h")])
    if found.peak_to_trough is not None:
        parts.append([dim(f"{digits(found.peak_to_trough)}× apart")])
    return [label("peak", LABEL), *as_many(parts, width - LABEL, ", ")]


def seasons_line(found: Patterns, width: int) -> Line:
    """What the tests for seasons found: `day explains 83 %, p <.001 · week not found, p .340`."""
    if not found.seasons:
        return [label("found", LABEL), dim("no season was looked for")]
    parts = [season_words(s) for s in found.seasons]
    return [label("", LABEL), *(as_many(parts, width - LABEL, " · ") or parts[0])]


def season_words(season: Season) -> Line:
    """What the test for one season found."""
    if season.problem:
        return [dim(f"{season.name} {season.problem}")]
    tail = "" if season.p_value is None else f", p {_p(season.p_value)}"
    if not season.present:
        return [dim(f"{season.name} not found{tail}")]
    line: Line = [ink(f"{season.name} repeats")]
    if season.strength is not None:
        line = [ink(f"{season.name} explains "), bold(f"{percent(season.strength)} %")]
    return [*line, dim(tail)]


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo | None:
    """The time zone of a name, or None where this machine does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def _local(at: float, zone: tzinfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(at, zone)
    except (OverflowError, ValueError, OSError):
        return None
