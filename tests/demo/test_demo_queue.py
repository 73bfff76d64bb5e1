"""The queue of the demo service against theory."""

from __future__ import annotations

import json
import math
from heapq import heapreplace
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.demo.queue import Queue, Request

VECTORS = json.loads((Path(__file__).parents[1] / "data/demo/mmc.json").read_text())

gaps = st.floats(0.0, 2.0, allow_nan=False)
services = st.floats(0.001, 5.0, allow_nan=False)
traffic = st.lists(st.tuples(gaps, services), min_size=1, max_size=60)


def erlang_c(servers: int, load: float) -> float:
    """Probability to wait in M/M/c at `load` erlangs, from the recursion for Erlang B."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def requests_of(pairs: list[tuple[float, float]]) -> list[Request]:
    """Requests from pairs of (gap since the last arrival, service time)."""
    at, requests = 0.0, []
    for gap, service in pairs:
        at += gap
        requests.append(Request(at, service))
    return requests


@pytest.mark.parametrize("name", VECTORS)
def test_the_theory_of_these_tests_is_right(name: str) -> None:
    """Erlang C as computed here gives the published values."""
    servers, rho = (float(part.partition("=")[2]) for part in name.split(","))
    p_wait = erlang_c(int(servers), servers * rho)
    assert p_wait == pytest.approx(VECTORS[name]["p_wait"], rel=1e-12)
    wait = p_wait / (servers * (1 - rho))
    assert wait == pytest.approx(VECTORS[name]["wait_over_service"], rel=1e-12)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("servers", "count"), [(1, 90_000), (4, 90_000), (8, 90_000)])
def test_waits_and_utilization_are_those_of_erlang_c(servers: int, count: int, rho: float) -> None:
    """With exponential times, mean wait, share that waits and busy share agree with M/M/c."""
    random = Random(f"{servers}/{rho}")
    waits: list[float] = []
    queue = Queue(servers, done=lambda r: waits.append(r.start - r.arrival))
    at = 0.0
    for _ in range(count):
        at += random.expovariate(servers * rho)
        queue.offer(Request(at, random.expovariate(1.0)))
    busy = queue.busy_seconds / queue.server_seconds
    queue.advance(at + 1e6)

    # Neighbouring waits resemble each other; means of long batches hardly do.
    size = count // 30
    batches = [fmean(waits[i : i + size]) for i in range(0, count, size)]
    error = stdev(batches) / math.sqrt(len(batches))
    p_wait = erlang_c(servers, servers * rho)
    expected = p_wait / (servers * (1 - rho))
    assert abs(fmean(waits) - expected) < 3.5 * error
    assert error < 0.15 * expected + 1e-3
    waited = sum(wait > 0 for wait in waits) / count
    assert waited == pytest.approx(p_wait, abs=0.02 + 0.05 * p_wait)
    assert busy == pytest.approx(rho, rel=0.03)


@given(traffic, st.integers(1, 5))
def test_every_start_is_the_one_that_the_recursion_gives(
    pairs: list[tuple[float, float]], servers: int
) -> None:
    """First come, first served: each starts on the server that is free first (Kiefer, Wolfowitz)."""
    requests = requests_of(pairs)
    queue = Queue(servers)
    free = [0.0] * servers
    for request in requests:
        assert queue.offer(request)
    queue.advance(1e6)
    for request in requests:
        start = max(request.arrival, free[0])
        heapreplace(free, start + request.service)
        assert request.start == start
        assert request.end == start + request.service
    starts = [request.start for request in requests]
    assert starts == sorted(starts)


@given(traffic, st.lists(st.floats(0.0, 50.0), max_size=30), st.integers(1, 4))
def test_looking_changes_nothing(
    pairs: list[tuple[float, float]], looks: list[float], servers: int
) -> None:
    """A queue that is asked often has the same history as one that is asked once."""
    seen, unseen = requests_of(pairs), requests_of(pairs)
    asked = Queue(servers, room=5, patience=3.0)
    left_alone = Queue(servers, room=5, patience=3.0)
    pending = sorted(looks)
    for one, other in zip(seen, unseen, strict=True):
        while pending and pending[0] <= one.arrival:
            asked.advance(pending.pop(0))
        assert asked.offer(one) == left_alone.offer(other)
    asked.advance(1e4)
    left_alone.advance(1e4)
    assert [repr(r) for r in seen] == [repr(r) for r in unseen]
    assert asked.busy_seconds == pytest.approx(left_alone.busy_seconds)


@given(traffic, st.integers(0, 4), st.floats(0.0, 2.0))
@settings(max_examples=60)
def test_no_request_is_lost(pairs: list[tuple[float, float]], room: int, patience: float) -> None:
    """Each request is turned away, gives up, or is served; ends are reported in order."""
    left: list[Request] = []
    queue = Queue(2, room=room, patience=patience, done=left.append)
    refused = 0
    for request in requests_of(pairs):
        refused += not queue.offer(request)
        assert queue.waiting <= room
        assert queue.busy <= 2
    queue.advance(1e6)
    assert refused + len(left) == len(pairs)
    assert (queue.busy, queue.waiting) == (0, 0)
    assert [r.end for r in left] == sorted(r.end for r in left)
    assert all(r.start - r.arrival <= patience + 1e-9 for r in left if r.served)
    assert queue.busy_seconds == pytest.approx(sum(r.service for r in left if r.served))


def test_who_waits_too_long_gives_up_at_the_end_of_its_patience() -> None:
    """A request that gives up has an end and no start."""
    queue = Queue(1, patience=2.0)
    queue.offer(Request(0.0, 10.0))
    impatient = Request(1.0, 1.0)
    queue.offer(impatient)
    queue.advance(2.9)
    assert queue.waiting == 1
    queue.advance(3.0)
    assert queue.waiting == 0
    assert not impatient.served
    assert impatient.end == 3.0


def test_a_server_that_frees_up_at_the_last_moment_still_serves() -> None:
    """At the very end of the patience, service wins."""
    queue = Queue(1, patience=2.0)
    queue.offer(Request(0.0, 3.0))
    lucky = Request(1.0, 1.0)
    queue.offer(lucky)
    queue.advance(10.0)
    assert (lucky.start, lucky.end) == (3.0, 4.0)


def test_servers_taken_away_finish_what_they_have() -> None:
    """After scaling down nothing starts until fewer are busy than servers are left."""
    queue = Queue(3)
    running = [Request(0.0, service) for service in (1.0, 2.0, 3.0)]
    later = Request(0.0, 1.0)
    for request in (*running, later):
        queue.offer(request)
    queue.resize(1, 0.5)
    assert queue.busy == 3
    queue.advance(2.5)
    assert (queue.busy, queue.waiting) == (1, 1)
    queue.advance(9.0)
    assert [r.end for r in running] == [1.0, 2.0, 3.0]
    assert later.start == 3.0
    # Servers being drained are capacity in use: 3 + 2 + 1 seconds, then one server.
    assert queue.server_seconds == 3.0 + 2.0 + 1.0 + 6.0


def test_new_servers_start_on_the_line_at_once() -> None:
    """Scaling up serves the waiting in their order, at the time of the change."""
    queue = Queue(1)
    requests = [Request(0.0, 10.0), Request(0.1, 1.0), Request(0.2, 1.0), Request(0.3, 1.0)]
    for request in requests:
        queue.offer(request)
    queue.resize(3, 5.0)
    assert [r.start for r in requests[1:3]] == [5.0, 5.0]
    queue.advance(20.0)
    assert requests[3].start == 6.0


def test_cpu_seconds_count_the_computing_share() -> None:
    """A request that computes half of its time uses half a CPU."""
    queue = Queue(2)
    queue.offer(Request(0.0, 4.0, cpu=0.5))
    queue.offer(Request(1.0, 2.0, cpu=1.0))
    queue.advance(10.0)
    assert queue.cpu_seconds == pytest.approx(4.0)
    assert queue.busy_seconds == pytest.approx(6.0)


def test_the_past_cannot_be_changed() -> None:
    """A request that arrives before the queue's time is an error; an old question is not."""
    queue = Queue(1)
    queue.advance(5.0)
    with pytest.raises(ValueError, match=r"arrival at 4\.0 lies before 5\.0"):
        queue.offer(Request(4.0, 1.0))
    queue.advance(3.0)
    assert queue.clock == 5.0
