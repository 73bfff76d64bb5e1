"""The frame as text: for pipes, mails and scripts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.model.curves import Estimate, Headroom
from capmon.model.frame import Frame, HostFacts, Reading
from capmon.model.policies import Scaling, Verdict, Wait
from capmon.model.results import (
    Bottleneck,
    Evidence,
    Forecast,
    Health,
    Priority,
    Recommendation,
    Severity,
    SourceState,
    Trigger,
    When,
)
from capmon.model.scaling import Advice, Cost, Predicted, ReplicaState, ScalePlan
from capmon.summary import (
    forecast_text,
    headroom_text,
    hpa_text,
    plan_text,
    said,
    summary,
    verdict,
)

AT = 1_772_375_527.12
CPU, P95, RATE, USERS = (
    "system.cpu.utilization",
    "http.server.request.duration.p95",
    "http.server.request.rate",
    "app.users.active",
)
DISK = 'system.filesystem.utilization{mountpoint="/var"}'

LIVE = Health("host", SourceState.LIVE, last_success=AT)
FAILING = Health("app", SourceState.FAILING, "connection refused")
BARE = Frame(1, AT, 1.0, 300.0, readings={CPU: Reading(0.62, AT)}, health=(LIVE,))
HIGH = Bottleneck(
    "memory",
    Severity.HIGH,
    "system.memory.utilization",
    0.81,
    0.8,
    AT - 240,
    240.0,
    "risk of out of memory",
    evidence=(Evidence("system.memory.utilization", 0.81, "81 % > 80 % for 4 m"),),
    recommendations=(Recommendation("add memory", When.SHORT_TERM, "memory"),),
)
ROOM = Headroom(
    P95, 0.25, "objectives.latency_p95", RATE, Estimate(128.0, 122.0, 141.0), 118.0, 1.08
)

FULL = replace(
    BARE,
    host=HostFacts("web-01", "Debian 12", 2, 1.5, "cgroup v2", 32e9, 23.5 * 2**30, "cgroup v2"),
    app_name="semantic-text-processor",
    app_source="json",
    readings={
        CPU: Reading(0.62, AT),
        "system.cpu.load.1m": Reading(1.24, AT),
        "system.cpu.load.5m": Reading(1.0, AT),
        "system.cpu.load.15m": Reading(0.98, AT),
        "system.memory.utilization": Reading(0.81, AT),
        "system.memory.usage": Reading(19 * 2**30, AT),
        "system.memory.limit": Reading(23.5 * 2**30, AT),
        DISK: Reading(0.43, AT),
        "system.network.receive": Reading(12.3e6, AT),
        "system.network.transmit": Reading(4.1e6, AT),
        "system.pressure.cpu.some.avg10": Reading(0.12, AT),
        "system.pressure.memory.some.avg10": Reading(0.0, AT),
        "system.pressure.io.some.avg10": Reading(None, None, "not available"),
        RATE: Reading(118.0, AT),
        "http.server.error.ratio": Reading(0.002, AT),
        "http.server.request.duration.p50": Reading(0.042, AT),
        P95: Reading(0.187, AT),
        "http.server.request.duration.p99": Reading(0.311, AT),
        "cache.hit_ratio": Reading(0.91, AT),
    },
    texts={"db.status": "healthy"},
    engine_ready=True,
    headroom=(ROOM, Headroom(CPU, 0.8, "utilization_target", RATE, None, None, problem="no fit")),
    forecasts=(
        Forecast(
            RATE, AT, 30.0, median=(120.0,) * 120, limit=164.0, breach_probability=0.34
        ),
        Forecast(DISK, AT, problem="needs 12 points, has 3"),
    ),
    bottlenecks=(HIGH, replace(HIGH, component="cache", severity=Severity.LOW, evidence=(), recommendations=(), impact="")),
    priority=Priority.URGENT,
    replicas=ReplicaState("swarm", "web", 4, 4, AT, minimum=2, maximum=10),
    advice=Advice(5, "p95 over its objective"),
    health=(LIVE, Health("app", SourceState.FAILING, "no answer within 2 s")),
)  # fmt: skip

GOLDEN = """\
capmon  web-01 · Debian 12 · 2 cores, cgroup v2 1.5 · 23.5 GiB  2026-03-01T14:32:07Z

cpu         62 %, load 1.24 1 0.980
memory      81 %, 19.0 GiB of 23.5 GiB
disk        43 %  /var
network     in 12.3 MB/s, out 4.10 MB/s
pressure    cpu 12 %, memory 0 %, io unknown (not available)

app         semantic-text-processor
rate        118 req/s
errors      0.2 %
latency     p50 42.0 ms, p95 187 ms, p99 311 ms
cache       91 % hit
database    healthy

headroom    p95 reaches 250 ms at 128 (122–141) req/s, 1.08 times now
headroom    cpu to 80 %: no fit
forecast    rate: 34 % to pass 164 req/s within 60 m
forecast    disk /var: needs 12 points, has 3

bottlenecks scaling priority urgent
  high      memory        81 % > 80 % for 4 m  risk of out of memory; add memory
  low       cache
replicas    4 of 4 ready, 2–10, swarm; advice 5: p95 over its objective

sources     host live, app failing (no answer within 2 s)
"""

GOLDEN_BARE = """\
capmon  2026-03-01T14:32:07Z

cpu         62 %, load unknown (not collected) unknown (not collected) unknown (not collected)
memory      unknown (not collected), unknown (not collected) of unknown (not collected)
network     in unknown (not collected), out unknown (not collected)
pressure    cpu unknown (not collected), memory unknown (not collected), io unknown (not collected)

bottlenecks unknown (nothing was analysed)

sources     host live
"""


def stripped(text: str) -> str:
    """A text without blanks at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_a_full_frame() -> None:
    """Everything that matters, a line each."""
    assert stripped(summary(FULL)) == GOLDEN


def test_a_frame_of_little() -> None:
    """What is not known says why, and nothing is a zero."""
    assert stripped(summary(BARE)) == GOLDEN_BARE


def test_a_silent_application_is_said_once() -> None:
    """One reason in place of one for each value, and no claim that nothing binds."""
    down = replace(BARE, app_name="web", app_source="json", health=(LIVE, FAILING))
    text = summary(down)
    assert "app         web: unknown, connection refused\n" in text
    assert "bottlenecks none known\n" in text
    assert "latency" not in text


def test_unknown_replicas_say_why() -> None:
    """No count, no number: the reason stands there, and half a count is no `None`."""
    unknown = ReplicaState("http", "web", None, None, reason="connection refused")
    assert "replicas    unknown (connection refused)\n" in summary(replace(FULL, replicas=unknown))
    half = ReplicaState("http", "web", 3, None, reason="no desired count")
    text = summary(replace(FULL, replicas=half, advice=None))
    assert "replicas    3 of unknown ready, unknown–unknown, http\n" in text


def test_a_value_or_its_reason() -> None:
    """One or the other."""
    assert said(FULL, P95) == "187 ms"
    assert said(FULL, "system.pressure.io.some.avg10") == "unknown (not available)"
    assert said(FULL, "app.users.active") == "unknown (not collected)"


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (ROOM, "p95 reaches 250 ms at 128 (122–141) req/s, 1.08 times now"),
        (replace(ROOM, multiple=None, extrapolated=True), "p95 reaches 250 ms at 128 (122–141) req/s, beyond the load seen"),
        (replace(ROOM, at=Estimate(128.0, 122.0, None), load=USERS), "p95 reaches 250 ms at 128 users, 1.08 times now"),
        (replace(ROOM, at=None, problem="does not grow with load"), "p95 to 250 ms: does not grow with load"),
    ],
)  # fmt: skip
def test_headroom_in_words(room: Headroom, text: str) -> None:
    """The limit, the load that reaches it, and how far that is."""
    assert headroom_text(room) == text


@pytest.mark.parametrize(
    ("forecast", "text"),
    [
        (Forecast(RATE, AT, 60.0, median=(100.0, 164.0)), "rate: peak 164 req/s within 2 m"),
        (Forecast(RATE, AT), "rate: no trend"),
        (Forecast(RATE, AT, problem="needs 12 points, has 3"), "rate: needs 12 points, has 3"),
        (Forecast(DISK, AT, 60.0, median=(0.5,), limit=0.8, breach_probability=0.0), "disk /var: 0 % to pass 80 % within 60 s"),
        (Forecast(DISK, AT, 60.0, median=(0.5,), limit=0.8, breach_probability=0.003), "disk /var: <1 % to pass 80 % within 60 s"),
        (Forecast(DISK, AT, 60.0, median=(0.5,), limit=0.8, breach_probability=0.997), "disk /var: >99 % to pass 80 % within 60 s"),
    ],
)  # fmt: skip
def test_forecasts_in_words(forecast: Forecast, text: str) -> None:
    """A chance, a peak, or why there is none."""
    assert forecast_text(forecast) == text


def test_a_plan_in_words() -> None:
    """All that a person needs to say yes or no; unknown is written as such."""
    plan = ScalePlan(
        4,
        5,
        ("p95 over its objective",),
        warnings=("a roll-out is under way",),
        argv=("docker", "service", "scale", "web app=5"),
        predicted=(
            Predicted(P95, 0.187, Estimate(0.149, 0.14, 0.16), remark="wider: 2 past actions"),
            Predicted(P95, 0.187, Estimate(0.149)),
            Predicted(CPU, 0.6, None, "no fit"),
        ),
        mode="act",
        target="web",
        binds="max 5",
        hpa=Verdict("hpa", 6, ("cpu 91 % / 70 % × 4 = 5.2",), "max 6", (Wait("stabilization", True, 240.0),)),
        cost=Cost(372.3, 465.375, "$"),
    )  # fmt: skip
    assert plan_text(plan).splitlines() == [
        "web: 4 → 5 replicas (act)",
        "  why      p95 over its objective",
        "  expected p95 187 ms → 149 ms (140–160), wider: 2 past actions",
        "  expected p95 187 ms → 149 ms",
        "  expected cpu not known: no fit",
        "  HPA      6 (cpu 91 % / 70 % × 4 = 5.2), stabilization 4 m, max 6 binds",
        "  cost     $372 → $465 a month (+$93)",
        "  binds    max 5",
        "  beware   a roll-out is under way",
        "  runs     docker service scale 'web app=5'",
        "  mode     act: it is carried out",
    ]
    unknown = ScalePlan(None, None, (), refusals=("replica count is not known",), target="web")
    assert plan_text(unknown).splitlines() == [
        "web: unknown → unknown replicas (dry-run)",
        "  refused  replica count is not known",
        "  mode     dry-run: nothing is run",
    ]
    dry = replace(plan, mode="dry-run", hpa=Verdict("hpa", None, ("cpu unknown",)))
    assert plan_text(dry).splitlines()[-1] == "  mode     dry-run: it is logged, nothing is changed"
    assert "  HPA      unknown (cpu unknown)" in plan_text(dry)


def test_a_wait_that_binds_is_said_once() -> None:
    """What binds, and how long still."""
    wait = Wait("stabilization", False, 240.0)
    held = Verdict("hpa", 6, ("cpu 38 %",), "stabilization 5 m", (wait,))
    assert hpa_text(held) == "6 (cpu 38 %), stabilization 5 m binds, 4 m left"


def test_the_policy_and_who_acts_are_said() -> None:
    """What the followed policy wants and why, or why it cannot tell; a line for whoever acts."""
    state = ReplicaState("swarm", "web", 4, 4, 1.0, minimum=2, maximum=10)
    verdicts = (Verdict("step", 5, ("p95 high",)), Verdict("hpa", 4, ("cpu 66 %",)))
    scaling = Scaling("hpa", verdicts, actor="an autoscaler (pid 7, root) acts on this target")
    lines = summary(replace(BARE, replicas=state, scaling=scaling)).splitlines()
    assert "policy      hpa wants 4 (cpu 66 %)" in lines
    assert "autoscaler  an autoscaler (pid 7, root) acts on this target" in lines
    blind = replace(scaling, verdicts=(Verdict("hpa", None, ("no fresh measurements",)),), actor="")
    text = summary(replace(BARE, replicas=state, scaling=blind))
    assert "policy      hpa cannot tell: no fresh measurements" in text
    assert "\nautoscaler" not in text


# The verdict for scripts

READY = replace(BARE, engine_ready=True)
CRITICAL = replace(HIGH, severity=Severity.CRITICAL)


@pytest.mark.parametrize(
    ("frame", "status", "line"),
    [
        (READY, 0, "OK - no bottleneck"),
        (replace(READY, headroom=(ROOM,)), 0, "OK - p95 reaches 250 ms at 128 (122–141) req/s, 1.08 times now"),
        (replace(READY, bottlenecks=(replace(HIGH, severity=Severity.LOW),)), 0, "OK - no bottleneck"),
        (replace(READY, bottlenecks=(HIGH,)), 1, "WARNING - memory high (81 % > 80 % for 4 m)"),
        (replace(READY, bottlenecks=(replace(HIGH, severity=Severity.MEDIUM),)), 1, "WARNING - memory medium (81 % > 80 % for 4 m)"),
        (replace(READY, bottlenecks=(HIGH, CRITICAL)), 2, "CRITICAL - memory high (81 % > 80 % for 4 m), memory critical (81 % > 80 % for 4 m)"),
        (replace(READY, bottlenecks=(CRITICAL,), health=(FAILING,)), 2, "CRITICAL - memory critical (81 % > 80 % for 4 m); unknown: app connection refused"),
        (replace(READY, health=(LIVE, FAILING)), 3, "UNKNOWN - app connection refused"),
        (replace(READY, bottlenecks=(HIGH,), health=(FAILING,)), 3, "UNKNOWN - app connection refused; memory high (81 % > 80 % for 4 m)"),
        (replace(READY, health=(Health("app", SourceState.LATE),)), 3, "UNKNOWN - app late"),
        (replace(READY, health=(Health("app", SourceState.STARTING),)), 3, "UNKNOWN - app starting"),
        (BARE, 3, "UNKNOWN - nothing was analysed"),
    ],
)  # fmt: skip
def test_verdicts(frame: Frame, status: int, line: str) -> None:
    """Unknown is never ok; what is critical stays so whatever else is unknown."""
    assert verdict(frame) == (status, line)


# Foreign names


@given(st.text(max_size=30))
def test_no_name_reaches_the_terminal_raw(name: str) -> None:
    """Whatever a host, a mount, a reason or a process calls itself: lines stay lines."""
    from capmon.model.metric import key

    foreign = f"a{name}\x1b]0;owned\x07\r\n|b"
    bottleneck = replace(
        HIGH, component=foreign, impact=foreign, evidence=(Evidence(CPU, 1.0, foreign),)
    )
    frame = replace(
        FULL,
        host=HostFacts(foreign, foreign, 2, 2.0, "machine", 1e9, 1e9, "machine"),
        app_name=foreign,
        readings={key("system.filesystem.utilization", mountpoint=foreign): Reading(0.5, AT), P95: Reading(None, None, foreign)},
        texts={"db.status": foreign},
        bottlenecks=(bottleneck,),
        replicas=ReplicaState("http", "web", None, None, reason=foreign),
        health=(Health("app", SourceState.FAILING, foreign),),
    )  # fmt: skip
    text = summary(frame)
    plain = summary(replace(frame, app_name="x"))
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("\n") == plain.count("\n")
    text.encode("utf-8")
    status, line = verdict(frame)
    assert status == 3
    assert line.isprintable()
    assert "|" not in line
    plan = ScalePlan(1, 2, (foreign,), (foreign,), (foreign,), (foreign, "x"), target=foreign)
    lines = plan_text(plan).split("\n")
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)


@given(st.floats(), st.floats())
def test_any_number_can_be_summarized(value: float, load: float) -> None:
    """Numbers that make no sense make no exception either."""
    frame = replace(
        FULL,
        readings={k: Reading(value, AT) for k in FULL.readings},
        headroom=(replace(ROOM, at=Estimate(load, value, load), multiple=value),),
        forecasts=(Forecast(RATE, AT, 30.0, median=(value,), limit=load, breach_probability=0.5),),
    )
    for line in summary(frame).split("\n"):
        assert len(line) < 120
        assert "nan" not in line
        assert "inf" not in line


def test_what_waits_for_its_time_is_said() -> None:
    """Past its threshold for 4 of 30 seconds is no bottleneck yet, and not nothing either."""
    trigger = Trigger("errors", "http.server.error.ratio", 0.34, 0.01, 33.0, False, 4.0, 10.0, None)
    text = summary(replace(READY, triggers=(trigger,)))
    assert "none yet" in text
    assert "waiting   errors        34 % past 1.0 %, 4 s of 10 s" in text
