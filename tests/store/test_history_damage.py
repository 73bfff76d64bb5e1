"""Harm to the file: damage is set aside or left out and said, a full disk is waited for, versions hold."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from capmon.clock import ManualClock
from capmon.errors import CapmonError
from capmon.model.frame import Event
from capmon.store.history import VERSION, History
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import PATIENCE, HistoryWriter, Retention

START = 1_700_006_400.0
KEEP = Retention(86400.0, 30 * 86400.0, 730 * 86400.0, 2**30)
CPU = "system.cpu.utilization"
READY = "replicas.ready"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "capmon" / "history.db"


def foreign(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """The same file, opened by something else."""
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


def written(path: Path, hours: float = 2.5) -> ManualClock:
    """A file with some hours of readings every ten seconds, closed."""
    clock = ManualClock(START)
    rng = np.random.default_rng(7)
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    for i in range(int(hours * 360)):
        writer.batch("host", 10.0, clock.now(), {CPU: float(rng.random()), READY: float(i)})
        writer.beat()
        clock.advance(10.0)
    writer.keep(clock.now(), {"a": 1})
    writer.event(Event(clock.now(), "note", "hi"))
    writer.close()
    return clock


@pytest.mark.parametrize("table", ["chunk", "axis", "tail", "cells", "kept"])
def test_a_damaged_chunk_is_left_out_and_said(path: Path, table: str) -> None:
    """The rest is read as if nothing were."""
    written(path)
    with foreign(path) as other:
        row = other.execute(f"SELECT id, body FROM {table} ORDER BY id LIMIT 1").fetchone()
        torn = row[1][:-1] + bytes([row[1][-1] ^ 0x40])
        other.execute(f"UPDATE {table} SET body = ? WHERE id = ?", (torn, row[0]))
    reader = HistoryReader.open(path)
    for key in (CPU, READY):
        assert len(reader.raw(key, 0, 2e9).times) >= 540 - 1
        reader.minutes(key, 0, 2e9)
        reader.hours(key, 0, 2e9)
    assert reader.kept(2e9) is None or table != "kept"
    assert len(reader.events(0, 2e9)) == 1
    assert any("cannot be read" in n and "left out" in n for n in reader.notices)
    said = list(reader.notices)
    reader.raw(CPU, 0, 2e9)
    assert reader.notices == said
    reader.close()


def test_a_damaged_hour_of_the_tail_still_becomes_chunks(path: Path) -> None:
    """What can be read of it; the writer says what cannot."""
    clock = written(path)
    with foreign(path) as other:
        other.execute("UPDATE tail SET body = x'00' WHERE id = (SELECT min(id) FROM tail)")
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    clock.advance(3600.0)
    for _ in range(10):
        writer.beat()
    with foreign(path) as other:
        assert other.execute("SELECT count(*) FROM tail").fetchone() == (0,)
    assert any("left out" in n for n in writer.notices)
    reader = HistoryReader.open(path)
    assert 890 <= len(reader.raw(CPU, 0, 2e9).times) < 900 and not reader.notices
    reader.close()
    writer.close()


def test_a_torn_page_is_set_aside_by_the_writer_alone(path: Path) -> None:
    """A reader says so and renames nothing; the writer goes on in a new file."""
    clock = written(path)
    content = bytearray(path.read_bytes())
    for page in range(1024, len(content), 1024):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(CapmonError, match=r"is damaged .*sets it aside"):
        reader = HistoryReader.open(path)
        reader.raw(CPU, 0, 2e9)
    assert path.read_bytes() == content
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    writer.batch("host", 10.0, clock.now(), {CPU: 0.5})
    writer.flush()
    (aside,) = [p for p in path.parent.glob("history.db.damaged-*") if "-wal" not in p.name and "-shm" not in p.name]  # fmt: skip
    assert aside.read_bytes()[1024:] == content[1024:]
    assert any(aside.name in n for n in writer.notices) and not writer.failing
    reader = HistoryReader.open(path)
    assert reader.raw(CPU, 0, 2e9).values.tolist() == [0.5]
    reader.close()
    writer.close()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_file_opens_again(path: Path, share: float) -> None:
    """In a new file, or with what is left; never not at all."""
    clock = written(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    for _ in range(2):
        writer = HistoryWriter.open(path, clock, "web@a", KEEP)
        for _ in range(3):
            writer.batch("host", 10.0, clock.now(), {CPU: 0.25})
            clock.advance(10.0)
            writer.beat()
        assert not writer.failing
        writer.close()
    reader = HistoryReader.open(path)
    assert reader.raw(CPU, clock.now() - 60, clock.now()).values.tolist() == [0.25] * 6
    reader.close()


def test_a_file_put_in_place_of_an_open_one_is_followed(path: Path) -> None:
    """By the writer and by a reader that had the first one open."""
    clock = written(path)
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    reader = HistoryReader.open(path)
    assert len(reader.raw(CPU, 0, 2e9).times) == 900
    path.rename(path.with_name("elsewhere"))
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").rename(path.with_name(f"elsewhere{end}"))
    writer.batch("host", 10.0, clock.now(), {CPU: 0.25})
    writer.flush()
    assert reader.raw(CPU, 0, 2e9).values.tolist() == [0.25]
    assert any("replaced" in n for n in writer.notices)
    writer.close()
    reader.close()


def test_a_newer_file_is_refused_without_a_trace(path: Path) -> None:
    """By readers and writers alike: no byte of it changes, and nothing stands beside it."""
    path.parent.mkdir(mode=0o700)
    with foreign(path) as newer:
        newer.execute("PRAGMA journal_mode = WAL")
        newer.execute("CREATE TABLE future(x)")
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(CapmonError, match=f"newer capmon .version {VERSION + 1}"):
        HistoryWriter.open(path, ManualClock(), "web@a", KEEP)
    with pytest.raises(CapmonError, match=f"newer capmon .version {VERSION + 1}"):
        HistoryReader.open(path)
    assert path.read_bytes() == before
    beside = [p.name for p in path.parent.iterdir() if p != path]
    assert all(name.endswith(".lock") for name in beside)


def test_a_file_of_the_first_version_is_brought_up(path: Path) -> None:
    """What it kept stays, and readings find room in it."""
    path.parent.mkdir(mode=0o700)
    with foreign(path) as first:
        first.execute("PRAGMA journal_mode = WAL")
        first.execute(
            "CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT, at REAL, boot TEXT, uptime REAL)"
        )
        first.execute("INSERT INTO state VALUES ('a', '[1]', 0, '', 0)")
        first.execute("PRAGMA user_version = 1")
    with pytest.raises(CapmonError, match="no readings yet"):
        HistoryReader.open(path)
    written(path, 0.1)
    history = History.open(path, ManualClock())
    kept = history.load_state("a")
    assert kept is not None and kept.document == [1]
    history.close()
    with foreign(path) as second:
        found = [second.execute(f"PRAGMA {p}").fetchone()[0] for p in ("user_version", "auto_vacuum", "journal_mode")]  # fmt: skip
    assert found == [VERSION, 2, "wal"]
    reader = HistoryReader.open(path)
    assert len(reader.raw(CPU, 0, 2e9).times) == 36
    reader.close()


def test_a_full_disk_is_a_notice(path: Path) -> None:
    """Readings wait up to ten minutes and are written once there is room."""
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    connection = writer._file.connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    for i in range(400):
        writer.batch("host", 1.0, clock.now(), {f"metric.{k}": i + k / 7 for k in range(20)})
        writer.beat()
        clock.advance(1.0)
    assert "full" in writer.failing and str(path) in writer.failing
    assert len(writer.notices) == 1
    connection.execute("PRAGMA max_page_count = 100000")
    clock.advance(5.0)
    writer.beat()
    assert not writer.failing and "can be written again" in writer.notices[-1]
    reader = HistoryReader.open(path)
    assert reader.raw("metric.0", 0, 2e9).values.tolist() == list(range(400))
    reader.close()
    writer.close()


def test_what_waits_is_bounded(path: Path) -> None:
    """Beyond ten minutes the oldest readings go, and how many is said in the end."""
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@a", KEEP)
    connection = writer._file.connection
    assert connection is not None
    connection.execute("PRAGMA query_only = ON")
    for i in range(1000):
        writer.batch("host", 1.0, clock.now(), {CPU: float(i)})
        writer.beat()
        clock.advance(1.0)
    assert writer.failing and len(writer._batches) <= PATIENCE + 10
    connection.execute("PRAGMA query_only = OFF")
    writer.close()
    assert "batches of readings were lost" in writer.notices[-1]
    reader = HistoryReader.open(path)
    values = reader.raw(CPU, 0, 2e9).values
    assert values[-1] == 999.0 and 600 <= len(values) <= 611
    reader.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from capmon.clock import ManualClock
from capmon.store.history_writer import HistoryWriter, Retention
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
clock = ManualClock(1_700_006_400.0)
writer = HistoryWriter.open(Path(sys.argv[1]), clock, "web@a", Retention(86400, 86400, 86400, 2**30))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
def seconds(n):
    for _ in range(n):
        values = {f"metric.{k}": clock.now() % (k + 7) for k in range(40)}
        writer.batch("host", 1.0, clock.now(), values)
        writer.beat()
        clock.advance(1.0)
seconds(100)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
seconds(200)
print(bool(writer.failing), len(writer.notices))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
seconds(20)
writer.close()
print(bool(writer.failing))
"""


def test_writes_that_the_kernel_refuses_are_a_notice(path: Path) -> None:
    """A file size limit, as a full file system has one: the process goes on and loses nothing."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["True 1", "False"]
    reader = HistoryReader.open(path)
    assert len(reader.raw("metric.3", 0, 2e9).times) == 320
    reader.close()


def test_a_real_full_file_system_is_a_notice(tmp_path: Path) -> None:
    """The same on a file system of 300 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "small"
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k,mode=700", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        clock = ManualClock(START)
        writer = HistoryWriter.open(folder / "history.db", clock, "web@a", KEEP)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"x" * 1024)
                file.flush()
        for i in range(300):
            writer.batch("host", 1.0, clock.now(), {CPU: float(i)})
            writer.beat()
            clock.advance(1.0)
        assert writer.failing
        filler.unlink()
        writer.close()
        assert not writer.failing
        reader = HistoryReader.open(folder / "history.db")
        assert len(reader.raw(CPU, 0, 2e9).times) == 300
        reader.close()
    finally:
        subprocess.run(["umount", str(folder)], check=False)


KILLED = """
import sys
from pathlib import Path
from capmon.clock import ManualClock
from capmon.store.history_writer import HistoryWriter, Retention
start, path = float(sys.argv[2]), Path(sys.argv[1])
clock = ManualClock(start)
writer = HistoryWriter.open(path, clock, "web@a", Retention(7200, 86400, 86400 * 9, 2**30))
i = 0
while True:
    values = {f"metric.{k}": clock.now() % 977 + k for k in range(30)}
    writer.batch("host", 1.0, clock.now(), values)
    writer.batch("app", 2.0, clock.now() + 0.1, {"app.metric": clock.now() % 7})
    if int(clock.now()) % 60 == 0:
        writer.keep(clock.now(), {"a": [clock.now()] * 20})
    writer.beat()
    i += 1
    if i % 50 == 0:
        print(f"{clock.now():.0f}", flush=True)
    clock.advance(1.0)
"""


def killed_at_random(path: Path, times: int) -> None:
    """Kill a writer again and again; after each kill nothing but ten seconds may be missing."""
    rng = np.random.default_rng(times)
    start = START
    known: list[tuple[float, float]] = []
    for _ in range(times):
        running = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), str(start)], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        said = start
        for _ in range(int(rng.integers(1, 80))):
            said = float(running.stdout.readline())
        running.send_signal(signal.SIGKILL)
        rest, _ = running.communicate()
        said = float(rest.split("\n")[-2]) if rest.count("\n") else said
        assert running.returncode == -signal.SIGKILL
        reader = HistoryReader.open(path)
        last = reader.latest("metric.5", 1e10)
        assert last is not None and last[0] >= said - 10
        known.append((start, said - 10))
        for begin, end in known[-2:]:
            course = reader.raw("metric.5", max(begin, last[0] - 3600), end)
            wanted = np.arange(max(begin, last[0] - 3600), end + 1)
            assert course.times.tolist() == wanted.tolist()
            assert np.allclose(course.values, wanted % 977 + 5)
            cells = reader.minutes("metric.5", begin, end - 60)
            inner = cells.count[1:-1]
            assert (inner == 60).all()
        assert not reader.notices
        reader.close()
        with foreign(path) as other:
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # The next one begins at a later second, as a restart does.
        start = float(int(last[0]) + 30)


def test_a_kill_at_any_moment_loses_ten_seconds_at_most(path: Path) -> None:
    """And never the file."""
    killed_at_random(path, 4)


@pytest.mark.slow
def test_twenty_five_kills(path: Path) -> None:
    """The same, long enough to meet flush, compaction and retention."""
    killed_at_random(path, 25)
