"""Errors of points left out, and the choice among curves by them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from capmon.analysis.curves.choose import Contender, block_length, candidates, choose, left_out
from capmon.model.curves import FitKind


def design(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Columns of a line and a target about it."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, n)
    return np.column_stack([np.ones(n), x]), 1 + 2 * x + rng.normal(0, 1, n)


def residual(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What least squares leaves."""
    return y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]


def test_one_left_out_is_what_refitting_gives() -> None:
    """For a line the plane is exact: each residual equals that of a fit without the point."""
    columns, y = design(30)
    got = left_out(columns, residual(columns, y))
    for i in range(30):
        rest = np.arange(30) != i
        line = np.linalg.lstsq(columns[rest], y[rest], rcond=None)[0]
        assert got[i] == pytest.approx(y[i] - columns[i] @ line, rel=1e-9)


def test_blocks_left_out_are_what_refitting_gives() -> None:
    """A series is left out by stretches of time, also when they do not divide it."""
    columns, y = design(107)
    got = left_out(columns, residual(columns, y), 6)
    for first in range(0, 107, 6):
        out = np.zeros(107, dtype=bool)
        out[first : first + 6] = True
        line = np.linalg.lstsq(columns[~out], y[~out], rcond=None)[0]
        assert got[out] == pytest.approx(y[out] - columns[out] @ line, rel=1e-6)


def test_several_curves_share_their_columns() -> None:
    """Residuals of two curves side by side give each its own errors."""
    columns, y = design(200)
    both = np.column_stack([residual(columns, y), residual(columns, 2 * y)])
    got = left_out(columns, both, 5)
    assert got[:, 1] == pytest.approx(2 * got[:, 0])
    assert got[:, 0] == pytest.approx(left_out(columns, both[:, 0], 5))


def test_columns_that_say_the_same_count_once() -> None:
    """A parameter that the data cannot tell from another does no harm."""
    columns, y = design(200)
    twice = np.column_stack([columns, columns[:, 1] * 3])
    e = residual(columns, y)
    want = left_out(columns, e, 5)
    assert left_out(twice, e, 5) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "inflation", "length"), [(1800, 1.0, 5), (1800, 9.0, 18), (200, 30.0, 10), (15, 1.0, 1)]
)
def test_blocks_are_longer_than_the_noise_remembers(n: int, inflation: float, length: int) -> None:
    """Twice the memory, five at least, and never so long that fewer than twenty are left."""
    assert block_length(n, inflation) == length


def contender(kind: FitKind, parameters: int, errors: np.ndarray) -> Contender:
    """One that was fitted."""
    return Contender(kind, parameters, errors, 0.5)


def test_the_simpler_wins_unless_it_is_clearly_worse() -> None:
    """A difference within its standard error goes to fewer parameters, a clear one does not."""
    swing = np.where(np.arange(400) // 20 % 2 == 0, 1.1, -1.0)
    simple = contender(FitKind.EXPONENTIAL, 2, np.sqrt(2 + swing))
    close = contender(FitKind.MMC, 3, np.full(400, math.sqrt(2)))
    better = contender(FitKind.KINGMAN, 3, np.full(400, 0.5))
    assert choose([simple, close], series=True) == 0
    assert choose([simple, close, better], series=True) == 2
    assert choose([Contender(FitKind.MMC, problem="no")], series=True) is None
    assert choose([], series=True) is None


def test_what_repeats_itself_is_not_counted_as_evidence() -> None:
    """Of two that are equally good the flexible one is chosen in a sixth, not in half of cases."""
    rng, chosen = np.random.default_rng(3), 0
    for _ in range(200):
        swing = lfilter([1.0], [1.0, -0.9], rng.normal(0, 0.1, 600))
        pair = [
            contender(FitKind.EXPONENTIAL, 2, np.sqrt(np.maximum(1 + swing, 0))),
            contender(FitKind.MMC, 3, np.ones(600)),
        ]
        chosen += choose(pair, series=True) == 1
    assert 0.08 <= chosen / 200 <= 0.28


def test_candidates_stand_in_the_order_of_their_error() -> None:
    """The chosen one is marked, refusals come last with their reason."""
    found = [
        Contender(FitKind.MMC, problem="no bend in the load seen"),
        contender(FitKind.LINEAR, 2, np.full(4, 2.0)),
        contender(FitKind.EXPONENTIAL, 2, np.full(4, 1.0)),
        contender(FitKind.KINGMAN, 3, np.full(4, np.inf)),
    ]
    got = candidates(found, 1)
    assert [c.kind for c in got[:2]] == [FitKind.EXPONENTIAL, FitKind.LINEAR]
    assert [c.error for c in got] == [1.0, 2.0, None, None]
    assert [c.chosen for c in got] == [False, True, False, False]
    assert {c.problem for c in got[2:]} == {"", "no bend in the load seen"}
