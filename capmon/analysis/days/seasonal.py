"""Whether a metric repeats itself by day or by week, found by a test that memory does not fool."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.patterns import Season

DAY = 86400.0
WEEK = 7 * DAY

LEAST_CYCLES = 2
"""Full cycles below which no season is claimed."""

SIGNIFICANCE = 0.01
"""A season is claimed below this probability of seeing it where there is none."""

LEAST_STRENGTH = 0.05
"""A season that explains less than this share of the variance is of no use, however certain."""

LEAST_KNOWN = 0.6
"""Share of the slots that must hold values."""

_SLOTS = (24, 12, 8, 6, 4, 3, 2)
_MOST_HARMONICS = 12
_FIRST_HARMONICS = 3
_MOST_NEIGHBOURS = 8
_TAIL = 0.005


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of one period found."""

    p_value: float
    """Probability of so much power at the period and its harmonics where there is no season."""

    strength: float
    """Share of the variance about the trend that cycles have in common, 0 to 1."""


def seasons(since: float, step: float, values: Vec) -> tuple[Season, ...]:
    """Test the day and the week.

    Args:
        since: Unix time of the first cell's beginning.
        step: Seconds a cell.
        values: (n,) oldest first, NaN for gaps.
    """
    return seasons_of(Thinned.of(since, step, values))


@dataclass(frozen=True, slots=True)
class Thinned:
    """A series as means of even slots of the day, without empty slots at its ends."""

    values: Vec
    """(n,) means, NaN where a slot has no value."""

    slots: int
    """Slots a day; 0 where readings are more than half a day apart."""

    seconds: float
    """Length."""

    @classmethod
    def of(cls, since: float, step: float, values: Vec) -> Thinned:
        """Thin a series on an even grid to the hour, or to its own pace where that is slower."""
        known = np.flatnonzero(np.isfinite(values))
        if not len(known) or not step > 0:
            return cls(np.empty(0), 0, 0.0)
        first, last = int(known[0]), int(known[-1]) + 1
        seconds = (last - first) * step
        slots = next((s for s in _SLOTS if DAY / s >= step * (1 - 1e-9)), 0)
        width = DAY / slots if slots else step
        means = slot_means(values[first:last], since + first * step, step, width)
        return cls(means, slots, seconds)


def slot_means(values: Vec, since: float, step: float, width: float) -> Vec:
    """Means of the values in slots of `width` seconds that begin at multiples of it; NaN for none."""
    if width <= step * (1 + 1e-9):
        return np.where(np.isfinite(values), values, math.nan)
    place = np.floor((since + step * np.arange(len(values))) / width).astype(np.intp)
    place -= place[0]
    known = np.isfinite(values)
    scale = max(float(np.abs(values[known]).max()), 1e-300) if known.any() else 1.0
    filled = np.where(known, values, 0.0) / scale
    size = int(place[-1]) + 1
    count = np.bincount(place, weights=known, minlength=size)
    total = np.bincount(place, weights=filled, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / count * scale)


def seasons_of(series: Thinned) -> tuple[Season, ...]:
    """Test the day and the week of a series that is thinned already."""
    slots = series.slots
    day = _season("day", DAY, series, slots, 0)
    return day, _season("week", WEEK, series, 7 * max(slots, 1), slots)


def _season(name: str, period: float, series: Thinned, slots: int, inner: int) -> Season:
    """Test one season, or say why it cannot be tested."""
    cycles = series.seconds / period

    def untested(problem: str) -> Season:
        return Season(name, period, cycles, None, None, present=False, problem=problem)

    if cycles < LEAST_CYCLES * (1 - 1e-9):
        days = period / DAY * LEAST_CYCLES
        return untested(f"needs {days:.0f} days, has {series.seconds / DAY:.1f}")
    if slots < 2 or (
        name == "week" and not series.slots and series.seconds / len(series.values) > DAY
    ):
        return untested("readings are too far apart")
    known = float(np.isfinite(series.values).mean())
    if known < LEAST_KNOWN:
        return untested(f"only {known:.0%} of the time is known")
    found = season_test(series.values, slots, inner)
    if found is None:
        return untested("constant")
    present = found.p_value < SIGNIFICANCE and found.strength >= LEAST_STRENGTH
    return Season(name, period, cycles, found.strength, found.p_value, present)


def season_test(values: Vec, period: int, inner: int = 0) -> Tested | None:
    """Test whether a series repeats itself every `period` values.

    A season puts its power at the period's own frequency and its harmonics, and nowhere between.
    Noise with memory, a random walk included, has a spectrum that is smooth there: each harmonic
    is therefore held against the m frequencies beside it. The ratio of its power to their mean
    follows the F distribution with 2 and 2m degrees of freedom whatever the noise, and the
    harmonics' p-values are joined by Fisher's method, once for the first three and once for all.

    Args:
        values: (n,) oldest first, NaN for gaps, which are bridged by lines.
        period: Values a cycle, 2 or more; n must hold two cycles. The oldest values that make no
            full cycle are left out.
        inner: Values of a shorter season whose harmonics are not counted; 0 for none.

    Returns:
        None where the series is constant or too short.

    Source:
        Priestley, Spectral Analysis and Time Series (1981), section 6.1.4, for periodogram
        ratios. Fisher, Statistical Methods for Research Workers (1925), section 21.1.
    """
    cycles = len(values) // period if period >= 2 else 0
    if cycles < LEAST_CYCLES:
        return None
    y = _clean(values[len(values) - cycles * period :])
    if y is None:
        return None
    p_value = _joint_p(y, cycles, period, inner)
    return Tested(p_value, _strength(y, cycles, period, inner))


def _clean(values: Vec) -> Vec | None:
    """Gaps bridged, the most extreme half per cent cut back, scaled, and without its line."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 4:
        return None
    scale = float(np.abs(values[known]).max())
    if not scale > 0:
        return None
    y = np.interp(np.arange(len(values)), known, values[known] / scale)
    low, high = np.quantile(y, (_TAIL, 1 - _TAIL))
    y = np.clip(y, low, high)
    if float(np.ptp(y)) <= 1e-9:
        return None
    t = np.arange(len(y)) - (len(y) - 1) / 2
    y = y - y.mean()
    return np.asarray(y - t * (float(t @ y) / float(t @ t)))


def _joint_p(y: Vec, cycles: int, period: int, inner: int) -> float:
    """Probability of the power at the harmonics where the spectrum is smooth around each."""
    power = np.abs(np.fft.rfft(y)) ** 2
    reach = min(max(cycles - 1, 1), _MOST_NEIGHBOURS)
    harmonics = [
        k for k in range(1, (period - 1) // 2 + 1) if not (inner and k % (period // inner) == 0)
    ][:_MOST_HARMONICS]
    p = np.array([_harmonic_p(power, k * cycles, reach) for k in harmonics])
    if not len(p):
        return 1.0
    joined = [_fisher(p[:_FIRST_HARMONICS])]
    if len(p) > _FIRST_HARMONICS:
        joined.append(_fisher(p))
    return min(1.0, len(joined) * min(joined))


def _harmonic_p(power: Vec, at: int, reach: int) -> float:
    """Probability of one harmonic's power, given the power beside it."""
    beside = np.concatenate([power[max(at - reach, 1) : at], power[at + 1 : at + 1 + reach]])
    m = len(beside)
    floor = 1e-24 * float(power.max())
    ratio = float(power[at]) / max(float(beside.mean()), floor) if m else 0.0
    return max((1 + ratio / m) ** -m, 1e-300) if m else 1.0


def _fisher(p: Vec) -> float:
    """One p-value of several independent ones."""
    half = float(-np.log(p).sum())
    term, total = 1.0, 1.0
    for i in range(1, len(p)):
        term *= half / i
        total += term
    return min(1.0, math.exp(-half) * total) if half < 700 else 0.0


def _strength(y: Vec, cycles: int, period: int, inner: int) -> float:
    """Share of the variance about the trend that a cycle has in common with the others.

    It is the mean product of each cycle with every other over the mean product with itself, which
    noise of one cycle cannot enter. The trend runs through the means of the cycles. For a season
    with a shorter one inside, that one's usual course is taken out first.
    """
    table = y.reshape(cycles, period)
    centres = np.arange(cycles, dtype=np.float64) * period + (period - 1) / 2
    trend = _through(np.arange(len(y), dtype=np.float64), centres, table.mean(axis=1))
    rest = y - trend
    variance = float(rest @ rest) / cycles
    if inner:
        rest = (rest.reshape(-1, inner) - rest.reshape(-1, inner).mean(axis=0)).ravel()
    table = rest.reshape(cycles, period)
    whole = table.sum(axis=0)
    common = float(whole @ whole) - float(np.sum(table * table))
    if not variance > 0:
        return 0.0
    return min(max(common / (cycles * (cycles - 1)) / variance, 0.0), 1.0)


def _through(at: Vec, centres: Vec, means: Vec) -> Vec:
    """Lines from mean to mean, the outer ones prolonged."""
    slopes = np.diff(means) / np.diff(centres)
    inside = np.interp(at, centres, means)
    early = np.minimum(at - centres[0], 0.0) * slopes[0]
    late = np.maximum(at - centres[-1], 0.0) * slopes[-1]
    return np.asarray(inside + early + late)
