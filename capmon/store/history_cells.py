"""Minutes and hours: made from readings, joined, and packed a day or a month at a time."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from capmon.errors import CapmonError
from capmon.model.metric import Summary, metric
from capmon.store.course import HOUR, MINUTE, Summaries, Vec
from capmon.store.history_codec import (
    Damaged,
    decode_ints,
    decode_values,
    encode_ints,
    encode_values,
    seal,
    unseal,
)

SPANS = {MINUTE: 86400.0, HOUR: 32 * 86400.0}
"""Seconds that one chunk of a tier covers: a day of minutes, 32 days of hours, from 1970 on."""

COLUMNS = ("mean", "min", "max", "p95", "count")
"""Columns of a chunk in their order, behind the times."""

_LENGTHS = struct.Struct("<6I")
_SHARE = 0.95


def summary_of(metric_key: str) -> Summary:
    """How readings of a metric become one; a mean where the catalogue does not know it."""
    try:
        return metric(metric_key).summary
    except CapmonError:
        return Summary.MEAN


def none(step: float) -> Summaries:
    """No cells."""
    empty = np.empty(0)
    return Summaries(step, empty, empty, empty, empty, empty, empty)


def summarize(times: Vec, values: Vec, step: float, summary: Summary) -> Summaries:
    """The cells of one length that readings fall into.

    Args:
        times: (n,) Unix times, rising.
        values: (n,) finite values.
        step: Seconds a cell.
        summary: What stands for a whole cell.
    """
    if not len(times):
        return none(step)
    cell = np.floor(times / step)
    begins = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    ends = np.concatenate((begins[1:], [len(times)]))
    count = ends - begins
    ordered = values[np.lexsort((values, cell))]
    least, most = ordered[begins], ordered[ends - 1]
    match summary:
        case Summary.LAST:
            middle = values[ends - 1]
        case Summary.MEDIAN:
            middle = ordered[begins + (count - 1) // 2] / 2 + ordered[begins + count // 2] / 2
        case _:
            middle = np.add.reduceat(values / np.repeat(count, count), begins)
    if summary is not Summary.LAST:
        # The last bit of a sum may fall outside of what was summed.
        middle = np.clip(middle, least, most)
    p95 = _quantile(ordered, begins, count)
    return Summaries(step, cell[begins] * step, middle, least, most, p95, count.astype(np.float64))


def _quantile(ordered: Vec, begins: NDArray[np.int64], count: NDArray[np.int64]) -> Vec:
    """Quantile of each cell between its two nearest readings, as numpy's default."""
    place = (count - 1) * _SHARE
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    weight = place - below
    low, high = ordered[begins + below], ordered[begins + above]
    found: Vec = low * (1 - weight) + high * weight
    return found


def joined(parts: Sequence[Summaries], step: float) -> Summaries:
    """Cells of several parts as one; of those of one time the last part's counts."""
    some = [p for p in parts if len(p.times)]
    if not some:
        return none(step)
    if len(some) == 1:
        return some[0]
    times = np.concatenate([p.times for p in some])
    columns = [np.concatenate([getattr(p, c) for p in some]) for c in COLUMNS]
    if not (np.diff(times) > 0).all():
        order = last_of_each(times)
        times, columns = times[order], [c[order] for c in columns]
    return Summaries(step, times, *columns)


def fuller(parts: Sequence[Summaries], step: float) -> Summaries:
    """Cells of several parts as one; of those of one time the one with the most readings."""
    some = [p for p in parts if len(p.times)]
    if len(some) < 2:
        return joined(some, step)
    columns = [np.concatenate([getattr(p, c) for p in some]) for c in ("times", *COLUMNS)]
    rising = np.argsort(columns[-1], kind="stable")
    order = rising[last_of_each(columns[0][rising])]
    return Summaries(step, *(c[order] for c in columns))


def last_of_each(times: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices that make times rise strictly; of equal ones the last stays."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    return order[np.append(np.diff(ordered) > 0, True)] if len(order) else order


def between(cells: Summaries, start: float, end: float) -> Summaries:
    """Those that begin at or after `start` and before `end`."""
    first, last = np.searchsorted(cells.times, [start, end])
    if first == 0 and last == len(cells.times):
        return cells
    return Summaries(
        cells.step, cells.times[first:last], *(getattr(cells, c)[first:last] for c in COLUMNS)
    )


def outside(cells: Summaries, start: float, end: float) -> Summaries:
    """Those that begin before `start` or at or after `end`."""
    return taken(cells, (cells.times < start) | (cells.times >= end))


def taken(cells: Summaries, mask: NDArray[np.bool_]) -> Summaries:
    """Those where the mask is true."""
    if mask.all():
        return cells
    return Summaries(cells.step, cells.times[mask], *(getattr(cells, c)[mask] for c in COLUMNS))


def encode_cells(cells: Summaries, *, exact: bool) -> bytes:
    """A chunk of cells: every column is packed by itself, so that one can be read alone."""
    index = np.rint(cells.times / cells.step).astype(np.int64)
    columns = [getattr(cells, c) for c in COLUMNS[:-1]]
    parts = [encode_ints(index), *(encode_values(c, exact=exact) for c in columns)]
    parts.append(encode_values(cells.count, exact=True))
    return seal(_LENGTHS.pack(*map(len, parts)) + b"".join(parts))


def decode_cells(blob: bytes, step: float) -> Summaries:
    """What `encode_cells` was given.

    Raises:
        Damaged: The bytes are not what was written.
    """
    times, columns = _columns(blob, COLUMNS, step)
    mean, least, most, p95, count = columns
    # Columns are rounded by themselves, and some are exact.
    least = np.minimum(least, most)
    return Summaries(
        step, times, np.clip(mean, least, most), least, most, np.clip(p95, least, most), count
    )


def decode_means(blob: bytes, step: float) -> tuple[Vec, Vec, Vec]:
    """Times, means and counts of a chunk alone.

    Raises:
        Damaged: The bytes are not what was written.
    """
    times, (mean, count) = _columns(blob, ("mean", "count"), step)
    return times, mean, count


def _columns(blob: bytes, wanted: Sequence[str], step: float) -> tuple[Vec, list[Vec]]:
    body = unseal(blob)
    try:
        lengths = _LENGTHS.unpack_from(body)
    except struct.error as error:
        raise Damaged(str(error)) from None
    ends = np.cumsum((_LENGTHS.size, *lengths)).tolist()
    times: Vec = decode_ints(body[ends[0] : ends[1]]).astype(np.float64) * step
    found = []
    for name in wanted:
        at = COLUMNS.index(name) + 1
        column = decode_values(body[ends[at] : ends[at + 1]])
        if len(column) != len(times):
            raise Damaged("columns of different length")
        found.append(column)
    return times, found
