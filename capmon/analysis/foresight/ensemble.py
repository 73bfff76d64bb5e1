"""A weighted forecast with its past errors, made from one history.

Candidates are made at many origins of the history, weighed per stretch of the horizon by their
errors there, and the errors of the weighted forecast give its interval. Nothing is random: the
same history gives the same forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.foresight.candidates import Bank, candidates
from capmon.analysis.foresight.intervals import (
    LEAST_RESIDUALS,
    WIDEN,
    grow_into_gaps,
    independent,
    offsets,
    swings,
)
from capmon.analysis.foresight.levels import Index
from capmon.analysis.foresight.paths import continued, laid_on
from capmon.analysis.foresight.weighing import Stretches, between, sampled, stretches_of, weigh
from capmon.analysis.windows import Mat, Vec

LEAST_POINTS = 3
"""Known values below which nothing can be said of the spread."""

ORIGINS = 96
"""Origins at which candidates are tried."""

_SEASONS = 14
_WEIGHTS_HALVE = 1.0
_ERRORS_HALVE = 3.0
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the forecast of some steps is made of."""

    first: int
    """First step, counted from 1."""

    last: int
    """Last step."""

    parts: tuple[tuple[str, float], ...]
    """Names for people and weights of at most three kinds of candidates, the greatest first."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How the weighted forecast did at past origins, in units of the ensemble's `scale`.

    H counts the steps to the end of the last stretch, which may lie beyond the horizon.
    """

    history: Vec
    """(n,) history from its first to its last known value, gaps bridged."""

    origins: Index
    """(R,) index of the first value forecast."""

    forecasts: Mat
    """(R + 1, H) forecast from each origin, and from the end of the history."""

    swings: Mat
    """(R + 1, H) how much the series moves at the times that were forecast, about 1 on the whole."""

    def misses(self) -> Mat:
        """(R, H) truth less forecast in units of the swing, bridged gaps as truth, NaN beyond the end."""
        ahead = self.origins[:, None] + np.arange(self.forecasts.shape[1])
        actual = np.append(self.history, math.nan)[np.minimum(ahead, len(self.history))]
        return np.asarray((actual - self.forecasts[:-1]) / self.swings[:-1])


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A forecast and its past errors."""

    centre: Vec
    """(H,) weighted forecast, in units of `scale`."""

    residuals: Mat
    """(R, H') truth less forecast at each past origin over the swing, NaN where no truth is known."""

    counts: Vec
    """(R,) how much each origin counts, the latest most."""

    stretches: Stretches
    """Half-open ranges of steps that share weights and residuals; the last may pass the horizon."""

    independent: Vec
    """(B,) residuals of each stretch that are worth one of their own: forecasts far ahead overlap."""

    scale: float
    """What one unit is worth."""

    low: float
    """Least value that the metric can take, in its own unit."""

    high: float
    """Greatest value that the metric can take, in its own unit."""

    trial: Trial
    """How it did in the past."""

    season: int
    """Steps of the season that it follows; 0 without one."""

    weights: tuple[Mixture, ...]
    """What it is made of, early and late in the horizon."""

    scale_for_mase: float
    """Mean absolute change over one season, or one step without one, in the metric's unit; NaN where unknown."""

    stretch: float = 1.0
    """Factor on every distance from the forecast, for intervals that have been too narrow."""

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return len(self.centre)

    def quantiles(self, levels: Vec, *, widen: float = WIDEN) -> Mat:
        """(H, k) values at ascending quantile levels, never decreasing along a row.

        Args:
            levels: Strictly between 0 and 1.
            widen: How much is added for the few errors that there are; 0 for none.
        """
        spread = np.full((len(self.stretches), len(levels)), math.nan)
        for b, steps in enumerate(sampled(self.stretches)):
            pool = self.residuals[:, steps]
            known = np.isfinite(pool)
            if np.count_nonzero(known) >= LEAST_RESIDUALS:
                counts = np.broadcast_to(self.counts[:, None], pool.shape)[known]
                worth = float(self.independent[b])
                spread[b] = offsets(pool[known], counts, levels, worth, widen)
        grow_into_gaps(spread, self.stretches)
        offset = between(self.stretches, spread) * self.trial.swings[-1][:, None] * self.stretch
        return np.maximum.accumulate(self._valued(self.centre[:, None] + offset[: self.horizon]), 1)

    def paths(self) -> Mat:
        """(S, H) possible futures in equal parts: past errors in their order, laid on the forecast.

        They are not widened: a band must hold what comes though its own width is uncertain, but in a
        share of paths a width too great at every step would add up.
        """
        return self._valued(self.futures()[:, : self.horizon])

    def futures(self) -> Mat:
        """(S, H') possible futures in units of `scale`, to the end of the last stretch."""
        trial = self.trial
        residuals = continued(trial.misses()) * self.stretch
        futures = laid_on(trial.forecasts[-1], trial.swings[-1], residuals, len(trial.history))
        return np.clip(futures, self.low / self.scale, self.high / self.scale)

    def _valued(self, units: Mat) -> Mat:
        with np.errstate(over="ignore"):
            return np.asarray(np.clip(np.nan_to_num(units * self.scale), self.low, self.high))


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
    origins = _origins(len(y), period)
    stretches = stretches_of(horizon)
    steps = np.append(origins, len(y))
    bank = candidates(y, steps, stretches[-1][1], period)
    age = (len(y) - origins) / max(bank.season, len(y) / 7)
    truth = np.where(known, y, math.nan)
    actual = _after(truth, origins, stretches[-1][1])
    by_step = between(stretches, _weights(bank, actual, stretches, 0.5 ** (age / _WEIGHTS_HALVE)))
    forecasts = np.zeros((len(steps), stretches[-1][1]))
    for weight, forecast in zip(by_step.T, bank.forecasts, strict=True):
        forecasts += weight * forecast
    trial = Trial(y, origins, forecasts, swings(y, steps, stretches[-1][1], period))
    residuals = (actual - forecasts[:-1]) / trial.swings[:-1]
    return Ensemble(
        centre=forecasts[-1][:horizon],
        residuals=residuals,
        counts=0.5 ** (age / _ERRORS_HALVE),
        stretches=stretches,
        independent=np.array([independent(residuals[:, s]) for s in sampled(stretches)]),
        scale=scale,
        low=low,
        high=high,
        trial=trial,
        season=bank.season,
        weights=_mixtures(bank.names, by_step[:horizon]),
        scale_for_mase=_mean_change(truth, max(1, bank.season)) * scale,
    )


def _origins(n: int, period: int) -> Index:
    """Origins spread over the history, from where the candidates have something to go by.

    With a season they reach back two weeks of days at most: what was easy or hard to forecast before
    tells little of today.
    """
    first = max(2, min(n // 4, 64))
    if period >= 2 and n >= 2 * period:
        first = max(period + period // 8, n - _SEASONS * period)
    if n - first <= ORIGINS:
        return np.arange(min(first, n - 1), n, dtype=np.intp)
    return np.unique(np.linspace(first, n - 1, ORIGINS).astype(np.intp))


def _after(truth: Vec, origins: Index, horizon: int) -> Mat:
    """(R, H) what came after each origin; NaN for gaps and beyond the end."""
    padded = np.append(truth, np.full(horizon, math.nan))
    return np.asarray(padded[origins[:, None] + np.arange(horizon)])


def _weights(bank: Bank, actual: Mat, stretches: Stretches, counts: Vec) -> Mat:
    """(B, C) weights from the errors at some steps of each stretch."""
    steps = sampled(stretches)
    truth = actual[:, steps]
    errors = np.empty((len(steps), len(bank.forecasts), truth.shape[0], truth.shape[2]))
    for c, forecast in enumerate(bank.forecasts):
        errors[:, c] = (forecast[:-1][:, steps] - truth).transpose(1, 0, 2)
    return weigh(errors.reshape(*errors.shape[:2], -1), np.repeat(counts, steps.shape[1]))


def _mixtures(names: tuple[str, ...], by_step: Mat) -> tuple[Mixture, ...]:
    """What the first sixth of the horizon is made of, and what the last half."""
    horizon = len(by_step)
    early = (0, max(1, horizon // 6))
    late = (max(early[1], horizon // 2), horizon)
    found = []
    for start, stop in (early, late) if late[0] < late[1] else (early,):
        total: dict[str, float] = {}
        for name, weight in zip(names, by_step[start:stop].mean(axis=0).tolist(), strict=True):
            total[name] = total.get(name, 0.0) + weight
        parts = sorted(total.items(), key=lambda part: -part[1])[:_MOST_PARTS]
        found.append(Mixture(start + 1, stop, tuple(parts)))
    return tuple(found)


def _mean_change(truth: Vec, lag: int) -> float:
    change = np.abs(truth[lag:] - truth[:-lag])
    change = change[np.isfinite(change)]
    return float(change.mean()) if len(change) else math.nan
