"""How a screen begins: attached to a recorder that sees the same, else collecting and remembering itself."""

from __future__ import annotations

from capmon.clock import Clock
from capmon.monitor.front import Front
from capmon.monitor.monitor import Monitor
from capmon.recording.keeper import Keeper
from capmon.recording.naming import socket_path
from capmon.recording.resume import filler


def remembering(monitor: Monitor, clock: Clock) -> Monitor:
    """The monitor, which will begin with what was recorded, and keep what it measures."""
    settings = monitor.settings
    fill = filler(settings, clock)
    if fill is not None:
        monitor.resume(fill)
    monitor.accompany(Keeper(monitor, settings, clock))
    return monitor


def front_of(monitor: Monitor, clock: Clock, hostname: str) -> Front:
    """The recorder's frames where there is one whose frames would be ours, else the monitor's own.

    Args:
        monitor: Has not started.
        clock: Time.
        hostname: Name of this host.
    """
    remembering(monitor, clock)
    # One look at the folder is all that a start without a recorder pays.
    if not socket_path(monitor.settings, hostname).exists():
        return monitor
    from capmon.recording.attached import Attached
    from capmon.recording.link import Link, find

    found = find(monitor.settings)
    if isinstance(found, Link):
        return Attached(found, monitor, clock)
    if found:
        monitor.note("notice", f"{found}: collecting here")
    return monitor
