"""What is asked of a curve over load, and why points may not make one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Vec
from capmon.model.curves import Fit, FitKind, sampled

MOST = 1e60
"""Values beyond this, or loads below its inverse, are no measurements."""

LEAST_POINTS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be fitted, and what it takes to believe the answer."""

    target: str
    """Key of the metric that the curve predicts."""

    load: str
    """Key of the load."""

    kind: FitKind
    """Shape of the curve; where shapes are chosen among, the one that a refusal bears."""

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

    usual: FitKind | None = None
    """Shape chosen before, which stays unless another is clearly better; None for no preference."""

    since: str = ""
    """What the points start from, such as `deploy`; named when there are too few."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points that a curve is fitted to, oldest first."""

    x: Vec
    """(n,) load."""

    y: Vec
    """(n,) target."""

    places: NDArray[np.intp]
    """(n,) cell of each on the grid that they come from: neighbours differ by one."""

    left_out: str = ""
    """Which points were left out beforehand and why; empty when none were."""

    noise: float = 0.0
    """Share of the load's variance that is noise of its reading, as far as is known."""

    def only(self, kept: NDArray[np.bool_], left_out: str = "") -> Points:
        """The points of a mask."""
        if kept.all():
            return self
        said = "; ".join(t for t in (self.left_out, left_out) if t)
        return Points(self.x[kept], self.y[kept], self.places[kept], said, self.noise)

    def thinned(self, most: int = 200) -> tuple[tuple[float, float], ...]:
        """At most so many of the points, in the order of time (`model.curves.sampled`)."""
        return sampled(list(zip(self.x.tolist(), self.y.tolist(), strict=True)), most)


def usable(question: Question, load: Vec, target: Vec, *, positive: bool) -> Points | str:
    """The points that can be fitted, or why there are none.

    Args:
        question: What is to be fitted.
        load: (n,) load, NaN for gaps.
        target: (n,) metric over the same cells, NaN for gaps.
        positive: Whether only values above zero can be fitted, as on a logarithm.
    """
    load, target = np.asarray(load, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if not np.isfinite(load).any():
        return f"needs {max(question.min_points, LEAST_POINTS)} points with load, has none"
    if not np.isfinite(target).any():
        return "not reported"
    good = np.isfinite(load) & np.isfinite(target) & (load >= 0)
    if positive:
        good &= target > 0
    places = np.flatnonzero(good)
    points = Points(load[places], target[places], places)
    return unfit(question, points) or points


def unfit(question: Question, points: Points) -> str:
    """Why these points do not make a curve, or an empty text."""
    x, y = points.x, points.y
    busy = int(np.count_nonzero(x > 0))
    if not busy and len(x):
        return "no load"
    least = max(question.min_points, LEAST_POINTS)
    if busy < least:
        since = f" since {question.since}" if question.since else ""
        below = f" ({points.left_out})" if points.left_out else ""
        return f"needs {least} points, has {busy}{since}{below}"
    mean = float(x.mean())
    if max(float(x.max()), float(np.abs(y).max())) > MOST or mean < 1 / MOST:
        return "values out of range"
    edge = int(0.05 * (len(x) - 1))
    ordered = np.partition(x, (edge, len(x) - 1 - edge))
    low, high = ordered[edge], ordered[-1 - edge]
    if high - low <= question.min_spread * mean or np.ptp(x) <= 1e-9 * mean:
        return "not enough load variation"
    if np.ptp(y) <= 1e-9 * float(np.abs(y).max()):
        return "constant"
    return ""


def refused(question: Question, problem: str, n: int = 0, kind: FitKind | None = None) -> Fit:
    """No curve, and why."""
    return Fit(
        target=question.target,
        load=question.load,
        kind=kind or question.kind,
        n=n,
        window=question.window,
        per_replica=question.per_replica,
        problem=problem,
    )
