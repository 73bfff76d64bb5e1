"""How the policies do on loads of many kinds, and what it costs to replay them.

    python benchmarks/simulate.py [PATTERN]

Loads made here, ten days of minutes each, of which the first seven are history; and those of the
folder that CAPMON_SERIES names, where their steps are five minutes at most. PATTERN picks loads by
name, such as `web*`. The capacity of a replica is such that the 99.95th percentile takes 40.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capmon.collectors.series_file import read_series
from capmon.config.scaling import ScalingSettings
from capmon.model.policies import Replay
from capmon.scaling.simulate.run import Recorded, Runs
from capmon.scaling.simulate.service import Service

Vec = NDArray[np.float64]

DAY, WEEK = 1440, 7 * 1440
DAYS = 10
COARSEST = 300.0
"""Seconds a step from which on a start-up of three minutes is lost in it."""
SHOWN = ("hpa", "predictive", "step")


def wave(n: int, swing: float = 0.6) -> Vec:
    """A day's course around 1."""
    return 1 + swing * np.sin(2 * np.pi * np.arange(n) / DAY)


def calm(rng: np.random.Generator, n: int) -> Vec:
    """A daily wave with little noise."""
    return wave(n) * np.exp(rng.normal(0, 0.03, n))


def noisy(rng: np.random.Generator, n: int) -> Vec:
    """A daily wave with much noise."""
    return wave(n) * np.exp(rng.normal(0, 0.2, n))


def nightly_job(rng: np.random.Generator, n: int) -> Vec:
    """Twenty minutes of three times the load at the same time every night."""
    return (wave(n, 0.3) + 2.0 * (np.arange(n) % DAY < 20)) * np.exp(rng.normal(0, 0.05, n))


def bursts(rng: np.random.Generator, n: int) -> Vec:
    """Bursts of ten minutes at random times."""
    load = wave(n, 0.3)
    for start in rng.integers(0, n - 10, n // 400):
        load[start : start + 10] *= rng.uniform(1.3, 2.5)
    return load * np.exp(rng.normal(0, 0.05, n))


def growth(rng: np.random.Generator, n: int) -> Vec:
    """A daily wave that grows by a tenth a day."""
    return wave(n, 0.4) * 1.1 ** (np.arange(n) / DAY) * np.exp(rng.normal(0, 0.08, n))


def wander(rng: np.random.Generator, n: int) -> Vec:
    """No rhythm at all: the logarithm walks at random."""
    steps = rng.normal(0, 0.03, n)
    for i in range(1, n):
        steps[i] += 0.999 * steps[i - 1]
    return np.exp(steps)


MADE: tuple[Callable[[np.random.Generator, int], Vec], ...] = (calm, noisy, nightly_job, bursts, growth, wander)  # fmt: skip


def loads(pattern: str) -> Iterator[tuple[str, float, Vec, int]]:
    """Name, seconds a step, load, and how many steps of it are history."""
    for make in MADE:
        if fnmatch.fnmatch(make.__name__, pattern):
            yield make.__name__, 60.0, 1000 * make(np.random.default_rng(1), DAYS * DAY), WEEK
    folder = os.environ.get("CAPMON_SERIES", "")
    for path in sorted(Path(folder).glob("*.csv*")) if folder else ():
        name = path.name.partition(".")[0]
        if not fnmatch.fnmatch(name, pattern):
            continue
        series = read_series(path)
        load = np.array(series.values)
        train = min(round(WEEK * 60 / series.step), len(load) // 2)
        if series.step <= COARSEST and np.nanmin(load) >= 0 and np.nanmax(load[train:]) > 0:
            yield name, series.step, load, train


def main() -> None:
    """Print the tables."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    seconds, steps = dict.fromkeys(SHOWN, 0.0), 0
    print(f"{'':34}{'overload, %':^24}{'replica-hours × ideal':^24}")
    print(f"{'load':26}{'days':>8}{''.join(f'{name:>12}'[-12:] for name in SHOWN) * 2}")
    for name, step, load, train in loads(pattern):
        capacity = float(np.nanquantile(load[train:], 0.9995)) / 40
        if capacity <= 0:
            continue
        service = Service(capacity, 180.0, 2, 60, 0.7, step)
        runs = Runs(Recorded(load, train), service, ScalingSettings())
        ideal = float(np.sum(runs.asked("look_ahead")))
        rows: list[Replay] = []
        # HPA comes first: the predictive policy then takes its course from there.
        for policy in SHOWN:
            begun = time.process_time()
            rows.append(runs.scored(policy, ideal))
            seconds[policy] += time.process_time() - begun
        steps += len(load)
        days = (len(load) - train) * step / 86400
        overload = "".join(f"{row.overload_percent:12.3f}" for row in rows)
        hours = "".join(f"{row.relative_replica_hours:12.3f}" for row in rows)
        print(f"{name[:26]:26}{days:8.1f}{overload}{hours}", flush=True)
    if steps:
        each = ", ".join(f"{name} {1e4 * spent / steps:.2f}" for name, spent in seconds.items())
        print(f"CPU seconds for 10,000 steps: {each} (with every candidate for its forecast)")


if __name__ == "__main__":
    main()
