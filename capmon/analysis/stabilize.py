"""Advice that does not waver: more is held for a minute, less must have been enough for five."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from capmon.model.results import Advice, Bottleneck, ReplicaState, Severity
from capmon.model.units import span

WINDOW = 300.0
"""Seconds for which fewer replicas must have been enough."""

HELD = 60.0
"""Seconds for which the most that was asked for stands."""

ASKS = 3
"""Times in a row that more must have been asked for before it stands."""


class Stabilizer:
    """Remembers what was advised, and takes the most of it before it advises less than there is.

    Source:
        The stabilization window of Kubernetes' HorizontalPodAutoscaler, whose default for
        scaling in is 300 s as well.
    """

    def __init__(self) -> None:
        self._advised: deque[tuple[float, int]] = deque()
        self._latest: deque[Advice] = deque(maxlen=ASKS)
        self._standing: deque[tuple[float, Advice]] = deque()
        self._since: float | None = None

    def apply(
        self,
        advice: Advice,
        replicas: ReplicaState | None,
        bottlenecks: Iterable[Bottleneck],
        monotonic: float,
    ) -> Advice:
        """The advice, held at the present count while fewer are not known to be enough.

        Args:
            advice: What the present moment asks for.
            replicas: The scale target.
            bottlenecks: What binds now; while anything does, nothing is taken away.
            monotonic: Seconds on the clock that never steps.
        """
        if advice.to is None or replicas is None or replicas.ready is None:
            # What was advised before nothing was known says nothing of what came meanwhile.
            self._advised.clear()
            self._latest.clear()
            self._standing.clear()
            self._since = None
            return advice
        self._since = monotonic if self._since is None else self._since
        self._advised.append((monotonic, advice.to))
        while self._advised[0][0] < monotonic - WINDOW:
            self._advised.popleft()
        now = replicas.ready
        more = self._more(advice, now, monotonic)
        if more is not None:
            return more
        if advice.to == now:
            return advice
        if advice.to > now:
            return _stay(now, f"{advice.to} asked for just now: {advice.reason}")
        bound = next((b for b in bottlenecks if b.severity is not Severity.LOW), None)
        if bound is not None:
            return _stay(now, f"{advice.to} would do, but {bound.component} binds: {advice.reason}")
        most = max(to for _, to in self._advised)
        left = WINDOW - (monotonic - self._since)
        if most >= now or left > 0:
            wait = "" if left <= 0 else f" for {span(math.ceil(left))} more"
            return _stay(now, f"{advice.to} would do, watched{wait}: {advice.reason}")
        return advice if most == advice.to else replace(advice, to=most, predicted=())

    def _more(self, advice: Advice, now: int, monotonic: float) -> Advice | None:
        """The most that was asked for in the last minute, several times in a row; None for no more."""
        self._latest.append(advice)
        self._standing.append((monotonic, min(self._latest, key=lambda a: a.to or 0)))
        while self._standing[0][0] < monotonic - HELD:
            self._standing.popleft()
        most = max((a for _, a in self._standing), key=lambda a: a.to or 0)
        if most.to is None or most.to <= now:
            return None
        return advice if advice.to == most.to else most


def _stay(now: int, reason: str) -> Advice:
    return Advice(now, reason)
