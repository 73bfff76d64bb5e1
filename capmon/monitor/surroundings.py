"""What is known of a scale target beside its counts: who acts on it, and what was done to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from capmon.actions.audit import Audit
from capmon.actions.lock import ActorLock
from capmon.actions.redact import printable
from capmon.actions.targets.base import Target
from capmon.clock import Clock
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.model.policies import AuditLine

SHOWN = 60
"""Latest records that are shown: an action writes up to four, and a budget of turns counts an hour of them."""

LOOKED_AT = 200
"""Latest records among which they are looked for: those of other targets lie between them."""

LOOKED_EVERY = 2.0
"""Seconds between two looks at the lock."""


class Surroundings:
    """Looks at the audit log when someone has written, and at the lock every few seconds.

    Args:
        target: What is scaled.
        audit: The log.
        lock: The lock of the target's autoscaler, which is only looked at.
        clock: Time.
    """

    def __init__(self, target: Target, audit: Audit, lock: ActorLock, clock: Clock) -> None:
        self.target = target
        """What is scaled, for its lease."""
        self._audit = audit
        self._clock = clock
        self._revision: tuple[int, int] | None = None
        self._lines: tuple[AuditLine, ...] = ()
        self._actor = ""
        self._looked = -math.inf
        self.lock = lock
        """Whoever acts on its own takes it."""

    def on(self, frame: Frame) -> Frame:
        """The frame with all of it, where the policies have spoken."""
        if frame.scaling is None:
            return frame
        return replace(
            frame, scaling=replace(frame.scaling, audit=self.lines(), actor=self.actor())
        )

    def warnings(self) -> tuple[str, ...]:
        """What to think of before scaling by hand."""
        actor = self.actor()
        return (actor,) if actor else ()

    def lines(self) -> tuple[AuditLine, ...]:
        """The latest records of the target, the latest first."""
        revision = self._audit.revision()
        if revision != self._revision:
            try:
                entries = self._audit.tail(LOOKED_AT)
            except CapmonError:
                return self._lines  # the next action will say that it cannot be audited
            self._revision = revision
            ours = [e for e in entries if e.get("target") == self.target.name]
            self._lines = tuple(filter(None, map(_line, reversed(ours))))[:SHOWN]
        return self._lines

    def actor(self) -> str:
        """`an autoscaler (pid 123, root) acts on this target`; empty when no other process does."""
        now = self._clock.monotonic()
        if now - self._looked >= LOOKED_EVERY:
            self._looked = now
            try:
                holder = self.lock.holder()
                self._actor = f"{holder} acts on this target" if holder is not None else ""
            except CapmonError as error:
                self._actor = f"whether an autoscaler acts on this target is not known: {error}"
        return self._actor


def _line(entry: Mapping[str, Any]) -> AuditLine | None:
    try:
        at = datetime.fromisoformat(str(entry.get("time"))).timestamp()
    except (ValueError, OverflowError):
        return None
    why = entry.get("why")
    text = entry.get("detail") or (why[0] if isinstance(why, list) and why else "")
    user = str(entry.get("user", ""))
    behind = entry.get("sudo_user")
    return AuditLine(
        at,
        printable(str(entry.get("event", "")), 20),
        printable(f"{behind} as {user}" if behind else user, 80),
        _count(entry.get("from")),
        _count(entry.get("to")),
        printable(str(text), 200),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
