"""One HTTP source: a kept-alive connection, a deadline, a size limit, and errors in short words."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
import sys
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from capmon.clock import Clock
from capmon.collectors import daemon
from capmon.collectors.fields import clean
from capmon.errors import SourceError, SourceTooLarge

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 8 * 1024 * 1024
"""Most bytes of one answer, as sent and again after unpacking."""

MAX_REDIRECTS = 3
"""Most redirects followed for one answer."""

KEPT_SECONDS = 60.0
"""How long an idle connection is kept."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection lost",
    errno.EPIPE: "connection lost",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.EMFILE: "too many open files",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    """HTTP status."""

    kind: str
    """Media type, lower case, without parameters; empty when the server did not say."""

    body: bytes
    """Unpacked."""

    at: float
    """Unix time at which the answer began."""

    monotonic: float
    """Monotonic time at which the answer began."""


class HttpSource:
    """A client for one base URL.

    Headers and the URL's user information go to that URL's origin alone. A proxy from the
    environment is used, except for this machine's own addresses.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        verify: bool,
        clock: Clock,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._base = _split(url)
        self._headers = dict(headers)
        self._timeout = timeout
        self._verify = verify
        self._clock = clock
        self._max_bytes = max_bytes
        self._client: httpx.AsyncClient | None = None
        self._requests: dict[tuple[str, str], httpx.Request] = {}
        self._opening: asyncio.Lock = asyncio.Lock()
        self._found = False

    async def get(self, endpoint: str = "", *, accept: str, also: Collection[int] = ()) -> Answer:
        """Read one endpoint.

        Args:
            endpoint: Path under the base URL, with its query if it has one; empty for the URL.
            accept: Media types asked for.
            also: Statuses other than 2xx whose body is wanted.

        Raises:
            SourceTooLarge: The answer passed the size limit.
            SourceError: There was no usable answer; the text says how, without secrets.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._get(endpoint, accept, also)
        except TimeoutError:
            self._found = False
            raise SourceError(f"no answer within {self._timeout:g} s") from None

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def label(self, endpoint: str = "") -> str:
        """Name of an endpoint for an error: its path, without a query."""
        path = endpoint.partition("?")[0] or self._base.path or "/"
        return clean(path, 60)

    async def _get(self, endpoint: str, accept: str, also: Collection[int]) -> Answer:
        client = await self._ready()
        where = self._join(endpoint)
        request = self._requests.get((endpoint, accept))
        if request is None:
            request = self._requests[endpoint, accept] = self._request(client, where, accept)
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send(client, request)
            try:
                answer, location = await self._read(response, endpoint, also)
            finally:
                await response.aclose()
                if len(client.cookies.jar):
                    client.cookies.clear()
            if answer is not None:
                return answer
            where = self._redirected(where, location, self.label(endpoint))
            request = self._request(client, where, accept)
        raise SourceError(f"{self.label(endpoint)} redirects more than {MAX_REDIRECTS} times")

    async def _ready(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                # The first import of httpx takes a tenth of a second and a context for TLS as
                # much again, which the screen need not wait for.
                self._client = await asyncio.to_thread(self._make_client)
            if not self._found:
                host = _host(self._base)
                if not _is_address(host) and not _proxied(self._base, host):
                    await _look_up(host, self._timeout)
                self._found = True
            return self._client

    def _make_client(self) -> httpx.AsyncClient:
        host = _host(self._base)
        if self._base.scheme not in ("http", "https") or not host:
            raise SourceError("the URL must begin with http:// or https:// and name a host")
        import httpx

        if "sniffio" not in sys.modules and find_spec("sniffio") is None:
            # httpcore tries to import it at every lock; told once that there is none, Python does
            # not search the disk again, which is a third of the cost of a request.
            sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
        for name in ("httpx", "httpcore"):  # at INFO httpx logs URLs whole, their secrets too
            logging.getLogger(name).setLevel(logging.WARNING)
        local = _loopback(host)
        return httpx.AsyncClient(
            # No TLS is ever spoken on plain http to this machine, so no context is made for it.
            verify=self._verify and not (local and self._base.scheme == "http"),
            trust_env=not local,
            timeout=None,  # noqa: S113 - one deadline over all of a reading stands instead
            limits=httpx.Limits(max_connections=8, keepalive_expiry=KEPT_SECONDS),
            follow_redirects=False,
        )

    def _join(self, endpoint: str) -> SplitResult:
        if not endpoint:
            return self._base
        path, _, query = endpoint.partition("?")
        full = f"{self._base.path.rstrip('/')}/{path.lstrip('/')}"
        return self._base._replace(
            path=full, query="&".join(filter(None, (self._base.query, query)))
        )

    def _request(self, client: httpx.AsyncClient, where: SplitResult, accept: str) -> httpx.Request:
        import httpx

        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "capmon"}
        if _origin(where) == _origin(self._base):
            headers |= self._headers
        url = urlunsplit(where._replace(fragment=""))
        try:
            return client.build_request("GET", url, headers=headers)
        except (httpx.InvalidURL, ValueError):  # among them: a header that is not ASCII
            raise SourceError("the URL or a header cannot be sent") from None

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        import httpx

        for attempt in (1, 2):
            try:
                return await client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                # A kept connection that the server closed at this moment fails once.
                if attempt == 2:
                    raise self._failed(error) from None
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                raise self._failed(error) from None
        raise AssertionError  # pragma: no cover

    def _failed(self, error: BaseException) -> SourceError:
        self._found = False
        return SourceError(words(error))

    async def _read(
        self, response: httpx.Response, endpoint: str, also: Collection[int]
    ) -> tuple[Answer | None, str]:
        """The answer, or where it redirects to."""
        at, monotonic = self._clock.now(), self._clock.monotonic()
        status = response.status_code
        if status in _REDIRECTS and "location" in response.headers:
            return None, response.headers["location"]
        if not 200 <= status < 300 and status not in also:
            raise SourceError(f"HTTP {status} from {self.label(endpoint)}")
        body = await self._body(response, self.label(endpoint))
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(status, kind, body, at, monotonic), ""

    async def _body(self, response: httpx.Response, label: str) -> bytes:
        import httpx

        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("gzip", "x-gzip", "identity", ""):
            raise SourceError(f"{label} answered in the encoding {clean(packed, 20)}")
        gzip = _Gzip(self._max_bytes) if packed.endswith("gzip") else None
        body, received = bytearray(), 0
        length = response.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 20 and int(length) > self._max_bytes:
            raise _too_large(label, self._max_bytes)
        try:
            async for chunk in response.aiter_raw():
                received += len(chunk)
                body += chunk if gzip is None else gzip.unpack(chunk)
                if received > self._max_bytes or len(body) > self._max_bytes:
                    raise _too_large(label, self._max_bytes)
        except (httpx.HTTPError, OSError) as error:
            if isinstance(error, httpx.RemoteProtocolError):
                raise SourceError(f"{label} broke off in the middle") from None
            raise self._failed(error) from None
        except zlib.error:
            raise SourceError(f"{label} answered gzip that cannot be unpacked") from None
        if gzip is not None and not gzip.complete:
            raise SourceError(f"{label} broke off in the middle")
        return bytes(body)

    def _redirected(self, where: SplitResult, location: str, label: str) -> SplitResult:
        try:
            to = urlsplit(urljoin(urlunsplit(where), location))
            origin = _origin(to)
        except ValueError:
            raise SourceError(f"{label} redirects to nowhere") from None
        if to.scheme != self._base.scheme:
            raise SourceError(
                f"{label} redirects to {clean(to.scheme, 10)}: set url to where it leads"
            )
        if not to.hostname:
            raise SourceError(f"{label} redirects to nowhere")
        if origin == _origin(self._base):
            return to._replace(netloc=self._base.netloc)
        return to._replace(netloc=to.netloc.rpartition("@")[2])


class _Gzip:
    """A stream of gzip, unpacked no further than a limit."""

    def __init__(self, limit: int) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._left = limit + 1
        self._seen = False

    def unpack(self, chunk: bytes) -> bytes:
        """Unpack more; at most one byte over the limit comes out in all."""
        self._seen = self._seen or bool(chunk)
        if self._left <= 0:
            return b""
        out = self._stream.decompress(chunk, self._left)
        self._left -= len(out)
        return out

    @property
    def complete(self) -> bool:
        """Whether the stream came to its end; one without any bytes did."""
        return self._stream.eof or not self._seen


def words(error: BaseException) -> str:
    """What went wrong on the wire, in words short enough for a screen; never the error's own text."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate refused: {clean(cause.verify_message or 'not valid', 60)}"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        if isinstance(cause, socket.gaierror):
            return "host name not found"
        if isinstance(cause, OSError) and cause.errno in _ERRNO:
            return _ERRNO[cause.errno]
    kind = type(error).__name__
    return {
        "RemoteProtocolError": "the answer is not HTTP or broke off",
        "LocalProtocolError": "the URL or a header cannot be sent",
        "InvalidURL": "the URL cannot be used",
        "ReadError": "connection lost",
        "WriteError": "connection lost",
        "ConnectError": "no connection",
        "ProxyError": "the proxy refused",
    }.get(kind, f"request failed ({kind})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    todo, seen = [error], set[int]()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
        todo.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)


def _too_large(label: str, limit: int) -> SourceTooLarge:
    size = f"{limit // 1024**2} MiB" if limit >= 1024**2 else f"{limit} bytes"
    return SourceTooLarge(f"{label} answered more than {size}")


def _split(url: str) -> SplitResult:
    """The parts of a URL; all empty when it is none, which the first reading reports."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _host(url: SplitResult) -> str:
    return url.hostname or ""


def _origin(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme, _host(url), url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _loopback(host: str) -> bool:
    if _is_address(host):
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    return host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")


def _proxied(url: SplitResult, host: str) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    found = url.scheme in proxies or "all" in proxies
    return found and not _loopback(host) and not proxy_bypass(host)


async def _look_up(host: str, deadline: float) -> None:
    """Find out whether a name resolves.

    A resolver that hangs holds its thread for as long as it likes, and the threads of asyncio's
    own pool, which the client would use, are waited for when the process ends.
    """
    try:
        await daemon.call(socket.getaddrinfo, host, None, deadline=deadline)
    except (OSError, UnicodeError):
        raise SourceError("host name not found") from None
