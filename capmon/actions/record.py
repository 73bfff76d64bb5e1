"""What was done to one target lately, by this session and by every other one: the audit log and our own clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from capmon.actions.audit import Audit
from capmon.actions.learned import Learned, learn
from capmon.clock import Clock
from capmon.errors import CapmonError

LOOKED_AT = 1000
"""Latest audit records that are looked at."""

LATELY = 3600.0
"""Seconds for which a change of the count is told of."""

LATE_END = 30.0
"""Seconds beyond the target's deadline within which the end of an action is written down: it reads twice."""

OWN_KEPT = 2 * LOOKED_AT
"""Identifiers of this session's actions that are kept: more than can stand in what is looked at."""


@dataclass(frozen=True, slots=True)
class Past:
    """One action that changed the count, or may have."""

    id: str
    """Identifier in the audit log."""

    at: float
    """When, Unix time."""

    origin: int | None
    """Replicas before."""

    to: int | None
    """Replicas asked for."""

    worse: str = ""
    """How the objective got worse by it, as it was verified."""

    takes_back: str = ""
    """The action that it took back."""

    boot: str = ""
    """Start of the machine that it happened in; empty when not known."""

    uptime: float | None = None
    """When, seconds since that start."""

    open: bool = False
    """Whether its end is not written down: it is under way, or was cut short."""


Change = tuple[float, int | None, int | None]
"""When the count changed, on the clock that never steps, from what and to what."""


class Record:
    """Reads the audit log again whenever someone has written.

    Args:
        audit: The log.
        clock: Time. Actions are timed by clocks that never step, this session's own and, within
            one start of the machine, everyone's; those from before it by the wall clock.
        target: Name of the target.
    """

    def __init__(self, audit: Audit, clock: Clock, target: str) -> None:
        self._audit = audit
        self._clock = clock
        self._target = target
        self._revision: tuple[int, int] | None = None
        self._own: dict[str, Change | None] = {}
        self._others: dict[str, Change] = {}
        self._foreign: deque[Change] = deque(maxlen=LOOKED_AT)
        self._desired: int | None = None
        self._past: dict[str, Past] = {}
        self._learned = Learned()

    def begin(self, action: str) -> None:
        """An action of this session: what the log says of it is known here already."""
        self._own[action] = None
        while len(self._own) > OWN_KEPT:
            del self._own[next(iter(self._own))]

    def changed(self, action: str, origin: int | None, to: int | None) -> None:
        """An action of this session has changed the count, or may have, just now."""
        self._own[action] = (self._clock.monotonic(), origin, to)

    def observe(self, desired: int | None, patience: float) -> None:
        """See the count asked for; a change that no action made is kept as one of others.

        Args:
            desired: Replicas asked for; None when not known.
            patience: Seconds within which an action shows in the count.
        """
        before = self._desired
        self._desired = before if desired is None else desired
        if before is None or desired is None or desired == before:
            return
        ours = any(age <= patience and to == desired for age, _, to in self._ages())
        if not ours:
            self._foreign.append((self._clock.monotonic(), before, desired))

    def since(self) -> float | None:
        """Seconds since the last action of anyone, on the clock that never steps; None when there was none."""
        ages = [age for age, _, _ in self._ages()]
        return min(ages, default=None)

    def changes(self) -> tuple[tuple[float, int, int], ...]:
        """Changes of the count within the last hour by anyone, oldest first: seconds ago, from, to."""
        now = self._clock.monotonic()
        foreign = [(now - at, origin, to) for at, origin, to in self._foreign]
        found = [
            (age, origin, to)
            for age, origin, to in (*self._ages(), *foreign)
            if origin is not None and to is not None and age <= LATELY
        ]
        return tuple(sorted(found, reverse=True))

    def under_way(self, patience: float) -> str:
        """The action that another session has begun and not ended yet; empty when there is none.

        Of two that begin at the same moment the one that was written down first goes on.

        Args:
            patience: Seconds that a change may take; one that takes longer was cut short.
        """
        self._look()
        now = self._clock.monotonic()
        for past in self._past.values():
            if not past.open:
                continue
            if past.id in self._own:
                break
            at, origin, to = self._others[past.id]
            if now - at <= patience + LATE_END:
                return f"{origin} → {to} in another session"
        return ""

    def last(self) -> Past | None:
        """The last action on this target of anyone, as far as the log goes back.

        One of this session that is under way has not changed anything yet.
        """
        self._look()
        done = (p for p in reversed(self._past.values()) if self._own.get(p.id, True) is not None)
        return next(done, None)

    def learned(self) -> Learned:
        """What the verified actions on this target teach."""
        self._look()
        return self._learned

    def _ages(self) -> list[Change]:
        """Every action that is known of, with its age in the place of its time."""
        self._look()
        now = self._clock.monotonic()
        known = [done for done in (*self._own.values(), *self._others.values()) if done is not None]
        return [(max(0.0, now - at), origin, to) for at, origin, to in known]

    def _look(self) -> None:
        revision = self._audit.revision()
        if revision == self._revision:
            return
        try:
            entries = self._audit.tail(LOOKED_AT)
        except CapmonError:
            return  # where it cannot be read it cannot be written, and nothing will be run
        self._revision = revision
        ours = [e for e in entries if e.get("mode") == "act" and e.get("target") == self._target]
        self._past = actions(ours)
        self._learned = learn(ours)
        monotonic = self._clock.monotonic()
        self._others = {
            p.id: self._others.get(p.id, (monotonic - self._age(p), p.origin, p.to))
            for p in self._past.values()
            if p.id not in self._own
        }

    def _age(self, past: Past) -> float:
        """Seconds since an action of another session."""
        if past.boot and past.uptime is not None and past.boot == self._clock.boot():
            return max(0.0, self._clock.boottime() - past.uptime)
        # A time in the future means that the clock was set back: it counts as just now.
        return max(0.0, self._clock.now() - past.at)


def actions(entries: Sequence[Mapping[str, Any]]) -> dict[str, Past]:
    """Actions that changed something, or may have, by identifier, the last to do so at the end.

    An attempt without an end was cut short, or is under way in another process.
    """
    found: dict[str, Past] = {}
    for entry in entries:
        action, event = str(entry.get("id")), entry.get("event")
        if event == "verified" and action in found:
            found[action] = replace(found[action], worse=str(entry.get("worse", "")))
            continue
        try:
            at = datetime.fromisoformat(str(entry.get("time"))).timestamp()
        except ValueError:
            continue
        if event in ("attempt", "accepted") or (event == "failed" and entry.get("changed")):
            found.pop(action, None)
            found[action] = _past(action, at, entry)
        elif event in ("refused", "failed"):
            found.pop(action, None)
    return found


def _past(action: str, at: float, entry: Mapping[str, Any]) -> Past:
    origin, to, uptime = (entry.get(name) for name in ("from", "to", "uptime"))
    return Past(
        action,
        at,
        origin if isinstance(origin, int) else None,
        to if isinstance(to, int) else None,
        str(entry.get("worse", "")),
        str(entry.get("takes_back", "")),
        str(entry.get("boot", "")),
        float(uptime) if isinstance(uptime, int | float) else None,
        entry.get("event") == "attempt",
    )
