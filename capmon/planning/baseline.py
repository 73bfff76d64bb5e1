"""Chapter one: what is used today, and what there is."""

from __future__ import annotations

import math

import numpy as np

from capmon.config.schema import Settings
from capmon.model.curves import Estimate, Headroom
from capmon.model.metric import Unit, label_of
from capmon.model.names import CPU, LATENCY, MEMORY, RATE
from capmon.model.plan import Chapter, Column, Figure, Statement, Table
from capmon.model.units import percent, show
from capmon.planning.evidence import Evidence
from capmon.planning.words import REQUESTS, counted, estimated, grounds, label, number, ranged
from capmon.store.course import Summaries

_QUANTILE = 0.95
"""Share of the requests that the objective is about."""

KEY, TITLE = "baseline", "Current baseline and limits"

P95 = 0.95
HOUR = 3600.0

_FILESYSTEM_SIZE = "system.filesystem.limit"
_FILESYSTEM = "system.filesystem.utilization"
_CONNECTIONS = "system.network.connections"
_SHARES = (
    *CPU, *MEMORY, _FILESYSTEM, "system.disk.io.time", "db.connections.utilization",
    "cache.hit_ratio",
)  # fmt: skip


def chapter(evidence: Evidence) -> Chapter:
    """Limits, what is used of them at the busy hour, headroom, and the response time."""
    limits = _limits(evidence)
    figures = (
        estimated(
            "busy-hour load", evidence.load_now, REQUESTS, evidence.load_text,
            evidence.reasons.get("load_now", ""),
        ),
        *_replicas(evidence),
        *_objective(evidence),
        *_connections(evidence),
    )  # fmt: skip
    tables = tuple(t for t in (limits, _used(evidence), _headroom(evidence)) if t is not None)
    return Chapter(
        KEY, TITLE, _answer(evidence), _statements(evidence), figures, tables,
        missing=_missing(evidence),
    )  # fmt: skip


def _answer(evidence: Evidence) -> str:
    """The busy hour and what binds first."""
    now = evidence.load_now
    if now is None:
        return (
            f"No load is recorded, so that nothing can be said in requests: {evidence.load_text}."
        )
    said = f"The busy hour carries {ranged(now, REQUESTS)}"
    first = next((h for h in evidence.headroom if h.at is not None and h.load == RATE), None)
    if first is None:
        return f"{said}; at which load a limit binds is not known."
    return f"{said}; {label(first.target)} reaches {_limit(first)} first, at {ranged(first.at, REQUESTS)}."


def _limit(room: Headroom) -> str:
    return number(room.limit, Unit.SECONDS if room.target == LATENCY else Unit.RATIO)


def _limits(evidence: Evidence) -> Table | None:
    """Theoretical and practical limits of host and file systems."""
    target = evidence.settings.utilization_target
    rows: list[tuple[str, str, str, str]] = []
    cores, memory = evidence.cores, evidence.memory
    if cores is not None:
        hourly = cores * HOUR
        rows.append(
            (
                "CPU",
                f"{hourly:,.0f} CPU-seconds an hour",
                f"{hourly * target:,.0f} CPU-seconds an hour",
                f"{cores:g} cores × 3,600 s: a core gives one CPU-second a second at any clock rate",
            )
        )
    if memory is not None:
        rows.append(
            (
                "memory",
                number(memory, Unit.BYTES),
                number(memory * target, Unit.BYTES),
                "what may be used: the cgroup's limit or the machine's total",
            )
        )
    for key, hours in sorted(evidence.hourly.items()):
        if key.startswith(_FILESYSTEM_SIZE + "{"):
            size, share = float(hours.mean[-1]), evidence.settings.thresholds.disk.warning
            rows.append(
                (
                    f"disk {label_of(key, 'mountpoint')}",
                    number(size, Unit.BYTES),
                    number(size * share, Unit.BYTES),
                    f"practical: {percent(share)} %, thresholds.disk.warning",
                )
            )
    rows += [
        (limit.name, f"{limit.total:g}", f"{limit.total:g}", "scaling.limits")
        for limit in evidence.settings.scaling.limits
    ]
    if not rows:
        return None
    return Table(
        "What there is",
        (
            Column("resource"),
            Column("theoretical"),
            Column("practical"),
            Column("how it is counted"),
        ),
        tuple(rows),
        f"practical: {percent(target)} % of what may be used (utilization_target) where nothing else is said",
    )


def finest(evidence: Evidence, metric_key: str) -> Summaries | None:
    """Minutes of a metric, or its hours where it has no minutes."""
    found = evidence.minutely.get(metric_key, evidence.hourly.get(metric_key))
    return found if found is not None and np.isfinite(found.mean).any() else None


def warning(settings: Settings, metric_key: str) -> float | None:
    """The configured threshold of a share; None where there is none."""
    t, name = settings.thresholds, metric_key.partition("{")[0]
    shares = {
        **dict.fromkeys(CPU, t.cpu.warning),
        **dict.fromkeys(MEMORY, t.memory.warning),
        _FILESYSTEM: t.disk.warning,
        "system.disk.io.time": t.disk_busy.warning,
        "db.connections.utilization": t.db_connections.warning,
        "cache.hit_ratio": t.cache_hit_ratio.warning,
        "http.server.error.ratio": t.errors.warning,
        "system.pressure.cpu.some.avg10": t.cpu_pressure.warning,
        "system.pressure.memory.some.avg10": t.memory_pressure.warning,
        "system.pressure.io.some.avg10": t.io_pressure.warning,
        "container.cpu.throttled": t.throttled.warning,
    }
    if name == LATENCY:
        return float(settings.objectives.latency_p95)
    found = shares.get(name)
    return None if found is None else float(found)


def _used(evidence: Evidence) -> Table | None:
    """What is used: median and 95th percentile of the minutes, against the threshold."""
    rows: list[tuple[str | float | int | None, ...]] = []
    for key in sorted(evidence.keys):
        series = finest(evidence, key)
        if key.partition("{")[0] not in _SHARES or series is None:
            continue
        known = series.mean[np.isfinite(series.mean)]
        # Of what should be high the busy end is the low one.
        tail = 1 - P95 if key == "cache.hit_ratio" else P95
        limit = warning(evidence.settings, key)
        rows.append(
            (
                label(key),
                float(np.median(known)),
                float(np.quantile(known, tail)),
                float(known.min() if tail < 0.5 else known.max()),
                limit,
                grounds(series, "of the means", evidence.zone),
            )
        )
    if not rows:
        return None
    share = Unit.RATIO
    columns = (
        Column("resource"), Column("median", share), Column("p95", share), Column("worst", share),
        Column("threshold", share), Column("evidence"),
    )  # fmt: skip
    return Table(
        "What is used", columns, tuple(rows),
        "p95: 95th percentile over minutes of their means, of a hit ratio the 5th",
    )  # fmt: skip


def _headroom(evidence: Evidence) -> Table | None:
    """At which load each limit binds."""
    rows = []
    for room in evidence.headroom:
        unit = REQUESTS if room.load == RATE else "users"
        unit_of = Unit.SECONDS if room.target == LATENCY else None
        limit = number(room.limit, unit_of) if unit_of else _share_or_bytes(room)
        left = None
        if room.at is not None and room.now is not None:
            left = _left(room.at, room.now)
        beyond = " (beyond 1.3× the load seen)" if room.extrapolated else ""
        rows.append(
            (
                label(room.target),
                limit,
                ranged(room.at, unit) + beyond if room.at is not None else "–",
                ranged(left, unit) if left is not None else "–",
                room.multiple,
                room.problem or room.limit_name,
            )
        )
    if not rows:
        return None
    columns = (
        Column("limit of"), Column("at"), Column("is reached at"), Column("left at the busy hour"),
        Column("× busy hour"), Column("why or setting"),
    )  # fmt: skip
    n = max((f.n for f in evidence.fits), default=0)
    return Table(
        "Headroom in load", columns, tuple(rows),
        f"fitted curves over load, {n:,} points; 95 % prediction intervals, at today's replicas",
    )  # fmt: skip


def _share_or_bytes(room: Headroom) -> str:
    return number(room.limit, Unit.BYTES if room.limit > 1 else Unit.RATIO)


def _left(at: Estimate, now: float) -> Estimate:
    low, high = (None if v is None else v - now for v in (at.low, at.high))
    return Estimate(at.value - now, low, high, at.level)


def over_share(series: Summaries, limit: float) -> tuple[float, int]:
    """Share of the minutes whose value is over a limit, and how many minutes are known."""
    known = series.mean[np.isfinite(series.mean)]
    return float(np.mean(known > limit)) if len(known) else math.nan, len(known)


def _objective(evidence: Evidence) -> tuple[Figure, ...]:
    """The response time against its objective."""
    series = finest(evidence, LATENCY)
    objective = float(evidence.settings.objectives.latency_p95)
    if series is None:
        reason = "the response time is not recorded: see app.fields"
        return (counted("minutes over the objective", None, Unit.RATIO, "", reason),)
    share, _ = over_share(series, objective)
    known = series.mean[np.isfinite(series.mean)]
    rests = grounds(series, "median p95", evidence.zone)
    said = f"over {show(objective, Unit.SECONDS)}: {rests}"
    p95_text = grounds(series, "95th percentile of the p95", evidence.zone)
    return (
        counted("time over the objective", share, Unit.RATIO, said),
        counted("p95 response time, median minute", float(np.median(known)), Unit.SECONDS, rests),
        counted("p95 response time, one minute in twenty is over", float(np.quantile(known, P95)), Unit.SECONDS, p95_text),
    )  # fmt: skip


def _connections(evidence: Evidence) -> tuple[Figure, ...]:
    series = finest(evidence, _CONNECTIONS)
    if series is None:
        return ()
    high = float(np.quantile(series.max, P95))
    text = grounds(series, "95th percentile of the greatest", evidence.zone)
    return (counted("concurrent connections", high, Unit.COUNT, text),)


def _replicas(evidence: Evidence) -> tuple[Figure, ...]:
    count = evidence.replicas_now
    text = "last count read from the scale target"
    reason = evidence.reasons.get("replicas_now", "")
    return (counted("ready replicas", count, "replicas", text, reason),)


def _statements(evidence: Evidence) -> tuple[Statement, ...]:
    """What is over a threshold today, the worst first."""
    found: list[tuple[int, Statement]] = []
    for room in evidence.headroom:
        if room.multiple is not None and room.multiple < 1:
            text = (
                f"The busy hour is over what {label(room.target)} allows: "
                f"{number(room.now, REQUESTS)} against {ranged(room.at, REQUESTS)}."
            )
            found.append((0, Statement(text, "critical", "headroom table")))
    series = finest(evidence, LATENCY)
    if series is not None:
        share, n = over_share(series, float(evidence.settings.objectives.latency_p95))
        allowed = 1 - _QUANTILE
        if share > allowed:
            text = (
                f"The response time is over its objective in {percent(share)} % of the time, "
                f"where {percent(allowed)} % is allowed."
            )
            found.append((1, Statement(text, "high", f"{n:,} minutes or hours")))
    return tuple(s for _, s in sorted(found, key=lambda f: f[0]))


def _missing(evidence: Evidence) -> tuple[str, ...]:
    """What could not be said, and what it would take."""
    # What each curve lacks is told limit by limit below.
    found = [v for k, v in evidence.reasons.items() if k not in ("replica", "usl")]
    if not any(k in evidence.hourly for k in CPU):
        found.append("CPU utilization is not recorded: run capmon record on the host, or import it")
    if not any(k in evidence.hourly for k in MEMORY):
        found.append(
            "memory utilization is not recorded: run capmon record on the host, or import it"
        )
    if evidence.cores is None:
        found.append(
            "cores that may be used are not recorded, so that CPU has no limit in CPU-seconds"
        )
    if LATENCY not in evidence.hourly:
        found.append("response times are not recorded: nothing is said of the objective")
    found += [
        f"{label(h.target)} over load: {h.problem}" for h in evidence.headroom if h.at is None
    ]
    return tuple(dict.fromkeys(found))
