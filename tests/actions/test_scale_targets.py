"""Targets that are reached through commands: what they run, and how they read the answers."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest
from conftest import Program
from hypothesis import given
from hypothesis import strategies as st

from capmon.actions.targets import make_target
from capmon.actions.targets.base import Target, count
from capmon.actions.targets.command import parse_counts
from capmon.actions.targets.kubernetes import hindrance_of, owner_of, state_of
from capmon.config.schema import TargetSettings
from capmon.errors import ConfigError, TargetError
from capmon.model.results import ReplicaState

STATE = ReplicaState("x", "web", 4, 4)


def target(**settings: Any) -> Target:
    """The target of these settings."""
    made = make_target(TargetSettings(**settings))
    assert made is not None
    return made


# Docker Swarm. The rows are those of an engine 20.10.

ROWS = """
row = '{"ID":"%s","Image":"tiny:1","Mode":"%s","Name":"%s","Ports":"","Replicas":"%s"}'
rows = [("a", "replicated", "web-api", "3/3"), ("b", "replicated", "web", "4/5"),
        ("c", "global", "agents", "1/1"), ("d", "replicated job", "job", "0/2 (2/2 completed)"),
        ("e", "replicated", "wide", "1/2 (max 1 per node)"), ("f", "replicated", "odd", "many")]
task = '{"CurrentState":"%s","DesiredState":"Running","Error":"%s","ID":"x","Name":"web.%d"}'
if argv[:2] == ["service", "ls"]:
    for i, mode, name, replicas in rows: print(row % (i, mode, name, replicas))
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
    assert await swarm.read() == ReplicaState("swarm", "web", 4, 5)
    assert calls()[0] == ["service", "ls", "--filter", "name=web", "--format", "{{json .}}"]
    assert swarm.hindrance == "no suitable node"
    wide = target(kind="swarm", service="wide")
    assert await wide.read() == ReplicaState("swarm", "wide", 1, 2)


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
    calls = program("docker", "pass")
    swarm = target(kind="swarm", service=name)
    await swarm.write(5, STATE)
    assert calls() == [["service", "scale", "--detach", f"{name}=5"]]
    assert swarm.argv(5, STATE) == ("docker", *calls()[0])
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


# Kubernetes. The documents are what kubectl prints, less what nobody reads.

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
    assert hindrance_of(DEPLOYMENT) == ""
    assert hindrance_of(changed(DEPLOYMENT, conditions=[stuck])) == "ProgressDeadlineExceeded"
    assert hindrance_of(changed(DEPLOYMENT, conditions=[stuck, quota])) == "exceeded quota: pods=5"
    assert hindrance_of(changed(DEPLOYMENT, conditions="x")) == ""


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
    expected = "HPA web (2–10) owns this count and may undo a change" if owned else ""
    assert owner_of(HPAS, workload) == expected
    assert owner_of({"items": [{"spec": None}, 5]}, workload) == ""


async def test_kubectl_gets_flags_before_anything_else(program: Program) -> None:
    """Context, namespace, the exact workload, and the count as a precondition."""
    body = (
        f"print(json.dumps({HPAS!r} if argv[3] == 'horizontalpodautoscalers' else {DEPLOYMENT!r}))"
    )
    calls = program("kubectl", body)
    kubernetes = target(kind="kubernetes", name="web", namespace="prod", context="c")
    state = await kubernetes.read()
    assert (state.ready, state.desired) == (4, 5)
    assert kubernetes.name == "deployment/web in prod of c"
    assert kubernetes.notices == ("HPA web (2–10) owns this count and may undo a change",)
    await kubernetes.read()
    await kubernetes.write(7, state)
    where = ["--context=c", "--namespace=prod"]
    get = [*where, "get", "deployment/web", "--output=json"]
    assert sorted(calls()[:2]) == [
        get,
        [*where, "get", "horizontalpodautoscalers", "--output=json"],
    ]
    scale = [*where, "scale", "deployment/web", "--replicas=7", "--current-replicas=5"]
    assert calls()[2:] == [get, scale]
    assert kubernetes.argv(7, state) == ("kubectl", *scale)


async def test_forbidden_look_for_an_owner_is_said(program: Program) -> None:
    """Without the right to list autoscalers the count is known, and the doubt is a notice."""
    program(
        "kubectl",
        "if argv[1] == 'horizontalpodautoscalers':\n"
        "    sys.exit('Error from server (Forbidden): horizontalpodautoscalers is forbidden')\n"
        f"print(json.dumps({DEPLOYMENT!r}))",
    )
    kubernetes = target(kind="kubernetes", name="deployment/web")
    assert (await kubernetes.read()).ready == 4
    (notice,) = kubernetes.notices
    assert notice.startswith("whether an HPA owns deployment/web is not known: ")


async def test_kubectl_log_lines_do_not_hide_the_error(program: Program) -> None:
    """The line meant for people is shown, not the library's log before it."""
    program(
        "kubectl",
        "sys.exit('E1123 13:09:06.491224   10913 memcache.go:265] \"Unhandled Error\"\\n' * 5\n"
        "  + 'error: Expected replicas to be 2, was 5')",
    )
    with pytest.raises(TargetError) as caught:
        await target(kind="kubernetes", name="web").write(7, STATE)
    assert str(caught.value) == "kubectl: error: Expected replicas to be 2, was 5"


async def test_kubectl_document_beyond_the_limit_is_an_error(program: Program) -> None:
    """A cut document is not taken for a whole one."""
    program("kubectl", "print('{\"a\": \"' + 'x' * 1_100_000 + '\"}')")
    with pytest.raises(TargetError, match="over 1024 KiB"):
        await target(kind="kubernetes", name="web").read()


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
