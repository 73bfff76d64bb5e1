"""The record: what was written is read back in every tier, whatever clock, restart and retention do."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.clock import ManualClock
from capmon.errors import CapmonError, HistoryBusy
from capmon.model.frame import Event
from capmon.model.metric import Summary
from capmon.store.history_aside import tell
from capmon.store.history_cells import decode_cells, encode_cells, summarize
from capmon.store.history_codec import PRECISION
from capmon.store.history_kept import EVERY
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention
from capmon.store.series import Store

START = 1_700_006_400.0
"""Midnight of a day in UTC."""

DAY = 86400.0
KEEP = Retention(DAY, 30 * DAY, 730 * DAY, 2**30)
CPU = "system.cpu.utilization"
P95 = "http.server.request.duration.p95"
READY = "replicas.ready"

Opened = Callable[..., HistoryWriter]
Read = Callable[..., HistoryReader]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "capmon" / "history.db"


@pytest.fixture
def clock() -> ManualClock:
    """A clock at the beginning of a day."""
    return ManualClock(START)


@pytest.fixture
def opened(path: Path, clock: ManualClock) -> Iterator[Opened]:
    """Open writers; all are closed at the end."""
    with contextlib.ExitStack() as closing:

        def opening(name: str = "web@a", keep: Retention = KEEP) -> HistoryWriter:
            writer = HistoryWriter.open(path, clock, name, keep)
            closing.callback(writer.close)
            return writer

        yield opening


@pytest.fixture
def read(path: Path) -> Iterator[Read]:
    """Open readers; all are closed at the end."""
    with contextlib.ExitStack() as closing:

        def opening(name: str | None = None) -> HistoryReader:
            reader = HistoryReader.open(path, name)
            closing.callback(reader.close)
            return reader

        yield opening


def recorded(
    writer: HistoryWriter, clock: ManualClock, seconds: int, step: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Record some time of three metrics; times and values of the first."""
    rng = np.random.default_rng(int(clock.now()))
    times, values = [], []
    for i in range(round(seconds / step)):
        value = float(rng.random())
        times.append(clock.now())
        values.append(value)
        batch = {CPU: value, P95: float(rng.exponential(0.1)), READY: float(i // 1000)}
        writer.batch("host", step, clock.now(), batch)
        writer.beat()
        clock.advance(step)
    return np.array(times), np.array(values)


def test_every_tier_agrees_with_the_readings(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Hours that are chunks and the one that is not yet, beside numpy on what was written."""
    clock.advance(1234.0)
    times, values = recorded(opened(), clock, 9000)
    reader = read()
    course = reader.raw(CPU, 0, 2e9)
    assert course.times.tolist()[:-5] == times.tolist()[: len(course.times) - 5]
    assert len(course.times) >= len(times) - 5
    known = values[: len(course.times)]
    assert (np.abs(course.values - known) <= PRECISION * known).all()
    for cells, step in ((reader.minutes(CPU, 0, 2e9), 60.0), (reader.hours(CPU, 0, 2e9), 3600.0)):
        of = np.floor(times[: len(known)] / step) * step
        assert cells.times.tolist() == sorted(set(of.tolist()))
        for i, begin in enumerate(cells.times):
            some = known[of == begin]
            found = [getattr(cells, c)[i] for c in ("mean", "min", "max", "p95", "count")]
            wanted = [some.mean(), some.min(), some.max(), np.percentile(some, 95), len(some)]
            assert found == pytest.approx(wanted, rel=PRECISION)


def test_what_is_set_is_kept_exactly(opened: Opened, read: Read, clock: ManualClock) -> None:
    """And its minutes say the last value, not a mean; percentiles say their median."""
    recorded(opened(), clock, 4000)
    reader = read()
    assert set(reader.raw(READY, 0, 2e9).values.tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert reader.minutes(READY, START + 960, START + 1020).mean.tolist() == [1.0]
    minute = reader.raw(P95, START, START + 59.5).values
    assert reader.minutes(P95, START, START + 60).mean[0] == pytest.approx(
        np.median(minute), rel=1e-4
    )


def test_a_reader_sees_what_a_live_writer_wrote(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Up to five seconds ago, while the same reader stays open."""
    writer = opened()
    recorded(writer, clock, 10)
    reader = read()
    for _ in range(5):
        recorded(writer, clock, 20)
        found = reader.latest(CPU, clock.now())
        assert found is not None and clock.now() - found[0] <= 6.0
    assert reader.span() == (START, reader.latest(CPU, 2e9)[0])  # type: ignore[index]


@pytest.mark.parametrize("step", [5.0, 60.0, 300.0])
def test_a_window_is_that_of_the_store_in_memory(
    opened: Opened, read: Read, clock: ManualClock, step: float
) -> None:
    """Cell for cell, gaps and all."""
    writer, store = opened(), Store()
    rng = np.random.default_rng(3)
    for i in range(3500):
        if not 700 < i < 1400:
            batch = {CPU: float(rng.random()), READY: float(i // 500)}
            writer.batch("host", 1.0, clock.now(), batch)
            store.write(batch, clock.now(), 1.0)
        writer.beat()
        clock.advance(1.0)
    writer.flush()
    asked = ([CPU, READY, "unknown"], clock.now(), 3000.0, step)
    found, wanted = read().window(*asked), store.window(*asked)
    assert found.shape == wanted.shape
    assert np.allclose(found, wanted, rtol=1e-4, equal_nan=True)
    assert np.isnan(found).any() and np.isfinite(found).any()


def test_where_readings_are_gone_minutes_and_hours_stand_for_them(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """In windows and in the latest value, at the end of the cell."""
    writer = opened(keep=Retention(3600, 7200, 730 * DAY, 2**30))
    times = np.arange(START, START + 6 * DAY, 30.0)
    writer.add(CPU, times, np.floor((times - START) / 3600) / 1000, 30.0)
    clock.advance(6 * DAY)
    recorded(writer, clock, 2 * 3600, 10.0)
    reader = read()
    assert reader.raw(CPU, START, START + 4 * DAY).times.tolist() == []
    assert reader.minutes(CPU, START, START + 4 * DAY).times.tolist() == []
    assert len(reader.hours(CPU, START, START + 4 * DAY).times) == 96
    assert reader.window([CPU], START + 7200, 3600, 900)[0].tolist() == pytest.approx([0.001] * 4)
    found = reader.latest(CPU, START + 7230)
    assert found == pytest.approx((START + 7200, 0.001))


def test_old_readings_that_are_imported_stay(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Age is counted from the newest reading of the record, not from now."""
    writer = opened()
    clock.advance(400 * DAY)
    times = np.arange(START, START + 7200, 10.0)
    assert writer.add(CPU, times, np.sin(times) + 2, 10.0) == 720
    for _ in range(5):
        clock.advance(3000.0)
        writer.beat()
    reader = read()
    assert len(reader.raw(CPU, 0, 2e9).times) == 720
    assert reader.minutes(CPU, 0, 2e9).count.sum() == reader.hours(CPU, 0, 2e9).count.sum() == 720
    assert reader.span(CPU) == (START, START + 7190)


@given(
    st.lists(st.integers(1, 7199), max_size=4),
    st.tuples(st.integers(0, 7199), st.integers(0, 7199)),
)
@settings(max_examples=25, deadline=None)
def test_an_import_in_pieces_is_one_and_replaces_what_was(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], again: tuple[int, int]
) -> None:
    """However it is cut; a second import of part of it leaves nothing of the first there."""
    path = tmp_path_factory.mktemp("import") / "capmon" / "history.db"
    writer = HistoryWriter.open(path, ManualClock(START + 8000), "web@a", KEEP)
    times = START + 30 + np.arange(7200.0)
    values = np.random.default_rng(1).integers(0, 1000, 7200).astype(float)
    edges = sorted({0, *cuts, 7200})
    for a, b in itertools.pairwise(edges):
        assert writer.add("replicas.ready", times[a:b], values[a:b], 1.0) == b - a
    first, last = sorted(again)
    values[first : last + 1] += 1000
    writer.add("replicas.ready", times[first : last + 1], values[first : last + 1], 1.0)
    reader = HistoryReader.open(path)
    course = reader.raw("replicas.ready", 0, 2e9)
    assert course.times.tolist() == times.tolist() and course.values.tolist() == values.tolist()
    for step, found in ((60.0, reader.minutes), (3600.0, reader.hours)):
        wanted, cells = (
            summarize(times, values, step, Summary.LAST),
            found("replicas.ready", 0, 2e9),
        )
        for column in ("times", "mean", "min", "max", "p95", "count"):
            assert getattr(cells, column).tolist() == pytest.approx(
                getattr(wanted, column).tolist(), rel=1e-12
            )
    reader.close()
    writer.close()


def test_an_import_replaces_live_readings_of_its_time(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Those in the tail too, and no others."""
    writer = opened()
    recorded(writer, clock, 100)
    writer.add(CPU, START + 10 + np.arange(20) / 2, np.full(20, 7.0), 0.5)
    reader = read()
    values = reader.raw(CPU, 0, 2e9)
    assert (values.values == 7.0).sum() == 20 and len(values.times) == 100 + 10
    assert len(reader.raw(READY, 0, 2e9).times) == 100


def test_a_clock_that_steps_back_loses_nothing(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """What was written stays, times rise, and the later write of a time counts."""
    writer = opened()
    clock.advance(3000.0)
    recorded(writer, clock, 1200)
    clock.step(-600.0)
    writer.flush()
    for _ in range(300):
        writer.batch("host", 1.0, clock.now(), {CPU: 5.0})
        writer.beat()
        clock.advance(1.0)
    clock.advance(2 * 3600)
    recorded(writer, clock, 20)
    course = read().raw(CPU, 0, START + 6000)
    assert (np.diff(course.times) > 0).all()
    assert len(course.times) == 1200 and (course.values == 5.0).sum() == 300
    clock.step(400 * DAY)
    recorded(writer, clock, 60)
    clock.step(-400 * DAY)
    recorded(writer, clock, 7200, 10.0)
    assert len(read().raw(CPU, 0, START + 6000).times) == 1200


def test_age_drops_readings_then_minutes_then_hours(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Each after its time, with the events of the hours."""
    writer = opened(keep=Retention(2 * 3600, 2 * DAY, 40 * DAY, 2**30))
    writer.event(Event(START, "note", "first"))
    for k in range(45):
        recorded(writer, clock, 600, 30.0)
        writer.flush()
        clock.advance(DAY - 600)
        for _ in range(3):
            writer.beat()
            clock.advance(0.001)
        writer.event(Event(clock.now(), "note", f"day {k}"))
    writer.flush()
    reader, now = read(), clock.now() - DAY
    raw = reader.raw(CPU, 0, 2e9).times
    minutes, hours = reader.minutes(CPU, 0, 2e9).times, reader.hours(CPU, 0, 2e9).times
    assert now - 4 * 3600 < raw[0] <= now and now - 4 * DAY < minutes[0] <= now - DAY
    assert now - 75 * DAY < hours[0] <= now - 39 * DAY
    assert "first" not in {e.text for e in reader.events(0, 2e9)}
    span = reader.span()
    assert span is not None and span[0] >= START


def test_size_is_bounded(opened: Opened, read: Read, clock: ManualClock, path: Path) -> None:
    """The oldest readings go first, and minutes stay while readings are left; it is said once."""
    writer = opened(keep=Retention(30 * DAY, 30 * DAY, 730 * DAY, 200_000))
    rng = np.random.default_rng(5)
    times = np.arange(START, START + 2 * DAY, 5.0)
    for k in range(4):
        writer.add(f"metric.{k}", times, rng.random(len(times)), 5.0)
    clock.advance(2 * DAY)
    for _ in range(400):
        writer.beat()
        clock.advance(1.0)
    reader = read()
    with contextlib.closing(sqlite3.connect(path)) as other:
        pages, free = (
            other.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count")
        )
    assert (pages - free) * 1024 <= 200_000
    assert len(reader.hours("metric.0", 0, 2e9).times) == 48
    (notice,) = writer.notices
    assert "reached its greatest size" in notice
    raw, minutes = reader.raw("metric.0", 0, 2e9).times, reader.minutes("metric.0", 0, 2e9).times
    assert len(minutes) and (not len(raw) or len(minutes) == 2880)


def test_events_come_back_the_latest_first(opened: Opened, read: Read) -> None:
    """Within their span, at most as many as asked for."""
    writer = opened()
    events = [Event(START + i, "note", f"n{i} × {'é' * i}") for i in range(10)]
    for event in events:
        writer.event(event)
    writer.batch("host", 1.0, START, {CPU: 0.5})
    writer.flush()
    found = read().events(START + 2, START + 7, most=3)
    assert found == (events[7], events[6], events[5])


def test_findings_come_back_as_of_a_moment(opened: Opened, read: Read, clock: ManualClock) -> None:
    """The last at or before it, over whole ones and those told apart, and through a restart."""
    writer = opened()
    writer.batch("host", 1.0, START, {CPU: 0.5})
    for i in range(70):
        if i == 50:
            writer.close()
            writer = opened()
        writer.keep(START + 60 * i, {"fits": [i, "x" * 500], "more": {"n": i // 10}})
        writer.flush()
    reader = read()
    assert reader.kept(START - 1) is None
    for i in (0, 1, 29, 31, 50, 69):
        kept = reader.kept(START + 60 * i + 30)
        assert kept is not None and kept.at == START + 60 * i
        assert kept.document == {"fits": [i, "x" * 500], "more": {"n": i // 10}}


def test_findings_live_as_long_as_what_tells_them_apart(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Old ones go, but not those that a younger one leads back to."""
    keep = Retention(3600.0, 3600.0, 730 * DAY, 2**30)
    writer = opened(keep=keep)
    for i in range(200):
        writer.batch("host", 60.0, clock.now(), {CPU: 0.5})
        writer.keep(clock.now(), {"n": i, "x": "x" * 100})
        writer.beat()
        clock.advance(60.0)
    writer.flush()
    reader = read()
    now, found = clock.now(), set()
    for i in range(200):
        kept = reader.kept(START + 60.0 * i)
        if kept is not None:
            found.add(kept.document["n"])
            assert kept.document == {"n": i, "x": "x" * 100} and kept.at == START + 60.0 * i
    assert not reader.notices
    oldest = min(found)
    assert found == set(range(oldest, 200))
    hour = 2 * 3600.0  # an age, and the work on the hour that is over
    assert now - hour - (EVERY + 2) * 60.0 <= START + 60.0 * oldest <= now - 3600.0


def test_a_damaged_finding_hides_none_before_it(opened: Opened, read: Read, path: Path) -> None:
    """Those told apart from it are passed over as it is, up to the next that is whole."""
    writer = opened()
    writer.batch("host", 1.0, START, {CPU: 0.5})
    for i in range(2 * EVERY):
        writer.keep(START + 60.0 * i, {"n": i})
    writer.close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        (row,) = other.execute("SELECT id FROM kept WHERE at = ?", (START + 300.0,)).fetchone()
        other.execute("UPDATE kept SET body = zeroblob(20) WHERE id = ?", (row,))
    reader = read()

    def n(i: int) -> object:
        kept = reader.kept(START + 60.0 * i)
        return kept and kept.document["n"]

    assert [n(i) for i in (0, 4, 5, 6, EVERY)] == [0, 4, 4, 4, 4]
    assert [n(i) for i in (EVERY + 1, 2 * EVERY - 1)] == [EVERY + 1, 2 * EVERY - 1]
    assert any("findings of 2023-11-15T00:05:00Z" in notice for notice in reader.notices)


def test_records_are_told_apart(opened: Opened, read: Read, clock: ManualClock) -> None:
    """By name; without one the record of the latest reading is taken, and a wrong one lists them."""
    for name in ("web@a", "db@b", "@c"):
        writer = opened(name)
        writer.batch("host", 1.0, clock.now(), {CPU: 0.5, READY: 2.0})
        writer.close()
        clock.advance(60.0)
    assert [r.name for r in read().records()] == ["@c", "db@b", "web@a"]
    assert read().name == "@c" and read("db@b").span() == (START + 60, START + 60)
    assert read("web@a").records()[2].series == 2
    with pytest.raises(CapmonError, match="no record 'x': it has @c, db@b, web@a"):
        read("x")


def test_one_process_writes_a_record_at_a_time(opened: Opened, clock: ManualClock) -> None:
    """The second is told who, and may write once the first is gone."""
    import os

    first = opened()
    with pytest.raises(HistoryBusy, match=f"pid {os.getpid()}, since 2023-11-15T00:00:00Z"):
        opened()
    first.close()
    opened()


def test_two_records_are_written_side_by_side(
    opened: Opened, read: Read, clock: ManualClock
) -> None:
    """Each has a writer of its own, through hours that are packed and findings that are told apart."""
    writers = {name: opened(name) for name in ("web@a", "web@b")}
    for i in range(3900):
        for number, (name, writer) in enumerate(writers.items()):
            writer.batch(name, 1.0, clock.now(), {CPU: number / 2, f"{name}.only": float(i)})
            if i % 600 == 0:
                writer.keep(clock.now(), {"of": name, "i": i})
            writer.beat()
        clock.advance(1.0)
    for name, writer in writers.items():
        assert (writer.failing, writer.notices) == ("", [])
        writer.flush()
        reader = read(name)
        assert reader.keys() == tuple(sorted((CPU, f"{name}.only")))
        assert reader.raw(f"{name}.only", 0, 2e9).values.tolist() == [float(i) for i in range(3900)]
        assert reader.hours(CPU, 0, 2e9).count.tolist() == [3600.0, 300.0]
        kept = reader.kept(clock.now())
        assert kept is not None and kept.document == {"of": name, "i": 3600}


def test_room_that_one_writer_makes_confuses_no_other(opened: Opened, read: Read) -> None:
    """Findings that the next are told apart from may be gone: then it is written whole."""
    writer = opened()
    writer.keep(START, {"a": 1, "b": "x" * 500})
    writer.flush()
    with contextlib.closing(sqlite3.connect(writer._file.path)) as other:
        other.execute("DELETE FROM kept")
        other.commit()
    writer.keep(START + 60, {"a": 2, "b": "x" * 500})
    writer.flush()
    kept = read("web@a").kept(START + 60)
    assert kept is not None and kept.document == {"a": 2, "b": "x" * 500}


def test_a_word_from_aside_is_in_the_record(opened: Opened, read: Read, path: Path) -> None:
    """While another process writes it."""
    writer = opened()
    tell(path, "web@a", Event(START + 1, "note", "deploy"))
    writer.event(Event(START + 2, "start", "x"))
    writer.flush()
    assert [e.text for e in read("web@a").events(0, 2e9)] == ["x", "deploy"]


def test_an_hour_of_backlog_is_spread(opened: Opened, read: Read, path: Path) -> None:
    """Over beats, a slice of work each; nothing is read twice or missing meanwhile."""

    class Hasty(ManualClock):
        def monotonic(self) -> float:
            self.advance(0.02)
            return super().monotonic()

    clock = Hasty(START)
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    keys = [f"metric.{k}" for k in range(30)]
    for i in range(300):
        writer.batch("host", 10.0, START + 10 * i, dict.fromkeys(keys, float(i % 7)))
    writer.flush()
    clock.step(2 * 3600)
    beats = 0
    while beats < 200:
        writer.beat()
        beats += 1
        course = read().raw("metric.3", 0, 2e9)
        assert course.values.tolist() == [float(i % 7) for i in range(300)]
        with contextlib.closing(sqlite3.connect(path)) as other:
            if not other.execute("SELECT count(*) FROM tail").fetchone()[0]:
                break
    assert 5 < beats < 200
    writer.close()


def test_values_that_are_no_numbers_are_gaps(opened: Opened, read: Read) -> None:
    """And a batch of nothing else leaves no trace."""
    writer = opened()
    writer.batch("host", 1.0, START, {CPU: float("nan"), READY: float("inf")})
    writer.batch("host", 1.0, START + 1, {CPU: 0.25, READY: float("nan")})
    writer.batch("host", 1.0, float("nan"), {CPU: 0.25})
    writer.flush()
    reader = read()
    assert reader.keys() == (CPU,) and reader.raw(CPU, 0, 2e9).times.tolist() == [START + 1]
    assert reader.interval(CPU) == 1.0 and reader.interval(READY) is None
    assert reader.latest(CPU, START) is None and reader.age(READY, START) == 0.0


@given(st.lists(st.tuples(st.integers(0, 7200), st.floats(0, 1e9)), min_size=1, max_size=60))
def test_cells_survive_packing(readings: list[tuple[int, float]]) -> None:
    """In order, each between its least and greatest reading, and near what they were."""
    unique = dict(sorted(readings))
    times, values = np.array(list(unique), dtype=float), np.array(list(unique.values()))
    cells = summarize(times, values, 60.0, Summary.MEAN)
    found = decode_cells(encode_cells(cells, exact=False), 60.0)
    assert found.times.tolist() == cells.times.tolist()
    assert found.count.tolist() == cells.count.tolist()
    assert (found.min <= found.mean).all() and (found.p95 <= found.max).all()
    for column in ("mean", "min", "max", "p95"):
        assert np.allclose(
            getattr(found, column), getattr(cells, column), rtol=3 * PRECISION, atol=1e-290
        )
