"""Futures drawn from the intervals of load and capacity, and replicas that outlive a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.planning.chances import chance_over, drawn
from capmon.planning.load import scaled

DRAWS = 4000
"""Futures that are drawn; with 4,000 a probability of 95 % is known to about .7 points."""

MOST = 100_000
"""Replicas beyond which no count is told."""

SEED = 20260301
"""Seed of every drawing: the same record gives the same plan."""


@dataclass(frozen=True, slots=True)
class Futures:
    """Loads and capacities drawn together, each independent of the other."""

    load: Vec
    """(k,) loads of the whole service."""

    each: Vec
    """(k,) loads that one replica carries."""


def futures(load: Estimate, each: Estimate) -> Futures:
    """Draw loads and capacities from their intervals; an end that is not known adds nothing."""
    z = np.random.default_rng(SEED).standard_normal((2, DRAWS))
    return Futures(drawn(load, z[0]), drawn(each, z[1]))


def chance(count: int, load: Estimate, each: Estimate) -> float:
    """Probability that so many replicas carry the load, 0 to 1."""
    return 1 - chance_over(load, scaled(each, count)) if count > 0 else 0.0


def least(load: Estimate, each: Estimate, probability: float) -> int | None:
    """Fewest replicas that carry a load with a probability; None where no sane count does."""
    if not each.value > 0 or not load.value / each.value < MOST:
        return None
    low, high = 0, 1
    while chance(high, load, each) < probability:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle, load, each) >= probability else (middle, high)
    return high


def needed(load: Estimate, each: Estimate, probability: float) -> Estimate | None:
    """The same count, between those that the favourable and the unfavourable ends of both take."""
    count = least(load, each, probability)
    if count is None:
        return None
    low = None if load.low is None or not each.high else _whole(load.low / each.high)
    high = None if load.high is None or not each.low else _whole(load.high / each.low)
    return Estimate(float(count), low, high, load.level)


def _whole(count: float) -> float:
    # Rounding must not ask for one more.
    return float(max(1, math.ceil(min(count, float(MOST)) - 1e-9)))


def said(probability: float) -> str:
    """A probability in words, clear of 0 and 1, which no drawing can show: `92 %`, `under 1 %`."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def with_losses(needed: int, zones: int | None) -> int:
    """Fewest replicas of which as many as `needed` are left when one zone is lost, or one replica.

    Args:
        needed: Replicas that carry the load.
        zones: Zones they are spread over evenly; None for the loss of one replica.

    Raises:
        ValueError: There is one zone alone, whose loss leaves nothing.
    """
    if zones is None:
        return needed + 1
    if zones < 2:
        raise ValueError("the loss of the only zone leaves nothing")
    count = needed
    while count - lost(count, zones) < needed:
        count += 1
    return count


def lost(count: int, zones: int) -> int:
    """Replicas of the fullest zone."""
    return math.ceil(count / zones)
