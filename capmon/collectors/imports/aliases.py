"""What others call the metrics of the catalogue: names of columns and of Prometheus' exporters."""

from __future__ import annotations

from collections.abc import Mapping

_CPU = "system.cpu.utilization"
_MEMORY = ("system.memory.utilization", "system.memory.usage")
_SWAP = ("system.swap.utilization", "system.swap.usage")
_RATE = "http.server.request.rate"
_ERRORS = "http.server.error.rate"
_P = "http.server.request.duration.p"

ALIASES: Mapping[str, tuple[str, ...]] = {
    alias: keys if isinstance(keys, tuple) else (keys,)
    for aliases, keys in (
        (("cpu", "cpu_usage", "cpu_util", "cpu_utilization", "cpuutilization", "cpu_busy"), _CPU),
        (("cpu_user", "user"), "system.cpu.user"),
        (("cpu_system", "cpu_sys", "system"), "system.cpu.system"),
        (("iowait", "cpu_iowait"), "system.cpu.iowait"),
        (("steal", "cpu_steal"), "system.cpu.steal"),
        (("cores", "cpus", "ncpu", "cpu_cores"), "system.cpu.limit"),
        (("load1", "load_1", "load_1m", "load1m", "ldavg_1", "node_load1"), "system.cpu.load.1m"),
        (("load5", "load_5", "load_5m", "load5m", "ldavg_5", "node_load5"), "system.cpu.load.5m"),
        (("load15", "load_15", "load_15m", "load15m", "ldavg_15", "node_load15"), "system.cpu.load.15m"),
        (("mem", "memory", "mem_usage", "memory_usage", "mem_util", "memory_utilization"), _MEMORY),
        (("mem_used", "memory_used", "memused", "used_memory"), _MEMORY[::-1]),
        (("mem_available", "memory_available", "mem_avail", "avail", "node_memory_memavailable"), "system.memory.available"),
        (("mem_total", "memory_total", "memtotal", "node_memory_memtotal"), "system.memory.limit"),
        (("swap", "swap_usage", "swap_utilization"), _SWAP),
        (("swap_used", "swpused"), _SWAP[::-1]),
        (("rps", "qps", "requests_per_second", "requests_per_sec", "req_per_s", "req_s", "request_rate", "throughput"), _RATE),
        (("rpm", "requests_per_minute"), _RATE),
        (("http_requests_total", "http_server_requests_total", "requests_total", "http_server_requests_seconds_count", "http_request_duration_seconds_count"), _RATE),
        (("error_rate", "errors_per_second", "eps"), _ERRORS),
        (("errors_total", "http_errors_total"), _ERRORS),
        (("error_ratio", "errors"), "http.server.error.ratio"),
        (("p50", "latency_p50", "p50_latency", "median_latency", "response_time_p50"), _P + "50"),
        (("p95", "latency_p95", "p95_latency", "response_time_p95"), _P + "95"),
        (("p99", "latency_p99", "p99_latency", "response_time_p99"), _P + "99"),
        (("in_flight", "inflight", "active_requests", "concurrency"), "http.server.active_requests"),
        (("users", "active_users", "concurrent_users"), "app.users.active"),
        (("hit_rate", "hit_ratio", "cache_hit_rate", "cache_hit_ratio", "cache_hits"), "cache.hit_ratio"),
        (("db_connections", "connections_in_use", "pg_stat_activity_count"), "db.connections.usage"),
        (("db_connections_max", "max_connections", "pg_settings_max_connections"), "db.connections.limit"),
        (("replicas", "replicas_ready", "ready_replicas", "pods", "instances"), "replicas.ready"),
        (("replicas_desired", "desired_replicas"), "replicas.desired"),
        (("file_nr", "node_filefd_allocated"), "system.filehandles.usage"),
        (("processes", "procs"), "system.processes.count"),
        (("net_in", "network_in", "network_receive"), "system.network.receive"),
        (("net_out", "network_out", "network_transmit"), "system.network.transmit"),
        (("tcp_established", "node_netstat_tcp_currestab"), "system.network.connections"),
    )
    for alias in aliases
}  # fmt: skip
"""Metric keys by a column's name, lower case with underscores; of several, the unit decides."""

GIVEN_UNITS: Mapping[str, str] = {"rpm": "1/m", "requests_per_minute": "1/m"}
"""Units that an alias itself says."""

COUNTERS = frozenset({"http_requests_total", "http_server_requests_total", "requests_total", "errors_total", "http_errors_total", "http_server_requests_seconds_count", "http_request_duration_seconds_count"})  # fmt: skip
"""Aliases that are counters by Prometheus' rule for names."""

ENDINGS: tuple[tuple[str, str], ...] = (
    ("_per_second", "/s"),
    ("_per_sec", "/s"),
    ("_percent", "%"),
    ("_pct", "%"),
    ("_perc", "%"),
    ("_ratio", "1"),
    ("_milliseconds", "ms"),
    ("_millis", "ms"),
    ("_msec", "ms"),
    ("_ms", "ms"),
    ("_microseconds", "us"),
    ("_us", "us"),
    ("_seconds", "s"),
    ("_sec", "s"),
    ("_s", "s"),
    ("_bytes", "B"),
    ("_kib", "KiB"),
    ("_mib", "MiB"),
    ("_gib", "GiB"),
    ("_kb", "kB"),
    ("_mb", "MB"),
    ("_gb", "GB"),
)
"""Units at the end of a name; kB, MB and GB are powers of 1000."""
