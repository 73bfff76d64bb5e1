"""Block devices: how busy they are and how much they read and write."""

from __future__ import annotations

import re

from capmon.collectors.cgroup import Limits
from capmon.collectors.counters import Counters
from capmon.collectors.files import clean, integer, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError
from capmon.model import metric

_NAMES = ("system.disk.io.time", "system.disk.read", "system.disk.write")

SECTOR = 512
"""Bytes of a sector in /proc/diskstats, whatever the device's own sectors are."""

_UNREAL = re.compile(r"(?:loop|ram|zram|fd|sr)\d|mmcblk\d+(?:boot|rpmb)")
_PARTITION = re.compile(r"(?P<whole>.*\d)p\d+|(?P<letters>.*[^\d])\d+")

Row = tuple[int, int, int]
"""Milliseconds with work under way, bytes read, bytes written, since the device appeared."""


def parse(text: str) -> dict[str, Row]:
    """Counters of the real devices by name; lines that cannot be read are skipped.

    Left out are loop and memory devices, partitions of a device that is listed itself, and
    devices that have never read or written anything.

    Source:
        Linux, Documentation/admin-guide/iostats.rst.
    """
    rows: dict[str, Row] = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) < 14 or _UNREAL.match(parts[2]):
            continue
        try:
            got, put, ticks = integer(parts[5]), integer(parts[9]), integer(parts[12])
        except SourceError:
            continue
        rows[parts[2]] = (ticks, got * SECTOR, put * SECTOR)
    return {name: row for name, row in rows.items() if any(row[1:]) and whole(name) not in rows}


def whole(name: str) -> str:
    """The device that a partition of this name would belong to: `sda` for `sda1`, `nvme0n1` for `nvme0n1p2`."""
    match = _PARTITION.fullmatch(name)
    return (match["whole"] or match["letters"]) if match else ""


class Disks:
    """Reads every real block device."""

    def __init__(self, proc: str) -> None:
        self._path = f"{proc}/diskstats"
        self._counters = Counters()

    def read(self, limits: Limits, at: float, tally: Tally) -> None:  # noqa: ARG002  as the other parts
        """Read all devices once."""
        try:
            rows = parse(read(self._path))
        except SourceError as error:
            tally.lack(str(error), *_NAMES)
            return
        if not rows:
            tally.lack("no block device has done any I/O", *_NAMES)
        for device, change in self._counters.step(rows, at).items():
            keys = [metric.key(name, device=clean(device)) for name in _NAMES]
            if isinstance(change, str):
                tally.lack(change, *keys)
                continue
            ticks, got, put = change.rates()
            # The kernel rounds the time to its ticks, which can add up to more than has passed.
            tally.put(keys[0], min(1.0, ticks / 1000))
            tally.put(keys[1], got)
            tally.put(keys[2], put)
