"""What keeps the pods of a Kubernetes workload from becoming ready."""

from __future__ import annotations

from typing import Any

from capmon.actions.redact import foreign
from capmon.actions.targets.base import READ_DEADLINE, lookup
from capmon.actions.targets.kubectl import Kubectl
from capmon.errors import TargetError

UNSEEN = "the controller has not yet seen the latest change"

PATIENT = ("ContainerCreating", "PodInitializing")
"""Reasons of waiting that are part of any start."""


async def obstacle(kubectl: Kubectl, found: dict[str, Any]) -> str:
    """Why replicas are missing, from the workload's document, its events or its pods.

    A condition costs nothing to read. A StatefulSet has none for a pod that may not be created,
    only events; and why a pod that is there does not start, only the pod says.
    """
    if said := condition_of(found):
        return said
    try:
        said = await _ask(kubectl, found)
    except (TargetError, TypeError):
        said = ""  # the counts are known, and this only explains them
    return said or ("" if current(found) else UNSEEN)


async def _ask(kubectl: Kubectl, found: dict[str, Any]) -> str:
    made, desired = lookup(found, "status", "replicas") or 0, lookup(found, "spec", "replicas") or 0
    if made < desired:
        return event_of(await _events(kubectl, found))
    selector = selector_of(found)
    if not selector:
        return ""
    pods = await kubectl.get("pods", f"--selector={selector}", deadline=READ_DEADLINE / 2)
    return pod_of(pods)


def current(found: dict[str, Any]) -> bool:
    """Whether the controller has seen this generation of a workload's document."""
    generation = lookup(found, "metadata", "generation")
    observed = lookup(found, "status", "observedGeneration")
    return isinstance(observed, int) and isinstance(generation, int) and observed >= generation


async def _events(kubectl: Kubectl, found: dict[str, Any]) -> dict[str, Any]:
    kind, name = lookup(found, "kind"), lookup(found, "metadata", "name")
    fields = f"involvedObject.kind={kind},involvedObject.name={name},reason=FailedCreate"
    return await kubectl.get("events", f"--field-selector={fields}", deadline=READ_DEADLINE / 2)


def condition_of(found: dict[str, Any]) -> str:
    """What a workload's conditions say against its replicas; empty when nothing."""
    for kind, bad in (("ReplicaFailure", "True"), ("Progressing", "False")):
        for condition in _list(lookup(found, "status", "conditions")):
            if lookup(condition, "type") == kind and lookup(condition, "status") == bad:
                text = lookup(condition, "message") or lookup(condition, "reason") or kind
                return foreign(str(text), 120)
    return ""


def event_of(found: dict[str, Any]) -> str:
    """The message of the latest of some events."""
    latest = max(
        _list(found.get("items")), key=lambda e: str(lookup(e, "lastTimestamp")), default=None
    )
    return foreign(str(lookup(latest, "message") or ""), 160)


def pod_of(found: dict[str, Any]) -> str:
    """Why the first pod that does not start does not: no node, or a container that waits."""
    for pod in _list(found.get("items")):
        for condition in _list(lookup(pod, "status", "conditions")):
            placed = lookup(condition, "type") != "PodScheduled"
            if not placed and lookup(condition, "status") == "False":
                return foreign(str(lookup(condition, "message") or "no node for a pod"), 160)
        for container in _list(lookup(pod, "status", "containerStatuses")):
            waiting = lookup(container, "state", "waiting")
            reason = lookup(waiting, "reason")
            if reason and reason not in PATIENT:
                return foreign(f"{reason}: {lookup(waiting, 'message') or ''}".rstrip(": "), 160)
    return ""


def selector_of(found: dict[str, Any]) -> str:
    """The labels of a workload's pods as kubectl takes them; empty when they are no plain labels."""
    selector = lookup(found, "spec", "selector")
    labels = lookup(selector, "matchLabels")
    if not isinstance(labels, dict) or lookup(selector, "matchExpressions"):
        return ""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []
