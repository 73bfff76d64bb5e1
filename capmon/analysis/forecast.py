"""Forecasts of bare arrays: quantiles of the next values, and the probability that a limit is passed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.foresight.breach import breach_curve, crossing_curve, reached
from capmon.analysis.foresight.ensemble import LEAST_POINTS, ORIGINS, Ensemble, Mixture, ensemble
from capmon.analysis.windows import Mat, Vec

__all__ = [
    "LEAST_POINTS",
    "ORIGINS",
    "Ensemble",
    "Mixture",
    "breach_curve",
    "breach_probability",
    "chance",
    "crossing_curve",
    "ensemble",
    "quantile_forecast",
    "reached",
]


def quantile_forecast(
    values: Vec, period: int, horizon: int, levels: Vec, *, clip: tuple[float, float] | None = None
) -> Mat:
    """Quantiles of the next values.

    Args:
        values: (n,) history, oldest first, on an even grid, NaN for gaps.
        period: Steps of one season, such as a day; 0 for none.
        horizon: Steps ahead.
        levels: (k,) quantile levels, ascending, between 0 and 1.
        clip: Least and greatest value possible. Without it, a history that was never negative
            stays so.

    Returns:
        (horizon, k); all NaN with fewer than three known values.
    """
    levels = np.asarray(levels, dtype=np.float64)
    found = ensemble(values, period, horizon, clip)
    if found is None:
        return np.full((max(horizon, 0), len(levels)), math.nan)
    return found.quantiles(levels)


def breach_probability(
    values: Vec, period: int, horizon: int, threshold: float, sustain: int = 1
) -> float:
    """Probability that the mean of `sustain` values in a row exceeds a threshold.

    It never grows with the threshold and never falls with the horizon.

    Args:
        values: (n,) history, oldest first, NaN for gaps.
        period: Steps of one season; 0 for none.
        horizon: Steps ahead; fewer than `sustain` count as that many.
        threshold: In the metric's own unit.
        sustain: Steps that the mean is taken over.

    Returns:
        Strictly between 0 and 1; NaN with fewer than three known values.
    """
    found = ensemble(values, period, max(horizon, sustain, 1))
    if found is None:
        return math.nan
    return float(crossing_curve(found, threshold, sustain)[-1])


def chance(happens: NDArray[np.bool_]) -> float:
    """Probability of what happens on some of S paths: never 0 nor 1, which S paths cannot show.

    Source:
        Jeffreys, Theory of Probability (1961), section 3.2: half a case is added to each side.
    """
    return (int(np.count_nonzero(happens)) + 0.5) / (len(happens) + 1)
