"""What is measured: every file of this host, the application, the scale target, each read once."""

from __future__ import annotations

import asyncio
import os

from capmon.clock import Clock
from capmon.collectors import cgroup
from capmon.collectors.base import Collector
from capmon.collectors.files import read
from capmon.collectors.host import host_collectors
from capmon.collectors.runner import app_collector
from capmon.config.loaded import Loaded
from capmon.config.redact import redact
from capmon.config.schema import Settings
from capmon.doctor.report import Notes
from capmon.errors import CapmonError, SourceError
from capmon.model.sample import Batch

FILES = (
    ("/proc/stat", "cpu"),
    ("/proc/meminfo", "memory and swap"),
    ("/proc/loadavg", "load"),
    ("/proc/diskstats", "block devices"),
    ("/proc/self/mountinfo", "file systems and cgroups"),
    ("/proc/net/dev", "network interfaces"),
    ("/proc/net/snmp", "TCP"),
    ("/proc/sys/fs/file-nr", "file handles"),
    ("/proc/pressure/cpu", "pressure (PSI)"),
    ("/proc/pressure/memory", "pressure (PSI)"),
    ("/proc/pressure/io", "pressure (PSI)"),
    ("/proc/self/cgroup", "limits of a container"),
)
"""What the host's collector reads, and for what."""

NEEDED = ("/proc/stat", "/proc/meminfo")
"""Without these there is nothing to say of a host."""

PSI = "the kernel counts none: boot with psi=1, from 4.20 on"

TWICE = ("first reading", "no CPU time was counted")
"""Reasons that are over with the second reading."""


def host(notes: Notes, settings: Settings, clock: Clock) -> None:
    """Files of /proc and /sys, then the collectors themselves."""
    if os.path.exists("/proc/stat"):  # noqa: PTH110  as the collectors decide
        for path, purpose in FILES:
            _file(notes, path, purpose)
        _limits(notes, settings)
    else:
        notes.note("/proc", "none on this system: the portable collectors stand in, with less to tell")  # fmt: skip
    for collector in host_collectors(settings, clock):
        _collected(notes, collector)


def _file(notes: Notes, path: str, purpose: str) -> None:
    try:
        read(path)
    except SourceError as fault:
        if path in NEEDED:
            notes.broken(path, str(fault), f"{purpose} cannot be told without it")
        else:
            notes.note(path, f"{purpose}: {fault}", PSI if "pressure" in path else "")
    else:
        notes.ok(path, purpose)


def _limits(notes: Notes, settings: Settings) -> None:
    if not settings.host.cgroup:
        notes.note("cgroup", "not counted against: host.cgroup is false")
        return
    limits = cgroup.find()
    told = [f"{limits.cpu.cores:g} cores ({limits.cpu.origin})"] if limits.cpu else []
    told += [f"{limits.memory.size / 2**30:.3g} GiB ({limits.memory.origin})"] if limits.memory else []  # fmt: skip
    notes.ok("cgroup", ", ".join(told) or "no limit: the machine's totals count")


def _once(collector: Collector) -> Batch:
    """One reading within the collector's own deadline.

    Raises:
        SourceError: It failed or did not answer.
    """

    async def one() -> Batch:
        try:
            return await asyncio.wait_for(collector.collect(), collector.deadline)
        except TimeoutError:
            raise SourceError(f"no answer within {collector.deadline:g} s") from None
        finally:
            await collector.close()

    return asyncio.run(one())


def _collected(notes: Notes, collector: Collector) -> None:
    name = f"collector {collector.name}"
    try:
        batch = _once(collector)
    except SourceError as fault:
        notes.broken(name, str(fault), "what it measures is unknown on every screen")
        return
    told = f"{len(batch.values)} metrics" if batch.values else "read"
    notes.ok(name, told)
    for reason, keys in _reasons(batch).items():
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        notes.note("not available", f"{', '.join(keys[:3])}{more}: {reason}")


def _reasons(batch: Batch) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, reason in sorted(batch.missing.items()):
        if reason not in TWICE:
            found.setdefault(redact(reason), []).append(key)
    return found


def application(notes: Notes, loaded: Loaded, clock: Clock) -> None:
    """The application's endpoints, asked once."""
    settings = loaded.settings
    collector = app_collector(settings, clock)
    if collector is None:
        notes.ok(settings.app.source, "no application is configured: this host alone")
        return
    name, url = settings.app.source, redact(settings.app.url)
    try:
        batch = _once(collector)
    except SourceError as fault:
        if loaded.origins.get("app.url", "default") == "default":
            notes.note(name, f"{url}: {redact(str(fault))}", "app.url is the default: set it, or app.source to none")  # fmt: skip
        else:
            notes.broken(name, f"{url}: {redact(str(fault))}", "see that it runs and that app.url is right")  # fmt: skip
        return
    reasons = _reasons(batch)
    if not batch.values:
        reason = next(iter(reasons), "it told nothing")
        if reasons and loaded.origins.get("app.url", "default") == "default":
            notes.note(name, f"{url}: {reason}", "app.url is the default: set it, or app.source to none")  # fmt: skip
        elif reasons:
            notes.broken(name, f"{url}: {reason}", "see that it runs, and that app.url and app.fields are right")  # fmt: skip
        else:
            notes.note(name, f"{url}: answered; rates come with the second reading")
        return
    notes.ok(name, f"{url}: {len(batch.values)} metrics")
    for reason, keys in reasons.items():
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        notes.note("not told", f"{', '.join(keys[:3])}{more}: {reason}")


def target(notes: Notes, loaded: Loaded, clock: Clock) -> None:
    """The scale target, asked for its count once."""
    from capmon.actions.redact import foreign
    from capmon.actions.replicas import ReplicaCollector
    from capmon.actions.targets import make_target

    settings = loaded.settings.scaling
    kind = settings.target.kind
    if kind == "none":
        notes.ok("none", "nothing is scaled")
        return
    if loaded.untrusted:
        notes.broken(kind, f"its commands are refused: {loaded.untrusted}", "chmod go-w the file and its folder")  # fmt: skip
    try:
        made = make_target(settings.target, untrusted=loaded.untrusted, clock=clock)
        if made is None:
            return
        batch = _once(ReplicaCollector(made, settings, clock))
    except CapmonError as fault:
        notes.broken(kind, foreign(str(fault)), "no scale action is possible: see scaling.target")
        return
    now = batch.replicas
    if now is None or now.ready is None:
        reason = foreign(next(iter(batch.missing.values()), "it does not say how many run"))
        notes.broken(kind, reason, "no scale action is possible while the count is unknown")
        return
    notes.ok(kind, f"{made.name}: {now.ready} ready of {now.desired if now.desired is not None else 'an unknown number'}, mode {settings.mode}")  # fmt: skip
