"""A history in memory and a synthetic service, for the tests of the analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from capmon.model.metric import Summary, metric


class MemoryHistory:
    """The whole of every series, summarized on demand: the `History` protocol without a store."""

    def __init__(self) -> None:
        self.series: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def put(self, key: str, times: Sequence[float], values: Sequence[float]) -> None:
        """Replace one series."""
        self.series[key] = (np.asarray(times, float), np.asarray(values, float))

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> np.ndarray:
        """Values on an aligned grid, NaN for gaps."""
        cells = max(1, math.ceil(seconds / step))
        last = math.floor(end / step)
        out = np.full((len(keys), cells), math.nan)
        for row, key in enumerate(keys):
            if key not in self.series:
                continue
            times, values = self.series[key]
            place = np.floor(times / step).astype(int) - (last - cells)
            good = (place >= 0) & (place < cells) & np.isfinite(values)
            place, values = place[good], values[good]
            if metric(key).summary is Summary.LAST:
                out[row, place] = values
                continue
            count = np.bincount(place, minlength=cells)
            total = np.bincount(place, weights=values, minlength=cells)
            out[row] = np.where(count > 0, total / np.maximum(count, 1), math.nan)
        return out

    def age(self, metric_key: str, end: float) -> float:
        """Seconds since the first reading."""
        if metric_key not in self.series or not len(self.series[metric_key][0]):
            return 0.0
        return max(0.0, end - float(self.series[metric_key][0][0]))


@pytest.fixture
def history() -> MemoryHistory:
    """An empty history."""
    return MemoryHistory()
