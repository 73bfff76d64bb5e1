"""One change between two frames, in words and in figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from capmon.clock import rfc3339
from capmon.model.metric import Unit
from capmon.model.units import percent, show


class Turn(StrEnum):
    """Which way something went."""

    WORSE = "worse"
    OTHER = "changed"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Figures:
    """A change in numbers, in the base unit; None where one is not known."""

    before: float | None
    """Value in the first frame."""

    after: float | None
    """Value in the second."""

    unit: str
    """Base unit, in the notation of UCUM."""


@dataclass(frozen=True, slots=True)
class Among:
    """How far two values lie apart."""

    absolute: str
    """`+19 %-points`, `+61 req/s`; empty where one of them is not known."""

    relative: str
    """`+31 %`; empty where one of them is not known or the first is 0."""

    figures: Figures
    """The two of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was."""

    kind: str
    """`bottleneck`, `source`, `replicas`, `metric`, `state`, `limit`, `forecast`, `host`, `setting`, `version`, `event`."""

    subject: str
    """What changed."""

    turn: Turn
    """Which way it went."""

    weight: float
    """How much it matters among those that went the same way, the greater the more."""

    before: str = ""
    """What it was; `unknown` where that is not known."""

    after: str = ""
    """What it is."""

    absolute: str = ""
    """The change in its unit."""

    relative: str = ""
    """The change as a share of what it was."""

    remark: str = ""
    """Evidence, a reason, or whether it is beyond doubt."""

    figures: Figures | None = None
    """The same in numbers; None where it is none of numbers."""

    at: float | None = None
    """Unix time of an event; None for all else."""

    def as_document(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        made: dict[str, Any] = {
            "kind": self.kind,
            "subject": self.subject,
            "turn": self.turn.value,
            "before": self.before or None,
            "after": self.after or None,
            "remark": self.remark or None,
            "at": None if self.at is None else rfc3339(self.at),
        }
        found = self.figures
        if found is not None:
            both = found.before is not None and found.after is not None
            change = found.after - found.before if both else None  # type: ignore[operator]
            share = change / abs(found.before) if change is not None and found.before else None
            made["figures"] = {
                "before": found.before,
                "after": found.after,
                "unit": found.unit,
                "absolute": _finite(change),
                "relative": _finite(share),
            }
        return made


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def among(before: float | None, after: float | None, unit: Unit, name: str = "") -> Among:
    """How far two values lie apart.

    Args:
        before: The first; None where it is not known.
        after: The second.
        unit: Their unit.
        name: What is counted, where the unit does not say it: `req/s`.
    """
    before, after = _finite(before), _finite(after)
    figures = Figures(before, after, unit.value)
    if before is None or after is None:
        return Among("", "", figures)
    change = after - before
    share = change / abs(before) if before else math.nan
    return Among(_signed(change, unit, name), _share(share), figures)


def _signed(change: float, unit: Unit, name: str) -> str:
    shown = show(abs(change), unit)
    sign = "-" if change < 0 else "+"
    if unit is Unit.RATIO:
        return f"{sign}{shown.number} pp"
    word = shown.unit.replace("/s", f" {name}").strip() if name else shown.unit
    return f"{sign}{shown.number} {word}".rstrip()


def _share(share: float) -> str:
    """`+31 %`; from ten times on as a factor, which is read more easily."""
    if not math.isfinite(share):
        return ""
    if share >= 9:
        return f"× {show(share + 1, Unit.COUNT).number}"
    return f"{'-' if share < 0 else '+'}{percent(abs(share))} %"
