"""One acting autoscaler at a time per target: a locked file that names who holds it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from capmon.actions.redact import printable
from capmon.clock import Clock, rfc3339
from capmon.errors import ActionRefused, CapmonError
from capmon.private import make_folder, open_private, state_folder

TRIES = 10
"""Tries to take a lock: whoever only looks holds it for a moment."""

BETWEEN = 0.02
"""Seconds between two tries."""

MOST_BYTES = 4096
"""Bytes of the file that are looked at."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who acts on a target."""

    pid: int | None
    """Process id on its host; None where it could not be read."""

    user: str = ""
    """Account it runs under."""

    since: str = ""
    """RFC 3339 time at which it took the lock."""

    host: str = ""
    """Name of its host."""

    target: str = ""
    """Name of the target."""

    def __str__(self) -> str:
        """`an autoscaler (pid 123, root, since 2026-03-01T14:32:07Z)`; the host where it is another one."""
        known = [
            f"pid {self.pid}" if self.pid is not None else "",
            self.user,
            f"on {self.host}" if self.host and self.host != socket.gethostname() else "",
            f"since {self.since}" if self.since else "",
        ]
        return f"an autoscaler ({', '.join(k for k in known if k) or 'unknown'})"


class ActorLock:
    """The right to act on one target, held by one process until it ends, however it ends.

    The kernel gives the lock back when the process is gone, kill -9 included; a text that was
    left in the file means nothing without the lock. The file stands in this user's state folder:
    autoscalers of different users, of containers or hosts with folders of their own, do not see
    each other here. Where several hosts can act on one target, it takes the target's own lease.

    Args:
        kind: Kind of the target.
        name: Its name.
        clock: Time.
        folder: Where the files are; `$XDG_STATE_HOME/capmon/locks` by default.
        identity: What tells it from others of that kind and name.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        clock: Clock,
        folder: Path | None = None,
        *,
        identity: str = "",
    ) -> None:
        folder = folder or state_folder() / "locks"
        self.path = folder / lock_name(kind, name, identity)
        self._target = name
        self._clock = clock
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    async def take(self) -> None:
        """Take it, until `release` or the end of the process.

        Raises:
            ActionRefused: Another process has it; the text names it.
            CapmonError: The file cannot be opened, or is not this user's own.
        """
        if self.held:
            return
        make_folder(self.path.parent)
        descriptor = open_private(self.path)
        try:
            for _ in range(TRIES):
                if _locked(descriptor, fcntl.LOCK_EX):
                    break
                await asyncio.sleep(BETWEEN)
            else:
                raise ActionRefused(f"{_read(descriptor)} acts on {self._target} already")
            self._write(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let it go; does nothing when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def holder(self) -> Holder | None:
        """The other process that has it now, without taking it; None where nobody has.

        Raises:
            CapmonError: There is a file and it cannot be looked at.
        """
        if self.held or not _written(self.path):
            return None
        descriptor = open_private(self.path, create=False)
        try:
            return None if _locked(descriptor, fcntl.LOCK_SH) else _read(descriptor)
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int) -> None:
        holder = Holder(
            os.getpid(),
            _user(),
            rfc3339(self._clock.now(), timespec="seconds"),
            socket.gethostname(),
            self._target,
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode() + b"\n", 0)


def lock_name(kind: str, name: str, identity: str = "") -> str:
    """`command-web-3f2a….lock`: readable as far as a file name can be, and unique."""
    whole = "\0".join((kind, name, identity)).encode(errors="surrogatepass")
    digest = hashlib.sha256(whole).hexdigest()[:16]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{kind} {name}").strip("-")[:60]
    return f"{readable}-{digest}.lock"


def _written(path: Path) -> bool:
    try:
        return path.lstat().st_size > 0
    except OSError:
        return False


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise CapmonError(f"the lock cannot be taken: {error.strerror or error}") from None
    return True


def _read(descriptor: int) -> Holder:
    try:
        entry = json.loads(os.pread(descriptor, MOST_BYTES, 0))
        pid = entry["pid"]
        texts = {
            k: printable(str(entry.get(k, "")), 80) for k in ("user", "since", "host", "target")
        }
        return Holder(pid if isinstance(pid, int) else None, **texts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Holder(None)


def _user() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
