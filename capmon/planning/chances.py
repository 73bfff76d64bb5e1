"""Chances from intervals: how likely one uncertain value lies over another, and when."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate

_NORMAL = NormalDist()


def spread(estimate: Estimate, *, up: bool) -> float:
    """Standard deviation of one side of an estimate; 0 where that end is not known."""
    end = estimate.high if up else estimate.low
    if end is None or not math.isfinite(end) or not math.isfinite(estimate.value):
        return 0.0
    return max(abs(end - estimate.value), 0.0) / _NORMAL.inv_cdf((1 + estimate.level) / 2)


def quantile(estimate: Estimate, probability: float) -> float:
    """The value that an estimate stays below with a probability, each side taken as normal.

    An end that is not known counts as the value itself.
    """
    z = _NORMAL.inv_cdf(probability)
    return estimate.value + z * spread(estimate, up=z > 0)


def chance_over(load: Estimate, limit: Estimate) -> float:
    """Probability that a load lies over a limit, both uncertain and independent, 0 to 1."""
    away = load.value - limit.value
    over = away > 0
    # The sides that face each other decide.
    width = math.hypot(spread(load, up=not over), spread(limit, up=over))
    if width <= 0:
        return 1.0 if over else 0.0
    return _NORMAL.cdf(away / width)


def drawn(estimate: Estimate, z: Vec) -> Vec:
    """(n,) values for standard normal draws, each side with its own spread, never below 0."""
    up, down = spread(estimate, up=True), spread(estimate, up=False)
    return np.maximum(estimate.value + np.where(z > 0, up, down) * z, 0.0)
