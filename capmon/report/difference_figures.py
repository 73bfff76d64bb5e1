"""Metrics that changed by more than their own noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from itertools import pairwise

from capmon.errors import CapmonError
from capmon.model.frame import Frame, Trend
from capmon.model.metric import Metric, Unit, Worse, label_of, metric, split
from capmon.model.units import show_metric
from capmon.report.difference_words import Change, Turn, among

SIGMAS = 3.0
"""Standard deviations of the difference that a change must pass."""

LEAST_SHARE = 0.05
"""Share of the greater value below which no change is told, however quiet the metric is."""

LEAST = {
    Unit.RATIO: 0.01,
    Unit.SECONDS: 0.002,
    Unit.BYTES: 16 * 2.0**20,
    Unit.BYTES_PER_SECOND: 10_000.0,
    Unit.PER_SECOND: 0.5,
    Unit.COUNT: 0.5,
    Unit.CORES: 0.05,
}
"""Change below which none is told, by unit: nobody acts on less."""

RECENT = 60.0
"""Seconds at the end of a course whose median is the level that is compared."""

CELLS = 3
"""Cells that a level is the median of at least."""

LEAST_CELLS = 8
"""Cells from which noise can be told."""

STATES = frozenset({"db.status", "service.version", "process.start_time", "replicas.ready", "replicas.desired"})  # fmt: skip
"""Metrics that are told otherwise: in words, or with the scale target."""

OF_ONE_PART = frozenset({"core", "device"})
"""Labels of parts whose whole is told as well: they weigh less."""


def changed_figures(a: Frame, b: Frame) -> Iterator[Change]:
    """Each metric that changed beyond noise, or of which one frame knows nothing."""
    for key in sorted({*a.readings, *b.readings}):
        try:
            entry, labels = metric(key), split(key)[1]
        except CapmonError:
            continue
        if entry.name in STATES:
            continue
        was, now = level(a, key), level(b, key)
        if was is None and now is None:
            continue
        part = 0.4 if OF_ONE_PART & labels.keys() else 1.0
        if was is None or now is None:
            yield _half_known(a, b, key, entry, was, now)
        elif abs(now - was) > threshold(a, b, key, entry.unit):
            yield _change(key, entry, was, now, part)
    starts = (a.value("process.start_time"), b.value("process.start_time"))
    if None not in starts and starts[0] != starts[1]:
        yield Change("state", "application", Turn.OTHER, 76, remark="it was started anew")


def level(frame: Frame, key: str) -> float | None:
    """The metric of late: the median of the last minute, or the reading where there is no course."""
    reading = frame.value(key)
    if reading is None or not math.isfinite(reading):
        return None
    trend = frame.trends.get(key)
    if trend is None or metric(key).summary.value == "last":
        return reading
    cells = max(CELLS, round(RECENT / trend.step))
    late = [v for v in trend.values[-cells:] if math.isfinite(v)]
    return statistics.median(late) if len(late) >= CELLS else reading


def noise(trend: Trend | None) -> float:
    """Standard deviation of neighbouring cells about each other; 0 where it cannot be told.

    Differences of neighbours hold neither a trend nor a slow wave, and their median no outlier.
    """
    values = () if trend is None else trend.values
    steps = [abs(y - x) for x, y in pairwise(values) if math.isfinite(x) and math.isfinite(y)]
    if len(steps) < LEAST_CELLS:
        return 0.0
    return 1.4826 * statistics.median(steps) / math.sqrt(2)


def threshold(a: Frame, b: Frame, key: str, unit: Unit) -> float:
    """The change that must be passed to be told."""
    spread = math.hypot(noise(a.trends.get(key)), noise(b.trends.get(key)))
    greater = max(abs(level(a, key) or 0.0), abs(level(b, key) or 0.0))
    return max(SIGMAS * spread, LEAST_SHARE * greater, LEAST[unit])


def _change(key: str, entry: Metric, was: float, now: float, part: float) -> Change:
    rises = now > was
    turn = Turn.OTHER
    if entry.worse is not Worse.NEITHER:
        turn = Turn.WORSE if rises is (entry.worse is Worse.HIGH) else Turn.BETTER
    req = (
        " req/s"
        if entry.unit is Unit.PER_SECOND and key.startswith(("http.server.", "load."))
        else ""
    )
    found = among(was, now, entry.unit, req)
    # A share's own points, of all else the change as a share: neither passes the bottlenecks.
    size = abs(now - was) if entry.unit is Unit.RATIO else abs(now - was) / max(abs(was), abs(now))
    return Change(
        "metric",
        name_of(key),
        turn,
        10 + 70 * min(1.0, size) * part,
        str(show_metric(key, was)),
        str(show_metric(key, now)),
        found.absolute,
        found.relative,
        figures=found.figures,
    )


def _half_known(
    a: Frame, b: Frame, key: str, entry: Metric, was: float | None, now: float | None
) -> Change:
    lost = now is None
    reason = (b if lost else a).reason(key) or "no finite value"
    return Change(
        "metric",
        name_of(key),
        Turn.WORSE if lost else Turn.OTHER,
        65 if lost else 15,
        "unknown" if was is None else str(show_metric(key, was)),
        "unknown" if now is None else str(show_metric(key, now)),
        remark=reason if lost else f"was unknown: {reason}",
        figures=among(was, now, entry.unit).figures,
    )


def name_of(key: str) -> str:
    """The metric's name without the part that all share, and its label's value: `disk /var`."""
    name, labels = split(key)
    short = metric(key).label if name.startswith("system.filesystem.utilization") else name
    return " ".join([short, *(label_of(key, label) for label in labels)])


def unknown_in_both(a: Frame, b: Frame) -> tuple[str, ...]:
    """Keys of metrics that both name and neither knows."""
    named = sorted({*a.readings} & {*b.readings})
    return tuple(k for k in named if a.value(k) is None and b.value(k) is None)
