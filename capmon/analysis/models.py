"""The rolling models: curves over load, where they bind, and since when they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from capmon.analysis.changes import block_means, change_point
from capmon.analysis.curves.fits import Question, fit_latency, fit_resource, fit_usl
from capmon.analysis.curves.headroom import Limit, headroom, in_order
from capmon.analysis.effect import FULL_FIRST, past_full, whole_load
from capmon.analysis.windows import History, Vec
from capmon.analysis.workload import Workload, correlation, workload
from capmon.config.schema import Settings
from capmon.model.frame import Reading, value_of
from capmon.model.metric import metric
from capmon.model.names import (
    CPU,
    IN_FLIGHT,
    LATENCY,
    MEMORY,
    MEMORY_USAGE,
    RATE,
    RATE_PER_REPLICA,
    USERS,
    USERS_PER_REPLICA,
)
from capmon.model.results import Fit, FitKind, Headroom, ReplicaState
from capmon.model.units import percent

RECENT = 30.0
"""Seconds whose median stands for the present in headroom and advice: one reading is noise."""

FIT_PACE = 5.0
"""Seconds between two fits, at least."""

SCALABILITY_CELL = 20.0
"""Seconds over which requests in flight and throughput are averaged for the law of scalability."""

CHANGE_CELLS = 300
"""Cells into which a window is drawn together to look for a change."""

LEAST_CHANGE = 60.0
"""Seconds that a change must have lasted before it is believed."""

_LEAST_PAIRS = 30
_REPLICAS_HOLD = 3
_CURVE_POINTS = 48


class Models:
    """Fits every curve anew when asked, and forgets what a change made worthless."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.fits: tuple[Fit, ...] = ()
        """The curves of the last fit."""
        self.follows: float | None = None
        """Correlation of the response time with the CPU; None when not known."""
        self.scalability: Fit | None = None
        """Throughput of a replica over the requests that it serves at once."""
        self._work: Workload | None = None
        self._fitted: float | None = None
        self._stage = 0
        self._memory_limit: float | None = None
        self._recent: dict[str, float] = {}
        self._from: float | None = None
        self._since = ""

    def reset(self, at: float, reason: str) -> None:
        """Leave out what was measured before `at`, and say why beside what is too young."""
        self._from, self._since = at, reason
        self._fitted = None

    def refit(self, history: History, end: float, window: float) -> tuple[str, ...]:
        """Fit every curve to one window at once; a change found in it starts the models there.

        Args:
            history: Recorded series.
            end: Unix time of the end.
            window: Seconds that the screen shows: whether latency follows the CPU is said of these.

        Returns:
            A line for each change found.
        """
        work = self._work = self._read(history, end, window)
        self._fit_resources(work)
        self._fit_latency(work)
        return self._look_for_change(work, history, end, window)

    def step(
        self, history: History, end: float, window: float, monotonic: float
    ) -> tuple[str, ...]:
        """Do the part of the fits that is due, one a tick, so that no tick bears them all."""
        work = self._work
        if self._fitted is None or work is None:
            self._fitted, self._stage = monotonic, 0
            return self.refit(history, end, window)
        if not self._stage and 0 <= monotonic - self._fitted < FIT_PACE:
            return ()
        stage, self._stage = self._stage, (self._stage + 1) % 3
        if stage == 0:
            self._fitted = monotonic
            work = self._work = self._read(history, end, window)
            self._fit_resources(work)
        elif stage == 1:
            self._fit_latency(work)
        else:
            return self._look_for_change(work, history, end, window)
        return ()

    def calm(self, readings: Mapping[str, Reading]) -> Mapping[str, Reading]:
        """Readings as they were over the last half minute."""
        return {k: replace(r, value=self._calm(readings, k)) for k, r in readings.items()}

    def limits(self) -> dict[str, Limit]:
        """What each metric must not pass, by metric key."""
        target = self._settings.utilization_target
        found = {key: Limit(target, "utilization_target") for key in (*CPU, *MEMORY)}
        found[LATENCY] = Limit(self._settings.objectives.latency_p95, "objectives.latency_p95")
        if self._memory_limit is not None:
            found[MEMORY_USAGE] = Limit(target * self._memory_limit, "utilization_target")
        return found

    def headroom(
        self, readings: Mapping[str, Reading], replicas: ReplicaState | None
    ) -> tuple[Headroom, ...]:
        """Where each curve binds, the first to bind in front."""
        limits = self.limits()
        return in_order(
            [
                self._headroom(f, limits[f.target], readings, replicas)
                for f in self.fits
                if f.target in limits
            ]
        )

    def _read(self, history: History, end: float, window: float) -> Workload:
        """The series of one window, and what they say of the last half minute."""
        settings = self._settings
        seconds = settings.models.window
        pace = max(settings.interval, settings.app.interval)
        if self._from is not None and self._from <= end - seconds:
            self._from, self._since = None, ""
        hold = max(_REPLICAS_HOLD * settings.scaling.target.interval, 15.0)
        work = workload(history, end, seconds, pace, self._from, hold, settings.models.min_points)
        self._recent = work.medians(math.ceil(RECENT / work.step))
        recent = -max(_LEAST_PAIRS, math.ceil(max(window, 300.0) / work.step))
        cpu = work.series[work.first_seen(CPU)]
        self.follows = correlation(cpu[recent:], work.series[LATENCY][recent:], _LEAST_PAIRS)
        return work

    def _fit_resources(self, work: Workload) -> None:
        """Fit CPU and memory; the latency stays as it was."""
        self._memory_limit = _app_memory_limit(work)
        limit = self._memory_limit
        memory = MEMORY_USAGE if limit is not None else work.first_seen(MEMORY)
        users = USERS if work.seen(USERS) else RATE
        cpu = self._question(work, work.first_seen(CPU), RATE)
        of_memory = self._question(work, memory, users)
        self.fits = (
            fit_resource(cpu, work.load(RATE), work.series[cpu.target], cap=1.0),
            fit_resource(
                of_memory,
                work.load(users),
                work.series[memory],
                cap=1.0 if limit is None else limit,
            ),
            *self.fits[2:],
        )

    def _fit_latency(self, work: Workload) -> None:
        """Fit the response time; what is full with the CPU cannot answer for ever."""
        cpu = self.fits[0]
        question = self._question(work, LATENCY, RATE, FitKind.EXPONENTIAL)
        before = next((f for f in self.fits[2:] if not f.problem), None)
        question = replace(question, usual=None if before is None else before.kind)
        pole = cpu.saturates_at if cpu.load == question.load else None
        curve = fit_latency(question, work.load(RATE), work.series[LATENCY], pole=pole)
        self.fits = (*self.fits[:2], curve)

    def _fit_scalability(self, work: Workload) -> Fit | None:
        """The law of scalability, of cells long enough that a count at one moment stands for them."""
        if not work.seen(IN_FLIGHT):
            return None
        width = max(1, math.ceil(SCALABILITY_CELL / work.step))
        # Blocks begin at multiples of their length: the next fit has the same ones.
        odd = round(work.end / work.step) % width
        keep = slice(None, -odd or None)
        at_once, rate = (block_means(work.load(key)[keep], width) for key in (IN_FLIGHT, RATE))
        target = RATE_PER_REPLICA if work.per_replica else RATE
        asked = self._question(work, target, IN_FLIGHT, FitKind.USL)
        return fit_usl(asked, at_once, rate, measured=False)

    def _look_for_change(
        self, work: Workload, history: History, end: float, window: float
    ) -> tuple[str, ...]:
        """Fit the throughput, and start the models where the service changed at equal load."""
        self.scalability = self._fit_scalability(work)
        found = self._changed(work)
        if found is None:
            return ()
        at, said = found
        self._from, self._since = at, f"change at {datetime.fromtimestamp(at, UTC):%H:%M}"
        work = self._work = self._read(history, end, window)
        self._fit_resources(work)
        self._fit_latency(work)
        self.scalability = self._fit_scalability(work)
        return (said,)

    def _question(
        self, work: Workload, target: str, load: str, kind: FitKind = FitKind.LINEAR
    ) -> Question:
        shared = {RATE: RATE_PER_REPLICA, USERS: USERS_PER_REPLICA, IN_FLIGHT: IN_FLIGHT}
        return Question(
            target=target,
            load=shared[load] if work.per_replica else load,
            kind=kind,
            min_points=self._settings.models.min_points,
            min_spread=self._settings.models.min_spread,
            window=work.window,
            per_replica=work.per_replica,
            since=self._since,
        )

    def _changed(self, work: Workload) -> tuple[float, str] | None:
        """When a curve stopped to hold, the latest if there are several, and a line that says so."""
        width = max(1, int(work.window / work.step) // CHANGE_CELLS)
        found: list[tuple[float, str]] = []
        for curve in self.fits:
            if curve.problem or curve.target not in (*CPU, LATENCY):
                continue
            load = block_means(work.load(whole_load(curve)), width)
            actual = block_means(work.series[curve.target], width)
            change = change_point(_expected(curve, load), actual, load)
            if change is None:
                continue
            at = work.begins(len(load) * width - change.cell * width)
            if work.end - at >= LEAST_CHANGE:
                usual = float(np.nanmedian(actual[: change.cell]))
                share = change.size / usual if usual else math.inf
                found.append((at, _said(curve.target, share, at)))
        return max(found, default=None)

    def _headroom(
        self,
        curve: Fit,
        limit: Limit,
        readings: Mapping[str, Reading],
        replicas: ReplicaState | None,
    ) -> Headroom:
        load = whole_load(curve)
        ready = None if replicas is None else replicas.ready
        room = headroom(curve, limit, load, self._calm(readings, load), ready)
        if curve.target == LATENCY and room.at is not None and past_full(self.fits, curve, limit):
            return replace(
                room, at=None, multiple=None, extrapolated=False, needs=None, problem=FULL_FIRST
            )
        return room

    def _calm(self, readings: Mapping[str, Reading], metric_key: str) -> float | None:
        """A metric over the last half minute; None while its latest reading is not known."""
        latest = value_of(readings, metric_key)
        return None if latest is None else self._recent.get(metric_key, latest)


def _expected(curve: Fit, load: Vec) -> Vec:
    """The curve at many loads, from a table: one at a time it would cost milliseconds."""
    low, high = float(curve.load_min or 0.0), float(curve.load_max or 0.0)
    grid = np.linspace(low, high, _CURVE_POINTS)
    heights = np.array([_finite(curve.predict(float(x))) for x in grid])
    # Beyond the loads that the curve was fitted to it says nothing of what is usual.
    expected: Vec = np.interp(load, grid, heights, left=math.nan, right=math.nan)
    return np.where(np.isfinite(load), expected, math.nan)


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value


def _said(target: str, share: float, at: float) -> str:
    more = "more" if share > 0 else "less"
    label = metric(target).label
    size = f"{percent(min(abs(share), 9.99))} % {more}"
    return f"{label}: {size} at the same load since {datetime.fromtimestamp(at, UTC):%H:%M}"


def _app_memory_limit(work: Workload) -> float | None:
    """Bytes that one replica may use: what it uses over the share that this is, as a median."""
    usage, share = work.series[MEMORY_USAGE], work.series[MEMORY[0]]
    with np.errstate(all="ignore"):
        limit = usage / share
    limit = limit[np.isfinite(limit) & (limit > 0)]
    return float(np.median(limit)) if len(limit) else None
