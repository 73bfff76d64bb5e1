"""The bending shapes of queues over arrays of utilization, as fast as a live fit needs them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat, Vec
from capmon.model.curves import FitKind
from capmon.model.shapes import queue_p95

SERVERS = (1, 2, 4, 8, 16, 32)
"""Counts of servers that are tried."""

SHAPES = tuple((kind, servers) for kind in (FitKind.MMC, FitKind.KINGMAN) for servers in SERVERS)
"""Queues that are tried: those of M/M/c first, then those of Kingman."""

FULLEST = 0.995
"""Utilization beyond which no reading is of a queue that has settled; shapes are held there."""

_NODES = 400
_EXPONENTS = np.sqrt(2 * (np.array(SERVERS, dtype=np.float64) + 1)) - 1


def wait_shapes(shape: NDArray[np.intp], utilization: Mat) -> Mat:
    """Shapes of queues over utilization, one a row; held from `FULLEST` on.

    That of M/M/c is the 95th percentile of the response over the mean service time, from a table
    that is good to three digits and a half; that of Kingman is Sakasegawa's of the mean wait.

    Args:
        shape: (k,) index into `SHAPES`.
        utilization: (k, b) 0 or more.
    """
    rho = np.minimum(utilization, FULLEST)
    free = 1 - rho
    found = np.empty_like(rho)
    mmc = shape < len(SERVERS)
    if mmc.any():
        place = (1 - np.sqrt(free[mmc])) * _NODES
        below = place.astype(np.intp)
        start = below + (shape[mmc] * (_NODES + 1))[:, None]
        table = _table()
        low = table[start]
        found[mmc] = low + (place - below) * (table[start + 1] - low)
    if not mmc.all():
        found[~mmc] = rho[~mmc] ** _EXPONENTS[shape[~mmc] - len(SERVERS)][:, None]
    return np.asarray(found / free, dtype=np.float64)


def wait_shape(kind: FitKind, servers: int, utilization: Vec) -> Vec:
    """One queue's shape over (n,) utilizations, as `wait_shapes` has it."""
    index = np.array([SHAPES.index((kind, servers))])
    return np.asarray(wait_shapes(index, utilization[None, :])[0], dtype=np.float64)


def steepness(kind: FitKind, servers: int, utilization: Vec) -> Vec:
    """Derivative of `wait_shape`, from a difference over a hundredth of what is left."""
    rho = np.minimum(utilization, FULLEST)
    step = 1e-2 * (1 - rho)
    above, below = np.minimum(rho + step, FULLEST), np.maximum(rho - step, 0.0)
    index = np.full(2, SHAPES.index((kind, servers)))
    heights = wait_shapes(index, np.stack([above, below]))
    return np.asarray((heights[0] - heights[1]) / (above - below), dtype=np.float64)


@cache
def _table() -> Vec:
    """Shapes of M/M/c without their pole, at utilizations that are dense near 1, end to end."""
    rho = 1 - (1 - np.arange(_NODES + 1) / _NODES) ** 2
    return np.array(
        [(1 - r) * queue_p95(c, r) if r < 1 else _at_pole(c) for c in SERVERS for r in rho.tolist()]
    )


def _at_pole(servers: int) -> float:
    """What (1 - ρ) times the shape tends to."""
    near = 1e-9
    return near * queue_p95(servers, 1 - near)
