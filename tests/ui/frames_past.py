"""Sample frames of moments that are not now, with what came after them."""

from __future__ import annotations

import math
from dataclasses import replace

import frames
from frames import NOW, P95, RATE
from frames_analysis import busy

from capmon.model.forecasts import Forecast
from capmon.model.frame import Event, Frame, Past, Recording, Trend

BACK = 7380.0
"""Seconds that the moment lies back: 2 h 3 m."""


def came(forecast: Forecast, off: float, cells: int) -> Trend:
    """What came of a forecast: its median, off by a share that waxes along the way."""
    values = tuple(
        m * (1 + off * i / cells + 0.03 * math.sin(i * 1.9))
        for i, m in enumerate(forecast.median[:cells])
    )
    return Trend(forecast.made_at + cells * forecast.step, forecast.step, values)


def past() -> Frame:
    """Two hours back while the monitor is live: a forecast that held, one that did not, one half known."""
    base = busy()
    known = {f.metric: came(f, 0.04, len(f.median)) for f in base.forecasts if f.median}
    by_key = {f.metric: f for f in base.forecasts}
    known[P95] = came(by_key[P95], 0.6, 36)
    known[RATE] = came(by_key[RATE], 0.02, 12)
    return replace(
        base,
        came=known,
        past=Past("replay", "web@db-01", NOW - 95.0, NOW - 86400.0 * 3, NOW + BACK),
        recording=Recording("recording", "every reading for 24 h, minutes for 30 d"),
        events=(
            Event(NOW - 12, "bottleneck", "memory high: 81 % > 80 %"),
            Event(NOW - 340, "action", "3 → 4 replicas: done"),
            Event(NOW - 7000, "note", "release 4.2 is out"),
        ),
    )


def end() -> Frame:
    """The end of a record that is replayed and holds readings alone."""
    base = frames.busy()
    return replace(
        base,
        host=None,
        engine_ready=False,
        forecasts=(),
        bottlenecks=(),
        past=Past(
            "replay",
            "web@db-01",
            None,
            NOW - 86400.0,
            NOW,
            "no models or forecasts were kept before",
        ),
    )


def file() -> Frame:
    """A snapshot of someone else's."""
    moment = Past("file", "incident-of-the-first-of-march.json", None, NOW, NOW)
    return replace(busy(), past=moment)


def recorded() -> Frame:
    """Now, with a record that cannot be written at the moment."""
    return replace(frames.busy(), recording=Recording("failing", "disk full: 12 s not recorded"))


ALL = {"past": past, "end": end, "file": file, "recorded": recorded}
"""Every sample by name."""
