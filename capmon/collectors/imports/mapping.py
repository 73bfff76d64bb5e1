"""Which metric a column is, and what one of its units is worth; what is not known is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from capmon.collectors.imports.aliases import ALIASES, COUNTERS, ENDINGS, GIVEN_UNITS
from capmon.collectors.imports.faults import cut, shown
from capmon.errors import CapmonError, QuantityError
from capmon.model.exposition import family
from capmon.model.metric import CATALOGUE, Unit, metric, split
from capmon.model.units import SCALES, scale

WORDS: Mapping[str, str] = {"percent": "%", "ratio": "1", "seconds": "s", "bytes": "B", "1/min": "1/m", "rpm": "1/m", "rps": "1/s"}  # fmt: skip
"""What people write for a unit."""

SPELLED = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column is."""

    key: str
    """Metric key."""

    unit: str
    """Unit that the column is in; empty for the metric's own."""

    factor: float
    """What one of its units is worth in the metric's."""

    base: Unit
    """The metric's own unit."""

    counter: bool = False
    """Whether it counts up, to be turned into a rate."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What was asked of the columns."""

    metric: str = ""
    """Key of the one column of values; empty where names decide."""

    unit: str = ""
    """Unit of every column whose name and mapping say none."""

    maps: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Key and unit by column; the unit may be empty."""

    counters: frozenset[str] = frozenset()
    """Columns that count up."""

    def meaning(self, name: str, *, alone: bool = False) -> Meaning | None:
        """What a column is; None where that is not known.

        Args:
            name: As the file has it.
            alone: Whether it is the only column of values, which `metric` then names.

        Raises:
            CapmonError: A unit does not fit, or a mapping names no metric; the text names the column.
        """
        try:
            found = self._found(name, alone=alone)
        except CapmonError as fault:
            raise CapmonError(f"column {shown(name)}: {fault}") from None
        if found is not None and name in self.counters:
            return replace(found, counter=True)
        return found

    def _found(self, name: str, *, alone: bool) -> Meaning | None:
        if name in self.maps:
            key, unit = self.maps[name]
            return meant(key, unit or self.unit, counter=False)
        if alone and self.metric:
            return meant(self.metric, self.unit)
        try:
            split(name)
            return meant(name, self.unit) if metric(name) else None
        except QuantityError:
            raise
        except CapmonError:
            return self._known_elsewhere(name)

    def _known_elsewhere(self, name: str) -> Meaning | None:
        if name in _families():
            return meant(_families()[name], "")
        plain, unit = spelled(name)
        for stem, said in _stems(plain, unit):
            keys = ALIASES.get(stem)
            if keys is None:
                continue
            said = said or GIVEN_UNITS.get(stem, "") or self.unit
            fitting = [key for key in keys if not said or _fits(said, metric(key).unit)]
            return meant((fitting or keys)[0], said, counter=stem in COUNTERS)
        return None


def meant(key: str, unit: str, *, counter: bool = False) -> Meaning:
    """A metric by its key in a unit.

    Raises:
        CapmonError: It is no metric.
        QuantityError: The unit does not measure it; the text lists those that do.
    """
    split(key)
    base = metric(key).unit
    unit = WORDS.get(unit, unit)
    return Meaning(key, unit, worth(unit, base), base, counter)


def worth(unit: str, base: Unit) -> float:
    """What one of a unit is worth in a metric's own; an empty one is that.

    Raises:
        QuantityError: It does not measure that quantity.
    """
    if not unit or unit == base.value:
        return 1.0
    if unit == "/s":  # the end of a name such as bytes_per_second or requests_per_second
        unit = "B/s" if base is Unit.BYTES_PER_SECOND else "1/s"
    if base is Unit.BYTES_PER_SECOND and unit in SCALES[Unit.BYTES]:
        unit += "/s"
    return scale(unit, base)


def spelled(name: str) -> tuple[str, str]:
    """A name in lower case with underscores, and the unit that stands in it: `%cpu`, `p95 (ms)`."""
    text = name.strip()
    unit = ""
    if bracket := re.fullmatch(r"(.+?)\s*[(\[]([^()\[\]]+)[)\]]", text):
        text, unit = bracket[1], bracket[2].strip()
    if "%" in text:
        text, unit = text.replace("%", " "), "%"
    return SPELLED.sub("_", text.lower()).strip("_"), unit


def _stems(plain: str, unit: str) -> list[tuple[str, str]]:
    """The name with the unit beside it, whole first, then without a unit at its end."""
    found = [(plain, unit)]
    for ending, said in ENDINGS:
        if plain.endswith(ending) and not unit:
            found.append((plain.removesuffix(ending), said))
    return found


def _fits(unit: str, base: Unit) -> bool:
    try:
        worth(WORDS.get(unit, unit), base)
    except QuantityError:
        return False
    return True


@cache
def _families() -> dict[str, str]:
    """Keys by what capmon's own exposition calls them."""
    return {family(name).name: name for name in CATALOGUE}


def parse_map(text: str) -> tuple[str, tuple[str, str]]:
    """Column, key and unit of `COLUMN=KEY[:unit]`.

    Raises:
        CapmonError: It is not of that form, or names no metric.
    """
    column, equals, rest = text.partition("=")
    # A label's value may hold a colon; the unit stands behind the closing brace.
    inside, brace, tail = rest.rpartition("}")
    name, _, unit = (tail if brace else rest).partition(":")
    key = f"{inside}}}{name}" if brace else name
    if not column.strip() or not equals or not key:
        raise CapmonError(f"--map: expected COLUMN=KEY or COLUMN=KEY:unit, got {cut(text)}")
    try:
        meant(key, unit)
    except CapmonError as fault:
        raise CapmonError(f"--map {shown(column)}: {fault}") from None
    return column.strip(), (key, unit)
