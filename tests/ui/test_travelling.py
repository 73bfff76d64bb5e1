"""Keys through time, pressed in the real app over a real record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path

import frames
import frames_past
import pytest
from click.testing import CliRunner
from frames import CPU, NOW
from stage import FakeMonitor, Stage, staged

from capmon.cli import main
from capmon.clock import ManualClock
from capmon.config.loaded import Loaded
from capmon.config.schema import HistorySettings, Settings
from capmon.model.frame import Event, Frame, Past, Recording
from capmon.model.results import Forecast
from capmon.recording.replayer import Replayer
from capmon.recording.timeline import OF_NOW, Timeline
from capmon.snapshot import plain
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention
from capmon.ui import travelling
from capmon.ui.app import CapmonApp
from capmon.ui.panes import held
from capmon.ui.panes.mark import apart
from capmon.ui.screens.jump import JumpScreen
from capmon.ui.screens.whatif import WhatIfScreen

SECONDS = 600
START = NOW - SECONDS
MARK = "◀ 01 Mar "
RECORDED = Recording("recording", "every reading for 24 h")


def written(path: Path) -> Path:
    """Ten minutes of readings up to now, what was found in each, and two events."""
    clock = ManualClock(START)
    writer = HistoryWriter.open(path, clock, "web@test", Retention(1e9, 1e9, 1e9, 2**30))
    frame = frames.busy()
    kept = {f.name: plain(getattr(frame, f.name)) for f in fields(Frame) if f.name not in OF_NOW}
    for i in range(SECONDS + 1):
        writer.batch("host", 1.0, START + i, {CPU: i / 1000, frames.MEMORY: 0.5})
        if i % 60 == 0:
            writer.keep(START + i, kept)
        if i in (120, 480):
            writer.event(Event(START + i, "note", f"note at {i}"))
        clock.advance(1.0)
    writer.close()
    return path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record."""
    return written(tmp_path_factory.mktemp("record") / "history.db")


def settings(record: Path) -> Settings:
    """Settings that remember there."""
    return Settings(history=HistorySettings(path=str(record), name="web@test"))


@asynccontextmanager
async def live(record: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Stage]:
    """The live app over the record."""
    now = replace(frames.busy(), recording=RECORDED)
    async with staged(now, size, settings=settings(record), notifications=True) as stage:
        yield stage


@asynccontextmanager
async def replayed(
    record: Path, back: float = 0.0, clock: ManualClock | None = None
) -> AsyncIterator[tuple[CapmonApp, Stage]]:
    """The replay, begun so many seconds before the end."""
    chosen = settings(record)

    def open_() -> Timeline:
        return Timeline(HistoryReader.open(record), chosen)

    front = Replayer(chosen, clock or ManualClock(NOW), open_, lambda end: end - back)
    app = CapmonApp(front, Loaded(chosen, {}, None, ""), read_only=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        stage = Stage(app, FakeMonitor(), pilot)
        await until(stage, lambda: app.shown is not None)
        yield app, stage


async def until(stage: Stage, true: Callable[[], bool]) -> None:
    """Wait until something holds, for at most five seconds."""
    for _ in range(500):
        await stage.settle()
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain; notices: {stage.notices}, shown: {stage.app.shown}")


def second(stage: Stage) -> float | None:
    """Which second of the record is shown; None while it is now."""
    shown = stage.app.shown
    return None if shown is None or shown.past is None else shown.at - START


async def at(stage: Stage, wanted: float | None) -> None:
    """Wait for a second of the record."""
    await until(stage, lambda: second(stage) == wanted)


async def test_steps_through_time_and_back_to_now(record: Path) -> None:
    """Left and right go by a cell, with shift by a minute, and home or backtick back to now."""
    async with live(record) as stage:
        before = stage.text
        assert "● rec" in stage.bar("header")
        await stage.press("left")
        await at(stage, 595)
        assert stage.app.shown is not None
        assert stage.app.shown.value(CPU) == pytest.approx(0.595)
        assert MARK + "14:32:02" in stage.bar("header")
        await stage.press("shift+left")
        await at(stage, 535)
        assert "1 m 05 s ago" in stage.bar("header")
        await stage.press("right")
        cell = stage.app.shown.trends[CPU].step
        await at(stage, 535 + cell)
        await stage.press("shift+left", "shift+left")
        await at(stage, 415 + cell)
        for key in ("home", "grave_accent"):
            await stage.press("left")
            await until(stage, lambda: second(stage) is not None)
            await stage.press(key)
            assert second(stage) is None
        stage.forget_notices()
        await until(stage, lambda: stage.text == before)


async def test_keys_that_repeat_are_all_counted(record: Path) -> None:
    """Twenty presses without waiting go twenty minutes' worth of steps, or to the record's begin."""
    async with live(record) as stage:
        for _ in range(5):
            stage.send("shift+left")
        await at(stage, 300)
        for _ in range(20):
            stage.send("shift+left")
        await at(stage, 0)
        await until(stage, lambda: stage.notices == ["the record begins here"])
        await stage.press("shift+left")
        await until(stage, lambda: stage.notices == ["the record begins here"])
        assert second(stage) == 0


async def test_measuring_goes_on_behind_the_past(record: Path) -> None:
    """Frames that come while the past is shown change nothing on the screen; home shows the newest."""
    async with live(record) as stage:
        await stage.press("shift+left")
        await at(stage, 540)
        still = stage.text
        newest = replace(frames.calm(), at=NOW + 7, recording=RECORDED)
        await stage.give(newest)
        assert stage.text == still
        await stage.press("home")
        assert stage.app.shown is newest


async def test_nothing_is_scaled_in_the_past(record: Path) -> None:
    """Scale keys open nothing and say why; the footer and the help do not offer them."""
    async with live(record) as stage:
        assert "S scale" in stage.bar("keys")
        await stage.press("shift+left")
        await at(stage, 540)
        assert "scale" not in stage.bar("keys")
        assert "dry-run" not in stage.bar("replicas")
        for key in ("S", "plus", "minus", "u"):
            stage.forget_notices()
            await stage.press(key)
            assert stage.app.screen is stage.app.monitor_screen
            assert "nothing is scaled from here: home goes back to now" in stage.notices[0]
        assert stage.monitor.executed == []
        await stage.press("home", "plus")
        assert stage.app.screen is not stage.app.monitor_screen


async def test_jump_reads_what_is_typed(record: Path) -> None:
    """The sheet goes where it is told; what is no time stays in it with the fault below."""
    async with live(record) as stage:
        await stage.press("j", *"25:00", "enter")
        assert isinstance(stage.app.screen, JumpScreen)
        assert "▲ there is no 25:00 on a clock" in stage.text
        await stage.press("escape")
        assert second(stage) is None
        await stage.press("j", *"-5m")
        assert "2026-03-01 14:27:07 UTC  5 m 00 s ago" in stage.text
        await stage.press("enter")
        await at(stage, 300)
        await stage.press("j", *"14:30:07", "enter")
        await at(stage, 480)
        await stage.press("j")
        assert "2026-03-01 14:22:07 UTC to 2026-03-01 14:32:07 UTC" in stage.text


async def test_from_event_to_event(record: Path) -> None:
    """Braces go to the event before and to the next, whose text is said; beyond them it says so."""
    async with live(record) as stage:
        await stage.press("{")
        await at(stage, 480)
        assert stage.notices == ["note at 480"]
        await stage.press("{")
        await at(stage, 120)
        await stage.press("{")
        await until(stage, lambda: stage.notices == ["the record knows of no event before this"])
        assert second(stage) == 120
        await stage.press("}")
        await at(stage, 480)


async def test_window_and_views_work_in_the_past(record: Path) -> None:
    """Brackets change the window of the moment, and every view shows it."""
    async with live(record) as stage:
        await stage.press("shift+left")
        await at(stage, 540)
        await stage.press("right_square_bracket")
        await until(stage, lambda: stage.app.shown is not None and stage.app.shown.window == 900)
        assert second(stage) == 540
        for key in "234561":
            await stage.press(key)
            assert MARK + "14:31:07" in stage.bar("header")


async def test_what_if_asks_the_models_that_are_shown(record: Path) -> None:
    """The what-if sheet answers from the past that is shown, not from now."""
    async with live(record) as stage:
        await stage.press("shift+left")
        await at(stage, 540)
        stage.monitor.frame = None
        await stage.press("w")
        assert isinstance(stage.app.screen, WhatIfScreen)
        assert "nothing was measured yet" not in stage.text


async def test_space_plays_until_the_end(record: Path) -> None:
    """Space plays the past on, which the mark shows, and it stands at the end of the record."""
    quick = replace(settings(record), interval=0.02)  # type: ignore[arg-type]
    now = replace(frames.busy(), recording=RECORDED)
    async with staged(now, settings=quick, notifications=True) as stage:
        await stage.press("j", *"-300ms", "enter")
        await until(stage, lambda: second(stage) is not None)
        await stage.press("space")
        assert "▶ 01 Mar" in stage.bar("header")
        await until(stage, lambda: "the record ends here" in stage.notices)
        await until(stage, lambda: "◀ 01 Mar" in stage.bar("header"))
        assert second(stage) == SECONDS


async def test_what_stands_still_grows_older(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long ago a moment was counts from now, and goes on while nothing else changes."""
    monkeypatch.setattr(travelling, "TICK", 0.02)
    clock = ManualClock(NOW + 7200)
    async with replayed(record, 60.0, clock) as (app, stage):
        assert "2 h 01 m ago" in stage.bar("header")
        shown = app.shown
        clock.advance(86400 * 3)
        await until(stage, lambda: "3 d 02 h ago" in stage.bar("header"))
        assert app.shown is shown


async def test_another_services_past_is_refused(record: Path) -> None:
    """Where another process writes the record of a service of its own, nobody travels into that."""
    chosen = settings(record)
    chosen = replace(chosen, history=replace(chosen.history, resume=False))
    now = replace(frames.busy(), recording=Recording("elsewhere", "pid 7 writes it"))
    async with staged(now, settings=chosen, notifications=True) as stage:
        for key in ("left", "j", "{"):
            stage.forget_notices()
            await stage.press(key)
            assert second(stage) is None
            assert "another process writes the record 'web@test'" in stage.notices[0]


async def test_without_a_record_it_says_so(tmp_path: Path) -> None:
    """Where nothing was recorded, a step shows nothing else and says why."""
    async with live(tmp_path / "absent.db") as stage:
        await stage.press("left")
        await until(stage, lambda: any("there is no history yet" in n for n in stage.notices))
        assert second(stage) is None
        await stage.give(frames.calm())
        assert stage.app.shown is not None
        assert stage.app.shown.past is None


async def test_snapshot_is_one_moment() -> None:
    """In someone else's snapshot no key goes anywhere, nor does it scale, and each says why."""
    async with staged(frames_past.file()) as stage:
        assert "▪ incident-of-the-first-of-march.json" in stage.bar("header")
        for key in ("left", "shift+right", "j", "{", "home", "space"):
            stage.forget_notices()
            await stage.press(key)
            assert stage.notices == ["a snapshot is one moment"], key
        stage.forget_notices()
        await stage.press("plus")
        assert stage.notices == ["this is a snapshot, nothing is scaled from here"]


async def test_replay_shows_the_record_alone(record: Path) -> None:
    """The replay begins where it is told, steps, and home goes to the end of the record."""
    async with replayed(record, back=60.0) as (app, stage):
        assert second(stage) == 540
        assert MARK + "14:31:07" in stage.bar("header")
        assert "1 m 00 s ago · results of 14:31:07" in stage.bar("header")
        await stage.press("left")
        await at(stage, 535)
        await stage.press("home")
        await at(stage, SECONDS)
        assert "· the end · " in stage.bar("header")
        await stage.press("right")
        await until(stage, lambda: stage.notices == ["the record ends here"])
        assert app.monitor.frame is app.shown


# What came


def forecast_and_frame(values: tuple[float, ...]) -> tuple[Forecast, Frame]:
    """A forecast of 5 ± 1, and a frame of the past with what came of it."""
    n = 10
    made = Forecast(CPU, NOW, 10.0, (), (5.0,) * n, (4.0,) * n, (6.0,) * n, limit=7.0)
    came = frames.Trend(NOW + 10.0 * len(values), 10.0, values)
    frame = Frame(1, NOW, 1.0, 300.0, forecasts=(made,), came={CPU: came})
    return made, replace(frame, past=Past("replay", "web", NOW, NOW, NOW))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((5.0,) * 10, "✓ held: 10 of 10 in the band · 700 % not crossed"),
        ((5.0,) * 9 + (6.5,), "✓ held: 9 of 10 in the band · 700 % not crossed"),
        ((5.0,) * 4, "✓ held: 4 of 4 in the band, 6 not known · 700 % not crossed"),
        ((5.0, 5.0, 8.0, 8.0), "✗ did not hold: 2 of 4 in the band, 6 not known · 700 % crossed at 14:32"),
        ((float("nan"),) * 3, "nothing has come of it yet"),
    ],
)  # fmt: skip
def test_sentence_on_what_came(values: tuple[float, ...], said: str) -> None:
    """The sentence counts the points that came, those inside the band, and names the limit's crossing."""
    parts = held.sentence(*forecast_and_frame(values))
    assert " · ".join("".join(text for text, _ in part) for part in parts) == said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(7, "7 s"), (187, "3 m 07 s"), (7380, "2 h 03 m"), (86400 * 12 + 4 * 3600, "12 d 04 h")],
)
def test_how_far_moments_lie_apart(seconds: float, text: str) -> None:
    """A distance is told in two units."""
    assert apart(seconds) == text


# The command


def test_replay_without_a_terminal_prints_the_moment(record: Path) -> None:
    """On a pipe it prints whose record and which moment it is, and the summary of it."""
    run = CliRunner().invoke(main, ["replay", "--file", str(record), "--at", "-1m"])
    assert run.exit_code == 0, run.output
    head, second_line, *_ = run.output.splitlines()
    assert head == "record of web@test, results of 2026-03-01T14:31:07Z"
    assert second_line.endswith("2026-03-01T14:31:07Z")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--at", "25:00"], 2, "no 25:00 on a clock"),
        (["--name", "other"], 1, "web@test"),
        (["--file", "absent.db"], 1, "there is no history yet"),
        (["--at", "-2h"], 1, "nothing is recorded of 2026-03-01T12:32:07Z: the record of web@test begins at 2026-03-01T14:22:07Z"),
        (["--at", "2026-03-02 10:00"], 1, "ends at 2026-03-01T14:32:07Z"),
    ],
)  # fmt: skip
def test_replay_says_what_is_wrong(
    record: Path, arguments: list[str], status: int, said: str
) -> None:
    """A time that is none, a record that is not there and a file that is not there are named."""
    given = arguments if "--file" in arguments else ["--file", str(record), *arguments]
    run = CliRunner().invoke(main, ["replay", *given])
    assert run.exit_code == status
    assert said in run.output
