"""Level and line forecasts from many origins at once: what a series without a season suggests.

Every candidate sees only values before its origin. Shapes: R origins, H steps ahead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat, Vec

Index = NDArray[np.intp]

Named = list[tuple[str, Mat]]
"""Candidates with their short names for people."""

SHORT = 3
"""Values whose median is the level of now."""

_LINES = ((24, True), (72, False), (288, False))


def before(y: Vec, origins: Index, width: int, skip: int = 0) -> Mat:
    """(R, width) values before each origin, the latest first, `skip` left out; the first repeats."""
    values: Mat = y[np.maximum(origins[:, None] - 1 - skip - np.arange(width), 0)]
    return values


def level_candidates(y: Vec, origins: Index, horizon: int, period: int) -> Named:
    """The last value, three levels of the recent past, and the way from the short to the long."""
    shape = (len(origins), horizon)
    last = y[origins - 1]
    short = np.median(before(y, origins, SHORT), axis=1)
    wide = np.median(before(y, origins, 4 * SHORT), axis=1)
    reach = period if 2 <= period <= len(y) // 2 else max(8 * SHORT, len(y) // 3)
    thinned = max(1, reach // 96)
    long = np.median(before(y, origins, reach)[:, ::thinned], axis=1)
    fade = np.exp(-np.arange(1, horizon + 1) / max(4.0, reach / 12))
    returning = long[:, None] + (short - long)[:, None] * fade
    flat = (("last value", last), ("recent level", short), ("recent level", wide))
    found: Named = [(name, np.broadcast_to(level[:, None], shape)) for name, level in flat]
    found.append(("long level", np.broadcast_to(long[:, None], shape)))
    found.append(("return to long level", returning))
    return found


def line_candidates(y: Vec, origins: Index, horizon: int) -> Named:
    """Theil's line through the recent past, damped over an hour's worth and straight over more.

    A straight line leaves the range seen so far by no more than that range, or by what the pace of
    the whole history so far carries it.

    Source:
        Theil, A rank-invariant method of linear and polynomial regression analysis (1950), the
        incomplete method, which pairs each point with one half a window away.
    """
    ahead = np.arange(1, horizon + 1)
    least = np.minimum.accumulate(y)[origins - 1][:, None]
    most = np.maximum.accumulate(y)[origins - 1][:, None]
    room = (most - least) * np.maximum(1.0, 1.5 * ahead / np.maximum(origins, 1)[:, None])
    found: Named = []
    seen = 0
    for width, damped in _LINES:
        pairs = min(width, len(y)) // 2
        if pairs < 2 or (pairs == seen and not damped and len(found) > 1):
            continue
        seen = pairs
        # An early origin has a shorter window behind it; its pairs stand closer.
        half = np.clip(origins // 2, 1, pairs)[:, None]
        back = np.arange(pairs) * half // pairs
        recent = y[np.maximum(origins[:, None] - 1 - back, 0)]
        earlier = y[np.maximum(origins[:, None] - 1 - back - half, 0)]
        slope = np.median((recent - earlier) / half, axis=1)
        short = max(SHORT, pairs // 4)
        level = np.median(recent[:, :short] + slope[:, None] * back[:, :short], axis=1)
        phi = math.exp(-1 / max(3.0, pairs / 2))
        steps = phi * (1 - phi**ahead) / (1 - phi) if damped else ahead
        line = level[:, None] + slope[:, None] * steps
        name = "damped line" if damped else "line"
        found.append((name, np.clip(line, least - room, most + room)))
    return found
