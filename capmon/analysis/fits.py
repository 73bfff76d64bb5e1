"""Curves of one metric over load: a line for resources, an exponential for response times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.student import t_quantile
from capmon.analysis.windows import Vec
from capmon.model.results import Coefficient, Fit, FitKind

OUTLIER_SCALES = 5.0
"""Residuals beyond this many robust standard deviations are outliers."""

OUTLIER_SHARE = 0.05
"""More than this share of points is no outlier but how the service behaves."""

_MAD_TO_STD = 1.4826
_PASSES = 3
_LONGEST_MEMORY = 0.98
_MOST = 1e60


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be fitted, and what it takes to believe the answer."""

    target: str
    """Key of the metric that the curve predicts."""

    load: str
    """Key of the load."""

    kind: FitKind
    """Shape of the curve."""

    min_points: int = 3
    """Least points with load."""

    min_spread: float = 0.0
    """Least distance of the 5th and 95th percentile of the load, as a share of its mean."""

    window: float = 0.0
    """Seconds of history that the points come from."""

    per_replica: bool = False
    """Whether the load was divided by ready replicas."""

    series: bool = True
    """Whether the points follow each other in time: then outliers are dropped and the standard
    errors allow for memory in the residuals. Else this is ordinary least squares."""

    since: str = ""
    """What the points start from, such as `deploy`; named when there are too few."""


def fit(question: Question, load: Vec, target: Vec) -> Fit:
    """Fit one curve by least squares, or say why it cannot be.

    Samples a second apart repeat each other. The standard errors therefore count effective
    points: the variance of the mean is inflated by (1 + r)/(1 - r) with the residuals' lag-1
    autocorrelation r, that of the slope by (1 + r·q)/(1 - r·q) with the load's own q, and the
    t quantile takes the degrees of freedom that remain. An exponential is fitted to the
    logarithm; its R² is of the original scale.

    Args:
        question: What to fit.
        load: (n,) load in the order of time, NaN for gaps.
        target: (n,) metric over the same cells, NaN for gaps.

    Source:
        Bayley and Hammersley, The effective number of independent observations in an
        autocorrelated time series, Suppl. J. R. Stat. Soc. 8 (1946). Draper and Smith,
        Applied Regression Analysis (1998), chapter 1.
    """
    with np.errstate(all="ignore"):
        problem = _no_points(load, target)
        if problem:
            return _refused(question, problem)
        exponential = question.kind is FitKind.EXPONENTIAL
        usable = np.isfinite(load) & np.isfinite(target) & (load >= 0)
        if exponential:
            usable &= target > 0
        places = np.flatnonzero(usable)
        x, y = load[places], target[places]
        problem = _unfit(question, x, y)
        if problem:
            return _refused(question, problem, n=len(x))
        line = _fit_line(x, np.log(y) if exponential else y, places, series=question.series)
        return _as_fit(question, line, x, y)


def _refused(question: Question, problem: str, n: int = 0) -> Fit:
    return Fit(
        target=question.target,
        load=question.load,
        kind=question.kind,
        n=n,
        window=question.window,
        per_replica=question.per_replica,
        problem=problem,
    )


def _no_points(load: Vec, target: Vec) -> str:
    """Why there is nothing to fit at all, or an empty text."""
    if not np.isfinite(load).any():
        return "no load reported yet"
    if not np.isfinite(target).any():
        return "not reported"
    return ""


def _unfit(question: Question, x: Vec, y: Vec) -> str:
    """Why these points do not make a curve, or an empty text."""
    busy = int(np.count_nonzero(x > 0))
    if not busy and len(x):
        return "no load"
    if busy < max(question.min_points, 3):
        since = f" since {question.since}" if question.since else ""
        return f"needs {max(question.min_points, 3)} points, has {busy}{since}"
    mean = float(x.mean())
    if max(float(x.max()), float(np.abs(y).max())) > _MOST or mean < 1 / _MOST:
        return "values out of range"
    low, high = np.quantile(x, (0.05, 0.95))
    if high - low <= question.min_spread * mean or np.ptp(x) <= 1e-9 * mean:
        return "not enough load variation"
    if np.ptp(y) <= 1e-9 * float(np.abs(y).max()):
        return "constant"
    return ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A least-squares line and what is known of its errors."""

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
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]]


def _fit_line(x: Vec, y: Vec, places: np.ndarray, *, series: bool) -> _Line:
    """Fit a line, without outliers when the points are a series."""
    kept = np.ones(len(x), dtype=np.bool_)
    slope, intercept = _least_squares(x, y)
    for _ in range(_PASSES if series else 0):
        inliers = _inliers(y - slope * x - intercept)
        if np.array_equal(inliers, kept):
            break
        kept = inliers
        slope, intercept = _least_squares(x[kept], y[kept])
    x, y, places = x[kept], y[kept], places[kept]
    residual = y - slope * x - intercept
    mean = float(x.mean())
    squares = float(np.sum((x - mean) ** 2))
    n = len(x)
    memory, load_memory = 0.0, 0.0
    if series:
        follows = np.diff(places) == 1
        memory = _unbiased(_lag_one(residual, follows), n)
        load_memory = _unbiased(_lag_one(x - mean, follows), n)
    mean_inflation = (1 + memory) / (1 - memory)
    slope_inflation = (1 + memory * load_memory) / (1 - memory * load_memory)
    freedom = n - mean_inflation - slope_inflation
    if n <= 2:
        return _Line(slope, intercept, None, None, None, None, mean, squares, 1.0, 1.0, kept)
    variance = float(residual @ residual) / max(freedom, 1.0)
    slope_variance = variance * slope_inflation / squares
    intercept_variance = variance * mean_inflation / n + slope_variance * mean**2
    return _Line(
        slope,
        intercept,
        math.sqrt(slope_variance),
        math.sqrt(intercept_variance),
        math.sqrt(variance),
        t_quantile(0.975, max(n / mean_inflation - 2, 1.0)),
        mean,
        squares,
        mean_inflation,
        slope_inflation,
        kept,
    )


def _least_squares(x: Vec, y: Vec) -> tuple[float, float]:
    """Slope and intercept."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    dx = x - mean_x
    slope = float(dx @ (y - mean_y)) / float(dx @ dx)
    return slope, mean_y - slope * mean_x


def _inliers(residual: Vec) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which residuals are ordinary; all of them when too many are not.

    Three in a row are no outliers: near saturation every point lies far off a curve that does
    not bend enough, and those points matter most.
    """
    away = np.abs(residual - np.median(residual))
    out = np.pad(away > OUTLIER_SCALES * _MAD_TO_STD * float(np.median(away)), 1)
    middle = np.pad(out[:-2] & out[1:-1] & out[2:], 1)
    lasting = middle[:-2] | middle[1:-1] | middle[2:]
    out = out[1:-1] & ~lasting
    if np.count_nonzero(out) > OUTLIER_SHARE * len(residual):
        return np.ones(len(residual), dtype=np.bool_)
    return np.asarray(~out, dtype=np.bool_)


def _lag_one(values: Vec, follows: np.ndarray) -> float:
    """Autocorrelation between neighbours in time; 0 where it cannot be told."""
    power = float(values @ values)
    pairs = int(np.count_nonzero(follows))
    if pairs < 3 or not power > 0:
        return 0.0
    product = float(np.sum(values[1:][follows] * values[:-1][follows]))
    return product / pairs * len(values) / power


def _unbiased(autocorrelation: float, n: int) -> float:
    """Undo the downward bias of a short sample; memory is never taken to be negative.

    Source:
        Marriott and Pope, Bias in the estimation of autocorrelations, Biometrika 41 (1954).
    """
    if autocorrelation <= 0:
        return 0.0
    return min(autocorrelation + (1 + 4 * autocorrelation) / n, _LONGEST_MEMORY)


def _as_fit(question: Question, line: _Line, x: Vec, y: Vec) -> Fit:
    """The line in the words of the result, or a refusal when its numbers overflowed."""
    x, y = x[line.kept], y[line.kept]
    if question.kind is FitKind.EXPONENTIAL:
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
    total = float(np.sum((y - y.mean()) ** 2))
    r_squared = 1 - float(np.sum((y - curve) ** 2)) / total if total > 0 else math.nan
    numbers = [c.value for c in coefficients] + [c.std_error or 0.0 for c in coefficients]
    numbers += [line.residual_std or 0.0, line.squares, r_squared]
    if not all(map(math.isfinite, numbers)) or (
        question.kind is FitKind.EXPONENTIAL and coefficients[0].value <= 0
    ):
        return _refused(question, "values out of range", n=len(x))
    return Fit(
        target=question.target,
        load=question.load,
        kind=question.kind,
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
    )
