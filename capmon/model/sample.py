"""What one reading of a source gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from capmon.model.frame import HostFacts, TopProcesses
from capmon.model.results import ReplicaState


@dataclass(frozen=True, slots=True)
class Batch:
    """What one reading of a source gave."""

    at: float
    """Unix time at which it was measured."""

    values: Mapping[str, float] = field(default_factory=dict)
    """Values by metric key, in the metric's own unit. Only finite numbers."""

    missing: Mapping[str, str] = field(default_factory=dict)
    """Metric keys that should be here and are not, with the reason."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """States in words by metric key: `db.status` is `healthy`."""

    host: HostFacts | None = None
    """Facts of the host, from the collector that knows them."""

    processes: TopProcesses | None = None
    """Top processes, from the collector that knows them."""

    replicas: ReplicaState | None = None
    """The scale target, from the collector that knows it."""
