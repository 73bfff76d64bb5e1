"""The recorder as a program: put together, ended by signals, gone within a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import Protocol

from capmon.clock import SystemClock
from capmon.config.loaded import Loaded
from capmon.errors import CapmonError
from capmon.model.frame import Event
from capmon.monitor.build import build
from capmon.monitor.monitor import Monitor
from capmon.recording.keeper import Keeper
from capmon.recording.listen import Address, Listener
from capmon.recording.naming import history_file, record_name
from capmon.recording.resume import filler
from capmon.recording.stream import Stream

GRACE = 0.9
"""Seconds that an orderly end may take before the process ends without it."""

OPENING = 5.0
"""Seconds that the history may take to open."""

STEP = 0.1
"""Seconds between two looks whether it is."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What asks it to end."""


class Service(Protocol):
    """Something that runs as long as the recorder."""

    async def start(self) -> int:
        """Start and return once it answers."""

    async def stop(self) -> None:
        """End it."""


def record(
    loaded: Loaded,
    say: Callable[[str], None],
    *,
    listen: Address | None = None,
    service: Service | None = None,
    duration: float | None = None,
) -> None:
    """Collect, analyse, write and serve until a signal comes.

    Args:
        loaded: The configuration.
        say: Called with one line at the start, and with what is wrong.
        listen: Where the results can be read over HTTP; None nowhere.
        service: Started before, and stopped after.
        duration: Seconds after which it ends; None goes on.

    Raises:
        CapmonError: Another process writes this history, it cannot be written, or an address
            cannot be had.
    """
    asyncio.run(_record(loaded, say, listen, service, duration))


async def _record(
    loaded: Loaded,
    say: Callable[[str], None],
    listen: Address | None,
    service: Service | None,
    duration: float | None,
) -> None:
    running = asyncio.create_task(_run(loaded, say, listen, service), name="capmon-recorder")
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        # Whoever started it with nohup, or behind a shell, wants it to go on.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, _leave, running)
    if duration is not None:
        loop.call_later(duration, _leave, running)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _leave(running: asyncio.Task[None]) -> None:
    """End in order, and if that takes too long, all the same: at most the last seconds are lost."""
    over = threading.Timer(GRACE, os._exit, (0,))
    over.daemon = True
    over.start()
    running.cancel()


async def _run(
    loaded: Loaded,
    say: Callable[[str], None],
    listen: Address | None,
    service: Service | None,
) -> None:
    clock, settings = SystemClock(), loaded.settings
    monitor = build(loaded, clock, read_only=True)
    keeper = Keeper(monitor, settings, clock, gives_way=False)
    fill = filler(settings, clock)
    if fill is not None:
        monitor.resume(fill)
    async with contextlib.AsyncExitStack() as ending:
        ending.callback(keeper.stop)
        keeper.start()
        path = history_file(settings)
        if path is not None:
            await asyncio.to_thread(keeper.opened, OPENING)
            if keeper.recording.state not in ("recording", "elsewhere"):
                raise CapmonError(keeper.recording.text)
        stream = Stream(monitor, settings, clock)
        ending.push_async_callback(stream.stop)
        await stream.start()
        if path is not None:
            await _written(keeper)
        where = ""
        if listen is not None:
            listener = Listener(listen, lambda: monitor.frame)
            ending.push_async_callback(listener.stop)
            where = _where(await listener.start())
        name = record_name(settings, os.uname().nodename)
        say(f"recording {name} to {path or 'nowhere: history.path is none'} (pid {os.getpid()}){where}")  # fmt: skip
        monitor.on_event(Troubles(say).take)
        if service is not None:
            ending.push_async_callback(service.stop)
            await service.start()
        # The last reading is in the queue before the history is closed.
        ending.push_async_callback(monitor.stop)
        await _live(monitor)


async def _written(keeper: Keeper) -> None:
    """Wait for a screen that writes this record to give way, as it does once it finds the socket.

    Raises:
        CapmonError: Whoever writes it does not.
    """
    for _ in range(int(OPENING / STEP)):
        if keeper.recording.state == "recording":
            return
        await asyncio.sleep(STEP)
    raise CapmonError(keeper.recording.text)


async def _live(monitor: Monitor) -> None:
    await monitor.start()
    monitor.start_engine()
    await asyncio.Event().wait()


def _where(found: Address) -> str:
    open_to = "" if found.loopback else ", open to other machines"
    return f", results at http://{found}/metrics{open_to}"


class Troubles:
    """Says what is wrong, and when it is over; all else is in the history."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._failing: set[str] = set()

    def take(self, event: Event) -> None:
        """Say an event that speaks of trouble."""
        if event.kind == "notice":
            self._say(event.text)
        if event.kind != "source":
            return
        source, _, state = event.text.partition(" ")
        live = state.split(" ", 1)[0] == "live"
        if not live or source in self._failing:
            self._say(event.text)
        (self._failing.discard if live else self._failing.add)(source)
