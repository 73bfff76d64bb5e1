"""Forecasts with intervals from their own past errors: weigh simple candidates, resample what they missed.

Candidates are made at many origins of the history, weighed per stretch of the horizon by their
errors there, and the errors of the weighted forecast give its interval. Nothing is random: the
same history gives the same forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.candidates import Index, candidates
from capmon.analysis.windows import Mat, Vec

LEAST_POINTS = 3
"""Known values below which nothing can be said of the spread."""

ORIGINS = 96
"""Origins at which candidates are tried."""

_SHARPNESS = 4.0
_WIDEN = 2.5
_MIRROR = 8.0
_NORMAL = NormalDist()
_GRID = np.concatenate([[0.005], np.linspace(0.0125, 0.9875, 40), [0.995]])
_LEAST_RESIDUALS = 4
_MOST_RESIDUALS = 1024


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A forecast and its past errors."""

    centre: Vec
    """(H,) weighted forecast, in units of `scale`."""

    residuals: Mat
    """(R, H) truth less forecast at each past origin, NaN where no truth is known."""

    stretches: tuple[tuple[int, int], ...]
    """Half-open ranges of steps that share weights and residuals."""

    independent: Vec
    """(B,) residuals of each stretch that are worth one of their own: forecasts far ahead overlap."""

    scale: float
    """What one unit is worth."""

    low: float
    """Least value that the metric can take, in its own unit."""

    high: float
    """Greatest value that the metric can take, in its own unit."""

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return len(self.centre)

    def quantiles(self, levels: Vec, *, widen: float = _WIDEN) -> Mat:
        """(H, k) values at ascending quantile levels, never decreasing along a row.

        Args:
            levels: Strictly between 0 and 1.
            widen: How much is added for the few errors that there are; 0 for none.
        """
        spread = np.full((len(self.stretches), len(levels)), math.nan)
        for b, (start, stop) in enumerate(self.stretches):
            pool = self.residuals[:, start:stop]
            pool = pool[np.isfinite(pool)]
            if len(pool) >= _LEAST_RESIDUALS:
                pool = pool[:: max(1, len(pool) // _MOST_RESIDUALS)]
                spread[b] = _offsets(pool, levels, float(self.independent[b]), widen)
        _grow_into_gaps(spread, self.stretches)
        centres = np.array([math.sqrt((start + 1) * stop) for start, stop in self.stretches])
        offset = _between(np.log(np.arange(1, self.horizon + 1)), np.log(centres), spread)
        with np.errstate(over="ignore"):
            values = (self.centre[:, None] + offset) * self.scale
        values = np.clip(np.nan_to_num(values), self.low, self.high)
        return np.maximum.accumulate(values, axis=1)

    def paths(self) -> Mat:
        """(S, H) possible futures: past errors in their order, on the forecast's quantiles.

        The quantiles are not widened: a band must hold what comes though its own width is
        uncertain, but in a share of paths a width too great at every step would add up.

        Each past origin tells in which order above and below the forecast its errors came. That
        order is kept and each rank is read off the quantiles of its step; every origin serves
        mirrored too.

        Source:
            Clark et al., The Schaake shuffle, J. Hydrometeorology 5 (2004).
        """
        ranks = _ranks(self.residuals)
        if not len(ranks):
            ranks = np.broadcast_to(((np.arange(24) + 0.5) / 24)[:, None], (24, self.horizon))
        ranks = np.vstack([ranks, 1 - ranks])
        grid = self.quantiles(_GRID, widen=0.0)
        place = np.clip(np.searchsorted(_GRID, ranks) - 1, 0, len(_GRID) - 2)
        part = np.clip((ranks - _GRID[place]) / (_GRID[place + 1] - _GRID[place]), 0, 1)
        steps = np.arange(self.horizon)
        futures: Mat = grid[steps, place] * (1 - part) + grid[steps, place + 1] * part
        return futures


def _ranks(residuals: Mat) -> Mat:
    """(S, H) rank of each residual in its step, 0 to 1; the last one known is held to the end."""
    known = np.isfinite(residuals)
    reach = known.any(axis=0)
    rows = known.sum(axis=1) >= max(1, int(reach.sum()) // 4)
    residuals, known = residuals[rows], known[rows]
    if len(residuals) < _LEAST_RESIDUALS:
        return np.empty((0, residuals.shape[1]))
    order = np.argsort(np.argsort(residuals, axis=0, kind="stable"), axis=0, kind="stable")
    ranks = (order + 0.5) / np.maximum(known.sum(axis=0), 1)
    last = np.maximum.accumulate(np.where(known, np.arange(residuals.shape[1]), 0), axis=1)
    return np.take_along_axis(ranks, last, axis=1)


def _grow_into_gaps(spread: Mat, stretches: tuple[tuple[int, int], ...]) -> None:
    """Fill stretches without residuals from the one before, growing as a random walk does."""
    known = np.flatnonzero(np.isfinite(spread).all(axis=1))
    if not len(known):
        spread[:] = 0
        return
    for b in range(len(spread)):
        if np.isfinite(spread[b]).all():
            continue
        source = known[known < b][-1] if (known < b).any() else known[0]
        growth = math.sqrt(max(1.0, stretches[b][1] / stretches[source][1]))
        spread[b] = spread[source] * growth


def _between(at: Vec, centres: Vec, rows: Mat) -> Mat:
    """(len(at), k) linear interpolation between the rows that belong to the centres."""
    if len(centres) == 1:
        return np.repeat(rows, len(at), axis=0)
    place = np.clip(np.searchsorted(centres, at) - 1, 0, len(centres) - 2)
    part = np.clip((at - centres[place]) / (centres[place + 1] - centres[place]), 0, 1)[:, None]
    return np.asarray(rows[place] * (1 - part) + rows[place + 1] * part)


def stretches_of(horizon: int) -> tuple[tuple[int, int], ...]:
    """Ranges of steps that double in length: 1, 2, 3–4, 5–8 and so on."""
    ends = [1]
    while ends[-1] < horizon:
        ends.append(min(2 * ends[-1], horizon))
    if len(ends) > 2 and ends[-1] - ends[-2] < ends[-2] // 4:
        del ends[-2]
    return tuple(zip([0, *ends[:-1]], ends, strict=True))


def ensemble(
    values: Vec, period: int, horizon: int, clip: tuple[float, float] | None = None
) -> Ensemble | None:
    """Weigh the candidates over the history.

    Args:
        values: (n,) history, oldest first, NaN for gaps.
        period: Steps of one season; 0 for none.
        horizon: Steps ahead, 1 or more.
        clip: Least and greatest value possible. Without it, a history that was never negative
            stays so.

    Returns:
        The forecast, or None with fewer than three known values.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    if np.count_nonzero(known) < LEAST_POINTS or horizon < 1:
        return None
    first, last = np.flatnonzero(known)[[0, -1]]
    values, known = values[first : last + 1], known[first : last + 1]
    least = 0.0 if float(values[known].min()) >= 0 else -math.inf
    low, high = clip or (least, math.inf)
    scale = float(np.abs(values[known]).max())
    scale = scale if scale > 1e-290 else 1.0
    places = np.arange(len(values))
    y = np.interp(places, places[known], values[known] / scale)
    truth = np.where(known, y, math.nan)
    origins = _origins(len(y), period)
    forecasts = candidates(y, np.append(origins, len(y)), horizon, period)
    actual = np.append(truth, np.full(horizon, math.nan))[origins[:, None] + np.arange(horizon)]
    stretches = stretches_of(horizon)
    centre, residuals = _combine(forecasts, actual, stretches)
    independent = np.array([_independent(residuals[:, slice(*s)]) for s in stretches])
    return Ensemble(centre, residuals, stretches, independent, scale, low, high)


def _origins(n: int, period: int) -> Index:
    """Origins spread over the history, from where the candidates have something to go by."""
    first = max(2, min(n // 4, 64))
    if period >= 2 and n >= 2 * period:
        first = period + period // 8
    if n - first <= ORIGINS:
        return np.arange(min(first, n - 1), n, dtype=np.intp)
    return np.unique(np.linspace(first, n - 1, ORIGINS).astype(np.intp))


def _combine(
    forecasts: NDArray[np.float64], actual: Mat, stretches: tuple[tuple[int, int], ...]
) -> tuple[Vec, Mat]:
    """The weighted forecast from the end of the history, and its residuals at past origins."""
    errors = np.abs(forecasts[:, :-1] - actual)
    weights = np.empty((len(stretches), len(forecasts)))
    for b, (start, stop) in enumerate(stretches):
        piece = errors[:, :, start:stop]
        count = np.count_nonzero(np.isfinite(piece[0]))
        if not count:
            weights[b] = weights[b - 1] if b else 1 / len(forecasts)
            continue
        mean = np.nansum(piece, axis=(1, 2)) / count
        weight = ((mean.min() + 1e-12) / (mean + 1e-12)) ** _SHARPNESS
        weights[b] = weight / weight.sum()
    centres = np.array([math.sqrt((start + 1) * stop) for start, stop in stretches])
    ahead = np.log(np.arange(1, forecasts.shape[2] + 1))
    by_step = _between(ahead, np.log(centres), weights)
    combined = np.einsum("crh,hc->rh", forecasts, by_step)
    return combined[-1], actual - combined[:-1]


def _independent(residuals: Mat) -> float:
    """How many independent errors a stretch is worth, 1 at least, from how its origins repeat each other.

    Source:
        Bayley and Hammersley, The effective number of independent observations in an
        autocorrelated time series, Suppl. J. R. Stat. Soc. 8 (1946).
    """
    known = np.isfinite(residuals)
    rows = int(known.any(axis=1).sum())
    e = np.where(known, residuals, 0.0)
    pairs = known[1:] & known[:-1]
    power = float(np.sum((e[1:] ** 2 + e[:-1] ** 2) * pairs)) / 2
    if rows < 2 or not power > 0:
        return 1.0
    # About zero, not about their mean: that all lie on one side is the sign of repetition.
    memory = min(max(float(np.sum(e[1:] * e[:-1])) / power, 0.0), 1.0)
    return max(1.0, rows * (1 - memory) / (1 + memory))


def _offsets(pool: Vec, levels: Vec, independent: float, widen: float) -> Vec:
    """Quantiles of the errors, wider the fewer they are.

    The few overlapping errors of a long horizon tend to lie on one side of the forecast, which
    says how far it can miss but not to which side: they are mirrored. They are widened as
    Student's t is, the tails more than the middle: it is the scale that is not known.
    """
    mirrored = min(1.0, _MIRROR / independent)
    own = np.quantile(pool, levels)
    both = np.quantile(np.concatenate([pool, -pool]), levels)
    z = np.array([_NORMAL.inv_cdf(min(max(float(p), 1e-9), 1 - 1e-9)) for p in levels])
    factor = 1 + widen * (z * z + 1) / (4 * independent)
    offsets: Vec = (own + (both - own) * mirrored) * factor
    return offsets


def quantile_forecast(
    values: Vec, period: int, horizon: int, levels: Vec, *, clip: tuple[float, float] | None = None
) -> Mat:
    """Quantiles of the next values.

    Args:
        values: (n,) history, oldest first, on an even grid, NaN for gaps.
        period: Steps of one season, such as a day; 0 for none.
        horizon: Steps ahead.
        levels: (k,) quantile levels, ascending, between 0 and 1.
        clip: Least and greatest value possible. Without it, a history that was never negative
            stays so.

    Returns:
        (horizon, k); all NaN with fewer than three known values.
    """
    levels = np.asarray(levels, dtype=np.float64)
    found = ensemble(values, period, horizon, clip)
    if found is None:
        return np.full((max(horizon, 0), len(levels)), math.nan)
    return found.quantiles(levels)


def breach_probability(
    values: Vec, period: int, horizon: int, threshold: float, sustain: int = 1
) -> float:
    """Probability that the mean of `sustain` values in a row exceeds a threshold.

    Args:
        values: (n,) history, oldest first, NaN for gaps.
        period: Steps of one season; 0 for none.
        horizon: Steps ahead.
        threshold: In the metric's own unit.
        sustain: Steps that the mean is taken over.

    Returns:
        Strictly between 0 and 1; NaN with fewer than three known values.
    """
    found = ensemble(values, period, horizon)
    if found is None:
        return math.nan
    paths = found.paths() / found.scale
    width = min(max(sustain, 1), paths.shape[1])
    sums = np.cumsum(np.pad(paths, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, width:] - sums[:, :-width]) / width
    return chance(means.max(axis=1) > threshold / found.scale)


def chance(happens: NDArray[np.bool_]) -> float:
    """Probability of what happens on some of S paths: never 0 nor 1, which S paths cannot show.

    Source:
        Jeffreys, Theory of Probability (1961), section 3.2: half a case is added to each side.
    """
    return (int(np.count_nonzero(happens)) + 0.5) / (len(happens) + 1)
