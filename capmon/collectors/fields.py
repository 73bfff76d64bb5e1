"""What an application reports, turned into values in the catalogue's units, or a reason why not."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from capmon.collectors.rates import Missing
from capmon.config.schema import FieldSettings
from capmon.errors import CapmonError
from capmon.model.metric import Metric, Unit, metric
from capmon.model.sample import Batch
from capmon.model.units import scale

TEXT_LIMIT = 40
"""Longest state in words that is kept, characters."""

HEALTHY = frozenset({"healthy", "ok", "up", "pass", "true", "1"})
"""Words for a healthy component, lower case; `pass` is health+json's."""

SILENT = frozenset({"", "unknown", "none", "null", "n/a"})
"""Words that say nothing about health, lower case."""

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SLACK = 1e-9

Interval = tuple[float | None, float]
"""Monotonic begin and end of the time a value speaks for; no begin for a value of one instant."""


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """Foreign text fit for a terminal: printable characters alone, one line, cut to `limit`."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def number(raw: object, named: str) -> float | Missing:
    """A finite number from a document's value; a text that is a plain number counts as one."""
    if isinstance(raw, bool):
        return Missing(f"{named} is {str(raw).lower()}, not a number")
    if isinstance(raw, str):
        if _NUMBER.fullmatch(raw) is None:
            return Missing(f"{named} is text, not a number")
        raw = float(raw)
    if not isinstance(raw, int | float):
        kind = {list: "a list", dict: "an object", type(None): "null"}.get(type(raw), "no number")
        return Missing(f"{named} is {kind}" + ("" if kind == "no number" else ", not a number"))
    try:
        value = float(raw)
    except OverflowError:
        return Missing(f"{named} is too large")
    return value if math.isfinite(value) else Missing(f"{named} is {_not_finite(value)}")


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def status(raw: object, named: str) -> tuple[float, str] | Missing:
    """1 or 0 and the word behind it, from what a component says of its health.

    Null, an empty text and words such as `unknown` say nothing, which is never taken for
    unhealthy.
    """
    if isinstance(raw, list | dict):
        return Missing(f"{named} is {'a list' if isinstance(raw, list) else 'an object'}, no state")
    if isinstance(raw, float):
        if not raw.is_integer():
            return Missing(f"{named} is a number, no state")
        raw = int(raw)
    text = "" if raw is None else clean(str(raw))
    if isinstance(raw, bool):
        text = text.lower()
    if text.lower() in SILENT:
        return Missing(f"{named} does not say")
    return (1.0 if text.lower() in HEALTHY else 0.0), text


@dataclass(frozen=True, slots=True)
class Field:
    """One metric of the application with what turns a source's number into its unit."""

    key: str
    """Metric key."""

    entry: Metric
    """The catalogue's entry."""

    source: FieldSettings
    """Where it comes from."""

    factor: float
    """What one of the source's units is worth in the catalogue's."""

    def convert(self, raw: float, named: str) -> float | Missing:
        """`raw` in the catalogue's unit, refused when the metric cannot have that value."""
        value = raw * self.factor
        if not math.isfinite(value):
            return Missing(f"{named} is {_not_finite(value)}")
        if value < 0:
            return Missing(f"{named} is {raw:g}, less than 0")
        if self.entry.unit is not Unit.RATIO:
            return value + 0.0
        if value <= 1 + _SLACK:
            return min(value, 1.0) + 0.0
        if self.source.unit in ("", "1"):
            hint = "; set unit: '%'" if raw <= 100 else ""
            return Missing(f"{named} is {raw:g}, not a share from 0 to 1{hint}")
        return Missing(f"{named} is {raw:g} {self.source.unit}, more than 100 %")


def compile_field(key: str, source: FieldSettings) -> Field | Missing:
    """A field ready to use, or what is wrong with its settings."""
    try:
        entry = metric(key)
        factor = scale(source.unit, entry.unit) if source.unit else 1.0
    except CapmonError as fault:
        return Missing(clean(str(fault), 200))
    return Field(key, entry, source, factor)


@dataclass(slots=True)
class Draft:
    """A batch while it is being put together."""

    values: dict[str, float] = field(default_factory=dict)
    """Values by metric key."""

    missing: dict[str, str] = field(default_factory=dict)
    """Reasons by metric key."""

    texts: dict[str, str] = field(default_factory=dict)
    """States in words by metric key."""

    intervals: dict[str, Interval] = field(default_factory=dict)
    """The time that a value speaks for, by metric key."""

    def put(self, key: str, result: float | Missing, interval: Interval | None = None) -> None:
        """Take a result in."""
        if isinstance(result, Missing):
            self.missing[key] = result.reason
            return
        self.values[key] = result
        if interval is not None:
            self.intervals[key] = interval

    def batch(self, at: float) -> Batch:
        """The batch, with the ratios that follow from what is in it."""
        _derive(self, "http.server.error.ratio", _error_ratio(self))
        _derive(self, "db.connections.utilization", _connections(self))
        return Batch(at=at, values=self.values, missing=self.missing, texts=self.texts)


def _derive(draft: Draft, key: str, result: float | Missing) -> None:
    # What the application itself reports under this name goes before what is derived.
    if key not in draft.values and key not in draft.missing:
        draft.put(key, result)


def _error_ratio(draft: Draft) -> float | Missing:
    errors, requests = "http.server.error.rate", "http.server.request.rate"
    for key in (errors, requests):
        if key not in draft.values:
            return Missing(draft.missing.get(key, f"{key} is not collected"))
    if draft.intervals.get(errors) != draft.intervals.get(requests):
        return Missing("errors and requests are not of the same interval")
    if draft.values[requests] <= 0:
        return Missing("no requests in the last interval")
    ratio = draft.values[errors] / draft.values[requests]
    return min(ratio, 1.0) if ratio <= 1 + _SLACK else Missing("more errors than requests")


def _connections(draft: Draft) -> float | Missing:
    usage, limit = "db.connections.usage", "db.connections.limit"
    for key in (usage, limit):
        if key not in draft.values:
            return Missing(draft.missing.get(key, f"{key} is not collected"))
    if draft.values[limit] <= 0:
        return Missing("the limit of connections is 0, which sets none")
    ratio = draft.values[usage] / draft.values[limit]
    return min(ratio, 1.0) if ratio <= 1 + _SLACK else Missing("more connections than the limit")
