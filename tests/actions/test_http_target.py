"""The HTTP target against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from capmon.actions.targets import make_target
from capmon.actions.targets.base import Target
from capmon.config.schema import Duration, TargetSettings
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

STATE = ReplicaState("http", "x", 4, 4)


class Server:
    """Answers every request with what `answer` holds, byte for byte, and keeps the requests."""

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self.requests: list[tuple[str, str, bytes]] = []
        self.url = ""

    def respond(self, body: bytes, status: str = "200 OK", headers: str = "") -> None:
        """Answer with this from now on."""
        self.answer = (
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lengths = [
                x.split(":")[1] for x in head.splitlines() if x.lower().startswith("content-length")
            ]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            first = head.splitlines()[0]
            self.requests.append((first, head, body))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server on loopback, reached without a proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = (
        f"http://me:S3CRET@127.0.0.1:{listening.sockets[0].getsockname()[1]}/scale?key=S3CRET"
    )
    async with listening:
        yield made


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Callable[[], Target]]:
    """Make a target for the server; it is closed after the test."""
    made: list[Target] = []

    def make() -> Target:
        found = make_target(TargetSettings(kind="http", url=server.url, timeout=Duration(1.0)))
        assert found is not None
        made.append(found)
        return found

    yield make
    for target in made:
        await target.close()


async def test_get_reads_and_put_sets(server: Server, connect: Callable[[], Target]) -> None:
    """GET gives the counts; PUT sends the number as JSON; credentials go along, unshown."""
    target = connect()
    server.respond(b'{"ready": 4, "desired": 5}')
    state = await target.read()
    assert (state.ready, state.desired) == (4, 5)
    server.respond(b"", "204 No Content")
    await target.write(7, state)
    get, put = server.requests
    assert get[0] == "GET /scale?key=S3CRET HTTP/1.1"
    assert put[0] == "PUT /scale?key=S3CRET HTTP/1.1"
    assert "authorization: basic" in put[1].lower()
    assert json.loads(put[2]) == {"replicas": 7}
    assert target.argv(7, state) == ("PUT", server.url, '{"replicas": 7}')
    assert "S3CRET" not in target.name


@pytest.mark.parametrize(
    ("body", "status", "headers", "text"),
    [
        (b"full", "409 Conflict", "", "409 Conflict full"),
        (b"", "302 Found", "Location: http://127.0.0.1:1/\r\n", "302 Found"),
        (b"<html>\x1b[31m", "200 OK", "", "did not answer in JSON: <html>"),
        (b"[4]", "200 OK", "", "JSON that is no object"),
        (b'{"ready": "four"}', "200 OK", "", "ready is no count of replicas: four"),
        (b" " * 70_000, "200 OK", "", "the answer is over 64 KiB"),
    ],
)
async def test_bad_answers_are_errors(
    server: Server,
    connect: Callable[[], Target],
    body: bytes,
    status: str,
    headers: str,
    text: str,
) -> None:
    """Refusals, redirects, pages and floods are errors in words, without the credentials."""
    server.respond(body, status, headers)
    with pytest.raises(TargetError) as caught:
        await connect().read()
    assert text in str(caught.value)
    assert "S3CRET" not in str(caught.value)
    assert str(caught.value).isprintable()


async def test_silence_and_absence_are_errors(
    server: Server, connect: Callable[[], Target]
) -> None:
    """A server that says nothing, breaks off or is not there is an error within the deadline."""
    target = connect()
    server.answer = b""
    with pytest.raises(TargetError, match="GET http"):
        await target.read()
    server.answer = None
    with pytest.raises(TargetError, match=r"PUT .*: no answer in 1 s$"):
        await target.write(5, STATE)
    absent = make_target(TargetSettings(kind="http", url="http://127.0.0.1:1/"))
    assert absent is not None
    with pytest.raises(TargetError, match=r"^GET http://127\.0\.0\.1:1/: "):
        await absent.read()
    await absent.close()


def test_library_is_not_loaded_before_the_first_request() -> None:
    """Making the target costs no import of the HTTP library."""
    code = (
        "import sys\n"
        "from capmon.actions.targets import make_target\n"
        "from capmon.config.schema import TargetSettings\n"
        "import capmon.actions.actuator, capmon.actions.replicas, capmon.actions.audit\n"
        "make_target(TargetSettings(kind='http', url='http://127.0.0.1:1/'))\n"
        "heavy = {'httpx', 'numpy', 'scipy', 'pandas', 'psutil', 'msgspec', 'capmon.scaling'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
