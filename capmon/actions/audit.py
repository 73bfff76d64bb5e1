"""The record of every attempt to change something: one JSON object a line, private, append-only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from capmon.actions.redact import printable, redact_argv, redact_text
from capmon.clock import Clock, rfc3339
from capmon.errors import CapmonError
from capmon.model.results import Predicted, ScalePlan
from capmon.private import open_private, state_folder

ROTATE_AT = 10 * 1000 * 1000
"""Bytes after which the file is renamed to `audit.jsonl.1`."""

TAIL_BYTES = 1024 * 1024
"""Bytes from the end that are looked at for the latest records."""


def default_path(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/capmon/audit.jsonl`, by default under `~/.local/state`."""
    return state_folder(environment) / "audit.jsonl"


class Audit:
    """Appends to one file; several processes may do so at once."""

    def __init__(
        self, path: Path, clock: Clock, environment: Mapping[str, str] = os.environ
    ) -> None:
        self.path = path
        self._clock = clock
        self._user = _user(environment)

    def record(
        self,
        event: str,
        action: str,
        plan: ScalePlan,
        *,
        detail: str = "",
        changed: bool | None = None,
        actual: Iterable[tuple[str, float]] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> str:
        """Write one line.

        Args:
            event: `attempt`, `refused`, `dry-run`, `accepted`, `failed`, `done` or `verified`.
            action: Identifier that all lines of one action share.
            plan: What was to be done.
            detail: The error, the refusal, or a remark.
            changed: Whether the count was or may have been changed; None when that says itself.
            actual: Values seen after the action, by metric key.
            facts: What else is known of this event, fit for JSON: `ready_after`, `compared`.

        Returns:
            Why it could not be written; empty when it was.
        """
        entry = {
            "time": rfc3339(self._clock.now()),
            "boot": self._clock.boot(),
            "uptime": _number(self._clock.boottime()),
            "id": action,
            **self._user,
            "event": event,
            "mode": plan.mode,
            "target": plan.target,
            "from": plan.origin,
            "to": plan.to,
            "argv": list(redact_argv(plan.argv)),
            "why": [redact_text(line) for line in plan.why],
            "detail": redact_text(detail),
            "predicted": [prediction(p) for p in plan.predicted],
            "actual": {key: _number(value) for key, value in actual},
            **({"takes_back": plan.takes_back} if plan.takes_back else {}),
            **{name: _finite(fact) for name, fact in (facts or {}).items()},
        }
        if changed is not None:
            entry["changed"] = changed
        try:
            self._append(json.dumps(entry, allow_nan=False).encode() + b"\n")
        except CapmonError as error:
            return str(error)
        except OSError as error:
            return f"{self.path}: {error.strerror or error}"
        return ""

    def tail(self, n: int) -> list[dict[str, Any]]:
        """The latest `n` records, oldest first; a torn line is passed over.

        Raises:
            CapmonError: There is a file and it cannot be read.
        """
        found: list[dict[str, Any]] = []
        for path in (self.path, self._rotated):
            if len(found) < n:
                found = _records(path)[-(n - len(found)) :] + found if n > 0 else []
        return found

    def revision(self) -> tuple[int, int]:
        """Changes whenever someone has written; (0, 0) while there is no file."""
        try:
            found = self.path.lstat()
        except OSError:
            return (0, 0)
        return (found.st_ino, found.st_size)

    @property
    def _rotated(self) -> Path:
        return self.path.with_name(self.path.name + ".1")

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_private(self.path, append=True)
        try:
            if self._rotate(descriptor, len(line)):
                os.close(descriptor)
                descriptor = open_private(self.path, append=True)
            _locked(descriptor, fcntl.LOCK_SH)
            # A line torn by a full disk is closed first, or it would swallow this one.
            if _torn(descriptor):
                line = b"\n" + line
            if os.write(descriptor, line) != len(line):
                raise CapmonError(f"{self.path}: the disk is full")
        finally:
            os.close(descriptor)

    def _rotate(self, descriptor: int, more: int) -> bool:
        """Whether the file was renamed; left to the other process where one is at it already."""
        if os.fstat(descriptor).st_size + more <= ROTATE_AT:
            return False
        if not _locked(descriptor, fcntl.LOCK_EX):
            return False
        with contextlib.suppress(FileNotFoundError):
            # Renamed by another process since it was opened: what stands there now is new.
            if self.path.lstat().st_ino == os.fstat(descriptor).st_ino:
                self.path.replace(self._rotated)
        return True


def _locked(descriptor: int, how: int) -> bool:
    """Whether a lock was to be had at once: nobody is waited for."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _torn(descriptor: int) -> bool:
    """Whether the last line was left without its end; one that is being written will get it."""
    if _ends(descriptor) or not _locked(descriptor, fcntl.LOCK_EX):
        return False
    return not _ends(descriptor)


def _ends(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"


def _records(path: Path) -> list[dict[str, Any]]:
    if not os.path.lexists(path):
        return []
    descriptor = open_private(path, create=False)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        lines = file.read(TAIL_BYTES).split(b"\n")
    found = []
    for line in lines[1:] if start else lines:
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                found.append(entry)
    return found


def _user(environment: Mapping[str, str]) -> dict[str, str]:
    """Who acts: the account in effect, which the environment cannot fake, and who used sudo."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    behind = printable(environment.get("SUDO_USER", ""), 64)
    return {"user": name, "sudo_user": behind} if behind else {"user": name}


def prediction(predicted: Predicted) -> dict[str, Any]:
    """One prediction as it stands in the log; what the curve alone says where that is something else."""
    after, model = predicted.after, predicted.model
    return {
        "metric": predicted.metric,
        "before": _number(predicted.before),
        "after": None if after is None else _number(after.value),
        "low": None if after is None else _number(after.low),
        "high": None if after is None else _number(after.high),
        **({} if model is None else {"model": _number(model.value), "remark": predicted.remark}),
    }


def _finite(fact: Any) -> Any:
    """A fact with null for every number that JSON cannot hold."""
    if isinstance(fact, float):
        return _number(fact)
    if isinstance(fact, Mapping):
        return {str(name): _finite(value) for name, value in fact.items()}
    return [_finite(value) for value in fact] if isinstance(fact, list | tuple) else fact


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
