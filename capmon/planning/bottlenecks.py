"""Chapter five: what binds first, second and third, what was over its threshold, and what each step brings."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.metric import Unit, metric
from capmon.model.names import CPU, LATENCY, RATE
from capmon.model.plan import Chapter, Column, Statement, Table
from capmon.model.units import percent, span
from capmon.planning.baseline import finest, warning
from capmon.planning.chances import chance_over
from capmon.planning.evidence import Evidence
from capmon.planning.load import scaled
from capmon.planning.order import Place, order
from capmon.planning.words import REQUESTS, grounds, label, number, paced, ranged
from capmon.scaling.limits import fits, plural

KEY, TITLE = "bottlenecks", "Bottlenecks"

EVENTS = 5000
"""Events of the record that are counted at most."""

_BEGAN = " began, "
_PLACES = ("first", "second", "third")


def chapter(evidence: Evidence) -> Chapter:
    """Order of the limits, time over thresholds, events counted, and relief."""
    places = order(_bindings(evidence))
    tables = tuple(
        t
        for t in (_order(evidence, places), _over(evidence), _events(evidence), _relief(evidence))
        if t is not None
    )
    return Chapter(
        KEY, TITLE, _answer(evidence, places), _statements(evidence, places), (), tables,
        missing=_missing(evidence),
    )  # fmt: skip


def _bindings(evidence: Evidence) -> list[tuple[str, Estimate]]:
    """Every limit over the request rate, at today's replicas."""
    return [
        (room.target, room.at)
        for room in evidence.headroom
        if room.at is not None and room.load == RATE
    ]


def _answer(evidence: Evidence, places: tuple[Place, ...]) -> str:
    if not places:
        return f"Which limit binds first is not known: {evidence.replica.problem or 'no curve over load'}."
    first = places[0]
    said = f"As the load grows {label(first.name)} binds first"
    # A chance out of so many draws is never known to be one.
    said += f" ({percent(min(first.chances[0], 0.99))} % sure), at {ranged(first.at, REQUESTS)}"
    if len(places) > 1:
        said += f", then {label(places[1].name)} at {ranged(places[1].at, REQUESTS)}"
    return f"{said}."


def _order(evidence: Evidence, places: tuple[Place, ...]) -> Table | None:
    if not places:
        return None
    told = len(places[0].chances)
    now = evidence.load_now
    rows = tuple(
        (
            label(p.name), ranged(p.at, REQUESTS), None if now is None else p.at.value / now.value,
            *p.chances,
        )
        for p in places
    )  # fmt: skip
    columns = (
        Column("limit"), Column("binds at"), Column("× busy hour"),
        *(Column(name, Unit.RATIO) for name in _PLACES[:told]),
    )  # fmt: skip
    text = "at today's replicas; probabilities of the places from the intervals, limits taken as independent"
    return Table("What binds as the load grows", columns, rows, text)


def _critical(settings: Settings, metric_key: str) -> float | None:
    """The worse threshold of a share or response time."""
    t, name = settings.thresholds, metric_key.partition("{")[0]
    if name == LATENCY:
        return float(t.latency_p95.critical)
    by_name = {
        **dict.fromkeys(CPU, t.cpu.critical),
        "system.memory.utilization": t.memory.critical,
        "process.memory.utilization": t.memory.critical,
        "system.filesystem.utilization": t.disk.critical,
        "system.disk.io.time": t.disk_busy.critical,
        "db.connections.utilization": t.db_connections.critical,
        "cache.hit_ratio": t.cache_hit_ratio.critical,
        "http.server.error.ratio": t.errors.critical,
        "system.pressure.cpu.some.avg10": t.cpu_pressure.critical,
        "system.pressure.memory.some.avg10": t.memory_pressure.critical,
        "system.pressure.io.some.avg10": t.io_pressure.critical,
        "container.cpu.throttled": t.throttled.critical,
    }
    found = by_name.get(name)
    return None if found is None else float(found)


def _over(evidence: Evidence) -> Table | None:
    """Minutes over each threshold, the most first."""
    rows = []
    for key in evidence.keys:
        series, limit = finest(evidence, key), warning(evidence.settings, key)
        if series is None or limit is None:
            continue
        known = series.mean[np.isfinite(series.mean)]
        low = key == "cache.hit_ratio"
        beyond = known < limit if low else known > limit
        critical = _critical(evidence.settings, key)
        worse = known if critical is None else (known < critical if low else known > critical)
        unit, pace = metric(key).unit, paced(series)
        rows.append(
            (
                label(key), number(limit, unit), span(float(np.count_nonzero(beyond)) * pace), float(beyond.mean()),
                number(critical, unit), None if critical is None else span(float(np.count_nonzero(worse)) * pace),
                grounds(series, "counted", evidence.zone),
            )
        )  # fmt: skip
    if not rows:
        return None
    rows.sort(key=lambda r: -r[3])
    columns = (
        Column("metric"), Column("warning"), Column("over it"),
        Column("of the time", Unit.RATIO), Column("critical"), Column("over that"),
        Column("evidence"),
    )  # fmt: skip
    return Table(
        "Time over each threshold",
        columns,
        tuple(rows),
        "means of minutes where kept, else of hours, each for as long as it stands",
    )


def _events(evidence: Evidence) -> Table | None:
    """Bottlenecks that began, by component and busiest hour of the day."""
    zone = ZoneInfo(evidence.zone)
    by_component: Counter[str] = Counter()
    hours: dict[str, Counter[int]] = {}
    for event in evidence.record.events(evidence.since, evidence.until, EVENTS):
        if event.kind != "bottleneck" or _BEGAN not in event.text:
            continue
        component = event.text.partition(":")[0]
        by_component[component] += 1
        hour = datetime.fromtimestamp(event.at, zone).hour
        hours.setdefault(component, Counter())[hour] += 1
    if not by_component:
        return None
    rows = []
    for component, count in by_component.most_common():
        hour, most = max(hours[component].items(), key=lambda h: (h[1], -h[0]))
        rows.append((component, count, f"{hour:02d}:00", most, _by_hour(hours[component])))
    columns = (
        Column("component"), Column("began", "times"), Column("most often at"), Column("times then"),
        Column("by hour 0 to 23"),
    )  # fmt: skip
    return Table(
        "Bottlenecks of the record", columns, tuple(rows), f"events kept, hours of {evidence.zone}"
    )


def _by_hour(hours: Counter[int]) -> str:
    """24 digits, a dot for none: one digit an hour, nine and more as 9."""
    return "".join("." if not hours[h] else str(min(hours[h], 9)) for h in range(24))


def _relief(evidence: Evidence) -> Table | None:
    """What binds next after each step: more replicas, up to what they share, then what is not shared out."""
    r, ready = evidence.replica, evidence.replicas_now
    if r.carries is None or not r.per_replica or ready is None:
        return None
    scaling = evidence.settings.scaling
    caps = [("scaling.max", scaling.max)]
    caps += [(limit.name, most) for limit in scaling.limits if (most := fits(limit)) is not None]
    steps = [
        ("as it is", ready),
        ("one replica more", ready + 1),
        ("twice the replicas", 2 * ready),
    ]
    steps += [
        (f"up to {name}", most) for name, most in sorted(caps, key=lambda c: c[1]) if most > ready
    ]
    rows = []
    for name, count in steps:
        over = [(what, most) for what, most in caps if count > most]
        tight = min(over, key=lambda c: c[1], default=None)
        allowed = count if tight is None else max(tight[1], ready)
        at = scaled(r.carries, allowed)
        binds = (
            label(r.binds) if tight is None else f"{tight[0]} ({tight[1]} {plural(tight[1])} fit)"
        )
        gain = at.value / (r.carries.value * ready)
        rows.append((name, count, binds, ranged(at, REQUESTS), gain, _reached(evidence, at)))
    columns = (
        Column("step"), Column("replicas"), Column("then binds"), Column("at"), Column("× today's"),
        Column("chance that the busy hour at the horizon is over it", Unit.RATIO),
    )  # fmt: skip
    text = "a replica more carries as much as each does now: what replicas contend for is seen only once there are more"
    return Table("What each step brings", columns, tuple(rows), text)


def _reached(evidence: Evidence, at: Estimate) -> float | None:
    then = evidence.load_then
    return None if then is None else chance_over(then, at)


def _statements(evidence: Evidence, places: tuple[Place, ...]) -> tuple[Statement, ...]:
    found = []
    now = evidence.load_now
    if places and now is not None and places[0].at.value < now.value:
        text = (
            f"{label(places[0].name)} binds below the busy hour already: "
            f"{number(places[0].at.value, REQUESTS)} against {number(now.value, REQUESTS)}."
        )
        found.append(Statement(text, "critical", "order of the limits"))
    if len(places) > 1 and places[0].chances[0] < 0.9:
        text = (
            f"Whether {label(places[0].name)} or {label(places[1].name)} binds first is not told "
            f"apart: {percent(places[0].chances[0])} % against {percent(places[1].chances[0])} %."
        )
        found.append(Statement(text, "low", "intervals of both limits"))
    series = finest(evidence, LATENCY)
    usl = evidence.usl
    if usl is not None and not usl.problem and usl.kind == "usl":
        beta = next((c for c in usl.coefficients if c.name == "beta"), None)
        alpha = next((c for c in usl.coefficients if c.name == "alpha"), None)
        if beta is not None and alpha is not None and beta.value > 0 and alpha.value < 1:
            peak = math.sqrt((1 - alpha.value) / beta.value)
            seen = usl.load_max or 0.0
            beyond = ", far beyond what was seen" if peak > 3 * seen else ""
            text = f"Throughput would fall beyond {peak:.3g} requests at once{beyond}; up to {seen:.3g} were seen."
            found.append(Statement(text, "", f"law of scalability, {usl.n:,} points"))
    if series is None:
        found.append(
            Statement(
                "Whether bottlenecks hurt users cannot be said without response times.", "low"
            )
        )
    return tuple(found)


def _missing(evidence: Evidence) -> tuple[str, ...]:
    found = [
        f"where {label(h.target)} binds: {h.problem}" for h in evidence.headroom if h.at is None
    ]
    if not any(
        e.kind == "bottleneck"
        for e in evidence.record.events(evidence.since, evidence.until, EVENTS)
    ):
        found.append(
            f"no bottleneck events in {span(evidence.until - evidence.since)}: run capmon record to keep them"
        )
    if evidence.replicas_now is None:
        found.append(f"what more replicas bring: {evidence.reasons.get('replicas_now', '')}")
    return tuple(dict.fromkeys(found))
