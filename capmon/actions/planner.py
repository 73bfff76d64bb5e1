"""What weighs a change against every limit, as the actuator calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from capmon.config.schema import ScalingSettings
from capmon.model.policies import Verdict
from capmon.model.results import Bottleneck, Predicted, ReplicaState, ScalePlan


class Planner(Protocol):
    """`capmon.scaling.plan.propose`."""

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
        hpa: Verdict | None = None,
        binds: str = "",
        automatic: bool = False,
        changes: tuple[tuple[float, int, int], ...] = (),
        takes_back: str = "",
        owners: tuple[str, ...] = (),
    ) -> ScalePlan:
        """The plan, with everything that forbids it."""
