"""What the plan rests on: the busy hour, its growth, and curves, out of records of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, daily_load, grid, web

from capmon.config.schema import Settings
from capmon.errors import NotEnoughData
from capmon.model.curves import Estimate
from capmon.model.plan import PlanQuestion
from capmon.planning.chances import chance_over, quantile
from capmon.planning.evidence import Evidence, gather
from capmon.planning.load import ahead, assumed_factor, busy_hour

RATE = "http.server.request.rate"


def _gathered(record: ExampleRecord, horizon: float = 14.0, **asked: object) -> Evidence:
    question = PlanQuestion(horizon * DAY, **asked)  # type: ignore[arg-type]
    return gather(record, Settings(), question, UNTIL, "UTC")


def test_the_busy_hour_is_that_of_the_last_week() -> None:
    """95th percentile of the hourly means of seven days, and an interval that holds it."""
    evidence = _gathered(web(14))
    times, load = (
        evidence.record.raw(RATE, 0, UNTIL).times,
        evidence.record.raw(RATE, 0, UNTIL).values,
    )
    week = load[times >= UNTIL - 7 * DAY].reshape(-1, 12).mean(axis=1)
    found = evidence.load_now
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == pytest.approx(np.quantile(week, 0.95))
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("horizon", [7.0, 28.0])
def test_the_load_at_the_horizon_lies_in_its_interval(horizon: float) -> None:
    """Of twenty loads with known growth at least seventeen intervals of 95 % hold what came."""
    held = 0
    for seed in range(20):
        times = grid(28, HOUR)
        full = grid(28 + horizon, HOUR, UNTIL + horizon * DAY)
        day_noise = np.random.default_rng(seed).normal(1.0, 0.05, 80)
        whole = daily_load(full, per_day=0.01, noise=0.03, seed=seed)
        whole = whole * day_noise[((full - full[0]) // DAY).astype(int)]
        record = ExampleRecord({RATE: (times, whole[: len(times)])})
        hours = record.hours(RATE, 0, UNTIL)
        now = busy_hour(hours, None, UNTIL).load
        then = ahead(hours, now, PlanQuestion(horizon * DAY)).last
        came = float(np.quantile(whole[-168:], 0.95))
        assert then is not None and then.low is not None and then.high is not None
        held += then.low <= came <= then.high
    assert held >= 17


def test_beyond_its_history_the_interval_spans_growth_that_ends() -> None:
    """Asked for ninety days of fourteen, it says so and holds growth on and growth that dies away."""
    evidence = _gathered(web(14, per_day=0.01), 90)
    then, now = evidence.load_then, evidence.load_now
    assert then is not None and now is not None and then.low is not None and then.high is not None
    assert "history holds" in evidence.ahead.caution
    assert then.low < 1.3 * now.value and then.high > 1.8 * now.value


def test_growth_that_is_asked_for_replaces_the_records() -> None:
    """Three times the load is three times the busy hour, and it is said to be assumed."""
    evidence = _gathered(web(14), 90, growth=3.0)
    assert evidence.load_then is not None and evidence.load_now is not None
    assert evidence.load_then.value == pytest.approx(3 * evidence.load_now.value)
    assert "×3" in evidence.assumed


def test_a_rate_of_growth_compounds() -> None:
    """Five per cent a month are 1.05 to the third in three months."""
    month = 30 * DAY
    assert assumed_factor(PlanQuestion(3 * month, growth_rate=(0.05, month))) == pytest.approx(
        1.05**3
    )


def test_one_replica_carries_what_its_truth_says() -> None:
    """CPU .05 + .02 a request reaches 80 % at 37.5; p95 .1 / (1 - .02 x) reaches 250 ms at 30."""
    found = _gathered(web(14)).replica
    for estimate, truth in ((found.at_target, 37.5), (found.at_objective, 30.0)):
        assert estimate is not None and estimate.low is not None and estimate.high is not None
        assert estimate.low <= truth <= estimate.high
        assert estimate.value == pytest.approx(truth, rel=0.03)
    assert found.per_replica and found.binds == "http.server.request.duration.p95"


def test_replicas_that_are_not_recorded_are_not_one() -> None:
    """Without a count there is none, nothing is said of one replica, and the reason is given."""
    evidence = _gathered(web(14, replicas=None))
    assert evidence.replicas_now is None and evidence.known is None
    assert not evidence.replica.per_replica
    assert "scaling.target" in evidence.reasons["replicas_now"]


def test_a_count_of_last_week_is_not_todays() -> None:
    """A scale target that has not answered for a day leaves the count unknown."""
    record = web(14)
    times, values = record.series["replicas.ready"]
    old = times < UNTIL - 2 * DAY
    series = {**record.series, "replicas.ready": (times[old], values[old])}
    assert _gathered(replace(record, series=series, _kept={})).replicas_now is None


def test_a_host_alone_still_has_growth() -> None:
    """Without an application memory and disks are followed, and no load is made up."""
    evidence = _gathered(web(30, app=False))
    assert evidence.load_now is None and evidence.load_then is None
    disk = evidence.growths['system.filesystem.utilization{mountpoint="/"}']
    assert disk.per_day is not None and disk.per_day.value == pytest.approx(0.004, rel=0.05)


def test_hours_of_one_series_are_enough_for_its_growth() -> None:
    """Thirty days of hourly load give the busy hour and its growth, and no curve."""
    times = grid(30, HOUR)
    evidence = _gathered(ExampleRecord({RATE: (times, daily_load(times, per_day=0.01))}), 30)
    assert evidence.load_now is not None and evidence.load_then is not None
    assert all(f.problem for f in evidence.fits)
    assert evidence.replica.carries is None and evidence.replica.problem


def test_five_minutes_tell_no_growth() -> None:
    """A record of five minutes has a load, and says what growth would take."""
    evidence = _gathered(web(300 / DAY, 1.0))
    assert evidence.load_now is not None and evidence.load_now.low is None
    assert evidence.load_then is None and "4 whole days" in evidence.reasons["load_then"]


def test_an_empty_record_is_refused() -> None:
    """Nothing measured is an error that says how to get measurements."""
    with pytest.raises(NotEnoughData, match="capmon record"):
        _gathered(ExampleRecord({}))


def test_chances_know_both_uncertainties() -> None:
    """Equal values are even, a certain one is sure, and an interval's end has the level's tail."""
    load, limit = Estimate(100.0, 90.0, 110.0), Estimate(100.0, 80.0, 120.0)
    assert chance_over(load, limit) == pytest.approx(0.5)
    assert chance_over(load, Estimate(110.0)) == pytest.approx(0.025, abs=1e-6)
    assert chance_over(Estimate(2.0), Estimate(1.0)) == 1.0
    assert quantile(load, 0.975) == pytest.approx(110.0)
    assert quantile(Estimate(5.0), 0.99) == 5.0


def test_no_curve_gives_no_replica() -> None:
    """Without a fitted curve what one replica carries is unknown, with the reason once."""
    evidence = _gathered(web(300 / DAY, 1.0))
    assert evidence.replica.carries is None
    assert evidence.replica.problem == "not enough load variation"
