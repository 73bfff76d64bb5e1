"""Golden screens: what a user sees, as plain text in tests/screens.

`CAPMON_UPDATE_GOLDEN=1 pytest tests/ui/test_golden.py` writes them anew.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import frames
import frames_plan
import pytest
from rich.cells import cell_len
from stage import FakeMonitor, Stage, staged

from capmon.ui.panes.plan_shown import PlanShown
from capmon.ui.planner import planner

SCREENS = Path(__file__).parents[1] / "screens"
SIZES = ((160, 48), (120, 40), (80, 24), (40, 12))
SHEETS = ((120, 40), (80, 24))

CASES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    f"{view}-{name}-{width}x{height}": (name, (width, height), keys)
    for view, keys, names, sizes in (
        ("overview", (), ("busy", "calm", "app_down"), SIZES),
        ("overview", (), ("starting",), SHEETS),
        ("overview", (), ("pending",), SIZES),
        ("application", ("2",), ("busy", "app_down"), SHEETS),
        ("models", ("3",), ("models",), SIZES),
        ("models", ("3",), ("young", "uncounted", "starting"), SHEETS),
        ("models-queue", ("3", "down", "down"), ("models",), SHEETS),
        ("models-curve", ("3", "tab", "tab"), ("models",), ((40, 12),)),
        ("what-if", ("w",), ("models", "uncounted", "starting"), SHEETS),
        ("what-if-more", ("w", *"1.3", "down", *"6"), ("models",), (*SHEETS, (40, 12))),
        ("forecast", ("4",), ("quiet", "fresh", "blind", "starting"), SHEETS),
        ("forecast", ("4", "down", "down"), ("analysed",), SIZES),
        ("bottlenecks", ("5",), ("quiet", "pending", "blind", "starting"), SHEETS),
        ("bottlenecks", ("5", "down"), ("analysed",), SIZES),
        ("scaling", ("6",), ("scaled",), SIZES),
        ("scaling", ("6",), ("settling", "unscaled", "silent", "starting"), SHEETS),
        ("scaling-hpa", ("6", "down", "down"), ("scaled",), SHEETS),
        ("plan", ("7",), ("busy",), SIZES),
        ("plan-growth", ("7", "down", "down", "down"), ("busy",), SHEETS),
        ("plan-steps", ("7", *("down",) * 6), ("busy",), SHEETS),
        ("help", ("question_mark",), ("app_down",), SHEETS),
        ("past", (), ("past",), SIZES),
        ("past", (), ("end", "file"), SHEETS),
        ("past-forecast", ("4", "down"), ("past",), SIZES),
        ("past-what-if", ("w",), ("past",), ((120, 40),)),
        ("jump", ("j",), ("past",), SHEETS),
        ("jump-fault", ("j", *"25:00", "enter"), ("past",), SHEETS),
        ("recorded", (), ("recorded",), SHEETS),
        ("confirm", ("plus",), ("busy",), SHEETS),
        ("refused", ("plus", "1", "2"), ("busy",), SHEETS),
    )
    for name in names
    for width, height in sizes
}
"""By file name: sample frame, size, and keys to press."""


@pytest.mark.parametrize("case", CASES)
async def test_screen_is_the_golden_one(case: str) -> None:
    """Every view at every size shows what its golden screen shows, in colour and without."""
    name, size, keys = CASES[case]
    async with staged(frames.ALL[name](), size, monitor=FakeMonitor()) as stage:
        if case.startswith("plan"):
            planner(stage.app).take(PlanShown(frames_plan.rich()))
        await stage.press(*keys)
        _whole(stage, size)
        coloured = stage.text
        stage.app.theme = "mono"
        await stage.settle()
        assert stage.text == coloured, "the text depends on the theme"
    _compare(SCREENS / f"{case}.txt", coloured)


def _whole(stage: Stage, size: tuple[int, int]) -> None:
    assert len(stage.rows) == size[1]
    assert {cell_len(row) for row in stage.rows} == {size[0]}


def _compare(path: Path, text: str) -> None:
    if os.environ.get("CAPMON_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
        return
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != golden:
        lines = difflib.unified_diff(
            golden.splitlines(), text.splitlines(), f"golden {path.name}", "shown now", lineterm=""
        )
        pytest.fail("\n".join(lines), pytrace=False)


def test_no_golden_screen_is_left_over() -> None:
    """Each file in tests/screens belongs to a case."""
    assert {p.stem for p in SCREENS.glob("*.txt")} == set(CASES)
