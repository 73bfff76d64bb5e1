"""Scale targets: what can be read and set on an orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capmon.config.schema import TargetSettings
from capmon.errors import ConfigError

if TYPE_CHECKING:
    from capmon.actions.targets.base import Target

_KEY = "scaling.target"


def make_target(settings: TargetSettings, *, untrusted: str = "") -> Target | None:
    """The target that the settings describe, or None where nothing is scaled.

    Args:
        settings: What is scaled.
        untrusted: Why the configuration is not trusted; its commands are then never run,
            not even to read.

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
                settings.name, settings.namespace, settings.context, settings.timeout
            )
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
    counted = any("{replicas}" in argument for argument in settings.write[1:])
    if settings.kind == "command" and settings.write and not counted:
        faults.append(f"{_KEY}.write: no argument holds {{replicas}}")
    web = settings.url.lower().startswith(("http://", "https://"))
    if settings.kind == "http" and settings.url and not web:
        faults.append(f"{_KEY}.url: expected http:// or https://")
    if faults:
        raise ConfigError(faults)
