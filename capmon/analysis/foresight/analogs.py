"""What followed earlier moments that were like this one: same time of day, like level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.foresight.levels import SHORT, Index
from capmon.analysis.foresight.paths import sustained
from capmon.analysis.windows import Mat, Vec

_MOST = 200
_LIKE_LEVEL = 0.25
_LIKE_TIME = 1 / 16


@dataclass(frozen=True, slots=True)
class Analogs:
    """Earlier moments and the greatest value that followed each."""

    starts: Index
    """(A,) index of the first value after each moment."""

    greatest: Mat
    """(A, J) greatest sustained mean within each reach, NaN where the history ends before it."""

    likeness: Mat
    """(Q, A) how much each moment counts for each moment asked about, above 0."""

    def exceeds(self, limit: float) -> Vec:
        """(J,) share of moments like the last one asked about after which the limit was passed.

        A reach that no moment had takes the share of the one before.
        """
        counts = self.likeness[-1][:, None] * np.isfinite(self.greatest)
        total = counts.sum(axis=0)
        hit = np.where(np.nan_to_num(self.greatest, nan=-np.inf) > limit, counts, 0.0).sum(axis=0)
        share = hit / np.where(total > 0, total, 1.0)
        last = np.maximum.accumulate(np.where(total > 0, np.arange(len(share)), 0))
        return np.asarray(share[last])


def analogs(y: Vec, asked: Index, reaches: NDArray[np.intp], width: int, season: int) -> Analogs:
    """Find moments of a history that were like others.

    Args:
        y: (n,) finite history, oldest first.
        asked: (Q,) moments asked about, each as the index of the first value after it.
        reaches: (J,) steps after a moment within which the greatest mean is sought.
        width: Values that a mean is taken over.
        season: Steps of a season; 0 for none.
    """
    starts = np.unique(np.linspace(1, max(1, len(y) - width), _MOST).astype(np.intp))
    known = np.concatenate([np.full(SHORT - 1, y[0]), y])
    level = sustained(known, SHORT)
    apart = level[asked - 1][:, None] - level[starts - 1]
    likeness = np.exp(-0.5 * np.square(apart / (_LIKE_LEVEL * float(y.std()) + 1e-12))) + 1e-9
    if season:
        gap = (asked[:, None] - starts) % season
        gap = np.minimum(gap, season - gap) / (_LIKE_TIME * season)
        likeness *= np.exp(-0.5 * np.square(gap)) + 1e-6
    return Analogs(starts, greatest_after(y, starts, reaches, width), likeness)


def greatest_after(y: Vec, starts: Index, reaches: NDArray[np.intp], width: int) -> Mat:
    """(A, J) greatest mean of `width` values in a row within some reaches after each start."""
    steps = np.maximum(reaches - width, 0)
    means = sustained(y, width) if len(y) >= width else np.empty(0)
    ahead = starts[:, None] + np.arange(int(steps[-1]) + 1)
    padded = np.append(means, math.nan)
    values = padded[np.minimum(ahead, len(means))]
    found: Mat = np.maximum.accumulate(values, axis=1)[:, steps]
    return found
