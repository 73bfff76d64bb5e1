"""What each bottleneck does to the service and what to do about it, most urgent first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from capmon.model.results import Severity


@dataclass(frozen=True, slots=True)
class Remedy:
    """Impact and steps for one kind of bottleneck."""

    impact: str
    """What it does to the service."""

    calm: tuple[str, ...]
    """Steps beyond the warning threshold, most urgent first."""

    urgent: tuple[str, ...]
    """Steps beyond the critical threshold, most urgent first."""

    impact_critical: str = ""
    """Impact beyond the critical threshold, where it differs."""

    def steps(self, severity: Severity, worst: Severity) -> tuple[str, ...]:
        """Steps for a severity, `worst` being the greater of the two it can have."""
        return self.urgent if severity is worst else self.calm

    def effect(self, severity: Severity, worst: Severity) -> str:
        """Impact at a severity."""
        return self.impact_critical if self.impact_critical and severity is worst else self.impact


SCALE_OUT = frozenset({"add replicas now", "add replicas", "add a replica before the next peak"})
"""Steps that add replicas without saying how many."""

_CPU = Remedy(
    "requests queue, response times grow",
    (
        "add capacity within 24 hours",
        "review recent changes for added CPU cost",
        "watch when in the day CPU peaks",
        "consider a tier with more cores",
    ),
    (
        "add replicas now",
        "find the operations that burn CPU",
        "profile the hot spots",
        "make the hot algorithms cheaper",
    ),
)

# A replica more on the same host takes from the same cores.
_HOST_CPU = replace(_CPU, urgent=("add cores or other hosts now", *_CPU.urgent[1:]))

FOREIGN_CPU = Remedy(
    _CPU.impact,
    (
        "find the process that takes the cpu",
        "move or limit what is not the service's",
        "consider a tier with more cores",
    ),
    (
        "find the process that takes the cpu",
        "move or limit what is not the service's",
        "add cores or other hosts",
    ),
)
"""Where the host is busy while the application is not; the first step gives way to a name."""

_MEMORY = Remedy(
    "garbage collection pressure, risk of OOM",
    (
        "give it more memory",
        "look for a memory leak",
        "tune garbage collection",
        "reduce what is held in memory",
    ),
    (
        "add memory now",
        "shrink the cache for the time being",
        "check for a memory leak",
        "restart the application if it keeps growing",
    ),
)

_PRESSURE_STEPS = (
    "find what waits, and for what",
    "add capacity for it",
    "spread the work over time",
)

REMEDIES: dict[str, Remedy] = {
    "cpu": _HOST_CPU,
    "app cpu": _CPU,
    "memory": _MEMORY,
    "app memory": _MEMORY,
    "disk": Remedy(
        "writes fail once it is full",
        (
            "remove or rotate old logs and files",
            "find what grows fastest",
            "enlarge the file system",
        ),
        (
            "free space now",
            "stop what fills it",
            "enlarge the file system",
        ),
    ),
    "disk busy": Remedy(
        "reads and writes wait for the device",
        (
            "find what reads and writes most",
            "batch or cache the I/O",
            "consider a faster device",
        ),
        (
            "move or pause the heaviest I/O",
            "check the device for faults",
            "move the data to a faster device",
        ),
    ),
    "latency": Remedy(
        "users wait longer than promised",
        (
            "review recent changes",
            "optimize the slow operations",
            "watch the trend of the response time",
        ),
        (
            "find the slow endpoints",
            "add replicas",
            "optimize the database queries behind them",
            "cache more",
        ),
        impact_critical="users give up, timeouts loom",
    ),
    "latency near objective": Remedy(
        "the objective breaks when the load grows",
        ("add a replica before the next peak", "make the hot operations cheaper"),
        ("add a replica before the next peak", "make the hot operations cheaper"),
    ),
    "cache": Remedy(
        "more load on the database, slower responses",
        (
            "review the cache keys",
            "adjust the time to live",
            "warm the cache after a deploy",
        ),
        (
            "enlarge the cache",
            "adjust the time to live",
            "warm the cache",
            "review the cache keys",
        ),
    ),
    "database": Remedy(
        "requests fail, data may be inconsistent",
        (),
        (
            "check that the database can be reached",
            "read its slow query log",
            "enlarge the connection pool",
            "consider read replicas",
        ),
    ),
    "application": Remedy(
        "no request is served",
        (),
        (
            "check that the process runs",
            "read the end of its log",
            "check that its address and port can be reached",
            "restart it if it hangs",
        ),
    ),
    "errors": Remedy(
        "requests fail",
        (
            "find the endpoint or dependency that fails",
            "read its log",
            "roll back the last change if it began with it",
            "add replicas if requests are turned away",
        ),
        (
            "find the endpoint or dependency that fails",
            "read its log",
            "roll back the last change",
            "add replicas if requests are turned away",
        ),
    ),
    "replicas": Remedy(
        "those that are ready carry more",
        (
            "see why the others are not ready",
            "read the log of one that is not",
            "check that a node has room for them",
        ),
        (
            "read the log of a replica that does not start",
            "roll back the last change",
            "check that a node has room for it",
        ),
        impact_critical="no request is served",
    ),
    "database connections": Remedy(
        "requests wait for a connection",
        (
            "look for connections that are not returned",
            "pool connections in front of the database",
            "raise the connection limit",
        ),
        (
            "raise the connection limit or shrink the pools",
            "end idle connections",
            "add no replicas until connections are free",
        ),
    ),
    "cpu pressure": Remedy("tasks wait for a CPU", _PRESSURE_STEPS, _PRESSURE_STEPS),
    "memory pressure": Remedy("tasks wait while memory is reclaimed", _PRESSURE_STEPS, _PRESSURE_STEPS),
    "io pressure": Remedy("tasks wait for I/O", _PRESSURE_STEPS, _PRESSURE_STEPS),
    "throttled": Remedy(
        "the CPU quota stops the container for part of each period",
        ("raise the CPU quota", "use fewer threads than the quota has cores"),
        ("raise the CPU quota", "use fewer threads than the quota has cores"),
    ),
}  # fmt: skip
"""By family of component."""
