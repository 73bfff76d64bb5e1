"""What would be if load, replicas or the objective were others."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.curves import Estimate, Headroom
from capmon.model.scaling import Predicted


@dataclass(frozen=True, slots=True)
class Question:
    """What is supposed."""

    growth: float = 1.0
    """Factor on the load of now."""

    replicas: int | None = None
    """Ready replicas; None for those of now."""

    objective: float | None = None
    """Objective for the 95th percentile of the response time, seconds; None for the configured one."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer to one question, from the models as they are."""

    question: Question
    """What was supposed."""

    load_now: float | None
    """Load of the whole service now, requests per second."""

    load: float | None
    """Load supposed."""

    replicas_now: int | None
    """Ready replicas now."""

    replicas: int | None
    """Replicas supposed; None when not known."""

    objective: float
    """Objective supposed, seconds."""

    predicted: tuple[Predicted, ...] = ()
    """Each fitted metric, now and then."""

    headroom: tuple[Headroom, ...] = ()
    """Limits at the replicas and the objective supposed, the first to bind in front."""

    needed: int | None = None
    """Least replicas that carry the load within every limit; None when no model can tell."""

    needed_reason: str = ""
    """Which limit asks for them, or why it cannot be told."""

    beyond: str = ""
    """Which load the models have not seen: `204 req/s is 1.6× the load seen`; empty within 1.3×."""

    per_replica: Estimate | None = None
    """Load that one replica carries within every limit."""
