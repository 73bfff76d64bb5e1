"""The autoscaler as a program: put together, ended by signals, gone within a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable

from capmon.clock import Clock, SystemClock
from capmon.config.loaded import Loaded
from capmon.errors import CapmonError
from capmon.monitor.autoscaler import Autoscaler
from capmon.monitor.build import build
from capmon.monitor.decision import Decision
from capmon.monitor.memory import Memory
from capmon.store.history import History, history_path

GRACE = 0.9
"""Seconds that an orderly end may take before the process ends without it."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What asks it to end."""


def autoscale(
    loaded: Loaded,
    say: Callable[[Decision], None],
    *,
    act: bool,
    read_only: bool = False,
    once: bool = False,
    duration: float | None = None,
) -> bool:
    """Follow the policy of the configuration until a signal comes.

    Args:
        loaded: The configuration.
        say: Called with everything there is to say.
        act: Whether it acts; `scaling.mode` must then be `act`.
        read_only: Whether even dry runs are refused.
        once: Whether to end after one decision.
        duration: Seconds after which it ends; None goes on.

    Returns:
        Whether a decision was made, and the last thing tried did not fail.

    Raises:
        ActionRefused: Another autoscaler acts on the target.
        CapmonError: Nothing is scaled, or it cannot be made sure that nobody else acts.
    """
    return asyncio.run(_autoscale(loaded, say, act, read_only, once, duration))


async def _autoscale(
    loaded: Loaded,
    say: Callable[[Decision], None],
    act: bool,
    read_only: bool,
    once: bool,
    duration: float | None,
) -> bool:
    clock = SystemClock()
    monitor = build(loaded, clock, read_only=read_only)
    shelf = _shelf(clock, say) if act else None
    around = monitor.surroundings
    key = "" if around is None else f"autoscale {around.lock.path.stem}"
    memory = Memory(clock, loaded.settings.scaling.cooldown, shelf, key)
    scaler = Autoscaler(monitor, loaded.settings, clock, say, act=act, memory=memory)
    running = asyncio.create_task(scaler.run(once=once), name="capmon-autoscaler")
    asked = _Asked()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        # Whoever started it with nohup, or behind a shell, wants it to go on.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, _leave, running, asked, number)
    try:
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(duration):
                await running
        if asked.by is not None:
            say(Decision(clock.now(), "stopped", reasons=(f"asked to by {asked.by.name}",)))
    finally:
        if shelf is not None:
            shelf.close()
    return not scaler.undecided and not scaler.failed


class _Asked:
    """Which signal asked it to end."""

    by: signal.Signals | None = None


def _leave(running: asyncio.Task[None], asked: _Asked, number: signal.Signals) -> None:
    """End in order, and if that takes too long, all the same: the kernel gives the lock back."""
    asked.by = number
    over = threading.Timer(GRACE, os._exit, (0,))
    over.daemon = True
    over.start()
    running.cancel()


def _shelf(clock: Clock, say: Callable[[Decision], None]) -> History | None:
    """Where its memory is kept; without it the audit log alone tells of the last action."""
    try:
        return History.open(history_path(), clock)
    except CapmonError as error:
        said = f"what it remembers is not kept: {error}"
        say(Decision(clock.now(), "notice", reasons=(said,)))
        return None
