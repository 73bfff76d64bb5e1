"""The live look ahead: what it needs, what it keeps, and that it knows nothing of what was never measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from capmon.config.scaling import CouplingSettings, ScalingSettings
from capmon.scaling.known import Known
from capmon.scaling.lookout import AGAIN, COARSE, FINE, LEAST, Lookout
from capmon.scaling.simulate.run import TOO_SHORT

KNOWN = Known(100.0)
NOW = 1_700_000_000.0


def noisy(n: int, seed: int = 0) -> np.ndarray:
    """A load that is now and then twice as high for a few steps."""
    rng = np.random.default_rng(seed)
    load = 400 * np.exp(rng.normal(0, 0.1, n))
    for at in rng.integers(0, n, max(1, n // 60)):
        load[at : at + 4] *= 2
    return load


def window(load: np.ndarray) -> Callable[[float, float], np.ndarray]:
    """The end of a load, behind what was never measured."""

    def cells(seconds: float, step: float) -> np.ndarray:
        n = round(seconds / step)
        missing = np.full(max(0, n - len(load)), np.nan)
        return np.concatenate((missing, load[max(0, len(load) - n) :]))

    return cells


def looked(
    load: np.ndarray, step: float, known: Known | None = KNOWN, **changes: object
) -> Lookout:
    """One that has looked once at all of a load."""
    lookout = Lookout(ScalingSettings(**changes))  # type: ignore[arg-type]
    lookout.step(0.0, NOW, len(load) * step, window(load), known)
    return lookout


def test_a_day_gives_a_table_and_an_outlook() -> None:
    """With the choice in words: its level, and how long a history has judged it."""
    lookout = looked(noisy(1440), COARSE)
    assert lookout.table is not None and len(lookout.table.rows) == 6
    assert lookout.outlook is not None and lookout.outlook.peak > 300
    assert " overload minutes left for " in lookout.outlook.by
    assert lookout.outlook.level <= 1 - 1 / 1440


def test_too_short_a_history_is_said() -> None:
    """Neither a table nor an outlook."""
    lookout = looked(noisy(LEAST - 1), FINE)
    assert lookout.table is not None and not lookout.table.rows
    assert "15 m of load are needed" in lookout.table.problem
    assert lookout.outlook is None


def test_a_quarter_of_an_hour_chooses_nothing() -> None:
    """It holds five times the lead: chance alone would choose. The table is there."""
    lookout = looked(noisy(LEAST), FINE)
    assert lookout.table is not None and lookout.table.rows
    assert lookout.outlook is None
    assert lookout.table.notes == (TOO_SHORT,)


def test_what_was_never_measured_is_no_history() -> None:
    """Days that a memory of two days cannot tell of change neither the table nor the outlook."""
    load = noisy(2880)
    plain = looked(load, COARSE)
    lookout = Lookout(ScalingSettings())
    lookout.step(0.0, NOW, 14 * 86400.0, window(load), KNOWN)
    assert lookout.table == plain.table
    assert lookout.table is not None and lookout.table.seconds == 1920 * COARSE
    assert lookout.outlook == plain.outlook
    assert lookout.outlook is not None and lookout.outlook.peak < 2000


def test_a_load_that_began_a_moment_ago_is_too_short() -> None:
    """However long ago a series of that name began."""
    lookout = Lookout(ScalingSettings())
    lookout.step(0.0, NOW, 86400.0, window(noisy(30)), KNOWN)
    assert lookout.table is not None and not lookout.table.rows
    assert "30 m are there" in lookout.table.problem
    assert lookout.outlook is None


def test_models_that_are_lost_for_a_moment_take_no_table_away() -> None:
    """No floor is asked for meanwhile; the table is still what it was, with its time."""
    load = noisy(1440)
    lookout = looked(load, COARSE)
    before = lookout.table
    lookout.step(60.0, NOW + 60, 86400.0, window(load), None)
    assert lookout.outlook is None and lookout.table == before
    lookout.step(120.0, NOW + 120, 86400.0, window(load), KNOWN)
    assert lookout.outlook is not None and lookout.table == before
    lookout.step(AGAIN, NOW + AGAIN, 86400.0, window(load), KNOWN)
    assert lookout.table is not None and lookout.table.at == NOW + AGAIN


def test_without_models_there_is_nothing_to_replay() -> None:
    """And that is said."""
    lookout = looked(noisy(1440), COARSE, None)
    assert lookout.table is not None and "cannot tell yet" in lookout.table.problem


def test_a_gap_at_the_end_gives_no_outlook() -> None:
    """What the load is now is not known."""
    load = noisy(1440)
    load[-1] = np.nan
    assert looked(load, COARSE).outlook is None


@pytest.mark.parametrize("fit", [4, 6])
def test_the_replay_stays_within_what_replicas_share(fit: int) -> None:
    """As the live policies do."""
    shared = (CouplingSettings("database connections", 25, 25.0 * fit),)
    lookout = looked(noisy(600) * 10, COARSE, limits=shared)
    assert lookout.table is not None
    hours = 400 * COARSE / 3600
    assert max(row.replica_hours for row in lookout.table.rows) <= fit * hours + 1e-9
