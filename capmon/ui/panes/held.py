"""A forecast of the past beside what came: on its own grid, counted, and in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from capmon.model.frame import Frame, Trend
from capmon.model.metric import metric
from capmon.model.results import Forecast
from capmon.model.units import show_metric
from capmon.ui.panes.figures import clock
from capmon.ui.widgets.text import Line, bold, dim, ink

SLACK = 0.1
"""Share below the band's level from which it did not hold, as where past forecasts are scored."""

NEAREST = 1e-9
"""Share of a value by which rounding may move it past an end of the band."""


@dataclass(frozen=True, slots=True)
class Held:
    """How much of what came fell inside a band."""

    inside: int
    """Points inside."""

    of: int
    """Points that came."""

    ahead: int
    """Points of the forecast."""

    level: float
    """Share that the band was made to hold."""

    @property
    def well(self) -> bool:
        """Whether the band held about as many as it was made to."""
        return self.inside >= (self.level - SLACK) * self.of

    @property
    def mark(self) -> tuple[str, str]:
        """Glyph and token."""
        return ("✓", "ok") if self.well else ("✗", "warning")


def course(forecast: Forecast, frame: Frame) -> list[float]:
    """What came in each step of a forecast; NaN where nothing is known of it, empty where of none."""
    came = frame.came.get(forecast.metric)
    if came is None or not came.values or forecast.step <= 0 or not forecast.median:
        return []
    out = _on_grid(forecast, came)
    return out if any(map(math.isfinite, out)) else []


def _on_grid(forecast: Forecast, came: Trend) -> list[float]:
    out = [math.nan] * len(forecast.median)
    first = came.end - (len(came.values) - 1) * came.step
    for i, value in enumerate(came.values):
        at = (first + i * came.step - forecast.made_at) / forecast.step - 1
        if -0.5 <= at < len(out) - 0.5:  # what is no number is on no grid
            out[round(at)] = value
    return out


def held(forecast: Forecast, came: Sequence[float]) -> Held | None:
    """How many points fell inside the band; None before any came, or without a band."""
    triples = list(zip(came, forecast.low, forecast.high, strict=False))
    known = [(v, a, b) for v, a, b in triples if all(map(math.isfinite, (v, a, b)))]
    if not known:
        return None
    inside = sum(a - NEAREST * abs(a) <= v <= b + NEAREST * abs(b) for v, a, b in known)
    return Held(inside, len(known), len(forecast.median), forecast.level)


def sentence(forecast: Forecast, frame: Frame) -> list[Line]:
    """In parts: `✓ held: 58 of 60 in the band`, what is still to come, and the limit; none while live."""
    came = course(forecast, frame)
    found = held(forecast, came)
    if found is None:
        return [] if frame.past is None or forecast.problem else [[dim("nothing has come of it yet")]]  # fmt: skip
    glyph, tone = found.mark
    word = "held" if found.well else "did not hold"
    parts: list[Line] = [
        [
            (f"{glyph} ", tone),
            ink(f"{word}: "),
            bold(f"{found.inside} of {found.of}"),
            dim(" in the band"),
        ]
    ]
    if found.of < found.ahead:
        parts[0].append(dim(f", {found.ahead - found.of} not known"))
    said = _limit(forecast, came, frame.at)
    return [*parts, said] if said else parts


def _limit(forecast: Forecast, came: Sequence[float], now: float) -> Line:
    """Whether the limit was crossed, and when first."""
    limit = forecast.limit
    if limit is None:
        return []
    low = metric(forecast.metric).worse == "low"
    shown = show_metric(forecast.metric, limit)
    beyond = [i for i, v in enumerate(came) if math.isfinite(v) and (v < limit if low else v > limit)]  # fmt: skip
    if not beyond:
        return [dim(f"{shown} not crossed")]
    at = clock(forecast.made_at + (beyond[0] + 1) * forecast.step, now)
    return [dim(f"{shown} crossed at "), bold(at, "warning")]


def total(frame: Frame) -> Line:
    """All forecasts together: `what came: 212 of 220 in the bands`."""
    each = [held(f, course(f, frame)) for f in frame.forecasts]
    known = [h for h in each if h is not None]
    if not known:
        return []
    inside, of = sum(h.inside for h in known), sum(h.of for h in known)
    whole = Held(inside, of, of, known[0].level)
    glyph, tone = whole.mark
    word = "held" if whole.well else "did not hold"
    return [(f"{glyph} ", tone), ink(f"{word}: "), bold(f"{inside} of {of}"), dim(" that came in the bands")]  # fmt: skip
