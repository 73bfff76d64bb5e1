"""One value of the capacity guide beside the right one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from capmon.analysis.windows import Vec
from capmon.errors import NotEnoughData

Value = float | str | None
T = TypeVar("T")

LEVEL = 0.95
"""Level of every interval that is shown."""


@dataclass(frozen=True, slots=True)
class Example:
    """One value of the guide beside the right one."""

    key: str
    """Stable name."""

    section: str
    """What it is about."""

    what: str
    """The value in words."""

    unit: str
    """Unit of both values; empty for words."""

    guide: Value
    """What the guide's own code or text says; None where it says nothing."""

    right: Value
    """What capmon's analysis says; None where the answer is that it is not known."""

    why: str
    """Why they differ."""

    low: float | None = None
    """Lower end of the interval that belongs to the right value; None where it has none."""

    high: float | None = None
    """Upper end."""

    sign: str = ""
    """What stands before both numbers: `±` for the half of an interval."""


def vec(values: object) -> Vec:
    """Values as an array of floats."""
    return np.asarray(values, dtype=np.float64)


def known(value: T | None, problem: str) -> T:
    """A result that the guide's figures carry.

    Raises:
        NotEnoughData: They do not; the text is the analysis' own reason.
    """
    if value is None:
        raise NotEnoughData(f"the guide's figures: {problem}")
    return value
