"""What a long history says of the load: its days and weeks, its growth, and the capacity it asks for."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.curves import Estimate


@dataclass(frozen=True, slots=True)
class Slot:
    """The load in one hour of the day, or on one day of the week."""

    index: int
    """Hour 0 to 23, or day 0 (Monday) to 6."""

    median: float
    """Median, in the metric's unit."""

    low: float
    """First quartile."""

    high: float
    """Third quartile."""

    count: int
    """Cycles that have values in this slot: days for an hour, weeks for a day."""


@dataclass(frozen=True, slots=True)
class PeakWindow:
    """Hours in a row in which the load is greatest."""

    start: int
    """First hour, 0 to 23."""

    hours: int
    """Length."""

    median: float
    """Median load of the window."""

    share_of_days: float
    """Share of days on which the greatest hour of the day fell into the window."""


@dataclass(frozen=True, slots=True)
class Season:
    """Whether a metric repeats itself with a period, as a test found."""

    name: str
    """`day` or `week`."""

    period: float
    """Seconds."""

    cycles: float
    """Cycles that the history holds."""

    strength: float | None
    """Share of the variance about the trend that the season explains, out of sample, 0 to 1."""

    p_value: float | None
    """Probability of such a season where there is none; None where it was not tested."""

    present: bool
    """Whether the season is claimed."""

    problem: str = ""
    """Why it was not tested: `needs 2 days, has 0.4`; empty when it was."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load that capacity may be sized for."""

    name: str
    """`baseline`, `p95`, `peak`, `peak with buffer`, `next cycle`."""

    load: float
    """The load, in the metric's unit."""

    factor: float
    """`load` over the baseline."""

    text: str
    """What it is: `95th percentile of the load`."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the history of one metric says of its days and weeks."""

    metric: str
    """Key of the metric."""

    time_zone: str
    """Name of the time zone that hours are of: `UTC`, `Europe/Berlin`."""

    since: float
    """Unix time of the first value."""

    seconds: float
    """Length of the history."""

    n: int
    """Values known."""

    mean: float | None = None
    """Mean of the values."""

    peak_ratio: float | None = None
    """99.9th percentile over mean: the peak without its luckiest second."""

    max_ratio: float | None = None
    """Greatest value over mean."""

    seasons: tuple[Season, ...] = ()
    """The seasons tested: day, week."""

    hours: tuple[Slot, ...] = ()
    """By hour of the day; empty before two days."""

    weekdays: tuple[Slot, ...] = ()
    """By day of the week; empty before two weeks."""

    week: tuple[tuple[float | None, ...], ...] = ()
    """Seven rows, Monday first, of 24 medians; None where nothing was measured."""

    peak: PeakWindow | None = None
    """Busiest hours; None where no daily season is claimed."""

    quietest_hour: int | None = None
    """Hour with the least median; None where no daily season is claimed."""

    peak_to_trough: float | None = None
    """Greatest over least hourly median; None where no daily season is claimed or the least is 0."""

    scenarios: tuple[Scenario, ...] = ()
    """Loads to size for, the least first but for the forecast one, which stands last."""

    size_for: str = ""
    """Name of the scenario that automatic scaling should aim at."""

    watch_every: float | None = None
    """Seconds between two looks that the speed of the load asks for; None where it cannot be told."""

    watch_reason: str = ""
    """Why: `load grows 12 % in 5 min at its fastest`."""

    problem: str = ""
    """Why there are no patterns: `needs 2 days, has 0.4`; empty when there are."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one request costs, by the utilization law."""

    name: str
    """`cpu per request`, `memory per concurrent request`."""

    per_unit: Estimate | None
    """Slope: CPU seconds per request, or bytes per concurrent request."""

    base: Estimate | None
    """What is used without any load, in the resource's unit: cores, bytes."""

    n: int = 0
    """Points used."""

    problem: str = ""
    """Why it is not known; empty when it is."""


@dataclass(frozen=True, slots=True)
class GrowthModel:
    """One trend that was tried."""

    name: str
    """`linear`, `exponential`, `damped`."""

    error: float | None
    """Mean absolute error over rolling origins, in the metric's unit; None where it was not tried."""

    chosen: bool = False
    """Whether it is the one shown."""

    problem: str = ""
    """Why it was not tried; empty when it was."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Where a metric is heading over days."""

    metric: str
    """Key of the metric."""

    model: str = ""
    """Name of the trend chosen."""

    per_day: Estimate | None = None
    """Change a day at the end of the history, in the metric's unit."""

    rate: Estimate | None = None
    """Relative change a day at the end of the history: .01 is one per cent a day."""

    doubling_days: float | None = None
    """Days until it doubles at the present rate; None where it does not grow."""

    r_squared: float | None = None
    """Share of the variance explained, on the original scale."""

    n: int = 0
    """Points used."""

    days: float = 0.0
    """Days of history."""

    models: tuple[GrowthModel, ...] = ()
    """Trends that were tried, the best first."""

    problem: str = ""
    """Why there is no trend: `needs 3 points, has 2`; empty when there is one."""
