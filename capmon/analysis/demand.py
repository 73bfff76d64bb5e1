"""What one request costs: service demand by the utilization law, and memory by what is in flight."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.effective import inflation
from capmon.analysis.student import t_quantile
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate, Fit, FitKind
from capmon.model.patterns import Demand

CPU_PER_REQUEST = "cpu per request"
MEMORY_PER_CONCURRENT = "memory per concurrent request"

LEAST_POINTS = 3
"""Points below which a cost has no interval."""

LEAST_SPREAD = 0.1
"""Least distance of the load's 5th and 95th percentile, as a share of its mean, for a line."""

_LEVEL = 0.95
_NO_SPREAD = "load hardly varies: through the origin, the base is counted in"
_MOST = 1e60


def cpu_per_request(rate: Vec, cpu_cores_used: Vec, *, series: bool = True) -> Demand:
    """CPU seconds per request.

    By the utilization law, busy cores = demand · rate + background. `per_unit` is the slope of
    that line: what one more request costs. `base` is its intercept, in cores. `total` is the mean
    of the busy cores over the mean rate, the law without a background: what a request costs with
    its share of everything else.

    Args:
        rate: (n,) requests per second, NaN for gaps.
        cpu_cores_used: (n,) cores busy over the same intervals: utilization times cores.
        series: Whether the points follow each other in time. Then outliers are dropped and the
            intervals count effective points.

    Returns:
        Seconds per request; with too few points or values out of range, the reason.

    Source:
        Lazowska et al., Quantitative System Performance (1984), chapter 3.
    """
    return _demand(CPU_PER_REQUEST, rate, cpu_cores_used, series=series)


def memory_per_concurrent(concurrent: Vec, bytes_used: Vec, *, series: bool = True) -> Demand:
    """Bytes per request in flight, over the bytes used without any.

    `per_unit` is the slope of the line through the points and `base` its intercept. `total` shares
    the base out: at another concurrency it is another.

    Args:
        concurrent: (n,) requests, or users, at the same time, NaN for gaps.
        bytes_used: (n,) memory in use at those times.
        series: As for `cpu_per_request`.

    Returns:
        Bytes per concurrent request; with too few points or values out of range, the reason.
    """
    return _demand(MEMORY_PER_CONCURRENT, concurrent, bytes_used, series=series)


def total_demand(load: Vec, used: Vec, *, series: bool = True) -> Estimate | None:
    """Mean use over mean load, with its interval for the mean use at that load.

    Args:
        load: (n,) load, NaN for gaps.
        used: (n,) use over the same intervals.
        series: Whether the points follow each other in time.

    Returns:
        None with fewer than two points, without load, or where values are out of range.

    Source:
        Cochran, Sampling Techniques (1977), section 6.4, for the variance of a ratio.
    """
    known = np.isfinite(load) & np.isfinite(used)
    places = np.flatnonzero(known)
    x, y = load[places], used[places]
    n = len(x)
    if n < 2 or not _in_range(x, y):
        return None
    mean = float(x.mean())
    ratio = float(y.mean()) / mean
    residual = y - ratio * x
    repeated = inflation(residual, places) if series else 1.0
    freedom = n / repeated - 1
    error = math.sqrt(float(residual @ residual) / (n - 1) * repeated / n) / mean
    half = t_quantile((1 + _LEVEL) / 2, max(freedom, 1.0)) * error
    return Estimate(ratio, max(ratio - half, 0.0), ratio + half, _LEVEL)


def _in_range(x: Vec, y: Vec) -> bool:
    """Whether load and use can be divided: not negative, some load, nothing that overflows."""
    most = max(float(np.abs(x).max()), float(np.abs(y).max()))
    return bool(x.min() >= 0 and y.min() >= 0 and x.mean() > 1 / _MOST and most < _MOST)


def _demand(name: str, load: Vec, used: Vec, *, series: bool) -> Demand:
    load, used = np.asarray(load, dtype=np.float64), np.asarray(used, dtype=np.float64)
    known = np.isfinite(load) & np.isfinite(used) & (load >= 0)
    load, used = np.where(known, load, math.nan), np.where(known, used, math.nan)
    question = Question(
        name, "load", FitKind.LINEAR, LEAST_POINTS, min_spread=LEAST_SPREAD, series=series
    )
    line = fit(question, load, used)
    n = line.n or int(np.count_nonzero(known))
    total = total_demand(load, used, series=series) if n >= LEAST_POINTS else None
    if line.problem == "not enough load variation" and total is not None:
        return Demand(name, total, None, n, total=total, note=_NO_SPREAD)
    if line.problem:
        problem = "does not change with load" if line.problem == "constant" else line.problem
        return Demand(name, None, None, n, problem, total)
    if line.coefficient("slope") <= 0:
        return Demand(name, None, None, n, "does not grow with load", total)
    return _from_line(name, line, total)


def _from_line(name: str, line: Fit, total: Estimate | None) -> Demand:
    """Slope and intercept with their intervals; neither a cost nor a base can be negative."""
    slope, base = _coefficient(line, 0), _coefficient(line, 1)
    note = ""
    if base.value < 0:
        base = Estimate(0.0, 0.0, max(base.high or 0.0, 0.0), _LEVEL)
        note = "the line meets zero at some load: no base is seen, the cost grows with load"
    return Demand(name, slope, base, line.n, total=total, note=note)


def _coefficient(line: Fit, index: int) -> Estimate:
    """One coefficient with its interval, cut at zero."""
    found = line.coefficients[index]
    if found.std_error is None or line.t_quantile is None:
        return Estimate(found.value)
    half = line.t_quantile * found.std_error
    return Estimate(found.value, max(found.value - half, 0.0), found.value + half, _LEVEL)
