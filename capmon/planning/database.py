"""Chapter seven: the database's size, tables, connections, reads, hit ratios and volume."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit
from capmon.model.metric import Unit, key, label_of
from capmon.model.plan import Chapter, Column, Figure, Statement, Table
from capmon.model.text import one_line
from capmon.model.units import percent, show, span
from capmon.planning.amounts import DAY, Amount, amount, fills, spans
from capmon.planning.connections import chapter_parts
from capmon.planning.evidence import Evidence
from capmon.planning.words import ranged
from capmon.store.course import Summaries

KEY, TITLE = "database", "Database scaling"

SIZE, VOLUME = "db.size", "db.volume.limit"
TABLE_SIZE, TABLE_ROWS, INDEX_USE = "db.table.size", "db.table.rows", "db.table.index_use.ratio"
CPU, READS = "db.cpu.utilization", "db.read.ratio"
HITS = ("db.cache.hit_ratio", "db.index.hit_ratio")

MOST_TABLES = 20
"""Tables shown, the largest first."""

LARGE_ROWS = 10_000
"""Rows from which on a table that is read without its indexes is worth a word."""

LEAST_INDEX_USE = 0.9
"""Share of a large table's scans below which an index is looked for."""

LEAST_HIT = 0.99
"""Share of the blocks that an online database usually finds in its memory."""

MOSTLY_READS = 0.5
"""Share of reads from which on a replica for reading takes load off the primary."""

SQL = """\\copy (
  SELECT extract(epoch FROM now()) AS time, metric, value FROM (
    SELECT 'db.size' AS metric, pg_database_size(current_database())::float8 AS value
    UNION ALL SELECT format('db.table.size{table="%s"}', translate(schemaname || '.' || relname, '"\\', '__')), pg_total_relation_size(relid) FROM pg_stat_user_tables
    UNION ALL SELECT format('db.table.rows{table="%s"}', translate(schemaname || '.' || relname, '"\\', '__')), n_live_tup FROM pg_stat_user_tables
    UNION ALL SELECT format('db.table.index_use.ratio{table="%s"}', translate(schemaname || '.' || relname, '"\\', '__')), idx_scan::float8 / (idx_scan + seq_scan) FROM pg_stat_user_tables WHERE idx_scan + seq_scan > 0
    UNION ALL SELECT 'db.cache.hit_ratio', sum(heap_blks_hit) / nullif(sum(heap_blks_hit + heap_blks_read), 0) FROM pg_statio_user_tables
    UNION ALL SELECT 'db.index.hit_ratio', sum(idx_blks_hit) / nullif(sum(idx_blks_hit + idx_blks_read), 0) FROM pg_statio_user_indexes
    UNION ALL SELECT 'db.read.ratio', tup_fetched::float8 / nullif(tup_fetched + tup_inserted + tup_updated + tup_deleted, 0) FROM pg_stat_database WHERE datname = current_database()
    UNION ALL SELECT 'db.connections.usage', count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
    UNION ALL SELECT 'db.connections.limit', current_setting('max_connections')::float8 - current_setting('superuser_reserved_connections')::float8
  ) AS readings WHERE value IS NOT NULL
) TO STDOUT WITH (FORMAT csv, HEADER)"""
"""What psql prints of a PostgreSQL database as CSV of time, metric and value, for `capmon import`.

As one line, with its line breaks taken out, since `\\copy` ends with the line: `one_liner()`.
Ratios count since the statistics were reset. Run it once an hour, by cron or a systemd timer.

Source:
    PostgreSQL 15 documentation, chapter 28.2, The Cumulative Statistics System.
"""


def one_liner() -> str:
    """The statement on one line, as psql takes it."""
    return " ".join(SQL.split())


def chapter(evidence: Evidence) -> Chapter:
    """Size, tables, connections, reads, hit ratios, index use, and when the volume fills."""
    volume = filling(evidence)
    figures, tables, statements, missing = chapter_parts(evidence)
    size = amount(evidence.hourly.get(SIZE), evidence.until, evidence.question.horizon)
    per_table = _tables(evidence)
    reads, reads_missing = _reads(evidence)
    found = [*_volume_statement(volume), *statements, *reads, *_hits(evidence), *_unindexed(evidence)]  # fmt: skip
    lacking = list(missing) + reads_missing
    if size.now is None:
        lacking.append(_how("size and growth"))
    if per_table is None:
        lacking.append(_how("tables"))
    if volume is None and size.now is not None:
        lacking.append("when the volume fills: set plan.database.volume")
    return Chapter(
        KEY,
        TITLE,
        _answer(size, volume, statements),
        tuple(found),
        (*_size_figures(size), *figures, *_hit_figures(evidence)),
        (*((per_table,) if per_table is not None else ()), *tables),
        missing=tuple(dict.fromkeys(lacking)),
    )


def _how(what: str) -> str:
    return f"{what}: import {SIZE} and {TABLE_SIZE} with `capmon import`, as docs/importing-postgres.md shows"


@dataclass(frozen=True, slots=True)
class Volume:
    """The database's volume ahead."""

    limit: float
    """Bytes."""

    source: str
    """Where that comes from."""

    size: Amount
    """Bytes of the database."""

    warning: TimeToLimit
    """Seconds until it holds the disk warning's share."""

    full: TimeToLimit
    """Seconds until it is full."""


def filling(evidence: Evidence) -> Volume | None:
    """When the volume fills; None where its size or the database's is not known."""
    hours, own = evidence.hourly.get(SIZE), evidence.settings.plan.database.volume
    limit, source = own, "plan.database.volume"
    recorded = evidence.hourly.get(VOLUME)
    if limit is None and recorded is not None and len(recorded.mean):
        limit, source = type(own or evidence.settings.history.max_size)(recorded.mean[-1]), f"last {VOLUME}"  # fmt: skip
    if hours is None or not limit:
        return None
    until, horizon = evidence.until, evidence.question.horizon
    share = evidence.settings.thresholds.disk.warning
    return Volume(
        float(limit),
        source,
        amount(hours, until, horizon),
        fills(hours, share * limit, until, horizon),
        fills(hours, float(limit), until, horizon),
    )


def _answer(size: Amount, volume: Volume | None, statements: tuple[Statement, ...]) -> str:
    if size.now is None:
        said = "The database's size is not recorded"
    else:
        said = f"The database holds {show(size.now, Unit.BYTES)}"
        if size.per_day is not None:
            said += f" and grows by {ranged(size.per_day, Unit.BYTES)} a day"
        if volume is not None:
            said += f"; its volume is full: {spans(volume.full)}"
    loud = next((s for s in statements if s.severity), None)
    return f"{said}. {loud.text}" if loud is not None else f"{said}."


def _size_figures(size: Amount) -> tuple[Figure, ...]:
    if size.now is None:
        return (Figure("size", None, Unit.BYTES, "", f"{SIZE} is not recorded", exact=True),)
    text = f"{size.evidence}{'; ' + size.caution if size.caution else ''}"
    return (
        Figure("size", Estimate(size.now), Unit.BYTES, f"last {SIZE}", exact=True),
        Figure("growth a day", size.per_day, Unit.BYTES, text, size.problem),
        Figure("size at the horizon", size.then, Unit.BYTES, text, size.problem),
    )


def _tables(evidence: Evidence) -> Table | None:
    """The largest tables, how they grow, and how they are read."""
    keys = [k for k in evidence.hourly if k.startswith(TABLE_SIZE + "{")]
    if not keys:
        return None
    until, horizon = evidence.until, evidence.question.horizon
    made = [(label_of(k, "table"), amount(evidence.hourly[k], until, horizon)) for k in keys]
    made.sort(key=lambda m: (-(m[1].now or 0.0), m[0]))
    rows = tuple(_table_row(evidence, name, size) for name, size in made[:MOST_TABLES])
    columns = (
        Column("table"), Column("size", Unit.BYTES), Column("a day", Unit.BYTES), Column("at least", Unit.BYTES), Column("at most", Unit.BYTES),
        Column("at the horizon", Unit.BYTES), Column("up to", Unit.BYTES), Column("rows", Unit.COUNT), Column("index use", Unit.RATIO),
    )  # fmt: skip
    left = len(made) - len(rows)
    text = f"hours of {TABLE_SIZE}, {made[0][1].evidence}; intervals at 95 %"
    return Table("Tables, the largest first", columns, rows, text + (f"; {left} smaller ones left out" if left else ""))  # fmt: skip


def _table_row(evidence: Evidence, name: str, size: Amount) -> tuple[str | float | None, ...]:
    day, then = size.per_day, size.then
    return (
        one_line(name), size.now,
        *((None, None, None) if day is None else (day.value, day.low, day.high)),
        *((None, None) if then is None else (then.value, then.high)),
        _last(evidence.hourly.get(key(TABLE_ROWS, table=name))),
        _last(evidence.hourly.get(key(INDEX_USE, table=name))),
    )  # fmt: skip


def _last(hours: Summaries | None) -> float | None:
    if hours is None:
        return None
    known = hours.mean[np.isfinite(hours.mean)]
    return float(known[-1]) if len(known) else None


def _volume_statement(volume: Volume | None) -> list[Statement]:
    if volume is None or volume.warning.t10 is None:
        return []
    soon = volume.warning.t10 < 28 * DAY
    used = "" if volume.size.now is None else f", {percent(volume.size.now / volume.limit)} % used"
    text = f"The database's volume of {show(volume.limit, Unit.BYTES)}{used}: the warning's share is reached {spans(volume.warning)}, full {spans(volume.full)}."
    return [Statement(text, "high" if soon else "medium", f"{volume.size.evidence}; {volume.source}")]  # fmt: skip


def _reads(evidence: Evidence) -> tuple[list[Statement], list[str]]:
    """Whether the primary's reads ask for a replica; only with its CPU and the share of reads."""
    cpu, share = evidence.hourly.get(CPU), _last(evidence.hourly.get(READS))
    lacking = [k for k, v in ((CPU, cpu), (READS, share)) if v is None]
    if lacking or cpu is None or share is None:
        return [], [f"whether read replicas pay: {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not recorded"]  # fmt: skip
    # The load of now is that of the last week: the CPU must be, too.
    late = cpu.mean[cpu.times >= evidence.until - 7 * DAY]
    late = late[np.isfinite(late)]
    if not len(late):
        return [], [f"whether read replicas pay: {CPU} was not recorded in the last week"]
    busy = float(np.quantile(late, 0.95))
    now, then, target = evidence.load_now, evidence.load_then, evidence.settings.utilization_target
    if now is None or then is None or now.value <= 0:
        return [], ["whether read replicas pay: the load at the horizon is not known"]
    ahead = busy * then.value / now.value
    base = f"95th percentile of the last {len(late)} hours of {CPU}, in proportion to the load; {READS} {percent(share)} %"
    if ahead <= target:
        return [Statement(f"The primary's CPU is {percent(busy)} % busy at the busy hour and comes to {percent(ahead)} % at the horizon: no read replica is asked for.", "", base)], []  # fmt: skip
    if share < MOSTLY_READS:
        return [Statement(f"The primary's CPU comes to {percent(ahead)} % at the horizon, but {percent(1 - share)} % of its rows are written: a read replica would not take enough off it; a larger primary would.", "high", base)], []  # fmt: skip
    # Reads spread evenly over the primary and k replicas leave 1 - share + share / (k + 1).
    rest = target / ahead - (1 - share)
    if rest <= 0:
        return [Statement(f"The primary's CPU comes to {percent(ahead)} % at the horizon; its writes alone take {percent(ahead * (1 - share))} %: a larger primary first.", "high", base)], []  # fmt: skip
    count = max(1, math.ceil(share / rest - 1 - 1e-9))
    left = ahead * (1 - share + share / (count + 1))
    return [Statement(f"The primary's CPU comes to {percent(ahead)} % at the horizon, over {percent(target)} %: {count} read replica{'s' if count > 1 else ''} would leave it {percent(left)} %, if all reads may be spread.", "high", base)], []  # fmt: skip


def _hit_figures(evidence: Evidence) -> tuple[Figure, ...]:
    found = []
    for name in HITS:
        made = amount(evidence.hourly.get(name), evidence.until, evidence.question.horizon)
        if made.now is not None:
            found.append(Figure(name, Estimate(made.now), Unit.RATIO, f"last of {made.evidence}", exact=True))  # fmt: skip
            found.append(Figure(f"{name}, change a day", made.per_day, Unit.RATIO, made.evidence, made.problem))  # fmt: skip
    return tuple(found)


def _hits(evidence: Evidence) -> list[Statement]:
    """Hit ratios that are low, or that surely fall."""
    found = []
    for name in HITS:
        made = amount(evidence.hourly.get(name), evidence.until, evidence.question.horizon)
        if made.now is None:
            continue
        falls = made.per_day is not None and made.per_day.high is not None and made.per_day.high < 0
        if falls and made.per_day is not None:
            text = f"{name} falls by {percent(-made.per_day.value)} points a day, {percent(made.now)} % now: what is read outgrows the database's memory."
            found.append(Statement(text, "medium", made.evidence))
        elif made.now < LEAST_HIT:
            text = f"{name} is {percent(made.now)} %, below the {percent(LEAST_HIT)} % that is usual while what is read fits into memory."
            found.append(Statement(text, "low", made.evidence))
    return found


def _unindexed(evidence: Evidence) -> list[Statement]:
    """Large tables that are mostly read from end to end."""
    found = []
    for name, hours in sorted(evidence.hourly.items()):
        use = _last(hours) if name.startswith(INDEX_USE + "{") else None
        table = label_of(name, "table") if use is not None else ""
        rows = _last(evidence.hourly.get(key(TABLE_ROWS, table=table)))
        if use is not None and use < LEAST_INDEX_USE and (rows or 0) >= LARGE_ROWS:
            text = f"Table {one_line(table)} ({rows or 0:,.0f} rows) is read through an index in {percent(use)} % of its scans: look for a missing index."
            found.append(Statement(text, "medium", f"last {INDEX_USE}; {span(evidence.until - evidence.since)} of record"))  # fmt: skip
    return found[:5]
