"""Current utilization against capacity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from capmon.analysis.bottlenecks.thresholds import FILESYSTEM
from capmon.config.schema import Settings
from capmon.model.frame import Reading, value_of
from capmon.model.metric import key, label_of
from capmon.model.names import HOST_CPU, HOST_MEMORY, LATENCY
from capmon.model.results import UtilizationReport

GOOD_CACHE = 0.8
"""Hit ratio above which a cache counts as good."""


def utilization(settings: Settings, readings: Mapping[str, Reading]) -> UtilizationReport:
    """Headroom of each resource in base units; what is not known stays None.

    Headroom of memory is counted from what is not available, the measure that its percentage
    uses too. An unknown cache is `unknown`, and it takes both CPU and memory to say `monitor`.
    """
    value = partial(value_of, readings)
    target = settings.utilization_target
    cpu, memory = value(HOST_CPU), value(HOST_MEMORY)
    latency = value(LATENCY)
    hits = value("cache.hit_ratio")
    full = [
        (share, k) for k in readings if k.startswith(FILESYSTEM) and (share := value(k)) is not None
    ]
    disk, fullest = max(full, key=lambda pair: (pair[0], pair[1]), default=(None, ""))
    mountpoint = label_of(fullest, "mountpoint") if fullest else ""
    return UtilizationReport(
        cpu=cpu,
        cpu_headroom=None if cpu is None else target - cpu,
        memory=memory,
        memory_headroom_bytes=_bytes_left(
            value("system.memory.usage"), value("system.memory.limit"), memory, target
        ),
        disk=disk,
        disk_headroom_bytes=_bytes_left(
            value(key("system.filesystem.usage", mountpoint=mountpoint)),
            value(key("system.filesystem.limit", mountpoint=mountpoint)),
            disk,
            target,
        ),
        disk_mountpoint=mountpoint,
        latency_p95=latency,
        latency_headroom=None if latency is None else settings.objectives.latency_p95 - latency,
        cache_hit_ratio=hits,
        cache_efficiency="unknown" if hits is None else "good" if hits > GOOD_CACHE else "poor",
        recommendation=_recommendation(settings, cpu, memory),
        target=target,
    )


def _bytes_left(
    usage: float | None, limit: float | None, share: float | None, target: float
) -> float | None:
    """Bytes until the target; from the share in use where the bytes in use are not known."""
    if limit is None:
        return None
    used = usage if usage is not None else None if share is None else share * limit
    return None if used is None else limit * target - used


def _recommendation(settings: Settings, cpu: float | None, memory: float | None) -> str:
    limits = settings.thresholds
    if cpu is not None and cpu > limits.cpu.warning:
        return "immediate"
    if memory is not None and memory > limits.memory.warning:
        return "immediate"
    return "unknown" if cpu is None or memory is None else "monitor"
