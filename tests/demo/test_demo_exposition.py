"""The demo service's metrics page, read by the parsers of the Prometheus client."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from capmon.demo.exposition import quality, render, wants_openmetrics
from capmon.demo.latency import BOUNDS
from capmon.demo.scenarios import scenario
from capmon.demo.state import DemoState


@pytest.fixture
def state() -> DemoState:
    """A state with all kinds of answers: served, failed, turned away."""
    state = DemoState(scenario("db-down"), replicas=1, created=1_700_000_000.25)
    state.advance(60.0)
    assert all(state.codes.values())
    return state


def samples(text: str, openmetrics: bool) -> dict[str, float]:
    """Samples by name and labels, as a strict parser reads them."""
    parse = (
        openmetrics_parser.text_string_to_metric_families
        if openmetrics
        else text_string_to_metric_families
    )
    return {
        s.name + str(sorted(s.labels.items())): s.value
        for family in parse(text)
        for s in family.samples
    }


@pytest.mark.parametrize("openmetrics", [True, False])
def test_both_formats_carry_what_the_state_holds(state: DemoState, openmetrics: bool) -> None:
    """Requests by code, the whole histogram and the gauges survive a strict parser."""
    found = samples(render(state, openmetrics=openmetrics), openmetrics)
    for code, count in state.codes.items():
        assert found[f"http_requests_total[('code', '{code}')]"] == count
    name = "http_request_duration_seconds"
    buckets = [found[f"{name}_bucket[('le', '{bound}')]"] for bound in (*BOUNDS, "+Inf")]
    assert buckets == state.latency.cumulative()
    assert found[f"{name}_count[]"] == buckets[-1]
    assert found[f"{name}_sum[]"] == state.latency.sum
    assert found["cpu_utilization_ratio[]"] == state.cpu()
    assert found["process_resident_memory_bytes[]"] == state.memory()
    assert found["http_requests_in_flight[]"] == state.in_flight
    assert found["database_up[]"] == 0
    assert found["replicas_ready[]"] == 1
    used = "db_client_connection_count[('db_client_connection_state', 'used')]"
    assert found[used] == state.connections()


def test_openmetrics_ends_and_tells_when_counting_began(state: DemoState) -> None:
    """`# EOF` is the last line; each counter and the histogram carry `_created`."""
    text = render(state, openmetrics=True)
    assert text.endswith("\n# EOF\n")
    found = samples(text, openmetrics=True)
    assert found["http_requests_created[('code', '200')]"] == 1_700_000_000.25
    assert found["http_request_duration_seconds_created[]"] == 1_700_000_000.25
    assert "# TYPE http_requests counter" in text
    assert "# UNIT http_request_duration_seconds seconds" in text


def test_the_older_text_has_none_of_that(state: DemoState) -> None:
    """No end mark, no units, no creation times; the counter's family is named with `_total`."""
    text = render(state, openmetrics=False)
    assert "# TYPE http_requests_total counter" in text
    assert not any(word in text for word in ("EOF", "# UNIT", "_created"))


def test_what_is_not_known_is_left_out() -> None:
    """Before the first request there is no CPU share and no hit ratio, not a zero."""
    text = render(DemoState(scenario("steady")), openmetrics=True)
    assert "cpu_utilization_ratio" not in text
    assert "cache_hit_ratio" not in text
    assert "replicas_ready 4" in text


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        # What Prometheus 2.42 sends:
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
            "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            True,
        ),
        ("text/plain, application/openmetrics-text;q=0.5", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense, text/plain", False),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, openmetrics: bool) -> None:
    """Plain text unless OpenMetrics is wanted by name, and at least as much."""
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", 1.0),
        ("gzip;q=0.5, deflate", 0.5),
        ("*;q=1, gzip;q=0", 0.0),
        ("*;q=0.3", 0.3),
        ("deflate", 0.0),
        ("GZIP ; Q=0.2", 0.2),
    ],
)
def test_encodings_are_weighed(header: str, expected: float) -> None:
    """A name beats the wildcard, and a weight of nothing forbids."""
    assert quality(header, "gzip") == expected


@given(st.text(max_size=60))
def test_any_header_gives_a_weight(header: str) -> None:
    """No header makes it fail or leaves 0 to 1."""
    weight = quality(header, "gzip")
    assert math.isfinite(weight)
    assert 0 <= weight <= 1
