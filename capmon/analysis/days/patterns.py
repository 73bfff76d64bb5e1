"""What a long history says of a load: its hours and weekdays, its peaks, and what to size for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from capmon.analysis.days.local_hours import DAY, HOUR, Quarters, by_local_hour, zone
from capmon.analysis.days.pace import LEAD, ROOM, watch
from capmon.analysis.days.seasonal import Thinned, seasons, seasons_of
from capmon.analysis.forecast import ensemble
from capmon.analysis.student import t_quantile
from capmon.analysis.windows import Mat, Vec
from capmon.model.patterns import Patterns, PeakWindow, Scenario, Season, Slot

BUFFER = 1.2
"""Factor above the greatest load for where nothing scales by itself."""

LEAST_POINTS = 12
"""Values below which no scenario is given."""

NEXT_CYCLE = 0.95
"""Probability with which the next day's peak stays within the forecast one."""

_WHOLE_DAY = 0.75
_LONGEST_WINDOW = 12
_MOST_HOURS = 504
_LEAST_PEAKS = 48


def patterns(
    metric: str,
    since: float,
    step: float,
    values: Vec,
    time_zone: str = "UTC",
    *,
    room: float = ROOM,
    lead: float = LEAD,
) -> Patterns:
    """Days, weeks, peaks and scenarios of one metric.

    Hours are those of local clocks; a day of 23 or 25 hours has a gap or an hour twice. Medians
    and quartiles are of hourly means, one a day; a weekday's are of whole days, one a week. Slots
    are filled from two cycles on, and a busiest time is named only where a test finds that the
    day repeats itself.

    Args:
        metric: Its key.
        since: Unix time of the first cell's beginning.
        step: Seconds a cell, above 0.
        values: (n,) oldest first, NaN for gaps.
        time_zone: Name of the zone that hours are of.
        room: Growth that the capacity there is carries without more.
        lead: Seconds that new capacity takes.

    Raises:
        ValueError: The step is not positive.
    """
    if not 0 < step < math.inf:
        raise ValueError(f"step must be a positive number of seconds, got {step}")
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    empty = Patterns(metric, time_zone, since, 0.0, len(known))
    try:
        zone(time_zone)
    except ValueError as error:
        return replace(empty, problem=str(error))
    if not len(known):
        return replace(empty, problem="no values")
    series = Quarters.of(since, step, values)
    seconds = series.width * len(series.count)
    found = Patterns(metric, time_zone, series.since, seconds, len(known), seasons=_seasons(series))
    found = _with_slots(found, series)
    return _with_scenarios(found, series, step, values, known, room, lead)


def _seasons(series: Quarters) -> tuple[Season, ...]:
    """The seasons of the hourly means."""
    if series.width >= HOUR * (1 - 1e-9):
        filled = np.where(series.count > 0, series.total, math.nan)
        return seasons(series.since, series.width, filled)
    length = series.width * len(series.count)
    return seasons_of(Thinned(series.hourly_means(), 24, length))


def _with_slots(found: Patterns, series: Quarters) -> Patterns:
    """Hours, weekdays and busiest time, as far as the history goes."""
    days = found.seconds / DAY
    if days < 2 * (1 - 1e-9):
        return replace(found, problem=f"needs 2 days, has {days:.1f}")
    table = by_local_hour(series, found.time_zone)
    if series.width < DAY * (1 - 1e-9):
        found = replace(found, hours=_slots(table))
    if days >= 14 * (1 - 1e-9) and series.width <= DAY * (1 + 1e-9):
        week = quantiles(table.reshape(-1, 168), (0.5,))[0].reshape(7, 24)
        rows = tuple(tuple(None if math.isnan(v) else float(v) for v in row) for row in week)
        usual = max(1, round(DAY / max(series.width, HOUR)))
        found = replace(found, weekdays=_slots(_whole_days(table, usual).reshape(-1, 7)), week=rows)
    return _with_peak(found, table) if found.seasons[0].present else found


def _slots(table: Mat) -> tuple[Slot, ...]:
    """One slot a column that has values."""
    low, median, high = quantiles(table, (0.25, 0.5, 0.75))
    count = np.isfinite(table).sum(axis=0)
    return tuple(
        Slot(i, float(median[i]), float(low[i]), float(high[i]), int(count[i]))
        for i in range(table.shape[1])
        if count[i]
    )


def quantiles(table: Mat, levels: tuple[float, ...]) -> Mat:
    """(k, columns) quantiles of what is known in each column, NaN where nothing is."""
    ordered = np.sort(table, axis=0)
    last = np.maximum(np.isfinite(table).sum(axis=0) - 1, 0)
    place = np.outer(levels, last)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, last)
    lower = np.take_along_axis(ordered, below, axis=0)
    part = place - below
    return np.asarray(lower * (1 - part) + np.take_along_axis(ordered, above, axis=0) * part)


def _whole_days(table: Mat, usual: int) -> Vec:
    """(d,) mean of each day, NaN where less than three quarters of it are known."""
    known = np.isfinite(table)
    count = known.sum(axis=1)
    scale = max(float(np.abs(table[known]).max()), 1e-300)
    total = np.where(known, table / scale, 0.0).sum(axis=1)
    whole = count >= _WHOLE_DAY * usual
    return np.where(whole, total / np.maximum(count, 1) * scale, math.nan)


def _with_peak(found: Patterns, table: Mat) -> Patterns:
    """The busiest hours of a day that repeats itself."""
    medians = np.full(24, math.nan)
    for slot in found.hours:
        medians[slot.index] = slot.median
    if not np.isfinite(medians).all():
        return found
    least, most = float(medians.min()), float(medians.max())
    ratio = most / least if least > 0 else math.inf
    return replace(
        found,
        peak=peak_window(medians, table),
        quietest_hour=int(medians.argmin()),
        peak_to_trough=ratio if math.isfinite(ratio) else None,
    )


def peak_window(medians: Vec, table: Mat) -> PeakWindow:
    """The run of hours, midnight no bound, that sets itself off most from the rest of the day.

    Of all runs of up to half a day it is the one whose mean lies so far above that of the rest
    that the variance between the two is greatest.

    Args:
        medians: (24,) hourly medians, all known.
        table: (d, 24) hourly means, NaN where nothing is known.

    Source:
        Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979).
    """
    scaled = medians / max(float(np.abs(medians).max()), 1e-300)
    sums = np.cumsum(np.concatenate([[0.0], scaled, scaled]))
    lengths = np.arange(1, _LONGEST_WINDOW + 1)[:, None]
    starts = np.arange(24)[None, :]
    inside = (sums[starts + lengths] - sums[starts]) / lengths
    outside = (sums[24] - inside * lengths) / (24 - lengths)
    between = np.where(inside > outside, lengths * (24 - lengths) * (inside - outside) ** 2, -1.0)
    best = int(np.argmax(between))
    hours, start = best // 24 + 1, best % 24
    columns = (start + np.arange(hours)) % 24
    values = table[:, columns]
    full = np.isfinite(table).sum(axis=1) >= _WHOLE_DAY * 24
    greatest = np.argmax(np.where(np.isfinite(table[full]), table[full], -math.inf), axis=1)
    share = float(np.isin(greatest, columns).mean()) if full.any() else 0.0
    return PeakWindow(start, hours, float(np.median(values[np.isfinite(values)])), share)


def _with_scenarios(
    found: Patterns,
    series: Quarters,
    step: float,
    values: Vec,
    known: Vec,
    room: float,
    lead: float,
) -> Patterns:
    """Mean, peaks, what to size for, and how often to look."""
    scale = series.scale
    scaled = known / scale
    mean = float(scaled.mean())
    found = replace(found, mean=mean * scale)
    if mean <= 0 or len(known) < LEAST_POINTS:
        return found
    p95, p999 = (float(v) for v in np.quantile(scaled, (0.95, 0.999)))
    most = float(scaled.max())
    loads = [
        ("baseline", mean, "mean load"),
        ("p95", p95, "95th percentile of the load"),
        ("peak", most, "greatest load seen"),
        ("peak with buffer", most * BUFFER, "greatest load seen, and a fifth more"),
    ]
    ahead = next_peak(series, found)
    if ahead is not None:
        loads.append(("next cycle", ahead / scale, "greatest load of the next 24 h, 95 % sure"))
    pace = watch(step, values, room=room, lead=lead)
    found = replace(
        found,
        peak_ratio=p999 / mean,
        max_ratio=most / mean,
        scenarios=tuple(Scenario(n, _cut(v * scale), v / mean, text) for n, v, text in loads),
        watch_every=pace.every,
        watch_reason=pace.reason,
    )
    return _with_size(found, fast=pace.outruns)


def _cut(value: float) -> float:
    """At most the greatest float."""
    return float(np.nan_to_num(value))


def _with_size(found: Patterns, *, fast: bool) -> Patterns:
    """Which scenario to size for, with automatic scaling and without."""
    loads = {s.name: s.load for s in found.scenarios}
    by_hand = "peak with buffer"
    if loads.get("next cycle", 0.0) > loads[by_hand]:
        by_hand = "next cycle"
    if any(s.present for s in found.seasons) and "next cycle" in loads:
        size, why = "next cycle", "the load repeats itself, so that the next peak can be foreseen"
    elif fast:
        size, why = "peak", "the load outruns new replicas, and no season foretells it"
    else:
        size, why = "p95", "new replicas come in time for the rest"
    return replace(found, size_for=size, size_reason=why, size_by_hand=by_hand)


def next_peak(series: Quarters, found: Patterns) -> float | None:
    """The load that the next 24 hours do not exceed with a probability of 95 %.

    The greater of two: what possible futures of the hourly peaks say, which know the season and
    the trend; and what the peaks of the last three weeks' days say, which know the rare ones. None
    before there are 48 hourly peaks.

    Source:
        Hahn and Meeker, Statistical Intervals (1991), section 4.8, for a bound on one new value.
    """
    if series.width > HOUR * (1 + 1e-9):
        return None
    peaks = series.hourly_peaks()[-_MOST_HOURS:]
    if int(np.count_nonzero(np.isfinite(peaks))) < _LEAST_PEAKS:
        return None
    day, week = (s.present for s in found.seasons)
    period = 168 if week and len(peaks) >= _MOST_HOURS else 24 if day or week else 0
    made = ensemble(peaks, period, 24)
    if made is None:
        return None
    foreseen = float(np.quantile(made.paths().max(axis=1), NEXT_CYCLE))
    return max(foreseen, _usual_bound(peaks))


def _usual_bound(peaks: Vec) -> float:
    """Bound on one more of the daily peaks, days counted back from the last hour."""
    by_hour = np.where(np.isfinite(peaks), peaks, -math.inf)
    by_hour = np.concatenate([np.full(-len(peaks) % 24, -math.inf), by_hour])
    daily = by_hour.reshape(-1, 24).max(axis=1)
    daily = daily[np.isfinite(daily)]
    n, scale = len(daily), max(float(np.abs(daily).max()), 1e-300)
    if n < 2:
        return -math.inf
    spread = float((daily / scale).std(ddof=1)) * math.sqrt(1 + 1 / n)
    return (float((daily / scale).mean()) + t_quantile(NEXT_CYCLE, n - 1) * spread) * scale
