"""The least-squares line of two lists, as the libraries that the guide calls give it.

No errors, no outliers, no memory in the residuals: `capmon.analysis.curves.fits` has those.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line and how much of the variance it explains."""

    slope: float
    """Change of y for one of x."""

    intercept: float
    """y at x of 0."""

    r_squared: float
    """Squared correlation; NaN where either list is constant."""


def line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Fit a line; NaN throughout where a value is not finite.

    Raises:
        ValueError: The lists differ in length, hold fewer than two values, or x is constant.
    """
    if not all(map(math.isfinite, (*x, *y))):
        return Line(math.nan, math.nan, math.nan)
    slope, intercept = statistics.linear_regression(x, y)
    r = statistics.correlation(x, y) if len(set(y)) > 1 else math.nan
    return Line(slope, intercept, r * r)
