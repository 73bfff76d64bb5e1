"""The collector of replica counts."""

from __future__ import annotations

import sys

import pytest

from capmon.actions.replicas import ReplicaCollector
from capmon.actions.targets import make_target
from capmon.clock import ManualClock
from capmon.collectors.base import Collector
from capmon.config.schema import Duration, ScalingSettings, TargetSettings
from capmon.errors import SourceError


def collector(code: str) -> ReplicaCollector:
    """A collector whose target is a Python program."""
    settings = ScalingSettings(
        min=2,
        max=8,
        target=TargetSettings(
            kind="command",
            read=(sys.executable, "-IS", "-c", code),
            write=("scale", "{replicas}"),
            interval=Duration(7.0),
        ),
    )
    target = make_target(settings.target)
    assert target is not None
    return ReplicaCollector(target, settings, ManualClock(1000.0))


async def test_counts_become_values_and_a_state() -> None:
    """One reading gives both counts as metrics, and the state with its bounds and time."""
    made: Collector = collector("print('4/5')")
    batch = await made.collect()
    assert batch.values == {"replicas.ready": 4.0, "replicas.desired": 5.0}
    assert batch.texts == {"replicas.ready": "4 of 5 ready"}
    assert batch.missing == {}
    state = batch.replicas
    assert state is not None
    assert (state.ready, state.desired, state.at) == (4, 5, 1000.0)
    assert (state.minimum, state.maximum) == (2, 8)
    assert (made.name, made.interval) == ("replicas", 7.0)
    await made.close()


async def test_one_unknown_count_is_missing_with_its_reason() -> None:
    """A count that is not in the answer is missing, not 0."""
    batch = await collector("print('{\"desired\": 5}')").collect()
    assert batch.values == {"replicas.desired": 5.0}
    assert batch.missing == {"replicas.ready": "the answer has no ready count"}


async def test_failure_is_an_error_and_makes_the_counts_unknown() -> None:
    """A target that does not answer fails the collector; the last count is not kept as true."""
    made = collector("import sys; sys.exit('cluster is down')")
    assert (made.last.ready, made.last.reason) == (None, "no answer yet")
    with pytest.raises(SourceError, match="cluster is down"):
        await made.collect()
    assert (made.last.ready, made.last.desired) == (None, None)
    assert made.last.reason.endswith("cluster is down")
