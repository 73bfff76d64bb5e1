"""The one place from which the replica count is changed: checked, audited, one at a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from capmon.actions.audit import Audit
from capmon.actions.learned import Learned
from capmon.actions.measured import Measured, Recent, with_before
from capmon.actions.planner import Planner
from capmon.actions.proposals import NO_TARGET, Proposal, Proposals
from capmon.actions.record import Past, Record
from capmon.actions.redact import foreign
from capmon.actions.rollback import Promise
from capmon.actions.targets.base import Target
from capmon.actions.verification import Again, Baseline, Foretold, Verification
from capmon.clock import Clock
from capmon.config.schema import ScalingSettings
from capmon.errors import TargetError
from capmon.model.policies import Verdict
from capmon.model.results import (
    ActionState,
    Bottleneck,
    Outcome,
    Predicted,
    ReplicaState,
    ScalePlan,
)

OUTCOMES_KEPT = 20


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
        settle: Seconds for which the effect is measured, once the replicas are ready and warm.
        stale_after: Greatest age of measurements, in seconds, on which a plan may rest.
        warm_up: Seconds after replicas became ready in which no measurement counts.
        promise: What the service promises.
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
        warm_up: float = 0.0,
        promise: Promise | None = None,
    ) -> None:
        self._settings = settings
        self._target = target
        self._audit = audit
        self._clock = clock
        self._settle = settle
        self._warm_up = warm_up
        self._promise = promise or Promise()
        self._running = ""
        self._outcomes: list[Outcome] = []
        self._following: Verification | None = None
        self._recent = Recent(settle)
        self._record = Record(audit, clock, "" if target is None else target.name)
        self._proposals = Proposals(
            settings,
            target,
            self._record,
            clock,
            planner=planner,
            read_only=read_only,
            untrusted=untrusted,
            stale_after=stale_after,
        )

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
        hpa: Verdict | None = None,
        binds: str = "",
        automatic: bool = False,
        takes_back: str = "",
        ignore_cooldown: bool = False,
        again: Foretold | None = None,
        beware: Sequence[str] = (),
    ) -> ScalePlan:
        """A plan for `to` replicas, or for `delta` more than are asked for now.

        Args:
            to: Replicas wanted; None to go by `delta`, or to where `takes_back` came from.
            delta: Difference to the count asked for now.
            state: What the target said last; None when it never answered.
            predicted: What the models expect of it; what past actions teach is applied here.
            why: Reasons, the strongest first.
            data_age: Seconds since the newest measurement; None when there is none yet.
            bottlenecks: What limits the service now.
            hpa: What Kubernetes' own algorithm would do now.
            binds: What keeps the advice from going further.
            automatic: Whether an autoscaler asks, and no person.
            takes_back: Identifier of the action to take back, which must be the last one on this
                target and still stand; empty for none.
            ignore_cooldown: Whether a person said that the cooldown shall not count; never heard
                from an autoscaler, and written to the audit log.
            again: Predicts the same change at other loads.
            beware: What to think of first, such as an autoscaler that acts on this target.
        """
        planned = self._recent.measured(self._clock.monotonic())
        if again is not None:
            # The models' load is a mean of late; the last seconds alone may lie far from it.
            planned = replace(planned, values={**planned.values, **again.loads})
        asked = Proposal(
            ScalePlan(None, to, (), takes_back=takes_back),
            planned,
            None if again is None else again.at,
            automatic,
            ignore_cooldown and not automatic,
        )
        return self._proposals.propose(
            asked,
            state,
            delta=delta,
            data_age=data_age,
            running=self._running,
            predicted=self.learned().apply(predicted),
            why=why,
            bottlenecks=bottlenecks,
            hpa=hpa,
            binds=binds,
            beware=beware,
        )

    async def execute(self, plan: ScalePlan, *, veto: Callable[[], str] = str) -> Outcome:
        """Carry a plan out, or refuse to; either is written down.

        The target is read again just before, and everything but the age of the measurements is
        checked again. In dry-run nothing runs and nothing is read.

        Args:
            plan: As `propose` made it.
            veto: Asked last of all: why it may not be done any more, such as a lease that was
                lost since; empty when it may.

        Returns:
            Refused, dry-run, failed, or accepted; whether it worked shows in `outcomes` later.
        """
        action = secrets.token_hex(6)
        self._record.begin(action)
        asked = self._proposals.of(plan)
        begun = Outcome(
            id=action,
            at=self._clock.now(),
            origin=plan.origin,
            to=plan.to,
            state=ActionState.RUNNING,
            predicted=plan.predicted,
        )
        if self._target is None:
            return self._refuse(begun, asked, NO_TARGET)
        if self._running:
            return self._refuse(begun, asked, f"one action at a time: {self._running} is under way")
        if not plan.allowed:
            return self._refuse(begun, asked, "; ".join(plan.refusals) or "nothing to change")
        if plan.mode != "act" or self._settings.mode != "act":
            return self._finish(begun, asked, ActionState.DRY_RUN, "nothing was run")
        self._running = f"{plan.origin} → {plan.to}"
        self._keep(begun)
        try:
            return await self._act(self._target, begun, asked, veto)
        finally:
            self._running = ""

    def observe(self, state: ReplicaState | None, readings: Mapping[str, float]) -> None:
        """Take in one tick: the target, and the known values by metric key."""
        monotonic = self._clock.monotonic()
        self._recent.add(monotonic, readings, state)
        self._record.observe(None if state is None else state.desired, self._patience)
        following = self._following
        if following is None:
            return
        hindrance = "" if self._target is None else self._target.hindrance
        outcome = following.observe(state, readings, monotonic, hindrance)
        if following.event:
            problem = self._audit.record(
                following.event,
                outcome.id,
                following.plan,
                detail=outcome.detail,
                actual=outcome.actual,
                facts=following.facts,
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
        return self._proposals.cooldown(direction)

    def learned(self) -> Learned:
        """What the verified actions on this target teach, those of earlier sessions too."""
        return self._record.learned()

    def last(self) -> Past | None:
        """The last action on this target by anyone; None when the audit log knows none."""
        return self._record.last()

    def changes(self) -> tuple[tuple[float, int, int], ...]:
        """Changes of the count within the last hour by anyone, oldest first: seconds ago, from, to."""
        return self._record.changes()

    @property
    def running(self) -> str:
        """The action under way, such as `4 → 5`; empty when there is none."""
        return self._running

    # Acting

    async def _act(
        self, target: Target, begun: Outcome, asked: Proposal, veto: Callable[[], str]
    ) -> Outcome:
        plan = asked.plan
        before = self._recent.measured(self._clock.monotonic())
        problem = self._audit.record("attempt", begun.id, plan, facts=asked.facts())
        if problem:
            return self._refuse(begun, asked, f"it cannot be audited: {problem}")
        target.look_closely()
        try:
            state = replace(await target.read(), at=self._clock.now())
        except TargetError as error:
            return self._refuse(begun, asked, f"replica count is not known: {error}")
        reason = self._check(target, asked, state) or veto()
        if reason or plan.to is None:
            return self._refuse(begun, asked, reason)
        try:
            await target.write(plan.to, state)
        except TargetError as error:
            return await self._failed(target, begun, asked, before, str(error))
        except BaseException:
            # Leaving in the middle: nobody knows whether the target took it.
            self._changed(begun)
            self._finish(begun, asked, ActionState.FAILED, "interrupted", changed=True)
            raise
        return self._accepted(begun, asked, before, "")

    def _check(self, target: Target, asked: Proposal, state: ReplicaState) -> str:
        """Why the plan may no longer be carried out; empty when it may."""
        plan = asked.plan
        if state.desired is not None and state.desired != plan.origin:
            return f"was {plan.origin} when proposed, is {state.desired} now"
        fresh = self._proposals.weigh(asked, state, data_age=0.0)
        if fresh.refusals:
            return "; ".join(fresh.refusals)
        # Nobody was warned of an owner that has come since.
        if unseen := [owner for owner in target.owners if owner not in plan.warnings]:
            return f"not known when it was proposed: {'; '.join(unseen)}"
        if fresh.argv != plan.argv:
            return f"{target.kind} would run another command than the one shown"
        return ""

    async def _failed(
        self, target: Target, begun: Outcome, asked: Proposal, before: Measured, error: str
    ) -> Outcome:
        """A change that failed may have been made all the same: an answer can get lost."""
        try:
            now = (await target.read()).desired
        except TargetError:
            now = None
        if now is not None and now == begun.to:
            return self._accepted(begun, asked, before, f"accepted all the same: {error}")
        changed = now is None or now != begun.origin
        if changed:
            self._changed(begun)
        return self._finish(begun, asked, ActionState.FAILED, error, changed=changed)

    def _accepted(self, begun: Outcome, asked: Proposal, before: Measured, detail: str) -> Outcome:
        self._changed(begun)
        begun = replace(begun, predicted=with_before(begun.predicted, before))
        outcome = self._finish(begun, asked, ActionState.ACCEPTED, detail)
        planned = asked.planned if asked.planned.values else before
        self._following = Verification(
            outcome,
            asked.plan,
            self._clock.monotonic(),
            settle=self._settle,
            patience=self._patience,
            warm_up=self._warm_up,
            baseline=Baseline(before, planned, self._corrected(asked.again)),
            promise=self._promise,
        )
        return outcome

    def _changed(self, begun: Outcome) -> None:
        """The count has changed, or may have: whatever was followed until now can no longer be."""
        self._record.changed(begun.id, begun.origin, begun.to)
        following, self._following = self._following, None
        if following is not None:
            self._keep(following.supersede())

    def _corrected(self, again: Again | None) -> Again | None:
        """The same with what past actions teach."""
        if again is None:
            return None
        predict, learned = again, self.learned()
        return lambda growth: learned.apply(predict(growth))

    # Keeping

    def _refuse(self, begun: Outcome, asked: Proposal, reason: str) -> Outcome:
        return self._finish(begun, asked, ActionState.REFUSED, reason)

    def _finish(
        self,
        begun: Outcome,
        asked: Proposal,
        state: ActionState,
        detail: str,
        *,
        changed: bool | None = None,
    ) -> Outcome:
        detail = foreign(detail, 500)
        problem = self._audit.record(
            state.value, begun.id, asked.plan, detail=detail, changed=changed, facts=asked.facts()
        )
        outcome = replace(begun, state=state, detail=detail)
        return self._keep(_unaudited(outcome, problem) if problem else outcome)

    def _keep(self, outcome: Outcome) -> Outcome:
        for i, known in enumerate(self._outcomes):
            if known.id == outcome.id:
                self._outcomes[i] = outcome
                return outcome
        self._outcomes = [outcome, *self._outcomes][:OUTCOMES_KEPT]
        return outcome

    @property
    def _patience(self) -> float:
        """Seconds after which the count that the target tells must be the one asked for."""
        return 2 * self._settings.target.interval


def _unaudited(outcome: Outcome, problem: str) -> Outcome:
    parts = (outcome.detail, f"not audited: {problem}")
    return replace(outcome, detail="; ".join(p for p in parts if p))
