"""Database connections: what the pools may open and what is used, now and at the horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import Column, Figure, Statement, Table
from capmon.model.units import show
from capmon.planning.evidence import Evidence
from capmon.planning.infrastructure import needed_then
from capmon.scaling.limits import plural

USAGE, LIMIT = "db.connections.usage", "db.connections.limit"

BUSY = 0.99
"""Share of the minutes that the peak of use is not below."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What is known of the database's connections."""

    admitted: float | None
    """Connections that it admits."""

    admitted_from: str
    """Where that comes from, or what it would take."""

    pool: float | None
    """Connections that one replica may open."""

    pool_from: str
    """Where that comes from, or what it would take."""

    used: float | None
    """Peak of those in use."""

    used_from: str
    """What that rests on, or why it is not known."""

    @property
    def fit(self) -> int | None:
        """Replicas whose pools the database admits; None where not known."""
        if self.admitted is None or not self.pool:
            return None
        return math.floor(self.admitted / self.pool * (1 + 1e-12))


def connections(evidence: Evidence) -> Connections:
    """Settings first, then limits of scaling that name connections, then what was recorded."""
    own = evidence.settings.plan.database
    shared = next((c for c in evidence.settings.scaling.limits if "connection" in c.name.lower()), None)  # fmt: skip
    hours = evidence.hourly.get(LIMIT)
    admitted: tuple[float | None, str] = None, "set plan.database.connections"
    if own.connections is not None:
        admitted = float(own.connections), "plan.database.connections"
    elif shared is not None:
        admitted = shared.total, "scaling.limits"
    elif hours is not None and np.isfinite(hours.mean).any():
        admitted = float(hours.mean[np.isfinite(hours.mean)][-1]), f"last {LIMIT}"
    pool: tuple[float | None, str] = None, "set plan.database.pool"
    if own.pool is not None:
        pool = float(own.pool), "plan.database.pool"
    elif shared is not None and shared.per_replica > 0:
        pool = shared.per_replica, "scaling.limits"
    return Connections(*admitted, *pool, *_used(evidence))


def _used(evidence: Evidence) -> tuple[float | None, str]:
    found = evidence.minutely.get(USAGE, evidence.hourly.get(USAGE))
    if found is None or not np.isfinite(found.mean).any():
        return None, f"{USAGE} is not recorded"
    known = found.max[np.isfinite(found.max)]
    unit = "minutes" if found.step < 3600 else "hours"
    return float(np.quantile(known, BUSY)), f"99th percentile of {len(known):,} {unit}"


def chapter_parts(
    evidence: Evidence,
) -> tuple[tuple[Figure, ...], tuple[Table, ...], tuple[Statement, ...], tuple[str, ...]]:
    """Figures, tables, statements and what is missing."""
    found, then = connections(evidence), needed_then(evidence)
    if found.used is None and found.pool is None and found.admitted is None:
        return (), (), (), ("connections: record db.connections.usage, or set plan.database.pool and plan.database.connections",)  # fmt: skip
    figures = (
        _figure("connections admitted", found.admitted, found.admitted_from),
        _figure("connections of one replica's pool", found.pool, found.pool_from),
        _figure("connections in use at the peak", found.used, found.used_from),
        Figure(
            "replicas whose pools fit", None if found.fit is None else Estimate(float(found.fit)), "replicas",
            "connections admitted over those of one pool", "" if found.fit is not None else "admitted or pool are not known", exact=True,
        ),
    )  # fmt: skip
    cases = [("now", evidence.replicas_now)]
    if then is not None:
        cases.append(("at the horizon", round(then.value)))
        cases.append(("at the horizon, one to spare", round(then.value) + 1))
    known = [(name, count) for name, count in cases if count is not None]
    rows = tuple((name, count, *_row(evidence, found, count)) for name, count in known)
    columns = (
        Column("when"), Column("replicas", "replicas"), Column("pools open at most", Unit.COUNT),
        Column("share of those admitted", Unit.RATIO), Column("in use at the peak", Unit.COUNT),
    )  # fmt: skip
    text = "use at the peak grows with the replicas, each of which goes on to carry what it carries now"
    tables = (Table("Connections against pool × replicas", columns, rows, text),) if rows else ()
    missing = tuple(
        f"{what}: {source}"
        for what, value, source in (
            ("connections admitted", found.admitted, found.admitted_from),
            ("pool of one replica", found.pool, found.pool_from),
        )
        if value is None
    )
    return figures, tables, _statements(found, known), missing


def _figure(name: str, value: float | None, source: str) -> Figure:
    if value is None:
        return Figure(name, None, Unit.COUNT, "", source, exact=True)
    return Figure(name, Estimate(value), Unit.COUNT, source, exact=True)


def _row(evidence: Evidence, found: Connections, count: int) -> tuple[float | None, ...]:
    opened = None if found.pool is None else found.pool * count
    share = opened / found.admitted if opened is not None and found.admitted else None
    now = evidence.replicas_now
    used = None if found.used is None or not now else found.used / now * count
    return opened, share, used


def _statements(found: Connections, cases: list[tuple[str, int]]) -> tuple[Statement, ...]:
    pool, admitted, most = found.pool, found.admitted, found.fit
    if pool is None or admitted is None or most is None:
        return ()
    for name, count in cases:
        if pool * count > admitted:
            sum_ = f"{count} {plural(count)} {name} × {pool:g} = {pool * count:g} connections, the database admits {admitted:g}"
            least = max(math.floor(admitted / count), 1)
            text = f"{sum_}: {most} fit. Put a pooler (PgBouncer, transaction pooling) between, or lower the pool to {least}."
            used = (
                ""
                if found.used is None
                else f"; {show(found.used, Unit.COUNT)} in use at the peak, {found.used_from}"
            )
            severity = "critical" if name == "now" else "high"
            return (Statement(text, severity, f"{found.pool_from}, {found.admitted_from}{used}"),)
    return (Statement(f"The pools fit for up to {most} {plural(most)}.", "", f"{found.pool_from}, {found.admitted_from}"),)  # fmt: skip
