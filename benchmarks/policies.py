"""What the policies cost a tick: one verdict of each, and the replay that chooses a forecast.

    python benchmarks/policies.py [HOURS OF HISTORY] [VERDICTS]

Verdicts come every 15 s, a replay every half hour.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from capmon.config.scaling import (
    CooldownSettings,
    HpaSettings,
    ScalingSettings,
    StepSettings,
    TierSettings,
)
from capmon.config.schema import Settings
from capmon.model.names import APP_CPU, APP_MEMORY, LATENCY, MEMORY_USAGE, RATE
from capmon.scaling.known import Known
from capmon.scaling.lookout import Lookout
from capmon.scaling.policies.base import PeakOutlook, Policy, Situation
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.policies.predictive import PredictivePolicy
from capmon.scaling.policies.step import StepPolicy
from capmon.scaling.replica_size import ReplicaSize

PACE = 15.0
GIB = 2.0**30
TIERS = tuple(
    TierSettings(f"tier_{n}", cores=n, memory=int(4 * n * GIB), price_per_hour=0.05 * n)
    for n in (1, 2, 4, 8)
)


def moments(n: int) -> list[Situation]:
    """What a policy sees of a service with a rhythm and noise."""
    rng = np.random.default_rng(1)
    rate = 600 + 300 * np.sin(np.arange(n) / 90) + rng.normal(0, 40, n)
    return [
        Situation(
            at=PACE * i,
            desired=max(2, round(load / 70)),
            ready=max(2, round(load / 70)),
            values={
                RATE: float(load),
                APP_CPU: float(load / 100 / max(2, round(load / 70))),
                APP_MEMORY: 0.4,
                MEMORY_USAGE: 1.6 * GIB,
                LATENCY: 0.15,
            },
            outlook=PeakOutlook(240.0, 0.99, float(load) * 1.2),
            capacity=100.0,
        )
        for i, load in enumerate(rate)
    ]


def microseconds(policy: Policy[Any], seen: list[Situation]) -> float:
    """CPU time of a verdict with its reasons, mean."""
    state = policy.start()
    begun = time.process_time()
    for situation in seen:
        _, state = policy.decide(state, situation)
    return 1e6 * (time.process_time() - begun) / len(seen)


def sized(seen: list[Situation]) -> float:
    """The same of the advice of a tier, with what its recommender learns."""
    size = ReplicaSize(Settings(tiers=TIERS))
    begun = time.process_time()
    for situation in seen:
        size.step(situation)
    return 1e6 * (time.process_time() - begun) / len(seen)


def replay(hours: float) -> tuple[float, float]:
    """CPU milliseconds of a replay of all policies with a choice, and of a look ahead between two."""
    rng = np.random.default_rng(2)

    def window(seconds: float, step: float) -> np.ndarray:
        n = int(seconds / step)
        days = np.arange(n) * step / 86400
        return (600 + 300 * np.sin(2 * math.pi * days)) * np.exp(rng.normal(0, 0.1, n))

    look = Lookout(ScalingSettings(max=60))
    known = Known(capacity=25.0, full=0.8)

    def cost(at: float) -> float:
        begun = time.process_time()
        look.step(at, at, hours * 3600, window, known)
        return 1000 * (time.process_time() - begun)

    first = cost(0.0)
    return first, float(np.median([cost(60.0 * i) for i in range(1, 15)]))


def main() -> None:
    """Print the table."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 48.0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    seen = moments(count)
    hpa = HpaPolicy(HpaSettings(), 2, 60)
    costs: tuple[tuple[str, Callable[[], float]], ...] = (
        ("step", lambda: microseconds(StepPolicy(StepSettings(), CooldownSettings(), 2, 60), seen)),
        ("hpa", lambda: microseconds(hpa, seen)),
        ("predictive", lambda: microseconds(PredictivePolicy(hpa, 180.0, 2, 60), seen)),
        ("vertical, with its recommender", lambda: sized(seen)),
    )
    print(f"{count} verdicts, one every {PACE:g} s")
    print(f"{'':34}{'CPU µs':>10}")
    for name, cost in costs:
        print(f"{name:34}{cost():10.1f}")
    whole, look = replay(hours)
    print(f"\n{hours:g} h of history")
    print(f"{'':34}{'CPU ms':>10}")
    print(f"{'all policies replayed, one chosen':34}{whole:10.1f}")
    print(f"{'a look ahead':34}{look:10.1f}")
    print(f"share of one core: {100 * (whole / 1.8e6 + look / 6e4):.3f} %")


if __name__ == "__main__":
    main()
