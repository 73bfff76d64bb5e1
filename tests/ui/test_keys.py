"""Every key of the command table, pressed in the real app."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import frames
from stage import FakeMonitor, Stage, staged
from textual.command import CommandPalette

from capmon.config.schema import WINDOWS, Settings
from capmon.ui.commands import COMMANDS, unknown
from capmon.ui.screens.help import HelpScreen, lines
from capmon.ui.widgets.text import plain

OVERVIEW = ("resources", "application", "models", "forecast", "bottlenecks", "processes", "sources")


async def until(stage: Stage, true: Callable[[], bool]) -> None:
    """Wait until something holds, for at most five seconds."""
    for _ in range(500):
        await stage.settle()
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain; notices: {stage.notices}")


def files(folder: Path) -> list[Path]:
    """What lies in a folder, half-written files included."""
    return sorted(folder.iterdir())


def quits(stage: Stage) -> bool:
    """Whether the app was told to end."""
    return stage.app._exit


def test_keys_of_commands_are_unique() -> None:
    """No key is bound twice, and no id either."""
    keys = [key for c in COMMANDS for key in c.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert len({c.id for c in COMMANDS}) == len(COMMANDS)


async def test_start_and_end() -> None:
    """The analysis starts once, after the first frame, and quitting stops the monitor."""
    async with staged() as stage:
        assert stage.monitor.calls == ["start"]
        assert "capmon" in stage.bar("header")
        await stage.give(frames.busy())
        await stage.give(frames.calm())
        assert stage.monitor.calls == ["start", "start_engine"]
        await stage.pilot.press("q")
    assert stage.monitor.calls == ["start", "start_engine", "stop"]
    assert stage.app.return_code == 0


async def test_pause_holds_the_screen() -> None:
    """While paused no frame is shown; afterwards the newest is, and the header says which it is."""
    async with staged(frames.busy()) as stage:
        await stage.press("space")
        assert "paused" in stage.bar("header")
        still = stage.text
        await stage.give(frames.app_down())
        await stage.give(frames.calm())
        assert stage.text == still
        await stage.press("space")
        assert "paused" not in stage.bar("header")
        async with staged(frames.calm()) as other:
            assert stage.text == other.text


async def test_filter() -> None:
    """A filter shows lines that hold its text; keys typed into it are no commands; esc clears it."""
    async with staged(frames.busy()) as stage:
        whole = stage.text
        await stage.press("slash")
        await stage.press(*"quz 1+S?")
        assert not quits(stage)
        assert stage.app.view_state.filter == "quz 1+S?"
        assert stage.app.screen is stage.app.monitor_screen
        await stage.press("escape")
        assert stage.app.view_state.filter == ""
        assert stage.text == whole
        await stage.press("slash", *"POSTGRES")
        head, found = stage.lines("processes")
        assert "cores" in head
        assert "postgres" in found
        await stage.press("enter")
        assert not stage.app.monitor_screen.filtering  # type: ignore[union-attr]
        assert "/POSTGRES" in stage.bar("header")
        await stage.press("escape")
        assert stage.text == whole
        await stage.press("slash", "x", "ctrl+c")
        assert quits(stage)


async def test_filter_keeps_column_heads_on_every_frame() -> None:
    """A filter stays in force when the next frame comes."""
    async with staged(frames.busy()) as stage:
        await stage.press("slash", *"redis", "enter")
        await stage.give(replace(frames.busy(), at=frames.NOW + 1))
        head, found = stage.lines("processes")
        assert "cores" in head
        assert "redis-server" in found


async def test_focus_goes_round() -> None:
    """Tab visits every pane in order and begins again; shift+tab goes back."""
    async with staged(frames.busy()) as stage:
        seen = []
        for _ in range(8):
            await stage.press("tab")
            seen.append(stage.app.monitor_screen.focused_pane)  # type: ignore[union-attr]
        assert seen == [*OVERVIEW, OVERVIEW[0]]
        await stage.press("shift+tab")
        assert stage.app.monitor_screen.focused_pane == OVERVIEW[-1]  # type: ignore[union-attr]


async def test_focus_in_a_small_terminal_shows_the_pane() -> None:
    """Where one pane is shown at a time, tab shows the next one, filled."""
    async with staged(frames.busy(), (40, 12)) as stage:
        seen = []
        for _ in range(8):
            await stage.press("tab")
            assert len(stage.panes) == 1
            (name,) = stage.panes
            assert stage.lines(name)
            seen.append(name)
        assert set(seen) == set(OVERVIEW)


async def test_zoom_fills_the_board_and_goes_back() -> None:
    """Z and enter let the focused pane fill the board; z, enter and esc give the rest back."""
    async with staged(frames.busy()) as stage:
        await stage.press("z")
        assert len(stage.panes) == 7  # nothing has the focus
        await stage.press("tab")
        whole = stage.text
        for there in ("z", "enter"):
            for back in ("z", "enter", "escape"):
                await stage.press(there)
                assert list(stage.panes) == ["resources"]
                assert stage.panes["resources"].outer_size == (120, 37)
                assert len(stage.lines("resources")) > 10
                await stage.press(back)
                assert stage.text == whole


async def test_tab_while_zoomed_zooms_the_next() -> None:
    """Tab in a zoomed pane goes to the next pane, zoomed and filled."""
    async with staged(frames.busy()) as stage:
        await stage.press("tab", "z", "tab")
        assert list(stage.panes) == ["application"]
        assert stage.lines("application")
        assert stage.app.view_state.maximised == "application"


async def test_views() -> None:
    """1 and 2 change the view, also twice in a row; esc goes back to the overview; each is filled."""
    async with staged(frames.busy()) as stage:
        overview = stage.text
        await stage.press("2")
        assert list(stage.panes) == ["rate", "latency", "readings"]
        application = stage.text
        await stage.press("2")
        assert stage.text == application
        await stage.press("1")
        assert stage.text == overview
        await stage.press("2", "escape")
        assert stage.text == overview
        await stage.press("2", "tab", "z")
        assert list(stage.panes) == ["rate"]
        await stage.press("1")
        assert stage.text == overview


async def test_views_while_paused() -> None:
    """A view opened while the screen stands still shows the frame that is held."""
    async with staged(frames.busy()) as stage:
        await stage.press("space")
        await stage.give(frames.app_down())
        await stage.press("2")
        assert any("118" in t for t in stage.lines("readings"))


async def test_export(tmp_path: Path) -> None:
    """E writes what is shown as valid JSON, whole or not at all, and says where."""
    async with staged(frames.busy(), folder=tmp_path) as stage:
        await stage.press("tab", "slash", *"cpu", "enter", "space", "e")
        await until(stage, lambda: bool(stage.notices))
        (path,) = files(tmp_path)
        assert path.name == "capmon-web-01-20260301T143207Z.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stage.notices == [str(path)]
        document = json.loads(path.read_text())
        assert document["frame"]["readings"][frames.CPU]["value"] == 0.62
        scene = document["scene"]
        assert (scene["screen"], scene["filter"], scene["paused"]) == ("overview", "cpu", True)
        assert scene["size"] == [120, 40]


async def test_export_of_anything(tmp_path: Path) -> None:
    """Names and numbers that nobody should send are exported too."""
    async with staged(frames.hostile(), folder=tmp_path) as stage:
        await stage.press("e")
        await until(stage, lambda: bool(stage.notices))
        (path,) = files(tmp_path)
        json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        assert path.parent == tmp_path


def _refuse(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


async def test_export_that_fails_says_so(tmp_path: Path) -> None:
    """A folder that cannot be written gives a notice that names it, and nothing else happens."""
    async with staged(frames.busy(), folder=tmp_path / "absent") as stage:
        await stage.press("e")
        await until(stage, lambda: bool(stage.notices))
        (notice,) = stage.app._notifications
        assert notice.severity == "error"
        assert str(tmp_path / "absent") in notice.message
        assert files(tmp_path) == []


async def test_export_on_the_way_out(tmp_path: Path) -> None:
    """Quitting right behind E leaves a whole file or none, and no traceback."""
    async with staged(frames.busy(), folder=tmp_path) as stage:
        stage.send("e")
        stage.send("q")
        await stage.settle()
    for thread in threading.enumerate():
        if thread.daemon and "_export" in thread.name:
            thread.join(5)
    for path in files(tmp_path):
        assert path.name.startswith("capmon-")
        json.loads(path.read_text())


async def test_export_before_the_first_frame(tmp_path: Path) -> None:
    """Without a frame there is nothing to export, and that is said."""
    async with staged(folder=tmp_path) as stage:
        await stage.press("e")
        assert len(stage.notices) == 1
        assert files(tmp_path) == []


async def test_windows() -> None:
    """[ and ] go through the windows and stop at both ends."""
    async with staged(frames.busy()) as stage:
        names = list(WINDOWS)
        await stage.press("left_square_bracket")
        assert stage.monitor.windows == []
        for name in names[1:]:
            await stage.press("right_square_bracket")
            assert f"  {name}  " in stage.bar("header")
        await stage.press("right_square_bracket")
        assert stage.monitor.windows == [WINDOWS[name] for name in names[1:]]
        await stage.press("left_square_bracket")
        assert stage.monitor.windows[-1] == WINDOWS[names[-2]]


async def test_help_says_why_values_are_missing() -> None:
    """Help lists the keys, the sources, and each missing metric with its reason."""
    async with staged(frames.app_down(), (120, 80)) as stage:
        await stage.press("question_mark")
        assert isinstance(stage.app.screen, HelpScreen)
        assert "http.server.request.rate" in stage.text
        assert stage.text.count("connection refused") > 10
        assert "no /proc/pressure here" in stage.text
        for key in ("escape", "q", "question_mark", "f1"):
            await stage.press(key)
            assert not isinstance(stage.app.screen, HelpScreen), key
            assert not quits(stage)
            await stage.press("f1")
            assert isinstance(stage.app.screen, HelpScreen)


async def test_help_scrolls() -> None:
    """Help that is longer than the terminal scrolls with the keys that it names."""
    async with staged(frames.app_down(), (80, 24)) as stage:
        await stage.press("question_mark")
        first = stage.text
        stage.app.animation_level = "none"
        await stage.press("down", "down")
        assert stage.text != first
        await stage.press("end")
        await until(stage, lambda: "~ marks a load beyond" in stage.text)
        await stage.press("home")
        await until(stage, lambda: stage.text == first)


def test_help_has_every_command() -> None:
    """Every command is in the help, and those that act are not when the screen is read-only."""
    shown = [plain(line) for line in lines(None, {}, read_only=False)]
    for command in COMMANDS:
        assert any(command.help in line and command.shown in line for line in shown)
    hidden = [plain(line) for line in lines(None, {}, read_only=True)]
    assert not any(c.help in line for c in COMMANDS if c.acts for line in hidden)


async def _palette(stage: Stage, *typed: str) -> str:
    await stage.press("ctrl+p")
    assert isinstance(stage.app.screen, CommandPalette)
    await stage.press(*typed)
    await until(stage, lambda: "one replica more" in stage.text or "Leave capmon" in stage.text)
    return stage.text


async def test_palette_lists_commands_and_runs_them() -> None:
    """The palette lists what can be done, finds it by name, and does it."""
    async with staged(frames.busy(), (120, 90)) as stage:
        text = await _palette(stage)
        assert "Leave capmon" in text
        assert "Hold the screen still" in text
        assert "Propose a number of replicas" in text
        await stage.press("escape")
        assert stage.app.screen is stage.app.monitor_screen
        await _palette(stage, *"replica more")
        await stage.press("down", "enter")
        await until(stage, lambda: "4 → 5" in stage.text)


async def test_palette_hides_what_may_not_be_done() -> None:
    """A read-only palette lists no scale commands."""
    async with staged(frames.busy(), (120, 60), read_only=True) as stage:
        text = await _palette(stage)
        assert "Leave capmon" in text
        assert "Propose" not in text


async def test_rebinding() -> None:
    """A key from the settings works, the footer shows it, and the old one does nothing."""
    settings = Settings(keys={"quit": "x", "pause": "p,f5"})
    async with staged(frames.busy(), settings=settings) as stage:
        assert "x quit" in stage.bar("keys")
        assert "p pause" in stage.bar("keys")
        await stage.press("q", "space")
        assert not quits(stage)
        assert not stage.app.view_state.paused
        await stage.press("f5")
        assert stage.app.view_state.paused
        await stage.press("x")
        assert quits(stage)


async def test_rebinding_what_is_no_command() -> None:
    """An id that is no command gives one notice that names it and the nearest one."""
    settings = Settings(keys={"puase": "p", "quit": "x"})
    assert unknown(["puase"]) == ["no command 'puase'; did you mean pause?"]
    async with staged(frames.busy(), settings=settings) as stage:
        assert stage.notices == unknown(["puase"])


async def test_notices_are_plain_text() -> None:
    """Whatever a notice says, it is no markup and no control character reaches the terminal."""
    async with staged(frames.busy(), notifications=True) as stage:
        stage.app.notify("[b]no[/b] \x1b[31mred\x07\x9b", severity="error")
        await until(stage, lambda: "[b]no[/b] [31mred" in stage.text)
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for row in stage.rows for c in row)


async def test_blur_slows_down_and_focus_shows_the_newest() -> None:
    """A window without the focus is drawn less often, and at once when it has it again."""
    from textual.events import AppBlur, AppFocus

    async with staged(frames.busy()) as stage:
        stage.app.post_message(AppBlur())
        await stage.settle()
        stage.app.pacer._last = float("inf")
        stage.monitor.give(frames.app_down())
        await stage.settle()
        assert "app failing" not in stage.bar("header")
        stage.app.post_message(AppFocus())
        await stage.settle()
        assert "app failing" in stage.bar("header")


async def test_at_most_four_frames_a_second() -> None:
    """Frames that come too fast are left out."""
    monitor = FakeMonitor()
    async with staged(frames.busy(), monitor=monitor) as stage:
        skipped = stage.app.pacer.skipped
        stage.app.pacer._last = float("inf")
        for _ in range(5):
            monitor.give(frames.calm())
        assert stage.app.pacer.skipped == skipped + 5
