"""Alerts replayed on a record: when they would have fired, and what followed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Vec

Flags = NDArray[np.bool_]
"""(n,) one flag a cell."""

CANDIDATES = 40
"""Thresholds that are tried."""

BREACH_GAP = 600.0
"""Seconds within which two breaches are one."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one alert did."""

    fired: int
    """Times it fired."""

    true: int
    """Of those, times after which a breach began within the lead time."""

    late: int
    """Of those, times at which a breach was already under way."""

    caught: int
    """Breaches before which it began to fire within the lead time: one that always fires foretells nothing."""

    breaches: int
    """Breaches."""

    @property
    def false(self) -> int:
        """Times it fired and no breach followed nor was under way."""
        return self.fired - self.true - self.late

    @property
    def missed(self) -> int:
        """Breaches that came without it."""
        return self.breaches - self.caught

    @property
    def trade(self) -> float:
        """F1: harmonic mean of the share of firings that were true and of breaches that were caught."""
        if not self.true or not self.caught:
            return 0.0
        precise, recalled = self.true / self.fired, self.caught / self.breaches
        return 2 * precise * recalled / (precise + recalled)


def beyond(values: Vec, threshold: float, *, low: bool = False) -> Flags:
    """Cells in which a metric is beyond a threshold; never where it is not known."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values < threshold if low else values > threshold)


def held(flags: Flags, cells: int) -> Flags:
    """Cells at the end of so many flagged cells in a row: an alert with a `for` fires there."""
    if cells <= 1:
        return flags
    runs = np.cumsum(flags, dtype=np.int64)
    before = np.concatenate((np.zeros(cells, dtype=np.int64), runs[:-cells])) if len(runs) > cells else np.zeros(len(runs), dtype=np.int64)  # fmt: skip
    return np.asarray(runs - before >= cells)


def begins(flags: Flags, keep: int = 0) -> NDArray[np.intp]:
    """Indices at which flagged stretches begin; stretches no more than `keep` cells apart are one."""
    at = np.flatnonzero(flags)
    if not len(at):
        return at
    return at[np.concatenate(([True], np.diff(at) > keep + 1))]


def score(firing: Flags, breach: Flags, lead: int, keep: int, gap: int) -> Score:
    """Compare an alert with breaches on one grid.

    Args:
        firing: Cells in which the alert fires.
        breach: Cells in which the objective is missed.
        lead: Cells within which a breach must begin after the alert.
        keep: Cells for which the alert goes on firing after its value came back.
        gap: Cells within which two breaches are one.
    """
    alerts, starts = begins(firing, keep), begins(breach, gap)
    open_ = _stretched(breach, gap)
    late = int(np.count_nonzero(open_[alerts])) if len(alerts) else 0
    ahead = alerts[~open_[alerts]] if len(alerts) else alerts
    following = np.searchsorted(starts, ahead, side="right")
    after = np.append(starts, np.iinfo(np.int64).max)[following]
    true = int(np.count_nonzero(after - ahead <= lead))
    before = np.concatenate(([np.iinfo(np.int64).min // 2], ahead))[np.searchsorted(ahead, starts)]
    caught = int(np.count_nonzero(starts - before <= lead))
    return Score(len(alerts), true, late, caught, len(starts))


def _stretched(breach: Flags, gap: int) -> Flags:
    """Breaches with the gaps inside them filled."""
    out = breach.copy()
    at = np.flatnonzero(breach)
    for a, b in pairwise(at.tolist()):
        if 1 < b - a <= gap + 1:
            out[a:b] = True
    return out


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold chosen on the first part of the record and scored on the rest."""

    threshold: float
    """In the metric's unit."""

    trained: Score
    """On the part it was chosen on."""

    tested: Score
    """On the part it has not seen."""


def proposed(
    values: Vec, breach: Flags, split: int, cells: int, lead: int, keep: int, gap: int, *, low: bool
) -> Proposal | None:
    """The threshold with the best trade before `split`, and how it did after; None where nothing was caught.

    Of equal trades the one farther from where the metric usually is: it fires less.
    """
    known = values[:split][np.isfinite(values[:split])]
    if not len(known):
        return None
    shares = np.linspace(0.5, 0.999, CANDIDATES)
    levels = np.unique(np.quantile(known, 1 - shares if low else shares))
    best: tuple[float, float, Score] | None = None
    for level in levels.tolist():
        firing = held(beyond(values[:split], level, low=low), cells)
        found = score(firing, breach[:split], lead, keep, gap)
        rank = (found.trade, -level if low else level)
        if found.true and (best is None or rank > (best[0], -best[1] if low else best[1])):
            best = (found.trade, level, found)
    if best is None:
        return None
    firing = held(beyond(values, best[1], low=low), cells)[split:]
    return Proposal(best[1], best[2], score(firing, breach[split:], lead, keep, gap))


def burning(bad: Vec, every: Vec, rate: float, allowed: float, long: int, short: int) -> Flags:
    """Cells in which both windows use the budget up at a rate, as burn-rate alerts do.

    Args:
        bad: (n,) what failed in each cell, NaN where not known.
        every: (n,) all of it.
        rate: Times the pace that would just last.
        allowed: Share that may fail.
        long: Cells that make sure.
        short: Cells after which it is over again.
    """
    limit = rate * allowed
    return np.asarray((_share(bad, every, long) > limit) & (_share(bad, every, short) > limit))


def _share(bad: Vec, every: Vec, cells: int) -> Vec:
    """(n,) share that failed in the last cells; 0 before there are as many, and without anything."""
    known = np.isfinite(bad) & np.isfinite(every)
    sums = [_running(np.where(known, v, 0.0), cells) for v in (bad, every)]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(sums[1] > 0, sums[0] / sums[1], 0.0)
    found[: min(cells - 1, len(found))] = 0.0
    return np.asarray(found)


def _running(values: Vec, cells: int) -> Vec:
    total = np.concatenate(([0.0], np.cumsum(values)))
    start = np.maximum(np.arange(1, len(total)) - cells, 0)
    return np.asarray(total[1:] - total[start])


def cells_of(seconds: float, step: float) -> int:
    """Cells that a time takes, one at least."""
    return max(1, math.ceil(seconds / step - 1e-9))
