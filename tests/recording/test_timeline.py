"""Frames out of a record: what was known at a moment, no more, and what came after it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from threading import Event as Flag

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.clock import ManualClock
from capmon.config.schema import Settings
from capmon.errors import CapmonError, QuantityError
from capmon.model.forecasts import Forecast
from capmon.model.frame import Event, Frame, HostFacts
from capmon.recording.blocks import RAW_BLOCK
from capmon.recording.moment import parse_moment
from capmon.recording.seeker import Found, Seeker, Wanted
from capmon.recording.timeline import NOT_RECORDED, OF_NOW, Timeline
from capmon.snapshot import plain
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention
from capmon.store.series import Store

START = 1_772_375_400.0
"""2026-03-01T14:30:00Z."""

SECONDS = 1500
CPU, RATE = "system.cpu.utilization", "http.server.request.rate"
DISK = 'system.filesystem.utilization{mountpoint="/"}'
KEYS = (CPU, RATE, DISK)
FOREVER = Retention(raw=1e9, minutes=1e9, hours=1e9, max_size=2**40)
HOST = HostFacts("db-01", "Debian 12", 2, 2.0, "machine", 8e9, 8e9, "machine")


def level(i: int) -> float:
    """A course that never repeats a value within a record."""
    return i + 0.25


def found_at(at: float) -> dict[str, object]:
    """What the recorder keeps of a frame with one forecast, made at the last ten seconds."""
    made = math.floor(at / 10) * 10
    middle = tuple(level(int(made - START) + 10 * i + 5) for i in range(6))
    forecast = Forecast(
        CPU,
        made,
        10.0,
        (1.0,),
        middle,
        tuple(v - 20 for v in middle),
        tuple(v + 20 for v in middle),
    )
    frame = Frame(
        1, at, 1.0, 300.0, host=HOST, app_name="web", app_source="json", engine_ready=True,
        forecasts=(forecast,), texts={"db.status": "healthy"},
    )  # fmt: skip
    return {f.name: plain(getattr(frame, f.name)) for f in fields(Frame) if f.name not in OF_NOW}


def write(path: Path, *, seconds: int = SECONDS, silent: range = range(0), kept: bool = True) -> Path:  # fmt: skip
    """A record of a reading a second, one kept finding a minute, and three events."""
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@db-01", FOREVER)
    for i in range(seconds):
        if i not in silent:
            writer.batch("host", 1.0, START + i, {k: level(i) for k in KEYS})
        if kept and i % 60 == 0:
            writer.keep(START + i, found_at(START + i))
        if i in (100, 200, 300):
            writer.event(Event(START + i, "note", f"at {i}"))
        clock.advance(1.0)
        writer.beat()
    writer.close()
    return path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of 25 minutes, five of them silent."""
    return write(tmp_path_factory.mktemp("record") / "history.db", silent=range(900, 1200))


@pytest.fixture
def timeline(record: Path) -> Iterator[Timeline]:
    """The record as frames."""
    timeline = Timeline(HistoryReader.open(record), Settings())
    yield timeline
    timeline.close()


def test_values_are_those_of_the_moment(timeline: Timeline) -> None:
    """A frame knows the last reading at or before its moment, and nothing that came later."""
    for i in (0, 1, 59, 60, 599, 600, 601, 899):
        frame = timeline.frame_at(START + i + 0.5, 300.0)
        assert {frame.value(k) for k in KEYS} == {level(i)}
        reading = frame.readings[CPU]
        assert reading.at == START + i
        for trend in frame.trends.values():
            assert max(v for v in trend.values if not math.isnan(v)) <= level(i)


@pytest.mark.parametrize("window", [300.0, 900.0, 3600.0, 86400.0])
@pytest.mark.parametrize("second", [7, 300, 601, 893])
def test_trends_are_those_that_were_shown_live(
    timeline: Timeline, window: float, second: int
) -> None:
    """The trends of a moment are those that a store in memory gave then, cell by cell."""
    store = Store()
    for i in range(second + 1):
        store.write({k: level(i) for k in KEYS}, START + i, 1.0)
    at = START + second
    frame = timeline.frame_at(at, window)
    for k in KEYS:
        live = store.trend(k, at, window, 120)
        assert live is not None
        past = frame.trends[k]
        assert past.step == live.step
        assert past.end == live.end
        if live.step <= 60:
            np.testing.assert_allclose(past.values, live.values)


def test_gap_is_unknown_with_its_reason(timeline: Timeline) -> None:
    """Where nothing was recorded, values are unknown and say so; a disk that may not exist is left out."""
    frame = timeline.frame_at(START + 1050, 300.0)
    assert frame.value(CPU) is None
    assert frame.reason(CPU) == NOT_RECORDED
    assert DISK not in frame.readings
    assert frame.past is not None
    assert frame.past.note == (
        "nothing was recorded then: the last reading before is of 2026-03-01T14:44:59Z,"
        " the next of 2026-03-01T14:50:00Z"
    )


def test_results_are_those_kept_before(timeline: Timeline) -> None:
    """Host, states and forecasts are those of the last minute that was kept, and say of when."""
    frame = timeline.frame_at(START + 335, 300.0)
    assert frame.past is not None
    assert frame.past.results_at == START + 300
    assert (frame.host, frame.app_name, frame.texts["db.status"]) == (HOST, "web", "healthy")
    assert frame.forecasts[0].made_at == START + 300
    assert frame.engine_ready


def test_what_came_stands_on_the_grid_of_the_forecast(timeline: Timeline) -> None:
    """What came covers the forecast's own cells as far as the record goes, each cell with its mean."""
    frame = timeline.frame_at(START + 335, 300.0)
    came, forecast = frame.came[CPU], frame.forecasts[0]
    assert (came.step, came.end) == (10.0, forecast.made_at + 60.0)
    np.testing.assert_allclose(came.values, [level(300 + 10 * i) + 4.5 for i in range(6)])
    last = timeline.frame_at(timeline.end, 300.0)
    known = math.floor((timeline.end - last.forecasts[0].made_at) / 10)
    assert len(last.came[CPU].values) == known


def test_both_ends_hold(timeline: Timeline) -> None:
    """A moment beyond an end gives the frame of that end."""
    assert timeline.frame_at(0.0, 300.0).at == timeline.start == START
    assert timeline.frame_at(START * 2, 300.0).at == timeline.end == START + SECONDS - 1


def test_events_up_to_the_moment_and_beside_it(timeline: Timeline) -> None:
    """A frame tells the events up to its moment; the nearest ones beside it are found, or none is."""
    frame = timeline.frame_at(START + 200, 300.0)
    assert [e.text for e in frame.events] == ["at 200", "at 100"]
    beside = [timeline.event_beside(START + 200, step) for step in (-1, 1)]
    assert [e.text if e else "" for e in beside] == ["at 100", "at 300"]
    assert timeline.event_beside(START + 300, 1) is None
    assert timeline.event_beside(START + 100, -1) is None


def test_next_event_is_the_nearest_among_very_many(tmp_path: Path) -> None:
    """With more events than are told at once, the next one is still the nearest."""
    path = tmp_path / "history.db"
    writer = HistoryWriter.open(path, ManualClock(START), "web@db-01", FOREVER)
    writer.batch("host", 1.0, START, {CPU: 0.5})
    for i in range(900):
        writer.event(Event(START + 10 + 3 * i, "note", f"{i}"))
    writer.close()
    timeline = Timeline(HistoryReader.open(path), Settings())
    for at, text in ((START, "0"), (START + 10, "1"), (START + 1210, "401")):
        event = timeline.event_beside(at, 1)
        assert event is not None
        assert event.text == text
    timeline.close()


def test_old_results_are_left_out_and_said(tmp_path: Path) -> None:
    """Results older than ten minutes are not shown as those of the moment; the host's facts are."""
    path = tmp_path / "history.db"
    writer = HistoryWriter.open(path, ManualClock(START), "web@db-01", FOREVER)
    writer.keep(START, found_at(START))
    for i in range(0, 900, 5):
        writer.batch("host", 5.0, START + i, {CPU: 0.5})
    writer.close()
    timeline = Timeline(HistoryReader.open(path), Settings())
    frame = timeline.frame_at(START + 700, 300.0)
    assert frame.past is not None
    assert frame.past.results_at is None
    assert "last kept 12 m before" in frame.past.note
    assert (frame.forecasts, frame.came, frame.engine_ready) == ((), {}, False)
    assert frame.host == HOST
    timeline.close()


def test_minutes_stand_for_readings_that_are_gone(tmp_path: Path) -> None:
    """Where readings were dropped, the minute's mean stands for them, and the frame says so."""
    path = tmp_path / "history.db"
    writer = HistoryWriter.open(path, ManualClock(START), "web@db-01", FOREVER)
    times = np.arange(START, START + 7200, 60.0)
    writer.add(CPU, times, np.arange(len(times), dtype=float), 60.0)
    writer.close()
    timeline = Timeline(HistoryReader.open(path), Settings())
    frame = timeline.frame_at(START + 3630, 3600.0)
    assert frame.value(CPU) == 60.0
    assert frame.past is not None
    assert "minutes alone" in frame.past.note
    assert frame.past.results_at is None
    assert frame.app_source == "none"
    timeline.close()


def test_record_that_grows_is_seen(tmp_path: Path) -> None:
    """What is written after the timeline was opened is shown by its next frame."""
    path = tmp_path / "history.db"
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@db-01", FOREVER)
    writer.batch("host", 1.0, START, {CPU: 1.0})
    writer.flush()
    timeline = Timeline(HistoryReader.open(path), Settings())
    assert timeline.frame_at(START + 9, 300.0).value(CPU) == 1.0
    for i in range(1, 6):
        writer.batch("host", 1.0, START + i, {CPU: 1.0 + i, RATE: 3.0})
    writer.flush()
    frame = timeline.frame_at(START + 9, 300.0)
    assert (frame.at, frame.value(CPU), frame.value(RATE)) == (START + 5, 6.0, 3.0)
    assert frame.trends[CPU].values[-1] > 1.0
    timeline.close()
    writer.close()


def test_readings_ahead_of_the_clock_hide_nothing(tmp_path: Path) -> None:
    """A clock that was two hours ahead for a while neither is the record's end nor stops its growth."""
    path = tmp_path / "history.db"
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@db-01", FOREVER)

    def beats(n: int, value: float) -> None:
        for _ in range(n):
            writer.batch("host", 1.0, clock.now(), {CPU: value})
            clock.advance(1.0)
        writer.flush()

    beats(60, 0.9)
    clock.step(7200)
    beats(10, 0.9)
    clock.step(-7210)
    beats(30, 0.1)
    timeline = Timeline(HistoryReader.open(path), Settings(), clock)
    assert timeline.end == clock.now()
    assert timeline.frame_at(clock.now(), 300.0).value(CPU) == pytest.approx(0.1, rel=1e-3)
    beats(60, 0.2)
    frame = timeline.frame_at(clock.now(), 300.0)
    assert (frame.at, frame.readings[CPU].at) == (clock.now(), clock.now() - 1)
    assert frame.value(CPU) == pytest.approx(0.2, rel=1e-3)
    timeline.close()
    writer.close()


def test_readings_that_come_late_are_seen(tmp_path: Path) -> None:
    """A source that answers seconds late is read anew, also behind the end of a block."""
    path = tmp_path / "history.db"
    end = math.floor(START / RAW_BLOCK) * RAW_BLOCK
    clock = ManualClock(end - 60)
    writer = HistoryWriter.open(path, clock, "web@db-01", FOREVER)
    timeline = None
    for i in range(120):
        writer.batch("host", 1.0, clock.now(), {CPU: 0.5})
        if i % 5 == 1:
            writer.batch("app", 5.0, clock.now() - 3, {RATE: float(i)})
        clock.advance(1.0)
        writer.flush()
        timeline = timeline or Timeline(HistoryReader.open(path), Settings())
        if clock.now() > end - 20:
            timeline.frame_at(clock.now(), 300.0)
    assert timeline is not None
    reading = timeline.frame_at(end - 1, 300.0).readings[RATE]
    assert (reading.at, reading.value) == (end - 2, 61.0)
    timeline.close()
    writer.close()


# The seeker


def test_newest_request_wins(record: Path) -> None:
    """Of requests that pile up while one is answered, only the last is."""
    opened, go, done = Flag(), Flag(), Flag()
    answers: list[Found] = []

    def open_() -> Timeline:
        opened.set()
        assert go.wait(5)
        return Timeline(HistoryReader.open(record), Settings())

    def give(found: Found) -> None:
        answers.append(found)
        done.set()

    seeker = Seeker(open_, give)
    for i in range(20):
        seeker.seek(Wanted(START + i, 300.0))
        assert opened.wait(5)
    go.set()
    assert done.wait(5)
    seeker.stop()
    assert [f.at for f in answers] == [START + 19]


def test_seeker_says_why_nothing_is_found(tmp_path: Path) -> None:
    """A record that cannot be opened, and an event that is not there, are answers with a reason."""
    said: list[str] = []
    done = Flag()

    def give(found: Found) -> None:
        said.append(found.fault)
        done.set()

    def absent() -> Timeline:
        raise CapmonError("no record here")

    seeker = Seeker(absent, give)
    seeker.seek(Wanted(START, 300.0))
    assert done.wait(5)
    seeker.stop()
    assert said == ["no record here"]


# Moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14:05", "2026-03-01T14:05:00+00:00"),
        ("14:05:30", "2026-03-01T14:05:30+00:00"),
        ("23:59", "2026-02-28T23:59:00+00:00"),
        ("today 23:59", "2026-03-01T23:59:00+00:00"),
        ("yesterday 14:05", "2026-02-28T14:05:00+00:00"),
        ("-2h", "2026-03-01T12:30:00+00:00"),
        ("-90s", "2026-03-01T14:28:30+00:00"),
        ("-1h30m", "2026-03-01T13:00:00+00:00"),
        ("2026-02-01 14:05", "2026-02-01T14:05:00+00:00"),
        ("2026-02-01T14:05:12Z", "2026-02-01T14:05:12+00:00"),
        ("2026-02-01T14:05:12+01:00", "2026-02-01T13:05:12+00:00"),
        (" now ", "2026-03-01T14:30:00+00:00"),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, moment: str) -> None:
    """Each way to write a moment gives the moment that is meant."""
    assert parse_moment(text, START) == parse_moment(moment, 0.0)


@pytest.mark.parametrize("text", ["", "25:00", "14:61", "tomorrow", "-2 apples", "2026-13-01", "x" * 99])  # fmt: skip
def test_what_is_no_moment_says_what_would_be_one(text: str) -> None:
    """What cannot be read is refused with an example or the fault."""
    with pytest.raises(QuantityError, match=r"14:05|clock|-2h"):
        parse_moment(text, START)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is written is a finite moment or a refusal."""
    try:
        assert math.isfinite(parse_moment(text, START))
    except QuantityError as fault:
        assert str(fault)
