"""Follow one accepted action until its replicas are ready and its effect is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from capmon.actions.audit import prediction
from capmon.actions.learned import compare
from capmon.actions.measured import (
    LOADS,
    WATCHED,
    Measured,
    growth,
    measured,
)
from capmon.actions.rollback import Offer, Promise, moved, worse
from capmon.model.names import ERRORS, READY
from capmon.model.results import ActionState, Outcome, Predicted, ReplicaState, ScalePlan
from capmon.model.units import span

Again = Callable[[float], tuple[Predicted, ...]]
"""What the models that a plan rests on say of the same change at so many times its load."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a plan's predictions are for, and how they are made for another load."""

    at: Again
    """Predicts at so many times the load."""

    loads: Mapping[str, float] = field(default_factory=dict)
    """Loads of the whole service that the plan's own predictions are for, by metric key."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an action is held against."""

    before: Measured = field(default_factory=Measured)
    """What was measured just before it."""

    planned: Measured = field(default_factory=Measured)
    """What was measured when the plan was made, at the loads that its predictions are for."""

    again: Again | None = None
    """Predicts again at another load; None where nothing can."""


class Verification:
    """Accepted, then done when the count is ready, then settled when the effect is measured.

    What the service does while replicas start or stop belongs to neither count, and replicas
    that are ready have yet to warm up. So readings are taken only while the count stands, after
    a pause, and taken anew when it wavers. An action that made the objective worse is followed
    on for as long as it is offered to be taken back.

    Args:
        outcome: The action, accepted.
        plan: What was to be done.
        monotonic: Seconds on the clock that never steps, at which the target said yes.
        settle: Seconds for which the effect is measured.
        patience: Seconds after which a count asked for that is not ours is someone else's.
        warm_up: Seconds after the replicas became ready in which nothing counts.
        baseline: What it is held against.
        promise: What the service promises.
    """

    def __init__(
        self,
        outcome: Outcome,
        plan: ScalePlan,
        monotonic: float,
        *,
        settle: float,
        patience: float,
        warm_up: float = 0.0,
        baseline: Baseline | None = None,
        promise: Promise | None = None,
    ) -> None:
        self.outcome = outcome
        """What is known by now."""
        self.plan = plan
        """What was to be done."""
        self.event = ""
        """What the last call of `observe` found out: `done`, `verified`, or nothing."""
        self.facts: dict[str, Any] = {}
        """What goes into the audit log with that event."""
        self.over = False
        """Whether there is nothing left to follow."""
        self._accepted = monotonic
        self._settle = settle
        self._patience = patience
        self._warm_up = warm_up
        self._baseline = baseline or Baseline()
        self._promise = promise or Promise()
        self._asked = False
        self._starting = False
        self._ready_since: float | None = None
        self._offer: Offer | None = None
        keys = dict.fromkeys([*(p.metric for p in outcome.predicted), *WATCHED])
        self._readings: dict[str, list[float]] = {key: [] for key in keys}

    def observe(
        self,
        state: ReplicaState | None,
        readings: Mapping[str, float],
        monotonic: float,
        hindrance: str = "",
    ) -> Outcome:
        """Take in one tick.

        Args:
            state: The target now; unknown counts change nothing.
            readings: Latest values by metric key, known ones only.
            monotonic: Seconds on the clock that never steps.
            hindrance: Why replicas do not become ready, where the target says so.
        """
        self.event = ""
        if self.over or state is None or state.desired is None or state.ready is None:
            return self.outcome
        if self._offer is not None:
            self._watch(self._offer, state, readings, monotonic)
            return self.outcome
        to = self.plan.to
        self._asked = self._asked or state.desired == to
        if state.desired != to:
            self._elsewhere(state.desired, monotonic)
        elif state.ready != to:
            self._wait(state.ready, monotonic, hindrance)
        else:
            self._measure(readings, monotonic)
        return self.outcome

    def supersede(self) -> Outcome:
        """A later action makes this one's effect unmeasurable, and takes away the offer to take it back."""
        self.over = True
        if self.outcome.settled:
            self.outcome = replace(self.outcome, rollback=None)
        else:
            self._detail("not verified: another action came before it had settled")
        return self.outcome

    def _elsewhere(self, desired: int, monotonic: float) -> None:
        """The count asked for is another one: not seen yet, or changed by someone else."""
        if not self._asked and monotonic - self._accepted < self._patience:
            return
        if self._asked:
            self.over = True
        self._detail(f"not verified: {desired} are asked for now, by something else")

    def _wait(self, ready: int, monotonic: float, hindrance: str) -> None:
        self._ready_since, self._starting = None, True
        for values in self._readings.values():
            values.clear()
        waited = span(monotonic - self._accepted)
        to = self.plan.to or 0
        more = f"; {ready - to} more must end" if ready > to else ""
        self._detail(f"{min(ready, to)} of {to} ready after {waited}{more}", hindrance)

    def _measure(self, readings: Mapping[str, float], monotonic: float) -> None:
        if self._ready_since is None:
            self._ready_since = monotonic
            self._ready(monotonic - self._accepted)
            return
        counted = monotonic - self._ready_since - self._warm_up
        if counted < 0:
            return
        for key, values in self._readings.items():
            value = readings.get(key)
            if value is not None and math.isfinite(value):
                values.append(value)
        if counted >= self._settle:
            self._conclude()

    def _ready(self, waited: float) -> None:
        """All replicas are ready, for the first time or again."""
        if self.outcome.state is not ActionState.DONE:
            self.event = "done"
            self.facts = {"ready_after": round(waited, 3), "seen_starting": self._starting}
            self.outcome = replace(
                self.outcome,
                state=ActionState.DONE,
                ready_after=waited,
                actual=((READY, float(self.plan.to or 0)),),
            )
        after = self.outcome.ready_after
        self._detail(
            f"{self.plan.to} of {self.plan.to} ready after {span(waited if after is None else after)}"
        )

    # The effect

    def _conclude(self) -> None:
        """Hold what was measured against what was predicted, and against what was before."""
        base, after = self._baseline, measured(self._readings)
        came = growth(base.planned, after)
        change = moved(came)
        again = self._again(came) if came is not None and change else {}
        predicted = tuple(
            replace(again.get(p.metric, p), before=p.before) for p in self.outcome.predicted
        )
        foretold = [p.metric for p in predicted if p.after is not None]
        harm = worse(self._promise, base.before, after)
        self.outcome = replace(
            self.outcome,
            predicted=predicted,
            actual=self._actual(after),
            settled=True,
            worse=harm,
            rollback=self.outcome.origin if harm else None,
        )
        absent = [key for key in foretold if key not in after.values]
        self._detail(
            self.outcome.detail,
            change and f"{change} than {'when predicted' if foretold else 'before'}",
            "predicted again for it" if again else "",
            f"not measured: {', '.join(absent)}" if absent else "",
        )
        self.event = "verified"
        self.facts = {
            "ready_after": self.facts.get("ready_after"),
            "before": base.before.values,
            "after": after.values,
            "load_change": came,
            # A load that nobody predicted for, or that is not known, says nothing of the models.
            "comparable": came is not None and (not change or bool(again)),
            "compared": [c.entry() for c in compare(predicted, after.values)],
            **({"again": [prediction(p) for p in again.values()]} if again else {}),
            **({"worse": harm} if harm else {}),
        }
        if self.outcome.rollback is None:
            self.over = True
        else:
            self._offer = Offer(self._promise, self.plan.to, after.values)

    def _again(self, came: float) -> dict[str, Predicted]:
        """What is predicted at the load that came, by metric; nothing where nothing can be."""
        anew = () if self._baseline.again is None else self._baseline.again(came)
        return {p.metric: p for p in anew if p.after is not None}

    def _actual(self, after: Measured) -> tuple[tuple[str, float], ...]:
        told = [p.metric for p in self.outcome.predicted]
        values = {key: after.values[key] for key in told if key in after.values}
        values[READY] = float(self.plan.to or 0)
        values |= {k: after.values[k] for k in (*LOADS, ERRORS) if k in after.values}
        return tuple(values.items())

    def _watch(
        self,
        offer: Offer,
        state: ReplicaState,
        readings: Mapping[str, float],
        monotonic: float,
    ) -> None:
        """Withdraw the offer to take the action back once it has no point any more."""
        offer.observe(state, readings, monotonic)
        if offer.ended:
            self.over = True
            self.outcome = replace(self.outcome, rollback=None)
            self._detail(self.outcome.detail, f"not to be taken back: {offer.ended}")

    def _detail(self, *parts: str) -> None:
        self.outcome = replace(self.outcome, detail="; ".join(p for p in parts if p))
