"""The tail of a record: what the last hour brought, batch by batch, until it is made into chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capmon.store.course import Vec
from capmon.store.history_cells import last_of_each
from capmon.store.history_codec import Damaged, Ints, seal, unseal

_HEAD = struct.Struct("<HI")


@dataclass(frozen=True, slots=True)
class Block:
    """Readings of several series at the same times."""

    times: Ints
    """(n,) Unix times in milliseconds, rising strictly."""

    columns: Mapping[int, Vec]
    """Id of a series to its (n,) values, NaN where it has none."""

    def of(self, series: int) -> tuple[Ints, Vec]:
        """Times and values of one series, gaps left out."""
        column = self.columns.get(series)
        if column is None:
            return self.times[:0], np.empty(0)
        present = np.isfinite(column)
        return self.times[present], column[present]


EMPTY = Block(np.empty(0, dtype=np.int64), {})
"""No readings."""


def encode_row(batches: Sequence[tuple[int, Mapping[int, float]]]) -> bytes:
    """Some batches of one source: time in milliseconds, and values by the id of their series."""
    ids = sorted({series for _, values in batches for series in values})
    place = {series: i for i, series in enumerate(ids)}
    table = np.full((len(ids), len(batches)), np.nan)
    for column, (_, values) in enumerate(batches):
        for series, value in values.items():
            table[place[series], column] = value
    times = np.array([at for at, _ in batches], dtype="<i8")
    head = _HEAD.pack(len(batches), len(ids)) + np.array(ids, dtype="<u4").tobytes()
    return seal(head + times.tobytes() + table.astype("<f8").tobytes())


class Tail:
    """Rows of a tail, read once; a series is taken out when it is asked for.

    Args:
        rows: Id and bytes of each row, in the order in which they were written.
        damaged: Ids of rows that cannot be read are added here.
    """

    def __init__(self, rows: Iterable[tuple[int, bytes]], damaged: list[int]) -> None:
        alike: dict[bytes, list[tuple[int, bytes]]] = {}
        for number, (row, blob) in enumerate(rows):
            try:
                body = unseal(blob)
                n, k = _HEAD.unpack_from(body)
                if len(body) != _HEAD.size + 4 * k + 8 * n * (k + 1):
                    raise Damaged("another length than was said")
            except (Damaged, struct.error):
                damaged.append(row)
                continue
            alike.setdefault(body[: _HEAD.size + 4 * k], []).append((number, body))
        self._groups = [_Group(head, bodies) for head, bodies in alike.items()]

    def of(self, series: int) -> tuple[Ints, Vec]:
        """Times in milliseconds and values of one series, times rising strictly."""
        some = [g for g in self._groups if series in g.place]
        if not some:
            return EMPTY.of(series)
        return _joined([(g.order, g.times, {series: g.column(series)}) for g in some]).of(series)

    def block(self) -> Block:
        """All of it."""
        return _joined(
            [(g.order, g.times, {s: g.column(s) for s in g.place}) for g in self._groups]
        )


class _Group:
    """Rows of one shape, all at once."""

    def __init__(self, head: bytes, bodies: list[tuple[int, bytes]]) -> None:
        self._n, k = _HEAD.unpack_from(head)
        self._values = len(head) + 8 * self._n
        ids = np.frombuffer(head, "<u4", k, _HEAD.size).tolist()
        self._whole = np.frombuffer(b"".join(b for _, b in bodies), np.uint8).reshape(
            len(bodies), -1
        )
        self.place = {series: i for i, series in enumerate(ids)}
        self.order = np.repeat(np.array([number for number, _ in bodies], dtype=np.int64), self._n)
        self.times: Ints = self._cut(len(head)).view("<i8").astype(np.int64, copy=False)

    def column(self, series: int) -> Vec:
        """Values of one series, NaN where it has none."""
        at = self._values + 8 * self._n * self.place[series]
        found: Vec = self._cut(at).view("<f8").astype(np.float64, copy=False)
        return found

    def _cut(self, at: int) -> NDArray[np.uint8]:
        return self._whole[:, at : at + 8 * self._n].copy().reshape(-1)


def decode_rows(rows: Iterable[tuple[int, bytes]], damaged: list[int]) -> Block:
    """The batches of many rows as one block; of those of one time the last written counts."""
    return Tail(rows, damaged).block()


_Part = tuple[Ints, Ints, Mapping[int, Vec]]


def _joined(parts: list[_Part]) -> Block:
    if not parts:
        return EMPTY
    order = np.concatenate([p[0] for p in parts])
    times = np.concatenate([p[1] for p in parts])
    ids = sorted({series for p in parts for series in p[2]})
    columns = {
        series: np.concatenate([p[2].get(series, np.full(len(p[1]), np.nan)) for p in parts])
        for series in ids
    }
    if len(parts) > 1:
        by_writing = np.argsort(order, kind="stable")
        times = times[by_writing]
        columns = {s: c[by_writing] for s, c in columns.items()}
    return rising(times, columns)


def rising(times: Ints, columns: Mapping[int, Vec]) -> Block:
    """A block of readings in the order of writing: times rise, and the last write of a time counts.

    A series that the last write of a time does not hold keeps what an earlier one says of it.
    """
    if not len(times) or (np.diff(times) > 0).all():
        return Block(times, columns)
    unique = np.unique(times)
    merged = {}
    for series, column in columns.items():
        present = np.flatnonzero(np.isfinite(column))
        chosen = present[last_of_each(times[present])]
        out = np.full(len(unique), np.nan)
        out[np.searchsorted(unique, times[chosen])] = column[chosen]
        merged[series] = out
    return Block(unique, merged)


def merged(first: Block, second: Block) -> Block:
    """Two blocks as one; where both have a value the second's counts."""
    if not len(first.times):
        return second
    if not len(second.times):
        return first
    times = np.concatenate((first.times, second.times))
    gaps = [np.full(len(b.times), np.nan) for b in (first, second)]
    columns = {
        s: np.concatenate((first.columns.get(s, gaps[0]), second.columns.get(s, gaps[1])))
        for s in {*first.columns, *second.columns}
    }
    return rising(times, columns)
