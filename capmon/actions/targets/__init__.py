"""Scale targets: what can be read and set on an orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capmon.clock import Clock, SystemClock
from capmon.config.checks import TEMPLATE_UNIT
from capmon.config.schema import TargetSettings
from capmon.errors import ConfigError

if TYPE_CHECKING:
    from capmon.actions.targets.base import Target

_KEY = "scaling.target"


def make_target(
    settings: TargetSettings, *, untrusted: str = "", clock: Clock | None = None
) -> Target | None:
    """The target that the settings describe, or None where nothing is scaled.

    Args:
        settings: What is scaled.
        untrusted: Why the configuration is not trusted; its commands are then never run,
            not even to read.
        clock: Time; by default the machine's own.

    Raises:
        ConfigError: A setting that the kind needs is missing or cannot be one.
    """
    _check(settings)
    match settings.kind:
        case "none":
            return None
        case "swarm":
            from capmon.actions.targets.swarm import SwarmTarget

            return SwarmTarget(settings.service, settings.timeout)
        case "kubernetes":
            from capmon.actions.targets.kubernetes import KubernetesTarget

            return KubernetesTarget(
                settings.name,
                settings.namespace,
                settings.context,
                settings.timeout,
                clock or SystemClock(),
            )
        case "systemd":
            from capmon.actions.targets.systemd import SystemdTarget

            return SystemdTarget(settings.unit, settings.timeout, user=settings.user)
        case "command":
            from capmon.actions.targets.command import CommandTarget

            return CommandTarget(
                settings.read, settings.write, settings.timeout, untrusted=untrusted
            )
        case "http":
            from capmon.actions.targets.http import HttpTarget

            return HttpTarget(settings.url, settings.timeout)


def _check(settings: TargetSettings) -> None:
    needed = {
        "none": (),
        "swarm": ("service",),
        "kubernetes": ("name",),
        "systemd": ("unit",),
        "command": ("read", "write"),
        "http": ("url",),
    }[settings.kind]
    faults = [f"{_KEY}.{k}: {settings.kind} needs it" for k in needed if not getattr(settings, k)]
    # A name that begins with a dash would be read as an option by docker and kubectl.
    faults += [
        f"{_KEY}.{k}: a name does not begin with a dash"
        for k in ("service", "name")
        if k in needed and getattr(settings, k).startswith("-")
    ]
    if settings.kind == "systemd" and settings.unit and not TEMPLATE_UNIT.fullmatch(settings.unit):
        faults.append(f"{_KEY}.unit: expected a template unit such as web@.service")
    counted = any("{replicas}" in argument for argument in settings.write[1:])
    if settings.kind == "command" and settings.write and not counted:
        faults.append(f"{_KEY}.write: no argument holds {{replicas}}")
    web = settings.url.lower().startswith(("http://", "https://"))
    if settings.kind == "http" and settings.url and not web:
        faults.append(f"{_KEY}.url: expected http:// or https://")
    if faults:
        raise ConfigError(faults)
