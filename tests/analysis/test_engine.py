"""The engine from end to end, on a synthetic service and on anything at all."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capmon.analysis.engine import Analysis, Engine, Now
from capmon.analysis.workload import correlation, held
from capmon.config.schema import Settings
from capmon.model.frame import Reading, TopProcesses
from capmon.model.results import FitKind, Priority, ReplicaState

VECTORS = Path(__file__).parent.parent / "data" / "vectors"
START = 1_700_000_000.0
HOUR = 3600
RATE, USERS, P95 = (
    "http.server.request.rate",
    "app.users.active",
    "http.server.request.duration.p95",
)
CPU, MEMORY = "process.cpu.utilization", "process.memory.utilization"
ROOT = 'system.filesystem.utilization{mountpoint="/"}'


def wait(c: int, rho: np.ndarray, service: float) -> np.ndarray:
    """Mean response time of an M/M/c queue by Erlang's C."""
    a = c * rho
    blocking = np.ones_like(a)
    for k in range(1, c + 1):
        blocking = a * blocking / (k + a * blocking)
    waits = blocking / (1 - rho * (1 - blocking))
    return service * (1 + waits / (c * (1 - rho)))


def test_the_queue_is_the_reference_queue() -> None:
    """The synthetic service waits as long as the reference M/M/c does."""
    want = json.loads((VECTORS / "usl_queueing.json").read_text())["mmc"]
    for c, rho in ((1, 0.5), (4, 0.8), (16, 0.9)):
        got = wait(c, np.array([rho]), 1.0)[0]
        assert got == pytest.approx(want[f"c={c},rho={rho}"]["R_over_S"], rel=1e-9)


def service(seconds: int = HOUR, replicas: int = 4, swing: float = 20) -> dict[str, np.ndarray]:
    """An hour of a service of 4 cores a replica and 50 ms of CPU a request: full at 80 req/s each."""
    rng = np.random.default_rng(7)
    t = np.arange(seconds)
    rate = replicas * (42 + swing * np.sin(2 * math.pi * t / 2400) + rng.normal(0, 1.5, seconds))
    rho = np.clip(rate / replicas * 0.05 / 4, 0, 0.97)
    users = rate * 0.5
    return {
        RATE: rate,
        USERS: users,
        CPU: rho + rng.normal(0, 0.01, seconds),
        P95: wait(4, rho, 0.05) * 2.2 * np.exp(rng.normal(0, 0.03, seconds)),
        MEMORY: 0.3 + 0.008 * users / replicas + rng.normal(0, 0.005, seconds),
        "process.memory.usage": (0.3 + 0.008 * users / replicas) * 8 * 2**30,
        ROOT: np.full(seconds, 0.5),
        "replicas.ready": np.where(t % 5 == 0, float(replicas), math.nan),
    }


def limit_of_latency() -> float:
    """Load of four replicas at which the response time of the synthetic service is 250 ms."""
    loads = np.arange(60.0, 319.0, 0.1)
    return float(loads[np.argmax(wait(4, loads * 0.05 / 16, 0.05) * 2.2 > 0.25)])


def record(history, columns: Mapping[str, np.ndarray]) -> None:
    """Write a service into a history."""
    for key, values in columns.items():
        history.put(key, START + np.arange(len(values)), values)


def tick(columns: Mapping[str, np.ndarray], second: int, ready: int | None = 4) -> Now:
    """The engine's view after so many seconds."""
    readings = {k: Reading(float(v[second - 1]), START + second) for k, v in columns.items()}
    readings = {k: r for k, r in readings.items() if r.value is not None and math.isfinite(r.value)}
    state = ReplicaState("swarm", "x", ready, ready)
    return Now(START + second, 300.0, readings, {}, TopProcesses(), state, float(second))


def numbers(value: object) -> list[float]:
    """Every float anywhere in a result, but for the gaps of a recorded past."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, tuple | list):
        return [n for v in value for n in numbers(v)]
    if dataclasses.is_dataclass(value):
        return [n for f in dataclasses.fields(value) if f.name != "past" for n in numbers(getattr(value, f.name))]  # fmt: skip
    return []


def test_a_queueing_service_has_sensible_headroom(history) -> None:
    """CPU reaches 80 % at 256 req/s for four replicas, as the queue was made; memory follows users."""
    columns = service()
    record(history, columns)
    got = Engine(Settings()).step(history, tick(columns, HOUR))
    assert [f.problem for f in got.fits] == ["", "", ""]
    assert all(f.per_replica for f in got.fits)
    cpu, memory, latency = got.fits
    assert (cpu.load, memory.load) == ("load.per_replica", "users.per_replica")
    assert cpu.coefficient("slope") == pytest.approx(0.05 / 4, rel=0.01)
    assert latency.r_squared is not None and latency.r_squared > 0.5
    room = {h.target: h for h in got.headroom}
    at = room[CPU].at
    assert at is not None and at.low is not None and at.high is not None
    assert at.low < 256 < at.high
    assert at.value == pytest.approx(256, rel=0.02)
    recent = np.median(columns[RATE][-30:].reshape(15, 2).mean(axis=1))
    assert room[CPU].multiple == pytest.approx(at.value / recent)
    assert not room[CPU].extrapolated
    users = room["process.memory.usage"]
    assert users.load == USERS
    assert users.at is not None and users.at.value == pytest.approx(4 * 0.5 / 0.008, rel=0.02)
    assert room[P95].at is not None
    assert room[P95].at.value == pytest.approx(limit_of_latency(), rel=0.02)
    assert got.fits[2].kind in (FitKind.MMC, FitKind.KINGMAN)
    assert got.headroom[0].multiple == min(h.multiple for h in got.headroom if h.multiple)


def test_latency_seen_near_saturation_gives_its_limit(history) -> None:
    """Where the load came near the objective's limit, a queue's curve finds it within one per cent."""
    columns = service(swing=28)
    record(history, columns)
    got = Engine(Settings()).step(history, tick(columns, HOUR))
    room = next(h for h in got.headroom if h.target == P95)
    assert room.at is not None and not room.extrapolated
    assert room.at.value == pytest.approx(limit_of_latency(), rel=0.01)
    assert room.at.low is not None and room.at.high is not None
    assert room.at.low < limit_of_latency() < room.at.high


def test_a_scale_action_moves_along_the_curve(history) -> None:
    """Four replicas, then eight with twice the load: one line per replica fits both."""
    before, after = service(1800, 4), service(1800, 8)
    columns = {k: np.concatenate([before[k], after[k]]) for k in before}
    record(history, columns)
    got = Engine(Settings()).step(history, tick(columns, HOUR, 8))
    assert got.fits[0].coefficient("slope") == pytest.approx(0.05 / 4, rel=0.02)
    cpu = next(h for h in got.headroom if h.target == CPU)
    assert cpu.at is not None and cpu.at.value == pytest.approx(512, rel=0.02)


def test_replicas_unknown_in_the_past_count_the_whole(history) -> None:
    """Without a replica count the load is the whole service's, and nothing is advised."""
    columns = {k: v for k, v in service().items() if k != "replicas.ready"}
    record(history, columns)
    got = Engine(Settings()).step(history, tick(columns, HOUR, None))
    assert not any(f.per_replica for f in got.fits)
    assert got.fits[0].load == RATE
    assert got.headroom[0].at is not None
    assert (got.advice.to, got.advice.reason) == (None, "replica count is not known")


def test_an_empty_history_says_why(history) -> None:
    """With nothing recorded every part has its reason and no number."""
    now = Now(START, 300.0, {}, {}, TopProcesses(), None, 0.0)
    got = Engine(Settings()).step(history, now)
    assert [f.problem for f in got.fits] == ["needs 20 points with load, has none"] * 3
    assert [h.problem for h in got.headroom] == ["needs 20 points with load, has none"] * 3
    assert [f.problem for f in got.forecasts] == ["not collected yet"]
    assert (got.bottlenecks, got.priority, got.recommendations) == ((), Priority.NONE, ())
    assert got.utilization.recommendation == "unknown"


def test_one_noisy_reading_moves_no_advice(history) -> None:
    """Replicas are counted for the last half minute, and so is headroom, not for the last second."""
    columns = service()
    record(history, columns)
    calm = tick(columns, HOUR)
    spike = dataclasses.replace(
        calm, readings={**calm.readings, RATE: Reading(9000.0, calm.at), CPU: Reading(1.0, calm.at)}
    )
    before, after = (Engine(Settings()).step(history, now) for now in (calm, spike))
    assert before.advice.to == after.advice.to is not None
    assert before.advice.reason == after.advice.reason
    assert before.headroom == after.headroom
    assert before.headroom[0].multiple is not None


def test_a_load_no_longer_known_has_no_multiple(history) -> None:
    """The last half minute does not stand in for a rate that is not reported any more."""
    columns = service()
    record(history, columns)
    now = tick(columns, HOUR)
    gone = dataclasses.replace(now, readings={**now.readings, RATE: Reading(None, now.at)})
    room = {h.target: h for h in Engine(Settings()).step(history, gone).headroom}
    assert room[CPU].at is not None
    assert (room[CPU].now, room[CPU].multiple) == (None, None)


def test_work_is_spread_over_ticks(history) -> None:
    """One forecast a step in turn, fits in two parts every fifth second, both kept in between."""
    columns = service()
    record(history, columns)
    engine = Engine(Settings())
    steps = [engine.step(history, tick(columns, s)) for s in range(3500, 3520)]
    assert [len(s.forecasts) for s in steps[:6]] == [1, 2, 3, 4, 5, 5]
    assert [f.metric for f in steps[5].forecasts] == [RATE, P95, CPU, MEMORY, ROOT]
    for a, b in itertools.pairwise(steps):
        made = sum(x is not y for x, y in zip(a.forecasts, b.forecasts, strict=False))
        assert made <= 1
    assert sum(a.fits is not b.fits for a, b in itertools.pairwise(steps)) == 2 * 3


def test_what_waits_for_points_is_tried_every_second(history) -> None:
    """A young history gets its forecasts as soon as it can, not each in its turn of ten seconds."""
    columns = service(200)
    record(history, columns)
    engine = Engine(Settings())
    begins: dict[str, int] = {}
    for second in range(1, 120):
        for found in engine.step(history, tick(columns, second)).forecasts:
            if not found.problem:
                begins.setdefault(found.metric, second)
    assert set(begins) == {RATE, P95, CPU, MEMORY, ROOT}
    assert max(begins[k] for k in (RATE, P95, CPU)) - min(begins[k] for k in (RATE, P95, CPU)) <= 2


def test_a_reset_forgets_what_was_before(history) -> None:
    """After a deploy a fit counts from there and says so."""
    columns = service()
    record(history, columns)
    engine = Engine(Settings())
    assert engine.step(history, tick(columns, 3590)).fits[0].n > 1000
    engine.reset_models(START + 3580, "deploy")
    got = engine.step(history, tick(columns, 3591)).fits[0]
    assert got.problem == "needs 20 points, has 5 since deploy"


def test_the_same_history_gives_the_same_analysis(history) -> None:
    """Two engines over the same ticks agree in everything."""
    columns = service(600)
    record(history, columns)

    def run() -> list[Analysis]:
        engine = Engine(Settings())
        return [engine.step(history, tick(columns, s)) for s in range(560, 600, 4)]

    assert str(run()) == str(run())


VALUES = st.one_of(st.floats(width=64), st.floats(0, 1), st.just(0.0), st.just(math.nan))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.sampled_from([RATE, USERS, P95, CPU, MEMORY, ROOT, "process.memory.usage", "replicas.ready",
                         "system.cpu.utilization", "cache.hit_ratio", "db.status"]),
        st.lists(VALUES, min_size=1, max_size=90),
    ),
    st.one_of(st.none(), st.integers(0, 12)),
)  # fmt: skip
def test_any_history_has_an_analysis(
    history, series: dict[str, list[float]], ready: int | None
) -> None:
    """Whatever was recorded: no exception, and no number that is none."""
    history.series.clear()
    for key, values in series.items():
        history.put(key, START + 2 * np.arange(len(values)), values)
    latest = {k: (v[-1] if math.isfinite(v[-1]) else None) for k, v in series.items()}
    readings = {k: Reading(v, START) for k, v in latest.items()}
    engine = Engine(Settings())
    for second in range(178, 184):
        state = ReplicaState("swarm", "x", ready, ready)
        now = Now(START + second, 300.0, readings, {}, TopProcesses(), state, float(second))
        got = engine.step(history, now)
        assert all(map(math.isfinite, numbers(got)))


def test_counts_are_held_for_a_while() -> None:
    """A count stays true between two readings, and no longer than told."""
    nan = math.nan
    got = held(np.array([nan, 4, nan, nan, nan, 5, nan]), 2)
    assert got.tolist() == pytest.approx([nan, 4, 4, 4, nan, 5, 5], nan_ok=True)


def test_correlation_needs_variation_and_points() -> None:
    """Flat series and few points have no correlation; a copy has 1."""
    x = np.linspace(1, 2, 40)
    assert correlation(x, 3 * x, 30) == pytest.approx(1.0)
    assert correlation(x, 1 + 1e-3 * x, 30) is None
    assert correlation(x[:20], x[:20], 30) is None
    assert correlation(x * math.nan, x, 30) is None


def test_the_engine_needs_numpy_alone() -> None:
    """Importing the engine brings in neither scipy nor pandas."""
    code = (
        "import sys, capmon.analysis.engine; print(sorted({'scipy', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
