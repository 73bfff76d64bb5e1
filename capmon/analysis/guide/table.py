"""The guide's rows as columns: a value that a row lacks is NaN, and means pass over it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from capmon.analysis.windows import Vec
from capmon.errors import NotEnoughData

Rows = Sequence[Mapping[str, Any]]
"""One mapping a moment, oldest first: `timestamp` as a datetime or ISO 8601, and numbers by name."""


def has(rows: Rows, name: str) -> bool:
    """Whether any row has the column."""
    return any(name in row for row in rows)


def column(rows: Rows, name: str) -> Vec:
    """One column as (n,) floats, NaN where a row has no value.

    Raises:
        NotEnoughData: No row has it, or a value is no number.
    """
    if not has(rows, name):
        raise NotEnoughData(f"no row has {name!r}")
    try:
        return np.array([math.nan if row.get(name) is None else row[name] for row in rows], float)
    except (TypeError, ValueError) as fault:
        raise NotEnoughData(f"{name!r} holds a value that is no number: {fault}") from fault


def every(rows: Rows, name: str) -> Vec:
    """One column as (n,) floats, where every row must have a value.

    Raises:
        NotEnoughData: A row lacks it, or a value is no number.
    """
    for number, row in enumerate(rows, 1):
        if row.get(name) is None:
            raise NotEnoughData(f"row {number} has no {name!r}")
    return column(rows, name) if rows else np.empty(0)


def moments(rows: Rows) -> list[datetime]:
    """When each row was.

    Raises:
        NotEnoughData: There are no rows, or one has no time that can be read.
    """
    if not rows:
        raise NotEnoughData("no row has 'timestamp'")
    return [_moment(row.get("timestamp")) for row in rows]


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as fault:
        raise NotEnoughData(f"{value!r} is not a time in ISO 8601") from fault


def mean(values: Vec) -> float:
    """Mean of the values known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def over(numerator: float, denominator: float) -> float:
    """A quotient in the arithmetic of floats: infinite or NaN over zero, never an exception."""
    with np.errstate(all="ignore"):
        return float(np.divide(numerator, denominator))


def whole(value: float) -> int:
    """A number cut to a whole one toward zero.

    Raises:
        NotEnoughData: It is infinite or NaN.
    """
    if not math.isfinite(value):
        raise NotEnoughData(f"{value} has no whole part")
    return int(value)
