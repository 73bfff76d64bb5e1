"""What every chapter of the plan rests on, gathered once from a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from capmon.analysis.curves.headroom import Limit
from capmon.analysis.days.growth import growth
from capmon.analysis.days.patterns import patterns
from capmon.config.scaling import TierSettings
from capmon.config.schema import Settings
from capmon.errors import NotEnoughData
from capmon.model.curves import Estimate, Fit, Headroom
from capmon.model.metric import CATALOGUE
from capmon.model.names import (
    CPU,
    ERRORS,
    IN_FLIGHT,
    LATENCY,
    MEMORY,
    MEMORY_USAGE,
    RATE,
    READY,
    USERS,
)
from capmon.model.patterns import Demand, Growth, Patterns, Scenario
from capmon.model.plan import PlanQuestion
from capmon.planning.curves import Curves, Replica, costs, fitted, replica, rooms
from capmon.planning.load import (
    Ahead,
    ahead,
    assumed_text,
    busy_hour,
    scenarios,
    whole_hours,
)
from capmon.planning.record import PlanRecord
from capmon.scaling.known import Known, known
from capmon.store.course import HOUR, Summaries

__all__ = ["Evidence", "Replica", "gather"]

DAY = 86400.0

MINUTES = 30 * DAY
"""Seconds of minutes that are read."""

WATCHED = (
    RATE, USERS, IN_FLIGHT, LATENCY, ERRORS, READY, *CPU, *MEMORY, MEMORY_USAGE,
    "http.server.request.duration.p50", "http.server.request.duration.p99",
    "system.memory.usage", "system.network.connections", "system.network.receive",
    "system.network.transmit", "cache.hit_ratio", "db.connections.usage",
    "db.connections.limit", "db.connections.utilization", "container.cpu.throttled",
    "system.pressure.cpu.some.avg10", "system.pressure.memory.some.avg10",
    "system.pressure.io.some.avg10", "system.disk.io.time", "system.filesystem.utilization",
)  # fmt: skip
"""Metrics whose minutes are read; a metric with labels is meant with all of them."""

GROWING = (
    RATE, USERS, *MEMORY, MEMORY_USAGE, "system.memory.usage",
    "system.filesystem.utilization", "system.filesystem.usage", "db.connections.usage", "db.size", "db.table.size", "cache.usage",
)  # fmt: skip
"""Metrics that are followed over days."""

_FINE, _COARSE = 300.0, 3600.0
_FINE_DAYS = 60.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the chapters need; what could not be had is None or missing, with its reason in `reasons`."""

    settings: Settings
    """The configuration, with the plan's objective in place of the configured one."""

    question: PlanQuestion
    """What was asked."""

    now: float
    """Unix time at which the plan is made."""

    zone: str
    """Name of the time zone that hours are told in."""

    name: str
    """Whose record it is."""

    since: float
    """Unix time of the first measurement."""

    until: float
    """Unix time of the last."""

    keys: tuple[str, ...]
    """Every metric recorded."""

    record: PlanRecord
    """The record itself."""

    hourly: Mapping[str, Summaries]
    """Hours of every metric, over the whole record."""

    minutely: Mapping[str, Summaries]
    """Minutes of every metric that has any, over the last 30 days."""

    fits: tuple[Fit, ...] = ()
    """Curves over load, per replica where replicas are known; those without a curve say why."""

    usl: Fit | None = None
    """Throughput over requests in flight; None where these are not counted."""

    headroom: tuple[Headroom, ...] = ()
    """Limits of the whole service against its busy hour, the first that binds in front."""

    limits: Mapping[str, Limit] = field(default_factory=dict)
    """What each fitted metric must not pass."""

    growths: Mapping[str, Growth] = field(default_factory=dict)
    """Growth of what grows over days, by metric key: load, memory, disks."""

    demands: tuple[Demand, ...] = ()
    """What one request costs."""

    load_now: Estimate | None = None
    """Busy-hour load of the whole service: 95th percentile of the hourly means of the last week. Its
    interval, at 95 %, is that of another such week; None where days are few."""

    load_text: str = ""
    """What `load_now` rests on, or why it is not known."""

    load_then: Estimate | None = None
    """The same at the horizon, with a prediction interval at 95 % where it is foretold; `chances.quantile`
    gives its value at another probability."""

    ahead: Ahead = field(default_factory=lambda: Ahead(np.empty(0)))
    """The busy hour up to the horizon, day by day."""

    assumed: str = ""
    """Which growth the question assumed: `load ×2`; empty where the record says."""

    loads: tuple[Scenario, ...] = ()
    """Loads to size for."""

    patterns: Patterns | None = None
    """Days and weeks of the load; None where no load was recorded."""

    replicas_now: int | None = None
    """Ready replicas, the last count known; None where none was recorded."""

    replica: Replica = field(default_factory=lambda: Replica(None, None, None))
    """What one replica carries; the whole service where replicas are not known."""

    known: Known | None = None
    """The same as the simulator takes it; None where no limit is known."""

    lead_time: float = 0.0
    """Seconds from a decision until what it brings serves: the start-up of a replica, or what the configuration plans."""

    currency: str = "$"
    """What prices are in."""

    price_per_hour: float | None = None
    """Price of one replica for an hour; None without one."""

    prices: Mapping[str, float] = field(default_factory=dict)
    """Price of an hour by name of tier, of those that have one."""

    changes: tuple[str, ...] = ()
    """A line for each change at equal load after which the curves start."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why something is not known, by name of the field."""

    cores: float | None = None
    """Cores that may be used on the host."""

    memory: float | None = None
    """Bytes of memory that may be used on the host."""

    once: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What several chapters need and one works out, by name."""

    @property
    def days(self) -> float:
        """Length of the record in days."""
        return max(self.until - self.since, 0.0) / 86400.0

    @property
    def brief(self) -> bool:
        """Whether less than a day is recorded: what looks urgent may then be the time of day."""
        return self.days < 1

    @property
    def horizon_at(self) -> float:
        """Unix time of the horizon, counted from the last measurement."""
        return self.until + self.question.horizon

    @property
    def tiers(self) -> tuple[TierSettings, ...]:
        """Sizes that a replica can have."""
        return self.settings.tiers


def gather(
    record: PlanRecord, settings: Settings, question: PlanQuestion, now: float, zone: str
) -> Evidence:
    """Everything that the chapters need, from one record.

    Args:
        record: The record.
        settings: The configuration; its objective is the one planned for.
        question: Horizon, growth, probability.
        now: Unix time.
        zone: Name of the time zone that hours are told in.

    Raises:
        NotEnoughData: The record holds no measurement.
    """
    span = record.span()
    if span is None:
        raise NotEnoughData("the record holds no measurement: run capmon record, or capmon import")
    since, until = span[0], min(span[1] + 1e-3, max(now, span[0]))
    keys = record.keys()
    hourly = {k: s for k in keys if len((s := record.hours(k, since - HOUR, until)).times)}
    minutely = _minutes(record, keys, until)
    busy = busy_hour(hourly.get(RATE), minutely.get(RATE), until)
    foretold = ahead(hourly.get(RATE), busy.load, question)
    curves = fitted(record, settings, until)
    ready = _last_count(record, minutely.get(READY), hourly.get(READY), until)
    headroom = rooms(curves, _busy_loads(hourly, minutely, busy.load, until), ready)
    objective = settings.objectives.latency_p95
    days = patterns_of(record, settings, until, zone)
    return Evidence(
        settings, question, now, zone, record.name, since, until, keys, record, hourly, minutely,
        fits=curves.fits,
        usl=curves.usl,
        headroom=headroom,
        limits=curves.limits,
        growths=_growths(hourly, question.horizon / DAY),
        demands=costs(record, until),
        load_now=busy.load,
        load_text=busy.text,
        load_then=foretold.last,
        ahead=foretold,
        assumed=assumed_text(question),
        loads=scenarios(days, busy.load, foretold.last, question.horizon),
        patterns=days,
        replicas_now=ready,
        replica=replica(curves),
        known=known(headroom, curves.fits, ready, objective=objective),
        lead_time=settings.scaling.startup,
        currency=settings.scaling.currency,
        price_per_hour=settings.scaling.price_per_hour,
        prices={t.name: t.price_per_hour for t in settings.tiers if t.price_per_hour is not None},
        changes=curves.changes,
        reasons=_reasons(busy.text if busy.load is None else "", foretold, ready, curves),
        cores=_last(hourly.get("system.cpu.limit")),
        memory=_last(hourly.get("system.memory.limit")),
    )  # fmt: skip


def _minutes(record: PlanRecord, keys: tuple[str, ...], until: float) -> dict[str, Summaries]:
    wanted = [k for k in keys if k.partition("{")[0] in WATCHED]
    found = {k: record.minutes(k, until - MINUTES, until) for k in wanted}
    return {k: s for k, s in found.items() if len(s.times)}


def _last(summaries: Summaries | None) -> float | None:
    """The last value that is known."""
    if summaries is None:
        return None
    known = summaries.mean[np.isfinite(summaries.mean)]
    return float(known[-1]) if len(known) else None


def _last_count(
    record: PlanRecord, minutes: Summaries | None, hours: Summaries | None, until: float
) -> int | None:
    """Ready replicas as last read; None where they were not read in the last day."""
    span = record.span(READY)
    if span is None or until - span[1] > DAY:
        return None
    value = _last(minutes) if minutes is not None else _last(hours)
    return round(value) if value is not None and value >= 1 else None


def _busy_loads(
    hourly: Mapping[str, Summaries],
    minutely: Mapping[str, Summaries],
    rate: Estimate | None,
    until: float,
) -> dict[str, float]:
    """Busy hour of each load of the whole service that curves are about."""
    users = busy_hour(hourly.get(USERS), minutely.get(USERS), until).load
    found = {RATE: rate, USERS: users}
    return {k: e.value for k, e in found.items() if e is not None}


def _growths(hourly: Mapping[str, Summaries], horizon_days: float) -> dict[str, Growth]:
    """Growth over days of what grows, as far as the horizon even where the history is shorter."""
    found = {}
    for key, hours in hourly.items():
        if key.partition("{")[0] in GROWING and key.partition("{")[0] in CATALOGUE:
            times, means = whole_hours(hours)
            found[key] = growth(key, times + HOUR / 2, means, horizon_days=horizon_days, force=True)
    return found


def patterns_of(record: PlanRecord, settings: Settings, until: float, zone: str) -> Patterns | None:
    """Days and weeks of the load: of cells of five minutes, of hours beyond two months."""
    span = record.span(RATE)
    if span is None:
        return None
    seconds = until - span[0]
    pace = record.interval(RATE) or 1.0
    step = _FINE if seconds <= _FINE_DAYS * DAY and pace <= _FINE else _COARSE
    if seconds < 20 * step:
        step = max(pace, seconds / 300.0)
    row = record.window([RATE], until, seconds + step, step)[0]
    values = np.where(np.isfinite(row), row, math.nan)
    known_at = np.flatnonzero(np.isfinite(values))
    first = int(known_at[0]) if len(known_at) else len(values)
    last = math.floor(until / step) * step
    begin = last - step * (len(values) - first)
    lead = float(settings.scaling.startup)
    return patterns(RATE, begin, step, values[first:], zone, lead=max(lead, step))


def _reasons(load: str, foretold: Ahead, ready: int | None, curves: Curves) -> dict[str, str]:
    """Why what is not known is not."""
    found = {
        "load_now": load,
        "load_then": foretold.problem,
        "replicas_now": ""
        if ready is not None
        else "no replica count in the last day: set scaling.target",
        "replica": replica(curves).problem,
        "usl": "" if curves.usl is not None else "requests in flight are not recorded",
    }
    return {k: v for k, v in found.items() if v}
