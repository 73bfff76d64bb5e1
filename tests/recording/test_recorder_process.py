"""`capmon record` as a process: one writer, signals, screens that attach and go on, its page for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capmon.clock import SystemClock
from capmon.config.load import load
from capmon.config.loaded import Loaded
from capmon.model.frame import Frame
from capmon.monitor.build import build
from capmon.monitor.front import Front
from capmon.recording.attached import Attached
from capmon.recording.beginning import front_of
from capmon.recording.link import Link, find
from capmon.recording.naming import history_file, record_name, socket_path
from capmon.store.history_reader import HistoryReader

SET = {"app.source": "none", "interval": "200ms", "host.processes": "0"}
OPTIONS = [w for k, v in SET.items() for w in ("--set", f"{k}={v}")]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of our own, also for children."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


class Recorder:
    """A recorder that said its line."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "capmon", "record", *OPTIONS, *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.line = self.process.stderr.readline()

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal; the exit status and the seconds that the end took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(5), time.monotonic() - begun

    def close(self) -> None:
        """End it whatever it does."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def recorder(state: Path) -> Iterator[Recorder]:
    """A recorder of this host that serves its results, too."""
    found = Recorder("--listen", "0")
    yield found
    found.close()


def settings(**changed: str) -> Loaded:
    """The recorder's own settings, with some changed."""
    return load(None, overrides=SET | {k.replace("__", "."): v for k, v in changed.items()})


def screen(loaded: Loaded) -> Front:
    """What a screen would be given, not started."""
    clock = SystemClock()
    return front_of(build(loaded, clock, read_only=True), clock, socket.gethostname())


async def until(front: Front, good: Callable[[Frame], object], seconds: float = 15.0) -> Frame:
    """The first frame that is good."""
    deadline = time.monotonic() + seconds
    while front.frame is None or not good(front.frame):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return front.frame


@contextlib.asynccontextmanager
async def running(front: Front) -> Any:
    """A front that runs as under a screen."""
    await front.start(host_first=True)
    front.start_engine()
    try:
        yield front
    finally:
        await front.stop()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_a_signal_ends_it_in_order_and_what_was_measured_is_there(
    state: Path, number: signal.Signals
) -> None:
    """Nothing waits for the next flush: the record opens, and holds its beginning, readings and end."""
    recorder = Recorder()
    try:
        time.sleep(1.2)
        status, _ = recorder.end(number)
        assert status == 0
        loaded = settings()
        path = history_file(loaded.settings)
        assert path is not None
        reader = HistoryReader.open(path, record_name(loaded.settings, socket.gethostname()))
        course = reader.raw("system.cpu.utilization", 0, time.time())
        kinds = [e.kind for e in reader.events(0, time.time())]
        reader.close()
        assert len(course.times) >= 3
        assert {"start", "stop"} <= set(kinds)
        assert not list(state.glob("capmon/*.sock"))
        said = recorder.process.communicate()
        assert said == ("", "")
    finally:
        recorder.close()


def test_a_second_recorder_names_the_first_and_leaves_it_alone(recorder: Recorder) -> None:
    """Two of them on one file: the second ends with 1 and says who has it."""
    second = subprocess.run(
        [sys.executable, "-m", "capmon", "record", *OPTIONS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"pid {recorder.process.pid}" in second.stderr
    link = find(settings().settings)
    assert isinstance(link, Link)
    link.sock.close()


async def test_a_screen_beside_it_reads_and_collects_nothing(recorder: Recorder) -> None:
    """Frames come with all that was analysed, and say where they come from."""
    front = screen(settings())
    assert isinstance(front, Attached)
    async with running(front):
        frame = await until(front, lambda f: f.engine_ready and f.sequence > 5)
        assert frame.recording is not None
        assert (frame.recording.state, frame.recording.text) == (
            "attached",
            f"read from the recorder (pid {recorder.process.pid})",
        )
        assert frame.value("system.cpu.utilization") is not None
        assert {h.source for h in frame.health} >= {"host"}
        assert front._data_age(frame) is not None
        front.set_window(900.0)
        assert (await until(front, lambda f: f.window == 900.0)).window == 900.0
        front.note("note", "deploy of 14:00")
        await until(front, lambda f: any(e.text == "deploy of 14:00" for e in f.events))
        assert front.attached


async def test_the_screen_goes_on_when_the_recorder_is_killed(recorder: Recorder) -> None:
    """It collects itself, remembers what was shown, says so, and keeps the record from there on."""
    front = screen(settings())
    async with running(front):
        await until(front, lambda f: f.engine_ready)
        front.note("note", "before")
        await until(front, lambda f: any(e.text == "before" for e in f.events))
        seen = front.frame.sequence if front.frame else 0
        recorder.end(signal.SIGKILL)
        frame = await until(
            front, lambda f: f.recording is not None and f.recording.state == "recording"
        )
        assert frame.sequence > seen
        texts = [e.text for e in frame.events]
        assert "before" in texts
        assert any("is gone: collecting here" in t for t in texts)


async def test_a_screen_gives_way_to_a_recorder(state: Path) -> None:
    """It stops writing once a recorder of its record listens, which writes on; no reading is lost twice."""
    front = screen(settings())
    async with running(front):
        await until(front, lambda f: f.recording and f.recording.state == "recording")
        recorder = await asyncio.to_thread(Recorder)
        try:
            assert "recording @" in recorder.line, recorder.line
            frame = await until(front, lambda f: f.recording and f.recording.state == "elsewhere")
            assert frame.recording is not None
            front.note("note", "after it came")
            await asyncio.sleep(1.0)
            status, _ = await asyncio.to_thread(recorder.end, signal.SIGTERM)
            assert status == 0
        finally:
            recorder.close()
    path = history_file(settings().settings)
    assert path is not None
    with contextlib.closing(HistoryReader.open(path)) as reader:
        times = reader.raw("system.cpu.utilization", 0, time.time()).times
        events = [e.text for e in reader.events(0, time.time())]
    assert max(b - a for a, b in itertools.pairwise(times)) < 4.0
    assert events.count("after it came") == 1


async def test_notes_wait_for_a_recorder_that_is_away(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is noted between its end and its return is in its record, once."""
    first = Recorder()
    try:
        front = screen(settings())
        async with running(front):
            await until(front, lambda f: f.recording and f.recording.state == "attached")
            await asyncio.to_thread(first.end, signal.SIGTERM)
            await asyncio.sleep(0.1)
            front.note("note", "while it was away")
            second = await asyncio.to_thread(Recorder)
            try:
                await until(
                    front,
                    lambda f: (
                        f.recording
                        and str(second.process.pid) in f.recording.text
                        and [e.text for e in f.events].count("while it was away") == 1
                    ),
                )
            finally:
                second.close()
    finally:
        first.close()


async def test_a_recorder_that_is_restarted_is_read_again(
    state: Path,
) -> None:
    """A restart takes a second or two: the screen does not take its place meanwhile."""
    first = Recorder()
    front = screen(settings())
    second: Recorder | None = None
    try:
        async with running(front):
            await until(front, lambda f: f.engine_ready)
            await asyncio.to_thread(first.end, signal.SIGTERM)
            second = await asyncio.to_thread(Recorder)
            pid = second.process.pid
            frame = await until(
                front, lambda f: f.recording is not None and str(pid) in f.recording.text
            )
            assert frame.recording is not None
            assert frame.recording.state == "attached"
    finally:
        first.close()
        if second is not None:
            second.close()


async def test_other_settings_are_collected_for_and_the_reason_is_shown(recorder: Recorder) -> None:
    """A screen with other thresholds would show other things: it says which, and does not write."""
    front = screen(settings(thresholds__cpu__warning="10%"))
    assert not isinstance(front, Attached)
    async with running(front):
        frame = await until(front, lambda f: f.recording is not None)
        assert frame.recording is not None
        assert frame.recording.state == "elsewhere"
        assert str(recorder.process.pid) in frame.recording.text
        assert any("other settings for thresholds: collecting here" in e.text for e in frame.events)


def test_a_screen_that_does_not_read_stalls_nobody(recorder: Recorder) -> None:
    """One client takes nothing, another says nonsense: the third is served all the same."""
    loaded = settings().settings
    deaf, silly = find(loaded), find(loaded)
    assert isinstance(deaf, Link)
    assert isinstance(silly, Link)
    deaf.sock.sendall(b'{"follow": true}\n')
    silly.sock.sendall(b'{"window": 1e999, "format": "disk"}\n')
    assert silly.sock.recv(1) == b""
    good = find(loaded)
    assert isinstance(good, Link)
    good.sock.settimeout(5)
    good.sock.sendall(b'{"follow": true}\n')
    with good.sock.makefile("rb") as lines:
        first, *rest = (json.loads(lines.readline()) for _ in range(4))
    assert "frame" in first
    assert all("frame" not in r for r in rest)
    for link in (deaf, silly, good):
        link.sock.close()


def test_nobody_else_can_reach_the_socket(recorder: Recorder) -> None:
    """The socket is its owner's alone."""
    path = socket_path(settings().settings, socket.gethostname())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_page_speaks_both_formats_and_refuses_the_rest(recorder: Recorder) -> None:
    """GET and HEAD of one path; a request that is too long, or none, is answered and dropped."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", recorder.line)
    assert found is not None
    port = int(found[1])

    def asked(raw: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(raw)
            with contextlib.suppress(ConnectionResetError):
                return b"".join(iter(lambda: sock.recv(65536), b""))
        return b""

    deadline = time.monotonic() + 10
    while b" 200 " not in (text := asked(b"GET /metrics HTTP/1.1\r\n\r\n"))[:20]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert b"text/plain; version=0.0.4" in text
    assert b"capmon_system_cpu_utilization_ratio" in text
    wanted = b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n"
    openmetrics = asked(wanted)
    assert b"application/openmetrics-text" in openmetrics
    assert openmetrics.endswith(b"# EOF\n")
    head = asked(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    for request, status in (
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /secret HTTP/1.1\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 9000, b"431"),
    ):
        assert asked(request)[9:12] == status


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_a_real_prometheus_scrapes_it(recorder: Recorder, tmp_path: Path) -> None:
    """What Prometheus answers to a query is what the recorder measured."""
    port = re.findall(r":(\d+)/metrics", recorder.line)[0]
    (tmp_path / "p.yml").write_text(
        "scrape_configs: [{job_name: capmon, scrape_interval: 1s, "
        f'static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]\n'
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        own = probe.getsockname()[1]
    server = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/p.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
         f"--web.listen-address=127.0.0.1:{own}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{own}/api/v1/query?query=capmon_system_memory_utilization_ratio"
    try:
        deadline, result = time.monotonic() + 20, []
        while not result and time.monotonic() < deadline:
            time.sleep(0.3)
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
                result = json.load(answer)["data"]["result"]
        assert 0 < float(result[0]["value"][1]) < 1
    finally:
        server.terminate()
        server.wait()


def test_the_unit_is_what_systemd_takes(state: Path) -> None:
    """It names this program, this user and this state folder, and verifies."""
    done = subprocess.run(
        [sys.executable, "-m", "capmon", "record", "--print-unit", "--set", "app.name=50% $x"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{sys.executable} -m capmon record" in done.stdout
    assert '"app.name=50%% $$x"' in done.stdout
    assert f"XDG_STATE_HOME={state}" in done.stdout
    assert f"ReadWritePaths={state}/capmon" in done.stdout
    assert (state / "capmon").stat().st_mode & 0o777 == 0o700
    assert ("PrivateTmp=no" in done.stdout) == state.is_relative_to("/tmp")
    if shutil.which("systemd-analyze"):
        file = state / "capmon-record.service"
        file.write_text(done.stdout)
        checked = subprocess.run(
            ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False
        )
        assert "capmon-record.service:" not in checked.stderr
    assert os.environ["XDG_STATE_HOME"] == str(state)
