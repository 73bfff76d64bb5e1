"""The guide's API becomes samples; one bad field or endpoint never hides another."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Request, Server, answer, document, routes, serve, silence

from capmon.clock import ManualClock
from capmon.collectors.defaults import JSON_FIELDS
from capmon.collectors.json_api import JsonApiCollector
from capmon.config.schema import AppSettings, Duration, FieldSettings
from capmon.errors import SourceError
from capmon.model.metric import CATALOGUE
from capmon.model.sample import Batch

METRICS: dict[str, Any] = {
    "histograms": {"http_request_duration": {"p50": 42, "p95": 187.5, "p99": "311"}},
    "counters": {"http_requests_total": 1000, "http_errors_total": 10},
    "gauges": {
        "concurrent_requests": 12,
        "concurrent_users": 40,
        "cpu_utilization": 62.5,
        "memory_utilization": 81,
        "memory_usage_mb": 2048,
        "database_connections": 31,
        "database_connections_max": 100,
    },
}
CACHE = {"hit_rate": 0.91, "size_bytes": 4_100_000_000, "max_size_bytes": 8_000_000_000}
HEALTH = {"status": "healthy", "components": {"database": {"status": "healthy"}}}

Table = dict[str, bytes]


def table(metrics: object = METRICS, cache: object = CACHE, health: object = HEALTH) -> Table:
    """The API's three endpoints."""
    return {
        "/metrics": document(metrics),
        "/cache/stats": document(cache),
        "/health": document(health),
    }


def collector(
    server: Server | str, clock: ManualClock | None = None, timeout: float = 5.0, **fields: Any
) -> JsonApiCollector:
    """A collector under test; `fields` are keyed with `__` for the dots."""
    chosen = {key.replace("__", "."): FieldSettings(**value) for key, value in fields.items()}
    url = server if isinstance(server, str) else server.url
    return JsonApiCollector(
        AppSettings(url=url, timeout=Duration(timeout), fields=chosen), clock or ManualClock()
    )


async def read(routed: Table, **fields: Any) -> Batch:
    """One reading of an API."""
    async with serve(routes(routed)) as server:
        one = collector(server, **fields)
        try:
            return await one.collect()
        finally:
            await one.close()


def test_every_default_is_in_the_catalogue() -> None:
    """No default names a metric that nothing else knows."""
    assert set(JSON_FIELDS) <= set(CATALOGUE)


async def test_first_reading_in_base_units() -> None:
    """Milliseconds, percent and megabytes arrive as seconds, ratios and bytes."""
    batch = await read(table())
    assert batch.values == pytest.approx(
        {
            "http.server.request.duration.p50": 0.042,
            "http.server.request.duration.p95": 0.1875,
            "http.server.request.duration.p99": 0.311,
            "http.server.active_requests": 12,
            "app.users.active": 40,
            "process.cpu.utilization": 0.625,
            "process.memory.utilization": 0.81,
            "process.memory.usage": 2048e6,
            "cache.hit_ratio": 0.91,
            "cache.usage": 4.1e9,
            "cache.limit": 8e9,
            "db.status": 1.0,
            "db.connections.usage": 31,
            "db.connections.limit": 100,
            "db.connections.utilization": 0.31,
        }
    )
    assert batch.texts == {"db.status": "healthy"}
    assert batch.missing == dict.fromkeys(
        ("http.server.request.rate", "http.server.error.rate", "http.server.error.ratio"),
        "first reading",
    ) | {"service.version": "/health has no version"}
    assert batch.at == ManualClock().now()


@pytest.mark.parametrize("version", ["1.4.2", 7])
async def test_a_version_is_said_in_words(version: str | int) -> None:
    """The version stands in the texts; its value says only that there is one."""
    batch = await read(table(health={"version": version}))
    assert batch.values["service.version"] == 1.0
    assert batch.texts["service.version"] == str(version)


async def test_counters_become_rates_and_an_error_ratio() -> None:
    """Rates divide by the time that passed, not by the interval that was meant."""
    routed, clock = table(), ManualClock()
    later = METRICS | {"counters": {"http_requests_total": 1200, "http_errors_total": 15}}
    async with serve(routes(routed)) as server:
        one = collector(server, clock)
        await one.collect()
        clock.advance(2.5)
        clock.step(-3600)  # the wall clock does not matter
        routed["/metrics"] = document(later)
        batch = await one.collect()
        clock.advance(2)
        idle = await one.collect()
        await one.close()
    assert batch.values["http.server.request.rate"] == 80
    assert batch.values["http.server.error.rate"] == 2
    assert batch.values["http.server.error.ratio"] == 0.025
    assert idle.values["http.server.request.rate"] == 0
    assert idle.missing["http.server.error.ratio"] == "no requests in the last interval"


async def test_restart_of_the_application_is_a_gap() -> None:
    """Counters that go down give no rate once, with the reason, and never a negative one."""
    routed, clock = table(), ManualClock()
    async with serve(routes(routed)) as server:
        one = collector(server, clock)
        await one.collect()
        clock.advance(2)
        small = {"http_requests_total": 3, "http_errors_total": 0}
        routed["/metrics"] = document(METRICS | {"counters": small})
        batch = await one.collect()
        await one.close()
    for key in ("http.server.request.rate", "http.server.error.rate", "http.server.error.ratio"):
        assert key not in batch.values
        assert batch.missing[key] == "counter was reset"
    assert batch.values["app.users.active"] == 40


async def test_absent_values_say_where_they_were_looked_for() -> None:
    """An API that knows less than the guide's has gaps with reasons."""
    batch = await read(table(metrics={"gauges": {"concurrent_users": 3}}, cache={}))
    assert batch.values["app.users.active"] == 3
    assert batch.missing["process.cpu.utilization"] == "/metrics has no gauges.cpu_utilization"
    assert batch.missing["cache.hit_ratio"] == "/cache/stats has no hit_rate"
    reason = "/metrics has no gauges.database_connections"
    assert batch.missing["db.connections.utilization"] == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("true", "hit_rate is true, not a number"),
        ("NaN", "hit_rate is NaN"),
        ("Infinity", "hit_rate is Infinity"),
        ("1e999", "hit_rate is Infinity"),
        ('"nan"', "hit_rate is text, not a number"),
        ('"1_0"', "hit_rate is text, not a number"),
        ("[0.9]", "hit_rate is a list, not a number"),
        ('{"a": 1}', "hit_rate is an object, not a number"),
        ("null", "/cache/stats has no hit_rate"),
        ("-0.5", "hit_rate is -0.5, less than 0"),
        ("91", "hit_rate is 91, not a share from 0 to 1; set unit: '%'"),
        ("91000", "hit_rate is 91000, not a share from 0 to 1"),
        ("1" + "0" * 400, "hit_rate is too large"),
    ],
)
async def test_bad_number_hides_itself_alone(raw: str, reason: str) -> None:
    """A value that cannot be is missing with its reason, and its neighbours are there."""
    body = f'{{"hit_rate": {raw}, "size_bytes": 5, "max_size_bytes": 10}}'
    batch = await read(table() | {"/cache/stats": answer(body)})
    assert batch.missing["cache.hit_ratio"] == reason
    assert (batch.values["cache.usage"], batch.values["cache.limit"]) == (5, 10)


async def test_share_in_percent_takes_its_unit() -> None:
    """The hint of the reason above works."""
    field = {"from_": "/cache/stats", "path": "hit_rate", "unit": "%"}
    batch = await read(table(cache={"hit_rate": 91}), cache__hit_ratio=field)
    assert batch.values["cache.hit_ratio"] == pytest.approx(0.91)


async def test_share_over_the_whole_is_refused_in_its_unit() -> None:
    """250 % of a replica's CPU is no share."""
    batch = await read(table(metrics={"gauges": {"cpu_utilization": 250}}))
    reason = "gauges.cpu_utilization is 250 %, more than 100 %"
    assert batch.missing["process.cpu.utilization"] == reason


@pytest.mark.parametrize(
    ("raw", "value", "text"),
    [
        ("healthy", 1.0, "healthy"),
        ("OK", 1.0, "OK"),
        ("Up", 1.0, "Up"),
        ("pass", 1.0, "pass"),
        (True, 1.0, "true"),
        (1, 1.0, "1"),
        (False, 0.0, "false"),
        ("degraded", 0.0, "degraded"),
        ("\x1b[2Jdown\r\n now", 0.0, "[2Jdown now"),
        ("x" * 100, 0.0, "x" * 39 + "…"),
    ],
)
async def test_database_status(raw: object, value: float, text: str) -> None:
    """Words for healthy are 1, other words 0; the word is kept, fit for a terminal."""
    batch = await read(table(health={"components": {"database": {"status": raw}}}))
    assert batch.values["db.status"] == value
    assert batch.texts["db.status"] == text


@pytest.mark.parametrize("health", [{}, {"components": {"database": {"status": None}}}, [], "up"])
async def test_silence_about_the_database_is_not_unhealthy(health: object) -> None:
    """A health document without a status is unknown, never 0."""
    batch = await read(table(health=health))
    assert "db.status" not in batch.values
    assert batch.missing["db.status"] == "/health components.database.status does not say"


async def test_unhealthy_service_is_heard_out() -> None:
    """A health endpoint that answers 503 with its findings is read; one without is an error."""
    sick = json.dumps({"components": {"database": {"status": "down"}}})
    status = "503 Service Unavailable"
    batch = await read(table() | {"/health": answer(sick, status=status)})
    assert (batch.values["db.status"], batch.texts["db.status"]) == (0.0, "down")
    batch = await read(table() | {"/health": answer("<h1>no</h1>", status=status)})
    assert batch.missing["db.status"] == "HTTP 503 from /health"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer("", status="500 no"), "HTTP 500 from /cache/stats"),
        (
            answer("<!doctype html>", kind="text/html"),
            "/cache/stats answered HTML, not JSON",
        ),
        (answer("hello", kind="text/plain"), "/cache/stats answered something that is not JSON"),
        (answer(b"\xff\xfe\x00\xd8"), "/cache/stats answered something that is not JSON"),
        (answer("[" * 100_000), "/cache/stats answered something that is not JSON"),
        (answer(""), "/cache/stats answered nothing"),
        (answer('{"hit_rate": 0.9'), "/cache/stats answered something that is not JSON"),
    ],
)
async def test_failed_endpoint_costs_its_own_fields(raw: bytes, reason: str) -> None:
    """One endpoint down leaves the others standing."""
    batch = await read(table() | {"/cache/stats": raw})
    for key in ("cache.hit_ratio", "cache.usage", "cache.limit"):
        assert batch.missing[key] == reason
    assert batch.values["app.users.active"] == 40
    assert batch.values["db.status"] == 1.0


async def test_document_under_another_type_is_read() -> None:
    """JSON that calls itself text is JSON."""
    routed = table() | {"/cache/stats": answer(json.dumps(CACHE), kind="text/plain")}
    assert (await read(routed)).values["cache.hit_ratio"] == 0.91


async def test_endpoint_that_hangs_costs_its_own_fields() -> None:
    """The others' values arrive, within the collector's own deadline."""
    routed = table()

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/health":
            await silence(request, writer)
        await routes(routed)(request, writer)

    async with serve(respond) as server:
        one = collector(server, timeout=0.3)
        async with asyncio.timeout(one.deadline):
            batch = await one.collect()
        await one.close()
    assert batch.missing["db.status"] == "no answer within 0.3 s"
    assert batch.values["app.users.active"] == 40


async def test_all_endpoints_down_is_an_error() -> None:
    """Only when nothing at all answered does the source fail, each reason said once."""
    async with serve(routes({})) as server:
        one = collector(server)
        with pytest.raises(SourceError) as caught:
            await one.collect()
        await one.close()
    assert str(caught.value) == "; ".join(
        f"HTTP 404 from {path}" for path in ("/metrics", "/cache/stats", "/health")
    )
    one = collector("http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"^connection refused$"):
        await one.collect()


async def test_own_fields_replace_and_add() -> None:
    """A field of the configuration goes before the default; the others stay."""
    batch = await read(
        table() | {"/stats": document({"rps": 118, "errs": 2, "lat": [0.1, 0.2]})},
        http__server__request__rate={"from_": "stats", "path": "rps"},
        http__server__error__rate={"from_": "/stats", "path": "errs"},
        http__server__request__duration__p95={"from_": "/stats", "path": "max(lat)"},
    )
    assert batch.values["http.server.request.rate"] == 118
    assert batch.values["http.server.error.ratio"] == pytest.approx(2 / 118)
    assert batch.values["http.server.request.duration.p95"] == 0.2
    assert batch.values["app.users.active"] == 40


async def test_ratio_of_unlike_intervals_is_not_made() -> None:
    """A rate of this instant and one of the last interval do not divide."""
    clock = ManualClock()
    async with serve(routes(table())) as server:
        one = collector(
            server, clock, http__server__request__rate={"path": "gauges.concurrent_users"}
        )
        await one.collect()
        clock.advance(2)
        batch = await one.collect()
        await one.close()
    reason = "errors and requests are not of the same interval"
    assert batch.missing["http.server.error.ratio"] == reason


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"path": "a..b["}, "the path a..b[ cannot be followed"),
        ({"path": "length(gauges.cpu_utilization)"}, "the path length(gauges.cpu_uti"),
        ({"path": ""}, "no path is set for it"),
        ({"path": "a", "unit": "parsec"}, "'parsec' is not a unit here"),
    ],
)
async def test_field_that_cannot_work_says_so(field: dict[str, Any], reason: str) -> None:
    """A mistake in the configuration costs its own metric."""
    batch = await read(table(), app__users__active=field)
    assert batch.missing["app.users.active"].startswith(reason)
    assert batch.values["process.memory.utilization"] == 0.81


async def test_unlimited_pool_has_no_utilization() -> None:
    """A limit of 0 is no limit."""
    gauges = {"database_connections": 5, "database_connections_max": 0}
    batch = await read(table(metrics={"gauges": gauges}))
    assert "db.connections.utilization" not in batch.values
    assert batch.missing["db.connections.utilization"].startswith("the limit of connections is 0")


async def test_endpoints_are_read_once_and_only_when_used() -> None:
    """Each endpoint costs one request a reading; requests go out at once."""
    async with serve(routes(table())) as server:
        one = collector(server)
        await one.collect()
        await one.close()
    assert sorted(r.path for r in server.requests) == ["/cache/stats", "/health", "/metrics"]
    assert server.connections == 3


async def test_large_document_is_read() -> None:
    """A megabyte of other people's metrics around ours is no trouble."""
    metrics = METRICS | {"other": ["x" * 100] * 10_000}
    assert (await read(table(metrics=metrics))).values["app.users.active"] == 40


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["gauges", "counters", "http_requests_total", "hit_rate", "components"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)
BYTES = st.binary(max_size=60) | JSON.map(lambda v: json.dumps(v).encode())
ANY_SHAPE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@ANY_SHAPE
@given(st.lists(st.tuples(BYTES, BYTES, BYTES), min_size=1, max_size=3))
def test_any_answer_is_a_batch_or_a_source_error(bodies: list[tuple[bytes, bytes, bytes]]) -> None:
    """Whatever the endpoints answer: finite values, reasons for the rest, or one SourceError."""

    async def run() -> None:
        routed: Table = {}
        async with serve(routes(routed)) as server:
            one = collector(server)
            for three in bodies:
                routed.update(zip(table(), map(answer, three), strict=True))
                try:
                    batch = await one.collect()
                except SourceError as error:
                    assert str(error).isprintable()
                    continue
                expected = set(JSON_FIELDS) | {
                    "http.server.error.ratio",
                    "db.connections.utilization",
                }
                assert batch.values.keys() | batch.missing.keys() == expected
                assert not batch.values.keys() & batch.missing.keys()
                assert all(0 <= value < float("inf") for value in batch.values.values())
                assert all(map(str.isprintable, batch.missing.values()))
            await one.close()

    asyncio.run(run())
