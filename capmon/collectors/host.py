"""The host's collector: one reading of everything that the kernel tells about the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from capmon.clock import Clock
from capmon.collectors import cgroup, facts
from capmon.collectors.base import Collector
from capmon.collectors.cgroup import Limits
from capmon.collectors.cpu import Cpu
from capmon.collectors.disks import Disks
from capmon.collectors.filesystems import FileSystems, Statvfs
from capmon.collectors.memory import Memory
from capmon.collectors.network import Network
from capmon.collectors.pressure import Pressure
from capmon.collectors.processes import ProcessCollector
from capmon.collectors.system import System
from capmon.collectors.tally import Tally
from capmon.config.schema import HostSettings, Settings
from capmon.errors import SourceError
from capmon.model.frame import HostFacts
from capmon.model.sample import Batch

LIMITS_INTERVAL = 10.0
"""Seconds between two looks for the cgroup's limits; they can change while the process runs."""


class Part(Protocol):
    """One group of metrics from one or two files."""

    def read(self, limits: Limits, at: float, tally: Tally) -> None:
        """Read once; what cannot be read is noted as missing and never raised.

        Args:
            limits: What the cgroup allows.
            at: Monotonic seconds.
            tally: Where values and gaps go.
        """


class HostCollector:
    """Reads CPU, memory, disks, network and pressure of this machine from /proc and /sys.

    Inside a cgroup with a limit below the machine's size, CPU and memory are those of the
    cgroup. A rate divides by the true time since the last reading, by the monotonic clock.

    Args:
        settings: What to read.
        interval: Seconds between two readings.
        clock: The time.
        proc: Where procfs is.
        sys: Where sysfs is.
        root: What stands before paths such as /etc/os-release and mount points.
        statvfs: How a file system is asked.
    """

    name = "host"

    def __init__(
        self,
        settings: HostSettings,
        interval: float,
        clock: Clock,
        proc: str = "/proc",
        sys: str = "/sys",
        root: str = "/",
        statvfs: Callable[[str], Statvfs] = os.statvfs,
    ) -> None:
        self.interval = interval
        self.deadline = max(2.0, interval)
        self._clock = clock
        self._roots = (proc, sys, root)
        self._limits = Limits()
        self._limits_due: float | None = None if settings.cgroup else float("inf")
        self._cpu = Cpu(proc)
        self._memory = Memory(proc)
        self._disks = FileSystems(settings.disks, proc, root, statvfs)
        self._parts: tuple[Part, ...] = (
            self._cpu,
            self._memory,
            Pressure(proc),
            Network(settings.network, proc, sys),
            Disks(proc),
            System(proc),
        )
        self._fixed: tuple[str, str, float | None] | None = None
        self._facts: HostFacts | None = None

    def prime(self) -> None:
        """Take the counters once, so that the first `collect` already has rates to tell."""
        self._read(Tally())
        self._disks.ask(self._clock.monotonic())

    async def collect(self) -> Batch:
        """Read everything once.

        Raises:
            SourceError: Nothing at all could be read.
        """
        tally = Tally()
        self._read(tally)
        if not tally:
            raise SourceError("; ".join(tally.reasons()[:3]) or "nothing could be read")
        await self._disks.read(self._clock.monotonic(), tally)
        return tally.batch(self._clock.now(), self._host())

    async def close(self) -> None:
        """Nothing is held between readings."""

    def _read(self, tally: Tally) -> None:
        at = self._clock.monotonic()
        if self._limits_due is None or at >= self._limits_due:
            self._limits = cgroup.find(*self._roots)
            self._limits_due = at + LIMITS_INTERVAL
        for part in self._parts:
            part.read(self._limits, self._clock.monotonic(), tally)

    def _host(self) -> HostFacts | None:
        """Facts of the host; None until its cores and its memory are known."""
        cores, total = self._cpu.cores, self._memory.total
        if cores is None or total is None:
            return None
        if self._fixed is None:
            proc, _, root = self._roots
            self._fixed = (facts.hostname(proc), facts.system(root), facts.boot_time(proc))
        cpu, memory = self._cpu.binding(self._limits), self._memory.binding(self._limits)
        known = HostFacts(
            hostname=self._fixed[0],
            system=self._fixed[1],
            cores=cores,
            cpu_limit=cpu.cores if cpu else float(cores),
            cpu_limit_origin=cpu.origin if cpu else "machine",
            memory_total=float(total),
            memory_limit=float(memory.size if memory else total),
            memory_limit_origin=memory.origin if memory else "machine",
            boot_time=self._fixed[2],
        )
        if known != self._facts:
            self._facts = known
        return self._facts


def host_collectors(settings: Settings, clock: Clock) -> list[Collector]:
    """Collectors of this host, their first counters taken already.

    Without /proc, as on macOS, the portable ones stand in.
    """
    host = settings.host
    if not os.path.exists("/proc/stat"):  # noqa: PTH110  pathlib is slow to start
        from capmon.collectors.portable import portable_collectors

        return portable_collectors(settings, clock)
    machine = HostCollector(host, settings.interval, clock)
    machine.prime()
    found: list[Collector] = [machine]
    if host.processes:
        table = ProcessCollector(host, clock)
        table.prime()
        found.append(table)
    return found
