"""Everything that one tick shows, frozen, so that a screen, a file and a script see the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from capmon.model.patterns import Demand, Growth, Patterns
from capmon.model.policies import Scaling
from capmon.model.results import (
    Advice,
    Bottleneck,
    Fit,
    Forecast,
    Headroom,
    Health,
    Outcome,
    Priority,
    Recommendation,
    ReplicaState,
    Trigger,
    UtilizationReport,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest value of one metric, or why there is none."""

    value: float | None
    """In the metric's own unit; None when not known."""

    at: float | None
    """Unix time at which it was measured, or was last known."""

    reason: str = ""
    """Why it is not known; empty when it is."""


def value_of(readings: Mapping[str, Reading], metric_key: str) -> float | None:
    """The latest value of a metric; None when it is not known or not finite."""
    reading = readings.get(metric_key)
    if reading is None or reading.value is None or not math.isfinite(reading.value):
        return None
    return reading.value


@dataclass(frozen=True, slots=True)
class Trend:
    """The recent course of one metric."""

    end: float
    """Unix time of the end of the last cell."""

    step: float
    """Seconds a cell. Cells are aligned: each begins at a multiple of the step."""

    values: tuple[float, ...]
    """One value a cell, oldest first; NaN where nothing was measured."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What does not change from tick to tick."""

    hostname: str
    """Name of the host."""

    system: str
    """Name and version of the operating system."""

    cores: int
    """Cores of the machine."""

    cpu_limit: float
    """Cores that may be used."""

    cpu_limit_origin: str
    """Where the limit comes from: `machine`, `cgroup v2`, `cgroup v1`."""

    memory_total: float
    """Bytes of memory of the machine."""

    memory_limit: float
    """Bytes that may be used."""

    memory_limit_origin: str
    """Where the limit comes from: `machine`, `cgroup v2`, `cgroup v1`."""

    boot_time: float | None = None
    """Unix time at which the machine started."""


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one process uses."""

    pid: int
    """Process id."""

    name: str
    """Its short name, control characters removed."""

    cpu: float | None
    """Cores in use: 1.5 is one and a half; None until it was read twice."""

    memory: float
    """Resident bytes."""

    io: float | None = None
    """Bytes read and written a second; None when it may not be read."""


@dataclass(frozen=True, slots=True)
class TopProcesses:
    """The processes that use the most, each list with the greatest first."""

    by_cpu: tuple[ProcessUse, ...] = ()
    """By cores in use."""

    by_memory: tuple[ProcessUse, ...] = ()
    """By resident bytes."""

    by_io: tuple[ProcessUse, ...] = ()
    """By bytes read and written a second."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the record."""

    at: float
    """Unix time."""

    kind: str
    """`bottleneck`, `action`, `change`, `replicas`, `source`, `notice`, `note`, `start`, `stop`."""

    text: str
    """One line for a screen."""


@dataclass(frozen=True, slots=True)
class Past:
    """That a frame is not of now, and where it comes from."""

    kind: str
    """`replay` out of a history, `file` out of a snapshot."""

    name: str
    """Whose record it is, or the file's name."""

    results_at: float | None
    """Unix time at which models, forecasts and bottlenecks were made; None where none were kept."""

    since: float
    """Unix time of the first measurement there is."""

    end: float
    """Unix time of the last."""

    note: str = ""
    """What to keep in mind: `minutes alone: readings are kept for 24 h`; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Who remembers what is measured."""

    state: str
    """`recording` here, `attached` to a recorder that collects, `elsewhere` by another process, `off`, `failing`."""

    text: str
    """One line for a screen: `read from the recorder (pid 123)`, `disk full: 12 s not recorded`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One tick of the monitor."""

    sequence: int
    """Counts up by one."""

    at: float
    """Unix time of the tick."""

    interval: float
    """Seconds between ticks."""

    window: float
    """Seconds of history that trends cover."""

    host: HostFacts | None = None
    """The machine; None until it was read once."""

    app_name: str = ""
    """Name of the application."""

    app_source: str = "none"
    """Kind of its source: `json`, `openmetrics` or `none`."""

    readings: Mapping[str, Reading] = field(default_factory=dict)
    """Latest value by metric key."""

    trends: Mapping[str, Trend] = field(default_factory=dict)
    """Recent course by metric key; empty until the engine runs."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """States in words by metric key: `db.status` is `healthy`."""

    processes: TopProcesses = field(default_factory=TopProcesses)
    """The processes that use the most."""

    engine_ready: bool = False
    """Whether the analysis runs yet; it loads after the first paint."""

    fits: tuple[Fit, ...] = ()
    """Models of resources and latency over load."""

    scalability: Fit | None = None
    """Throughput of a replica over the requests that it serves at once; None where they are not counted."""

    headroom: tuple[Headroom, ...] = ()
    """Limits over load, the one that binds first in front, those not known at the end."""

    forecasts: tuple[Forecast, ...] = ()
    """Forecasts, in a stable order."""

    bottlenecks: tuple[Bottleneck, ...] = ()
    """Bottlenecks, the worst first."""

    priority: Priority = Priority.NONE
    """When to scale."""

    recommendations: tuple[Recommendation, ...] = ()
    """What to do, most urgent first, without repetition."""

    triggers: tuple[Trigger, ...] = ()
    """Every threshold that is watched, the nearest to harm first."""

    patterns: Patterns | None = None
    """Days and weeks of the load; None until they were looked for."""

    demands: tuple[Demand, ...] = ()
    """What one request costs."""

    growth: tuple[Growth, ...] = ()
    """Where load and resources are heading over days."""

    utilization: UtilizationReport | None = None
    """Current utilization against capacity."""

    replicas: ReplicaState | None = None
    """The scale target; None when none is configured."""

    advice: Advice | None = None
    """What the models advise."""

    scaling: Scaling | None = None
    """What the policies say; None where nothing is scaled."""

    outcomes: tuple[Outcome, ...] = ()
    """Recent scale actions, the latest first."""

    health: tuple[Health, ...] = ()
    """Collectors."""

    events: tuple[Event, ...] = ()
    """Recent events, the latest first."""

    recording: Recording | None = None
    """Who remembers what is measured; None before it is known."""

    past: Past | None = None
    """Where a frame comes from that is not of now; None while it is live."""

    came: Mapping[str, Trend] = field(default_factory=dict)
    """What came after this moment, by metric key, as far as forecasts look; empty while live."""

    @property
    def curves(self) -> tuple[Fit, ...]:
        """Every fitted curve: those over load, then the throughput over requests in flight."""
        return self.fits if self.scalability is None else (*self.fits, self.scalability)

    def value(self, metric_key: str) -> float | None:
        """The latest value of a metric, or None."""
        reading = self.readings.get(metric_key)
        return None if reading is None else reading.value

    def reason(self, metric_key: str) -> str:
        """Why a metric is not known; empty when it is."""
        reading = self.readings.get(metric_key)
        return "not collected" if reading is None else reading.reason
