"""What was measured over a window: readings kept for a while, and those of each metric as one value."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from capmon.errors import CapmonError
from capmon.model.metric import Summary, metric
from capmon.model.names import (
    APP_MEMORY,
    CPU,
    ERRORS,
    HOST_MEMORY,
    LATENCY,
    MEMORY_USAGE,
    RATE,
    USERS,
)
from capmon.model.results import Predicted, ReplicaState

LOADS = (RATE, USERS)
"""Loads of the whole service; the first that is measured counts."""

KINDS = (
    CPU,
    (APP_MEMORY, MEMORY_USAGE, HOST_MEMORY),
    (LATENCY,),
)
"""What an action is judged by; of each kind the first that is measured, the replica's own before the host's."""

WATCHED = (*LOADS, *(key for kind in KINDS for key in kind), ERRORS)
"""Every metric that is measured before and after an action."""

KEPT = 4096
"""Ticks that are kept at most, whatever the window."""

MAD_TO_SIGMA = 1.4826
"""A median absolute deviation times this is the standard deviation of normal readings."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Each metric's readings over one window as one value."""

    values: Mapping[str, float] = field(default_factory=dict)
    """By metric key: quantiles by their median, the rest as the catalogue says."""

    noise: Mapping[str, float] = field(default_factory=dict)
    """By metric key: the readings' own spread, as a standard deviation that outliers do not move."""


class Recent:
    """Keeps the readings of the last seconds, as long as the count of replicas stands.

    Args:
        seconds: Length of the window.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ticks: deque[tuple[float, dict[str, float]]] = deque(maxlen=KEPT)
        self._counts: tuple[int | None, int | None] | None = None

    def add(
        self, monotonic: float, readings: Mapping[str, float], state: ReplicaState | None
    ) -> None:
        """Take in one tick; what was measured with another count of replicas is dropped."""
        if state is not None and state.ready is not None and state.desired is not None:
            counts = state.ready, state.desired
            if counts != self._counts:
                self._ticks.clear()
            self._counts = counts
        known = {k: v for k in WATCHED if (v := readings.get(k)) is not None and math.isfinite(v)}
        self._ticks.append((monotonic, known))
        self._prune(monotonic)

    def measured(self, monotonic: float) -> Measured:
        """What was measured until now; a metric read for less than half of the window is left out."""
        self._prune(monotonic)
        found: dict[str, list[tuple[float, float]]] = {}
        for at, readings in self._ticks:
            for key, value in readings.items():
                found.setdefault(key, []).append((at, value))
        long_enough = {
            key: [value for _, value in pairs]
            for key, pairs in found.items()
            if pairs[-1][0] - pairs[0][0] >= self._seconds / 2
        }
        return measured(long_enough)

    def _prune(self, monotonic: float) -> None:
        while self._ticks and monotonic - self._ticks[0][0] > self._seconds:
            self._ticks.popleft()


def measured(readings: Mapping[str, Sequence[float]]) -> Measured:
    """Readings by metric key, each metric's as one value; one without readings is left out."""
    known = {key: values for key, values in readings.items() if values}
    return Measured(
        {key: summarize(key, values) for key, values in known.items()},
        {key: spread(values) for key, values in known.items()},
    )


def summarize(metric_key: str, values: Sequence[float]) -> float:
    """Several readings as one, the way the catalogue says: quantiles by their median.

    Raises:
        statistics.StatisticsError: There are no readings.
    """
    try:
        how = metric(metric_key).summary
    except CapmonError:
        how = Summary.MEAN
    if how is Summary.MEDIAN:
        return statistics.median(values)
    return values[-1] if how is Summary.LAST else statistics.fmean(values)


def spread(values: Sequence[float]) -> float:
    """Standard deviation by the median absolute deviation, which a single spike does not move.

    Raises:
        statistics.StatisticsError: There are no readings.
    """
    centre = statistics.median(values)
    return MAD_TO_SIGMA * statistics.median(abs(v - centre) for v in values)


def growth(before: Measured, after: Measured) -> float | None:
    """Load after over load before; None where no load is known on both sides."""
    for key in LOADS:
        was, now = before.values.get(key), after.values.get(key)
        if was is not None and now is not None and was > 0:
            return now / was
    return None


def with_before(predicted: Iterable[Predicted], before: Measured) -> tuple[Predicted, ...]:
    """Predictions, with what was measured before in the place of one reading where no model speaks.

    Of what an action is judged by, that which is not among them is added with its value before alone.
    """
    found = [
        replace(p, before=before.values.get(p.metric, p.before)) if p.after is None else p
        for p in predicted
    ]
    told = {p.metric for p in found}
    for kind in KINDS:
        key = next((k for k in kind if k in before.values), None)
        if key is not None and not told.intersection(kind):
            found.append(Predicted(key, before.values[key], None, "no model"))
    return tuple(found)
