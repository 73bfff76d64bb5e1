"""A frame that does not move: somebody's snapshot in the screens of the monitor, where nothing can be done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from capmon.clock import Clock
from capmon.config.loaded import Loaded
from capmon.config.schema import WINDOWS, Duration, Ratio, Settings
from capmon.model.frame import Frame, Past, Trend
from capmon.model.text import one_line
from capmon.monitor.front import EVENTS_KEPT, Front
from capmon.recording.tame import tamed
from capmon.snapshot_read import Snapshot, read


class Still(Front):
    """Gives one frame, and gives it again when its window or its notes change.

    Args:
        frame: What is shown.
        settings: What the screen is told of settings.
        clock: Time, for notes alone: every age in the frame counts from the frame's own moment.
    """

    def __init__(self, frame: Frame, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._whole = frame
        self._events.extendleft(reversed(frame.events[:EVENTS_KEPT]))
        self._started = False
        self.frame = frame

    async def start(self, *, host_first: bool = False) -> None:
        """Give the frame."""
        del host_first
        self._started = True
        self._give()

    def start_engine(self) -> None:
        """Nothing: all that there is was analysed when the snapshot was taken."""

    async def stop(self) -> None:
        """Nothing runs."""
        self._started = False

    def forget_models(self, reason: str) -> None:
        """Nothing: these models will see no new measurement."""

    def set_window(self, seconds: float) -> None:
        """Show this much of what the snapshot holds, which may be less."""
        super().set_window(seconds)
        self._give()

    def note(self, kind: str, text: str) -> None:
        """Add an event, which shows at once."""
        super().note(kind, text)
        self._give()

    def _give(self) -> None:
        if not self._started:
            return
        whole, shown = self._whole, min(self._window, self._whole.window)
        trends = whole.trends
        if shown < whole.window:
            trends = {k: _end_of(t, shown) for k, t in trends.items()}
        before = self.frame or whole
        self.frame = replace(
            whole,
            sequence=before.sequence + 1,
            window=shown,
            trends=trends,
            events=tuple(self._events),
        )
        for listener in self._listeners:
            listener(self.frame)


def _end_of(trend: Trend, seconds: float) -> Trend:
    """The last cells of a course, as many as a window of that length has."""
    return replace(trend, values=trend.values[-math.ceil(seconds / trend.step) :])


@dataclass(frozen=True, slots=True)
class Opened:
    """A snapshot, ready for the screen."""

    frame: Frame
    """What it shows, marked as a file's."""

    loaded: Loaded
    """The reader's configuration with what the snapshot says of its own in place."""

    notes: tuple[str, ...]
    """What a reader should know: what was left out, and whose settings these are."""


def opened(path: Path, loaded: Loaded) -> Opened:
    """Read a snapshot to be shown.

    Args:
        path: The file.
        loaded: The reader's own configuration.

    Raises:
        CapmonError: It cannot be read, is no snapshot, or cannot be shown.
    """
    return shown(read(path), path.name, loaded)


def shown(snapshot: Snapshot, name: str, loaded: Loaded) -> Opened:
    """A snapshot made fit for the screen, under the name of its file.

    Raises:
        CapmonError: Its pace or its window is no length of time.
    """
    frame, left = tamed(snapshot.frame)
    settings, taken = settings_of(frame, loaded.settings)
    whose = f"of the file: {', '.join(taken)}" if taken else "the file holds none"
    notes = (
        *(f"left out: {text}" for text in (*snapshot.notes, *left)),
        f"settings {whose}; all others are of this configuration",
    )
    before = frame.past
    origin = f"{one_line(name)}, {before.kind} of {before.name}" if before else one_line(name)
    past = Past(
        kind="file",
        name=origin,
        results_at=_results_at(frame),
        since=min([frame.at, *(_start(t) for t in frame.trends.values())]),
        end=frame.at,
        note="; ".join(notes),
    )
    # What is exported from here goes on to name the configuration that it was made with.
    path = Path(snapshot.config_path) if snapshot.config_path else None
    return Opened(
        replace(frame, past=past),
        replace(loaded, settings=settings, origins=snapshot.origins, path=path, shown={}),
        notes,
    )


def _results_at(frame: Frame) -> float | None:
    if frame.past is not None:
        return frame.past.results_at
    return frame.at if frame.engine_ready else None


def _start(trend: Trend) -> float:
    return trend.end - trend.step * len(trend.values)


Take = Callable[[Settings, Any], Settings]
"""Puts one value of a snapshot into settings."""


def settings_of(frame: Frame, settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The settings with what a frame says of its own, and the names of those."""
    taken = []
    for name, value, take in _said(frame):
        settings = take(settings, value)
        taken.append(name)
    return settings, tuple(taken)


def _said(frame: Frame) -> list[tuple[str, Any, Take]]:
    """Name, value and place of each setting that a frame tells."""
    found: list[tuple[str, Any, Take]] = [
        ("interval", frame.interval, lambda s, v: replace(s, interval=Duration(v))),
        ("app", frame.app_name, lambda s, v: replace(s, app=replace(s.app, name=v))),
    ]
    window = next((name for name, seconds in WINDOWS.items() if seconds == frame.window), None)
    if window is not None:
        found.append(("window", window, lambda s, v: replace(s, window=v)))
    objective = next((h.limit for h in frame.headroom if h.limit_name == OBJECTIVE), math.nan)
    if 0 < objective < math.inf:
        found.append((OBJECTIVE, objective, lambda s, v: replace(s, objectives=replace(s.objectives, latency_p95=Duration(v)))))  # fmt: skip
    target = math.nan if frame.utilization is None else frame.utilization.target
    if 0 < target <= 1:
        found.append(("utilization_target", target, lambda s, v: replace(s, utilization_target=Ratio(v))))  # fmt: skip
    level = next((f.level for f in frame.forecasts if f.median), math.nan)
    if 0 < level < 1:
        found.append(("forecast.level", level, lambda s, v: replace(s, forecast=replace(s.forecast, level=Ratio(v)))))  # fmt: skip
    return [*found, *_scaling_said(frame)]


def _scaling_said(frame: Frame) -> list[tuple[str, Any, Take]]:
    found: list[tuple[str, Any, Take]] = []
    state = frame.replicas
    if state is not None and state.minimum is not None and state.maximum is not None:
        ends = (state.minimum, state.maximum)
        found.append(("scaling.min and max", ends, lambda s, v: replace(s, scaling=replace(s.scaling, min=v[0], max=v[1]))))  # fmt: skip
    if frame.scaling is not None and frame.scaling.policy in POLICIES:
        policy = frame.scaling.policy
        found.append(("scaling.policy", policy, lambda s, v: replace(s, scaling=replace(s.scaling, policy=v))))  # fmt: skip
    return found


OBJECTIVE = "objectives.latency_p95"
"""What headroom calls the objective that it counts against."""

POLICIES = ("step", "hpa", "predictive")
"""Policies that there are."""
