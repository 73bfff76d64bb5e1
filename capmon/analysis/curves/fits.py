"""Curves of one metric over load: one shape as asked, or the best line for a resource."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from capmon.analysis.curves.averaging import averaged, diluted
from capmon.analysis.curves.choose import Contender, block_length, candidates, choose, left_out
from capmon.analysis.curves.inverse import fieller, no_growth
from capmon.analysis.curves.latency import fit_latency, fit_queue
from capmon.analysis.curves.lines import MAD_TO_STD, OUTLIER_SCALES, Line, as_fit, fit_line, median
from capmon.analysis.curves.question import Points, Question, refused, unfit, usable
from capmon.analysis.curves.robust import fit_robust
from capmon.analysis.curves.usl import fit_usl
from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate, Fit, FitKind

__all__ = ["Question", "fit", "fit_latency", "fit_resource", "fit_usl"]

FULL = 0.97
"""Readings at this share of the cap or above tell how much there is, not how much was asked for."""

NO_OUTLIERS = "no outliers to withstand"

_ROBUST_PARAMETERS = 3
_STRAY = 1.1


def fit(question: Question, load: Vec, target: Vec) -> Fit:
    """Fit the one shape that the question names, or say why it cannot be.

    Lines and exponentials are fitted by least squares, an exponential to the logarithm; its R² is
    of the original scale. Outliers of a series are dropped, and its standard errors allow for
    memory.

    Args:
        question: What to fit.
        load: (n,) load in the order of time, NaN for gaps; the concurrency for a USL.
        target: (n,) metric over the same cells, NaN for gaps; the throughput for a USL.
    """
    if question.kind is FitKind.USL:
        return fit_usl(question, load, target)
    with np.errstate(all="ignore"):
        queue = question.kind in {FitKind.MMC, FitKind.KINGMAN}
        exponential = question.kind is FitKind.EXPONENTIAL
        points = usable(question, load, target, positive=queue or exponential)
        if isinstance(points, str):
            return refused(question, points, n=_count(load, target, queue or exponential))
        if queue:
            return fit_queue(question, points)
        if question.kind is FitKind.ROBUST:
            line = fit_robust(points, series=question.series)
        else:
            heights = np.log(points.y) if exponential else points.y
            line = fit_line(points, heights, series=question.series)
        return as_fit(question, question.kind, line, points)


def _count(load: Vec, target: Vec, positive: bool) -> int:
    """Points that a refusal speaks of."""
    good = np.isfinite(load) & np.isfinite(target)
    good &= np.asarray(load) >= 0
    return int(np.count_nonzero(good & (np.asarray(target) > 0) if positive else good))


def fit_resource(question: Question, load: Vec, target: Vec, cap: float | None = None) -> Fit:
    """Fit the use of a resource over load by a line, and choose how.

    The candidates are least squares and the median of slopes (Theil and Sen). Both are judged by
    the ordinary points left out, those within five robust standard deviations of the median line:
    outliers would vote for the line that bends to them. Least squares is believed unless it is
    worse by more than a standard error.

    Args:
        question: What to fit; its kind does not matter.
        load: (n,) load in the order of time, NaN for gaps.
        target: (n,) use of the resource over the same cells, NaN for gaps.
        cap: All that there is of the resource, such as 1 for a utilization. Readings near it are
            left out: they stay there whatever is asked for.
    """
    question = replace(question, kind=FitKind.LINEAR)
    with np.errstate(all="ignore"):
        points = usable(question, load, target, positive=False)
        if isinstance(points, str):
            return refused(question, points, n=_count(load, target, False))
        points, problem = _below(question, points, cap)
        if problem:
            return refused(question, problem, n=len(points.x))
        count = 1
        if question.series:
            points, count = averaged(points, logarithm=False)
            problem = unfit(question, points) if count > 1 else ""
            if problem:
                return refused(question, problem, n=len(points.x))
        plain = fit_line(points, points.y, series=question.series)
        if question.series:
            plain = diluted(plain, points)
        lines = {FitKind.LINEAR: plain}
        if _straying(plain, points):
            lines[FitKind.ROBUST] = fit_robust(points, series=question.series)
        fits = {kind: as_fit(question, kind, line, points) for kind, line in lines.items()}
        contenders = _judged(question, points, lines, fits)
        chosen = choose(contenders, series=question.series)
        kind = FitKind.LINEAR if chosen is None else contenders[chosen].kind
        found = fits[kind]
        if found.problem:
            return found
        tried = candidates(contenders, chosen)
        found = replace(found, cap=cap, averaged=count, candidates=tried)
        return replace(found, saturates_at=_full_at(found))


def _below(question: Question, points: Points, cap: float | None) -> tuple[Points, str]:
    """The points that the cap does not bend, and why they may be too few."""
    if cap is None:
        return points, ""
    below = points.y < FULL * cap
    count = len(below) - int(np.count_nonzero(below))
    if not count:
        return points, ""
    points = points.only(below, f"{count} points at the cap")
    return points, unfit(question, points) if len(points.x) else "always at its cap"


def _judged(
    question: Question, points: Points, lines: dict[FitKind, Line], fits: dict[FitKind, Fit]
) -> list[Contender]:
    x, y = points.x, points.y
    jacobian = np.column_stack([np.ones(len(x)), x])
    bulk = lines.get(FitKind.ROBUST, lines[FitKind.LINEAR])
    away = np.abs(y - bulk.slope * x - bulk.intercept)
    ordinary = away <= OUTLIER_SCALES * MAD_TO_STD * median(away)
    if np.count_nonzero(ordinary) < len(y) / 2:
        ordinary[:] = True
    residuals = np.column_stack([y - v.slope * x - v.intercept for v in lines.values()])
    inflation = lines[FitKind.LINEAR].mean_inflation
    block = block_length(len(x), inflation) if question.series else 1
    errors = left_out(jacobian, residuals, block)[ordinary]
    found = []
    for i, kind in enumerate(lines):
        if fits[kind].problem:
            found.append(Contender(kind, problem=fits[kind].problem))
            continue
        count = 2 if kind is FitKind.LINEAR else _ROBUST_PARAMETERS
        found.append(Contender(kind, count, errors[:, i], fits[kind].r_squared))
    if FitKind.ROBUST not in lines:
        found.append(Contender(FitKind.ROBUST, problem=NO_OUTLIERS))
    return found


def _straying(line: Line, points: Points) -> bool:
    """Whether residuals lie farther out than those of normal noise, so that some may mislead."""
    residual = points.y - line.slope * points.x - line.intercept
    spread = MAD_TO_STD * median(np.abs(residual - median(residual)))
    return not float(residual.std()) <= _STRAY * spread


def _full_at(fit: Fit) -> Estimate | None:
    """Load at which the line, not one reading, reaches the cap."""
    if fit.cap is None or no_growth(fit):
        return None
    at = (fit.cap - fit.coefficient("intercept")) / fit.coefficient("slope")
    if not 0 < at < math.inf:
        return None
    low, high = fieller(fit, fit.cap, observation=False)
    return Estimate(at, None if low is None else max(low, 0.0), high)
