"""Times in files: counts since 1970 of found-out unit, RFC 3339, and local times of a zone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from capmon.clock import is_zone
from capmon.collectors.imports.faults import cut
from capmon.errors import CapmonError

_DATE = re.compile(
    r"(?P<day>\d{4}[-/]\d{2}[-/]\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)

UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e3, "µs": 1e6, "ns": 1e9}
"""How often each unit is in a second."""

_LIMITS = ((1e11, "s"), (1e14, "ms"), (1e17, "µs"), (math.inf, "ns"))
"""A count below is of that unit: seconds reach 1e11 in the year 5138, milliseconds in 1973."""

FIRST = 1e8
"""Unix time, seconds, before which a time is rather a count since the beginning of something."""


def zone_of(name: str) -> tzinfo:
    """A zone by its name in the time zone database.

    Raises:
        CapmonError: This machine knows none of that name.
    """
    if not is_zone(name):
        raise CapmonError(f"{cut(name)} is no time zone that this machine knows, such as Europe/Berlin")  # fmt: skip
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


class Moments:
    """The times of one file, read in their order.

    A local time that came twice, when clocks went back, is the earlier of the two while times
    rise, and the later where they would fall otherwise. One that never was, when clocks went
    forward, counts by the offset from before.

    Args:
        zone: Of times that say no offset; None takes them as UTC, which `note` then says.
        repeats: Whether several rows in a row may have the same time.
    """

    def __init__(self, zone: tzinfo | None, *, repeats: bool = False) -> None:
        self._zone = zone
        self._repeats = repeats
        self._unit = ""
        self._last = -math.inf
        self._local = self._absolute = False
        self._twice = self._never = 0

    def read(self, raw: str | float) -> float:
        """Unix time, seconds.

        Raises:
            ValueError: The text is no time, or not in the unit of those before.
        """
        try:
            number = float(raw)
        except ValueError:
            at = self._date(str(raw).strip())
        else:
            at = self._count(number, raw)
        self._last = at
        return at

    @property
    def note(self) -> str:
        """What was found out, for a person: `Unix time in ms`."""
        told = [f"Unix time in {self._unit}"] if self._unit else []
        told += ["with their offset from UTC"] if self._absolute else []
        if self._local:
            told.append(f"local times of {self._zone}" if self._zone else "without offset, taken as UTC (--zone says otherwise)")  # fmt: skip
        told += [f"{self._twice} of an hour that came twice, in their order"] if self._twice else []
        told += [f"{self._never} that clocks skipped"] if self._never else []
        return "; ".join(told)

    def _count(self, number: float, raw: str | float) -> float:
        if not math.isfinite(number) or isinstance(raw, bool) or "_" in str(raw):
            raise ValueError(f"{cut(str(raw))} is no time")
        unit = next(name for limit, name in _LIMITS if abs(number) < limit)
        if self._unit and unit != self._unit:
            raise ValueError(f"{cut(str(raw))} is no time in {self._unit} as those before")
        self._unit = unit
        return number / UNITS[unit]

    def _date(self, text: str) -> float:
        found = _DATE.fullmatch(text)
        if found is None:
            raise ValueError(f"{cut(text)} is no time: write Unix time or 2026-03-01T14:30:00Z")
        zone = found["zone"] or ""
        offset = "+00:00" if zone in ("Z", "UTC", "GMT") else zone
        day, time = found["day"].replace("/", "-"), found["time"] or "00:00"
        try:
            at = datetime.fromisoformat(f"{day}T{time}{offset}")
            if at.tzinfo is not None:
                self._absolute = True
                return at.timestamp()
            self._local = True
            return self._placed(at)
        except (ValueError, OverflowError):
            raise ValueError(f"{cut(text)} is no time that there is") from None

    def _placed(self, at: datetime) -> float:
        if self._zone is None:
            return at.replace(tzinfo=UTC).timestamp()
        early, late = at.replace(tzinfo=self._zone), at.replace(tzinfo=self._zone, fold=1)
        first = early.timestamp()
        if early.utcoffset() == late.utcoffset():
            return first
        second = late.timestamp()
        if second < first:
            self._never += 1
            return first
        self._twice += 1
        falls = first < self._last or (first == self._last and not self._repeats)
        return second if falls else first
