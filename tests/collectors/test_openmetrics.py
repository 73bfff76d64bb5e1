"""Pages of real exporters and of broken ones become samples of the last interval."""

from __future__ import annotations

import asyncio
import gzip
import math
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Server, answer, routes, serve

from capmon.clock import ManualClock
from capmon.collectors.defaults import OPENMETRICS_FIELDS
from capmon.collectors.exposition import SampleReader
from capmon.collectors.openmetrics import OpenMetricsCollector
from capmon.config.schema import AppSettings, Duration, FieldSettings
from capmon.errors import SourceError
from capmon.model.metric import CATALOGUE
from capmon.model.sample import Batch

PAGES = Path(__file__).parent.parent / "data" / "openmetrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
P95 = "http.server.request.duration.p95"
RATE = "http.server.request.rate"
ERRORS = "http.server.error.rate"


def fields(**chosen: dict[str, Any]) -> dict[str, FieldSettings]:
    """Fields by metric key, written with `__` for the dots."""
    return {key.replace("__", "."): FieldSettings(**value) for key, value in chosen.items()}


def collector(server: Server, clock: ManualClock, **chosen: dict[str, Any]) -> OpenMetricsCollector:
    """A collector under test."""
    app = AppSettings(
        source="openmetrics",
        url=f"{server.url}/metrics",
        timeout=Duration(5.0),
        fields=fields(**chosen),
    )
    return OpenMetricsCollector(app, clock)


async def read(*pages: str | bytes, step: float = 2.0, **chosen: dict[str, Any]) -> list[Batch]:
    """One batch a page, the clock going on by `step` seconds; bytes are raw responses."""
    routed: dict[str, bytes] = {}
    clock = ManualClock()
    batches = []
    async with serve(routes(routed)) as server:
        one = collector(server, clock, **chosen)
        try:
            for page in pages:
                raw = page if isinstance(page, bytes) else answer(page, kind=TEXT)
                routed["/metrics"] = raw
                batches.append(await one.collect())
                clock.advance(step)
        finally:
            await one.close()
    return batches


def buckets(*counts: float, labels: str = "", name: str = "http_request_duration_seconds") -> str:
    """A histogram series with bounds 0.1, 0.2, 0.4 and +Inf."""
    bounds = ("0.1", "0.2", "0.4", "+Inf")
    return "".join(
        f'{name}_bucket{{{labels}le="{bound}"}} {count}\n'
        for bound, count in zip(bounds, counts, strict=True)
    )


def test_every_default_is_in_the_catalogue() -> None:
    """No default names a metric that nothing else knows."""
    assert set(OPENMETRICS_FIELDS) <= set(CATALOGUE)


async def test_prometheus_itself_between_two_pages() -> None:
    """Rates, failures and quantiles of a real server, as read off its pages by hand."""
    pages = [(PAGES / f"prometheus_{n}.txt").read_text() for n in (1, 2)]
    api = {"handler": "/api/v1/query"}
    _, batch = await read(
        *pages,
        step=10.0,
        http__server__request__rate={
            "metric": "prometheus_http_requests_total",
            "labels": api,
            "rate": True,
        },
        http__server__error__rate={
            "metric": "prometheus_http_requests_total",
            "labels": {"code": "=~4.."} | api,
            "rate": True,
        },
        http__server__request__duration__p95={
            "metric": "prometheus_http_request_duration_seconds",
            "labels": api,
            "quantile": 0.95,
        },
        process__memory__usage={"metric": "process_resident_memory_bytes"},
    )
    # 3 to 28 answers of 200; the 5 of 400 are a series that appeared in this interval.
    assert batch.values[RATE] == 2.5
    assert batch.values[ERRORS] == 0.0
    assert 0 < batch.values[P95] <= 0.1
    rss = float(re.search(r"^process_resident_memory_bytes (\S+)", pages[1], re.M)[1])  # type: ignore[index]
    assert batch.values["process.memory.usage"] == rss


async def test_node_exporter_page_is_read_whole() -> None:
    """Gauges are added up over their series, bytes and labels and all."""
    page = (PAGES / "node_exporter.txt").read_text()
    total = float(re.search(r"^node_memory_MemTotal_bytes (\S+)", page, re.M)[1])  # type: ignore[index]
    (batch,) = await read(
        page,
        process__memory__usage={"metric": "node_memory_MemTotal_bytes"},
        app__users__active={"metric": "node_cpu_seconds_total", "labels": {"mode": "idle"}},
    )
    idle = sum(
        float(v) for v in re.findall(r'^node_cpu_seconds_total\{.*"idle"\} (\S+)', page, re.M)
    )
    assert batch.values["process.memory.usage"] == total
    assert batch.values["app.users.active"] == pytest.approx(idle)
    assert batch.missing[RATE].startswith("the page has no http_requests_total, ")


async def test_defaults_find_the_usual_names() -> None:
    """A service with a usual client library needs no configuration."""
    first = 'http_requests_total{code="200"} 100\nhttp_requests_total{code="503"} 4\n'
    second = 'http_requests_total{code="200"} 190\nhttp_requests_total{code="503"} 14\n'
    more = "http_requests_in_flight 7\nprocess_resident_memory_bytes 5e7\n"
    pools = "go_sql_in_use_connections 5\ngo_sql_max_open_connections 20\n"
    one, two = await read(
        first + buckets(0, 0, 0, 0) + more + pools,
        second + buckets(10, 20, 30, 30) + more + pools,
    )
    assert one.missing[RATE] == one.missing[ERRORS] == one.missing[P95] == "first reading"
    assert two.values[RATE] == 50
    assert two.values[ERRORS] == 5
    assert two.values["http.server.error.ratio"] == 0.1
    assert two.values[P95] == pytest.approx(0.37)
    assert two.values["http.server.request.duration.p50"] == pytest.approx(0.15)
    assert two.values["http.server.active_requests"] == 7
    assert two.values["process.memory.usage"] == 5e7
    assert two.values["db.connections.utilization"] == 0.25


async def test_no_failure_yet_is_a_rate_of_zero() -> None:
    """A counter that carries a status but no 5xx has seen no failure: that is known."""
    page = 'http_requests_total{status="200"} %d\n'
    _, batch = await read(page % 1, page % 11)
    assert batch.values[ERRORS] == 0.0
    assert batch.values["http.server.error.ratio"] == 0.0


async def test_counter_without_a_status_tells_no_errors() -> None:
    """Without a label for the status the errors are unknown, not 0."""
    _, batch = await read("http_requests_total 1\n", "http_requests_total 11\n")
    assert batch.values[RATE] == 5
    assert ERRORS not in batch.values
    assert "http.server.error.ratio" not in batch.values


async def test_grouped_status_counts_as_failed() -> None:
    """Libraries that write 5xx are understood."""
    page = 'http_requests_total{status="2xx"} %d\nhttp_requests_total{status="5xx"} %d\n'
    _, batch = await read(page % (0, 0), page % (30, 10))
    assert batch.values["http.server.error.ratio"] == 0.25


async def test_opentelemetry_histogram_gives_rate_errors_and_quantiles() -> None:
    """The counts of a histogram stand in for a counter of requests."""
    name = "http_server_request_duration_seconds"
    label = 'http_response_status_code="%s",'

    def page(good: int, bad: int) -> str:
        lines = ""
        for code, n in (("200", good), ("500", bad)):
            lines += buckets(0, n, n, n, labels=label % code, name=name)
            lines += f"{name}_count{{{(label % code)[:-1]}}} {n}\n"
        return lines

    _, batch = await read(page(10, 0), page(28, 2))
    assert (batch.values[RATE], batch.values[ERRORS]) == (10, 1)
    assert batch.values["http.server.request.duration.p50"] == pytest.approx(0.15)


async def test_restart_is_a_gap_in_rates_and_quantiles() -> None:
    """Counters and buckets that go down give reasons, and the next interval is right."""
    page = "http_requests_total %d\n"
    _, gap, after = await read(
        page % 500 + buckets(9, 9, 9, 500),
        page % 10 + buckets(1, 1, 1, 1),
        page % 30 + buckets(1, 21, 21, 21),
    )
    assert gap.missing[RATE] == gap.missing[P95] == "counter was reset"
    assert after.values[RATE] == 10
    assert after.values[P95] == pytest.approx(0.195)


async def test_series_that_appears_makes_no_spike() -> None:
    """A route first seen now counts from the next page on, in rates and quantiles alike."""
    old = 'http_requests_total{route="/a"} %d\n'
    new = 'http_requests_total{route="/b"} %d\n'
    _, second, third = await read(
        old % 10 + buckets(10, 10, 10, 10, labels='route="/a",'),
        old % 20
        + new % 999_999
        + buckets(20, 20, 20, 20, labels='route="/a",')
        + buckets(0, 0, 0, 999_999, labels='route="/b",'),
        new % 1_000_001 + buckets(0, 0, 2, 1_000_001, labels='route="/b",'),
    )
    assert second.values[RATE] == 5
    assert second.values[P95] <= 0.1
    assert third.values[RATE] == 1
    assert third.values[P95] == pytest.approx(0.2 + 0.2 * 0.95)


async def test_idle_interval_has_no_quantile() -> None:
    """No requests is no latency, rather than the last one known."""
    _, batch = await read(buckets(5, 5, 5, 5), buckets(5, 5, 5, 5))
    assert batch.missing[P95] == "no requests in the last interval"


async def test_quantile_beyond_the_buckets_is_flagged() -> None:
    """The highest bound is given, with words that it is only a lower end."""
    _, batch = await read(buckets(0, 0, 0, 0), buckets(1, 1, 1, 100))
    assert batch.values[P95] == 0.4
    assert batch.texts[P95] == "above 400 ms, the last bucket"


async def test_histogram_in_milliseconds_takes_its_unit() -> None:
    """Bounds are scaled like any value."""
    name = "lat_ms"
    chosen = {"metric": name, "quantile": 0.5, "unit": "ms"}
    _, batch = await read(
        buckets(0, 0, 0, 0, name=name),
        buckets(0, 0, 2, 2, name=name),
        http__server__request__duration__p50=chosen,
    )
    assert batch.values["http.server.request.duration.p50"] == pytest.approx(0.0003)


async def test_summary_is_taken_as_reported() -> None:
    """A summary's own quantile is given with the remark that its window is not ours."""
    page = 'http_request_duration_seconds{quantile="0.95"} 0.2\n'
    (batch,) = await read(page + 'http_request_duration_seconds{quantile="0.5"} NaN\n')
    assert batch.values[P95] == 0.2
    assert batch.texts[P95] == "over the application's own window"
    p50, p99 = (batch.missing[f"http.server.request.duration.{q}"] for q in ("p50", "p99"))
    assert p50 == "http_request_duration_seconds saw no requests lately"
    assert p99 == "http_request_duration_seconds has no quantile 0.99"


async def test_summaries_of_several_series_are_not_added_up() -> None:
    """Two routes' 95th percentiles make no third; labels choose one."""
    page = "".join(
        f'http_request_duration_seconds{{route="{route}",quantile="0.95"}} {value}\n'
        for route, value in (("/a", 0.1), ("/b", 0.9))
    )
    (batch,) = await read(page)
    assert "cannot be added up" in batch.missing[P95]
    chosen = {
        "metric": "http_request_duration_seconds",
        "labels": {"route": "/b"},
        "quantile": 0.95,
    }
    (batch,) = await read(page, http__server__request__duration__p95=chosen)
    assert batch.values[P95] == 0.9


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("http_requests_in_flight NaN", "http_requests_in_flight is NaN"),
        ("http_requests_in_flight +Inf", "http_requests_in_flight is inf"),
        ("http_requests_in_flight -2", "http_requests_in_flight is -2, less than 0"),
        ("http_requests_in_flight what", "line 2 of the page cannot be read"),
    ],
)
async def test_bad_sample_hides_itself_alone(line: str, reason: str) -> None:
    """A value that cannot be is missing with its reason, and its neighbours are there."""
    page = f"# a page\n{line}\nprocess_resident_memory_bytes 5\n"
    (batch,) = await read(page)
    assert batch.missing["http.server.active_requests"] == reason
    assert batch.values["process.memory.usage"] == 5


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"metric": ""}, "no metric is set for it"),
        ({"metric": "absent", "labels": {"a": "b"}}, 'the page has no absent{a="b"}'),
        ({"metric": "x", "labels": {"a": "=~("}}, "a label's pattern is no regular expression"),
        ({"metric": "x", "unit": "parsec"}, "'parsec' is not a unit here"),
    ],
)
async def test_field_that_cannot_work_says_so(field: dict[str, Any], reason: str) -> None:
    """A mistake in the configuration costs its own metric."""
    (batch,) = await read("x 1\nprocess_resident_memory_bytes 5\n", app__users__active=field)
    assert batch.missing["app.users.active"].startswith(reason)
    assert batch.values["process.memory.usage"] == 5


async def test_database_up() -> None:
    """An exporter's `up` gauge is a status in words too."""
    field = {"metric": "pg_up"}
    up, down = await read("pg_up 1\n", "pg_up 0\n", db__status=field)
    assert (up.values["db.status"], up.texts["db.status"]) == (1.0, "up")
    assert (down.values["db.status"], down.texts["db.status"]) == (0.0, "down")


async def test_openmetrics_is_asked_for_first() -> None:
    """One request a reading, which prefers OpenMetrics and takes the text format too."""
    async with serve(routes({"/metrics": answer("a 1\n", kind=TEXT)})) as server:
        one = collector(server, ManualClock())
        await one.collect()
        await one.close()
    (request,) = server.requests
    accept = request.headers["accept"].split(",")
    assert accept[0] == "application/openmetrics-text;version=1.0.0"
    assert accept[1] == "text/plain;version=0.0.4;q=0.5"


async def test_openmetrics_is_read() -> None:
    """The family of a counter is found under the name with _total; gzip is unpacked."""
    page = (
        "# TYPE hits counter\n# UNIT hits requests\n"
        'hits_total %d 1.5 # {trace_id="a b"} 1\nhits_created 1e9\n# EOF\n'
    )
    kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    raws = [
        answer(gzip.compress((page % n).encode()), kind=kind, Content_Encoding="gzip")
        for n in (5, 25)
    ]
    chosen = {"metric": "hits", "rate": True}
    _, batch = await read(*raws, http__server__request__rate=chosen)
    assert batch.values[RATE] == 10


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer("<html>", kind="text/html"), "/metrics answered HTML, not metrics"),
        (answer("<html>\n", kind=TEXT), "/metrics answered HTML, not metrics"),
        (answer('{"a": 1}\n'), "/metrics answered JSON, not metrics"),
        (answer(" \n", kind=TEXT), "/metrics answered nothing"),
        (answer("a 1\nb 12", kind=TEXT), "/metrics broke off in the middle of a line"),
        (
            answer("a_total 1\n", kind="application/openmetrics-text; version=1.0.0"),
            "/metrics broke off: no # EOF at the end",
        ),
        (answer("a 1\n", status="500 no"), "HTTP 500 from /metrics"),
    ],
)
async def test_page_that_is_none(raw: bytes, reason: str) -> None:
    """Something else than a whole page of metrics fails the source, in plain words."""
    with pytest.raises(SourceError) as caught:
        await read(raw)
    assert str(caught.value) == reason


async def test_large_page_is_read() -> None:
    """Eight megabytes of other series around ours, read beside the event loop."""
    noise = "".join(f'noise{{i="{i}"}} {i}\n' for i in range(400_000))[:8_000_000]
    noise = noise[: noise.rindex("\n") + 1]
    page = "http_requests_total %d\n" + noise
    _, batch = await read(page % 1, page % 21)
    assert batch.values[RATE] == 10


LINES = st.sampled_from(
    [
        'http_request_duration_seconds_bucket{le="0.1"} ',
        'http_request_duration_seconds_bucket{le="+Inf"} ',
        'http_request_duration_seconds_bucket{le="x"} ',
        'http_request_duration_seconds_bucket{le="NaN"} ',
        'http_request_duration_seconds{quantile="0.95"} ',
        'http_requests_total{code="500"} ',
        'http_requests_total{code="200"} ',
        "http_requests_in_flight ",
        "http_requests_total{",
        "go_sql_max_open_connections ",
    ]
)
VALUES = st.floats().map(repr) | st.integers(0, 20).map(str) | st.text(max_size=4)
PAGE = st.lists(st.tuples(LINES, VALUES).map("".join), max_size=12).map(
    lambda x: "\n".join(x) + "\n"
)
ANY_PAGE = st.lists(PAGE, min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(ANY_PAGE)
def test_any_pages_are_batches_or_source_errors(pages: list[str]) -> None:
    """Whatever the pages say: finite values, reasons for the rest, or one SourceError."""

    async def run() -> list[Batch]:
        return await read(*pages)

    try:
        batches = asyncio.run(run())
    except SourceError as error:
        assert str(error).isprintable()
        return
    for batch in batches:
        expected = set(OPENMETRICS_FIELDS) | {
            "http.server.error.ratio",
            "db.connections.utilization",
        }
        assert batch.values.keys() | batch.missing.keys() == expected
        assert not batch.values.keys() & batch.missing.keys()
        assert all(0 <= value < math.inf for value in batch.values.values())
        assert all(map(str.isprintable, batch.missing.values()))


@contextmanager
def exporter(program: str, *args: str) -> Iterator[str]:
    """A real exporter on a free port; the URL of its page."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [path, f"--web.listen-address={address}", *args],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}/metrics"
    finally:
        process.terminate()
        process.wait(timeout=10)


def plain(url: str) -> str:
    """The page by the standard library's client."""
    with urllib.request.urlopen(url) as response:
        return str(response.read().decode())


async def page_once_up(url: str) -> str:
    """The page by another client, once the exporter listens."""
    for _ in range(200):
        try:
            return await asyncio.to_thread(plain, url)
        except OSError:
            await asyncio.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


async def agree(url: str, checks: list[tuple[str, dict[str, str]]]) -> None:
    """The collector's sum for each metric is the one on the page read by another client."""
    page = await page_once_up(url)
    clock = ManualClock()
    keys = [f'app.users.active{{check="{i}"}}' for i in range(len(checks))]
    app = AppSettings(
        source="openmetrics",
        url=url,
        timeout=Duration(5.0),
        fields={
            key: FieldSettings(metric=name, labels=labels)
            for key, (name, labels) in zip(keys, checks, strict=True)
        },
    )
    one = OpenMetricsCollector(app, clock)
    batch = await one.collect()
    await one.close()
    for key, (name, labels) in zip(keys, checks, strict=True):
        lines = [
            line
            for line in page.splitlines()
            if re.match(rf"{name}[ {{]", line)
            and all(f'{k}="{v}"' in line for k, v in labels.items())
        ]
        expected = sum(float(line.rsplit(" ", 1)[1]) for line in lines)
        assert lines, name
        assert batch.values[key] == expected, name
    wanted = set(re.findall(r"^([a-zA-Z_:][\w:]*)", page, re.M))
    assert not SampleReader(wanted).read(page).broken


async def test_real_node_exporter() -> None:
    """Five values of a running node exporter are those that another client reads."""
    with exporter("prometheus-node-exporter") as url:
        await agree(
            url,
            [
                ("go_info", {}),
                ("node_memory_MemTotal_bytes", {}),
                ("process_max_fds", {}),
                ("node_boot_time_seconds", {}),
                ("node_filesystem_size_bytes", {"mountpoint": "/"}),
            ],
        )


async def test_real_prometheus(tmp_path: Path) -> None:
    """Five values of a running Prometheus are those that another client reads."""
    config = tmp_path / "p.yml"
    config.write_text("scrape_configs: []\n")
    storage = f"--storage.tsdb.path={tmp_path / 'tsdb'}"
    with exporter("prometheus", f"--config.file={config}", storage) as url:
        await agree(
            url,
            [
                ("go_info", {}),
                ("prometheus_build_info", {}),
                ("process_max_fds", {}),
                ("process_start_time_seconds", {}),
                ("prometheus_config_last_reload_successful", {}),
            ],
        )
