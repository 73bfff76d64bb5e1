"""The predictive policy: HPA with a floor that comes before the load does."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.config.quantities import Duration
from capmon.config.scaling import BehaviorSettings, HpaSettings, RateSettings
from capmon.scaling.kept import plain, revived
from capmon.scaling.policies.base import Change, PeakOutlook, Situation
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.policies.predictive import PredictivePolicy, PredictiveState
from capmon.scaling.simulate.replay import followed
from capmon.scaling.simulate.service import Service

CPU = "process.cpu.utilization"


def policy(least: int = 2, most: int = 20) -> PredictivePolicy:
    """With a start-up of three minutes."""
    return PredictivePolicy(HpaPolicy(HpaSettings(), least, most), 180.0, least, most)


def seen(
    at: float = 0.0, cpu: float | None = 0.7, peak: float | None = None, n: int = 4
) -> Situation:
    """A situation with `n` replicas of 100 req/s each."""
    outlook = None if peak is None else PeakOutlook(240.0, 0.99, peak)
    values = {} if cpu is None else {CPU: cpu}
    return Situation(at, n, n, values, (), outlook, 100.0)


def test_without_a_forecast_it_is_hpa() -> None:
    """The same count, and it says that there is no forecast."""
    rule = policy()
    verdict, _ = rule.decide(rule.start(), seen(cpu=0.84))
    assert verdict.policy == "predictive"
    assert verdict.to == 5
    assert verdict.reasons[-1] == "no forecast yet"


def test_the_floor_carries_the_peak_to_come() -> None:
    """A peak of 730 req/s takes eight replicas of 100; HPA alone is content with four."""
    rule = policy()
    verdict, _ = rule.decide(rule.start(), seen(peak=730.0))
    assert verdict.to == 8
    assert verdict.binds == "forecast floor"
    assert verdict.reasons[0] == "peak within 4 m (0.99): 730 req/s / 100 req/s each → 8"
    assert verdict.reasons[1].startswith("HPA alone 4: ")


def test_the_floor_never_takes_away() -> None:
    """A forecast of nothing leaves HPA's answer as it is."""
    rule = policy()
    verdict, _ = rule.decide(rule.start(), seen(cpu=0.84, peak=1.0))
    assert verdict.to == 5


def test_a_floor_stands_for_five_minutes() -> None:
    """A forecast that wavers makes no replica come and go; the wait says how long."""
    rule, state = policy(), policy().start()
    first, state = rule.decide(state, seen(peak=730.0))
    second, state = rule.decide(state, seen(at=60.0, cpu=0.35, peak=100.0, n=8))
    late, state = rule.decide(state, seen(at=301.0, cpu=0.35, peak=100.0, n=8))
    assert (first.to, second.to) == (8, 8)
    assert [(w.what, w.up, w.seconds) for w in second.waits] == [("floor", False, 240.0)]
    assert late.to is not None and late.to < 8


def test_unknown_metrics_move_nothing() -> None:
    """Where HPA cannot tell, a forecast alone decides nothing."""
    rule = policy()
    verdict, _ = rule.decide(rule.start(), seen(cpu=None, peak=730.0))
    assert verdict.to is None


def test_a_count_set_by_someone_else_is_the_new_start() -> None:
    """HPA's own course is counted from what runs, once that is not what was asked for."""
    rule, state = policy(), policy().start()
    _, state = rule.decide(state, seen(peak=730.0))
    verdict, _ = rule.decide(state, seen(at=15.0, cpu=0.7, peak=10.0, n=12))
    assert verdict.to == 12


def test_a_floor_that_was_refused_leaves_hpas_own_course() -> None:
    """HPA alone stays within its tolerance at ten; on the fifteen that run it would ask for nine."""
    rule, state = policy(most=30), policy(most=30).start()
    _, state = rule.decide(state, seen(cpu=0.64, peak=1500.0, n=10))
    second, state = rule.decide(state, seen(at=15.0, cpu=0.4267, peak=2000.0, n=15))
    third, state = rule.decide(state, seen(at=30.0, cpu=0.4267, peak=2000.0, n=15))
    late, state = rule.decide(state, seen(at=340.0, cpu=0.4267, n=15))
    assert (second.to, third.to, late.to) == (20, 20, 10)


def test_hpas_rates_count_from_what_was_there_whoever_set_it() -> None:
    """A count set by someone else frees no new period: HPA alone had used it up."""
    rates = (RateSettings("pods", 2, Duration(600.0)),)
    slow = HpaSettings(down=BehaviorSettings(Duration(0.0), rates))
    rule = PredictivePolicy(HpaPolicy(slow, 2, 20), 180.0, 2, 20, hold=0.0)
    _, state = rule.decide(rule.start(), seen(n=12, cpu=0.7))
    lowered = (Change(10.0, 12, 10),)
    raised, state = rule.decide(
        state, replace(seen(at=15.0, n=10, cpu=0.7, peak=1500.0), changes=lowered)
    )
    changes = (*lowered, Change(16.0, 10, 15))
    after, state = rule.decide(state, replace(seen(at=30.0, n=15, cpu=0.1), changes=changes))
    assert (raised.to, after.to) == (15, 10)


def test_the_state_survives_a_file() -> None:
    """It is numbers and tuples, and moved to another clock it decides the same."""
    rule, state = policy(), policy().start()
    for i, peak in enumerate((730.0, 400.0, 500.0)):
        _, state = rule.decide(state, seen(at=30.0 * i, peak=peak, n=4 if i == 0 else 8))
    kept = revived(PredictiveState, json.loads(json.dumps(plain(state))))
    assert kept == state
    moved = rule.moved(kept, 1000.0)
    there, _ = rule.decide(moved, seen(at=1100.0, cpu=0.4, n=8))
    here, _ = rule.decide(state, seen(at=100.0, cpu=0.4, n=8))
    assert there == here


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([60.0, 180.0, 420.0]))
def test_it_never_asks_for_less_than_hpa_alone(seed: int, startup: float) -> None:
    """Over any load and any forecast, at every step, and so it never has more overload."""
    rng = np.random.default_rng(seed)
    load = 300 * np.exp(np.cumsum(rng.normal(0, 0.15, 300)))
    peaks = load * np.exp(rng.normal(0, 1, 300))
    service = Service(100.0, startup, 2, 60, 0.7, 60.0)
    hpa = HpaPolicy(HpaSettings(), 2, 60, explain=False)
    alone = followed(hpa, load, service)
    floor = PredictivePolicy(hpa, startup + 60.0, 2, 60, explain=False)
    both = followed(
        floor, load, service, outlook=lambda i: PeakOutlook(startup, 0.9, float(peaks[i]))
    )
    assert np.all(both >= alone)
    assert np.any(both > alone)


@pytest.mark.parametrize(
    ("startup", "alone"), [(None, ((0.0, 8),)), (900.0, ((-900.0, 4), (0.0, 8)))]
)
def test_the_startup_that_was_measured_counts(
    startup: float | None, alone: tuple[tuple[float, int], ...]
) -> None:
    """What HPA alone asked for ten minutes ago does not serve yet where a start takes longer."""
    rule = policy()
    first = replace(seen(cpu=1.4, peak=1200.0), startup=startup)
    _, state = rule.decide(rule.start(), first)
    later = replace(seen(at=600.0, cpu=0.47, peak=1200.0, n=12), startup=startup)
    assert rule.decide(state, later)[1].alone == alone


def test_no_capacity_is_said() -> None:
    """A peak that nothing can be divided by makes no floor."""
    rule = policy()
    blind = Situation(0.0, 4, 4, {CPU: 0.7}, (), PeakOutlook(240.0, 0.99, 730.0), None)
    verdict, _ = rule.decide(rule.start(), blind)
    assert verdict.to == 4
    assert verdict.reasons[-1] == "capacity of a replica is not known"


@pytest.mark.parametrize("most", [6, 7])
def test_the_maximum_binds(most: int) -> None:
    """A floor beyond the maximum is the maximum, and says so."""
    rule = policy(most=most)
    verdict, _ = rule.decide(rule.start(), seen(peak=5000.0))
    assert verdict.to == most
    assert verdict.binds == f"max {most}"
