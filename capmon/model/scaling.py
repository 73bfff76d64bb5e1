"""What scaling says: the target, plans, what became of them, and advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from capmon.model.curves import Estimate
from capmon.model.policies import Verdict


@dataclass(frozen=True, slots=True)
class Cost:
    """What the replicas cost before and after a change."""

    before: float
    """A month, in the currency."""

    after: float
    """A month, in the currency."""

    currency: str
    """What it is in."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What a scale target says of itself."""

    kind: str
    """`swarm`, `kubernetes`, `command`, `http` or `none`."""

    name: str
    """Name of the target for a screen."""

    ready: int | None
    """Replicas that serve; None when not known, which is never taken for 1."""

    desired: int | None
    """Replicas asked for; None when not known."""

    at: float | None = None
    """Unix time of the answer."""

    reason: str = ""
    """Why the counts are not known."""

    minimum: int | None = None
    """Least replicas allowed by the configuration."""

    maximum: int | None = None
    """Most replicas allowed by the configuration."""

    version: str = ""
    """Opaque version of the target for a precondition, such as a resourceVersion."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the models expect of one metric after an action."""

    metric: str
    """Key of the metric."""

    before: float | None
    """What the curve says of today's load and replicas; the last reading where there is no curve."""

    after: Estimate | None
    """Expected value; None when no model can tell."""

    problem: str = ""
    """Why no model can tell."""

    model: Estimate | None = None
    """What the curve alone says, where past actions moved or widened it; None where `after` is that."""

    remark: str = ""
    """How past actions changed it: `wider: 2 past actions were off by up to 1.3×`; empty when they did not."""


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """A proposed change of the replica count: everything a person needs to say yes or no."""

    origin: int | None
    """Ready or desired replicas now; None when not known."""

    to: int | None
    """Replicas after; None when the count now is not known."""

    why: tuple[str, ...]
    """Reasons, the strongest first."""

    refusals: tuple[str, ...] = ()
    """Why it may not be done; empty when it may."""

    warnings: tuple[str, ...] = ()
    """What to think of before doing it."""

    argv: tuple[str, ...] = ()
    """The exact command or request that will run."""

    predicted: tuple[Predicted, ...] = ()
    """What the models expect."""

    mode: str = "dry-run"
    """`dry-run` or `act`."""

    target: str = ""
    """Name of the target for a screen."""

    binds: str = ""
    """The limit that keeps the models' advice from going further, such as `max 10`; empty when none."""

    hpa: Verdict | None = None
    """What Kubernetes' own algorithm would do now; None when it cannot be told."""

    cost: Cost | None = None
    """What it costs; None without a price."""

    takes_back: str = ""
    """Identifier of the action that this one takes back; empty when it is none's rollback."""

    @property
    def allowed(self) -> bool:
        """Whether nothing forbids it."""
        return not self.refusals and self.to is not None and self.to != self.origin


class ActionState(StrEnum):
    """How far an action is."""

    REFUSED = "refused"
    DRY_RUN = "dry-run"
    RUNNING = "running"
    FAILED = "failed"
    ACCEPTED = "accepted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt to scale."""

    id: str
    """Identifier in the audit log."""

    at: float
    """Unix time of the attempt."""

    origin: int | None
    """Replicas before."""

    to: int | None
    """Replicas asked for."""

    state: ActionState
    """How far it is. Accepted means that the target said yes; done that the replicas are ready."""

    detail: str = ""
    """The error, the refusal, or a remark."""

    predicted: tuple[Predicted, ...] = ()
    """What was expected when the plan was made, or at the load that came where `detail` says so; without a model `before` alone."""

    actual: tuple[tuple[str, float], ...] = ()
    """Values seen after the action, by metric key: those of `predicted` in its order, then replicas, load and errors."""

    settled: bool = False
    """Whether enough time has passed for `actual` to count."""

    ready_after: float | None = None
    """Seconds from the target's yes until all replicas were ready; None until they were."""

    worse: str = ""
    """How the objective got worse by it, with figures; empty when it did not, or when that is not known."""

    rollback: int | None = None
    """Replicas to go back to where the objective got worse; None when nothing is offered."""


@dataclass(frozen=True, slots=True)
class Advice:
    """How many replicas the models ask for."""

    to: int | None
    """Replicas advised; None when nothing can be said."""

    reason: str
    """Why, in one line; or why nothing can be said."""

    predicted: tuple[Predicted, ...] = ()
    """What the models expect of it."""
