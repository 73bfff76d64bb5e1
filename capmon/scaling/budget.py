"""How often the count may change its direction: what stops an autoscaler that cannot make up its mind."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from capmon.model.units import span

HOUR = 3600.0
"""Seconds within which changes of direction are counted."""

Move = tuple[float, int, int]
"""One change of the count: seconds ago, replicas asked for before, replicas asked for after."""


def turns(changes: Iterable[Move]) -> tuple[list[float], bool | None]:
    """Where the direction changed within the last hour, and which one it is now.

    Args:
        changes: Changes of the count in any order; those to the same count, and those older
            than an hour, are passed over.

    Returns:
        For each up after a down, and down after an up, the seconds since the earlier of the
        two, the oldest first: it counts until that one is an hour old. And whether the last
        change was one up, None without any.
    """
    within = sorted((c for c in changes if c[0] <= HOUR and c[1] != c[2]), key=lambda c: -c[0])
    ways = [(ago, to > origin) for ago, origin, to in within]
    found = [ago for (ago, up), (_, then) in pairwise(ways) if up != then]
    return found, ways[-1][1] if ways else None


def flapping(allowed: int, up: bool, changes: Iterable[Move]) -> str:
    """Why an autoscaler may not go this way now; empty when it may.

    The last turn that is allowed is kept for adding replicas: an autoscaler that stops for
    flapping stops at the greater count, never below what the load needs.

    Args:
        allowed: Changes of direction in an hour; 0 sets no limit.
        up: Whether replicas are to be added.
        changes: Changes of the count in the last hour, whoever made them.
    """
    made, before = turns(changes)
    kept = 0 if up else 1
    if not allowed or before is None or before == up or len(made) + 1 + kept <= allowed:
        return ""
    aside = ", the last is kept for adding" if len(made) < allowed else ""
    # So many of them must be older than an hour before another one fits.
    over = len(made) + 1 + kept - allowed
    rest = f" or {span(max(1.0, HOUR - made[over - 1]))} must pass" if over <= len(made) else ""
    return f"flapping: {_times(len(made))} within the hour, {allowed} allowed{aside}; a person must decide{rest}"


def turning(allowed: int, up: bool, changes: Iterable[Move]) -> str:
    """What a person should know of a change that an autoscaler's budget has no turn for; else empty."""
    made, before = turns(changes)
    if not allowed or before is None or before == up or len(made) + 1 <= allowed:
        return ""
    return f"flapping: {_times(len(made))} within the hour; an autoscaler would stop at {allowed}"


def _times(n: int) -> str:
    return f"{n} change{'s' if n != 1 else ''} of direction"
