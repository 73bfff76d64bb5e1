"""One hour as a cell, from its readings and from minutes whose readings are gone."""

from __future__ import annotations

import numpy as np

from capmon.model.metric import Summary
from capmon.store.course import HOUR, MINUTE, Summaries, Vec
from capmon.store.history_cells import summarize, taken
from capmon.store.history_rows import Rows

_MINUTES = HOUR // MINUTE


def hour_cell(
    rows: Rows, series: int, hour: int, times: Vec, values: Vec, how: Summary
) -> Summaries:
    """The cell of an hour of which there are readings.

    Args:
        rows: Where its stored cells are.
        series: Which series.
        hour: Hours since 1970.
        times: (n,) Unix times of its readings, rising, n > 0.
        values: (n,) finite.
        how: What stands for a whole cell.

    Returns:
        One cell, from the readings where they are all that there was; else from more.
    """
    found = summarize(times, values, HOUR, how)
    start = hour * HOUR
    minutes = np.unique(np.floor((times - start) / MINUTE))
    if len(minutes) == _MINUTES:
        return found
    known = rows.cells(series, MINUTE, start, start + HOUR)
    gone = ~np.isin(np.rint((known.times - start) / MINUTE), minutes)
    stored = rows.cells(series, HOUR, start, start + HOUR)
    if not gone.any() and not (len(stored.times) and stored.count[0] > found.count[0]):
        return found
    if len(stored.times) and stored.count[0] >= found.count[0]:
        # Most of what it was made of is gone; a late reading tells of its ends alone.
        least, most = np.minimum(stored.min, found.min), np.maximum(stored.max, found.max)
        return Summaries(HOUR, stored.times, stored.mean, least, most, stored.p95, stored.count)
    return _of_both(times, values, taken(known, gone), found, how)


def _of_both(
    times: Vec, values: Vec, gone: Summaries, readings: Summaries, how: Summary
) -> Summaries:
    """Every minute weighs the same, one whose readings are gone with its mean."""
    minute = np.floor(times / MINUTE)
    _, which, many = np.unique(minute, return_inverse=True, return_counts=True)
    at = np.concatenate((times, gone.times + MINUTE))
    value = np.concatenate((values, gone.mean))
    weight = np.concatenate((1.0 / many[which], np.ones(len(gone.times))))
    match how:
        case Summary.LAST:
            middle = float(value[np.argmax(at)])
        case Summary.MEDIAN:
            middle = _quantile(value, weight, 0.5)
        case _:
            middle = float(np.sum(value * (weight / weight.sum())))
    least = np.minimum(readings.min, gone.min.min())
    most = np.maximum(readings.max, gone.max.max())
    return Summaries(
        HOUR,
        readings.times,
        np.clip(np.array([middle]), least, most),
        least,
        most,
        np.clip(np.array([_quantile(value, weight, 0.95)]), least, most),
        readings.count + gone.count.sum(),
    )


def _quantile(values: Vec, weights: Vec, share: float) -> float:
    """The least value at or below which a share of the weight lies."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    # A sum of many shares may miss the whole by its last bits.
    place = np.searchsorted(below, share * below[-1] * (1 - 1e-12))
    return float(values[order][place])
