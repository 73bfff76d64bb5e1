"""How many replicas one metric asks for, counted as the Kubernetes HPA counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PERCENT = 100
"""Grains in one of a utilization: HPA drops what is below a whole percent."""

THOUSANDTHS = 1000
"""Grains in one of any other quantity: HPA drops what is below a thousandth."""

MOST = 2**31 - 1
"""The most that HPA can count to."""

LARGEST = 1e18
"""Grains: the greatest usage told apart, so that an absurd value stays a number."""

ROUNDING = 1e-9
"""Grains: 0.29 × 100 must stay 29 although 0.29 is not exact in binary."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What one metric is to be on average, and how far off it may be."""

    target: float
    """The average aimed at, in grains; above 0."""

    grains: int
    """`PERCENT` or `THOUSANDTHS`."""

    silent: float
    """What a silent replica is taken to use where the others ask for fewer replicas, in grains."""

    up: float
    """How far above the target nothing is added, as a share of it."""

    down: float
    """How far below the target nothing is taken away, as a share of it."""

    def usage(self, total: float, count: int) -> int:
        """The average in whole grains of a total in grains."""
        return math.floor(max(0.0, min(total / count + ROUNDING, LARGEST)))

    def near(self, ratio: float) -> bool:
        """Whether usage over target is close enough to one to change nothing."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def utilization_aim(target: float, up: float, down: float) -> Aim:
    """Aim at a utilization, both shares 0 to 1; a silent replica counts as full, as HPA takes it."""
    points = round(target * PERCENT, 6)
    return Aim(points, PERCENT, max(float(PERCENT), points), up, down)


def quantity_aim(target: float, up: float, down: float) -> Aim:
    """Aim at a quantity of one replica, such as its request rate; a silent one counts as on target."""
    points = round(target * THOUSANDTHS, 6)
    return Aim(points, THOUSANDTHS, points, up, down)


def plain_replicas(current: int, mean: float, ready: int, unready: int, aim: Aim) -> int | None:
    """Replicas that a metric asks for of which only the mean over the ready replicas is known.

    Args:
        current: Replicas asked for.
        mean: Mean over the ready replicas, in the metric's own unit.
        ready: Replicas that serve.
        unready: Replicas that do not serve yet.
        aim: What the mean is to be.

    Returns:
        ceil(ready × mean / target), or `current` when that is close or would turn around with
        the replicas that are not ready; None when none is ready.

    Source:
        `GetResourceReplicas` and `calcPlainMetricReplicas` of kubernetes/kubernetes,
        pkg/controller/podautoscaler/replica_calculator.go; described at
        https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
    """
    if ready < 1:
        return None
    return _replicas(current, mean * aim.grains * ready, ready, unready, 0, aim)


def per_pod_replicas(
    current: int, values: Sequence[float | None], unready: int, aim: Aim
) -> int | None:
    """Replicas that a metric asks for of which each ready replica's value is known, or None.

    A silent replica (None) counts as unused where the others ask for more replicas, and as
    fully used where they ask for fewer; one that is not ready counts as unused where the
    others ask for more. What turns around by that changes nothing.

    Returns:
        Replicas; None when every one is silent.

    Source:
        As `plain_replicas`.
    """
    told = [v for v in values if v is not None and math.isfinite(v)]
    if not told:
        return None
    total = sum(told) * aim.grains
    return _replicas(current, total, len(told), unready, len(values) - len(told), aim)


def _replicas(current: int, total: float, known: int, unready: int, silent: int, aim: Aim) -> int:
    first = aim.usage(total, known) / aim.target
    starting = unready if first > 1.0 else 0
    if not starting and not silent:
        return current if aim.near(first) else _ceil(first * known)
    if first != 1.0:
        known += silent
    if first < 1.0:
        total += silent * aim.silent
    known += starting
    ratio = aim.usage(total, known) / aim.target
    if aim.near(ratio) or (first < 1.0 < ratio) or (ratio < 1.0 < first):
        return current
    wanted = _ceil(ratio * known)
    if (ratio < 1.0 and wanted > current) or (ratio > 1.0 and wanted < current):
        return current
    return wanted


def _ceil(replicas: float) -> int:
    return math.ceil(min(replicas, MOST))
