"""The demo service as a child: it starts, answers, and never outlives its parent."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from capmon.config.load import load
from capmon.demo import lifeline
from capmon.demo.process import DemoProcess, demo_settings
from capmon.errors import CapmonError

DEADLINE = 10.0
"""Seconds after which waiting for the end of a process is given up."""


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status != "Z"


def gone(pid: int) -> bool:
    """Wait until a process is gone; False when it stays."""
    deadline = time.monotonic() + DEADLINE
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def replicas(port: int) -> dict[str, int]:
    """What the service on a port says of its replicas."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/scale") as answer:
        return dict(json.load(answer))


async def test_it_answers_once_started_and_is_gone_once_stopped() -> None:
    """The port is known and open after the start, the process ended after the stop."""
    demo = DemoProcess("steady", seed=3)
    port = await demo.start()
    pid = demo.pid
    assert pid is not None
    assert demo.port == port
    answer = await asyncio.to_thread(replicas, port)
    assert answer == {"ready": 4, "desired": 4}
    await demo.stop()
    assert not runs(pid)
    assert demo.pid is None
    with pytest.raises(CapmonError, match="was not started"):
        _ = demo.port
    await demo.stop()


async def test_two_of_them_do_not_meet() -> None:
    """Each gets a port of its own."""
    async with DemoProcess() as one, DemoProcess() as other:
        assert one.port != other.port


async def test_an_error_inside_still_stops_it() -> None:
    """The service ends when the block it serves raises."""
    demo = DemoProcess()
    pid = None
    with pytest.raises(KeyError):
        async with demo:
            pid = demo.pid
            raise KeyError
    assert pid is not None
    assert not runs(pid)


async def test_a_start_that_fails_says_why() -> None:
    """The child's own words are in the error, and nothing is left running."""
    demo = DemoProcess("storm")
    with pytest.raises(CapmonError, match=r"did not start: .*invalid choice: 'storm'"):
        await demo.start()
    assert demo.pid is None


async def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uvicorn the error tells what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    with pytest.raises(CapmonError, match=r"pip install 'capmon\[demo\]'"):
        await DemoProcess().start()


def test_kill_9_of_the_parent_takes_it_along() -> None:
    """A parent that is killed without a chance to clean up leaves no service behind."""
    code = (
        "import asyncio\n"
        "from capmon.demo.process import DemoProcess\n"
        "async def main():\n"
        "    demo = DemoProcess()\n"
        "    await demo.start()\n"
        "    print(demo.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A service started by hand with this process as its parent."""
    command = ["-m", "capmon.demo.service", "--port", "0", "--parent", str(os.getpid())]
    process = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    yield process
    process.kill()
    process.communicate()


def test_it_ends_when_its_stdin_closes(child: subprocess.Popen[bytes]) -> None:
    """The pipe to the parent is enough to notice, also where the kernel does not help."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline()
    child.stdin.close()
    child.stdin = None
    assert child.wait(DEADLINE) == -signal.SIGTERM


def test_sigterm_ends_it_although_a_connection_is_open(child: subprocess.Popen[bytes]) -> None:
    """A client that keeps its connection and one whose request waits do not hold it up."""
    assert child.stdout is not None
    port = int(child.stdout.readline().rpartition(b":")[2])
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /scale HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(b"GET /api/v1/process HTTP/1.1\r\nHost: x\r\n\r\n")
            child.send_signal(signal.SIGTERM)
            assert child.wait(DEADLINE) == -signal.SIGTERM


def test_a_parent_that_is_already_gone_prevents_the_start() -> None:
    """A service that finds another parent than the one named ends at once."""
    done = subprocess.run(
        [sys.executable, "-m", "capmon.demo.service", "--port", "0", "--parent", "1"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the parent process is gone\n")


async def test_a_change_of_parent_is_noticed_without_the_kernel() -> None:
    """The watch stops the service when its parent is no longer the one it had."""
    stopped = asyncio.Event()
    read, write = os.pipe()
    try:
        watch = asyncio.create_task(
            lifeline.watch(os.getppid(), stopped.set, stdin=read, interval=0.01)
        )
        await asyncio.sleep(0.05)
        assert not stopped.is_set()
        os.write(write, b"ignored")
        await asyncio.sleep(0.05)
        assert not stopped.is_set()
        watch.cancel()
        await asyncio.wait([watch])
        await lifeline.watch(os.getppid() + 1, stopped.set, stdin=read, interval=0.01)
        assert stopped.is_set()
    finally:
        asyncio.get_running_loop().remove_reader(read)
        os.close(read)
        os.close(write)


def test_the_settings_are_ones_that_the_loader_takes(tmp_path: Path) -> None:
    """Every key exists and has its meaning."""
    settings = load(environ={}, overrides=demo_settings(4321), cwd=tmp_path).settings
    assert settings.app.url == "http://127.0.0.1:4321/api/v1"
    assert settings.app.interval == 1.0
    assert settings.scaling.mode == "act"
    assert settings.scaling.target.kind == "http"
    assert settings.scaling.target.url == "http://127.0.0.1:4321/scale"
    assert settings.scaling.target.interval == 2.0
    assert (settings.scaling.min, settings.scaling.max) == (2, 10)
    assert (settings.scaling.cooldown.up, settings.scaling.cooldown.down) == (5.0, 10.0)
