"""What capmon itself costs here, measured: its start, its memory, its share of a core."""

from __future__ import annotations

import asyncio
import os
import resource as usage
import sys
import time
from dataclasses import replace

from capmon.actions.run import run
from capmon.clock import Clock
from capmon.config.loaded import Loaded
from capmon.doctor.report import Notes
from capmon.errors import CapmonError
from capmon.monitor.build import build
from capmon.monitor.monitor import Monitor

WATCH = 3.0
"""Seconds over which the share of a core is measured."""

READY = 12.0
"""Seconds that the analysis may take to load."""

START = "import time; t = time.perf_counter(); import capmon.cli, capmon.ui.live, capmon.ui.app; print(time.perf_counter() - t)"  # fmt: skip
SLOW = 3.0
"""Seconds from which a start is slow."""

BUSY = 0.1
"""Share of a core from which watching costs too much."""


def cost(notes: Notes, loaded: Loaded, clock: Clock) -> None:
    """Start a program that imports the screen; then watch this host for some seconds."""
    try:
        done = asyncio.run(run((sys.executable, "-c", START), deadline=12.0))
        seconds = float(done.stdout)
    except (CapmonError, ValueError) as fault:
        notes.note("start", f"could not be measured: {fault}")
    else:
        told = f"{seconds:.2f} s to load the screen"
        if seconds > SLOW:
            notes.note("start", told, "a slow disk, or modules that are compiled anew every time: see that they can be written")  # fmt: skip
        else:
            notes.ok("start", told)
    share = asyncio.run(_watched(loaded, clock))
    told = "the analysis did not get ready in time" if share is None else f"{share:.1%} of a core, every {loaded.settings.interval:g} s, with the analysis"  # fmt: skip
    if share is None or share > BUSY:
        notes.note("watching", told, "a longer interval costs less")
    else:
        notes.ok("watching", told)
    notes.ok("memory", f"{_resident() / 2**20:.0f} MiB resident, this command included")


async def _watched(loaded: Loaded, clock: Clock) -> float | None:
    """The share of a core that a monitor without a screen takes; None where it does not get ready."""
    settings = loaded.settings
    alone = replace(settings, scaling=replace(settings.scaling, target=replace(settings.scaling.target, kind="none")))  # fmt: skip
    monitor = build(replace(loaded, settings=alone), clock, read_only=True)
    try:
        await monitor.start()
        monitor.start_engine()
        if not await _ready(monitor):
            return None
        cpu, wall = time.process_time(), clock.monotonic()
        await asyncio.sleep(WATCH)
        return (time.process_time() - cpu) / (clock.monotonic() - wall)
    finally:
        await monitor.stop()


async def _ready(monitor: Monitor) -> bool:
    for _ in range(int(READY / 0.1)):
        if monitor.frame is not None and monitor.frame.engine_ready:
            return True
        await asyncio.sleep(0.1)
    return False


def _resident() -> float:
    """Bytes of memory of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  one line
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        # The greatest so far; kilobytes on Linux, bytes on macOS.
        most = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
