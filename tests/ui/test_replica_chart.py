"""Replicas over time: stepped lines, columns of time that do not slide, actions on the time axis."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import frames_scaling as made
import pytest
from frames import NOW

from capmon.model.frame import Frame, Trend
from capmon.ui.panes import scaling_counts
from capmon.ui.widgets.steps import HEAVY, StepCanvas, Steps, Timeline, mean
from capmon.ui.widgets.text import Line, length, plain


def said(lines: list[Line]) -> list[str]:
    """Lines as plain text."""
    return [plain(line) for line in lines]


def counts(frame: Frame, width: int = 50, height: int = 15) -> list[str]:
    """The pane's lines."""
    return said(scaling_counts.draw(frame, width, height))


def test_actions_stand_on_the_time_axis_with_their_numbers() -> None:
    """Each number stands below the turn that it made, and in front of the line that explains it."""
    lines = counts(made.scaled())
    (numbers,) = [line for line in lines if line.split() == ["1", "2", "3"]]
    assert lines.index(numbers) == len(lines) - 5
    turn = next(line for line in lines if "┓" in line)
    assert turn.index("┓") == numbers.index("1")
    assert next(line for line in lines if "╭" in line).index("╭") == numbers.index("3")
    assert [line.split()[0] for line in lines[-3:]] == ["3", "2", "1"]
    assert lines[-3].startswith(" 3 14:30 3 → 4 done in 12 s")


def test_the_load_shares_the_columns_of_the_replicas() -> None:
    """Its value stands at the left, its curve ends where theirs does."""
    lines = counts(made.scaled())
    at = next(i for i, line in enumerate(lines) if line.startswith("  118 /s"))
    assert len(lines[at]) == len(lines[0]) == 50
    assert any("each" in line for line in counts(made.scaled(), 60, 24))
    assert not any("/s" in line for line in counts(made.scaled(), 60, 6))


def test_labels_give_way_to_numbers_whole() -> None:
    """Where the numbers stand on the time axis, no label is left in part."""
    frame = made.settling()
    for ago in range(90):
        moved = replace(frame, outcomes=(replace(frame.outcomes[0], at=NOW - ago),))
        axis = counts(moved, 60, 6)[4].replace("now", "").split()
        assert axis.count("s") + axis.count("m") == len(axis) // 2, axis
        assert "1" in axis


def test_no_history_says_why() -> None:
    """A target that does not answer is named; before the analysis runs, that is."""
    assert counts(made.silent())[0] == "▲ not known: docker: timed out"
    young = replace(made.settling(), trends={}, engine_ready=False)
    assert counts(young)[0] == "loading the models"
    assert counts(young)[-1].startswith(" 1 14:31 4 → 5")


@pytest.mark.parametrize("height", range(1, 25))
@pytest.mark.parametrize("width", [12, 20, 42, 76, 120])
def test_the_chart_fits(width: int, height: int) -> None:
    """At any size the lines are no more than there is room for, and none is wider than it."""
    for frame in (made.scaled(), made.settling(), made.silent()):
        lines = scaling_counts.draw(frame, width, height)
        assert len(lines) <= height
        chart = lines[: height - max(1, height // 4)]
        assert all(length(line) <= width for line in chart if width > 20)


def test_columns_do_not_slide() -> None:
    """A reading stays in its column while time goes on within it, and moves one with each column."""
    at = 10_000 * 5.0
    places = []
    for tick in range(40):
        end = at + 5.0 * tick
        line = Timeline.of(Trend(end, 5.0, (1.0,) * 120), 600.0, 40)
        assert line.seconds == 15.0
        places.append(line.place(at - 100.0))
    assert {b - a for a, b in pairwise(places) if a and b} <= {0, -1}  # type: ignore[operator]


def test_a_young_history_has_a_round_span() -> None:
    """Ninety seconds take three quarters of two minutes, and the window is the most."""
    line = Timeline.of(Trend(1000.0, 5.0, (1.0,) * 18), 600.0, 40)
    assert line.seconds == 3.0
    values = line.values(Trend(1000.0, 5.0, (1.0,) * 18), mean)
    assert sum(math.isfinite(v) for v in values) == pytest.approx(30, abs=1)
    assert Timeline.of(Trend(1000.0, 5.0, (1.0,) * 120), 600.0, 40).seconds == 15.0


def test_gaps_stay_gaps() -> None:
    """Where nothing was measured no line is drawn, and no turn is made up."""
    canvas = StepCanvas(Steps(2, 5, 4), 7)
    canvas.draw([3, 3, math.nan, 4, 4, 3, 3], "accent", HEAVY)
    assert said(canvas.lines()) == ["       ", "   ━━┓ ", "━━   ┗━", "       "]


def test_counts_have_rows_of_their_own() -> None:
    """Few counts stand apart with their names; many share rows, and the ends are named."""
    assert Steps.of(([3, 5],), 9).names() == {8: "2", 6: "3", 4: "4", 2: "5", 0: "6"}
    assert Steps.of(([2, 90],), 5).names() == {4: "2", 0: "90"}
    assert Steps.of(([math.nan],), 3).row(math.nan) is None
