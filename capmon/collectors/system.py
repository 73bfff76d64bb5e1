"""Load averages, file handles and the count of processes."""

from __future__ import annotations

import math
import os

from capmon.collectors.cgroup import Limits
from capmon.collectors.files import integer, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError

_LOAD = ("system.cpu.load.1m", "system.cpu.load.5m", "system.cpu.load.15m")
_HANDLES = ("system.filehandles.usage", "system.filehandles.utilization")
_COUNT = "system.processes.count"

COUNT_INTERVAL = 5.0
"""Seconds between two counts of the processes, which cost more the more there are."""


def parse_load(text: str) -> tuple[float, float, float]:
    """Load averages over 1, 5 and 15 minutes.

    Raises:
        SourceError: The text does not hold them.
    """
    try:
        one, five, fifteen = (float(part) for part in text.split()[:3])
    except ValueError:
        raise SourceError("/proc/loadavg cannot be read") from None
    if not all(math.isfinite(load) and load >= 0 for load in (one, five, fifteen)):
        raise SourceError("/proc/loadavg cannot be read")
    return one, five, fifteen


def parse_handles(text: str) -> tuple[int, int]:
    """File handles in use, and the most that there may be.

    Raises:
        SourceError: The text does not hold them.
    """
    parts = text.split()
    if len(parts) != 3:
        raise SourceError("/proc/sys/fs/file-nr cannot be read")
    allocated, free, most = (integer(part) for part in parts)
    return allocated - free, most


class System:
    """Reads what the kernel counts for the whole system."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._counted_at: float | None = None
        self._count = 0

    def read(self, limits: Limits, at: float, tally: Tally) -> None:  # noqa: ARG002  as the other parts
        """Read everything once; the count of processes stands for a few seconds."""
        try:
            for name, load in zip(_LOAD, parse_load(read(f"{self._proc}/loadavg")), strict=True):
                tally.put(name, load)
        except SourceError as error:
            tally.lack(str(error), *_LOAD)
        try:
            used, most = parse_handles(read(f"{self._proc}/sys/fs/file-nr"))
        except SourceError as error:
            tally.lack(str(error), *_HANDLES)
        else:
            tally.put(_HANDLES[0], used)
            if most > 0:
                tally.put(_HANDLES[1], used / most)
            else:
                tally.lack("no maximum", _HANDLES[1])
        self._processes(at, tally)

    def _processes(self, at: float, tally: Tally) -> None:
        if self._counted_at is None or at - self._counted_at >= COUNT_INTERVAL:
            try:
                names = os.listdir(self._proc)  # noqa: PTH208  a path object for each is not needed
            except OSError as error:
                tally.lack(f"{self._proc}: {os.strerror(error.errno or 0).lower()}", _COUNT)
                return
            self._count, self._counted_at = sum(name.isdecimal() for name in names), at
        if self._count:
            tally.put(_COUNT, self._count)
        else:
            tally.lack("no process is visible", _COUNT)
