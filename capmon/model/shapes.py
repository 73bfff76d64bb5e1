"""The shapes that a metric can take over load, in closed form and with the standard library alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

P95 = 0.95
"""Share of the requests that the response time of an M/M/c curve speaks of."""

_STEPS = 60
_CLOSE = 1e-13


class FitKind(StrEnum):
    """Shape of a fitted curve."""

    LINEAR = "linear"
    ROBUST = "theil-sen"
    EXPONENTIAL = "exponential"
    MMC = "m/m/c"
    KINGMAN = "kingman"
    USL = "usl"


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: a shape and the values of its coefficients, in the order that `NAMES` gives."""

    kind: FitKind
    """The shape."""

    values: tuple[float, ...]
    """Coefficients in base units."""

    def height(self, load: float) -> float:
        """The curve at a load; infinite at its pole and beyond, and where it leaves every scale."""
        match self.kind:
            case FitKind.LINEAR | FitKind.ROBUST:
                slope, intercept = self.values
                return slope * load + intercept
            case FitKind.EXPONENTIAL:
                a, b = self.values
                return _exp(math.log(a) + b * load)
            case FitKind.MMC | FitKind.KINGMAN:
                base, scale, capacity, servers = self.values
                if scale <= 0:
                    return base
                shape = queue_p95 if self.kind is FitKind.MMC else queue_wait
                return base + scale * shape(round(servers), max(load, 0.0) / capacity)
            case FitKind.USL:
                alpha, beta, gamma = self.values
                return usl(alpha, beta, gamma, load)

    @property
    def pole(self) -> float | None:
        """Load at which the curve becomes infinite; None where it never does."""
        queues = self.kind in {FitKind.MMC, FitKind.KINGMAN}
        return self.values[2] if queues and self.values[1] > 0 else None


NAMES = {
    FitKind.LINEAR: ("slope", "intercept"),
    FitKind.ROBUST: ("slope", "intercept"),
    FitKind.EXPONENTIAL: ("a", "b"),
    FitKind.MMC: ("base", "scale", "capacity", "servers"),
    FitKind.KINGMAN: ("base", "scale", "capacity", "servers"),
    FitKind.USL: ("alpha", "beta", "gamma"),
}
"""Names of each shape's coefficients, in order."""


def usl(alpha: float, beta: float, gamma: float, load: float) -> float:
    """Throughput at a concurrency by the Universal Scalability Law.

    Source:
        Gunther, Guerrilla Capacity Planning (2007), chapter 4, with γ as the throughput of one.
    """
    if load <= 0:
        return 0.0
    # Divided by the load first: its square would leave every scale.
    below = (1 + alpha * (load - 1)) / load + beta * (load - 1)
    return gamma / below if below > 0 else math.inf


def erlang_b(servers: int, offered: float) -> float:
    """Probability that all servers of a system without a queue are busy.

    Each step of the recursion divides by more than it multiplies, so that it neither overflows
    nor loses digits however many servers there are.

    Args:
        servers: 1 or more.
        offered: Arrival rate times service time, 0 or more.

    Source:
        Cooper, Introduction to Queueing Theory (1981), section 3.3.
    """
    busy = 1.0
    for k in range(1, servers + 1):
        busy = offered * busy / (k + offered * busy)
    return busy


def erlang_c(servers: int, utilization: float) -> float:
    """Probability that a request has to wait in an M/M/c queue; `utilization` is in [0, 1).

    Source:
        Cooper, Introduction to Queueing Theory (1981), section 3.4.
    """
    busy = erlang_b(servers, servers * utilization)
    return busy / (1 - utilization * (1 - busy))


def queue_wait(servers: int, utilization: float) -> float:
    """Sakasegawa's shape of the mean wait, ρ^(√(2(c+1)) - 1)/(1 - ρ); infinite from ρ = 1 on.

    Source:
        Sakasegawa, An approximation formula Lq ≈ α·ρ^β/(1 - ρ), Ann. Inst. Stat. Math. 29 (1977).
    """
    if utilization >= 1:
        return math.inf
    return float(utilization ** (math.sqrt(2 * (servers + 1)) - 1) / (1 - utilization))


def queue_p95(servers: int, utilization: float) -> float:
    """95th percentile of the response time of M/M/c over the mean service time."""
    return response_quantile(servers, utilization, P95)


def response_tail(servers: int, utilization: float, waits: float, time: float) -> float:
    """Probability that a response takes longer than `time`, counted in mean service times.

    Those that wait, a share of `waits`, spend an exponential time with rate θ = c(1 - ρ) in the
    queue and one with rate 1 in service; the tail of the sum is (θ·e^(-t) - e^(-θt))/(θ - 1), and
    (1 + t)·e^(-t) at θ = 1.

    Source:
        Gross et al., Fundamentals of Queueing Theory (2008), section 2.3.
    """
    rate = servers * (1 - utilization)
    away = rate - 1
    served = math.exp(-time)
    if abs(away) * time < 1e-6:
        # Two terms of the series: the closed form divides zero by zero here.
        queued = served * (1 + time - away * time * time / 2)
    elif abs(away) < 0.1:
        queued = served * (1 - math.expm1(-away * time) / away)
    else:
        queued = (rate * served - math.exp(-rate * time)) / away
    return (1 - waits) * served + waits * queued


def response_quantile(servers: int, utilization: float, share: float) -> float:
    """The response time that a share of the requests stays within, in mean service times.

    Newton's method on the logarithm of the tail, kept between bounds that hold the root: no
    response is shorter than its service, and half of the tail each bounds service and wait.
    Infinite from ρ = 1 on.
    """
    if utilization >= 1:
        return math.inf
    waits = erlang_c(servers, utilization)
    target = math.log1p(-share)
    low = -target
    if waits <= 0:
        return low
    high = (math.log(2) - target) * (1 + 1 / (servers * (1 - utilization)))
    time = low
    for _ in range(_STEPS):
        tail = response_tail(servers, utilization, waits, time)
        miss = math.log(tail) - target if tail > 0 else -math.inf
        low, high = (time, high) if miss > 0 else (low, time)
        hazard = _hazard(servers, utilization, waits, time, tail)
        step = miss / hazard if hazard > 0 else math.inf
        before, time = time, time + step
        if not low <= time <= high:
            time = (low + high) / 2
        if abs(time - before) <= _CLOSE * time:
            break
    return time


def _hazard(servers: int, utilization: float, waits: float, time: float, tail: float) -> float:
    """Density over tail of the response time; 0 where the tail is nothing."""
    if tail <= 0:
        return 0.0
    rate = servers * (1 - utilization)
    away = rate - 1
    served = math.exp(-time)
    if abs(away) * time < 1e-6:
        queued = rate * served * time
    else:
        queued = rate * (served - math.exp(-rate * time)) / away
    return ((1 - waits) * served + waits * queued) / tail


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf
