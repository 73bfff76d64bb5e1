"""Put a monitor together from the configuration: collectors, target, actuator, audit."""

from __future__ import annotations

from collections.abc import Callable

from capmon.clock import Clock
from capmon.collectors.base import Collector
from capmon.collectors.host import host_collectors
from capmon.collectors.runner import app_collector
from capmon.config.loaded import Loaded
from capmon.monitor.monitor import Monitor

Wrap = Callable[[Collector], Collector]
"""Puts something around the collectors that ask the application and its target."""


def build(
    loaded: Loaded, clock: Clock, *, read_only: bool = False, wrap: Wrap = lambda c: c
) -> Monitor:
    """A monitor that has not started yet.

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
    return _with_target(loaded, clock, collectors, read_only=read_only, wrap=wrap)


def _with_target(
    loaded: Loaded, clock: Clock, collectors: list[Collector], *, read_only: bool, wrap: Wrap
) -> Monitor:
    # The first paint does not wait for what only a scale target needs.
    from capmon.actions.actuator import Actuator
    from capmon.actions.audit import Audit, default_path
    from capmon.actions.replicas import ReplicaCollector
    from capmon.actions.targets import make_target
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
        settle=max(10.0, 10 * settings.app.interval),
    )
    return Monitor(settings, collectors, clock, actuator, replicas.last)
