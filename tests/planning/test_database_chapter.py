"""The chapter on the database: size, tables, connections, reads, and what a real PostgreSQL says."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, grid, web

from capmon.config.planning import DatabaseSettings, PlanSettings
from capmon.config.quantities import Size
from capmon.config.scaling import CouplingSettings
from capmon.config.schema import Settings
from capmon.model.metric import key, metric
from capmon.model.plan import Chapter, PlanQuestion
from capmon.planning.connections import connections
from capmon.planning.database import chapter, filling, one_liner
from capmon.planning.evidence import Evidence, gather

GB = 1e9


def _record(days: float = 30.0, per_day: float = GB, **more: float) -> ExampleRecord:
    """A service with a database that grows; `more` are constant series of it."""
    record = web(14, 600.0)
    times = grid(days, HOUR)
    grown = (times - UNTIL) / DAY * per_day
    noise = 1e7 * np.random.default_rng(3).standard_normal(len(times))
    series = {
        **record.series,
        "db.size": (times, 100 * GB + grown + noise),
        key("db.table.size", table="public.events"): (times, 80 * GB + grown),
        key("db.table.size", table="public.users"): (times, np.full(len(times), GB)),
        key("db.table.rows", table="public.events"): (times, np.full(len(times), 5e6)),
        key("db.table.index_use.ratio", table="public.events"): (times, np.full(len(times), 0.4)),
        **{k: (times, np.full(len(times), v)) for k, v in more.items()},
    }
    return ExampleRecord(series)


def _evidence(record: ExampleRecord, **database: object) -> Evidence:
    plan = replace(PlanSettings(), database=replace(DatabaseSettings(), **database))
    settings = replace(Settings(), plan=plan)
    return gather(record, settings, PlanQuestion(60 * DAY), UNTIL, "UTC")


def _texts(made: Chapter) -> str:
    return "\n".join(s.text for s in made.statements)


def test_the_volume_fills_when_the_trend_says() -> None:
    """100 GB that grow by 1 GB a day fill 130 GB in 30 days, and 80 % of it in 4."""
    evidence = _evidence(_record(), volume=Size(130 * GB))
    found = filling(evidence)
    assert found is not None
    assert found.full.t50 == pytest.approx(30 * DAY, rel=0.05)
    assert found.warning.t50 == pytest.approx(4 * DAY, rel=0.15)
    figures = {f.name: f for f in chapter(evidence).figures}
    day = figures["growth a day"].value
    assert day is not None
    assert day.low is not None
    assert day.high is not None
    assert day.low <= GB <= day.high
    assert day.value == pytest.approx(GB, rel=0.02)


def test_a_recorded_volume_is_as_good_as_a_setting() -> None:
    """Without the setting the series says how large the volume is, and which said so is told."""
    found = filling(_evidence(_record(**{"db.volume.limit": 130 * GB})))
    assert found is not None
    assert found.limit == 130 * GB
    assert found.source == "last db.volume.limit"
    assert filling(_evidence(_record())) is None


def test_tables_are_listed_by_size_with_their_growth() -> None:
    """The table that grows shows it, the one that does not shows none, and missing parts are None."""
    table = chapter(_evidence(_record())).tables[0]
    assert [row[0] for row in table.rows] == ["public.events", "public.users"]
    assert table.rows[0][2] == pytest.approx(GB, rel=0.02)
    assert table.rows[1][2] == 0.0
    assert table.rows[0][7:] == (5e6, 0.4)
    assert table.rows[1][7:] == (None, None)


def test_a_large_table_without_an_index_is_named() -> None:
    """A table of five million rows that is scanned is a statement."""
    assert "Table public.events (5,000,000 rows) is read through an index in 40 %" in _texts(chapter(_evidence(_record())))  # fmt: skip


def test_pools_that_do_not_fit_ask_for_a_pooler() -> None:
    """Four replicas of 30 connections are more than 97: three fit, and the pool that would is named."""
    made = chapter(_evidence(_record(), pool=30, connections=97))
    assert "120 connections, the database admits 97: 3 fit" in _texts(made)
    assert "lower the pool to 24" in _texts(made)
    first = next(t for t in made.tables if t.title.startswith("Connections")).rows[0]
    assert first[:3] == ("now", 4, 120.0)
    assert first[3] == pytest.approx(120 / 97)


def test_limits_of_scaling_tell_pool_and_total() -> None:
    """A coupling that names connections stands in for the plan's own settings."""
    evidence = _evidence(_record())
    scaling = replace(evidence.settings.scaling, limits=(CouplingSettings("database connections", 25, 100),))  # fmt: skip
    found = connections(replace(evidence, settings=replace(evidence.settings, scaling=scaling)))
    assert (found.pool, found.admitted, found.fit) == (25, 100, 4)
    assert connections(evidence).admitted == 100.0
    assert connections(evidence).pool is None


@pytest.mark.parametrize(
    ("cpu", "reads", "said"),
    [
        (0.2, 0.9, "no read replica is asked for"),
        (0.75, 0.9, "1 read replica would leave it"),
        (0.75, 0.3, "a larger primary would"),
    ],
)
def test_read_replicas_rest_on_cpu_and_reads(cpu: float, reads: float, said: str) -> None:
    """A replica is advised where the CPU runs out and most rows are read, and only there."""
    record = _record(**{"db.cpu.utilization": cpu, "db.read.ratio": reads})
    assert said in _texts(chapter(_evidence(record)))


def test_nothing_is_said_of_reads_without_their_share() -> None:
    """Without the series there is no advice, but a line on what it takes."""
    made = chapter(_evidence(_record(**{"db.cpu.utilization": 0.9})))
    assert "read replica" not in _texts(made)
    assert any("db.read.ratio is not recorded" in m for m in made.missing)


def test_a_hit_ratio_that_falls_is_told() -> None:
    """A ratio that falls by .05 points a day is a statement; one that stands at 99.5 % is none."""
    record = _record()
    times = grid(30, HOUR)
    falling = 0.98 + 0.005 * (UNTIL - times) / DAY * 0.1
    series = {**record.series, "db.cache.hit_ratio": (times, falling), "db.index.hit_ratio": (times, np.full(len(times), 0.995))}  # fmt: skip
    text = _texts(chapter(_evidence(ExampleRecord(series))))
    assert "db.cache.hit_ratio falls by" in text
    assert "db.index.hit_ratio" not in text


def test_without_a_database_nothing_is_invented() -> None:
    """Every figure of the size is None with its reason, and the way to get it is named."""
    made = chapter(gather(web(4, 600.0, app=False), Settings(), PlanQuestion(DAY), UNTIL, "UTC"))
    assert made.answer == "The database's size is not recorded."
    assert all(f.value is not None or f.reason for f in made.figures)
    assert any("docs/importing-postgres.md" in m for m in made.missing)


def test_the_documented_statement_is_the_one_that_is_tested() -> None:
    """What the page shows is what `one_liner` says, byte for byte."""
    page = Path(__file__).parents[2] / "docs" / "importing-postgres.md"
    assert one_liner() in page.read_text(encoding="utf-8")


_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []  # fmt: skip
_UNABLE = not _BINARIES or shutil.which("psql") is None or os.geteuid() != 0


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A PostgreSQL of its own; gives the arguments by which psql reaches it."""
    if _UNABLE:
        pytest.skip("PostgreSQL is not installed, or this is not root, who alone can become postgres")  # fmt: skip
    base = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())  # fmt: skip
    shutil.chown(base, "postgres", "postgres")
    where = {"user": "postgres", "group": "postgres", "cwd": base, "check": True, "capture_output": True}  # fmt: skip
    folder, bin_ = str(base / "data"), _BINARIES[-1]
    options = f"-c listen_addresses='' -c unix_socket_directories={base} -c fsync=off"
    subprocess.run([str(bin_ / "initdb"), "-D", folder, "-A", "trust"], **where)  # type: ignore[call-overload]
    control = [str(bin_ / "pg_ctl"), "-D", folder, "-w"]
    subprocess.run([*control, "-o", options, "-l", str(base / "log"), "start"], **where)  # type: ignore[call-overload]
    try:
        yield ["psql", "-X", "-q", "-h", str(base), "-U", "postgres", "postgres"]
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **where)  # type: ignore[call-overload]
        shutil.rmtree(base)


def test_a_real_postgres_answers_what_the_plan_asks(postgres: list[str], tmp_path: Path) -> None:
    """The statement gives CSV of metrics that the catalogue knows, and `capmon import` takes every one."""
    make = """CREATE TABLE "odd ""name" AS SELECT generate_series(1, 100) AS id;
        CREATE TABLE events AS SELECT g AS id, repeat('x', 200) AS body FROM generate_series(1, 20000) AS g;
        CREATE INDEX ON events (id); ANALYZE; SELECT count(*) FROM events WHERE body = 'y'; SELECT body FROM events WHERE id = 7;
        SELECT pg_stat_force_next_flush();"""
    subprocess.run([*postgres, "-c", make], check=True, capture_output=True)
    out = subprocess.run([*postgres, "-c", one_liner()], check=True, capture_output=True, text=True)
    rows = {r["metric"]: float(r["value"]) for r in csv.DictReader(io.StringIO(out.stdout))}
    assert all(metric(k) for k in rows)
    assert rows["db.size"] > rows['db.table.size{table="public.events"}'] > 4e6
    assert rows['db.table.rows{table="public.events"}'] == 20000
    assert 0 < rows['db.table.index_use.ratio{table="public.events"}'] < 1
    assert 0 <= rows["db.cache.hit_ratio"] <= 1
    assert rows["db.connections.limit"] == 97
    assert 'db.table.size{table="public.odd _name"}' in rows
    _imported(out.stdout, tmp_path, set(rows))


def _imported(text: str, folder: Path, expected: set[str]) -> None:
    """Read the CSV as `capmon import` does."""
    from capmon.collectors.imports.reader import Request, read

    path = folder / "db.csv"
    path.write_text(text, encoding="utf-8")
    found = read((str(path),), Request(now=4e9))
    with contextlib.closing(found.spool):
        assert not found.faults.count
        assert {series.key for series, _ in found.series} == expected
