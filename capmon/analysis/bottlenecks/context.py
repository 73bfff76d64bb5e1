"""What stands beside the thresholds when a bottleneck is judged: headroom, forecasts, processes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from capmon.analysis.bottlenecks.thresholds import NEAR, Rule
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses, value_of
from capmon.model.metric import metric
from capmon.model.names import (
    APP_CPU,
    APP_MEMORY,
    HOST_CPU,
    HOST_MEMORY,
    LATENCY,
    MEMORY_USAGE,
    USERS,
)
from capmon.model.results import Fit, Forecast, Headroom, ReplicaState
from capmon.model.units import show_metric

MOST_CELLS = 60
"""Cells that a text of a bottleneck takes at most."""

_CPUS = frozenset({"cpu", "app cpu"})

TARGETS: dict[str, tuple[str, ...]] = {
    "cpu": (HOST_CPU, APP_CPU),
    "app cpu": (APP_CPU, HOST_CPU),
    "memory": (HOST_MEMORY, APP_MEMORY, MEMORY_USAGE),
    "app memory": (APP_MEMORY, MEMORY_USAGE, HOST_MEMORY),
    "latency": (LATENCY,),
    NEAR: (LATENCY,),
}
"""Metrics whose headroom and forecast speak for a family, its own first; other families have theirs alone."""

CONNECTIONS = "db.connections.utilization"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known at one step beside the readings that are held against thresholds."""

    settings: Settings
    """For targets, scaling limits and thresholds."""

    at: float = 0.0
    """Unix time."""

    readings: Mapping[str, Reading] = field(default_factory=dict)
    """Latest value by metric key."""

    processes: TopProcesses | None = None
    """The processes that use the most."""

    replicas: ReplicaState | None = None
    """The scale target; None when none is configured."""

    follows: float | None = None
    """Correlation of the response time with the CPU; None when not known."""

    following: bool = False
    """Whether that is strong enough to be said."""

    headroom: Sequence[Headroom] = ()
    """Loads at which limits bind."""

    forecasts: Sequence[Forecast] = ()
    """What is expected."""

    fits: Sequence[Fit] = ()
    """Curves over load."""

    connections_bind: bool = False
    """Whether database connections are a bottleneck, so that a replica more does harm."""

    def value(self, metric_key: str) -> float | None:
        """The latest value of a metric, if it is a number."""
        return value_of(self.readings, metric_key)

    def room(self, rule: Rule) -> Headroom | None:
        """The headroom that a rule is about: one whose load is known before one with a problem."""
        return self.room_of(self._targets(rule))

    def room_of(self, targets: Sequence[str]) -> Headroom | None:
        """The headroom of the first of some metrics that has one."""
        found = None
        for target in targets:
            for entry in self.headroom:
                if entry.target == target:
                    if entry.at is not None and finite(entry.at.value) is not None:
                        return entry
                    found = found or entry
        return found

    def forecast(self, rule: Rule) -> Forecast | None:
        """The forecast that a rule is about: one with values before one with a problem."""
        found = None
        for target in self._targets(rule):
            for entry in self.forecasts:
                if entry.metric == target:
                    if not entry.problem:
                        return entry
                    found = found or entry
        return found

    def _targets(self, rule: Rule) -> tuple[str, ...]:
        """Metrics that speak for a rule: where both are measured, neither CPU speaks for the other."""
        if rule.family in _CPUS and None not in (self.value(HOST_CPU), self.value(APP_CPU)):
            return (rule.metric,)
        return TARGETS.get(rule.family, (rule.metric,))

    @property
    def app_is_calm(self) -> bool:
        """Whether the application reports a CPU of its own that is not past its warning."""
        value = self.value(APP_CPU)
        return value is not None and value <= self.settings.thresholds.cpu.warning

    @property
    def ready(self) -> int | None:
        """Ready replicas of a scale target; None without one or when not known."""
        state = self.replicas
        if state is None or state.kind == "none" or state.ready is None or state.ready < 1:
            return None
        return state.ready


def finite(value: float | None) -> float | None:
    """The value, or None where it is no number."""
    return value if value is not None and math.isfinite(value) else None


def cut(text: str, cells: int = MOST_CELLS) -> str:
    """A text no longer than so many characters."""
    return text if len(text) <= cells else f"{text[: cells - 1].rstrip()}…"


def of_load(load_key: str, value: float) -> str:
    """A load in words: `118 req/s`, `64 users`."""
    shown = show_metric(load_key, value)
    return f"{shown} users" if load_key == USERS else str(shown)


def label(metric_key: str) -> str:
    """Two or three words for a metric."""
    return metric(metric_key).label


def of_one(value: float) -> str:
    """A number around one without its leading zero: `.93`, `1.08`."""
    text = f"{value:.2f}" if abs(value) < 99.5 else f"{value:.0f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
