"""A page of metrics, in Prometheus' text format or OpenMetrics, turned into samples."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Mapping, Sequence

from capmon.clock import Clock
from capmon.collectors.defaults import OPENMETRICS_FIELDS
from capmon.collectors.exposition import Sample, SampleReader, Samples
from capmon.collectors.fields import Draft, Field, Interval, clean, compile_field, status
from capmon.collectors.histogram import Buckets, Histogram, Quantile, buckets, quantile
from capmon.collectors.http import Answer, HttpSource
from capmon.collectors.rates import Counters, Missing
from capmon.config.schema import AppSettings, FieldSettings
from capmon.errors import SourceError
from capmon.model.sample import Batch
from capmon.model.units import show

GRACE = 0.5
"""Seconds between the deadline of the request and that of the whole reading."""

LARGE = 256 * 1024
"""Bytes above which a page is read in a thread."""

PATTERN = "=~"
"""What begins a label's value that is a regular expression, anchored at both ends."""

_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_OPENMETRICS = "application/openmetrics-text"


class OpenMetricsCollector:
    """Reads one page and takes every field from it."""

    name = "app"

    def __init__(self, settings: AppSettings, clock: Clock) -> None:
        self.interval: float = settings.interval
        self.deadline: float = settings.timeout + GRACE
        self._http = HttpSource(
            settings.url, settings.headers, timeout=settings.timeout, verify=settings.verify, clock=clock
        )  # fmt: skip
        chosen = OPENMETRICS_FIELDS | {key: (field,) for key, field in settings.fields.items()}
        families: dict[object, _Buckets] = {}
        self._metrics = [_Metric(key, sources, families) for key, sources in chosen.items()]
        self._families = list(families.values())
        self._reader = SampleReader(name for one in self._metrics for name in one.names())
        self._lock = threading.Lock()

    async def collect(self) -> Batch:
        """Read the page once.

        Raises:
            SourceError: There was no page, or it cannot be a whole page of metrics.
        """
        answer = await self._http.get(accept=_ACCEPT)
        label = self._http.label()
        if len(answer.body) > LARGE:
            return await asyncio.to_thread(self._batch, answer, label)
        return self._batch(answer, label)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.close()

    def _batch(self, answer: Answer, label: str) -> Batch:
        page = _page(answer, label)
        # A reading that was given up may still be at work in its thread.
        with self._lock:
            samples = self._reader.read(page)
            for family in self._families:
                family.read(samples)
            draft = Draft()
            for one in self._metrics:
                one.read(samples, answer.monotonic, draft)
        return draft.batch(answer.at)


def _page(answer: Answer, label: str) -> str:
    """The text of a page that is whole."""
    page = answer.body.decode("utf-8", "replace")
    begin = page.lstrip()[:1]
    if not begin:
        raise SourceError(f"{label} answered nothing")
    if "html" in answer.kind or begin == "<":
        raise SourceError(f"{label} answered HTML, not metrics")
    if "json" in answer.kind or begin in "{[":
        raise SourceError(f"{label} answered JSON, not metrics")
    if answer.kind == _OPENMETRICS:
        if not page.rstrip().endswith("# EOF"):
            raise SourceError(f"{label} broke off: no # EOF at the end")
    elif not page.endswith("\n"):
        raise SourceError(f"{label} broke off in the middle of a line")
    return page


class _Metric:
    """One metric of the application and the places to take it from, in the order of preference."""

    def __init__(
        self, key: str, sources: Sequence[FieldSettings], families: dict[object, _Buckets]
    ) -> None:
        self._key = key
        self._fault = ""
        self._takers: list[_Taker] = []
        for source in sources:
            taker = _taker(key, source, families)
            if isinstance(taker, Missing):
                self._fault = taker.reason
            else:
                self._takers.append(taker)

    def names(self) -> list[str]:
        """Names that must be read."""
        return [name for taker in self._takers for name in taker.names]

    def read(self, samples: Samples, at: float, draft: Draft) -> None:
        """Take the value from the first place that the page has."""
        found = False
        for taker in self._takers:
            if found or not taker.present(samples):
                taker.forget()
            else:
                found = True
                taker.take(samples, at, draft)
        if not found:
            draft.put(self._key, Missing(self._fault or self._absent()))

    def _absent(self) -> str:
        names = list(dict.fromkeys(taker.described for taker in self._takers))
        some = ", ".join(names[:2]) + (", …" if len(names) > 2 else "")
        return f"the page has no {some}"


def _taker(key: str, source: FieldSettings, families: dict[object, _Buckets]) -> _Taker | Missing:
    if not source.metric:
        return Missing("no metric is set for it")
    field = compile_field(key, source)
    if isinstance(field, Missing):
        return field
    try:
        labels = _Labels(source.labels)
    except re.error:
        return Missing("a label's pattern is no regular expression")
    if source.quantile is None:
        return _Sum(field, labels)
    family = source.metric.removesuffix("_bucket")
    same = (family, tuple(sorted(source.labels.items())))
    shared = families.setdefault(same, _Buckets(family, labels))
    return _QuantileOf(field, labels, source.quantile, shared)


class _Labels:
    """Which samples count."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._exact = {k: v for k, v in wanted.items() if not v.startswith(PATTERN)}
        self._patterns = {
            k: re.compile(v.removeprefix(PATTERN))
            for k, v in wanted.items()
            if v.startswith(PATTERN)
        }
        self.text = "{" + ",".join(f'{k}="{v}"' for k, v in wanted.items()) + "}" if wanted else ""

    def could(self, sample: Sample) -> bool:
        """Whether the sample carries the labels, patterns aside."""
        labels = sample.labels
        return all(labels.get(k) == v for k, v in self._exact.items()) and all(
            k in labels for k in self._patterns
        )

    def match(self, sample: Sample) -> bool:
        """Whether the sample carries the labels with values as wanted."""
        return self.could(sample) and all(
            pattern.fullmatch(sample.labels[k]) for k, pattern in self._patterns.items()
        )


class _Taker:
    """One place to take a metric from."""

    def __init__(self, field: Field, labels: _Labels, names: tuple[str, ...]) -> None:
        self.field = field
        self.labels = labels
        self.names = names
        self.described = clean(names[0] + labels.text, 80)

    def present(self, samples: Samples) -> bool:
        """Whether the page has it."""
        return any(
            name in samples.broken or any(map(self.labels.could, samples.by_name.get(name, ())))
            for name in self.names
        )

    def take(self, samples: Samples, at: float, draft: Draft) -> None:
        """Put the value, or why there is none, into the draft."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what was remembered of earlier pages."""


class _Sum(_Taker):
    """Samples added up; for a counter, the rates of its series added up."""

    def __init__(self, field: Field, labels: _Labels) -> None:
        name = field.source.metric
        # OpenMetrics names the family of a counter without the suffix that its samples carry.
        total = field.source.rate and not name.endswith("_total")
        super().__init__(field, labels, (name, f"{name}_total") if total else (name,))
        self._counters = Counters() if field.source.rate else None

    def take(self, samples: Samples, at: float, draft: Draft) -> None:
        """Put the sum into the draft."""
        for name in self.names:
            if name in samples.broken:
                draft.put(self.field.key, Missing(samples.broken[name]))
                return
        found = [s for name in self.names for s in samples.by_name.get(name, ())]
        value, interval = self._value([s for s in found if self.labels.match(s)], at)
        draft.put(self.field.key, value, interval)
        if self.field.entry.name == "db.status" and not isinstance(value, Missing):
            _say_status(self.field.key, value, draft)

    def _value(self, found: list[Sample], at: float) -> tuple[float | Missing, Interval | None]:
        for sample in found:
            if not math.isfinite(sample.value):
                return Missing(f"{self.described} is {sample.value:g}".replace("nan", "NaN")), None
        if self._counters is None:
            if not found:
                return Missing(f"the page has no {self.described}"), None
            total = sum(s.value for s in found)
            return self.field.convert(total, self.described), (None, at)
        # No series matches a pattern such as 5.. until the first failure: that is a rate of 0.
        rate = self._counters.rate({s.series: s.value for s in found}, at)
        if isinstance(rate, Missing):
            return rate, None
        return self.field.convert(rate, f"rate of {self.described}"), self._counters.interval

    def forget(self) -> None:
        """Drop the last reading of the counters."""
        if self._counters is not None:
            self._counters.forget()


def _say_status(key: str, value: float, draft: Draft) -> None:
    state = status(value, key)
    if not isinstance(state, Missing):
        draft.values[key], draft.texts[key] = state[0], "up" if state[0] else "down"


class _Buckets:
    """One family of histogram series, shared by the quantiles taken from it."""

    def __init__(self, family: str, labels: _Labels) -> None:
        self.name = f"{family}_bucket"
        self._labels = labels
        self._histogram = Histogram()
        self._parts: dict[str, tuple[str, float] | None] = {}
        self.seen: Buckets | Missing = Missing("first reading")
        """What the last interval saw."""

    def read(self, samples: Samples) -> None:
        """Take the page in."""
        found = samples.by_name.get(self.name)
        if not found and self.name not in samples.broken:
            self._histogram.forget()
            return
        if self.name in samples.broken:
            self.seen = Missing(samples.broken[self.name])
            return
        series = self._series(found or ())
        self.seen = series if isinstance(series, Missing) else self._histogram.since_last(series)

    def _series(self, found: Sequence[Sample]) -> dict[str, Buckets] | Missing:
        known, self._parts = self._parts, {}
        counts: dict[str, dict[float, float]] = {}
        for sample in found:
            text = sample.series
            parts = self._parts[text] = known[text] if text in known else self._split(sample)
            if parts is None:
                continue
            if not math.isfinite(sample.value):
                return Missing(f"{self.name} holds a count that is no number")
            counts.setdefault(parts[0], {})[parts[1]] = sample.value
        series: dict[str, Buckets] = {}
        for name, by_bound in counts.items():
            one = buckets(by_bound)
            if isinstance(one, Missing):
                return one
            series[name] = one
        return series

    def _split(self, sample: Sample) -> tuple[str, float] | None:
        """The series without its bound, and the bound; None for a sample that does not count."""
        if "le" not in sample.labels or not self._labels.match(sample):
            return None
        try:
            bound = float(sample.labels["le"])
        except ValueError:
            return None
        rest = repr(sorted(item for item in sample.labels.items() if item[0] != "le"))
        return None if math.isnan(bound) else (rest, bound)


class _QuantileOf(_Taker):
    """A quantile: of a histogram's last interval, else the one that a summary reports."""

    def __init__(self, field: Field, labels: _Labels, q: float, family: _Buckets) -> None:
        base = family.name.removesuffix("_bucket")
        super().__init__(field, labels, (family.name, base))
        self.described = clean(base + labels.text, 80)
        self._q = q
        self._family = family

    def take(self, samples: Samples, at: float, draft: Draft) -> None:
        """Put the quantile into the draft."""
        if self._family.name in samples.by_name or self._family.name in samples.broken:
            self._from_histogram(at, draft)
        else:
            self._from_summary(samples, at, draft)

    def _from_histogram(self, at: float, draft: Draft) -> None:
        key, seen = self.field.key, self._family.seen
        result = seen if isinstance(seen, Missing) else quantile(self._q, seen)
        if isinstance(result, Quantile):
            value = self.field.convert(result.value, self.described)
            draft.put(key, value, (None, at))
            if result.beyond and not isinstance(value, Missing):
                draft.texts[key] = f"above {show(value, self.field.entry.unit)}, the last bucket"
        else:
            draft.put(key, result)

    def _from_summary(self, samples: Samples, at: float, draft: Draft) -> None:
        key, name = self.field.key, self.names[1]
        if name in samples.broken:
            draft.put(key, Missing(samples.broken[name]))
            return
        matching = [s for s in samples.by_name.get(name, ()) if self.labels.match(s)]
        found = [s for s in matching if _is_quantile(s.labels.get("quantile"), self._q)]
        if not found:
            draft.put(key, Missing(f"{self.described} has no quantile {self._q:g}"))
        elif len(found) > 1:
            several = "quantiles of several series cannot be added up: choose one by its labels"
            draft.put(key, Missing(several))
        elif not math.isfinite(found[0].value):
            draft.put(key, Missing(f"{self.described} saw no requests lately"))
        else:
            draft.put(key, self.field.convert(found[0].value, self.described), (None, at))
            draft.texts[key] = "over the application's own window"


def _is_quantile(text: str | None, q: float) -> bool:
    try:
        return text is not None and math.isclose(float(text), q, abs_tol=1e-9)
    except ValueError:
        return False
