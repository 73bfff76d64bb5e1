"""What an autoscaler must still know after a restart: cooldown, what went wrong, and the policies' memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from capmon.clock import Clock
from capmon.config.schema import CooldownSettings
from capmon.errors import CapmonError
from capmon.model.units import fine_span

VERSION = 1

LONGEST_PAUSE = 300.0
"""Seconds after failed attempts before another one, at most."""

LEAST_HOLD = 60.0
"""Seconds for which a direction is left alone at least after it made things worse."""


class Kept(Protocol):
    """A document with its age."""

    @property
    def document(self) -> Any:
        """As JSON knows it."""

    @property
    def age(self) -> float:
        """Seconds since it was saved."""


class Shelf(Protocol):
    """Where documents are kept: `capmon.store.history.History`."""

    @property
    def notices(self) -> list[str]:
        """What a person should know of it."""

    def save_state(self, key: str, document: Any) -> None:
        """Keep a document under a key."""

    def load_state(self, key: str) -> Kept | None:
        """The document kept under a key."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A direction in which nothing is done for a while."""

    until: float
    why: str


class Memory:
    """Remembers on one clock, and carries it over to the next process by ages.

    Args:
        clock: Time.
        cooldown: How long to wait after an action.
        shelf: Where it is kept; None keeps nothing.
        key: Under which name.
    """

    def __init__(
        self, clock: Clock, cooldown: CooldownSettings, shelf: Shelf | None = None, key: str = ""
    ) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._shelf = shelf
        self._key = key
        self._acted: float | None = None
        self._held: dict[bool, _Held] = {}
        self._failures = 0
        self._retry = 0.0
        self._notices: list[str] = []
        self._verdicts: tuple[Any, float] | None = None

    # What happens

    def acting(self) -> Callable[[], None]:
        """An action is about to be tried; call the result when it has changed nothing."""
        before, self._acted = self._acted, self._clock.monotonic()

        def undo() -> None:
            self._acted = before

        return undo

    def failed(self, every: float) -> None:
        """An attempt failed: the next one waits, the longer the more have failed in a row."""
        self._failures += 1
        pause = min(every * 2.0 ** min(self._failures, 20), LONGEST_PAUSE)
        self._retry = self._clock.monotonic() + pause

    def succeeded(self) -> None:
        """An attempt was accepted."""
        self._failures, self._retry = 0, 0.0

    def hold(self, *, up: bool, why: str) -> float:
        """Do nothing more in one direction for a cooldown.

        Returns:
            Seconds for which it holds.
        """
        seconds = self._hold(up)
        self._held[up] = _Held(self._clock.monotonic() + seconds, why)
        return seconds

    def hindrance(self, *, up: bool, cooling: bool = True) -> str:
        """Why nothing may be added (`up`) or taken away now; empty when it may.

        Args:
            up: Whether replicas are to be added.
            cooling: Whether the cooldown after the last action counts.
        """
        now = self._clock.monotonic()
        held = self._held.get(up)
        if held is not None and held.until > now:
            return f"held for {_left(held.until - now)}: {held.why}; a person should look"
        if cooling and self._acted is not None and (left := self._acted + self._wait(up) - now) > 0:
            return f"cooldown: {_left(left)} left since the last action"
        if self._retry > now:
            return f"the last attempt failed: {_left(self._retry - now)} until the next"
        return ""

    # What is kept

    def save(self, verdicts: Mapping[str, Any] | None) -> str:
        """Keep it all.

        Args:
            verdicts: What the policies remember, with its time as `at`; None leaves what was loaded.

        Returns:
            Why it could not be kept; empty when it was, or when nothing is kept.
        """
        if self._shelf is None:
            return ""
        now = self._clock.monotonic()
        if verdicts is not None:
            self._verdicts = (verdicts, float(verdicts["at"]))
        remembered, at = self._verdicts or (None, now)
        document = {
            "version": VERSION,
            "now": now,
            "acted": self._acted,
            "held": [[up, h.until, h.why] for up, h in self._held.items() if h.until > now],
            "verdicts": remembered,
            "verdicts_age": now - at,
        }
        try:
            self._shelf.save_state(self._key, document)
        except CapmonError as error:
            return f"what it remembers is not kept: {error}"
        return ""

    def load(self) -> tuple[Any, float] | None:
        """Remember what was kept.

        Returns:
            What the policies remembered, and its age in seconds; None where there is none.
        """
        if self._shelf is None:
            return None
        try:
            kept = self._shelf.load_state(self._key)
            return None if kept is None else self._recall(kept.document, kept.age)
        except CapmonError as error:
            self._notices.append(f"what it remembered is not known: {error}")
        except (KeyError, TypeError, ValueError) as fault:
            self._notices.append(f"what it remembered is dropped: {type(fault).__name__}: {fault}")
        return None

    def notices(self) -> list[str]:
        """What a person should know of what was kept, told once."""
        told, self._notices = self._notices, []
        if self._shelf is not None:
            told += self._shelf.notices
            self._shelf.notices.clear()
        return told

    def _recall(self, document: Any, age: float) -> tuple[Any, float] | None:
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']!r} is not known")
        before = float(document["now"])
        shift = self._clock.monotonic() - age - before
        acted, verdicts = document["acted"], document["verdicts"]
        now = self._clock.monotonic()
        for up, until, why in document["held"]:
            # It cannot hold longer than from now on, whatever the document says.
            longest = now + self._hold(bool(up))
            self._held[bool(up)] = _Held(min(float(until) + shift, longest), str(why))
        self._acted = None if acted is None else min(float(acted) + shift, now)
        if verdicts is None:
            return None
        whole = age + max(0.0, float(document["verdicts_age"]))
        self._verdicts = (verdicts, now - whole)
        return verdicts, whole

    def _hold(self, up: bool) -> float:
        return max(self._wait(up), LEAST_HOLD)

    def _wait(self, up: bool) -> float:
        return self._cooldown.up if up else self._cooldown.down


def _left(seconds: float) -> str:
    return fine_span(max(1.0, seconds))
