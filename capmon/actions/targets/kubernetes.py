"""A Kubernetes workload, through kubectl with its own contexts and credentials."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from capmon.actions.redact import foreign, printable
from capmon.actions.run import checked, run
from capmon.actions.targets.base import READ_DEADLINE, count, document, lookup
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

DOCUMENT_LIMIT = 1024 * 1024
"""Bytes of an answer that are kept: annotations alone may take 256 KiB of a document."""

OWNER_EVERY = 12
"""Readings between two looks for an autoscaler, which cost as much as a reading each."""

# client-go's own log lines come before the one line meant for people.
_LOG_LINE = re.compile(r"^[IWEF][0-9]{4} .*\n?", re.MULTILINE)


class KubernetesTarget:
    """One workload that has `spec.replicas`."""

    kind = "kubernetes"

    def __init__(self, workload: str, namespace: str, context: str, timeout: float) -> None:
        self._workload = workload if "/" in workload else f"deployment/{workload}"
        self._base = ["kubectl"]
        self._base += [f"--context={context}"] if context else []
        self._base += [f"--namespace={namespace}"] if namespace else []
        self._timeout = timeout
        self._readings = 0
        self._owner: tuple[str, ...] = ()
        where = f" in {namespace}" if namespace else ""
        where += f" of {context}" if context else ""
        self.name = printable(self._workload + where, 80)
        self.notices: tuple[str, ...] = ()
        self.hindrance = ""

    async def read(self) -> ReplicaState:
        """Replicas asked for and ready, from the workload's own document.

        Raises:
            TargetError: No answer, no such workload, no right to see it, or nothing to scale.
        """
        look = self._readings % OWNER_EVERY == 0
        self._readings += 1
        if look:
            found, self._owner = await asyncio.gather(self._get(self._workload), self._look())
        else:
            found = await self._get(self._workload)
        state = state_of(found, self.name)
        self.hindrance = hindrance_of(found) if state.ready != state.desired else ""
        paused = (f"{self.name} is paused",) if lookup(found, "spec", "paused") is True else ()
        self.notices = (*self._owner, *paused)
        return state

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """`kubectl scale`, which the server refuses if the count is another one by then."""
        expected = () if state.desired is None else (f"--current-replicas={state.desired}",)
        return (*self._base, "scale", self._workload, f"--replicas={to}", *expected)

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask for `to` replicas.

        Raises:
            TargetError: The server said no, the count moved meanwhile, or there was no answer.
        """
        await self._kubectl(self.argv(to, state))

    async def close(self) -> None:
        """Nothing is held open."""

    async def _get(self, what: str) -> dict[str, Any]:
        argv = (*self._base, "get", what, "--output=json")
        return document(await self._kubectl(argv, reading=True), "kubectl get")

    async def _kubectl(self, argv: tuple[str, ...], *, reading: bool = False) -> str:
        deadline = min(self._timeout, READ_DEADLINE) if reading else self._timeout
        completed = await run(argv, deadline=deadline, limit=DOCUMENT_LIMIT)
        if completed.code:
            said = _LOG_LINE.sub("", completed.stderr).strip()
            raise TargetError(f"kubectl: {foreign(said or completed.stderr or 'failed')}")
        if completed.truncated:
            raise TargetError(f"kubectl get: the answer is over {DOCUMENT_LIMIT // 1024} KiB")
        return checked(argv, completed)

    async def _look(self) -> tuple[str, ...]:
        """A warning for an autoscaler that sets the same count, or for not being able to tell."""
        try:
            hpas = await self._get("horizontalpodautoscalers")
        except TargetError as error:
            return (f"whether an HPA owns {self.name} is not known: {foreign(str(error), 120)}",)
        owner = owner_of(hpas, self._workload)
        return (owner,) if owner else ()


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
        generation = lookup(found, "metadata", "generation")
        observed = lookup(found, "status", "observedGeneration")
        seen = isinstance(observed, int) and isinstance(generation, int) and observed >= generation
        ready = 0 if seen else None
        reason = "" if seen else "the controller has not yet seen the latest change"
    version = printable(str(lookup(found, "metadata", "resourceVersion") or ""), 40)
    return ReplicaState("kubernetes", name, ready, desired, reason=reason, version=version)


def hindrance_of(found: dict[str, Any]) -> str:
    """What a workload's conditions say against its replicas; empty when nothing."""
    conditions = lookup(found, "status", "conditions")
    for kind, bad in (("ReplicaFailure", "True"), ("Progressing", "False")):
        for condition in conditions if isinstance(conditions, list) else ():
            if lookup(condition, "type") == kind and lookup(condition, "status") == bad:
                text = lookup(condition, "message") or lookup(condition, "reason") or kind
                return foreign(str(text), 120)
    return ""


def owner_of(hpas: dict[str, Any], workload: str) -> str:
    """The autoscaler that sets the same count, in words; empty when there is none."""
    kind, _, name = workload.partition("/")
    items = hpas.get("items")
    for item in items if isinstance(items, list) else ():
        ref = lookup(item, "spec", "scaleTargetRef")
        if lookup(ref, "name") == name and _same_kind(str(lookup(ref, "kind")), kind):
            title = printable(str(lookup(item, "metadata", "name")), 60)
            # The API's default for an absent minimum is 1.
            least = lookup(item, "spec", "minReplicas")
            bounds = f"{1 if least is None else least}–{lookup(item, 'spec', 'maxReplicas')}"
            return f"HPA {title} ({printable(bounds, 20)}) owns this count and may undo a change"
    return ""


_SHORT = {"deploy": "deployment", "sts": "statefulset", "rs": "replicaset", "rc": "replicationcontroller"}  # fmt: skip


def _same_kind(kind: str, written: str) -> bool:
    """Whether `Deployment` is what `deploy`, `deployments` or `deployments.apps` names."""
    plain = written.lower().partition(".")[0]
    plain = _SHORT.get(plain, plain)
    return kind.lower() in (plain, plain.removesuffix("s"))
