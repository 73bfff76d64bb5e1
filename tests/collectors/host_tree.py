"""Builds the folders of a machine as /proc, /sys and / show them, for the collectors to read."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from capmon.clock import ManualClock
from capmon.collectors.host import HostCollector
from capmon.config.schema import HostSettings

GIB = 2**30

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
24 27 0:6 / /dev rw - devtmpfs devtmpfs rw
25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
28 27 254:0 /srv /mnt/bind rw - ext4 /dev/vda1 rw
29 27 254:16 / /var/my\\040data rw - xfs /dev/vdb rw
30 27 0:50 / /net rw - autofs systemd-1 rw
31 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
"""
V2_MOUNT = "35 23 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1_MOUNTS = """\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
34 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
V1_MEMBERSHIP = "4:memory:/app\n3:cpuset:/app\n2:cpu,cpuacct:/app\n1:name=systemd:/app\n"

STAT = """\
cpu  1000 100 400 8000 300 50 50 100 10 0
cpu0 500 50 200 4000 150 25 25 50 5 0
cpu1 500 50 200 4000 150 25 25 50 5 0
cpu2 0 0 0 0 0 0 0 0 0 0
cpu3 0 0 0 0 0 0 0 0 0 0
intr 12345 0 0
btime 1700000000
"""
LATER_STAT = """\
cpu  1150 150 500 8400 400 75 75 150 10 0
cpu0 650 100 300 4200 150 25 25 50 5 0
cpu1 500 50 200 4300 150 25 25 50 5 0
cpu2 0 0 0 0 0 0 0 0 0 0
cpu3 0 0 0 0 0 0 0 0 0 0
btime 1700000000
"""

FILES = {
    "proc/stat": STAT,
    "proc/meminfo": (
        "MemTotal: 16777216 kB\nMemFree: 2097152 kB\nMemAvailable: 12582912 kB\n"
        "Buffers: 1048576 kB\nCached: 5242880 kB\nSwapTotal: 4194304 kB\nSwapFree: 3145728 kB\n"
    ),
    "proc/loadavg": "0.50 1.25 2.00 1/89 8279\n",
    "proc/diskstats": (
        "   7 0 loop0 5 0 50 0 0 0 0 0 0 9 9 0 0 0 0\n"
        " 254 0 vda 100 0 2000 10 50 0 4000 20 0 500 30 0 0 0 0\n"
        " 254 1 vda1 100 0 2000 10 50 0 4000 20 0 500 30 0 0 0 0\n"
        " 253 0 dm-0 10 0 100 1 5 0 200 2 0 50 3 0 0 0 0\n"
        " 252 0 zram0 9 0 90 0 9 0 90 0 0 9 9 0 0 0 0\n"
    ),
    "proc/net/dev": (
        "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop\n"
        "    lo: 777 9 0 0 0 0 0 0 777 9 0 0 0 0 0 0\n"
        "  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"
        "docker0:555 5 0 0 0 0 0 0 555 5 0 0 0 0 0 0\n"
    ),
    "proc/net/snmp": (
        "Tcp: RtoAlgorithm MaxConn CurrEstab InSegs OutSegs RetransSegs\nTcp: 1 -1 42 100 1000 10\n"
    ),
    "proc/sys/fs/file-nr": "512\t0\t2048\n",
    "proc/sys/kernel/hostname": "web-01\n",
    "proc/pressure/cpu": "some avg10=12.50 avg60=0 avg300=0 total=1\nfull avg10=0.00 total=0\n",
    "proc/pressure/memory": "some avg10=2.00 total=1\nfull avg10=1.00 total=1\n",
    "proc/pressure/io": "some avg10=30.00 total=1\nfull avg10=20.00 total=1\n",
    "proc/self/cgroup": "0::/\n",
    "proc/self/mountinfo": MOUNTS + V2_MOUNT,
    "proc/1/stat": "1 (init) S 0 " + "0 " * 48,
    "sys/class/net/eth0/device/vendor": "0x1af4\n",
    "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
}


def v2_group(path: str, **files: str) -> dict[str, str]:
    """Files of one group below /sys/fs/cgroup; `cpu_max` stands for cpu.max."""
    folder = f"sys/fs/cgroup/{path}".rstrip("/")
    names = {"cpu_max": "cpu.max", "cpu_stat": "cpu.stat", "memory_max": "memory.max",
             "memory_current": "memory.current", "memory_stat": "memory.stat",
             "cpuset": "cpuset.cpus.effective"}  # fmt: skip
    return {f"{folder}/{names[name]}": text for name, text in files.items()}


def v1_group(quota: str, limit: str) -> dict[str, str]:
    """Files of the group /app in the trees of v1."""
    base = "sys/fs/cgroup"
    return {
        "proc/self/cgroup": V1_MEMBERSHIP,
        "proc/self/mountinfo": MOUNTS + V1_MOUNTS,
        f"{base}/cpu,cpuacct/app/cpu.cfs_quota_us": quota,
        f"{base}/cpu,cpuacct/app/cpu.cfs_period_us": "100000\n",
        f"{base}/cpu,cpuacct/app/cpuacct.usage": "5000000000\n",
        f"{base}/cpu,cpuacct/app/cpu.stat": "nr_periods 10\nnr_throttled 2\nthrottled_time 5\n",
        f"{base}/cpuset/app/cpuset.effective_cpus": "0-3\n",
        f"{base}/memory/app/memory.limit_in_bytes": limit,
        f"{base}/memory/app/memory.usage_in_bytes": str(3 * GIB),
        f"{base}/memory/app/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
    }


def blocks(total: int, free: int, available: int) -> Any:
    """An answer of statvfs in blocks of 4 KiB."""
    return SimpleNamespace(f_frsize=4096, f_blocks=total, f_bfree=free, f_bavail=available)


class Machine:
    """One machine in a folder, with a clock that stands still."""

    def __init__(
        self, folder: Path, *changes: dict[str, str], without: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.clock = ManualClock()
        for change in (FILES, *changes):
            for path, text in change.items():
                self.write(path, text)
        for path in without:
            (folder / path).unlink()

    def write(self, path: str, text: str) -> None:
        """Write one file, as the kernel would show it from now on."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def collector(self, settings: HostSettings | None = None, statvfs: Any = None) -> HostCollector:
        """A collector that reads this machine."""
        return HostCollector(
            settings or HostSettings(),
            1.0,
            self.clock,
            proc=os.fspath(self.folder / "proc"),
            sys=os.fspath(self.folder / "sys"),
            root=os.fspath(self.folder),
            statvfs=statvfs or (lambda path: blocks(1000, 400, 350)),
        )
