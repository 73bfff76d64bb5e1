"""What the analysis costs: each part of a tick, and a second of it on average.

    python benchmarks/engine.py [HOURS OF HISTORY] [SECONDS]

The history is that of a service with a daily rhythm, 24 series of it, read once a second. CPU
time is that of one core; the budget is 1 % of it.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable

import numpy as np

from capmon.analysis.engine import Engine, Now
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses
from capmon.model.results import ReplicaState
from capmon.store.series import Store

END = 1_700_000_000.0
REPLICAS = 4
OTHERS = ("system.cpu.iowait", "system.cpu.steal", "system.memory.usage", "system.swap.utilization", "system.network.receive", "system.network.transmit", "system.pressure.cpu.some.avg10", "system.pressure.io.some.avg10", "http.server.request.duration.p50", "http.server.request.duration.p99", "http.server.error.rate", "cache.usage", "db.connections.usage", "system.processes.count")  # fmt: skip


def service(times: np.ndarray) -> dict[str, np.ndarray]:
    """24 series of a service whose load has a day in it."""
    rng = np.random.default_rng(1)
    n = len(times)
    waves = 25 * np.sin(2 * math.pi * times / 1700)
    rate = 110 + 35 * np.sin(2 * math.pi * times / 86400) + waves + rng.normal(0, 5, n)
    rho = np.clip(rate / REPLICAS / 52, 0, 0.97)
    found = {
        "http.server.request.rate": rate,
        "app.users.active": 2.5 * rate,
        "process.cpu.utilization": rho + rng.normal(0, 0.01, n),
        "process.memory.utilization": 0.3 + 0.002 * rate + rng.normal(0, 0.003, n),
        "process.memory.usage": (0.3 + 0.002 * rate) * 8 * 2**30,
        "http.server.request.duration.p95": 0.06 / (1 - rho) * np.exp(rng.normal(0, 0.05, n)),
        "http.server.active_requests": rate * 0.05 / (1 - rho),
        "system.cpu.utilization": rho * 0.8,
        "system.memory.utilization": np.full(n, 0.6) + rng.normal(0, 0.002, n),
        'system.filesystem.utilization{mountpoint="/"}': 0.4 + 1e-7 * (times - times[0]),
        "replicas.ready": np.full(n, float(REPLICAS)),
    }
    return found | {name: 1 + rng.random(n) for name in OTHERS}


def filled(hours: float) -> tuple[Store, dict[str, np.ndarray]]:
    """A store after so many hours of one reading a second: minutes before the last hour."""
    store = Store()
    start = END - hours * 3600
    coarse = np.arange(start, END - 3600, 15.0)
    fine = np.arange(max(start, END - 3600), END + 600, 1.0)
    columns = service(np.concatenate([coarse, fine]))
    for i, at in enumerate(np.concatenate([coarse, fine])):
        if at > END:
            break
        store.write({k: float(v[i]) for k, v in columns.items()}, float(at), 1.0)
    return store, {k: v[len(coarse) :] for k, v in columns.items()}


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """CPU time of one call, the median."""
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begun))
    return float(np.median(taken))


def main() -> None:
    """Print the table."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 48.0
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    store, columns = filled(hours)
    engine = Engine(Settings())
    state = ReplicaState("swarm", "web", REPLICAS, REPLICAS)
    offset = len(columns["replicas.ready"]) - 600
    taken = []
    for second in range(seconds):
        at = END + second
        values = {k: float(v[min(offset + second, len(v) - 1)]) for k, v in columns.items()}
        store.write(values, at, 1.0)
        readings = {k: Reading(v, at) for k, v in values.items()}
        now = Now(at, 300.0, readings, {}, TopProcesses(), state, float(second))
        begun = time.process_time()
        engine.step(store, now)
        taken.append(1000 * (time.process_time() - begun))
    steps = np.array(taken[10:])
    models, end = engine.models, END + seconds
    clock = itertools.count(float(seconds))
    turns = [
        milliseconds(lambda: models.step(store, end, 300.0, next(clock)), 1) for _ in range(150)
    ]
    fits = [t for t in turns if t > 0.05]
    print(f"{len(columns)} series, {hours:g} h of history, one step a second, {seconds} steps")
    print(f"{'':34}{'CPU ms':>9}{'budget':>9}")
    rows = (
        ("a step, mean", float(steps.mean()), 10.0),
        ("a step, 99 %", float(np.quantile(steps, 0.99)), math.nan),
        ("fits of a tick that fits, median", float(np.median(fits)), 5.0),
        ("fits of a tick that fits, 95 %", float(np.quantile(fits, 0.95)), 5.0),
        ("all fits at once", milliseconds(lambda: models.refit(store, end, 300.0), 15), math.nan),
    )
    for name, cost, budget in rows:
        shown = f"{budget:9.0f}" if math.isfinite(budget) else f"{'':9}"
        print(f"{name:34}{cost:9.2f}{shown}")
    print("fits:", ", ".join(f"{f.target} {f.problem or f.kind}" for f in models.fits))
    print(f"share of one core at 1 s: {steps.mean() / 10:.2f} %")


if __name__ == "__main__":
    main()
