"""The monitor without a screen: gather a frame of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import fields, replace
from typing import Protocol

from capmon.clock import SystemClock
from capmon.config.loaded import Loaded
from capmon.config.schema import Duration, Settings
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.model.names import RATE
from capmon.model.results import SourceState
from capmon.monitor.build import build
from capmon.monitor.monitor import Monitor

PATIENCE = 10.0
"""Seconds to wait for the sources beyond the readings asked for."""


class Service(Protocol):
    """Something that must run while the monitor gathers."""

    async def start(self) -> int:
        """Start and return once it answers."""

    async def stop(self) -> None:
        """End it."""


def gather(
    loaded: Loaded, *, samples: int = 3, service: Service | None = None, at_once: bool = False
) -> Frame:
    """Run the monitor until it has taken some readings, and return its last frame.

    Args:
        loaded: The configuration.
        samples: Frames with analysis to wait for.
        service: Something to start before and stop after.
        at_once: Let thresholds hold for the readings taken instead of their `for`, where that is longer.

    Raises:
        CapmonError: Not even this host could be read.
    """
    if at_once:
        # From the first reading to the last but one: the last tick may come early.
        seconds = max(0.0, (samples - 2) * loaded.settings.interval)
        loaded = replace(loaded, settings=without_waiting(loaded.settings, seconds))
    return asyncio.run(_gather(loaded, samples, service))


def without_waiting(settings: Settings, seconds: float = 0.0) -> Settings:
    """The settings with every threshold's `for` at so many seconds at most."""
    thresholds = settings.thresholds
    now = {}
    for field in fields(thresholds):
        own = getattr(thresholds, field.name)
        now[field.name] = replace(own, for_=Duration(min(own.for_, seconds)))
    return replace(settings, thresholds=replace(thresholds, **now))


async def _gather(loaded: Loaded, samples: int, service: Service | None) -> Frame:
    monitor = build(loaded, SystemClock(), read_only=True)
    async with contextlib.AsyncExitStack() as ending:
        if service is not None:
            ending.push_async_callback(service.stop)
            await service.start()
        ending.push_async_callback(monitor.stop)
        return await frame_of(monitor, loaded.settings, samples)


async def frame_of(monitor: Monitor, settings: Settings, samples: int) -> Frame:
    """Start a monitor, and wait for so many frames with analysis and for every source.

    Raises:
        CapmonError: Not even this host could be read.
    """
    enough = asyncio.Event()
    seen = 0

    def count(frame: Frame) -> None:
        nonlocal seen
        seen += frame.engine_ready
        if seen >= samples and settled(frame):
            enough.set()

    monitor.on_frame(count)
    await monitor.start()
    monitor.start_engine()
    limit = PATIENCE + samples * settings.interval + 2 * settings.app.interval
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit):
            await enough.wait()
    if monitor.frame is None:
        raise CapmonError("this host could not be read")
    return monitor.frame


def settled(frame: Frame) -> bool:
    """Whether every source has answered or failed, and a live application has told its rate."""
    if any(h.state is SourceState.STARTING for h in frame.health):
        return False
    live = any(h.source == "app" and h.state is SourceState.LIVE for h in frame.health)
    return not live or frame.reason(RATE) != "first reading"
