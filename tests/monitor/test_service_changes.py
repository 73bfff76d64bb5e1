"""What starts models afresh: deploys, restarts and other limits, told apart from scaling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capmon.model.frame import HostFacts, Reading
from capmon.monitor.changes import SCALED, STARTED, VERSION, Changes

HOST = HostFacts("web-01", "Debian 12", 4, 2.0, "cgroup v2", 2.0**34, 2.0**33, "cgroup v2")
NOON = 1_700_049_600.0


class Service:
    """Ticks of one service, one a second."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.clock = 0.0

    def tick(self, version="", started=None, host=HOST, ready=4, pause=1.0) -> str:
        """One tick after a pause."""
        self.clock += pause
        readings = {} if started is None else {STARTED: Reading(started, NOON)}
        texts = {VERSION: version} if version else {}
        return self.changes.step(NOON + self.clock, self.clock, readings, texts, host, ready)


def test_a_new_version_is_a_change_once() -> None:
    """The first version is no change; while a rollout answers in turn there is one change."""
    service = Service()
    assert service.tick("1.4") == ""
    assert service.tick("1.5") == "version 1.4 → 1.5 at 12:00"
    assert service.tick("1.4") == ""
    assert service.tick("1.5") == ""
    assert service.tick("") == ""
    assert service.tick("1.6") == "version 1.5 → 1.6 at 12:00"


def test_a_restart_is_a_change_and_another_replica_is_none() -> None:
    """Behind a load balancer start times alternate; only one later than all is news."""
    service = Service()
    assert service.tick(started=100.0) == ""
    assert service.tick(started=150.0) == "restart at 12:00"
    assert service.tick(started=100.0) == ""
    assert service.tick(started=150.5) == ""
    assert service.tick(started=None) == ""


@pytest.mark.parametrize(("pause", "said"), [(5.0, ""), (SCALED + 5, "restart at 12:02")])
def test_a_young_replica_is_no_deploy(pause: float, said: str) -> None:
    """A process that started as the count changed came with the scale action."""
    service = Service()
    service.tick(started=100.0, ready=4)
    service.tick(started=100.0, ready=5)
    assert service.tick(started=500.0, ready=5, pause=pause) == said


def test_other_limits_are_a_change() -> None:
    """More cores or memory make the same load another share."""
    service = Service()
    service.tick()
    assert service.tick(host=None) == ""
    assert service.tick(host=replace(HOST, cpu_limit=4.0)) == "cpu limit 2 → 4 cores at 12:00"
    more = replace(HOST, cpu_limit=4.0, memory_limit=2.0**34)
    assert service.tick(host=more) == "memory limit 8.00 GiB → 16.0 GiB at 12:00"
