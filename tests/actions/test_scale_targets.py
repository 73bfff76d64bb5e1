"""Targets that are reached through commands: what they run, and how they read the answers."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from conftest import Program
from hypothesis import given
from hypothesis import strategies as st

from capmon.actions.replicas import ReplicaCollector
from capmon.actions.targets import make_target
from capmon.actions.targets.base import Target, count
from capmon.actions.targets.command import parse_counts
from capmon.clock import ManualClock
from capmon.config.schema import Duration, ScalingSettings, TargetSettings
from capmon.errors import ConfigError, SourceError, TargetError
from capmon.model.results import ReplicaState
from capmon.scaling.plan import propose

STATE = ReplicaState("x", "web", 4, 4)


def target(**settings: Any) -> Target:
    """The target of these settings."""
    made = make_target(TargetSettings(**settings))
    assert made is not None
    return made


# Docker Swarm. The rows are those of an engine 20.10.

ROWS = """
NOW, BEFORE, STATUS = 4, 4, ""
row = '{"ID":"%s","Image":"tiny:1","Mode":"%s","Name":"%s","Ports":"","Replicas":"%s"}'
rows = [("a", "replicated", "web-api", "3/3"), ("b", "replicated", "web", "4/5"),
        ("c", "global", "agents", "1/1"), ("d", "replicated job", "job", "0/2 (2/2 completed)"),
        ("e", "replicated", "wide", "1/2 (max 1 per node)"), ("f", "replicated", "odd", "many")]
task = '{"CurrentState":"%s","DesiredState":"Running","Error":"%s","ID":"x","Name":"web.%d"}'
if argv[:2] == ["service", "ls"]:
    for i, mode, name, replicas in rows: print(row % (i, mode, name, replicas))
elif argv[:2] == ["service", "inspect"]:
    if argv[-1] not in [name for _, _, name, _ in rows]: sys.exit("Error: no such service: we")
    print(json.dumps({"Version": {"Index": 17},
        "Spec": {"Mode": {"Replicated": {"Replicas": NOW}}},
        "PreviousSpec": {"Mode": {"Replicated": {"Replicas": BEFORE}}},
        "UpdateStatus": {"State": STATUS, "Message": "update paused due to failure of task x"}}))
elif argv[:2] == ["service", "ps"]:
    print(task % ("Running 6 seconds ago", "", 1))
    print(task % ("Failed 6 seconds ago", '\\\\"an old story\\\\"', 1))
    print(task % ("Pending 6 seconds ago", '\\\\"no suitable node\\\\"', 2))
else:
    print("web scaled to 5")
"""


async def test_swarm_reads_the_exact_name(program: Program) -> None:
    """Of two services with the same beginning, the one named is counted."""
    calls = program("docker", ROWS)
    swarm = target(kind="swarm", service="web")
    assert await swarm.read() == ReplicaState("swarm", "web", 4, 5, version="17")
    listing = ["service", "ls", "--filter", "name=web", "--format", "{{json .}}"]
    inspection = ["service", "inspect", "--format", "{{json .}}", "web"]
    assert sorted(calls()[:2]) == [inspection, listing]
    assert swarm.notices == ()
    assert swarm.hindrance == "no suitable node"
    wide = target(kind="swarm", service="wide")
    assert await wide.read() == ReplicaState("swarm", "wide", 1, 2, version="17")


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("we", "there is no service we"),
        ("agents", "service agents is global: it has no count to scale"),
        ("job", "service job is replicated job: it has no count to scale"),
        ("odd", "service odd: 'many' is no count of replicas"),
    ],
)
async def test_swarm_refuses_what_has_no_count(program: Program, service: str, text: str) -> None:
    """Global services, jobs and strangers are errors, never a count of 1."""
    program("docker", ROWS)
    with pytest.raises(TargetError) as caught:
        await target(kind="swarm", service=service).read()
    assert str(caught.value) == text


@pytest.mark.parametrize("name", ["web; touch x", "$(id)", "a\nb", "w\x1b[31m"])
async def test_swarm_names_stay_one_argument(program: Program, name: str) -> None:
    """A name with separators, substitutions, newlines or escapes is one argument."""
    calls = program("docker", "print('{}')")
    swarm = target(kind="swarm", service=name)
    await swarm.write(5, STATE)
    inspection = ["service", "inspect", "--format", "{{json .}}", name]
    scaling = ["service", "scale", "--detach", f"{name}=5"]
    assert calls() == [inspection, scaling, inspection]
    assert swarm.argv(5, STATE) == ("docker", *scaling)
    assert swarm.name.isprintable()
    with pytest.raises(TargetError) as caught:
        await swarm.read()
    assert str(caught.value).isprintable()


async def test_swarm_says_what_docker_said(program: Program) -> None:
    """An engine that refuses is quoted; a docker that is not there is named."""
    with pytest.raises(TargetError, match=r"^docker: not found$"):
        await target(kind="swarm", service="web").read()
    program("docker", "sys.exit('Error response from daemon: update out of sequence')")
    with pytest.raises(TargetError, match=r"^docker: Error response .* update out of sequence$"):
        await target(kind="swarm", service="web").write(5, STATE)


async def test_swarm_count_that_moved_is_left_alone(program: Program) -> None:
    """The count is looked at once more right before, and nothing runs when it is another."""
    calls = program("docker", ROWS.replace("NOW, BEFORE, STATUS = 4", "NOW, BEFORE, STATUS = 7"))
    with pytest.raises(TargetError, match=r"^not changed: 7 replicas are asked for by now, not 4$"):
        await target(kind="swarm", service="web").write(5, STATE)
    assert [c[1] for c in calls()] == ["inspect"]


async def test_swarm_change_that_replaced_another_is_said(program: Program) -> None:
    """Someone faster than the second look is found in what the change replaced."""
    program("docker", ROWS.replace("4, 4,", "4, 9,"))
    said = r"^5 has replaced 9, which someone asked for at the same moment$"
    with pytest.raises(TargetError, match=said):
        await target(kind="swarm", service="web").write(5, STATE)


@pytest.mark.parametrize(
    ("status", "notices"),
    [
        ("completed", ()),
        ("updating", ("an update of web is under way",)),
        ("paused", ("an update of web is paused: update paused due to failure of task x",)),
    ],
)
async def test_swarm_update_is_a_warning(
    program: Program, status: str, notices: tuple[str, ...]
) -> None:
    """An update that goes on or is stuck is named before acting."""
    program("docker", ROWS.replace('STATUS = 4, 4, ""', f'STATUS = 4, 4, "{status}"'))
    swarm = target(kind="swarm", service="web")
    await swarm.read()
    assert swarm.notices == notices


# Commands


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("4\n", (4, 4)),
        (" 0 ", (0, 0)),
        ("4/5", (4, 5)),
        ("4 / 5\n", (4, 5)),
        ('{"ready": 4, "desired": 5}', (4, 5)),
        ('{"ready": 4.0, "desired": null}', (4, None)),
        ("{}", (None, None)),
    ],
)
def test_counts_in_each_notation(text: str, counts: tuple[int | None, int | None]) -> None:
    """A number, a fraction, or JSON."""
    assert parse_counts(text, "read") == counts


@pytest.mark.parametrize(
    "text",
    [
        "", "-1", "1.5", "four", "4/", "4/5/6", "1\n2", "99999999", "٤", "[4]", "{", "nan",
        '{"ready": -1}', '{"ready": 1.5}', '{"ready": true}', '{"ready": "4"}', '{"ready": 1e12}',
        '{"ready": NaN}',
    ],
)  # fmt: skip
def test_anything_else_is_no_count(text: str) -> None:
    """What is not exactly a count is an error, never a guess."""
    with pytest.raises(TargetError):
        parse_counts(text, "read")


@given(st.text())
def test_any_output_is_a_count_or_a_printable_error(text: str) -> None:
    """No output of a command raises anything but an error fit to show."""
    try:
        for n in parse_counts(text, "read"):
            assert n is None or n >= 0
    except TargetError as error:
        assert str(error).isprintable()


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=10**6))
def test_counts_round_trip(ready: int, desired: int) -> None:
    """Every pair of counts is read as it is written."""
    assert parse_counts(f"{ready}/{desired}", "read") == (ready, desired)
    assert count(ready, "ready") == ready


async def test_command_replaces_the_count_in_its_arguments() -> None:
    """The placeholder is filled wherever it stands in an argument; the rest is untouched."""
    code = "import sys; sys.exit(repr(sys.argv[1:]))"
    write = (sys.executable, "-IS", "-c", code, "--n={replicas}", "{replicas}; rm -rf $HOME", "{x}")
    command = target(
        kind="command", read=(sys.executable, "-IS", "-c", "print('4/5')"), write=write
    )
    assert await command.read() == ReplicaState("command", command.name, 4, 5)
    assert command.argv(7, STATE)[4:] == ("--n=7", "7; rm -rf $HOME", "{x}")
    with pytest.raises(TargetError) as caught:
        await command.write(7, STATE)
    assert str(caught.value).endswith(": ['--n=7', '7; rm -rf $HOME', '{x}']")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import time; print(4, flush=True); time.sleep(60)", ": no answer in 1 s"),
        ("print(4); raise SystemExit(3)", ": exit 3 after '4'"),
        ("print(4, flush=True); import os; os.kill(os.getpid(), 11)", ": ended by signal 11 after '4'"),
        ("import os; os.kill(os.getpid(), 9)", ": ended by signal 9"),
        ("print('4/', end='')", "printed '4/', not N or READY/DESIRED"),
        ("print('{\"ready\": 4, \"desi', end='')", "did not answer in JSON: {\"ready\": 4, \"desi"),
        ("print('4' * 100_000)", "printed over 64 KiB, which is no count"),
        ("print('4\\n' + ' ' * 100_000)", "printed over 64 KiB, which is no count"),
        ("import os; os.write(1, bytes(range(256)) * 9)", "not N or READY/DESIRED"),
        ("pass", "printed nothing"),
    ],
)  # fmt: skip
async def test_reading_that_goes_wrong_is_an_unknown_count(code: str, text: str) -> None:
    """Hanging, crashing, half, huge and senseless answers are errors, whatever was printed before."""
    settings = ScalingSettings(
        mode="act",
        target=TargetSettings(
            kind="command",
            read=(sys.executable, "-IS", "-c", code),
            write=(sys.executable, "-IS", "-c", "raise SystemExit('it was run')", "{replicas}"),
            timeout=Duration(1.0),
        ),
    )
    made = make_target(settings.target)
    assert made is not None
    collector = ReplicaCollector(made, settings, ManualClock())
    with pytest.raises(SourceError) as caught:
        await collector.collect()
    assert text in str(caught.value)
    assert str(caught.value).isprintable()
    state = collector.last
    assert (state.ready, state.desired) == (None, None)
    assert (
        propose(
            settings, 5, target="x", state=state, state_age=0.0, data_age=0.0, since_action=None
        )
        .refusals[0]
        .startswith("replica count is not known: ")
    )


async def test_writing_that_hangs_ends_at_its_deadline() -> None:
    """A command that sets the count and never ends is an error, and is ended."""
    write = (sys.executable, "-IS", "-c", "import time; time.sleep(60)", "{replicas}")
    command = target(kind="command", read=("x",), write=write, timeout=Duration(0.5))
    with pytest.raises(TargetError, match=r": no answer in 0\.5 s$"):
        await command.write(5, STATE)


async def test_absent_count_is_unknown_with_a_reason() -> None:
    """A document with one count leaves the other unknown."""
    read = (sys.executable, "-IS", "-c", "print('{\"desired\": 5}')")
    state = await target(kind="command", read=read, write=("w", "{replicas}")).read()
    assert (state.ready, state.desired) == (None, 5)
    assert state.reason == "the answer has no ready count"


async def test_commands_of_an_untrusted_file_are_not_run(program: Program) -> None:
    """Not even the one that only reads."""
    program("read", "print(4)")
    settings = TargetSettings(kind="command", read=("read",), write=("read", "{replicas}"))
    made = make_target(settings, untrusted="capmon.yaml can be written by others")
    assert made is not None
    for attempt in (made.read(), made.write(5, STATE)):
        with pytest.raises(TargetError, match=r"not run: capmon\.yaml can be written by others"):
            await attempt


# Making targets


def test_no_target() -> None:
    """Kind none is no target."""
    assert make_target(TargetSettings()) is None


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({"kind": "swarm"}, ["scaling.target.service: swarm needs it"]),
        (
            {"kind": "kubernetes", "name": "--token=x"},
            ["scaling.target.name: a name does not begin with a dash"],
        ),
        ({"kind": "systemd"}, ["scaling.target.unit: systemd needs it"]),
        (
            {"kind": "systemd", "unit": "web*@"},
            ["scaling.target.unit: expected a template unit such as web@.service"],
        ),
        (
            {"kind": "command", "write": ("scale", "5")},
            [
                "scaling.target.read: command needs it",
                "scaling.target.write: no argument holds {replicas}",
            ],
        ),
        (
            {"kind": "http", "url": "file:///x"},
            ["scaling.target.url: expected http:// or https://"],
        ),
    ],
)
def test_incomplete_settings_are_named(settings: dict[str, Any], faults: list[str]) -> None:
    """Every fault is named by its key."""
    with pytest.raises(ConfigError) as caught:
        make_target(TargetSettings(**settings))
    assert caught.value.faults == faults
