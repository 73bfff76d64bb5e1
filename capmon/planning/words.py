"""How the plan writes numbers, times and grounds, the same in every chapter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from capmon.model.curves import Estimate
from capmon.model.metric import Unit, label_of, metric
from capmon.model.plan import Figure
from capmon.model.units import UNKNOWN, digits, show, span, within
from capmon.store.course import Summaries

Amount = Unit | str
"""A unit of the catalogue, or a word."""

REQUESTS = "req/s"
"""Requests a second."""


def number(value: float | None, unit: Amount) -> str:
    """One number with its unit: `130 req/s`, `82 %`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if isinstance(unit, Unit):
        return str(show(value, unit))
    if unit == REQUESTS:
        return str(show(value, Unit.PER_SECOND)).replace("/s", " req/s").replace("  ", " ")
    return f"{digits(value)} {unit}".rstrip()


def ranged(estimate: Estimate | None, unit: Amount) -> str:
    """A number with its interval: `130 req/s (122–141)`, `up to 141` from 0 on, `122 or more`."""
    if estimate is None:
        return UNKNOWN
    text = number(estimate.value, unit)
    if estimate.low is None and estimate.high is None:
        return text
    ends = [None if v is None else number(v, unit) for v in (estimate.low, estimate.high)]
    tail = text.partition(" ")[2]
    if all(v is None or v.partition(" ")[2] in (tail, "") for v in ends):
        ends = [None if v is None else v.partition(" ")[0] for v in ends]
    return f"{text} ({within(*ends)})"


def spread_of(values: Iterable[int]) -> str:
    """Counts as one or as a range: `5`, `4–6`."""
    found = sorted(set(values))
    return f"{found[0]}" if len(found) == 1 else f"{found[0]}–{found[-1]}"


def day(at: float, zone: str) -> str:
    """A date: `1 Mar 2026`."""
    moment = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{moment.day} {moment:%b %Y}"


def grounds(summaries: Summaries, what: str, zone: str) -> str:
    """What a number rests on: `p95 of 20,160 minutes, 15 Feb 2026 to 1 Mar 2026`."""
    n = int(np.count_nonzero(np.isfinite(summaries.mean)))
    pace = paced(summaries)
    each = "minutes" if pace == 60.0 else "hours" if pace == 3600.0 else f"means of {span(pace)}"
    first, last = (day(float(t), zone) for t in (summaries.times[0], summaries.times[-1]))
    when = first if first == last else f"{first} to {last}"
    return f"{what} of {n:,} {each.removesuffix('s') if n == 1 and pace in (60.0, 3600.0) else each}, {when}"


def paced(summaries: Summaries) -> float:
    """Seconds that each value stands for: a cell's, or more where readings come less often."""
    if len(summaries.times) < 2:
        return float(summaries.step)
    return max(float(summaries.step), float(np.median(np.diff(summaries.times))))


def label(metric_key: str) -> str:
    """A metric in words, with its mount point or device: `disk /var`."""
    found = next((v for n in ("mountpoint", "device") if (v := label_of(metric_key, n))), "")
    known = metric(metric_key).label
    host = (
        " of the host"
        if metric_key in ("system.cpu.utilization", "system.memory.utilization")
        else ""
    )
    return f"{known}{host} {found}".rstrip()


def counted(
    name: str, value: float | None, unit: Amount, evidence: str, reason: str = ""
) -> Figure:
    """A number that was counted or set."""
    estimate = None if value is None or not math.isfinite(value) else Estimate(value)
    return Figure(
        name, estimate, unit, evidence, "" if estimate is not None else reason, exact=True
    )


def estimated(
    name: str, value: Estimate | None, unit: Amount, evidence: str, reason: str = ""
) -> Figure:
    """A number that was estimated."""
    return Figure(name, value, unit, evidence, "" if value is not None else reason)


def when(seconds: float | None, until: float, zone: str) -> str:
    """A time ahead: `12 d (13 Mar 2026)`; `already` where it has passed, a dash where it is not seen."""
    if seconds is None:
        return UNKNOWN
    return "already" if seconds <= 0 else f"in {span(seconds)} ({day(until + seconds, zone)})"
