"""The implementation plan: dates from what runs out first, less the lead times, and grounds for each step."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, web

from capmon.config.planning import DatabaseSettings, LeadTimeSettings, PlanSettings
from capmon.config.quantities import Duration, Size
from capmon.config.scaling import TargetSettings
from capmon.config.schema import Settings
from capmon.model.plan import Chapter, PlanQuestion, Step
from capmon.planning import alerting, cost, database, infrastructure, steps
from capmon.planning.evidence import Evidence, gather
from capmon.planning.storage import filesystems

SERIES = os.environ.get("CAPMON_SERIES", "")
CHAPTERS = (infrastructure, database, cost, alerting)


def _settings(target: TargetSettings | None = None, **plan: object) -> Settings:
    base = Settings()
    scaling = replace(base.scaling, target=target or base.scaling.target, max=6)
    return replace(base, scaling=scaling, plan=replace(PlanSettings(), **plan))


@lru_cache
def _growing() -> ExampleRecord:
    """A disk at 60 % that grows by 1 % a day, and a load that grows by 2 % a day."""
    record = web(10, 900.0, per_day=0.02, mean=60.0)
    times = record.series['system.filesystem.utilization{mountpoint="/"}'][0]
    noise = 0.001 * np.random.default_rng(4).standard_normal(len(times))
    disk = {'system.filesystem.utilization{mountpoint="/"}': (times, 0.6 + 0.01 * (times - UNTIL) / DAY + noise)}  # fmt: skip
    return ExampleRecord({**record.series, **disk})


def _evidence(
    settings: Settings, record: ExampleRecord | None = None, days: float = 40
) -> Evidence:
    return gather(record or _growing(), settings, PlanQuestion(days * DAY), UNTIL, "UTC")


def _steps(evidence: Evidence, chapters: tuple[Chapter, ...] = ()) -> tuple[Step, ...]:
    return steps.chapter(evidence, chapters).steps


def _step(found: tuple[Step, ...], word: str) -> Step:
    return next(s for s in found if word in s.title)


def test_a_disk_is_due_when_it_may_be_full_less_its_lead_time() -> None:
    """The date is that of 10 % probability, and the beginning is the configured lead time before."""
    evidence = _evidence(_settings(lead_times=LeadTimeSettings(disk=Duration(5 * DAY))))
    disk = filesystems(evidence)[0]
    found = _step(_steps(evidence), "file system /")
    assert disk.warning.t10 is not None
    assert found.by == pytest.approx(evidence.until + disk.warning.t10)
    assert found.begin == pytest.approx(found.by - 5 * DAY)
    assert disk.warning.t50 == pytest.approx(20 * DAY, rel=0.06)
    assert "thresholds.disk.warning" in found.why


@pytest.mark.slow
def test_what_begins_first_stands_first_and_what_needs_no_date_last() -> None:
    """Steps are ordered by when they must begin; those without a date follow them all."""
    evidence = _evidence(_settings())
    chapters = tuple(c.chapter(evidence) for c in CHAPTERS)
    made = steps.chapter(evidence, chapters)
    begins = [s.begin for s in made.steps]
    dated = [b for b in begins if b is not None]
    assert len(dated) >= 3
    assert dated == sorted(dated)
    assert begins[: len(dated)] == dated
    assert {s.title.split()[0] for s in made.steps[len(dated) :]} >= {"load", "measure"}


@pytest.mark.slow
def test_every_step_says_why_how_and_how_to_see_it() -> None:
    """No step without its figure, its commands, its check and its way back."""
    evidence = _evidence(_settings())
    chapters = tuple(c.chapter(evidence) for c in CHAPTERS)
    for one in steps.chapter(evidence, chapters).steps:
        assert any(c.isdigit() for c in one.why), one
        assert one.check, one
        assert one.rollback, one
        assert one.by is None or one.begin is not None


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (TargetSettings(kind="kubernetes", name="deployment/web", namespace="shop"), "kubectl scale deployment/web --replicas={} -n shop"),
        (TargetSettings(kind="swarm", service="web"), "docker service scale web={}"),
        (TargetSettings(kind="http", url="http://localhost/scale"), "capmon scale to {}"),
    ],
)  # fmt: skip
def test_commands_are_those_of_the_target(target: TargetSettings, command: str) -> None:
    """The step names the command that the orchestrator takes."""
    evidence = _evidence(_settings(target))
    found = _step(_steps(evidence), "replicas instead of 4")
    needed = infrastructure.needed_then(evidence)
    assert needed is not None
    assert command.format(min(round(needed.value), 6)) in found.how


def test_the_maximum_is_raised_before_the_load_outgrows_it() -> None:
    """Six replicas are allowed, the horizon needs more: one more than that with one to spare."""
    evidence = _evidence(_settings())
    needed = infrastructure.needed_then(evidence)
    assert needed is not None
    assert needed.value >= 6
    found = _step(_steps(evidence), "raise scaling.max")
    assert found.title == f"raise scaling.max from 6 to {round(needed.value) + 1}"
    assert found.by is not None
    assert found.rollback == "scaling.max: 6"


def test_pools_that_run_out_are_due_with_the_replicas_that_need_them() -> None:
    """100 connections at 20 a replica hold five replicas: a pooler, begun a database's lead time before."""
    evidence = _evidence(_settings(database=DatabaseSettings(pool=20, connections=100)))
    found = _step(_steps(evidence), "pooler")
    assert found.by is not None
    assert found.begin == pytest.approx(found.by - 28 * DAY)
    assert "5 fit" in found.why


def test_a_volume_is_due_with_the_database_lead_time() -> None:
    """A database of 100 GB that grows 1 GB a day reaches 80 % of 150 GB in 20 days, sooner than it can be grown."""
    record = _growing()
    times = record.series["http.server.request.rate"][0]
    size = 100e9 + 1e9 * (times - UNTIL) / DAY
    grown = ExampleRecord({**record.series, "db.size": (times, size)})
    evidence = _evidence(_settings(database=DatabaseSettings(volume=Size(150e9))), grown)
    made = steps.chapter(evidence, ())
    found = _step(made.steps, "database's volume")
    assert found.by == pytest.approx(UNTIL + 20 * DAY, abs=DAY)
    assert found.begin is not None
    assert found.begin < evidence.until
    assert any(s.text.startswith("Begin at once: grow the database's volume") for s in made.statements)  # fmt: skip


def test_nothing_that_grows_is_nothing_that_presses() -> None:
    """A flat load well within its limits and a flat disk give no date."""
    quiet = web(10, 900.0, per_day=0.0, mean=20.0)
    key = 'system.filesystem.utilization{mountpoint="/"}'
    times, used = quiet.series[key]
    flat = ExampleRecord({**quiet.series, key: (times, np.full_like(used, 0.4))})
    made = steps.chapter(_evidence(_settings(), flat, days=10), ())
    assert all(s.by is None for s in made.steps)
    assert made.answer.startswith("Nothing presses within 10 d")


def test_what_is_not_known_becomes_a_step_to_measure_it() -> None:
    """What other chapters lack is listed, and without a load there is no invented date."""
    evidence = _evidence(_settings(), web(4, HOUR, app=False), days=4)
    chapters = tuple(c.chapter(evidence) for c in CHAPTERS)
    made = steps.chapter(evidence, chapters)
    found = _step(made.steps, "measure what")
    assert set(found.how) <= {m for c in chapters for m in c.missing}
    assert made.missing
    assert made.missing[0].startswith("dates of the load: ")
    assert made.answer.startswith("Whether anything presses is not known: ")


@pytest.mark.skipif(not SERIES, reason="CAPMON_SERIES names no folder of recorded series")
@pytest.mark.parametrize("name", ["web__worldcup98", "nab_aws__elb_request_count_8c0756"])
def test_real_loads_give_whole_chapters(name: str) -> None:
    """A real load with a service of known demand behind it goes through all five chapters."""
    text = gzip.decompress((Path(SERIES) / f"{name}.csv.gz").read_bytes()).decode()
    head, _, *lines = text.splitlines()
    step = float(next(w for w in head.split() if w.startswith("step_s=")).partition("=")[2])
    values = np.array([float(v) if v else np.nan for v in lines])[-round(14 * DAY / step) :]
    times = UNTIL - step * np.arange(len(values), 0, -1)
    load = 100 * values / np.nanquantile(values, 0.99)
    cpu = np.clip(0.05 + 0.02 * load / 4, 0, 1)
    record = ExampleRecord(
        {
            "http.server.request.rate": (times, load),
            "process.cpu.utilization": (times, cpu),
            "http.server.request.duration.p95": (
                times,
                0.1 / np.maximum(1 - 0.02 * load / 4, 0.02),
            ),
            "replicas.ready": (times, np.full(len(times), 4.0)),
        }
    )
    evidence = gather(record, _settings(), PlanQuestion(7 * DAY), UNTIL, "UTC")
    chapters = tuple(c.chapter(evidence) for c in CHAPTERS)
    made = steps.chapter(evidence, chapters)
    assert made.steps
    for one in (*chapters, made):
        assert one.answer.endswith(".")
        assert all(f.value is not None or f.reason for f in one.figures), one.key
        assert all(len(row) == len(t.columns) for t in one.tables for row in t.rows)
