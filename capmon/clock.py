"""The only reader of time, so that tests and replays can bring their own."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

AUTO_ZONE = "auto"
"""The time zone of the machine."""

UTC_NAMES = ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu")
"""Other names of UTC."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Where the kernel tells which start of the machine this is."""

ZONES = "zoneinfo/"
"""Folder of the time zone database, as it stands in the path of a zone."""


class Clock(Protocol):
    """What the rest of capmon knows of time."""

    def now(self) -> float:
        """Unix time, seconds. May step; use it for labels only."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never stepping back. Use it for intervals."""

    def boottime(self) -> float:
        """Seconds since the machine started, sleep included. Use it across processes of one boot."""

    def boot(self) -> str:
        """What tells this start of the machine from any other; empty where that is not known."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        """Unix time, seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    def boottime(self) -> float:
        """Seconds since the machine started."""
        # Only Linux has it; elsewhere no boot is known either, and nobody compares.
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.clock_gettime(clock)

    def boot(self) -> str:
        """The kernel's own identifier of this boot."""
        try:
            return BOOT_ID.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0
        self._uptime = 1000.0
        self._boot = "boot-1"

    def now(self) -> float:
        """Unix time, seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def boottime(self) -> float:
        """Seconds since the machine was started."""
        return self._uptime

    def boot(self) -> str:
        """Identifier of this start of the machine."""
        return self._boot

    def advance(self, seconds: float) -> None:
        """Move all clocks forward."""
        self._now += seconds
        self._monotonic += seconds
        self._uptime += seconds

    def step(self, seconds: float) -> None:
        """Move the wall clock alone, as NTP or an operator would."""
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Suspend the machine: its monotonic clock stands still, the others go on."""
        self._now += seconds
        self._uptime += seconds

    def reboot(self, boot: str = "boot-2") -> None:
        """Start the machine anew; the wall clock goes on."""
        self._boot, self._uptime = boot, 0.0


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    # Two milliseconds that a start without a zone in its configuration does without.
    from zoneinfo import ZoneInfo

    if name == "UTC":
        return True
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


def local_zone(localtime: Path = Path("/etc/localtime")) -> str:
    """Name of the machine's time zone; UTC where it has none that is known."""
    named = os.environ.get("TZ", "").removeprefix(":")
    try:
        linked = str(localtime.resolve())
    except OSError:
        linked = ""
    for name in (named, linked.partition(ZONES)[2]):
        if name and is_zone(name):
            return "UTC" if name in UTC_NAMES else name
    return "UTC"


def rfc3339(at: float, *, timespec: str = "milliseconds") -> str:
    """Unix time as RFC 3339 in UTC: `2026-03-01T14:32:07.120Z`."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec)
    return text.replace("+00:00", "Z")
