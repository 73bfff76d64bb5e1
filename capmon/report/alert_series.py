"""Where Prometheus has each metric from: node_exporter, the application's own page, or capmon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from capmon.config.schema import FieldSettings, Settings
from capmon.errors import QuantityError
from capmon.model.exposition import family
from capmon.model.metric import metric
from capmon.model.names import ERROR_RATE, ERRORS, HOST_MEMORY, RATE
from capmon.model.units import scale
from capmon.report.metrics_page import MetricsPage, base, candidates
from capmon.report.promql import duration, either, number, selector, speakable, string, unspeakable

CONNECTIONS = "db.connections.utilization"
INSTANCE = "by (job, instance) "
"""Aggregation that keeps replicas apart."""

MEMORY = "node_memory_MemAvailable_bytes"
DISKS = "node_filesystem_avail_bytes"
NOT_DISKS = "tmpfs|ramfs|overlay|squashfs|erofs|iso9660|udf"
"""File systems that hold nothing that can fill up, besides those that node_exporter leaves out itself."""

NOT_DEVICES = r"(loop|ram|zram|fd|sr)\d+"
"""Block devices that are none, besides those that node_exporter leaves out itself."""

HOST = ("system.", "container.")
"""How metrics of the host begin."""

_THROTTLING = "container_cpu_cfs"


@dataclass(frozen=True, slots=True)
class Series:
    """A metric as Prometheus can compute it."""

    expr: str
    """PromQL; a sample for each thing that has the metric."""

    operation: str = ""
    """Tail of a recorded name: `rate2m`, `ratio`; empty for a selector, which is short enough to repeat."""

    factor: float = 1.0
    """What one of its values is worth in the catalogue's unit."""

    unit: str = ""
    """Its unit where that is not the catalogue's."""

    level: str = "instance"
    """Which labels it keeps, as recorded names begin."""

    notes: tuple[str, ...] = ()
    """What a reader should know."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why there is no series for a metric."""

    reason: str
    """Fit for a comment."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Which exporters there are, and how their series are told from those of others."""

    settings: Settings
    """The settings."""

    host: Literal["node", "capmon"]
    """Who exports the host."""

    app: Literal["own", "capmon", "none"]
    """Who exports the application."""

    page: MetricsPage | None = None
    """The application's page; None where it was not read, so that names are taken on trust."""

    host_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the hosts' series, `=~` before a pattern."""

    app_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the application's series."""

    window: float = 120.0
    """Seconds that rates look back."""

    def find(self, metric_key: str) -> Series | Lacking:
        """The series of one metric."""
        if metric_key.startswith(HOST):
            if self.host == "capmon":
                return self.capmon(metric_key, self.host_labels)
            return self._host(metric_key)
        if self.app == "capmon":
            return self.capmon(metric_key, self.app_labels)
        if self.app == "none":
            return Lacking(self._no_app())
        return self._app(metric_key)

    def capmon(self, metric_key: str, labels: Mapping[str, str]) -> Series:
        """A metric as capmon exports it."""
        return Series(selector(family(metric_key).name, labels))

    def _no_app(self) -> str:
        if self.settings.app.source == "json":
            return "a JSON source is no metric in Prometheus; --source auto takes it from capmon"
        return "no application is configured: app.source is none"

    @property
    def free_space(self) -> str:
        """Free bytes of the file systems that count."""
        chosen = self.settings.host.disks
        raw = f'fstype!~"{NOT_DISKS}"'
        if chosen != "auto":
            raw = f"mountpoint=~{string(either(*chosen))}"
        return selector(DISKS, self.host_labels, raw=raw)

    def signs_of_life(self) -> dict[str, str]:
        """By part, a selector of series that are there as long as anything is measured."""
        found = {"host": selector(MEMORY, self.host_labels)}
        if self.host == "capmon":
            found["host"] = self.capmon(HOST_MEMORY, self.host_labels).expr
        if self.app == "capmon":
            found["application"] = self.capmon(RATE, self.app_labels).expr
        elif self.app == "own" and not isinstance(rate := self.field(RATE), Lacking):
            found["application"] = selector(rate[0].metric, rate[0].labels, self.app_labels)
        return found

    def _host(self, metric_key: str) -> Series | Lacking:
        over, h = duration(self.window), self.host_labels

        def rate(name: str, raw: str = "") -> str:
            return f"rate({selector(name, h, raw=raw)}[{over}])"

        def pressure(resource: str) -> Series:
            return Series(rate(f"node_pressure_{resource}_waiting_seconds_total"), f"rate{over}")

        match metric_key:
            case "system.cpu.utilization":
                idle = rate("node_cpu_seconds_total", 'mode=~"idle|iowait"')
                busy = f"1 - avg without (cpu) (sum without (mode) ({idle}))"
                return Series(busy, f"rate{over}")
            case "system.memory.utilization":
                return Series(f"1 - {selector(MEMORY, h)} / node_memory_MemTotal_bytes", "ratio")
            case "system.filesystem.utilization":
                free = "node_filesystem_size_bytes - node_filesystem_free_bytes"
                df = f"1 - {self.free_space} / ({free} + {DISKS})"
                return Series(df, "ratio", notes=("used / (used + available), as df counts it: blocks kept for root are neither",))  # fmt: skip
            case "system.disk.io.time":
                return Series(rate("node_disk_io_time_seconds_total", f"device!~{string(NOT_DEVICES)}"), f"rate{over}")  # fmt: skip
            case "container.cpu.throttled":
                return self._throttled(over)
            case _:
                return pressure(metric_key.split(".")[2])

    def _throttled(self, over: str) -> Series | Lacking:
        target = self.settings.scaling.target
        if target.kind != "kubernetes":
            return Lacking("node_exporter does not know it, and cAdvisor's pods are only known for a Kubernetes target")  # fmt: skip
        name = target.name.rpartition("/")[2]
        labels = {"namespace": target.namespace} if target.namespace else {}
        raw = f'pod=~{string(either(name) + "-.+")},container!=""'
        parts = (
            f"sum by (namespace, pod, container) (rate({selector(f'{_THROTTLING}_{n}_total', labels, raw=raw)}[{over}]))"
            for n in ("throttled_periods", "periods")
        )
        return Series("\n/ ".join(parts), f"rate{over}", level="container")

    def _app(self, metric_key: str) -> Series | Lacking:
        if metric_key == ERRORS and ERRORS not in self.settings.app.fields:
            return self.error_ratio(self.window)
        if metric_key == CONNECTIONS and CONNECTIONS not in self.settings.app.fields:
            return self._connections()
        found = self.field(metric_key)
        if isinstance(found, Lacking):
            return found
        chosen, notes = found
        factor = _factor(metric_key, chosen)
        if chosen.quantile is not None and (self.page is None or self.page.has_histogram(chosen)):
            over = duration(self.window)
            rate = f"rate({selector(base(chosen) + '_bucket', chosen.labels, self.app_labels)}[{over}])"
            expr = f"histogram_quantile({number(chosen.quantile)}, sum by (le) ({rate}))"
            return Series(expr, f"rate{over}", factor, chosen.unit, "service", notes)
        if chosen.quantile is not None:
            which = {"quantile": number(chosen.quantile)}
            expr = selector(base(chosen), chosen.labels, which, self.app_labels)
            notes = (*notes, "a summary's quantile: over the application's own window, replica by replica")  # fmt: skip
            return Series(expr, "", factor, chosen.unit, notes=notes)
        expr = self._sum(chosen, self.window, INSTANCE)
        operation = f"rate{duration(self.window)}" if chosen.rate else "sum"
        return Series(expr, operation, factor, chosen.unit, notes=notes)

    def field(self, metric_key: str) -> tuple[FieldSettings, tuple[str, ...]] | Lacking:
        """The field that a metric comes from, and what was assumed."""
        tried = candidates(self.settings.app, metric_key)
        if not tried:
            return Lacking(f"set app.fields: {metric_key}, so that its name is known")
        fit = [f for f in tried if self.page is None or self.page.has(f)]
        if not fit:
            names = ", ".join(dict.fromkeys(f.metric for f in tried[:3]))
            return Lacking(f"the application's page has no {names}")
        chosen = fit[0]
        if not speakable(chosen.metric):
            return Lacking(f"{chosen.metric!r} is no name of a metric in Prometheus")
        if problem := unspeakable(chosen.labels):
            return Lacking(problem)
        assumed = self.page is None and metric_key not in self.settings.app.fields
        note = f"{chosen.metric} is assumed: the page could not be read"
        return chosen, ((note,) if assumed else ())

    def error_ratio(self, window: float) -> Series | Lacking:
        """Failed requests over all requests within a window, counted by request and not by time."""
        over = duration(window)
        if self.app == "capmon":
            both = (self.capmon(key, self.app_labels).expr for key in (ERROR_RATE, RATE))
            return Series(
                "\n/ ".join(f"avg_over_time({one}[{over}])" for one in both), f"rate{over}"
            )
        failed, every = self.field(ERROR_RATE), self.field(RATE)
        if isinstance(failed, Lacking):
            return failed
        if isinstance(every, Lacking):
            return every
        times = _factor(ERROR_RATE, failed[0]) / _factor(RATE, every[0])
        worth = "" if times == 1 else f" * {number(times)}"
        expr = f"{self._sum(failed[0], window)}{worth}\n/ {self._sum(every[0], window)}"
        notes = tuple(dict.fromkeys((*failed[1], *every[1])))
        return Series(expr, f"rate{over}", level="service", notes=notes)

    def _connections(self) -> Series | Lacking:
        used, most = self.field("db.connections.usage"), self.field("db.connections.limit")
        if isinstance(used, Lacking):
            return used
        if isinstance(most, Lacking):
            return most
        expr = f"{self._sum(used[0], self.window, INSTANCE)}\n/ {self._sum(most[0], self.window, INSTANCE)}"  # fmt: skip
        return Series(expr, "ratio", notes=tuple(dict.fromkeys((*used[1], *most[1]))))

    def _sum(self, chosen: FieldSettings, window: float, by: str = "") -> str:
        """Samples that match, added up as capmon does; what is counted becomes a rate."""
        series = selector(chosen.metric, chosen.labels, self.app_labels)
        if chosen.rate:
            series = f"rate({series}[{duration(window)}])"
        elif window != self.window:
            series = f"avg_over_time({series}[{duration(window)}])"
        return f"sum {by}({series})" if by else f"sum({series})"


def _factor(metric_key: str, chosen: FieldSettings) -> float:
    """What one of a field's values is worth in the catalogue's unit; 1 for a unit that does not measure it."""
    try:
        return scale(chosen.unit, metric(metric_key).unit) if chosen.unit else 1.0
    except QuantityError:
        return 1.0


def origins(
    settings: Settings,
    source: Literal["auto", "node", "capmon"] = "auto",
    page: MetricsPage | None = None,
    *,
    host_labels: Mapping[str, str] | None = None,
    app_labels: Mapping[str, str] | None = None,
    window: float = 120.0,
) -> Origins:
    """Choose who exports what.

    Args:
        settings: The settings.
        source: node takes nothing from capmon; capmon takes everything from it; auto takes the host
            from node_exporter and the application from its own page, or from capmon where that page is JSON.
        page: The application's page, where it was read.
        host_labels: Labels that tell the service's hosts from others.
        app_labels: Labels that tell the application's series from others.
        window: Seconds that rates look back; four scrapes at least.
    """
    app: Literal["own", "capmon", "none"] = "none"
    if settings.app.source == "openmetrics":
        app = "own"
    elif settings.app.source == "json" and source == "auto":
        app = "capmon"
    if source == "capmon" and settings.app.source != "none":
        app = "capmon"
    return Origins(
        settings,
        "capmon" if source == "capmon" else "node",
        app,
        page,
        host_labels or {},
        app_labels or {},
        window,
    )
