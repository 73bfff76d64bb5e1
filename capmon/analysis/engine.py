"""One step of analysis at a time: bottlenecks always, models and forecasts when they are due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capmon.analysis.bottlenecks.bottleneck import Detector
from capmon.analysis.bottlenecks.recommend import priority, recommendations
from capmon.analysis.days.longview import LongView
from capmon.analysis.foresight.forecaster import Forecaster
from capmon.analysis.models import Models
from capmon.analysis.sizing import advise
from capmon.analysis.stabilize import Stabilizer
from capmon.analysis.utilization import utilization
from capmon.analysis.windows import History
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses
from capmon.model.patterns import Demand, Growth, Patterns
from capmon.model.results import (
    Advice,
    Bottleneck,
    Fit,
    Forecast,
    Headroom,
    Health,
    Priority,
    Recommendation,
    ReplicaState,
    Trigger,
    UtilizationReport,
)


@dataclass(frozen=True, slots=True)
class Now:
    """What one step starts from."""

    at: float
    """Unix time, for labels and for the end of windows."""

    window: float
    """Seconds of history that the screen shows."""

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

    app_state: Health | None = None
    """How the application's source does; None where there is none."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one step found, in the types of a frame's fields."""

    fits: tuple[Fit, ...]
    """Models of resources and latency over load."""

    scalability: Fit | None
    """Throughput of a replica over the requests that it serves at once; None where they are not counted."""

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

    triggers: tuple[Trigger, ...]
    """Every threshold that is watched, the nearest to harm first."""

    utilization: UtilizationReport
    """Current utilization against capacity."""

    advice: Advice
    """What the models advise."""

    transitions: tuple[str, ...]
    """One line for each bottleneck that began, changed or ended in this step."""

    changes: tuple[str, ...] = ()
    """One line for each change of the service at equal load that this step found."""

    patterns: Patterns | None = None
    """Days and weeks of the load."""

    growth: tuple[Growth, ...] = ()
    """Where load and resources are heading over days."""

    demands: tuple[Demand, ...] = ()
    """What one request costs."""


class Engine:
    """The analysis, which remembers what lasts from step to step."""

    def __init__(self, settings: Settings, time_zone: str = "UTC") -> None:
        self._settings = settings
        self.models = Models(settings)
        """The curves, for benchmarks and for what asks between steps."""
        self._forecaster = Forecaster(settings)
        self._long = LongView(settings, time_zone)
        self._stabilizer = Stabilizer()
        self._detector = Detector(settings)

    def step(self, history: History, now: Now) -> Analysis:
        """Analyse one tick; models and forecasts that are not due are those of before."""
        models = self.models
        changes = models.step(history, now.at, now.window, now.monotonic)
        room = models.headroom(now.readings, now.replicas)
        forecasts = self._forecaster.step(history, now.at, now.monotonic, now.readings, room)
        self._long.step(history, now.at, now.monotonic, now.readings)
        found, transitions = self._detector.step(
            now.at,
            now.monotonic,
            now.readings,
            now.texts,
            now.processes,
            now.replicas,
            models.follows,
            headroom=room,
            forecasts=forecasts,
            fits=models.fits,
            app_state=now.app_state,
        )
        return Analysis(
            fits=models.fits,
            scalability=models.scalability,
            headroom=room,
            forecasts=forecasts,
            bottlenecks=found,
            priority=priority(found),
            recommendations=recommendations(found),
            triggers=self._detector.triggers,
            utilization=utilization(self._settings, now.readings),
            advice=self._stabilizer.apply(
                self._advise(now, forecasts), now.replicas, found, now.monotonic
            ),
            transitions=transitions,
            changes=changes,
            patterns=self._long.patterns,
            growth=self._long.growth,
            demands=self._long.demands,
        )

    def _advise(self, now: Now, forecasts: tuple[Forecast, ...]) -> Advice:
        """Count replicas for the last half minute, and for what forecasts that hold expect."""
        models, settings = self.models, self._settings
        return advise(
            settings.scaling,
            settings.utilization_target,
            now.replicas,
            models.calm(now.readings),
            models.fits,
            models.limits(),
            tuple(f for f in forecasts if not f.demoted),
        )

    def reset_models(self, at: float, reason: str) -> None:
        """Leave out what was measured before `at`: a deploy or a change of the configuration."""
        self.models.reset(at, reason)
