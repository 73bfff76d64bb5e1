"""What one reading of the host and of the process table costs, beside psutil doing the same.

Run: python benchmarks/host_tick.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psutil

from capmon.clock import SystemClock
from capmon.collectors.host import HostCollector
from capmon.collectors.processes import ProcessCollector
from capmon.config.schema import HostSettings


def psutil_tick() -> None:
    """As much of the same as psutil can tell."""
    psutil.cpu_times()
    psutil.cpu_times(percpu=True)
    psutil.getloadavg()
    psutil.virtual_memory()
    psutil.swap_memory()
    psutil.disk_io_counters(perdisk=True)
    psutil.net_io_counters(pernic=True)
    len(psutil.pids())


def psutil_connections() -> None:
    """The count of established connections as psutil finds it: every socket of every process."""
    sum(c.status == psutil.CONN_ESTABLISHED for c in psutil.net_connections("tcp"))


def psutil_scan() -> None:
    """The process table with the same columns."""
    for one in psutil.process_iter():
        try:
            with one.oneshot():
                one.name()
                one.cpu_times()
                one.memory_info()
                one.create_time()
                one.io_counters()
        except (psutil.Error, OSError):
            continue


async def measure(
    rounds: int, work: Callable[[], None] | Callable[[], Coroutine[Any, Any, object]]
) -> tuple[float, float, float]:
    """Median and 95th percentile of the wall time, and the mean CPU time, in milliseconds."""
    walls = []
    cpu = time.process_time()
    for _ in range(rounds):
        start = time.perf_counter()
        made = work()
        if made is not None:
            await made
        walls.append((time.perf_counter() - start) * 1e3)
    spent = (time.process_time() - cpu) * 1e3 / rounds
    return statistics.median(walls), statistics.quantiles(walls, n=20)[-1], spent


async def main(rounds: int) -> None:
    """Measure everything and print the table."""
    clock = SystemClock()
    host = HostCollector(HostSettings(), 1.0, clock)
    table = ProcessCollector(HostSettings(), clock)
    host.prime()
    table.prime()
    await host.collect()
    rows: dict[str, Callable[[], Any]] = {
        "host tick": host.collect,
        "psutil, the part it has": psutil_tick,
        "psutil, connections": psutil_connections,
        "process table": table.collect,
        "psutil, process table": psutil_scan,
    }
    count = len(psutil.pids())
    print(f"{count} processes, {os.cpu_count()} cores, {rounds} rounds; milliseconds a reading")
    print(f"{'':26}{'median':>9}{'p95':>9}{'cpu':>9}")
    for name, work in rows.items():
        median, p95, cpu = await measure(rounds, work)
        print(f"{name:26}{median:9.3f}{p95:9.3f}{cpu:9.3f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
