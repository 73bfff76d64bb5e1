"""The limits that this process's control groups set, and what is used of them.

A limit holds for a whole group, so what counts against it is read from the very group that
sets it: a quota on the parent is used up by all of its children together.

Sources:
    Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,cpuacct}.rst,
    Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from capmon.collectors.files import fields, integer, read
from capmon.collectors.mounts import Mount
from capmon.collectors.mounts import parse as parse_mounts
from capmon.errors import SourceError

Version = Literal[1, 2]

UNLIMITED = 2**60
"""From here on a limit of v1 means none: the kernel rounds its largest number to whole pages."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One tree of groups, as far as this process sees it."""

    version: Version
    """Of the interface: 1 or 2."""

    top: str
    """Folder where the tree is mounted."""

    own: tuple[str, ...]
    """The way from there to this process's group."""

    def groups(self) -> Iterator[tuple[str, ...]]:
        """The group of this process and its ancestors, the nearest first."""
        for depth in range(len(self.own), -1, -1):
            yield self.own[:depth]

    def folder(self, group: tuple[str, ...]) -> str:
        """The folder of one group."""
        return "/".join((self.top, *group))


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """How many cores a group may use."""

    cores: float
    """Cores."""

    version: Version
    """Of the interface that sets the limit."""

    folder: str
    """Of the group that sets it."""

    usage: str | None
    """File that counts the CPU time of that group; None when no group with the same members does."""

    @property
    def origin(self) -> str:
        """As the facts of the host name it."""
        return f"cgroup v{self.version}"


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """How much memory a group may use."""

    size: int
    """Bytes."""

    version: Version
    """Of the interface that sets the limit."""

    folder: str
    """Of the group that sets it."""

    @property
    def origin(self) -> str:
        """As the facts of the host name it."""
        return f"cgroup v{self.version}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The tightest limit of each kind; None where there is none."""

    cpu: CpuLimit | None = None
    """By quota or by set of CPUs, whichever leaves fewer cores."""

    quota: CpuLimit | None = None
    """By quota alone: the group that can be throttled."""

    memory: MemoryLimit | None = None
    """By size."""


def find(proc: str = "/proc", sys: str = "/sys", root: str = "/") -> Limits:
    """The limits in force for this process; what cannot be read sets none.

    Args:
        proc: Where procfs is.
        sys: Where sysfs is; mount points below /sys are looked for there.
        root: Where the other mount points are looked for.
    """
    try:
        membership = read(f"{proc}/self/cgroup")
        mounts = parse_mounts(read(f"{proc}/self/mountinfo"))
    except SourceError:
        return Limits()
    trees = hierarchies(membership, mounts, lambda point: _place(point, sys, root))
    quota = _tightest(_quotas(trees))
    return Limits(
        cpu=_tightest((*([quota] if quota else []), *_sets(trees))),
        quota=quota,
        memory=min(_sizes(trees), key=lambda limit: limit.size, default=None),
    )


def _place(point: str, sys: str, root: str) -> str:
    inside = point.removeprefix("/sys/")
    return f"{sys}/{inside}" if inside != point else root.rstrip("/") + point


def hierarchies(
    membership: str, mounts: Iterable[Mount], place: Callable[[str], str]
) -> dict[str, Hierarchy]:
    """Trees by controller; the unified one of v2 stands under the empty name.

    Args:
        membership: Text of /proc/self/cgroup.
        mounts: What is mounted.
        place: Turns a mount point into the path under which it is read.
    """
    trees: dict[str, Hierarchy] = {}
    usable = [mount for mount in mounts if mount.kind in ("cgroup", "cgroup2")]
    for line in membership.splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        unified = number == "0" and not controllers
        for controller in controllers.split(","):
            for mount in usable:
                fits = mount.kind == "cgroup2" if unified else controller in mount.options
                if fits and (own := _below(path, mount.root)) is not None:
                    version: Version = 2 if unified else 1
                    trees.setdefault(controller, Hierarchy(version, place(mount.point), own))
    return trees


def _below(path: str, root: str) -> tuple[str, ...] | None:
    """The way from a mount's root to a group; None when the mount shows another part of the tree.

    A path through `..` leads out of the namespace: all that can be seen is the mount itself.
    """
    own = tuple(part for part in path.split("/") if part)
    base = tuple(part for part in root.split("/") if part)
    if ".." in own or ".." in base:
        return ()
    return own[len(base) :] if own[: len(base)] == base else None


def _tree(trees: dict[str, Hierarchy], controller: str) -> Hierarchy | None:
    return trees.get(controller) or trees.get("")


def _tightest(limits: Iterable[CpuLimit]) -> CpuLimit | None:
    return min(limits, key=lambda limit: limit.cores, default=None)


def _quotas(trees: dict[str, Hierarchy]) -> Iterator[CpuLimit]:
    tree = _tree(trees, "cpu")
    if tree is None:
        return
    for group in tree.groups():
        folder = tree.folder(group)
        try:
            cores = _quota_v2(folder) if tree.version == 2 else _quota_v1(folder)
        except SourceError:
            continue
        if cores is not None:
            yield CpuLimit(cores, tree.version, folder, _usage_file(trees, tree, group))


def _quota_v2(folder: str) -> float | None:
    parts = read(f"{folder}/cpu.max").split()
    if len(parts) != 2 or parts[0] == "max":
        return None
    return _cores(integer(parts[0]), integer(parts[1]))


def _quota_v1(folder: str) -> float | None:
    quota = integer(read(f"{folder}/cpu.cfs_quota_us").strip())
    return _cores(quota, integer(read(f"{folder}/cpu.cfs_period_us").strip()))


def _cores(quota: int, period: int) -> float | None:
    return quota / period if quota > 0 and period > 0 else None


def _sets(trees: dict[str, Hierarchy]) -> Iterator[CpuLimit]:
    """Limits by set of CPUs; groups inherit theirs, so the outermost of equal ones sets it."""
    tree = _tree(trees, "cpuset")
    if tree is None:
        return
    names = ("cpuset.cpus.effective",) if tree.version == 2 else ("cpuset.effective_cpus", "cpuset.cpus")  # fmt: skip
    found: dict[int, CpuLimit] = {}
    for group in tree.groups():
        folder = tree.folder(group)
        for name in names:
            try:
                count = cpus(read(f"{folder}/{name}"))
            except SourceError:
                continue
            if count:
                found[count] = CpuLimit(float(count), tree.version, folder, _usage_file(trees, tree, group))  # fmt: skip
                break
    yield from found.values()


def cpus(text: str) -> int:
    """How many CPUs a list such as `0-3,8` names.

    Raises:
        SourceError: It is no such list.
    """
    count = 0
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            low, high = integer(first), integer(last or first)
            if not 0 <= low <= high:
                raise SourceError("expected a list of CPUs")
            count += high - low + 1
    return count


def _usage_file(trees: dict[str, Hierarchy], tree: Hierarchy, group: tuple[str, ...]) -> str | None:
    """The file that counts CPU time for the members of `group`.

    In v1 the accounting may be a tree of its own. Its group of the same name has the same
    members if this process is in it too.
    """
    if tree.version == 2:
        return f"{tree.folder(group)}/cpu.stat"
    accounting = trees.get("cpuacct")
    if accounting is None or accounting.own[: len(group)] != group:
        return None
    return f"{accounting.folder(group)}/cpuacct.usage"


def _sizes(trees: dict[str, Hierarchy]) -> Iterator[MemoryLimit]:
    tree = _tree(trees, "memory")
    if tree is None:
        return
    name = "memory.max" if tree.version == 2 else "memory.limit_in_bytes"
    for group in tree.groups():
        folder = tree.folder(group)
        try:
            text = read(f"{folder}/{name}").strip()
            size = UNLIMITED if text == "max" else integer(text)
        except SourceError:
            continue
        if 0 < size < UNLIMITED:
            yield MemoryLimit(size, tree.version, folder)


def cpu_seconds(limit: CpuLimit) -> float:
    """CPU time that the group has used, in seconds since some start.

    Raises:
        SourceError: It is not counted or cannot be read.
    """
    if limit.usage is None:
        raise SourceError("not counted: no cpuacct group matches the one with the limit")
    text = read(limit.usage)
    if limit.version == 2:
        return integer(fields(text).get("usage_usec", "")) / 1e6
    return integer(text.strip()) / 1e9


def throttling(limit: CpuLimit) -> tuple[int, int]:
    """Enforcement periods of the group so far, and those of them in which it was throttled.

    Raises:
        SourceError: They cannot be read.
    """
    counts = fields(read(f"{limit.folder}/cpu.stat"))
    return integer(counts.get("nr_periods", "")), integer(counts.get("nr_throttled", ""))


def memory_usage(limit: MemoryLimit) -> int:
    """Bytes that the group uses, less the file cache that it has not touched for long.

    This is the working set, as Docker and Kubernetes count it: inactive file pages are given
    back before the limit hurts. v1 keeps the numbers of the whole subtree under `total_`.

    Raises:
        SourceError: It cannot be read.
    """
    current, cold = ("memory.current", "inactive_file") if limit.version == 2 else ("memory.usage_in_bytes", "total_inactive_file")  # fmt: skip
    used = integer(read(f"{limit.folder}/{current}").strip())
    inactive = integer(fields(read(f"{limit.folder}/memory.stat")).get(cold, ""))
    return max(0, used - inactive)
