"""A real Kubernetes control plane, whose workloads are scaled by actuator, command line and screen."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fronts import Chain, Front
from kube_cluster import Cluster, crd, deployment, stateful_set

from capmon.config.schema import Duration
from capmon.errors import TargetError
from capmon.model.results import ActionState

pytestmark = pytest.mark.kubernetes

_numbers = itertools.count(1)


class Space:
    """A namespace of one test."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.name = f"test-{next(_numbers)}"
        cluster.kubectl("create", "namespace", self.name)
        cluster.wait(lambda: self._ready(), "the namespace is not set up")

    def _ready(self) -> bool:
        where = f"--namespace={self.name}"
        return self.cluster.try_kubectl("get", "serviceaccount/default", where).returncode == 0

    def create(self, *documents: dict[str, Any]) -> None:
        """Create objects in it."""
        for document in documents:
            document["metadata"]["namespace"] = self.name
            self.cluster.apply(document)

    def workload(self, document: dict[str, Any]) -> str:
        """Create a workload, wait until all of it is ready, and name it."""
        self.create(document)
        written = f"{document['kind'].lower()}/{document['metadata']['name']}"
        self.cluster.wait_for(written, self.name, document["spec"]["replicas"])
        return written

    def scale(self, workload: str, to: int) -> None:
        """Scale from outside of capmon."""
        where = f"--namespace={self.name}"
        self.cluster.kubectl("scale", workload, f"--replicas={to}", where)

    def counts(self, workload: str) -> tuple[int, int]:
        """Ready and asked for, as the server says."""
        return self.cluster.counts(workload, self.name)


@pytest.fixture
def space(cluster: Cluster) -> Iterator[Space]:
    """A new namespace; what is in it is scaled to nothing afterwards."""
    made = Space(cluster)
    yield made
    cluster.kubectl("delete", "namespace", made.name, "--wait=false")


@pytest.fixture
def chain(space: Space, tmp_path: Path) -> Callable[..., Chain]:
    """Make the chain for a workload in the test's namespace."""

    def make(workload: str, **settings: Any) -> Chain:
        return Chain(tmp_path, kind="kubernetes", name=workload, namespace=space.name, **settings)

    return make


async def _until(chain: Chain, text: str) -> None:
    """Read until the target names what is in the way."""
    async with asyncio.timeout(40):
        while text not in chain.target.hindrance:
            await chain.read()
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "document", [deployment("web"), stateful_set("db")], ids=["deployment", "statefulset"]
)
async def test_two_become_six_become_three(
    space: Space, chain: Callable[..., Chain], document: dict[str, Any]
) -> None:
    """Each plan is run, seen ready and measured, and the server agrees."""
    workload = space.workload(document)
    made = chain(workload)
    async with asyncio.timeout(90):
        origin = 2
        for to in (6, 3):
            plan = await made.plan(to)
            assert plan.warnings == ()
            assert plan.argv[2:] == (
                "scale", workload, f"--replicas={to}", f"--current-replicas={origin}",
            )  # fmt: skip
            outcome = await made.scale(to)
            assert (outcome.state, outcome.settled) == (ActionState.DONE, True)
            assert space.counts(workload) == (to, to)
            origin = to
    assert made.events() == ["attempt", "accepted", "done", "verified"] * 2


def test_command_line(space: Space, front: Callable[[str], Front]) -> None:
    """`capmon scale to N --yes` shows the plan and does it."""
    workload = space.workload(deployment("web"))
    capmon = front(f"{{kind: kubernetes, name: {workload}, namespace: {space.name}}}")
    for to in (6, 3):
        done = capmon.scale(to)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"kubectl --namespace={space.name} scale {workload} --replicas={to}" in done.stdout
        assert done.stdout.splitlines()[-1] == "accepted"
        space.cluster.wait_for(workload, space.name, to)
    assert [e["event"] for e in capmon.audit()] == ["attempt", "accepted"] * 2


def test_screen(space: Space, front: Callable[[str], Front]) -> None:
    """S, a count and enter scale; the screen shows the new count once it is ready."""
    workload = space.workload(deployment("web"))
    target = f"{{kind: kubernetes, name: {workload}, namespace: {space.name}, interval: 500ms}}"
    terminal = front(target).screen()
    for before, to in ((2, 6), (6, 3)):
        terminal.wait_for(rf"{before} of {before} ready", 30)
        terminal.press("S")
        terminal.wait_for(r"esc to leave|esc leave")
        terminal.press(str(to))
        terminal.wait_for(rf"--replicas={to}")
        terminal.press("\r")
        terminal.wait_for(rf"{to} of {to} ready", 30)
        assert space.counts(workload) == (to, to)


async def test_change_by_someone_else_is_not_overwritten(
    space: Space, chain: Callable[..., Chain]
) -> None:
    """A count that moved is refused before, by the actuator, and at last by the server itself."""
    workload = space.workload(deployment("web"))
    made = chain(workload)
    plan, seen = await made.plan(6), await made.read()
    space.scale(workload, 4)
    outcome = await made.actuator.execute(plan)
    assert (outcome.state, outcome.detail) == (
        ActionState.REFUSED,
        "was 2 when proposed, is 4 now",
    )
    with pytest.raises(TargetError) as caught:
        await made.target.write(6, seen)
    said = "kubectl: not changed: 4 replicas are asked for by now, not 2"
    assert str(caught.value) == said
    assert space.counts(workload)[1] == 4


async def test_pod_that_becomes_ready_is_no_conflict(
    space: Space, chain: Callable[..., Chain]
) -> None:
    """The version moves with every pod; a count that stands is changed all the same."""
    workload = space.workload(deployment("web"))
    made = chain(workload)
    seen = await made.read()
    space.cluster.kubectl("annotate", workload, "x=y", f"--namespace={space.name}")
    assert (await made.read()).version != seen.version
    await made.target.write(3, seen)
    space.cluster.wait_for(workload, space.name, 3)


async def test_no_rights(space: Space, chain: Callable[..., Chain]) -> None:
    """403 on reading is an unknown count with the server's reason, in one line."""
    workload = space.workload(deployment("web"))
    made = chain(workload, context="ro")
    state = await made.read()
    assert (state.ready, state.desired) == (None, None)
    assert state.reason.startswith(
        'kubectl: deployments.apps "web" is forbidden: User "ro" cannot get resource "deployments"'
    )
    assert not (await made.plan(6)).allowed
    assert space.counts(workload) == (2, 2)


async def test_right_to_see_but_not_to_scale(space: Space, chain: Callable[..., Chain]) -> None:
    """403 on writing is a failure that changed nothing; what may not be seen is a warning before."""
    workload = space.workload(deployment("web"))
    space.create(*_rights(["apps"], ["deployments", "deployments/scale"], ["get"]))
    made = chain(workload, context="ro")
    plan = await made.plan(6)
    (warning,) = plan.warnings
    assert warning.startswith(f"whether an autoscaler owns {workload} in ")
    assert "horizontalpodautoscalers" in warning
    outcome = await made.actuator.execute(plan)
    assert outcome.state is ActionState.FAILED
    assert "is forbidden" in outcome.detail
    assert made.actuator.cooldown("up") == 0
    assert space.counts(workload) == (2, 2)


def _rights(groups: list[str], resources: list[str], verbs: list[str]) -> list[dict[str, Any]]:
    """A role for the user of context `ro`."""
    api, kind = "rbac.authorization.k8s.io", "User"
    metadata = {"name": "some"}
    rules = [{"apiGroups": groups, "resources": resources, "verbs": verbs}]
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {**metadata}, "rules": rules}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {**metadata},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": "some"},
        "subjects": [{"apiGroup": api, "kind": kind, "name": "ro"}],
    }
    return [role, binding]


@pytest.mark.parametrize(
    ("workload", "text"),
    [
        ("deployment/nope", 'kubectl: deployments.apps "nope" not found'),
        ("daemonset/agent", "daemonset/agent in SPACE has no spec.replicas: there is no count to scale"),
        ("gadget/web", 'kubectl: the server doesn\'t have a resource type "gadget"'),
    ],
)  # fmt: skip
async def test_what_cannot_be_scaled(
    space: Space, chain: Callable[..., Chain], workload: str, text: str
) -> None:
    """An absent workload, one without a count and an unknown kind are named as such."""
    agent = deployment("agent") | {"kind": "DaemonSet"}
    del agent["spec"]["replicas"]
    space.create(agent)
    state = await chain(workload).read()
    assert (state.desired, state.reason) == (None, text.replace("SPACE", space.name))


async def test_wrong_credentials(
    space: Space, chain: Callable[..., Chain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 says that one must log in."""
    config = tmp_path / "kubeconfig"
    config.write_text(space.cluster.kubeconfig.read_text().replace("tok-admin", "tok-wrong"))
    monkeypatch.setenv("KUBECONFIG", str(config))
    state = await chain("deployment/web").read()
    assert state.desired is None
    assert "must be logged in to the server" in state.reason


async def test_server_that_does_not_answer(space: Space, chain: Callable[..., Chain]) -> None:
    """A frozen server: the count is unknown after the deadline, and nothing is assumed of a change."""
    workload = space.workload(deployment("web"))
    made = chain(workload, timeout=Duration(2.0))
    plan, seen = await made.plan(6), await made.read()
    with space.cluster.frozen():
        with pytest.raises(TargetError, match=r"^kubectl: no answer in 2 s$"):
            await made.target.write(6, seen)
        outcome = await made.actuator.execute(plan)
        assert outcome.state is ActionState.REFUSED
        assert outcome.detail == "replica count is not known: kubectl: no answer in 2 s"
        state = await made.read()
        assert (state.ready, state.desired) == (None, None)
        assert not (await made.plan(6)).allowed
    assert made.events() == ["attempt", "refused"]


HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v1",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web-hpa"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 8,
    },
}
KEDA: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "web-queue"},
    "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 9},
}
VPA: dict[str, Any] = {
    "apiVersion": "autoscaling.k8s.io/v1",
    "kind": "VerticalPodAutoscaler",
    "metadata": {"name": "web-size"},
    "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
}


def test_autoscalers_are_named_before_acting(space: Space, front: Callable[[str], Front]) -> None:
    """First with the HPA alone, then with KEDA's and VPA's resources there: all stand in the plan."""
    workload = space.workload(deployment("web"))
    capmon = front(f"{{kind: kubernetes, name: {workload}, namespace: {space.name}}}")
    space.create(HPA)
    hpa = "beware   HPA web-hpa (2–8) owns this count and may undo a change"
    alone = capmon.scale(3).stdout
    assert hpa in alone
    assert alone.count("beware") == 1

    for group, kind, plural, version in (
        ("keda.sh", "ScaledObject", "scaledobjects", "v1alpha1"),
        ("autoscaling.k8s.io", "VerticalPodAutoscaler", "verticalpodautoscalers", "v1"),
    ):
        space.cluster.apply(crd(group, kind, plural, version))
        name = f"crd/{plural}.{group}"
        space.cluster.kubectl("wait", "--for=condition=Established", name)
    space.create(KEDA, VPA)
    lines = capmon.scale(4).stdout.splitlines()
    said = [line.strip() for line in lines]
    keda = "beware   KEDA web-queue (0–9) owns this count and may undo a change"
    vpa = "beware   VPA web-size (Auto) sets the size of these replicas and may restart them"
    assert {hpa, keda, vpa} <= set(said)
    assert said.index(vpa) < said.index("accepted")


@pytest.mark.parametrize(
    "document", [deployment("web"), stateful_set("db")], ids=["deployment", "statefulset"]
)
async def test_quota_is_shown(
    space: Space, chain: Callable[..., Chain], document: dict[str, Any]
) -> None:
    """Pods that may not be created: accepted, not done, and the server's reason beside it."""
    workload = space.workload(document)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "3"}}}
    space.create(quota | {"metadata": {"name": "few"}})
    path = (
        "get",
        "quota/few",
        f"--namespace={space.name}",
        "--output=jsonpath={.status.used.pods}",
    )
    space.cluster.wait(lambda: space.cluster.kubectl(*path) == "2", "the quota does not count")
    made = chain(workload)
    outcome = await made.actuator.execute(await made.plan(6))
    assert outcome.state is ActionState.ACCEPTED
    await _until(made, "exceeded quota: few")
    made.actuator.observe(await made.read(), {})
    outcome = made.actuator.outcomes()[0]
    assert outcome.state is ActionState.ACCEPTED
    assert space.counts(workload)[1] == 6


async def test_pod_without_a_node_is_shown(space: Space, chain: Callable[..., Chain]) -> None:
    """Replicas that no node has room for are explained in the scheduler's words."""
    space.create(deployment("big", 1, resources={"requests": {"cpu": "64"}}))
    made = chain("deployment/big")
    await _until(made, "Insufficient cpu")
    state = await made.read()
    assert (state.ready, state.desired) == (0, 1)


async def test_pause_and_roll_out_are_warnings(space: Space, chain: Callable[..., Chain]) -> None:
    """A paused deployment and replicas of an earlier template are named before acting."""
    document = deployment("web")
    # No new replica can come up, so that the roll-out stays half-way.
    document["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    workload = space.workload(document)
    container = document["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "64"}}
    space.create(document)
    made = chain(workload)
    async with asyncio.timeout(30):
        while not made.target.notices:
            await made.read()
    warnings = (await made.plan(3)).warnings
    assert warnings == ("2 of 3 replicas still have an earlier template",)
    space.cluster.kubectl("rollout", "pause", workload, f"--namespace={space.name}")
    assert f"{workload} in {space.name} is paused" in (await made.plan(3)).warnings
