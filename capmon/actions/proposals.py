"""Plans as they are asked for: weighed against every limit, and known again when they are carried out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from capmon.actions.measured import Measured
from capmon.actions.planner import Planner
from capmon.actions.record import Record
from capmon.actions.redact import redact_argv
from capmon.actions.rollback import cannot_take_back, taken_back
from capmon.actions.targets.base import Target
from capmon.actions.verification import Again
from capmon.clock import Clock
from capmon.config.schema import ScalingSettings
from capmon.model.policies import Verdict
from capmon.model.results import Bottleneck, Predicted, ReplicaState, ScalePlan
from capmon.model.units import span

KEPT = 16
"""Plans that are known again, the latest."""

NO_TARGET = "no scale target is configured"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan with what it was asked for and what it rests on; looked up again when it is carried out."""

    plan: ScalePlan
    """The plan."""

    planned: Measured = field(default_factory=Measured)
    """What was measured when it was made."""

    again: Again | None = None
    """Predicts again at another load."""

    automatic: bool = False
    """Whether an autoscaler asks, and no person."""

    ignore_cooldown: bool = False
    """Whether a person said that the cooldown shall not count."""

    def facts(self) -> dict[str, Any]:
        """What the audit log keeps of it."""
        asked = {"automatic": self.automatic, "ignores_cooldown": self.ignore_cooldown}
        return {name: True for name, said in asked.items() if said}


class Proposals:
    """Makes plans, and remembers what each was asked for: that does not travel with the plan.

    Args:
        settings: Limits, cooldowns and the mode.
        target: What is scaled; None where nothing is.
        record: What was done to it lately.
        clock: Time.
        planner: `capmon.scaling.plan.propose`.
        read_only: Whether this session may only look.
        untrusted: Why the configuration is not trusted; empty when it is.
        stale_after: Greatest age of measurements, in seconds, on which a plan may rest.
    """

    def __init__(
        self,
        settings: ScalingSettings,
        target: Target | None,
        record: Record,
        clock: Clock,
        *,
        planner: Planner,
        read_only: bool,
        untrusted: str,
        stale_after: float,
    ) -> None:
        self._settings = settings
        self._target = target
        self._record = record
        self._clock = clock
        self._planner = planner
        self._read_only = read_only
        self._untrusted = untrusted
        self._stale_after = stale_after
        self._made: deque[Proposal] = deque(maxlen=KEPT)

    def of(self, plan: ScalePlan) -> Proposal:
        """What a plan was asked for; nothing beyond the plan itself where it was not made here."""
        return next((p for p in reversed(self._made) if p.plan == plan), Proposal(plan))

    def propose(
        self,
        asked: Proposal,
        state: ReplicaState | None,
        *,
        delta: int,
        data_age: float | None,
        running: str,
        predicted: tuple[Predicted, ...],
        why: Sequence[str],
        bottlenecks: Sequence[Bottleneck],
        hpa: Verdict | None,
        binds: str,
        beware: Sequence[str] = (),
    ) -> ScalePlan:
        """Complete a plan and remember what it was asked for.

        Args:
            asked: Its plan holds the count wanted, or None to go by `delta`, and what it takes back.
            state: What the target said last.
            delta: Difference to the count asked for now.
            data_age: Seconds since the newest measurement.
            running: The action under way, in words.
            predicted: What the models expect.
            why: Reasons, the strongest first.
            bottlenecks: What limits the service now.
            hpa: What Kubernetes' own algorithm would do now.
            binds: What keeps the advice from going further.
            beware: What to think of first, such as an autoscaler that acts on this target.
        """
        back = asked.plan.takes_back
        past = self._record.last() if back else None
        wanted = asked.plan.to
        if wanted is None and past is not None:
            wanted = past.origin
        elif wanted is None and state is not None and state.desired is not None:
            wanted = state.desired + delta
        asked = replace(asked, plan=replace(asked.plan, to=wanted))
        plan = self.weigh(
            asked,
            state,
            data_age=data_age,
            running=running,
            predicted=predicted,
            why=(*taken_back(past, back), *why),
            bottlenecks=bottlenecks,
            hpa=hpa,
            binds=binds,
            beware=beware,
        )
        if self._target is None:
            plan = replace(plan, refusals=(NO_TARGET,))
        self._made.append(replace(asked, plan=plan))
        return plan

    def weigh(
        self,
        asked: Proposal,
        state: ReplicaState | None,
        *,
        data_age: float | None,
        running: str = "",
        predicted: tuple[Predicted, ...] = (),
        why: Sequence[str] = (),
        bottlenecks: Sequence[Bottleneck] = (),
        hpa: Verdict | None = None,
        binds: str = "",
        beware: Sequence[str] = (),
    ) -> ScalePlan:
        """The plan for the count wanted as things stand, with everything that forbids it."""
        target, to, back = self._target, asked.plan.to, asked.plan.takes_back
        argv = tuple[str, ...]()
        if target is not None and state is not None and to is not None:
            argv = redact_argv(target.argv(to, state))
        at = None if state is None else state.at
        past = self._record.last() if back else None
        refusals = cannot_take_back(past, back, to, state)
        proven = past is not None and bool(past.worse) and not refusals
        plan = self._planner(
            self._settings,
            to,
            target="" if target is None else target.name,
            state=state,
            state_age=None if at is None else max(0.0, self._clock.now() - at),
            data_age=data_age,
            since_action=None if asked.ignore_cooldown else self._record.since(),
            argv=argv,
            why=why,
            predicted=predicted,
            bottlenecks=bottlenecks,
            notices=(*beware, *(() if target is None else target.notices)),
            running=running or self._record.under_way(self._settings.target.timeout),
            read_only=self._read_only,
            untrusted=self._untrusted,
            stale_after=self._stale_after,
            hpa=hpa,
            binds=binds,
            automatic=asked.automatic,
            changes=self._record.changes(),
            # No cooldown holds up what takes back a harm that was measured, and nothing else.
            takes_back=back if proven else "",
            owners=() if target is None else target.owners,
        )
        return replace(
            plan,
            takes_back=back,
            refusals=(*plan.refusals, *refusals),
            warnings=(*plan.warnings, *(self._passed_over(plan) if asked.ignore_cooldown else ())),
        )

    def cooldown(self, direction: Literal["up", "down"]) -> float:
        """Seconds until replicas may be added (`up`) or taken away (`down`); 0 when now."""
        since = self._record.since()
        wait = getattr(self._settings.cooldown, direction)
        return 0.0 if since is None else max(0.0, wait - since)

    def _passed_over(self, plan: ScalePlan) -> tuple[str, ...]:
        """That a cooldown is in force and does not count."""
        if plan.origin is None or plan.to is None:
            return ()
        left = self.cooldown("up" if plan.to > plan.origin else "down")
        return (f"the cooldown is passed over: {span(math.ceil(left))} left",) if left > 0 else ()
