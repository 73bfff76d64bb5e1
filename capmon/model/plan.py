"""The capacity plan: chapters of statements, each with its evidence, its interval or why it is not known."""

from __future__ import annotations

from dataclasses import dataclass, field

from capmon.model.curves import Estimate
from capmon.model.metric import Unit

Cell = str | float | int | None
"""What stands in a table: text, a number in the column's unit, or None for not known."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the plan."""

    name: str
    """What it is: `requests a second that CPU allows`."""

    value: Estimate | None
    """The number with its interval; None where it is not known."""

    unit: Unit | str
    """Unit of the catalogue, or a word: `replicas`, `$ a month`, `days`."""

    evidence: str
    """Where it comes from: series, span, count of points, method."""

    reason: str = ""
    """Why it is not known; empty when it is."""

    exact: bool = False
    """Whether it is counted or set rather than estimated, so that it has no interval."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    """Heading."""

    unit: Unit | str = ""
    """Unit of its numbers; empty for text."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows side by side."""

    title: str
    """What is compared."""

    columns: tuple[Column, ...]
    """Headings."""

    rows: tuple[tuple[Cell, ...], ...]
    """One cell a column."""

    evidence: str = ""
    """Where the numbers come from."""

    chosen: int | None = None
    """Index of the row that the plan takes; None where none is taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str
    """What it shows."""

    x: tuple[float, ...]
    """Unix times, or loads."""

    y: tuple[float, ...]
    """One value for each x; NaN for a gap."""

    role: str = "measured"
    """`measured`, `median`, `low`, `high`, `limit`."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture that a text can hold."""

    title: str
    """What it shows."""

    x_unit: Unit | str
    """`time` for Unix times, else the unit of the loads."""

    y_unit: Unit | str
    """Unit of the values."""

    lines: tuple[Line, ...]
    """What is drawn."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence that a reader may act on."""

    text: str
    """The sentence, with its numbers."""

    severity: str = ""
    """`critical`, `high`, `medium`, `low`; empty for a plain statement."""

    evidence: str = ""
    """What it rests on; empty where the sentence says it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    title: str
    """What: `raise the most replicas from 10 to 14`."""

    by: float | None
    """Unix time by which it must be done; None where nothing presses."""

    begin: float | None
    """Unix time at which to begin: `by` less the lead time; None where nothing presses."""

    why: str
    """Which number says so."""

    how: tuple[str, ...] = ()
    """Commands or settings, one a line."""

    check: str = ""
    """How to see that it worked."""

    rollback: str = ""
    """How to take it back."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter."""

    key: str
    """`baseline`, `models`, `growth`, `strategy`, `bottlenecks`, `infrastructure`, `database`, `cost`, `alerting`, `steps`."""

    title: str
    """Its heading."""

    answer: str
    """What it comes to, in one or two sentences."""

    statements: tuple[Statement, ...] = ()
    """What follows from the numbers."""

    figures: tuple[Figure, ...] = ()
    """Numbers."""

    tables: tuple[Table, ...] = ()
    """Comparisons."""

    charts: tuple[Chart, ...] = ()
    """Pictures."""

    steps: tuple[Step, ...] = ()
    """What to do, in order; of the last chapter alone."""

    missing: tuple[str, ...] = ()
    """What could not be said, and what it would take: `no table sizes: set plan.postgres`."""


@dataclass(frozen=True, slots=True)
class PlanQuestion:
    """What the plan was asked."""

    horizon: float
    """Seconds ahead."""

    growth: float | None = None
    """Load at the horizon over the load of today; None where the record says."""

    growth_rate: tuple[float, float] | None = None
    """Relative growth and the seconds in which it happens: 5 % a month is (.05, 2629800); None where the record says."""

    probability: float = 0.95
    """Probability with which the objective shall hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan."""

    made_at: float
    """Unix time at which it was made."""

    name: str
    """Whose: application and host."""

    question: PlanQuestion
    """What was asked."""

    since: float
    """Unix time of the first measurement."""

    until: float
    """Unix time of the last, from which it looks ahead."""

    summary: tuple[Statement, ...] = ()
    """The answers, the most urgent first."""

    chapters: tuple[Chapter, ...] = field(default_factory=tuple)
    """Chapters, in the guide's order."""
