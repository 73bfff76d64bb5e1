"""`capmon export alerts`: the configuration's thresholds as rules for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capmon import __version__
from capmon.analysis.bottlenecks.remedies import REMEDIES
from capmon.config.schema import LatencyThresholdSettings, ThresholdSettings
from capmon.model.metric import Unit, Worse, metric
from capmon.model.names import APP_CPU, APP_MEMORY, ERRORS, HOST_CPU, HOST_MEMORY, LATENCY
from capmon.model.results import Severity
from capmon.model.text import one_line
from capmon.model.units import show, span
from capmon.report.alert_exhaustion import exhaustion_group
from capmon.report.alert_series import CONNECTIONS, HOST, Lacking, Origins, Series
from capmon.report.alert_slo import slo_groups
from capmon.report.promql import duration, matcher, number, template
from capmon.report.rule_file import Alert, Group, Recording, as_yaml

KEEP = 300.0
"""Seconds for which a value that came back must stay back, so that one around its threshold is one alert."""

SILENT_FOR = 600.0
"""Seconds without any measurement before someone is told."""

STEPS = 2
"""Remedies named in an alert."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One threshold and what is said of it."""

    alert: str
    """Name of the alert."""

    metric: str
    """Name of the metric."""

    threshold: str
    """Attribute of the thresholds' settings."""

    remedy: str
    """Family of the bottleneck, for its impact and remedies."""

    what: str
    """The metric in an alert's first words."""

    record: str
    """Its part of a recorded name."""

    flaps: bool = True
    """Whether the value may move to and fro around its threshold."""


WATCHES = (
    Watch("CapmonHostCpuHigh", HOST_CPU, "cpu", "cpu", "CPU", "cpu_utilization"),
    Watch("CapmonHostMemoryHigh", HOST_MEMORY, "memory", "memory", "memory", "memory_utilization"),
    Watch("CapmonDiskSpaceLow", "system.filesystem.utilization", "disk", "disk", "file system", "filesystem_utilization", flaps=False),
    Watch("CapmonDiskBusy", "system.disk.io.time", "disk_busy", "disk busy", "busy time of", "disk_busy"),
    Watch("CapmonCpuPressure", "system.pressure.cpu.some.avg10", "cpu_pressure", "cpu pressure", "CPU pressure", "cpu_pressure"),
    Watch("CapmonMemoryPressure", "system.pressure.memory.some.avg10", "memory_pressure", "memory pressure", "memory pressure", "memory_pressure"),
    Watch("CapmonIoPressure", "system.pressure.io.some.avg10", "io_pressure", "io pressure", "I/O pressure", "io_pressure"),
    Watch("CapmonCpuThrottled", "container.cpu.throttled", "throttled", "throttled", "CPU throttling", "cpu_throttled"),
    Watch("CapmonLatencyHigh", LATENCY, "latency_p95", "latency", "95th percentile of the response time", "request_duration_p95"),
    Watch("CapmonErrorRatioHigh", ERRORS, "errors", "errors", "share of failed requests", "error_ratio"),
    Watch("CapmonCacheHitRatioLow", "cache.hit_ratio", "cache_hit_ratio", "cache", "cache hit ratio", "cache_hit_ratio"),
    Watch("CapmonDbConnectionsHigh", CONNECTIONS, "db_connections", "database connections", "database connections", "db_connections_utilization"),
    Watch("CapmonAppCpuHigh", APP_CPU, "cpu", "app cpu", "CPU of a replica", "app_cpu_utilization"),
    Watch("CapmonAppMemoryHigh", APP_MEMORY, "memory", "app memory", "memory of a replica", "app_memory_utilization"),
)  # fmt: skip

_PLACES = {
    "system.filesystem.utilization": " {{ $labels.mountpoint }}",
    "system.disk.io.time": " {{ $labels.device }}",
}


def alert_rules(origins: Origins) -> str:
    """The rules as a file that Prometheus loads.

    Args:
        origins: The settings and where each metric comes from, of `alert_series.origins`.
    """
    service = one_line(origins.settings.app.name) or "service"
    host, app, lacking = _thresholds(origins, service)
    slo, missing = slo_groups(origins, service)
    groups = [
        Group("capmon-host", tuple(host)),
        exhaustion_group(origins, service, "instance:capmon_filesystem_utilization:ratio"),
        Group("capmon-app", tuple(app)),
        *slo,
        _silence(origins, service),
    ]
    return as_yaml(_header(origins, service, [*lacking, *missing]), groups)


def _thresholds(
    origins: Origins, service: str
) -> tuple[list[Recording | Alert], list[Recording | Alert], list[str]]:
    """Rules of the host, rules of the application, and why some are missing."""
    host: list[Recording | Alert] = []
    app: list[Recording | Alert] = []
    lacking: list[str] = []
    for watch in WATCHES:
        series = origins.find(watch.metric)
        if isinstance(series, Lacking):
            lacking.append(f"{watch.alert}: {series.reason}")
            continue
        of_host = watch.metric.startswith(HOST)
        (host if of_host else app).extend(_watch(origins, watch, series, service))
    order = [r for r in host if isinstance(r, Recording)]
    host = [*order, *(r for r in host if isinstance(r, Alert))]
    app = [*(r for r in app if isinstance(r, Recording)), *(r for r in app if isinstance(r, Alert))]
    return host, app, lacking


def recorded(watch: Watch, series: Series) -> str:
    """Name under which a series is recorded: level, metric, operation."""
    return f"{series.level}:capmon_{watch.record}:{series.operation}"


def _watch(origins: Origins, watch: Watch, series: Series, service: str) -> list[Recording | Alert]:
    """The recording that both severities use, and an alert for each."""
    limits: ThresholdSettings | LatencyThresholdSettings = getattr(
        origins.settings.thresholds, watch.threshold
    )
    rules: list[Recording | Alert] = []
    value, notes = series.expr, series.notes
    if series.operation:
        name = recorded(watch, series)
        rules.append(Recording(name, series.expr, {"service": service}, notes))
        value, notes = f"{name}{{{matcher('service', service)}}}", ()
    for severity, threshold in (("warning", limits.warning), ("critical", limits.critical)):
        sign = "<" if metric(watch.metric).worse is Worse.LOW else ">"
        expr = f"{value} {sign} {number(threshold / series.factor)}"
        said = (*notes, *_beyond(origins, watch, threshold, series))
        rules.append(
            Alert(
                watch.alert,
                expr,
                {"severity": severity, "service": template(service)},
                _words(origins, watch, series, service, severity, threshold, limits.for_),
                limits.for_,
                KEEP if watch.flaps and limits.clear > 0 else 0.0,
                said,
            )
        )
        notes = ()
    return rules


def _beyond(origins: Origins, watch: Watch, threshold: float, series: Series) -> tuple[str, ...]:
    """A threshold that a histogram cannot see: its quantile never leaves the last finite bucket."""
    if watch.metric != LATENCY or origins.app != "own" or origins.page is None:
        return ()
    found = origins.field(LATENCY)
    if isinstance(found, Lacking) or found[0].quantile is None:
        return ()
    bounds = origins.page.bounds(found[0])
    if not bounds or bounds[-1] > threshold / series.factor:
        return ()
    return (f"The last bucket ends at {number(bounds[-1])}: no quantile is ever above it, so this cannot fire until there is a higher one.",)  # fmt: skip


def _words(
    origins: Origins,
    watch: Watch,
    series: Series,
    service: str,
    severity: str,
    threshold: float,
    held: float,
) -> dict[str, str]:
    """What an alert says."""
    entry = metric(watch.metric)
    remedy = REMEDIES[watch.remedy]
    of = Severity.CRITICAL if severity == "critical" else Severity.HIGH
    side = "under" if entry.worse is Worse.LOW else "over"
    limit = _limit(threshold, entry.unit)
    of_host = watch.metric.startswith(HOST)
    whole = series.level == "service" or (origins.app == "capmon" and not of_host)
    where = "" if whole else " on {{ $labels.instance }}"
    if series.level == "container":
        where = " of {{ $labels.container }} in {{ $labels.pod }}"
    place = _PLACES.get(watch.metric, "")
    steps = remedy.steps(of, Severity.CRITICAL)[:STEPS]
    return {
        "summary": f"{template(service)}: {watch.what}{place}{where} {side} {limit}",
        "description": f"{_value(series, entry.unit)}, {side} {limit} for {span(held)}: {remedy.effect(of, Severity.CRITICAL)}.",
        "action": "; ".join(steps),
    }


def _limit(threshold: float, unit: Unit) -> str:
    return f"{threshold * 100:.3g} %" if unit is Unit.RATIO else str(show(threshold, unit))


def _value(series: Series, unit: Unit) -> str:
    """The value of the moment, as a template."""
    if series.unit and series.factor != 1:
        return f'{{{{ printf "%.3g" $value }}}} {template(series.unit)}'
    way = {Unit.RATIO: "humanizePercentage", Unit.SECONDS: "humanizeDuration"}.get(unit, "humanize")
    return f"{{{{ $value | {way} }}}}"


def _silence(origins: Origins, service: str) -> Group:
    """Rules for the case that there is nothing to measure, in which no other rule can fire."""
    rules = []
    for what, series in origins.signs_of_life().items():
        expr = f"absent({series})"
        rules.append(
            Alert(
                "CapmonMeasurementsMissing",
                expr,
                {"severity": "warning", "service": template(service), "source": what},
                {
                    "summary": f"{template(service)}: Prometheus has no measurements of the {what}",
                    "description": f"None for {span(SILENT_FOR)}: without them no other rule about the {what} can fire.",
                    "action": "check that the target is up and that the labels in these rules match its series",
                },
                SILENT_FOR,
            )
        )
    note = "Fires when every series is gone; one target of several that is down shows as up == 0."
    return Group("capmon-silence", tuple(rules), (note,))


def _header(origins: Origins, service: str, lacking: Sequence[str]) -> list[str]:
    host = {"node": "node_exporter", "capmon": "capmon"}[origins.host]
    app = {"own": "its own metrics page", "capmon": "capmon", "none": "none"}[origins.app]
    over = duration(origins.window)
    lines = [
        f"Prometheus rules for {service}, from capmon's thresholds; written by capmon {__version__}.",
        f"Host from {host}, application from {app}. Needs Prometheus 2.42 or later, for keep_firing_for.",
        f"Rates look back {over}, which takes a scrape at least every {span(origins.window / 4)}; --window makes it longer.",
        "A `for` shorter than the evaluation interval takes one evaluation.",
        "A critical alert comes with its warning; in Alertmanager let it silence that one:",
        "  inhibit_rules:",
        "    - source_matchers: [severity=critical]",
        "      target_matchers: [severity=warning]",
        "      equal: [alertname, service, instance, mountpoint, device, pod, container, metric]",
    ]
    if origins.app == "capmon" or origins.host == "capmon":
        lines.append("Families that begin with capmon_ are exported by `capmon record --listen`.")
    if not origins.host_labels:
        lines.append("No --host-label was given: the rules of the host hold for every host in this Prometheus.")  # fmt: skip
    if origins.app != "none" and not origins.app_labels:
        lines.append("No --app-label was given: series of one name from other applications count, too.")  # fmt: skip
    if lacking:
        lines += ["Left out:", *(f"  {text}" for text in lacking)]
    return lines
