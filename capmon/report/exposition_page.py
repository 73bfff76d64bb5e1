"""A frame as a page that Prometheus reads: every metric that is known, and what the analysis says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from capmon.errors import CapmonError
from capmon.model.exposition import (
    ADVISED,
    BREACH,
    FORECAST,
    HEADROOM,
    HORIZONS,
    PROBABILITIES,
    SEVERITY,
    TIME_TO_THRESHOLD,
    Family,
    family,
    labels,
)
from capmon.model.frame import Frame
from capmon.model.metric import CATALOGUE, split
from capmon.model.results import Forecast

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""


def page(frame: Frame, *, openmetrics: bool) -> str:
    """The page.

    Unknown is absent. Values are gauges in base units, without times: whoever asks reads what is
    known now.

    Args:
        frame: What is shown.
        openmetrics: Whether as OpenMetrics 1.0; else as Prometheus' own text 0.0.4.
    """
    lines: list[str] = []
    for found, samples in (*_metrics(frame), *_answers(frame)):
        body = [_line(found.name, s) for s in samples if math.isfinite(s[1])]
        if body:
            lines += [*_head(found, openmetrics=openmetrics), *body]
    return "\n".join([*lines, *(["# EOF"] if openmetrics else [])]) + "\n"


def _head(found: Family, *, openmetrics: bool) -> list[str]:
    unit = [f"# UNIT {found.name} {found.unit}"] if openmetrics and found.unit else []
    text = found.help.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        text = text.replace('"', '\\"')
    return [f"# TYPE {found.name} gauge", *unit, f"# HELP {found.name} {text}"]


def _line(name: str, sample: Sample) -> str:
    told = ",".join(f'{k}="{_escaped(v)}"' for k, v in sample[0].items())
    return f"{name}{{{told}}} {sample[1]!r}" if told else f"{name} {sample[1]!r}"


def _escaped(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _metrics(frame: Frame) -> Iterator[tuple[Family, list[Sample]]]:
    """Every metric of the catalogue that is known, in the catalogue's order."""
    known: dict[str, list[Sample]] = {}
    for key, reading in sorted(frame.readings.items()):
        try:
            name = split(key)[0]
        except CapmonError:
            continue
        if reading.value is not None:
            known.setdefault(name, []).append((labels(key), float(reading.value)))
    for name in CATALOGUE:
        if name in known:
            yield family(name), known[name]


def _answers(frame: Frame) -> Iterator[tuple[Family, Iterable[Sample]]]:
    limits = [h for h in frame.headroom if h.multiple is not None]
    nearest: dict[str, float] = {}
    for h in limits:
        found = h.multiple or 0.0
        nearest[h.target] = min(found, nearest.get(h.target, math.inf))
    yield HEADROOM, [({"metric": k}, v) for k, v in nearest.items()]
    good = [f for f in frame.forecasts if not f.problem]
    yield TIME_TO_THRESHOLD, [s for f in good for s in _times(f)]
    yield BREACH, [s for f in good for s in _breaches(f)]
    yield (
        SEVERITY,
        [({"component": b.component}, float(b.severity.rank)) for b in frame.bottlenecks],
    )
    yield FORECAST, [s for f in good for s in _quantiles(f)]
    advice = frame.advice
    yield ADVISED, [] if advice is None or advice.to is None else [({}, float(advice.to))]


def _times(forecast: Forecast) -> Iterator[Sample]:
    reached = forecast.time_to_limit
    if reached is None:
        return
    for field, probability in PROBABILITIES.items():
        seconds = getattr(reached, field)
        if seconds is not None:
            yield {"metric": forecast.metric, "probability": probability}, float(seconds)


def _breaches(forecast: Forecast) -> Iterator[Sample]:
    whole = forecast.breach_probability
    if whole is None:
        return
    known = [(0.0, 0.0), *((c.ahead, c.probability) for c in forecast.breach_by)]
    for label, seconds in _within(forecast):
        chance = _between(known, seconds) if forecast.breach_by else whole
        yield {"metric": forecast.metric, "horizon": label}, chance


def _quantiles(forecast: Forecast) -> Iterator[Sample]:
    tail = (1 - forecast.level) / 2
    parts = ((tail, forecast.low), (0.5, forecast.median), (1 - tail, forecast.high))
    for label, seconds in _within(forecast):
        at = math.ceil(seconds / forecast.step) - 1
        for share, course in parts:
            if at < len(course):
                told = {"metric": forecast.metric, "horizon": label, "probability": f"{share:.4g}"}
                yield told, course[at]


def _within(forecast: Forecast) -> list[tuple[str, float]]:
    """The horizons that a forecast reaches."""
    return [(label, s) for label, s in HORIZONS.items() if s <= forecast.horizon]


def _between(known: list[tuple[float, float]], at: float) -> float:
    """The value at a place between points on a straight line, their last beyond them."""
    for (x0, y0), (x1, y1) in pairwise(known):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return known[-1][1]
