"""What is expected of a metric, when it crosses a limit, and how past forecasts did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeToLimit:
    """Seconds until a limit is crossed: negative means crossed already, None no prediction."""

    t10: float | None
    """With probability 10 % it is crossed before this."""

    t50: float | None
    """Median."""

    t90: float | None
    """With probability 90 % it is crossed before this."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How past forecasts of this metric did, scored when their time came."""

    scored: int
    """Forecast points scored; points of one forecast, and of forecasts that overlap, go together."""

    inside: float
    """Share of them that fell inside the interval."""

    mase: float | None
    """Mean absolute error of the median over the mean absolute change of the history when it was made: from one
    season to the next or, without a season, over as long as it looked ahead; None where nothing changed."""

    window: float
    """Seconds of history that the scores cover, a day at most."""

    naive_ratio: float | None = None
    """Mean absolute error over that of repeating the last value as far ahead; None where that is exact."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One point of a past forecast whose time has come."""

    at: float
    """Unix time of the end of its cell."""

    ahead: float
    """Seconds ahead for which it was made."""

    low: float
    """Lower end of its interval."""

    median: float
    """Its median."""

    high: float
    """Upper end of its interval."""

    actual: float
    """What came."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely something is by a time."""

    ahead: float
    """Seconds from when the forecast was made."""

    probability: float
    """Probability that it has happened by then."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one metric is expected to do, or the reason why nothing can be said."""

    metric: str
    """Key of the metric."""

    made_at: float
    """Unix time of the last point used."""

    step: float = 0.0
    """Seconds between two points."""

    past: tuple[float, ...] = ()
    """Values of the history, oldest first, one a step; NaN where there is a gap."""

    median: tuple[float, ...] = ()
    """Expected values, the first one step after `made_at`."""

    low: tuple[float, ...] = ()
    """Lower ends of the prediction interval."""

    high: tuple[float, ...] = ()
    """Upper ends of the prediction interval."""

    level: float = 0.95
    """Level of the prediction interval."""

    method: str = ""
    """Which method made it."""

    limit: float | None = None
    """The limit that matters for this metric."""

    breach_probability: float | None = None
    """Probability that the limit is crossed within the horizon."""

    time_to_limit: TimeToLimit | None = None
    """When the limit is crossed."""

    coverage: Coverage | None = None
    """How past forecasts of this metric did; None until some could be scored."""

    problem: str = ""
    """Why there is no forecast: `needs 60 points, has 12`; empty when there is one."""

    breach_by: tuple[Chance, ...] = ()
    """Probability that the limit was crossed by some times up to the horizon, never decreasing."""

    scored: tuple[Scored, ...] = ()
    """At most 120 points of past forecasts of this metric that could be scored, oldest first."""

    demoted: str = ""
    """Why it should not be trusted, from how its past forecasts did: `band held 71 % of 95 %`; else empty."""

    season: float = 0.0
    """Seconds of the season that it follows; 0 without one."""

    @property
    def horizon(self) -> float:
        """Seconds that the forecast looks ahead."""
        return self.step * len(self.median)
