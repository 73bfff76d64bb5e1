"""Numbers, moments and questions of a capacity plan in words, the same on paper and on a screen."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import Cell, Figure, PlanQuestion
from capmon.model.units import UNKNOWN, digits, show, span

LEVEL = 0.95
"""Level of an interval that does not say its own."""

TIME = "time"
"""Unit of Unix times."""

DAY = 86400.0
MONTH = 2629800.0
YEAR = 31557600.0

SPANS = 99.5
"""Seconds from which on a duration is no response time, and told in minutes, hours or days."""

SEVERITIES = {"critical": "◆", "high": "▲", "medium": "●", "low": "○"}
"""Glyph of each severity; a statement without one has none."""

NAMES = {"1/s": "req/s"}
"""Units of the catalogue as a plan, whose rates are requests, writes them."""


def date(at: float | None) -> str:
    """A day in UTC, `2026-03-01`; a dash for none that a calendar holds."""
    return _moment(at, "%Y-%m-%d")


def moment(at: float | None) -> str:
    """A minute in UTC, `2026-03-01 14:05`; a dash for none that a calendar holds."""
    return _moment(at, "%Y-%m-%d %H:%M")


def _moment(at: float | None, form: str) -> str:
    if at is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(at, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return UNKNOWN


def number(value: float) -> str:
    """Three significant digits or more: whole numbers whole, thousands in groups; no number is a dash."""
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if 999.5 <= size < 1e12 or (value == int(value) and size < 1e12):
        return f"{value:,.0f}"
    return digits(value)


def shown(value: float | None, unit: Unit | str) -> tuple[str, str]:
    """A number and its unit, either of which may be empty: `("130", "req/s")`."""
    if unit == TIME:
        return date(value), ""
    if value is None or not math.isfinite(value):
        return UNKNOWN, ""
    if unit == Unit.SECONDS and abs(value) >= SPANS:
        figure, _, name = span(value).partition(" ")
        return ("-" if value < 0 else "") + figure, name
    if isinstance(unit, Unit):
        found = show(value, unit)
        if unit is Unit.PER_SECOND:
            return found.number, found.unit.replace("/s", " req/s").strip()
        return found.number, found.unit
    return number(value), unit


def written(value: float | None, unit: Unit | str) -> str:
    """A number with its unit: `130 req/s`."""
    told, name = shown(value, unit)
    # One of what is counted in a word: `1 replica`.
    if told == "1" and unit == name and len(name) > 3 and name.isalpha():
        name = name.removesuffix("s")
    return f"{told} {name}".rstrip()


def interval(estimate: Estimate, unit: Unit | str) -> str:
    """`122–141`, open ends and another level than 95 % said; empty where there is none.

    Units stand where they are not the value's.
    """
    low, high = _end(estimate.low), _end(estimate.high)
    if low is None and high is None:
        return ""
    own = shown(estimate.value, unit)[1]
    if low is None or high is None:
        end = low if high is None else high
        text = _in(shown(end, unit), own)
        text = f"{text} or more" if high is None else f"up to {text}"
    elif low == 0 and estimate.value > 0 and unit != TIME:
        text = f"up to {_in(shown(high, unit), own)}"
    else:
        first, last = shown(low, unit), shown(high, unit)
        if unit == TIME:
            text = f"{first[0]} – {last[0]}"
        elif first[1] == last[1]:
            text = _in((f"{first[0]}–{last[0]}", last[1]), own)
        else:
            text = f"{' '.join(first).strip()}–{' '.join(last).strip()}"
    if estimate.level != LEVEL:
        text += f", {estimate.level * 100:.3g} %"
    return text


def _end(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _in(text: tuple[str, str], own: str) -> str:
    return text[0] if text[1] == own else " ".join(text).strip()


def figure(found: Figure) -> str:
    """`130 req/s (122–141)`, or `not known`."""
    if found.value is None:
        return "not known"
    told = interval(found.value, found.unit)
    return written(found.value.value, found.unit) + (f" ({told})" if told else "")


def cell(value: Cell, unit: Unit | str) -> str:
    """What stands in a table whose head names the unit of numbers that keep it."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(unit, Unit) or unit == TIME:
        return written(float(value), unit)
    return number(float(value))


def head(name: str, unit: Unit | str) -> str:
    """A column's head: with the unit where numbers stand without it."""
    unit = column_unit(name, unit)
    return ", ".join(part for part in (name, unit) if part)


def column_unit(name: str, unit: Unit | str) -> str:
    """The unit that stands in a column's head; empty where numbers bring theirs, or the name is it."""
    return "" if isinstance(unit, Unit) or unit in (TIME, name) else unit


def unit_name(unit: Unit | str) -> str:
    """A unit of an axis; empty for times and for what has none."""
    if unit == TIME:
        return ""
    if not isinstance(unit, Unit):
        return unit
    return NAMES.get(unit.value, show(None, unit).unit)


def asked(question: PlanQuestion) -> str:
    """What was asked, as one sentence without its full stop."""
    parts = [f"{span(question.horizon)} ahead"]
    if question.growth is not None:
        parts.append(f"load ×{number(question.growth)} by then, as assumed")
    elif question.growth_rate is not None:
        rate, seconds = question.growth_rate
        sign = "+" if rate > 0 else ""
        parts.append(f"load {sign}{digits(rate * 100)} % {_every(seconds)}, as assumed")
    else:
        parts.append("growth as the record has it")
    parts.append(f"objective to hold with {question.probability * 100:.3g} %")
    return ", ".join(parts)


def _every(seconds: float) -> str:
    for length, name in ((DAY, "a day"), (7 * DAY, "a week"), (MONTH, "a month"), (YEAR, "a year")):
        if math.isclose(seconds, length, rel_tol=1e-3):
            return name
    return f"every {span(seconds)}"


def sample(since: float, until: float) -> str:
    """What was measured: `30 d, 2026-01-30 to 2026-03-01`."""
    return f"{span(until - since)}, {moment(since)} to {moment(until)} UTC"
