"""Where each metric of an application comes from when the configuration does not say."""

from __future__ import annotations

from capmon.config.schema import FieldSettings, Ratio

_METRICS, _CACHE, _HEALTH = "/metrics", "/cache/stats", "/health"


def _json(endpoint: str, path: str, unit: str = "", *, rate: bool = False) -> FieldSettings:
    return FieldSettings(from_=endpoint, path=path, unit=unit, rate=rate)


JSON_FIELDS: dict[str, FieldSettings] = {
    "http.server.request.duration.p50": _json(_METRICS, "histograms.http_request_duration.p50", "ms"),
    "http.server.request.duration.p95": _json(_METRICS, "histograms.http_request_duration.p95", "ms"),
    "http.server.request.duration.p99": _json(_METRICS, "histograms.http_request_duration.p99", "ms"),
    "http.server.request.rate": _json(_METRICS, "counters.http_requests_total", rate=True),
    "http.server.error.rate": _json(_METRICS, "counters.http_errors_total", rate=True),
    "http.server.active_requests": _json(_METRICS, "gauges.concurrent_requests"),
    "app.users.active": _json(_METRICS, "gauges.concurrent_users"),
    "process.cpu.utilization": _json(_METRICS, "gauges.cpu_utilization", "%"),
    "process.memory.utilization": _json(_METRICS, "gauges.memory_utilization", "%"),
    "process.memory.usage": _json(_METRICS, "gauges.memory_usage_mb", "MB"),
    "cache.hit_ratio": _json(_CACHE, "hit_rate"),
    "cache.usage": _json(_CACHE, "size_bytes", "B"),
    "cache.limit": _json(_CACHE, "max_size_bytes", "B"),
    "db.status": _json(_HEALTH, "components.database.status"),
    "service.version": _json(_HEALTH, "version"),
    "db.connections.usage": _json(_METRICS, "gauges.database_connections"),
    "db.connections.limit": _json(_METRICS, "gauges.database_connections_max"),
}  # fmt: skip
"""By metric key, for an API with /metrics, /cache/stats and /health."""

_DURATIONS = (
    "http_server_request_duration_seconds",  # OpenTelemetry
    "http_request_duration_seconds",  # most client libraries
    "http_server_requests_seconds",  # Micrometer
)
_REQUESTS = (
    "http_requests_total",
    "http_server_requests_total",
    *(f"{name}_count" for name in _DURATIONS),
)
_STATUS_LABELS = ("code", "status", "status_code", "http_response_status_code")
_FAILED = "=~5.."


def _openmetrics(*names: str) -> tuple[FieldSettings, ...]:
    return tuple(FieldSettings(metric=name) for name in names)


def _quantile(q: float) -> tuple[FieldSettings, ...]:
    return tuple(FieldSettings(metric=name, quantile=Ratio(q)) for name in _DURATIONS)


OPENMETRICS_FIELDS: dict[str, tuple[FieldSettings, ...]] = {
    "http.server.request.duration.p50": _quantile(0.5),
    "http.server.request.duration.p95": _quantile(0.95),
    "http.server.request.duration.p99": _quantile(0.99),
    "http.server.request.rate": tuple(FieldSettings(metric=name, rate=True) for name in _REQUESTS),
    "http.server.error.rate": tuple(
        FieldSettings(metric=name, labels={label: _FAILED}, rate=True)
        for name in _REQUESTS
        for label in _STATUS_LABELS
    ),
    "http.server.active_requests": _openmetrics(
        "http_server_active_requests", "http_requests_in_flight", "http_requests_in_progress",
        "http_requests_inprogress", "http_server_requests_active",
    ),
    "process.memory.usage": _openmetrics("process_resident_memory_bytes"),
    "process.start_time": _openmetrics("process_start_time_seconds"),
    "db.connections.usage": (
        FieldSettings(metric="db_client_connection_count", labels={"db_client_connection_state": "used"}),
        *_openmetrics("hikaricp_connections_active", "go_sql_in_use_connections"),
    ),
    "db.connections.limit": _openmetrics(
        "db_client_connection_max", "hikaricp_connections_max", "go_sql_max_open_connections"
    ),
}  # fmt: skip
"""By metric key, for a page of metrics: candidates in the order in which they are tried.

The process's CPU is not among them: pages tell the time used, not how much may be used.
"""
