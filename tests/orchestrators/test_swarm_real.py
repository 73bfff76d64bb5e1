"""A real Docker Swarm, scaled through the actuator."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.actions.replicas import ReplicaCollector
from capmon.actions.targets import make_target
from capmon.clock import SystemClock
from capmon.config.schema import Duration, ScalingSettings, TargetSettings
from capmon.errors import TargetError
from capmon.model.results import ActionState, Estimate, Predicted
from capmon.model.sample import Batch
from capmon.scaling.plan import propose

pytestmark = pytest.mark.slow

SHARED = Path(os.environ.get("CAPMON_SHARED", Path(__file__).parents[2].parent / "shared"))
SCRIPT = SHARED / "tools" / "swarm.sh"
IMAGE = "127.0.0.1:1/tiny:1"
P95 = "http.server.request.duration.p95"


def docker(*arguments: str) -> None:
    """Run docker on the swarm of this test."""
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


def create(name: str, *options: str) -> None:
    """Create a service of the one tiny image."""
    usual = ["--detach", "--no-resolve-image", "--stop-grace-period", "1s", "--name", name]
    docker("service", "create", *usual, *options, IMAGE, "sleep", "1000000")


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A one-node swarm with services of similar names; taken away afterwards."""
    if not SCRIPT.exists():
        pytest.skip(f"no {SCRIPT}: set CAPMON_SHARED to the folder that holds tools/swarm.sh")
    absent = [p for p in ("docker", "dockerd", "ip", "busybox") if shutil.which(p) is None]
    if absent or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(absent) or 'nothing else'}")
    if Path("/run/netns/capmon-swarm").exists():
        pytest.skip("another swarm of this kind runs")
    folder = tmp_path_factory.mktemp("swarm")
    patch = pytest.MonkeyPatch()
    # The engine inherits the script's output, so a pipe would stay open as long as it lives.
    with (folder / "up.log").open("wb") as log:
        subprocess.run([SCRIPT, "up", folder], check=True, stdout=log, stderr=log, timeout=60)
    try:
        patch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        create("web", "--replicas", "2")
        create("web-api", "--replicas", "3")
        create("agents", "--mode", "global")
        yield
    finally:
        patch.undo()
        with (folder / "down.log").open("wb") as log:
            subprocess.run([SCRIPT, "down", folder], check=False, stdout=log, stderr=log)


async def _ready(collector: ReplicaCollector, count: int) -> Batch:
    """The first batch with so many replicas ready."""
    while True:
        batch = await collector.collect()
        if batch.values.get("replicas.ready") == count:
            return batch
        await asyncio.sleep(0.1)


@pytest.mark.usefixtures("swarm")
async def test_two_become_five(tmp_path: Path) -> None:
    """A plan is proposed, run, seen ready and measured, and its twin is left alone."""
    settings = ScalingSettings(
        mode="act",
        target=TargetSettings(kind="swarm", service="web", interval=Duration(0.5)),
    )
    target = make_target(settings.target)
    assert target is not None
    clock = SystemClock()
    audit = Audit(tmp_path / "capmon" / "audit.jsonl", clock)
    actuator = Actuator(settings, target, audit, clock, planner=propose, settle=1.0)
    collector = ReplicaCollector(target, settings, clock)

    async with asyncio.timeout(60):
        batch = await _ready(collector, 2)
        plan = actuator.propose(
            to=5,
            state=batch.replicas,
            predicted=(Predicted(P95, 0.187, Estimate(0.149)),),
            data_age=0.0,
        )
        assert plan.argv == ("docker", "service", "scale", "--detach", "web=5")
        assert (await actuator.execute(plan)).state is ActionState.ACCEPTED
        while not actuator.outcomes()[0].settled:
            actuator.observe((await collector.collect()).replicas, {P95: 0.15})
            await asyncio.sleep(0.1)

    outcome = actuator.outcomes()[0]
    assert (outcome.state, outcome.actual) == (ActionState.DONE, ((P95, 0.15),))
    assert [e["event"] for e in audit.tail(9)] == ["attempt", "accepted", "done", "verified"]
    twin = make_target(TargetSettings(kind="swarm", service="web-api"))
    assert twin is not None
    assert (await twin.read()).desired == 3


@pytest.mark.usefixtures("swarm")
async def test_replica_that_finds_no_node_is_explained() -> None:
    """The engine's own words say why a replica does not come up."""
    create("big", "--replicas", "1", "--reserve-cpu", "64")
    target = make_target(TargetSettings(kind="swarm", service="big"))
    assert target is not None
    async with asyncio.timeout(30):
        while not target.hindrance:
            state = await target.read()
            await asyncio.sleep(0.2)
    assert (state.ready, state.desired) == (0, 1)
    assert target.hindrance == "no suitable node (insufficient resources on 1 node)"


@pytest.mark.usefixtures("swarm")
@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("we", "there is no service we"),
        ("agents", "service agents is global: it has no count to scale"),
    ],
)
async def test_what_has_no_count_is_refused(service: str, text: str) -> None:
    """The beginning of a name and a global service have no count."""
    target = make_target(TargetSettings(kind="swarm", service=service))
    assert target is not None
    with pytest.raises(TargetError) as caught:
        await target.read()
    assert str(caught.value) == text
