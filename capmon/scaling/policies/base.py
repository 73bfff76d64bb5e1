"""What every scaling policy sees, and what it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from capmon.model.policies import Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the number of replicas asked for, whoever made it."""

    at: float
    """Seconds on the clock of the situation."""

    origin: int
    """Replicas asked for before."""

    to: int
    """Replicas asked for after."""


@dataclass(frozen=True, slots=True)
class PeakOutlook:
    """How high the load may come until a replica that is asked for now has served for a while."""

    lead: float
    """Seconds looked ahead."""

    level: float
    """Probability that the peak until then stays under `peak`, 0 to 1."""

    peak: float
    """Load, requests per second of the whole service."""

    by: str = ""
    """How it was chosen, in words."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What holds at the moment of a decision. Both counts are known: without them nobody is asked."""

    at: float
    """Seconds on a clock that never steps back."""

    desired: int
    """Replicas asked for."""

    ready: int
    """Replicas that serve."""

    values: Mapping[str, float] = field(default_factory=dict)
    """Fresh, finite values by metric key, means over the ready replicas; what is not known is absent."""

    changes: tuple[Change, ...] = ()
    """Changes of the count in the last hour, oldest first."""

    outlook: PeakOutlook | None = None
    """The forecast of the load; None when there is none that can be trusted."""

    capacity: float | None = None
    """Requests per second at which one replica is full; None when not known."""

    each: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Fresh values of each ready replica by metric key, where a source tells them apart; None for one that is silent."""

    startup: float | None = None
    """Seconds that a new replica takes until it serves, as measured; None until it was."""

    unforeseen: str = ""
    """Why there is no forecast; empty when there is one, or when that is not known."""

    def since(self, *, up: bool | None = None) -> float | None:
        """Seconds since the last change, or the last one up or down; None when there was none."""
        for change in reversed(self.changes):
            if up is None or (change.to > change.origin) == up:
                return max(0.0, self.at - change.at)
        return None


State = TypeVar("State")


class Policy(Protocol[State]):
    """A pure rule. Its state is a frozen dataclass of numbers, texts and tuples, so that it can be kept in a file.

    Every time within a state is on the clock of the situations. `moved` translates them to
    another clock after a restart.
    """

    @property
    def name(self) -> str:
        """Name in tables and in the configuration."""

    def start(self) -> State:
        """The state before the first decision."""

    def decide(self, state: State, seen: Situation, /) -> tuple[Verdict, State]:
        """What it wants now, and what it remembers. `verdict.to` lies within the policy's own bounds."""

    def moved(self, state: State, seconds: float, /) -> State:
        """The state with `seconds` added to every time in it."""
