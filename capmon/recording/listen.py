"""A small HTTP server with one page: what capmon found, for Prometheus to read."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.report.exposition_page import OPENMETRICS, TEXT, page

LOOPBACK = "127.0.0.1"
PATH = "/metrics"

MOST_ASKED = 8192
"""Bytes of a request that are read at most."""

PATIENCE = 5.0
"""Seconds that a client may take to ask, and again to read."""

MOST_CLIENTS = 32
"""Requests at once."""

REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    """Name or address; of this machine alone unless another was asked for."""

    port: int
    """0 takes a free one."""

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can ask."""
        if self.host == "localhost":
            return True
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """An address from `9108`, `:9108`, `host:9108` or `[::1]:9108`; without a host, this machine alone.

    Raises:
        CapmonError: It is none.
    """
    host, _, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise CapmonError(f"--listen: {text!r}: write an IPv6 address as [::1]:9108")
    if not (port.isascii() and port.isdecimal()):
        raise CapmonError(f"--listen: expected HOST:PORT or PORT, got {text!r}")
    if len(port) > 5 or int(port) > 65535:
        raise CapmonError(f"--listen: ports go up to 65535, got {port}")
    return Address(host or LOOPBACK, int(port))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is sent back."""

    status: int
    """Of HTTP."""

    body: str = ""
    """Text; empty for the status in words."""

    kind: str = "text/plain; charset=utf-8"
    """Its media type."""


class Listener:
    """Answers GET and HEAD of `/metrics` with the newest frame.

    Args:
        where: Where to listen.
        frame: The newest frame; None before the first.
    """

    def __init__(self, where: Address, frame: Callable[[], Frame | None]) -> None:
        self._where = where
        self._frame = frame
        self._server: asyncio.Server | None = None
        self._asking: set[asyncio.StreamWriter] = set()

    async def start(self) -> Address:
        """Listen; the address says which port was free.

        Raises:
            CapmonError: The address cannot be had.
        """
        where = self._where
        try:
            self._server = await asyncio.start_server(
                self._serve, where.host, where.port, limit=MOST_ASKED
            )
        except OSError as fault:
            raise CapmonError(f"--listen {where}: {fault.strerror or fault}") from None
        return Address(where.host, self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Let go of the port and of whoever is asking."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for writer in tuple(self._asking):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._asking) >= MOST_CLIENTS:
            writer.transport.abort()
            return
        self._asking.add(writer)
        try:
            head, answer = await self._asked(reader)
            writer.write(_message(answer, whole=not head))
            async with asyncio.timeout(PATIENCE):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            self._asking.discard(writer)

    async def _asked(self, reader: asyncio.StreamReader) -> tuple[bool, _Answer]:
        """Whether only the head is wanted, and the answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return False, _Answer(408)
        except asyncio.LimitOverrunError:
            return False, _Answer(431)
        except asyncio.IncompleteReadError:
            return False, _Answer(400)
        first, *fields = request.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return False, _Answer(400)
        method, target, _ = words
        accept = ",".join(v for k, _, v in (f.partition(":") for f in fields) if k.lower() == "accept")  # fmt: skip
        return method == "HEAD", self._answer(method, target.partition("?")[0], accept)

    def _answer(self, method: str, path: str, accept: str) -> _Answer:
        if path != PATH:
            return _Answer(404, f"there is {PATH} alone\n")
        if method not in ("GET", "HEAD"):
            return _Answer(405)
        frame = self._frame()
        if frame is None:
            return _Answer(503, "nothing was measured yet\n")
        openmetrics = prefers_openmetrics(accept)
        return _Answer(200, page(frame, openmetrics=openmetrics), OPENMETRICS if openmetrics else TEXT)  # fmt: skip


def prefers_openmetrics(accept: str) -> bool:
    """Whether a client rather has OpenMetrics 1.0 than plain text, by the weights it gives."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *options = (p.strip().lower() for p in part.split(";"))
        named = dict(o.partition("=")[::2] for o in options)
        if named.get("version", "1.0.0") not in ("1.0.0", "0.0.4"):
            continue
        with contextlib.suppress(ValueError):
            best[kind] = max(best.get(kind, 0.0), float(named.get("q", "1")))
    return best["application/openmetrics-text"] > best["text/plain"]


def _message(answer: _Answer, *, whole: bool) -> bytes:
    body = (answer.body or f"{REASONS[answer.status]}\n").encode()
    lines = [
        f"HTTP/1.1 {answer.status} {REASONS[answer.status]}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        *(["Allow: GET, HEAD"] if answer.status == 405 else []),
    ]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + body if whole else head
