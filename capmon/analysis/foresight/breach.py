"""Probability that a limit is passed by each step ahead, corrected by how such probabilities did before.

Three views are joined: the share of possible futures that pass the limit; the same, read through how
often the greatest value of past stretches lay that high among the futures of their time; and the share
of earlier moments like this one after which the limit was passed. Each never grows with the limit,
and their weights do not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capmon.analysis.foresight.analogs import Analogs, analogs, greatest_after
from capmon.analysis.foresight.ensemble import Ensemble
from capmon.analysis.foresight.levels import Index
from capmon.analysis.foresight.paths import continued, sustained
from capmon.analysis.foresight.weighing import between, ends_of
from capmon.analysis.windows import Mat, Vec

_TESTS = 24
_ROWS = 32
_LEAST_TESTS = 4
_LEAST_ROWS = 6
_CORRECTED = 0.7
_PRIOR = 4.0
_LIKE_MOMENTS = 0.5
_LEAST_WORTH = 4.0
_TINY = 1e-18


@dataclass(frozen=True, slots=True)
class _Record:
    """How futures and like moments foretold the greatest value within one reach of past origins."""

    ranks: Vec
    """(T,) share of futures below the greatest value that came, ascending."""

    below: Vec
    """(T,) share of past origins at or below each rank, later ones counting more."""

    corrected: float
    """How far ranks are trusted to correct, 0 to 1."""

    like_moments: float
    """Weight of like moments beside the futures."""


_NO_RECORD = _Record(np.empty(0), np.empty(0), 0.0, 0.0)


def crossing_curve(found: Ensemble, limit: float, sustain: int = 1) -> Vec:
    """(H,) probability that a limit has been passed by each step, never decreasing.

    Args:
        found: The forecast.
        limit: In the metric's own unit.
        sustain: Steps in a row whose mean must pass the limit; at most the horizon. Steps before
            the first such mean share its probability.

    Returns:
        Strictly between 0 and 1. What is said of a step does not depend on the horizon.
    """
    ends = ends_of(found.stretches)
    width = min(max(sustain, 1), int(ends[-1]))
    futures = found.futures()
    means = sustained(futures, width)
    hits = np.maximum.accumulate(means, axis=1) > limit / found.scale
    steps = np.maximum(np.arange(int(ends[-1])) + 1 - width, 0)
    share = hits.mean(axis=0)[steps] if len(hits) else np.full(len(steps), 0.5)
    tests = _tested(found, width)
    season = found.season
    moments = analogs(
        found.trial.history, np.append(tests, len(found.trial.history)), ends, width, season
    )
    records = _records(found, tests, moments, width)
    seen = between(found.stretches, moments.exceeds(limit / found.scale)[:, None])[:, 0]
    weight = between(found.stretches, np.array([[r.like_moments] for r in records]))[:, 0]
    joined = (1 - weight) * _corrected(found, share, records) + weight * seen
    worth = _worth(found, np.maximum.accumulate(means, axis=1), limit / found.scale)
    chance = (joined * worth[steps] + 0.5) / (worth[steps] + 1)
    return np.asarray(np.maximum.accumulate(chance[: found.horizon]))


def _worth(found: Ensemble, greatest: Mat, limit: float) -> Vec:
    """(H',) cases that the futures stand for.

    Where the limit lies among them they are worth the few past errors that do not overlap. A limit
    as far beyond all of them as they are apart is farther than few errors could be wrong by.

    Args:
        found: The forecast.
        greatest: (S, H') greatest sustained mean of each future by each step.
        limit: In units of the forecast's scale.
    """
    if not len(greatest):
        return np.full(greatest.shape[1], _LEAST_WORTH)
    top, bottom = greatest.max(axis=0), greatest.min(axis=0)
    apart = np.maximum(top - bottom, _TINY)
    # Held within what they are apart before it is divided, so that no limit is too far.
    beyond = np.clip(np.maximum(limit - top, bottom - limit), 0.0, apart) / apart
    few = between(found.stretches, found.independent[:, None])[:, 0][-greatest.shape[1] :]
    few = np.clip(few, _LEAST_WORTH, len(greatest))
    return np.asarray(few + (len(greatest) - few) * beyond)


def breach_curve(found: Ensemble, limit: float, sustain: int, marks: Sequence[int]) -> list[float]:
    """Probability that a limit has been passed by some steps ahead, never decreasing from mark to mark.

    Args:
        found: The forecast.
        limit: In the metric's own unit.
        sustain: Steps in a row whose mean must pass the limit.
        marks: Steps ahead, 1 or more; those beyond the horizon get its probability.
    """
    curve = crossing_curve(found, limit, sustain)
    return [float(curve[min(max(mark, 1), len(curve)) - 1]) for mark in marks]


def reached(curve: Vec, share: float) -> int | None:
    """First step, counted from 1, at which a crossing curve has reached a probability; None for never."""
    over = np.flatnonzero(curve >= share)
    return int(over[0]) + 1 if len(over) else None


def _tested(found: Ensemble, width: int) -> Index:
    """Past origins after which at least one sustained mean is known, thinned."""
    trial = found.trial
    fit = trial.origins[trial.origins <= len(trial.history) - width]
    if not len(fit):
        return fit
    return np.unique(fit[np.linspace(0, len(fit) - 1, _TESTS).astype(np.intp)])


def _records(found: Ensemble, tests: Index, moments: Analogs, width: int) -> list[_Record]:
    """What past origins tell of each reach."""
    trial, ends = found.trial, ends_of(found.stretches)
    residuals = continued(trial.misses())
    if not len(tests) or not len(residuals):
        return [_NO_RECORD] * len(ends)
    rows = np.unique(np.linspace(0, len(residuals) - 1, _ROWS).astype(np.intp))
    places = np.searchsorted(trial.origins, tests)
    futures = trial.forecasts[places][:, None] + residuals[rows] * trial.swings[places][:, None]
    greatest = np.maximum.accumulate(sustained(futures, width), axis=2)
    greatest = greatest[:, :, np.maximum(ends - width, 0)]
    actual = greatest_after(trial.history, tests, ends, width)
    apart = np.abs(trial.origins[rows] - tests[:, None])
    counts = found.counts[places]
    return [
        _record(greatest[:, :, j], actual[:, j], apart, tests, counts, moments, j, int(end))
        for j, end in enumerate(ends)
    ]


def _record(
    greatest: Mat,
    actual: Vec,
    apart: Mat,
    tests: Index,
    counts: Vec,
    moments: Analogs,
    reach: int,
    steps: int,
) -> _Record:
    """What past origins tell of one reach; futures made from errors of the same time are left out."""
    others = apart >= steps
    use = np.isfinite(actual) & (others.sum(axis=1) >= _LEAST_ROWS)
    if np.count_nonzero(use) < _LEAST_TESTS:
        return _NO_RECORD
    share = others[use] / others[use].sum(axis=1, keepdims=True)
    truth = actual[use][:, None]
    ranks = (share * ((greatest[use] < truth) + 0.5 * (greatest[use] == truth))).sum(axis=1)
    order = np.argsort(ranks, kind="stable")
    held = np.cumsum(counts[use][order])
    below = (held - 0.5 * counts[use][order]) / held[-1]
    apart_enough = (float(np.ptp(tests[use])) + steps) / steps
    corrected = _CORRECTED * apart_enough / (apart_enough + _PRIOR)
    expected = (share * greatest[use]).sum(axis=1)
    like = _like_moments(expected, truth[:, 0], tests[use], counts[use], moments, reach, steps, use)
    return _Record(ranks[order], below, corrected, like)


def _like_moments(
    expected: Vec,
    actual: Vec,
    tests: Index,
    counts: Vec,
    moments: Analogs,
    reach: int,
    steps: int,
    use: Vec,
) -> float:
    """Weight of like moments: less the more they missed the greatest value by, beside the futures."""
    greatest = moments.greatest[:, reach]
    before = np.isfinite(greatest) & (moments.starts <= tests[:, None] - steps)
    told = before.sum(axis=1) >= _LEAST_ROWS
    if np.count_nonzero(told) < _LEAST_TESTS:
        return 0.0
    likeness = np.where(before, moments.likeness[:-1][use], 0.0)[told]
    seen = likeness @ np.nan_to_num(greatest) / likeness.sum(axis=1)
    missed = float(counts[told] @ np.square(seen - actual[told])) + _TINY
    ours = float(counts[told] @ np.square(expected[told] - actual[told])) + _TINY
    return _LIKE_MOMENTS * min(1.0, ours / missed)


def _corrected(found: Ensemble, share: Vec, records: list[_Record]) -> Vec:
    """(H',) shares of futures, each moved towards how often what was that rare came to pass."""
    ends = ends_of(found.stretches)
    moved = np.array([_moved(share, record) for record in records])
    steps = np.log(np.arange(1, len(share) + 1))
    place = np.interp(steps, np.log(ends), np.arange(len(ends)))
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(ends) - 1)
    at, part = np.arange(len(share)), place - below
    return np.asarray(moved[below, at] * (1 - part) + moved[above, at] * part)


def _moved(share: Vec, record: _Record) -> Vec:
    if not len(record.ranks):
        return share
    ranks = np.concatenate([[0.0], record.ranks, [1.0]])
    below = np.concatenate([[0.0], record.below, [1.0]])
    came = 1 - np.interp(1 - share, ranks, below)
    return np.asarray((1 - record.corrected) * share + record.corrected * came)
