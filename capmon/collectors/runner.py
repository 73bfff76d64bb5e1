"""The schedule: one task a collector, each with its own pace, deadline, backoff and health."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from capmon.clock import Clock
from capmon.collectors.base import Collector
from capmon.config.schema import Settings
from capmon.errors import SourceError
from capmon.model.results import Health, SourceState
from capmon.model.sample import Batch
from capmon.model.units import span

LATE_INTERVALS = 3.0
"""Age of the last good answer, in intervals, from which a source is late."""

LONGEST_BACKOFF = 30.0
"""Most seconds between two tries, unless the interval itself is longer."""

SHORTEST = 0.05
"""Least seconds between two readings."""

CLOSING = 0.4
"""Seconds given to readings under way to end, and again to collectors to close."""

OnBatch = Callable[[str, Batch], None]
"""Called on the event loop with a collector's name and what it read."""


def app_collector(settings: Settings, clock: Clock) -> Collector | None:
    """The collector of the application; None when the configuration names no source."""
    match settings.app.source:
        case "json":
            from capmon.collectors.json_api import JsonApiCollector

            return JsonApiCollector(settings.app, clock)
        case "openmetrics":
            from capmon.collectors.openmetrics import OpenMetricsCollector

            return OpenMetricsCollector(settings.app, clock)
        case "none":
            return None


class Runner:
    """Runs collectors until stopped. All of it belongs to one event loop."""

    def __init__(
        self,
        collectors: Sequence[Collector],
        clock: Clock,
        on_batch: OnBatch,
        rng: random.Random | None = None,
    ) -> None:
        chance = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._sources = [_Source(one, clock, on_batch, chance) for one in collectors]
        self._tasks: list[asyncio.Task[None]] = []
        self._begun: set[str] = set()

    def start(self, only: str | None = None) -> None:
        """Begin to read: one collector by name, or all that do not read yet, at once."""
        for source in self._sources:
            if source.name not in self._begun and only in (None, source.name):
                self._begun.add(source.name)
                task = asyncio.create_task(source.run(), name=f"read {source.name}")
                self._tasks.append(task)

    def health(self) -> tuple[Health, ...]:
        """How each collector does, in the order given."""
        return tuple(source.health() for source in self._sources)

    def wake(self, name: str) -> None:
        """Have one collector read now instead of at its time; an unknown name does nothing.

        A reading under way is let finish, and followed by another.
        """
        for source in self._sources:
            if source.name == name:
                source.woken.set()

    async def collect_now(self, name: str) -> None:
        """Have one collector read now, and wait until that reading has ended either way."""
        for source in self._sources:
            if source.name == name and self._tasks:
                await source.next_reading()

    async def stop(self) -> None:
        """End all readings and close all collectors, within a second even if one hangs."""
        tasks, self._tasks = self._tasks, []
        self._begun.clear()
        ending: list[asyncio.Task[Any]] = [*tasks, *(s.reading for s in self._sources if s.reading)]
        for task in ending:
            task.cancel()
        await _within(CLOSING, ending)
        for source in self._sources:
            source.off()
        closing = [asyncio.create_task(_close(s.collector)) for s in self._sources]
        await _within(CLOSING, closing)
        for one in closing:
            one.cancel()


async def _within(seconds: float, tasks: Sequence[asyncio.Task[Any]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


async def _close(collector: Collector) -> None:
    with contextlib.suppress(Exception):  # there is nobody left to tell
        await collector.close()


class _Source:
    """One collector on its schedule."""

    def __init__(
        self, collector: Collector, clock: Clock, on_batch: OnBatch, rng: random.Random
    ) -> None:
        self.name = collector.name
        self.collector = collector
        self.woken = asyncio.Event()
        self.reading: asyncio.Task[Batch] | None = None
        self._interval = max(collector.interval, SHORTEST)
        self._clock = clock
        self._on_batch = on_batch
        self._rng = rng
        self._state = SourceState.STARTING
        self._since = clock.now()
        self._reason = ""
        self._failures = 0
        self._took: float | None = None
        self._last_success: float | None = None
        self._last_monotonic = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Read at once, then on every multiple of the interval from there."""
        loop = asyncio.get_running_loop()
        origin = loop.time()
        while True:
            self.woken.clear()
            waiting, self._waiting = self._waiting, []
            began = loop.time()
            try:
                await self._read()
            finally:
                _release(waiting)
            await self._sleep(self._pause(origin, began, loop.time()))

    def _pause(self, origin: float, began: float, now: float) -> float:
        """Seconds until the next reading."""
        interval = self._interval
        if self._failures:
            return backoff(interval, self._failures, self._rng)
        # Times that passed meanwhile are skipped, and so is one so near to the start of the last
        # reading that rates between the two would be noise.
        after = max(now, began + interval / 2)
        ticks = math.floor((after - origin) / interval) + 1
        return origin + ticks * interval - now

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self.woken.wait()
        except TimeoutError:
            pass

    async def next_reading(self) -> None:
        """Wait for the end of a reading that begins from now on."""
        ended = asyncio.get_running_loop().create_future()
        self._waiting.append(ended)
        self.woken.set()
        await ended

    async def _read(self) -> None:
        """Read once; whatever happens becomes health."""
        if self.reading is not None and not self.reading.done():
            self._failed("still busy with an earlier reading")
            return
        began = self._clock.monotonic()
        # A task of its own, because a collector that does not heed its cancellation must not
        # hold up the schedule.
        self.reading = asyncio.create_task(self.collector.collect(), name=f"reading {self.name}")
        self.reading.add_done_callback(_seen)
        done, _ = await asyncio.wait({self.reading}, timeout=self.collector.deadline)
        self._took = self._clock.monotonic() - began
        if not done:
            self.reading.cancel()
            self._failed(f"no answer within {self.collector.deadline:g} s")
        elif self.reading.cancelled():
            self._failed("the reading was cancelled")
        elif (error := self.reading.exception()) is not None:
            said = str(error) if isinstance(error, SourceError) else ""
            self._failed(said or f"unexpected {type(error).__name__}")
        else:
            self._deliver(self.reading.result())

    def _deliver(self, batch: Batch) -> None:
        try:
            self._on_batch(self.name, batch)
        except Exception as error:  # the schedule outlives the fault of whoever takes the batch
            self._failed(f"unexpected {type(error).__name__}")
            return
        self._failures = 0
        self._last_success, self._last_monotonic = self._clock.now(), self._clock.monotonic()
        self._become(SourceState.LIVE, "")

    def _failed(self, reason: str) -> None:
        self._failures += 1
        self._become(SourceState.FAILING, reason)

    def off(self) -> None:
        """Say that nothing is read any more."""
        self._become(SourceState.OFF, "stopped")
        _release(self._waiting)

    def _become(self, state: SourceState, reason: str) -> None:
        if state is not self._state:
            self._since = self._clock.now()
        self._state, self._reason = state, reason

    def health(self) -> Health:
        """How this collector does at this moment."""
        state, since, reason = self._state, self._since, self._reason
        overdue = self._clock.monotonic() - self._last_monotonic - LATE_INTERVALS * self._interval
        if state is SourceState.LIVE and overdue > 0:
            state, since = SourceState.LATE, self._clock.now() - overdue
            reason = f"last answer {span(overdue + LATE_INTERVALS * self._interval)} ago"
        return Health(
            source=self.name,
            state=state,
            reason=reason,
            last_success=self._last_success,
            since=since,
            interval=self._interval,
            took=self._took,
            failures=self._failures,
        )


def _release(waiting: Sequence[asyncio.Future[None]]) -> None:
    for one in waiting:
        if not one.done():
            one.set_result(None)


def backoff(interval: float, failures: int, rng: random.Random) -> float:
    """Seconds to wait after so many failures in a row.

    Anything up to interval × 2^failures, so that many monitors do not come back together, but
    never sooner than the interval and, unless that is longer, never later than 30 s.
    """
    ceiling = max(interval, min(LONGEST_BACKOFF, interval * 2.0 ** min(failures, 30)))
    return max(interval, rng.uniform(0.0, ceiling))


def _seen(task: asyncio.Task[Batch]) -> None:
    # Looked at here, so that one given up does not complain when it fails later.
    if not task.cancelled():
        task.exception()
