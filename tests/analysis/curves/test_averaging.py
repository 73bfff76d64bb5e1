"""Noise in the load: averaged where there is room for it, admitted in the errors where there is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.curves.fits import Question, fit_resource
from capmon.model.curves import Fit, FitKind

ASKED = Question("system.cpu.utilization", "load.per_replica", FitKind.LINEAR)


def counted(rng: np.random.Generator, n: int, noise: float) -> Fit:
    """A line of slope .01 over a load that is read with noise, as a rate counted over a moment is."""
    t = np.arange(n)
    load = 40 + 8 * np.sin(t / 9 + rng.uniform(0, 6)) + 4 * np.sin(t / 23)
    used = 0.1 + 0.01 * load + rng.normal(0, 0.01, n)
    return fit_resource(ASKED, load + rng.normal(0, noise, n), used)


def held(fits: list[Fit], slope: float = 0.01) -> float:
    """Share of 95 % intervals of the slope that hold the true one."""
    inside = []
    for fit in fits:
        found = fit.coefficients[0]
        assert found.std_error is not None and fit.t_quantile is not None
        inside.append(abs(found.value - slope) <= fit.t_quantile * found.std_error)
    return float(np.mean(inside))


@pytest.mark.parametrize("n", [60, 120, 900])
def test_a_noisy_load_does_not_fool_the_slope(n: int) -> None:
    """Whether there is room to average or not, nine in ten intervals hold the slope."""
    rng = np.random.default_rng(1)
    assert held([counted(rng, n, 4.0) for _ in range(200)]) >= 0.9


def test_without_noise_nothing_is_widened() -> None:
    """A load that is read well is neither averaged nor doubted."""
    rng = np.random.default_rng(2)
    fits = [counted(rng, 300, 0.0) for _ in range(50)]
    assert {fit.averaged for fit in fits} == {1}
    errors = [fit.coefficients[0].std_error or math.nan for fit in fits]
    assert np.median(errors) < 2 * 0.01 / (np.sqrt(300) * 6.3)


def test_a_jump_of_the_load_is_not_averaged() -> None:
    """Means of calm and storm lie on no curve: no point of the fit stands between the two."""
    rng = np.random.default_rng(3)
    t = np.arange(900)
    load = np.where(t % 90 < 20, 55.0, 24.0) + rng.normal(0, 2.5, 900)
    lagging = np.convolve(load, np.ones(4) / 4, mode="same")
    found = fit_resource(ASKED, load, 0.1 + 0.01 * lagging + rng.normal(0, 0.005, 900))
    between = [x for x, _ in found.points if 33 < x < 47]
    assert len(between) <= 0.03 * max(len(found.points), 1)
