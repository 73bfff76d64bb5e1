"""What makes old measurements worthless for models: a deploy, a restart, another limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from capmon.model.frame import HostFacts, Reading
from capmon.model.metric import Unit
from capmon.model.units import show

VERSION = "service.version"
STARTED = "process.start_time"

SCALED = 120.0
"""Seconds after a change of the replica count in which a young process is no sign of a deploy."""

_SLACK = 2.0
_VERSIONS_KEPT = 32


class Changes:
    """Compares each tick with what was seen before."""

    def __init__(self) -> None:
        self._versions: list[str] = []
        self._started = math.inf
        self._host: HostFacts | None = None
        self._ready: int | None = None
        self._scaled = -math.inf

    def step(
        self,
        at: float,
        monotonic: float,
        readings: Mapping[str, Reading],
        texts: Mapping[str, str],
        host: HostFacts | None,
        ready: int | None,
    ) -> str:
        """What changed since the last tick, with the time of day; empty when nothing did.

        Args:
            at: Unix time.
            monotonic: Seconds of a clock that never steps.
            readings: Latest values.
            texts: States in words.
            host: The machine.
            ready: Ready replicas; None when not known.
        """
        if ready is not None:
            if self._ready is not None and ready != self._ready:
                self._scaled = monotonic
            self._ready = ready
        found = [
            self._version(texts.get(VERSION, "")),
            self._start(readings.get(STARTED), monotonic),
            self._limits(host),
        ]
        said = ", ".join(f for f in found if f)
        return f"{said} at {datetime.fromtimestamp(at, UTC):%H:%M}" if said else ""

    def _version(self, version: str) -> str:
        """During a rollout old and new answer in turn: only one never seen before is a change."""
        if not version or version in self._versions:
            return ""
        before = self._versions[-1] if self._versions else ""
        self._versions = [*self._versions, version][-_VERSIONS_KEPT:]
        return f"version {before} → {version}" if before else ""

    def _start(self, reading: Reading | None, monotonic: float) -> str:
        """Only a start later than any before is a change: a scrape meets one replica or another."""
        started = None if reading is None else reading.value
        if started is None:
            return ""
        later, self._started = started > self._started + _SLACK, _latest(started, self._started)
        return "restart" if later and monotonic - self._scaled >= SCALED else ""

    def _limits(self, host: HostFacts | None) -> str:
        before, self._host = self._host, host or self._host
        if before is None or host is None:
            return ""
        said = []
        if host.cpu_limit != before.cpu_limit:
            said.append(f"cpu limit {before.cpu_limit:g} → {host.cpu_limit:g} cores")
        if host.memory_limit != before.memory_limit:
            was, now = (show(h.memory_limit, Unit.BYTES) for h in (before, host))
            said.append(f"memory limit {was} → {now}")
        return ", ".join(said)


def _latest(started: float, before: float) -> float:
    return started if math.isinf(before) else max(started, before)
