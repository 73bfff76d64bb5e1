"""Numbers of one metric side by side: a unit for all, and a width that does not change."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from capmon.model.frame import Frame
from capmon.model.metric import metric, split
from capmon.model.units import UNKNOWN, percent, show, show_metric


def unit_of(metric_key: str, values: Iterable[float | None]) -> str:
    """The unit in which the greatest of some values is written."""
    known = [abs(v) for v in values if v is not None and math.isfinite(v)]
    return show(max(known, default=0.0), metric(metric_key).unit).unit


def figure(metric_key: str, value: float | None, unit: str, width: int) -> str:
    """A number right-aligned, with its unit only where that is not the column's."""
    shown = show(value, metric(metric_key).unit)
    whole = shown.unit == unit or shown.number in (UNKNOWN, "0")
    text = shown.number if whole else f"{shown.number}{shown.unit}"
    return text.rjust(width)[:width]


def between(metric_key: str, low: float | None, high: float | None) -> str:
    """`101–136`, units where they differ, open ends said, or nothing."""
    if low is None and high is None:
        return ""
    first, last = show_metric(metric_key, low), show_metric(metric_key, high)
    if low is None or (low == 0 and high):
        return f"up to {last}"
    if high is None:
        return f"{first} or more"
    if first.unit == last.unit:
        return f"{first.number}–{last.number}"
    return f"{first}–{last}"


def chance_text(probability: float) -> str:
    """A probability in per cent that is never rounded to certainty: `<1`, `34`, `>99`."""
    if not math.isfinite(probability):
        return UNKNOWN
    if 0 < probability < 0.01:
        return "<1"
    if 0.99 < probability < 1:
        return ">99"
    return f"{min(max(probability, 0.0), 1.0) * 100:.0f}"


def clock(at: float, now: float, *, seconds: bool = False) -> str:
    """A time of day in UTC, with the day when it is far from now, or a dash."""
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN
    if abs(at - now) > 86400:
        return f"{moment:%d %b %H:%M}"
    return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"


HOST = {
    "system.cpu.utilization": "host cpu",
    "system.memory.utilization": "host memory",
    "system.memory.usage": "host memory",
}
"""Names of what an application has as well: alone, `cpu` could be either."""


def spoken(metric_key: str) -> str:
    """A metric's label, with whose it is where the host and the application both have one."""
    base, _ = split(metric_key)
    return HOST.get(base, metric(metric_key).label)


def short_name(metric_key: str) -> str:
    """The same in at most eight cells where it is known in short: `host mem`."""
    base, _ = split(metric_key)
    return SHORT.get(base, spoken(metric_key).replace("memory", "mem"))


SHORT = {
    "http.server.request.rate": "rate",
    "http.server.request.duration.p95": "p95",
    "system.filesystem.utilization": "disk",
    "load.per_replica": "usl",
}
"""Names in few letters; load itself has a curve only under the law of scalability."""


def full_name(metric_key: str) -> str:
    """A metric's label and what its labels say: `disk /var`."""
    _, labels = split(metric_key)
    return " ".join([spoken(metric_key), *labels.values()])


def local_zone(frame: Frame) -> bool:
    """Whether the load's days are told in another time zone than UTC, so that clocks must name theirs."""
    found = frame.patterns
    return found is not None and found.time_zone not in ("", "UTC")


def share_text(share: float) -> str:
    """A share as a percentage with its sign: `+3 %`, `-24 %`; beyond a thousand per cent cut short."""
    if not math.isfinite(share) or abs(share) >= 10:
        return f"{'-' if share < 0 else '+'}>999 %"
    text = percent(share)
    return f"{'+' if share > 0 and text != '0' else ''}{text} %"
