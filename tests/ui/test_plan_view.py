"""The plan view: chapters, the chosen one, scrolling, what is being done, what is wrong, writing."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from dataclasses import replace
from pathlib import Path

import frames
import frames_plan as made
import numpy as np
import pytest
from stage import FakeMonitor, Stage, staged

from capmon.clock import ManualClock
from capmon.config.schema import HistorySettings, Settings
from capmon.model.frame import Past
from capmon.model.plan import Chapter, Chart, Column, Figure, Line, Plan, Table
from capmon.report.plan_markdown import as_markdown
from capmon.store.history_writer import HistoryWriter, Retention
from capmon.ui.panes import plan_blocks, plan_chart, plan_table
from capmon.ui.panes.plan_chapter import ChapterPane, body
from capmon.ui.panes.plan_shown import PlanShown
from capmon.ui.planner import planner
from capmon.ui.widgets.text import length, plain

WIDE, SMALL = (120, 40), (80, 24)


async def opened(stage: Stage, shown: PlanShown | None = None, *keys: str) -> None:
    """Show a plan in its view."""
    planner(stage.app).take(shown or PlanShown(made.rich()))
    await stage.press("7", *keys)


async def waited(stage: Stage) -> PlanShown:
    """What is shown once the thread that makes the plan has ended."""
    for _ in range(2000):
        if not planner(stage.app).shown.doing:
            break
        await asyncio.sleep(0.01)
    await stage.settle()
    return planner(stage.app).shown


async def test_chapters_are_chosen_with_up_and_down() -> None:
    """The summary comes first; the ends hold; each chapter shows its answer."""
    async with staged(frames.busy(), WIDE) as stage:
        await opened(stage)
        assert "▸    summary" in stage.text
        assert "disk / is full soon" in stage.text
        await stage.press("up", "down")
        assert "The busy hour carries 118 req/s (112–125)" in stage.text
        await stage.press(*("down",) * 9)
        assert "▸  6 implementation plan" in stage.text
        assert "› docker service scale web=6" in stage.text


async def test_a_long_chapter_is_scrolled() -> None:
    """Page down shows what did not fit, page up goes back, the title says where one is."""
    async with staged(frames.busy(), SMALL) as stage:
        await opened(stage, None, "down", "down", "down")
        assert "1–20 of" in stage.text
        assert "31 Jan" not in stage.text
        await stage.press("pagedown", "pagedown", "pagedown")
        assert "31 Jan" in stage.text
        assert ", pgup" in stage.text
        await stage.press(*("pageup",) * 4)
        assert "· 1–20 of" in stage.text
        await stage.press("pagedown", "down")
        pane = stage.panes["chapter"]
        assert isinstance(pane, ChapterPane)
        assert pane._first == 0, "another chapter begins at its beginning"


async def test_frames_that_change_nothing_send_nothing() -> None:
    """The plan stands still while the monitor goes on."""
    async with staged(frames.busy(), WIDE) as stage:
        await opened(stage, None, "down", "down", "down")
        before = [p.cells_sent for p in stage.panes.values()]
        await stage.give(replace(frames.busy(), sequence=601, at=frames.NOW + 1))
        assert [p.cells_sent for p in stage.panes.values()] == before


async def test_the_first_visit_asks_for_the_plan_and_says_why_there_is_none() -> None:
    """Without a history the view says how to get one, and r asks again."""
    async with staged(frames.busy(), WIDE) as stage:
        await stage.press("7")
        found = await waited(stage)
        assert found.plan is None
        assert "capmon record" in stage.text
        assert "r asks again" in stage.text
        planner(stage.app).take(PlanShown())
        await stage.press("r")
        assert "capmon import" in (await waited(stage)).problem


async def test_the_plan_of_the_record_is_made_beside_the_screen(tmp_path: Path) -> None:
    """From a history file to a chapter, in a thread, with all ten chapters to choose from."""
    path = tmp_path / "history.db"
    times = made.NOW - 300.0 * np.arange(576, 0, -1)
    kept = Retention(raw=made.DAY, minutes=30 * made.DAY, hours=700 * made.DAY, max_size=2**26)
    writer = HistoryWriter.open(path, ManualClock(made.NOW), "web@small-01", kept)
    writer.add("system.cpu.utilization", times, 0.3 + 0.1 * np.sin(times / 13751), 300.0)
    writer.close()
    settings = Settings(history=HistorySettings(path=str(path), name="web@small-01"))
    async with staged(frames.busy(), WIDE, settings=settings) as stage:
        await stage.press("7")
        found = await waited(stage)
        assert found.problem == ""
        assert found.plan is not None
        assert len(found.plan.chapters) == 10
        await stage.press(*("down",) * 10)
        assert "▸ 10 " in stage.text


def test_leaving_while_the_plan_is_made_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the app has ended is dropped: no fault, nothing left that is not awaited."""
    may_end = threading.Event()

    def slow(*_: object) -> Plan:
        may_end.wait(20)
        return made.rich()

    monkeypatch.setattr("capmon.ui.planner.planned", slow)

    async def left() -> threading.Thread:
        async with staged(frames.busy(), WIDE) as stage:
            await stage.press("7")
            (thread,) = (t for t in threading.enumerate() if t.name == "capmon-plan")
        return thread

    thread = asyncio.run(left())
    may_end.set()
    thread.join(20)
    gc.collect()
    assert not thread.is_alive()


async def test_what_is_done_stands_beside_the_plan_before() -> None:
    """While a new plan is made the old one can be read; a fault leaves it and is told."""
    async with staged(frames.busy(), WIDE) as stage:
        await opened(stage, PlanShown(doing="gathering the evidence"))
        assert "◌ gathering the evidence…" in stage.text
        planner(stage.app).take(PlanShown(made.rich(), doing="writing the chapters"))
        await stage.settle()
        assert "◌ writing the chapters…" in stage.text
        assert "disk / is full soon" in stage.text
        planner(stage.app).take(PlanShown(made.rich(), problem="the disk is gone"))
        await stage.settle()
        assert "▲ the disk is gone" in stage.text
        assert "disk / is full soon" in stage.text


async def test_the_plan_outlives_its_screen() -> None:
    """Another view and back shows the same plan and makes no new one."""
    async with staged(frames.busy(), WIDE) as stage:
        await opened(stage, None, "down")
        await stage.press("1", "7")
        assert "The busy hour carries" in stage.text
        assert planner(stage.app).shown == PlanShown(made.rich())


async def test_a_snapshot_has_no_plan() -> None:
    """A file holds one moment: that is said, and no history is looked for."""
    past = Past("file", "incident.json", None, 0.0, 0.0)
    async with staged(replace(frames.busy(), past=past), WIDE) as stage:
        await stage.press("7")
        assert "a plan needs a history" in stage.text


async def test_o_writes_the_plan(tmp_path: Path) -> None:
    """The file is what `capmon plan -o plan.md` writes; without a plan it says so."""
    async with staged(frames.busy(), WIDE, folder=tmp_path) as stage:
        await opened(stage, PlanShown(doing="x"), "o")
        assert "no plan to write" in stage.notices[-1]
        planner(stage.app).take(PlanShown(made.rich()))
        await stage.press("o")
        path = tmp_path / "plan.md"
        for _ in range(2000):
            if stage.notices and stage.notices[-1] == str(path):
                break
            await asyncio.sleep(0.01)
        assert path.read_text(encoding="utf-8") == as_markdown(made.rich())


@pytest.mark.parametrize("name", made.ALL)
@pytest.mark.parametrize("size", [(160, 48), (80, 24), (40, 12), (10, 4), (1, 1)])
async def test_any_plan_at_any_size(name: str, size: tuple[int, int]) -> None:
    """Hostile words and numbers, an empty plan, any room: drawn, and every key answered."""
    async with staged(frames.busy(), size, monitor=FakeMonitor()) as stage:
        await opened(stage, PlanShown(made.ALL[name]()), "down", "pagedown", "tab", "pageup", "z")
        assert all(c.isprintable() for row in stage.rows for c in row)


@pytest.mark.parametrize("width", [8, 20, 40, 84, 120])
def test_no_line_is_wider_than_its_room(width: int) -> None:
    """What a chapter says is wrapped, and only tables are cut."""
    for chapter in made.rich().chapters:
        kept = replace(chapter, tables=(), charts=(), figures=(), steps=())
        assert all(length(line) <= max(width, 10) for line in body(kept, width))
        if width >= 84:
            assert all(length(line) <= width for line in body(chapter, width))


def test_numbers_stand_in_columns() -> None:
    """Values of figures end in the same cell; of a table the text gives way before numbers."""
    lines = [plain(line) for line in plan_blocks.figures(made.BASELINE.figures, 84)]
    ends = {lines[i].index(text) + len(text) for i, text in enumerate(("118 req/s", "130 req/s", "142 req/s", "81 %", "4 replicas"))}  # fmt: skip
    assert len(ends) == 1
    assert plan_table.shared([20, 9, 30], [12, 9, 12], 50) == [18, 9, 19]
    assert plan_table.shared([20, 9, 30], [12, 9, 12], 36) is None
    rows = [plain(line) for line in plan_blocks.table(made.COST.tables[0], 84)]
    assert rows[4].startswith("▸ tier_2")
    assert "$ a month" in rows[2]


def test_no_number_of_a_table_is_cut() -> None:
    """In any room each cell is read whole: in columns, in several lines, or row by row."""
    table = made.COST.tables[0]
    for width in (30, 44, 60, 84):
        text = " ".join(" ".join(plain(line).split()) for line in plan_blocks.table(table, width))
        assert "…" not in text
        for value in ("1,051", "745", "993", "8.0 %", "tier_2"):
            assert value in text, (width, value)
    alone = [plain(line) for line in plan_blocks.table(table, 30)]
    assert "  tier_1" in alone
    assert any("replicas 12" in line for line in alone)


def test_unknown_is_a_dash_with_its_reason() -> None:
    """Never 0, and what it would take stands beside it."""
    figure = Figure("users", None, "users", "", "app.users.active is not recorded")
    (line,) = plan_blocks.figures((figure,), 84)
    assert plain(line).split() == ["users", "–", "app.users.active", "is", "not", "recorded"]
    table = Table("t", (Column("a", "x"),), ((None,), (math.nan,)))
    assert [plain(row).strip() for row in plan_blocks.table(table, 40)][-2:] == ["–", "–"]


def test_a_chart_has_dates_and_its_limit() -> None:
    """Time from left to right in dates, a limit as a line with its number, what is what above it."""
    text = [plain(line) for line in plan_chart.draw(made.GROWTH.charts[0], 84)]
    assert "╌ cpu at 80 %" in text[1]
    assert any(row.lstrip().startswith("130 ╌") for row in text)
    assert "01 Apr" in text[-1]
    empty = Chart("c", "time", "x", (Line("a", (1.0,), (math.nan,)),))
    assert [plain(row) for row in plan_chart.draw(empty, 84)] == ["c", "nothing to draw"]


def test_a_chapter_that_says_nothing_says_that() -> None:
    """No empty pane."""
    assert [plain(x) for x in body(Chapter("cost", "Cost", ""), 40)] == ["nothing to say"]
