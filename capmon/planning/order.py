"""In which order limits bind as the load grows, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capmon.model.curves import Estimate
from capmon.planning.chances import drawn

DRAWS = 4000
"""Draws of the limits: a probability is known to about a hundredth."""


@dataclass(frozen=True, slots=True)
class Place:
    """One limit among those that bind."""

    name: str
    """Metric key, or what is shared."""

    at: Estimate
    """Load of the whole service at which it binds."""

    chances: tuple[float, ...]
    """Probability that it binds first, second, third."""


def order(limits: Sequence[tuple[str, Estimate]], places: int = 3) -> tuple[Place, ...]:
    """Limits in the order in which they bind, with the probability of each place.

    The limits are drawn independently from their intervals; the draws are the same every time.

    Args:
        limits: Name and load of each.
        places: Places that are told.
    """
    if not limits:
        return ()
    random = np.random.default_rng(11)
    loads = np.array([drawn(at, random.standard_normal(DRAWS)) for _, at in limits])
    ranks = loads.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    told = min(places, len(limits))
    found = [
        Place(name, at, tuple(float(np.mean(ranks[i] == k)) for k in range(told)))
        for i, (name, at) in enumerate(limits)
    ]
    return tuple(sorted(found, key=lambda p: p.at.value))
