"""Forecasts in turn: which metrics are looked ahead for, and which of them is due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from capmon.analysis.bottlenecks.thresholds import FILESYSTEM
from capmon.analysis.foresight.lookahead import Subject, look_ahead
from capmon.analysis.foresight.scores import Scoreboard
from capmon.analysis.windows import History
from capmon.config.schema import Settings
from capmon.model.frame import Reading, value_of
from capmon.model.names import CPU, LATENCY, MEMORY, RATE
from capmon.model.results import Forecast, Headroom

RETRY_PACE = 1.0
"""Seconds until a forecast that could not be made is tried again."""

FORECAST_PACE = 10.0
"""Seconds between two forecasts of one metric, at least; never below a step of its grid."""


@dataclass(slots=True)
class _Turn:
    """The forecast of one metric and when it was made."""

    board: Scoreboard
    forecast: Forecast | None = None
    made: float = -math.inf


class Forecaster:
    """Makes one forecast a tick at most, besides those that wait for points."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns: dict[str, _Turn] = {}

    def step(
        self,
        history: History,
        at: float,
        monotonic: float,
        readings: Mapping[str, Reading],
        headroom: tuple[Headroom, ...],
    ) -> tuple[Forecast, ...]:
        """The forecasts of now, in a stable order.

        Args:
            history: Recorded series.
            at: Unix time.
            monotonic: Seconds of a clock that never steps.
            readings: Latest values.
            headroom: Where load binds: the limit of the load's own forecast.
        """
        subjects = self._subjects(readings, headroom)
        self._make(history, at, monotonic, subjects)
        turns = (self._turns[s.metric] for s in subjects)
        return tuple(_alive(t.forecast, readings) for t in turns if t.forecast is not None)

    def _first(self, keys: tuple[str, ...], readings: Mapping[str, Reading]) -> str:
        """The first of some metrics that is known or once was: the host is no stand-in for the application."""
        for key in keys:
            if key in self._turns or value_of(readings, key) is not None:
                return key
        return keys[-1]

    def _subjects(
        self, readings: Mapping[str, Reading], room: tuple[Headroom, ...]
    ) -> tuple[Subject, ...]:
        """What to look ahead for, each with the limit that matters."""
        settings = self._settings
        app = settings.app.interval
        target = settings.utilization_target
        # A limit that the curves only guess at would make every chance a guess.
        known = [h.at.value for h in room if h.at and h.load == RATE and not h.extrapolated]
        capacity = min(known, default=None)
        cpu, memory = (self._first(keys, readings) for keys in (CPU, MEMORY))
        found = [
            Subject(RATE, capacity, app),
            Subject(LATENCY, settings.objectives.latency_p95, app),
            Subject(cpu, target, app if cpu == CPU[0] else settings.interval),
            Subject(memory, target, app if memory == MEMORY[0] else settings.interval),
        ]
        full = [
            (v, k)
            for k in readings
            if k.startswith(FILESYSTEM) and (v := value_of(readings, k)) is not None
        ]
        if full:
            found.append(Subject(max(full)[1], settings.thresholds.disk.warning, settings.interval))
        for subject in found:
            self._turns.setdefault(subject.metric, _Turn(Scoreboard()))
        return tuple(found)

    def _make(
        self, history: History, at: float, monotonic: float, subjects: tuple[Subject, ...]
    ) -> None:
        """Make the forecast that is longest overdue, if any is, and try those that wait for points.

        What waits for points costs next to nothing to ask again, and is waited for.
        """

        def overdue(subject: Subject) -> float:
            turn = self._turns[subject.metric]
            if monotonic < turn.made:
                return math.inf
            step = turn.forecast.step if turn.forecast is not None else 0.0
            return monotonic - turn.made - max(FORECAST_PACE, step)

        waiting = [s for s in subjects if self._waits(s, monotonic)]
        due = max(subjects, key=overdue)
        if overdue(due) >= 0 and due not in waiting:
            waiting.append(due)
        ahead = self._settings.forecast
        for subject in waiting:
            turn = self._turns[subject.metric]
            turn.made = monotonic
            turn.forecast = look_ahead(history, subject, at, ahead.horizon, ahead.level, turn.board)

    def _waits(self, subject: Subject, monotonic: float) -> bool:
        """Whether a forecast could not be made yet and may be tried again."""
        turn = self._turns[subject.metric]
        tried = turn.forecast is not None and bool(turn.forecast.problem)
        return tried and not 0 <= monotonic - turn.made < RETRY_PACE


def _alive(forecast: Forecast, readings: Mapping[str, Reading]) -> Forecast:
    """A forecast while its metric is known; without values it looks no further ahead."""
    reading = readings.get(forecast.metric)
    if reading is None or reading.value is not None or forecast.problem:
        return forecast
    since = (
        "" if reading.at is None else f" since {datetime.fromtimestamp(reading.at, UTC):%H:%M:%S}"
    )
    return Forecast(
        forecast.metric,
        forecast.made_at,
        forecast.step,
        forecast.past,
        limit=forecast.limit,
        coverage=forecast.coverage,
        scored=forecast.scored,
        problem=f"no value{since}",
    )
