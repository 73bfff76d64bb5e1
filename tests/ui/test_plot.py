"""Dots in cells, and the scales that they stand on."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.model.metric import Unit
from capmon.ui.widgets import plot
from capmon.ui.widgets.axes import AXIS, Level, Mark, Pole, framed
from capmon.ui.widgets.scale import Scale, scale, size_of
from capmon.ui.widgets.text import length, plain

X, Y = Scale(0.0, 40.0, 10.0), Scale(0.0, 1.0, 0.2)
ANY = st.floats()
SIZES = st.tuples(st.integers(1, 60), st.integers(1, 20))


def text(cells: plot.Cells) -> list[str]:
    """Rows as plain text."""
    return ["".join(char for char, _ in row) for row in cells]


# Scale


@given(st.floats(1e-30, 1e30), st.integers(1, 8), st.booleans())
def test_scale_holds_its_value_with_round_marks(top: float, aim: int, both: bool) -> None:
    """It reaches the value, wastes less than half, and its marks are round and go from end to end."""
    made = scale(top, aim, both=both)
    assert top <= made.high * (1 + 1e-6)
    assert made.high <= 3 * top
    assert made.low == (-made.high if both else 0.0)
    lead = made.step / 10 ** math.floor(math.log10(made.step) + 1e-9)
    assert min(abs(lead - m) for m in (1, 2, 2.5, 5, 10)) < 1e-6
    marks = made.marks()
    assert marks[0] == made.low
    assert marks[-1] == pytest.approx(made.high)
    assert len(marks) <= (2 * aim + 1 if both else aim + 1)


@given(st.lists(st.floats(30.5, 39.5), min_size=2, max_size=20))
def test_scale_stays(tops: list[float]) -> None:
    """Values that move within a scale do not move it; one that leaves it, or shrinks much, does."""
    first = scale(36.0)
    last = first
    for top in tops:
        last = scale(top, before=last)
    assert last is first
    assert scale(41.0, before=first).high > first.high
    assert scale(12.0, before=first).high < first.high


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0, 5e-324, 1e308])
def test_scale_of_nothing(value: float) -> None:
    """What has no size gets a scale all the same."""
    made = scale(value)
    assert math.isfinite(made.high)
    assert made.low < made.high
    assert 1 <= len(made.marks()) <= 12


def test_bytes_have_binary_marks() -> None:
    """Marks of bytes are whole in the unit that they are shown in."""
    gib = 2.0**30
    assert scale(3.2 * gib, size=size_of(Unit.BYTES, 3.2 * gib)).step == gib
    assert size_of(Unit.BYTES, 900.0) == size_of(Unit.SECONDS, 1e12) == 1.0


def test_place_of_the_ends() -> None:
    """The low end is the first cell, the high end the last, and beyond is nowhere."""
    assert [X.place(v, 20) for v in (0.0, 19.9, 20.0, 40.0)] == [0, 9, 10, 19]
    assert (
        X.place(40.1, 20) is X.place(-0.1, 20) is X.place(math.nan, 20) is X.place(1.0, 0) is None
    )


# Dots


@given(SIZES, st.lists(st.tuples(ANY, ANY), max_size=30), st.booleans(), st.booleans())
def test_cells_fill_the_room(
    size: tuple[int, int], points: list[tuple[float, float]], joined: bool, over: bool
) -> None:
    """Any points give as many rows and cells as asked for, of blanks and dots of their token."""
    if joined:
        points = sorted(p for p in points if not math.isnan(p[0]))
    layer = plot.Layer(tuple(points), "accent", joined, over)
    cells = plot.cells([layer], X, Y, *size)
    assert [len(row) for row in cells] == [size[0]] * size[1]
    found = {run for row in cells for run in row}
    assert all(run == plot.BLANK or (run[1] == "accent" and "\u2801" <= run[0] <= "\u28ff") for run in found)  # fmt: skip
    inside = any(X.holds(x) and Y.holds(y) for x, y in points)
    assert (found != {plot.BLANK}) >= inside


def test_points_stand_where_they_belong() -> None:
    """The corners of both scales are the corners of the picture, and up is up."""
    rows = text(plot.cells([plot.Layer(((0.0, 0.0), (40.0, 1.0)), "accent")], X, Y, 20, 8))
    assert rows[0].rstrip() == rows[0].rstrip().rjust(20)
    assert rows[0][-1] != " " != rows[-1][0]
    assert sum(char != " " for row in rows for char in row) == 2


def test_a_line_leaves_the_scale_where_it_crosses_its_end() -> None:
    """A line that runs over the top is drawn up to the top, and comes back where it comes back."""
    peak = plot.Layer(((0.0, 0.0), (20.0, 5.0), (40.0, 0.0)), "ink", joined=True)
    rows = text(plot.cells([peak], X, Y, 40, 8))
    top = [x for x, char in enumerate(rows[0]) if char != " "]
    assert 3 <= top[0] <= 4
    assert 35 <= top[-1] <= 36
    assert all(row[10:30].strip() == "" for row in rows)


def test_the_last_layer_has_the_cell() -> None:
    """A cell takes the token of the last layer in it; one that lies over hides the dots below."""
    below = plot.Layer(tuple((x / 4, 0.5) for x in range(161)), "future")
    point = plot.Layer(((20.0, 0.52),), "accent")
    both = plot.cells([below, point], X, Y, 20, 5)
    (mixed,) = [run for row in both for run in row if run[1] == "accent"]
    (alone,) = [
        run for row in plot.cells([point], X, Y, 20, 5) for run in row if run[1] == "accent"
    ]
    assert ord(mixed[0]) & ord(alone[0]) == ord(alone[0])
    assert mixed != alone
    hidden = plot.cells([below, plot.Layer(point.points, "accent", over=True)], X, Y, 20, 5)
    assert alone in [run for row in hidden for run in row]


def test_size_is_not_bound_to_a_terminal() -> None:
    """A picture may be larger than the terminal that the process was started in."""
    cells = plot.cells([plot.Layer(((40.0, 0.0),), "ink")], X, Y, 400, 150)
    assert cells[-1][-1][0] != " "


# Frame


def test_framed_has_numbers_lines_and_marks() -> None:
    """Numbers stand at their heights, lines behind dots, marks over them; every row is one width."""
    dots = plot.cells([plot.Layer(((20.0, 0.5),), "accent")], X, Y, 40, 10)
    lines = framed(
        dots, X, Y, ("{:g}".format, "{:.0%}".format),
        levels=[Level(0.5, "warning", "half")], poles=[Pole(30.0, "critical")],
        marks=[Mark(10.0, 0.5, "◆", "warning!")],
    )  # fmt: skip
    assert len(lines) == 11
    assert {length(line) for line in lines[:-1]} == {AXIS + 40}
    rows = [plain(line) for line in lines]
    (half,) = [row for row in rows if "half" in row]
    assert half[AXIS + 10] == "◆"
    assert "╌" in half
    assert any("\u2801" <= row[AXIS + 20] <= "\u28ff" for row in rows[3:6])
    assert all(row[AXIS + 30] == "┊" for row in rows[:-1])
    assert rows[0].startswith("    100% ")
    assert rows[9].startswith("      0% ")
    assert rows[10].split() == ["0", "10", "20", "30", "40"]


@given(SIZES, st.lists(st.tuples(ANY, ANY), max_size=3))
def test_framed_takes_any_place(size: tuple[int, int], places: list[tuple[float, float]]) -> None:
    """Lines and marks beyond the scales are left out, and numbers that do not fit too."""
    dots = plot.cells([], X, Y, *size)
    lines = framed(
        dots, X, Y, (str, str),
        levels=[Level(y, "warning", "a long name") for _, y in places],
        poles=[Pole(x, "critical") for x, _ in places],
        marks=[Mark(x, y, "●", "ink!") for x, y in places],
    )  # fmt: skip
    assert {length(line) for line in lines[:-1]} == {AXIS + size[0]}
    assert length(lines[-1]) <= AXIS + size[0]
