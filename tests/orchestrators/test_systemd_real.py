"""A real systemd, whose instances of a template unit are scaled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fronts import Chain, Front
from user_systemd import UserSystemd

from capmon.model.results import ActionState

pytestmark = pytest.mark.slow


def units(*numbers: int | str, template: str = "web") -> list[str]:
    """Names of instances."""
    return [f"{template}@{n}.service" for n in numbers]


@pytest.fixture
def web(user_systemd: UserSystemd) -> UserSystemd:
    """The manager with instances 1 and 2 of `web`, and one that has a word for a number."""
    for unit in user_systemd.running("web@"):
        user_systemd.systemctl("disable", "--now", unit)
    user_systemd.systemctl("enable", "--now", *units(1, 2, "blue"))
    return user_systemd


async def test_two_become_six_become_three(web: UserSystemd, tmp_path: Path) -> None:
    """The lowest free numbers start, the highest stop, each for the next boot too; others stay."""
    chain = Chain(tmp_path, kind="systemd", unit="web@", user=True)
    base = ("systemctl", "--user")
    async with asyncio.timeout(30):
        up = await chain.plan(6)
        assert up.argv == (*base, "enable", "--now", "--no-block", *units(3, 4, 5, 6))
        assert up.warnings == ("left alone and not counted, having no number: web@blue.service",)
        assert (await chain.scale(6)).state is ActionState.DONE
        assert web.running("web@") == web.enabled("web@") == units(1, 2, 3, 4, 5, 6, "blue")
        down = await chain.plan(3)
        assert down.argv == (*base, "disable", "--now", "--no-block", *units(4, 5, 6))
        assert (await chain.scale(3)).state is ActionState.DONE
    assert web.running("web@") == web.enabled("web@") == units(1, 2, 3, "blue")


async def test_gap_is_filled_first(web: UserSystemd, tmp_path: Path) -> None:
    """Where an instance in the middle is missing, it comes before a new number."""
    web.systemctl("disable", "--now", *units(1))
    chain = Chain(tmp_path, kind="systemd", unit="web@.service", user=True)
    assert (await chain.read()).version == "2"
    async with asyncio.timeout(30):
        assert (await chain.scale(2)).state is ActionState.DONE
    assert web.running("web@") == units(1, 2, "blue")


async def test_instances_that_fail_are_explained(user_systemd: UserSystemd, tmp_path: Path) -> None:
    """They stay asked for, are not ready, and the outcome names one; taken away, they are gone."""
    chain = Chain(tmp_path, kind="systemd", unit="bad@", user=True)
    state = await chain.read()
    assert (state.ready, state.desired) == (0, 0)
    outcome = await chain.actuator.execute(await chain.plan(2))
    async with asyncio.timeout(20):
        assert outcome.state is ActionState.ACCEPTED, outcome
        while "failed" not in outcome.detail:
            chain.actuator.observe(await chain.read(), {})
            outcome = chain.actuator.outcomes()[0]
    assert outcome.state is ActionState.ACCEPTED
    assert outcome.detail.endswith("bad@1.service failed: exit-code 1")
    state = await chain.read()
    assert (state.ready, state.desired) == (0, 2)
    await chain.target.write(1, state)
    assert ((await chain.read()).desired, user_systemd.enabled("bad@")) == (
        1,
        units(1, template="bad"),
    )


async def test_template_that_no_boot_starts_is_said(
    user_systemd: UserSystemd, tmp_path: Path
) -> None:
    """Without an [Install] section it can be scaled, and a warning says what a reboot does."""
    chain = Chain(tmp_path, kind="systemd", unit="plain@", user=True)
    plan = await chain.plan(2)
    warning = "the template has no [Install] section: a reboot ends all replicas"
    assert plan.warnings == (warning,)
    async with asyncio.timeout(20):
        assert (await chain.scale(2)).state is ActionState.DONE
        assert (await chain.scale(1)).state is ActionState.DONE
    assert user_systemd.running("plain@") == units(1, template="plain")


async def test_template_that_is_not_there(user_systemd: UserSystemd, tmp_path: Path) -> None:
    """It is an error with a name, not a count of 0."""
    state = await Chain(tmp_path, kind="systemd", unit="nope@", user=True).read()
    assert (state.desired, state.reason) == (None, "nope@.service of this user: not-found")


async def test_manager_that_is_not_there(
    user_systemd: UserSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no systemd answers the count is unknown, in systemctl's words."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    state = await Chain(tmp_path, kind="systemd", unit="web@", user=True).read()
    assert state.desired is None
    assert state.reason.startswith("systemctl: Failed to connect to bus")


def test_command_line(web: UserSystemd, front: Callable[[str], Front]) -> None:
    """`capmon scale` starts and stops instances."""
    capmon = front("{kind: systemd, unit: web@.service, user: true}")
    for to in (4, 2):
        done = capmon.scale(to)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1] == "accepted"
        assert web.enabled("web@") == units(*range(1, to + 1), "blue")
