"""A snapshot of somebody else: in the same screens, marked, harmless, and with its own settings."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from capmon.cli import main
from capmon.clock import ManualClock
from capmon.config.load import Loaded
from capmon.config.schema import ObjectiveSettings, Settings
from capmon.errors import CapmonError, TargetError
from capmon.model.curves import Coefficient, Curve, Estimate, Fit, FitKind, Headroom
from capmon.model.forecasts import Forecast
from capmon.model.frame import Event, Frame, Past, Reading, Trend
from capmon.model.patterns import Patterns
from capmon.model.results import ActionState, Evidence, Outcome, ReplicaState, ScalePlan
from capmon.recording.still import Still, opened, settings_of
from capmon.recording.tame import LONGEST, MOST, tamed
from capmon.snapshot import document, write

sys.path.insert(0, str(Path(__file__).parent / "ui"))
import frames
import frames_models
import frames_scaling

LOADED = Loaded(Settings(), {}, None, "")
NOW = frames.NOW
CPU, RATE, P95 = frames.CPU, frames.RATE, frames.P95


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The snapshot of a busy service, made with another configuration than the reader's."""
    loaded = Loaded(Settings(), {"app.url": "capmon.yaml:3"}, Path("/etc/theirs.yaml"), "")
    return write(document(frames.busy(), loaded), tmp_path / "incident.json")


# Still


def test_the_frame_is_given_and_marked(file: Path) -> None:
    """Whoever listens gets it once, with the file's name and the moment of its results."""
    found = opened(file, LOADED)
    still = Still(found.frame, found.loaded.settings, ManualClock())
    seen: list[Frame] = []
    still.on_frame(seen.append)
    asyncio.run(still.start(host_first=True))
    assert [f.at for f in seen] == [NOW]
    past = seen[0].past
    assert past is not None
    assert (past.kind, past.name, past.results_at, past.end) == ("file", "incident.json", NOW, NOW)
    assert past.since == NOW + 3 - 300.0  # cells are aligned, and the last one ends after now
    assert seen[0].readings == frames.busy().readings


def test_nothing_can_be_done(file: Path) -> None:
    """No plan is made, none is carried out, and the models stay as they are."""
    still = Still(opened(file, LOADED).frame, Settings(), ManualClock())
    asyncio.run(still.start())
    still.start_engine()
    still.forget_models("no")
    assert still.propose(delta=1) is None
    assert still.last_action() is None
    with pytest.raises(TargetError):
        asyncio.run(still.execute(ScalePlan(4, 5, ())))
    assert still.frame is not None
    assert still.frame.fits == frames.busy().fits


def test_a_shorter_window_shows_the_end_of_the_courses(file: Path) -> None:
    """Only its last cells stay; a longer one than was recorded shows all there is."""
    frame = dataclasses.replace(opened(file, LOADED).frame, window=600.0)
    still = Still(frame, Settings(), ManualClock())
    asyncio.run(still.start())
    still.set_window(60.0)
    assert still.frame is not None
    assert still.frame.trends[CPU].values == frame.trends[CPU].values[-12:]
    assert still.frame.window == 60.0
    still.set_window(86400.0)
    assert still.frame.trends == frame.trends
    assert still.frame.window == 600.0


def test_a_note_stands_among_the_events(file: Path) -> None:
    """At once, first, and with the events of the file behind it."""
    still = Still(opened(file, LOADED).frame, Settings(), ManualClock(NOW + 60))
    asyncio.run(still.start())
    still.note("note", "it was\nthe deploy")
    assert still.frame is not None
    assert still.frame.events == (Event(NOW + 60, "note", "it was the deploy"), *frames.EVENTS)
    asyncio.run(still.stop())
    still.note("note", "too late")
    assert len(still.frame.events) == len(frames.EVENTS) + 1


def test_a_snapshot_of_a_replay_says_so(tmp_path: Path) -> None:
    """Its results are as old as they were there."""
    past = Past("replay", "web@db-01", NOW - 30, NOW - 900, NOW)
    frame = dataclasses.replace(frames.busy(), past=past)
    path = write(document(frame, LOADED), tmp_path / "a.json")
    found = opened(path, LOADED).frame.past
    assert found is not None
    assert (found.name, found.results_at) == ("a.json, replay of web@db-01", NOW - 30)


# Settings


def test_settings_are_the_files_where_it_holds_them(file: Path) -> None:
    """The objective that its headroom counts against, not the reader's; and both are said."""
    mine = Settings(objectives=ObjectiveSettings(latency_p95=9.0))  # type: ignore[arg-type]
    found = opened(file, dataclasses.replace(LOADED, settings=mine))
    settings = found.loaded.settings
    assert settings.objectives.latency_p95 == 0.25
    assert (settings.scaling.min, settings.scaling.max) == (2, 10)
    assert settings.keys == mine.keys
    (note,) = found.notes
    assert "objectives.latency_p95" in note
    assert "all others are of this configuration" in note


def test_settings_that_the_file_does_not_hold_are_the_readers() -> None:
    """Nothing is taken from a number that is none."""
    mine = Settings(objectives=ObjectiveSettings(latency_p95=9.0))  # type: ignore[arg-type]
    room = Headroom(P95, math.nan, "objectives.latency_p95", RATE, None, None)
    settings, taken = settings_of(dataclasses.replace(frames.starting(), headroom=(room,)), mine)
    assert settings.objectives.latency_p95 == 9.0
    assert "objectives.latency_p95" not in taken


def test_what_is_exported_again_names_the_first_configuration(file: Path) -> None:
    """Not that of whoever looked at it."""
    found = opened(file, LOADED)
    config = document(found.frame, found.loaded)["config"]
    assert config == {"path": "/etc/theirs.yaml", "origins": {"app.url": "capmon.yaml:3"}}


# Tame


@pytest.mark.parametrize(
    "frame",
    [frames.busy(), frames.app_down(), frames.starting(), frames_models.models(), frames_scaling.scaled()],
    ids=["busy", "app down", "starting", "models", "scaled"],
)  # fmt: skip
def test_a_frame_of_a_monitor_stays_as_it_is(frame: Frame) -> None:
    """Nothing that capmon itself writes is left out or changed."""
    assert tamed(frame) == (frame, ())


LINE = (Coefficient("slope", 1.0, None), Coefficient("intercept", 0.0, None))
GIANT = (Coefficient("base", 0.1, None), Coefficient("scale", 1.0, None), Coefficient("capacity", 9.0, None), Coefficient("servers", 1e15, None))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"readings": {"no.such.metric": Reading(1.0, NOW)}}, {"readings": {}}),
        ({"readings": {"system.cpu.utilization{": Reading(1.0, NOW)}}, {"readings": {}}),
        ({"texts": {"\x1b[2J": "x"}}, {"texts": {}}),
        ({"trends": {CPU: Trend(NOW, 0.0, (1.0,))}}, {"trends": {}}),
        ({"trends": {CPU: Trend(NOW, math.inf, (1.0,))}}, {"trends": {}}),
        ({"headroom": (Headroom("x", 1.0, "", RATE, None, None),)}, {"headroom": ()}),
        ({"replicas": ReplicaState("swarm", "web", 10**15, 4)}, {"replicas": ReplicaState("swarm", "web", None, 4)}),
        ({"patterns": Patterns(RATE, "Mars/Olympus", NOW, 1.0, 1)}, {"patterns": None}),
        ({"patterns": Patterns(RATE, "UTC", NOW, 1.0, 1, week=((1.0,),))}, {"patterns": None}),
        ({"patterns": Patterns(RATE, "UTC", NOW, 1.0, 1, quietest_hour=24)}, {"patterns": None}),
        (
            {"outcomes": (Outcome("a", NOW, 1, 2, ActionState.DONE, actual=(("x", 1.0), (CPU, 0.5))),)},
            {"outcomes": (Outcome("a", NOW, 1, 2, ActionState.DONE, actual=((CPU, 0.5),)),)},
        ),
    ],
)  # fmt: skip
def test_what_no_monitor_says_is_left_out(change: dict[str, Any], kept: dict[str, Any]) -> None:
    """Unknown metrics, courses without a pace, weeks of one hour: gone, and told in one line."""
    made, left = tamed(dataclasses.replace(frames.starting(), **change))
    assert made == dataclasses.replace(frames.starting(), **kept)
    assert len(left) == 1
    assert left[0].isprintable()


@pytest.mark.parametrize(
    "fit",
    [
        Fit(CPU, RATE, FitKind.LINEAR, LINE[:1]),
        Fit(CPU, RATE, FitKind.LINEAR, LINE[::-1]),
        Fit(CPU, RATE, FitKind.MMC, GIANT),
        Fit(CPU, RATE, FitKind.EXPONENTIAL, (Coefficient("a", -1.0, None), Coefficient("b", 1.0, None))),
        Fit(CPU, RATE, FitKind.LINEAR, LINE, rivals=(Curve(FitKind.MMC, (1.0,)),)),
        Fit(CPU, RATE, FitKind.LINEAR, LINE, covariance=((1.0,), (1.0, 2.0))),
        Fit(CPU, RATE, FitKind.LINEAR, (Coefficient("slope", math.inf, None), LINE[1])),
        Fit(CPU, RATE, FitKind.LINEAR),
    ],
)  # fmt: skip
def test_a_curve_that_cannot_be_drawn_says_why(fit: Fit) -> None:
    """It stands there without a curve, and with a problem that names the file."""
    made, _ = tamed(dataclasses.replace(frames.starting(), fits=(fit,)))
    assert made.fits[0].curve is None
    assert made.fits[0].problem.startswith("in the file, ")


def test_a_forecast_whose_interval_does_not_fit_says_why() -> None:
    """Two medians with one low end are none."""
    bad = Forecast(CPU, NOW, 60.0, median=(1.0, 2.0), low=(1.0,), high=(2.0, 3.0))
    made, _ = tamed(dataclasses.replace(frames.starting(), forecasts=(bad,)))
    assert made.forecasts == (Forecast(CPU, NOW, problem="in the file, its interval does not fit it"),)  # fmt: skip


def test_texts_and_lists_have_an_end() -> None:
    """Megabytes of text become a line, without what moves a cursor; a million events become some."""
    events = (Event(NOW, "note", "\x1b[31m" + "x" * 1_000_000),) * (MOST + 10)
    made, _ = tamed(dataclasses.replace(frames.starting(), events=events, app_name="a\nb\x9b"))
    assert len(made.events) == MOST
    assert len(made.events[0].text) == LONGEST
    assert made.events[0].text.isprintable()
    assert made.app_name == "a b"


@pytest.mark.parametrize("name", ["interval", "window"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e-320])
def test_a_frame_without_a_pace_is_refused(name: str, value: float) -> None:
    """There is nothing to show then."""
    with pytest.raises(CapmonError, match=name):
        tamed(dataclasses.replace(frames.starting(), **{name: value}))


def test_every_hostile_frame_is_made_fit() -> None:
    """Names and numbers that nobody should send end as texts that can be printed."""
    made, _ = tamed(frames.hostile())
    assert made.host is not None
    assert made.host.hostname.isprintable()
    for b in made.bottlenecks:
        assert b.component.isprintable()
        assert all(isinstance(e, Evidence) and e.text.isprintable() for e in b.evidence)
    assert all(isinstance(h.at, Estimate | None) for h in made.headroom)


# Commands


def test_without_a_terminal_it_is_printed(file: Path) -> None:
    """The text summary, under a line that says whose it is and from when."""
    done = CliRunner().invoke(main, ["open", str(file)])
    assert done.exit_code == 0, done.output
    first, second, head, *_ = done.stdout.splitlines()
    assert first.startswith("file        incident.json, taken 2026-03-01T14:32:07Z, ")
    assert "all others are of this configuration" in second
    assert head.startswith("capmon  web-01 · Debian 12")
    assert "p95 reaches 250 ms at 128" in done.stdout


def test_the_incident_of_a_file_is_printed(file: Path) -> None:
    """As Markdown, naming the file."""
    done = CliRunner().invoke(main, ["open", "--markdown", str(file)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("**◆ CRITICAL · ")
    assert "file incident.json" in done.stdout


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """Status 1 and one line with the file and the fault."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"kind": "other"}))
    done = CliRunner().invoke(main, ["open", str(path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"capmon: {path}: no snapshot of capmon\n"


def test_two_files_are_compared(file: Path, tmp_path: Path) -> None:
    """Worst first; as JSON the same; status 0 although much is worse."""
    calm = write(document(frames.calm(), LOADED), tmp_path / "calm.json")
    done = CliRunner().invoke(main, ["diff", str(calm), str(file)])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    worse = done.stdout.partition("\nworse\n")[2].splitlines()[0]
    assert worse.split()[:6] == ["▲", "bottleneck", "disk", "/var", "none", "→"]
    as_json = CliRunner().invoke(main, ["diff", "--json", str(calm), str(file)])
    content = json.loads(as_json.stdout)
    assert content["kind"] == "capmon.difference"
    assert content["changes"][0]["subject"] == "disk /var"
    missing = CliRunner().invoke(main, ["diff", str(calm), str(tmp_path / "none.json")])
    assert (missing.exit_code, missing.stdout) == (1, "")
