"""How the analysis asks for history: aligned arrays, gaps as NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vec = NDArray[np.float64]
"""One-dimensional array of floats."""

Mat = NDArray[np.float64]
"""Two-dimensional array of floats."""


class History(Protocol):
    """Recorded series by metric key. Cells of a window are aligned to multiples of its step."""

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> Mat:
        """Values of several series on one grid.

        Args:
            keys: k metric keys; an unknown one gives a row of NaN.
            end: Unix time; the last cell is the last complete one at or before it.
            seconds: Length of history wanted; n = ceil(seconds / step) cells.
            step: Seconds a cell.

        Returns:
            (k, n), oldest first, NaN where nothing was measured. Readings in one cell are
            summarized as the metric's catalogue entry says.
        """

    def age(self, metric_key: str, end: float) -> float:
        """Seconds between the first reading of a series and `end`; 0 when there is none."""
