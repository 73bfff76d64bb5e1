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

    size_reason: str = ""
    """Why: `the day repeats itself, so tomorrow's peak can be foreseen`."""

    size_by_hand: str = ""
    """Name of the scenario to size for where nothing scales by itself."""

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
    """Marginal demand, what one more costs: CPU seconds per request, or bytes per concurrent request."""

    base: Estimate | None
    """What is used without any load, in the resource's unit: cores, bytes."""

    n: int = 0
    """Points used."""

    problem: str = ""
    """Why it is not known; empty when it is."""

    total: Estimate | None = None
    """Total demand: mean use over mean load, so that the base is shared out among the load seen."""

    note: str = ""
    """What to keep in mind: `load hardly varies: the base is counted in`; else empty."""


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
class Outlook:
    """What a trend expects at one time."""

    days: float
    """Days after the last value."""

    value: Estimate
    """Median of a new value then, with its prediction interval."""


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

    outlook: tuple[Outlook, ...] = ()
    """What is expected in a day, a week, 30 and 90 days as far as the horizon goes, and at the horizon."""

    horizon_days: float = 0.0
    """Days that the outlook reaches: no farther than the history is long, unless it was forced to."""

    caution: str = ""
    """What the history is too short for: `90 d asked, history holds 21 d`; empty when it is long enough."""

    weekly: bool = False
    """Whether a pattern by day of the week was taken out before and put back after."""


@dataclass(frozen=True, slots=True)
class CapacityNeed:
    """How much of one resource a load asks for."""

    resource: str
    """`cores`, `memory`, `cache`, `connections`, `replicas`."""

    now: float
    """What there is today."""

    need: float
    """What it takes, rounded up to whole units and never below today's."""

    exact: float
    """What it takes before it was rounded; may lie below today's."""

    reason: str
    """Which curve, law or factor says so."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a load some times that of today asks for."""

    growth: float
    """Factor on the load of today."""

    load_now: float
    """Load of the whole service today."""

    load: float
    """Load supposed."""

    needs: tuple[CapacityNeed, ...] = ()
    """One for each resource, in the order asked."""

    beyond: str = ""
    """Which load the models have not seen: `300 is 2.4× the load seen`; empty within 1.3×."""

    problem: str = ""
    """Why nothing can be said; empty when there are needs."""
