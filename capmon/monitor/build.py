"""Put a monitor together from the configuration: collectors, target, actuator, audit."""

from __future__ import annotations

from collections.abc import Callable

from capmon.clock import Clock
from capmon.collectors.base import Collector
from capmon.collectors.host import host_collectors
from capmon.collectors.runner import app_collector
from capmon.config.loaded import Loaded
from capmon.config.schema import Settings, TargetSettings
from capmon.monitor.monitor import Monitor

Wrap = Callable[[Collector], Collector]
"""Puts something around the collectors that ask the application and its target."""


def settling(settings: Settings) -> float:
    """Seconds for which the service is measured before an action, and again after it."""
    return max(10.0, 10 * settings.app.interval)


def build(
    loaded: Loaded,
    clock: Clock,
    *,
    read_only: bool = False,
    wrap: Wrap = lambda c: c,
    settle: float | None = None,
) -> Monitor:
    """A monitor that has not started yet.

    Args:
        loaded: The configuration.
        clock: Time.
        read_only: Whether it may only look.
        wrap: Put around what asks the application and its target.
        settle: Seconds for which an action's effect is measured; None for what suits the pace of readings.

    Raises:
        ConfigError: The scale target's settings cannot be used.
    """
    settings = loaded.settings
    collectors = list(host_collectors(settings, clock))
    app = app_collector(settings, clock)
    if app is not None:
        collectors.append(wrap(app))
    if settings.scaling.target.kind == "none":
        return Monitor(settings, collectors, clock)
    return _with_target(
        loaded,
        clock,
        collectors,
        read_only=read_only,
        wrap=wrap,
        settle=settle or settling(settings),
    )


def _with_target(
    loaded: Loaded,
    clock: Clock,
    collectors: list[Collector],
    *,
    read_only: bool,
    wrap: Wrap,
    settle: float,
) -> Monitor:
    # The first paint does not wait for what only a scale target needs.
    from capmon.actions.actuator import Actuator
    from capmon.actions.audit import Audit, default_path
    from capmon.actions.lock import ActorLock
    from capmon.actions.replicas import ReplicaCollector
    from capmon.actions.rollback import Promise
    from capmon.actions.targets import make_target
    from capmon.monitor.surroundings import Surroundings
    from capmon.scaling.plan import propose

    settings = loaded.settings
    target = make_target(settings.scaling.target, untrusted=loaded.untrusted)
    if target is None:
        return Monitor(settings, collectors, clock)
    replicas = ReplicaCollector(target, settings.scaling, clock)
    collectors.append(wrap(replicas))
    audit = Audit(default_path(), clock)
    actuator = Actuator(
        settings.scaling,
        target,
        audit,
        clock,
        planner=propose,
        read_only=read_only,
        untrusted=loaded.untrusted,
        settle=settle,
        warm_up=2 * settings.app.interval,
        promise=Promise(settings.objectives.latency_p95, settings.thresholds.errors.warning),
    )
    lock = ActorLock(target.kind, target.name, clock, identity=identity(settings.scaling.target))
    around = Surroundings(target, audit, lock, clock)
    return Monitor(settings, collectors, clock, actuator, replicas.last, around)


def identity(target: TargetSettings) -> str:
    """What tells a target from others of its kind and name, for a hash: it may hold secrets."""
    told = (target.namespace, target.context, str(target.user), target.url, *target.write)
    return "\0".join(told)
