"""The metric catalogue: every name that capmon knows, its unit, and which direction is worse.

Names follow OpenTelemetry's semantic conventions. A key is a name with its labels in
Prometheus' notation: `system.filesystem.utilization{mountpoint="/"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from capmon.errors import CapmonError


class Unit(StrEnum):
    """Base units, in the notation of UCUM as OpenTelemetry uses it."""

    RATIO = "1"
    SECONDS = "s"
    BYTES = "By"
    BYTES_PER_SECOND = "By/s"
    PER_SECOND = "1/s"
    COUNT = "{count}"
    CORES = "{core}"


class Worse(StrEnum):
    """The direction in which a metric does harm."""

    HIGH = "high"
    LOW = "low"
    NEITHER = "neither"


class Summary(StrEnum):
    """How several readings become one when a longer interval is shown.

    The mean of several 95th percentiles is no percentile of anything, so quantiles are
    summarized by their median and named as such.
    """

    MEAN = "mean"
    MEDIAN = "median"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    """Name without labels."""

    unit: Unit
    """Unit of every value under this name."""

    label: str
    """Two or three words for a screen."""

    help: str
    """One sentence: what is measured, and against which total."""

    worse: Worse = Worse.HIGH
    """The direction in which it does harm."""

    summary: Summary = Summary.MEAN
    """How several readings become one."""


_R, _S, _B, _BS, _PS, _C = (
    Unit.RATIO,
    Unit.SECONDS,
    Unit.BYTES,
    Unit.BYTES_PER_SECOND,
    Unit.PER_SECOND,
    Unit.COUNT,
)
_N, _L = Worse.NEITHER, Worse.LOW
_MEDIAN, _LAST = Summary.MEDIAN, Summary.LAST

CATALOGUE: dict[str, Metric] = {
    m.name: m
    for m in (
        # Host: processor
        Metric("system.cpu.utilization", _R, "cpu", "Busy share of the CPU that may be used: the cgroup's quota where there is one, else all cores."),
        Metric("system.cpu.core.utilization", _R, "core", "Busy share of one core, by label core."),
        Metric("system.cpu.user", _R, "user", "Share of all cores' time in user code, nice included.", _N),
        Metric("system.cpu.system", _R, "system", "Share of all cores' time in the kernel, interrupts included.", _N),
        Metric("system.cpu.iowait", _R, "iowait", "Share of all cores' time idle with I/O outstanding."),
        Metric("system.cpu.steal", _R, "steal", "Share of all cores' time taken by the hypervisor."),
        Metric("system.cpu.limit", Unit.CORES, "cores", "Cores that may be used: the cgroup's quota or the machine's count.", _N, _LAST),
        Metric("system.cpu.load.1m", _C, "load 1m", "Runnable and uninterruptible tasks, 1 minute average."),
        Metric("system.cpu.load.5m", _C, "load 5m", "Runnable and uninterruptible tasks, 5 minute average."),
        Metric("system.cpu.load.15m", _C, "load 15m", "Runnable and uninterruptible tasks, 15 minute average."),
        # Host: memory
        Metric("system.memory.utilization", _R, "memory", "Used share of the memory that may be used; used is the limit less what is available."),
        Metric("system.memory.usage", _B, "used", "Memory in use: the limit less what is available."),
        Metric("system.memory.available", _B, "available", "Memory that can be given out without swapping.", _L),
        Metric("system.memory.limit", _B, "total", "Memory that may be used: the cgroup's limit or the machine's total.", _N, _LAST),
        Metric("system.swap.utilization", _R, "swap", "Used share of the swap space."),
        Metric("system.swap.usage", _B, "swap used", "Swap in use."),
        Metric("system.swap.limit", _B, "swap total", "Swap space.", _N, _LAST),
        # Host: storage
        Metric("system.filesystem.utilization", _R, "disk", "Used share of a file system as df counts it, by label mountpoint."),
        Metric("system.filesystem.usage", _B, "used", "Bytes used on a file system, by label mountpoint."),
        Metric("system.filesystem.limit", _B, "size", "Bytes that an unprivileged user could use on a file system, by label mountpoint.", _N, _LAST),
        Metric("system.disk.io.time", _R, "disk busy", "Share of time a block device had work, by label device."),
        Metric("system.disk.read", _BS, "read", "Bytes read from a block device, by label device.", _N),
        Metric("system.disk.write", _BS, "write", "Bytes written to a block device, by label device.", _N),
        # Host: network
        Metric("system.network.receive", _BS, "receive", "Bytes received, all real interfaces, or one by label device.", _N),
        Metric("system.network.transmit", _BS, "transmit", "Bytes sent, all real interfaces, or one by label device.", _N),
        Metric("system.network.errors", _PS, "net errors", "Errors and drops of all real interfaces, both directions."),
        Metric("system.network.retransmit.ratio", _R, "retransmits", "TCP segments sent again over TCP segments sent."),
        Metric("system.network.connections", _C, "connections", "TCP sockets in state ESTABLISHED.", _N),
        # Host: kernel tables and tasks
        Metric("system.filehandles.usage", _C, "file handles", "Open file handles of the whole system."),
        Metric("system.filehandles.utilization", _R, "file handles", "Open file handles over the system's maximum."),
        Metric("system.processes.count", _C, "processes", "Processes.", _N),
        # Host: saturation
        Metric("system.pressure.cpu.some.avg10", _R, "cpu pressure", "Share of the last 10 s in which some task waited for a CPU (PSI)."),
        Metric("system.pressure.memory.some.avg10", _R, "memory pressure", "Share of the last 10 s in which some task waited for memory (PSI)."),
        Metric("system.pressure.memory.full.avg10", _R, "memory stall", "Share of the last 10 s in which all tasks waited for memory (PSI)."),
        Metric("system.pressure.io.some.avg10", _R, "io pressure", "Share of the last 10 s in which some task waited for I/O (PSI)."),
        Metric("system.pressure.io.full.avg10", _R, "io stall", "Share of the last 10 s in which all tasks waited for I/O (PSI)."),
        Metric("container.cpu.throttled", _R, "throttled", "Share of the cgroup's enforcement periods in which it was throttled."),
        # Application: RED
        Metric("http.server.request.rate", _PS, "rate", "Requests completed per second, the whole service.", _N),
        Metric("http.server.error.rate", _PS, "errors", "Failed requests per second, the whole service."),
        Metric("http.server.error.ratio", _R, "errors", "Failed requests over all requests."),
        Metric("http.server.request.duration.p50", _S, "p50", "Median response time of the last interval.", summary=_MEDIAN),
        Metric("http.server.request.duration.p95", _S, "p95", "95th percentile of the response time of the last interval.", summary=_MEDIAN),
        Metric("http.server.request.duration.p99", _S, "p99", "99th percentile of the response time of the last interval.", summary=_MEDIAN),
        Metric("http.server.active_requests", _C, "in flight", "Requests being served or waiting."),
        Metric("app.users.active", _C, "users", "Concurrent users as the application counts them.", _N),
        # Application: resources that it reports of itself
        Metric("process.cpu.utilization", _R, "app cpu", "Busy share of the CPU that one replica may use, as the application reports it."),
        Metric("process.memory.utilization", _R, "app memory", "Used share of the memory that one replica may use, as the application reports it."),
        Metric("process.memory.usage", _B, "app memory", "Memory in use by one replica, as the application reports it."),
        Metric("process.start_time", _S, "started", "Unix time at which the process that answered was started.", _N, _LAST),
        Metric("service.version", _C, "version", "1 while the application states its version; the version itself stands in words.", _N, _LAST),
        Metric("cache.hit_ratio", _R, "cache", "Cache hits over look-ups, as the application reports it.", _L),
        Metric("cache.usage", _B, "cache used", "Bytes held in the cache.", _N),
        Metric("cache.limit", _B, "cache size", "Bytes that the cache may hold.", _N, _LAST),
        Metric("db.status", _R, "database", "1 while the application calls its database healthy, 0 while it does not.", _L, _LAST),
        Metric("db.connections.usage", _C, "connections", "Database connections in use."),
        Metric("db.connections.limit", _C, "connections", "Database connections that may be used.", _N, _LAST),
        Metric("db.connections.utilization", _R, "db connections", "Database connections in use over those that may be used."),
        # Database: capacity, as imports and the application's fields fill it
        Metric("db.size", _B, "db size", "Bytes of the database with its indexes.", _N, _LAST),
        Metric("db.volume.limit", _B, "db volume", "Bytes of the volume that the database lies on.", _N, _LAST),
        Metric("db.table.size", _B, "table", "Bytes of a table with its indexes, by label table.", _N, _LAST),
        Metric("db.table.rows", _C, "rows", "Rows of a table as the database estimates them, by label table.", _N, _LAST),
        Metric("db.table.index_use.ratio", _R, "index use", "Scans of a table that went through an index over all its scans, by label table.", _L),
        Metric("db.cache.hit_ratio", _R, "db cache", "Blocks of tables found in the database's memory over those asked for.", _L),
        Metric("db.index.hit_ratio", _R, "index cache", "Blocks of indexes found in the database's memory over those asked for.", _L),
        Metric("db.read.ratio", _R, "db reads", "Rows fetched over rows fetched, inserted, updated and deleted.", _N),
        Metric("db.cpu.utilization", _R, "db cpu", "Busy share of the CPU of the database's primary."),
        # Application: size
        Metric("replicas.ready", _C, "ready", "Replicas ready to serve, as the scale target reports them.", _L, _LAST),
        Metric("replicas.desired", _C, "desired", "Replicas asked for, as the scale target reports them.", _N, _LAST),
        # Derived
        Metric("load.per_replica", _PS, "load", "Requests per second over ready replicas.", _N),
        Metric("users.per_replica", _C, "users", "Concurrent users over ready replicas.", _N),
    )
}  # fmt: skip

DATABASE_CAPACITY = frozenset(
    {
        "db.size",
        "db.volume.limit",
        "db.table.size",
        "db.table.rows",
        "db.table.index_use.ratio",
        "db.cache.hit_ratio",
        "db.index.hit_ratio",
        "db.read.ratio",
        "db.cpu.utilization",
    }
)
"""What imports tell of a database, and hardly any application: not missed where it is absent."""

_KEY = re.compile(r"^(?P<name>[a-zA-Z_][\w.]*)(?:\{(?P<labels>.*)\})?\Z", re.DOTALL)
_LABEL = re.compile(r'(?P<key>[a-zA-Z_]\w*)="(?P<value>(?:[^"\\]|\\.)*)"(?:,|\Z)', re.DOTALL)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def key(name: str, **labels: str) -> str:
    """The key of a metric with labels, sorted by label: `name{a="x",b="y"}`."""
    if not labels:
        return name
    inside = ",".join(f'{k}="{_escape(v)}"' for k, v in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def split(metric_key: str) -> tuple[str, Mapping[str, str]]:
    """Name and labels of a key.

    Raises:
        CapmonError: The text is not a key.
    """
    match = _KEY.match(metric_key)
    if match is None:
        raise CapmonError(f"{metric_key!r} is not a metric key")
    text = match["labels"] or ""
    labels: dict[str, str] = {}
    end = 0
    for found in _LABEL.finditer(text):
        if found.start() != end:
            break
        labels[found["key"]] = re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), found["value"])
        end = found.end()
    if end != len(text):
        raise CapmonError(f"{metric_key!r} has labels that cannot be read")
    return match["name"], labels


def metric(metric_key: str) -> Metric:
    """The catalogue's entry for a key or a bare name.

    Raises:
        CapmonError: The catalogue does not hold that name.
    """
    name = metric_key.partition("{")[0]
    found = CATALOGUE.get(name)
    if found is None:
        raise CapmonError(f"{name!r} is not a metric that capmon knows")
    return found


def label_of(metric_key: str, label: str) -> str:
    """The value of one label of a key, or an empty text."""
    return split(metric_key)[1].get(label, "")
