"""File systems and the network: how they grow, when they fill, and what to order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit
from capmon.model.metric import Unit, label_of
from capmon.model.names import RATE
from capmon.model.plan import Column, Figure, Table
from capmon.model.units import show, span
from capmon.planning.amounts import Amount, amount, fills
from capmon.planning.chances import quantile
from capmon.planning.evidence import Evidence
from capmon.planning.futures import said

FILESYSTEM = "system.filesystem.utilization"
_SIZE = "system.filesystem.limit"

FULL = 0.999
"""Used share from which a file system is full."""

DIRECTIONS = ("system.network.receive", "system.network.transmit")

_LEAST_HOURS = 24
_RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Filesystem:
    """One file system ahead."""

    name: str
    """Mount point."""

    used: Amount
    """Used share."""

    warning: TimeToLimit
    """Seconds until its warning threshold."""

    critical: TimeToLimit
    """Seconds until its critical threshold."""

    full: TimeToLimit
    """Seconds until it is full."""

    size: float | None
    """Bytes that may be used; None where not recorded."""

    order: float | None
    """Bytes that keep it below the warning at the horizon with the question's probability; None where not known."""


def filesystems(evidence: Evidence) -> tuple[Filesystem, ...]:
    """Every file system recorded, the first to reach its warning in front."""
    found = [_filesystem(evidence, k) for k in evidence.hourly if k.startswith(FILESYSTEM + "{")]
    return tuple(sorted(found, key=_first))


def _first(one: Filesystem) -> tuple[float, str]:
    soon = one.warning.t10
    return (math.inf if soon is None else soon), one.name


def _filesystem(evidence: Evidence, key: str) -> Filesystem:
    hours, until, horizon = evidence.hourly[key], evidence.until, evidence.question.horizon
    limits = evidence.settings.thresholds.disk
    used = amount(hours, until, horizon)
    sizes = evidence.hourly.get(_SIZE + key[len(FILESYSTEM) :])
    size = None if sizes is None or not len(sizes.mean) else float(sizes.mean[-1])
    warning, critical, full = (
        fills(hours, at, until, horizon) for at in (limits.warning, limits.critical, FULL)
    )
    order = None
    if used.then is not None and size is not None and limits.warning > 0:
        share = quantile(used.then, evidence.question.probability)
        order = max(size * share / limits.warning, size)
    return Filesystem(label_of(key, "mountpoint"), used, warning, critical, full, size, order)


def table(evidence: Evidence, found: tuple[Filesystem, ...]) -> Table | None:
    """File systems side by side; None without any."""
    if not found:
        return None
    limits = evidence.settings.thresholds.disk
    warning, critical = (show(v, Unit.RATIO) for v in (limits.warning, limits.critical))
    names = [f"{warning}", f"{critical}", "full"]
    columns = (
        Column("file system"), Column("size", Unit.BYTES), Column("used", Unit.RATIO),
        Column("at the horizon", Unit.RATIO), Column("up to", Unit.RATIO),
        *(Column(f"{name}, {q}", "days") for name in names for q in ("10 %", "50 %", "90 %")),
        Column("order", Unit.BYTES),
    )  # fmt: skip
    rows = tuple(
        (
            one.name, one.size, one.used.now,
            None if one.used.then is None else one.used.then.value,
            None if one.used.then is None else one.used.then.high,
            *(_days(t) for reach in (one.warning, one.critical, one.full) for t in (reach.t10, reach.t50, reach.t90)),
            one.order,
        )
        for one in found
    )  # fmt: skip
    text = "; ".join(f"{one.name}: {one.used.evidence}" for one in found)
    probability = evidence.question.probability
    return Table(
        "File systems, days until each share is reached",
        columns, rows,
        f"{text}. The size to order stays below {warning} at the horizon with {said(probability)}.",
    )  # fmt: skip


def _days(seconds: float | None) -> float | None:
    return None if seconds is None else max(seconds, 0.0) / 86400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one request moves over this host's network in its busier direction."""

    direction: str
    """`receive` or `transmit`."""

    each: Estimate | None
    """Bytes a request, what comes without requests shared out among them; None where not known."""

    evidence: str
    """What it rests on, or why it is not known."""


def traffic(evidence: Evidence) -> Traffic | None:
    """Bytes a request of the busier direction; None where no traffic is recorded."""
    found = [t for d in DIRECTIONS if (t := _traffic(evidence, d)) is not None]
    known = [t for t in found if t.each is not None]
    return max(known, key=lambda t: t.each.value if t.each else 0.0) if known else next(iter(found), None)  # fmt: skip


def _traffic(evidence: Evidence, metric_key: str) -> Traffic | None:
    moved = evidence.hourly.get(metric_key)
    if moved is None:
        return None
    direction = metric_key.rpartition(".")[2]
    load = evidence.hourly.get(RATE)
    if load is None:
        return Traffic(direction, None, "no load is recorded beside the traffic")
    _, a, b = np.intersect1d(moved.times, load.times, return_indices=True)
    by, requests, at = moved.mean[a], load.mean[b], moved.times[a]
    known = np.isfinite(by) & np.isfinite(requests)
    by, requests, at = by[known], requests[known], at[known]
    if len(by) < _LEAST_HOURS or not float(requests.sum()) > 0:
        return Traffic(direction, None, f"needs {_LEAST_HOURS} hours with load, has {len(by)}")
    value = float(by.sum() / requests.sum())
    low, high = _by_day(by, requests, at)
    text = f"bytes over requests of {len(by)} hours, interval by whole days drawn anew"
    return Traffic(direction, Estimate(value, low, high), text)


def _by_day(by: Vec, requests: Vec, at: Vec) -> tuple[float | None, float | None]:
    """95 % interval of the ratio, days drawn anew; None with fewer than three days."""
    day = np.unique(np.floor(at / 86400.0), return_inverse=True)[1]
    sums = np.array([np.bincount(day, weights=v) for v in (by, requests)])
    n = sums.shape[1]
    if n < 3:
        return None, None
    picks = np.random.default_rng(7).integers(0, n, (_RESAMPLES, n))
    above, below = sums[:, picks].sum(axis=2)
    good = below > 0
    low, high = np.quantile(above[good] / below[good], (0.025, 0.975))
    return float(low), float(high)


def network(evidence: Evidence) -> tuple[tuple[Figure, ...], str, tuple[str, ...]]:
    """Figures of the network, what they come to, and what is missing."""
    found = traffic(evidence)
    if found is None:
        return (), "", ("no network traffic is recorded: run capmon record on the host",)
    name = f"bytes a request, {found.direction}"
    if found.each is None:
        return (Figure(name, None, Unit.BYTES, "", found.evidence),), "", ()
    figures = [Figure(name, found.each, Unit.BYTES, found.evidence)]
    then, missing = evidence.load_then, []
    needs = None if then is None else _product(found.each, then)
    figures.append(
        Figure(
            f"network at the horizon, {found.direction}", needs, Unit.BYTES_PER_SECOND,
            "bytes a request × load at the horizon, while as many hosts share it",
            "" if needs is not None else "the load at the horizon is not known",
        )
    )  # fmt: skip
    band = evidence.settings.plan.network_bandwidth
    if not band:
        missing.append("how much the network carries: set plan.network_bandwidth")
        return tuple(figures), "", tuple(missing)
    if needs is None:
        return tuple(figures), "", tuple(missing)
    share = Estimate(*(None if v is None else v / band for v in (needs.value, needs.low, needs.high)))  # type: ignore[arg-type]  # fmt: skip
    figures.append(Figure("share of plan.network_bandwidth", share, Unit.RATIO, "network at the horizon over plan.network_bandwidth"))  # fmt: skip
    reach = Estimate(band * evidence.settings.utilization_target / found.each.value)
    figures.append(Figure("load that the network carries", reach, "req/s", f"{show(evidence.settings.utilization_target, Unit.RATIO)} of plan.network_bandwidth over bytes a request"))  # fmt: skip
    text = f"The busy hour at the horizon in {span(evidence.question.horizon)} takes {show(share.value, Unit.RATIO)} of the network, {found.direction}"
    return tuple(figures), text, tuple(missing)


def _product(a: Estimate, b: Estimate) -> Estimate:
    """Product of two independent estimates, relative errors added as squares."""
    value = a.value * b.value

    def part(e: Estimate, end: float | None) -> float:
        return 0.0 if end is None or e.value == 0 else (end - e.value) / e.value

    down = math.hypot(part(a, a.low), part(b, b.low))
    up = math.hypot(part(a, a.high), part(b, b.high))
    known = b.low is not None and b.high is not None
    return Estimate(value, max(value * (1 - down), 0.0), value * (1 + up)) if known else Estimate(value)  # fmt: skip
