"""Whatever a server does, the client ends in time with an answer or with a few plain words."""

from __future__ import annotations

import asyncio
import gzip
import logging
import shutil
import socket
import ssl
import subprocess
import zlib
from pathlib import Path

import pytest
from loopback import Request, answer, fixed, routes, serve, silence

from capmon.clock import ManualClock
from capmon.collectors.http import MAX_BYTES, HttpSource
from capmon.errors import SourceError, SourceTooLarge


def source(
    url: str,
    *,
    timeout: float = 5.0,
    headers: dict[str, str] | None = None,
    verify: bool = True,
    max_bytes: int = MAX_BYTES,
) -> HttpSource:
    """A client under test."""
    return HttpSource(
        url,
        headers or {},
        timeout=timeout,
        verify=verify,
        clock=ManualClock(),
        max_bytes=max_bytes,
    )


async def refusal(client: HttpSource, endpoint: str = "/metrics") -> str:
    """The words of the error that a reading ends with."""
    with pytest.raises(SourceError) as caught:
        await client.get(endpoint, accept="*/*")
    await client.close()
    return str(caught.value)


async def test_answer_carries_body_kind_and_time() -> None:
    """A plain answer arrives whole, with the media type bare and both clocks read."""
    async with serve(fixed(answer('{"a": 1}', kind="Application/JSON; charset=utf-8"))) as server:
        client = source(server.url)
        got = await client.get("/metrics", accept="application/json")
        await client.close()
    assert (got.status, got.kind, got.body) == (200, "application/json", b'{"a": 1}')
    assert (got.at, got.monotonic) == (ManualClock().now(), 0.0)
    assert server.requests[0].headers["accept"] == "application/json"


async def test_one_connection_serves_many_readings() -> None:
    """Ten readings in a row open one connection."""
    async with serve(fixed(answer("x"))) as server:
        client = source(server.url)
        for _ in range(10):
            await client.get("/metrics", accept="*/*")
        await client.close()
    assert (len(server.requests), server.connections) == (10, 1)


@pytest.mark.parametrize(
    ("base", "endpoint", "asked"),
    [
        ("/api/v1", "/metrics", "/api/v1/metrics"),
        ("/api/v1/", "metrics", "/api/v1/metrics"),
        ("/api?key=s3cret", "/metrics?format=json", "/api/metrics?key=s3cret&format=json"),
        ("/metrics", "", "/metrics"),
        ("", "/metrics", "/metrics"),
    ],
)
async def test_endpoint_joins_the_base(base: str, endpoint: str, asked: str) -> None:
    """The endpoint comes after the base's path, and the base keeps its query."""
    async with serve(fixed(answer("x"))) as server:
        client = source(server.url + base)
        await client.get(endpoint, accept="*/*")
        await client.close()
    assert server.requests[0].path == asked


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("503 Service Unavailable", "HTTP 503 from /metrics"),
        ("404 Not Found", "HTTP 404 from /metrics"),
        ("500 \x1b[31mboom", "HTTP 500 from /metrics"),
        ("304 Not Modified", "HTTP 304 from /metrics"),
    ],
)
async def test_status_is_named_without_the_servers_words(status: str, words: str) -> None:
    """A status other than 2xx is an error that names it, and none of the server's text."""
    async with serve(fixed(answer("secret \x1b[2J", status=status))) as server:
        assert await refusal(source(server.url)) == words


async def test_wanted_status_is_an_answer() -> None:
    """A health endpoint's 503 can be asked for."""
    async with serve(fixed(answer("{}", status="503 Unavailable"))) as server:
        client = source(server.url)
        got = await client.get("/health", accept="*/*", also=(503,))
        await client.close()
    assert (got.status, got.body) == (503, b"{}")


async def test_refused_connection() -> None:
    """Nobody at the port is `connection refused`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await refusal(source(f"http://127.0.0.1:{port}")) == "connection refused"
    assert await refusal(source(f"http://localhost:{port}")) == "connection refused"


async def test_unknown_host() -> None:
    """A name that does not resolve says so; the name is not repeated."""
    assert await refusal(source("http://capmon-test.invalid/")) == "host name not found"


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://h/x", "http://", "http://[::1", "http://h:99999/", "\x00"]
)
async def test_url_that_is_none(url: str) -> None:
    """A URL that cannot be used is an error of the reading, not of the program."""
    assert "URL" in await refusal(source(url))


async def test_slow_server_costs_the_deadline() -> None:
    """No answer in time is said with the time; the client is usable afterwards."""
    slow = True

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        if slow:
            await silence(request, writer)
        writer.write(answer("late"))

    async with serve(respond) as server:
        client = source(server.url, timeout=0.05)
        for _ in range(20):
            with pytest.raises(SourceError, match=r"^no answer within 0\.05 s$"):
                await client.get("/metrics", accept="*/*")
        slow = False
        client._timeout = 5.0
        assert (await client.get("/metrics", accept="*/*")).body == b"late"
        await client.close()


async def test_body_that_drips_is_cut_at_the_deadline() -> None:
    """A server that sends a byte now and then cannot hold a reading open."""

    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serve(drip) as server:
        assert await refusal(source(server.url, timeout=0.15)) == "no answer within 0.15 s"


async def test_large_body_is_refused_by_its_length() -> None:
    """A length over the limit is refused before the body is read."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"
    async with serve(fixed(head)) as server:
        assert await refusal(source(server.url)) == "/metrics answered more than 8 MiB"


async def test_endless_body_is_read_no_further_than_the_limit() -> None:
    """100 MB in chunks: little more than 8 MiB leave the server."""
    sent = 0

    async def flood(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"x" * 65536
        while sent < 100_000_000:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            sent += len(chunk)

    async with serve(flood) as server:
        client = source(server.url)
        with pytest.raises(SourceTooLarge, match="more than 8 MiB"):
            await client.get("/metrics", accept="*/*")
        await client.close()
    assert MAX_BYTES < sent < 3 * MAX_BYTES  # what the socket's buffers hold comes on top


async def test_gzip_is_unpacked() -> None:
    """A packed answer is asked for and arrives unpacked."""
    packed = gzip.compress(b"# EOF\n" * 1000)
    async with serve(fixed(answer(packed, Content_Encoding="gzip"))) as server:
        client = source(server.url)
        got = await client.get("/metrics", accept="*/*")
        await client.close()
    assert got.body == b"# EOF\n" * 1000
    assert server.requests[0].headers["accept-encoding"] == "gzip"


async def test_gzip_bomb_is_counted_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB of zeros in 100 kB stop at the limit, and never stand in memory whole."""
    largest = 0
    real = zlib.decompressobj

    class Watched:
        def __init__(self, **kwargs: int) -> None:
            self.stream = real(**kwargs)

        def decompress(self, chunk: bytes, limit: int) -> bytes:
            nonlocal largest
            out = self.stream.decompress(chunk, limit)
            largest = max(largest, len(out))
            return out

        @property
        def eof(self) -> bool:
            return self.stream.eof

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    bomb = gzip.compress(b"\0" * 100_000_000, 9)
    async with serve(fixed(answer(bomb, Content_Encoding="gzip"))) as server:
        assert await refusal(source(server.url)) == "/metrics answered more than 8 MiB"
    assert len(bomb) < 200_000
    assert largest <= MAX_BYTES + 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not gzip", "/metrics answered gzip that cannot be unpacked"),
        (gzip.compress(b"x" * 999, mtime=0)[:-9], "/metrics broke off in the middle"),
    ],
)
async def test_broken_gzip(body: bytes, words: str) -> None:
    """Gzip that is none, or ends early, is no answer."""
    async with serve(fixed(answer(body, Content_Encoding="gzip"))) as server:
        assert await refusal(source(server.url)) == words


async def test_encoding_that_was_not_asked_for() -> None:
    """Brotli from a stubborn server is named, control characters removed."""
    async with serve(fixed(answer(b"x", Content_Encoding="br"))) as server:
        assert await refusal(source(server.url)) == "/metrics answered in the encoding br"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    ],
)
async def test_half_a_body(raw: bytes) -> None:
    """A body shorter than promised is no answer."""
    async with serve(fixed(raw, close=True)) as server:
        assert await refusal(source(server.url)) == "/metrics broke off in the middle"


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x00\r\n\r\n"])
async def test_answer_that_is_not_http(raw: bytes) -> None:
    """Another protocol at the port is said without its bytes."""
    async with serve(fixed(raw, close=True)) as server:
        assert await refusal(source(server.url)) == "the answer is not HTTP or broke off"


async def test_kept_connection_that_the_server_closed_is_tried_again() -> None:
    """A server that hangs up after each answer costs a connection, not a reading."""
    async with serve(fixed(answer("x"), close=True)) as server:
        client = source(server.url)
        for _ in range(3):
            await client.get("/metrics", accept="*/*")
        await client.close()
    assert server.connections == 3


def _to(location: str, status: str = "302 Found") -> bytes:
    return answer("", status=status, Location=location)


async def test_redirects_are_followed() -> None:
    """Three redirects on the same server lead to the answer, headers and all."""
    table = {
        "/metrics": _to("/a"),
        "/a": _to("b", "307 Temporary Redirect"),
        "/b": _to("/c?x=1", "308 Permanent Redirect"),
        "/c?x=1": answer("here"),
    }
    async with serve(routes(table)) as server:
        client = source(server.url, headers={"X-Token": "t"})
        got = await client.get("/metrics", accept="*/*")
        await client.close()
    assert got.body == b"here"
    assert [r.headers["x-token"] for r in server.requests] == ["t"] * 4


async def test_redirect_loop() -> None:
    """A loop ends after three redirects."""
    async with serve(fixed(_to("/metrics"))) as server:
        assert await refusal(source(server.url)) == "/metrics redirects more than 3 times"
    assert len(server.requests) == 4


async def test_redirect_to_another_origin_carries_no_secrets() -> None:
    """Configured headers and user information stay with the server they are for."""
    async with serve(fixed(answer("there"))) as other:
        location = f"http://u:p@127.0.0.1:{other.port}/x"
        async with serve(fixed(_to(location))) as server:
            url = server.url.replace("http://", "http://me:s3cret@")
            client = source(url, headers={"X-Token": "t0ken"})
            got = await client.get("/metrics", accept="*/*")
            await client.close()
    assert got.body == b"there"
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in other.requests[0].headers
    assert "x-token" not in other.requests[0].headers


@pytest.mark.parametrize("location", ["file:///etc/passwd", "https://127.0.0.1/x"])
async def test_redirect_elsewhere_is_refused(location: str) -> None:
    """A redirect to another scheme is not followed."""
    async with serve(fixed(_to(location))) as server:
        words = await refusal(source(server.url))
    assert words.startswith("/metrics redirects to ")
    assert "passwd" not in words


@pytest.mark.parametrize("value", ["geheim\r\nX: y", "gehéim", "geheim\x00"])
async def test_header_that_cannot_be_sent_is_not_shown(value: str) -> None:
    """A broken header is an error without its value."""
    async with serve(fixed(answer("x"))) as server:
        words = await refusal(source(server.url, headers={"Authorization": value}))
    assert words == "the URL or a header cannot be sent"
    assert server.requests == []


async def test_secrets_stay_out_of_errors_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    """User information, query and headers show up nowhere, not even with everything logged."""
    caplog.set_level(logging.DEBUG)
    async with serve(fixed(answer("x", status="500 no"))) as server:
        url = server.url.replace("//", "//user:geheim@") + "/metrics?token=geheim"
        words = await refusal(source(url, headers={"Authorization": "geheim"}), "")
    assert words == "HTTP 500 from /metrics"
    assert "geheim" not in caplog.text


async def test_cookies_are_not_kept() -> None:
    """What a server sets is not sent back, and does not pile up."""
    async with serve(fixed(answer("x", Set_Cookie="a=b"))) as server:
        client = source(server.url)
        for _ in range(2):
            await client.get("/metrics", accept="*/*")
        await client.close()
    assert "cookie" not in server.requests[1].headers


async def test_proxy_of_the_environment_is_not_asked_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Addresses of this machine are read directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serve(fixed(answer("direct"))) as server:
        client = source(server.url)
        got = await client.get("/metrics", accept="*/*")
        await client.close()
    assert got.body == b"direct"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody trusts, made for this run."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "own"
    key, crt = path.with_suffix(".key"), path.with_suffix(".crt")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = [*make.split(), "-keyout", key, "-out", crt, *name]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("verify", "words"), [(True, "certificate refused: self-signed certificate"), (False, "")]
)
async def test_certificate_that_nobody_signed(certificate: Path, verify: bool, words: str) -> None:
    """An untrusted certificate is refused in words, unless verification is off."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate.with_suffix(".key"))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer("x"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = source(url, verify=verify)
    try:
        if words:
            assert await refusal(client) == words
        else:
            assert (await client.get("/metrics", accept="*/*")).body == b"x"
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


async def test_tls_to_a_plain_server() -> None:
    """A port that speaks plain http is a failure of TLS to https."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer("x", status="400 Bad Request"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert await refusal(source(url)) == "TLS failed"
    server.close()
    await server.wait_closed()
