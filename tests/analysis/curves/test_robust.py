"""Lines that outliers cannot mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from capmon.analysis.curves.averaging import averaged, noise_share
from capmon.analysis.curves.question import Points
from capmon.analysis.curves.robust import MOST_PAIRED, binned, fit_robust, theil_sen
from capmon.errors import NotEnoughData


def points(x: np.ndarray, y: np.ndarray) -> Points:
    """Points on an even grid without gaps."""
    return Points(x, y, np.arange(len(x)))


def test_slope_and_interval_match_scipy() -> None:
    """The median of slopes and Sen's interval, but for scipy's rounding of ranks by one."""
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 10, 50)
    y = 3 + 2 * x + rng.standard_t(2, 50)
    want, got = stats.theilslopes(y, x), theil_sen(x, y)
    assert got.median == pytest.approx(want.slope, rel=1e-12)
    assert got.interval() == pytest.approx((want.low_slope, want.high_slope), rel=2e-3)


def test_equal_loads_have_no_slope() -> None:
    """Where load never changes there is an error and no number."""
    with pytest.raises(NotEnoughData, match="all loads are the same"):
        theil_sen(np.full(5, 3.0), np.arange(5.0))


def test_few_pairs_have_no_interval() -> None:
    """Four points give a slope, and nothing that would hold it."""
    got = theil_sen(np.arange(4.0), np.array([1.0, 2.1, 2.9, 4.2]))
    assert got.interval() is None
    line = fit_robust(points(np.arange(4.0), np.array([1.0, 2.1, 2.9, 4.2])), series=False)
    assert line.slope == pytest.approx(got.median)
    assert (line.slope_error, line.t) == (None, None)


def test_a_fifth_of_wild_readings_does_not_move_it() -> None:
    """Least squares is a third too steep, the median of slopes within 4 %."""
    rng = np.random.default_rng(2)
    x = rng.uniform(10, 60, 600)
    y = 0.1 + 0.01 * x + rng.normal(0, 0.01, 600)
    wild = rng.random(600) < 0.2
    y[wild] += 0.02 * x[wild]
    line = fit_robust(points(x, y), series=False)
    assert line.slope == pytest.approx(0.01, rel=0.04)
    assert np.polyfit(x, y, 1)[0] > 0.0125


def test_intervals_cover_the_slope() -> None:
    """Sen's interval through bins holds the true slope in 90 to 99 of 100, also with memory."""
    rng, inside = np.random.default_rng(7), 0
    for _ in range(400):
        n = 400
        noise = rng.normal(0, 1, n)
        for i in range(1, n):
            noise[i] += 0.6 * noise[i - 1]
        x = 50 + 10 * np.sin(np.arange(n) / 30 + rng.uniform(0, 6)) + rng.normal(0, 2, n)
        line = fit_robust(points(x, 5 + 0.3 * x + noise), series=True)
        assert line.slope_error is not None and line.t is not None
        inside += abs(line.slope - 0.3) <= line.t * line.slope_error
    assert 0.90 <= inside / 400 <= 0.99


def test_bins_hold_every_point() -> None:
    """Few points stay as they are; many become medians in the order of load."""
    x = np.random.default_rng(1).permutation(1003).astype(float)
    assert binned(x[:MOST_PAIRED], x[:MOST_PAIRED])[0] is not None
    middle, heights = binned(x, 2 * x)
    assert (np.diff(middle) > 0).all()
    assert heights == pytest.approx(2 * middle)
    assert middle[0] < 10 and middle[-1] > 992


def test_noise_of_a_counted_rate_is_told_from_its_movement() -> None:
    """Half of the load's variance is noise that the target does not follow; else none is."""
    rng = np.random.default_rng(3)
    true = 50 + 10 * np.sin(np.arange(2000) / 100)
    y = 0.01 * true + rng.normal(0, 0.005, 2000)
    read = true + rng.normal(0, 7, 2000)
    follows = np.ones(1999, dtype=bool)
    assert noise_share(read, y, follows) == pytest.approx(0.5, abs=0.08)
    assert noise_share(true, y, follows) < 0.01
    jumping = rng.uniform(30, 70, 2000)
    assert noise_share(jumping, 0.01 * jumping + rng.normal(0, 0.005, 2000), follows) < 0.02


def test_averages_keep_to_their_time() -> None:
    """Groups follow the grid, not the readings: a gap makes a group smaller or leaves it out."""
    rng = np.random.default_rng(3)
    true = 50 + 10 * np.sin(np.arange(2000) / 100)
    read, y = true + rng.normal(0, 7, 2000), 0.01 * true + rng.normal(0, 0.005, 2000)
    kept = np.ones(2000, dtype=bool)
    kept[1000:1009] = False
    got, count = averaged(Points(read, y, np.arange(2000)).only(kept), logarithm=False)
    assert 10 <= count <= 30
    assert len(got.x) == len(np.unique(got.places)) >= 60
    assert got.x[0] == pytest.approx(read[:count].mean())
    last = np.arange(2000)[np.arange(2000) // count == 1999 // count]
    assert 2 * len(last) < count or got.y[-1] == pytest.approx(y[last].mean())


def test_a_group_of_few_readings_is_left_out() -> None:
    """Where a gap took more than half of a group, what is left is no average like the others."""
    rng = np.random.default_rng(3)
    true = 50 + 10 * np.sin(np.arange(1200) / 100)
    read, y = true + rng.normal(0, 7, 1200), 0.01 * true + rng.normal(0, 0.005, 1200)
    kept = np.ones(1200, dtype=bool)
    kept[600:1150] = False
    got, count = averaged(Points(read, y, np.arange(1200)).only(kept), logarithm=False)
    assert count > 1
    assert all(np.count_nonzero(kept[p * count : (p + 1) * count]) * 2 >= count for p in got.places)
