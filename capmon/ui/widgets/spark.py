"""Small curves in block characters, one row or several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from capmon.model.frame import Trend
from capmon.model.metric import Worse, metric

BLOCKS = " ▁▂▃▄▅▆▇█"


def cells(trend: Trend | None, width: int, metric_key: str) -> list[float]:
    """The course of a metric in at most `width` cells, oldest first; NaN where unmeasured.

    Several values in one cell give the one that does most harm, so that a spike does not
    vanish; where neither direction is worse they give their mean. Groups are aligned in time:
    they do not slide while a group fills.
    """
    if trend is None or width <= 0 or not trend.values:
        return []
    n = len(trend.values)
    group = 1
    last = round(trend.end / trend.step)
    first = last - n
    # Groups as long as the whole are two at most, on both sides of a multiple of their length.
    while group < n and _groups(first, last, group) > width:
        group += 1
    if group == 1:
        return list(trend.values)
    merge = _merge_for(metric_key)
    out: list[float] = []
    start = first
    while start < last:
        stop = min(last, (start // group + 1) * group)
        part = [v for v in trend.values[start - first : stop - first] if not math.isnan(v)]
        out.append(merge(part) if part else math.nan)
        start = stop
    return out[-width:]


def _groups(first: int, last: int, group: int) -> int:
    return -(-last // group) - first // group


def _merge_for(metric_key: str) -> Callable[[Sequence[float]], float]:
    match metric(metric_key).worse:
        case Worse.HIGH:
            return max
        case Worse.LOW:
            return min
        case _:
            return lambda part: math.fsum(part) / len(part)


def top_of(values: Iterable[float], least: float = 0.0) -> float:
    """The greatest value, for the scale of a spark; at least `least`."""
    return max((v for v in values if math.isfinite(v)), default=least) if values else least


def spark(values: Sequence[float], width: int, top: float) -> str:
    """One row, right-aligned: zero is the lowest block, `top` the highest; gaps are blank."""
    return spark_rows(values, width, 1, top)[0]


def spark_rows(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """Several rows, the upper one first, of one curve drawn from zero to `top`."""
    values = values[-width:]
    levels = [_level(v, top, height) for v in values]
    rows = []
    for row in range(height - 1, -1, -1):
        text = "".join(BLOCKS[min(8, max(0, level - 8 * row))] for level in levels)
        rows.append(text.rjust(width))
    return rows


def _level(value: float, top: float, height: int) -> int:
    if math.isnan(value):
        return 0
    if top <= 0:
        return 1
    share = min(max(value / top, 0.0), 1.0)
    return max(1, round(share * 8 * height))
