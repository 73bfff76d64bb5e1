"""`capmon export` from the command line, with a real page to read."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from capmon.cli import main
from capmon.demo.exposition import TEXT, render
from capmon.demo.scenarios import scenario
from capmon.demo.state import DemoState

EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")


@pytest.fixture
def page() -> Iterator[str]:
    """URL of the demo service's page, on loopback."""
    state = DemoState(scenario("day"))
    state.advance(10.0)
    body = render(state, openmetrics=False).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", TEXT)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()


def run(*arguments: str) -> Result:
    """Run `capmon export`."""
    return CliRunner().invoke(main, ["export", *arguments])


def test_alerts_name_what_the_page_offers(page: str) -> None:
    """The page is read once, and its own names stand in the rules."""
    done = run("alerts", "--set", "app.source=openmetrics", "--set", f"app.url={page}", "--app-label", "job=web")  # fmt: skip
    assert done.exit_code == 0
    assert done.stderr == ""
    assert "assumed" not in done.stdout
    assert 'http_requests_total{code=~"5..",job="web"}' in done.stdout
    names = [g["name"] for g in yaml.safe_load(done.stdout)["groups"]]
    assert names == ["capmon-host", "capmon-exhaustion", "capmon-app", "capmon-slo-errors", "capmon-slo-latency", "capmon-silence"]  # fmt: skip


def test_a_page_that_does_not_answer_is_said_and_names_are_assumed() -> None:
    """Rules are written all the same, with a word on stderr and none of it on stdout."""
    done = run("alerts", "--set", "app.source=openmetrics", "--set", "app.url=http://127.0.0.1:9/metrics")  # fmt: skip
    assert done.exit_code == 0
    assert "names of metrics are taken on trust" in done.stderr
    assert "http_requests_total is assumed" in done.stdout


def test_files_are_written_and_named(tmp_path: Path) -> None:
    """With -o standard output stays empty."""
    path = tmp_path / "rules.yml"
    done = run("alerts", "-o", str(path))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{path}\n")
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    assert run("alerts", "-o", str(tmp_path / "no" / "rules.yml")).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("--host-label", "job"), ("--app-label", "a-b=1"), ("--app-label", "a==~(?=x)"), ("--window", "0s"), ("--source", "x")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(arguments: tuple[str, str]) -> None:
    """A usage error names the option."""
    done = run("alerts", *arguments)
    assert done.exit_code == 2
    assert arguments[0] in done.stderr


def test_the_manifest_comes_from_one_look_at_this_host(tmp_path: Path) -> None:
    """A look of seconds has no models, so what is configured counts; the replay is quoted."""
    row = {"policy": "hpa", "overload_percent": 2.5, "replica_hours": 9, "actions": 7, "direction_changes": 2}  # fmt: skip
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps({"rows": [row], "seconds": 3600}), encoding="utf-8")
    done = run(
        "hpa", "--samples", "1", "--replay", str(replay),
        "--set", "app.source=none", "--set", "interval=100ms",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    spec = yaml.safe_load(done.stdout)["spec"]
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert "The models cannot tell a target" in done.stdout
    assert "overload 2.5 % of the time, 7 actions" in done.stdout


def test_a_replay_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A missing or foreign file ends the command before anything is measured."""
    foreign = tmp_path / "x.json"
    foreign.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.json", foreign):
        done = run("hpa", "--replay", str(path))
        assert done.exit_code == 1
        assert f"cannot read {path}" in done.stderr


@pytest.mark.skipif(EXPORTER is None, reason="node_exporter is not installed")
def test_a_real_node_exporter_has_every_metric_that_rules_ask_for(tmp_path: Path) -> None:
    """Names and labels of the host's rules are on the page of a node_exporter that runs here."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [str(EXPORTER), f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            text = _page(port)
        finally:
            process.terminate()
    rules = run("alerts", "--set", "app.source=none").stdout
    wanted = set(re.findall(r"\bnode_[a-z]+_\w+", rules))
    assert len(wanted) > 8
    have = set(re.findall(r"^(node_\w+)", text, re.MULTILINE))
    optional = "node_pressure_" if not Path("/proc/pressure").exists() else "-"
    assert not {n for n in wanted - have if not n.startswith(optional)}
    assert 'mode="iowait"' in text


def _page(port: int) -> str:
    """The exporter's page, once it answers."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.05)
    raise AssertionError("node_exporter did not answer")
