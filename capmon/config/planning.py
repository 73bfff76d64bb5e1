"""The settings of the capacity plan: what no measurement tells, such as zones, lead times and pools."""

from __future__ import annotations

from dataclasses import dataclass, field

from capmon.config.quantities import Duration, Positive, Size

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class LeadTimeSettings:
    """How long each kind of change takes from the decision until it is in force."""

    replicas: Duration = Duration(3600.0)
    """More replicas of the present size: to raise a limit and roll it out."""

    tier: Duration = Duration(3 * DAY)
    """Another size of replica or machine: to order it, try it and move over."""

    disk: Duration = Duration(7 * DAY)
    """A larger file system: to order it, to grow it, or to clear one up."""

    database: Duration = Duration(28 * DAY)
    """A larger volume, a pooler or a replica of the database, with a rehearsal."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """What the database offers and what one replica takes of it, where no measurement says so."""

    pool: Positive | None = None
    """Connections that one replica's pool may open; null takes per_replica of a limit on connections in scaling.limits."""

    connections: Positive | None = None
    """Connections that the database admits, those kept for administrators taken off; null takes the measured limit."""

    volume: Size | None = None
    """Bytes of the volume that the database lies on; null takes db.volume.limit where it was recorded."""


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What the capacity plan goes by."""

    zones: Positive | None = None
    """Zones over which the replicas are spread evenly, any of which may be lost; null where that is not known."""

    network_bandwidth: Size | None = None
    """Bytes a second that this host's network carries in one direction, such as 125MB for a gigabit; null where that is not known."""

    lead_times: LeadTimeSettings = field(default_factory=LeadTimeSettings)
    """How long each kind of change takes from the decision until it is in force."""

    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    """What the database offers and what one replica takes of it, where no measurement says so."""
