"""CPU time: how busy all cores and each of them were, and the share of a quota that was used."""

from __future__ import annotations

from capmon.collectors.cgroup import CpuLimit, Limits, cpu_seconds, throttling
from capmon.collectors.counters import FIRST, RESET, Change, Counters
from capmon.collectors.files import integer, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError
from capmon.model import metric

UTILIZATION = "system.cpu.utilization"
LIMIT = "system.cpu.limit"
THROTTLED = "container.cpu.throttled"
_SHARES = ("system.cpu.user", "system.cpu.system", "system.cpu.iowait", "system.cpu.steal")

_USER, _NICE, _SYSTEM, _IDLE, _IOWAIT, _IRQ, _SOFTIRQ, _STEAL = range(8)
Times = tuple[int, ...]
"""Clock ticks in user, nice, system, idle, iowait, irq, softirq and steal, as far as counted."""


def parse(text: str) -> dict[str, Times]:
    """Times by row of /proc/stat: `cpu` for all cores, `cpu0` for the first.

    Guest time is part of user time already, so it is left out. Rows that cannot be read are skipped.

    Raises:
        SourceError: The row for all cores is not there.
    """
    rows: dict[str, Times] = {}
    for line in text.splitlines():
        if not line.startswith("cpu"):
            break
        name, *values = line.split()
        try:
            times = tuple(integer(value) for value in values[:8])
        except SourceError:
            continue
        if len(times) > _IDLE and min(times) >= 0 and (name == "cpu" or name[3:].isdecimal()):
            rows[name] = times
    if "cpu" not in rows:
        raise SourceError("/proc/stat has no row for all CPUs")
    return rows


def spent(before: Times | None, now: Times) -> Times | str:
    """Ticks spent in each state between two readings, or why that is not known.

    The kernel lets idle, iowait and steal step back a little; a state that does spent no time.
    """
    if before is None:
        return FIRST
    if len(before) != len(now) or sum(now) < sum(before):
        return RESET
    ticks = tuple(max(0, b - a) for a, b in zip(before, now, strict=True))
    return ticks if sum(ticks) else "no CPU time was counted"


def busy(ticks: Times) -> float:
    """Share of the time in which there was something to run, time stolen by the hypervisor included."""
    idle = ticks[_IDLE] + (ticks[_IOWAIT] if len(ticks) > _IOWAIT else 0)
    return 1 - idle / sum(ticks)


class Cpu:
    """Reads CPU times, against the cgroup's limit where it binds."""

    def __init__(self, proc: str) -> None:
        self._path = f"{proc}/stat"
        self._last: dict[str, Times] = {}
        self._usage = Counters()
        self._periods = Counters()
        self.cores: int | None = None
        """Cores of the machine that are online; None until read."""

    def binding(self, limits: Limits) -> CpuLimit | None:
        """The limit of the cgroup if it leaves less than the machine has."""
        limit = limits.cpu
        return limit if limit and self.cores and limit.cores < self.cores else None

    def read(self, limits: Limits, at: float, tally: Tally) -> None:
        """Read everything about the CPU once.

        Args:
            limits: What the cgroup allows.
            at: Monotonic seconds.
            tally: Where the values go.
        """
        self._throttling(limits.quota, at, tally)
        try:
            rows = parse(read(self._path))
        except SourceError as error:
            tally.lack(str(error), UTILIZATION, LIMIT, *_SHARES)
            return
        before, self._last = self._last, rows
        self.cores = len(rows) - 1 or None
        for name, now in rows.items():
            if name != "cpu":
                ticks = spent(before.get(name), now)
                one = metric.key("system.cpu.core.utilization", core=name[3:])
                tally.lack(ticks, one) if isinstance(ticks, str) else tally.put(one, busy(ticks))
        ticks = spent(before.get("cpu"), rows["cpu"])
        self._shares(ticks, tally)
        self._total(ticks, limits, at, tally)

    def _shares(self, ticks: Times | str, tally: Tally) -> None:
        if isinstance(ticks, str):
            tally.lack(ticks, *_SHARES)
            return
        total = sum(ticks)
        parts = {
            "system.cpu.user": (_USER, _NICE),
            "system.cpu.system": (_SYSTEM, _IRQ, _SOFTIRQ),
            "system.cpu.iowait": (_IOWAIT,),
            "system.cpu.steal": (_STEAL,),
        }
        for name, states in parts.items():
            known = [ticks[state] for state in states if state < len(ticks)]
            if known:
                tally.put(name, sum(known) / total)
            else:
                tally.lack("not available: this kernel does not count it", name)

    def _total(self, ticks: Times | str, limits: Limits, at: float, tally: Tally) -> None:
        limit = self.binding(limits)
        if limit is None:
            if self.cores:
                tally.put(LIMIT, self.cores)
            else:
                tally.lack("/proc/stat names no CPU", LIMIT)
            if isinstance(ticks, str):
                tally.lack(ticks, UTILIZATION)
            else:
                tally.put(UTILIZATION, busy(ticks))
            return
        tally.put(LIMIT, limit.cores)
        try:
            change = self._usage.one(str(limit.usage), (cpu_seconds(limit),), at)
        except SourceError as error:
            change = str(error)
        if isinstance(change, Change):
            # A quota with bursts, and the moment between two files, can pass the limit by a little.
            tally.put(UTILIZATION, min(1.0, change.rates()[0] / limit.cores))
        else:
            tally.lack(change, UTILIZATION)

    def _throttling(self, quota: CpuLimit | None, at: float, tally: Tally) -> None:
        if quota is None:
            tally.lack("no CPU quota", THROTTLED)
            return
        try:
            change = self._periods.one(quota.folder, throttling(quota), at)
        except SourceError as error:
            change = str(error)
        if isinstance(change, str):
            tally.lack(change, THROTTLED)
            return
        periods, throttled = change.increase
        if periods:
            tally.put(THROTTLED, min(1.0, throttled / periods))
        else:
            tally.lack("idle: no enforcement period has begun", THROTTLED)
