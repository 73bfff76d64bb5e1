"""Finds the recorder of a record: its socket, who is behind it, and whether its frames would be ours."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capmon import __version__
from capmon.config.schema import Settings
from capmon.recording.naming import record_name, socket_path

SHAPING = (
    "interval", "host", "app", "objectives", "thresholds", "utilization_target", "models",
    "forecast", "scaling", "tiers", "time_zone",
)  # fmt: skip
"""Settings that shape a frame: another value of any of them would show other things."""

PATIENCE = 0.25
"""Seconds that a start waits for a recorder's first words."""

HELLO_BYTES = 16384
"""Bytes that the first words have at most."""

LONGEST = 100
"""Bytes of a path that the kernel takes for a socket, with some room."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a recorder says first."""

    version: str
    """Version of its capmon."""

    shape: str
    """Digest of the types of its frames."""

    name: str
    """Whose record it is."""

    pid: int
    """Its process id."""

    since: float
    """Unix time at which it began."""

    settings: Mapping[str, str]
    """Digest of each of the settings that shape a frame."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to a recorder whose frames would be ours."""

    sock: socket.socket
    """Connected; nothing but its first words was read."""

    hello: Hello
    """Those words."""


def prints(settings: Settings) -> dict[str, str]:
    """A digest of each of the settings that shape a frame: they may hold secrets."""
    from capmon.snapshot import plain

    made = {}
    for name in SHAPING:
        text = json.dumps(plain(getattr(settings, name)), sort_keys=True)
        made[name] = hashlib.sha256(f"{name}\0{text}".encode()).hexdigest()[:16]
    return made


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """A path that the kernel takes for a socket: a long one is reached through its folder."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer(sock: Any) -> tuple[int, int] | None:
    """Process and user id of the other end; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, option, 12))
    return pid, uid


def find(settings: Settings, *, patience: float = PATIENCE) -> Link | str:
    """The recorder of this record, or why it cannot be read; an empty text where there is none.

    Args:
        settings: Ours.
        patience: Seconds to wait for its first words.
    """
    met = _met(settings, patience)
    if isinstance(met, str):
        return met
    sock, hello = met.sock, met.hello
    try:
        why = _unfit(hello, settings)
    except Exception:
        sock.close()
        raise
    if why:
        sock.close()
        return f"the recorder (pid {hello.pid}) is not read: {why}"
    return met


def recorder_pid(settings: Settings, *, patience: float = PATIENCE) -> int | None:
    """Process id of the recorder of this record, whatever its frames are; None where none answers."""
    met = _met(settings, patience)
    if isinstance(met, str):
        return None
    met.sock.close()
    return met.hello.pid if met.hello.name == record_name(settings, socket.gethostname()) else None


def _met(settings: Settings, patience: float) -> Link | str:
    """Whoever answers at the socket."""
    path = socket_path(settings, socket.gethostname())
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(patience)
        with short(path) as place:
            sock.connect(place)
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return ""  # none, or what one left behind that was killed
    except OSError as fault:
        sock.close()
        return f"the recorder cannot be reached: {fault.strerror or fault}"
    try:
        hello = _greeted(sock)
    except (OSError, ValueError, TypeError, KeyError) as fault:
        said = "it does not answer" if isinstance(fault, TimeoutError) else "it says what is not known here"  # fmt: skip
        sock.close()
        return f"the recorder is not read: {said}"
    return Link(sock, hello)


def _greeted(sock: socket.socket) -> Hello:
    found = peer(sock)
    if found is not None and found[1] != os.geteuid():
        raise ValueError("another user's")
    body = b""
    while not body.endswith(b"\n"):
        part = sock.recv(HELLO_BYTES)
        body += part
        if not part or len(body) > HELLO_BYTES:
            raise ValueError("no greeting")
    words = json.loads(body)
    return Hello(
        str(words["version"]),
        str(words["shape"]),
        str(words["name"]),
        int(words["pid"]),
        float(words["since"]),
        dict(words["settings"]),
    )


def _unfit(hello: Hello, settings: Settings) -> str:
    """Why its frames would not be ours; empty when they would."""
    from capmon.recording.wire import shape

    if hello.name != record_name(settings, socket.gethostname()):
        return f"it records {hello.name}"
    if (hello.version, hello.shape) != (__version__, shape()):
        return f"it is capmon {hello.version}, this is {__version__}"
    ours = prints(settings)
    differ = [name for name in SHAPING if hello.settings.get(name) != ours[name]]
    return f"it has other settings for {', '.join(differ)}" if differ else ""
