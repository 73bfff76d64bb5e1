"""A record of thirty days in a history file: real load and CPU, and what follows from them by a stated law."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from capmon.clock import ManualClock
from capmon.config.scaling import ScalingSettings, TierSettings
from capmon.config.schema import AppSettings, Settings
from capmon.store.history_writer import HistoryWriter, Retention

FOLDER = Path(__file__).parents[1] / "data" / "plan"

NAME = "web@recorded-01"
STEP = 300.0
UNTIL = 1_772_409_600.0
"""2026-03-02 00:00 UTC, a Monday."""

DAY = 86400.0
REPLICAS = 4
KEPT = Retention(raw=DAY, minutes=40 * DAY, hours=800 * DAY, max_size=2**28)

SCALE = 1 / 40
"""Share of the site's requests that the recorded service has."""

BESIDE = 0.002
"""Share of the CPU for each per cent that the other machine was busy: a fifth of it."""

COST = 0.0085
"""Share of the CPU that one request a second takes of a replica."""

FULL = 110.0
"""Requests a second at which a replica is full."""

SERVICE = 0.04
"""95th percentile of an idle replica, seconds."""

SETTINGS = Settings(
    app=AppSettings(name="web"),
    time_zone="UTC",
    scaling=ScalingSettings(min=2, max=10, price_per_hour=0.17),
    tiers=(
        TierSettings("tier_2", cores=4, memory=8 * 2.0**30, price_per_hour=0.17),
        TierSettings("tier_3", cores=8, memory=16 * 2.0**30, price_per_hour=0.34),
    ),
)
"""What the plan is made with."""


def series(name: str) -> np.ndarray:
    """Values of one file; NaN where there is a gap."""
    rows = gzip.decompress((FOLDER / name).read_bytes()).decode().split("\n")[1:]
    rows = rows[:-1] if rows[-1] == "" else rows
    return np.array([float(row) if row.strip() else np.nan for row in rows])


def record(path: Path) -> None:
    """Write the record."""
    requests, cpu = series("requests.csv.gz"), series("cpu.csv.gz")
    n = len(requests)
    times = UNTIL - STEP * np.arange(n, 0, -1)
    rate = requests * SCALE
    each = rate / REPLICAS
    other = np.full(n, np.nan)
    other[n - len(cpu) :] = cpu
    columns = {
        "http.server.request.rate": rate,
        "http.server.request.duration.p95": SERVICE / (1 - np.minimum(each / FULL, 0.97)),
        "system.cpu.utilization": np.minimum(1.0, BESIDE * other + COST * each),
        "system.cpu.limit": np.full(n, 4.0),
        "replicas.ready": np.full(n, float(REPLICAS)),
        'system.filesystem.utilization{mountpoint="/"}': 0.62 + 0.004 * (times - times[0]) / DAY,
    }
    writer = HistoryWriter.open(path, ManualClock(UNTIL), NAME, KEPT)
    for key, values in columns.items():
        known = np.isfinite(values)
        writer.add(key, times[known], values[known], STEP)
    writer.close()
