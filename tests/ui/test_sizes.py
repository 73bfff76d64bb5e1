"""Any frame at any size, and any key at any time."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import frames
import pytest
from rich.cells import cell_len
from stage import FakeMonitor, Stage, staged
from textual.command import CommandList

from capmon.ui.commands import COMMANDS
from capmon.ui.panes import bars
from capmon.ui.screens.application import ApplicationScreen
from capmon.ui.screens.bottlenecks import BottlenecksScreen
from capmon.ui.screens.forecast import ForecastScreen
from capmon.ui.screens.help import lines
from capmon.ui.screens.models import ModelsScreen
from capmon.ui.screens.overview import OverviewScreen
from capmon.ui.screens.scaling import ScalingScreen
from capmon.ui.widgets.grid import _cells
from capmon.ui.widgets.pane import View, filtered
from capmon.ui.widgets.text import fit

ODD = (
    (1, 1), (2, 3), (3, 1), (1, 50), (7, 4), (13, 9), (20, 5), (39, 11), (59, 14), (60, 15),
    (61, 16), (79, 23), (81, 25), (99, 24), (99, 60), (100, 25), (100, 15), (101, 28), (119, 36),
    (133, 37), (200, 20), (201, 60), (299, 99), (300, 100), (300, 1),
)  # fmt: skip
PANES = (
    *OverviewScreen.panes,
    *ApplicationScreen.panes,
    *ModelsScreen.panes,
    *ForecastScreen.panes,
    *BottlenecksScreen.panes,
    *ScalingScreen.panes,
)
FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f")


def harmless(text: str) -> bool:
    """Whether a text cannot steer a terminal."""
    return not any(unicodedata.category(c) in FORBIDDEN or c in BIDI for c in text)


FEW = ((1, 5, 28, 60, 98, 298), (1, 5, 24))
MANY = ((1, 2, 5, 11, 17, 28, 44, 60, 98, 158, 298), (1, 2, 5, 9, 24))


@pytest.mark.parametrize("sizes", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", frames.ALL)
def test_every_pane_draws_every_frame(
    name: str, sizes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    """Each pane draws each frame at every width and height, in cells that fit and do no harm."""
    frame = frames.ALL[name]()
    views = (View(), View(filter="a", window="24h", paused=True, read_only=True, mode="act"))
    for make in PANES:
        pane = make()
        for width in sizes[0]:
            for height in sizes[1]:
                for view in views[: 1 + (width == 60)]:
                    drawing = pane.draw(frame, view, width, height)
                    assert drawing.fixed or len(drawing.lines) <= height
                    for line in filtered(drawing, view.filter):
                        cells = _cells(fit(line, width), width)
                        text = "".join(char for char, _ in cells)
                        assert cell_len(text) == len(cells) == width
                        assert harmless(text)


@pytest.mark.parametrize("name", frames.ALL)
def test_edges_draw_every_frame(name: str) -> None:
    """Header, replicas, keys and help take every frame at every width."""
    frame = frames.ALL[name]()
    for width in (1, 2, 9, 30, 40, 80, 120, 300):
        for view in (View(), View(filter="x" * 50, paused=True, read_only=True)):
            for line in (
                bars.header(frame, view, width),
                bars.replicas(frame, view, width),
                bars.keys(view, width, {}),
            ):
                assert len(_cells(fit(line, width), width)) == width
    assert lines(frame, {}, read_only=True)


def check(stage: Stage, width: int, height: int) -> None:
    """The terminal is filled exactly, with nothing that could steer it."""
    rows = stage.rows
    assert len(rows) == height
    for row in rows:
        assert cell_len(row) == width, (width, height, row)
        assert harmless(row), (width, height, row)


@pytest.mark.parametrize(
    "keys", [(), ("2",), ("question_mark",), ("plus",), ("3",), ("w",), ("4",), ("5",), ("6",)]
)
async def test_screen_at_odd_sizes(keys: tuple[str, ...]) -> None:
    """From 1x1 to 300x100 the hostile frame fills the terminal and nothing else happens."""
    name = {("4",): "absurd", ("5",): "absurd", ("6",): "wild"}.get(keys, "hostile")
    async with staged(frames.ALL[name](), (80, 24)) as stage:
        await stage.press(*keys)
        for width, height in ODD if not keys else ODD[::4]:
            await stage.resize(width, height)
            check(stage, width, height)


async def test_palette_without_room() -> None:
    """In a terminal of one cell the palette opens, takes every key and closes."""
    async with staged(frames.busy(), (1, 1)) as stage:
        await stage.press("ctrl+p")
        listed = stage.app.screen.query_one(CommandList)
        for _ in range(300):
            if listed.option_count:
                break
            await stage.pilot.pause(0.01)
        assert listed.option_count
        await stage.press("down", "pagedown", "pageup", "end", "home", "up", "x", "escape")
        assert stage.app.screen is stage.app.monitor_screen


async def test_resize_fills_panes_that_were_hidden() -> None:
    """A pane that comes into view by a resize is filled at once, even while the screen stands still."""
    async with staged(frames.busy(), (40, 12)) as stage:
        await stage.press("space")
        await stage.resize(120, 40)
        assert len(stage.panes) == 7
        for name in stage.panes:
            assert stage.lines(name), name


async def test_resize_ends_where_a_start_would() -> None:
    """After any way of sizes the screen is the one that a start at the last size gives."""
    async with staged(frames.busy(), (120, 40)) as stage:
        for size in ((40, 12), (300, 5), (1, 1), (160, 48), (80, 24)):
            await stage.resize(*size)
        async with staged(frames.busy(), (80, 24)) as other:
            assert stage.text == other.text


KEYS = (
    *(k for c in COMMANDS for k in c.keys.split(",") if k not in ("q", "ctrl+c")),
    "tab", "shift+tab", "up", "down", "left", "right", "pageup", "pagedown", "home", "end",
    "backspace", "delete", "0", "9", "y", "k", "j", "a", "é", "日", "ctrl+a", "ctrl+l", "ctrl+z",
    "f2", "f12", "insert", "grave_accent", "alt+x", "ctrl+underscore", "escape", "escape",
)  # fmt: skip
SAMPLES = tuple(
    frames.ALL[name]()
    for name in ("busy", "hostile", "app_down", "starting", "quiet", "absurd", "scaled", "wild")
)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))]
)
async def test_any_key_at_any_time(seed: int, tmp_path: Path) -> None:
    """A hundred keys, frames and sizes at random never raise, and ctrl+c still quits."""
    rng = random.Random(seed)
    left = 100
    while left:
        monitor = FakeMonitor()
        async with staged(frames.busy(), (80, 24), monitor=monitor, folder=tmp_path) as stage:
            while left and not stage.app._exit:
                left -= 1
                if rng.random() < 0.1:
                    await stage.resize(*rng.choice(ODD))
                if rng.random() < 0.2:
                    stage.app.pacer._last = float("-inf")
                    monitor.give(rng.choice(SAMPLES))
                stage.send(rng.choice(KEYS))
                if rng.random() < 0.7:
                    await stage.settle()
            await stage.settle()
            if not stage.app._exit:
                await stage.press("ctrl+c")
            assert stage.app._exit
        assert monitor.calls[-1] == "stop"
        assert stage.app.return_code == 0
