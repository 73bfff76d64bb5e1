"""Chapter nine: which alerts, at which thresholds, and how often they would have been wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.config.schema import LatencyThresholdSettings, ThresholdSettings
from capmon.model.metric import Worse, label_of, metric
from capmon.model.names import APP_CPU, APP_MEMORY, ERRORS, HOST_CPU, HOST_MEMORY, LATENCY, RATE
from capmon.model.plan import Cell, Chapter, Column, Statement, Table
from capmon.model.units import digits, percent, show, span
from capmon.planning.alarms import (
    BREACH_GAP,
    CANDIDATES,
    Flags,
    Proposal,
    Score,
    begins,
    beyond,
    burning,
    cells_of,
    held,
    proposed,
    score,
)
from capmon.planning.evidence import Evidence
from capmon.planning.words import counted, label

KEY, TITLE = "alerting", "Monitoring and alerting"

ALERTS: tuple[tuple[str, str, str], ...] = (
    ("CapmonHostCpuHigh", HOST_CPU, "cpu"),
    ("CapmonHostMemoryHigh", HOST_MEMORY, "memory"),
    ("CapmonDiskSpaceLow", "system.filesystem.utilization", "disk"),
    ("CapmonDiskBusy", "system.disk.io.time", "disk_busy"),
    ("CapmonCpuPressure", "system.pressure.cpu.some.avg10", "cpu_pressure"),
    ("CapmonMemoryPressure", "system.pressure.memory.some.avg10", "memory_pressure"),
    ("CapmonIoPressure", "system.pressure.io.some.avg10", "io_pressure"),
    ("CapmonCpuThrottled", "container.cpu.throttled", "throttled"),
    ("CapmonLatencyHigh", LATENCY, "latency_p95"),
    ("CapmonErrorRatioHigh", ERRORS, "errors"),
    ("CapmonCacheHitRatioLow", "cache.hit_ratio", "cache_hit_ratio"),
    ("CapmonDbConnectionsHigh", "db.connections.utilization", "db_connections"),
    ("CapmonAppCpuHigh", APP_CPU, "cpu"),
    ("CapmonAppMemoryHigh", APP_MEMORY, "memory"),
)
"""Alert, metric and threshold's setting, as `capmon export alerts` has them."""

BURNS: tuple[tuple[float, float, float, str], ...] = (
    (14.4, 3600.0, 300.0, "critical"),
    (6.0, 21600.0, 1800.0, "critical"),
    (3.0, 86400.0, 7200.0, "warning"),
    (1.0, 259200.0, 21600.0, "warning"),
)
"""Rate, long and short window in seconds, severity, as `capmon export alerts` has them.

Source:
    Google, The Site Reliability Workbook, chapter 5, table 5-8.
"""

KEEP = 300.0
"""Seconds that an alert goes on firing, as the exported rules have it."""

LEAD = 900.0
"""Seconds within which a breach must follow at least; the lead time of a replica where that is longer."""

LEAST_DAYS = 2.0
"""Days of minutes below which nothing is scored."""

LEAST_BREACHES = 5
"""Breaches in the first part below which no threshold is proposed."""

FIRST = 0.7
"""Share of the record on which thresholds are chosen."""

QUANTILE = 0.95
"""Share of the requests that the objective is about."""

_OBJECTIVES = (LATENCY, ERRORS)
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Grid:
    """The record on one grid."""

    start: float
    """Unix time at which the first cell begins."""

    step: float
    """Seconds a cell."""

    n: int
    """Cells."""

    breach: Flags
    """Cells in which the response time or the errors are over what is promised."""

    known: int
    """Cells in which that is known."""

    def course(self, evidence: Evidence, metric_key: str) -> Vec:
        """(n,) means of a metric, NaN where it is not known."""
        found = evidence.minutely.get(metric_key)
        out = np.full(self.n, math.nan)
        if found is not None:
            place = np.floor((found.times - self.start) / self.step + 1e-9).astype(np.intp)
            good = (place >= 0) & (place < self.n)
            out[place[good]] = found.mean[good]
        return out

    @property
    def days(self) -> float:
        """Length."""
        return self.n * self.step / _DAY


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert and how it did."""

    alert: str
    """Its name."""

    metric: str
    """Key of its metric."""

    threshold: float
    """Configured threshold of the warning."""

    setting: str
    """Where that stands."""

    held: float
    """Seconds that it must hold."""

    whole: Score
    """On the whole record."""

    proposal: Proposal | None
    """Another threshold; None where none could be chosen."""

    now: Score | None
    """The configured threshold on the last part; None without a proposal."""

    @property
    def better(self) -> bool:
        """Whether the proposal traded better than the configured threshold on what it has not seen, and is worth it.

        An alarm that is more often false than true is not proposed.
        """
        if self.proposal is None or self.now is None:
            return False
        tested = self.proposal.tested
        return tested.trade > self.now.trade and tested.true >= tested.false


def chapter(evidence: Evidence) -> Chapter:
    """Each alert of the configuration, replayed on the record against the objective."""
    grid, why = grid_of(evidence)
    if grid is None:
        text = f"How alerts would have done is not known: {why}."
        return Chapter(KEY, TITLE, text, missing=(f"alerts replayed: {why}",))
    judged, lead = tuple(_judged(evidence, grid)), lead_of(evidence)
    breaches = begins(grid.breach, cells_of(BREACH_GAP, grid.step))
    tables = (_alerts(evidence, grid, judged), _proposals(judged), _burn_table(evidence, grid))  # fmt: skip
    text = f"{grid.known:,} cells of {span(grid.step)}, the objective or thresholds.errors.warning missed; those within {span(BREACH_GAP)} are one"
    return Chapter(
        KEY,
        TITLE,
        _answer(judged, len(breaches), grid),
        tuple(_statements(judged, lead)),
        (
            counted("breaches of the objective", float(len(breaches)), "breaches", text),
            counted("time in breach", float(np.count_nonzero(grid.breach)) * grid.step / 60, "minutes", text),
            counted("lead time that counts", lead / 60, "minutes", "a replica's start-up, 15 minutes at least"),
        ),
        tuple(t for t in tables if t is not None),
        missing=_missing(grid, judged, len(breaches)),
    )  # fmt: skip


def lead_of(evidence: Evidence) -> float:
    """Seconds within which a breach must follow an alert for it to be true."""
    return max(evidence.lead_time, LEAD)


def grid_of(evidence: Evidence) -> tuple[Grid | None, str]:
    """The grid of minutes, or of whatever pace they come at; or why there is none."""
    found = [(k, evidence.minutely[k]) for k in _OBJECTIVES if k in evidence.minutely]
    found = [(k, s) for k, s in found if len(s.times) > 1]
    if not found:
        return None, f"neither {LATENCY} nor {ERRORS} is recorded by the minute"
    start = min(float(s.times[0]) for _, s in found)
    end = max(float(s.times[-1]) for _, s in found)
    step = max(float(np.median(np.diff(s.times))) for _, s in found)
    n = int((end - start) / step) + 1
    if n * step < LEAST_DAYS * _DAY * 0.999:
        return None, f"needs {LEAST_DAYS:g} days of minutes, has {n * step / _DAY:.1f}"
    empty = Grid(start, step, n, np.zeros(n, dtype=np.bool_), 0)
    objective, errors = evidence.settings.objectives.latency_p95, evidence.settings.thresholds.errors.warning  # fmt: skip
    late, failed = (empty.course(evidence, k) for k in _OBJECTIVES)
    known = int(np.count_nonzero(np.isfinite(late) | np.isfinite(failed)))
    breach = beyond(late, objective) | beyond(failed, errors)
    return Grid(start, step, n, breach, known), ""


def _judged(evidence: Evidence, grid: Grid) -> Iterator[Judged]:
    for alert, name, setting in ALERTS:
        keys = [k for k in evidence.minutely if k == name or k.startswith(name + "{")]
        for key in sorted(keys):
            limits = getattr(evidence.settings.thresholds, setting)
            yield _judge(evidence, grid, alert, key, setting, limits)


def _judge(
    evidence: Evidence,
    grid: Grid,
    alert: str,
    key: str,
    setting: str,
    limits: ThresholdSettings | LatencyThresholdSettings,
) -> Judged:
    values, low = grid.course(evidence, key), metric(key).worse is Worse.LOW
    cells, keep, gap, lead = (cells_of(s, grid.step) for s in (limits.for_, KEEP, BREACH_GAP, lead_of(evidence)))  # fmt: skip
    firing = held(beyond(values, limits.warning, low=low), cells)
    whole = score(firing, grid.breach, lead, keep, gap)
    split = round(FIRST * grid.n)
    enough = len(begins(grid.breach[:split], gap)) >= LEAST_BREACHES and grid.breach[split:].any()
    made = None
    if key not in _OBJECTIVES and enough:
        made = proposed(values, grid.breach, split, cells, lead, keep, gap, low=low)
    now = None if made is None else score(firing[split:], grid.breach[split:], lead, keep, gap)
    where = f"thresholds.{setting}.warning"
    return Judged(alert, key, limits.warning, where, limits.for_, whole, made, now)


def _answer(judged: tuple[Judged, ...], breaches: int, grid: Grid) -> str:
    leading = [j for j in judged if j.metric not in _OBJECTIVES]
    told = f"{breaches} {'breach' if breaches == 1 else 'breaches'} of the objective in {grid.days:.0f} days"
    if not breaches:
        false = sum(j.whole.fired for j in leading)
        return f"{told}: nothing to foretell. The configured alerts would have fired {false} times all the same."
    best = max(leading, key=lambda j: j.whole.trade, default=None)
    if best is None or not best.whole.caught:
        return f"{told}; no configured alert would have come before one of them."
    s = best.whole
    return f"{told}; {best.alert} would have come before {s.caught} of them, and been false {s.false} of {s.fired} times."


def _statements(judged: tuple[Judged, ...], lead: float) -> Iterator[Statement]:
    for one in judged:
        made, now, s = one.proposal, one.now, one.whole
        unit = metric(one.metric).unit
        if one.better and made is not None and now is not None:
            text = (
                f"{one.alert}{_part(one.metric)}: {show(made.threshold, unit)} instead of {show(one.threshold, unit)} would have caught "
                f"{made.tested.caught} of {made.tested.breaches} breaches with {made.tested.false} false alarms in the last 30 % of the record; "
                f"as configured {now.caught} with {now.false}."
            )
            yield Statement(text, "medium", f"chosen on the first 70 %; a breach must begin within {span(lead)}; set {one.setting}")  # fmt: skip
        elif (
            s.fired >= 10 and s.true == 0 and s.late < s.fired / 2 and one.metric not in _OBJECTIVES
        ):
            text = f"{one.alert}{_part(one.metric)} would have fired {s.fired} times and never before a breach: raise {one.setting} or leave it to a dashboard."
            yield Statement(text, "low", "the whole record")


def _part(key: str) -> str:
    found = label_of(key, "mountpoint") or label_of(key, "device")
    return f" {found}" if found else ""


_SCORES = (
    Column("fired", "times"), Column("true", "times"), Column("late", "times"), Column("false", "times"),
    Column("caught", "breaches"), Column("missed", "breaches"),
)  # fmt: skip


def _cells(s: Score) -> tuple[int, ...]:
    return s.fired, s.true, s.late, s.false, s.caught, s.missed


def _alerts(evidence: Evidence, grid: Grid, judged: tuple[Judged, ...]) -> Table | None:
    if not judged:
        return None
    columns = (Column("alert"), Column("metric"), Column("threshold"), Column("holds", "s"), *_SCORES, Column("why"))  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (j.alert, label(j.metric), str(show(j.threshold, metric(j.metric).unit)), j.held, *_cells(j.whole), _why(j))
        for j in judged
    )  # fmt: skip
    text = (
        f"{grid.days:.1f} days of cells of {span(grid.step)}; true: a breach began within {span(lead_of(evidence))} after; late: one was under way; "
        f"an alert goes on for {span(KEEP)}, as `capmon export alerts` writes it. A `for` shorter than a cell takes one cell"
    )
    return Table("The configured alerts on the record", columns, rows, text)


def _why(judged: Judged) -> str:
    if judged.metric in _OBJECTIVES:
        return "it is the objective itself: it tells, and warns of nothing"
    s = judged.whole
    if not s.fired:
        return "never fired" if s.breaches else "never fired, and nothing to warn of"
    return f"{percent(s.true / s.fired)} % of its alarms were true"


def _proposals(judged: tuple[Judged, ...]) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for one in judged:
        if one.proposal is None or one.now is None:
            continue
        unit = metric(one.metric).unit
        for name, at, s in (("configured", one.threshold, one.now), ("proposed", one.proposal.threshold, one.proposal.tested)):  # fmt: skip
            rows.append((f"{one.alert}{_part(one.metric)}", name, str(show(at, unit)), *_cells(s), s.trade))  # fmt: skip
    if not rows:
        return None
    columns = (
        Column("alert"),
        Column("which"),
        Column("threshold"),
        *_SCORES,
        Column("trade", "F1"),
    )
    text = f"chosen among {CANDIDATES} quantiles by the best F1 on the first 70 % of the record, scored on the last 30 %"
    return Table("Thresholds proposed, on the part they have not seen", columns, tuple(rows), text)


def _burn_table(evidence: Evidence, grid: Grid) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for what, bad, every, allowed in _budgets(evidence, grid):
        for rate, long, short, severity in BURNS:
            if rate * allowed >= 1:
                continue
            if grid.n * grid.step < long:
                rows.append((what, f"{rate:g}×", span(long), severity, None))
                continue
            flags = burning(bad, every, rate, allowed, cells_of(long, grid.step), cells_of(short, grid.step))  # fmt: skip
            rows.append((what, f"{rate:g}×", span(long), severity, len(begins(flags))))
    if not rows:
        return None
    columns = (Column("budget"), Column("rate"), Column("window"), Column("severity"), Column("fired", "times"))  # fmt: skip
    text = "both windows of each rate over their share, as `capmon export alerts` writes them; a budget lasts 30 days. Slow requests are not counted one by one in a record: time over the objective stands for them. A dash: the record is shorter than the window"
    return Table("Burn rates on the record", columns, tuple(rows), text)


def _budgets(evidence: Evidence, grid: Grid) -> Iterator[tuple[str, Vec, Vec, float]]:
    """What may be used up: name, what failed, all of it, share that may."""
    load = grid.course(evidence, RATE)
    failed = grid.course(evidence, ERRORS)
    allowed = evidence.settings.thresholds.errors.warning
    if np.isfinite(failed).any() and allowed > 0:
        every = load if np.isfinite(load).any() else np.where(np.isfinite(failed), 1.0, math.nan)
        yield f"errors, {digits(allowed * 100)} % may fail", failed * every, every, allowed
    late = grid.course(evidence, LATENCY)
    if np.isfinite(late).any():
        every = np.where(np.isfinite(late), 1.0, math.nan)
        slow = np.where(np.isfinite(late), late > evidence.settings.objectives.latency_p95, math.nan)  # fmt: skip
        yield f"response time, {digits((1 - QUANTILE) * 100)} % of the time may be over", slow, every, 1 - QUANTILE  # fmt: skip


def _missing(grid: Grid, judged: tuple[Judged, ...], breaches: int) -> tuple[str, ...]:
    found = []
    if breaches < LEAST_BREACHES:
        found.append(f"better thresholds: they need {LEAST_BREACHES} breaches in the first 70 % of the record, it holds {breaches} in all")  # fmt: skip
    elif all(j.proposal is None for j in judged):
        found.append("better thresholds: no metric rose before the breaches of the first 70 %, or none came after")  # fmt: skip
    if grid.step > 60:
        found.append(f"alerts by the minute: the record has a reading every {span(grid.step)}")
    return tuple(found)
