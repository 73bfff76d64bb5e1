"""The thread in which store and engine live, loaded after the first paint."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from capmon.clock import AUTO_ZONE, local_zone
from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.frame import Frame, Reading, TopProcesses, Trend
from capmon.model.policies import Scaling
from capmon.model.results import Health, ReplicaState
from capmon.model.sample import Batch

if TYPE_CHECKING:
    from capmon.analysis.engine import Analysis, Engine
    from capmon.monitor.policies import Policies
    from capmon.store.series import Store

TREND_CELLS = 120

LABELLED = "system.filesystem."
"""Of metrics with labels, those that get a trend: a core or a device more would cost the same."""


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

    app_state: Health | None = None
    """How the application's source does; None where there is none."""

    reset: str = ""
    """Why models drop what came before; empty when they keep it."""

    cooldowns: tuple[float, float] = (0.0, 0.0)
    """Seconds until replicas may be added, and until they may be taken away."""

    startup: Estimate | None = None
    """Seconds that a new replica takes until it serves, as measured."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a job gave."""

    job: Job
    """The job."""

    analysis: Analysis | None
    """Results; None when the analysis failed."""

    trends: Mapping[str, Trend] = field(default_factory=dict)
    """Recent course by metric key."""

    scaling: Scaling | None = None
    """What the policies say; None where nothing is scaled."""

    asked: int = 0
    """How often the policies were asked: a new number is a new verdict."""

    remembered: Mapping[str, Any] | None = None
    """What the policies remember, where they were just asked; else None."""

    error: str = ""
    """What went wrong; empty when all is well."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the policies of an earlier session remembered."""

    document: Any
    """As `Verdicts.state` made it."""

    age: float
    """Seconds since then."""

    at: float
    """When it was this old, on this process's clock."""


class Worker:
    """Runs jobs one after the other in a daemon thread, which never blocks the exit."""

    def __init__(self, settings: Settings, on_done: Callable[[Done], None]) -> None:
        self._settings = settings
        self._on_done = on_done
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="capmon-engine", daemon=True)
        self.remembered: Remembered | None = None
        """What the policies shall know from before; to be set before the start."""
        self.fill: Callable[[Store], None] | None = None
        """Puts into the store what was recorded before; to be set before the start."""
        self.notices: tuple[str, ...] = ()
        """What of it had to be dropped; complete with the first answer."""

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
        work = self._loaded()
        while (job := self._jobs.get()) is not None:
            self._on_done(work(job))

    def _zone(self) -> str:
        zone = self._settings.time_zone
        return local_zone() if zone == AUTO_ZONE else zone

    def _loaded(self) -> Callable[[Job], Done]:
        """What does the jobs; where the analysis cannot be loaded, it answers with the reason."""
        # The numeric libraries cost a quarter of a second to import: after the first paint.
        try:
            from capmon.analysis.engine import Engine
            from capmon.store.series import Store

            store, engine = Store(), Engine(self._settings, self._zone())
            self._fill(store)
            policies = self._policies(store)
        except Exception as fault:  # every job must be answered: the monitor waits for it
            problem = f"analysis cannot be loaded: {_said(fault)}"
            return lambda job: Done(job, None, error=problem)
        if policies is None:
            return lambda job: _work(store, engine, job)
        decided = policies.decided
        return lambda job: decided(_work(store, engine, job))

    def _fill(self, store: Store) -> None:
        """Begin with what was recorded before; what cannot be read is said and left out."""
        if self.fill is None:
            return
        try:
            self.fill(store)
        except Exception as fault:
            self.notices = (*self.notices, f"what was recorded cannot be used: {_said(fault)}")

    def _policies(self, store: Store) -> Policies | None:
        """The policies, with what they remember; None where nothing is scaled."""
        if self._settings.scaling.target.kind == "none":
            return None
        from capmon.monitor.policies import Policies

        policies = Policies(self._settings, store)
        if self.remembered is not None:
            self.notices = (*self.notices, *policies.restore(self.remembered))
        return policies


def with_results(frame: Frame, done: Done) -> Frame:
    """The frame with all that the analysis found under the same names, and what the policies say."""
    frame = replace(frame, trends=done.trends, scaling=done.scaling)
    analysis = done.analysis
    if analysis is None:
        return frame
    shown = {f.name for f in fields(frame)}
    found = {f.name: getattr(analysis, f.name) for f in fields(analysis) if f.name in shown}
    return replace(frame, engine_ready=True, **found)


def _work(store: Store, engine: Engine, job: Job) -> Done:
    """Do one job; whatever fails becomes the error in its answer."""
    from capmon.analysis.engine import Now

    trends: dict[str, Trend] = {}
    try:
        for interval, batch in job.batches:
            store.write(batch.values, batch.at, interval)
        trends = _trends(store, job)
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
            app_state=job.app_state,
        )
        return Done(job, engine.step(store, now), trends)
    except Exception as fault:  # the screen goes on without results, and says why
        return Done(job, None, trends, error=f"analysis failed: {_said(fault)}")


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"


def _trends(store: Store, job: Job) -> dict[str, Trend]:
    keys = (k for k in job.readings if "{" not in k or k.startswith(LABELLED))
    found = ((k, store.trend(k, job.at, job.window, TREND_CELLS)) for k in keys)
    return {k: t for k, t in found if t is not None}
