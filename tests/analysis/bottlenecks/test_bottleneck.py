"""Bottlenecks: the guide's cases, durations, hysteresis, lost data, evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.bottlenecks.bottleneck import Detector, detect
from capmon.analysis.bottlenecks.recommend import priority, recommendations
from capmon.config.schema import Duration, Settings
from capmon.model.frame import ProcessUse, Reading, TopProcesses
from capmon.model.results import (
    Bottleneck,
    Health,
    Priority,
    ReplicaState,
    Severity,
    SourceState,
    When,
)

VECTORS = Path(__file__).parents[2] / "data" / "vectors"
CASES: dict[str, Any] = json.loads((VECTORS / "guide.json").read_text())["BottleneckDetector"][
    "cases"
]
NAMES = {"CPU": "cpu", "Memory": "memory", "Response Time": "latency", "Cache": "cache", "Database": "database"}  # fmt: skip
UNITS = {"cpu": 0.01, "memory": 0.01, "latency": 0.001, "cache": 1.0, "database": 1.0}
CPU, P95 = "system.cpu.utilization", "http.server.request.duration.p95"

WRONG = {
    "cache_0.6_warning_ignored": ({("cache", "medium")}, "planned"),
    "db_component_absent": (set(), "none"),
}
"""Where the guide is wrong: it has a warning level for the cache and never looks at it, and it
takes a health document without a database for a broken one. Its third fault, that a cache without
a ratio aborts the rest of the checks, does not show in `cache_None`, whose latency came before."""


def readings(**values: float | None) -> dict[str, Reading]:
    """Readings by short name."""
    keys = {"cpu": CPU, "mem": "system.memory.utilization", "p95": P95, "hits": "cache.hit_ratio",
            "psi": "system.pressure.cpu.some.avg10", "db": "db.status",
            "errors": "http.server.error.ratio"}  # fmt: skip
    return {keys[k]: Reading(v, 0.0) for k, v in values.items()}


def guide_input(case: dict[str, Any]) -> tuple[dict[str, Reading], dict[str, str]]:
    """One of the guide's inputs in base units."""
    given = case["input"]
    found = readings(cpu=given["cpu"] / 100, mem=given["mem"] / 100, p95=given["p95"] / 1000)
    if "hit_rate" in given["cache"]:
        found |= readings(hits=given["cache"]["hit_rate"])
    status = given["health"].get("components", {}).get("database", {}).get("status")
    return found, {} if status is None else {"db.status": status}


@pytest.mark.parametrize("name", CASES)
def test_matches_the_guide(name: str) -> None:
    """Every case gives the guide's components, severities, thresholds, counts and priority."""
    case = CASES[name]
    found = detect(Settings(), *guide_input(case))
    got = {(b.component, str(b.severity)) for b in found}
    if name in WRONG:
        assert (got, str(priority(found))) == WRONG[name]
        return
    want = [r for rows in case["results"].values() for r in rows]
    assert got == {(NAMES[r["component"]], r["severity"]) for r in want}
    assert str(priority(found)) == case["priority"]
    rows = {b.component: b for b in found}
    for r in want:
        row = rows[NAMES[r["component"]]]
        if row.component != "database":
            assert row.threshold == pytest.approx(r["threshold"] * UNITS[row.component])
            assert row.value == pytest.approx(r["utilization"] * UNITS[row.component])
    steps = recommendations(found)
    fields = {When.IMMEDIATE: "immediate_actions", When.SHORT_TERM: "short_term_actions", When.LONG_TERM: "long_term_actions"}  # fmt: skip
    if name != "everything":  # Steps that two bottlenecks share are counted once.
        for when, action in fields.items():
            assert sum(s.when is when for s in steps) == case["n_actions"][action]


def test_a_cache_without_ratio_hides_nothing() -> None:
    """An unknown hit ratio is no bottleneck and stops no other check."""
    found = detect(Settings(), readings(hits=None, p95=0.501, db=0.0), {})
    assert {b.component for b in found} == {"latency", "database"}


class Ticker:
    """Feeds a detector one reading a second, with a wall clock that may step."""

    def __init__(self, config: Settings | None = None) -> None:
        self.detector = Detector(config or Settings())
        self.now = 0.0
        self.wall = 1000.0
        self.lines: list[str] = []
        self.found: tuple[Bottleneck, ...] = ()
        self.about: dict[str, Any] = {}

    def feed(
        self, seconds: int, follows: float | None = None, **values: float | None
    ) -> tuple[Bottleneck, ...]:
        """The same readings for so many seconds."""
        for _ in range(seconds):
            self.found, lines = self.detector.step(
                self.wall + self.now, self.now, readings(**values), {},
                TopProcesses(by_cpu=(ProcessUse(1, "python3", 1.42, 2**30),)),
                ReplicaState("swarm", "x", 4, 4), follows, **self.about,
            )  # fmt: skip
            self.lines += lines
            self.now += 1
        return self.found


def test_begins_when_sustained() -> None:
    """29 seconds over a 30 second threshold are nothing, 30 are a bottleneck."""
    t = Ticker()
    assert t.feed(30, cpu=0.81) == ()
    (b,) = t.feed(1, cpu=0.81)
    assert (b.component, b.severity, b.sustained, b.since) == ("cpu", Severity.HIGH, 30.0, 1000.0)
    assert b.evidence[0].text == "81 % > 70 % for 30 s"
    assert b.culprit == "python3 1.4 cores"
    assert t.lines == ["cpu: high began, 81 % > 70 % for 30 s"]


def test_a_dip_starts_the_count_again() -> None:
    """A pending component that comes back once must hold anew."""
    t = Ticker()
    t.feed(29, cpu=0.81)
    t.feed(1, cpu=0.5)
    assert t.feed(30, cpu=0.81) == ()
    assert len(t.feed(1, cpu=0.81)) == 1


def test_critical_as_soon_as_sustained() -> None:
    """A high bottleneck turns critical once the critical level has held, and back with hysteresis."""
    t = Ticker()
    t.feed(40, cpu=0.8)
    assert t.feed(30, cpu=0.95)[0].severity is Severity.HIGH
    assert t.feed(1, cpu=0.95)[0].severity is Severity.CRITICAL
    assert t.found[0].evidence[0].text == "95 % > 90 % for 30 s"
    assert t.found[0].threshold == 0.7
    assert t.feed(60, cpu=0.88)[0].severity is Severity.CRITICAL
    assert t.feed(31, cpu=0.8)[0].severity is Severity.HIGH
    assert [line.split(",")[0] for line in t.lines] == [
        "cpu: high began", "cpu: high is now critical", "cpu: critical is now high"]  # fmt: skip


def test_over_only_when_clearly_back() -> None:
    """Just under the threshold it recovers for ever; 5 % under for 30 s it is over."""
    t = Ticker()
    t.feed(31, cpu=0.81)
    (b,) = t.feed(300, cpu=0.69)
    assert b.recovering and b.sustained == 30.0
    assert len(t.feed(30, cpu=0.6)) == 1
    assert t.feed(1, cpu=0.6) == ()
    assert t.lines[-1] == "cpu: high is over after 30 s"


def test_unknown_neither_begins_nor_ends() -> None:
    """A stretch without data counts for nothing; a long one gives up and says so."""
    t = Ticker()
    t.feed(20, cpu=0.81)
    t.feed(20, cpu=None)
    assert t.feed(11, cpu=0.81) == ()
    assert len(t.feed(1, cpu=0.81)) == 1
    assert len(t.feed(89, cpu=None)) == 1
    assert t.feed(2, cpu=None) == ()
    assert t.lines[-1] == "cpu: lost sight of high, no data"


def test_a_vanished_reading_is_unknown() -> None:
    """A metric that is no longer reported at all is lost sight of, not over."""
    t = Ticker()
    t.feed(31, cpu=0.81)
    assert len(t.feed(60)) == 1
    assert t.feed(31) == ()
    assert t.lines[-1] == "cpu: lost sight of high, no data"


def test_the_wall_clock_does_not_count() -> None:
    """A step of the wall clock begins nothing and changes no duration."""
    t = Ticker()
    t.feed(10, cpu=0.81)
    t.wall += 3600
    assert t.feed(20, cpu=0.81) == ()
    (b,) = t.feed(1, cpu=0.81)
    assert b.sustained == 30.0


def test_pressure_strengthens_its_resource() -> None:
    """Tasks that wait for a CPU are a row alone, and evidence beside a busy CPU."""
    t = Ticker()
    (alone,) = t.feed(31, psi=0.3, cpu=0.5)
    assert (alone.component, alone.severity) == ("cpu pressure", Severity.MEDIUM)
    (b,) = t.feed(31, psi=0.3, cpu=0.81)
    assert b.component == "cpu"
    assert b.evidence[1].text.startswith("cpu pressure 30 % > 25 %")
    assert t.lines[-1] == "cpu pressure: counted with cpu"


def test_latency_that_follows_the_cpu_near_its_objective() -> None:
    """Below the objective only a response time that follows the CPU is a row, until it is over it."""
    t = Ticker()
    assert t.feed(60, p95=0.2, follows=0.75) == ()
    (b,) = t.feed(31, p95=0.2, follows=0.93)
    assert (b.severity, b.impact) == (Severity.LOW, "near the objective, follows cpu, r .93")
    assert b.culprit == "4 replicas"
    assert t.feed(31, p95=0.23, follows=0.93)[0].severity is Severity.MEDIUM
    assert [b.component for b in t.feed(31, p95=0.3, follows=0.93)] == ["latency"]


def test_each_file_system_is_its_own() -> None:
    """File systems are rows of their own, the fullest in front within a severity."""
    found = detect(
        Settings(),
        {f'system.filesystem.utilization{{mountpoint="{m}"}}': Reading(v, 0.0)
         for m, v in (("/", 0.5), ("/var", 0.82), ("/srv", 0.88), ("/tmp", 0.97))},
        {},
    )  # fmt: skip
    assert [b.component for b in found] == ["disk /tmp", "disk /srv", "disk /var"]
    assert [b.severity for b in found] == [Severity.CRITICAL, Severity.HIGH, Severity.HIGH]


def test_sorted_by_severity_then_distance() -> None:
    """The worst comes first, and of two alike the one farther over its threshold."""
    found = detect(Settings(), readings(cpu=0.75, mem=0.94, p95=0.3, hits=0.4), {})
    assert [b.component for b in found] == ["cache", "memory", "cpu", "latency"]
    assert priority(found) is Priority.URGENT
    whens = [r.when for r in recommendations(found)]
    assert whens == sorted(whens, key=list(When).index)
    texts = [r.text for r in recommendations(found)]
    assert len(set(texts)) == len(texts)


DISK, CONNECTIONS = 'system.filesystem.utilization{mountpoint="/"}', "db.connections.utilization"
MEMORY, HITS = "system.memory.utilization", "cache.hit_ratio"
LIMITS = (
    (CPU, 0.7, 0.9, "high", "critical", "cpu_utilization"),
    (MEMORY, 0.8, 0.95, "high", "critical", "memory_utilization"),
    (DISK, 0.8, 0.9, "high", "critical", "disk_utilization"),
    (P95, 0.25, 0.5, "medium", "critical", "response_time_p95"),
    (HITS, 0.7, 0.5, "medium", "high", "cache_hit_rate"),
    (CONNECTIONS, 0.8, 0.95, "high", "critical", "database_connections"),
)


@pytest.mark.parametrize("limits", LIMITS, ids=lambda limits: limits[0])
def test_every_threshold_of_the_guide(limits: tuple[str, float, float, str, str, str]) -> None:
    """At a threshold nothing changes, one thousandth beyond it does, for all six of the guide's."""
    key, warning, critical, mild, bad, name = limits
    given = json.loads((VECTORS / "guide.json").read_text())["BottleneckDetector"]["thresholds"]
    scale = {P95: 1000.0, HITS: 1.0, CONNECTIONS: 1.0}.get(key, 100.0)
    assert given[name] == {"warning": warning * scale, "critical": critical * scale}
    step = -0.001 if key == HITS else 0.001

    def severity(value: float) -> str:
        found = detect(Settings(), {key: Reading(value, 0.0)}, {})
        for b in found:
            assert (b.metric, b.threshold, b.critical) == (key, warning, critical)
        return str(found[0].severity) if found else "none"

    assert [severity(v) for v in (warning - step, warning, warning + step)] == [
        "none",
        "none",
        mild,
    ]
    assert [severity(v) for v in (critical, critical + step)] == [mild, bad]


@pytest.mark.parametrize("name", CASES)
def test_the_guide_is_quoted(name: str) -> None:
    """Beside each row stands what the guide says of that reading: its severity, or none."""
    case = CASES[name]
    want = {NAMES[r["component"]]: r["severity"] for rows in case["results"].values() for r in rows}
    for b in detect(Settings(), *guide_input(case)):
        assert b.guide is not None
        assert b.guide.severity == want.get(b.component, "none")
        assert (b.guide.impact != "", len(b.guide.recommendations) > 0) == (
            b.component in want, b.component in want)  # fmt: skip


def test_the_guide_looks_at_few_things() -> None:
    """Disks, connections and pressure have no verdict of the guide, not one of `none`."""
    found = detect(Settings(), {DISK: Reading(0.97, 0.0), CONNECTIONS: Reading(0.97, 0.0)}, {})
    assert [b.guide for b in found] == [None, None]


def health(state: SourceState, failures: int = 0, last: float | None = 990.0) -> Health:
    """How the application's collector does."""
    reason = "connection refused" if state is SourceState.FAILING else ""
    return Health("app", state, reason, last, 990.0, 2.0, None, failures)


def test_a_dead_application_is_a_row() -> None:
    """It is critical after two of its intervals, names the reason, and is over like any other."""
    t = Ticker()
    t.about["app_state"] = health(SourceState.LIVE)
    assert t.feed(10) == ()
    t.about["app_state"] = health(SourceState.FAILING, 2)
    assert t.feed(4) == ()
    (b,) = t.feed(1)
    assert (b.component, b.severity, b.value, b.threshold) == (
        "application",
        "critical",
        None,
        None,
    )
    assert [e.text for e in b.evidence] == ["does not answer for 4 s", "connection refused"]
    assert b.recommendations[0].text == "check that the process runs"
    assert b.would_change == ("application answers for 4 s",)
    assert b.guide is None
    assert t.feed(8)[0].evidence[0].text == "does not answer for 12 s"
    t.about["app_state"] = health(SourceState.LIVE)
    (b,) = t.feed(3)
    assert b.recovering and b.evidence[0].text == "answers again for 2 s"
    assert priority(t.found) is Priority.NONE
    assert t.feed(2) == ()
    assert t.lines == ["application: critical began, does not answer for 4 s",
                       "application: critical is over after 12 s"]  # fmt: skip


def test_one_failed_reading_is_no_outage() -> None:
    """However long the pause after it, a second one must fail too."""
    t = Ticker()
    t.about["app_state"] = health(SourceState.FAILING, 1)
    assert t.feed(30) == ()
    t.about["app_state"] = health(SourceState.FAILING, 2)
    assert [b.component for b in t.feed(1)] == ["application"]


@pytest.mark.parametrize(
    "state",
    [
        None,
        health(SourceState.FAILING, 9, None),
        health(SourceState.STARTING, 0, None),
        health(SourceState.LATE),
        health(SourceState.LIVE),
    ],
)
def test_what_is_no_dead_application(state: Health | None) -> None:
    """One that never answered, or only is late, is a matter of its source's state."""
    t = Ticker()
    t.about["app_state"] = state
    assert t.feed(60) == ()


def test_without_an_application_none_is_missed() -> None:
    """Where the host alone is watched no row speaks of an application."""
    base = Settings()
    t = Ticker(replace(base, app=replace(base.app, source="none")))
    t.about["app_state"] = health(SourceState.FAILING, 9)
    assert t.feed(60) == ()


def test_thresholds_are_strict() -> None:
    """A value at its threshold is not beyond it, high or low."""
    assert detect(Settings(), readings(cpu=0.7, mem=0.8, p95=0.25, hits=0.7), {}) == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=60), st.integers(0, 5))
def test_any_course_is_stable(course: list[float | None], sustain: int) -> None:
    """Any readings give the same rows twice, and every began is followed by an end or a row."""
    base = Settings()
    limits = replace(base.thresholds, cpu=replace(base.thresholds.cpu, for_=Duration(sustain)))
    runs = []
    for _ in range(2):
        t = Ticker(replace(base, thresholds=limits))
        rows = [t.feed(1, cpu=v, hits=v, psi=v) for v in course]
        runs.append((rows, t.lines))
    assert runs[0] == runs[1]
    for component in ("cpu", "cache", "cpu pressure"):
        lines = [line for line in runs[0][1] if line.startswith(f"{component}: ")]
        begun = sum(" began" in line for line in lines)
        ended = sum(" over " in line or "lost" in line or "counted" in line for line in lines)
        assert begun - ended == sum(b.component == component for b in (t.found if course else ()))
