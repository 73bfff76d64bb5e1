"""Keep issued forecasts until their time comes, score them, and say when they are not to be trusted."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from capmon.analysis.windows import Mat, Vec
from capmon.model.results import Coverage, Scored
from capmon.model.units import percent, span

MOST_PENDING = 1024
"""Forecast points that wait for their time; older ones are dropped first."""

MOST_SCORED = 4096
"""Scores kept; older ones are dropped first."""

DAY = 86400.0
"""Seconds for which a score counts."""

SHOWN = 120
"""Scored points that a result carries."""

MISSING = 0.05
"""How far the share inside may stay below the level, beyond chance, before a forecast is demoted."""

WORSE_THAN_NAIVE = 1.25
"""Error over that of repeating the last value from which a forecast is demoted."""

NAIVE_AGAIN = 1.1
"""Error over that of repeating the last value down to which it stays demoted."""

LEADS = (0.0, 60.0, 900.0, math.inf)
"""Bounds of the leads that are judged together, seconds."""

WIDEST = 3.0
"""Greatest factor by which misses widen the intervals to come."""

_LEAST_SCORED = 20
_LEAST_INDEPENDENT = 10.0
_LEAST_APART = 4.0
_PRIOR = 20.0


def _unknown(_steps: int) -> float:
    return math.nan


@dataclass(frozen=True, slots=True)
class _Issued:
    """One forecast point that waits for its time."""

    begins: float
    step: float
    ahead: float
    low: float
    high: float
    median: float
    naive: float
    scale: float
    stretch: float


@dataclass(frozen=True, slots=True)
class _Score:
    """What became of one forecast point."""

    point: _Issued
    actual: float
    inside: bool
    reach: float
    """Distance from the median over the unwidened interval on that side."""

    @property
    def at(self) -> float:
        return self.point.begins + self.point.step

    @property
    def error(self) -> float:
        return abs(self.actual - self.point.median)


class Scoreboard:
    """The forecasts of one metric and how they did."""

    def __init__(self) -> None:
        self._pending: deque[_Issued] = deque(maxlen=MOST_PENDING)
        self._scores: deque[_Score] = deque(maxlen=MOST_SCORED)
        self._demoted = False

    @property
    def waiting(self) -> int:
        """Forecast points whose time has not come."""
        return len(self._pending)

    @property
    def steps(self) -> tuple[float, ...]:
        """Cell lengths of the points that wait, ascending: each is scored on its own grid."""
        return tuple(sorted({p.step for p in self._pending}))

    def reach(self, step: float, end: float) -> int:
        """Cells of one step that a window must hold for every point that waits and is due."""
        begins = (p.begins for p in self._pending if p.step == step)
        first = min(begins, default=end)
        return max(0, math.ceil((end - first) / step))

    def issue(
        self,
        made_at: float,
        step: float,
        band: Mat,
        naive: float,
        scale: Callable[[int], float] = _unknown,
        stretch: float = 1.0,
    ) -> None:
        """Remember a forecast at steps 1, 2, 4, 8, … ahead.

        Args:
            made_at: Unix time of the end of the last cell used.
            step: Seconds a cell.
            band: (H, 3) low, median and high.
            naive: The last value known when it was made.
            scale: Mean absolute change of the history over a season, or over so many steps, for the
                MASE; NaN where it is not known.
            stretch: Factor by which the interval was widened for the misses before.
        """
        ahead = 1
        while ahead <= len(band):
            low, median, high = (float(v) for v in band[ahead - 1])
            begins = made_at + (ahead - 1) * step
            self._pending.append(
                _Issued(begins, step, ahead * step, low, high, median, naive, scale(ahead), stretch)
            )
            ahead *= 2

    def settle(self, end: float, step: float, values: Vec) -> None:
        """Score every point of one cell length whose cell lies in a window of actual values.

        Args:
            end: Unix time of the end of the last cell.
            step: Seconds a cell.
            values: (n,) actual values, NaN for gaps, which score nothing. Points whose cells lie
                before the window are dropped.
        """
        start = end - step * len(values)
        waiting: list[_Issued] = []
        for point in self._pending:
            cell = round((point.begins - start) / step)
            if point.step != step or cell >= len(values):
                waiting.append(point)
            elif cell >= 0 and np.isfinite(values[cell]):
                self._scores.append(_scored(point, float(values[cell])))
        self._pending = deque(waiting, maxlen=MOST_PENDING)
        while self._scores and self._scores[0].at < end - DAY:
            self._scores.popleft()

    def coverage(self) -> Coverage | None:
        """How the forecasts of the last day did; None until enough could be scored."""
        if len(self._scores) < _LEAST_SCORED:
            return None
        times = [s.at for s in self._scores]
        return Coverage(
            scored=len(self._scores),
            inside=_mean(s.inside for s in self._scores),
            mase=_ratio(self._scores, [s.point.scale for s in self._scores]),
            window=max(times) - min(times),
            naive_ratio=_ratio(self._scores, [abs(s.actual - s.point.naive) for s in self._scores]),
        )

    def scored(self) -> tuple[Scored, ...]:
        """The latest points scored, oldest first."""
        latest = sorted(self._scores, key=lambda s: (s.at, s.point.ahead))[-SHOWN:]
        return tuple(
            Scored(s.at, s.point.ahead, s.point.low, s.point.median, s.point.high, s.actual)
            for s in latest
        )

    def demoted(self, level: float) -> str:
        """Why the forecast is not to be trusted, or an empty text.

        It is demoted when its interval held less than chance allows, or when repeating the last
        value would have done clearly better, and reinstated when neither is so any more.

        Args:
            level: Level of the intervals.
        """
        found = self.coverage()
        if found is None or _independent(self._scores) < _LEAST_INDEPENDENT:
            self._demoted = False
            return ""
        worst = NAIVE_AGAIN if self._demoted else WORSE_THAN_NAIVE
        said = self._narrow(level)
        if not said and found.naive_ratio is not None and found.naive_ratio > worst:
            said = f"error {found.naive_ratio:.1f}× that of the last value"
        self._demoted = bool(said)
        return said

    def _narrow(self, level: float) -> str:
        """Whether the intervals of some leads hold too little: near ones must not hide far ones."""
        for nearest, farthest in pairwise(LEADS):
            band = [s for s in self._scores if nearest <= s.point.ahead < farthest]
            if len(band) < _LEAST_SCORED or _independent(band) < _LEAST_APART:
                continue
            inside = _mean(s.inside for s in band)
            chance = 0.0 if self._demoted else 2 * _standard_error(band, level)
            if inside < level - MISSING - chance:
                far = "" if nearest == 0 else f" beyond {span(nearest)}"
                return f"band held {percent(inside)} % of {percent(level)} %{far}"
        return ""

    def stretch(self, level: float) -> float:
        """Factor on the next interval that would have made the past ones hold their level.

        The conformal quantile of past distances, in units of the interval as it was before
        any widening, drawn towards 1 as long as few independent forecasts speak; never below 1.

        Source:
            Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section 2.2.
        """
        reaches = np.array([s.reach for s in self._scores if math.isfinite(s.reach)])
        if len(reaches) < _LEAST_SCORED:
            return 1.0
        weight = _independent(self._scores)
        wanted = float(np.quantile(reaches, level))
        return min(max(1.0, (weight * wanted + _PRIOR) / (weight + _PRIOR)), WIDEST)


def _by_lead(scores: Iterable[_Score]) -> dict[float, list[float]]:
    """Times at which points were scored, by how far ahead they were made."""
    leads: dict[float, list[float]] = {}
    for s in scores:
        leads.setdefault(s.point.ahead, []).append(s.at)
    return leads


def _independent(scores: Iterable[_Score]) -> float:
    """Forecasts that do not overlap, of the lead that has the most."""
    return max((_apart(t, lead) for lead, t in _by_lead(scores).items()), default=0.0)


def _standard_error(scores: Sequence[_Score], level: float) -> float:
    """Standard error of the share inside if the level held, leads taken as moving together."""
    return sum(
        len(times) / len(scores) * math.sqrt(level * (1 - level) / _apart(times, lead))
        for lead, times in _by_lead(scores).items()
    )


def _apart(times: Sequence[float], lead: float) -> float:
    """Forecasts of one lead that do not overlap."""
    return min(float(len(times)), 1.0 + (max(times) - min(times)) / lead)


def _scored(point: _Issued, actual: float) -> _Score:
    slack = 1e-9 * max(abs(actual), abs(point.median))
    inside = point.low - slack <= actual <= point.high + slack
    side = point.high - point.median if actual > point.median else point.median - point.low
    away = abs(actual - point.median)
    reach = 0.0 if away <= slack else away / side * point.stretch if side > 0 else math.nan
    return _Score(point, actual, inside, reach)


def _ratio(scores: Iterable[_Score], scales: Sequence[float]) -> float | None:
    """Mean error over mean scale, of the points whose scale is known; None where it is nil."""
    pairs = [(s.error, k) for s, k in zip(scores, scales, strict=True) if math.isfinite(k)]
    n = len(pairs)
    if not n:
        return None
    scale = math.fsum(k / n for _, k in pairs)
    ratio = math.fsum(e / n for e, _ in pairs) / scale if scale > 0 else math.inf
    return ratio if math.isfinite(ratio) else None


def _mean(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values)
