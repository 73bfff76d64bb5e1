"""Quantiles come from the last interval alone, as Prometheus computes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors.histogram import (
    QUIET,
    Buckets,
    Histogram,
    Quantile,
    buckets,
    quantile,
)
from capmon.collectors.rates import FIRST, RESET, Missing

INF = math.inf
BOUNDS = (0.1, 0.2, 0.4, INF)


def seen(*counts: float, bounds: tuple[float, ...] = BOUNDS) -> Buckets:
    """Cumulative counts with their bounds."""
    return Buckets(bounds, counts)


@pytest.mark.parametrize(
    ("q", "counts", "expected"),
    [
        # histogram_quantile's own arithmetic, worked by hand.
        (0.5, (10, 20, 30, 30), 0.15),
        (0.95, (10, 20, 30, 30), 0.2 + 0.2 * 8.5 / 10),
        (0.5, (100, 100, 100, 100), 0.05),
        (0.5, (0, 0, 4, 4), 0.3),
        (1.0, (0, 4, 4, 4), 0.2),
        (0.0, (0, 4, 4, 4), 0.1),
    ],
)
def test_interpolates_inside_the_bucket(
    q: float, counts: tuple[float, ...], expected: float
) -> None:
    """The rank is placed linearly between the bounds of its bucket; the lowest begins at 0."""
    found = quantile(q, seen(*counts))
    assert isinstance(found, Quantile)
    assert found.value == pytest.approx(expected)
    assert not found.beyond


def test_rank_beyond_the_last_bound_says_so() -> None:
    """What lies in the bucket +Inf is known only to be above the highest bound."""
    assert quantile(0.95, seen(1, 2, 3, 100)) == Quantile(0.4, beyond=True)


def test_lowest_bucket_that_is_not_positive_gives_its_bound() -> None:
    """Below a bound of 0 or less there is nothing to interpolate from."""
    assert quantile(0.5, seen(9, 10, bounds=(-1.0, INF))) == Quantile(-1.0)


def test_no_observations_is_no_quantile() -> None:
    """An idle interval has no median."""
    assert quantile(0.5, seen(0, 0, 0, 0)) == Missing(QUIET)


def test_only_the_last_interval_counts() -> None:
    """A slow hour long ago does not show once requests are fast again."""
    histogram = Histogram()
    assert histogram.since_last({"a": seen(0, 0, 1000, 1000)}) == Missing(FIRST)
    fresh = histogram.since_last({"a": seen(8, 8, 1008, 1008)})
    assert fresh == seen(8, 8, 8, 8)
    assert histogram.since_last({"a": seen(8, 8, 1008, 1008)}) == Missing(QUIET)


def test_series_are_added_up_bucket_by_bucket() -> None:
    """Two routes of one service make one distribution; a third that appears waits a turn."""
    histogram = Histogram()
    histogram.since_last({"a": seen(0, 0, 0, 0), "b": seen(5, 5, 5, 5)})
    now = {"a": seen(1, 2, 2, 2), "b": seen(5, 6, 7, 8), "c": seen(900, 900, 900, 900)}
    assert histogram.since_last(now) == seen(1, 3, 4, 5)


def test_reset_of_a_bucket_gives_no_quantile() -> None:
    """A restart is a gap, and the interval after it is right."""
    histogram = Histogram()
    histogram.since_last({"a": seen(50, 60, 70, 80)})
    assert histogram.since_last({"a": seen(1, 1, 1, 1)}) == Missing(RESET)
    assert histogram.since_last({"a": seen(1, 2, 3, 4)}) == seen(0, 1, 2, 3)


def test_busy_series_with_other_bounds_cannot_be_added() -> None:
    """Sums over unequal bounds would be wrong, so the field says what to do."""
    histogram = Histogram()
    other = (1.0, INF)
    histogram.since_last({"a": seen(0, 0, 0, 0), "b": seen(0, 0, bounds=other)})
    quiet = histogram.since_last({"a": seen(1, 1, 1, 1), "b": seen(0, 0, bounds=other)})
    assert quiet == seen(1, 1, 1, 1)
    mixed = histogram.since_last({"a": seen(2, 2, 2, 2), "b": seen(1, 1, bounds=other)})
    assert isinstance(mixed, Missing)
    assert "choose some by their labels" in mixed.reason


def test_bounds_that_change_start_over() -> None:
    """A series with new bounds cannot be compared with its past."""
    histogram = Histogram()
    histogram.since_last({"a": seen(1, 1, 1, 1)})
    assert histogram.since_last({"a": seen(9, 9, bounds=(1.0, INF))}) == Missing(QUIET)


def test_counts_that_cross_while_the_page_is_written_are_mended() -> None:
    """A lower bucket newer than a higher one gives no negative width."""
    histogram = Histogram()
    histogram.since_last({"a": seen(0, 0, 0, 0)})
    assert histogram.since_last({"a": seen(3, 2, 4, 4)}) == seen(3, 3, 4, 4)


@pytest.mark.parametrize("counts", [{}, {0.1: 1.0}, {INF: 3.0}])
def test_incomplete_histogram_is_refused(counts: dict[float, float]) -> None:
    """Without the bucket +Inf or any finite one there is no distribution."""
    assert isinstance(buckets(counts), Missing)


@given(
    st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_quantiles_lie_in_bounds_and_in_order(widths: list[int], a: float, b: float) -> None:
    """Every quantile lies within the bounds, and a higher one is never smaller."""
    total, counts = 0, []
    for width in widths:
        total += width
        counts.append(float(total))
    low, high = (quantile(q, seen(*counts)) for q in sorted((a, b)))
    assert isinstance(low, Quantile)
    assert isinstance(high, Quantile)
    assert 0 <= low.value <= high.value <= 0.4
