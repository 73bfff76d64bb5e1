"""What fits over load cost, beside scipy doing the part of them that it knows.

    python benchmarks/curves.py [POINTS] [ROUNDS]

scipy gives a line, a median slope or the parameters of a given curve. capmon's rows hold more: which
shape, outliers, memory in the residuals, bands and the load at which a limit is reached.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from capmon.analysis.curves.fits import Question, fit_latency, fit_resource, fit_usl
from capmon.analysis.curves.headroom import crossing
from capmon.model.curves import FitKind

SERVERS, SERVICE = 4, 0.05


def service(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Load, CPU and response time of a queue with four servers."""
    rng = np.random.default_rng(1)
    load = 45 + 22 * np.sin(np.arange(n) / 140) + rng.normal(0, 1.5, n)
    rho = np.clip(load * SERVICE / SERVERS, 0, 0.97)
    waiting = rho ** (np.sqrt(2 * (SERVERS + 1)) - 1) / (SERVERS * (1 - rho))
    latency = SERVICE * (1 + waiting) * 2.2 * np.exp(rng.normal(0, 0.05, n))
    return load, rho + rng.normal(0, 0.01, n), latency


def law(n: np.ndarray, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """The Universal Scalability Law."""
    return gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1))


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """CPU time of one call, the median."""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begun))
    return float(np.median(taken))


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1800
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    load, cpu, latency = service(n)
    few = slice(None, None, max(1, n // 90))
    throughput = law(load, 0.03, 1e-4, 90.0) * np.exp(np.random.default_rng(2).normal(0, 0.02, n))
    question = Question("process.cpu.utilization", "load.per_replica", FitKind.LINEAR)
    p95 = Question("http.server.request.duration.p95", "load.per_replica", FitKind.EXPONENTIAL)
    usl = Question("load.per_replica", "http.server.active_requests", FitKind.USL)
    curve = fit_latency(p95, load, latency)
    rows: tuple[tuple[str, Callable[[], object]], ...] = (
        ("a line, chosen: capmon", lambda: fit_resource(question, load, cpu, cap=1.0)),
        ("a line: scipy linregress", lambda: stats.linregress(load, cpu)),
        ("median slope: scipy theilslopes", lambda: stats.theilslopes(cpu, load)),
        ("response time, chosen: capmon", lambda: fit_latency(p95, load, latency)),
        ("its limit, with interval: capmon", lambda: crossing.__wrapped__(curve, 0.25)),
        ("an exponential: scipy curve_fit", lambda: optimize.curve_fit(
            lambda x, a, b: a * np.exp(b * x), load, latency, p0=(0.1, 0.01))),
        ("the law of scalability: capmon", lambda: fit_usl(usl, load[few], throughput[few])),
        ("the same: scipy curve_fit", lambda: optimize.curve_fit(
            law, load[few], throughput[few], p0=(0.1, 1e-3, 50.0), bounds=(0, np.inf))),
    )  # fmt: skip
    print(f"{n} points; response time chosen: {curve.kind}")
    print(f"{'':36}{'CPU ms':>9}")
    for name, work in rows:
        print(f"{name:36}{milliseconds(work, rounds):9.2f}")


if __name__ == "__main__":
    main()
