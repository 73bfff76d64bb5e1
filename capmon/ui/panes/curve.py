"""One curve, large: points, band, limit, now, and where the limit and saturation are reached."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Estimate, Fit, Headroom
from capmon.model.units import digits, show, show_metric
from capmon.ui.panes.common import loading
from capmon.ui.panes.curves import NONE_YET, name_of, selected
from capmon.ui.panes.models import (
    IN_FLIGHT,
    full_at,
    interval,
    limit_for,
    limit_text,
    unit_of_load,
)
from capmon.ui.widgets import plot
from capmon.ui.widgets.axes import AXIS, Level, Mark, Pole, framed
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.scale import Scale, scale, size_of
from capmon.ui.widgets.text import Line, bold, dim, ink, join, length

TRUSTED = 1.3
"""Beyond this many times the load seen the line is broken: there the curve is a guess."""

IN_SIGHT = 2.2
"""What lies beyond this many times the load seen is told but not drawn."""

ROOMY = 12
"""From so many rows on the points are seen beside the curve."""

SAMPLES = 48
BAND = 60

USER_LOADS = {"users.per_replica": "app.users.active", "app.users.active": "app.users.active"}
RATE = "http.server.request.rate"
THROUGHPUT = "load.per_replica"


Layers = Callable[[], list[plot.Layer]]
"""What is drawn, made when it is needed."""


class Scales:
    """The last scales of each curve, so that a chart stands still while its points move a little."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Scale] = {}

    def across(self, fit: Fit, now: float | None, reached: float | None) -> Scale:
        """The scale of the load."""
        seen = fit.load_max or max((p[0] for p in fit.points), default=0.0)
        full = full_at(fit)
        ends = (reached, None if full is None else full.value)
        far = [v for v in ends if v is not None and v <= IN_SIGHT * seen]
        top = 1.08 * max([seen, now or 0.0, *far])
        return self._keep((fit.target, "load"), top, 1.0, aim=6)

    def upright(self, fit: Fit, now: float | None, limit: float | None) -> Scale:
        """The scale of the metric."""
        unit = metric(fit.target).unit
        top = max([limit or 0.0, now or 0.0, *(p[1] for p in fit.points)])
        if unit is Unit.RATIO and top <= 1:
            return Scale(0.0, 1.0, 0.2)
        return self._keep((fit.target, "value"), 1.05 * top, size_of(unit, top), aim=5)

    def residuals(self, fit: Fit, top: float) -> Scale:
        """The scale of what the curve leaves."""
        size = 1.0 if fit.relative else size_of(metric(fit.target).unit, top)
        return self._keep((fit.target, "residuals"), top, size, aim=2, both=True)

    def _keep(
        self, key: tuple[str, str], top: float, size: float, aim: int, *, both: bool = False
    ) -> Scale:
        found = scale(top, aim, size, both=both, before=self._last.get(key))
        self._last[key] = found
        return found


class ChartPane(Pane):
    """A pane with dots, which are placed anew only when what they show changes."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = Scales()
        """Shared by the panes of one screen, so that they stand above each other."""
        self._key: object = None
        self._cells: plot.Cells = []

    def cells(
        self, fit: Fit, made: Layers, x: Scale, y: Scale, width: int, height: int
    ) -> plot.Cells:
        """The dots of some layers, which follow from the fit and the scales: made when those change."""
        key = (fit, x, y, width, height, plot.ready())
        if key != self._key:
            self._key, self._cells = key, plot.cells(made(), x, y, width, height)
        return self._cells


class CurvePane(ChartPane):
    """The selected curve over load."""

    name_of_pane = "curve"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A line that says what is what, and the chart."""
        fit = selected(frame, view)
        if fit is None:
            return Drawing("curve", [[dim(NONE_YET if frame.engine_ready else loading(frame))]])
        return Drawing(title(fit), self._body(frame, fit, width, height), fixed=height)

    def _body(self, frame: Frame, fit: Fit, width: int, height: int) -> list[Line]:
        now = present(frame, fit)
        room = limit_for(frame, fit)
        head = _legend(fit, room, now, width, 2 if height >= 8 else 1)
        if fit.problem and not fit.points:
            return [[], [ink(fit.problem)]][: max(1, height)] if height > 1 else [[ink(fit.problem)]]  # fmt: skip
        if not plot.ready():
            return [*head, [dim(plot.problem() or "loading the chart")]][:height]
        size = (width - AXIS, height - 1 - len(head))
        if size[0] < 8 or size[1] < 2:
            return head[:height]
        return [*head, *self._chart(fit, room, now, *size)][:height]

    def _chart(
        self, fit: Fit, room: Headroom | None, now: Present, width: int, height: int
    ) -> list[Line]:
        reached = each(room, now.replicas)
        limit = None if room is None else room.limit
        x = self.scales.across(fit, now.load, None if reached is None else reached.value)
        y = self.scales.upright(fit, now.value, limit)
        unit = metric(fit.target).unit
        names = (plain_number, lambda value: str(show(value, unit)))
        levels, marks, poles = [], [], []
        if limit is not None and room is not None:
            levels.append(Level(limit, "warning", limit_text(room)))
            marks += _crossing(reached, limit, x, width)
        full = full_at(fit)
        if full is not None:
            poles.append(Pole(full.value, "critical"))
        if now.load is not None and now.value is not None:
            marks.append(Mark(now.load, min(now.value, y.high), "●", "ink!"))
        picture = self.cells(fit, partial(layers, fit, x, height), x, y, width, height)
        return framed(picture, x, y, names, levels=levels, poles=poles, marks=marks)


def title(fit: Fit) -> str:
    """What stands over what: `host cpu over load · req/s per replica`."""
    each = "per replica" if fit.per_replica else ""
    if fit.load == IN_FLIGHT:
        name = "throughput" if fit.target == THROUGHPUT else name_of(fit)
        return " · ".join(filter(None, (f"{name} over requests at once", each)))
    return f"{name_of(fit)} over load · {unit_of_load(fit.load)} {each}".rstrip()


@dataclass(frozen=True, slots=True)
class Present:
    """Where the service stands on a curve."""

    load: float | None
    """In the fit's own load; None when not known."""

    value: float | None
    """Of the fit's metric; None when not known."""

    replicas: int | None
    """Ready replicas where load is counted for each, else 1; None when not known."""


def present(frame: Frame, fit: Fit) -> Present:
    """Where the service stands on a curve now."""
    ready = frame.replicas.ready if frame.replicas is not None else None
    replicas = (ready or None) if fit.per_replica else 1
    key = fit.load if fit.load == IN_FLIGHT else USER_LOADS.get(fit.load, RATE)
    # The load that headroom starts from: of one reading the mark would jump about.
    now = next((h.now for h in frame.headroom if h.load == key), None)
    load = _finite(frame.value(key)) if now is None else now
    share = None if load is None or replicas is None else load / replicas
    if fit.target != THROUGHPUT:
        return Present(share, _finite(frame.value(fit.target)), replicas)
    rate = _finite(frame.value(RATE))
    return Present(share, rate / replicas if rate is not None and replicas else None, replicas)


def each(room: Headroom | None, replicas: int | None) -> Estimate | None:
    """Where the limit is reached, in the fit's own load."""
    if room is None or room.at is None or not replicas:
        return None
    at = _over(room.at.value, replicas)
    ends = _over(room.at.low, replicas), _over(room.at.high, replicas)
    return None if at is None else Estimate(at, *ends)


def layers(fit: Fit, x: Scale, height: int) -> list[plot.Layer]:
    """Band, curve and points. The curve is whole where load was seen and broken where it is a guess.

    It lies over the points where there is room to see them beside it. Where there is not, it lies
    under them, and the band would hide both.
    """
    points = plot.Layer(fit.points, "accent")
    if not fit.coefficients or fit.problem:
        return [points]
    over = height >= ROOMY
    seen = _finite(fit.load_max)
    end = x.high if seen is None else min(max(TRUSTED * seen, 0.0), x.high)
    found = [plot.Layer(_band(fit, x), "future")] if over else []
    found.append(plot.Layer(_along(fit, 0.0, end, SAMPLES), "ink", joined=True, over=over))
    if end < x.high:
        count = max(2, round(BAND * (x.high - end) / x.high))
        found.append(plot.Layer(_along(fit, end, x.high, count), "ink", over=over))
    return [*found, points]


def _along(fit: Fit, start: float, end: float, count: int) -> tuple[tuple[float, float], ...]:
    """The curve at evenly spaced loads."""
    places = [start + (end - start) * i / count for i in range(count + 1)]
    found = [(v, fit.predict(v)) for v in places]
    return tuple((v, y) for v, y in found if y is not None and math.isfinite(y))


def _band(fit: Fit, x: Scale) -> tuple[tuple[float, float], ...]:
    """Both ends of the prediction band at evenly spaced loads."""
    out: list[tuple[float, float]] = []
    for i in range(BAND + 1):
        at = x.high * i / BAND
        band = fit.band(at)
        out += [(at, end) for end in (band.low, band.high) if end is not None] if band else []
    return tuple(out)


def _crossing(reached: Estimate | None, limit: float, x: Scale, width: int) -> list[Mark]:
    """The crossing on the line of the limit, and the interval that holds it."""
    if reached is None or not x.holds(reached.value):
        return []
    low = reached.value if reached.low is None else max(reached.low, x.low)
    high = reached.value if reached.high is None else min(reached.high, x.high)
    first, last = x.place(low, width), x.place(high, width)
    cell = (x.high - x.low) / width
    ends = range(first, last + 1) if first is not None and last is not None else range(0)
    held = [Mark(x.low + (i + 0.5) * cell, limit, "━", "warning") for i in ends]
    return [*held, Mark(reached.value, limit, "◆", "warning!")]


def _legend(fit: Fit, room: Headroom | None, now: Present, width: int, rows: int) -> list[Line]:
    """What the signs stand for, with their numbers, in as many rows as it takes and may."""
    parts: list[Line] = []
    if fit.problem:
        parts.append([ink(fit.problem)])
    if now.load is not None and now.value is not None:
        shown = show_metric(fit.target, now.value)
        parts.append([bold("● "), dim("now "), bold(shown.number), dim(f" {shown.unit} at "), bold(digits(now.load))])  # fmt: skip
    reached = each(room, now.replicas)
    if room is not None and reached is not None:
        guess = "~" if room.extrapolated else ""
        parts.append([
            ("◆ ", "warning!"), dim(f"{limit_text(room)} at "),
            bold(f"{guess}{digits(reached.value)}"), dim(f" {interval(reached)}".rstrip()),
        ])  # fmt: skip
    elif room is not None and room.problem != fit.problem:
        parts.append([("╌ ", "warning"), dim(f"{limit_text(room)}: {room.problem}")])
    full = full_at(fit)
    if full is not None:
        parts.append([("┊ ", "critical"), dim("full at "), bold(digits(full.value))])
    out: list[Line] = []
    for part in parts:
        longer = join([out[-1], part], "   ") if out else part
        if out and length(longer) <= width:
            out[-1] = longer
        elif len(out) < rows:
            out.append(part)
    return out or [[]]


def plain_number(value: float) -> str:
    """A number of a scale of load, without digits that say nothing."""
    return f"{value:g}" if abs(value) < 1e5 else digits(value)


def _over(value: float | None, count: int) -> float | None:
    return None if value is None else _finite(value / count)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
