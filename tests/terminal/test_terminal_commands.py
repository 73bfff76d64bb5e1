"""The commands as a script runs them: what they write, where, and with which status."""

from __future__ import annotations

import json
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from terminal import slow

Run = Callable[..., subprocess.CompletedProcess[bytes]]

QUICK = ("--set", "interval=200ms")
HOST_ALONE = (*QUICK, "--set", "app.source=none")
NOBODY_ANSWERS = (*QUICK, "--set", "app.url=http://127.0.0.1:9/api/v1")

APPLICATION = ("http.server.", "cache.", "db.")


def document(done: subprocess.CompletedProcess[bytes]) -> Any:
    """The one JSON document on standard output."""
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


# snapshot


def test_a_snapshot_says_why_the_application_is_unknown(capmon: Run) -> None:
    """Its readings are null with a reason; the host's are there; the status is 0."""
    frame = document(capmon("snapshot", "--json", *NOBODY_ANSWERS))["frame"]
    readings = frame["readings"]
    application = {k: r for k, r in readings.items() if k.startswith(APPLICATION)}
    assert "http.server.request.rate" in application
    assert {r["value"] for r in application.values()} == {None}
    assert {r["reason"] for r in application.values()} == {"connection refused"}
    assert 0 < readings["system.memory.utilization"]["value"] < 1
    assert frame["engine_ready"] is True


@pytest.mark.slow
def test_json_is_the_default(capmon: Run) -> None:
    """Without an option it is the versioned document."""
    content = document(capmon("snapshot", "--samples", "1", *HOST_ALONE))
    assert content["kind"] == "capmon.snapshot"
    assert content["config"]["origins"].keys() == {"interval", "app.source"}


@pytest.mark.parametrize("form", [slow("--json"), "--text"])
def test_a_file_is_written_instead(capmon: Run, tmp_path: Path, form: str) -> None:
    """Standard output stays empty, and the file's name is told on standard error."""
    done = capmon("snapshot", form, *HOST_ALONE, "--samples", "1", "-o", "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"out\n")
    text = (tmp_path / "out").read_text(encoding="utf-8")
    assert text.startswith("{" if form == "--json" else "capmon  ")


@pytest.mark.parametrize("form", [slow("--json"), "--text"])
def test_a_file_that_cannot_be_written_is_said(capmon: Run, form: str) -> None:
    """Status 1, and one line with the file and the reason."""
    done = capmon("snapshot", form, *HOST_ALONE, "--samples", "1", "-o", "no/where")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"capmon: cannot write no/where: No such file or directory\n"


def test_two_forms_at_once_are_a_usage_error(capmon: Run) -> None:
    """Status 2, before anything is read."""
    done = capmon("snapshot", "--json", "--text")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"choose --json or --text" in done.stderr


# check


@pytest.mark.parametrize(
    ("options", "status", "line"),
    [
        slow((), 0, "OK - "),
        slow(("thresholds.memory.warning=0.01%",), 1, "WARNING - "),
        (("thresholds.memory.warning=0.01%", "thresholds.memory.critical=0.02%"), 2, "CRITICAL - "),
        (("app.source=json", "app.url=http://127.0.0.1:9/"), 3, "UNKNOWN - app connection refused"),
    ],
)
def test_check_is_one_line_and_a_status(
    capmon: Run, options: tuple[str, ...], status: int, line: str
) -> None:
    """Status and word agree; nothing of the machine's own load can change them."""
    never = [f"thresholds.{n}.{w}=100%" for n in ("cpu", "cpu_pressure", "io_pressure", "disk", "disk_busy", "memory", "memory_pressure") for w in ("warning", "critical")]  # fmt: skip
    settings = [a for o in (*never, *options) for a in ("--set", o)]
    done = capmon("check", *HOST_ALONE, *settings)
    assert done.stdout.decode().startswith(line)
    assert done.stdout.count(b"\n") == 1
    assert (done.returncode, done.stderr) == (status, b"")


# config

BROKEN = "intervall: 1s\napp: {source: jsn}\nscaling: {min: -1}\n"


@pytest.mark.parametrize("command", [(), ("snapshot",)])
def test_a_broken_file_is_refused_with_all_its_faults(
    capmon: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Status 2, each fault with file, line and key on standard error, nothing else anywhere."""
    (tmp_path / "capmon.yaml").write_text(BROKEN)
    done = capmon(*command)
    assert (done.returncode, done.stdout) == (2, b"")
    first, second, third = done.stderr.decode().splitlines()
    assert first.endswith("capmon.yaml:1: intervall: unknown key; did you mean interval?")
    assert "capmon.yaml:2: app.source: " in second
    assert "capmon.yaml:3: scaling.min: " in third


def test_init_writes_a_file_that_check_and_show_accept(capmon: Run, tmp_path: Path) -> None:
    """The file is the owner's alone, replaced only by force, and in force once it is there."""
    path = tmp_path / "capmon.yaml"
    assert capmon("config", "init").stdout == b"capmon.yaml\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = capmon("config", "init")
    assert again.returncode == 1
    assert again.stderr == b"capmon: capmon.yaml is there already: --force replaces it\n"
    assert capmon("config", "init", "--force").returncode == 0
    assert capmon("config", "check").stdout == b"ok  capmon.yaml\n"
    shown = capmon("config", "show", "--set", "window=1h").stdout.decode()
    assert "# capmon.yaml:" in shown
    assert any("window: 1h" in x and "# --" in x for x in shown.splitlines())
    schema = document(capmon("config", "schema"))
    assert schema["title"] == "capmon.yaml"


# scale


class Replicas(ThreadingHTTPServer):
    """A service that says how many replicas it has, and has as many as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.count = 4
        self.asked: list[dict[str, int]] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def settings(self) -> list[str]:
        """Settings that point capmon at it."""
        target = {"kind": "http", "url": f"http://127.0.0.1:{self.server_port}/scale"}
        named = [f"scaling.target.{k}={v}" for k, v in target.items()]
        return [a for s in (*named, "scaling.mode=act") for a in ("--set", s)]


class Answer(BaseHTTPRequestHandler):
    """One request to the service."""

    server: Replicas

    def do_GET(self) -> None:
        """How many there are."""
        body = json.dumps({"ready": self.server.count, "desired": self.server.count}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        """How many there shall be."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.count = body["replicas"]
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Replicas]:
    """The service with 4 replicas."""
    with Replicas() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audited(environment: dict[str, str]) -> list[dict[str, Any]]:
    """The records of the audit log."""
    path = Path(environment["XDG_STATE_HOME"]) / "capmon" / "audit.jsonl"
    return [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []


def test_scale_up_is_carried_out_and_recorded(
    capmon: Run, service: Replicas, environment: dict[str, str]
) -> None:
    """One replica more is asked for, once, and the audit log has it."""
    done = capmon("scale", "up", "--yes", *HOST_ALONE, *service.settings)
    assert (done.returncode, done.stderr) == (0, b""), done.stdout
    assert b"4 \xe2\x86\x92 5 replicas (act)" in done.stdout
    assert service.asked == [{"replicas": 5}]
    records = audited(environment)
    assert [(r["event"], r["from"], r["to"]) for r in records] == [
        ("attempt", 4, 5),
        ("accepted", 4, 5),
    ]


@pytest.mark.slow
def test_scale_to_a_count(capmon: Run, service: Replicas) -> None:
    """The count itself is asked for."""
    assert capmon("scale", "to", "2", "--yes", *HOST_ALONE, *service.settings).returncode == 0
    assert service.asked == [{"replicas": 2}]


@pytest.mark.parametrize(
    ("option", "status", "said"),
    [
        (("--read-only", "--yes"), 1, b"read-only"),
        (("--dry-run", "--yes"), 0, b"dry-run"),
        slow((), 1, b"not confirmed: nobody is there to ask: --yes carries it out"),
        slow(("--dry-run",), 0, b"dry-run"),
    ],
)
def test_nothing_is_asked_for_when_it_may_not(
    capmon: Run, service: Replicas, option: tuple[str, ...], status: int, said: bytes
) -> None:
    """Read-only, dry-run, and nobody there to confirm: the service hears nothing."""
    done = capmon("scale", "up", *option, *HOST_ALONE, *service.settings)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert service.asked == []


@pytest.mark.slow
def test_more_than_the_most_is_refused(capmon: Run, service: Replicas) -> None:
    """Limits hold on the command line too."""
    done = capmon("scale", "to", "11", "--yes", *HOST_ALONE, *service.settings)
    assert done.returncode == 1
    assert b"refused" in done.stdout
    assert service.asked == []


@pytest.mark.slow
def test_an_unknown_count_is_never_scaled(capmon: Run, service: Replicas) -> None:
    """A service that does not say how many it has is not told how many to have."""
    settings = [s.replace("/scale", "").replace("http://127.0.0.1", "http://127.0.0.1:9/?") for s in service.settings]  # fmt: skip
    done = capmon("scale", "up", "--yes", *HOST_ALONE, *settings)
    assert done.returncode == 1
    assert b"refused: replica count is not known" in done.stdout
    assert service.asked == []


@pytest.mark.slow
def test_without_a_target_there_is_nothing_to_scale(capmon: Run) -> None:
    """The error names the setting."""
    done = capmon("scale", "up", "--yes", *HOST_ALONE)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"capmon: nothing is scaled: set scaling.target in capmon.yaml\n"
