"""The host by way of psutil, for systems without /proc such as macOS."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from heapq import nlargest
from typing import TYPE_CHECKING

from capmon.clock import Clock
from capmon.collectors import daemon
from capmon.collectors.base import Collector
from capmon.collectors.counters import Counters
from capmon.collectors.files import clean
from capmon.collectors.memory import NO_SWAP
from capmon.collectors.network import note, virtual
from capmon.collectors.tally import Tally
from capmon.config.schema import HostSettings, Settings
from capmon.errors import SourceError
from capmon.model import metric
from capmon.model.frame import HostFacts, ProcessUse, TopProcesses
from capmon.model.sample import Batch

if TYPE_CHECKING:
    import psutil

ABSENT = "not available on this system"
"""Why a metric that only Linux has is missing."""

_LINUX_ONLY = (
    "system.pressure.cpu.some.avg10",
    "system.pressure.memory.some.avg10",
    "system.pressure.memory.full.avg10",
    "system.pressure.io.some.avg10",
    "system.pressure.io.full.avg10",
    "container.cpu.throttled",
    "system.network.retransmit.ratio",
    "system.network.connections",
    "system.filehandles.usage",
    "system.filehandles.utilization",
)

_DISK = ("system.disk.io.time", "system.disk.read", "system.disk.write")
_SPACE = (
    "system.filesystem.utilization",
    "system.filesystem.usage",
    "system.filesystem.limit",
)


class PortableHostCollector:
    """Reads what psutil can tell of this machine, in a daemon thread with a deadline.

    Args:
        settings: What to read.
        interval: Seconds between two readings.
        clock: The time.
    """

    name = "host"

    def __init__(self, settings: HostSettings, interval: float, clock: Clock) -> None:
        self.interval = interval
        self.deadline = max(5.0, interval)
        self._settings = settings
        self._clock = clock
        self._times: dict[str, tuple[float, ...]] = {}
        self._disks = Counters()
        self._interfaces = Counters()
        self._facts: HostFacts | None = None

    def prime(self) -> None:
        """Take the counters once, so that the first `collect` already has rates to tell."""
        self._read()

    async def collect(self) -> Batch:
        """Read everything once.

        Raises:
            SourceError: Nothing at all could be read, or not in time.
        """
        tally = await daemon.call(self._read, deadline=self.deadline)
        if not tally:
            raise SourceError("; ".join(tally.reasons()[:3]) or "nothing could be read")
        return tally.batch(self._clock.now(), self._facts)

    async def close(self) -> None:
        """Nothing is held between readings."""

    def _read(self) -> Tally:
        tally = Tally()
        parts: tuple[tuple[Callable[[Tally], None], tuple[str, ...]], ...] = (
            (self._cpu, ("system.cpu.utilization",)),
            (self._load, ("system.cpu.load.1m",)),
            (self._memory, ("system.memory.utilization",)),
            (self._swap, ("system.swap.utilization",)),
            (self._io, _DISK),
            (self._network, ("system.network.receive", "system.network.transmit")),
            (self._space, _SPACE),
            (self._count, ("system.processes.count",)),
        )
        for part, keys in parts:
            try:
                part(tally)
            except Exception as error:  # psutil raises errors of its own and of the system
                tally.lack(f"cannot be read: {type(error).__name__}", *keys)
        tally.lack(ABSENT, *_LINUX_ONLY)
        self._facts = self._facts or _facts()
        return tally

    def _cpu(self, tally: Tally) -> None:
        import psutil

        each = psutil.cpu_times(percpu=True)
        rows = {"": psutil.cpu_times(), **{str(i): times for i, times in enumerate(each)}}
        before, self._times = self._times, {name: tuple(row) for name, row in rows.items()}
        tally.put("system.cpu.limit", len(each))
        for core, row in rows.items():
            keys = (
                ("system.cpu.utilization", "system.cpu.user", "system.cpu.system")
                if not core
                else (metric.key("system.cpu.core.utilization", core=core),)
            )
            shares = _shares(row._fields, before.get(core), tuple(row))
            if isinstance(shares, str):
                tally.lack(shares, *keys)
                continue
            tally.put(keys[0], 1 - shares.get("idle", 0.0) - shares.get("iowait", 0.0))
            if not core:
                self._states(shares, tally)

    def _states(self, shares: dict[str, float], tally: Tally) -> None:
        tally.put("system.cpu.user", shares.get("user", 0.0) + shares.get("nice", 0.0))
        kernel = ("system", "irq", "softirq")
        tally.put("system.cpu.system", sum(shares.get(state, 0.0) for state in kernel))
        for state in ("iowait", "steal"):
            if state in shares:
                tally.put(f"system.cpu.{state}", shares[state])
            else:
                tally.lack(ABSENT, f"system.cpu.{state}")

    def _load(self, tally: Tally) -> None:
        for name, load in zip(("1m", "5m", "15m"), os.getloadavg(), strict=True):
            tally.put(f"system.cpu.load.{name}", load)

    def _memory(self, tally: Tally) -> None:
        import psutil

        memory = psutil.virtual_memory()
        tally.put("system.memory.limit", memory.total)
        tally.put("system.memory.available", memory.available)
        tally.put("system.memory.usage", memory.total - memory.available)
        tally.put("system.memory.utilization", (memory.total - memory.available) / memory.total)

    def _swap(self, tally: Tally) -> None:
        import psutil

        swap = psutil.swap_memory()
        if not swap.total:
            keys = ("utilization", "usage", "limit")
            tally.lack(NO_SWAP, *(f"system.swap.{name}" for name in keys))
            return
        tally.put("system.swap.limit", swap.total)
        tally.put("system.swap.usage", swap.used)
        tally.put("system.swap.utilization", swap.used / swap.total)

    def _io(self, tally: Tally) -> None:
        import psutil

        counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        rows = {
            name: (float(row.read_bytes), float(row.write_bytes), getattr(row, "busy_time", -1.0))
            for name, row in counters.items()
            if row.read_bytes or row.write_bytes
        }
        if not rows:
            tally.lack("no block device has done any I/O", *_DISK)
        for device, change in self._disks.step(rows, self._clock.monotonic()).items():
            busy, got, put = (metric.key(name, device=clean(device)) for name in _DISK)
            if isinstance(change, str):
                tally.lack(change, busy, got, put)
                continue
            rates = change.rates()
            tally.put(got, rates[0])
            tally.put(put, rates[1])
            if rows[device][2] < 0:
                tally.lack(ABSENT, busy)
            else:
                tally.put(busy, min(1.0, rates[2] / 1000))

    def _network(self, tally: Tally) -> None:
        import psutil

        chosen = self._settings.network
        rows = {
            name: (
                float(row.bytes_recv),
                float(row.bytes_sent),
                float(row.errin + row.errout + row.dropin + row.dropout),
            )
            for name, row in psutil.net_io_counters(pernic=True, nowrap=False).items()
            if (not virtual(name) if chosen == "auto" else name in chosen)
        }
        note(self._interfaces.step(rows, self._clock.monotonic()), tally)

    def _space(self, tally: Tally) -> None:
        import psutil

        chosen = self._settings.disks
        seen: set[str] = set()
        for part in psutil.disk_partitions(all=False):
            wanted = (
                _of_interest(part.mountpoint) if chosen == "auto" else part.mountpoint in chosen
            )
            if not wanted or part.device in seen or part.fstype == "squashfs":
                continue
            seen.add(part.device)
            keys = [metric.key(name, mountpoint=clean(part.mountpoint)) for name in _SPACE]
            try:
                usage = psutil.disk_usage(part.mountpoint)
            except OSError as error:
                tally.lack(os.strerror(error.errno or 0).lower(), *keys)
                continue
            if usage.used + usage.free > 0:
                tally.put(keys[0], usage.used / (usage.used + usage.free))
                tally.put(keys[1], usage.used)
                tally.put(keys[2], usage.used + usage.free)

    def _count(self, tally: Tally) -> None:
        import psutil

        tally.put("system.processes.count", len(psutil.pids()))


def _shares(
    names: tuple[str, ...], before: tuple[float, ...] | None, now: tuple[float, ...]
) -> dict[str, float] | str:
    """Share of each state between two readings; guest time is part of user time already."""
    if before is None:
        return "first reading"
    spent = {
        name: max(0.0, b - a)
        for name, a, b in zip(names, before, now, strict=True)
        if not name.startswith("guest")
    }
    total = sum(spent.values())
    return {name: n / total for name, n in spent.items()} if total else "no CPU time was counted"


def _of_interest(mountpoint: str) -> bool:
    """Whether a volume is more than one of macOS's own, which share their space with the data's."""
    return not mountpoint.startswith("/System/Volumes/") or mountpoint.endswith("/Data")


def _facts() -> HostFacts | None:
    import psutil

    cores = psutil.cpu_count()
    if not cores:
        return None
    total = float(psutil.virtual_memory().total)
    mac = platform.mac_ver()[0]
    return HostFacts(
        hostname=clean(platform.node()),
        system=f"macOS {mac}" if mac else clean(f"{platform.system()} {platform.release()}"),
        cores=cores,
        cpu_limit=float(cores),
        cpu_limit_origin="machine",
        memory_total=total,
        memory_limit=total,
        memory_limit_origin="machine",
        boot_time=psutil.boot_time(),
    )


class PortableProcessCollector:
    """Reads the process table with psutil, in a daemon thread with a deadline.

    Args:
        settings: How many processes to keep, and how often.
        clock: The time.
    """

    name = "processes"

    def __init__(self, settings: HostSettings, clock: Clock) -> None:
        self.interval: float = settings.processes_interval
        self.deadline = max(5.0, self.interval)
        self._keep = settings.processes
        self._clock = clock
        self._last: dict[tuple[int, float], tuple[float, float]] = {}

    def prime(self) -> None:
        """Read the table once, so that the first `collect` already knows shares of CPU."""
        self._read()

    async def collect(self) -> Batch:
        """Read the table once.

        Raises:
            SourceError: It was not read in time.
        """
        at = self._clock.now()
        return Batch(at=at, processes=await daemon.call(self._read, deadline=self.deadline))

    async def close(self) -> None:
        """Nothing is held between readings."""

    def _read(self) -> TopProcesses:
        import psutil

        before, self._last = self._last, {}
        found = [self._use(one, before) for one in psutil.process_iter()]
        known = [use for use in found if use is not None]
        return TopProcesses(
            by_cpu=tuple(nlargest(self._keep, (u for u in known if u.cpu), key=lambda u: u.cpu or 0.0)),
            by_memory=tuple(nlargest(self._keep, (u for u in known if u.memory), key=lambda u: u.memory)),
        )  # fmt: skip

    def _use(
        self, one: psutil.Process, before: dict[tuple[int, float], tuple[float, float]]
    ) -> ProcessUse | None:
        import psutil

        try:
            with one.oneshot():
                times, start = one.cpu_times(), one.create_time()
                memory, name = one.memory_info().rss, one.name()
        except (psutil.Error, OSError):  # it has ended, or is not for us to see
            return None
        at, spent = self._clock.monotonic(), times.user + times.system
        self._last[one.pid, start] = (at, spent)
        old = before.get((one.pid, start))
        cpu = max(0.0, spent - old[1]) / (at - old[0]) if old and at > old[0] else None
        return ProcessUse(one.pid, clean(name) or str(one.pid), cpu, float(memory))


def portable_collectors(settings: Settings, clock: Clock) -> list[Collector]:
    """Collectors for a system without /proc, the host's first counters taken already."""
    machine = PortableHostCollector(settings.host, settings.interval, clock)
    machine.prime()
    found: list[Collector] = [machine]
    if settings.host.processes:
        found.append(PortableProcessCollector(settings.host, clock))
    return found
