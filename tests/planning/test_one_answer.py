"""Chapters that speak of one thing say the same: target, bounds, replays, and steps that undo nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import pytest
from example_record import DAY, UNTIL, web

from capmon.config.schema import Settings
from capmon.model.plan import Chapter, Plan, PlanQuestion, Table
from capmon.planning.aim import aim_of
from capmon.planning.evidence import Evidence, gather
from capmon.planning.plan import plan
from capmon.planning.replaying import replayed
from capmon.planning.replays import DAYS, load_of, months, train_of, trained


@lru_cache
def _evidence(days: float = 14.0) -> Evidence:
    base = Settings()
    scaling = replace(base.scaling, min=2, max=5, price_per_hour=0.1)
    record = web(days, 300.0, replicas=4, per_day=0.03)
    return gather(record, replace(base, scaling=scaling), PlanQuestion(14 * DAY), UNTIL, "UTC")


@lru_cache
def _plan(days: float = 14.0) -> Plan:
    return plan(_evidence(days))


def _chapter(key: str) -> Chapter:
    return next(c for c in _plan().chapters if c.key == key)


def _table(key: str, title: str) -> Table:
    return next(t for t in _chapter(key).tables if t.title == title)


def test_a_whole_week_is_scored() -> None:
    """Forecasts rest on days before it, and the load of plans is that week."""
    whole, step = trained(_evidence())
    load, _ = load_of(_evidence())
    assert len(load) * step == pytest.approx(DAYS * DAY, rel=0.01)
    assert len(whole) - train_of(len(whole), step) == len(load)
    assert train_of(300, step) == 100


def test_hpa_has_one_target() -> None:
    """The strategy's, the cost's and that of the steps are one."""
    aim = round(aim_of(_evidence()) * 100)
    figure = next(f for f in _chapter("strategy").figures if f.name == "HPA's CPU target")
    assert figure.value is not None
    assert round(figure.value.value * 100) == aim
    named = re.findall(r"HPA at (\d+) % CPU", repr(_chapter("cost").tables))
    assert named and {int(n) for n in named} == {aim}
    told = re.findall(r"scaling\.hpa\.cpu: (\d+)%", repr(_chapter("steps").steps))
    assert {int(n) for n in told} <= {aim}


def test_the_greatest_count_is_one() -> None:
    """Strategy, cost and steps name the same scaling.max."""
    figure = next(f for f in _chapter("strategy").figures if "scaling.max" in f.name)
    assert figure.value is not None
    most = round(figure.value.value)
    found = re.findall(r"scaling\.max: (\d+)", repr([s.how for s in _chapter("steps").steps]))
    hpa = re.findall(r"HPA at \d+ % CPU, \d+–(\d+) × present", repr(_chapter("cost").tables))
    assert {int(n) for n in found} | {int(n) for n in hpa} <= {most}
    assert found


def test_no_step_undoes_another() -> None:
    """A later step's way back leads to what the earlier ones set."""
    reached = 0
    for step in _chapter("steps").steps:
        back = re.findall(r"scaling\.max: (\d+)", step.rollback)
        raised = re.findall(r"scaling\.max: (\d+)", repr(step.how))
        if step.by is None:
            assert all(int(n) >= reached for n in back)
        reached = max([reached, *map(int, raised)])
    assert reached


def test_two_chapters_replay_the_same() -> None:
    """A policy's overload and replica-hours stand once, as a week and as a month."""
    evidence = _evidence()
    table = replayed(evidence).table
    each = evidence.replica.carries
    assert table is not None and each is not None
    made = months(evidence, 1.0, each.value)
    month = 730.0 / (table.seconds / 3600.0)
    for row in table.rows:
        if row.policy in made:
            assert made[row.policy].overload == pytest.approx(row.overload_percent / 100)
            assert made[row.policy].hours == pytest.approx(row.replica_hours * month)


def test_no_chance_is_bare() -> None:
    """What a drawing of futures says is never 0 nor 100 %."""
    for key in ("cost", "infrastructure"):
        for table in _chapter(key).tables:
            columns = [i for i, c in enumerate(table.columns) if "chance" in c.name]
            for row in table.rows:
                for i in columns:
                    assert row[i] is None or isinstance(row[i], str)
                    assert row[i] not in ("100 %", "0 %")


def test_less_than_a_day_is_no_alarm() -> None:
    """The plan of three hours says how short it is, counts nothing in front, and cries for nothing."""
    found = _plan(0.125)
    everything = [*found.summary, *(s for c in found.chapters for s in c.statements)]
    assert {s.severity for s in everything} <= {"", "low", "info"}
    assert any("not known yet" in s.text for s in found.summary)
