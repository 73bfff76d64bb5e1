"""The latest value of every metric, and the reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from capmon.model.frame import HostFacts, Reading, TopProcesses
from capmon.model.metric import CATALOGUE, DATABASE_CAPACITY
from capmon.model.results import Health, ReplicaState, SourceState
from capmon.model.sample import Batch

APPLICATION = "app"
OF_THE_APPLICATION = tuple(
    name
    for name in CATALOGUE
    if name.startswith(("http.", "app.", "process.", "service.", "cache.", "db."))
    and name not in DATABASE_CAPACITY
)
"""Metrics that only the application can tell: unknown with a reason until it answers."""

REMEMBERED = 3600.0
"""Seconds for which a part that is gone, such as a file system, is still listed as unknown."""

_DEAD = (SourceState.FAILING, SourceState.LATE, SourceState.OFF)


class Readings:
    """What is known now. A value whose source has gone silent is not known any more."""

    def __init__(self) -> None:
        self._values: dict[str, Reading] = {}
        self._source: dict[str, str] = {}
        self._texts: dict[str, Mapping[str, str]] = {}
        self._processes: dict[str, TopProcesses] = {}
        self.host: HostFacts | None = None
        self.replicas: ReplicaState | None = None

    def take(self, source: str, batch: Batch) -> None:
        """Replace what a source said before by what it says now."""
        gone = {k for k, s in self._source.items() if s == source}
        missing = dict(batch.missing)
        for metric_key, value in batch.values.items():
            if math.isfinite(value):
                self._values[metric_key] = Reading(value, batch.at)
                self._source[metric_key] = source
            else:
                missing[metric_key] = "not a finite number"
        for metric_key, reason in missing.items():
            before = self._values.get(metric_key)
            self._values[metric_key] = Reading(None, before.at if before else None, reason)
            self._source[metric_key] = source
        for metric_key in gone - batch.values.keys() - missing.keys():
            self._lose(metric_key, batch.at)
        self._texts[source] = batch.texts
        self.host = batch.host or self.host
        if batch.processes is not None:
            self._processes[source] = batch.processes
        self.replicas = batch.replicas or self.replicas

    def _lose(self, metric_key: str, at: float) -> None:
        """Say that a metric is not reported any more; forget a part that has long been gone."""
        seen = self._values[metric_key].at
        if "{" in metric_key and (seen is None or at - seen > REMEMBERED):
            del self._values[metric_key], self._source[metric_key]
        else:
            self._values[metric_key] = Reading(None, seen, "no longer reported")

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
        return {
            k: t for s, texts in self._texts.items() if s not in silent for k, t in texts.items()
        }

    def processes(self, health: Iterable[Health]) -> TopProcesses:
        """The top processes; none while their collector is silent."""
        silent = {h.source for h in health if h.state in _DEAD}
        found = (p for s, p in self._processes.items() if s not in silent)
        return next(found, TopProcesses())

    def replica_state(self, health: Iterable[Health]) -> ReplicaState | None:
        """The scale target; its counts are unknown while its collector is silent."""
        if self.replicas is None:
            return None
        for h in health:
            if h.source == "replicas" and h.state in _DEAD:
                reason = h.reason or h.state.value
                return replace(self.replicas, ready=None, desired=None, reason=reason)
        return self.replicas
