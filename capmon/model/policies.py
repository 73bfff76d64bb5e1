"""What scaling policies say: their verdicts, what they wait for, and how they did in a replay."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.curves import Estimate


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that holds a change up for a known time."""

    what: str
    """Such as `cooldown` or `stabilization`."""

    up: bool
    """Whether it holds up adding; else it holds up taking away."""

    seconds: float
    """How long still."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one policy wants at one moment."""

    policy: str
    """`step`, `hpa`, `predictive`."""

    to: int | None
    """Replicas wanted; None when it cannot tell."""

    reasons: tuple[str, ...] = ()
    """Each term that led to it, the strongest first; or why it cannot tell."""

    binds: str = ""
    """What keeps it from more or less than that, such as `max 10`; empty when nothing does."""

    waits: tuple[Wait, ...] = ()
    """What holds it up."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How one policy would have done on recorded load."""

    policy: str
    """`static_peak`, `step`, `guide_hpa`, `hpa`, `predictive`, `look_ahead`."""

    overload_percent: float
    """Share of time in which the load was over what the ready replicas can carry, in percent."""

    slo_minutes: float | None
    """Minutes in which the 95th percentile was over its objective; None without a latency curve."""

    replica_hours: float
    """Replicas paid for, those that start included."""

    relative_replica_hours: float
    """The same over those of the look-ahead policy."""

    actions: int
    """Changes of the count."""

    direction_changes: int
    """Ups after a down and downs after an up."""

    cost: float | None
    """What the replicas cost; None without a price."""


@dataclass(frozen=True, slots=True)
class ReplayTable:
    """Every policy on the same recorded load."""

    rows: tuple[Replay, ...]
    """One a policy."""

    seconds: float
    """Time that was replayed."""

    capacity: float
    """Requests per second that one replica carries at most."""

    at: float | None = None
    """Unix time of the replay; None outside of the live monitor."""

    notes: tuple[str, ...] = ()
    """What a reader should know: the quantile that was chosen, what is missing."""

    problem: str = ""
    """Why there is no table; empty when there is one."""


@dataclass(frozen=True, slots=True)
class TierAdvice:
    """Which size a replica should have."""

    tier: str | None
    """Name of the tier that runs now; None when not known."""

    to: str | None
    """Name of the tier advised; None when nothing can be said."""

    reasons: tuple[str, ...] = ()
    """Why, the strongest first; or why nothing can be said."""

    cores: Estimate | None = None
    """Cores that one replica should ask for."""

    memory: Estimate | None = None
    """Bytes that one replica should ask for."""

    saving_per_hour: float | None = None
    """What the advised tier saves an hour over the present one, all replicas; negative when it costs more."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One record of the audit log."""

    at: float
    """Unix time."""

    event: str
    """`attempt`, `refused`, `dry-run`, `accepted`, `failed`, `done`, `verified`."""

    user: str
    """Who acted."""

    origin: int | None
    """Replicas before."""

    to: int | None
    """Replicas asked for."""

    text: str = ""
    """Reason or detail, one line."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """All that the policies say at one moment."""

    policy: str
    """The policy whose verdict an autoscaler follows."""

    verdicts: tuple[Verdict, ...] = ()
    """One a policy, in a stable order."""

    waits: tuple[Wait, ...] = ()
    """What holds up a change by hand and by the policy `step`: the cooldowns."""

    startup: Estimate | None = None
    """Seconds that a new replica takes until it serves, as measured; None until it was."""

    vertical: TierAdvice | None = None
    """Which size a replica should have; None where no tiers are configured."""

    replay: ReplayTable | None = None
    """How the policies would have done on the load of late; None until it was tried."""

    audit: tuple[AuditLine, ...] = ()
    """Latest records of the audit log, the latest first."""

    actor: str = ""
    """The autoscaler that acts on this target, in words; empty when there is none."""
