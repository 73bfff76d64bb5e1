"""A real Docker Swarm, scaled through the actuator, from the command line and on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fronts import Chain, Front
from swarm_engine import Engine

from capmon.errors import TargetError
from capmon.model.results import ActionState, ReplicaState

pytestmark = pytest.mark.swarm

WEB = "{kind: swarm, service: web, interval: 500ms}"


@pytest.fixture(scope="module")
def swarm(engine: Engine) -> Engine:
    """A swarm with services of similar names."""
    engine.create("web", "--replicas=2")
    engine.create("web-api", "--replicas=1")
    engine.create("agents", "--mode=global")
    return engine


@pytest.fixture
def web(swarm: Engine) -> Engine:
    """The swarm with two of two replicas of `web` running."""
    swarm.settle("web", 2)
    return swarm


async def test_two_become_six_become_three(web: Engine, tmp_path: Path) -> None:
    """Each plan is run, seen ready and measured; the engine agrees; its twin is left alone."""
    chain = Chain(tmp_path, kind="swarm", service="web")
    async with asyncio.timeout(60):
        for to in (6, 3):
            plan = await chain.plan(to)
            assert plan.argv == ("docker", "service", "scale", "--detach", f"web={to}")
            outcome = await chain.scale(to)
            assert (outcome.state, outcome.settled) == (ActionState.DONE, True)
            assert web.replicas("web") == f"{to}/{to}"
    assert chain.events() == ["attempt", "accepted", "done", "verified"] * 2
    assert web.replicas("web-api") == "1/1"


async def test_version_grows_with_each_change(web: Engine, tmp_path: Path) -> None:
    """The state carries the service's version, which a change raises and a reading does not."""
    chain = Chain(tmp_path, kind="swarm", service="web")
    first, again = await chain.read(), await chain.read()
    assert first.version == again.version
    await chain.scale(3)
    assert int((await chain.read()).version) > int(first.version)


async def test_change_by_someone_else_is_not_overwritten(web: Engine, tmp_path: Path) -> None:
    """A count that moved after it was read is left as it is, and the count there is is named."""
    chain = Chain(tmp_path, kind="swarm", service="web")
    plan, seen = await chain.plan(6), await chain.read()
    web.settle("web", 4)
    outcome = await chain.actuator.execute(plan)
    assert (outcome.state, outcome.detail) == (
        ActionState.REFUSED,
        "was 2 when proposed, is 4 now",
    )
    with pytest.raises(TargetError, match=r"^not changed: 4 replicas are asked for by now, not 2$"):
        await chain.target.write(6, seen)
    assert web.replicas("web") == "4/4"


async def _hindered(chain: Chain) -> ReplicaState:
    """The first state for which the target says what is in the way."""
    async with asyncio.timeout(40):
        while True:
            state = await chain.read()
            if chain.target.hindrance:
                return state
            await asyncio.sleep(0.1)


async def test_replica_that_finds_no_node_is_explained(swarm: Engine, tmp_path: Path) -> None:
    """The engine's own words say why a replica does not come up."""
    swarm.create("big", "--replicas=1", "--reserve-cpu=64")
    chain = Chain(tmp_path, kind="swarm", service="big")
    state = await _hindered(chain)
    assert (state.ready, state.desired) == (0, 1)
    assert chain.target.hindrance == "no suitable node (insufficient resources on 1 node)"
    swarm.docker("service", "rm", "big")


async def test_image_that_is_nowhere_is_explained(swarm: Engine, tmp_path: Path) -> None:
    """Replicas of an image that cannot be had are rejected, and that is the reason shown."""
    image = "127.0.0.1:1/nope:9"
    swarm.docker("service", "create", "--detach", "--no-resolve-image", "--name=nope", image)
    chain = Chain(tmp_path, kind="swarm", service="nope")
    state = await _hindered(chain)
    assert (state.ready, state.desired) == (0, 1)
    assert chain.target.hindrance == f"No such image: {image}"
    swarm.docker("service", "rm", "nope")


async def test_replicas_that_end_at_once_are_explained(swarm: Engine, tmp_path: Path) -> None:
    """An accepted scale-up whose replicas fail is not done; the outcome says why."""
    swarm.create("crash", "--replicas=1", run=("sh", "-c", "exit 3"))
    chain = Chain(tmp_path, kind="swarm", service="crash")
    await _hindered(chain)
    outcome = await chain.actuator.execute(await chain.plan(2))
    assert outcome.state is ActionState.ACCEPTED
    async with asyncio.timeout(40):
        while "task: non-zero exit (3)" not in outcome.detail:
            chain.actuator.observe(await chain.read(), {})
            outcome = chain.actuator.outcomes()[0]
    assert outcome.state is ActionState.ACCEPTED
    swarm.docker("service", "rm", "crash")


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("we", "there is no service we"),
        ("agents", "service agents is global: it has no count to scale"),
    ],
)
async def test_what_has_no_count_is_refused(
    swarm: Engine, tmp_path: Path, service: str, text: str
) -> None:
    """The beginning of a name and a global service have no count."""
    state = await Chain(tmp_path, kind="swarm", service=service).read()
    assert (state.ready, state.desired, state.reason) == (None, None, text)


def test_command_line(web: Engine, front: Callable[[str], Front]) -> None:
    """`capmon scale to N --yes` shows the plan and does it; the audit log has both."""
    capmon = front(WEB)
    for to in (6, 3):
        done = capmon.scale(to)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"docker service scale --detach web={to}" in done.stdout
        assert done.stdout.splitlines()[-1] == "accepted"
        web.wait_for("web", to)
    assert [e["event"] for e in capmon.audit()] == ["attempt", "accepted"] * 2


def test_screen(web: Engine, front: Callable[[str], Front]) -> None:
    """S, a count and enter scale; the screen shows the new count once the engine does."""
    terminal = front(WEB).screen()
    for before, to in ((2, 6), (6, 3)):
        terminal.wait_for(rf"{before} of {before} ready", 30)
        terminal.press("S")
        terminal.wait_for(r"esc to leave|esc leave")
        terminal.press(str(to))
        terminal.wait_for(rf"docker service scale --detach web={to}")
        terminal.press("\r")
        terminal.wait_for(rf"{to} of {to} ready", 30)
        # The engine goes on counting replicas that have yet to end.
        web.wait_for("web", to)


async def test_engine_that_dies(web: Engine, front: Callable[[str], Front], tmp_path: Path) -> None:
    """Killed in the middle: the error is shown, the count is unknown, and nothing is scaled."""
    chain = Chain(tmp_path, kind="swarm", service="web")
    capmon = front(WEB)
    terminal = capmon.screen()
    await asyncio.to_thread(terminal.wait_for, r"2 of 2 ready", 30)
    plan, seen = await chain.plan(4), await chain.read()
    web.kill()

    with pytest.raises(TargetError, match=r"^docker: .*daemon running\?$"):
        await chain.target.write(4, seen)
    outcome = await chain.actuator.execute(plan)
    assert outcome.state is ActionState.REFUSED
    assert outcome.detail.startswith("replica count is not known: docker: ")
    state = await chain.read()
    assert (state.ready, state.desired) == (None, None)
    assert "daemon running?" in state.reason
    assert not (await chain.plan(4)).allowed
    assert chain.events() == ["attempt", "refused"]

    await asyncio.to_thread(terminal.wait_for, r"(?i)docker daemon|unknown", 30)
    terminal.press("S")
    await asyncio.to_thread(terminal.wait_for, r"replica count is not known")
    done = await asyncio.to_thread(capmon.scale, 4)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("refused: replica count is not known: ")
