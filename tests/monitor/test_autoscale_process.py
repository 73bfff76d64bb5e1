"""`capmon autoscale` as a process: two of them, killed, terminated, and on a service that dies."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

COUNTER = """
import os, sys, time
count, log = sys.argv[1] + "/count", sys.argv[1] + "/log"
if sys.argv[2] == "read":
    print(open(count).read())
else:
    with open(log, "a") as f:
        f.write(f"begin {sys.argv[3]}\\n")
    time.sleep(float(open(sys.argv[1] + "/slow").read()))
    with open(count + ".new", "w") as f:
        f.write(sys.argv[3])
    os.replace(count + ".new", count)
    with open(log, "a") as f:
        f.write(f"end {sys.argv[3]}\\n")
"""

CONFIG = """
interval: 200ms
app:
  source: json
  url: http://127.0.0.1:{port}
  interval: 100ms
  fields:
    process.cpu.utilization: {{from: /metrics, path: cpu}}
    process.memory.utilization: {{from: /metrics, path: memory}}
    http.server.request.duration.p95: {{from: /metrics, path: p95, unit: ms}}
scaling:
  min: 2
  max: 20
  policy: hpa
  every: 200ms
  cooldown: {{up: 10m, down: 10m}}
  target:
    kind: command
    read: [{python}, -IS, {script}, {folder}, read]
    write: [{python}, -IS, {script}, {folder}, write, "{{replicas}}"]
    interval: 200ms
"""


class Service(http.server.ThreadingHTTPServer):
    """Answers every path with one document."""

    daemon_threads = True

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"cpu": 0.9, "memory": 0.5, "p95": 100}
        super().__init__(("127.0.0.1", 0), _Answer)

    def handle_error(self, *_: Any) -> None:
        """A client that was killed is no fault of ours."""


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Service)
        body = json.dumps(self.server.document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@dataclass
class Running:
    """One process, its lines as documents."""

    process: subprocess.Popen[str]
    said: list[dict[str, Any]] = field(default_factory=list)
    lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def until(self, good: Callable[[dict[str, Any]], Any], seconds: float = 20.0) -> dict[str, Any]:
        """The first document that is good, of all so far and to come."""
        for said in self.said:
            if good(said):
                return said
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=left)
                if line is None:
                    break
                self.said.append(json.loads(line))
                if good(self.said[-1]):
                    return self.said[-1]
        raise AssertionError(f"not said: {self.said}")


@dataclass
class World:
    """A folder with a target, a service, and the autoscalers on them."""

    folder: Path
    service: Service
    running: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "count").write_text("4")
        (self.folder / "log").write_text("")
        self.slow(0.0)
        script = self.folder / "counter.py"
        script.write_text(COUNTER)
        config = self.folder / "capmon.yaml"
        config.write_text(
            CONFIG.format(
                port=self.service.server_port,
                python=sys.executable,
                script=script,
                folder=self.folder,
            )
        )
        config.chmod(0o600)

    def slow(self, seconds: float) -> None:
        """How long a change takes."""
        (self.folder / "slow").write_text(str(seconds))

    def count(self) -> int:
        """Replicas asked for."""
        return int((self.folder / "count").read_text())

    def written(self) -> list[str]:
        """What the target was asked to do."""
        return (self.folder / "log").read_text().splitlines()

    def audited(self) -> list[str]:
        """Events of the audit log."""
        path = self.folder / "state" / "capmon" / "audit.jsonl"
        if not path.exists():
            return []
        return [json.loads(line)["event"] for line in path.read_text().splitlines()]

    def argv(self, *options: str) -> list[str]:
        """The command line."""
        config = str(self.folder / "capmon.yaml")
        return [sys.executable, "-m", "capmon", "autoscale", "--config", config, *options]

    def environment(self) -> dict[str, str]:
        """With a state folder of its own."""
        return {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}

    def start(self, *options: str) -> Running:
        """Start one that says JSON."""
        process = subprocess.Popen(
            self.argv("--json", *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )
        running = Running(process)
        threading.Thread(target=_listen, args=(running,), daemon=True).start()
        self.running.append(running)
        return running

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run one to its end."""
        return subprocess.run(
            self.argv(*options),
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=30,
            check=False,
        )


def _listen(running: Running) -> None:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        running.lines.put(line)
    running.lines.put(None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Everything on loopback and in one folder; nothing is left running."""
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        made = World(tmp_path, service)
        try:
            yield made
        finally:
            for one in made.running:
                with one.process as process:
                    if process.poll() is None:
                        process.kill()
            service.shutdown()
            thread.join()


def accepted(said: dict[str, Any]) -> bool:
    """Whether a change was carried out."""
    return bool(said["done"] == "accepted")


def ended(running: Running, number: signal.Signals) -> tuple[int, float]:
    """Exit status after a signal, and the seconds until then."""
    began = time.monotonic()
    running.process.send_signal(number)
    status = running.process.wait(timeout=10)
    return status, time.monotonic() - began


def test_of_two_one_acts(world: World) -> None:
    """The second is refused and names the first; when that is gone, the next one may."""
    first = world.start("--act")
    first.until(accepted)
    second = world.run("--act")
    assert second.returncode == 1 and second.stdout == ""
    assert f"an autoscaler (pid {first.process.pid}, " in second.stderr
    assert "acts on python" in second.stderr and "already" in second.stderr
    status, _ = ended(first, signal.SIGKILL)
    assert status == -signal.SIGKILL
    third = world.start("--act")
    third.until(lambda s: s["event"] == "verdict")
    assert set(world.written()[:2]) == {"begin 6", "end 6"}


def test_it_leaves_when_told_to(world: World) -> None:
    """Within a second, with status 0; the lock is free and what it knows is kept."""
    running = world.start("--act")
    running.until(accepted)
    status, seconds = ended(running, signal.SIGTERM)
    assert status == 0
    assert seconds < 1.5  # a second of its own, and what a busy machine adds
    (lock,) = (world.folder / "state" / "capmon" / "locks").iterdir()
    assert lock.read_text() == ""
    assert (world.folder / "state" / "capmon" / "history.db").stat().st_size > 0


def test_advice_never_writes(world: World) -> None:
    """It runs nothing, whatever the file says of the mode."""
    running = world.start("--set", "scaling.mode=act")
    running.until(lambda s: s["done"] == "dry-run")
    time.sleep(0.6)
    assert ended(running, signal.SIGINT)[0] == 0
    assert world.written() == [] and world.count() == 4
    assert world.audited() == ["dry-run"]


def test_it_does_not_act_where_it_may_only_look(world: World) -> None:
    """Neither option gives way to the other."""
    done = world.run("--act", "--read-only")
    assert done.returncode == 2 and "exclude each other" in done.stderr
    assert not (world.folder / "state").exists()


def test_it_does_not_act_on_a_configuration_of_others(world: World) -> None:
    """Whoever can write it could have anything run."""
    (world.folder / "capmon.yaml").chmod(0o666)
    done = world.run("--act")
    assert done.returncode == 1 and "not trusted" in done.stderr
    assert world.written() == []


def test_once_says_one_thing(world: World) -> None:
    """As a line for people, with the counts, the reason and what was done."""
    done = world.run("--act", "--once")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and "acts on python" in lines[0]
    assert "4 of 4 → 6  hpa: cpu 90 % / 70 % × 4 = 5.143 → 6 · accepted" in lines[1]
    assert world.count() == 6


def test_without_a_target_there_is_nothing_to_follow(world: World) -> None:
    """That is an error, not silence."""
    done = world.run("--set", "scaling.target.kind=none")
    assert done.returncode == 1 and "nothing is scaled" in done.stderr


@pytest.mark.slow
def test_a_restart_stays_in_the_cooldown(world: World) -> None:
    """Also after kill -9, and although the audit log is gone; what policies remember is kept."""
    step = ("--act", "--set", "scaling.policy=step")
    first = world.start(*step)
    first.until(accepted)
    first.until(lambda s: s["desired"] == 5)
    ended(first, signal.SIGKILL)
    (world.folder / "state" / "capmon" / "audit.jsonl").unlink()
    second = world.start(*step)
    held = second.until(lambda s: s["event"] == "verdict")
    assert held["waits"][0]["what"] == "cooldown" and held["to"] == 5
    assert world.written() == ["begin 5", "end 5"]


@pytest.mark.slow
def test_a_restart_stays_in_the_stabilization(world: World) -> None:
    """Also after kill -9, and although the audit log is gone; what policies remember is kept."""
    first = world.start("--act")
    first.until(accepted)
    world.service.document["cpu"] = 0.7
    first.until(lambda s: s["event"] == "verdict" and s["to"] == s["desired"])
    count = world.count()
    ended(first, signal.SIGKILL)
    (world.folder / "state" / "capmon" / "audit.jsonl").unlink()
    world.service.document["cpu"] = 0.1
    second = world.start("--act")
    kept = second.until(lambda s: s["event"] == "verdict" and s["waits"])
    assert kept["waits"][0]["what"] == "stabilization" and kept["to"] == count
    assert world.count() == count >= 6


@pytest.mark.slow
def test_killed_in_the_middle_it_does_not_act_twice(world: World) -> None:
    """The command ends by itself; the next one waits for its end, not knowing whether it will come."""
    world.slow(1.0)
    first = world.start("--act")
    deadline = time.monotonic() + 20
    while not world.written() and time.monotonic() < deadline:
        time.sleep(0.02)
    ended(first, signal.SIGKILL)
    assert world.audited() == ["attempt"]
    second = world.start("--act")
    held = second.until(lambda s: s["refusals"])
    assert held["refusals"] == ["one action at a time: 4 → 6 in another session is under way"]
    time.sleep(1.0)
    assert [line for line in world.written() if line.startswith("begin")] == ["begin 6"]


@pytest.mark.slow
def test_told_to_leave_in_the_middle_it_leaves(world: World) -> None:
    """Within a second; the command is ended, and the log says that it was cut short."""
    world.slow(30.0)
    running = world.start("--act")
    deadline = time.monotonic() + 20
    while not world.written() and time.monotonic() < deadline:
        time.sleep(0.02)
    status, seconds = ended(running, signal.SIGTERM)
    assert status == 0 and seconds < 1.5
    assert world.audited() == ["attempt", "failed"]
    assert world.written() == ["begin 6"] and world.count() == 4


@pytest.mark.slow
def test_a_service_that_is_dead_is_left_alone(world: World) -> None:
    """Whatever the host's own values would suggest; it goes on when the service is back."""
    world.service.document = {}
    running = world.start("--act", "--set", "scaling.hpa.cpu=70%")
    world.service.shutdown()
    world.service.server_close()
    blind = running.until(lambda s: s["event"] == "blind")
    assert "no fresh measurements of the service" in blind["reasons"][0]
    time.sleep(1.0)
    assert world.written() == [] and world.audited() == []
    assert running.process.poll() is None
    assert ended(running, signal.SIGTERM)[0] == 0


@pytest.mark.slow
def test_a_reader_that_is_gone_ends_it(world: World) -> None:
    """Nobody would learn what it does: it stops acting, and gives the lock back."""
    running = world.start("--act")
    assert running.process.stdout is not None
    running.until(lambda s: s["event"] == "started")
    os.dup2(os.open(os.devnull, os.O_RDONLY), running.process.stdout.fileno())
    assert running.process.wait(timeout=20) is not None
    (lock,) = (world.folder / "state" / "capmon" / "locks").iterdir()
    assert lock.read_text() == ""
