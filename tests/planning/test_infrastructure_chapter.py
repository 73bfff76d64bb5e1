"""The chapter on infrastructure: sizes and counts, losses, network, file systems."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, daily_load, grid, web
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.planning import PlanSettings
from capmon.config.quantities import Size
from capmon.config.scaling import TierSettings
from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.plan import Chapter, PlanQuestion, Table
from capmon.planning.amounts import amount, fills, spans
from capmon.planning.counts import replicas_for
from capmon.planning.evidence import Evidence, gather
from capmon.planning.futures import chance, least, lost, needed, said, with_losses
from capmon.planning.infrastructure import chapter, fastest_rise, needed_then
from capmon.planning.storage import filesystems, traffic
from capmon.planning.tiers import PRESENT, sizes

RATE = "http.server.request.rate"
USED = 'system.filesystem.utilization{mountpoint="/"}'


def _settings(**plan: object) -> Settings:
    base = Settings()
    tiers = (
        TierSettings("small", 1.0, Size(2 * 2**30), price_per_hour=0.05),
        TierSettings("large", 2.0, Size(4 * 2**30), price_per_hour=0.08),
    )
    vertical = replace(base.scaling.vertical, tier="small")
    scaling = replace(base.scaling, vertical=vertical)
    return replace(base, tiers=tiers, scaling=scaling, plan=replace(PlanSettings(), **plan))


def _gathered(
    record: ExampleRecord, settings: Settings | None = None, days: float = 14
) -> Evidence:
    return gather(record, settings or _settings(zones=3), PlanQuestion(days * DAY), UNTIL, "UTC")


@lru_cache
def _web() -> Evidence:
    return _gathered(web(14, 600.0))


def _table(made: Chapter, start: str) -> Table:
    return next(t for t in made.tables if t.title.startswith(start))


def test_counts_match_what_the_demand_allows() -> None:
    """A replica of M/M/1 at 20 ms of CPU and 250 ms of objective carries 30 req/s: the count follows."""
    evidence = _web()
    assert evidence.load_then is not None
    found = needed_then(evidence)
    assert found is not None
    truth = (1 - 0.1 / 0.25) / 0.02
    bare = math.ceil(evidence.load_then.value / truth)
    assert bare <= found.value <= bare + 2
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value
    row = _table(chapter(evidence), "Sizes").rows[0]
    assert row[:1] == ("small",)
    assert row[3:6] == (int(found.value), int(found.value) + 1, with_losses(int(found.value), 3))


def test_a_tier_with_twice_the_cores_is_said_to_be_a_proportion() -> None:
    """What was never measured is told as a proportion, and carries twice what the small one does."""
    small, large = sizes(_web())
    assert small.present
    assert small.how == "measured"
    assert small.each is not None
    assert large.each is not None
    assert large.each.value == pytest.approx(2 * small.each.value)
    assert large.how == "2 × what small was measured to carry"
    made = _table(chapter(_web()), "Sizes")
    costs = [row[7] for row in made.rows]
    assert made.chosen == costs.index(min(costs))


def test_max_rps_of_the_configuration_bounds_a_tier() -> None:
    """A tier that is said to carry less than the proportion is taken at its word."""
    base = _settings()
    tiers = (base.tiers[0], replace(base.tiers[1], max_rps=40.0))
    evidence = replace(_web(), settings=replace(base, tiers=tiers))
    large = sizes(evidence)[1]
    assert large.each == Estimate(40.0)
    assert "not measured" in large.how


def test_losses_at_the_busy_hour_follow_the_curve() -> None:
    """Three replicas of four carry what the CPU's line says at a third of the load each."""
    made = _table(chapter(_web()), "One replica")
    evidence = _web()
    assert evidence.load_now is not None
    row = next(r for r in made.rows if r[0] == "one replica, now")
    assert row[1] == 3
    assert row[2] == pytest.approx(min(0.05 + 0.02 * evidence.load_now.value / 3, 1.0), abs=0.03)
    assert any("one of 3 zones" in str(r[0]) for r in made.rows)


@given(st.integers(1, 300), st.integers(2, 7))
def test_enough_is_left_when_a_zone_is_lost(count: int, zones: int) -> None:
    """The count is the least of which the fullest zone may go."""
    found = with_losses(count, zones)
    assert found - lost(found, zones) >= count
    assert found - 1 - lost(found - 1, zones) < count or found == count
    assert with_losses(count, None) == count + 1


def test_the_only_zone_cannot_be_lost() -> None:
    """Nothing is left of one zone: that is an error here and a line under what is missing there."""
    with pytest.raises(ValueError, match="leaves nothing"):
        with_losses(3, 1)
    evidence = replace(_web(), settings=_settings(zones=1))
    assert any("its loss leaves nothing" in m for m in chapter(evidence).missing)


@given(
    st.floats(1, 1e4), st.floats(0, 0.5), st.floats(0.5, 500), st.floats(0, 0.5),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)  # fmt: skip
def test_the_least_count_is_the_least(
    load: float, wide: float, each: float, spread: float, probability: float
) -> None:
    """One less does not carry the load with the probability, and the other chapters say the same count."""
    a = Estimate(load, load * (1 - wide), load * (1 + wide))
    b = Estimate(each, each * (1 - spread), each * (1 + spread))
    found = least(a, b, probability)
    assert found is not None
    assert chance(found, a, b) >= probability
    assert found == 1 or chance(found - 1, a, b) < probability
    both, other = needed(a, b, probability), replicas_for(a, b, probability)
    assert both is not None
    assert both.value == found
    assert other is not None
    assert abs(other.sure - found) <= 1


def test_chances_stay_clear_of_certainty() -> None:
    """No drawing shows that something is certain."""
    assert [said(p) for p in (0.0, 0.004, 0.5, 0.999, 1.0)] == [
        "under 1 %", "under 1 %", "50 %", "over 99 %", "over 99 %",
    ]  # fmt: skip


def _disk(per_day: float, seed: int, days: float = 30.0) -> ExampleRecord:
    times = grid(days, HOUR)
    noise = 0.004 * np.random.default_rng(seed).standard_normal(len(times))
    used = 0.5 + per_day * (times - UNTIL) / DAY + noise
    size = np.full(len(times), 100e9)
    return ExampleRecord({USED: (times, used), USED.replace("utilization", "limit"): (times, size)})


def test_a_disk_fills_when_its_trend_says() -> None:
    """At 1 % a day from 50 %, the warning at 80 % comes in 30 days and the critical at 90 % in 40."""
    found = filesystems(_gathered(_disk(0.01, 1), days=60))[0]
    assert found.warning.t50 == pytest.approx(30 * DAY, rel=0.05)
    assert found.critical.t50 == pytest.approx(40 * DAY, rel=0.05)
    assert found.full.t50 == pytest.approx(50 * DAY, rel=0.05)
    assert found.warning.t10 is not None
    assert found.warning.t10 <= found.warning.t50
    assert found.order is not None
    assert found.order == pytest.approx(100e9 * 1.1 / 0.8, rel=0.06)


def test_the_interval_of_a_disk_holds_what_comes() -> None:
    """Over 40 disks a value at the horizon lies within 95 % intervals in at least 85 % of them."""
    inside = 0
    for seed in range(40):
        record = _disk(0.004, seed)
        made = amount(record.hours(USED, 0, UNTIL), UNTIL, 20 * DAY)
        assert made.then is not None
        assert made.then.low is not None
        assert made.then.high is not None
        inside += made.then.low <= 0.5 + 0.004 * 20 <= made.then.high
    assert inside >= 34


def test_a_disk_that_is_over_its_threshold_is_so_already() -> None:
    """What has been reached is told with since when, as a negative time."""
    hours = _disk(0.01, 1).hours(USED, 0, UNTIL)
    found = fills(hours, 0.45, UNTIL, 30 * DAY)
    assert found.t10 == found.t50 == found.t90
    assert found.t50 is not None
    assert -6 * DAY < found.t50 < -4 * DAY
    assert spans(found).startswith("already, for ")
    assert spans(fills(hours, 5.0, UNTIL, 30 * DAY)) == "not within the horizon"


def test_one_day_of_a_disk_is_no_growth() -> None:
    """Less than two days pass for nothing: no date and the reason."""
    hours = _disk(0.01, 1, days=1.0).hours(USED, 0, UNTIL)
    assert amount(hours, UNTIL, DAY).problem.startswith("growth needs 2 d")
    assert fills(hours, 0.51, UNTIL, 30 * DAY).t50 is None


def test_bytes_a_request_are_those_that_were_sent() -> None:
    """40 kB a request show as such within the interval, and grow with the load to the horizon."""
    times = grid(7, 600.0)
    load = daily_load(times, per_day=0.0)
    record = ExampleRecord(
        {
            RATE: (times, load),
            "system.network.transmit": (times, 40e3 * load),
            "system.network.receive": (times, 2e3 * load),
        }
    )
    evidence = _gathered(record, _settings(network_bandwidth=Size(10e6)), days=7)
    found = traffic(evidence)
    assert found is not None
    assert found.direction == "transmit"
    assert found.each is not None
    assert found.each.value == pytest.approx(40e3)
    figures = {f.name: f for f in chapter(evidence).figures}
    share = figures["share of plan.network_bandwidth"].value
    assert share is not None
    assert evidence.load_then is not None
    assert share.value == pytest.approx(40e3 * evidence.load_then.value / 10e6)


def test_a_load_that_jumps_shows_how_fast_it_rises() -> None:
    """A step of 50 req/s every two hours is found as what comes while a replica starts."""
    times = grid(3, 60.0)
    load = 100 + 50 * ((times // 7200) % 2)
    evidence = _gathered(ExampleRecord({RATE: (times, load)}), days=3)
    rise = fastest_rise(evidence)
    assert rise is not None
    assert rise.rise == pytest.approx(50.0)
    assert rise.lead == 180.0


@pytest.mark.parametrize("kind", ["host", "whole", "minutes"])
def test_what_cannot_be_said_is_said_to_be_missing(kind: str) -> None:
    """Without a load, without replicas or with five minutes, no count is invented."""
    made = {
        "host": lambda: web(4, 600.0, app=False),
        "whole": lambda: web(7, 600.0, replicas=None),
        "minutes": lambda: web(300 / DAY, 1.0),
    }[kind]()
    found = chapter(_gathered(made))
    figure = next(f for f in found.figures if f.name == "replicas at the horizon")
    assert figure.value is None
    assert figure.reason
    assert any(m.startswith("replicas at the horizon: ") for m in found.missing)


def test_without_tiers_the_present_size_stands_alone() -> None:
    """The size that runs is compared with nothing, and what it would take is said."""
    settings = Settings()
    evidence = replace(_web(), settings=settings)
    assert [s.name for s in sizes(evidence)] == [PRESENT]
    assert "how other sizes compare: set tiers" in chapter(evidence).missing
