"""Collectors to store to engine to frame, once a tick, on one event loop; no screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from capmon.clock import Clock
from capmon.collectors.base import Collector
from capmon.collectors.runner import Runner
from capmon.config.schema import Settings
from capmon.model.frame import Frame, Reading
from capmon.model.results import (
    Health,
    ReplicaState,
    SourceState,
)
from capmon.model.sample import Batch
from capmon.monitor.changes import Changes
from capmon.monitor.front import PACEMAKER, Front
from capmon.monitor.readings import APPLICATION, Readings
from capmon.monitor.worker import Done, Job, Remembered, Worker, with_results

if TYPE_CHECKING:
    from capmon.actions.actuator import Actuator
    from capmon.monitor.surroundings import Surroundings
    from capmon.store.series import Store

LATE_TICK = 1.25
"""A tick waits this many intervals for the host's reading before it goes on without it."""

BATCHES_KEPT = 3600
"""Batches that wait for the engine at most, should it hang."""

STALLED = 30.0
"""Seconds without an answer from the engine after which its last results are not shown any more."""


class Companion(Protocol):
    """What lives as long as the analysis."""

    def start(self) -> None:
        """Begin; never fails."""

    def stop(self) -> None:
        """End within a second."""


class Monitor(Front):
    """Runs until stopped; calls `on_frame` on the event loop with every new frame."""

    def __init__(
        self,
        settings: Settings,
        collectors: Sequence[Collector],
        clock: Clock,
        actuator: Actuator | None = None,
        replicas: ReplicaState | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        super().__init__(settings, clock, actuator, surroundings)
        self.asked = 0
        """How often the policies were asked: a new number is a new verdict."""
        self.remembered: Mapping[str, Any] | None = None
        """What the policies remember since they were last asked."""
        self._readings = Readings()
        self._readings.replicas = replicas
        self._changes = Changes()
        self._intervals = {c.name: c.interval for c in collectors}
        self._runner = Runner(collectors, clock, self._take)
        self._worker = Worker(settings, self._done_in_thread)
        self._pending: deque[tuple[float, Batch]] = deque(maxlen=BATCHES_KEPT)
        self._taken: list[Callable[[str, float, Batch], None]] = []
        self._companions: list[Companion] = []
        self._health: dict[str, SourceState] = {}
        self._last: Done | None = None
        self._engine_started = False
        self._busy = False
        self._submitted = 0.0
        self._reset = ""
        self._sequence = 0
        self._host_read = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.Task[None] | None = None

    # Life

    async def start(self, *, host_first: bool = False) -> None:
        """Begin to collect; the analysis waits for `start_engine`.

        Args:
            host_first: Let the other sources wait for it too: what they import would keep the
                first paint waiting.
        """
        self._loop = asyncio.get_running_loop()
        self._runner.start(PACEMAKER if host_first else None)
        self._ticking = asyncio.create_task(self._tick_forever(), name="capmon-ticks")

    def start_engine(self) -> None:
        """Load the analysis, and ask the sources that wait; a second call does nothing."""
        if not self._engine_started:
            self._engine_started = True
            self._runner.start()
            self._worker.start()
            for companion in self._companions:
                companion.start()

    async def stop(self) -> None:
        """Stop collecting, within a second; no frame comes after it."""
        for companion in self._companions:
            companion.stop()
        if self._engine_started:
            self._worker.stop()
        self._loop = None
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        await self._runner.stop()

    def forget_models(self, reason: str) -> None:
        """Fit models to what is measured from now on; the reason stands beside those too young."""
        self._reset = reason

    def _wake(self, source: str) -> None:
        self._runner.wake(source)

    def on_batch(self, listener: Callable[[str, float, Batch], None]) -> None:
        """Call `listener` with every batch, its source and that source's interval in seconds."""
        self._taken.append(listener)

    def accompany(self, companion: Companion) -> None:
        """Start something with the analysis, and stop it first of all."""
        self._companions.append(companion)

    def resume(self, fill: Callable[[Store], None]) -> None:
        """Let the store begin with what was recorded before; called in the worker's thread."""
        self._worker.fill = fill

    def recall(self, document: Any, age: float) -> None:
        """Let the policies begin with what they remembered so long ago; before `start_engine`."""
        self._worker.remembered = Remembered(document, age, self._clock.monotonic())

    # Ticks

    def _take(self, source: str, batch: Batch) -> None:
        before = self._readings.replicas
        self._readings.take(source, batch)
        if batch.values:
            self._measured[source] = self._clock.boottime()
        interval = self._intervals.get(source, self.settings.interval)
        self._pending.append((interval, batch))
        for listener in self._taken:
            with self._said(f"a listener, {getattr(listener, '__qualname__', 'unnamed')},"):
                listener(source, interval, batch)
        if source == PACEMAKER:
            self._host_read.set()
        after = self._readings.replicas
        if before and after and before.ready != after.ready:
            self.note("replicas", f"replicas ready: {_count(before.ready)} → {_count(after.ready)}")

    async def _tick_forever(self) -> None:
        interval = self.settings.interval
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval * LATE_TICK):
                    await self._host_read.wait()
            self._host_read.clear()
            with self._said("tick"):
                self.tick()

    def tick(self) -> None:
        """Hand what is new to the engine, or make a frame without it while it loads or is late."""
        health = self._runner.health()
        self._note_health(health)
        readings = self._readings.now(health)
        with self._said("changes"):
            self._note_changes(readings, health)
        if self._actuator is not None:
            known = {k: r.value for k, r in readings.items() if r.value is not None}
            with self._said("scaling"):
                self._actuator.observe(self._readings.replica_state(health), known)
        if self._busy and self._late():
            self._last = None
            self._say("analysis", f"the analysis has not answered for {STALLED:.0f} s")
        if not self._engine_started or self._last is None or self._busy:
            self._publish(readings, health)
        if self._engine_started and not self._busy:
            self._busy = True
            self._submitted = self._clock.boottime()
            self._worker.submit(self._job(readings, health))
            self._pending.clear()
            self._reset = ""

    def _job(self, readings: Mapping[str, Reading], health: Sequence[Health]) -> Job:
        return Job(
            at=self._clock.now(),
            monotonic=self._clock.monotonic(),
            window=self._window,
            batches=tuple(self._pending),
            readings=readings,
            texts=self._readings.texts(health),
            processes=self._readings.processes(health),
            replicas=self._readings.replica_state(health),
            app_state=next((h for h in health if h.source == APPLICATION), None),
            reset=self._reset,
            cooldowns=self._cooldowns(),
            startup=None if self._actuator is None else self._actuator.learned().startup,
        )

    def _done_in_thread(self, done: Done) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: the program is leaving
                loop.call_soon_threadsafe(self._done, done)

    def _done(self, done: Done) -> None:
        if self._loop is None:
            return
        self._busy = False
        self._last = done
        self._say("analysis", done.error)
        self._say("memory", "; ".join(self._worker.notices))
        self.remembered = done.remembered or self.remembered
        if not self._late():  # a verdict that rests on what was long ago is none to follow
            self.asked = done.asked
        if done.analysis is not None:
            for line in done.analysis.transitions:
                self.note("bottleneck", line)
            for line in done.analysis.changes:
                self.note("change", line)
        health = self._runner.health()
        self._publish(self._readings.now(health), health)

    def _late(self) -> bool:
        """Whether the engine has had its job for too long, the machine's sleep included."""
        return self._clock.boottime() - self._submitted > STALLED

    def _note_changes(self, readings: Mapping[str, Reading], health: Sequence[Health]) -> None:
        """Let models forget what a deploy or another limit made worthless."""
        state = self._readings.replica_state(health)
        changed = self._changes.step(
            self._clock.now(),
            self._clock.monotonic(),
            readings,
            self._readings.texts(health),
            self._readings.host,
            state.ready if state else None,
        )
        if changed:
            self.note("change", f"{changed}: models start afresh")
            self.forget_models(changed)

    def _note_health(self, health: Sequence[Health]) -> None:
        for h in health:
            before = self._health.get(h.source)
            if before is not None and before is not h.state:
                self.note("source", f"{h.source} {h.state.value} {h.reason}".rstrip())
            self._health[h.source] = h.state

    def _publish(self, readings: Mapping[str, Reading], health: Sequence[Health]) -> None:
        self._sequence += 1
        frame = Frame(
            sequence=self._sequence,
            at=self._clock.now(),
            interval=self.settings.interval,
            window=self._window,
            host=self._readings.host,
            app_name=self.settings.app.name,
            app_source=self.settings.app.source,
            readings=readings,
            texts=self._readings.texts(health),
            processes=self._readings.processes(health),
            replicas=self._readings.replica_state(health),
            outcomes=self._actuator.outcomes() if self._actuator else (),
            health=tuple(health),
            events=tuple(self._events),
            recording=self.recording,
        )
        if self._last is not None:
            frame = with_results(frame, self._last)
        if self.surroundings is not None:
            frame = self.surroundings.on(frame)
        self.frame = frame
        for listener in self._listeners:
            with self._said(f"a listener, {getattr(listener, '__qualname__', 'unnamed')},"):
                listener(frame)


def _count(n: int | None) -> str:
    return "unknown" if n is None else str(n)
