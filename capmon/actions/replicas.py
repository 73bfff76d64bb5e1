"""The collector of replica counts."""

from __future__ import annotations

from dataclasses import replace

from capmon.actions.targets.base import READ_DEADLINE, Target
from capmon.clock import Clock
from capmon.config.schema import ScalingSettings
from capmon.errors import SourceError, TargetError
from capmon.model.names import DESIRED, READY
from capmon.model.results import ReplicaState
from capmon.model.sample import Batch

SLACK = 3.0
"""Seconds beyond the target's own deadline, so that its error text is the one that is seen."""


class ReplicaCollector:
    """Reads the scale target at its own pace."""

    name = "replicas"

    def __init__(self, target: Target, settings: ScalingSettings, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self.interval: float = settings.target.interval
        self.deadline: float = min(settings.target.timeout, READ_DEADLINE) * 1.5 + SLACK
        self.last = ReplicaState(
            target.kind,
            target.name,
            ready=None,
            desired=None,
            reason="no answer yet",
            minimum=settings.min,
            maximum=settings.max,
        )
        """What the target said last; after a failure its counts are unknown, with the reason."""

    async def collect(self) -> Batch:
        """Ask the target once.

        Raises:
            SourceError: It did not answer, or not with a count.
        """
        try:
            found = await self._target.read()
        except TargetError as error:
            self.last = replace(self.last, ready=None, desired=None, reason=str(error))
            raise SourceError(str(error)) from error
        at = self._clock.now()
        state = replace(found, at=at, minimum=self.last.minimum, maximum=self.last.maximum)
        self.last = state
        counts = {READY: state.ready, DESIRED: state.desired}
        values = {key: float(n) for key, n in counts.items() if n is not None}
        missing = {key: state.reason for key, n in counts.items() if n is None}
        texts = {READY: self._words(state)} if state.ready is not None else {}
        return Batch(at, values, missing, texts=texts, replicas=state)

    def _words(self, state: ReplicaState) -> str:
        ready = f"{state.ready} of {state.desired} ready"
        return f"{ready}: {self._target.hindrance}" if self._target.hindrance else ready

    async def close(self) -> None:
        """Let go of the target's connections."""
        await self._target.close()
