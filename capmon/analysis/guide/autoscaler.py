"""The guide's AutoScaler as decisions: nothing is asked, run or waited for here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from capmon.errors import NotEnoughData

SERVICE = "semantic-text-processor"


@dataclass(frozen=True, slots=True)
class ScaleThresholds:
    """Readings beyond which the guide scales."""

    cpu: float
    """Per cent."""

    memory: float
    """Per cent."""

    response_time: float
    """95th percentile, ms."""


@dataclass(frozen=True, slots=True)
class AutoScalerConfig:
    """The guide's configuration."""

    api_base: str = "http://localhost:8080/api/v1"
    """Where the guide reads metrics and health."""

    min_instances: int = 2
    """Least instances."""

    max_instances: int = 10
    """Most instances."""

    scale_up_thresholds: ScaleThresholds = field(
        default_factory=lambda: ScaleThresholds(cpu=70, memory=80, response_time=250)
    )
    """Any of them exceeded scales up."""

    scale_down_thresholds: ScaleThresholds = field(
        default_factory=lambda: ScaleThresholds(cpu=40, memory=50, response_time=150)
    )
    """All of them undercut scales down."""

    scale_up_cooldown: float = 300
    """Seconds after any action before scaling up."""

    scale_down_cooldown: float = 600
    """Seconds after any action before scaling down."""

    check_interval: float = 60
    """Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class CurrentMetrics:
    """What the guide reads before it decides."""

    timestamp: datetime
    """When."""

    instance_count: int
    """Instances, as `get_current_instance_count` understands them."""

    response_time: float | None
    """95th percentile, ms; None where the document has none."""

    cpu_utilization: float | None = None
    """Per cent; None where the document has no such gauge."""

    memory_utilization: float | None = None
    """Per cent; None where the document has no such gauge."""


@dataclass(frozen=True, slots=True)
class ScaleAction:
    """What the guide would run, and what it remembers and prints of it."""

    timestamp: datetime
    """When."""

    action: str
    """`scale_up` or `scale_down`."""

    origin: int
    """Instances before, as counted."""

    to: int
    """Instances asked for."""

    command: tuple[str, ...]
    """Program and arguments."""

    said: str
    """Line printed once the command has returned."""

    succeeded: bool = True
    """What the method returns then."""


def get_current_instance_count(stdout: str | None) -> int:
    """Instances from what `docker service ls` printed.

    Keeps the guide's one wherever the count is not known, and the first of several services that
    its filter by prefix matches.

    Args:
        stdout: Standard output; None where docker could not be started.
    """
    if not stdout:
        return 1
    try:
        return int(stdout.strip().split("/")[0])
    except ValueError:
        return 1


def cooling_down(now: datetime, last_action_at: datetime | None, cooldown: float) -> bool:
    """Whether it is too early to act.

    Keeps the guide's `timedelta.seconds`, which starts anew every 24 hours and is nearly a day
    where the clock went back.

    Args:
        now: When.
        last_action_at: The last action; None when there was none.
        cooldown: Seconds.
    """
    return last_action_at is not None and (now - last_action_at).seconds < cooldown


def should_scale_up(
    config: AutoScalerConfig, metrics: CurrentMetrics, last_action_at: datetime | None = None
) -> bool:
    """Whether to add an instance.

    Keeps the guide's idle machine where gauges are missing, and its yes at the most instances that
    there may be.

    Raises:
        NotEnoughData: The response time is not known; the guide's code raises KeyError.
    """
    if cooling_down(metrics.timestamp, last_action_at, config.scale_up_cooldown):
        return False
    limits, response_time = config.scale_up_thresholds, _response_time(metrics)
    return (
        _gauge(metrics.cpu_utilization, 0) > limits.cpu
        or _gauge(metrics.memory_utilization, 0) > limits.memory
        or response_time > limits.response_time
    )


def should_scale_down(
    config: AutoScalerConfig, metrics: CurrentMetrics, last_action_at: datetime | None = None
) -> bool:
    """Whether to take an instance away; keeps the guide's verdict from one reading.

    Raises:
        NotEnoughData: The response time is not known; the guide's code raises KeyError.
    """
    if cooling_down(metrics.timestamp, last_action_at, config.scale_down_cooldown):
        return False
    if metrics.instance_count <= config.min_instances:
        return False
    limits, response_time = config.scale_down_thresholds, _response_time(metrics)
    return (
        _gauge(metrics.cpu_utilization, 100) < limits.cpu
        and _gauge(metrics.memory_utilization, 100) < limits.memory
        and response_time < limits.response_time
    )


def scale_up(config: AutoScalerConfig, current_instances: int, at: datetime) -> ScaleAction:
    """One instance more.

    Keeps the guide's command and success for no change at all once the maximum is reached, and its
    command to take most instances away where a count failed and was read as one.
    """
    to = min(current_instances + 1, config.max_instances)
    return _action("scale_up", "up", current_instances, to, at)


def scale_down(config: AutoScalerConfig, current_instances: int, at: datetime) -> ScaleAction:
    """One instance less; keeps the guide's command for no change at all at the minimum."""
    to = max(current_instances - 1, config.min_instances)
    return _action("scale_down", "down", current_instances, to, at)


def _action(name: str, direction: str, origin: int, to: int, at: datetime) -> ScaleAction:
    return ScaleAction(
        timestamp=at,
        action=name,
        origin=origin,
        to=to,
        command=("docker", "service", "scale", f"{SERVICE}={to}"),
        said=f"Scaled {direction} from {origin} to {to} instances",
    )


def _gauge(value: float | None, default: float) -> float:
    return default if value is None else value


def _response_time(metrics: CurrentMetrics) -> float:
    if metrics.response_time is None:
        raise NotEnoughData("the metrics have no histograms.http_request_duration.p95")
    return metrics.response_time
