"""Hours, weekdays, peaks and scenarios of a load."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.days.growth import growth, time_to
from capmon.analysis.days.local_hours import Quarters, by_local_hour, utc_offsets
from capmon.analysis.days.pace import watch
from capmon.analysis.days.patterns import patterns, quantiles
from capmon.model.patterns import Patterns

VECTORS = Path(__file__).parents[2] / "data" / "vectors"
GUIDE = json.loads((VECTORS / "guide.json").read_text())["SeasonalAnalyzer"]
SERIES = os.environ.get("CAPMON_SERIES", "")
HOUR = 3600.0
DAY = 86400.0
MONDAY = datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp()


def office(step: float, days: int, start: float = MONDAY, zone: str = "UTC") -> np.ndarray:
    """The guide's load without its noise: office hours 9 to 17 and quieter weekends."""
    at = start + step * np.arange(int(days * DAY / step))
    local = at + utc_offsets(zone, at)
    hour, weekday = local // HOUR % 24, (local // DAY + 3) % 7
    busy = np.where((hour >= 9) & (hour <= 17), 1.5, 0.7)
    return np.asarray(100 * busy * np.where(weekday < 5, 1.2, 0.8))


def load_of(found: Patterns, name: str) -> float:
    """Load of one scenario."""
    return next(s.load for s in found.scenarios if s.name == name)


def test_the_guides_month() -> None:
    """Scenarios are the guide's, its peak is a window, and its plateau has no single peak hour."""
    found = patterns("load", MONDAY, HOUR, office(HOUR, 30))
    want = GUIDE["noise=1.0"]["capacity_scenarios"]
    for name in ("baseline", "p95", "peak"):
        assert load_of(found, name) == pytest.approx(want[name]["required_capacity"])
    assert load_of(found, "peak with buffer") == pytest.approx(216.0)
    assert found.peak is not None and (found.peak.start, found.peak.hours) == (9, 9)
    assert found.peak.share_of_days == 1.0
    assert found.peak_to_trough == pytest.approx(15 / 7)
    assert [s.present for s in found.seasons] == [True, True]
    assert [round(s.median) for s in found.weekdays] == [120, 120, 120, 120, 120, 80, 80]
    assert found.size_for == "next cycle" and load_of(found, "next cycle") >= 179
    assert found.size_by_hand == "peak with buffer"


def test_noise_does_not_move_the_window() -> None:
    """The guide's peak hour depends on the seed; the window does not, in 40 of 40."""
    course = office(HOUR, 30)
    for seed in range(40):
        noise = np.random.default_rng(seed).uniform(0.8, 1.2, len(course))
        found = patterns("load", MONDAY, HOUR, course * noise)
        assert found.peak is not None and (found.peak.start, found.peak.hours) == (9, 9)


def test_a_window_may_run_over_midnight() -> None:
    """Ten in the evening to two is one window."""
    hour = np.arange(24 * 10) % 24
    load = np.where((hour >= 22) | (hour < 2), 90.0, 30.0)
    found = patterns("load", MONDAY, HOUR, load)
    assert found.peak is not None and (found.peak.start, found.peak.hours) == (22, 4)
    assert found.peak.median == 90.0 and found.peak_to_trough == 3.0


@pytest.mark.parametrize("start", ["2024-03-18", "2024-10-14"])
def test_summer_time_moves_no_window(start: str) -> None:
    """Across both changes of the clock, office hours in Berlin stay nine to six."""
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(start).replace(tzinfo=zone).timestamp()
    load = office(60.0, 28, begin, "Europe/Berlin")
    found = patterns("load", begin, 60.0, load, "Europe/Berlin")
    assert found.peak is not None and (found.peak.start, found.peak.hours) == (9, 9)
    assert {round(s.high) for s in found.hours if 9 <= s.index <= 17} == {180}
    assert {round(s.high) for s in found.hours if not 9 <= s.index <= 17} == {84}


@pytest.mark.parametrize(
    ("day", "hours", "missing", "double"),
    [("2024-03-31", 23, 2, None), ("2024-10-27", 25, None, 2), ("2024-06-02", 24, None, None)],
)
def test_days_of_23_and_25_hours(
    day: str, hours: int, missing: int | None, double: int | None
) -> None:
    """The hour that is skipped is a gap; the one that comes twice holds the mean of both."""
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone).timestamp()
    series = Quarters.of(begin, HOUR, np.arange(float(hours)) + 1)
    table = by_local_hour(series, "Europe/Berlin")
    row = table[np.isfinite(table).any(axis=1)]
    assert row.shape == (1, 24)
    gaps = np.flatnonzero(np.isnan(row[0])).tolist()
    assert gaps == ([] if missing is None else [missing])
    if double is not None:
        assert row[0, double] == pytest.approx(3.5)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/St_Johns"])
def test_hours_are_those_of_local_clocks(zone: str) -> None:
    """A minute's load at 14:10 local time lands in hour 14, half-hour zones too."""
    begin = datetime(2024, 5, 6, tzinfo=ZoneInfo(zone)).timestamp()
    load = np.ones(24 * 60 * 4)
    load[14 * 60 + 10 :: 24 * 60] = 601.0
    found = patterns("load", begin, 60.0, load, zone)
    assert [s.median for s in found.hours] == [11.0 if h == 14 else 1.0 for h in range(24)]
    assert {s.count for s in found.hours} == {4}


def test_offsets_agree_with_the_calendar() -> None:
    """Every hour of a year has the offset that the time zone database gives it."""
    at = MONDAY + HOUR * np.arange(24 * 366)
    zone = ZoneInfo("Europe/Berlin")
    want = [datetime.fromtimestamp(t, zone).utcoffset().total_seconds() for t in at]  # type: ignore[union-attr]
    assert utc_offsets("Europe/Berlin", at).tolist() == want


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_time_zone_is_said(zone: str) -> None:
    """A name that is no zone is a problem, not an exception."""
    found = patterns("load", MONDAY, HOUR, np.ones(100), zone)
    assert "is not known" in found.problem and not found.hours


@pytest.mark.parametrize(
    ("days", "hours", "weekdays"), [(1.9, 0, 0), (2, 24, 0), (13.9, 24, 0), (14, 24, 7)]
)
def test_two_cycles_come_first(days: float, hours: int, weekdays: int) -> None:
    """Hours from two days on, weekdays from two weeks on."""
    found = patterns("load", MONDAY, 600.0, office(600.0, 20)[: int(days * 144)])
    assert (len(found.hours), len(found.weekdays)) == (hours, weekdays)
    assert bool(found.problem) == (hours == 0) and bool(found.week) == (weekdays == 7)
    assert found.problem in {"", "needs 2 days, has 1.9"}


def test_no_peak_is_claimed_of_noise() -> None:
    """Without a daily season there is no busiest hour, whatever the medians say."""
    load = np.random.default_rng(1).gamma(4, 10, 24 * 20)
    found = patterns("load", MONDAY, HOUR, load)
    assert len(found.hours) == 24
    assert (found.peak, found.quietest_hour, found.peak_to_trough) == (None, None, None)
    assert found.size_for in {"p95", "peak"}


def test_the_luckiest_second_is_no_peak() -> None:
    """One spike moves the greatest over the mean, and hardly the 99.9th percentile."""
    load = office(60.0, 8)
    load[5000] = 1e6
    found = patterns("load", MONDAY, 60.0, load)
    assert found.max_ratio is not None and found.max_ratio > 1000
    assert found.peak_ratio is not None and found.peak_ratio < 2


def test_quiet_nights_have_no_ratio() -> None:
    """A trough of zero makes no infinite ratio."""
    hour = np.arange(24 * 10) % 24
    found = patterns("load", MONDAY, HOUR, np.where((hour >= 9) & (hour <= 17), 50.0, 0.0))
    assert found.peak is not None and found.peak_to_trough is None


@pytest.mark.parametrize("step", [60.0, 300.0, 900.0, 3600.0])
def test_the_step_does_not_change_the_answer(step: float) -> None:
    """Hourly means of minutes are the hours' own."""
    found = patterns("load", MONDAY, step, office(step, 15))
    assert [round(s.median, 9) for s in found.hours] == [
        180.0 if 9 <= h <= 17 else 84.0 for h in range(24)
    ]
    assert found.mean == pytest.approx(float(office(HOUR, 15).mean()))


def test_gaps_are_no_zeros() -> None:
    """Hours that were not measured lower nothing."""
    load = office(60.0, 15)
    load[np.random.default_rng(2).random(len(load)) < 0.3] = math.nan
    load[: 60 * 7] = math.nan
    found = patterns("load", MONDAY, 60.0, load)
    assert found.since == MONDAY + 7 * HOUR
    assert [round(s.median) for s in found.hours] == [
        180 if 9 <= h <= 17 else 84 for h in range(24)
    ]


@pytest.mark.parametrize("values", [np.array([]), np.full(50, math.nan)])
def test_nothing_known_is_said(values: np.ndarray) -> None:
    """No values, no patterns."""
    found = patterns("load", MONDAY, HOUR, values)
    assert found.problem == "no values" and found.mean is None and not found.scenarios


def test_a_zero_load_has_no_scenarios() -> None:
    """Nothing to size for is not a capacity of zero."""
    found = patterns("load", MONDAY, HOUR, np.zeros(100))
    assert found.mean == 0.0 and not found.scenarios and found.watch_every is None


def test_a_step_must_be_positive() -> None:
    """Zero seconds a cell is a fault of the caller."""
    with pytest.raises(ValueError, match="step"):
        patterns("load", MONDAY, 0.0, np.ones(5))


@pytest.mark.parametrize(
    ("hours_to_double", "least", "most"), [(24.0, 14000.0, 18000.0), (2.0, 1000.0, 1500.0)]
)
def test_a_slow_load_is_looked_at_seldom(hours_to_double: float, least: float, most: float) -> None:
    """A load that takes long to grow through a quarter of room leaves time between looks."""
    at = np.arange(24 * 60) / 60
    load = 100 * (1 + np.abs((at / hours_to_double + 1) % 2 - 1))
    found = watch(60.0, load)
    assert found.every is not None and least < found.every < most and not found.outruns


def test_a_load_that_jumps_asks_for_room() -> None:
    """What doubles within a minute cannot be followed by a replica that takes five."""
    load = np.where(np.arange(1000) % 100 < 20, 200.0, 100.0)
    found = watch(60.0, load)
    assert found.outruns and "only room helps" in found.reason
    assert not watch(60.0, load, room=1.5).outruns


def test_the_next_peak_is_seldom_passed() -> None:
    """Over 60 simulated months the next day's greatest load stays below in nine of ten."""
    rng, below = np.random.default_rng(9), 0
    course = office(HOUR, 22)
    for _ in range(60):
        load = course * rng.lognormal(0, 0.15, len(course))
        found = patterns("load", MONDAY, HOUR, load[: 24 * 21])
        below += bool(load[24 * 21 :].max() <= load_of(found, "next cycle"))
    assert below >= 54


def test_quantiles_are_numpys() -> None:
    """Column by column, what is not known left out."""
    table = np.random.default_rng(3).normal(size=(30, 24))
    table[table > 1] = math.nan
    want = np.nanquantile(table, (0.25, 0.5, 0.75), axis=0)
    assert quantiles(table, (0.25, 0.5, 0.75)) == pytest.approx(want)


VALUES = st.lists(st.floats(0, 1e300) | st.just(math.nan), max_size=200)


@given(VALUES, st.sampled_from([60.0, 700.0, HOUR, 5 * HOUR, DAY, 3 * DAY]))
def test_finite_in_no_nan_out(values: list[float], step: float) -> None:
    """Any load has patterns or words; every number is finite, every scenario in order."""
    found = patterns("load", MONDAY + 17.0, step, np.array(values, float), "Asia/Kolkata")
    numbers = [found.mean, found.peak_ratio, found.max_ratio, found.peak_to_trough]
    numbers += [found.watch_every, *(v for row in found.week for v in row)]
    numbers += [v for s in (*found.hours, *found.weekdays) for v in (s.low, s.median, s.high)]
    numbers += [v for s in found.scenarios for v in (s.load, s.factor)]
    assert all(math.isfinite(v) for v in numbers if v is not None)
    loads = [s.load for s in found.scenarios if s.name != "next cycle"]
    assert loads == sorted(loads)
    assert all(s.low <= s.median <= s.high for s in found.hours)
    if found.scenarios:
        assert found.size_for in {s.name for s in found.scenarios}


@given(st.lists(st.integers(0, 10**6), min_size=60, max_size=120), st.sampled_from([1e-6, 1024.0]))
@settings(max_examples=50, deadline=None)
def test_units_scale_through(values: list[int], unit: float) -> None:
    """In another unit the same load has the same seasons and the scaled scenarios."""
    load = np.array(values, float)
    one = patterns("load", MONDAY, HOUR, load)
    other = patterns("load", MONDAY, HOUR, load * unit)
    assert [s.present for s in one.seasons] == [s.present for s in other.seasons]
    for a, b in zip(one.scenarios, other.scenarios, strict=True):
        assert b.load == pytest.approx(a.load * unit, rel=1e-6)


def real_series() -> Iterator[tuple[str, float, np.ndarray]]:
    """Recorded series of machines and services: a header, a line, and one value a line."""
    for path in sorted(Path(SERIES).glob("*.csv.gz")):
        header, _, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        step = next(w for w in header.split() if w.startswith("step_s=")).partition("=")[2]
        yield path.name, float(step), np.array([float(v) if v else math.nan for v in lines])


@pytest.mark.skipif(not SERIES, reason="CAPMON_SERIES names no folder of recorded series")
def test_recorded_series_run_through_everything() -> None:
    """Each has patterns, growth and a time to its own maximum, or words."""
    seen = 0
    for name, step, values in real_series():
        found = patterns(name, MONDAY, step, values[-20_000:], "Europe/Berlin")
        assert found.hours and found.scenarios, name
        times = MONDAY + step * np.arange(len(values))
        grown = growth(name, times, values, horizon_days=30)
        assert grown.outlook and not grown.problem, name
        when = time_to(times / DAY, values, 2 * float(np.nanmax(values)))
        assert when.t50 is None or math.isfinite(when.t50), name
        seen += 1
    assert seen
