"""What a history gives: readings of one metric, and summaries of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vec = NDArray[np.float64]

MINUTE = 60.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Course:
    """Readings of one metric."""

    times: Vec
    """(n,) Unix times, rising."""

    values: Vec
    """(n,) in the metric's unit."""


@dataclass(frozen=True, slots=True)
class Summaries:
    """Minutes or hours of one metric; those without a reading are not among them."""

    step: float
    """Seconds that each spans: 60 or 3600."""

    times: Vec
    """(n,) Unix times at which they begin, rising, multiples of `step`."""

    mean: Vec
    """(n,) what stands for the whole, as the catalogue says: the mean; the median of percentiles;
    the last of what is set."""

    min: Vec
    """(n,) least reading."""

    max: Vec
    """(n,) greatest reading."""

    p95: Vec
    """(n,) 95th percentile of the readings themselves, never of minutes."""

    count: Vec
    """(n,) readings."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the analysis had found at one moment."""

    at: float
    """Unix time."""

    document: dict[str, Any]
    """Fields of a frame as `snapshot.plain` makes them."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a file holds of one name."""

    name: str
    """Application and host: `web@db-01`."""

    since: float
    """Unix time of the first reading."""

    until: float
    """Unix time of the last."""

    series: int
    """Metrics."""
