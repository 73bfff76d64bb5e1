"""Quantities: parse "250ms", "70%", "4GiB"; show a value in a width that never changes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from capmon.errors import QuantityError
from capmon.model.metric import Unit, metric

UNKNOWN = "–"
"""What stands where a value is not known."""

# The dot parts the digits before it from those after it, so that a run of digits is read one way.
_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(rf"([+-]?{_DIGITS}(?:[eE][+-]?\d+)?)\s*([^\d\s].*)?")
_PART = re.compile(rf"({_DIGITS})\s*([a-zµ]+)")
_PARTS = re.compile(rf"(?:{_DIGITS}\s*[a-zµ]+\s*){{2,}}")

DURATIONS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}  # fmt: skip
BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def _split(text: str | float, what: str, example: str) -> tuple[float, str]:
    if isinstance(text, bool):
        raise QuantityError(f"expected {what} such as {example}, got {str(text).lower()}")
    if isinstance(text, int | float):
        number, suffix = _number(text), ""
    else:
        match = _NUMBER.fullmatch(text.strip())
        if match is None:
            raise QuantityError(f"expected {what} such as {example}, got {_short(text)}")
        number, suffix = _number(match[1]), match[2] or ""
    if not math.isfinite(number):
        raise QuantityError(f"expected {what} such as {example}, got {_short(text)}")
    return number, suffix


def _number(text: str | float) -> float:
    try:
        return float(text)
    except OverflowError:
        return math.inf


def _short(text: str | float) -> str:
    """What was given, cut: a number may have thousands of digits."""
    try:
        shown = repr(text)
    except ValueError:
        return "a number of too many digits"
    return shown if len(shown) <= 40 else f"{shown[:40]}…"


def _bounded(value: float, what: str, text: str | float) -> float:
    """The value, unless its unit made it infinite."""
    if math.isinf(value):
        raise QuantityError(f"{what} of {_short(text)} is too large")
    return value


def parse_duration(text: str | float) -> float:
    """Seconds of "250ms", "5m" or "1h30m"; a bare number is seconds.

    Raises:
        QuantityError: Not a duration, or negative.
    """
    number, suffix = _split(text, "a duration", "250ms, 30s or 5m")
    if suffix and suffix not in DURATIONS:
        if isinstance(text, str) and _PARTS.fullmatch(text.strip()):
            seconds = sum(parse_duration(f"{n}{unit}") for n, unit in _PART.findall(text))
            return _bounded(seconds, "a duration", text)
        raise QuantityError(f"{_short(suffix)} is not a unit of time: use {', '.join(DURATIONS)}")
    if number < 0:
        raise QuantityError(f"expected a duration of 0 or more, got {_short(text)}")
    return _bounded(number * DURATIONS.get(suffix, 1.0), "a duration", text)


def parse_ratio(text: str | float) -> float:
    """A ratio from "70%" or 0.7. A bare number above 1 is refused: it may be meant as percent.

    Raises:
        QuantityError: Not a ratio from 0 to 1.
    """
    number, suffix = _split(text, "a share", "70% or 0.7")
    if suffix == "%":
        number /= 100
    elif suffix:
        raise QuantityError(f"expected a share such as 70% or 0.7, got {_short(text)}")
    elif number > 1:
        raise QuantityError(
            f"expected a share such as 70% or 0.7, got {_short(text)}; write {number:g}%"
        )
    if not 0 <= number <= 1:
        raise QuantityError(f"expected a share from 0% to 100%, got {_short(text)}")
    return number


def parse_bytes(text: str | float) -> float:
    """Bytes of "4GiB", "512MB" or a bare number.

    Raises:
        QuantityError: Not a size, or negative.
    """
    number, suffix = _split(text, "a size", "4GiB or 512MB")
    if suffix and suffix not in BYTES:
        raise QuantityError(f"{_short(suffix)} is not a unit of size: use {', '.join(BYTES)}")
    if number < 0:
        raise QuantityError(f"expected a size of 0 or more, got {_short(text)}")
    return _bounded(number * BYTES.get(suffix, 1), "a size", text)


SCALES: dict[Unit, dict[str, float]] = {
    Unit.RATIO: {"1": 1.0, "%": 0.01},
    Unit.SECONDS: DURATIONS,
    Unit.BYTES: {name: float(size) for name, size in BYTES.items()} | {"By": 1.0},
    Unit.BYTES_PER_SECOND: {f"{name}/s": float(size) for name, size in BYTES.items()},
    Unit.PER_SECOND: {"1/s": 1.0, "1/m": 1 / 60, "1/h": 1 / 3600},
    Unit.COUNT: {"1": 1.0, "{count}": 1.0},
    Unit.CORES: {"1": 1.0, "m": 1e-3},
}
"""For each base unit, the units a source may report in and what one of them is worth."""


def scale(unit: str, base: Unit) -> float:
    """What one `unit` of a source is worth in `base`.

    Raises:
        QuantityError: The unit does not measure that quantity; the text lists those that do.
    """
    table = SCALES[base]
    if unit not in table:
        raise QuantityError(f"{unit!r} is not a unit here: use {', '.join(table)}")
    return table[unit]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as a screen shows it."""

    number: str
    """Three significant digits, at most five characters besides a minus sign."""

    unit: str
    """Unit to stand dim after a space; may be empty."""

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".rstrip()


def digits(value: float) -> str:
    """Three significant digits, at most three of them behind the point: `0.512`, `5.12`, `512`, `5120`.

    Width is at most five besides a minus sign; from 100,000 on, where no prefix helps any
    more, an exponent keeps it so: `1e17`. What is no number is a dash.
    """
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size < 0.0005:
        return "0"
    if size >= 99999.5:
        return re.sub(r"e\+0*", "e", f"{value:.0e}")
    places = 3 if size < 0.9995 else 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{value:.{places}f}"


def percent(ratio: float) -> str:
    """A ratio as a percentage: whole from 10 % up, one decimal below, never `-0`."""
    value = ratio * 100
    size = abs(value)
    if size < 0.05:
        return "0"
    return f"{value:.1f}" if size < 9.95 else f"{value:.0f}" if size < 99999.5 else digits(value)


_SI = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_IEC = ((2.0**50, "PiB"), (2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def show(value: float | None, unit: Unit) -> Shown:
    """A value for a screen, scaled to a unit that people read; unknown is a dash."""
    if value is None or not math.isfinite(value):
        return Shown(UNKNOWN, _unit_name(unit))
    match unit:
        case Unit.RATIO:
            return Shown(percent(math.copysign(min(abs(value), 1e300), value)), "%")
        case Unit.SECONDS:
            return show_seconds(value)
        case Unit.BYTES:
            return _scaled(value, _IEC, "B")
        case Unit.BYTES_PER_SECOND:
            size = abs(value)
            for factor, prefix in _SI:
                if size >= factor * 0.9995:
                    return Shown(digits(value / factor), f"{prefix}B/s")
            return Shown(digits(round(value)), "B/s")
        case Unit.PER_SECOND:
            return _prefixed(value, "/s")
        case _:
            return _prefixed(value, "")


REQUESTS = ("http.server.", "load.")
"""Metrics that count requests where their unit is per second."""


def show_metric(metric_key: str, value: float | None) -> Shown:
    """A value of a metric for a screen: as `show`, with requests named as such."""
    unit = metric(metric_key).unit
    shown = show(value, unit)
    if unit is Unit.PER_SECOND and metric_key.startswith(REQUESTS):
        return Shown(shown.number, shown.unit.replace("/s", " req/s").strip())
    return shown


def _unit_name(unit: Unit) -> str:
    return {Unit.RATIO: "%", Unit.SECONDS: "ms", Unit.BYTES: "GiB", Unit.BYTES_PER_SECOND: "MB/s", Unit.PER_SECOND: "/s"}.get(unit, "")  # fmt: skip


def _scaled(value: float, table: tuple[tuple[float, str], ...], least: str) -> Shown:
    size = abs(value)
    for factor, name in table:
        if size >= factor * 0.9995:
            return Shown(digits(value / factor), name)
    return Shown(digits(value), least)


def _prefixed(value: float, tail: str) -> Shown:
    size = abs(value)
    if size >= 9999.5:
        for factor, prefix in _SI:
            if size >= factor * 0.9995:
                return Shown(digits(value / factor), prefix + tail)
    whole = value == round(value) and not tail
    return Shown(f"{round(value)}" if whole else digits(value), tail)


def show_seconds(seconds: float) -> Shown:
    """A response time: milliseconds below ten seconds, else seconds."""
    size = abs(seconds)
    if size < 9.9995:
        return Shown(digits(seconds * 1e3), "ms")
    return Shown(digits(seconds), "s")


def span(seconds: float) -> str:
    """A span of time for people: `45 s`, `4 m`, `2 h`, `12 d`; the sign is dropped.

    A whole number of one unit, which changes late: 90 s stay `90 s`, 90 m stay `90 m`.
    """
    size = abs(seconds)
    if size < 99.5:
        return f"{size:.0f} s"
    if size < 99.5 * 60:
        return f"{size / 60:.0f} m"
    if size < 47.5 * 3600:
        return f"{size / 3600:.0f} h"
    if size < 9999 * 86400:
        return f"{size / 86400:.0f} d"
    if not math.isfinite(size):
        return UNKNOWN
    years = size / 31557600
    return f"{years:.0f} y" if years < 99999.5 else f"{digits(years)} y"


FINE = 600.0
"""Seconds below which spans that lie close together are told apart by seconds."""


def fine_span(seconds: float) -> str:
    """A span as `span` writes it, below ten minutes to the second: `45 s`, `2 m 10 s`, `4 m`."""
    size = abs(seconds)
    if not 99.5 <= size < FINE - 0.5:
        return span(seconds)
    minutes, rest = divmod(round(size), 60)
    return f"{minutes} m {rest} s" if rest else f"{minutes} m"


def spans(each: Sequence[float]) -> list[str]:
    """Spans that stand side by side: to the second where two different ones would read the same."""
    coarse = [span(s) for s in each]
    # To a second, which is as far as any span is told.
    told_apart = len({round(abs(s)) if math.isfinite(s) else s for s in each})
    return coarse if len(set(coarse)) >= told_apart else [fine_span(s) for s in each]


def within(low: str | None, high: str | None) -> str:
    """An interval from its ends in words: `122–141`, `up to 141`, `122 or more`; empty without an end.

    Args:
        low: The lower end; None, or a text of 0, where nothing lies below.
        high: The upper end; None where it is open.
    """
    if low is None or low.partition(" ")[0] == "0":
        return "" if high is None else f"up to {high}"
    return f"{low} or more" if high is None else f"{low}–{high}"
