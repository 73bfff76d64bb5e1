"""Quantiles of what a cumulative histogram saw in the last interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from capmon.collectors.rates import FIRST, RESET, Missing

QUIET = "no requests in the last interval"

Layout = tuple[float, ...]
"""Upper bounds of the buckets, ascending, the last one +Inf."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile read off a histogram."""

    value: float
    """In the histogram's unit, interpolated linearly inside its bucket."""

    beyond: bool = False
    """The quantile lies above the highest finite bound, which `value` is."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """One reading of one histogram series."""

    layout: Layout
    """Upper bounds."""

    counts: tuple[float, ...]
    """Observations at or below each bound since the start, as many as bounds."""


def buckets(counts: Mapping[float, float]) -> Buckets | Missing:
    """One series from its counts by upper bound; the bound +Inf must be among them."""
    layout = tuple(sorted(counts))
    if not layout or layout[-1] != math.inf:
        return Missing("the histogram has no bucket +Inf")
    if len(layout) == 1:
        return Missing("the histogram has no finite bucket")
    return Buckets(layout, tuple(counts[bound] for bound in layout))


class Histogram:
    """The last reading of a family of histogram series that are added up."""

    def __init__(self) -> None:
        self._last: dict[str, Buckets] | None = None

    def since_last(self, series: Mapping[str, Buckets]) -> Buckets | Missing:
        """Observations of the last interval, all series added up.

        A series that appears, vanishes or changes its bounds adds nothing to that interval. Sums
        are taken only over equal bounds: series that were busy in the interval must share them.

        Args:
            series: The reading, by the series' labels without `le`.
        """
        last, self._last = self._last, dict(series)
        if last is None or (series and last and series.keys().isdisjoint(last)):
            return Missing(FIRST)
        sums: dict[Layout, list[float]] = {}
        for name, now in series.items():
            then = last.get(name)
            if then is None or then.layout != now.layout:
                continue
            grown = [b - a for a, b in zip(then.counts, now.counts, strict=True)]
            if min(grown) < 0:
                return Missing(RESET)
            if grown[-1] > 0:
                total = sums.setdefault(now.layout, [0.0] * len(grown))
                for i, count in enumerate(grown):
                    total[i] += count
        if not sums:
            return Missing(QUIET)
        if len(sums) > 1:
            return Missing("series differ in their buckets: choose some by their labels")
        ((layout, counts),) = sums.items()
        return Buckets(layout, _ascending(counts))

    def forget(self) -> None:
        """Start over, as when the family left the page."""
        self._last = None


def _ascending(counts: list[float]) -> tuple[float, ...]:
    # A page written while requests complete can hold a lower bucket that is newer than a higher one.
    highest, fixed = 0.0, []
    for count in counts:
        highest = max(highest, count)
        fixed.append(highest)
    return tuple(fixed)


def quantile(q: float, seen: Buckets) -> Quantile | Missing:
    """The q-quantile, by linear interpolation inside the bucket that holds the rank.

    The lowest bucket is taken to begin at 0, unless its bound is not positive: then its bound is
    the answer. A rank in the bucket +Inf gives the highest finite bound, marked as beyond.

    Args:
        q: From 0 to 1.
        seen: Cumulative counts of at least one observation.

    Source:
        Prometheus, `histogram_quantile`, promql/quantile.go.
    """
    total = seen.counts[-1]
    if total <= 0:
        return Missing(QUIET)
    rank = q * total
    # The first bucket that reaches the rank and is not empty, so that rank 0 is no empty bucket's.
    at = next(i for i, count in enumerate(seen.counts) if count >= rank and count > 0)
    if at == len(seen.layout) - 1:
        return Quantile(seen.layout[-2], beyond=True)
    end = seen.layout[at]
    if at == 0 and end <= 0:
        return Quantile(end)
    begin, below = (seen.layout[at - 1], seen.counts[at - 1]) if at else (0.0, 0.0)
    return Quantile(begin + (end - begin) * (rank - below) / (seen.counts[at] - below))
