"""Readings or summaries of one series on a grid of equal cells, gaps kept."""

from __future__ import annotations

import numpy as np

from capmon.model.metric import Summary
from capmon.store.course import Vec
from capmon.store.history_codec import Ints


def gridded(
    times: Vec, values: Vec, counts: Vec | None, start: float, step: float, n: int, how: Summary
) -> Vec:
    """(n,) what stands for each cell [start + i·step, start + (i+1)·step); NaN where nothing does.

    Args:
        times: (m,) Unix times, rising: of readings, or begins of minutes or hours.
        values: (m,).
        counts: (m,) readings behind each value, which weigh a mean; None for one each.
        start: Begin of the first cell.
        step: Seconds a cell.
        n: Cells.
        how: What stands for a whole cell.
    """
    out = np.full(n, np.nan)
    first, last = np.searchsorted(times, [start, start + n * step])
    if first == last:
        return out
    t, v = times[first:last], values[first:last]
    cell = np.clip(np.floor((t - start) / step).astype(np.int64), 0, n - 1)
    if how is Summary.LAST:
        out[cell] = v
    elif how is Summary.MEDIAN:
        _medians(out, cell, v)
    else:
        weights = np.ones(len(v)) if counts is None else counts[first:last]
        total = np.bincount(cell, weights, n)
        seen = total > 0
        # Shares are added, not a sum divided: values near the greatest float have no sum.
        out[seen] = np.bincount(cell, v * (weights / np.maximum(total, 1e-300)[cell]), n)[seen]
    return out


def covered(out: Vec, times: Vec, values: Vec, start: float, step: float, reach: float) -> None:
    """Fill empty cells from the reading that ended their interval.

    Args:
        out: (n,) cells, changed in place.
        times: (m,) Unix times at which readings were taken, rising.
        values: (m,).
        start: Begin of the first cell.
        step: Seconds a cell.
        reach: Seconds before a reading that it stands for.
    """
    empty = np.flatnonzero(np.isnan(out))
    if step > reach or not len(times) or not len(empty):
        return
    centre = start + (empty + 0.5) * step
    at = np.searchsorted(times, centre, side="left")
    known = at < len(times)
    empty, centre, at = empty[known], centre[known], at[known]
    near = times[at] - centre <= reach
    out[empty[near]] = values[at[near]]


def _medians(out: Vec, cell: Ints, values: Vec) -> None:
    """Write the median of the values of each cell; `cell` rises."""
    ordered = values[np.lexsort((values, cell))]
    begins = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    counts = np.diff(np.concatenate((begins, [len(cell)])))
    lower, upper = ordered[begins + (counts - 1) // 2], ordered[begins + counts // 2]
    out[cell[begins]] = lower / 2 + upper / 2
