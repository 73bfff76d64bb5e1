"""A histogram that forgets: the older a sample, the less it weighs.

Source:
    Kubernetes autoscaler, vertical-pod-autoscaler/pkg/recommender/util, with its defaults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capmon.errors import CapmonError

HALF_LIFE = 86400.0
"""Seconds after which a sample counts half."""

GROWTH = 1.05
"""Each bucket is wider than the one before it by this factor."""

MOST_HALVINGS = 100
"""Half-lives past its reference time after which a histogram is scaled down, before floats overflow."""

LEAST_WEIGHT = 1e-4
"""Weight below which a bucket is dropped when a histogram is scaled down."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Bounds of buckets that widen by `GROWTH`; the first starts at 0, the last has no end."""

    first: float
    """Width of the first one."""

    most: float
    """The last one starts here or just above."""

    def index(self, value: float) -> int:
        """The bucket that holds a value of 0 or more."""
        if value >= self.start(self.last):
            return self.last
        found = int(self._steps(value))
        # On a bound itself the logarithm may fall to either side.
        found += self.start(found + 1) <= value
        return found - (self.start(found) > value)

    def start(self, index: int) -> float:
        """Where a bucket starts."""
        return self.first * (GROWTH**index - 1) / (GROWTH - 1)

    @property
    def last(self) -> int:
        """Index of the last one."""
        return math.ceil(self._steps(self.most))

    def _steps(self, value: float) -> float:
        return math.log(value * (GROWTH - 1) / self.first + 1) / math.log(GROWTH)


CPU_BUCKETS = Buckets(0.01, 1000.0)
"""For cores."""

MEMORY_BUCKETS = Buckets(1e7, 1e12)
"""For bytes."""


class DecayingHistogram:
    """A distribution in which a sample counts half as much as one that is `HALF_LIFE` younger.

    Only the ratio of weights matters: instead of shrinking what is old, a sample weighs
    2^((its time - reference) / half-life), so that adding one touches one bucket.
    """

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._weights: dict[int, float] = {}
        self._reference: float | None = None

    def add(self, at: float, value: float, weight: float = 1.0) -> None:
        """Count a value of 0 or more that was seen at a time in seconds."""
        worth = weight * self._factor(at)
        if worth > 0:  # not so old that nothing is left of it
            bucket = self._buckets.index(value)
            self._weights[bucket] = self._weights.get(bucket, 0.0) + worth

    def remove(self, at: float, value: float, weight: float = 1.0) -> None:
        """Take back what was added with the same arguments."""
        gone = weight * self._factor(at)
        bucket = self._buckets.index(value)
        left = self._weights.get(bucket, 0.0) - gone
        if left > 1e-9 * gone:
            self._weights[bucket] = left
        else:
            self._weights.pop(bucket, None)

    def quantile(self, share: float) -> float | None:
        """End of the bucket in which `share` of all weight is reached; None while it is empty.

        The last bucket has no end: there it is the start.
        """
        if not self._weights:
            return None
        # Sums of floats may end a hair below a bound that they meet exactly.
        wanted = share * math.fsum(self._weights.values()) * (1 - 1e-12)
        reached = 0.0
        for bucket in sorted(self._weights):
            reached += self._weights[bucket]
            if reached >= wanted:
                break
        return self._buckets.start(min(bucket + 1, self._buckets.last))

    def moved(self, seconds: float) -> None:
        """Add so much to every time, as for another clock after a restart."""
        if self._reference is not None:
            self._reference += seconds

    def to_state(self) -> dict[str, object]:
        """All of it, as JSON can hold it."""
        weights = {str(bucket): self._weights[bucket] for bucket in sorted(self._weights)}
        return {"reference": self._reference, "weights": weights}

    @classmethod
    def from_state(cls, buckets: Buckets, state: Mapping[str, Any]) -> DecayingHistogram:
        """What `to_state` wrote.

        Raises:
            CapmonError: It is something else.
        """
        made = cls(buckets)
        try:
            reference = state["reference"]
            made._reference = None if reference is None else float(reference)
            made._weights = {int(b): float(w) for b, w in state["weights"].items()}
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise CapmonError(f"not the state of a histogram: {error!r}") from error
        sound = all(0 <= b <= buckets.last and 0 < w < math.inf for b, w in made._weights.items())
        timed = not made._weights if made._reference is None else math.isfinite(made._reference)
        if not sound or not timed:
            raise CapmonError("not the state of a histogram: a bucket, weight or time out of range")
        return made

    def _factor(self, at: float) -> float:
        """What a sample of that time is worth against one of the reference time."""
        if self._reference is None:
            self._reference = at
        halvings = (at - self._reference) / HALF_LIFE
        if halvings > MOST_HALVINGS:
            # Powers of two lose no digit.
            self._reference += round(halvings) * HALF_LIFE
            self._scale_down(round(halvings))
            halvings = (at - self._reference) / HALF_LIFE
        return math.exp2(halvings)

    def _scale_down(self, halvings: int) -> None:
        """Halve every weight so many times, and drop what is left without any."""
        scaled = {b: math.ldexp(w, -halvings) for b, w in self._weights.items()}
        self._weights = {b: w for b, w in scaled.items() if w >= LEAST_WEIGHT}
