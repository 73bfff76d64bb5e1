"""A real Lease of the Kubernetes API: of two autoscalers one acts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kube_cluster import Cluster

from capmon.actions.targets.kubectl import Kubectl
from capmon.actions.targets.lease import DURATION, KubernetesLease
from capmon.clock import ManualClock

pytestmark = pytest.mark.kubernetes

PLACE = "--namespace=leases"


class Actor:
    """One autoscaler with a clock of its own, whose time of day is wrong."""

    def __init__(self, workload: str, context: str = "", day: float = 0.0) -> None:
        self.clock = ManualClock(1_700_000_000.0 + day)
        self.lease = KubernetesLease(Kubectl("leases", context, 20.0), workload, self.clock)


@pytest.fixture(scope="module", autouse=True)
def _namespace(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "leases")


def held(cluster: Cluster, name: str) -> Any:
    """The lease's spec."""
    return cluster.get(f"lease/{name}", PLACE)["spec"]


async def test_two_actors_one_acts(cluster: Cluster) -> None:
    """Whoever comes first holds it, however the kind is written, and whatever the clocks say."""
    first, second = Actor("deployment/one"), Actor("deploy/one", day=86400)
    assert await first.lease.acquire() == ""
    for _ in range(3):
        holder = first.lease.identity.rpartition(":")[0]
        assert await second.lease.acquire() == f"{holder} holds lease capmon-deployment-one"
        assert await first.lease.renew() == ""
        first.clock.advance(DURATION - 1)
        second.clock.advance(DURATION - 1)
    spec = held(cluster, "capmon-deployment-one")
    assert spec["holderIdentity"] == first.lease.identity
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (60, 0)


async def test_five_at_once(cluster: Cluster) -> None:
    """Of five that ask at the same moment exactly one may act."""
    actors = [Actor("statefulset/rush") for _ in range(5)]
    answers = await asyncio.gather(*(a.lease.acquire() for a in actors))
    assert sorted(answers).count("") == 1
    winner = actors[answers.index("")]
    assert held(cluster, "capmon-statefulset-rush")["holderIdentity"] == winner.lease.identity


async def test_takeover_after_expiry(cluster: Cluster) -> None:
    """A record that stayed the same for its duration is taken; the old holder learns of it."""
    gone, next_one = Actor("deployment/two"), Actor("deployment/two")
    assert await gone.lease.acquire() == ""
    assert "holds lease" in await next_one.lease.acquire()
    next_one.clock.advance(DURATION - 1)
    assert "holds lease" in await next_one.lease.acquire()
    next_one.clock.advance(1)
    assert await next_one.lease.acquire() == ""
    assert held(cluster, "capmon-deployment-two")["leaseTransitions"] == 1
    holder = next_one.lease.identity.rpartition(":")[0]
    assert await gone.lease.renew() == f"{holder} holds lease capmon-deployment-two"


async def test_two_take_over_at_once(cluster: Cluster) -> None:
    """Of two that find it expired, the version lets one through."""
    gone = Actor("deployment/three")
    heirs = [Actor("deployment/three"), Actor("deployment/three")]
    await gone.lease.acquire()
    for heir in heirs:
        await heir.lease.acquire()
        heir.clock.advance(DURATION)
    answers = await asyncio.gather(*(heir.lease.acquire() for heir in heirs))
    assert sorted(answers).count("") == 1


async def test_release_lets_the_next_one_in_at_once(cluster: Cluster) -> None:
    """Nobody waits for a holder that left; one that does not hold it releases nothing."""
    first, second = Actor("deployment/four"), Actor("deployment/four")
    await first.lease.acquire()
    await second.lease.release()
    assert "holds lease" in await second.lease.acquire()
    await first.lease.release()
    assert await second.lease.acquire() == ""


async def test_lease_that_was_deleted_comes_back(cluster: Cluster) -> None:
    """A holder whose lease is gone makes it anew."""
    first = Actor("deployment/five")
    await first.lease.acquire()
    cluster.kubectl("delete", f"lease/{first.lease.name}", PLACE)
    assert await first.lease.renew() == ""
    assert held(cluster, first.lease.name)["holderIdentity"] == first.lease.identity


async def test_without_rights(cluster: Cluster) -> None:
    """Whoever may not have leases acts without, and a notice says what that means."""
    actor = Actor("deployment/six", context="ro")
    assert await actor.lease.acquire() == ""
    assert actor.lease.notice.startswith("no lease, so nothing keeps another autoscaler from ")
    assert "is forbidden" in actor.lease.notice
    await actor.lease.release()


async def test_silent_server(cluster: Cluster) -> None:
    """A holder goes on for two thirds of the duration, then stops; nobody else may start."""
    holder, other = Actor("deployment/seven"), Actor("deployment/seven")
    await holder.lease.acquire()
    with cluster.frozen():
        holder.clock.advance(DURATION * 2 / 3 - 1)
        assert await holder.lease.renew() == ""
        holder.clock.advance(1)
        problem = "lease capmon-deployment-seven could not be renewed: kubectl: no answer in 5 s"
        assert await holder.lease.renew() == problem
        assert (await other.lease.acquire()).endswith("is not known: kubectl: no answer in 5 s")
    assert await holder.lease.acquire() == ""
