"""The chapter on cost: what ran, what was wasted, and the cheapest plan that holds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from example_record import DAY, HOUR, UNTIL, ExampleRecord, daily_load, grid, web

from capmon.config.quantities import Size
from capmon.config.scaling import TierSettings
from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.plan import Chapter, PlanQuestion
from capmon.planning.cost import OPTIONS, Option, candidates, chapter, cheapest
from capmon.planning.evidence import Evidence, gather
from capmon.planning.replays import TOLERATED, Plan, fixed, holds, load_of, months, run
from capmon.planning.tiers import Size as Sized
from capmon.planning.waste import ran, right_size
from capmon.scaling.price import HOURS_A_MONTH


def _settings(price: float | None = 0.05) -> Settings:
    base = Settings()
    tiers = (
        TierSettings("small", 1.0, Size(2 * 2**30), price_per_hour=price),
        TierSettings("large", 2.0, Size(4 * 2**30), price_per_hour=None if price is None else 3 * price),
    )  # fmt: skip
    vertical = replace(base.scaling.vertical, tier="small")
    scaling = replace(base.scaling, vertical=vertical, price_per_hour=price)
    return replace(base, tiers=tiers, scaling=scaling)


@lru_cache
def _evidence(price: float | None = 0.05, replicas: int = 4) -> Evidence:
    record = web(4, 600.0, replicas=replicas, per_day=0.0)
    return gather(record, _settings(price), PlanQuestion(4 * DAY), UNTIL, "UTC")


@lru_cache
def _chapter(price: float | None = 0.05) -> Chapter:
    return chapter(_evidence(price))


def test_replica_hours_are_counted_as_they_ran() -> None:
    """Four days of four replicas are 384 replica-hours, and the requests are those of the load."""
    evidence = _evidence()
    found = ran(evidence)
    assert found is not None
    assert found.paid == pytest.approx(384.0)
    load = evidence.minutely["http.server.request.rate"].mean
    assert found.requests == pytest.approx(float(load.sum()) * 600.0)
    figures = {f.name: f.value for f in _chapter().figures}
    now, each = figures["now"], figures["a million requests"]
    assert now is not None
    assert now.value == pytest.approx(4 * 0.05 * HOURS_A_MONTH)
    assert each is not None
    assert each.value == pytest.approx(384 * 0.05 / found.requests * 1e6)


def test_waste_is_what_ran_above_the_need() -> None:
    """Twelve replicas for a load that six carry waste at least half of their hours; four waste little."""
    much, little = ran(_evidence(replicas=12)), ran(_evidence())
    assert much is not None
    assert little is not None
    assert much.surplus > 0.5 * much.paid
    assert little.surplus < 0.3 * little.paid
    assert much.idle == 0.0


def test_a_fixed_count_costs_its_hours_and_is_over_when_load_is() -> None:
    """Of ten cells with loads 1 to 10, three replicas of 3 are short in one."""
    found = fixed(np.arange(1.0, 11.0), 3.0, 3)
    assert found.hours == 3 * HOURS_A_MONTH
    assert found.overload == pytest.approx(0.1)


def test_the_probability_of_a_fixed_count_is_that_of_the_futures() -> None:
    """A plan that holds up to 1.2 times the load holds with the probability that the load stays below."""
    evidence = _evidence()
    load, step = load_of(evidence)
    each = Estimate(30.0)
    now = evidence.load_now
    assert now is not None
    then = Estimate(now.value, now.value * (1 - 1.96 * 0.1), now.value * (1 + 1.96 * 0.1))
    count = int(np.ceil(1.2 * float(np.nanquantile(load, 1 - TOLERATED)) / 30.0))
    reach = count * 30.0 / float(np.nanquantile(load, 1 - TOLERATED))
    from statistics import NormalDist

    expected = NormalDist().cdf((reach - 1) / 0.1)
    made = holds(replace(evidence, load_then=then), Plan(count, count), load, step, each)
    assert made == pytest.approx(expected, abs=0.05)


def test_more_replicas_hold_surer() -> None:
    """The probability never falls with the count, and the same question gives the same answer."""
    evidence = _evidence()
    load, step = load_of(evidence)
    each = evidence.replica.carries
    assert each is not None
    found = [holds(evidence, Plan(n, n), load, step, each) for n in (2, 4, 5, 6, 8)]
    assert found == sorted(found)
    assert found[0] < 0.05
    assert found[-1] > 0.95
    assert holds(evidence, Plan(5, 5), load, step, each) == found[2]


def test_the_chosen_plan_is_the_cheapest_that_holds() -> None:
    """No other plan that holds with the probability costs less, and the table marks it."""
    options = candidates(_evidence(), *load_of(_evidence()))
    best = cheapest(options, 0.95)
    assert best is not None
    assert options[best].probability >= 0.95
    rivals = [o.cost for o in options if o.probability >= 0.95]
    assert options[best].cost == min(c for c in rivals if c is not None)
    table = next(t for t in _chapter().tables if t.title == OPTIONS)
    assert table.chosen == best
    assert "small" in options[best].name


def test_plans_without_a_common_measure_are_not_compared() -> None:
    """Without prices core-hours decide; without cores of one size, of two sizes, nothing does."""
    a, b = (Sized(n, Estimate(1.0), "", None, None) for n in "ab")
    plan = Plan(1, 1)
    assert cheapest((Option(a, plan, 1.0, 1.0), Option(b, plan, 2.0, 1.0)), 0.9) is None
    assert cheapest((Option(a, plan, 3.0, 1.0), Option(a, plan, 2.0, 1.0)), 0.9) == 1
    assert cheapest((Option(a, plan, 3.0, 0.5),), 0.9) is None
    cored = [replace(s, cores=c) for s, c in ((a, 1.0), (b, 4.0))]
    both = tuple(Option(s, plan, h, 1.0) for s, h in zip(cored, (3.0, 2.0), strict=True))
    assert cheapest(both, 0.9) == 0


def test_without_prices_replica_hours_stand_instead() -> None:
    """No sum of money is told, and how to get one is."""
    made = _chapter(None)
    assert any(m.startswith("costs in money: ") for m in made.missing)
    assert "$" not in made.answer
    assert "replica-hours" in made.answer
    now = next(f for f in made.figures if f.name == "now")
    assert now.unit == "replica-hours a month"
    assert now.value is not None
    assert now.value.value == pytest.approx(4 * HOURS_A_MONTH)


def test_policies_are_replayed_and_not_multiplied() -> None:
    """A policy that follows the load costs less than the static peak, and none less than who knew."""
    evidence = _evidence()
    made = months(evidence, 1.0, 30.0)
    assert made["static_peak"].hours > made["predictive"].hours
    assert made["static_peak"].overload == made["look_ahead"].overload == 0.0
    later = months(evidence, 2.0, 30.0)
    assert later["look_ahead"].hours > 1.5 * made["look_ahead"].hours


def test_the_month_at_the_horizon_has_the_interval_of_the_load() -> None:
    """Its ends are what the policy would cost at both ends of the load's."""
    found = next(
        f for f in _chapter().figures if f.name == "a month at the horizon, under HPA"
    ).value
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.low < found.high


def test_the_right_size_follows_from_use() -> None:
    """Half a core of four used asks for 15 % more than that, and the small tier has it."""
    times = grid(8, 300.0)
    flat = np.ones(len(times))
    record = ExampleRecord(
        {
            "http.server.request.rate": (times, daily_load(times)),
            "system.cpu.utilization": (times, 0.125 * flat),
            "system.cpu.limit": (times, 4 * flat),
            "system.memory.limit": (times, 8 * 2**30 * flat),
            "system.memory.utilization": (times, 0.125 * flat),
        }
    )
    settings = replace(_settings(), scaling=Settings().scaling)
    found = right_size(gather(record, settings, PlanQuestion(DAY), UNTIL, "UTC"))
    assert found.request.cores is not None
    assert found.request.cores.value == pytest.approx(0.5 * 1.15, rel=0.06)
    assert found.request.memory is not None
    assert found.request.memory.value == pytest.approx(2**30 * 1.15, rel=0.06)
    assert found.tier == "small"


@pytest.mark.parametrize("kind", ["host", "whole", "short"])
def test_a_record_that_cannot_tell_says_so(kind: str) -> None:
    """Without load, replicas or two days nothing is priced, and every figure has its reason."""
    made = {
        "host": lambda: web(3, HOUR, app=False),
        "whole": lambda: web(3, 600.0, replicas=None),
        "short": lambda: web(0.5, 60.0),
    }[kind]()
    found = chapter(gather(made, _settings(), PlanQuestion(DAY), UNTIL, "UTC"))
    assert all(f.value is not None or f.reason for f in found.figures)
    assert all(t.title != OPTIONS for t in found.tables) or kind == "whole"
    assert found.missing


def test_a_policy_replayed_without_load_is_no_plan() -> None:
    """A service that carries nothing never holds."""
    evidence = _evidence()
    load, step = load_of(evidence)
    assert run(evidence, Plan(2, 5), load, step, 0.0).overload == 1.0
