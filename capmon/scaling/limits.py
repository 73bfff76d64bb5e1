"""What forbids a change of the replica count, each refusal with the figures it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.config.schema import CooldownSettings, CouplingSettings, ScalingSettings
from capmon.model.results import ReplicaState
from capmon.model.units import span
from capmon.scaling.budget import Move, flapping, turning
from capmon.scaling.price import affordable, exact

STALE_AFTER = 30.0
"""Seconds without a measurement after which nobody can say what a change would do."""

STATE_INTERVALS = 3.0
"""An answer of the target older than this many of its intervals is no answer any more."""

LEAST_STATE_AGE = 15.0
"""Seconds for which an answer of the target holds at least, however short its interval."""

PACED = ("hpa", "predictive")
"""Policies that pace themselves, by stabilization windows and rates: their replay knows no cooldown."""


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

    changes: tuple[Move, ...] = ()
    """Changes of the count in the last hour, whoever made them: seconds ago, from, to."""

    automatic: bool = False
    """Whether an autoscaler asks, and no person."""

    owners: tuple[str, ...] = ()
    """Autoscalers of the orchestrator that set this very count, one line each."""

    takes_back: str = ""
    """The action that this change takes back because it made things worse; empty when none."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most replicas that one thing allows."""

    most: int
    """Replicas that it allows."""

    name: str
    """What it is, and the count where that does not say it: `max 10`, `database connections (4 fit)`."""

    excess: str
    """Why the count asked for is too many: `database connections: 10 × 25 = 250 > 100 there are; 4 replicas fit`."""

    still: str
    """The same of a change that leads down and is not far enough."""


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
    up = to > origin
    found += _stale(now)
    if up:
        found += [b.excess for b in bounds(settings, to) if to > b.most]
    else:
        found += _least(settings, to)
    if now.automatic and (text := flapping(settings.budget.turns, up, now.changes)):
        found.append(text)
    cooling = not now.takes_back and not (now.automatic and paces_itself(settings))
    if cooling and (text := _cooldown(settings.cooldown, up, now.since_action)):
        verb = "added" if up else "taken away"
        found.append(f"cooldown: {text} left before replicas may be {verb}")
    return tuple(found)


def cautions(settings: ScalingSettings, to: int | None, now: Circumstances) -> tuple[str, ...]:
    """What the limits say to a change without forbidding it, in the order a person should read it."""
    origin = None if now.state is None else now.state.desired
    if to is None or origin is None or to == origin or to < 1:
        return ()
    up = to > origin
    found = []
    if now.takes_back:
        found.append("this takes an action back: it will not itself be taken back automatically")
        if text := _cooldown(settings.cooldown, up, now.since_action):
            found.append(f"cooldown: {text} left, not waited for: that action made things worse")
    if up and to < settings.min:
        found.append(f"{to} is still under the minimum of {settings.min}")
    if not up:
        over = [b for b in bounds(settings, to) if to > b.most]
        found += [f"{b.still}; {to - max(b.most, 1)} more must go" for b in over if to > 1]
    if not now.automatic and (text := turning(settings.budget.turns, up, now.changes)):
        found.append(text)
    return tuple(found)


def paces_itself(settings: ScalingSettings) -> bool:
    """Whether the policy that an autoscaler follows is one that no cooldown holds up."""
    return settings.policy in PACED


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


def bounds(settings: ScalingSettings, to: int) -> tuple[Bound, ...]:
    """Everything that limits the count from above, the tightest first, with the sum for `to` replicas."""
    most = settings.max
    texts = (f"{to} is {word} the maximum of {most}" for word in ("over", "still over"))
    found = [Bound(most, f"max {most}", *texts)]
    found += [b for limit in settings.limits if (b := _shared(limit, to)) is not None]
    if (paid := affordable(settings)) is not None:
        found.append(_paid(settings, paid, to))
    return tuple(sorted(found, key=lambda b: b.most))


def ceiling(settings: ScalingSettings) -> int:
    """The most replicas that the maximum, everything shared and the hourly budget allow."""
    return bounds(settings, 0)[0].most


def reach(settings: ScalingSettings) -> int:
    """The most replicas that a policy may ask for: what is asked for beyond it would be refused as a whole."""
    return max(settings.min, min(settings.max, ceiling(settings)))


def binding(settings: ScalingSettings, wanted: int) -> str:
    """What keeps `wanted` replicas from being asked for: `max 10`, `min 2`; empty when nothing does.

    Of several it is the tightest: `database connections (4 fit)`.
    """
    tightest = bounds(settings, wanted)[0]
    if wanted > tightest.most:
        return tightest.name
    return f"min {settings.min}" if wanted < settings.min else ""


def coupling(limit: CouplingSettings, to: int) -> str:
    """Why `to` replicas take more of something than there is; empty when they do not."""
    bound = _shared(limit, to)
    return bound.excess if bound is not None and to > bound.most else ""


def plural(n: int) -> str:
    """`replica` or `replicas`."""
    return "replica" if n == 1 else "replicas"


def _shared(limit: CouplingSettings, to: int) -> Bound | None:
    """The bound that something shared sets; None when replicas take nothing of it."""
    most = fits(limit)
    if most is None:
        return None
    total = _figure(limit.total)
    taken = f"{limit.name}: {to} × {_figure(limit.per_replica)} = {_figure(to * limit.per_replica)}"
    excess = f"{taken} > {total} there are; {_room(most)}"
    return Bound(most, f"{limit.name} ({_fit(most)})", excess, f"{taken}, still over {total}")


def _paid(settings: ScalingSettings, most: int, to: int) -> Bound:
    """The bound that the hourly budget sets."""
    price, currency = settings.price_per_hour or 0.0, settings.currency
    allowed = exact(settings.budget.per_hour, currency)
    spent = f"budget: {to} × {exact(price, currency)} = {exact(to * price, currency)} an hour"
    name = f"budget of {allowed} an hour ({_fit(most)})"
    excess = f"{spent} > {allowed} allowed; {_room(most)}"
    return Bound(most, name, excess, f"{spent}, still over {allowed}")


def _room(most: int) -> str:
    return f"{most} {plural(most)} {'fits' if most == 1 else 'fit'}"


def _fit(most: int) -> str:
    return f"{most} {'fits' if most == 1 else 'fit'}"


def _standing(now: Circumstances) -> list[str]:
    found = []
    if now.read_only:
        found.append("this session is read-only")
    if now.untrusted:
        found.append(f"the configuration is not trusted: {now.untrusted}")
    if now.running:
        found.append(f"one action at a time: {now.running} is under way")
    if now.automatic:
        found += [f"{owner}: capmon does not act beside it" for owner in now.owners]
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


def _least(settings: ScalingSettings, to: int) -> list[str]:
    """What forbids to go down so far."""
    if to < 1:
        return [f"{to} replicas would stop the service"]
    return [f"{to} is under the minimum of {settings.min}"] if to < settings.min else []


def _cooldown(cooldown: CooldownSettings, up: bool, since_action: float | None) -> str:
    """`4 m of 10 m`, or nothing when it is over."""
    left = remaining(cooldown, up, since_action)
    # A span that never says `0 s` while something is left.
    shown = span(max(1.0, math.ceil(left)))
    return f"{shown} of {span(cooldown.up if up else cooldown.down)}" if left > 0 else ""


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
