"""The thread in which store and engine live, loaded after the first paint."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses, Trend
from capmon.model.results import ReplicaState
from capmon.model.sample import Batch

if TYPE_CHECKING:
    from capmon.analysis.engine import Analysis
    from capmon.store.series import Store

TREND_CELLS = 120


@dataclass(frozen=True, slots=True)
class Job:
    """Work for one tick."""

    at: float
    """Unix time."""

    monotonic: float
    """Seconds on the clock that never steps."""

    window: float
    """Seconds of history that trends cover."""

    batches: tuple[tuple[float, Batch], ...]
    """New batches with the interval of their source, oldest first."""

    readings: Mapping[str, Reading]
    """Latest readings."""

    texts: Mapping[str, str]
    """States in words."""

    processes: TopProcesses
    """Top processes."""

    replicas: ReplicaState | None
    """The scale target."""

    reset: str = ""
    """Why models drop what came before; empty when they keep it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a job gave."""

    job: Job
    """The job."""

    analysis: Analysis | None
    """Results; None when the analysis failed."""

    trends: Mapping[str, Trend] = field(default_factory=dict)
    """Recent course by metric key."""

    error: str = ""
    """What went wrong; empty when all is well."""


class Worker:
    """Runs jobs one after the other in a daemon thread, which never blocks the exit."""

    def __init__(self, settings: Settings, on_done: Callable[[Done], None]) -> None:
        self._settings = settings
        self._on_done = on_done
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="capmon-engine", daemon=True)

    def start(self) -> None:
        """Begin to load the analysis."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; `on_done` is called from the thread."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Let the thread end after the job at hand, without waiting for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        # The numeric libraries cost a quarter of a second to import: after the first paint.
        from capmon.analysis.engine import Engine, Now
        from capmon.store.series import Store

        store, engine = Store(), Engine(self._settings)
        while (job := self._jobs.get()) is not None:
            for interval, batch in job.batches:
                store.write(batch.values, batch.at, interval)
            if job.reset:
                engine.reset_models(job.at, job.reset)
            now = Now(
                at=job.at,
                window=job.window,
                readings=job.readings,
                texts=job.texts,
                processes=job.processes,
                replicas=job.replicas,
                monotonic=job.monotonic,
            )
            try:
                analysis, error = engine.step(store, now), ""
            except Exception as fault:  # the screen goes on without results, and says why
                analysis, error = None, f"analysis failed: {type(fault).__name__}: {fault}"
            self._on_done(Done(job, analysis, _trends(store, store.keys(), job), error))


def _trends(store: Store, keys: Iterable[str], job: Job) -> dict[str, Trend]:
    found = ((k, store.trend(k, job.at, job.window, TREND_CELLS)) for k in keys)
    return {k: t for k, t in found if t is not None}
