"""Cells on their way into the spool: numbers read, units converted, what cannot be told as a fault."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from capmon.clock import rfc3339
from capmon.collectors.imports.faults import Faults, cut
from capmon.collectors.imports.mapping import WORDS, Columns, Meaning, worth
from capmon.collectors.imports.moments import FIRST
from capmon.collectors.imports.spool import Series, Spool
from capmon.errors import CapmonError, QuantityError
from capmon.model.metric import Unit

EMPTY = frozenset({"", "nan", "null", "none", "na", "n/a", "-", "nil"})
"""What stands where nothing was measured, lower case."""

ROUNDING = 1.005
"""Share up to which one is rounded: counters of ticks and two decimals can add up to more than all."""

SLACK = 60.0
"""Seconds that another machine's clock may be ahead."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"\s*{_NUMBER}\s*", re.ASCII)
_WITH_UNIT = re.compile(rf"\s*({_NUMBER})\s*([%µa-zA-Z/]+)\s*", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[,'_ \u00a0\u202f.]\d{3})+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which file."""

    file: str
    """Name of the file."""

    line: int | None
    """Its line; None where the file has none."""


@dataclass(slots=True)
class Column:
    """A column that is taken."""

    name: str
    """As the file has it."""

    meaning: Meaning
    """What it is."""

    series: Series
    """Where its readings go."""


class Intake:
    """Takes the cells of every file."""

    def __init__(self, asked: Columns, spool: Spool, faults: Faults, latest: float) -> None:
        self.asked = asked
        self.spool = spool
        self.faults = faults
        self.latest = latest
        """Unix time beyond which a reading is of the future; infinite where times are shifted."""
        self.left_out: dict[str, str] = {}
        """Columns that are not taken, with the reason; a few hundred at most."""
        self.empty = 0
        """Cells in which nothing was measured."""
        self.names: dict[str, set[str]] = {}
        """Names of columns by the metric that they became."""

    def column(self, name: str, *, alone: bool = False, unit: str = "") -> Column | None:
        """A column by its name; None where it is left out, which `left_out` then says.

        Args:
            name: As the file has it.
            alone: Whether it is the only column of values.
            unit: That the file says; the mapping goes before it.

        Raises:
            CapmonError: A unit does not fit it.
        """
        asked = self.asked
        if unit and not (name in asked.maps and asked.maps[name][1]):
            asked = Columns(asked.metric, unit, asked.maps, asked.counters)
        meaning = asked.meaning(name, alone=alone)
        if meaning is None:
            self.leave(name, "no metric that capmon knows")
            return None
        return self._taken(name, meaning)

    def known(self, meaning: Meaning, name: str) -> Column:
        """A column whose meaning its format tells."""
        return self._taken(name, meaning)

    def leave(self, name: str, reason: str) -> None:
        """Note what is left out."""
        if len(self.left_out) < 500:
            self.left_out.setdefault(name, reason)

    def _taken(self, name: str, meaning: Meaning) -> Column:
        series = self.spool.of(meaning.key, counter=meaning.counter)
        self.names.setdefault(meaning.key, set()).add(name)
        return Column(name, meaning, series)

    def take(self, column: Column, where: Place, at: float, raw: object) -> None:
        """Take one cell, or note what is wrong with it."""
        try:
            value = self._value(column, raw)
        except ValueError as fault:
            self.faults.add(where.file, where.line, column.name, str(fault))
            return
        if value is None:
            self.empty += 1
        else:
            self.spool.put(column.series, at, value)

    def moment(self, where: Place, at: float) -> bool:
        """Whether a time can be; a fault is noted where it cannot."""
        if at > self.latest:
            text = f"{rfc3339(at, timespec='seconds') if at < 2e11 else f'{at:g} s'} is in the future: --ends now shifts times so that they end now"
        elif at < FIRST and math.isfinite(self.latest):
            text = f"{at:g} s after 1970 is rather a time since a beginning: --ends now shifts times so that they end now"
        else:
            return True
        self.faults.add(where.file, where.line, "", text)
        return False

    def _value(self, column: Column, raw: object) -> float | None:
        meaning = column.meaning
        if isinstance(raw, str):
            number, factor = self._text(raw, meaning)
        elif raw is None:
            return None
        elif isinstance(raw, bool) or not isinstance(raw, int | float):
            kind = {bool: "true or false", dict: "an object", list: "a list"}.get(type(raw), "something else")  # fmt: skip
            raise ValueError(f"{kind}, no number")
        else:
            number, factor = _finite(raw), meaning.factor
        if math.isnan(number):
            return None
        value = number * factor
        if not math.isfinite(value):
            raise ValueError(f"{cut(str(raw))} is not finite")
        if value < 0:
            raise ValueError(f"{cut(str(raw))} is less than 0")
        if meaning.base is not Unit.RATIO or meaning.counter or value <= 1.0:
            return value
        if value <= ROUNDING:
            return 1.0
        raise ValueError(_too_much(column, str(raw)))

    def _text(self, text: str, meaning: Meaning) -> tuple[float, float]:
        """Number and factor of a cell; a cell may bring its unit, such as 87% or 250 ms."""
        if _PLAIN.fullmatch(text):
            return float(text), meaning.factor
        word = text.strip()
        if word.lower() in EMPTY:
            return math.nan, 1.0
        if _GROUPED.fullmatch(word):
            raise ValueError(f"{cut(word)} has thousands separators or a decimal comma: write 1234.5")  # fmt: skip
        found = _WITH_UNIT.fullmatch(text)
        if found is None:
            comma = ": the decimal mark is a point" if re.fullmatch(r"[+-]?\d+,\d+", word) else ""
            raise ValueError(f"{cut(word)} is no number{comma}")
        try:
            return float(found[1]), worth(WORDS.get(found[2], found[2]), meaning.base)
        except QuantityError as fault:
            raise ValueError(f"{cut(word)}: {fault}") from None


def _finite(raw: float) -> float:
    try:
        return float(raw)
    except OverflowError:
        return math.inf


def _too_much(column: Column, raw: str) -> str:
    if column.meaning.unit in ("", "1"):
        key = column.meaning.key
        return f"{cut(raw)} is no share from 0 to 1; of a percentage say --unit % or --map '{column.name}={key}:%'"  # fmt: skip
    return f"{cut(raw)} is more than 100 %"


def failed(faults: Faults, where: Place, fault: CapmonError) -> None:
    """Note an error of ours as a fault of a line."""
    faults.add(where.file, where.line, "", str(fault))
