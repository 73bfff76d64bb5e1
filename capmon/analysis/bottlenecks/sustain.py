"""How long something has held: pending, active, recovering, over, with hysteresis."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from capmon.analysis.bottlenecks.thresholds import Rule

LEAST_PATIENCE = 60.0
"""Seconds without data before a bottleneck is given up, at least."""


LATELY = 10.0
"""Seconds over which the worst reading is remembered."""


class Stage(StrEnum):
    """How far a component is."""

    FINE = "fine"
    PENDING = "pending"
    ACTIVE = "active"
    RECOVERING = "recovering"


@dataclass(slots=True)
class Stopwatch:
    """How long a condition has held."""

    seconds: float = 0.0
    """Seconds so far."""

    running: bool = False
    """Whether it held at the last reading."""

    def run(self, holds: bool, passed: float, *, keep: bool = False) -> None:
        """Take in one reading, `passed` seconds after the last; `keep` stops without a reset."""
        if holds and self.running:
            self.seconds += passed
        elif not holds and not keep:
            self.seconds = 0.0
        self.running = holds

    def full(self, seconds: float) -> bool:
        """Whether the condition holds and has held for so long."""
        return self.running and self.seconds >= seconds


@dataclass(slots=True)
class Watch:
    """The state of one component. Times are monotonic seconds.

    Stretches without data count neither for nor against: they are left out of every duration.
    """

    stage: Stage = Stage.FINE
    """How far it is."""

    level: int = 0
    """Level announced: 1 warning, 2 critical; 0 while it is no bottleneck."""

    value: float | None = None
    """The last value known."""

    seen: float = 0.0
    """When it was last known."""

    began: float = 0.0
    """When it was first beyond the warning threshold."""

    lost: bool = False
    """Whether the last step gave it up for want of data."""

    over: Stopwatch = field(default_factory=Stopwatch)
    """Beyond the warning threshold; while it is a bottleneck a recovery does not reset it."""

    critical: Stopwatch = field(default_factory=Stopwatch)
    """Beyond the critical threshold."""

    under: Stopwatch = field(default_factory=Stopwatch)
    """On the good side of the warning threshold, however near to it."""

    worst: float | None = None
    """The worst value of the last `LATELY` seconds that were known."""

    _lately: deque[tuple[float, float]] = field(default_factory=deque)
    _back: Stopwatch = field(default_factory=Stopwatch)
    _back_critical: Stopwatch = field(default_factory=Stopwatch)
    _stepped: float | None = None

    @property
    def back_seconds(self) -> float:
        """How long it has been clear of the warning threshold, hysteresis included."""
        return self._back.seconds if self._back.running else 0.0

    def step(self, rule: Rule, now: float) -> None:
        """Take in one reading."""
        self.lost = False
        level = rule.level
        if level is None:
            self._stepped = None
            patience = max(3 * rule.sustain, LEAST_PATIENCE)
            if self.stage is not Stage.FINE and now - self.seen >= patience:
                self.lost = self.level > 0
                self._end()
            return
        # Only a stretch between two readings that are both known is known to have held.
        passed = 0.0 if self._stepped is None else max(0.0, now - self._stepped)
        self._stepped = self.seen = now
        self.value = rule.value
        self.over.run(level >= 1, passed, keep=self.level > 0)
        self.under.run(level == 0, passed)
        self._remember(rule, now)
        self.critical.run(level == 2, passed)
        self._back.run(rule.back(1), passed)
        self._back_critical.run(rule.back(2), passed)
        self._advance(rule, level, now)

    def _remember(self, rule: Rule, now: float) -> None:
        """The worst value of late; what no later one is better than need not be kept."""
        if rule.value is None:
            return
        sign = -1.0 if rule.low_is_bad else 1.0
        lately = self._lately
        while lately and sign * lately[-1][1] <= sign * rule.value:
            lately.pop()
        lately.append((now, rule.value))
        while now - lately[0][0] > LATELY:
            lately.popleft()
        self.worst = lately[0][1]

    def _advance(self, rule: Rule, level: int, now: float) -> None:
        """Change stage and level where a duration is full."""
        if level == 0:
            if self.level == 0 or self._back.full(rule.sustain):
                self._end()
            else:
                self.stage = Stage.RECOVERING
                self._soften(rule)
            return
        if self.stage is Stage.FINE:
            self.stage, self.began = Stage.PENDING, now
        if self.critical.full(rule.held(2)):
            self.stage, self.level = Stage.ACTIVE, 2
        elif self.level or self.over.full(rule.sustain):
            self.stage, self.level = Stage.ACTIVE, max(self.level, 1)
            self._soften(rule)

    def _soften(self, rule: Rule) -> None:
        if self.level == 2 and self._back_critical.full(rule.held(2)):
            self.level = 1

    def _end(self) -> None:
        """Start afresh; what was seen last stays."""
        self.stage, self.level = Stage.FINE, 0
        for watch in (self.over, self.critical, self._back, self._back_critical):
            watch.seconds, watch.running = 0.0, False
