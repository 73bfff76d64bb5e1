"""Which reading is held against which threshold: one rule a component."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from capmon.config.schema import LatencyThresholdSettings, Settings, ThresholdSettings
from capmon.model.frame import Reading
from capmon.model.metric import label_of
from capmon.model.names import (
    APP_CPU,
    APP_MEMORY,
    ERRORS,
    HOST_CPU,
    HOST_MEMORY,
    LATENCY,
    RATE,
    READY,
)
from capmon.model.results import Health, ReplicaState, Severity, SourceState

HEALTHY = frozenset({"healthy", "ok", "up", "pass", "green"})
"""Words by which applications call a part well."""

HALF = 0.5
"""Threshold between the two values of a state, 0 for bad and 1 for well."""

FILESYSTEM = "system.filesystem.utilization{"
DISK_BUSY = "system.disk.io.time{"


@dataclass(frozen=True, slots=True)
class Rule:
    """When one component counts as a bottleneck."""

    component: str
    """Stable name."""

    family: str
    """What it is one of, for its impact and remedies: `disk` for `disk /var`."""

    metric: str
    """Key of the metric."""

    value: float | None
    """Its value now; None when not known."""

    warning: float
    """Beyond this it is a bottleneck."""

    critical: float
    """Beyond this it is the worse of its two severities."""

    sustain: float
    """Seconds that it must hold."""

    clear: float
    """Share of the threshold that it must come back before it is over."""

    severities: tuple[Severity, Severity]
    """Severity beyond the warning and beyond the critical threshold."""

    low_is_bad: bool = False
    """Whether beyond means below."""

    state: str = ""
    """What is wrong in words, where there is no number worth showing: `reports unhealthy`."""

    well: str = ""
    """What is said once such a state is over: `healthy again`."""

    word: str = ""
    """The application's own word for such a state, or the reason of it; empty when there is none."""

    note: str = ""
    """What else speaks for it, such as `follows cpu, r .93`."""

    idle: bool = False
    """Whether what else it takes is absent, so that the value alone means nothing."""

    sustain_critical: float | None = None
    """Seconds that the critical threshold must hold where that is another time."""

    def held(self, level: int) -> float:
        """Seconds that a level must hold."""
        if level == 2 and self.sustain_critical is not None:
            return self.sustain_critical
        return self.sustain

    @property
    def level(self) -> int | None:
        """0 fine, 1 beyond the warning, 2 beyond the critical threshold, None not known."""
        if self.value is None:
            return None
        if self.idle:
            return 0
        if self._beyond(self.critical, 0.0):
            return 2
        return 1 if self._beyond(self.warning, 0.0) else 0

    def back(self, level: int) -> bool:
        """Whether the value has come back far enough from the threshold of a level."""
        threshold = self.critical if level == 2 else self.warning
        return self.idle or (self.value is not None and not self._beyond(threshold, self.clear))

    def _beyond(self, threshold: float, slack: float) -> bool:
        if self.value is None:
            return False
        if self.low_is_bad:
            return self.value < threshold * (1 + slack)
        return self.value > threshold * (1 - slack)


_RESOURCE = (Severity.HIGH, Severity.CRITICAL)
_PRESSURE = (Severity.MEDIUM, Severity.HIGH)


def rules(
    settings: Settings, readings: Mapping[str, Reading], texts: Mapping[str, str]
) -> list[Rule]:
    """Every rule that has a reading, in a stable order."""
    t = settings.thresholds
    found: list[Rule] = []

    def add(
        component: str,
        metric: str,
        limits: ThresholdSettings | LatencyThresholdSettings,
        severities: tuple[Severity, Severity] = _RESOURCE,
        *,
        family: str = "",
        low_is_bad: bool = False,
    ) -> None:
        reading = readings.get(metric)
        if reading is not None:
            found.append(
                Rule(component, family or component, metric, reading.value, limits.warning,
                     limits.critical, limits.for_, limits.clear, severities, low_is_bad)
            )  # fmt: skip

    add("cpu", HOST_CPU, t.cpu)
    add("memory", HOST_MEMORY, t.memory)
    database = _database(settings, readings, texts)
    if database is not None:
        found.append(database)
    add(
        "latency",
        LATENCY,
        t.latency_p95,
        (Severity.MEDIUM, Severity.CRITICAL),
    )
    add(
        "cache",
        "cache.hit_ratio",
        t.cache_hit_ratio,
        (Severity.MEDIUM, Severity.HIGH),
        low_is_bad=True,
    )
    add("errors", ERRORS, t.errors)
    add("app cpu", APP_CPU, t.cpu)
    add("app memory", APP_MEMORY, t.memory)
    add("database connections", "db.connections.utilization", t.db_connections)
    for key in sorted(k for k in readings if k.startswith(FILESYSTEM)):
        add(f"disk {_part(key, 'mountpoint')}", key, t.disk, family="disk")
    for key in sorted(k for k in readings if k.startswith(DISK_BUSY)):
        add(f"disk busy {_part(key, 'device')}", key, t.disk_busy, family="disk busy")
    add("cpu pressure", "system.pressure.cpu.some.avg10", t.cpu_pressure, _PRESSURE)
    add("memory pressure", "system.pressure.memory.some.avg10", t.memory_pressure, _PRESSURE)
    add("io pressure", "system.pressure.io.some.avg10", t.io_pressure, _PRESSURE)
    add("throttled", "container.cpu.throttled", t.throttled, _PRESSURE)
    return found


_part = lru_cache(maxsize=512)(label_of)
"""Labels of keys that come again at every step."""


def _database(
    settings: Settings, readings: Mapping[str, Reading], texts: Mapping[str, str]
) -> Rule | None:
    """The database's own word on its health: two readings in a row are believed."""
    reading, word = readings.get("db.status"), texts.get("db.status", "").strip()
    if reading is None and not word:
        return None
    value = reading.value if reading is not None else float(word.lower() in HEALTHY)
    sustain = min(settings.thresholds.db_connections.for_, 2 * settings.app.interval)
    return Rule(
        "database", "database", "db.status", value, HALF, HALF, sustain, 0.0,
        (Severity.CRITICAL, Severity.CRITICAL), low_is_bad=True,
        state=f"reports {word or 'not healthy'}", well="healthy again", word=word,
    )  # fmt: skip


APPLICATION = "application"


def application(settings: Settings, health: Health | None) -> Rule | None:
    """An application that answered once and does not any more.

    One that never answered is a matter of the configuration and shows as the state of its source.

    Args:
        settings: For its source and pace.
        health: How its collector does; None when not known.
    """
    if health is None or settings.app.source == "none" or health.last_success is None:
        return None
    down = health.state in (SourceState.FAILING, SourceState.OFF)
    value = 0.0 if down else 1.0 if health.state is SourceState.LIVE else None
    # One failed reading is no outage, however long the pause that follows it.
    sustain = math.inf if down and health.failures == 1 else 2 * settings.app.interval
    return Rule(
        APPLICATION, APPLICATION, RATE, value, HALF, HALF, sustain, 0.0,
        (Severity.CRITICAL, Severity.CRITICAL), low_is_bad=True,
        state="does not answer", well="answers again", word=health.reason if down else "",
    )  # fmt: skip


REPLICAS = "replicas"
NONE_READY_FOR, FEWER_READY_FOR = 5.0, 60.0
"""Seconds after which no ready replica, and fewer than asked for, is more than a restart."""


def unready(settings: Settings, state: ReplicaState | None) -> Rule | None:
    """Replicas that do not serve although they are asked for; None where a count is not known.

    Args:
        settings: Where thresholds need not hold, neither need this.
        state: What the scale target says of itself.
    """
    if state is None or state.kind == "none" or state.ready is None or state.desired is None:
        return None
    ready, desired = state.ready, state.desired
    holds = settings.thresholds.errors.for_ > 0
    return Rule(
        REPLICAS, REPLICAS, READY, float(ready), float(desired), min(HALF, desired),
        FEWER_READY_FOR if holds else 0.0, 0.0, (Severity.MEDIUM, Severity.CRITICAL),
        low_is_bad=True, state=f"{ready} of {desired} ready", well=f"{desired} of {desired} ready",
        sustain_critical=NONE_READY_FOR if holds else 0.0,
    )  # fmt: skip


NEAR = "latency near objective"
NEAR_SHARES = (0.75, 0.9)
"""Shares of the objective from which a response time that follows the CPU is worth a word."""


def near_objective(
    settings: Settings, readings: Mapping[str, Reading], follows: float | None
) -> Rule | None:
    """A response time still below its objective that rises and falls with the CPU.

    Args:
        settings: For the objective.
        readings: Latest values.
        follows: Correlation with the CPU, strong enough to count; None when it is not.
    """
    reading = readings.get(LATENCY)
    if reading is None:
        return None
    objective = settings.objectives.latency_p95
    limits = settings.thresholds.latency_p95
    note = "" if follows is None else f"follows cpu, r {follows:.2f}".replace("r 0.", "r .")
    return Rule(
        NEAR, NEAR, LATENCY, reading.value, NEAR_SHARES[0] * objective, NEAR_SHARES[1] * objective,
        limits.for_, limits.clear, (Severity.LOW, Severity.MEDIUM), note=note,
        idle=follows is None,
    )  # fmt: skip
