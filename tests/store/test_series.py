"""Series and windows: aligned cells, gaps kept, minutes for what is old."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.store.series import MINUTE, MINUTES, RAW_SECONDS, STEPS, Series, Store

CPU, P95, READY, RATE = (
    "system.cpu.utilization",
    "http.server.request.duration.p95",
    "replicas.ready",
    "http.server.request.rate",
)
START = 1_700_000_400.0
"""Begins an hour, so that cells of every step begin here."""


def filled(metric_key: str, seconds: float, pace: float = 1.0, start: float = START) -> Store:
    """A store with one series whose value is the seconds since the start."""
    store = Store()
    for i in range(round(seconds / pace)):
        store.write({metric_key: i * pace}, start + i * pace, pace)
    return store


def row(store: Store, metric_key: str, end: float, seconds: float, step: float) -> list[float]:
    """One series of a window."""
    found: list[float] = store.window([metric_key], end, seconds, step)[0].tolist()
    return found


def gaps(values: list[float] | tuple[float, ...]) -> list[int]:
    """Places without a value."""
    return [i for i, v in enumerate(values) if math.isnan(v)]


# Windows


def test_cells_are_aligned_and_complete() -> None:
    """The last cell is the last complete one, and it begins at a multiple of the step."""
    store = filled(CPU, 100)
    assert row(store, CPU, START + 52.9, 15, 5) == [37 + 0, 42, 47]
    assert row(store, CPU, START + 49.999, 10, 5) == [37, 42]
    assert row(store, CPU, START + 50, 10, 5) == [42, 47]


def test_the_length_is_rounded_up() -> None:
    """Seven seconds in steps of five are two cells, and there is always one."""
    store = filled(CPU, 30)
    assert len(row(store, CPU, START + 20, 7, 5)) == 2
    assert len(row(store, CPU, START + 20, 0.1, 5)) == 1


def test_an_unknown_series_is_a_row_of_gaps() -> None:
    """It neither raises nor becomes zero, and the others keep their rows."""
    found = filled(CPU, 20).window(["no.such", CPU], START + 10, 10, 1)
    assert found.shape == (2, 10)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_a_gap_stays_a_gap() -> None:
    """Nothing is measured from 20 to 40: nothing is there, and no zero is."""
    store = Store()
    for second in (*range(20), *range(40, 60)):
        store.write({CPU: 0.5}, START + second, 1.0)
    found = row(store, CPU, START + 60, 60, 1)
    # The reading at 40 stands for the time before it, one and a half intervals at most.
    assert gaps(found) == list(range(20, 38))
    assert {v for v in found if not math.isnan(v)} == {0.5}


def test_what_is_not_finite_is_a_gap() -> None:
    """NaN and infinity are no measurements."""
    store = Store()
    store.write({CPU: math.nan, RATE: math.inf, P95: 0.2}, START, 1.0)
    assert list(store.keys()) == [P95]


@pytest.mark.parametrize("offset", [0.0, 0.3, 1.0, 1.9])
def test_a_slow_source_covers_a_fast_grid(offset: float) -> None:
    """Readings every two seconds leave no hole on a grid of one second."""
    store = Store()
    for i in range(60):
        store.write({RATE: float(i)}, START + offset + 2 * i, 2.0)
    assert gaps(row(store, RATE, START + 110, 100, 1)) == []


@given(
    st.lists(st.floats(min_value=-0.4, max_value=0.4), min_size=40, max_size=40),
    st.sampled_from([0.5, 1.0, 2.0, 5.0]),
)
def test_jitter_makes_no_holes(jitter: list[float], pace: float) -> None:
    """Readings that come up to two fifths of their interval early or late leave none."""
    store = Store()
    for i, off in enumerate(jitter):
        store.write({RATE: 1.0}, START + (i + off) * pace, pace)
    known = row(store, RATE, START + 38 * pace, 36 * pace, max(pace, 1.0))
    assert gaps(known) == []


@given(
    st.lists(st.floats(min_value=-0.4, max_value=0.4), min_size=40, max_size=40),
    st.floats(min_value=0, max_value=1),
)
def test_jitter_makes_no_holes_in_a_trend(jitter: list[float], after: float) -> None:
    """At any moment until the next reading is due, no cell of a live series is empty."""
    store, pace = Store(), 2.0
    times = [START + (i + off) * pace for i, off in enumerate(jitter)]
    for at, following in pairwise(times):
        store.write({RATE: 1.0}, at, pace)
        end = at + after * (following - at) * 0.999
        trend = store.trend(RATE, end, 300.0, 120)
        assert trend is not None
        assert gaps(trend.values) == []
        assert trend.end > at


# Minutes


def test_a_minute_holds_the_summary_of_its_readings() -> None:
    """Means for shares, medians for quantiles, the last for counts of replicas."""
    store = Store()
    readings = [0.1, 0.1, 0.1, 9.0]
    for minute in range(3):
        for i, value in enumerate(readings):
            at = START + minute * MINUTE + 10 * i
            store.write({CPU: value, P95: value, READY: value}, at, 10.0)
    for metric_key, expected in ((CPU, 2.325), (P95, 0.1), (READY, 9.0)):
        minutes = store._series[metric_key].minutes
        assert minutes.times().tolist() == [START + 60, START + 120]
        assert minutes.values().tolist() == pytest.approx([expected] * 2)
        assert row(store, metric_key, START + 120, 120, 60) == pytest.approx([expected] * 2)


@given(st.lists(st.floats(min_value=0.001, max_value=10), min_size=2, max_size=30))
def test_quantiles_are_summarized_by_their_median(values: list[float]) -> None:
    """One slow interval does not become the 95th percentile of a whole cell."""
    store = Store()
    for i, value in enumerate(values):
        store.write({P95: value}, START + i, 1.0)
    assert row(store, P95, START + 30, 30, 30) == [statistics.median(values)]


def expected_minutes(readings: list[tuple[float, float]]) -> dict[float, float]:
    """Means of the closed minutes of what is left of the readings after the clock went back."""
    kept: list[tuple[float, float]] = []
    for at, value in readings:
        kept = [*(r for r in kept if r[0] < at), (at, value)]
    newest = kept[-1][0] // MINUTE
    found: dict[float, list[float]] = {}
    for at, value in kept:
        if at // MINUTE < newest:
            found.setdefault((at // MINUTE + 1) * MINUTE, []).append(value)
    return {end: statistics.fmean(values) for end, values in found.items()}


@given(
    st.lists(
        st.tuples(st.integers(-90, 200), st.floats(min_value=0, max_value=1)),
        min_size=1,
        max_size=60,
    )
)
def test_a_clock_set_back_and_forth_leaves_minutes_that_add_up(
    steps: list[tuple[int, float]],
) -> None:
    """The minutes are those of the readings that are left, whatever the clock did."""
    series = Series(CPU, 10.0)
    at, readings = START, []
    for step, value in steps:
        at += step
        readings.append((at, value))
        series.append(at, value)
    found = dict(
        zip(series.minutes.times().tolist(), series.minutes.values().tolist(), strict=True)
    )
    assert found == pytest.approx(expected_minutes(readings))
    assert bool((np.diff(series.raw.times()) > 0).all())


def test_a_window_reaches_from_minutes_into_raw_readings() -> None:
    """Three hours of readings: one hour raw, the rest in minutes, and no seam between them."""
    hours = 3 * 3600
    store = filled(CPU, hours)
    found = row(store, CPU, START + hours, hours, 60)
    assert found == pytest.approx([60 * i + 29.5 for i in range(hours // 60)])
    coarse = row(store, CPU, START + hours, hours, 300)
    assert coarse == pytest.approx([300 * i + 149.5 for i in range(hours // 300)])


def test_the_last_complete_minute_is_there_before_the_next_reading() -> None:
    """A window that reaches far back does not lose the minute that nothing has closed yet."""
    store = filled(CPU, 7200)
    assert gaps(row(store, CPU, START + 7200, 7200, 60)) == []
    trend = store.trend(CPU, START + 7200.4, 21600, 120)
    assert trend is not None
    assert gaps(trend.values) == []


def test_a_grid_finer_than_a_minute_shows_raw_readings_alone() -> None:
    """Beyond the raw hour a fine grid has gaps: a minute is not spread over its seconds."""
    store = filled(CPU, 7200)
    found = row(store, CPU, START + 7200, 7200, 30)
    assert gaps(found) == list(range(120))


def test_two_days_of_minutes_are_kept() -> None:
    """Older minutes are let go, one for each that comes."""
    series = Series(CPU, 60.0)
    for minute in range(MINUTES + 100):
        series.append(START + minute * MINUTE, 1.0)
    assert len(series.minutes) == MINUTES
    assert len(series.raw) == math.ceil(RAW_SECONDS / 60)


# Memory


def size(store: Store) -> int:
    """Bytes in arrays and lists of a store."""
    return sum(
        array.nbytes
        for s in store._series.values()
        for ring in (s.raw, s.minutes)
        for array in (ring._times, ring._values)
    ) + sum(len(s._open_values) for s in store._series.values())


def test_memory_does_not_grow_with_time() -> None:
    """A day of readings takes the bytes of a minute of them."""
    store = Store()
    for i in range(60):
        store.write({CPU: 1.0}, START + 10 * i, 10.0)
    after = size(store)
    for i in range(60, 8640):
        store.write({CPU: 1.0}, START + 10 * i, 10.0)
    assert size(store) <= after + 60


def test_series_that_fell_silent_for_good_are_let_go() -> None:
    """File systems that come and go do not pile up; one that is in a window stays."""
    store = Store()
    for i in range(50):
        key = f'system.filesystem.utilization{{mountpoint="/mnt/{i}"}}'
        store.write({key: 0.5}, START, 60.0)
    store.write({RATE: 1.0}, START + 86400, 60.0)
    for hour in range(2 * 24 + 2):
        store.write({CPU: 1.0}, START + 3600 * hour, 60.0)
    assert sorted(store.keys()) == [RATE, CPU]


# Age and trends


def test_age_counts_from_the_first_reading() -> None:
    """Unknown is nothing, and a clock set back before the start does not make it negative."""
    store = filled(CPU, 100)
    assert store.age(CPU, START + 100) == 100
    assert store.age("no.such", START) == 0
    assert store.age(CPU, START - 50) == 0
    store.write({CPU: 1.0}, START - 500, 1.0)
    assert store.age(CPU, START - 400) == 100


def test_a_clock_that_was_years_off_makes_no_old_history() -> None:
    """A machine that starts in 1970 and then learns the time has a young history."""
    store = Store()
    store.write({CPU: 1.0}, 60.0, 1.0)
    store.write({CPU: 1.0}, START, 1.0)
    assert store.age(CPU, START + 10) == 10


def test_a_clock_set_back_loses_only_what_is_yet_to_come() -> None:
    """Readings before the new time stay, those after it are replaced, and none stands twice."""
    store = filled(CPU, 100)
    for i in range(50, 80):
        store.write({CPU: 1000.0 + i}, START + i, 1.0)
    assert row(store, CPU, START + 80, 80, 1) == [*range(50), *range(1050, 1080)]
    assert gaps(row(store, CPU, START + 100, 100, 1)) == list(range(80, 100))


def test_a_trend_of_a_young_history_is_as_long_as_it() -> None:
    """Ten seconds make a few cells and not five minutes of gaps."""
    store = filled(CPU, 10)
    trend = store.trend(CPU, START + 9.5, 300, 120)
    assert trend is not None
    assert gaps(trend.values) == []
    assert 4 <= len(trend.values) <= 11
    assert trend.end - trend.step <= START + 9.5 < trend.end + trend.step


@given(
    st.sampled_from([300.0, 900.0, 3600.0, 21600.0, 86400.0]),
    st.integers(24, 240),
    st.sampled_from([1.0, 2.0, 5.0, 30.0]),
    st.floats(min_value=1, max_value=86400),
)
@settings(max_examples=60)
def test_trends_are_aligned_and_bounded(
    seconds: float, cells: int, pace: float, age: float
) -> None:
    """At most as many cells as asked for, of a step of the table, ending at the running cell."""
    store = Store()
    end = START + age
    for at in (START, START + age / 2, end):
        store.write({CPU: 1.0}, at, pace)
    trend = store.trend(CPU, end, seconds, cells)
    assert trend is not None
    assert trend.step in STEPS
    assert trend.step >= pace
    assert 1 <= len(trend.values) <= cells
    assert trend.end % trend.step == 0
    assert trend.end - trend.step <= end < trend.end
    assert len(trend.values) * trend.step >= min(seconds, age) - trend.step


def test_a_trend_holds_the_running_cell() -> None:
    """The newest reading is seen at once, not when its cell is full."""
    store = filled(CPU, 300)
    store.write({CPU: 7000.0}, START + 300, 1.0)
    trend = store.trend(CPU, START + 300.1, 300, 60)
    assert trend is not None
    assert trend.values[-1] == 7000.0


def test_a_silence_shows_at_the_end_of_a_trend() -> None:
    """What waits for its reading is not missing yet; a source that is dead leaves gaps."""
    store = filled(CPU, 200)
    alive = store.trend(CPU, START + 200.4, 300, 120)
    dead = store.trend(CPU, START + 230, 300, 120)
    assert alive is not None and dead is not None
    assert gaps(alive.values) == []
    assert math.isnan(dead.values[-1])
    assert len(gaps(dead.values)) * dead.step >= 20


def test_a_trend_of_nothing_is_none() -> None:
    """No series, no trend."""
    assert Store().trend(CPU, START, 300, 120) is None


def test_very_slow_sources_have_cells_too() -> None:
    """A source of one reading in two hours is drawn without holes."""
    store = Store()
    for i in range(12):
        store.write({CPU: float(i)}, START + 7200 * i, 7200.0)
    trend = store.trend(CPU, START + 7200 * 11 + 1, 86400, 120)
    assert trend is not None
    assert gaps(trend.values) == []


def test_writing_and_reading_many_series_moves_few_values() -> None:
    """A window of five minutes out of an hour's readings looks at those minutes alone."""
    store = filled(CPU, 3600)
    series = store._series[CPU]
    looked: list[int] = []

    class Watched(type(series.raw)):  # type: ignore[misc]
        """A ring that counts what is taken from it."""

        __slots__ = ()

        def values(self) -> np.ndarray:
            """All values; slices of them are counted by their length."""
            outer = super().values()

            class Counted(np.ndarray):
                def __getitem__(self, at: object) -> object:
                    if isinstance(at, slice):
                        looked.append(at.stop - at.start)
                    return super().__getitem__(at)

            found: np.ndarray = outer.view(Counted)
            return found

    series.raw.__class__ = Watched
    row(store, CPU, START + 3600, 300, 5)
    assert looked == [300]
