"""Readings averaged over neighbours in time, where the noise of the load would flatten a curve."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from capmon.analysis.curves.lines import MAD_TO_STD, Line, least_squares, median
from capmon.analysis.curves.question import Points
from capmon.analysis.windows import Vec

NOISE = 0.02
"""Greatest share of the load's variance that may be noise of its reading: a curve's slope is too
small by that share."""

MOST = 30
"""Most readings in one average."""

JUMP = 0.35
"""Range of the load in a group, as a share of its middle, from which it is a jump and not noise."""

_RANGE = 6.0

LEAST_POINTS = 30
"""Averages that must remain."""


def noise_share(x: Vec, y: Vec, follows: np.ndarray) -> float:
    """Share of the load's variance that is noise of its reading.

    A rate counted over two seconds scatters by chance, and what answers to the load of a longer
    time does not follow. So the target's answer to changes from one reading to the next is weaker
    than its answer to the load altogether; the part that is missing is noise.

    Args:
        x: (n,) load in the order of time.
        y: (n,) target, or its logarithm.
        follows: (n - 1,) whether a reading comes right after the one before.

    Source:
        Griliches and Hausman, Errors in variables in panel data, J. Econometrics 31 (1986).
    """
    dx, dy = np.diff(x)[follows], np.diff(y)[follows]
    quick, total = float(dx @ dx), float(np.var(x))
    if len(dx) < LEAST_POINTS or not quick > 0 or not total > 0:
        return 0.0
    slope, _ = least_squares(x, y)
    answered = float(dx @ dy) / quick / slope if slope else 1.0
    missing = min(max(1 - answered, 0.0), 1.0)
    return min(missing * quick / len(dx) / 2 / total, 1.0)


def diluted(line: Line, points: Points) -> Line:
    """A line whose slope may be too small by the noise that averaging left in the load.

    How much is known only roughly, so that it widens the errors and corrects nothing.

    Args:
        line: Fitted to the points.
        points: Means or readings, oldest first.
    """
    share = points.noise
    if not share > 0 or line.slope_error is None or not line.slope_error > 0:
        return line
    factor = 1 + (line.slope * share / line.slope_error) ** 2
    slope_error = line.slope_error * math.sqrt(factor)
    added = (slope_error**2 - line.slope_error**2) * line.mean**2
    intercept_error = (
        None if line.intercept_error is None else math.hypot(line.intercept_error, math.sqrt(added))
    )
    return replace(
        line,
        slope_error=slope_error,
        intercept_error=intercept_error,
        slope_inflation=line.slope_inflation * factor,
    )


def averaged(points: Points, *, logarithm: bool) -> tuple[Points, int]:
    """Points whose load is read well enough, each the mean of as few readings as that takes.

    Args:
        points: Readings, oldest first.
        logarithm: Whether the target's mean is that of its logarithm.

    Returns:
        The means and how many readings each stands for, 1 when none had to be averaged. A group
        with less than half of its readings is left out, and so is one in which the load jumped: the
        mean of two loads lies on no curve that bends.
    """
    n = len(points.x)
    heights = np.log(points.y) if logarithm else points.y
    share = noise_share(points.x, heights, np.diff(points.places) == 1)
    count = min(math.ceil(share / NOISE), MOST, n // LEAST_POINTS)
    if count <= 1:
        return replace(points, noise=share), 1
    group = points.places // count
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    size = np.diff(np.append(starts, n))
    most, least = (part.reduceat(points.x, starts) for part in (np.maximum, np.minimum))
    jitter = MAD_TO_STD * median(np.abs(np.diff(points.x))) / math.sqrt(2)
    still = most - least <= np.maximum(JUMP * (most + least) / 2, _RANGE * jitter)
    full = (2 * size >= count) & still
    x = (np.add.reduceat(points.x, starts) / size)[full]
    y = (np.add.reduceat(heights, starts) / size)[full]
    y = np.exp(y) if logarithm else y
    return Points(x, y, group[starts][full], points.left_out, share / count), count
