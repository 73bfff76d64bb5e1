"""Keeping and resuming: what a monitor measures is there after a restart, and nobody writes twice."""

from __future__ import annotations

import contextlib
import math
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from capmon.clock import ManualClock, SystemClock
from capmon.config.schema import Duration, HistorySettings, Settings
from capmon.model.frame import Event
from capmon.model.results import Severity
from capmon.model.sample import Batch
from capmon.monitor.monitor import Monitor
from capmon.recording.documents import POINTS, Documents, document
from capmon.recording.keeper import Keeper
from capmon.recording.naming import history_file, record_name, socket_path
from capmon.recording.resume import filler
from capmon.report.exposition_page import page
from capmon.store.history import history_path
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention
from capmon.store.series import Store

sys.path.append(str(Path(__file__).parent.parent / "ui"))
import frames

CPU, P95 = "system.cpu.utilization", "http.server.request.duration.p95"
HOST = socket.gethostname()


def settings(path: Path, **history: object) -> Settings:
    """Settings with a history of our own."""
    kept = HistorySettings(path=str(path), name="web@here", **history)  # type: ignore[arg-type]
    return Settings(interval=Duration(0.05), history=kept)


def until(good: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(monitor: Monitor, at: float, value: float) -> None:
    """One reading, as the runner hands it over."""
    monitor._take("host", Batch(at, {CPU: value}))


def test_names_tell_records_apart() -> None:
    """Application and host by default, the host alone without one, or what was configured."""
    plain = Settings()
    assert record_name(plain, "h") == f"{plain.app.name}@h"
    assert record_name(replace(plain, app=replace(plain.app, source="none")), "h") == "@h"
    named = replace(plain, history=replace(plain.history, name="x"))
    assert record_name(named, "h") == "x"
    assert history_file(plain) == history_path()
    assert history_file(replace(plain, history=replace(plain.history, path="none"))) is None
    assert socket_path(plain, "h") != socket_path(named, "h")


def test_what_was_measured_is_kept_with_what_was_found(tmp_path: Path) -> None:
    """Readings, events and the analysis' findings are in the record when the end is through."""
    path, clock = tmp_path / "own" / "h.db", SystemClock()
    monitor = Monitor(settings(path), (), clock)
    keeper = Keeper(monitor, monitor.settings, clock)
    now = clock.now()
    told(monitor, now - 2, 0.25)  # before the start: nothing is lost while the screen is painted
    keeper.start()
    assert keeper.opened(5)
    told(monitor, now - 1, 0.5)
    monitor.note("note", "deploy")
    frame = replace(frames.ALL["busy"](), at=now)
    for listener in monitor._listeners:
        listener(frame)
    keeper.stop()
    reader = HistoryReader.open(path, "web@here")
    assert reader.raw(CPU, now - 10, now).values.tolist() == pytest.approx([0.25, 0.5])
    assert {"start", "note", "stop"} <= {e.kind for e in reader.events(0, now + 60)}
    kept = reader.kept(now + 1)
    reader.close()
    assert kept is not None
    wanted = document(frame)
    assert kept.document.keys() == wanted.keys()
    # Long courses may be kept with fewer digits.
    assert {k for k in wanted if kept.document[k] != wanted[k]} <= {"forecasts", "fits"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_second_waits_until_the_first_ends(tmp_path: Path) -> None:
    """A file that another writes is left alone, and said so, with who has it."""
    path, clock = tmp_path / "h.db", ManualClock()
    one, two = (Monitor(settings(path), (), clock) for _ in range(2))
    first, second = (Keeper(m, m.settings, clock) for m in (one, two))
    first.start()
    assert first.opened(5)
    assert one.recording is not None
    assert (one.recording.state, one.recording.text) == ("recording", "recorded as web@here")
    second.start()
    assert not second.opened(5)
    assert second.recording.state == "elsewhere"
    assert "pid" in second.recording.text
    first.stop()
    clock.advance(11)
    until(lambda: second.recording.state == "recording")
    second.stop()


def test_a_note_is_kept_whoever_writes(tmp_path: Path) -> None:
    """On a screen beside the one that writes the record it is in the history all the same."""
    path, clock = tmp_path / "h.db", SystemClock()
    one, two = (Monitor(settings(path), (), clock) for _ in range(2))
    first, second = (Keeper(m, m.settings, clock) for m in (one, two))
    for keeper in (first, second):
        keeper.start()
        keeper.opened(5)
    assert second.recording.state == "elsewhere"
    two.note("note", "from the second")
    second.stop()
    first.stop()
    with contextlib.closing(HistoryReader.open(path, "web@here")) as reader:
        texts = [e.text for e in reader.events(0, clock.now() + 60)]
    assert texts.count("from the second") == 1


def test_what_is_wrong_for_long_is_said_once(tmp_path: Path) -> None:
    """A file that cannot be written is one notice, however many beats it lasts."""
    path, clock = tmp_path / "h.db", ManualClock()
    monitor = Monitor(settings(path), (), clock)
    keeper = Keeper(monitor, monitor.settings, clock)
    said: list[str] = []
    keeper._note = said.append  # type: ignore[method-assign]
    writer = keeper._open()
    assert writer is not None
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(12):
            told(monitor, clock.now(), 0.5)
            while (write := keeper._next(0)) is not None:
                writer = keeper._guarded(writer, write)  # type: ignore[arg-type]
            clock.advance(1.0)
            writer = keeper._guarded(writer, keeper._beat)
        other.execute("ROLLBACK")
    assert keeper.recording.state == "failing"
    assert len(said) == len(set(said)) <= 2
    assert writer is not None
    writer.close()


def test_a_history_that_cannot_be_opened_ends_nothing(tmp_path: Path) -> None:
    """A folder in its place, or none wanted: the frame says so, and start and stop return."""
    (tmp_path / "h.db").mkdir()
    broken = Monitor(settings(tmp_path / "h.db"), (), SystemClock())
    keeper = Keeper(broken, broken.settings, SystemClock())
    keeper.start()
    assert not keeper.opened(5)
    assert keeper.recording.state == "failing"
    assert "h.db" in keeper.recording.text
    keeper.stop()
    off = Monitor(settings(Path("none")), (), SystemClock())
    Keeper(off, off.settings, SystemClock()).start()
    assert off.recording is not None
    assert off.recording.state == "off"


def test_findings_are_kept_once_a_minute_and_when_something_changes() -> None:
    """A bottleneck that begins or ends is kept at once, but never twice within ten seconds."""
    clock = ManualClock()
    documents = Documents(clock)
    busy = frames.ALL["busy"]()
    quiet = replace(busy, bottlenecks=(), forecasts=busy.forecasts[:1], fits=busy.fits[:1])
    assert documents.due(busy) == busy
    clock.advance(5)
    assert not documents.due(quiet)
    clock.advance(6)
    assert documents.due(quiet) == quiet
    clock.advance(50)
    assert not documents.due(quiet)
    clock.advance(1)
    # What began is kept at once, beside the forecasts and curves of this minute.
    assert documents.due(busy) == replace(busy, forecasts=quiet.forecasts, fits=quiet.fits)
    clock.advance(9)
    assert documents.due(busy) == busy
    assert not documents.due(replace(busy, engine_ready=False))


def test_findings_are_rounded_to_what_a_chart_can_show() -> None:
    """A course keeps a hundredth of its range, however narrow that is; times and figures stay."""
    busy = frames.ALL["busy"]()
    fit = replace(busy.fits[0], points=tuple((100 + i / 3, i / 7) for i in range(200)))
    narrow = replace(
        busy.forecasts[0], past=(1600.123, math.nan), median=(1600.234,) * 2, low=(1600.1,) * 2,
        high=(1600.456, math.inf), step=12345.0,
    )  # fmt: skip
    wide = replace(narrow, past=(1.0,), low=(0.0, 0.0), high=(1234.5, 7.0))
    found = document(replace(busy, fits=(fit,), forecasts=(narrow, wide)))
    first, second = found["forecasts"]
    assert first["step"] == 12345.0
    assert first["past"] == [1600.123, None]
    assert (second["median"], second["high"]) == ([1600.0, 1600.0], [1230.0, 10.0])
    points = found["fits"][0]["points"]
    assert len(points) == POINTS
    assert all(any(abs(x - a) <= 0.005 * x and abs(y - b) <= 0.005 * y + 1e-9 for a, b in fit.points) for x, y in points)  # fmt: skip


def write(path: Path, clock: ManualClock, course: dict[str, list[float]], interval: float) -> None:
    """A record that ends now."""
    writer = HistoryWriter.open(path, clock, "web@here", Retention(1e6, 1e7, 1e8, 1 << 30))
    n = len(next(iter(course.values())))
    for i in range(n):
        at = clock.now() - (n - 1 - i) * interval
        writer.batch("host", interval, at, {k: v[i] for k, v in course.items()})
    writer.event(Event(clock.now(), "note", "end"))
    writer.close()


def test_a_start_begins_with_what_was_recorded(tmp_path: Path) -> None:
    """A store that is filled gives the windows of one that saw every reading itself."""
    clock = ManualClock(1_700_000_017.0)
    wave = np.round(0.5 + 0.3 * np.sin(np.arange(1500) / 40), 3).tolist()
    write(tmp_path / "h.db", clock, {CPU: wave, P95: wave[::-1]}, 10.0)
    fill = filler(settings(tmp_path / "h.db"), clock)
    assert fill is not None
    filled, own = Store(), Store()
    fill(filled)
    for i in range(1500):
        at = clock.now() - (1499 - i) * 10.0
        own.write({CPU: wave[i], P95: wave[1499 - i]}, at, 10.0)
    for store in (filled, own):
        store.write({CPU: 0.9, P95: 0.9}, clock.now() + 10, 10.0)
    end = clock.now() + 10
    for seconds, step in ((600.0, 10.0), (1800.0, 60.0), (14000.0, 120.0)):
        ours, theirs = (s.window([CPU, P95], end, seconds, step) for s in (filled, own))
        assert np.isfinite(ours).mean() > 0.95
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert filled.age(CPU, end) == pytest.approx(own.age(CPU, end), abs=60)


def test_nothing_is_resumed_where_there_is_nothing(tmp_path: Path) -> None:
    """No file, another's record, or resume switched off: the store stays empty, without a word."""
    clock = ManualClock()
    path = tmp_path / "h.db"
    store = Store()
    missing = filler(settings(path), clock)
    assert missing is not None
    missing(store)
    write(path, clock, {CPU: [0.1, 0.2]}, 1.0)
    other = replace(settings(path), history=HistorySettings(path=str(path), name="another"))
    empty = filler(other, clock)
    assert empty is not None
    empty(store)
    assert not list(store.keys())
    assert filler(settings(path, resume=False), clock) is None
    assert filler(settings(Path("none")), clock) is None


def test_the_page_holds_what_is_known_and_nothing_else() -> None:
    """Every known reading and answer of a frame; severity by rank; unknown is absent."""
    frame = frames.ALL["analysed"]()
    lines = page(frame, openmetrics=True).splitlines()
    worst = frame.bottlenecks[0]
    rank = list(Severity).index(worst.severity)
    assert f'capmon_bottleneck_severity{{component="{worst.component}"}} {float(rank)}' in lines
    assert any(x.startswith("capmon_forecast{") and 'probability="0.5"' in x for x in lines)
    assert any(x.startswith("capmon_headroom_load_ratio{") for x in lines)
    assert any(x.startswith("capmon_breach_probability{") for x in lines)
    assert any(x.startswith("capmon_time_to_threshold_seconds{") for x in lines)
    samples = [x for x in lines if not x.startswith(("#", "capmon_forecast", "capmon_headroom"))]
    assert not any(x.endswith((" nan", " inf", " None")) for x in samples)
    assert lines[-1] == "# EOF"
