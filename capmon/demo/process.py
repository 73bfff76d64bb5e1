"""The demo service as a child process of the monitor."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import capmon
from capmon.errors import CapmonError

START_DEADLINE = 15.0
"""Seconds until its first line must be there."""

STOP_DEADLINE = 1.0
"""Seconds it has to end before it is killed."""


class DemoProcess:
    """Runs the demo service; it ends with this process, however this process ends.

    Start it from a thread that lives as long as the service shall: on Linux the service dies
    with the thread that started it.

    Args:
        scenario: Name of what happens to it.
        seed: Same seed, same course.
        port: Port on 127.0.0.1; 0 takes a free one.
    """

    def __init__(self, scenario: str = "day", seed: int = 1, port: int = 0) -> None:
        self._wanted_port = port
        self._scenario = scenario
        self._seed = seed
        self._process: asyncio.subprocess.Process | None = None
        self._errors: deque[str] = deque(maxlen=5)
        self._drain: asyncio.Task[None] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """Port on 127.0.0.1.

        Raises:
            CapmonError: It was not started.
        """
        if self._port is None:
            raise CapmonError("the demo service was not started")
        return self._port

    @property
    def pid(self) -> int | None:
        """Its process id, or None while it does not run."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> int:
        """Start it and return its port once it answers.

        Raises:
            CapmonError: Its packages are missing, or it did not start; the text says why.
        """
        _require("starlette", "uvicorn")
        self._process = await asyncio.create_subprocess_exec(
            *self._argv(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            # Ctrl+C at the terminal is for the monitor, which then stops the service.
            start_new_session=True,
        )
        try:
            self._port = await self._first_line(self._process)
        except BaseException:
            await self.stop()
            raise
        return self._port

    async def stop(self) -> None:
        """End it: asked first, killed after a second. Does nothing when it does not run."""
        process, self._process, self._port = self._process, None, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            _signal(process.terminate)
            try:
                await asyncio.wait_for(process.wait(), STOP_DEADLINE)
            except TimeoutError:
                _signal(process.kill)
        await process.wait()
        if self._drain is not None:
            await self._drain

    def _argv(self) -> list[str]:
        return [
            sys.executable,
            "-P",  # a file in the current folder must not stand in for a package
            *("-m", "capmon.demo.service", "--port", str(self._wanted_port)),
            *("--scenario", self._scenario),
            *("--seed", str(self._seed), "--parent", str(os.getpid())),
        ]

    async def _first_line(self, process: asyncio.subprocess.Process) -> int:
        stdout, stderr = process.stdout, process.stderr
        assert stdout is not None and stderr is not None  # noqa: S101 - asked for as pipes
        # Somebody must read what it says on stderr, or it blocks once the pipe is full.
        self._drain = asyncio.create_task(_keep_tail(stderr, self._errors))
        try:
            line = await asyncio.wait_for(stdout.readline(), START_DEADLINE)
        except TimeoutError:
            raise CapmonError(f"the demo did not start within {START_DEADLINE:g} s") from None
        port = line.decode(errors="replace").strip().rpartition(":")[2]
        if not port.isdecimal():
            await process.wait()
            await self._drain
            raise CapmonError(f"the demo did not start: {' '.join(self._errors) or 'no reason'}")
        return int(port)


def demo_settings(port: int) -> dict[str, str]:
    """Settings, by dotted key, that point capmon at the demo service on `port`."""
    return {
        "app.source": "json",
        "app.url": f"http://127.0.0.1:{port}/api/v1",
        "app.interval": "1s",
        "models.min_points": "10",
        "scaling.mode": "act",
        "scaling.target.kind": "http",
        "scaling.target.url": f"http://127.0.0.1:{port}/scale",
        "scaling.target.interval": "2s",
        "scaling.min": "2",
        "scaling.max": "10",
        "scaling.cooldown.up": "5s",
        "scaling.cooldown.down": "10s",
        # Its replicas start in seconds; the price is an example.
        "scaling.startup": "5s",
        "scaling.every": "5s",
        "scaling.price_per_hour": "0.17",
        # Another start is another service: what the last one did says nothing of it.
        "history.name": "demo",
        "history.resume": "false",
    }


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def _keep_tail(stream: asyncio.StreamReader, tail: deque[str]) -> None:
    while chunk := await stream.read(4096):
        tail.extend(chunk.decode(errors="replace").splitlines())


def _require(*packages: str) -> None:
    if any(importlib.util.find_spec(name) is None for name in packages):
        raise CapmonError("the demo needs: pip install 'capmon[demo]'")


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    root = str(Path(capmon.__file__).parent.parent)
    if sys.path[:1] == [root]:
        # Run from its source folder: the child looks for the package there too.
        paths = [root, environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        send()
