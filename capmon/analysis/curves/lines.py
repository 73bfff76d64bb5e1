"""Straight lines over load by least squares, with errors that allow for memory in a series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.curves.question import Points, Question, refused
from capmon.analysis.effective import memory
from capmon.analysis.student import t_quantile
from capmon.analysis.windows import Vec
from capmon.model.curves import Coefficient, Fit, FitKind

OUTLIER_SCALES = 5.0
"""Residuals beyond this many robust standard deviations are outliers."""

OUTLIER_SHARE = 0.05
"""More than this share of points is no outlier but how the service behaves."""

MAD_TO_STD = 1.4826
_PASSES = 3

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line and what is known of its errors."""

    slope: float
    intercept: float
    slope_error: float | None
    intercept_error: float | None
    residual_std: float | None
    t: float | None
    mean: float
    squares: float
    mean_inflation: float
    slope_inflation: float
    kept: Mask
    """Which of the points it was fitted to."""


def fit_line(points: Points, y: Vec, *, series: bool) -> Line:
    """Fit a line by least squares, without outliers when the points are a series.

    Samples a second apart repeat each other. The standard errors therefore count effective
    points: the variance of the mean is inflated by (1 + r)/(1 - r) with the residuals' lag-1
    autocorrelation r, that of the slope by (1 + r·q)/(1 - r·q) with the load's own q, and the
    t quantile takes the degrees of freedom that remain.

    Args:
        points: Where the loads and their order come from.
        y: (n,) heights: the target, or its logarithm.
        series: Whether the points follow each other in time.

    Source:
        Bayley and Hammersley, The effective number of independent observations in an
        autocorrelated time series, Suppl. J. R. Stat. Soc. 8 (1946). Draper and Smith,
        Applied Regression Analysis (1998), chapter 1.
    """
    x = points.x
    kept: Mask = np.ones(len(x), dtype=np.bool_)
    slope, intercept = least_squares(x, y)
    for _ in range(_PASSES if series else 0):
        found = inliers(y - slope * x - intercept)
        if np.array_equal(found, kept):
            break
        kept = found
        slope, intercept = least_squares(x[kept], y[kept])
    return judged(slope, intercept, points, y, kept, series=series)


def judged(
    slope: float,
    intercept: float,
    points: Points,
    y: Vec,
    kept: Mask,
    *,
    series: bool,
    residual_std: float | None = None,
) -> Line:
    """A line with its errors, from the residuals of the points kept.

    Args:
        slope: Of the line.
        intercept: Of the line.
        points: Where the loads and their order come from.
        y: (n,) heights.
        kept: (n,) which points count.
        series: Whether the points follow each other in time.
        residual_std: Standard deviation of the residuals, where it is known otherwise.
    """
    x, heights, places = points.x[kept], y[kept], points.places[kept]
    residual = heights - slope * x - intercept
    n, mean = len(x), float(x.mean())
    squares = float(np.sum((x - mean) ** 2))
    if n <= 2:
        return Line(slope, intercept, None, None, None, None, mean, squares, 1.0, 1.0, kept)
    of_residual, of_load = 0.0, 0.0
    if series:
        of_residual, of_load = memory(residual, places), memory(x - mean, places)
    mean_inflation = (1 + of_residual) / (1 - of_residual)
    slope_inflation = (1 + of_residual * of_load) / (1 - of_residual * of_load)
    freedom = n - mean_inflation - slope_inflation
    variance = float(residual @ residual) / max(freedom, 1.0)
    if residual_std is not None:
        variance = residual_std**2
    slope_variance = variance * slope_inflation / squares
    intercept_variance = variance * mean_inflation / n + slope_variance * mean**2
    return Line(
        slope,
        intercept,
        math.sqrt(slope_variance),
        math.sqrt(intercept_variance),
        math.sqrt(variance),
        t_95(max(n / mean_inflation - 2, 1.0)),
        mean,
        squares,
        mean_inflation,
        slope_inflation,
        kept,
    )


def least_squares(x: Vec, y: Vec) -> tuple[float, float]:
    """Slope and intercept."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    dx = x - mean_x
    slope = float(dx @ (y - mean_y)) / float(dx @ dx)
    return slope, mean_y - slope * mean_x


def inliers(residual: Vec) -> Mask:
    """Which residuals are ordinary; all of them when too many are not.

    Three in a row are no outliers: near saturation every point lies far off a curve that does
    not bend enough, and those points matter most.
    """
    away = np.abs(residual - median(residual))
    beyond = away > OUTLIER_SCALES * MAD_TO_STD * median(away)
    if not beyond.any():
        return ~beyond
    out = np.pad(beyond, 1)
    middle = np.pad(out[:-2] & out[1:-1] & out[2:], 1)
    lasting = middle[:-2] | middle[1:-1] | middle[2:]
    out = out[1:-1] & ~lasting
    if np.count_nonzero(out) > OUTLIER_SHARE * len(residual):
        return np.ones(len(residual), dtype=np.bool_)
    return np.asarray(~out, dtype=np.bool_)


def median(values: Vec) -> float:
    """The middle value, of two the greater: half the cost of numpy's own."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def as_fit(question: Question, kind: FitKind, line: Line, points: Points) -> Fit:
    """A line in the words of the result, or a refusal when its numbers overflowed.

    Args:
        question: What was asked.
        kind: The shape that the line stands for; an exponential's is of the logarithm.
        line: The line.
        points: All points, outliers among them.
    """
    used = points.only(line.kept)
    x, y = used.x, used.y
    if kind is FitKind.EXPONENTIAL:
        a = math.exp(line.intercept) if abs(line.intercept) < 700 else math.nan
        a_error = None if line.intercept_error is None else a * line.intercept_error
        curve = a * np.exp(line.slope * x)
        coefficients = (
            Coefficient("a", a, a_error),
            Coefficient("b", line.slope, line.slope_error),
        )
    else:
        curve = line.slope * x + line.intercept
        coefficients = (
            Coefficient("slope", line.slope, line.slope_error),
            Coefficient("intercept", line.intercept, line.intercept_error),
        )
    r_squared = explained(y, curve)
    numbers = [c.value for c in coefficients] + [c.std_error or 0.0 for c in coefficients]
    numbers += [line.residual_std or 0.0, line.squares, r_squared]
    sound = all(map(math.isfinite, numbers))
    if not sound or (kind is FitKind.EXPONENTIAL and coefficients[0].value <= 0):
        return refused(question, "values out of range", n=len(x), kind=kind)
    return Fit(
        target=question.target,
        load=question.load,
        kind=kind,
        coefficients=coefficients,
        r_squared=r_squared,
        n=len(x),
        load_min=float(x.min()),
        load_max=float(x.max()),
        residual_std=line.residual_std,
        load_mean=line.mean,
        load_squares=line.squares,
        t_quantile=line.t,
        mean_inflation=line.mean_inflation,
        slope_inflation=line.slope_inflation,
        window=question.window,
        per_replica=question.per_replica,
        relative=kind is FitKind.EXPONENTIAL,
        left_out=points.left_out,
        points=used.thinned(),
        starts_from=question.since,
    )


def explained(y: Vec, curve: Vec) -> float:
    """R²: the share of the variance of `y` that a curve explains; NaN where there is none."""
    total = float(np.sum((y - y.mean()) ** 2))
    return 1 - float(np.sum((y - curve) ** 2)) / total if total > 0 else math.nan


def t_95(df: float) -> float:
    """Student's t at 97.5 %, the half width of a 95 % interval in standard errors.

    From 60 degrees of freedom on by the expansion about the normal quantile, whose error is below
    1e-9 there: a live fit has thousands of points, where the exact value costs most.

    Args:
        df: Degrees of freedom, 1 or more, whole or not.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.5.
    """
    if df < 60:
        return _exact_t_95(df)
    z = 1.959963984540054
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / df**k for k, term in enumerate(terms, 1))


@lru_cache(maxsize=256)
def _exact_t_95(df: float) -> float:
    return t_quantile(0.975, df)
