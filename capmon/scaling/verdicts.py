"""What all policies say, each at its pace, of what one tick knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from capmon.config.schema import Settings
from capmon.model.curves import Estimate
from capmon.model.frame import Reading
from capmon.model.policies import Scaling, TierAdvice, Verdict, Wait
from capmon.model.results import ReplicaState
from capmon.scaling.kept import plain, revived
from capmon.scaling.limits import binding, reach
from capmon.scaling.policies.base import Change, PeakOutlook, Policy, Situation
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.policies.step import BRIDGE, StepPolicy
from capmon.scaling.replica_size import ReplicaSize

SLACK = 0.25
"""Seconds by which a tick may come early, or every second one would be skipped."""

REMEMBERED = 3600.0
"""Seconds for which changes of the count are told."""

VERSION = 1
"""Of the document that `state` makes."""


class Verdicts:
    """Asks every policy every `scaling.every` seconds, and counts down their waits in between.

    Without a count of replicas, and while nothing fresh is known of the service, nobody is asked:
    each verdict is then unknown, with the reason. They are asked again as soon as it is known.

    Args:
        settings: All settings.
        more: Policies behind `step` and `hpa`, in the order in which they are shown.
    """

    def __init__(self, settings: Settings, more: Sequence[Policy[Any]] = ()) -> None:
        scaling = settings.scaling
        self._settings = scaling
        self._policies: tuple[Policy[Any], ...] = (
            StepPolicy(
                scaling.step,
                scaling.cooldown,
                scaling.min,
                reach(scaling),
                bridge=max(BRIDGE, 3 * scaling.every),
            ),
            HpaPolicy(scaling.hpa, scaling.min, reach(scaling)),
            *more,
        )
        self._states = {policy.name: policy.start() for policy in self._policies}
        self._size = ReplicaSize(settings) if settings.tiers else None
        self._changes: tuple[Change, ...] = ()
        self._desired: int | None = None
        self._verdicts: tuple[Verdict, ...] = ()
        self._vertical: TierAdvice | None = None
        self._at = 0.0
        self._asked_at = -math.inf
        self._known = False
        self.asked = 0
        """How often they were asked, or could not be; a new number is a new verdict."""

    def step(
        self,
        at: float,
        readings: Mapping[str, Reading],
        replicas: ReplicaState | None,
        *,
        outlook: PeakOutlook | None = None,
        unforeseen: str = "",
        capacity: float | None = None,
        cooldowns: tuple[float, float] = (0.0, 0.0),
        startup: Estimate | None = None,
        blind: str = "",
    ) -> Scaling:
        """Take in one tick.

        Args:
            at: Seconds on a clock that never steps.
            readings: Latest values.
            replicas: The scale target; None when it never answered.
            outlook: The forecast of the load.
            unforeseen: Why there is none; empty when there is one.
            capacity: Requests per second at which one replica is full; None when not known.
            cooldowns: Seconds until replicas may be added, and until they may be taken away.
            startup: Seconds that a new replica takes until it serves, as measured.
            blind: Why what is measured says nothing of the service now; empty when it does.
        """
        self._at = at
        moved = self._observe(at, None if replicas is None else replicas.desired)
        reason = blind or _unknown(replicas)
        every = self._settings.every
        due = at - self._asked_at >= every - min(SLACK, every / 4)
        if reason:
            if due or self._known or not self._verdicts:
                self._ask_nobody(at, reason)
        elif replicas is not None and (due or moved or not self._known):
            took = None if startup is None else startup.value
            self._ask(at, readings, replicas, outlook, unforeseen, capacity, took)
        return Scaling(
            policy=self._settings.policy,
            verdicts=tuple(_later(v, at - self._asked_at) for v in self._verdicts),
            waits=tuple(
                Wait("cooldown", up, s)
                for up, s in zip((True, False), cooldowns, strict=True)
                if s > 0
            ),
            startup=startup,
            vertical=self._vertical,
        )

    def state(self) -> dict[str, Any]:
        """All that the policies remember, fit for JSON; its times are those of `at`."""
        return {
            "version": VERSION,
            "at": self._at,
            "desired": self._desired,
            "changes": plain(self._changes),
            "policies": {name: plain(state) for name, state in self._states.items()},
            "size": None if self._size is None else self._size.state(),
        }

    def restore(self, document: Any, *, age: float, at: float) -> tuple[str, ...]:
        """Remember what `state` made of it, before the first step.

        What cannot be read is dropped: a policy then starts afresh. So it does after so long that
        no window reaches back: the count it finds is then a recommendation of its own, or a
        restart would take replicas away at once.

        Args:
            document: What `state` made, perhaps in another process and on another clock.
            age: Seconds since then.
            at: The present on this process's clock.

        Returns:
            What was dropped, one line each.
        """
        try:
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']!r} is not known")
            seconds = at - age - float(document["at"])
            changes = revived(tuple[Change, ...], document["changes"])
            policies, desired = dict(document["policies"]), revived(int | None, document["desired"])
        except (KeyError, TypeError, ValueError) as fault:
            return (f"what the policies remembered is dropped: {_said(fault)}",)
        self._changes = tuple(replace(c, at=c.at + seconds) for c in changes)
        self._desired = desired
        fresh = age > max(BRIDGE, self._settings.hpa.down.stabilization)
        found = [] if fresh else [self._restore(p, policies, seconds) for p in self._policies]
        if self._size is not None and document.get("size") is not None:
            found.append(self._size.restore(document["size"], seconds))
        return tuple(filter(None, found))

    def _restore(self, policy: Policy[Any], kept: Mapping[str, Any], seconds: float) -> str:
        if policy.name not in kept:
            return ""
        try:
            state = revived(type(policy.start()), kept[policy.name])
            self._states[policy.name] = policy.moved(state, seconds)
        except (TypeError, ValueError) as fault:
            return f"what {policy.name} remembered is dropped: {_said(fault)}"
        return ""

    def _observe(self, at: float, desired: int | None) -> bool:
        """Whether the count is another one than before: whoever changed it, at whatever pace policies are asked."""
        if desired is None:
            return False
        before, self._desired = self._desired, desired
        moved = before is not None and before != desired
        if before is not None and moved:
            self._changes = (*self._changes, Change(at, before, desired))
        if self._changes and at - self._changes[0].at > REMEMBERED:
            self._changes = tuple(c for c in self._changes if at - c.at <= REMEMBERED)
        return moved

    def _ask(
        self,
        at: float,
        readings: Mapping[str, Reading],
        replicas: ReplicaState,
        outlook: PeakOutlook | None,
        unforeseen: str,
        capacity: float | None,
        startup: float | None,
    ) -> None:
        values = {
            key: r.value
            for key, r in readings.items()
            if r.value is not None and math.isfinite(r.value)
        }
        seen = Situation(
            at=at,
            desired=replicas.desired or 0,
            ready=replicas.ready or 0,
            values=values,
            changes=self._changes,
            outlook=outlook,
            unforeseen=unforeseen,
            capacity=capacity,
            startup=startup,
        )
        self._verdicts = tuple(self._decided(policy, seen) for policy in self._policies)
        if self._size is not None:
            self._vertical = self._size.step(seen)
        self._said(at, known=any(v.to is not None for v in self._verdicts))

    def _decided(self, policy: Policy[Any], seen: Situation) -> Verdict:
        try:
            verdict, self._states[policy.name] = policy.decide(self._states[policy.name], seen)
        except Exception as fault:  # the other policies go on, and this one starts afresh
            self._states[policy.name] = policy.start()
            return Verdict(policy.name, None, (f"failed: {_said(fault)}",))
        most = reach(self._settings)
        if most < self._settings.max and verdict.binds == f"max {most}":
            # The policy knows a number alone; what sets it is something that replicas share, or money.
            return replace(verdict, binds=binding(self._settings, most + 1))
        return verdict

    def _ask_nobody(self, at: float, reason: str) -> None:
        self._verdicts = tuple(Verdict(p.name, None, (reason,)) for p in self._policies)
        self._said(at, known=False)

    def _said(self, at: float, *, known: bool) -> None:
        self._asked_at, self._known = at, known
        self.asked += 1


def _unknown(replicas: ReplicaState | None) -> str:
    """Why the counts are not known; empty when they are."""
    if replicas is not None and replicas.desired is not None and replicas.ready is not None:
        return ""
    reason = "" if replicas is None else replicas.reason
    return f"replica count is not known: {reason or 'no answer yet'}"


def _later(verdict: Verdict, seconds: float) -> Verdict:
    """The verdict some time after it was given: its waits have become shorter."""
    if not verdict.waits or seconds <= 0:
        return verdict
    left = (replace(w, seconds=w.seconds - seconds) for w in verdict.waits)
    return replace(verdict, waits=tuple(w for w in left if w.seconds > 0))


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"
