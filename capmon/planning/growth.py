"""Chapter three: how the load grows and repeats itself, and when that meets a limit."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.days.trends import EXPONENTIAL
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.metric import Unit, metric
from capmon.model.names import RATE
from capmon.model.patterns import Growth
from capmon.model.plan import Chapter, Chart, Column, Figure, Line, Statement, Table
from capmon.model.units import percent, span
from capmon.planning.evidence import Evidence
from capmon.planning.load import daily_busy, whole_hours
from capmon.planning.times import Reach, foretells, reaches
from capmon.planning.words import REQUESTS, counted, day, estimated, label, ranged, when

KEY, TITLE = "growth", "Growth, seasons and scenarios"

DAY = 86400.0
MONTH = 30.0

_CHART_POINTS = 200


def chapter(evidence: Evidence) -> Chapter:
    """Growth rates, seasons, scenarios, the load at the horizon, and when each limit is reached."""
    found = reaches(evidence)
    tables = tuple(
        t
        for t in (
            _times(evidence, found),
            _rates(evidence),
            _seasons(evidence),
            _scenarios(evidence),
        )
        if t is not None
    )
    charts = (*_load_chart(evidence), *_share_charts(evidence))
    return Chapter(
        KEY, TITLE, _answer(evidence, found), _statements(evidence, found), _figures(evidence), tables,
        charts, missing=_missing(evidence),
    )  # fmt: skip


def _answer(evidence: Evidence, found: tuple[Reach, ...]) -> str:
    then, horizon = evidence.load_then, span(evidence.question.horizon)
    if then is None:
        return f"Growth of the load is not known: {evidence.reasons.get('load_then', 'no load')}."
    how = f"assumed: {evidence.assumed}" if evidence.assumed else f"trend: {evidence.ahead.model}"
    said = f"The busy hour comes to {ranged(then, REQUESTS)} in {horizon} ({how})"
    first = next((r for r in found if r.when.t50 is not None), None)
    if not found:
        return f"{said}; no limit is known that it could reach."
    if first is None:
        return f"{said}; no limit is likely to be reached by then."
    return f"{said}; {first.name} is reached first, {when(first.when.t50, evidence.until, evidence.zone)}."


def _figures(evidence: Evidence) -> tuple[Figure, ...]:
    growth = evidence.growths.get(RATE)
    problem = "no load was recorded" if growth is None else growth.problem
    figures: list[Figure] = []
    if growth is not None and growth.rate is not None:
        text = f"{growth.model} trend of {growth.n} means, {span(growth.days * DAY)}, memory allowed for"
        figures.append(estimated("growth of the mean load a day", growth.rate, Unit.RATIO, text))
        if growth.doubling_days is not None:
            figures.append(counted("doubles at this rate in", growth.doubling_days, "days", text))
        elif not growth.problem:
            reason = "growth is not told from none"
            figures.append(counted("doubles at this rate in", None, "days", text, reason))
    else:
        figures.append(estimated("growth of the mean load a day", None, Unit.RATIO, "", problem or "shorter than two days"))  # fmt: skip
    how = evidence.assumed or f"{evidence.ahead.model} trend of the busy hours by day"
    figures.append(
        estimated(
            f"busy-hour load in {span(evidence.question.horizon)}", evidence.load_then, REQUESTS,
            f"assumed: {how}" if evidence.assumed else how, evidence.reasons.get("load_then", ""),
        )
    )  # fmt: skip
    return tuple(figures)


def _rates(evidence: Evidence) -> Table | None:
    """Growth of everything that is followed."""
    rows = []
    for key, g in sorted(evidence.growths.items()):
        if not foretells(evidence, key) or g.per_day is None:
            continue
        unit = metric(key).unit
        rows.append((label(key), g.model, ranged(_monthly(g), unit), _relative(g), g.n, g.caution))
    if not rows:
        return None
    columns = (
        Column("metric"), Column("trend"), Column("change in 30 days at this pace"),
        Column("relative, a day"), Column("points"), Column("caution"),
    )  # fmt: skip
    return Table(
        "What grows", columns, tuple(rows), "means of whole days; 95 % intervals of the slope"
    )


def _monthly(growth: Growth) -> Estimate:
    each, rate = growth.per_day or Estimate(0.0), growth.rate
    if growth.model == EXPONENTIAL and rate is not None and rate.value:
        # What grows by a share a day grows by more each day.
        level = each.value / rate.value
        low, high = (None if v is None else level * _compound(v) for v in (rate.low, rate.high))
        return Estimate(level * _compound(rate.value), low, high, rate.level)
    low, high = (None if v is None else v * MONTH for v in (each.low, each.high))
    return Estimate(each.value * MONTH, low, high, each.level)


def _compound(rate: float) -> float:
    """Growth in a month, as a share, of what grows by a share a day."""
    return math.expm1(MONTH * math.log1p(max(rate, -0.999999)))


def _relative(growth: Growth) -> str:
    return "–" if growth.rate is None else ranged(growth.rate, Unit.RATIO)


def _seasons(evidence: Evidence) -> Table | None:
    p = evidence.patterns
    if p is None or not p.seasons:
        return None
    rows = tuple(
        (s.name, "yes" if s.present else "no", s.strength, s.p_value, s.cycles, s.problem)
        for s in p.seasons
    )
    columns = (
        Column("season"), Column("claimed"), Column("strength", Unit.RATIO), Column("p-value"),
        Column("cycles"), Column("why not tested"),
    )  # fmt: skip
    text = f"strength: share of the variance explained out of sample; {p.n:,} cells, hours of {p.time_zone}"
    return Table("Seasons of the load", columns, rows, text)


def _scenarios(evidence: Evidence) -> Table | None:
    if not evidence.loads:
        return None
    p = evidence.patterns
    names = [s.name for s in evidence.loads]
    chosen = names.index(p.size_for) if p is not None and p.size_for in names else None
    rows = tuple((s.name, s.load, s.factor, s.text) for s in evidence.loads)
    columns = (
        Column("scenario"),
        Column("load", REQUESTS),
        Column("× baseline"),
        Column("what it is"),
    )
    text = "" if p is None else f"size for {p.size_for}: {p.size_reason}" if p.size_for else ""
    return Table("Loads to size for", columns, rows, text, chosen)


def _times(evidence: Evidence, found: tuple[Reach, ...]) -> Table | None:
    """When each limit is reached."""
    if not found:
        return None

    def cell(seconds: float | None) -> str:
        return when(seconds, evidence.until, evidence.zone)

    rows = tuple(
        (r.name, r.limit, cell(r.when.t10), cell(r.when.t50), cell(r.when.t90), r.evidence)
        for r in found
    )
    columns = (
        Column("limit"), Column("reached at"), Column("at the earliest (10 %)"), Column("by the median"),
        Column("at the latest (90 %)"), Column("evidence"),
    )  # fmt: skip
    horizon = span(evidence.question.horizon)
    return Table("When each limit is reached", columns, rows, f"a dash: not within {horizon}")


def _load_chart(evidence: Evidence) -> tuple[Chart, ...]:
    """Busy hours by day, what is expected of them, and the limits."""
    hours, ahead = evidence.hourly.get(RATE), evidence.ahead
    if hours is None:
        return ()
    at, busy = daily_busy(hours)
    lines = [Line("busy hour of the day", *_pairs(at * DAY, busy))]
    if ahead.loads:
        x = tuple(evidence.until + d * DAY for d in ahead.days.tolist())
        role = "median"
        lines.append(Line("expected", x, tuple(e.value for e in ahead.loads), role))
        for role, ends in (("low", [e.low for e in ahead.loads]), ("high", [e.high for e in ahead.loads])):  # fmt: skip
            lines.append(Line(role, x, tuple(math.nan if v is None else v for v in ends), role))
    if not len(at) and not ahead.loads:
        return ()
    begin = float(at[0]) * DAY if len(at) else evidence.until
    end = evidence.horizon_at if ahead.loads else evidence.until
    lines += [
        Line(label(room.target), (begin, end), (room.at.value,) * 2, "limit")
        for room in evidence.headroom
        if room.at is not None and room.load == RATE and not room.extrapolated
    ]
    return (Chart("Busy-hour load: measured, expected, limits", "time", REQUESTS, tuple(lines)),)


def _pairs(x: Vec, y: Vec) -> tuple[tuple[float, ...], tuple[float, ...]]:
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    step = max(1, len(xs) // _CHART_POINTS)
    return tuple(xs[::step].tolist()), tuple(ys[::step].tolist())


def _share_charts(evidence: Evidence) -> tuple[Chart, ...]:
    """Disks: measured, expected, threshold."""
    found = []
    for key, g in sorted(evidence.growths.items()):
        if (
            not foretells(evidence, key)
            or not key.startswith("system.filesystem.utilization{")
            or not g.outlook
        ):
            continue
        times, means = whole_hours(evidence.hourly[key])
        x = (evidence.until, *(evidence.until + o.days * DAY for o in g.outlook))
        last = float(means[-1])

        def ys(values: list[float | None], first: float = last) -> tuple[float, ...]:
            return (first, *(math.nan if v is None else min(max(v, 0.0), 1.0) for v in values))

        limit = float(evidence.settings.thresholds.disk.warning)
        ends = (float(times[0]), x[-1])
        lines = (
            Line("measured", *_pairs(times, means)),
            Line("expected", x, ys([o.value.value for o in g.outlook]), "median"),
            Line("low", x, ys([o.value.low for o in g.outlook]), "low"),
            Line("high", x, ys([o.value.high for o in g.outlook]), "high"),
            Line("thresholds.disk.warning", ends, (limit, limit), "limit"),
        )
        found.append(Chart(f"{label(key)}: measured and expected", "time", Unit.RATIO, lines))
    return tuple(found)


def _statements(evidence: Evidence, found: tuple[Reach, ...]) -> tuple[Statement, ...]:
    said = []
    for r in found:
        if r.when.t50 is None:
            continue
        severity = "critical" if r.when.t50 <= 0 else "high" if r.when.t50 < 30 * DAY else "medium"
        text = (
            f"{r.name} is reached already."
            if r.when.t50 <= 0
            else f"{r.name} is reached {when(r.when.t50, evidence.until, evidence.zone)}; "
            f"with a probability of 10 % {when(r.when.t10, evidence.until, evidence.zone)}."
        )
        said.append(Statement(text, severity, r.evidence))
    if evidence.ahead.caution:
        said.append(
            Statement(
                f"Beyond its own length a history says little: {evidence.ahead.caution}.", "low"
            )
        )
    p = evidence.patterns
    if p is not None and p.peak is not None:
        end = (p.peak.start + p.peak.hours) % 24
        text = (
            f"The day is busiest from {p.peak.start:02d} to {end:02d} o'clock {p.time_zone}; the greatest "
            f"hour fell there on {percent(p.peak.share_of_days)} % of days."
        )
        said.append(Statement(text, "", f"{p.n:,} cells since {day(p.since, evidence.zone)}"))
    return tuple(said)


def _missing(evidence: Evidence) -> tuple[str, ...]:
    found = [evidence.reasons[k] for k in ("load_now", "load_then") if k in evidence.reasons]
    found += [
        f"growth of {label(k)}: {g.problem}" for k, g in evidence.growths.items() if g.problem
    ]
    found += [
        f"growth of {label(k)}: needs 2 days, has {span(g.days * DAY)}"
        for k, g in evidence.growths.items()
        if not g.problem and not foretells(evidence, k)
    ]
    p = evidence.patterns
    if p is not None and p.problem:
        found.append(f"days and weeks of the load: {p.problem}")
    return tuple(dict.fromkeys(found))
