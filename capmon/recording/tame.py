"""A frame that somebody else wrote, made fit for the screen: what no monitor would say is left out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from capmon.clock import is_zone
from capmon.errors import CapmonError
from capmon.model.curves import Fit
from capmon.model.forecasts import Forecast
from capmon.model.frame import Frame, Trend
from capmon.model.metric import metric, split
from capmon.model.patterns import Patterns, PeakWindow
from capmon.model.shapes import NAMES, Curve, FitKind
from capmon.model.text import one_line

LONGEST = 1000
"""Characters of a text that are kept."""

MOST = 5000
"""Entries of a list that are kept; a host with a thousand mount points has fewer."""

MOST_CELLS = 50_000
"""Numbers of one course that are kept: a day at two seconds."""

MOST_REPLICAS = 100_000
"""A count beyond this is no count of replicas."""

MOST_SERVERS = 10_000
"""Servers of a queue: its curve is computed server by server."""

SHORTEST = 0.001
"""Seconds that a cell of a course lasts at least."""

HOURS = 24

METRICS = frozenset({"metric", "target", "load"})
"""Fields that hold a metric's key where they hold a text."""

COUNTS = frozenset({"ready", "desired", "minimum", "maximum", "to", "origin", "needs", "rollback"})
"""Fields that hold a number of replicas where they hold a whole number."""


class Unfit(CapmonError):
    """A part that cannot be shown; the text says why."""


def tamed(frame: Frame) -> tuple[Frame, tuple[str, ...]]:
    """The frame with short, printable texts, known metrics, and curves that can be drawn.

    A frame of a monitor comes back equal.

    Returns:
        The frame, and a line for each kind of part that was left out.

    Raises:
        CapmonError: Its pace or its window is no length of time.
    """
    left: dict[str, int] = {}
    made: Frame = _record(frame, left)
    for name in ("interval", "window"):
        if not SHORTEST <= getattr(made, name) < math.inf:
            raise CapmonError(f"{name} is no length of time: {getattr(made, name)}")
    return made, tuple(f"{n} × {why}" if n > 1 else why for why, n in left.items())


def _part(value: Any, name: str, left: dict[str, int]) -> Any:
    """One value, and all that it holds.

    Raises:
        Unfit: It cannot be shown; whoever holds it goes on without it where it can.
    """
    if isinstance(value, str) and type(value) is str:
        return _text(value, name)
    if isinstance(value, int) and type(value) is int:
        if name in COUNTS and not 0 <= value <= MOST_REPLICAS:
            raise Unfit(f"{name} is no count of replicas")
        return value
    if isinstance(value, tuple):
        return _tuple(value, name, left)
    if isinstance(value, Mapping):
        return _mapping(value, left)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _record(value, left)
    return value


def _text(value: str, name: str) -> str:
    if name in METRICS:
        _known(value)
        return value
    short = one_line(value[: LONGEST * 2])
    return short if len(short) <= LONGEST else f"{short[: LONGEST - 1]}…"


def _known(metric_key: str) -> None:
    try:
        if len(metric_key) > LONGEST:
            raise Unfit("the name of a metric is too long")
        metric(metric_key)
        split(metric_key)
    except Unfit:
        raise
    except CapmonError:
        raise Unfit(f"metric {one_line(metric_key)[:60]!r} is not known here") from None


def _tuple(value: tuple[Any, ...], name: str, left: dict[str, int]) -> tuple[Any, ...]:
    if value and all(type(v) is float for v in value):
        return value[:MOST_CELLS]
    if name == "actual":  # pairs of a metric and its value
        return tuple(_kept(value, lambda pair: (_text(pair[0], "metric"), pair[1]), left))
    return tuple(_kept(value[:MOST], lambda v: _part(v, name, left), left))


def _mapping(value: Mapping[str, Any], left: dict[str, int]) -> dict[str, Any]:
    def entry(pair: tuple[str, Any]) -> tuple[str, Any]:
        _known(pair[0])
        return pair[0], _part(pair[1], "", left)

    return dict(_kept(list(value.items())[:MOST], entry, left))


def _kept(values: Any, make: Callable[[Any], Any], left: dict[str, int]) -> list[Any]:
    made = []
    for value in values:
        try:
            made.append(make(value))
        except Unfit as fault:
            left[str(fault)] = left.get(str(fault), 0) + 1
    return made


def _record(value: Any, left: dict[str, int]) -> Any:
    check = CHECKS.get(type(value))
    if check is not None:
        value = check(value)
    changed = {}
    for field in dataclasses.fields(value):
        old = getattr(value, field.name)
        try:
            new = _part(old, field.name, left)
        except Unfit as fault:
            # What may be absent is; else the whole record is left out by whoever holds it.
            if not _optional(field):
                raise
            left[str(fault)] = left.get(str(fault), 0) + 1
            new = None
        if new is not old:
            changed[field.name] = new
    return dataclasses.replace(value, **changed) if changed else value


def _optional(field: dataclasses.Field[Any]) -> bool:
    return "None" in str(field.type)


# What a type must hold to be drawn


def _curve(value: Curve) -> Curve:
    """A shape with as many coefficients as it has, within what can be computed."""
    if len(value.values) != len(NAMES[value.kind]) or not all(map(math.isfinite, value.values)):
        raise Unfit("a curve has other coefficients than its shape")
    if value.kind is FitKind.EXPONENTIAL and value.values[0] <= 0:
        raise Unfit("a curve has no logarithm")
    if value.kind in (FitKind.MMC, FitKind.KINGMAN):
        _, _, capacity, servers = value.values
        if capacity <= 0 or not 1 <= servers <= MOST_SERVERS:
            raise Unfit("a queue has no servers")
    return value


def _fit(value: Fit) -> Fit:
    """A curve that can be drawn, or the reason why there is none."""
    if not value.coefficients and not value.problem:
        return dataclasses.replace(value, problem="in the file, it has no coefficients")
    size = len(value.covariance)
    if value.coefficients:
        try:
            if tuple(c.name for c in value.coefficients) != NAMES[value.kind]:
                raise Unfit("a curve has other coefficients than its shape")
            for curve in (
                Curve(value.kind, tuple(c.value for c in value.coefficients)),
                *value.rivals,
            ):
                _curve(curve)
            if size > len(value.coefficients) or any(len(row) != size for row in value.covariance):
                raise Unfit("a curve has other errors than coefficients")
        except Unfit as fault:
            return Fit(value.target, value.load, value.kind, problem=f"in the file, {fault}")
    return value


def _forecast(value: Forecast) -> Forecast:
    """As many ends of intervals as there are medians, or the reason why there is no forecast."""
    alike = len({len(value.median), len(value.low), len(value.high)}) == 1
    drawn = not value.median or SHORTEST <= value.step < math.inf
    if alike and drawn and 0 < value.level < 1:
        return value
    return Forecast(
        value.metric, value.made_at, problem="in the file, its interval does not fit it"
    )


def _trend(value: Trend) -> Trend:
    if not SHORTEST <= value.step < math.inf:
        raise Unfit("a course has no pace")
    return value


def _patterns(value: Patterns) -> Patterns:
    """Seven days of 24 hours in a zone that is known."""
    whole = len(value.week) == 7 and all(len(row) == HOURS for row in value.week)
    if value.week and not whole:
        raise Unfit("a week has other than seven days of 24 hours")
    if any(s.index not in range(HOURS) for s in value.hours):
        raise Unfit("a day has other than 24 hours")
    if any(s.index not in range(7) for s in value.weekdays):
        raise Unfit("a week has other than seven days")
    if value.quietest_hour is not None and value.quietest_hour not in range(HOURS):
        raise Unfit("a day has other than 24 hours")
    if value.time_zone and not is_zone(value.time_zone):
        raise Unfit(f"time zone {one_line(value.time_zone)[:40]!r} is not known here")
    return value


def _peak(value: PeakWindow) -> PeakWindow:
    if value.start not in range(HOURS) or not 0 < value.hours <= HOURS:
        raise Unfit("a day has other than 24 hours")
    return value


CHECKS: dict[type, Callable[[Any], Any]] = {
    Curve: _curve,
    Fit: _fit,
    Forecast: _forecast,
    Trend: _trend,
    Patterns: _patterns,
    PeakWindow: _peak,
}
"""What each type must hold beyond what its fields say, and what stands in for one that does not."""
