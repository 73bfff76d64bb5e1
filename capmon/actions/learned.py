"""What past actions teach: how long start-up takes, and how far predictions were off."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from capmon.model.metric import Unit, metric
from capmon.model.results import Estimate, Predicted

NEWEST = 20
"""Actions that are learned from, the latest."""

LEAST_TO_MOVE = 4
"""Verified actions below which a prediction is only widened, never moved."""

AS_RARE_AS = 2 * 0.5**LEAST_TO_MOVE
"""A share of misses on one side moves the centre where chance makes it no oftener than four of four."""

LEAST_MOVE = 0.01
"""A bias smaller than this share is none."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric's prediction against what came."""

    metric: str
    """Key of the metric."""

    expected: Estimate
    """What was expected, after anything learned before."""

    model: float
    """What the curve alone said."""

    actual: float
    """What was measured."""

    @property
    def inside(self) -> bool | None:
        """Whether it came within the interval; None where there was none."""
        low, high = self.expected.low, self.expected.high
        if low is None and high is None:
            return None
        return (low is None or low <= self.actual) and (high is None or self.actual <= high)

    def entry(self) -> dict[str, Any]:
        """As it stands in the audit log."""
        return {
            "metric": self.metric,
            "expected": self.expected.value,
            "low": self.expected.low,
            "high": self.expected.high,
            "model": self.model,
            "actual": self.actual,
            "inside": self.inside,
        }


def compare(predicted: Iterable[Predicted], actual: Mapping[str, float]) -> tuple[Compared, ...]:
    """Each prediction that was made against what was measured; what was not is left out."""
    return tuple(
        Compared(p.metric, p.after, (p.model or p.after).value, actual[p.metric])
        for p in predicted
        if p.after is not None and p.metric in actual
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """What the verified actions of one target say, the latest twenty."""

    startup: Estimate | None = None
    """Seconds from a yes to more replicas until all were ready: median and range; None until measured."""

    ratios: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By metric key: what came over what the curve alone said, oldest first."""

    def correction(self, metric_key: str, level: float = 0.95) -> tuple[float, float]:
        """Bias and spread, both factors.

        The bias is the median ratio, where at least four actions were verified and they agree on
        the side as rarely as chance would; else 1. The spread is what the remaining misses stay
        within either way at the level: with fewer than twenty, the greatest of them.

        Args:
            metric_key: Key of the metric.
            level: Share of past misses that an interval is to hold.

        Source:
            The quantile is that of split conformal prediction: Lei et al., Distribution-Free
            Predictive Inference for Regression, JASA 113 (2018).
        """
        misses = [math.log(r) for r in self.ratios.get(metric_key, ())]
        if not misses:
            return 1.0, 1.0
        bias = statistics.median(misses) if _one_sided(misses) else 0.0
        if abs(bias) < LEAST_MOVE:
            bias = 0.0
        sizes = sorted(abs(m - bias) for m in misses)
        rank = min(math.ceil((len(sizes) + 1) * level), len(sizes))
        return math.exp(bias), math.exp(sizes[max(rank, 1) - 1])

    def apply(self, predicted: tuple[Predicted, ...]) -> tuple[Predicted, ...]:
        """The predictions with what was learned; what is corrected already is corrected anew."""
        return tuple(self._corrected(p) for p in predicted)

    def _corrected(self, p: Predicted) -> Predicted:
        model = p.model or p.after
        if model is None:
            return p
        bias, spread = self.correction(p.metric, model.level)
        most = 1.0 if metric(p.metric).unit is Unit.RATIO else math.inf
        centre = min(model.value * bias, most)
        low, high = _interval(model, bias, centre, spread)
        after = Estimate(centre, low, None if high is None else min(high, most), model.level)
        if after == model:
            return replace(p, after=model, model=None, remark="")
        return replace(p, after=after, model=model, remark=self._remark(p.metric, bias, spread))

    def _remark(self, metric_key: str, bias: float, spread: float) -> str:
        ratios = self.ratios[metric_key]
        n, off = len(ratios), f"off by up to {max(spread, 1.0):.2f}×"
        actions = "1 past action was" if n == 1 else f"{n} past actions were"
        if bias == 1:
            return f"wider: {actions} {off}"
        up = bias > 1
        agreeing = sum(r > 1 if up else r < 1 for r in ratios)
        way = "up" if up else "down"
        came = f"{agreeing} of {n} past actions came {'higher' if up else 'lower'}"
        return f"moved {way} {abs(bias - 1) * 100:.0f} %: {came}, then {off}"


def _interval(
    model: Estimate, bias: float, centre: float, spread: float
) -> tuple[float | None, float | None]:
    """The curve's own interval, moved, and at least as wide as past misses; an open end stays open."""
    low, high = centre / spread, centre * spread
    if model.low is None and model.high is None:
        return (low, high) if spread > 1 else (None, None)
    if model.low is not None:
        low = min(low, model.low * bias)
    return low, None if model.high is None else max(high, model.high * bias)


def _one_sided(misses: Sequence[float]) -> bool:
    """Whether so many misses on one side are as rare as four of four (a two-sided sign test)."""
    above, below = sum(m > 0 for m in misses), sum(m < 0 for m in misses)
    n, k = above + below, max(above, below)
    if n < LEAST_TO_MOVE:
        return False
    by_chance = 2.0 * sum(math.comb(n, i) for i in range(k, n + 1)) / 2.0**n
    return by_chance <= AS_RARE_AS


def learn(entries: Sequence[Mapping[str, Any]]) -> Learned:
    """What the audit log of one target teaches.

    Args:
        entries: Records of real actions, oldest first; what is malformed is passed over.
    """
    starts = [s for e in entries if (s := _start(e)) is not None][-NEWEST:]
    verified = [e for e in entries if e.get("event") == "verified"][-NEWEST:]
    ratios: dict[str, list[float]] = {}
    for entry in verified:
        for key, ratio in _ratios(entry):
            ratios.setdefault(key, []).append(ratio)
    return Learned(range_of(starts), {key: tuple(found) for key, found in ratios.items()})


def range_of(seconds: Sequence[float]) -> Estimate | None:
    """Median and range; the level is the chance that the next one lies in the range of n, (n-1)/(n+1)."""
    if not seconds:
        return None
    middle, n = statistics.median(seconds), len(seconds)
    if n == 1:
        return Estimate(middle)
    return Estimate(middle, min(seconds), max(seconds), (n - 1) / (n + 1))


def _start(entry: Mapping[str, Any]) -> float | None:
    """How long the replicas that one action added took; None where it tells nothing of that.

    A target that never told of a replica that starts may count those asked for as ready.
    """
    origin, to, after = entry.get("from"), entry.get("to"), _positive(entry.get("ready_after"), 0.0)
    if entry.get("event") != "done" or not isinstance(origin, int) or not isinstance(to, int):
        return None
    return after if to > origin and entry.get("seen_starting") is not False else None


def _ratios(entry: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    """What came over what the curve said; none where the load was another one."""
    compared = entry.get("compared")
    if entry.get("comparable") is not True or not isinstance(compared, list):
        return
    for one in compared:
        if not isinstance(one, dict):
            continue
        model, actual = (_positive(one.get(name), 1e-12) for name in ("model", "actual"))
        if model is not None and actual is not None:
            yield str(one.get("metric")), actual / model


def _positive(value: object, least: float) -> float | None:
    """A finite number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= least else None
