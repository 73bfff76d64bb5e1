"""A ring keeps the newest readings in order, in memory that never grows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.store.ring import Ring

TIMES = st.floats(min_value=-1e3, max_value=1e3).map(lambda t: round(t, 1))
READINGS = st.lists(st.tuples(TIMES, st.floats(allow_nan=False)), max_size=60)


class Plain:
    """What a ring promises, written with lists."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.kept: list[tuple[float, float]] = []

    def append(self, at: float, value: float) -> None:
        """Drop what is not older, add, and keep the newest."""
        self.kept = [r for r in self.kept if r[0] < at]
        self.kept = [*self.kept, (at, value)][-self.capacity :]

    def truncate(self, at: float) -> None:
        """Drop what is not older."""
        self.kept = [r for r in self.kept if r[0] < at]


def seen(ring: Ring) -> list[tuple[float, float]]:
    """What a ring holds."""
    return list(zip(ring.times().tolist(), ring.values().tolist(), strict=True))


@given(st.integers(1, 9), READINGS)
def test_a_ring_is_a_bounded_list(capacity: int, readings: list[tuple[float, float]]) -> None:
    """After every write, with a clock that goes back and forth, it holds what the list holds."""
    ring, plain = Ring(capacity), Plain(capacity)
    for at, value in readings:
        ring.append(at, value)
        plain.append(at, value)
        assert seen(ring) == plain.kept
        assert len(ring) == len(plain.kept) <= capacity


@given(st.integers(1, 9), READINGS, TIMES)
def test_truncating_drops_what_is_not_older(
    capacity: int, readings: list[tuple[float, float]], at: float
) -> None:
    """Also after the newer half has moved to the front, and writing goes on after it."""
    ring, plain = Ring(capacity), Plain(capacity)
    for when, value in readings:
        ring.append(when, value)
        plain.append(when, value)
    ring.truncate(at)
    plain.truncate(at)
    assert seen(ring) == plain.kept
    ring.append(at, 1.0)
    plain.append(at, 1.0)
    assert seen(ring) == plain.kept


@given(READINGS)
def test_times_rise_strictly(readings: list[tuple[float, float]]) -> None:
    """Whatever the clock does, a search by time finds its place."""
    ring = Ring(7)
    for at, value in readings:
        ring.append(at, value)
        assert bool((np.diff(ring.times()) > 0).all())


def test_a_million_writes_copy_no_more_than_they_write() -> None:
    """The arrays stay the same ones, and each reading moves at most once on the average."""
    capacity, writes = 3600, 1_000_000
    ring = Ring(capacity)
    times, values = ring._times, ring._values
    moves = 0
    before = 0
    for i in range(writes):
        ring.append(float(i), 1.0)
        if ring._end < before:
            moves += ring._end - 1
        before = ring._end
    assert ring._times is times
    assert ring._values is values
    assert times.nbytes == values.nbytes == 2 * capacity * 8
    assert 0 < moves <= writes
    assert len(ring) == capacity
    assert ring.times()[0] == writes - capacity


def test_an_empty_ring_has_nothing() -> None:
    """No readings, no times, and truncating it is no error."""
    ring = Ring(3)
    ring.truncate(0.0)
    assert len(ring) == len(ring.times()) == len(ring.values()) == 0


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, 1e300])
def test_values_come_back_as_they_went_in(value: float) -> None:
    """A ring changes no value."""
    ring = Ring(2)
    ring.append(1.0, value)
    assert ring.values().tolist() == [value]
