"""The app in its terminal: put together, run, and left whatever happens."""

from __future__ import annotations

import asyncio
import socket

from textual.drivers.linux_driver import LinuxDriver

from capmon.clock import SystemClock
from capmon.collectors.base import Collector
from capmon.config.loaded import Loaded
from capmon.model.sample import Batch
from capmon.monitor.build import build
from capmon.recording.beginning import front_of
from capmon.ui.app import CapmonApp
from capmon.ui.leaving import Exit
from capmon.ui.pacing import SteadyDriver


class AfterPaint:
    """A collector that begins after the first paint, which its imports would delay."""

    def __init__(self, inner: Collector, painted: asyncio.Event) -> None:
        self._inner = inner
        self._painted = painted
        self.name: str = inner.name
        self.interval: float = inner.interval

    @property
    def deadline(self) -> float:
        """The inner collector's own."""
        return self._inner.deadline

    async def collect(self) -> Batch:
        """Read once there is a picture."""
        await self._painted.wait()
        return await self._inner.collect()

    async def close(self) -> None:
        """Let go of what the inner collector holds."""
        await self._inner.close()


def live(loaded: Loaded, *, read_only: bool = False) -> CapmonApp:
    """The live monitor of this host and of the application in the configuration.

    It reads from a recorder that sees the same, where there is one.

    Raises:
        ConfigError: The scale target's settings cannot be used.
    """
    painted, clock = asyncio.Event(), SystemClock()
    monitor = build(loaded, clock, read_only=read_only, wrap=lambda c: AfterPaint(c, painted))
    front = front_of(monitor, clock, socket.gethostname())
    return CapmonApp(front, loaded, read_only=read_only, painted=painted)


def run(app: CapmonApp) -> int:
    """Run the app in the terminal and give the exit status."""
    if app.driver_class is LinuxDriver:
        app.driver_class = SteadyDriver
    app.last_resort = Exit()
    app.last_resort.install(app.leave)
    status = app.run()
    app.last_resort.in_order()
    return int(status or app.return_code or 0)
