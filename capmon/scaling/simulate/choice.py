"""Which forecast the predictive policy goes by: each candidate replayed on the history, day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from capmon.analysis.foresight.peaks import (
    LEAST_LEADS,
    LEVELS,
    RECIPES,
    lead_steps,
    peak_quantiles,
)
from capmon.analysis.windows import Mat, Vec
from capmon.model.units import span
from capmon.scaling.simulate.service import Counts, Service, overloaded, serving

DAY = 86400.0

HISTORY = 14 * DAY
"""Seconds of the past on which a choice rests."""

INSURANCE = 0.9
"""Share of the budget that may be spent on a surer level where the replay shows nothing left to avoid."""


@dataclass(frozen=True, slots=True)
class Price:
    """What an overload may cost to avoid."""

    overload_minute: float | None = None
    """Replica-hours that a minute of overload is worth; None for a budget."""

    budget: float = 0.2
    """Replica-hours that the floor may cost beyond HPA's, as a share of those."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A forecast to take the floor from."""

    recipe: int
    """Which of `RECIPES`."""

    level: int
    """Which of `LEVELS`."""

    minutes: float
    """Minutes of overload that it would have left in the history."""

    minutes_alone: float
    """Minutes of overload of HPA alone there."""

    extra: float
    """Replica-hours beyond HPA's, as a share of those."""

    seconds: float
    """How much of the history has judged it."""

    def said(self) -> str:
        """The choice in words."""
        return (
            f"level {LEVELS[self.level]:.4g} by {RECIPES[self.recipe].name}: {self.minutes:.0f} of "
            f"{self.minutes_alone:.0f} overload minutes left for {self.extra:+.1%} replica-hours, "
            f"in {span(self.seconds)}"
        )


class Candidates:
    """Every recipe at every level as a floor under HPA's counts, replayed once over the whole load.

    Args:
        load: (n,) load by step.
        alone: (n,) counts that HPA alone asks for at the end of each step.
        service: The service.
        start: First step from which forecasts are made.
        hold: Seconds for which a floor stands.
    """

    def __init__(self, load: Vec, alone: Counts, service: Service, start: int, hold: float) -> None:
        self._service = service
        self._start = start
        self._hold = hold
        self._known = np.cumsum(~np.isnan(load))
        self.quantiles: list[Mat] = [
            peak_quantiles(load, service.step, service.startup, start, r) for r in RECIPES
        ]
        told = np.isfinite(self.quantiles[0][:, 0])
        self._told = int(np.argmax(told)) if np.any(told) else len(told)
        later, first = load[start:], int(alone[start])
        self._alone = _sums(later, alone[start:][None, :], first, service)
        self._all = [
            _sums(later, self._asked(q, alone[start:]), first, service) for q in self.quantiles
        ]

    def _asked(self, quantiles: Mat, alone: Counts) -> Counts:
        floors = np.ceil(quantiles.T / self._service.capacity - 1e-9)
        floors = np.clip(np.nan_to_num(floors), self._service.least, self._service.most)
        hold = max(1, round(self._hold / self._service.step))
        before = np.full((len(floors), hold - 1), self._service.least, dtype=floors.dtype)
        held = sliding_window_view(np.concatenate((before, floors), axis=1), hold, axis=1)
        return np.asarray(np.maximum(alone, held.max(axis=-1)), dtype=np.int64)

    def judges(self, at: int) -> bool:
        """Whether the history before step `at` holds enough forecasts and what came of them."""
        leads = lead_steps(self._service.startup, self._service.step)
        return at - self._start - 1 - self._told >= LEAST_LEADS * leads

    def best(self, at: int, price: Price) -> Choice | None:
        """The candidate to go by from step `at` on, judged by the history before it; None where none is worth it.

        Nothing is judged by less than `LEAST_LEADS` leads, and no level is tried of which the
        history has not seen one case beyond: it would be the greatest peak by another name.

        With a price, the least of replica-hours and overload together. With a budget, the least
        overload within it; of those that leave the same, the surest that stays clear of
        the budget.
        """
        end = at - self._start - 1
        begin = max(self._told, end - round(HISTORY / self._service.step))
        if not self.judges(at):
            return None
        seen, seconds = int(self._known[at - 1]), (end - begin) * self._service.step
        minute, hour = self._service.step / 60.0, self._service.step / 3600.0
        over0, asked0 = (float(s[0, end] - s[0, begin]) for s in self._alone)
        best: tuple[tuple[float, ...], Choice] | None = None
        for recipe, (overs, askeds) in enumerate(self._all):
            for level, share in enumerate(LEVELS):
                if (seen + 1) * (1.0 - share) < 1.0 - 1e-9:
                    break
                minutes = float(overs[level, end] - overs[level, begin]) * minute
                more = float(askeds[level, end] - askeds[level, begin]) - asked0
                extra = more / max(asked0, 1e-9)
                choice = Choice(recipe, level, minutes, over0 * minute, extra, seconds)
                key = _rank(choice, more * hour, price)
                if key is not None and (best is None or key < best[0]):
                    best = (key, choice)
        return None if best is None else best[1]


def _rank(choice: Choice, more: float, price: Price) -> tuple[float, ...] | None:
    """What makes one candidate better than another, the least the best; None for one that costs too much."""
    if price.overload_minute is not None:
        cost = more + choice.minutes * price.overload_minute
        return None if cost >= choice.minutes_alone * price.overload_minute else (cost,)
    if choice.extra > price.budget:
        return None
    insured = choice.extra <= INSURANCE * price.budget
    return (
        choice.minutes,
        0.0 if insured else 1.0,
        -LEVELS[choice.level] if insured else choice.extra,
    )


def _sums(load: Vec, asked: Counts, first: int, service: Service) -> tuple[np.ndarray, np.ndarray]:
    """(c, n) running sums of overloaded steps and of replicas asked for."""
    over = overloaded(load, serving(asked, first, service.delay), service.capacity)
    return np.cumsum(over, axis=1, dtype=np.int32), np.cumsum(asked, axis=1, dtype=np.int64)
