"""What a long history costs to read: its patterns, seasons and growth, metric after metric.

Run: python benchmarks/long_history.py [METRICS] [DAYS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from capmon.analysis.days.growth import growth
from capmon.analysis.days.patterns import patterns
from capmon.analysis.days.seasonal import seasons

MINUTE = 60.0
DAY = 86400.0
BEGIN = 1_709_510_400.0
ZONE = "Europe/Berlin"


def histories(metrics: int, days: int) -> list[np.ndarray]:
    """One-minute loads with office hours, weekends, growth, memory in the noise, and gaps."""
    rng = np.random.default_rng(7)
    n = int(days * DAY / MINUTE)
    at = BEGIN + MINUTE * np.arange(n)
    hour, weekday = at // 3600 % 24, (at // DAY + 3) % 7
    office = np.where((hour >= 9) & (hour <= 17), 1.5, 0.7) * np.where(weekday < 5, 1.2, 0.8)
    made = []
    for _ in range(metrics):
        steps = rng.normal(0, 0.02, n)
        drift = np.cumsum(steps) - np.cumsum(np.concatenate([[0.0] * 60, steps]))[:n]
        load = 100 * office * (1 + 0.01 * np.arange(n) * MINUTE / DAY)
        load = load * np.maximum(1 + drift + rng.normal(0, 0.05, n), 0.1)
        gap = int(rng.integers(0, n - 600))
        load[gap : gap + 500] = np.nan
        made.append(load)
    return made


def cost(what: Callable[[np.ndarray], object], series: list[np.ndarray]) -> float:
    """Seconds of CPU over all series."""
    begin = time.process_time()
    for one in series:
        what(one)
    return time.process_time() - begin


def main() -> None:
    """Print a row for each part and for all of them."""
    metrics = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    series = histories(metrics, days)
    times = BEGIN + MINUTE * np.arange(len(series[0]))
    parts: dict[str, Callable[[np.ndarray], object]] = {
        "patterns, seasons included": lambda y: patterns("load", BEGIN, MINUTE, y, ZONE),
        "seasons alone": lambda y: seasons(BEGIN, MINUTE, y),
        "growth, 30 days ahead": lambda y: growth("load", times, y, horizon_days=30.0),
    }
    print(f"{metrics} metrics, {days} days of one-minute values, {len(times):,} each")
    print(f"{'part':<32}{'CPU s':>8}{'ms each':>10}")
    spent = {name: cost(part, series) for name, part in parts.items()}
    for name, seconds in [*spent.items(), ("all three", sum(spent.values()))]:
        print(f"{name:<32}{seconds:>8.2f}{seconds / metrics * 1e3:>10.1f}")


if __name__ == "__main__":
    main()
