"""Grids send the cells that changed and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import frames
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from stage import Stage, staged
from textual.app import App, ComposeResult

from capmon.model.frame import Frame, Reading
from capmon.resources import resource
from capmon.ui import themes
from capmon.ui.widgets.grid import GAP, Cell, Grid, _cells, changed_spans
from capmon.ui.widgets.text import ink

NAMES = st.text(st.sampled_from("ab 日本é\u0301\u200b\x1b\x9b\r\n\t…█👨\u200d\udc80"), max_size=24)


def row(text: str, width: int = 24) -> list[Cell]:
    """The cells of a plain line."""
    return _cells([ink(text)], width)


def test_equal_rows_have_no_span() -> None:
    """Nothing changed, nothing to send."""
    assert changed_spans(row("cpu  62 %"), row("cpu  62 %")) == []


def test_one_digit_is_one_cell() -> None:
    """A digit that changes is a span of one cell."""
    assert changed_spans(row("cpu  62 %"), row("cpu  63 %")) == [(6, 7)]


def test_style_alone_is_a_change() -> None:
    """The same character in another colour is sent again."""
    before, after = _cells([("62", "ink!")], 2), _cells([("62", "warning!")], 2)
    assert changed_spans(before, after) == [(0, 2)]


def test_near_spans_are_one() -> None:
    """Spans closer than a cursor movement are joined, others are not."""
    blank = " " * 24
    near = "x" + " " * (GAP - 1) + "x"
    far = "x" + " " * GAP + "x"
    assert changed_spans(row(blank), row(near)) == [(0, len(near))]
    assert changed_spans(row(blank), row(far)) == [(0, 1), (len(far) - 1, len(far))]


def test_wide_characters_are_sent_whole() -> None:
    """A span never begins or ends inside a character of two cells."""
    assert changed_spans(row("日本"), row("日木")) == [(2, 4)]
    assert changed_spans(row("日本"), row("xy本")) == [(0, 2)]
    assert changed_spans(row(" 日"), row("日 ")) == [(0, 3)]


@given(NAMES, NAMES, st.integers(1, 24))
def test_spans_make_one_row_of_the_other(a: str, b: str, width: int) -> None:
    """Copying the spans alone gives the new row, and they are apart, in order and whole."""
    before, after = row(a, width), row(b, width)
    patched = list(before)
    last = -1
    for start, end in changed_spans(before, after):
        assert last < start < end <= width
        last = end
        patched[start:end] = after[start:end]
        for cells in (before, after):
            assert cells[start][0] != ""
            assert end == width or cells[end][0] != ""
    assert patched == after


@given(st.text(max_size=40), st.integers(0, 20))
def test_cells_fill_the_width_with_printable_text(text: str, width: int) -> None:
    """Any text gives as many cells as there are, without control characters or surrogates."""
    cells = row(text, width)
    shown = "".join(char for char, _ in cells)
    assert len(cells) == width
    assert cell_len(shown) == width
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    shown.encode("utf-8")


class OneGrid(App[None]):
    """A grid and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(themes.load(resource("themes") / "night.yaml"))
        self.theme = "night"

    def compose(self) -> ComposeResult:
        """The grid."""
        yield Grid(id="grid")


async def test_cells_sent() -> None:
    """Equal pictures send nothing, a digit sends one cell, another size sends all."""
    app = OneGrid()
    async with app.run_test(size=(20, 4)) as pilot:
        grid = app.query_one(Grid)
        grid.show([[ink("cpu  62 %")], [ink("mem  81 %")]])
        assert grid.cells_sent == 80
        grid.show([[ink("cpu  62 %")], [ink("mem  81 %")]])
        assert grid.cells_sent == 80
        grid.show([[ink("cpu  63 %")], [ink("mem  81 %")]])
        assert grid.cells_sent == 81
        await pilot.resize_terminal(30, 4)
        grid.show([[ink("cpu  63 %")], [ink("mem  81 %")]])
        assert grid.cells_sent == 81 + 120


async def test_more_lines_than_rows_are_cut() -> None:
    """Lines beyond the last row are left out, and a line beyond the last column is cut."""
    app = OneGrid()
    async with app.run_test(size=(6, 2)):
        grid = app.query_one(Grid)
        grid.show([[ink("one line")], [ink("two")], [ink("three")]])
        assert grid.texts() == ["one l…", "two"]


async def test_lines_after_the_last_are_blank() -> None:
    """Asking for a row that was never shown gives a blank one."""
    app = OneGrid()
    async with app.run_test(size=(6, 2)):
        assert app.query_one(Grid).render_line(9).text.strip() == ""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The overview with everything on it."""
    async with staged(frames.busy()) as made:
        yield made


def sent(stage: Stage) -> int:
    """Cells that all grids on the screen have sent."""
    return sum(grid.cells_sent for grid in stage.app.screen.query(Grid))


def with_rate(frame: Frame, rate: float) -> Frame:
    """The frame with another request rate."""
    return replace(frame, readings={**frame.readings, frames.RATE: Reading(rate, frames.NOW)})


async def test_whole_screen_sends_what_changed(stage: Stage) -> None:
    """An equal frame sends no cell, and a digit that changes sends that digit."""
    frame = frames.busy()
    before = sent(stage)
    assert before > 1000
    await stage.give(frame)
    assert sent(stage) == before
    await stage.give(with_rate(frame, 119.0))
    assert 1 <= sent(stage) - before <= 4
    before = sent(stage)
    await stage.give(replace(with_rate(frame, 119.0), at=frames.NOW + 1))
    assert 1 <= sent(stage) - before <= 8


async def test_equal_titles_do_not_repaint(stage: Stage) -> None:
    """Setting a title repaints its whole pane, so an equal title is not set again."""
    named = replace(frames.busy(), app_name="[b]web[/b]")
    await stage.give(named)
    assert "[b]web[/b]" in stage.text
    stage.app.screen._compositor._dirty_regions.clear()
    stage.app.pacer._last = float("-inf")
    stage.monitor.give(named)
    assert not stage.app.screen._compositor._dirty_regions
