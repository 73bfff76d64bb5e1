"""A record made from arrays, as the plan reads it, without a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capmon.analysis.windows import Mat, Vec
from capmon.model.frame import Event
from capmon.model.metric import Summary, metric
from capmon.store.course import Course, Summaries

UNTIL = 1_772_409_600.0
"""End of the examples: midnight UTC after Sunday 1 March 2026."""

HOUR, DAY = 3600.0, 86400.0


@dataclass
class ExampleRecord:
    """Readings by metric key, and what follows from them."""

    series: Mapping[str, tuple[Vec, Vec]]
    """Times and values."""

    name: str = "web@example-01"
    happened: tuple[Event, ...] = ()
    minutes_kept: float = 30 * DAY
    _kept: dict[tuple[str, float], Summaries] = field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """Every metric."""
        return tuple(self.series)

    def interval(self, metric_key: str) -> float | None:
        """Median distance of two readings."""
        if metric_key not in self.series:
            return None
        times = self.series[metric_key][0]
        return float(np.median(np.diff(times))) if len(times) > 1 else 1.0

    def span(self, metric_key: str | None = None) -> tuple[float, float] | None:
        """First and last time."""
        if metric_key is not None and metric_key not in self.series:
            return None
        chosen = [t for k, (t, _) in self.series.items() if metric_key in (None, k) and len(t)]
        if not chosen:
            return None
        return min(float(t[0]) for t in chosen), max(float(t[-1]) for t in chosen)

    def raw(self, metric_key: str, start: float, end: float) -> Course:
        """Readings of a time."""
        times, values = self.series.get(metric_key, (np.empty(0), np.empty(0)))
        inside = (times >= start) & (times < end) & np.isfinite(values)
        return Course(times[inside], values[inside])

    def minutes(self, metric_key: str, start: float, end: float) -> Summaries:
        """Minutes of a time."""
        span = self.span(metric_key)
        kept = start if span is None else max(start, span[1] - self.minutes_kept)
        return _between(self._summaries(metric_key, 60.0), kept, end)

    def hours(self, metric_key: str, start: float, end: float) -> Summaries:
        """Hours of a time."""
        return _between(self._summaries(metric_key, HOUR), start, end)

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> Mat:
        """Values on one grid, NaN where nothing was measured."""
        n = max(1, math.ceil(seconds / step))
        start = (math.floor(end / step) - n) * step
        out = np.full((len(keys), n), np.nan)
        for row, key in enumerate(keys):
            course = self.raw(key, start, start + n * step)
            if len(course.times):
                made = _summarized(key, course, step)
                place = np.rint((made.times - start) / step).astype(np.intp)
                good = (place >= 0) & (place < n)
                out[row, place[good]] = made.mean[good]
        return out

    def age(self, metric_key: str, end: float) -> float:
        """Seconds since the first reading."""
        span = self.span(metric_key)
        return 0.0 if span is None else max(0.0, end - span[0])

    def events(self, start: float, end: float, most: int = 200) -> tuple[Event, ...]:
        """Events, the latest first."""
        found = [e for e in self.happened if start <= e.at <= end]
        return tuple(sorted(found, key=lambda e: -e.at)[:most])

    def _summaries(self, metric_key: str, step: float) -> Summaries:
        kept = self._kept.get((metric_key, step))
        if kept is None:
            course = self.raw(metric_key, -math.inf, math.inf)
            kept = self._kept[metric_key, step] = _summarized(metric_key, course, step)
        return kept


def _between(all_: Summaries, start: float, end: float) -> Summaries:
    inside = (all_.times >= start) & (all_.times < end)
    columns = (all_.times, all_.mean, all_.min, all_.max, all_.p95, all_.count)
    return Summaries(all_.step, *(c[inside] for c in columns))


def _summarized(metric_key: str, course: Course, step: float) -> Summaries:
    """Summaries of one step, as the catalogue says."""
    cell = np.floor(course.times / step)
    if not len(cell):
        return Summaries(step, *(np.empty(0) for _ in range(6)))
    starts = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    ends = np.concatenate((starts[1:], [len(cell)]))
    summary = metric(metric_key).summary
    v = course.values
    count = (ends - starts).astype(np.float64)
    if (count == 1).all():
        return Summaries(step, cell[starts] * step, v, v, v, v, count)
    low, high = np.minimum.reduceat(v, starts), np.maximum.reduceat(v, starts)
    parts = [v[a:b] for a, b in zip(starts, ends, strict=True)]
    p95 = np.array([np.quantile(p, 0.95) for p in parts])
    match summary:
        case Summary.LAST:
            mean = v[ends - 1]
        case Summary.MEDIAN:
            mean = np.array([np.median(p) for p in parts])
        case _:
            mean = np.add.reduceat(v, starts) / count
    return Summaries(step, cell[starts] * step, mean, low, high, p95, count)


def grid(days: float, step: float, until: float = UNTIL) -> Vec:
    """Times of readings, evenly spaced, up to the end."""
    n = round(days * DAY / step)
    return until - step * np.arange(n, 0, -1)


def daily_load(
    times: Vec,
    *,
    mean: float = 100.0,
    swing: float = 0.5,
    per_day: float = 0.0,
    noise: float = 0.05,
    seed: int = 1,
    until: float = UNTIL,
) -> Vec:
    """A load with a peak at 18:00 UTC, a linear trend that reaches `mean` at the end, and noise."""
    random = np.random.default_rng(seed)
    trend = mean * (1 + per_day * (times - until) / DAY)
    day = 1 + swing * np.sin(2 * np.pi * (times / DAY - 0.5))
    return np.maximum(trend * day * (1 + noise * random.standard_normal(len(times))), 0.0)


def web(
    days: float = 14.0,
    step: float = 300.0,
    *,
    per_day: float = 0.01,
    replicas: int | None = 4,
    demand: float = 0.02,
    seed: int = 1,
    mean: float = 100.0,
    events: tuple[Event, ...] = (),
    host: bool = True,
    app: bool = True,
) -> ExampleRecord:
    """A service of known truth: each replica has one core, a request takes `demand` seconds of it.

    CPU of a replica is load / replicas × demand over a base of 5 %, memory 40 % and .2 % for each
    request a second, and the response time that of M/M/1 at 100 ms without load.
    """
    random = np.random.default_rng(seed + 100)
    times = grid(days, step)
    load = daily_load(times, per_day=per_day, seed=seed, mean=mean)
    each = load / (replicas or 4)
    busy = np.clip(0.05 + demand * each + 0.01 * random.standard_normal(len(times)), 0.0, 1.0)
    late = 0.1 / np.maximum(1 - demand * each, 0.02)
    late = late * np.exp(0.05 * random.standard_normal(len(times)))
    series: dict[str, tuple[Vec, Vec]] = {}
    if app:
        series["http.server.request.rate"] = times, load
        series["http.server.request.duration.p95"] = times, late
        series["http.server.request.duration.p50"] = times, late * 0.3
        series["http.server.error.ratio"] = times, np.full(len(times), 0.001)
        series["process.cpu.utilization"] = times, busy
        series["http.server.active_requests"] = times, load * late * 0.35
        series["db.connections.usage"] = times, 5 + 0.1 * load
        series["db.connections.limit"] = times, np.full(len(times), 100.0)
        if replicas is not None:
            series["replicas.ready"] = times, np.full(len(times), float(replicas))
    if host:
        noise = 0.004 * random.standard_normal(len(times))
        series["system.cpu.utilization"] = times, np.clip(busy * 0.9 + noise, 0.0, 1.0)
        series["system.cpu.limit"] = times, np.full(len(times), 4.0)
        series["system.memory.limit"] = times, np.full(len(times), 8.0 * 2**30)
        memory = np.clip(0.4 + 0.002 * each + noise, 0.0, 1.0)
        series["system.memory.utilization"] = times, memory
        series["system.memory.usage"] = times, memory * 8 * 2**30
        disk = 0.6 + 0.004 * (times - UNTIL) / DAY + 0.001 * random.standard_normal(len(times))
        series['system.filesystem.utilization{mountpoint="/"}'] = times, disk
        series['system.filesystem.limit{mountpoint="/"}'] = times, np.full(len(times), 100e9)
        series["system.network.connections"] = times, np.round(10 + 2 * load)
    return ExampleRecord(series, happened=events)
