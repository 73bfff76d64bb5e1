"""Collectors that wait until the demo service is there to be asked."""

from __future__ import annotations

import asyncio

from capmon.collectors.base import Collector
from capmon.demo.process import START_DEADLINE, DemoProcess
from capmon.errors import CapmonError, SourceError
from capmon.model.sample import Batch


class Readiness:
    """Whether the demo service answers yet, or why it never will."""

    def __init__(self, demo: DemoProcess) -> None:
        self._demo = demo
        self._ready = asyncio.Event()
        self._problem = ""

    async def run(self) -> None:
        """Start the service and keep it until cancelled; a failure shows as failing sources."""
        await self._start()
        try:
            await asyncio.Event().wait()
        finally:
            await self._demo.stop()

    async def _start(self) -> None:
        try:
            await self._demo.start()
        except CapmonError as fault:
            self._problem = str(fault)
        self._ready.set()

    async def wait(self) -> None:
        """Return once the service answers.

        Raises:
            SourceError: It did not start.
        """
        await self._ready.wait()
        if self._problem:
            raise SourceError(self._problem)


class Waiting:
    """A collector whose first reading waits for the service."""

    def __init__(self, inner: Collector, readiness: Readiness) -> None:
        self._inner = inner
        self._readiness = readiness
        self.name: str = inner.name
        self.interval: float = inner.interval
        self.deadline: float = inner.deadline + START_DEADLINE

    async def collect(self) -> Batch:
        """Read once the service is there."""
        await self._readiness.wait()
        self.deadline = self._inner.deadline
        return await self._inner.collect()

    async def close(self) -> None:
        """Let go of what the inner collector holds."""
        await self._inner.close()
