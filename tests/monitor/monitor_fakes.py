"""Sources and a scale target that do as they are told, and a way to wait for a frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.actions.replicas import ReplicaCollector
from capmon.clock import Clock, SystemClock
from capmon.config.schema import AppSettings, Duration, ScalingSettings, Settings, TargetSettings
from capmon.errors import SourceError
from capmon.model.frame import Frame, TopProcesses
from capmon.model.results import ReplicaState, SourceState
from capmon.model.sample import Batch
from capmon.monitor.monitor import Monitor
from capmon.scaling.plan import propose

PACE = 0.05
CPU, MEMORY, RATE, P95, STATUS = (
    "system.cpu.utilization",
    "system.memory.utilization",
    "http.server.request.rate",
    "http.server.request.duration.p95",
    "db.status",
)


class Source:
    """A collector that gives what it was told to give."""

    def __init__(
        self,
        clock: Clock,
        name: str = "host",
        values: Mapping[str, float] | None = None,
        *,
        deadline: float = 5.0,
    ) -> None:
        self.name, self.interval, self.deadline = name, PACE, deadline
        self.values = dict(values or {})
        self.missing: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.processes: TopProcesses | None = None
        self.problem = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.readings = 0
        self._clock = clock

    async def collect(self) -> Batch:
        """Fail, hang while the gate is shut, whatever is cancelled, or give the values."""
        self.readings += 1
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                continue
        if self.problem:
            raise SourceError(self.problem)
        return Batch(
            self._clock.now(),
            dict(self.values),
            dict(self.missing),
            texts=dict(self.texts),
            processes=self.processes,
        )

    async def close(self) -> None:
        """Hold nothing."""


class Service:
    """A scale target in memory."""

    kind = "swarm"
    name = "web"
    notices: tuple[str, ...] = ()
    hindrance = ""
    owners: tuple[str, ...] = ()

    def __init__(self, count: int | None = 4) -> None:
        self.count = count
        self.written: list[int] = []

    def look_closely(self) -> None:
        """All is seen anyway."""

    async def read(self) -> ReplicaState:
        """The count, which may be unknown."""
        reason = "" if self.count is not None else "the answer has no count"
        return ReplicaState(self.kind, self.name, self.count, self.count, reason=reason)

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """What would run."""
        return ("docker", "service", "scale", f"web={to}")

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Set the count."""
        self.written.append(to)
        self.count = to

    async def close(self) -> None:
        """Hold nothing."""


def fast(*, app: str = "none", **changes: object) -> Settings:
    """Settings with a quick pace."""
    settings = Settings(
        interval=Duration(PACE),
        app=AppSettings(source=app, interval=Duration(PACE)),  # type: ignore[arg-type]
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


class Rig:
    """A monitor on fake sources, whose frames can be waited for."""

    def __init__(
        self, *sources: Source, clock: Clock | None = None, settings: Settings | None = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.monitor = Monitor(settings or fast(), sources, self.clock)
        self.frames: list[Frame] = []
        self.monitor.on_frame(self.frames.append)

    async def __aenter__(self) -> Rig:
        await self.monitor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.monitor.stop()

    async def until(self, good: Callable[[Frame], object], seconds: float = 10.0) -> Frame:
        """The first frame from now on that is good."""
        looked = len(self.frames)
        async with asyncio.timeout(seconds):
            while True:
                for frame in self.frames[looked:]:
                    looked += 1
                    if good(frame):
                        return frame
                await asyncio.sleep(0.01)

    async def more(self, count: int = 3) -> Frame:
        """The frame after so many more of them."""
        wanted = len(self.frames) + count
        return await self.until(lambda _: len(self.frames) >= wanted)

    def notes(self, kind: str) -> list[str]:
        """Texts of the events of one kind in the latest frame, the latest first."""
        return [e.text for e in self.frames[-1].events if e.kind == kind]


class ScaledRig(Rig):
    """The same with a service that can be scaled."""

    def __init__(
        self,
        folder: Path,
        *sources: Source,
        mode: str = "act",
        app: str = "none",
        clock: Clock | None = None,
        count: int | None = 4,
    ) -> None:
        clock = clock or SystemClock()
        target = TargetSettings(kind="swarm", service="web", interval=Duration(PACE))
        scaling = ScalingSettings(mode=mode, target=target)  # type: ignore[arg-type]
        settings = fast(app=app, scaling=scaling)
        self.service = Service(count)
        self.audit = Audit(folder / "capmon" / "audit.jsonl", clock, {})
        replicas = ReplicaCollector(self.service, scaling, clock)
        actuator = Actuator(
            scaling, self.service, self.audit, clock, planner=propose, settle=5 * PACE
        )
        self.clock = clock
        self.monitor = Monitor(settings, [*sources, replicas], clock, actuator, replicas.last)
        self.frames = []
        self.monitor.on_frame(self.frames.append)


def state(frame: Frame, source: str) -> SourceState:
    """How one source does."""
    return next(h.state for h in frame.health if h.source == source)
