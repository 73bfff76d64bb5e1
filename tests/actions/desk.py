"""An actuator at hand: with its clock, a service in memory and an audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.clock import ManualClock
from capmon.config.schema import ScalingSettings, TargetSettings
from capmon.errors import TargetError
from capmon.model.results import Estimate, Predicted, ReplicaState, ScalePlan
from capmon.scaling.plan import propose

CPU, P95 = "system.cpu.utilization", "http.server.request.duration.p95"
READY, RATE = "replicas.ready", "http.server.request.rate"
ERRORS = "http.server.error.ratio"
PREDICTED = (
    Predicted(P95, 0.187, Estimate(0.149, 0.14, 0.16)),
    Predicted(CPU, 0.7, Estimate(0.62, 0.6, 0.64)),
)


class Service:
    """A target whose replicas are ready as soon as the test says so."""

    kind = "swarm"
    name = "web"

    def __init__(self, count: int = 4) -> None:
        self.ready: int | None = count
        self.desired: int | None = count
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.looked_closely = False
        self.hindrance = ""
        self.written: list[int] = []
        self.error = ""
        self.takes_it_all_the_same = False
        self.unreadable = ""
        self.gate: asyncio.Event | None = None
        self.writing = asyncio.Event()

    def look_closely(self) -> None:
        """Kept for the test."""
        self.looked_closely = True

    async def read(self) -> ReplicaState:
        """The counts, or the failure that the test asks for."""
        if self.unreadable:
            raise TargetError(self.unreadable)
        return ReplicaState(self.kind, self.name, self.ready, self.desired)

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """A command with a secret in it."""
        return ("docker", "service", "scale", "--detach", f"web={to}", "--token=S3CRET")

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Set the count, fail, or wait at the gate, as the test asks for."""
        self.written.append(to)
        self.writing.set()
        if self.gate is not None:
            await self.gate.wait()
        if not self.error or self.takes_it_all_the_same:
            self.desired = to
        if self.error:
            raise TargetError(self.error)

    async def close(self) -> None:
        """Nothing is held open."""


class Desk:
    """An actuator with its clock, service and audit log."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.clock = ManualClock()
        self.service = Service()
        self.audit = Audit(folder / "capmon" / "audit.jsonl", self.clock, {})
        self.settings = ScalingSettings(mode="act", target=TargetSettings(kind="swarm"))
        self.actuator = self.another(**options)

    def another(self, **options: object) -> Actuator:
        """One more actuator on the same service and log, as after a restart."""
        settings = options.pop("settings", self.settings)
        return Actuator(
            settings,  # type: ignore[arg-type]
            self.service,
            self.audit,
            self.clock,
            planner=propose,
            **options,  # type: ignore[arg-type]
        )

    def state(self) -> ReplicaState:
        """What the collector would say now."""
        return ReplicaState(
            "swarm", "web", self.service.ready, self.service.desired, at=self.clock.now()
        )

    def plan(self, **wanted: object) -> ScalePlan:
        """A plan on fresh measurements."""
        wanted = {"predicted": PREDICTED} | wanted
        return self.actuator.propose(
            **wanted,  # type: ignore[arg-type]
            state=self.state(),
            why=("p95 187 of 250 ms",),
            data_age=1.0,
        )

    def events(self) -> list[str]:
        """Events of the audit log, oldest first."""
        return [str(e["event"]) for e in self.audit.tail(100)]

    def tick(self, seconds: float = 1.0, **readings: float) -> None:
        """One tick, some seconds after the last."""
        self.clock.advance(seconds)
        names = {"p95": P95, "cpu": CPU, "rate": RATE, "errors": ERRORS}
        known = {names[name]: value for name, value in readings.items()}
        self.actuator.observe(self.state(), known)

    def ticks(self, seconds: int, **readings: float) -> None:
        """So many ticks, a second apart."""
        for _ in range(seconds):
            self.tick(**readings)
