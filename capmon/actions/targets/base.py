"""What every scale target is: a count that can be read, and one command that sets it."""

from __future__ import annotations

import json
from typing import Any, Protocol

from capmon.actions.redact import foreign
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

READ_DEADLINE = 10.0
"""Seconds that one reading may take at most, however long a change may take."""

MOST = 1_000_000
"""A count above this is taken for an error of the source."""


class Lease(Protocol):
    """The right to act on a target, which one of several autoscalers holds at a time.

    Whoever holds it renews it well within its duration and acts only while `renew` says nothing
    and `valid_until` has not come.
    """

    @property
    def duration(self) -> float:
        """Seconds after the last renewal for which nobody else takes it."""

    @property
    def valid_until(self) -> float:
        """Until when a holder may begin to act by its last true renewal, seconds of `Clock.boottime`.

        A change that it has begun by then ends before anybody else may start. Infinite where there
        is no lease to lose.
        """

    @property
    def notice(self) -> str:
        """Why there is no lease and nobody is kept from acting at the same time; empty when there is one."""

    async def acquire(self) -> str:
        """Try to get it, or to keep it.

        Returns:
            Nothing when we may act; else who holds it, or why that cannot be told, in words.
        """

    async def renew(self) -> str:
        """Keep it; the same answers as of `acquire`."""

    async def release(self) -> None:
        """Let others have it at once, if it is ours; a failure leaves it to expire."""


class Target(Protocol):
    """Something whose replicas can be counted and set."""

    @property
    def kind(self) -> str:
        """`swarm`, `kubernetes`, `systemd`, `command` or `http`."""

    @property
    def name(self) -> str:
        """Name for a screen, control characters removed."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the last reading saw that a person should know before scaling."""

    @property
    def owners(self) -> tuple[str, ...]:
        """Of the notices those that name an autoscaler which sets this count."""

    @property
    def hindrance(self) -> str:
        """Why replicas do not become ready, as the last reading saw it; empty when none is known."""

    @property
    def lease(self) -> Lease | None:
        """Keeps a second autoscaler, on whatever machine, from acting too; None where there is no such thing."""

    def look_closely(self) -> None:
        """Have the next reading see all that it can, owners included, however dear that is."""

    async def read(self) -> ReplicaState:
        """Ask for the counts; `at`, `minimum` and `maximum` are left to the caller.

        Raises:
            TargetError: There is no answer, or none that can be understood.
        """

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """The exact command or request that `write` runs; it may hold secrets."""

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask for `to` replicas. Returning means that the target said yes, not that they run.

        Raises:
            TargetError: The target said no, or did not answer in time.
        """

    async def close(self) -> None:
        """Let go of connections."""


def count(value: Any, what: str) -> int | None:
    """A replica count from a document; None when it is absent.

    Raises:
        TargetError: It is there and is no count.
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise TargetError(f"{what} is no count of replicas: {foreign(str(value), 40)}")
    return value


def document(text: str, source: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        TargetError: The text is something else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise TargetError(f"{source} did not answer in JSON: {foreign(text, 80)}") from None
    if not isinstance(found, dict):
        raise TargetError(f"{source} answered with JSON that is no object")
    return found


def lookup(found: Any, *path: str) -> Any:
    """The value under a path of keys, or None where the path breaks off."""
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def counted(kind: str, name: str, ready: int | None, desired: int | None) -> ReplicaState:
    """The state for two counts of which either may be absent."""
    absent = [w for w, n in (("ready", ready), ("desired", desired)) if n is None]
    reason = f"the answer has no {' and no '.join(absent)} count" if absent else ""
    return ReplicaState(kind, name, ready, desired, reason=reason)
