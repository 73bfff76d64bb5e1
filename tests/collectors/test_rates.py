"""Counters become rates over the true interval, and resets become gaps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors.rates import FIRST, NO_TIME, RESET, Counter, Counters, Missing


def test_rate_divides_by_the_true_interval() -> None:
    """A late reading is no spike: 50 more in 2.5 s are 20 a second."""
    counter = Counter()
    assert counter.rate(100, 10.0) == Missing(FIRST)
    assert counter.interval is None
    assert counter.rate(150, 12.5) == 20.0
    assert counter.interval == (10.0, 12.5)


def test_long_gap_still_gives_the_true_mean() -> None:
    """A gap of many intervals is measured over its whole length."""
    counter = Counter()
    counter.rate(0, 0.0)
    assert counter.rate(600, 60.0) == 10.0


def test_reset_gives_no_rate_and_then_goes_on() -> None:
    """A counter that went down gives one gap, never a negative rate nor a guess."""
    counter = Counter()
    counter.rate(1000, 0.0)
    assert counter.rate(30, 2.0) == Missing(RESET)
    assert counter.interval is None
    assert counter.rate(50, 4.0) == 10.0


@pytest.mark.parametrize("at", [5.0, 4.0])
def test_no_time_between_readings_gives_no_rate(at: float) -> None:
    """Two readings of one instant are no rate, and the earlier one stays the base."""
    counter = Counter()
    counter.rate(10, 5.0)
    assert counter.rate(20, at) == Missing(NO_TIME)
    assert counter.rate(30, 7.0) == 10.0


def test_quiet_counter_has_rate_zero() -> None:
    """A counter that did not move is a known 0."""
    counter = Counter()
    counter.rate(7, 0.0)
    assert counter.rate(7, 1.0) == 0.0


def test_series_that_appears_or_vanishes_makes_no_spike() -> None:
    """A series counts from its second reading on; one that left takes nothing with it."""
    family = Counters()
    family.rate({"a": 100}, 0.0)
    assert family.rate({"a": 110, "b": 1_000_000}, 1.0) == 10.0
    assert family.rate({"b": 1_000_005}, 2.0) == 5.0
    assert family.rate({"a": 500, "b": 1_000_006}, 3.0) == 1.0


def test_reset_of_one_series_hides_the_sum() -> None:
    """A sum without one of its parts would be a dip that never was."""
    family = Counters()
    family.rate({"a": 100, "b": 50}, 0.0)
    assert family.rate({"a": 110, "b": 3}, 1.0) == Missing(RESET)
    assert family.rate({"a": 120, "b": 4}, 2.0) == 11.0


def test_family_replaced_as_a_whole_starts_over() -> None:
    """No series in common is no interval."""
    family = Counters()
    family.rate({"a": 100}, 0.0)
    assert family.rate({"b": 100}, 1.0) == Missing(FIRST)


def test_empty_family_is_zero_once_seen_twice() -> None:
    """A family without series had no events, which two readings are needed to know."""
    family = Counters()
    assert family.rate({}, 0.0) == Missing(FIRST)
    assert family.rate({}, 1.0) == 0.0
    assert family.rate({"a": 4}, 2.0) == 0.0
    assert family.rate({"a": 9}, 3.0) == 5.0


def test_forget_starts_over() -> None:
    """After a family left the page, its return is a first reading."""
    family = Counters()
    family.rate({"a": 1}, 0.0)
    family.forget()
    assert family.rate({"a": 9}, 1.0) == Missing(FIRST)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e15), st.floats(-10, 1e6)),
        min_size=1,
        max_size=20,
    )
)
def test_rate_is_never_negative_nor_infinite(readings: list[tuple[float, float]]) -> None:
    """Whatever counts and clocks do, a rate is finite and 0 or more, or is missing."""
    counter, at = Counter(), 0.0
    for value, step in readings:
        at += step
        rate = counter.rate(value, at)
        assert isinstance(rate, Missing) or (math.isfinite(rate) and rate >= 0) or step < 1e-290
