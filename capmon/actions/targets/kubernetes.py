"""A Kubernetes workload that can be scaled, through kubectl."""

from __future__ import annotations

import asyncio
from typing import Any

from capmon.actions.redact import printable
from capmon.actions.targets.base import Lease, count, lookup
from capmon.actions.targets.kubectl import Kubectl
from capmon.actions.targets.lease import KubernetesLease
from capmon.actions.targets.obstacles import UNSEEN, current, obstacle
from capmon.actions.targets.owners import OwnerWatch
from capmon.clock import Clock
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

OWNER_EVERY = 12
"""Readings between two looks for an autoscaler, which cost as much as a reading each."""


class KubernetesTarget:
    """One workload that has `spec.replicas`: a Deployment, a StatefulSet, or another of the kind."""

    kind = "kubernetes"

    def __init__(
        self, workload: str, namespace: str, context: str, timeout: float, clock: Clock
    ) -> None:
        self._workload = workload if "/" in workload else f"deployment/{workload}"
        self._kubectl = Kubectl(namespace, context, timeout)
        self._readings = 0
        self._owners: tuple[str, ...] = ()
        where = f" in {namespace}" if namespace else ""
        where += f" of {context}" if context else ""
        self.name = printable(self._workload + where, 80)
        self._watch = OwnerWatch(self._kubectl, self._workload, self.name)
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.hindrance = ""
        self.lease: Lease | None = KubernetesLease(self._kubectl, self._workload, clock)

    def look_closely(self) -> None:
        """Have the next reading look for autoscalers."""
        self._readings = 0

    async def read(self) -> ReplicaState:
        """Replicas asked for and ready, from the workload's own document.

        Raises:
            TargetError: No answer, no such workload, no right to see it, or nothing to scale.
        """
        look = self._readings % OWNER_EVERY == 0
        self._readings += 1
        if look:
            found, self._owners = await asyncio.gather(
                self._kubectl.get(self._workload), self._watch.look()
            )
        else:
            found = await self._kubectl.get(self._workload)
        state = state_of(found, self.name)
        self.owners = self._watch.setting
        self.notices = (*self._owners, *notices_of(found, self.name))
        missing = state.desired is not None and (state.ready or 0) < state.desired
        self.hindrance = await obstacle(self._kubectl, found) if missing else ""
        return state

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """`kubectl scale`, which the server refuses if the count is another one by then.

        The precondition is the count and not the resourceVersion, which each pod that becomes
        ready raises: kubectl reads the count together with a version and writes with that
        version, so that nobody can change the count in between unseen.
        """
        expected = () if state.desired is None else (f"--current-replicas={state.desired}",)
        return (*self._kubectl.base, "scale", self._workload, f"--replicas={to}", *expected)

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask for `to` replicas.

        Raises:
            TargetError: The server said no, the count moved meanwhile, or there was no answer.
        """
        await self._kubectl.change(*self.argv(to, state)[len(self._kubectl.base) :])

    async def close(self) -> None:
        """Nothing is held open."""


def state_of(found: dict[str, Any], name: str) -> ReplicaState:
    """Counts from a workload's document.

    An absent `readyReplicas` is 0 once the controller has seen this generation of the document,
    for the API leaves out zeros; before that it is not known.

    Raises:
        TargetError: The workload has no count of replicas.

    Source:
        Kubernetes API reference, DeploymentStatus and StatefulSetStatus.
    """
    desired = count(lookup(found, "spec", "replicas"), "spec.replicas")
    if desired is None:
        raise TargetError(f"{name} has no spec.replicas: there is no count to scale")
    ready = count(lookup(found, "status", "readyReplicas"), "status.readyReplicas")
    reason = ""
    if ready is None:
        seen = current(found)
        ready = 0 if seen else None
        reason = "" if seen else UNSEEN
    version = printable(str(lookup(found, "metadata", "resourceVersion") or ""), 40)
    return ReplicaState("kubernetes", name, ready, desired, reason=reason, version=version)


def notices_of(found: dict[str, Any], name: str) -> tuple[str, ...]:
    """What a workload's document says that a person should know before scaling it."""
    said = []
    if lookup(found, "spec", "paused") is True:
        said.append(f"{name} is paused")
    made = lookup(found, "status", "replicas") or 0
    updated = lookup(found, "status", "updatedReplicas")
    if updated is None and lookup(found, "kind") in ("Deployment", "StatefulSet"):
        updated = 0
    if isinstance(updated, int) and isinstance(made, int) and updated < made and current(found):
        said.append(f"{made - updated} of {made} replicas still have an earlier template")
    return tuple(said)
