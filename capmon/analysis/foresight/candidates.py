"""The bank of simple forecasts that an ensemble weighs, made at many origins at once."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.analysis.foresight.levels import Index, level_candidates, line_candidates
from capmon.analysis.foresight.usual_day import (
    WEEK,
    is_seasonal,
    seasonal_candidates,
    weekly_candidates,
)
from capmon.analysis.windows import Mat, Vec


@dataclass(frozen=True, slots=True)
class Bank:
    """Candidates of one series."""

    names: tuple[str, ...]
    """What each is called; two that differ in a constant share a name."""

    forecasts: tuple[Mat, ...]
    """(R, H) forecasts of each candidate from each origin."""

    season: int
    """Steps of the season that some of them follow; 0 where none is believed."""


def candidates(y: Vec, origins: Index, horizon: int, period: int) -> Bank:
    """All candidates that the series can carry.

    A forecast of some steps ahead does not depend on how many follow it.

    Args:
        y: (n,) finite values on an even grid.
        origins: (R,) each the index of the first value to forecast, 1 to n.
        horizon: Steps ahead.
        period: Steps of one season; below 2 for none.
    """
    found = level_candidates(y, origins, horizon, period)
    found += line_candidates(y, origins, horizon)
    seasonal = is_seasonal(y, period)
    if seasonal:
        found += seasonal_candidates(y, origins, horizon, period)
    if period >= 2 and is_seasonal(y, WEEK * period):
        found += weekly_candidates(y, origins, horizon, period)
    names, forecasts = zip(*found, strict=True)
    return Bank(names, forecasts, period if seasonal else 0)
