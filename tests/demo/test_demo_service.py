"""The demo service over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from capmon.clock import ManualClock
from capmon.demo.scenarios import names, scenario
from capmon.demo.service import BODY_LIMIT, CATCH_UP, Service
from capmon.demo.state import ROOM, SERVERS, DemoState


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """URL of a service that runs as its own program."""
    command = [sys.executable, "-m", "capmon.demo.service", "--port", "0", "--scenario", "steady"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("capmon demo listens on http://127.0.0.1:")
            yield first.split()[-1]
        finally:
            process.terminate()
            rest, errors = process.communicate(timeout=10)
    # Nothing but the one line was said, whatever was asked.
    assert (rest, errors) == ("", "")


@pytest.fixture
def client(base: str) -> Iterator[httpx.Client]:
    """A client with that URL."""
    with httpx.Client(base_url=base) as client:
        yield client


def number(value: Any) -> bool:
    """Whether JSON gave a number or null."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def test_metrics_have_the_shape_that_collectors_expect(client: httpx.Client) -> None:
    """Every path under `/api/v1/metrics` is there and numeric."""
    answer = client.get("/api/v1/metrics")
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    histogram = document["histograms"]["http_request_duration"]
    assert list(histogram) == ["count", "sum", "p50", "p95", "p99"]
    assert list(document["counters"]) == ["http_requests_total", "http_errors_total"]
    assert list(document["gauges"]) == [
        "cpu_utilization",
        "memory_utilization",
        "memory_usage_mb",
        "concurrent_requests",
        "concurrent_users",
        "database_connections",
        "database_connections_max",
        "replicas",
    ]
    assert all(number(value) for part in (histogram, *document.values()) for value in part.values() if not isinstance(value, dict))  # fmt: skip


def test_cache_and_health_have_theirs(client: httpx.Client) -> None:
    """`/api/v1/cache/stats` and `/api/v1/health` answer as documented."""
    assert list(client.get("/api/v1/cache/stats").json()) == [
        "hit_rate",
        "size_bytes",
        "max_size_bytes",
        "entries",
    ]
    assert client.get("/api/v1/health").json() == {
        "status": "healthy",
        "version": "1.4.2",
        "components": {"database": {"status": "healthy"}, "cache": {"status": "healthy"}},
    }


def test_the_load_runs_by_itself(client: httpx.Client) -> None:
    """Between two readings about 118 requests a second were answered."""
    first, before = client.get("/api/v1/metrics").json(), time.monotonic()
    time.sleep(0.8)
    second, after = client.get("/api/v1/metrics").json(), time.monotonic()
    count = [d["counters"]["http_requests_total"] for d in (first, second)]
    expected = 118 * (after - before)
    assert abs(count[1] - count[0] - expected) < 6 * expected**0.5


def test_a_request_from_outside_really_waits(client: httpx.Client) -> None:
    """The answer takes at least as long as it says it waited and was served."""
    before = time.monotonic()
    answer = client.get("/api/v1/process")
    took = (time.monotonic() - before) * 1e3
    assert answer.status_code == 200
    document = answer.json()
    assert document["served_ms"] > 0
    assert took >= document["waited_ms"] + document["served_ms"] - 1
    assert document["cache"] in ("hit", "miss")


async def process_once(port: int) -> str:
    """Send one request on a connection of its own and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/process HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def test_outside_load_beyond_the_room_is_turned_away(base: str) -> None:
    """Of 400 requests at once those that find room are served; the others get 503 and a hint."""
    port = int(base.rpartition(":")[2])
    answers = await asyncio.gather(*(process_once(port) for _ in range(400)))
    codes = [int(answer.split()[1]) for answer in answers]
    assert set(codes) == {200, 503}
    assert codes.count(200) > ROOM / 2
    assert sum("retry-after: 1\r\n" in answer for answer in answers) == codes.count(503)
    async with httpx.AsyncClient(base_url=base) as client:
        gauges = (await client.get("/api/v1/metrics")).json()["gauges"]
    assert gauges["concurrent_requests"] <= ROOM + 4 * SERVERS


def test_scaling_is_asked_for_and_happens(client: httpx.Client) -> None:
    """PUT answers with the counts; more replicas are desired at once, fewer are ready at once."""
    assert client.get("/scale").json() == {"ready": 4, "desired": 4}
    assert client.put("/scale", json={"replicas": 6}).json() == {"ready": 4, "desired": 6}
    assert client.get("/scale").json() == {"ready": 4, "desired": 6}
    assert client.put("/scale", json={"replicas": 4}).json() == {"ready": 4, "desired": 4}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"replicas": 0}', "replicas must be from 1 to 50, got 0"),
        (b'{"replicas": 51}', "replicas must be from 1 to 50, got 51"),
        (b'{"replicas": -3}', "replicas must be from 1 to 50, got -3"),
        (b'{"replicas": 4.5}', 'expected {"replicas": N} with a whole N from 1 to 50'),
        (b'{"replicas": true}', 'expected {"replicas": N} with a whole N from 1 to 50'),
        (b'{"replicas": "5"}', 'expected {"replicas": N} with a whole N from 1 to 50'),
        (b"{}", 'expected {"replicas": N} with a whole N from 1 to 50'),
        (b"[5]", "expected a JSON object"),
        (b"five", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"", "the body is not JSON"),
        (b"[" * 4000, "the body is not JSON"),
    ],
)
def test_a_wrong_count_is_answered_with_the_reason(
    client: httpx.Client, body: bytes, reason: str
) -> None:
    """400 and one sentence, and the count stays."""
    answer = client.put("/scale", content=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": reason}
    assert client.get("/scale").json()["desired"] == 4


def test_too_long_a_body_is_refused(client: httpx.Client) -> None:
    """413, whatever the body holds."""
    body = b" " * BODY_LIMIT + b'{"replicas": 5}'
    answer = client.put("/scale", content=body)
    assert answer.status_code == 413
    assert client.get("/scale").json()["desired"] == 4


def test_other_methods_and_paths_are_refused_in_json(client: httpx.Client) -> None:
    """405 with the methods there are, 404 for what there is not."""
    refused = client.delete("/scale")
    assert refused.status_code == 405
    assert {m.strip() for m in refused.headers["allow"].split(",")} == {"GET", "HEAD", "PUT"}
    missing = client.get("/nothing")
    assert missing.status_code == 404
    assert missing.json() == {"error": "Not Found"}


def test_the_metrics_page_is_negotiated(base: str) -> None:
    """Content type, end mark and compression are those asked for, also without a client library."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    request = urllib.request.Request(
        f"{base}/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Type"] == (
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        body = answer.read()
        assert len(body) == int(answer.headers["Content-Length"])
        assert gzip.decompress(body).endswith(b"# EOF\n")
    with urllib.request.urlopen(f"{base}/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in answer.headers
        assert b"http_requests_total{" in answer.read()


def test_scenarios_can_be_listed_and_switched(client: httpx.Client) -> None:
    """POST begins another one; an unknown one is refused with the list."""
    assert client.get("/scenario").json() == {"name": "steady", "names": list(names())}
    assert client.post("/scenario", json={"name": "spike"}).json()["name"] == "spike"
    refused = client.post("/scenario", json={"name": "storm"})
    assert refused.status_code == 400
    assert "no scenario 'storm'" in refused.json()["error"]
    assert client.post("/scenario", json={"name": 7}).status_code == 400
    assert client.post("/scenario", json={"name": "steady"}).json()["name"] == "steady"


def test_it_listens_on_loopback_alone(base: str) -> None:
    """The kernel's table of listening sockets has the port under 127.0.0.1 and nowhere else."""
    port = int(base.rpartition(":")[2])
    addresses = {
        line.split()[1].partition(":")[0]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    assert addresses == {f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"}


def test_a_port_in_use_is_said_in_one_line(base: str) -> None:
    """A second service on the same port ends with a reason and no traceback."""
    port = base.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "capmon.demo.service", "--port", port],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"capmon demo: port {port}: Address already in use\n"


def test_a_long_sleep_is_not_simulated() -> None:
    """After an hour of standstill one minute is made up for, and time goes on from there."""
    clock = ManualClock()
    service = Service(DemoState(scenario("steady")), clock)
    clock.advance(10.0)
    service.catch_up()
    assert service.state.clock == 10.0
    clock.advance(3600.0)
    service.catch_up()
    assert service.state.clock == pytest.approx(10.0 + CATCH_UP)
    clock.advance(5.0)
    service.catch_up()
    assert service.state.clock == pytest.approx(15.0 + CATCH_UP)


def test_the_service_stays_small() -> None:
    """It loads nothing of the monitor's heavy packages."""
    heavy = [
        "numpy",
        "scipy",
        "pandas",
        "httpx",
        "textual",
        "rich",
        "pydantic",
        "prometheus_client",
    ]
    code = f"import sys, capmon.demo.service; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
