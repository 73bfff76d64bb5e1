"""What a grown load asks for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.capacity import Resource, capacity_for, guide_factors
from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import Limit, crossing
from capmon.model.curves import Fit, FitKind
from capmon.model.patterns import Capacity

GUIDE = json.loads((Path(__file__).parent.parent / "data" / "vectors" / "guide.json").read_text())
SAMPLE = GUIDE["WorkloadAnalyzer"]["sample_metrics"]
INPUTS = {k: np.array(v, float) for k, v in GUIDE["ResourceConsumptionModel"]["inputs"].items()}
LATENCY, CPU = "http.server.request.duration.p95", "process.cpu.utilization"
MEMORY = "process.memory.usage"
RATE = float(np.mean([row["request_rate"] for row in SAMPLE]))
P95 = float(np.mean([row["response_time_p95"] for row in SAMPLE])) / 1e3
TODAY = (
    Resource("cores", 4),
    Resource("memory", 8, target=MEMORY),
    Resource("cache", 1000),
    Resource("connections", 25),
)


def needs(found: Capacity) -> dict[str, float]:
    """Needs by resource."""
    return {n.resource: n.need for n in found.needs}


def by_factors(growth: float) -> dict[str, float]:
    """Needs of the guide's sample without any curve."""
    return needs(capacity_for(growth, RATE, (), {}, TODAY, latency_now=P95, objective=0.25))


def curve(kind: FitKind, target: str, values: np.ndarray, *, per_replica: bool = True) -> Fit:
    """A curve over the guide's request rates."""
    question = Question(target, "load.per_replica", kind, series=False, per_replica=per_replica)
    return fit(question, INPUTS["request_rates"], values)


def curves(*, per_replica: bool = True) -> tuple[Fit, ...]:
    """The guide's response times, CPU and memory over load."""
    return (
        curve(FitKind.EXPONENTIAL, LATENCY, INPUTS["response_times"] / 1e3, per_replica=per_replica),
        curve(FitKind.LINEAR, CPU, INPUTS["cpu_utilizations"] / 100, per_replica=per_replica),
        curve(FitKind.LINEAR, MEMORY, INPUTS["memory_usage"] / 1e3, per_replica=per_replica),
    )  # fmt: skip


LIMITS = {LATENCY: Limit(0.25, "objectives.latency_p95"), CPU: Limit(0.8, "utilization_target")}


def test_the_guides_sample_grown_threefold() -> None:
    """Without a curve: 8 cores, 12 GB, 3000 MB of cache and 90 connections, rounded up."""
    want = GUIDE["_corrected_reference"]["predict_capacity_growth3_ceil"]
    assert by_factors(3.0) == {
        "cores": want["cpu_cores"],
        "memory": want["memory_gb"],
        "cache": want["cache_size_mb"],
        "connections": want["db_connections"],
    }


def test_more_load_past_the_objective_asks_for_no_less() -> None:
    """The guide's rule falls from 1.65 to 1.02 CPU factors at 1.667 times the load; here it does not."""
    before, after = (guide_factors(g, P95, 0.25) for g in (1.65, 1.70))
    assert before.cpu == pytest.approx(1.65) and after.cpu == pytest.approx(5 / 3)
    assert guide_factors(1.0, P95, 0.25).memory == 1.0


def test_replicas_come_from_the_curves() -> None:
    """They are the grown load over what one carries, where the first limit binds."""
    fits = curves()
    found = capacity_for(3.0, 300.0, fits, LIMITS, TODAY, ready=3)
    carried = min(crossing(f, LIMITS[f.target].value)[0].value for f in fits[:2])  # type: ignore[union-attr]
    assert needs(found)["replicas"] == math.ceil(900 / carried)
    assert "reaches" in found.needs[-1].reason and not found.beyond


def test_what_replicas_bring_grows_with_them() -> None:
    """Connections of a pool in each replica are counted by replica."""
    pool = Resource("connections", 75, per_replica=True)
    found = capacity_for(3.0, 300.0, curves(), LIMITS, (pool,), ready=3)
    assert needs(found)["connections"] == 25 * needs(found)["replicas"]


def test_without_replicas_the_service_grows_as_a_whole() -> None:
    """Cores by what the curves carry, memory by its own line, and no count of replicas."""
    fits = curves(per_replica=False)
    found = capacity_for(2.0, 100.0, fits, LIMITS, TODAY)
    carried = min(crossing(f, LIMITS[f.target].value)[0].value for f in fits[:2])  # type: ignore[union-attr]
    assert needs(found) == {
        "cores": math.ceil(4 * 200 / carried),
        "memory": 8.0,
        "cache": 2000.0,
        "connections": 50.0,
    }
    assert next(n for n in found.needs if n.resource == "memory").exact == pytest.approx(
        fits[2].predict(200.0)
    )


def test_a_load_not_seen_is_said() -> None:
    """Ten times the load of a whole service lies beyond what its curves know."""
    found = capacity_for(10.0, 100.0, curves(per_replica=False), LIMITS, TODAY)
    assert "× the load seen" in found.beyond


def test_unknown_replicas_are_not_one() -> None:
    """Curves per replica say nothing where the count is not known."""
    found = capacity_for(3.0, RATE, curves(), LIMITS, TODAY, latency_now=P95, objective=0.25)
    assert "replicas" not in needs(found)
    assert needs(found) == by_factors(3.0)


@pytest.mark.parametrize(
    ("growth", "load", "said"),
    [(0.0, 100.0, "growth"), (-1.0, 1.0, "growth"), (2.0, 0.0, "load"), (2.0, math.nan, "load")],
)
def test_refusals_have_words(growth: float, load: float, said: str) -> None:
    """No load or no growth is a problem, not a capacity."""
    found = capacity_for(growth, load, curves(), LIMITS, TODAY, ready=3)
    assert said in found.problem and not found.needs


def test_nothing_there_today_is_refused() -> None:
    """Zero cores cannot be multiplied."""
    found = capacity_for(2.0, 100.0, (), {}, (Resource("cores", 0),))
    assert "today" in found.problem


GROWTHS = st.floats(0.1, 50)
FITTED = {True: curves(), False: curves(per_replica=False)}


@given(
    GROWTHS,
    GROWTHS,
    st.floats(1, 1000),
    st.sampled_from([None, 1, 3, 17]),
    st.sampled_from([(), True, False]),
    st.booleans(),
    st.floats(0.001, 2),
)
def test_more_load_never_asks_for_less(
    one: float,
    other: float,
    load: float,
    ready: int | None,
    which: bool | tuple[()],
    per_replica: bool,
    latency: float,
) -> None:
    """Every need is monotone in growth, whole, and never below today's; growth of 1 included."""
    fits = FITTED[which] if isinstance(which, bool) else ()
    resources = (*TODAY[:3], Resource("connections", 25, per_replica=per_replica))

    def at(growth: float) -> Capacity:
        return capacity_for(
            growth, load, fits, LIMITS, resources, ready=ready, latency_now=latency, objective=0.25
        )

    low, high = (needs(at(g)) for g in sorted((one, other)))
    assert low.keys() == high.keys()
    for name, need in low.items():
        assert need <= high[name]
    for n in at(1.0).needs:
        assert n.need >= n.now and n.need == int(n.need)


@given(GROWTHS, st.sampled_from([1e9, 2.0**30]))
@settings(max_examples=60, deadline=None)
def test_units_scale_through(growth: float, unit: float) -> None:
    """Memory in bytes comes in the same number of whole gigabytes."""
    found = capacity_for(growth, RATE, (), {}, (Resource("memory", 8 * unit, unit),), latency_now=P95, objective=0.25)  # fmt: skip
    assert needs(found)["memory"] / unit == by_factors(growth)["memory"]
