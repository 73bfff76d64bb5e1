"""The Kubernetes target: the documents it reads, the commands it runs, the owners it names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from conftest import Program

from capmon.actions.targets import make_target
from capmon.actions.targets.base import Target
from capmon.actions.targets.kubernetes import notices_of, state_of
from capmon.actions.targets.obstacles import condition_of, event_of, pod_of, selector_of
from capmon.actions.targets.owners import owners_of
from capmon.config.schema import TargetSettings
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

STATE = ReplicaState("x", "web", 4, 4)


def target(**settings: Any) -> Target:
    """The Kubernetes target of these settings."""
    made = make_target(TargetSettings(kind="kubernetes", **settings))
    assert made is not None
    return made


# The documents are what kubectl prints, less what nobody reads.

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "creationTimestamp": "2026-03-01T14:32:07Z",
        "generation": 3,
        "labels": {"app": "web"},
        "name": "web",
        "namespace": "prod",
        "resourceVersion": "1048",
    },
    "spec": {
        "progressDeadlineSeconds": 600,
        "replicas": 5,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%"}, "type": "RollingUpdate"},
    },
    "status": {
        "availableReplicas": 4,
        "conditions": [
            {"status": "True", "type": "Available", "message": "has minimum availability."},
            {"status": "True", "type": "Progressing", "reason": "NewReplicaSetAvailable"},
        ],
        "observedGeneration": 3,
        "readyReplicas": 4,
        "replicas": 5,
        "unavailableReplicas": 1,
        "updatedReplicas": 5,
    },
}
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "prod"},
    "spec": {
        "maxReplicas": 10,
        "minReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
}
HPAS = {"apiVersion": "v1", "kind": "List", "items": [HPA], "metadata": {"resourceVersion": ""}}


def changed(document: dict[str, Any], **status: Any) -> dict[str, Any]:
    """The document with another status; None takes a field out."""
    found = copy.deepcopy(document)
    found["status"] |= status
    found["status"] = {k: v for k, v in found["status"].items() if v is not None}
    return found


def test_kubernetes_counts() -> None:
    """Ready and desired replicas, and the version, come from their fields."""
    expected = ReplicaState("kubernetes", "deployment/web", 4, 5, version="1048")
    assert state_of(DEPLOYMENT, "deployment/web") == expected


def test_absent_ready_count_is_zero_only_when_current() -> None:
    """The API leaves zeros out; before the controller has looked, the count is unknown."""
    assert state_of(changed(DEPLOYMENT, readyReplicas=None), "web").ready == 0
    for observed in (2, None):
        found = changed(DEPLOYMENT, readyReplicas=None, observedGeneration=observed)
        state = state_of(found, "web")
        assert (state.ready, state.desired) == (None, 5)
        assert "controller" in state.reason


def test_zero_desired_replicas_are_zero() -> None:
    """A workload scaled to nothing has the count 0."""
    found = copy.deepcopy(DEPLOYMENT)
    found["spec"]["replicas"] = 0
    assert state_of(found, "web").desired == 0


def test_workload_without_count_is_refused() -> None:
    """A DaemonSet has nothing to scale."""
    with pytest.raises(TargetError, match=r"has no spec\.replicas"):
        state_of({"kind": "DaemonSet", "spec": {}}, "daemonset/agent")


def test_hindrance_is_the_condition_that_speaks_against() -> None:
    """A quota that is used up, or a roll-out that is stuck, is quoted."""
    quota = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=5"}
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    assert condition_of(DEPLOYMENT) == ""
    assert condition_of(changed(DEPLOYMENT, conditions=[stuck])) == "ProgressDeadlineExceeded"
    assert condition_of(changed(DEPLOYMENT, conditions=[stuck, quota])) == "exceeded quota: pods=5"
    assert condition_of(changed(DEPLOYMENT, conditions="x")) == ""


WARNING = "HPA web (2–10) owns this count and may undo a change"


@pytest.mark.parametrize(
    ("workload", "owned"),
    [
        ("deployment/web", True),
        ("deploy/web", True),
        ("deployments.apps/web", True),
        ("Deployment/web", True),
        ("deployment/web-api", False),
        ("statefulset/web", False),
    ],
)
def test_owner_is_the_hpa_of_this_workload(workload: str, owned: bool) -> None:
    """An HPA is named when it scales this very workload, however its kind is written."""
    assert owners_of(HPAS, workload) == ((WARNING,) if owned else ())
    assert owners_of({"items": [{"spec": None}, 5]}, workload) == ()


def _item(kind: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            _item("ScaledObject", {"scaleTargetRef": {"name": "web"}}),
            "KEDA x (0–100) owns this count and may undo a change",
        ),
        (
            _item("ScaledObject", {"scaleTargetRef": {"name": "web", "kind": "StatefulSet"}}),
            None,
        ),
        (
            _item(
                "ScaledObject",
                {"scaleTargetRef": {"name": "web"}},
                annotations={"autoscaling.keda.sh/paused-replicas": "3"},
            ),
            "KEDA x holds this count at 3 and may undo a change",
        ),
        (
            _item(
                "ScaledObject",
                {"scaleTargetRef": {"name": "web"}},
                annotations={"autoscaling.keda.sh/paused": "true"},
            ),
            "KEDA x is paused; it owns this count once it goes on",
        ),
        (
            _item("VerticalPodAutoscaler", {"targetRef": {"kind": "Deployment", "name": "web"}}),
            "VPA x (Auto) sets the size of these replicas and may restart them",
        ),
        (
            _item(
                "VerticalPodAutoscaler",
                {
                    "targetRef": {"kind": "Deployment", "name": "web"},
                    "updatePolicy": {"updateMode": "Off"},
                },
            ),
            None,
        ),
    ],
)
def test_other_owners(item: dict[str, Any], said: str | None) -> None:
    """KEDA and VPA are named for what they do; a VPA that only recommends is not."""
    assert owners_of({"items": [item]}, "deployment/web") == ((said,) if said else ())
    sets = said is not None and "may undo a change" in said
    setting = owners_of({"items": [item]}, "deployment/web", setting=True)
    assert setting == ((said,) if sets else ())


def test_kedas_own_hpa_is_named_with_keda() -> None:
    """And for itself where its ScaledObject may not be seen: someone sets the count all the same."""
    own = HPA | {"metadata": {"name": "k", "ownerReferences": [{"kind": "ScaledObject"}]}}
    keda = _item("ScaledObject", {"scaleTargetRef": {"name": "web"}})
    (said,) = owners_of({"items": [own, keda]}, "deployment/web", setting=True)
    assert said.startswith("KEDA x ")
    (said,) = owners_of({"items": [own]}, "deployment/web", setting=True)
    assert said.startswith("HPA k ")


KUBECTL = f"""
groups = ["apps", "autoscaling"]
if argv[-1] == "--raw=/apis": print(json.dumps({{"groups": [{{"name": g}} for g in groups]}}))
elif argv[-2].startswith("horizontal"): print(json.dumps({HPAS!r}))
elif argv[-2] == "deployment/web": print(json.dumps({DEPLOYMENT!r}))
else: print("{{}}")
"""


async def test_kubectl_gets_flags_before_anything_else(program: Program) -> None:
    """Context, namespace, the exact workload, and the count as a precondition."""
    calls = program("kubectl", KUBECTL)
    kubernetes = target(name="web", namespace="prod", context="c")
    state = await kubernetes.read()
    assert (state.ready, state.desired) == (4, 5)
    assert kubernetes.name == "deployment/web in prod of c"
    assert kubernetes.notices == (WARNING,)
    where = ["--context=c", "--namespace=prod"]
    get = [*where, "get", "deployment/web", "--output=json"]
    # One pod is missing, so the pods are asked why.
    pods = [*where, "get", "pods", "--selector=app=web", "--output=json"]
    assert sorted(calls()) == sorted(
        [
            [*where, "get", "--raw=/apis"],
            get,
            [*where, "get", "horizontalpodautoscalers", "--output=json"],
            pods,
        ]
    )
    await kubernetes.read()
    await kubernetes.write(7, state)
    scale = [*where, "scale", "deployment/web", "--replicas=7", "--current-replicas=5"]
    assert calls()[4:] == [get, pods, scale]
    assert kubernetes.argv(7, state) == ("kubectl", *scale)


async def test_owners_are_asked_for_in_one_call(program: Program) -> None:
    """Where a cluster has KEDA and VPA, one call lists all three."""
    calls = program(
        "kubectl", KUBECTL.replace('"autoscaling"]', '"keda.sh", "autoscaling.k8s.io"]')
    )
    await target(name="web").read()
    all_three = (
        "horizontalpodautoscalers,scaledobjects.keda.sh,verticalpodautoscalers.autoscaling.k8s.io"
    )
    assert ["get", all_three, "--output=json"] in calls()


async def test_forbidden_look_for_an_owner_is_said(program: Program) -> None:
    """Without the right to list autoscalers the count is known, and the doubt is a notice."""
    program(
        "kubectl",
        "if argv[1].startswith('horizontal'):\n"
        "    sys.exit('Error from server (Forbidden): horizontalpodautoscalers is forbidden')\n"
        + KUBECTL,
    )
    kubernetes = target(name="deployment/web")
    assert (await kubernetes.read()).ready == 4
    (notice,) = kubernetes.notices
    said = "whether an autoscaler owns deployment/web is not known: kubectl: horizontalpodautoscalers is forbidden"
    assert notice == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            'E1123 13:09:06.491224   10913 memcache.go:265] "Unhandled Error"\n' * 5
            + "The connection to the server x was refused",
            "kubectl: The connection to the server x was refused",
        ),
        (
            "error: Expected replicas to be 2, was 5",
            "kubectl: not changed: 5 replicas are asked for by now, not 2",
        ),
        (
            'no objects passed to scale deployments.apps "web" is forbidden: no',
            'kubectl: deployments.apps "web" is forbidden: no',
        ),
        ("Error from server (NotFound): x not found", "kubectl: x not found"),
        (" ", "kubectl: failed"),
    ],
)
async def test_errors_are_one_line_for_people(program: Program, said: str, shown: str) -> None:
    """The line meant for people is shown, not the library's log before it nor the usual prefix."""
    program("kubectl", f"sys.exit({said!r})")
    with pytest.raises(TargetError) as caught:
        await target(name="web").write(7, STATE)
    assert str(caught.value) == shown


async def test_kubectl_document_beyond_the_limit_is_an_error(program: Program) -> None:
    """A cut document is not taken for a whole one."""
    program("kubectl", "print('{\"a\": \"' + 'x' * 1_100_000 + '\"}')")
    with pytest.raises(TargetError, match="over 1024 KiB"):
        await target(name="web").read()


def test_roll_out_and_pause_are_notices() -> None:
    """Replicas of an earlier template are counted; replicas that are yet to come are none."""
    assert notices_of(DEPLOYMENT, "web") == ()
    assert notices_of(changed(DEPLOYMENT, updatedReplicas=2, replicas=2), "web") == ()
    said = "3 of 5 replicas still have an earlier template"
    assert notices_of(changed(DEPLOYMENT, updatedReplicas=2), "web") == (said,)
    paused = copy.deepcopy(DEPLOYMENT)
    paused["spec"]["paused"] = True
    assert notices_of(paused, "web") == ("web is paused",)


def test_pods_and_events_say_what_is_in_the_way() -> None:
    """No node, an image that cannot be had, a pod that may not be made; a start under way is nothing."""
    unplaced = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}

    def waits(reason: str, message: str) -> dict[str, Any]:
        state = {"waiting": {"reason": reason, "message": message}}
        return {"items": [{"status": {"containerStatuses": [{"state": state}]}}]}

    pods = {"items": [{"status": {"conditions": [unplaced]}}]}
    assert pod_of(pods) == "0/2 nodes are available"
    assert pod_of(waits("ImagePullBackOff", "nope:9")) == "ImagePullBackOff: nope:9"
    assert pod_of(waits("ContainerCreating", "")) == pod_of({"items": 5}) == ""
    events = [{"lastTimestamp": "2026-01-0" + d, "message": d} for d in "132"]
    assert event_of({"items": events}) == "3"
    assert event_of({}) == ""
    assert selector_of(DEPLOYMENT) == "app=web"
    assert selector_of({"spec": {"selector": {"matchExpressions": [1]}}}) == ""
