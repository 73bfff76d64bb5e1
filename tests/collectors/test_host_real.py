"""The collectors on the machine that runs the tests, against psutil and the portable ones."""

import asyncio
import os
import sys

import pytest

from capmon.clock import ManualClock, SystemClock
from capmon.collectors.host import HostCollector
from capmon.collectors.portable import (
    PortableHostCollector,
    PortableProcessCollector,
    portable_collectors,
)
from capmon.config.schema import HostSettings, Settings
from capmon.model import metric

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
ROOT = 'system.filesystem.utilization{mountpoint="/"}'


async def settled(collector):
    """A reading in which the file systems have answered."""
    for _ in range(100):
        batch = await collector.collect()
        if batch.missing.get(ROOT) != "waiting for an answer":
            return batch
        await asyncio.sleep(0.02)
    raise AssertionError("the root file system does not answer")


@linux
async def test_memory_total_is_psutils():
    """Without a limit that binds, total and limit of memory are psutil's total."""
    import psutil

    batch = await HostCollector(HostSettings(cgroup=False), 1.0, SystemClock()).collect()
    assert batch.values["system.memory.limit"] == psutil.virtual_memory().total
    assert batch.host is not None
    assert batch.host.memory_total == psutil.virtual_memory().total
    assert batch.host.cores == psutil.cpu_count()
    assert batch.host.boot_time == pytest.approx(psutil.boot_time(), abs=2)


@linux
async def test_root_file_system_is_psutils():
    """The share used of the root file system is the one that psutil and df show."""
    import psutil

    batch = await settled(HostCollector(HostSettings(), 1.0, SystemClock()))
    assert batch.values[ROOT] * 100 == pytest.approx(psutil.disk_usage("/").percent, abs=0.1)


@linux
async def test_portable_agrees():
    """The portable collector and the one for Linux tell the same of the same machine."""
    clock = ManualClock()
    ours, portable = (
        HostCollector(HostSettings(cgroup=False), 1.0, clock),
        PortableHostCollector(HostSettings(), 1.0, clock),
    )
    portable.prime()
    ours.prime()
    end = os.times().user + 0.2
    while os.times().user < end:
        pass
    clock.advance(1)
    a, b = await settled(ours), await portable.collect()
    for name in ("system.cpu.limit", "system.memory.limit"):
        assert a.values[name] == b.values[name]
    assert a.values["system.memory.usage"] == pytest.approx(b.values["system.memory.usage"], abs=2**26, rel=0.1)  # fmt: skip
    assert a.values[ROOT] == pytest.approx(b.values[ROOT], abs=0.002)
    assert a.values["system.cpu.utilization"] == pytest.approx(b.values["system.cpu.utilization"], abs=0.35)  # fmt: skip
    assert a.values["system.cpu.utilization"] > 0


async def test_portable_says_what_it_cannot():
    """What only Linux has is missing with that reason, and every key is in the catalogue."""
    clock = ManualClock()
    collector = PortableHostCollector(HostSettings(), 1.0, clock)
    first = await collector.collect()
    assert first.missing["system.cpu.utilization"] == "first reading"
    clock.advance(1)
    batch = await collector.collect()
    assert batch.missing["system.pressure.cpu.some.avg10"] == "not available on this system"
    assert batch.missing["container.cpu.throttled"] == "not available on this system"
    assert batch.values["system.processes.count"] > 1
    assert batch.host is not None
    for name in (*batch.values, *batch.missing):
        metric.metric(name)
    assert not set(batch.values) & set(batch.missing)


async def test_portable_processes():
    """The portable process table knows memory at once and shares of CPU the second time."""
    collector = PortableProcessCollector(HostSettings(processes=10_000), SystemClock())
    first = (await collector.collect()).processes
    assert first is not None
    assert first.by_cpu == ()
    assert os.getpid() in [p.pid for p in first.by_memory]
    end = os.times().user + 0.1
    while os.times().user < end:
        pass
    second = (await collector.collect()).processes
    assert second is not None
    assert os.getpid() in [p.pid for p in second.by_cpu]


def test_portable_factory():
    """The portable collectors carry the same names as those for Linux."""
    assert [c.name for c in portable_collectors(Settings(), SystemClock())] == ["host", "processes"]


@linux
def test_nothing_heavy_is_imported():
    """Reading the host imports neither psutil nor anything of the analysis."""
    import subprocess

    program = (
        "import asyncio, sys\n"
        "from capmon.clock import SystemClock\n"
        "from capmon.collectors.host import host_collectors\n"
        "from capmon.config.schema import Settings\n"
        "async def main():\n"
        "    for one in host_collectors(Settings(), SystemClock()):\n"
        "        await one.collect()\n"
        "asyncio.run(main())\n"
        "print(sorted({'psutil', 'numpy', 'httpx', 'scipy', 'textual'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "[]\n"
    assert done.stderr == ""
