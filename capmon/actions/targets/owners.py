"""Autoscalers of Kubernetes that own a workload: HPA, KEDA's ScaledObject, VPA."""

from __future__ import annotations

from typing import Any

from capmon.actions.redact import foreign, printable
from capmon.actions.targets.base import document, lookup
from capmon.actions.targets.kubectl import Kubectl, refused
from capmon.errors import TargetError

GROUPS_EVERY = 10
"""Looks between two questions which autoscalers' APIs there are."""

HPA = "horizontalpodautoscalers"

EXTRA = {
    "keda.sh": "scaledobjects.keda.sh",
    "autoscaling.k8s.io": "verticalpodautoscalers.autoscaling.k8s.io",
}
"""By API group, what a cluster may have besides; asking for what it lacks is an error."""

_SHORT = {"deploy": "deployment", "sts": "statefulset", "rs": "replicaset", "rc": "replicationcontroller"}  # fmt: skip

_KEDA_PAUSED = "autoscaling.keda.sh/paused"


class OwnerWatch:
    """Looks for autoscalers of one workload, with one call of kubectl as a rule."""

    def __init__(self, kubectl: Kubectl, workload: str, name: str) -> None:
        self._kubectl = kubectl
        self._workload = workload
        self._name = name
        self._looks = 0
        self._resources: tuple[str, ...] = (HPA,)
        self.setting: tuple[str, ...] = ()
        """Warnings of the last look whose autoscaler sets the count, now and by itself."""

    async def look(self) -> tuple[str, ...]:
        """A warning for each owner, and one for what could not be seen."""
        unknown = ""
        try:
            if self._looks % GROUPS_EVERY == 0:
                self._resources = (HPA, *await self._extra())
        except TargetError as error:
            unknown = self._unknown("KEDA or a VPA", error)
        self._looks += 1
        try:
            completed = await self._kubectl.run("get", ",".join(self._resources), "--output=json")
            # What may not be listed is missing from a list that comes all the same.
            found = document(completed.stdout or "{}", "kubectl get")
            if completed.code:
                unknown = self._unknown("an autoscaler", TargetError(refused(completed)))
        except TargetError as error:
            found, unknown = {}, self._unknown("an autoscaler", error)
        setting = owners_of(found, self._workload, setting=True)
        # One that was seen does not go because it cannot be seen.
        before = self.setting if unknown else ()
        self.setting = (*setting, *(text for text in before if text not in setting))
        return (*owners_of(found, self._workload), *((unknown,) if unknown else ()))

    async def _extra(self) -> list[str]:
        completed = await self._kubectl.run("get", "--raw=/apis")
        if completed.code:
            raise TargetError(refused(completed))
        groups = _list(document(completed.stdout, "kubectl get").get("groups"))
        there = {lookup(group, "name") for group in groups}
        return [resource for group, resource in EXTRA.items() if group in there]

    def _unknown(self, who: str, error: TargetError) -> str:
        return f"whether {who} owns {self._name} is not known: {foreign(str(error), 120)}"


def owners_of(found: dict[str, Any], workload: str, *, setting: bool = False) -> tuple[str, ...]:
    """A warning for each autoscaler of this workload in a list of any kinds.

    Args:
        found: The list.
        workload: Such as `deployment/web`.
        setting: Whether only those count that set the number of replicas now: an HPA, or a
            ScaledObject that is not paused.
    """
    items = _list(found.get("items"))
    # KEDA's tool is named with KEDA, where that can be seen.
    keda = any(lookup(i, "kind") == "ScaledObject" for i in items)
    seen = (i for i in items if not (keda and _of_keda(i)) and (not setting or _sets(i)))
    said = (_owner(i, workload) for i in seen)
    return tuple(text for text in said if text)


def _sets(item: Any) -> bool:
    kind = lookup(item, "kind")
    annotations = lookup(item, "metadata", "annotations")
    paused = str(lookup(annotations, _KEDA_PAUSED)).lower() == "true"
    held = isinstance(annotations, dict) and f"{_KEDA_PAUSED}-replicas" in annotations
    return kind == "HorizontalPodAutoscaler" or (kind == "ScaledObject" and (held or not paused))


def _owner(item: Any, workload: str) -> str:
    kind, spec = lookup(item, "kind"), lookup(item, "spec")
    name = printable(str(lookup(item, "metadata", "name")), 60)
    if kind == "VerticalPodAutoscaler":
        mode = lookup(spec, "updatePolicy", "updateMode") or "Auto"
        if mode == "Off" or not names(lookup(spec, "targetRef"), workload):
            return ""
        return f"VPA {name} ({printable(str(mode), 20)}) sets the size of these replicas and may restart them"
    if not names(lookup(spec, "scaleTargetRef"), workload):
        return ""
    if kind == "ScaledObject":
        return _keda(item, name)
    least, most = lookup(spec, "minReplicas"), lookup(spec, "maxReplicas")
    return f"HPA {name} ({_bounds(least, 1, most)}) owns this count and may undo a change"


def _of_keda(item: Any) -> bool:
    owners = _list(lookup(item, "metadata", "ownerReferences"))
    return any(lookup(owner, "kind") == "ScaledObject" for owner in owners)


def _keda(item: Any, name: str) -> str:
    annotations = lookup(item, "metadata", "annotations") or {}
    held = annotations.get(f"{_KEDA_PAUSED}-replicas") if isinstance(annotations, dict) else None
    if held is not None:
        return f"KEDA {name} holds this count at {printable(str(held), 10)} and may undo a change"
    if str(lookup(annotations, _KEDA_PAUSED)).lower() == "true":
        return f"KEDA {name} is paused; it owns this count once it goes on"
    least, most = lookup(item, "spec", "minReplicaCount"), lookup(item, "spec", "maxReplicaCount")
    most = 100 if most is None else most
    return f"KEDA {name} ({_bounds(least, 0, most)}) owns this count and may undo a change"


def _bounds(least: Any, default: int, most: Any) -> str:
    """The bounds, with the API's default for an absent minimum."""
    return printable(f"{default if least is None else least}–{most}", 20)


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def names(ref: Any, workload: str) -> bool:
    """Whether a reference names this workload; KEDA leaves the kind Deployment out."""
    name = workload.partition("/")[2]
    kind = str(lookup(ref, "kind") or "Deployment").lower()
    return lookup(ref, "name") == name and kind == singular(workload)


def singular(workload: str) -> str:
    """`deployment` for `deploy/web`, `deployments/web` and `deployments.apps/web`."""
    plain = workload.partition("/")[0].lower().partition(".")[0]
    plain = _SHORT.get(plain, plain)
    return plain.removesuffix("s")
