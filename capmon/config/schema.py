"""Every setting, its type, its default and what it is for.

The type of a field says how its text is read: `Duration` takes "5m", `Ratio` takes "70%",
`Size` takes "4GiB". The docstring under a field is its help in the default file and the schema.
A trailing underscore keeps a field clear of a Python keyword: `from_` is written `from`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from capmon.config.planning import PlanSettings as PlanSettings
from capmon.config.quantities import Duration as Duration
from capmon.config.quantities import Natural, Positive
from capmon.config.quantities import Ratio as Ratio
from capmon.config.quantities import Size as Size
from capmon.config.scaling import CooldownSettings as CooldownSettings
from capmon.config.scaling import CouplingSettings as CouplingSettings
from capmon.config.scaling import ScalingSettings as ScalingSettings
from capmon.config.scaling import TargetSettings as TargetSettings
from capmon.config.scaling import TierSettings


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What is read from this host."""

    disks: Literal["auto"] | tuple[str, ...] = "auto"
    """Mount points to show, or auto for every real file system."""

    network: Literal["auto"] | tuple[str, ...] = "auto"
    """Network interfaces to count, or auto for all but loopback and virtual ones."""

    processes: Natural = 5
    """How many of the top processes to keep for each resource; 0 reads none."""

    processes_interval: Duration = Duration(5.0)
    """Pace of the process table, which costs more than the rest together."""

    cgroup: bool = True
    """Inside a container, count against the cgroup's limits instead of the machine's totals."""


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """Where one metric of the application comes from."""

    from_: str = ""
    """JSON: the endpoint under the URL, such as /metrics."""

    path: str = ""
    """JSON: JMESPath of the value in that endpoint's document."""

    metric: str = ""
    """OpenMetrics: name of the metric family or sample."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """OpenMetrics: labels that a sample must carry; samples that match are added up."""

    quantile: Ratio | None = None
    """OpenMetrics: the quantile to take from a histogram's last interval, or from a summary."""

    unit: str = ""
    """Unit that the source reports in, such as ms, % or MB; empty means the metric's own."""

    rate: bool = False
    """Whether the value is a counter, to be turned into a rate per second."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The application: where its measurements come from."""

    name: str = "semantic-text-processor"
    """Name on the screen."""

    source: Literal["json", "openmetrics", "none"] = "json"
    """json for an API with /metrics, /cache/stats and /health; openmetrics for Prometheus text; none for the host alone."""

    url: str = "http://localhost:8080/api/v1"
    """json: base URL of the API. openmetrics: URL of the metrics page."""

    interval: Duration = Duration(2.0)
    """Pace of readings."""

    timeout: Duration = Duration(2.0)
    """How long one reading may take."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """HTTP headers to send, such as Authorization: "Bearer ${APP_TOKEN}". Never shown."""

    verify: bool = True
    """Whether certificates are verified."""

    fields: Mapping[str, FieldSettings] = field(default_factory=dict)
    """Where each metric comes from; what is given here replaces or adds to the source's defaults."""


@dataclass(frozen=True, slots=True)
class ObjectiveSettings:
    """What the service promises."""

    latency_p95: Duration = Duration(0.25)
    """95th percentile of the response time."""


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """When a share of something counts as a bottleneck."""

    warning: Ratio = Ratio(0.7)
    """Beyond this it is one."""

    critical: Ratio = Ratio(0.9)
    """Beyond this it is critical."""

    for_: Duration = Duration(30.0)
    """How long it must hold before it is called one."""

    clear: Ratio = Ratio(0.05)
    """How far it must come back, as a share of the threshold, before it is called over."""


@dataclass(frozen=True, slots=True)
class LatencyThresholdSettings:
    """When a response time counts as a bottleneck."""

    warning: Duration = Duration(0.25)
    """Beyond this it is one."""

    critical: Duration = Duration(0.5)
    """Beyond this it is critical."""

    for_: Duration = Duration(30.0)
    """How long it must hold before it is called one."""

    clear: Ratio = Ratio(0.05)
    """How far it must come back, as a share of the threshold, before it is called over."""


def _threshold(warning: float, critical: float, for_: float = 30.0) -> ThresholdSettings:
    return ThresholdSettings(Ratio(warning), Ratio(critical), Duration(for_))


@dataclass(frozen=True, slots=True)
class ThresholdsSettings:
    """When each thing counts as a bottleneck."""

    cpu: ThresholdSettings = field(default_factory=lambda: _threshold(0.7, 0.9))
    """Busy share of the CPU, of the host and of the application."""

    memory: ThresholdSettings = field(default_factory=lambda: _threshold(0.8, 0.95))
    """Used share of the memory, of the host and of the application."""

    disk: ThresholdSettings = field(default_factory=lambda: _threshold(0.8, 0.9))
    """Used share of a file system."""

    disk_busy: ThresholdSettings = field(default_factory=lambda: _threshold(0.8, 0.95, 60.0))
    """Share of time that a block device is busy."""

    latency_p95: LatencyThresholdSettings = field(default_factory=LatencyThresholdSettings)
    """95th percentile of the response time."""

    cache_hit_ratio: ThresholdSettings = field(default_factory=lambda: _threshold(0.7, 0.5))
    """Cache hits over look-ups; low is bad."""

    db_connections: ThresholdSettings = field(default_factory=lambda: _threshold(0.8, 0.95))
    """Database connections in use over those that may be used."""

    errors: ThresholdSettings = field(default_factory=lambda: _threshold(0.01, 0.05, 10.0))
    """Failed requests over all requests."""

    cpu_pressure: ThresholdSettings = field(default_factory=lambda: _threshold(0.25, 0.6))
    """Share of time in which some task waited for a CPU (PSI)."""

    memory_pressure: ThresholdSettings = field(default_factory=lambda: _threshold(0.1, 0.3))
    """Share of time in which some task waited for memory (PSI)."""

    io_pressure: ThresholdSettings = field(default_factory=lambda: _threshold(0.25, 0.6))
    """Share of time in which some task waited for I/O (PSI)."""

    throttled: ThresholdSettings = field(default_factory=lambda: _threshold(0.1, 0.3))
    """Share of the cgroup's periods in which it was throttled."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How models of load are fitted."""

    window: Duration = Duration(3600.0)
    """History that a fit looks at; a longer window on the screen makes it longer."""

    min_points: Positive = 20
    """Least points with load before a fit is tried."""

    min_spread: Ratio = Ratio(0.2)
    """Least spread of the load, as a share of its mean, before a fit is believed."""


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """How far and how surely to look ahead."""

    horizon: Duration = Duration(21600.0)
    """Farthest look ahead; never farther than the history is long."""

    level: Ratio = Ratio(0.95)
    """Level of the prediction interval."""


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What is remembered, and for how long."""

    path: str = "auto"
    """The file; auto is $XDG_STATE_HOME/capmon/history.db, none remembers nothing."""

    name: str = "auto"
    """Whose record it is, for a file may hold several; auto is the application's and the host's name, such as web@db-01."""

    raw: Duration = Duration(86400.0)
    """How long every reading is kept."""

    minutes: Duration = Duration(30 * 86400.0)
    """How long minutes are kept."""

    hours: Duration = Duration(730 * 86400.0)
    """How long hours are kept, and events with them."""

    max_size: Size = Size(1024**3)
    """Bytes that the file may take; beyond it the oldest readings go first, then minutes, then hours."""

    resume: bool = True
    """Whether a start begins with what was recorded before."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings."""

    interval: Duration = Duration(1.0)
    """Pace of the host's readings and of the screen."""

    window: Literal["5m", "15m", "1h", "6h", "24h"] = "5m"
    """History that the screen's trends cover at the start."""

    host: HostSettings = field(default_factory=HostSettings)
    """What is read from this host."""

    app: AppSettings = field(default_factory=AppSettings)
    """The application: where its measurements come from."""

    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    """What the service promises."""

    thresholds: ThresholdsSettings = field(default_factory=ThresholdsSettings)
    """When each thing counts as a bottleneck."""

    utilization_target: Ratio = Ratio(0.8)
    """Utilization that headroom is counted against."""

    models: ModelSettings = field(default_factory=ModelSettings)
    """How models of load are fitted."""

    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    """How far and how surely to look ahead."""

    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    """What may be scaled, and how far."""

    tiers: tuple[TierSettings, ...] = ()
    """Sizes that a replica can have, the smallest first, such as {name: tier_2, cores: 4, memory: 8GiB, price_per_hour: 0.17}."""

    history: HistorySettings = field(default_factory=HistorySettings)
    """What is remembered, and for how long."""

    plan: PlanSettings = field(default_factory=PlanSettings)
    """What the capacity plan goes by."""

    time_zone: str = "auto"
    """Whose hours the patterns of the load are told in, such as Europe/Berlin; auto is the machine's."""

    theme: str = "night"
    """Name of a theme, of those shipped or of a file in the configuration's themes folder."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by command, such as {quit: "q,ctrl+c"}; `capmon config show` lists the commands."""


WINDOWS: dict[str, float] = {"5m": 300.0, "15m": 900.0, "1h": 3600.0, "6h": 21600.0, "24h": 86400.0}
"""Seconds of each window that the screen can show."""
