"""What the plan asks of a record: summaries, readings and events of one name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from capmon.analysis.windows import Mat
from capmon.model.frame import Event
from capmon.store.course import Course, Summaries


class PlanRecord(Protocol):
    """A history that can be read; `window` and `age` make it an `analysis.windows.History`."""

    @property
    def name(self) -> str:
        """Whose record it is: application and host."""

    def keys(self) -> tuple[str, ...]:
        """Every metric recorded."""

    def interval(self, metric_key: str) -> float | None:
        """Seconds between two readings; None for a metric that was never read."""

    def span(self, metric_key: str | None = None) -> tuple[float, float] | None:
        """Unix times of the first and the last reading, of all metrics without a key."""

    def raw(self, metric_key: str, start: float, end: float) -> Course:
        """Readings, as far as they are kept."""

    def minutes(self, metric_key: str, start: float, end: float) -> Summaries:
        """Minutes, as far as they are kept."""

    def hours(self, metric_key: str, start: float, end: float) -> Summaries:
        """Hours."""

    def window(self, keys: Sequence[str], end: float, seconds: float, step: float) -> Mat:
        """(k, n) values on one grid, as `analysis.windows.History` says."""

    def age(self, metric_key: str, end: float) -> float:
        """Seconds between the first reading and `end`; 0 when there is none."""

    def events(self, start: float, end: float, most: int = 200) -> tuple[Event, ...]:
        """Events, the latest first."""
