"""The busy hour to come: it begins where today's is, and is as uncertain as both."""

from __future__ import annotations

import numpy as np
import pytest

from capmon.model.curves import Estimate
from capmon.model.plan import PlanQuestion
from capmon.planning.load import ahead, busy_hour
from capmon.store.course import Summaries

DAY = 86400.0


def hourly(days: int, growth: float, noise: float = 0.0) -> Summaries:
    """Hours of a load with a day in it that grows by a share a day."""
    times = np.arange(days * 24) * 3600.0 + 1_700_006_400.0
    day = 1 + 0.5 * np.sin(2 * np.pi * (times % DAY) / DAY)
    random = np.random.default_rng(3)
    values = 100 * day * (1 + growth) ** ((times - times[0]) / DAY)
    values = values * (1 + noise * random.standard_normal(len(times)))
    return Summaries(3600.0, times, values, values, values, values, np.full(len(times), 60.0))


@pytest.mark.parametrize("growth", [0.0, 0.01, 0.05])
def test_the_first_day_is_today(growth: float) -> None:
    """However fast it grows, at no distance the load is the busy hour of now, with its interval."""
    hours = hourly(28, growth, 0.02)
    until = float(hours.times[-1]) + 3600
    now = busy_hour(hours, None, until).load
    assert now is not None and now.low is not None and now.high is not None
    found = ahead(hours, now, PlanQuestion(14 * DAY))
    first = found.loads[0]
    assert first.value == pytest.approx(now.value)
    assert (first.low, first.high) == pytest.approx((now.low, now.high))


def test_growth_is_that_of_a_week() -> None:
    """Two weeks on, what grows by two per cent a day is greater by that, not by three days more."""
    hours = hourly(28, 0.02)
    until = float(hours.times[-1]) + 3600
    now = busy_hour(hours, None, until).load
    assert now is not None
    last = ahead(hours, now, PlanQuestion(14 * DAY)).last
    assert last is not None
    assert last.value / now.value == pytest.approx(1.02**14, rel=0.03)


def test_the_level_s_own_error_stays() -> None:
    """A busy hour that is hardly known now is not better known later."""
    hours = hourly(28, 0.01, 0.01)
    until = float(hours.times[-1]) + 3600
    now = busy_hour(hours, None, until).load
    assert now is not None
    vague = Estimate(now.value, 0.7 * now.value, 1.3 * now.value, 0.95)
    sure, unsure = (ahead(hours, n, PlanQuestion(7 * DAY)).last for n in (now, vague))
    assert sure is not None and unsure is not None
    assert unsure.high is not None and sure.high is not None
    assert unsure.high - unsure.value > 0.3 * unsure.value > sure.high - sure.value
