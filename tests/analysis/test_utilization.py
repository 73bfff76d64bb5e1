"""Current utilization against capacity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capmon.analysis.utilization import utilization
from capmon.config.schema import Settings
from capmon.model.frame import Reading

VECTORS = Path(__file__).parent.parent / "data" / "vectors"
CASES: dict[str, Any] = json.loads((VECTORS / "guide.json").read_text())[
    "assess_current_utilization"
]
GIB = 2**30


def inputs(case: dict[str, Any]) -> dict[str, Reading]:
    """One of the guide's inputs in base units."""
    given = case["in"]
    values = {
        "system.cpu.utilization": given["cpu"] / 100,
        "system.memory.utilization": given["mem_percent"] / 100,
        "system.memory.usage": given["mem_used_gib"] * GIB,
        "system.memory.limit": given["mem_total_gib"] * GIB,
        'system.filesystem.utilization{mountpoint="/"}': 0.4,
        'system.filesystem.usage{mountpoint="/"}': 40 * GIB,
        'system.filesystem.limit{mountpoint="/"}': 100 * GIB,
        "http.server.request.duration.p95": given["p95"] / 1000,
        "cache.hit_ratio": given["cache_hit_rate"],
    }
    return {k: Reading(v, 0.0) for k, v in values.items()}


@pytest.mark.parametrize("name", [k for k in CASES if CASES[k]["out"]])
def test_matches_the_guide(name: str) -> None:
    """Headrooms, cache and recommendation are the guide's, in base units."""
    got, want = utilization(Settings(), inputs(CASES[name])), CASES[name]["out"]
    system, app = want["system_resources"], want["application_performance"]
    assert got.cpu_headroom == pytest.approx(system["cpu_headroom"] / 100)
    assert got.memory_headroom_bytes == pytest.approx(system["memory_headroom_gb"] * GIB, abs=1)
    assert got.disk_headroom_bytes == pytest.approx(system["disk_headroom_gb"] * GIB)
    assert got.disk_mountpoint == "/"
    assert got.latency_headroom == pytest.approx(app["response_time_headroom_ms"] / 1000)
    assert got.cache_efficiency == app["cache_efficiency"]
    assert got.recommendation == want["scaling_recommendation"]


def test_an_unknown_cache_is_unknown() -> None:
    """Where the guide gives up without a hit ratio, the rest stands and the cache is unknown."""
    got = utilization(Settings(), inputs(CASES["hit_none"]))
    assert (got.cache_efficiency, got.cache_hit_ratio, got.recommendation) == (
        "unknown",
        None,
        "monitor",
    )


def test_nothing_known_says_nothing() -> None:
    """Without readings every number is None and the recommendation unknown."""
    got = utilization(Settings(), {})
    assert (got.cpu, got.memory, got.disk, got.latency_headroom) == (None, None, None, None)
    assert (got.recommendation, got.cache_efficiency, got.disk_mountpoint) == (
        "unknown",
        "unknown",
        "",
    )


def test_one_busy_resource_is_enough() -> None:
    """CPU over its warning asks for action though memory is unknown; under it, nothing is claimed."""
    for share, want in ((0.71, "immediate"), (0.7, "unknown")):
        got = utilization(Settings(), {"system.cpu.utilization": Reading(share, 0.0)})
        assert got.recommendation == want
