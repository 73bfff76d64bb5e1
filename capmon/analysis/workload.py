"""The load that models are fitted to: of the whole service and per ready replica."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import History, Vec
from capmon.model.names import (
    CPU,
    ERRORS,
    IN_FLIGHT,
    LATENCY,
    MEMORY,
    MEMORY_USAGE,
    RATE,
    READY,
    USERS,
)

MOST_ERRORS = 0.05
"""Share of failed requests from which a cell is no measure of what load costs."""

USUAL_FAILURE = 0.5
"""Share of such cells from which failing is how the service works."""

RAW_REACH = 3600.0
"""Seconds of history that are kept reading by reading; older ones are kept by the minute."""

_KEYS = (RATE, ERRORS, USERS, IN_FLIGHT, LATENCY, READY, *CPU, *MEMORY, MEMORY_USAGE)


@dataclass(frozen=True, slots=True)
class Workload:
    """Aligned series of one window."""

    series: dict[str, Vec]
    """(n,) values by metric key, NaN for gaps."""

    window: float
    """Seconds since the first load that the series hold."""

    per_replica: bool
    """Whether ready replicas are known for enough of the window to divide by them."""

    step: float
    """Seconds a cell."""

    end: float
    """Unix time of the end of the last cell."""

    def begins(self, cells: int) -> float:
        """Unix time at which the last so many cells begin."""
        return self.end - self.step * cells

    def seen(self, metric_key: str) -> bool:
        """Whether a series has any value."""
        return bool(np.isfinite(self.series[metric_key]).any())

    def first_seen(self, keys: tuple[str, ...]) -> str:
        """The first key that has a value, else the last key."""
        return next((k for k in keys if self.seen(k)), keys[-1])

    def medians(self, cells: int) -> dict[str, float]:
        """Median of the last cells of each series that has a value among them."""
        tails = {key: values[-max(cells, 1) :] for key, values in self.series.items()}
        known = {key: tail[np.isfinite(tail)] for key, tail in tails.items()}
        return {key: float(np.median(tail)) for key, tail in known.items() if len(tail)}

    def load(self, metric_key: str) -> Vec:
        """A load as models want it: per ready replica where they are known, else whole.

        Cells in which too many requests failed are left out: what is turned away is counted but
        costs next to nothing.
        """
        whole = np.where(self.failing, math.nan, self.series[metric_key])
        return np.asarray(whole / self.series[READY] if self.per_replica else whole)

    @property
    def failing(self) -> NDArray[np.bool_]:
        """(n,) cells in which too many requests failed; none where that is how it always is."""
        with np.errstate(invalid="ignore"):
            cells = self.series[ERRORS] > MOST_ERRORS
        return cells if cells.mean() < USUAL_FAILURE else np.zeros_like(cells)


def workload(
    history: History,
    end: float,
    seconds: float,
    step: float,
    start: float | None,
    hold: float,
    least: int,
) -> Workload:
    """Read the series of one window on one grid.

    Args:
        history: Recorded series.
        end: Unix time of the end.
        seconds: Length wanted.
        step: Seconds a cell; a minute at least where the window reaches beyond raw readings.
        start: Unix time before which cells are left out; None for no such time.
        hold: Seconds for which a replica count stays true after it was read.
        least: Cells with load and replica count that it takes to count load per replica.
    """
    if seconds > RAW_REACH:
        step = max(step, 60.0)
    table = np.array(history.window(_KEYS, end, seconds, step), dtype=np.float64)
    table[~np.isfinite(table)] = math.nan
    last = math.floor(end / step) * step
    if start is not None:
        begins = last - step * np.arange(table.shape[1], 0, -1)
        table[:, begins < start] = math.nan
    series = dict(zip(_KEYS, table, strict=True))
    ready = held(series[READY], max(1, math.ceil(hold / step)))
    series[READY] = np.where(ready >= 1, ready, math.nan)
    known = np.isfinite(series[READY])
    loaded = np.isfinite(series[RATE]) | np.isfinite(series[USERS])
    enough = int(np.count_nonzero(known & loaded)) >= least
    covered = np.flatnonzero(loaded)
    span = step * (table.shape[1] - int(covered[0])) if len(covered) else seconds
    return Workload(series, min(span, seconds), enough, step, last)


def held(values: Vec, cells: int) -> Vec:
    """Fill gaps with the value before them, for at most so many cells."""
    places = np.arange(len(values))
    last = np.maximum.accumulate(np.where(np.isfinite(values), places, -1))
    near = (last >= 0) & (places - last <= cells)
    return np.where(near, values[np.maximum(last, 0)], math.nan)


def correlation(x: Vec, y: Vec, least: int) -> float | None:
    """Pearson's r of two series; None with fewer than `least` pairs or hardly any variation.

    Hardly any means that the middle nine tenths of either series span less than a tenth of
    its mean: noise of that size correlates with anything.
    """
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < max(least, 3):
        return None
    with np.errstate(all="ignore"):
        for v in (x, y):
            low, high = np.quantile(v, (0.05, 0.95))
            if not high - low > 0.1 * abs(float(v.mean())):
                return None
        dx, dy = x - x.mean(), y - y.mean()
        r = float(dx @ dy) / math.sqrt(float(dx @ dx) * float(dy @ dy) or math.nan)
    return max(-1.0, min(r, 1.0)) if math.isfinite(r) else None
