"""Readings and cells of a history in blocks that are kept, so that a step through time reads little anew."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from capmon.errors import CapmonError
from capmon.model.frame import Trend
from capmon.model.metric import Summary, metric
from capmon.store.course import HOUR, MINUTE, Course, Summaries, Vec
from capmon.store.series import COVER, STEPS

if TYPE_CHECKING:
    from capmon.store.history_reader import HistoryReader

RAW_BLOCK = 600.0
"""Seconds of readings in one block."""

TIER_BLOCK = {MINUTE: 6 * HOUR, HOUR: 15 * 24 * HOUR}
"""Seconds of summaries in one block, by the step of their tier."""

TILE = 128
"""Cells in one block of a trend."""

CELLS = 120
"""Cells of a trend at most."""

KEPT = 12
"""Blocks of each kind that are kept: twelve of 60 series take 8 MB."""

LATE = 60.0
"""Seconds by which a reading may come late at least: after them a block is what it stays."""

INTERVALS_LATE = 3.0
"""Intervals of the slowest source that a reading may come late."""

Block = TypeVar("Block")
Place = tuple[float, int]
"""Seconds that a block spans, and its index: it ends at (index + 1) times these."""


class Shelf(Generic[Block]):
    """Blocks by place; the one that was not used for longest goes first."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[Place, tuple[float, Block]] = OrderedDict()

    def take(self, place: Place, until: float, late: float, load: Callable[[], Block]) -> Block:
        """The block of a place, read again where more may have been recorded of it since.

        Args:
            place: Which.
            until: Unix time of the record's last reading, which is not ahead of now.
            late: Seconds by which a reading may come late.
            load: Reads it.
        """
        known = self._blocks.get(place)
        size, index = place
        if known is None or known[0] < min(until, (index + 1) * size + late):
            known = until, load()
            self._blocks[place] = known
            if len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(place)
        return known[1]


class Blocks:
    """What a record holds around the moments that are looked at. One thread owns it, and its reader."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._raw: Shelf[dict[str, Course]] = Shelf()
        self._tiers: Shelf[dict[str, Summaries]] = Shelf()
        self._tiles: Shelf[dict[str, Vec]] = Shelf()
        self._since: dict[str, float] = {}
        self._interval: dict[str, float] = {}
        self.keys: tuple[str, ...] = ()
        """Metrics that the record holds."""
        self.until = -math.inf
        """Unix time of its last reading."""
        self._late = LATE

    def renew(self, until: float) -> None:
        """Take in what was recorded since the last look.

        Args:
            until: Unix time of the record's last reading, which is not ahead of now.
        """
        if until != self.until:
            self.until, self.keys = until, self._reader.keys()
            self._since.clear()
            slowest = max(map(self.interval, self.keys), default=0.0)
            self._late = max(LATE, INTERVALS_LATE * slowest)

    def interval(self, metric_key: str) -> float:
        """Seconds between two readings."""
        if metric_key not in self._interval:
            self._interval[metric_key] = self._reader.interval(metric_key) or 1.0
        return self._interval[metric_key]

    # Readings

    def tier(self, at: float) -> float | None:
        """Seconds that one value stands for at a moment: 0 for readings; None where nothing is."""
        oldest = min((c.times[0] for c in self._around(at) if len(c.times)), default=math.inf)
        if oldest <= at:
            return 0.0
        for step in (MINUTE, HOUR):
            found = (self._summary_at(k, at, step) for k in self.keys)
            if any(f is not None for f in found):
                return step
        return None

    def _around(self, at: float) -> list[Course]:
        index = math.floor(at / RAW_BLOCK)
        return [c for i in (index - 1, index) for c in self._readings(i).values()]

    def _readings(self, index: int) -> dict[str, Course]:
        start, end = index * RAW_BLOCK, (index + 1) * RAW_BLOCK

        def load() -> dict[str, Course]:
            return {k: self._reader.raw(k, start, end) for k in self.keys}

        return self._raw.take((RAW_BLOCK, index), self.until, self._late, load)

    def reading(self, metric_key: str, at: float, within: float) -> tuple[float, float] | None:
        """Time and value of the last reading at or before a moment, at most `within` seconds old."""
        index = math.floor(at / RAW_BLOCK)
        for i in (index, index - 1):
            course = self._readings(i).get(metric_key)
            last = 0 if course is None else int(np.searchsorted(course.times, at, side="right"))
            if course is not None and last:
                time = float(course.times[last - 1])
                return (time, float(course.values[last - 1])) if at - time <= within else None
        return None

    def mean(self, metric_key: str, at: float, step: float) -> tuple[float, float] | None:
        """End and mean of the minute or hour that holds a moment, or that has just ended."""
        found = self._summary_at(metric_key, at, step)
        return None if found is None else (min(found[0] + step, at), found[1])

    def _summary_at(self, metric_key: str, at: float, step: float) -> tuple[float, float] | None:
        size = TIER_BLOCK[step]
        index = math.floor(at / size)
        for i in (index, index - 1):
            tier = self._summaries(step, i).get(metric_key)
            last = 0 if tier is None else int(np.searchsorted(tier.times, at, side="right"))
            if tier is not None and last:
                begun = float(tier.times[last - 1])
                return (begun, float(tier.mean[last - 1])) if at - begun < 2 * step else None
        return None

    def _summaries(self, step: float, index: int) -> dict[str, Summaries]:
        size = TIER_BLOCK[step]
        read = self._reader.minutes if step == MINUTE else self._reader.hours

        def load() -> dict[str, Summaries]:
            return {k: read(k, index * size, (index + 1) * size) for k in self.keys}

        return self._tiers.take((size, index), self.until, self._late, load)

    # Trends

    def trends(self, keys: Sequence[str], at: float, seconds: float) -> dict[str, Trend]:
        """The recent course of some metrics up to a moment, as a store in memory gives it."""
        out: dict[str, Trend] = {}
        by_step: dict[float, list[tuple[str, float]]] = {}
        for key in keys:
            since, interval = self._first(key), self.interval(key)
            if since <= at:
                wanted = min(seconds, max(at - since, interval))
                step = step_for(wanted / CELLS, interval)
                by_step.setdefault(step, []).append((key, wanted))
        for step, several in by_step.items():
            rows = self.cells([k for k, _ in several], step, at, CELLS)
            running = math.floor(at / step)
            for (key, wanted), row in zip(several, rows, strict=True):
                n = min(CELLS, running + 1 - math.floor((at - wanted) / step))
                values = [*row[len(row) - n + 1 :].tolist(), self._running(key, at, step)]
                end = running + 1
                while len(values) > 1 and math.isnan(values[-1]) and self._awaits(key, end, step, at):  # fmt: skip
                    end, values = end - 1, values[:-1]
                out[key] = Trend(end * step, step, tuple(values))
        return out

    def _first(self, metric_key: str) -> float:
        if metric_key not in self._since:
            span = self._reader.span(metric_key)
            if span is None:
                return math.inf
            self._since[metric_key] = span[0]
        return self._since[metric_key]

    def _awaits(self, metric_key: str, last: int, step: float, at: float) -> bool:
        """Whether a reading could still have come for the cell before `last` · step."""
        interval = self.interval(metric_key)
        return (last - 1) * step + min(step, interval) / 2 + COVER * interval > at

    def cells(self, keys: Sequence[str], step: float, at: float, n: int) -> list[Vec]:
        """The last n complete cells of each metric at or before a moment, oldest first."""
        last = math.floor(at / step)
        first = last - n
        tiles = range(first // TILE, (last - 1) // TILE + 1)
        several = [self._tile(step, i, keys) for i in tiles]
        skip = first - tiles[0] * TILE
        if len(several) == 1:
            return [several[0][k][skip : skip + n] for k in keys]
        return [np.concatenate([t[k] for t in several])[skip : skip + n] for k in keys]

    def _tile(self, step: float, index: int, keys: Sequence[str]) -> dict[str, Vec]:
        tile = self._tiles.take((step * TILE, index), self.until, self._late, dict)
        missing = [k for k in keys if k not in tile]
        if missing:
            size = step * TILE
            rows = self._reader.window(missing, (index + 1) * size, size, step)
            ends = (index * TILE + np.arange(1, TILE + 1)) * step
            for key, row in zip(missing, rows, strict=True):
                # An hour that the record begins in says nothing of its cells before that.
                tile[key] = np.where(ends > self._first(key), row, np.nan)
        return tile

    def _running(self, metric_key: str, at: float, step: float) -> float:
        """Value of the cell that holds a moment, from what had come by then."""
        begun = math.floor(at / step) * step
        if step > MINUTE:
            minutes = math.floor((at - begun) / MINUTE)
            if not minutes:
                return math.nan
            found = self.cells([metric_key], MINUTE, at, minutes)[0]
            return _one_of(found[np.isfinite(found)], metric_key)
        indices = range(math.floor(begun / RAW_BLOCK), math.floor(at / RAW_BLOCK) + 1)
        parts: list[Vec] = []
        for i in indices:
            course = self._readings(i).get(metric_key)
            if course is not None:
                low = int(np.searchsorted(course.times, begun, side="left"))
                high = int(np.searchsorted(course.times, at, side="right"))
                parts.append(course.values[low:high])
        return _one_of(np.concatenate(parts) if parts else np.empty(0), metric_key)


def _one_of(values: Vec, metric_key: str) -> float:
    """What stands for some readings of one cell, as the catalogue says."""
    if not len(values):
        return math.nan
    try:
        summary = metric(metric_key).summary
    except CapmonError:
        summary = Summary.MEAN
    if summary is Summary.LAST:
        return float(values[-1])
    return float(np.median(values) if summary is Summary.MEDIAN else np.mean(values))


def step_for(least: float, interval: float) -> float:
    """Seconds of a cell that spans at least `least` and one interval, and divides an hour or a day."""
    for step in STEPS:
        if step >= least and step >= interval * 0.999:
            return float(step)
    return float(math.ceil(least / HOUR) * HOUR)
