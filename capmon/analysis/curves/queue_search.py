"""Search for the queue behind response times: for each pole and count of servers the best curve.

A curve is y = A·((1 - q) + q·g(x/μ)/ḡ) with ḡ the mean of g over the points: A is its level, q the
share of it that grows with load. For μ and c given only q is left to search, in one dimension and
for all μ and c at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.curves.waits import SHAPES, wait_shapes
from capmon.analysis.windows import Mat, Vec
from capmon.model.curves import Curve, FitKind
from capmon.model.shapes import P95

COUNTED, SPACED = 16, 14
"""Cells of equal count and of equal width that stand for the points in the search: where load was
seldom, at its greatest, the curve bends most."""

QUEUES = (FitKind.MMC, FitKind.KINGMAN)
_COUNTS = np.array([servers for _, servers in SHAPES], dtype=np.float64)
_KINDS = np.array([QUEUES.index(kind) for kind, _ in SHAPES])

FULL = 0.985
"""Greatest share of the capacity that the greatest load seen can be."""

EMPTY = 0.15
"""Least share of it: a pole farther away does not show in the curve."""

QUEUED = 0.1
"""Least share of the response without load that is service at the queue."""

WAITED = (0.1, 20.0)
"""Bounds of Kingman's scale × servers over the response without load. In M/M/c it is about 1; less
with regular arrivals and much time spent elsewhere, more with bursts."""

_COARSE, _FINE, _STEPS, _ROUNDS, _SHRINK = 8, 7, 6, 4, 0.25
_CLOSER = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_LEAST_HEIGHT = 1e-9
_NEAR, _LEAST_REACH, _NO_GAIN = 4.0, 0.4, 0.01
_PROBES = np.array([0.0, 0.5, 0.8, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0])


@dataclass(frozen=True, slots=True)
class Cells:
    """Points summarized in the order of their load."""

    x: Vec
    """(b,) mean load."""

    log_y: Vec
    """(b,) mean logarithm of the target."""

    weight: Vec
    """(b,) points."""

    within: float
    """Sum of squares of the logarithm about the mean of each cell."""

    top: float
    """Greatest load of any point: the service kept up with it, so that every pole lies beyond."""

    @property
    def n(self) -> float:
        """Points."""
        return float(self.weight.sum())


@dataclass(frozen=True, slots=True)
class Found:
    """Curves that were tried, one a row."""

    shape: NDArray[np.intp]
    """(k,) index into `SHAPES`."""

    room: Vec
    """(k,) log(1 - u), u being the greatest load over the capacity."""

    q: Vec
    """(k,) share that grows with load."""

    level: Vec
    """(k,) log A."""

    mean: Vec
    """(k,) ḡ."""

    sse: Vec
    """(k,) weighted sum of squares of the logarithm."""

    stiffness: Vec
    """(k,) half the second derivative of `sse` by q."""

    least: Vec
    """(k,) least q that a queue can have."""

    most: Vec
    """(k,) greatest q that a queue can have."""

    def rows(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Found:
        """Some of them."""
        return Found(*(getattr(self, name)[kept] for name in Found.__slots__))

    def curve(self, row: int, top: float) -> Curve:
        """One of them as a curve; `top` is the load that u refers to."""
        kind, servers = SHAPES[int(self.shape[row])]
        a, q = math.exp(float(self.level[row])), float(self.q[row])
        capacity = top / -math.expm1(float(self.room[row]))
        return Curve(kind, (a * (1 - q), a * q / float(self.mean[row]), capacity, float(servers)))


def cells(x: Vec, y: Vec) -> Cells:
    """Summarize points for the search; few points stand for themselves."""
    order = np.argsort(x, kind="stable")
    x, log_y = x[order], np.log(y[order])
    n = len(x)
    top = float(x[-1])
    if n < 2 * (COUNTED + SPACED):
        return Cells(x, log_y, np.ones(n), 0.0, top)
    evenly = np.searchsorted(x, np.linspace(float(x[0]), top, SPACED, endpoint=False))
    starts = np.unique(np.concatenate([np.arange(COUNTED) * n // COUNTED, evenly]))
    weight = np.diff(np.append(starts, n)).astype(np.float64)
    mean = np.add.reduceat(log_y, starts) / weight
    within = float(log_y @ log_y - weight @ (mean * mean))
    middle = np.add.reduceat(x, starts) / weight
    return Cells(middle, mean, weight, max(within, 0.0), top)


def rooms(cell: Cells, bound: float | None) -> Vec:
    """(m,) values of log(1 - u) to try, up to the bound of the capacity where there is one."""
    low = EMPTY if bound is None else min(max(cell.top / bound, EMPTY), FULL)
    count = _COARSE if low < FULL else 1
    return np.linspace(math.log1p(-low), math.log1p(-FULL), count)


def tried(cell: Cells, shape: NDArray[np.intp], room: Vec, q: Vec | None = None) -> Found:
    """The best q for each pair of a shape and a pole, searched from `q` where that is known.

    Without a start the search is content with three digits of q: the sum of squares then has six.
    """
    g = _heights(shape, room, cell.x / cell.top)
    mean = g @ cell.weight / cell.n
    least, most = _shares(shape, mean)
    start = (least + most) / 2 if q is None else np.clip(q, least, most)
    blank = Found(shape, room, start, room, mean, room, room, least, most)
    return _grown(cell, g, mean, blank, 1e-3 if q is None else 1e-5)


def straight(cell: Cells) -> Found:
    """The best q of a straight line, whose one row has neither shape nor pole."""
    g = (cell.x / cell.top)[None, :]
    none, one = np.zeros(1), np.ones(1)
    start = Found(np.zeros(1, np.intp), none, one / 2, none, none, none, none, none, one)
    return _grown(cell, g, g @ cell.weight / cell.n, start, 1e-7)


def _shares(shape: NDArray[np.intp], mean: Vec) -> tuple[Vec, Vec]:
    """Least and greatest share q that grows with load, for each row."""
    servers, kingman = _COUNTS[shape], _KINDS[shape] == QUEUES.index(FitKind.KINGMAN)
    alone = -math.log1p(-P95)
    low = np.where(kingman, WAITED[0] / servers, QUEUED / (1 - QUEUED) / alone) * mean
    high = np.where(kingman, WAITED[1] / servers, math.inf) * mean
    return low / (1 + low), np.where(np.isinf(high), 1.0, high / (1 + high))


def _grown(cell: Cells, g: Mat, mean: Vec, start: Found, close: float) -> Found:
    """Gauss-Newton in q for every row of shapes at once; the level follows from it."""
    share = cell.weight / cell.n
    d = g / mean[:, None] - 1
    q = start.q
    for _ in range(_STEPS):
        m = np.maximum(1 + q[:, None] * d, _LEAST_HEIGHT)
        slope = d / m
        slope -= (slope @ share)[:, None]
        weighted = slope * cell.weight
        stiffness = (weighted * slope).sum(axis=1)
        push = (weighted * (cell.log_y - np.log(m))).sum(axis=1)
        before, q = q, np.clip(q + push / np.maximum(stiffness, 1e-300), start.least, start.most)
        if float(np.abs(q - before).max()) < close:
            break
    e = cell.log_y - np.log(np.maximum(1 + q[:, None] * d, _LEAST_HEIGHT))
    level = e @ share
    e -= level[:, None]
    return replace(
        start, q=q, level=level, mean=mean, sse=(e * e) @ cell.weight, stiffness=stiffness
    )


def coarse(cell: Cells, bound: float | None) -> Found:
    """Every shape at every pole of the grid, up to the bound of the capacity."""
    room = rooms(cell, bound)
    shape = np.repeat(np.arange(len(SHAPES)), len(room))
    return tried(cell, shape, np.tile(room, len(SHAPES)))


def fine(cell: Cells, found: Found, allowance: float) -> Found:
    """The grid closed up about each shape's best pole, as far as the data do not rule out.

    Args:
        cell: The points.
        found: What `coarse` gave.
        allowance: By how much the sum of squares may exceed the least.
    """
    count = len(found.room) // len(SHAPES)
    if count < 3:
        return found
    sse, room = found.sse.reshape(-1, count), found.room[:count]
    best = np.clip(sse.argmin(axis=1), 1, count - 2)
    row = np.arange(len(SHAPES))
    before, here, after = (sse[row, best + k] for k in (-1, 0, 1))
    width = room[1] - room[0]
    bend = (before - 2 * here + after) / 2
    tilt = (after - before) / 2
    bent = bend > 1e-12 * np.maximum(here, 1e-300)
    shift = np.where(bent, -tilt / (2 * np.where(bent, bend, 1.0)), np.where(tilt > 0, -1.0, 1.0))
    shift = np.clip(shift, -1.0, 1.0)
    least = here + tilt * shift + bend * shift * shift
    spare = sse.min() + allowance - np.minimum(least, sse.min(axis=1))
    # With little noise the coarse grid cannot tell which shape is best.
    likely = np.minimum(least, sse.min(axis=1)) < _NEAR * sse.min() + allowance
    reach = np.sqrt(np.maximum(spare, 0.0) / np.where(bent, bend, np.inf))
    reach = np.clip(np.where(bent, reach, 1.0), np.where(spare > 0, 0.0, _LEAST_REACH), 2.0)
    at = (best + shift)[:, None] + reach[:, None] * np.linspace(-1.05, 1.05, _FINE)
    at = np.clip(at, 0, count - 1)[likely]
    shape = np.repeat(row[likely], _FINE)
    return tried(cell, shape, (room[0] + width * at).ravel())


def joined(*found: Found) -> Found:
    """All rows of several."""
    return Found(*(np.concatenate([getattr(f, n) for f in found]) for n in Found.__slots__))


def sharpened(cell: Cells, found: Found, allowance: float) -> Found:
    """The best curve of each kind of queue, its pole closed in on: one row for each of `QUEUES`.

    Args:
        cell: The points.
        found: What the grids gave.
        allowance: What the sum of squares may exceed the least by; gains far below it do not count.
    """
    of = _KINDS[found.shape]
    rows = [np.flatnonzero(of == i) for i in range(len(QUEUES))]
    best = found.rows(np.array([r[found.sse[r].argmin()] for r in rows]))
    low, high = float(found.room.min()), float(found.room.max())
    if not high > low:
        return best
    middle, kinds = best.room, np.arange(len(QUEUES))
    width = np.full(len(QUEUES), (high - low) / (_COARSE - 1) / 2)
    for _ in range(_ROUNDS):
        at = np.clip(middle[:, None] + width[:, None] * _CLOSER, low, high)
        shape, start = (np.repeat(best.shape, len(_CLOSER)), np.repeat(best.q, len(_CLOSER)))
        tries = tried(cell, shape, at.ravel(), start)
        sse = tries.sse.reshape(at.shape)
        least = sse.argmin(axis=1)
        found = tries.rows(least + len(_CLOSER) * kinds)
        gained = best.sse - found.sse
        best = found if (gained >= 0).all() else _better(best, found)
        if (gained < _NO_GAIN * allowance).all():
            break
        inner = np.clip(least, 1, len(_CLOSER) - 2)
        before, here, after = (sse[kinds, inner + k] for k in (-1, 0, 1))
        bend = np.maximum(before - 2 * here + after, 1e-300)
        shift = np.clip((before - after) / (2 * bend), -1.0, 1.0) * width / 2
        middle, width = at[kinds, inner] + shift, width * _SHRINK
    return best


def _better(one: Found, other: Found) -> Found:
    """Of each pair of rows the one that fits better."""
    both, n = joined(one, other), len(one.sse)
    return both.rows(np.arange(n) + n * (other.sse < one.sse))


@dataclass(frozen=True, slots=True)
class Region:
    """The curves that the data do not rule out."""

    curves: tuple[Curve, ...]
    """The outermost of them."""

    low: float | None = None
    """Least capacity among them; None where there are none."""

    high: float | None = None
    """Greatest capacity among them; None where the data set no bound."""


def region(cell: Cells, found: Found, ceiling: float) -> Region:
    """The outermost of the curves whose sum of squares stays below a ceiling.

    An interval from the likelihood holds every value that a curve gives whose sum of squares is
    within t²·s² of the least. The curves that give its ends at some load from none to three times
    the greatest stand for all of them.

    Source:
        Bates and Watts, Nonlinear Regression Analysis (1988), section 6.1, profile t intervals.
    """
    within = found.sse <= ceiling
    if not within.any():
        return Region(())
    kept = found.rows(within)
    spare = np.maximum(ceiling - kept.sse, 0.0)
    swing = np.sqrt(spare / np.maximum(kept.stiffness, 1e-300))
    near = _heights(kept.shape, kept.room, cell.x / cell.top) / kept.mean[:, None] - 1
    far = _heights(kept.shape, kept.room, _PROBES) / kept.mean[:, None] - 1
    rho = -np.expm1(kept.room)[:, None] * _PROBES
    sides = []
    heights = []
    for sign in (-1.0, 0.0, 1.0):
        q = np.clip(kept.q + sign * swing, kept.least, kept.most)
        level = (cell.log_y - _log_height(q, near)) @ cell.weight / cell.n
        height = level[:, None] + _log_height(q, far)
        sides.append(replace(kept, q=q, level=level))
        # Beyond a pole, the higher the farther beyond it.
        heights.append(np.where((rho >= 0.99) & (q > 0)[:, None], 1e3 + rho, height))
    everything, probed = joined(*sides), np.concatenate(heights)
    ends = np.unique(np.concatenate([probed.argmin(axis=0), probed.argmax(axis=0)]))
    curves = tuple(everything.curve(int(i), cell.top) for i in ends)
    poles = cell.top / -np.expm1(kept.room)
    unbounded = float(kept.room.max()) >= math.log1p(-EMPTY) - 1e-9
    return Region(curves, float(poles.min()), None if unbounded else float(poles.max()))


def _log_height(q: Vec, d: Mat) -> Mat:
    return np.asarray(np.log(np.maximum(1 + q[:, None] * d, _LEAST_HEIGHT)), dtype=np.float64)


def _heights(shape: NDArray[np.intp], room: Vec, of_top: Vec) -> Mat:
    """(k, b) shapes of queues at shares of the greatest load."""
    return wait_shapes(shape, -np.expm1(room)[:, None] * of_top)
