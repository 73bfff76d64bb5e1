"""Curves of response times over load: lines, exponentials and queues, the best believed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.curves import queue_search
from capmon.analysis.curves.averaging import averaged
from capmon.analysis.curves.choose import Contender, block_length, candidates, choose, left_out
from capmon.analysis.curves.covariance import covariance
from capmon.analysis.curves.inverse import NO_GROWTH, UNCERTAIN
from capmon.analysis.curves.lines import (
    Line,
    as_fit,
    explained,
    inliers,
    judged,
    least_squares,
    t_95,
)
from capmon.analysis.curves.question import MOST, Points, Question, refused, unfit, usable
from capmon.analysis.curves.queue_search import Cells, Found, Region
from capmon.analysis.curves.settling import about_neighbours, settled
from capmon.analysis.curves.waits import SHAPES, steepness, wait_shape
from capmon.analysis.effective import memory
from capmon.analysis.windows import Mat, Vec
from capmon.model.curves import Coefficient, Curve, Estimate, Fit, FitKind
from capmon.model.shapes import NAMES

LEAST_QUEUE_POINTS = 12
"""Independent points that a curve with a pole needs."""

QUIET = 0.01
"""Scatter of the logarithm below which it does not matter how often it repeats itself."""

SLACK = 1.3
"""Factor on the allowance of the likelihood, for the width of the search's grid."""

KINDS = (FitKind.LINEAR, FitKind.EXPONENTIAL, *queue_search.QUEUES)


@dataclass(frozen=True, slots=True)
class _Shaped:
    """One fitted shape with what its errors and its interval come from."""

    curve: Curve
    residual: Vec
    jacobian: Mat
    """(n, p) derivatives of the curve's logarithm by its free parameters."""

    to_natural: Mat
    """(k, p) derivatives of the coefficients by those parameters."""

    heights: Vec
    sse: float


def fit_latency(question: Question, load: Vec, target: Vec, pole: Estimate | None = None) -> Fit:
    """Fit every shape that the points can carry to the logarithm of a response time, and choose one.

    Response times scatter by a factor, so that all is fitted, compared and banded on the logarithm.
    The shapes are a line, an exponential, the 95th percentile of M/M/c and Kingman's wait in
    Sakasegawa's form for several servers. The least error of points left out wins, a simpler shape
    where the difference is within its standard error. The band takes in all curves that the points
    do not rule out, whatever their shape.

    Args:
        question: What to fit; its kind names a refusal.
        load: (n,) load in the order of time, NaN for gaps.
        target: (n,) response times over the same cells, NaN for gaps.
        pole: Load at which the service is full, where another model knows it: `saturates_at` of
            the CPU's curve over the same load. Something else may be full before it, so that it
            bounds the capacity of queues from above.
    """
    with np.errstate(all="ignore"):
        points = usable(question, load, target, positive=True)
        if isinstance(points, str):
            return refused(question, points)
        points, bound = settled(points, pole)
        problem = unfit(question, points) if points.left_out else ""
        if problem:
            return refused(question, problem, n=len(points.x))
        count = 1
        if question.series:
            points, count = averaged(points, logarithm=True)
            problem = unfit(question, points) if count > 1 else ""
            if problem:
                return refused(question, problem, n=len(points.x))
        scatter = about_neighbours(points)
        if question.series:
            kept = inliers(scatter)
            points, scatter = points.only(kept), scatter[kept]
        return replace(_Contest(question, points, scatter, bound).result(), averaged=count)


def fit_queue(question: Question, points: Points) -> Fit:
    """Fit a queue of the question's kind, without a contest."""
    return _Contest(question, points, about_neighbours(points), None).only(question.kind)


class _Contest:
    """The shapes fitted to one set of points."""

    def __init__(
        self, question: Question, points: Points, scatter: Vec, bound: float | None
    ) -> None:
        self.question = question
        self.points = points
        self.bound = bound
        self.log_y = np.log(points.y)
        everything = np.ones(len(points.x), dtype=np.bool_)
        slope, intercept = least_squares(points.x, self.log_y)
        self.line: Line = judged(
            slope, intercept, points, self.log_y, everything, series=question.series
        )
        self.exponential = as_fit(question, FitKind.EXPONENTIAL, self.line, points)
        self.mean_inflation = self.slope_inflation = math.inf if question.series else 1.0
        self.independent = float(len(points.x))
        self.scatter = scatter
        self._repeats(scatter)

    def result(self) -> Fit:
        """The curve believed, with all that were tried."""
        if self.exponential.problem:
            return self.exponential
        flat = self._flat()
        if flat:
            others = [Contender(k, problem=flat) for k in KINDS if k is not FitKind.EXPONENTIAL]
            return self._decided({FitKind.EXPONENTIAL: self._exponential()}, others, None)
        cell = queue_search.cells(self.points.x, self.points.y)
        shaped = {FitKind.EXPONENTIAL: self._exponential()}
        refusals = []
        straight = self._straight(cell)
        if isinstance(straight, str):
            refusals.append(Contender(FitKind.LINEAR, problem=straight))
        else:
            shaped[FitKind.LINEAR] = straight
        searched = self._searched(cell)
        for kind, queue in self._queues(cell, searched).items():
            if isinstance(queue, str):
                refusals.append(Contender(kind, problem=queue))
            else:
                shaped[kind] = queue
        known = any(kind in shaped for kind in queue_search.QUEUES)
        return self._decided(shaped, refusals, (cell, searched) if known else None)

    def only(self, kind: FitKind) -> Fit:
        """The curve of one kind of queue, or why there is none."""
        if self.exponential.problem:
            return refused(self.question, self.exponential.problem, len(self.points.x))
        flat = self._flat()
        cell = queue_search.cells(self.points.x, self.points.y)
        if flat:
            return refused(self.question, flat, len(self.points.x))
        searched = self._searched(cell)
        queue = self._queues(cell, searched)[kind]
        if isinstance(queue, str):
            return refused(self.question, queue, len(self.points.x))
        return self._as_fit(queue, (cell, searched), [])

    def _flat(self) -> str:
        """Why there is no growth to find a shape for; empty when there is.

        The slope of the logarithm is held against the scatter about neighbours in load: what an
        exponential leaves of a curve that bends more is no noise.
        """
        slope = self.line.slope
        if slope <= 0:
            return NO_GROWTH
        error = float(self.scatter.std()) * math.sqrt(self.slope_inflation / self.line.squares)
        return UNCERTAIN if slope <= t_95(max(self.independent - 2, 1.0)) * error else ""

    def _repeats(self, residual: Vec) -> None:
        """Count how much neighbours repeat each other; what a curve fails to bend for is no memory.

        Of the residuals of several curves those that repeat each other least tell.
        """
        if not self.question.series:
            return
        points = self.points
        of_residual = memory(residual, points.places)
        if (1 + of_residual) / (1 - of_residual) >= self.mean_inflation:
            return
        both = of_residual * memory(points.x - points.x.mean(), points.places)
        self.mean_inflation = (1 + of_residual) / (1 - of_residual)
        self.slope_inflation = (1 + both) / (1 - both)
        self.independent = len(points.x) / self.mean_inflation

    def _searched(self, cell: Cells) -> Found:
        found = queue_search.coarse(cell, self.bound)
        spare = self._allowance(float(found.sse.min()) + cell.within, 1.0)
        return queue_search.joined(found, queue_search.fine(cell, found, spare))

    def _queues(self, cell: Cells, searched: Found) -> dict[FitKind, _Shaped | str]:
        """The best queue of each kind, or why there is none."""
        spare = self._allowance(float(searched.sse.min()) + cell.within, 1.0)
        best = queue_search.sharpened(cell, searched, spare)
        rows = [best.rows(np.array([row])) for row in range(len(queue_search.QUEUES))]
        shapes = [self._queue(cell, row) for row in rows]
        closest = min(shapes, key=lambda s: s.sse)
        self._repeats(closest.residual)
        few = ""
        if self.independent < LEAST_QUEUE_POINTS and float(closest.residual.std()) > QUIET:
            have = math.floor(self.independent)
            few = f"needs {LEAST_QUEUE_POINTS} independent points, has {have}"
        every = zip(queue_search.QUEUES, rows, shapes, strict=True)
        return {kind: few or self._unbent(row) or shape for kind, row, shape in every}

    def _unbent(self, best: Found) -> str:
        """Why the best queue is none: its pole is nowhere near."""
        if self.bound is None and best.room[0] >= math.log1p(-queue_search.EMPTY) - 1e-9:
            return "no bend in the load seen"
        return ""

    def _allowance(self, sse: float, inflation: float) -> float:
        """By how much the sum of squares of a curve may exceed the least and still be likely."""
        n = len(self.points.x)
        t = t_95(max(self.independent - 4, 1.0))
        return t * t * sse / max(n - 4, 1) * max(inflation, self.slope_inflation)

    # The shapes

    def _exponential(self) -> _Shaped:
        x = self.points.x
        a, b = (c.value for c in self.exponential.coefficients)
        residual = self.log_y - math.log(a) - b * x
        jacobian = np.column_stack([np.ones(len(x)), x])
        natural = np.array([[a, 0.0], [0.0, 1.0]])
        curve = Curve(FitKind.EXPONENTIAL, (a, b))
        return _Shaped(curve, residual, jacobian, natural, a * np.exp(b * x), _squares(residual))

    def _straight(self, cell: Cells) -> _Shaped | str:
        found = queue_search.straight(cell)
        q, mean, level = float(found.q[0]), float(found.mean[0]), math.exp(float(found.level[0]))
        if q <= 0:
            return NO_GROWTH
        x = self.points.x
        slope, intercept = level * q / (mean * cell.top), level * (1 - q)
        heights = slope * x + intercept
        if not heights.min() > 0:
            return "passes through zero"
        residual = self.log_y - np.log(heights)
        columns = [x / heights, 1 / heights] if q < 1 else [x / heights]
        natural = np.eye(2)[:, : len(columns)]
        curve = Curve(FitKind.LINEAR, (slope, intercept))
        return _Shaped(
            curve, residual, np.column_stack(columns), natural, heights, _squares(residual)
        )

    def _queue(self, cell: Cells, best: Found) -> _Shaped:
        """The curve and its derivatives by log A, q and u, those at a bound left out."""
        kind, servers = SHAPES[int(best.shape[0])]
        curve = best.curve(0, cell.top)
        base, scale, capacity, _ = curve.values
        u, q, mean = cell.top / capacity, float(best.q[0]), float(best.mean[0])
        level = math.exp(float(best.level[0]))
        of_top = self.points.x / cell.top
        g = wait_shape(kind, servers, u * of_top)
        heights = base + scale * g
        rise = steepness(kind, servers, u * of_top) * of_top
        cell_rise = steepness(kind, servers, u * cell.x / cell.top) * cell.x / cell.top
        mean_rise = float(cell_rise @ cell.weight) / cell.n
        columns = [np.ones(len(g))]
        natural = [np.array([base, scale, 0.0])]
        if best.least[0] < q < best.most[0]:
            columns.append(level * (g / mean - 1) / heights)
            natural.append(np.array([-level, level / mean, 0.0]))
        if self.bound is None or capacity < self.bound:
            columns.append(scale * (rise - g * mean_rise / mean) / heights)
            natural.append(np.array([0.0, -scale * mean_rise / mean, -capacity / u]))
        residual = self.log_y - np.log(heights)
        return _Shaped(
            curve,
            residual,
            np.column_stack(columns),
            np.column_stack(natural),
            heights,
            _squares(residual),
        )

    # The decision

    def _decided(
        self,
        shaped: dict[FitKind, _Shaped],
        refusals: list[Contender],
        search: tuple[Cells, Found] | None,
    ) -> Fit:
        series, n = self.question.series, len(self.points.x)
        block = block_length(n, self.mean_inflation) if series else 1
        # Where the service is known to be full somewhere, a pole is no invention.
        spare = 1 if self.bound is not None else 0
        contenders = [
            Contender(
                kind,
                2 if kind not in queue_search.QUEUES else 3 - spare,
                left_out(s.jacobian, s.residual, block),
                explained(self.points.y, s.heights),
            )
            for kind, s in shaped.items()
        ]
        chosen = choose(contenders, series=series, usual=self.question.usual)
        if chosen is None:
            return refused(self.question, "values out of range", n=len(self.points.x))
        fit = self._as_fit(
            shaped[contenders[chosen].kind], search, self._noise(list(shaped.values()))
        )
        if fit.problem:
            return fit
        return replace(fit, candidates=candidates([*contenders, *refusals], chosen))

    def _noise(self, tried: list[_Shaped]) -> list[_Shaped]:
        """Shapes without a pole that stand beside the queues; a known capacity rules them out."""
        plain = (FitKind.LINEAR, FitKind.EXPONENTIAL)
        return [] if self.bound is not None else [s for s in tried if s.curve.kind in plain]

    def _as_fit(
        self, shape: _Shaped, search: tuple[Cells, Found] | None, others: list[_Shaped]
    ) -> Fit:
        """One shape in the words of the result, with its rivals."""
        points, n = self.points, len(self.points.x)
        mean_inflation = self.mean_inflation
        free = max(n - mean_inflation * shape.jacobian.shape[1], 1.0)
        variance = shape.sse / free
        t = t_95(max(n / mean_inflation - shape.jacobian.shape[1], 1.0))
        near = Region(()) if search is None else self._region(*search, others)
        spread = covariance(shape.jacobian, shape.to_natural, variance * self.slope_inflation)
        values = shape.curve.values
        numbers = [*values, variance, t, *spread.ravel().tolist()]
        if not all(map(math.isfinite, numbers)) or max(map(abs, values)) > MOST:
            return refused(self.question, "values out of range", n=n, kind=shape.curve.kind)
        errors = [*np.sqrt(np.maximum(np.diag(spread), 0.0)).tolist(), None]
        names = NAMES[shape.curve.kind]
        return replace(
            self.exponential,
            kind=shape.curve.kind,
            coefficients=tuple(
                Coefficient(*c) for c in zip(names, values, errors[: len(values)], strict=True)
            ),
            r_squared=explained(points.y, shape.heights),
            residual_std=math.sqrt(variance),
            t_quantile=t,
            mean_inflation=mean_inflation,
            covariance=tuple(map(tuple, spread.tolist()))
            if shape.curve.kind is not FitKind.EXPONENTIAL
            else (),
            rivals=near.curves,
            saturates_at=self._saturation(shape.curve, near),
        )

    def _region(self, cell: Cells, found: Found, others: list[_Shaped]) -> Region:
        """Curves that the points do not rule out.

        What the best curve leaves between the cells, beyond the noise within them, is misfit: it
        widens the region as noise of that size would.
        """
        n, count = cell.n, len(cell.x)
        inside = [_between(cell, s.curve) for s in others]
        least = min([float(found.sse.min()), *inside])
        misfit = 1.0
        if cell.within > 0 and n > count:
            misfit = least / (count - 4) / (cell.within / (n - count))
        ceiling = least + SLACK * self._allowance(least + cell.within, misfit)
        near = queue_search.region(cell, found, ceiling)
        plain = tuple(s.curve for s, v in zip(others, inside, strict=True) if v <= ceiling)
        return replace(near, curves=near.curves + plain) if near.curves else near

    def _saturation(self, curve: Curve, near: Region) -> Estimate | None:
        """The capacity with its interval: that of the data, within what is known of it.

        Response times flatten near the pole, as no reading waits for the queue to settle: alone
        they tell that it lies beyond the loads seen, and no more.
        """
        if curve.pole is None:
            return None
        if self.bound is None:
            return Estimate(curve.pole, min(float(self.points.x.max()), curve.pole), None)
        low = min(near.low, curve.pole) if near.low is not None else None
        high = max(near.high, curve.pole) if near.high is not None else None
        return Estimate(curve.pole, low, high)


def _squares(residual: Vec) -> float:
    return float(residual @ residual)


def _between(cell: Cells, curve: Curve) -> float:
    """Sum of squares that a curve without a pole leaves between the cells."""
    e = cell.log_y - np.log([max(curve.height(v), 1e-300) for v in cell.x.tolist()])
    return float((e * e) @ cell.weight)
