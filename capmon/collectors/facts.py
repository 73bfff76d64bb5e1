"""What the host is: its name, its system, and since when it runs."""

from __future__ import annotations

import os
import shlex

from capmon.collectors.files import clean, integer, read
from capmon.errors import SourceError


def hostname(proc: str) -> str:
    """The host's name as the kernel knows it."""
    try:
        name = clean(read(f"{proc}/sys/kernel/hostname").strip())
    except SourceError:
        name = ""
    return name or clean(os.uname().nodename)


def system(root: str) -> str:
    """Name and version of the operating system for people: `Debian GNU/Linux 12 (bookworm)`."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        try:
            name = pretty_name(read(f"{root.rstrip('/')}/{path}"))
        except SourceError:
            continue
        if name:
            return name
    kernel = os.uname()
    return clean(f"{kernel.sysname} {kernel.release}")


def pretty_name(text: str) -> str:
    """PRETTY_NAME of an os-release file, else NAME and VERSION_ID; empty when it has neither.

    Source:
        freedesktop.org, os-release(5): lines as a shell would assign them.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            found[name] = clean("".join(shlex.split(value)[:1]))
        except ValueError:  # a quote that is never closed
            continue
    plain = f"{found.get('NAME', '')} {found.get('VERSION_ID', '')}".strip()
    return found.get("PRETTY_NAME") or plain


def boot_time(proc: str) -> float | None:
    """Unix time at which the machine started; None when the kernel does not say."""
    try:
        for line in read(f"{proc}/stat").splitlines():
            if line.startswith("btime "):
                return float(integer(line.split()[1]))
    except (SourceError, IndexError):
        pass
    return None
