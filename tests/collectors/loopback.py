"""A server on loopback that answers exactly the bytes a test gives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Respond = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]


@dataclass
class Server:
    """A running server and what it saw."""

    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    sent: int = 0

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}"


def answer(
    body: bytes | str, *, status: str = "200 OK", kind: str = "application/json", **more: str
) -> bytes:
    """A whole response, its length included."""
    raw = body.encode() if isinstance(body, str) else body
    head = {"Content-Type": kind, "Content-Length": str(len(raw))} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + raw


def document(value: object) -> bytes:
    """A whole response with a JSON document."""
    return answer(json.dumps(value))


def fixed(raw: bytes, *, close: bool = False) -> Respond:
    """Always the same bytes."""

    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if close:
            writer.close()

    return respond


def routes(table: dict[str, bytes]) -> Respond:
    """The same bytes for each path; 404 for others. The table may change meanwhile."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(table.get(request.path, answer("no", status="404 Not Found")))
        await writer.drain()

    return respond


async def silence(_: Request, writer: asyncio.StreamWriter) -> None:
    """Never an answer."""
    await asyncio.sleep(60)


@asynccontextmanager
async def serve(respond: Respond) -> AsyncIterator[Server]:
    """Run a server for the length of a test; it ends with all its connections."""
    seen = Server(0)
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
                request = Request(head[0].split(" ")[1], {k.lower(): v for k, v in headers.items()})
                seen.requests.append(request)
                await respond(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
