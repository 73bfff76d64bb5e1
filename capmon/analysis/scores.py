"""Keep issued forecasts until their time comes, and score them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Mat, Vec
from capmon.model.results import Coverage

MOST_PENDING = 1024
"""Forecast points that wait for their time; older ones are dropped first."""

MOST_SCORED = 2048
"""Scores kept; older ones are dropped first."""

_LEAST_SCORED = 20


@dataclass(frozen=True, slots=True)
class _Issued:
    """One forecast point that waits for its time."""

    begins: float
    step: float
    low: float
    high: float
    median: float
    naive: float


@dataclass(frozen=True, slots=True)
class _Score:
    """What became of one forecast point."""

    at: float
    inside: bool
    error: float
    naive_error: float


class Scoreboard:
    """The forecasts of one metric and how they did."""

    def __init__(self) -> None:
        self._pending: deque[_Issued] = deque(maxlen=MOST_PENDING)
        self._scores: deque[_Score] = deque(maxlen=MOST_SCORED)

    @property
    def waiting(self) -> int:
        """Forecast points whose time has not come."""
        return len(self._pending)

    def issue(self, made_at: float, step: float, band: Mat, naive: float) -> None:
        """Remember a forecast at steps 1, 2, 4, 8, … ahead.

        Args:
            made_at: Unix time of the end of the last cell used.
            step: Seconds a cell.
            band: (H, 3) low, median and high.
            naive: The last value known when it was made.
        """
        ahead = 1
        while ahead <= len(band):
            low, median, high = (float(v) for v in band[ahead - 1])
            begins = made_at + (ahead - 1) * step
            self._pending.append(_Issued(begins, step, low, high, median, naive))
            ahead *= 2

    def settle(self, end: float, step: float, values: Vec) -> None:
        """Score every point whose cell lies in a window of actual values.

        Args:
            end: Unix time of the end of the last cell.
            step: Seconds a cell. Points of another step, or of cells that are gone, are dropped.
            values: (n,) actual values, NaN for gaps, which score nothing.
        """
        start = end - step * len(values)
        waiting: list[_Issued] = []
        for point in self._pending:
            if point.step != step:
                continue
            cell = round((point.begins - start) / step)
            if cell >= len(values):
                waiting.append(point)
            elif cell >= 0 and np.isfinite(values[cell]):
                self._score(point, float(values[cell]))
        self._pending = deque(waiting, maxlen=MOST_PENDING)

    def _score(self, point: _Issued, actual: float) -> None:
        slack = 1e-9 * max(abs(actual), abs(point.median))
        inside = point.low - slack <= actual <= point.high + slack
        self._scores.append(
            _Score(point.begins, inside, abs(actual - point.median), abs(actual - point.naive))
        )

    def coverage(self) -> Coverage | None:
        """How the forecasts did; None until enough could be scored."""
        if len(self._scores) < _LEAST_SCORED:
            return None
        n = len(self._scores)
        error = math.fsum(s.error / n for s in self._scores)
        naive = math.fsum(s.naive_error / n for s in self._scores)
        ratio = error / naive if naive > 0 else None
        times = [s.at for s in self._scores]
        return Coverage(
            scored=n,
            inside=sum(s.inside for s in self._scores) / n,
            mase=ratio if ratio is not None and math.isfinite(ratio) else None,
            window=max(times) - min(times),
        )
