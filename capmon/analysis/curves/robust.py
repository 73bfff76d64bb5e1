"""A straight line that a third of the points cannot mislead."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.curves.lines import MAD_TO_STD, Line, judged, median
from capmon.analysis.curves.question import Points
from capmon.analysis.windows import Vec
from capmon.errors import NotEnoughData

MOST_PAIRED = 100
"""Up to so many points each pair gives a slope; more are first brought to bins."""

BINS = 60
"""Bins of equal count in the order of load; each stands for its points with its median."""

_MEDIAN_EFFICIENCY = math.pi / 2
_ROUNDING = 1e-30
_CLOSE = 1e-12


@dataclass(frozen=True, slots=True)
class Slopes:
    """The slopes of all pairs of points."""

    ordered: Vec
    """(k,) slopes, the least first."""

    points: int
    """How many points they come from."""

    @property
    def median(self) -> float:
        """Theil's estimate of the slope."""
        k = len(self.ordered)
        return float(self.ordered[(k - 1) // 2] + self.ordered[k // 2]) / 2

    def interval(self, inflation: float = 1.0) -> tuple[float, float] | None:
        """Sen's 95 % interval; None where the pairs are too few for one.

        It takes the slopes whose ranks lie within 1.96 standard deviations of Kendall's S about
        the middle.

        Args:
            inflation: Factor on the variance of S, for memory in the series.

        Source:
            Sen, Estimates of the regression coefficient based on Kendall's tau, J. Am. Stat.
            Assoc. 63 (1968); Hamed and Rao, A modified Mann-Kendall trend test for autocorrelated
            data, J. Hydrol. 204 (1998), for the inflation.
        """
        k, m = len(self.ordered), self.points
        reach = 1.959964 * math.sqrt(m * (m - 1) * (2 * m + 5) / 18 * inflation)
        low, high = math.floor((k - reach) / 2), math.ceil((k + reach) / 2)
        if low < 0 or high >= k:
            return None
        return float(self.ordered[low]), float(self.ordered[high])


def theil_sen(x: Vec, y: Vec) -> Slopes:
    """The slopes of all pairs of points at different loads.

    Args:
        x: (n,) loads.
        y: (n,) heights.

    Raises:
        NotEnoughData: All loads are the same.

    Source:
        Theil, A rank-invariant method of linear and polynomial regression analysis, Proc. Kon.
        Ned. Akad. Wet. A 53 (1950).
    """
    first, second = _pairs(len(x))
    run = x[second] - x[first]
    apart = np.abs(run) > _CLOSE * float(np.abs(x).max())
    if not apart.any():
        raise NotEnoughData("all loads are the same")
    return Slopes(np.sort((y[second] - y[first])[apart] / run[apart]), len(x))


def fit_robust(points: Points, *, series: bool) -> Line:
    """Fit a line by the median slope, with the median height above it as its intercept.

    The standard deviation of the residuals is that of the bulk, from their median: the band tells
    where an ordinary reading lies. The errors of the slope are Sen's.

    Args:
        points: What to fit.
        series: Whether the points follow each other in time.
    """
    x, y = binned(points.x, points.y)
    if not np.ptp(x) > _CLOSE * float(x.max()):
        x, y = points.x, points.y
    slopes = theil_sen(x, y)
    slope = slopes.median
    heights = points.y - slope * points.x
    intercept = median(heights)
    std = MAD_TO_STD * median(np.abs(heights - intercept))
    everything = np.ones(len(points.x), dtype=np.bool_)
    line = judged(slope, intercept, points, points.y, everything, series=series, residual_std=std)
    interval = slopes.interval(line.slope_inflation)
    if line.t is None or interval is None:
        return replace(line, slope_error=None, intercept_error=None, residual_std=None, t=None)
    error = (interval[1] - interval[0]) / 2 / line.t
    height = _MEDIAN_EFFICIENCY * line.mean_inflation
    own, tilted = std * math.sqrt(height / len(points.x)), error * line.mean
    relative = error / std if std > _ROUNDING * error else 0.0
    return replace(
        line,
        slope_error=error,
        intercept_error=math.hypot(own, tilted),
        mean_inflation=height,
        # The band's closed form then has Sen's error of the slope.
        slope_inflation=relative * relative * line.squares,
    )


def binned(x: Vec, y: Vec) -> tuple[Vec, Vec]:
    """Points, or the median of each of `BINS` bins of equal count where there are many."""
    n = len(x)
    if n <= MOST_PAIRED:
        return x, y
    order = np.argsort(x, kind="stable")
    each = -(-n // BINS)
    # The last bin takes neighbours again to be as full as the others.
    order = np.concatenate([order[: n // each * each], order[n - each :]] if n % each else [order])
    heights = np.sort(y[order].reshape(-1, each), axis=1)
    middle = (heights[:, (each - 1) // 2] + heights[:, each // 2]) / 2
    return x[order].reshape(-1, each).mean(axis=1), middle


@lru_cache(maxsize=4)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(n, 1)
    return first, second
