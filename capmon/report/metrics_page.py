"""What the application's own metrics page offers, so that rules name what is really there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from capmon.clock import Clock
from capmon.collectors.defaults import OPENMETRICS_FIELDS
from capmon.collectors.exposition import Sample, SampleReader
from capmon.config.schema import AppSettings, FieldSettings
from capmon.report.promql import PATTERN

_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def candidates(app: AppSettings, metric_key: str) -> tuple[FieldSettings, ...]:
    """Where a metric may come from: the configured field alone, else the source's own in order."""
    own = app.fields.get(metric_key)
    return (own,) if own is not None else OPENMETRICS_FIELDS.get(metric_key, ())


def base(field: FieldSettings) -> str:
    """Name of the family that a quantile is taken from."""
    return field.metric.removesuffix("_bucket")


class MetricsPage:
    """Samples of one page, as far as some field may ask for them."""

    def __init__(self, app: AppSettings, text: str) -> None:
        keys = {*app.fields, *OPENMETRICS_FIELDS}
        names = {
            name
            for key in keys
            for field in candidates(app, key)
            for name in (field.metric, base(field), f"{base(field)}_bucket")
            if name
        }
        self._samples = SampleReader(names).read(text).by_name

    def has(self, field: FieldSettings) -> bool:
        """Whether the page has a sample for a field; a pattern asks for its label alone."""
        if field.quantile is None:
            return self._any(field.metric, field.labels)
        return self.has_histogram(field) or self._any(base(field), field.labels)

    def has_histogram(self, field: FieldSettings) -> bool:
        """Whether a quantile would come from a histogram; else a summary reports it."""
        return self._any(f"{base(field)}_bucket", field.labels)

    def bounds(self, field: FieldSettings) -> tuple[float, ...]:
        """Finite upper bounds of a field's buckets that every one of its series has, ascending."""
        series: dict[str, set[float]] = {}
        for sample in self._samples.get(f"{base(field)}_bucket", ()):
            if _could(sample, field.labels) and "le" in sample.labels:
                rest = repr(sorted(i for i in sample.labels.items() if i[0] != "le"))
                series.setdefault(rest, set()).add(_float(sample.labels["le"]))
        shared = set.intersection(*series.values()) if series else set()
        return tuple(sorted(b for b in shared if math.isfinite(b)))

    def _any(self, name: str, labels: Mapping[str, str]) -> bool:
        return any(_could(sample, labels) for sample in self._samples.get(name, ()))


def _could(sample: Sample, wanted: Mapping[str, str]) -> bool:
    return all(
        k in sample.labels and (v.startswith(PATTERN) or sample.labels[k] == v)
        for k, v in wanted.items()
    )


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


async def read_page(app: AppSettings, clock: Clock) -> MetricsPage:
    """Read the application's page once.

    Raises:
        SourceError: There was no usable answer; the text says how, without secrets.
    """
    # Asking needs an HTTP client, which is slow to import.
    from capmon.collectors.http import HttpSource

    source = HttpSource(
        app.url, app.headers, timeout=app.timeout, verify=app.verify, clock=clock
    )  # fmt: skip
    try:
        answer = await source.get(accept=_ACCEPT)
    finally:
        await source.close()
    return MetricsPage(app, answer.body.decode("utf-8", "replace"))
