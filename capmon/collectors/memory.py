"""Memory and swap: what is used of what may be used."""

from __future__ import annotations

from capmon.collectors.cgroup import Limits, MemoryLimit, memory_usage
from capmon.collectors.files import fields, integer, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError

_MEMORY = (
    "system.memory.utilization",
    "system.memory.usage",
    "system.memory.available",
    "system.memory.limit",
)
_SWAP = ("system.swap.utilization", "system.swap.usage", "system.swap.limit")

NO_SWAP = "no swap configured"
"""Why there is nothing to say about swap."""


def parse(text: str) -> dict[str, int]:
    """Bytes by name of /proc/meminfo; lines that cannot be read are skipped."""
    sizes: dict[str, int] = {}
    for name, value in fields(text).items():
        try:
            sizes[name] = integer(value) * 1024
        except SourceError:
            continue
    return sizes


def available(sizes: dict[str, int]) -> int:
    """Bytes that can be given out without swapping.

    Kernels before 3.14 do not say; there it is what is free or holds cached files, an
    overestimate by the shared memory in the cache.

    Raises:
        SourceError: Neither is known.
    """
    if "MemAvailable" in sizes:
        return sizes["MemAvailable"]
    if "MemFree" not in sizes:
        raise SourceError("/proc/meminfo does not say what is available")
    return sizes["MemFree"] + sizes.get("Buffers", 0) + sizes.get("Cached", 0)


class Memory:
    """Reads memory and swap, against the cgroup's limit where it binds."""

    def __init__(self, proc: str) -> None:
        self._path = f"{proc}/meminfo"
        self.total: int | None = None
        """Bytes of memory of the machine; None until read."""

    def binding(self, limits: Limits) -> MemoryLimit | None:
        """The limit of the cgroup if it leaves less than the machine has."""
        limit = limits.memory
        return limit if limit and self.total and limit.size < self.total else None

    def read(self, limits: Limits, at: float, tally: Tally) -> None:  # noqa: ARG002  as the other parts
        """Read memory and swap once."""
        try:
            sizes = parse(read(self._path))
        except SourceError as error:
            tally.lack(str(error), *_MEMORY, *_SWAP)
            return
        self._memory(sizes, limits, tally)
        self._swap(sizes, tally)

    def _memory(self, sizes: dict[str, int], limits: Limits, tally: Tally) -> None:
        total = sizes.get("MemTotal", 0)
        if total <= 0:
            tally.lack("/proc/meminfo does not say how much there is", *_MEMORY)
            return
        self.total = total
        limit = self.binding(limits)
        size = limit.size if limit else total
        tally.put("system.memory.limit", size)
        try:
            used = memory_usage(limit) if limit else total - available(sizes)
        except SourceError as error:
            tally.lack(str(error), *_MEMORY)
            return
        used = min(max(used, 0), size)
        tally.put("system.memory.usage", used)
        tally.put("system.memory.available", size - used)
        tally.put("system.memory.utilization", used / size)

    def _swap(self, sizes: dict[str, int], tally: Tally) -> None:
        total, free = sizes.get("SwapTotal"), sizes.get("SwapFree")
        if total == 0:
            tally.lack(NO_SWAP, *_SWAP)
        elif total is None or free is None or total < 0:
            tally.lack("/proc/meminfo does not say how much swap there is", *_SWAP)
        else:
            used = min(max(total - free, 0), total)
            tally.put("system.swap.limit", total)
            tally.put("system.swap.usage", used)
            tally.put("system.swap.utilization", used / total)
