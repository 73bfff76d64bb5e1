"""An HTTP endpoint that answers GET with the counts and PUT with a new one."""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import TYPE_CHECKING, Any

from capmon.actions.redact import foreign, redact_url
from capmon.actions.run import OUTPUT_LIMIT
from capmon.actions.targets.base import READ_DEADLINE, Lease, count, counted, document
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

if TYPE_CHECKING:
    import httpx


class HttpTarget:
    """One URL."""

    kind = "http"

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._shown = redact_url(url)
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None
        self.name = foreign(self._shown, 80)
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.hindrance = ""
        self.lease: Lease | None = None

    def look_closely(self) -> None:
        """Every reading sees all that there is."""

    async def read(self) -> ReplicaState:
        """The counts of `{"ready": n, "desired": m}`.

        Raises:
            TargetError: No answer, or one that is something else.
        """
        text = await self._ask("GET", min(self._timeout, READ_DEADLINE))
        found = document(text, self._shown)
        ready, desired = count(found.get("ready"), "ready"), count(found.get("desired"), "desired")
        return counted(self.kind, self.name, ready, desired)

    def argv(self, to: int, _state: ReplicaState, /) -> tuple[str, ...]:
        """The request: method, URL, body."""
        return ("PUT", self._url, json.dumps({"replicas": to}))

    async def write(self, to: int, _state: ReplicaState, /) -> None:
        """Send the request.

        Raises:
            TargetError: The answer is no success, or there was none in time.
        """
        await self._ask("PUT", self._timeout, {"replicas": to})

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(self, method: str, seconds: float, body: dict[str, int] | None = None) -> str:
        # On a thread: the import takes long enough to be felt at the keyboard.
        library: Any = await asyncio.to_thread(importlib.import_module, "httpx")
        if self._client is None:
            # Identity, read raw: a small answer must not unpack into a huge one.
            self._client = library.AsyncClient(
                follow_redirects=False, headers={"Accept-Encoding": "identity"}
            )
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, self._url, json=body, timeout=seconds) as response,
            ):
                text = await self._text(response)
        except (TimeoutError, library.TimeoutException):
            raise TargetError(f"{method} {self._shown}: no answer in {seconds:g} s") from None
        except (library.HTTPError, library.InvalidURL, OSError, ValueError) as error:
            said = foreign(str(error)) or type(error).__name__
            raise TargetError(f"{method} {self._shown}: {said}") from None
        if not response.is_success:
            status = foreign(f"{response.status_code} {response.reason_phrase} {text}")
            raise TargetError(f"{method} {self._shown}: {status}")
        return text

    async def _text(self, response: httpx.Response) -> str:
        kept = bytearray()
        async for chunk in response.aiter_raw():
            kept += chunk
            if len(kept) > OUTPUT_LIMIT:
                raise TargetError(f"{self._shown}: the answer is over {OUTPUT_LIMIT // 1024} KiB")
        return kept.decode(errors="replace")
