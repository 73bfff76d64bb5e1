"""What forbids a change of the replica count, each refusal with the figures it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.config.schema import CooldownSettings, CouplingSettings, ScalingSettings
from capmon.model.results import ReplicaState
from capmon.model.units import span

STALE_AFTER = 30.0
"""Seconds without a measurement after which nobody can say what a change would do."""

STATE_INTERVALS = 3.0
"""An answer of the target older than this many of its intervals is no answer any more."""

LEAST_STATE_AGE = 15.0
"""Seconds for which an answer of the target holds at least, however short its interval."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds at the moment of the decision."""

    state: ReplicaState | None
    """What the target said last; None when it never answered."""

    state_age: float | None = None
    """Seconds since the target's last answer; None when it never answered."""

    data_age: float | None = None
    """Seconds since the newest measurement of the service; None when there is none yet."""

    since_action: float | None = None
    """Seconds since the last action, from a clock that never steps; None when there was none."""

    running: str = ""
    """The action under way, in words; empty when there is none."""

    read_only: bool = False
    """Whether this session may only look."""

    untrusted: str = ""
    """Why the configuration is not trusted; empty when it is."""

    stale_after: float = STALE_AFTER
    """Greatest age of the measurements, in seconds."""


def refusals(settings: ScalingSettings, to: int | None, now: Circumstances) -> tuple[str, ...]:
    """Everything that forbids going to `to` replicas, in the order a person should read it.

    A change that leads back toward what is allowed is never refused for being outside of it.
    The mode is no refusal: in dry-run the plan is made, shown and written down all the same.
    """
    found = [*_standing(now), *_unknown(settings, now)]
    origin = None if now.state is None else now.state.desired
    if to is None or origin is None:
        return tuple(found)
    if to == origin:
        return (*found, f"nothing to change: {origin} {plural(origin)} asked for already")
    found += _stale(now)
    found += _range(settings, origin, to)
    if to > origin:
        found += [text for limit in settings.limits if (text := coupling(limit, to))]
    left = remaining(settings.cooldown, to > origin, now.since_action)
    if left > 0:
        wait = settings.cooldown.up if to > origin else settings.cooldown.down
        verb = "added" if to > origin else "taken away"
        found.append(
            f"cooldown: {_span_up(left)} of {span(wait)} left before replicas may be {verb}"
        )
    return tuple(found)


def remaining(cooldown: CooldownSettings, up: bool, since_action: float | None) -> float:
    """Seconds until replicas may be added (`up`) or taken away; 0 when they may be now."""
    if since_action is None:
        return 0.0
    wait = cooldown.up if up else cooldown.down
    return max(0.0, wait - max(0.0, since_action))


def fits(limit: CouplingSettings) -> int | None:
    """The most replicas that share a total between them; None when they take nothing of it."""
    if limit.per_replica <= 0:
        return None
    # 100 / 0.1 must give 1000 although neither is exact in binary.
    return max(0, math.floor(limit.total / limit.per_replica * (1 + 1e-12)))


def ceiling(settings: ScalingSettings) -> int:
    """The most replicas that the maximum and everything shared allow."""
    bounds = [n for limit in settings.limits if (n := fits(limit)) is not None]
    return min([settings.max, *bounds])


def coupling(limit: CouplingSettings, to: int) -> str:
    """Why `to` replicas take more of something than there is; empty when they do not."""
    most = fits(limit)
    if most is None or to <= most:
        return ""
    arithmetic = f"{to} × {_figure(limit.per_replica)} = {_figure(to * limit.per_replica)}"
    room = f"{most} {plural(most)} fit" if most != 1 else "1 replica fits"
    return f"{limit.name}: {arithmetic} > {_figure(limit.total)} there are; {room}"


def plural(n: int) -> str:
    """`replica` or `replicas`."""
    return "replica" if n == 1 else "replicas"


def _standing(now: Circumstances) -> list[str]:
    found = []
    if now.read_only:
        found.append("this session is read-only")
    if now.untrusted:
        found.append(f"the configuration is not trusted: {now.untrusted}")
    if now.running:
        found.append(f"one action at a time: {now.running} is under way")
    return found


def _unknown(settings: ScalingSettings, now: Circumstances) -> list[str]:
    state, age = now.state, now.state_age
    if state is None or age is None:
        reason = state.reason if state is not None else ""
        return [f"replica count is not known: {reason or 'no answer yet'}"]
    oldest = max(LEAST_STATE_AGE, STATE_INTERVALS * settings.target.interval)
    known = state.desired is not None and state.ready is not None
    if known and age <= oldest:
        return []
    what = "replica count is" if state.desired is None or known else "count of ready replicas is"
    reason = f": {state.reason}" if state.reason else ""
    return [f"{what} not known: last answer {span(age)} ago{reason}"]


def _stale(now: Circumstances) -> list[str]:
    if now.data_age is None:
        return ["no measurements yet"]
    if now.data_age > now.stale_after:
        age = "" if math.isinf(now.data_age) else f" for {span(now.data_age)}"
        return [f"no fresh measurements{age}"]
    return []


def _range(settings: ScalingSettings, origin: int, to: int) -> list[str]:
    if to < 1:
        return [f"{to} replicas would stop the service"]
    if to > origin and to > settings.max:
        return [f"{to} is over the maximum of {settings.max}"]
    if to < origin and to < settings.min:
        return [f"{to} is under the minimum of {settings.min}"]
    return []


def _span_up(seconds: float) -> str:
    """A span that never says `0 s` while something is left."""
    return span(max(1.0, math.ceil(seconds)))


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
