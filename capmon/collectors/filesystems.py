"""File systems: how full they are, asked in a way that a dead server cannot hold up."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol

from capmon.collectors import daemon, mounts
from capmon.collectors.files import clean, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError
from capmon.model import metric

INTERVAL = 10.0
"""Seconds between two looks at a file system."""

DEADLINE = 2.0
"""Seconds after which a file system counts as not answering."""

PATIENCE = 0.1
"""Seconds that the very first reading waits, so that the first screen shows the disks."""

_NAMES = (
    "system.filesystem.utilization",
    "system.filesystem.usage",
    "system.filesystem.limit",
)


class Statvfs(Protocol):
    """What is used of the answer of statvfs(3)."""

    @property
    def f_frsize(self) -> int:
        """Bytes a block."""

    @property
    def f_blocks(self) -> int:
        """Blocks in all."""

    @property
    def f_bfree(self) -> int:
        """Blocks free."""

    @property
    def f_bavail(self) -> int:
        """Blocks free for unprivileged users."""


@dataclass(frozen=True, slots=True)
class Space:
    """How full one file system is."""

    used: int
    """Bytes in use."""

    limit: int
    """Bytes that an unprivileged user could use: those in use and those still available."""


def space(answer: Statvfs) -> Space | None:
    """Space as df counts it; None for a file system without blocks.

    Blocks kept for root are neither used nor available, so that full means full for services.
    """
    if answer.f_blocks <= 0:
        return None
    used = max(0, answer.f_blocks - answer.f_bfree) * answer.f_frsize
    return Space(used, used + max(0, answer.f_bavail) * answer.f_frsize)


def _measure(ask: Callable[[str], Statvfs], path: str) -> Space | None:
    """Ask one file system; None if it is none, such as a single file mounted over another."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  pathlib is slow to start
            return None
    except FileNotFoundError:
        pass
    return space(ask(path))


@dataclass(slots=True)
class _Asked:
    """A question under way or answered."""

    answer: Future[Space | None]
    at: float


class FileSystems:
    """Reads how full every real file system is, each in its own daemon thread.

    Between two looks the last answer stands. One that does not answer is missing with the
    reason, and is not asked again until the old question has come back.
    """

    def __init__(
        self,
        chosen: Literal["auto"] | tuple[str, ...],
        proc: str,
        root: str,
        statvfs: Callable[[str], Statvfs],
    ) -> None:
        self._chosen = chosen
        self._path = f"{proc}/self/mountinfo"
        self._root = root.rstrip("/")
        self._statvfs = statvfs
        self._due: float | None = None
        self._asked: dict[str, _Asked] = {}
        self._known: dict[str, Space | str | None] = {}
        self._reason = ""

    async def read(self, at: float, tally: Tally) -> None:
        """Note what is known, and ask again when it is time; waits only the very first time."""
        first = not self._known
        self.ask(at)
        if first:
            await daemon.settle([asked.answer for asked in self._asked.values()], PATIENCE)
        self._gather(at)
        self._tell(tally)

    def ask(self, at: float) -> None:
        """Start asking every file system if it is time; returns at once."""
        if self._due is not None and at < self._due:
            return
        self._due = at + INTERVAL
        try:
            listed = mounts.parse(read(self._path))
        except SourceError as error:
            self._reason, self._known = str(error), {}
            return
        wanted = self._wanted(listed)
        self._reason = "" if wanted else "no file system that can fill up"
        self._known = {point: known for point, known in self._known.items() if point in wanted}
        self._asked = {point: asked for point, asked in self._asked.items() if point in wanted}
        for point, mount in wanted.items():
            if mount is None:
                self._known[point] = "not mounted"
                continue
            if (asked := self._asked.get(point)) and not asked.answer.done():
                continue
            path = self._root + point
            try:
                answer = daemon.begin(_measure, self._statvfs, path)
            except SourceError as error:
                self._known[point] = str(error)
                continue
            self._asked[point] = _Asked(answer, at)

    def _wanted(self, listed: list[mounts.Mount]) -> dict[str, mounts.Mount | None]:
        if self._chosen == "auto":
            return {mount.point: mount for mount in mounts.real(listed)}
        return mounts.named(listed, self._chosen)

    def _gather(self, at: float) -> None:
        for point, asked in list(self._asked.items()):
            if asked.answer.done():
                del self._asked[point]
                error = asked.answer.exception()
                self._known[point] = _why(error) if error else asked.answer.result()
            elif at - asked.at >= DEADLINE:
                self._known[point] = daemon.silence(DEADLINE)
            else:
                self._known.setdefault(point, "waiting for an answer")

    def _tell(self, tally: Tally) -> None:
        if self._reason:
            tally.lack(self._reason, *_NAMES)
        for point, known in sorted(self._known.items()):
            keys = [metric.key(name, mountpoint=clean(point)) for name in _NAMES]
            if isinstance(known, str):
                tally.lack(known, *keys)
            elif known is not None and known.limit > 0:
                tally.put(keys[0], known.used / known.limit)
                tally.put(keys[1], known.used)
                tally.put(keys[2], known.limit)
            elif known is not None:
                tally.lack("has no space at all", *keys)


def _why(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "cannot be read"
