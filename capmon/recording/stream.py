"""The recorder's socket: screens of the same user read its frames there instead of collecting."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from capmon import __version__
from capmon.clock import Clock
from capmon.config.schema import WINDOWS, Settings
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.monitor.monitor import Monitor
from capmon.private import make_folder
from capmon.recording.link import Link, peer, prints, short
from capmon.recording.naming import record_name, socket_path
from capmon.recording.wire import SAME, change, is_whole, pack, shape

MOST_CLIENTS = 16
"""Screens at once."""

MOST_WAITING = 1 << 20
"""Bytes that may wait for a screen; beyond it, it is left out until it has read them all."""

MOST_BEHIND = 60.0
"""Seconds that a screen may be left out before it is dropped."""

MOST_ASKED = 16384
"""Bytes of one line that a screen may send."""

KINDS = frozenset({"note", "notice", "action"})
"""Events that a screen may add."""


@dataclass(slots=True, eq=False)
class _Client:
    """One screen."""

    writer: asyncio.StreamWriter
    """Where its frames go."""

    follows: bool = False
    """Whether it asked for frames."""

    last: Frame | None = None
    """The frame that it has; None when it must get a whole one."""

    behind: float | None = None
    """Since when it does not read what it is sent."""


class Stream:
    """Serves the frames of a monitor until stopped.

    Args:
        monitor: Whose frames.
        settings: All settings.
        clock: Time.
    """

    def __init__(self, monitor: Monitor, settings: Settings, clock: Clock) -> None:
        self._monitor = monitor
        self._settings = settings
        self._clock = clock
        self._path = socket_path(settings, socket.gethostname())
        self._clients: set[_Client] = set()
        self._server: asyncio.Server | None = None
        self._since = clock.now()
        self._usual = monitor.window

    async def start(self) -> None:
        """Listen.

        Raises:
            CapmonError: Another recorder serves this record, or the socket cannot be made.
        """
        make_folder(self._path.parent)
        if (other := _holder(self._settings)) is not None:
            raise CapmonError(f"another recorder {other}has this record already")
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            with short(self._path) as place:
                self._server = await asyncio.start_unix_server(self._serve, place, limit=MOST_ASKED)
        except OSError as fault:
            raise CapmonError(f"{self._path}: {fault.strerror or fault}") from None
        finally:
            os.umask(before)
        self._monitor.on_frame(self._send)

    async def stop(self) -> None:
        """Let go of the socket and of every screen."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for client in tuple(self._clients):
            self._drop(client)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    # Screens

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = peer(writer.get_extra_info("socket"))
        ours = found is None or found[1] == os.geteuid()
        if not ours or len(self._clients) >= MOST_CLIENTS:
            writer.close()
            return
        client = _Client(writer)
        self._clients.add(client)
        writer.write(_line(self._hello()))
        try:
            while line := await reader.readline():
                self._asked(client, json.loads(line))
        except (OSError, ValueError, TypeError, asyncio.LimitOverrunError):
            pass  # whoever says what is not known is let go
        finally:
            self._drop(client)

    def _hello(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "shape": shape(),
            "name": record_name(self._settings, socket.gethostname()),
            "pid": os.getpid(),
            "since": self._since,
            "settings": prints(self._settings),
        }

    def _asked(self, client: _Client, words: Any) -> None:
        """Do what a screen asks for.

        Raises:
            ValueError: It may not, or it is not known.
        """
        match words:
            case {"follow": True}:
                client.follows = True
                if self._monitor.frame is not None:
                    self._send_to(client, self._monitor.frame, lambda _: SAME)
            case {"window": seconds} if is_whole(seconds) and seconds in WINDOWS.values():
                self._monitor.set_window(float(seconds))
            case {"note": [str(kind), str(text)]} if kind in KINDS:
                self._monitor.note(kind, text[:500])
            case {"wake": "replicas"}:
                self._monitor.wake("replicas")
            case {"forget": str(reason)}:
                self._monitor.forget_models(reason[:200])
            case _:
                raise ValueError("not known")

    def _drop(self, client: _Client) -> None:
        self._clients.discard(client)
        # What still waits for a screen that does not read must not be waited for.
        client.writer.transport.abort()
        if not any(c.follows for c in self._clients):
            self._monitor.set_window(self._usual)

    # Frames

    def _send(self, frame: Frame) -> None:
        made: dict[int, Any] = {}

        def difference(before: Frame) -> Any:
            """Made once for all screens that have the same frame."""
            if id(before) not in made:
                made[id(before)] = change(before, frame)
            return made[id(before)]

        for client in tuple(self._clients):
            if client.follows:
                self._send_to(client, frame, difference)

    def _send_to(self, client: _Client, frame: Frame, difference: Callable[[Frame], Any]) -> None:
        if self._left_out(client):
            return
        words: dict[str, Any] = {"measured": self._monitor.measured}
        if client.last is None:
            words["frame"] = pack(frame)
        elif (found := difference(client.last)) is not SAME:
            words["change"] = found
        client.last = frame
        client.writer.write(_line(words))

    def _left_out(self, client: _Client) -> bool:
        """Whether a screen does not read: it is sent nothing, and a whole frame once it has read."""
        waiting = client.writer.transport.get_write_buffer_size()
        now = self._clock.monotonic()
        if client.behind is None and waiting > MOST_WAITING:
            client.behind, client.last = now, None
        elif client.behind is not None and not waiting:
            client.behind = None
        if client.behind is not None and now - client.behind > MOST_BEHIND:
            self._drop(client)
        return client.behind is not None


def _holder(settings: Settings) -> str | None:
    """Who answers at the socket, such as `(pid 123) `; None when nobody does."""
    from capmon.recording.link import find

    found = find(settings)
    if isinstance(found, Link):
        found.sock.close()
        return f"(pid {found.hello.pid}) "
    return "" if found else None


def _line(words: Mapping[str, Any]) -> bytes:
    return json.dumps(words, separators=(",", ":")).encode() + b"\n"
