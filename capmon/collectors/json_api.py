"""An application's JSON API turned into samples: endpoints read at once, fields taken by JMESPath."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capmon.clock import Clock
from capmon.collectors.defaults import JSON_FIELDS
from capmon.collectors.fields import Draft, Field, Interval, clean, compile_field, number, status
from capmon.collectors.http import Answer, HttpSource
from capmon.collectors.rates import Counter, Missing
from capmon.config.schema import AppSettings, FieldSettings
from capmon.errors import SourceError
from capmon.model.sample import Batch

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

GRACE = 0.5
"""Seconds between the deadline of a request and that of a reading, so that one endpoint which
hangs costs its own fields and not its neighbours'."""

LARGE = 256 * 1024
"""Bytes above which a document is parsed in a thread."""

_ACCEPT = "application/json"
_UNHEALTHY = 503


@dataclass(frozen=True, slots=True)
class _Document:
    root: Any
    at: float
    monotonic: float


class JsonApiCollector:
    """Reads the endpoints that fields are taken from, all at once."""

    name = "app"

    def __init__(self, settings: AppSettings, clock: Clock) -> None:
        self.interval: float = settings.interval
        self.deadline: float = settings.timeout + GRACE
        self._clock = clock
        self._http = HttpSource(
            settings.url, settings.headers, timeout=settings.timeout, verify=settings.verify, clock=clock
        )  # fmt: skip
        self._faults: dict[str, str] = {}
        self._readers: dict[str, list[_Reader]] = defaultdict(list)
        for key, source in (JSON_FIELDS | dict(settings.fields)).items():
            compiled = (
                compile_field(key, source) if source.path else Missing("no path is set for it")
            )
            if isinstance(compiled, Missing):
                self._faults[key] = compiled.reason
            else:
                self._readers[_endpoint(source)].append(_Reader(compiled))

    async def collect(self) -> Batch:
        """Read every endpoint once.

        Raises:
            SourceError: No endpoint gave a document.
        """
        endpoints = list(self._readers)
        found = await asyncio.gather(*(self._document(endpoint) for endpoint in endpoints))
        documents = dict(zip(endpoints, found, strict=True))
        usable = [d for d in found if isinstance(d, _Document)]
        if found and not usable:
            reasons = dict.fromkeys(d.reason for d in found if isinstance(d, Missing))
            raise SourceError("; ".join(reasons))
        draft = Draft(missing=dict(self._faults))
        for endpoint, document in documents.items():
            for reader in self._readers[endpoint]:
                if isinstance(document, Missing):
                    draft.put(reader.field.key, document)
                else:
                    reader.read(document, draft)
        return draft.batch(min((d.at for d in usable), default=self._clock.now()))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()

    async def _document(self, endpoint: str) -> _Document | Missing:
        # A health endpoint answers 503 with its findings just when they matter.
        says_health = any(r.field.entry.name == "db.status" for r in self._readers[endpoint])
        also = (_UNHEALTHY,) if says_health else ()
        try:
            answer = await self._http.get(endpoint, accept=_ACCEPT, also=also)
            root = await _parse(answer, self._http.label(endpoint))
        except SourceError as error:
            return Missing(str(error))
        return _Document(root, answer.at, answer.monotonic)


def _endpoint(source: FieldSettings) -> str:
    return "/" + (source.from_ or "/metrics").lstrip("/")


async def _parse(answer: Answer, label: str) -> Any:
    failed = SourceError(f"HTTP {answer.status} from {label}")
    problem = failed if answer.status == _UNHEALTHY else None
    if not answer.body.strip():
        raise problem or SourceError(f"{label} answered nothing")
    try:
        if len(answer.body) > LARGE:
            return await asyncio.to_thread(json.loads, answer.body)
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        html = "html" in answer.kind or answer.body.lstrip()[:1] == b"<"
        says = "HTML, not JSON" if html else "something that is not JSON"
        raise problem or SourceError(f"{label} answered {says}") from None


class _Reader:
    """One field, compiled, with its counter if it is one."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._counter = Counter() if field.source.rate else None
        self._path = clean(field.source.path, 60)
        self._expression: ParsedResult | None = None

    def read(self, document: _Document, draft: Draft) -> None:
        """Put this field's value or its absence into the draft."""
        found = self._search(document.root)
        if isinstance(found, Missing):
            draft.put(self.field.key, found)
        elif self.field.entry.name == "db.status":
            state = status(found, f"{_label(self.field.source)} {self._path}")
            if isinstance(state, Missing):
                draft.put(self.field.key, state)
            else:
                draft.put(self.field.key, state[0])
                draft.texts[self.field.key] = state[1]
        elif self.field.entry.name == "service.version" and isinstance(found, str | int | float):
            draft.put(self.field.key, 1.0)
            draft.texts[self.field.key] = clean(str(found), 40)
        elif found is None:
            absent = f"{_label(self.field.source)} has no {self._path}"
            draft.put(self.field.key, Missing(absent))
        else:
            value, interval = self._value(found, document.monotonic)
            draft.put(self.field.key, value, interval)

    def _search(self, root: Any) -> object:
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            if self._expression is None:
                self._expression = jmespath.compile(self.field.source.path)
            found: object = self._expression.search(root)
        except (JMESPathError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            return Missing(f"the path {self._path} cannot be followed")
        return found

    def _value(self, found: object, at: float) -> tuple[float | Missing, Interval | None]:
        value = number(found, self._path)
        if isinstance(value, Missing):
            return value, None
        if self._counter is None:
            return self.field.convert(value, self._path), (None, at)
        if value < 0:
            return Missing(f"{self._path} is {value:g}, less than 0"), None
        rate = self._counter.rate(value, at)
        if isinstance(rate, Missing):
            return rate, None
        return self.field.convert(rate, f"rate of {self._path}"), self._counter.interval


def _label(source: FieldSettings) -> str:
    return clean(_endpoint(source).partition("?")[0], 60)
