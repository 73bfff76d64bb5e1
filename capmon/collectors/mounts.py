"""What is mounted, as /proc/self/mountinfo tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system."""

    device: str
    """Number of the device, `major:minor`; the same for every mount of one file system."""

    root: str
    """The folder of the file system that is seen at the mount point."""

    point: str
    """Where it is mounted."""

    kind: str
    """Type of file system: `ext4`, `overlay`, `cgroup2`."""

    source: str
    """What is mounted: `/dev/sda1`, `server:/export`."""

    options: tuple[str, ...]
    """Options of the file system; those of a cgroup hierarchy name its controllers."""


def parse(text: str) -> list[Mount]:
    """Mounts in the order of the file; lines that cannot be read are skipped."""
    found = []
    for line in text.split("\n"):
        left, dash, right = line.partition(" - ")
        place, what = left.split(" "), right.split(" ")
        if dash and len(place) >= 6 and len(what) >= 3:
            found.append(
                Mount(
                    device=place[2],
                    root=_plain(place[3]),
                    point=_plain(place[4]),
                    kind=what[0],
                    source=_plain(what[1]),
                    options=tuple(what[2].split(",")),
                )
            )
    return found


def _plain(text: str) -> str:
    r"""Undo the kernel's escapes: a space is written `\040`."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 8)), text) if "\\" in text else text


PSEUDO = frozenset({
    "anon_inodefs", "autofs", "bdev", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs",
    "cpuset", "debugfs", "devfs", "devpts", "devtmpfs", "dax", "drm", "efivarfs", "fusectl",
    "fuse.gvfs-fuse-daemon", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse",
    "fuse.squashfuse", "hugetlbfs", "inotifyfs", "ipathfs", "mqueue", "none", "nfsd", "nsfs",
    "overlay", "overlayfs", "aufs", "pidfs", "pipefs", "proc", "pstore", "ramfs", "resctrl",
    "rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sockfs", "swap", "sysfs",
    "tmpfs", "tracefs", "usbfs", "xenfs", "squashfs", "erofs", "cramfs", "romfs", "iso9660", "udf",
})  # fmt: skip
"""Types that hold nothing that can fill up: views of the kernel, memory, layers, read-only images."""

_BORROWED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log")


def real(mounts: Iterable[Mount]) -> list[Mount]:
    """File systems that can fill up, each device once, in the order of their mount points.

    The root counts whatever its type is; in a container it is an overlay. Of several mounts of
    one device the one that shows the whole file system, else the shortest path, stands for it.
    """
    visible = {mount.point: mount for mount in mounts}
    best: dict[str, Mount] = {}
    for mount in visible.values():
        if mount.point != "/" and (mount.kind in PSEUDO or mount.point in _BORROWED):
            continue
        if mount.kind == "autofs":
            continue
        other = best.get(mount.device)
        if other is None or _rank(mount) < _rank(other):
            best[mount.device] = mount
    return sorted(best.values(), key=lambda mount: mount.point)


def named(mounts: Iterable[Mount], points: Iterable[str]) -> dict[str, Mount | None]:
    """The mounts at the given points; None where nothing is mounted.

    Measuring a path where nothing is mounted would measure the file system around it instead.
    """
    visible = {mount.point: mount for mount in mounts}
    return {point: visible.get(point.rstrip("/") or "/") for point in points}


def _rank(mount: Mount) -> tuple[bool, bool, int, str]:
    return (mount.point != "/", mount.root != "/", len(mount.point), mount.point)
