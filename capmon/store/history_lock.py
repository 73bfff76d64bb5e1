"""One process writes a record at a time: a locked file beside the history that names who."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from pathlib import Path

from capmon.clock import Clock, rfc3339
from capmon.errors import CapmonError, HistoryBusy
from capmon.model.text import one_line
from capmon.private import make_folder, open_private

_MOST_BYTES = 1024


class WriterLock:
    """The right to write a record, held until `release` or the end of the process, kill -9 included.

    Other records of the same file may have other writers.
    """

    def __init__(self, path: Path, clock: Clock, name: str) -> None:
        self._history, self._name = path, name
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._path = path.with_name(f"{path.name}.{digest}.lock")
        self._clock = clock
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it.

        Raises:
            HistoryBusy: Another process has it.
            CapmonError: The file cannot be opened, or is not this user's own.
        """
        make_folder(self._path.parent)
        descriptor = open_private(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            since = rfc3339(self._clock.now(), timespec="seconds")
            os.ftruncate(descriptor, 0)
            with contextlib.suppress(OSError):
                # On a full disk it holds all the same, without a name.
                os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)
        except BlockingIOError:
            who = _holder(descriptor)
            os.close(descriptor)
            raise HistoryBusy(
                f"{one_line(self._name)} in {self._history} is written by another capmon ({who})"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise CapmonError(f"{self._path}: {error.strerror or error}") from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let it go; does nothing when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        entry = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
        return one_line(f"pid {int(entry['pid'])}, since {str(entry['since'])[:40]}")
    except (OSError, ValueError, KeyError, TypeError):
        return "which one is not known"
