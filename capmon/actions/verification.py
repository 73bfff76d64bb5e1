"""Follow one accepted action until its replicas are ready and its effect is measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace

from capmon.errors import CapmonError
from capmon.model.metric import Summary, metric
from capmon.model.results import ActionState, Outcome, ReplicaState, ScalePlan
from capmon.model.units import span


class Verification:
    """Accepted, then done when the count is ready, then settled when the effect is measured.

    What the service does while replicas start or stop belongs to neither count. So readings are
    taken only while the count stands, and taken anew when it wavers.
    """

    def __init__(
        self, outcome: Outcome, plan: ScalePlan, monotonic: float, *, settle: float, patience: float
    ) -> None:
        self.outcome = outcome
        """What is known by now."""
        self.plan = plan
        """What was to be done."""
        self.event = ""
        """What the last call of `observe` found out: `done`, `verified`, or nothing."""
        self.over = False
        """Whether there is nothing left to follow."""
        self._accepted = monotonic
        self._settle = settle
        self._patience = patience
        self._asked = False
        self._ready_since: float | None = None
        self._readings: dict[str, list[float]] = {p.metric: [] for p in plan.predicted}

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
        """A later action makes this one's effect unmeasurable."""
        self.over = True
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
        self._ready_since = None
        for values in self._readings.values():
            values.clear()
        waited = span(monotonic - self._accepted)
        self._detail(f"{ready} of {self.plan.to} ready after {waited}", hindrance)

    def _measure(self, readings: Mapping[str, float], monotonic: float) -> None:
        if self._ready_since is None:
            self._ready_since = monotonic
            if self.outcome.state is not ActionState.DONE:
                self.event = "done"
                to, waited = self.plan.to, span(monotonic - self._accepted)
                self.outcome = replace(self.outcome, state=ActionState.DONE)
                self._detail(f"{to} of {to} ready after {waited}")
            return
        for key, values in self._readings.items():
            value = readings.get(key)
            if value is not None and math.isfinite(value):
                values.append(value)
        if monotonic - self._ready_since >= self._settle:
            self._conclude()

    def _conclude(self) -> None:
        actual = tuple((k, summarize(k, v)) for k, v in self._readings.items() if v)
        absent = [k for k, v in self._readings.items() if not v]
        self.outcome = replace(self.outcome, actual=actual, settled=True)
        if absent:
            self._detail(self.outcome.detail, f"not measured: {', '.join(absent)}")
        self.event, self.over = "verified", True

    def _detail(self, *parts: str) -> None:
        self.outcome = replace(self.outcome, detail="; ".join(p for p in parts if p))


def summarize(metric_key: str, values: list[float]) -> float:
    """Several readings as one, the way the catalogue says: quantiles by their median.

    Raises:
        statistics.StatisticsError: There are no readings.
    """
    try:
        how = metric(metric_key).summary
    except CapmonError:
        how = Summary.MEAN
    if how is Summary.MEDIAN:
        return statistics.median(values)
    return values[-1] if how is Summary.LAST else statistics.fmean(values)
