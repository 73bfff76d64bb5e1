"""How much of the load one replica may take before the next one has to start, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from capmon.analysis.effect import whole_load
from capmon.config.schema import Settings
from capmon.model.curves import Estimate, Fit, Headroom
from capmon.model.forecasts import Forecast
from capmon.model.frame import Frame
from capmon.model.metric import metric
from capmon.model.units import fine_span, show, show_metric, span, within

REACTION = 30.0
"""Seconds until HPA sees a new load: metrics-server reads every 15 s, the controller looks every 15 s."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The load at which the first limit binds."""

    load: Estimate
    """Of one replica where `per_replica`, else of the whole service at the replicas of now."""

    per_replica: bool
    """Whether it is one replica's."""

    headroom: Headroom
    """The limit."""

    unknown: str = ""
    """Limits that no curve can tell of, with the reasons; empty when all are known."""

    @property
    def text(self) -> str:
        """`p95 reaches 250 ms at 31.4 req/s a replica (29.3-33.5)`."""
        h = self.headroom
        limit = show(h.limit, metric(h.target).unit)
        at = show_metric(h.load, self.load.value)
        where = " a replica" if self.per_replica else " of the whole service"
        return f"{metric(h.target).label} reaches {limit} at {at}{where}{self._interval}"

    @property
    def _interval(self) -> str:
        ends = (self.load.low, self.load.high)
        if ends == (None, None):
            return ""
        low, high = (None if e is None else show_metric(self.headroom.load, e).number for e in ends)
        return f" ({within(low, high)})"


def fitted(frame: Frame, *targets: str) -> Fit | None:
    """The first of some metrics' curves that stands."""
    return next((f for f in frame.fits if f.target in targets and not f.problem), None)


def first_limit(frame: Frame, load: str) -> Reach | str:
    """The limit that binds first over a load, of those within the load that was seen, or why none is known.

    Args:
        frame: Its headroom and the fits behind it.
        load: Key of the whole service's load.
    """
    by_target = {f.target: f for f in frame.fits if whole_load(f) == load}
    found: list[Reach] = []
    problems: list[str] = []
    for room in frame.headroom:
        fit = by_target.get(room.target)
        if fit is None:
            continue
        label = metric(room.target).label
        if room.at is None:
            problems.append(f"{label}: {room.problem}")
        elif room.extrapolated:
            at = show_metric(room.load, room.at.value)
            problems.append(f"{label}: binds at {at}, far beyond the load seen, where a curve is a guess")  # fmt: skip
        else:
            found.append(_reach(frame, fit, room, room.at))
    if found:
        first = min(found, key=lambda r: r.load.value)
        return replace(first, unknown="; ".join(problems))
    return "; ".join(problems) or "no curve of it over load yet"


def _reach(frame: Frame, fit: Fit, room: Headroom, at: Estimate) -> Reach:
    ready = None if frame.replicas is None else frame.replicas.ready
    if not fit.per_replica or not ready:
        return Reach(at, False, room)
    low, high = (None if end is None else end / ready for end in (at.low, at.high))
    return Reach(Estimate(at.value / ready, low, high, at.level), True, room)


@dataclass(frozen=True, slots=True)
class Room:
    """By how much the load may grow until a replica that is asked for now serves."""

    factor: float
    """1 or more; 1 where nothing is known."""

    text: str
    """Where it comes from, or why it is not known."""


def lead(settings: Settings, frame: Frame) -> tuple[float, str]:
    """Seconds from a new load to a replica more that serves, and what they are made of."""
    measured = None if frame.scaling is None else frame.scaling.startup
    startup = settings.scaling.startup if measured is None else measured.value
    how = "scaling.startup" if measured is None else "measured"
    seconds = startup + REACTION
    return seconds, f"{fine_span(seconds)}: {fine_span(startup)} to start ({how}), {REACTION:.0f} s for HPA to notice"  # fmt: skip


def growth_room(frame: Frame, load: str, seconds: float, calm: float | None) -> Room:
    """The steepest rise that the forecast sees within so many seconds, its uncertainty on top.

    A rise of the median from any time within the horizon counts, times the upper end of the
    interval over the median that far ahead.

    Args:
        frame: Its forecasts.
        load: Key of the whole service's load.
        seconds: How long a new replica takes to serve.
        calm: Load that the least count of replicas carries: rises below it ask for nothing.
    """
    forecast = next((f for f in frame.forecasts if f.metric == load), None)
    if forecast is None or forecast.problem or not forecast.median or forecast.step <= 0:
        why = "there is none" if forecast is None else forecast.problem or "it is empty"
        return Room(1.0, f"no forecast of the load ({why})")
    cells = math.ceil(seconds / forecast.step)
    if cells > len(forecast.median):
        return Room(1.0, f"the forecast looks only {span(forecast.horizon)} ahead")
    doubt = max((_over(h, m) for h, m in zip(forecast.high[:cells], forecast.median[:cells], strict=False)), default=1.0)  # fmt: skip
    rise = _steepest(forecast, cells, doubt, calm or 0.0)
    level = (1 + forecast.level) / 2
    text = f"×{rise * doubt:.3g} within {fine_span(seconds)}: steepest rise of the next {span(forecast.horizon)} ×{rise:.3g}, {level:.1%} bound ×{doubt:.3g}"  # fmt: skip
    if forecast.demoted:
        text += f", not to be trusted: {forecast.demoted}"
    return Room(rise * doubt, text)


def _steepest(forecast: Forecast, cells: int, doubt: float, calm: float) -> float:
    """The greatest rise of the median within so many cells, from those that end above the calm; at least 1."""
    past = [v for v in forecast.past if math.isfinite(v)]
    course = [*past[-1:], *forecast.median]
    best = 1.0
    for i, start in enumerate(course):
        top = max(course[i + 1 : i + 1 + cells], default=0.0)
        if start > 0 and math.isfinite(top) and top * doubt > calm:
            best = max(best, top / start)
    return best


def _over(value: float, by: float) -> float:
    return value / by if by > 0 and math.isfinite(value) and value > by else 1.0
