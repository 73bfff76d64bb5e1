"""The chapters on load: baseline, models, growth, strategy, bottlenecks, and the summary in front."""

from __future__ import annotations

import gzip
import math
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, web

from capmon.config.quantities import Size
from capmon.config.scaling import CouplingSettings, TierSettings
from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.frame import Event
from capmon.model.plan import Chapter, PlanQuestion, Table
from capmon.planning import baseline, bottlenecks, growth, models, strategy
from capmon.planning.counts import replicas_for
from capmon.planning.evidence import Evidence, gather
from capmon.planning.load import ahead, busy_hour
from capmon.planning.order import order
from capmon.planning.plan import plan, summary
from capmon.planning.times import reaches

CHAPTERS = (baseline, models, growth, strategy, bottlenecks)
RATE = "http.server.request.rate"
SERIES = Path(os.environ.get("CAPMON_SERIES", "no-series"))
"""Folder of recorded series, one value a line; without it those tests are skipped."""


def _settings() -> Settings:
    base = Settings()
    tiers = (
        TierSettings("small", 4.0, Size(8 * 2**30), price_per_hour=0.1),
        TierSettings("large", 8.0, Size(16 * 2**30), price_per_hour=0.3),
    )
    scaling = replace(
        base.scaling, max=20, limits=(CouplingSettings("database connections", 25.0, 200.0),)
    )
    return replace(base, tiers=tiers, scaling=scaling)


@lru_cache
def _evidence(kind: str = "web", horizon: float = 60.0) -> Evidence:
    happened = tuple(
        Event(UNTIL - d * DAY + 18 * HOUR, "bottleneck", "cpu: high began, 82 % > 70 %")
        for d in range(2, 6)
    )
    made = {
        "web": lambda: web(14, events=happened),
        "whole": lambda: web(7, replicas=None),
        "host": lambda: web(14, app=False),
        "minutes": lambda: web(300 / DAY, 1.0),
    }[kind]()
    return gather(made, _settings(), PlanQuestion(horizon * DAY), UNTIL, "UTC")


@lru_cache
def _strategy(kind: str = "web") -> Chapter:
    return strategy.chapter(_evidence(kind))


def _table(chapter: Chapter, title: str) -> Table:
    return next(t for t in chapter.tables if t.title == title)


def _column(table: Table, name: str) -> int:
    return [c.name for c in table.columns].index(name)


@pytest.mark.parametrize("kind", ["web", "whole", "host", "minutes"])
@pytest.mark.parametrize("module", CHAPTERS, ids=lambda m: m.KEY)
def test_every_number_has_its_grounds_or_its_reason(kind: str, module: object) -> None:
    """Whatever the record holds, a figure is known with evidence or unknown with a reason, and rows fit."""
    chapter: Chapter = (
        _strategy(kind) if module is strategy else module.chapter(_evidence(kind))  # type: ignore[attr-defined]
    )
    assert chapter.answer.endswith(".")
    for figure in chapter.figures:
        assert figure.evidence if figure.value is not None else figure.reason
    for table in chapter.tables:
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
        assert table.chosen is None or 0 <= table.chosen < len(table.rows)
        cells = [c for row in table.rows for c in row]
        assert not any(isinstance(c, float) and not math.isfinite(c) for c in cells)
    for chart in chapter.charts:
        assert all(len(line.x) == len(line.y) for line in chart.lines)
    assert kind in ("web", "whole") or chapter.missing


def test_four_cores_are_14400_cpu_seconds_an_hour() -> None:
    """The clock rate plays no part: cores × 3,600 s, of which 80 % may be used."""
    rows = {r[0]: r for r in _table(baseline.chapter(_evidence()), "What there is").rows}
    assert rows["CPU"][1:3] == ("14,400 CPU-seconds an hour", "11,520 CPU-seconds an hour")


def test_time_over_the_objective_is_counted() -> None:
    """The share of minutes over 250 ms is that of the readings themselves."""
    evidence = _evidence()
    p95 = evidence.record.raw("http.server.request.duration.p95", 0, UNTIL).values
    figure = next(
        f for f in baseline.chapter(evidence).figures if f.name == "time over the objective"
    )
    assert figure.exact and figure.value is not None
    assert figure.value.value == pytest.approx(float(np.mean(p95 > 0.25)))


def test_the_cost_of_a_request_holds_the_truth() -> None:
    """Without replicas elsewhere the utilization law gives .9 × .02 / 4 × 4 cores, within its interval."""
    figure = next(
        f for f in models.chapter(_evidence("whole")).figures if f.name == "cpu per request"
    )
    assert (
        figure.value is not None and figure.value.low is not None and figure.value.high is not None
    )
    assert figure.value.low <= 0.018 <= figure.value.high


def test_predictions_beyond_the_load_seen_are_flagged() -> None:
    """Twice the busy hour is no load that was seen, and the row says so."""
    table = _table(models.chapter(_evidence()), "What the curves say")
    rows = {r[0]: r for r in table.rows}
    assert rows["1×"][-1] == "" and rows["2×"][-1]


def test_a_disk_is_full_when_its_line_says() -> None:
    """At .4 points a day a disk of 60 % reaches 80 % in fifty days, between t10 and t90."""
    found = next(r for r in reaches(_evidence()) if r.metric.startswith("system.filesystem"))
    low, middle, high = found.when.t10, found.when.t50, found.when.t90
    assert low is not None and middle is not None and high is not None
    assert low <= middle <= high and middle / DAY == pytest.approx(50, abs=2)


def test_limits_are_met_in_the_order_of_their_chance() -> None:
    """10 % sure comes before 50 % and that before 90 %, and a lower limit before a higher one."""
    found = [r for r in reaches(_evidence()) if r.of_load and r.when.t90 is not None]
    for r in found:
        times = (r.when.t10, r.when.t50, r.when.t90)
        assert all(t is not None for t in times) and list(times) == sorted(times)  # type: ignore[type-var]
    assert [r.metric for r in found][:2] == [
        "http.server.request.duration.p95", "process.cpu.utilization",
    ]  # fmt: skip


def test_a_count_is_as_sure_as_it_is_said_to_be() -> None:
    """Drawn from both intervals, the sure count carries the load in 95 % of cases and one less does not."""
    load, each = Estimate(290.0, 200.0, 380.0), Estimate(30.0, 27.0, 33.0)
    count = replicas_for(load, each, 0.95)
    assert count is not None and (count.median, count.low, count.high) == (10, 7, 15)
    random = np.random.default_rng(3)
    loads, carried = random.normal(290, 90 / 1.96, 20000), random.normal(30, 3 / 1.96, 20000)
    assert np.mean(loads <= count.sure * carried) > 0.94
    assert np.mean(loads <= (count.sure - 1) * carried) < 0.95


@pytest.mark.slow
def test_what_replicas_share_runs_short() -> None:
    """200 connections at 25 each fit eight replicas, and the plan that needs more says so."""
    table = _table(_strategy(), "What replicas share")
    row = table.rows[0]
    assert row[_column(table, "replicas that fit")] == 8
    assert row[_column(table, "verdict")] == "short: 8 fit"


def test_tiers_carry_by_their_cores_where_nothing_is_stated() -> None:
    """The tier that runs is measured, twice the cores carry twice, and the cheapest is chosen."""
    table = _table(_strategy(), "Replicas or larger ones")
    rows = {r[0]: r for r in table.rows}
    count = _column(table, "replicas")
    assert rows["small"][-1] == "measured" and "by cores" in str(rows["large"][-1])
    assert int(str(rows["large"][count])) <= int(str(rows["small"][count])) // 2 + 1
    assert table.chosen is not None and table.rows[table.chosen][0] == "small"


@pytest.mark.slow
def test_the_policy_is_the_one_that_the_replay_favours() -> None:
    """Of the policies that can be followed none is overloaded less by more than .1 points."""
    table = _table(_strategy(), "Policies on this very load")
    assert table.chosen is not None
    over = {str(r[0]): float(str(r[1])) for r in table.rows}
    others = [v for k, v in over.items() if k in ("step", "hpa", "predictive")]
    assert over[str(table.rows[table.chosen][0])] <= min(others) + 0.1


def test_five_minutes_are_not_replayed() -> None:
    """Without two days of load no policy is recommended, and the reason stands."""
    chapter = strategy.chapter(_evidence("minutes"))
    assert any("replay of the policies" in m for m in chapter.missing)
    assert not any(t.title.startswith("Policies") for t in chapter.tables)


def test_places_are_told_apart_as_far_as_intervals_allow() -> None:
    """Overlapping limits share the first place; each place is taken once."""
    places = order((("a", Estimate(100.0, 80.0, 120.0)), ("b", Estimate(100.0, 80.0, 120.0)), ("c", Estimate(300.0))))  # fmt: skip
    assert places[0].chances[0] == pytest.approx(0.5, abs=0.05)
    assert [sum(p.chances[k] for p in places) for k in range(3)] == pytest.approx([1.0, 1.0, 1.0])
    assert places[-1].name == "c" and places[-1].chances[2] == 1.0


def test_bottlenecks_are_counted_by_component_and_hour() -> None:
    """Four beginnings at 18:00 are four of the CPU, most often at that hour."""
    table = _table(bottlenecks.chapter(_evidence()), "Bottlenecks of the record")
    assert table.rows[0][:4] == ("cpu", 4, "18:00", 4)
    assert table.rows[0][4] == "." * 18 + "4" + "." * 5


def test_relief_ends_where_what_is_shared_does() -> None:
    """More replicas carry more until the connections bind; then they do."""
    table = _table(bottlenecks.chapter(_evidence()), "What each step brings")
    binds, gain = _column(table, "then binds"), _column(table, "× today's")
    last = table.rows[-1]
    assert last[binds] == "database connections (8 replicas fit)"
    assert last[gain] == pytest.approx(2.0)


def test_the_summary_is_short_and_most_urgent_first() -> None:
    """At most six statements; a busy hour over its limit comes first."""
    found = summary(_evidence())
    assert 1 <= len(found) <= 6
    assert found[0].severity == "critical" and "binds first" in found[0].text
    ranks = [("critical", "high", "medium", "low", "").index(s.severity) for s in found[:-1]]
    assert ranks == sorted(ranks)


def test_five_minutes_promise_nothing() -> None:
    """No limit is said to be far away by a record that is too short to tell."""
    evidence = _evidence("minutes")
    assert reaches(evidence) == ()
    assert not any("No limit is likely" in s.text for s in summary(evidence))
    assert any("needs 2 days" in m for m in growth.chapter(evidence).missing)


def test_the_plan_has_ten_chapters_in_the_guides_order() -> None:
    """Every chapter stands where the guide has it, for a host alone as well."""
    made = plan(_evidence("host"))
    assert [c.key for c in made.chapters] == [
        "baseline", "models", "growth", "strategy", "bottlenecks", "infrastructure", "database",
        "cost", "alerting", "steps",
    ]  # fmt: skip
    assert made.summary and made.until == _evidence("host").until


def test_the_same_record_gives_the_same_chapters() -> None:
    """What is drawn is drawn alike every time."""
    record = web(7)
    first, second = (
        gather(record, Settings(), PlanQuestion(30 * DAY), UNTIL, "UTC") for _ in range(2)
    )
    for module in (baseline, models, growth, bottlenecks):
        # A gap is no number and equals nothing, so that texts are compared.
        assert repr(module.chapter(first)) == repr(module.chapter(second))


def test_real_services_stay_within_what_was_foretold() -> None:
    """Of real hourly series, the busy hour two weeks on lies in its 95 % interval in four of five cases."""
    paths = sorted(SERIES.glob("ms_hourly__*.csv.gz"))
    if not paths:
        pytest.skip("CAPMON_SERIES names no folder of hourly series")
    held = []
    for path in paths:
        values = _read(path)
        for end in range(360, len(values) - 336, 1344):
            times = UNTIL - HOUR * np.arange(360, 0, -1)
            record = ExampleRecord({RATE: (times, values[end - 360 : end])})
            hours = record.hours(RATE, 0, UNTIL)
            now = busy_hour(hours, None, UNTIL).load
            then = ahead(hours, now, PlanQuestion(14 * DAY)).last
            assert then is not None and then.low is not None and then.high is not None
            came = float(np.nanquantile(values[end + 168 : end + 336], 0.95))
            held.append(then.low <= came <= then.high)
    assert len(held) >= 10 and np.mean(held) >= 0.8


def test_a_real_series_of_hours_makes_every_chapter() -> None:
    """A load alone, by the hour: each chapter answers, and says what it lacks."""
    path = SERIES / "ms_hourly__api-01.csv.gz"
    if not path.exists():
        pytest.skip("CAPMON_SERIES names no folder of hourly series")
    values = _read(path)[-1440:]
    times = UNTIL - HOUR * np.arange(len(values), 0, -1)
    evidence = gather(
        ExampleRecord({RATE: (times, values)}), Settings(), PlanQuestion(14 * DAY), UNTIL, "UTC"
    )
    assert evidence.load_now is not None
    for module in CHAPTERS:
        chapter = module.chapter(evidence)
        assert chapter.answer and (chapter.missing or module is growth)


def _read(path: Path) -> np.ndarray:
    """(n,) values by the hour; the first two lines are what they are of."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return np.array([float(v) if v.strip() else math.nan for v in file.readlines()[2:]])
