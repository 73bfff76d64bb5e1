"""The process table: shares, names, reuse of pids, and a cost that stays level."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.clock import ManualClock, SystemClock
from capmon.collectors import processes
from capmon.collectors.process_names import useful
from capmon.collectors.processes import ProcessCollector, parse_stat
from capmon.config.schema import HostSettings
from capmon.errors import SourceError

HERTZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat_line(pid=1, comm="app", ticks=0, start=100, pages=10, flags=0) -> str:
    """One /proc/PID/stat."""
    return f"{pid} ({comm}) S 1 1 1 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {start} 9999 {pages} 18446744073709551615 1 1 0\n"


class Table:
    """A process table in a folder."""

    def __init__(self, folder: Path, keep: int = 5) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.collector = ProcessCollector(HostSettings(processes=keep), self.clock, os.fspath(folder))  # fmt: skip

    def put(self, pid: int, *, io: int | None = None, argv: tuple[str, ...] = (), **stat) -> None:
        """Write one process as it is from now on."""
        place = self.folder / str(pid)
        place.mkdir(exist_ok=True)
        (place / "stat").write_text(stat_line(pid, **stat))
        (place / "cmdline").write_text("".join(f"{arg}\0" for arg in argv))
        if io is not None:
            (place / "io").write_text(f"rchar: 1\nread_bytes: {io}\nwrite_bytes: 0\n")

    async def top(self):
        """The next reading."""
        found = (await self.collector.collect()).processes
        assert found is not None
        return found


async def test_first_reading_gives_memory_alone(tmp_path):
    """Shares of CPU need two readings; memory does not, and is in bytes."""
    table = Table(tmp_path)
    table.put(10, ticks=999, pages=30)
    table.put(11, ticks=5, pages=70)
    top = await table.top()
    assert top.by_cpu == ()
    assert top.by_io == ()
    assert [(p.pid, p.memory, p.cpu, p.io) for p in top.by_memory] == [(11, 70 * PAGE, None, None), (10, 30 * PAGE, None, None)]  # fmt: skip


async def test_shares_between_two_readings(tmp_path):
    """CPU is cores in use and I/O bytes a second, both over the true time since the last reading."""
    table = Table(tmp_path)
    table.put(10, ticks=100, io=1000)
    table.put(11, ticks=500, io=0)
    await table.top()
    table.clock.advance(4)
    table.clock.step(3600)
    table.put(10, ticks=100 + 6 * HERTZ, io=9000)
    table.put(11, ticks=500 + HERTZ, io=0)
    top = await table.top()
    assert [(p.pid, p.cpu) for p in top.by_cpu] == [(10, 1.5), (11, 0.25)]
    assert [(p.pid, p.io) for p in top.by_io] == [(10, 2000.0)]


async def test_process_that_just_began(tmp_path):
    """A process that began between two readings counts from its start."""
    table = Table(tmp_path)
    table.put(10)
    await table.top()
    table.clock.advance(2)
    table.put(12, ticks=HERTZ, io=4096)
    top = await table.top()
    assert [(p.pid, p.cpu, p.io) for p in top.by_cpu] == [(12, 0.5, 2048.0)]


async def test_reused_pid(tmp_path):
    """A pid given to another process takes nothing over from the one before: no share, no name."""
    table = Table(tmp_path)
    table.put(10, ticks=50 * HERTZ, comm="old")
    await table.top()
    table.clock.advance(1)
    table.put(10, ticks=HERTZ // 2, start=777, comm="new")
    (one,) = (await table.top()).by_cpu
    assert (one.name, one.cpu) == ("new", 0.5)


async def test_process_that_ends(tmp_path):
    """A process that is gone leaves the lists."""
    table = Table(tmp_path)
    table.put(10)
    table.put(11)
    await table.top()
    (tmp_path / "10" / "stat").unlink()
    assert [p.pid for p in (await table.top()).by_memory] == [11]


async def test_unreadable_io(tmp_path):
    """I/O that may not be read is unknown, not zero."""
    table = Table(tmp_path)
    table.put(10, ticks=1)
    await table.top()
    table.clock.advance(1)
    table.put(10, ticks=50)
    (one,) = (await table.top()).by_cpu
    assert one.io is None


async def test_idle_process_needs_no_io_reading(tmp_path):
    """The I/O of a process that took no CPU time and moved nothing is zero without being read."""
    table = Table(tmp_path)
    table.put(10, ticks=1, io=500)
    await table.top()
    (tmp_path / "10" / "io").unlink()
    table.clock.advance(1)
    (one,) = (await table.top()).by_memory
    assert one.io == 0


async def test_kernel_threads(tmp_path):
    """Threads of the kernel are shown for their CPU and never for memory."""
    table = Table(tmp_path)
    table.put(2, comm="kswapd0", flags=0x00200040, pages=5)
    await table.top()
    table.clock.advance(1)
    table.put(2, comm="kswapd0", flags=0x00200040, pages=5, ticks=HERTZ)
    top = await table.top()
    assert [p.name for p in top.by_cpu] == ["kswapd0"]
    assert top.by_memory == ()


async def test_keeps_as_many_as_wanted(tmp_path):
    """Each list is as long as the settings say, the greatest first."""
    table = Table(tmp_path, keep=3)
    for pid in range(10, 30):
        table.put(pid, pages=pid)
    assert [p.pid for p in (await table.top()).by_memory] == [29, 28, 27]


async def test_no_process_table(tmp_path):
    """A table that cannot be listed, or is empty, is a failed source."""
    with pytest.raises(SourceError, match="no process is visible"):
        await Table(tmp_path).collector.collect()
    with pytest.raises(SourceError, match="no such file"):
        await Table(tmp_path / "none").collector.collect()


async def test_many_processes_cost_no_more(tmp_path, monkeypatch):
    """Above the budget the busiest are always read, the rest in turn, and nobody is left out."""
    monkeypatch.setattr(processes, "BUDGET", 10)
    monkeypatch.setattr(processes, "ALWAYS", 2)
    read_now: list[int] = []
    real = processes.read
    monkeypatch.setattr(processes, "read", lambda path: read_now.append(int(Path(path).parts[-2])) or real(path))  # fmt: skip
    table = Table(tmp_path)
    for pid in range(100, 140):
        table.put(pid)
    seen: list[set[int]] = []
    for turn in range(1, 12):
        table.put(139, ticks=turn * HERTZ)
        read_now.clear()
        await table.collector.collect()
        seen.append(set(read_now))
        table.clock.advance(1)
        assert len(seen[-1]) == 10
    assert set().union(*seen[:5]) == set(range(100, 140))
    assert set().union(*seen[-5:]) == set(range(100, 140))
    busy_since = next(i for i, pids in enumerate(seen) if 139 in pids) + 6
    assert all(139 in pids for pids in seen[busy_since:])


async def test_share_of_a_process_read_in_turn(tmp_path, monkeypatch):
    """A process that waited for its turn is divided by the time since its own last reading."""
    monkeypatch.setattr(processes, "BUDGET", 2)
    monkeypatch.setattr(processes, "ALWAYS", 0)
    table = Table(tmp_path)
    for pid in (10, 11, 12, 13):
        table.put(pid)
    for _ in range(2):
        await table.top()
        table.clock.advance(1)
    for pid in (10, 11, 12, 13):
        table.put(pid, ticks=HERTZ)
    top = await table.top()
    assert {p.cpu for p in top.by_cpu} == {0.5}
    assert len(top.by_cpu) == 2


@pytest.mark.parametrize("comm", ["a b", "(sd-pam)", ") S 1 (", "tmux: server", "x" * 15])
def test_names_with_anything_in_them(comm):
    """Names with spaces and parentheses do not shift the fields after them."""
    stat = parse_stat(stat_line(comm=comm, ticks=42, start=7, pages=3))
    assert (stat.comm, stat.ticks, stat.start, stat.pages) == (comm, 42, 7, 3)


@given(st.text())
def test_any_stat(text):
    """Whatever the file holds, parsing gives a process or a SourceError."""
    with suppress(SourceError):
        assert parse_stat(text).pages >= 0


@given(st.text(), st.lists(st.text()))
def test_names_are_fit_to_show(comm, argv):
    """Whatever a process calls itself, no control character reaches its name."""
    assert useful(comm, argv).isprintable()


@pytest.mark.parametrize(
    ("comm", "argv", "name"),
    [
        ("python3.11", "python3 -W error /srv/app/manage.py runserver --token s3cret", "manage.py"),
        ("python3", "python3 -m gunicorn.app.wsgiapp", "gunicorn.app.wsgiapp"),
        ("python3", "python3 -c print(1)", "python3"),
        ("python3", "python3", "python3"),
        ("java", "java -Xmx5g -cp /a:/b -Dpassword=x org.elasticsearch.bootstrap.Elasticsearch -d", "Elasticsearch"),
        ("java", "java -jar /opt/search/search.jar --port 1", "search.jar"),
        ("node", "node --max-old-space-size=99 -r dotenv/config /app/server.js", "server.js"),
        ("nginx", "nginx: worker process", "nginx"),
        ("semantic-text-p", "/usr/bin/semantic-text-processor --key s3cret", "semantic-text-processor"),
        ("kworker/0:1-eve", "", "kworker/0:1-eve"),
        ("evil\x1b[31m", "", "evil[31m"),
    ],
)  # fmt: skip
def test_useful_names(comm, argv, name):
    """An interpreter goes by its script, jar or class; a name cut by the kernel is completed; arguments stay unseen."""
    assert useful(comm, argv.split(" ") if argv else []) == name


async def test_this_process():
    """Against psutil: our own resident memory within five percent, and a busy loop that shows."""
    import psutil

    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    collector = ProcessCollector(HostSettings(processes=10_000), SystemClock())
    collector.prime()
    end = os.times().user + 0.1
    while os.times().user < end:
        pass
    top = (await collector.collect()).processes
    assert top is not None
    (mine,) = [p for p in top.by_memory if p.pid == os.getpid()]
    assert mine.memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    assert any(p.pid == os.getpid() and p.cpu for p in top.by_cpu)
