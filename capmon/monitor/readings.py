"""The latest value of every metric, and the reason where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from capmon.model.frame import HostFacts, Reading, TopProcesses
from capmon.model.metric import CATALOGUE
from capmon.model.results import Health, ReplicaState, SourceState
from capmon.model.sample import Batch

APPLICATION = "app"
OF_THE_APPLICATION = tuple(
    name for name in CATALOGUE if name.startswith(("http.", "app.", "process.", "cache.", "db."))
)
"""Metrics that only the application can tell: unknown with a reason until it answers."""

_DEAD = (SourceState.FAILING, SourceState.LATE, SourceState.OFF)


class Readings:
    """What is known now. A value whose source has gone silent is not known any more."""

    def __init__(self) -> None:
        self._values: dict[str, Reading] = {}
        self._texts: dict[str, str] = {}
        self._source: dict[str, str] = {}
        self.host: HostFacts | None = None
        self.processes = TopProcesses()
        self.replicas: ReplicaState | None = None

    def take(self, source: str, batch: Batch) -> None:
        """Replace what a source said before by what it says now."""
        gone = {k for k, s in self._source.items() if s == source}
        for metric_key, value in batch.values.items():
            self._values[metric_key] = Reading(value, batch.at)
            self._source[metric_key] = source
        for metric_key, reason in batch.missing.items():
            before = self._values.get(metric_key)
            self._values[metric_key] = Reading(None, before.at if before else None, reason)
            self._source[metric_key] = source
            self._texts.pop(metric_key, None)
        for metric_key in gone - batch.values.keys() - batch.missing.keys():
            before = self._values[metric_key]
            self._values[metric_key] = Reading(None, before.at, "no longer reported")
        self._texts.update(batch.texts)
        self.host = batch.host or self.host
        self.processes = batch.processes or self.processes
        self.replicas = batch.replicas or self.replicas

    def now(self, health: Iterable[Health]) -> dict[str, Reading]:
        """Readings by metric key; those of a silent source are unknown, with its reason."""
        health = tuple(health)
        silent = {h.source: h for h in health if h.state in _DEAD}
        known = dict(self._values)
        if silent:
            known = {k: self._judge(k, r, silent) for k, r in known.items()}
        for h in health:
            if h.source == APPLICATION and h.last_success is None:
                never = Reading(None, None, h.reason or "not read yet")
                known |= {k: never for k in OF_THE_APPLICATION if k not in known}
        return known

    def _judge(self, metric_key: str, reading: Reading, silent: Mapping[str, Health]) -> Reading:
        health = silent.get(self._source[metric_key])
        if health is None or reading.value is None:
            return reading
        return Reading(None, reading.at, health.reason or health.state.value)

    def texts(self, health: Iterable[Health]) -> dict[str, str]:
        """States in words, without those of a silent source."""
        silent = {h.source for h in health if h.state in _DEAD}
        return {k: t for k, t in self._texts.items() if self._source.get(k) not in silent}

    def replica_state(self, health: Iterable[Health]) -> ReplicaState | None:
        """The scale target; its counts are unknown while its collector is silent."""
        if self.replicas is None:
            return None
        for h in health:
            if h.source == "replicas" and h.state in _DEAD:
                reason = h.reason or h.state.value
                return replace(self.replicas, ready=None, desired=None, reason=reason)
        return self.replicas

    def forget_processes(self) -> None:
        """Drop the process list: its collector is silent."""
        self.processes = TopProcesses()
