"""Hours of which there is more than one tale: part of the readings gone, imports, wrong clocks, returns."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capmon.clock import ManualClock
from capmon.store.history_compact import Compaction
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention

START = 1_700_006_400.0
"""Midnight of a day in UTC."""

DAY = 86400.0
KEEP = Retention(DAY, 30 * DAY, 730 * DAY, 2**30)
CPU = "system.cpu.utilization"
MEMORY = "system.memory.utilization"
LOAD = "system.load.1m"


@pytest.fixture
def clock() -> ManualClock:
    """A clock at the beginning of a day."""
    return ManualClock(START)


@contextlib.contextmanager
def record(
    folder: Path, clock: ManualClock, keep: Retention = KEEP
) -> Iterator[tuple[HistoryWriter, HistoryReader]]:
    """A writer and a reader of one file."""
    path = folder / "capmon" / "history.db"
    writer = HistoryWriter.open(path, clock, "web@a", keep)
    with contextlib.closing(writer):
        yield writer, HistoryReader(path, "web@a")


def beats(
    writer: HistoryWriter, clock: ManualClock, n: int, values: dict[str, float], step: float = 1.0
) -> None:
    """Readings of some time."""
    for _ in range(n):
        writer.batch("host", step, clock.now(), values)
        clock.advance(step)
        writer.beat()


def settle(writer: HistoryWriter, clock: ManualClock) -> None:
    """Let an hour that is over become chunks."""
    for _ in range(60):
        clock.advance(1.0)
        writer.beat()


def test_a_late_reading_takes_no_hour_away(tmp_path: Path, clock: ManualClock) -> None:
    """Of an hour whose readings are gone, ten that come late tell nothing but new ends."""
    with record(tmp_path, clock, Retention(3600, 30 * DAY, 730 * DAY, 2**30)) as (writer, reader):
        beats(writer, clock, 5 * 360, {CPU: 0.9}, 10.0)
        settle(writer, clock)
        assert not len(reader.raw(CPU, START, START + 3599).times)
        back = clock.now() - (START + 1800)
        clock.step(-back)
        beats(writer, clock, 10, {CPU: 0.1})
        writer.flush()
        running = reader.hours(CPU, START, START + 3600)
        clock.step(back - 10)
        settle(writer, clock)
        packed = reader.hours(CPU, START, START + 3600)
    for cell in (running, packed):
        assert cell.mean.tolist() == pytest.approx([0.9], rel=1e-4)
        assert cell.count.tolist() == [360.0]
        assert cell.min.tolist() == pytest.approx([0.1], rel=1e-4)


def test_an_hour_half_imported_weighs_its_minutes(tmp_path: Path, clock: ManualClock) -> None:
    """Fifty imported minutes and ten recorded ones: each minute counts the same, running or packed."""
    clock.advance(3000.0)
    with record(tmp_path, clock) as (writer, reader):
        times = np.arange(START, START + 3000, 60.0)
        writer.add(CPU, times, np.full(len(times), 0.9), 60.0)
        beats(writer, clock, 599, {CPU: 0.3})
        writer.flush()
        running = reader.hours(CPU, START, START + 3600)
        settle(writer, clock)
        packed = reader.hours(CPU, START, START + 3600)
        assert len(reader.minutes(CPU, START, START + 3600).times) == 60
    for cell in (running, packed):
        assert cell.mean.tolist() == pytest.approx([0.8], rel=1e-3)
        assert cell.p95.tolist() == pytest.approx([0.9], rel=1e-3)
        assert (cell.min[0], cell.max[0]) == pytest.approx((0.3, 0.9), rel=1e-3)


def test_a_clock_that_was_ahead_hides_nothing(tmp_path: Path, clock: ManualClock) -> None:
    """What is written after it was set right is there, and begins where it began."""
    clock.advance(5 * DAY)
    with record(tmp_path, clock) as (writer, reader):
        beats(writer, clock, 30, {CPU: 0.9})
        clock.step(-5 * DAY)
        begun = clock.now()
        beats(writer, clock, 4000, {CPU: 0.1})
        writer.flush()
        span = reader.span(CPU)
        assert span is not None and span[0] == begun
        assert reader.age(CPU, clock.now()) == clock.now() - begun
        assert len(reader.raw(CPU, begun, clock.now()).times) == 4000


def test_a_clock_far_ahead_makes_nothing_old(tmp_path: Path, clock: ManualClock) -> None:
    """A year ahead for three hours costs some days of what is oldest, not all."""
    keep = Retention(30 * DAY, 30 * DAY, 60 * DAY, 2**30)
    with record(tmp_path, clock, keep) as (writer, reader):
        beats(writer, clock, 720, {CPU: 0.5}, 60.0)
        settle(writer, clock)
    clock.step(365 * DAY)
    with record(tmp_path, clock, keep) as (writer, reader):
        beats(writer, clock, 180, {CPU: 0.5}, 60.0)
        assert len(reader.raw(CPU, START, START + DAY).times) == 720


def test_a_series_that_returns_is_kept(tmp_path: Path, clock: ManualClock) -> None:
    """After longer than anything is kept its readings are not taken for old ones of its name."""
    keep = Retention(DAY, DAY, 2 * DAY, 2**30)
    with record(tmp_path, clock, keep) as (writer, _):
        beats(writer, clock, 20, {CPU: 0.5, MEMORY: 0.9})
    clock.advance(3 * DAY)
    with record(tmp_path, clock, keep) as (writer, reader):
        beats(writer, clock, 700, {CPU: 0.25, MEMORY: 0.9})
        beats(writer, clock, 3700, {CPU: 0.25, MEMORY: 0.9, LOAD: 123.0})
        writer.flush()
        now = clock.now()
        for key, value, n in ((CPU, 0.25, 4400), (MEMORY, 0.9, 4400), (LOAD, 123.0, 3700)):
            course = reader.raw(key, now - 7200, now)
            assert len(course.times) == n
            assert np.unique(course.values) == pytest.approx([value], rel=1e-4)


def test_of_a_series_that_goes_nothing_is_left(tmp_path: Path, clock: ManualClock) -> None:
    """Whatever gets its id later finds no cells of it."""
    keep = Retention(DAY, DAY, 2 * DAY, 2**30)
    with record(tmp_path, clock, keep) as (writer, _):
        beats(writer, clock, 80, {CPU: 0.5, MEMORY: 0.9}, 60.0)
        settle(writer, clock)
    clock.advance(5 * DAY)
    with record(tmp_path, clock, keep) as (writer, reader):
        # Twice: a record that was away may grow older by a day and some at once.
        beats(writer, clock, 400, {CPU: 0.5}, 60.0)
        settle(writer, clock)
    with record(tmp_path, clock, keep) as (writer, reader):
        beats(writer, clock, 100, {CPU: 0.5}, 60.0)
        assert reader.keys() == (CPU,)
        writer.batch("host", 1.0, clock.now(), {LOAD: 1.0})
        writer.flush()
        assert reader.hours(LOAD, 0, clock.now()).count.tolist() == [1.0]


def test_damage_while_an_hour_is_packed_stays_in_its_file(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun in the file set aside never reaches the new one, whose ids are others."""
    packed = Compaction._series

    def torn(self: Compaction, *args: object) -> None:
        if not monkeypatched:
            monkeypatched.append(True)
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        packed(self, *args)  # type: ignore[arg-type]

    monkeypatched: list[bool] = []
    monkeypatch.setattr(Compaction, "_series", torn)
    clock.advance(3000.0)
    with record(tmp_path, clock) as (writer, reader):
        beats(writer, clock, 620, {CPU: 0.5, MEMORY: 0.9, LOAD: 3.0})
        beats(writer, clock, 60, {"http.requests.rate": 7.0})
        writer.flush()
        assert monkeypatched and any("set aside" in n for n in writer.notices)
        assert reader.keys()[0] == "http.requests.rate"
        assert set(reader.raw("http.requests.rate", 0, 2e9).values.tolist()) == {7.0}
        assert set(reader.hours("http.requests.rate", 0, 2e9).mean.tolist()) == {7.0}


@pytest.mark.parametrize("step", [10.0, 60.0, 600.0])
def test_nothing_is_told_before_the_first_reading(
    tmp_path: Path, clock: ManualClock, step: float
) -> None:
    """A running hour stands for none of its time before there were readings."""
    clock.advance(1800.0)
    with record(tmp_path, clock) as (writer, reader):
        beats(writer, clock, 300, {CPU: 0.1})
        writer.flush()
        window = reader.window([CPU], clock.now() + 1200, 7200.0, step)[0]
    end = np.floor((clock.now() + 1200) / step) * step
    begins = end - step * np.arange(len(window), 0, -1)
    told = begins[np.isfinite(window)]
    assert len(told) and told[0] + step > START + 1800 and told[-1] < START + 2100
