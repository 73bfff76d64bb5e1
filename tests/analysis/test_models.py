"""Models start afresh where a service changed, and say since when they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.models import Models
from capmon.config.schema import Settings
from capmon.model.frame import Reading, value_of

START = 1_700_000_000.0
RATE, CPU, P95 = (
    "http.server.request.rate",
    "process.cpu.utilization",
    "http.server.request.duration.p95",
)


def deployed(history, share: float, at: int = 1200, seconds: int = 1800, seed: int = 1) -> None:
    """A service of 4 replicas whose requests cost another share of CPU from one second on."""
    rng = np.random.default_rng(seed)
    t = np.arange(seconds)
    rate = 120 + 40 * np.sin(t / 97) + rng.normal(0, 3, seconds)
    cost = np.where(t < at, 0.004, 0.004 * (1 + share))
    columns = {
        RATE: rate,
        CPU: 0.05 + cost * rate + rng.normal(0, 0.02, seconds),
        P95: 0.1 * np.exp(0.002 * rate + rng.normal(0, 0.05, seconds)),
        "replicas.ready": np.full(seconds, 4.0),
    }
    for key, values in columns.items():
        history.put(key, START + t, values)


def test_a_dearer_version_starts_models_where_it_began(history) -> None:
    """A third more CPU at the same load: the line is that of the new version alone."""
    deployed(history, 0.35)
    models = Models(Settings())
    (said,) = models.refit(history, START + 1800, 300.0)
    assert said == "app cpu: 31 % more at the same load since 22:33"
    cpu = models.fits[0]
    assert cpu.starts_from == "change at 22:33"
    assert cpu.coefficient("slope") == pytest.approx(4 * 0.0054, rel=0.03)
    assert 240 <= cpu.n <= 310
    assert models.refit(history, START + 1800, 300.0) == ()
    assert models.fits[0] == cpu


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_service_keeps_its_models(history, seed: int) -> None:
    """Where nothing changed the whole window counts."""
    deployed(history, 0.0, seed=seed)
    models = Models(Settings())
    assert models.refit(history, START + 1800, 300.0) == ()
    assert models.fits[0].starts_from == ""
    assert models.fits[0].n > 800


def test_a_change_has_to_last(history) -> None:
    """Half a minute of dearer requests is no new service yet."""
    deployed(history, 0.35, at=1770)
    assert Models(Settings()).refit(history, START + 1800, 300.0) == ()


def test_a_change_is_forgotten_with_its_window(history) -> None:
    """Once everything in the window came after it, models hold for the whole window."""
    deployed(history, 0.0)
    models = Models(Settings())
    models.reset(START + 100, "version 1 → 2 at 22:15")
    models.refit(history, START + 1800, 300.0)
    assert models.fits[0].starts_from == "version 1 → 2 at 22:15"
    models.refit(history, START + 100 + 3600 + 1, 300.0)
    assert models.fits[0].starts_from == ""


def test_a_value_that_is_no_number_is_not_known() -> None:
    """NaN and infinity are no values."""
    readings = {"a": Reading(math.nan, START), "b": Reading(1.5, START), "c": Reading(None, None)}
    assert [value_of(readings, k) for k in "abcd"] == [None, 1.5, None, None]
