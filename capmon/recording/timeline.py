"""A record as frames: what every pane would have shown at a moment, and what came after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from capmon.clock import Clock, rfc3339
from capmon.config.schema import Settings
from capmon.errors import CapmonError, SnapshotError
from capmon.model.forecasts import Forecast
from capmon.model.frame import Event, Frame, Past, Reading, Trend
from capmon.model.names import DESIRED, READY
from capmon.model.results import ReplicaState
from capmon.model.units import span
from capmon.recording.blocks import Blocks
from capmon.snapshot_read import revived
from capmon.store.course import HOUR

if TYPE_CHECKING:
    from capmon.store.history_reader import HistoryReader

OLDEST_RESULTS = 600.0
"""Seconds before a moment up to which results that were kept are still those of the moment."""

NOT_RECORDED = "not recorded then"
"""Why a value of the past is not known."""

LEAST_WITHIN = 10.0
"""Seconds that a reading may be old in any case."""

INTERVALS_WITHIN = 3.0
"""Intervals of its source that a reading may be old."""

LABELLED = "system.filesystem."
"""Of metrics with labels, those that get a trend, as while live."""

LOOKED_BACK = 30 * 86400.0
"""Seconds before a moment from which its events are told."""

MOST_BESIDE = 200
"""Events among which the nearest one is looked for."""

FIRST_REACH = 3600.0
"""Seconds after a moment in which the next event is looked for first."""

OF_NOW = ("sequence", "at", "interval", "window", "readings", "trends", "events", "came", "past", "recording")  # fmt: skip
"""Fields of a frame that are not kept with the results."""

FACTS = ("host", "app_name", "app_source")
"""What is kept with the results and does not age."""

RESULTS_KEPT = 16
"""Documents that are kept as values: a step to and fro reads none anew."""


@dataclass(frozen=True, slots=True)
class _Results:
    """What the analysis had found at one moment."""

    at: float
    values: Mapping[str, Any]
    notes: tuple[str, ...]


class Timeline:
    """Frames of one record by their moment. One thread owns it, and its reader.

    Args:
        reader: The record.
        settings: The configuration of now, for what the record does not say.
        clock: Time, where the record is of this machine: what lies ahead of it was written by a
            clock that was wrong, and is not shown.
    """

    def __init__(
        self, reader: HistoryReader, settings: Settings, clock: Clock | None = None
    ) -> None:
        self._reader = reader
        self._settings = settings
        self._clock = clock
        self._blocks = Blocks(reader)
        self._results: dict[float, _Results] = {}
        self._came: dict[tuple[str, float, float], tuple[float, Trend]] = {}
        self._gap = (math.inf, math.inf)
        self._sequence = 0
        self.start = self.end = 0.0
        """Unix times of the first and the last reading."""
        self.renew()

    def renew(self) -> None:
        """Take in what was recorded since the last look.

        Raises:
            CapmonError: Nothing is recorded.
        """
        found = self._reader.span()
        if found is None:
            raise CapmonError(f"nothing is recorded of {self._reader.name}")
        self.start, self.end = found
        if self._clock is not None and self.start <= (now := self._clock.now()):
            self.end = min(self.end, now)
        self._blocks.renew(self.end)

    @property
    def name(self) -> str:
        """Whose record it is."""
        return self._reader.name

    def close(self) -> None:
        """Let go of the record."""
        self._reader.close()

    def frame_at(self, at: float, window: float) -> Frame:
        """What every pane shows of a moment, or of that end of the record that is nearer.

        Args:
            at: Unix time.
            window: Seconds that trends cover.
        """
        self.renew()
        at = min(max(at, self.start), self.end)
        tier = self._blocks.tier(at)
        readings = self._readings(at, tier)
        results, notes = self._results_at(at)
        values = dict(results.values) if results is not None else {}
        fresh = results is not None and at - results.at <= OLDEST_RESULTS
        if not fresh:
            values = {k: v for k, v in values.items() if k in FACTS}
        known = values.get("replicas")
        if known is not None:
            values["replicas"] = counted = _counted(known, readings)
            if known.ready is None and counted.ready is not None:
                # Made before the count was known, it speaks of what is no longer so.
                values.pop("advice", None)
        self._sequence += 1
        past = Past(
            kind="replay",
            name=self.name,
            results_at=results.at if results is not None and fresh else None,
            since=self.start,
            end=self.end,
            note="; ".join(filter(None, [self._kept_as(at, tier, readings), *notes])),
        )
        return Frame(
            sequence=self._sequence,
            at=at,
            interval=self._settings.interval,
            window=window,
            readings=readings,
            trends=self._trends(readings, at, window),
            events=self._reader.events(at - LOOKED_BACK, at),
            came=self._came_after(values.get("forecasts", ())),
            past=past,
            **{**self._unsaid(readings), **values},
        )

    def event_beside(self, at: float, step: int) -> Event | None:
        """The next event after a moment for a step of 1, the last one before it for -1."""
        if step > 0:
            later = self._first_after(at)
            return min(later, key=lambda e: e.at, default=None)
        earlier = self._reader.events(0.0, at, MOST_BESIDE)
        return next((e for e in earlier if e.at < at), None)

    def _first_after(self, at: float) -> list[Event]:
        """The earliest events after a moment: of a stretch, the latest are told first."""
        none_within, too_many = 0.0, math.inf
        reach = FIRST_REACH
        while True:
            found = self._reader.events(at, at + reach, MOST_BESIDE)
            later = [e for e in found if e.at > at]
            if len(found) >= MOST_BESIDE and reach - none_within > 1.0:
                too_many = reach
            elif later or at + reach > self.end + FIRST_REACH:
                return later
            else:
                none_within = reach
            reach = reach * 3.0 if math.isinf(too_many) else (none_within + too_many) / 2

    # Readings

    def _readings(self, at: float, tier: float | None) -> dict[str, Reading]:
        """The last reading of each metric, those with labels only where there is one."""
        out: dict[str, Reading] = {}
        for key in self._blocks.keys:
            if tier:
                found = self._blocks.mean(key, at, tier)
            else:
                within = max(INTERVALS_WITHIN * self._blocks.interval(key), LEAST_WITHIN)
                found = self._blocks.reading(key, at, within)
            if found is not None:
                out[key] = Reading(found[1], found[0])
            elif "{" not in key:
                out[key] = Reading(None, None, NOT_RECORDED)
        return out

    def _kept_as(self, at: float, tier: float | None, readings: Mapping[str, Reading]) -> str:
        """What to keep in mind of values that stand for more than their moment, or that are none."""
        if tier is None or all(r.value is None for r in readings.values()):
            last, then = self._around_gap(at)
            return f"nothing was recorded then: the last reading before is of {_second(last)}, the next of {_second(then)}"
        if not tier:
            return ""
        return "minutes alone: readings are not kept so long" if tier < HOUR else "hours alone: minutes are not kept so long"  # fmt: skip

    def _around_gap(self, at: float) -> tuple[float, float]:
        """The last reading before a moment without any, and the first after it, to the minute where many lie between."""
        if not self._gap[0] <= at < self._gap[1]:
            keys = self._blocks.keys
            before = (self._reader.latest(k, at) for k in keys)
            last = max((f[0] for f in before if f is not None), default=self.start)
            reach = math.floor(at / HOUR) * HOUR
            hours = (self._reader.hours(k, reach, self.end).times for k in keys)
            for hour in sorted({float(t) for times in hours for t in times}):
                found = [m for k in keys if (m := self._first_in(k, at, hour)) is not None]
                if found:
                    self._gap = last, min(found)
                    break
            else:
                self._gap = last, self.end
        return self._gap

    def _first_in(self, metric_key: str, at: float, hour: float) -> float | None:
        """The first reading of an hour after a moment, or the minute or hour that it stands in."""
        raw = self._reader.raw(metric_key, max(at, hour), hour + HOUR).times
        if len(raw):
            return float(raw[0])
        for read in (self._reader.minutes, self._reader.hours):
            begun = read(metric_key, hour, hour + HOUR).times
            later = begun[begun >= at]
            if len(later):
                return float(later[0])
        return None

    def _trends(self, readings: Mapping[str, Reading], at: float, window: float) -> dict[str, Trend]:  # fmt: skip
        keys = [k for k in readings if "{" not in k or k.startswith(LABELLED)]
        return self._blocks.trends(keys, at, window)

    def _unsaid(self, readings: Mapping[str, Reading]) -> dict[str, Any]:
        """Name and source of the application, where only readings speak of one."""
        name, at, _ = self.name.rpartition("@")
        name = name if at else self.name
        served = any(k.startswith(("http.", "app.", "cache.", "db.")) for k in readings)
        return {"app_name": name, "app_source": "history" if served else "none"}

    # Results

    def _results_at(self, at: float) -> tuple[_Results | None, list[str]]:
        """The last results kept at or before a moment, and what to keep in mind of them."""
        kept = self._reader.kept(at)
        if kept is None:
            return None, ["no models or forecasts were kept before"]
        known = self._results.get(kept.at)
        if known is None:
            known = self._results[kept.at] = _revived(kept.at, kept.document)
            while len(self._results) > RESULTS_KEPT:
                del self._results[next(iter(self._results))]
        notes = list(known.notes)
        if at - kept.at > OLDEST_RESULTS:
            notes.insert(0, f"models and forecasts were last kept {span(at - kept.at)} before")
        return known, notes

    # What came

    def _came_after(self, forecasts: tuple[Forecast, ...]) -> dict[str, Trend]:
        """The course of each forecast metric in the cells of its forecast, as far as it is known."""
        out: dict[str, Trend] = {}
        for f in forecasts:
            if not f.median or f.step <= 0 or f.metric not in self._blocks.keys:
                continue
            place = f.metric, f.made_at, f.step
            known = self._came.get(place)
            if known is None or min(self.end, f.made_at + f.horizon) > known[0]:
                trend = self._course(f)
                if trend is None:
                    continue
                if len(self._came) > 256:
                    self._came.clear()
                known = self._came[place] = self.end, trend
            out[f.metric] = known[1]
        return out

    def _course(self, forecast: Forecast) -> Trend | None:
        """What came in the cells that a forecast speaks of; None before the first has ended."""
        step = forecast.step
        end = math.floor(min(self.end, forecast.made_at + forecast.horizon) / step) * step
        n = round((end - forecast.made_at) / step)
        if n < 1:
            return None
        row = self._reader.window([forecast.metric], end, n * step, step)[0]
        return Trend(end, step, tuple(row.tolist()))


def _second(at: float) -> str:
    return rfc3339(at, timespec="seconds")


def _counted(state: ReplicaState, readings: Mapping[str, Reading]) -> ReplicaState:
    """The target with the counts that were read last, which are younger than the results."""
    ready, desired = (readings.get(k) for k in (READY, DESIRED))
    if ready is None or desired is None or ready.value is None or desired.value is None:
        return state
    counts = round(ready.value), round(desired.value)
    return replace(state, ready=counts[0], desired=counts[1], at=ready.at, reason="")


@cache
def _kinds() -> dict[str, Any]:
    """Types of the fields that are kept, by name."""
    hints = get_type_hints(Frame)
    return {f.name: hints[f.name] for f in fields(Frame) if f.name not in OF_NOW}


def _revived(at: float, document: Mapping[str, Any]) -> _Results:
    """Results from their document; a field that does not fit is left out and said."""
    kinds = _kinds()
    values: dict[str, Any] = {}
    notes = []
    for name, plain in document.items():
        if name in kinds:
            try:
                values[name] = revived(kinds[name], plain)
            except SnapshotError as fault:
                notes.append(f"{name} of {_second(at)} cannot be read: {fault}")
    return _Results(at, values, tuple(notes))
