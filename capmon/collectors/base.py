"""What every collector is: a name, a pace, and one coroutine that returns a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

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


class Collector(Protocol):
    """One source of measurements."""

    @property
    def name(self) -> str:
        """Stable name for the health list: `host`, `app`, `processes`."""

    @property
    def interval(self) -> float:
        """Seconds between two readings when all is well."""

    @property
    def deadline(self) -> float:
        """Seconds after which a reading is given up."""

    async def collect(self) -> Batch:
        """Read once.

        Raises:
            SourceError: The source as a whole could not be read. One missing part is no error:
                it goes into `Batch.missing`.
        """

    async def close(self) -> None:
        """Let go of connections and files."""
