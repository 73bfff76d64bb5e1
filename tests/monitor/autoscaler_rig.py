"""An autoscaler on fake sources and a target in memory, whose decisions can be waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from monitor_fakes import PACE, Service, Source, fast

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.actions.lock import ActorLock
from capmon.actions.replicas import ReplicaCollector
from capmon.actions.targets.base import Lease
from capmon.clock import Clock, SystemClock
from capmon.config.schema import CooldownSettings, Duration, ScalingSettings, TargetSettings
from capmon.errors import TargetError
from capmon.model.results import ReplicaState
from capmon.monitor.autoscaler import Autoscaler
from capmon.monitor.decision import Decision
from capmon.monitor.memory import Memory, Shelf
from capmon.monitor.monitor import Monitor
from capmon.monitor.surroundings import Surroundings
from capmon.scaling.plan import propose

CPU, MEMORY, P95 = (
    "process.cpu.utilization",
    "process.memory.utilization",
    "http.server.request.duration.p95",
)
EVERY = 0.1


class Scalable(Service):
    """A target in memory that can break."""

    def __init__(self, count: int | None = 4, *, grows: bool = True) -> None:
        super().__init__(count)
        self.grows = grows
        self.lease: Lease | None = None
        self.problem = ""
        self.attempts = 0

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Set the count, unless it is broken."""
        self.attempts += 1
        if self.problem:
            raise TargetError(self.problem)
        await super().write(to, state)
        if not self.grows and state.desired is not None:
            self.count = state.desired


@dataclass
class Rig:
    """Everything of one autoscaler."""

    folder: Path
    act: bool = True
    up: float = 300.0
    down: float = 600.0
    clock: Clock = field(default_factory=SystemClock)
    shelf: Shelf | None = None
    service: Scalable = field(default_factory=Scalable)
    read_only: bool = False
    policy: Literal["step", "hpa", "predictive"] = "hpa"

    def __post_init__(self) -> None:
        clock = self.clock
        self.host = Source(clock, values={"system.cpu.utilization": 0.01})
        self.app = Source(clock, "app", {CPU: 0.9, MEMORY: 0.5, P95: 0.1})
        scaling = ScalingSettings(
            mode="act" if self.act else "dry-run",
            policy=self.policy,
            every=Duration(EVERY),
            max=20,
            cooldown=CooldownSettings(Duration(self.up), Duration(self.down)),
            target=TargetSettings(kind="swarm", service="web", interval=Duration(PACE)),
        )
        self.settings = fast(app="json", scaling=scaling)
        self.audit = Audit(self.folder / "audit.jsonl", clock, {})
        replicas = ReplicaCollector(self.service, scaling, clock)
        actuator = Actuator(
            scaling,
            self.service,
            self.audit,
            clock,
            planner=propose,
            settle=5 * PACE,
            read_only=self.read_only,
        )
        lock = ActorLock("swarm", "web", clock, self.folder / "locks")
        around = Surroundings(self.service, self.audit, lock, clock)
        sources = [self.host, self.app, replicas]
        self.monitor = Monitor(self.settings, sources, clock, actuator, replicas.last, around)
        self.said: list[Decision] = []
        self.scaler = Autoscaler(
            self.monitor,
            self.settings,
            clock,
            self.said.append,
            act=self.act,
            memory=Memory(clock, scaling.cooldown, self.shelf, "web"),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it run for a while."""
        task = asyncio.create_task(self.scaler.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (fault := task.exception()) is not None:
            raise fault

    async def until(self, good: Callable[[Decision], Any], seconds: float = 10.0) -> Decision:
        """The first decision, of all so far and to come, that is good."""
        async with asyncio.timeout(seconds):
            while True:
                for decision in self.said:
                    if good(decision):
                        return decision
                await asyncio.sleep(0.01)

    async def turns(self, count: int = 3) -> None:
        """Wait until the policies were asked so many times more."""
        wanted = self.monitor.asked + count
        await self.until(lambda _: self.monitor.asked >= wanted)

    def events(self, event: str) -> list[Decision]:
        """Decisions of one kind, oldest first."""
        return [d for d in self.said if d.event == event]

    def audited(self) -> list[tuple[str, int | None]]:
        """Events of the audit log with the count asked for, oldest first."""
        return [(e["event"], e["to"]) for e in self.audit.tail(100)]
