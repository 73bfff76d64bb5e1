"""The systemd target: how it reads what `systemctl show` prints, and which units it names."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Program
from hypothesis import given
from hypothesis import strategies as st

from capmon.actions.targets import make_target
from capmon.actions.targets.base import Target
from capmon.actions.targets.systemd import (
    SystemdTarget,
    format_numbers,
    instances_of,
    parse_numbers,
)
from capmon.config.schema import TargetSettings
from capmon.errors import TargetError
from capmon.model.results import ReplicaState


def target(**settings: Any) -> Target:
    """The systemd target of these settings."""
    made = make_target(TargetSettings(kind="systemd", **settings))
    assert made is not None
    return made


def block(label: object, active: str = "active", sub: str = "running", **more: str) -> str:
    """One block as systemd 252 prints it."""
    said = {"Result": "success", "ExecMainStatus": "0", "Id": f"web@{label}.service"}
    said |= {"LoadState": "loaded", "ActiveState": active, "SubState": sub}
    said |= {"UnitFileState": "enabled"} | more
    return "".join(f"{name}={value}\n" for name, value in said.items())


def shows(*blocks: str) -> str:
    """A systemctl that prints these blocks."""
    return f"print({chr(10).join(blocks)!r}, end='')"


async def read(program: Program, *blocks: str) -> tuple[ReplicaState, Target]:
    """What the target makes of these blocks."""
    program("systemctl", shows(*blocks))
    made = target(unit="web@.service")
    return await made.read(), made


async def test_one_question_tells_all(program: Program) -> None:
    """One call names the pattern and instance 1, which tells an empty template from none."""
    calls = program("systemctl", shows(block(1), block(1), block(2)))
    made = target(unit="web@", user=True)
    assert await made.read() == ReplicaState(
        "systemd", "web@.service of this user", 2, 2, version="1-2"
    )
    (call,) = calls()
    assert (call[:3], call[-2:]) == (
        ["--user", "show", "--no-pager"],
        ["web@*.service", "web@1.service"],
    )


@pytest.mark.parametrize(
    ("one", "ready", "desired", "hindrance"),
    [
        (block(1), 1, 1, ""),
        (block(1, "reloading", "reload"), 1, 1, ""),
        (block(1, "activating", "start"), 0, 1, "web@1.service start"),
        (
            block(1, "activating", "auto-restart", Result="exit-code", ExecMainStatus="3"),
            0, 1, "web@1.service auto-restart: exit-code 3",
        ),
        (block(1, "active", "exited"), 0, 1, "web@1.service exited"),
        (block(1, "failed", "failed", Result="oom-kill"), 0, 1, "web@1.service failed: oom-kill"),
        (block(1, "inactive", "dead"), 0, 1, "web@1.service inactive"),
        (block(1, "inactive", "dead", UnitFileState="disabled"), 0, 0, ""),
        (block(1, "failed", "failed", UnitFileState="disabled"), 0, 0, ""),
        (block(1, "deactivating", "stop-sigterm", UnitFileState="disabled"), 0, 0, ""),
        (block(1, UnitFileState="disabled"), 1, 1, ""),
    ],
)  # fmt: skip
async def test_states(program: Program, one: str, ready: int, desired: int, hindrance: str) -> None:
    """Asked for is what runs, starts or is enabled; ready is what runs; the rest is explained."""
    state, made = await read(program, one)
    assert (state.ready, state.desired, made.hindrance) == (ready, desired, hindrance)


async def test_names_without_a_number_are_left_alone(program: Program) -> None:
    """They are not counted; those that run are named; odd digits are no number."""
    labels = ("blue", "01", "٣", "1-2", "0")
    state, made = await read(program, block(1), *(block(label) for label in labels))
    assert (state.desired, state.version) == (1, "1")
    (notice,) = made.notices
    assert notice.startswith("left alone and not counted, having no number: web@0.service, ")
    assert notice.endswith(" and others")


async def test_failed_instance_is_named_before_one_that_starts(program: Program) -> None:
    """Of several that are not ready the one with a reason is shown."""
    failed = block(7, "failed", "failed", Result="exit-code", ExecMainStatus="203")
    _, made = await read(program, block(1), block(2, "activating", "start"), failed)
    assert made.hindrance == "web@7.service failed: exit-code 203"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (shows(block(1, "inactive", LoadState="not-found")), "web@.service: not-found"),
        (shows(block(1, "inactive", LoadState="bad-setting")), "web@.service: bad-setting"),
        ("print('x')", "systemctl show: no answer about web@1.service"),
        ("print('x' * 1_100_000)", "systemctl show: the answer is over 1024 KiB"),
        ("sys.exit('Failed to connect to bus')", "systemctl: Failed to connect to bus"),
    ],
)
async def test_no_template_and_no_systemd_are_errors(
    program: Program, answer: str, text: str
) -> None:
    """None of them is a count of 0."""
    program("systemctl", answer)
    with pytest.raises(TargetError) as caught:
        await target(unit="web@").read()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("version", "to", "verb", "numbers"),
    [
        ("1-2", 4, "enable", [3, 4]),
        ("", 2, "enable", [1, 2]),
        ("2,5", 4, "enable", [1, 3]),
        ("1-5", 3, "disable", [4, 5]),
        ("1,7,9", 1, "disable", [7, 9]),
    ],
)
def test_units_are_named(version: str, to: int, verb: str, numbers: list[int]) -> None:
    """The lowest that are missing start, the highest stop, all in one command."""
    state = ReplicaState("systemd", "web", 0, len(parse_numbers(version)), version=version)
    argv = target(unit="web@").argv(to, state)
    units = tuple(f"web@{n}.service" for n in numbers)
    assert argv == ("systemctl", verb, "--now", "--no-block", *units)


@pytest.mark.parametrize(("desired", "to"), [(2, 2), (None, 3), (2, 1001), (2, 10**9), (2, -1)])
async def test_nothing_is_named_without_a_sound_count(desired: int | None, to: int) -> None:
    """An unknown count, no change and absurd counts name no unit, and writing them is refused."""
    made = target(unit="web@")
    state = ReplicaState("systemd", "web", 2, desired, version="1-2")
    assert made.argv(to, state) == ()
    with pytest.raises(TargetError, match=r"^web@\.service cannot have "):
        await made.write(to, state)


async def test_backslash_of_an_escaped_name_is_no_pattern(program: Program) -> None:
    r"""`web\x2dapi@` is looked for as it is written."""
    calls = program("systemctl", r"print('Id=web\\x2dapi@1.service\nLoadState=loaded')")
    await SystemdTarget("web\\x2dapi@.service", 5.0).read()
    assert calls()[0][-2:] == ["web\\\\x2dapi@*.service", "web\\x2dapi@1.service"]


@given(st.sets(st.integers(min_value=1, max_value=500)))
def test_numbers_round_trip(numbers: set[int]) -> None:
    """Every set of numbers is read as it is written."""
    assert parse_numbers(format_numbers(numbers)) == numbers


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """No output raises, and what is no block of the template is passed over."""
    assert all(name.startswith("web@") for name in instances_of(text, "web@"))
