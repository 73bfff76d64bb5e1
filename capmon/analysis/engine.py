"""One step of analysis at a time: bottlenecks always, models and forecasts when they are due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.bottleneck import Detector
from capmon.analysis.fits import Question, fit
from capmon.analysis.headroom import Limit, crossing, headroom, in_order
from capmon.analysis.lookahead import Subject, look_ahead
from capmon.analysis.recommend import priority, recommendations
from capmon.analysis.scores import Scoreboard
from capmon.analysis.sizing import advise, whole_load
from capmon.analysis.stabilize import Stabilizer
from capmon.analysis.thresholds import FILESYSTEM
from capmon.analysis.utilization import utilization
from capmon.analysis.windows import History
from capmon.analysis.workload import (
    CPU,
    LATENCY,
    MEMORY,
    MEMORY_USAGE,
    RATE,
    RATE_PER_REPLICA,
    USERS,
    USERS_PER_REPLICA,
    Workload,
    correlation,
    workload,
)
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses
from capmon.model.results import (
    Advice,
    Bottleneck,
    Fit,
    FitKind,
    Forecast,
    Headroom,
    Priority,
    Recommendation,
    ReplicaState,
    UtilizationReport,
)

FIT_PACE = 5.0
"""Seconds between two fits, at least."""

RETRY_PACE = 1.0
"""Seconds until a forecast that could not be made is tried again."""

FORECAST_PACE = 10.0
"""Seconds between two forecasts of one metric, at least; never below a step of its grid."""

RECENT = 30.0
"""Seconds whose median stands for the present in headroom and advice: one reading is noise."""

_LEAST_PAIRS = 30
_REPLICAS_HOLD = 3


@dataclass(frozen=True, slots=True)
class Now:
    """What one step starts from."""

    at: float
    """Unix time, for labels and for the end of windows."""

    window: float
    """Seconds of history that the screen shows; models look at this much at least."""

    readings: Mapping[str, Reading]
    """Latest value by metric key."""

    texts: Mapping[str, str]
    """States in words by metric key."""

    processes: TopProcesses
    """The processes that use the most."""

    replicas: ReplicaState | None
    """The scale target; None when none is configured."""

    monotonic: float
    """Seconds of a clock that never steps: durations come from it alone."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one step found, in the types of a frame's fields."""

    fits: tuple[Fit, ...]
    """Models of resources and latency over load."""

    headroom: tuple[Headroom, ...]
    """Limits over load, the one that binds first in front, those not known at the end."""

    forecasts: tuple[Forecast, ...]
    """Forecasts made so far, in a stable order."""

    bottlenecks: tuple[Bottleneck, ...]
    """Bottlenecks, the worst first."""

    priority: Priority
    """When to scale."""

    recommendations: tuple[Recommendation, ...]
    """What to do, most urgent first, without repetition."""

    utilization: UtilizationReport
    """Current utilization against capacity."""

    advice: Advice
    """What the models advise."""

    transitions: tuple[str, ...]
    """One line for each bottleneck that began, changed or ended in this step."""


@dataclass(slots=True)
class _Turn:
    """The forecast of one metric and when it was made."""

    board: Scoreboard
    forecast: Forecast | None = None
    made: float = -math.inf


class Engine:
    """The analysis, which remembers what lasts from step to step."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stabilizer = Stabilizer()
        self._detector = Detector(settings)
        self._fits: tuple[Fit, ...] = ()
        self._fitted = -math.inf
        self._follows: float | None = None
        self._memory_limit: float | None = None
        self._recent: dict[str, float] = {}
        self._turns: dict[str, _Turn] = {}
        self._models_from: float | None = None
        self._models_since = ""

    def step(self, history: History, now: Now) -> Analysis:
        """Analyse one tick; models and forecasts that are not due are those of before."""
        if not 0 <= now.monotonic - self._fitted < FIT_PACE:
            self._fitted = now.monotonic
            self._refit(history, now)
        limits = self._limits()
        room = in_order(
            [self._headroom(f, limits[f.target], now) for f in self._fits if f.target in limits]
        )
        subjects = self._subjects(now.readings, room)
        self._forecast_one(history, now, subjects)
        forecasts = tuple(f for s in subjects if (f := self._turns[s.metric].forecast) is not None)
        found, transitions = self._detector.step(
            now.at,
            now.monotonic,
            now.readings,
            now.texts,
            now.processes,
            now.replicas,
            self._follows,
        )
        return Analysis(
            fits=self._fits,
            headroom=room,
            forecasts=forecasts,
            bottlenecks=found,
            priority=priority(found),
            recommendations=recommendations(found),
            utilization=utilization(self._settings, now.readings),
            advice=self._stabilizer.apply(
                self._advise(now, limits, forecasts), now.replicas, found, now.monotonic
            ),
            transitions=transitions,
        )

    def _advise(
        self, now: Now, limits: Mapping[str, Limit], forecasts: tuple[Forecast, ...]
    ) -> Advice:
        """Count replicas for the last half minute rather than for the last reading."""
        calm = {
            key: replace(reading, value=self._calm(now, key))
            for key, reading in now.readings.items()
        }
        settings = self._settings
        return advise(
            settings.scaling,
            settings.utilization_target,
            now.replicas,
            calm,
            self._fits,
            limits,
            forecasts,
        )

    def reset_models(self, at: float, reason: str) -> None:
        """Leave out what was measured before `at`: a deploy or a change of the configuration."""
        self._models_from, self._models_since = at, reason
        self._fitted = -math.inf

    def _refit(self, history: History, now: Now) -> None:
        """Fit every curve anew, and see whether the response time follows the CPU."""
        settings = self._settings
        pace = max(settings.interval, settings.app.interval)
        seconds = max(settings.models.window, now.window)
        hold = max(_REPLICAS_HOLD * settings.scaling.target.interval, 15.0)
        least = settings.models.min_points
        work = workload(history, now.at, seconds, pace, self._models_from, hold, least)
        self._memory_limit = _app_memory_limit(work)
        memory = MEMORY_USAGE if self._memory_limit is not None else work.first_seen(MEMORY)
        self._fits = (
            self._fit(work, work.first_seen(CPU), RATE),
            self._fit(work, memory, USERS if work.seen(USERS) else RATE),
            self._fit(work, LATENCY, RATE, FitKind.EXPONENTIAL),
        )
        self._recent = work.medians(math.ceil(RECENT / pace))
        recent = -max(_LEAST_PAIRS, math.ceil(max(now.window, 300.0) / pace))
        cpu = work.series[work.first_seen(CPU)]
        self._follows = correlation(cpu[recent:], work.series[LATENCY][recent:], _LEAST_PAIRS)

    def _fit(self, work: Workload, target: str, load: str, kind: FitKind = FitKind.LINEAR) -> Fit:
        shared = {RATE: RATE_PER_REPLICA, USERS: USERS_PER_REPLICA}
        question = Question(
            target=target,
            load=shared[load] if work.per_replica else load,
            kind=kind,
            min_points=self._settings.models.min_points,
            min_spread=self._settings.models.min_spread,
            window=work.window,
            per_replica=work.per_replica,
            since=self._models_since,
        )
        return fit(question, work.load(load), work.series[target])

    def _limits(self) -> dict[str, Limit]:
        """What each metric must not pass, by metric key."""
        target = self._settings.utilization_target
        found = {key: Limit(target, "utilization_target") for key in (*CPU, *MEMORY)}
        found[LATENCY] = Limit(self._settings.objectives.latency_p95, "objectives.latency_p95")
        if self._memory_limit is not None:
            found[MEMORY_USAGE] = Limit(target * self._memory_limit, "utilization_target")
        return found

    def _headroom(self, curve: Fit, limit: Limit, now: Now) -> Headroom:
        load = whole_load(curve)
        ready = None if now.replicas is None else now.replicas.ready
        room = headroom(curve, limit, load, self._calm(now, load), ready)
        if curve.target == LATENCY and room.at is not None and self._past_full(curve, limit):
            return replace(
                room, at=None, multiple=None, extrapolated=False, problem="cpu is full first"
            )
        return room

    def _calm(self, now: Now, metric_key: str) -> float | None:
        """A metric over the last half minute; None while its latest reading is not known."""
        latest = _value(now.readings, metric_key)
        return None if latest is None else self._recent.get(metric_key, latest)

    def _past_full(self, curve: Fit, limit: Limit) -> bool:
        """Whether a latency limit lies beyond the load that takes all of the CPU.

        An exponential knows nothing of saturation: it runs on where no request can be served.
        """
        cpu = next((f for f in self._fits if f.target in CPU), None)
        if cpu is None or cpu.load != curve.load:
            return False
        full, at = crossing(cpu, 1.0)[0], crossing(curve, limit.value)[0]
        return full is not None and at is not None and at.value > full.value

    def _subjects(
        self, readings: Mapping[str, Reading], room: tuple[Headroom, ...]
    ) -> tuple[Subject, ...]:
        """What to look ahead for, in a stable order, each with the limit that matters."""
        settings = self._settings
        app = settings.app.interval
        target = settings.utilization_target
        capacity = min(
            (h.at.value for h in room if h.at is not None and h.load == RATE), default=None
        )
        cpu = next((k for k in CPU if _value(readings, k) is not None), CPU[-1])
        memory = next((k for k in MEMORY if _value(readings, k) is not None), MEMORY[-1])
        found = [
            Subject(RATE, capacity, app),
            Subject(LATENCY, settings.objectives.latency_p95, app),
            Subject(cpu, target, app if cpu == CPU[0] else settings.interval),
            Subject(memory, target, app if memory == MEMORY[0] else settings.interval),
        ]
        full = [
            (v, k)
            for k in readings
            if k.startswith(FILESYSTEM) and (v := _value(readings, k)) is not None
        ]
        if full:
            found.append(Subject(max(full)[1], settings.thresholds.disk.warning, settings.interval))
        for subject in found:
            self._turns.setdefault(subject.metric, _Turn(Scoreboard()))
        return tuple(found)

    def _forecast_one(self, history: History, now: Now, subjects: tuple[Subject, ...]) -> None:
        """Make the forecast that is longest overdue, if any is, and try those that wait for points.

        What waits for points costs next to nothing to ask again, and is waited for.
        """

        def overdue(subject: Subject) -> float:
            turn = self._turns[subject.metric]
            if now.monotonic < turn.made:
                return math.inf
            step = turn.forecast.step if turn.forecast is not None else 0.0
            return now.monotonic - turn.made - max(FORECAST_PACE, step)

        waiting = [s for s in subjects if self._waits(s, now.monotonic)]
        due = max(subjects, key=overdue)
        if overdue(due) >= 0 and due not in waiting:
            waiting.append(due)
        ahead = self._settings.forecast
        for subject in waiting:
            turn = self._turns[subject.metric]
            turn.made = now.monotonic
            turn.forecast = look_ahead(
                history, subject, now.at, ahead.horizon, ahead.level, turn.board
            )

    def _waits(self, subject: Subject, monotonic: float) -> bool:
        """Whether a forecast could not be made yet and may be tried again."""
        turn = self._turns[subject.metric]
        tried = turn.forecast is not None and bool(turn.forecast.problem)
        return tried and not 0 <= monotonic - turn.made < RETRY_PACE


def _app_memory_limit(work: Workload) -> float | None:
    """Bytes that one replica may use: what it uses over the share that this is, as a median."""
    usage, share = work.series[MEMORY_USAGE], work.series[MEMORY[0]]
    with np.errstate(all="ignore"):
        limit = usage / share
    limit = limit[np.isfinite(limit) & (limit > 0)]
    return float(np.median(limit)) if len(limit) else None


def _value(readings: Mapping[str, Reading], metric_key: str) -> float | None:
    reading = readings.get(metric_key)
    if reading is None or reading.value is None or not math.isfinite(reading.value):
        return None
    return reading.value
