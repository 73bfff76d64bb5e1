"""The one place from which the replica count is changed: checked, audited, one at a time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Protocol

from capmon.actions.audit import Audit
from capmon.actions.redact import foreign, redact_argv
from capmon.actions.targets.base import Target
from capmon.actions.verification import Verification
from capmon.clock import Clock
from capmon.config.schema import ScalingSettings
from capmon.errors import CapmonError, TargetError
from capmon.model.results import (
    ActionState,
    Bottleneck,
    Outcome,
    Predicted,
    ReplicaState,
    ScalePlan,
)

OUTCOMES_KEPT = 20

NO_TARGET = "no scale target is configured"

AUDIT_LOOKED_AT = 200
"""Latest audit records in which the last action is looked for."""


class Planner(Protocol):
    """What weighs a change against every limit: `capmon.scaling.plan.propose`."""

    def __call__(
        self,
        settings: ScalingSettings,
        to: int | None,
        *,
        target: str,
        state: ReplicaState | None,
        state_age: float | None,
        data_age: float | None,
        since_action: float | None,
        argv: tuple[str, ...] = (),
        why: Sequence[str] = (),
        predicted: tuple[Predicted, ...] = (),
        bottlenecks: Sequence[Bottleneck] = (),
        notices: Sequence[str] = (),
        running: str = "",
        read_only: bool = False,
        untrusted: str = "",
        stale_after: float = 30.0,
    ) -> ScalePlan:
        """The plan, with everything that forbids it."""


class Actuator:
    """Proposes changes, carries them out, and follows them until their effect is known.

    Args:
        settings: Limits, cooldowns and the mode.
        target: What is scaled; None where nothing is.
        audit: Where every attempt is written down; in mode `act` nothing runs without it.
        clock: Time.
        planner: `capmon.scaling.plan.propose`.
        read_only: Whether this session may only look.
        untrusted: Why the configuration is not trusted; empty when it is.
        settle: Seconds for which the effect is measured once the replicas are ready.
        stale_after: Greatest age of measurements, in seconds, on which a plan may rest.
    """

    def __init__(
        self,
        settings: ScalingSettings,
        target: Target | None,
        audit: Audit,
        clock: Clock,
        *,
        planner: Planner,
        read_only: bool = False,
        untrusted: str = "",
        settle: float = 30.0,
        stale_after: float = 30.0,
    ) -> None:
        self._settings = settings
        self._target = target
        self._audit = audit
        self._clock = clock
        self._planner = planner
        self._read_only = read_only
        self._untrusted = untrusted
        self._settle = settle
        self._stale_after = stale_after
        self._running = ""
        self._outcomes: list[Outcome] = []
        self._following: Verification | None = None
        self._last_action: float | None = None
        self._own: set[str] = set()
        self._others: dict[str, float] = {}
        self._revision: tuple[int, int] | None = None

    # What the rest of capmon asks

    def propose(
        self,
        *,
        to: int | None = None,
        delta: int = 0,
        state: ReplicaState | None,
        predicted: tuple[Predicted, ...] = (),
        why: Sequence[str] = (),
        data_age: float | None,
        bottlenecks: Sequence[Bottleneck] = (),
    ) -> ScalePlan:
        """A plan for `to` replicas, or for `delta` more than are asked for now.

        Args:
            to: Replicas wanted; None to go by `delta`.
            delta: Difference to the count asked for now.
            state: What the target said last; None when it never answered.
            predicted: What the models expect of it.
            why: Reasons, the strongest first.
            data_age: Seconds since the newest measurement; None when there is none yet.
            bottlenecks: What limits the service now.
        """
        wanted = to
        if wanted is None and state is not None and state.desired is not None:
            wanted = state.desired + delta
        plan = self._plan(
            wanted,
            state,
            data_age=data_age,
            running=self._running,
            predicted=predicted,
            why=why,
            bottlenecks=bottlenecks,
        )
        return plan if self._target is not None else replace(plan, refusals=(NO_TARGET,))

    async def execute(self, plan: ScalePlan) -> Outcome:
        """Carry a plan out, or refuse to; either is written down.

        The target is read again just before, and everything but the age of the measurements is
        checked again. In dry-run nothing runs and nothing is read.

        Returns:
            Refused, dry-run, failed, or accepted; whether it worked shows in `outcomes` later.
        """
        action = secrets.token_hex(6)
        self._own.add(action)
        begun = Outcome(
            id=action,
            at=self._clock.now(),
            origin=plan.origin,
            to=plan.to,
            state=ActionState.RUNNING,
            predicted=plan.predicted,
        )
        if self._target is None:
            return self._refuse(begun, plan, NO_TARGET)
        if self._running:
            return self._refuse(begun, plan, f"one action at a time: {self._running} is under way")
        if not plan.allowed:
            return self._refuse(begun, plan, "; ".join(plan.refusals) or "nothing to change")
        if plan.mode != "act" or self._settings.mode != "act":
            return self._finish(begun, plan, ActionState.DRY_RUN, "nothing was run")
        self._running = f"{plan.origin} → {plan.to}"
        self._keep(begun)
        try:
            return await self._act(self._target, begun, plan)
        finally:
            self._running = ""

    def observe(self, state: ReplicaState | None, readings: Mapping[str, float]) -> None:
        """Take in one tick: the target, and the known values by metric key."""
        following = self._following
        if following is None:
            return
        hindrance = "" if self._target is None else self._target.hindrance
        outcome = following.observe(state, readings, self._clock.monotonic(), hindrance)
        if following.event:
            problem = self._audit.record(
                following.event,
                outcome.id,
                following.plan,
                detail=outcome.detail,
                actual=outcome.actual,
            )
            if problem:
                following.outcome = outcome = _unaudited(outcome, problem)
        self._keep(outcome)
        if following.over:
            self._following = None

    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of the latest actions of this session, the latest first."""
        return tuple(self._outcomes)

    def cooldown(self, direction: Literal["up", "down"]) -> float:
        """Seconds until replicas may be added (`up`) or taken away (`down`); 0 when now."""
        since = self._since_action()
        wait = getattr(self._settings.cooldown, direction)
        return 0.0 if since is None else max(0.0, wait - since)

    @property
    def running(self) -> str:
        """The action under way, such as `4 → 5`; empty when there is none."""
        return self._running

    # Acting

    async def _act(self, target: Target, begun: Outcome, plan: ScalePlan) -> Outcome:
        problem = self._audit.record("attempt", begun.id, plan)
        if problem:
            return self._refuse(begun, plan, f"it cannot be audited: {problem}")
        try:
            state = replace(await target.read(), at=self._clock.now())
        except TargetError as error:
            return self._refuse(begun, plan, f"replica count is not known: {error}")
        reason = self._check(target, plan, state)
        if reason or plan.to is None:
            return self._refuse(begun, plan, reason)
        try:
            await target.write(plan.to, state)
        except TargetError as error:
            return await self._failed(target, begun, plan, str(error))
        except BaseException:
            # Leaving in the middle: nobody knows whether the target took it.
            self._last_action = self._clock.monotonic()
            self._finish(begun, plan, ActionState.FAILED, "interrupted", changed=True)
            raise
        return self._accepted(begun, plan, "")

    def _check(self, target: Target, plan: ScalePlan, state: ReplicaState) -> str:
        """Why the plan may no longer be carried out; empty when it may."""
        if state.desired is not None and state.desired != plan.origin:
            return f"was {plan.origin} when proposed, is {state.desired} now"
        fresh = self._plan(plan.to, state, data_age=0.0)
        if fresh.refusals:
            return "; ".join(fresh.refusals)
        if fresh.argv != plan.argv:
            return f"{target.kind} would run another command than the one shown"
        return ""

    async def _failed(self, target: Target, begun: Outcome, plan: ScalePlan, error: str) -> Outcome:
        """A change that failed may have been made all the same: an answer can get lost."""
        try:
            now = (await target.read()).desired
        except TargetError:
            now = None
        if now is not None and now == plan.to:
            return self._accepted(begun, plan, f"accepted all the same: {error}")
        changed = now is None or now != plan.origin
        if changed:
            self._last_action = self._clock.monotonic()
        return self._finish(begun, plan, ActionState.FAILED, error, changed=changed)

    def _accepted(self, begun: Outcome, plan: ScalePlan, detail: str) -> Outcome:
        self._last_action = self._clock.monotonic()
        outcome = self._finish(begun, plan, ActionState.ACCEPTED, detail)
        if self._following is not None:
            self._keep(self._following.supersede())
        self._following = Verification(
            outcome,
            plan,
            self._last_action,
            settle=self._settle,
            patience=2 * self._settings.target.interval,
        )
        return outcome

    # Keeping

    def _refuse(self, begun: Outcome, plan: ScalePlan, reason: str) -> Outcome:
        return self._finish(begun, plan, ActionState.REFUSED, reason)

    def _finish(
        self,
        begun: Outcome,
        plan: ScalePlan,
        state: ActionState,
        detail: str,
        *,
        changed: bool | None = None,
    ) -> Outcome:
        detail = foreign(detail, 500)
        problem = self._audit.record(state.value, begun.id, plan, detail=detail, changed=changed)
        outcome = replace(begun, state=state, detail=detail)
        return self._keep(_unaudited(outcome, problem) if problem else outcome)

    def _keep(self, outcome: Outcome) -> Outcome:
        for i, known in enumerate(self._outcomes):
            if known.id == outcome.id:
                self._outcomes[i] = outcome
                return outcome
        self._outcomes = [outcome, *self._outcomes][:OUTCOMES_KEPT]
        return outcome

    def _plan(
        self,
        to: int | None,
        state: ReplicaState | None,
        *,
        data_age: float | None,
        running: str = "",
        predicted: tuple[Predicted, ...] = (),
        why: Sequence[str] = (),
        bottlenecks: Sequence[Bottleneck] = (),
    ) -> ScalePlan:
        target, argv = self._target, tuple[str, ...]()
        if target is not None and state is not None and to is not None:
            argv = redact_argv(target.argv(to, state))
        at = None if state is None else state.at
        return self._planner(
            self._settings,
            to,
            target="" if target is None else target.name,
            state=state,
            state_age=None if at is None else max(0.0, self._clock.now() - at),
            data_age=data_age,
            since_action=self._since_action(),
            argv=argv,
            why=why,
            predicted=predicted,
            bottlenecks=bottlenecks,
            notices=() if target is None else target.notices,
            running=running,
            read_only=self._read_only,
            untrusted=self._untrusted,
            stale_after=self._stale_after,
        )

    # The last action

    def _since_action(self) -> float | None:
        """Seconds since the last action of this session, an earlier one or another one."""
        self._look_at_audit()
        known = [t for t in (self._last_action, *self._others.values()) if t is not None]
        return max(0.0, self._clock.monotonic() - max(known)) if known else None

    def _look_at_audit(self) -> None:
        revision = self._audit.revision()
        if revision == self._revision:
            return
        self._revision = revision
        try:
            entries = self._audit.tail(AUDIT_LOOKED_AT)
        except CapmonError:
            return  # where it cannot be read it cannot be written, and nothing will be run
        name = "" if self._target is None else self._target.name
        ours = [e for e in entries if e.get("mode") == "act" and e.get("target") == name]
        now, monotonic = self._clock.now(), self._clock.monotonic()
        # A time in the future means that the clock was set back: it counts as just now.
        self._others = {
            action: self._others.get(action, monotonic - max(0.0, now - at))
            for action, at in last_actions(ours).items()
            if action not in self._own
        }


def last_actions(entries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Unix times of the actions that changed something, or may have, by identifier.

    An attempt without an end was cut short, or is under way in another process.
    """
    found: dict[str, float] = {}
    for entry in entries:
        action, event = str(entry.get("id")), entry.get("event")
        try:
            at = datetime.fromisoformat(str(entry.get("time"))).timestamp()
        except ValueError:
            continue
        if event in ("attempt", "accepted") or (event == "failed" and entry.get("changed")):
            found[action] = at
        elif event in ("refused", "failed"):
            found.pop(action, None)
    return found


def _unaudited(outcome: Outcome, problem: str) -> Outcome:
    parts = (outcome.detail, f"not audited: {problem}")
    return replace(outcome, detail="; ".join(p for p in parts if p))
