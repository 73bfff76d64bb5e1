"""What the analysis found, as it is kept beside the readings: when, and with how many digits."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

from capmon.clock import Clock
from capmon.model.curves import sampled
from capmon.model.frame import Frame

PACE = 60.0
"""Seconds between two documents of what the analysis found."""

SOONEST = 10.0
"""Seconds between two documents at least, whatever happens."""

NOT_KEPT = frozenset({
    "sequence", "at", "interval", "window", "readings", "trends", "events", "came", "past", "recording",
})  # fmt: skip
"""Fields of a frame that the readings tell, or that are of no use later."""

SCORED = 6
"""Points of past forecasts that are kept with one: the newest, which a screen shows first."""

POINTS = 60
"""Points of a scatter that are kept with a curve."""

_DIGITS = 4
"""Significant digits of a forecast's figures."""

_POINT_DIGITS = 3
"""Significant digits of a scatter's points, finer than a terminal draws."""

_FINENESS = 2
"""A forecast's course is kept in steps of a hundredth to a thousandth of its range."""

_TIMES = frozenset({"step", "ahead"})
"""Names of seconds, which are not rounded."""

_COURSE = ("past", "median", "low", "high")


class Documents:
    """When what the analysis found is worth keeping."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: float | None = None
        self._whole = self._last = -PACE
        self._state: Any = None
        self._courses: dict[str, Any] = {}

    def due(self, frame: Frame) -> Frame | None:
        """The frame whose findings shall be kept now, if any.

        That is once a minute, and when something began or ended: then with the forecasts and curves
        of that minute, which have hardly moved. In the first minute, in which much is found that was
        not known before, more is kept.
        """
        if not frame.engine_ready:
            return None
        now = self._clock.monotonic()
        if self._first is None:
            self._first = now
        pace = SOONEST if now - self._first < PACE else PACE
        state = (
            frozenset((b.component, b.severity) for b in frame.bottlenecks),
            tuple((o.id, o.state) for o in frame.outcomes),
            tuple((h.source, h.state) for h in frame.health),
        )
        if now - self._whole >= pace:
            self._whole = now
            self._courses = {"forecasts": frame.forecasts, "fits": frame.fits}
        elif state == self._state or now - self._last < SOONEST:
            return None
        self._last, self._state = now, state
        return replace(frame, **self._courses)


def document(frame: Frame) -> dict[str, Any]:
    """What the analysis found, and what else the readings do not tell, as plain values.

    Courses and points are rounded for the eye; nothing is reckoned with them again.
    """
    from capmon.snapshot import plain

    forecasts = tuple(replace(f, scored=f.scored[-SCORED:]) for f in frame.forecasts)
    fits = tuple(replace(f, points=sampled(f.points, POINTS)) for f in frame.fits)
    short = replace(frame, forecasts=forecasts, fits=fits)
    found = {f.name: plain(getattr(short, f.name)) for f in fields(short) if f.name not in NOT_KEPT}
    found["forecasts"] = [_coarse(forecast) for forecast in found["forecasts"]]
    for fit in found["fits"]:
        fit["points"] = _rounded(fit["points"], _POINT_DIGITS)
    return found


def _coarse(forecast: dict[str, Any]) -> dict[str, Any]:
    """A forecast with no more digits than its chart shows."""
    out: dict[str, Any] = _rounded(forecast, _DIGITS)
    drawn = [v for name in _COURSE for v in forecast[name] if isinstance(v, float)]
    width = max(drawn, default=0.0) - min(drawn, default=0.0)
    if not 0.0 < width < math.inf:
        return out
    places = _FINENESS - math.floor(math.log10(width))
    for name in _COURSE:
        out[name] = [round(v, places) if isinstance(v, float) else v for v in forecast[name]]
    for point in out["scored"]:
        point |= {
            name: round(v, places)
            for name, v in point.items()
            if isinstance(v, float) and name not in _TIMES
        }
    return out


def _rounded(value: Any, digits: int) -> Any:
    """Plain values with so many significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {name: v if name in _TIMES else _rounded(v, digits) for name, v in value.items()}
    return [_rounded(v, digits) for v in value] if isinstance(value, list | tuple) else value
