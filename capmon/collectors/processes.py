"""The processes that use the most CPU, memory and I/O.

Cost: each process costs one small read. Up to `BUDGET` processes are read every time; above
that the busiest of the last reading are, and the rest in turn, those not read for the longest
first, so that each is seen every few readings and the cost stays level. A share of CPU always
divides by the time since that very process was last read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import nlargest, nsmallest

from capmon.clock import Clock
from capmon.collectors.files import fields, integer, read
from capmon.collectors.process_names import useful
from capmon.config.schema import HostSettings
from capmon.errors import SourceError
from capmon.model.frame import ProcessUse, TopProcesses
from capmon.model.sample import Batch

BUDGET = 2000
"""Most processes read at one time."""

ALWAYS = 500
"""Of those, how many are the busiest of the last reading when not all can be read."""

SLICE = 100
"""Processes between two moments in which others on the event loop may run."""

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD in include/linux/sched.h


@dataclass(frozen=True, slots=True)
class Stat:
    """What is used of one /proc/PID/stat."""

    comm: str
    """The kernel's name for it, as it is."""

    kernel: bool
    """Whether it is a thread of the kernel."""

    ticks: int
    """CPU time in user code and kernel, clock ticks."""

    start: int
    """Clock ticks from boot to its start; with the pid it names one process for good."""

    pages: int
    """Resident pages."""


def parse_stat(text: str) -> Stat:
    """Read one /proc/PID/stat; the name in it may hold spaces and parentheses.

    Raises:
        SourceError: It cannot be read.

    Source:
        Linux, Documentation/filesystems/proc.rst, table 1-4.
    """
    left, right = text.find("("), text.rfind(")")
    rest = text[right + 1 :].split(None, 22)
    if left < 0 or right < left or len(rest) < 22:
        raise SourceError("the state of a process cannot be read")
    return Stat(
        comm=text[left + 1 : right],
        kernel=bool(integer(rest[6]) & _KERNEL_THREAD),
        ticks=integer(rest[11]) + integer(rest[12]),
        start=integer(rest[19]),
        pages=max(0, integer(rest[21])),
    )


@dataclass(slots=True)
class _Process:
    """What is known of one process from its readings so far."""

    stat: Stat
    at: float
    cpu: float | None = None
    bytes: int | None = None
    io: float | None = None
    denied: bool = False
    name: str = ""


class ProcessCollector:
    """Reads the process table.

    CPU shares need two readings of a process; one that began since the last reading of the
    table counts from its start. Threads of the kernel hold no memory of their own and are left
    out there.

    Args:
        settings: How many processes to keep, and how often.
        clock: The time.
        proc: Where procfs is.
    """

    name = "processes"

    def __init__(self, settings: HostSettings, clock: Clock, proc: str = "/proc") -> None:
        self.interval: float = settings.processes_interval
        self.deadline = max(2.0, self.interval)
        self._keep = settings.processes
        self._clock = clock
        self._proc = proc
        self._hertz = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._known: dict[str, _Process] = {}
        self._listed: set[str] = set()
        self._listed_at: float | None = None

    def prime(self) -> None:
        """Read the table once, so that the first `collect` already knows shares of CPU."""
        try:
            for _ in self._scan():
                pass
        except SourceError:  # the first collect says so
            pass

    async def collect(self) -> Batch:
        """Read the table once.

        Raises:
            SourceError: It cannot be listed.
        """
        at = self._clock.now()
        for _ in self._scan():
            await asyncio.sleep(0)
        return Batch(at=at, processes=self._top())

    async def close(self) -> None:
        """Nothing is held between readings."""

    def _scan(self) -> Iterator[None]:
        """Read those processes whose turn it is, with a pause after every slice."""
        try:
            pids = [name for name in os.listdir(self._proc) if name.isdecimal()]  # noqa: PTH208
        except OSError as error:
            raise SourceError(f"{self._proc}: {os.strerror(error.errno or 0).lower()}") from error
        if not pids:
            raise SourceError("no process is visible")
        before, self._listed = self._listed, set(pids)
        since, self._listed_at = self._listed_at, self._clock.monotonic()
        self._known = {pid: one for pid, one in self._known.items() if pid in self._listed}
        for count, pid in enumerate(self._due(pids)):
            if count % SLICE == SLICE - 1:
                yield
            self._read(pid, None if pid in before else since)

    def _due(self, pids: list[str]) -> list[str]:
        if len(pids) <= BUDGET:
            return pids
        known = self._known
        busiest = nlargest(ALWAYS, known, key=lambda pid: known[pid].cpu or 0.0)
        first = set(busiest)
        rest = (pid for pid in pids if pid not in first)
        return busiest + nsmallest(
            BUDGET - len(busiest), rest, key=lambda pid: known[pid].at if pid in known else -1.0
        )

    def _read(self, pid: str, born_after: float | None) -> None:
        """Read one process; `born_after` is when the table was last listed, if it was not in it."""
        try:
            stat = parse_stat(read(f"{self._proc}/{pid}/stat"))
        except SourceError:  # it has ended, or is not for us to see
            self._known.pop(pid, None)
            return
        at = self._clock.monotonic()
        old = self._known.get(pid)
        if old is not None and old.stat.start != stat.start:
            born_after = old.at  # the pid was given to another process
            old = None
        now = _Process(stat, at)
        self._known[pid] = now
        if old is None:
            if born_after is not None and at > born_after:
                now.cpu = stat.ticks / self._hertz / (at - born_after)
            self._read_io(pid, now, 0 if born_after is not None else None, born_after)
            return
        if old.stat.comm == stat.comm:
            now.name = old.name
        worked = stat.ticks - old.stat.ticks
        if at > old.at and worked >= 0:
            now.cpu = worked / self._hertz / (at - old.at)
        now.denied = old.denied
        if worked or old.io:
            self._read_io(pid, now, old.bytes, old.at)
        elif old.bytes is not None:
            # A process that took no CPU time and moved nothing before needs no reading: it is idle.
            now.bytes, now.io = old.bytes, 0.0

    def _read_io(self, pid: str, now: _Process, before: int | None, since: float | None) -> None:
        if now.denied or now.stat.kernel:
            return
        try:
            counts = fields(read(f"{self._proc}/{pid}/io"))
            now.bytes = integer(counts.get("read_bytes", "")) + integer(
                counts.get("write_bytes", "")
            )
        except SourceError:
            now.denied = True
            return
        if before is not None and since is not None and now.at > since and now.bytes >= before:
            now.io = (now.bytes - before) / (now.at - since)

    def _top(self) -> TopProcesses:
        known = self._known
        return TopProcesses(
            by_cpu=self._greatest(lambda pid: known[pid].cpu or 0.0),
            by_memory=self._greatest(
                lambda pid: 0 if known[pid].stat.kernel else known[pid].stat.pages
            ),
            by_io=self._greatest(lambda pid: known[pid].io or 0.0),
        )

    def _greatest(self, use: Callable[[str], float]) -> tuple[ProcessUse, ...]:
        pids = nlargest(self._keep, (pid for pid in self._known if use(pid) > 0), key=use)
        return tuple(self._use(pid) for pid in pids)

    def _use(self, pid: str) -> ProcessUse:
        one = self._known[pid]
        if not one.name:
            one.name = self._name(pid, one.stat.comm)
        return ProcessUse(int(pid), one.name, one.cpu, one.stat.pages * self._page, one.io)

    def _name(self, pid: str, comm: str) -> str:
        try:
            argv = read(f"{self._proc}/{pid}/cmdline").split("\0")
        except SourceError:
            argv = []
        return useful(comm, argv[:64]) or pid
