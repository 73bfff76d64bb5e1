"""Shades of a heatmap, filled courses with their bands, and time axes: drawn as they say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.model.metric import Unit, Worse
from capmon.ui.widgets import heatmap, text
from capmon.ui.widgets.band import ABOVE, BELOW, Course, Limit, extent_of, plot
from capmon.ui.widgets.chart import AXIS
from capmon.ui.widgets.heatmap import SHADES, bracket, hours_axis, shaded, shading
from capmon.ui.widgets.ticks import time_axis

ANY = st.floats(allow_nan=True, allow_infinity=True)
MAYBE = st.one_of(st.none(), ANY)
HOUR = 3600.0


def shown(row: list[float | None], each: int = 1) -> str:
    """A row as text, in its own scale."""
    scale = shading([row])
    assert scale is not None
    return text.plain(shaded(row, scale, each))


# Heatmap


def test_shades_are_steps_of_equal_size() -> None:
    """The least value has the lightest shade, the greatest the darkest, and steps are equal."""
    assert shown([0.0, 24.0, 26.0, 49.0, 51.0, 74.0, 76.0, 100.0]) == "░░▒▒▓▓██"
    assert shading([[0.0, 100.0]]).edges() == (0.0, 25.0, 50.0, 75.0, 100.0)  # type: ignore[union-attr]


def test_levels_differ_without_colour() -> None:
    """Shades, and what is not known, are different glyphs in no more than two tokens."""
    row = shaded([0.0, 1.0, 2.0, 3.0, None], shading([[0.0, 3.0]]), 1)  # type: ignore[arg-type]
    assert len(set(text.plain(row))) == 5
    assert {tone for _, tone in row} == {heatmap.TONE, "faint"}


def test_equal_values_have_one_shade() -> None:
    """Where all values are equal none is called least or greatest."""
    assert shown([7.0, 7.0, None]) == "▒▒·"
    assert shown([5.0]) == "▒"
    assert shading([[7.0, 7.0]]).flat  # type: ignore[union-attr]


def test_nothing_known_has_no_scale() -> None:
    """Rows of nothing, of gaps, or of what is no number have no shading."""
    assert shading([]) is None
    assert shading([[None] * 24, [math.nan, math.inf]]) is None


def test_huge_values_keep_their_order() -> None:
    """The difference of two values may be greater than any number."""
    assert shown([-1.7e308, 0.0, 1.7e308]) == "░▓█"


@given(st.lists(MAYBE, max_size=30), st.integers(1, 4))
def test_a_row_has_a_cell_for_every_value(row: list[float | None], each: int) -> None:
    """Whatever comes, a row is as wide as its values and of known glyphs alone."""
    scale = shading([row])
    if scale is not None:
        line = shaded(row, scale, each)
        assert text.length(line) == len(row) * each
        assert set(text.plain(line)) <= set(SHADES + "·")


@pytest.mark.parametrize("each", [1, 2, 3])
def test_hours_stand_above_their_columns(each: int) -> None:
    """Every third hour is named at the cell where its column begins."""
    axis = hours_axis(each)
    assert len(axis) == 24 * each
    for hour in range(0, 24, 3):
        assert axis[hour * each :].startswith(str(hour))


def test_peak_is_marked_below_its_hours() -> None:
    """The mark stands below its hours, names itself where there is room, and passes midnight."""
    assert bracket(12, 5, 2, "peak") == " " * 24 + "▔▔▔peak▔▔▔" + " " * 14
    assert bracket(12, 3, 1, "peak") == " " * 12 + "▔▔▔" + " " * 9
    assert bracket(23, 3, 1, "peak") == "▔▔" + " " * 21 + "▔"
    assert len(bracket(40, 99, 1, "peak")) == 24


# Course and band


def drawn(course: Course, width: int = 49, height: int = 10, unit: Unit = Unit.COUNT) -> list[str]:
    """Rows of a drawing without their scale."""
    return [text.plain(row)[AXIS:] for row in plot(course, width, height, unit).lines]


def test_past_is_filled_and_the_future_shaded() -> None:
    """Left of now there are blocks alone; right of it the median is filled, its band shaded."""
    course = Course([50.0] * 30, [50.0] * 20, [20.0] * 20, [100.0] * 20)
    found = plot(course, 49 + AXIS, 10, Unit.COUNT)
    rows = [text.plain(row)[AXIS:] for row in found.lines]
    now = found.now - AXIS
    past, future = ["".join(r[x] for r in rows) for x in (now - 5, now + 5)]
    assert past == "     █████"
    assert future == ABOVE * 5 + BELOW * 3 + "██"
    assert {row[now - 1] for row in rows} == {"│"}


def test_now_stands_where_past_and_future_meet() -> None:
    """A step is as wide before now as after it, and a long history is cut to one and a half times the future."""
    found = plot(Course([1.0] * 500, [1.0] * 20, [1.0] * 20, [1.0] * 20), AXIS + 50, 5, Unit.COUNT)
    assert found.now - AXIS == 30
    assert found.cells_a_step == 1.0


def test_values_beyond_the_limit_stand_out() -> None:
    """Columns over the limit are a warning from its line on, others are not; low ones where low is bad."""
    high = Course([50.0, 100.0], limits=(Limit(80.0, "limit"),), worse=Worse.HIGH)
    rows = plot(high, AXIS + 20, 10, Unit.COUNT).lines
    warned = [y for y, row in enumerate(rows) if any(t == "warning" for _, t in row)]
    assert warned == [0, 1]
    low = Course([50.0, 90.0], limits=(Limit(80.0, "limit"),), worse=Worse.LOW)
    warned = [run for row in plot(low, AXIS + 20, 10, Unit.COUNT).lines for run in row if run[1] == "warning"]  # fmt: skip
    assert {len(t) for t, _ in warned} == {10}
    calm = Course([50.0, 70.0], limits=(Limit(80.0, "limit"),), worse=Worse.HIGH)
    tones = {t for row in plot(calm, AXIS + 20, 10, Unit.COUNT).lines for _, t in row}
    assert "warning" not in tones


def test_limit_is_named_where_nothing_is_filled() -> None:
    """The dashed line carries its name in the first gap that is wide enough, never over a course."""
    values = [90.0] * 4 + [10.0] * 36
    rows = drawn(Course(values, limits=(Limit(50.0, "limit"),)), 40 + AXIS)
    (row,) = [r for r in rows if "limit" in r]
    assert row.startswith("████╌╌ limit ╌╌")


def test_far_limit_does_not_press_the_course_flat() -> None:
    """A limit many times above all values is left out of the scale; a near one is in it."""
    assert extent_of([1.0, 2.0], (Limit(50.0, "limit"),)).top < 5
    assert extent_of([1.0, 2.0], (Limit(6.0, "limit"),)).top >= 6


def test_scale_is_round_and_begins_at_zero() -> None:
    """It begins at zero unless all values are close together, and bytes count in powers of 1024."""
    assert (extent_of([20.0, 118.0]).bottom, extent_of([20.0, 118.0]).top) == (0.0, 150.0)
    near = extent_of([91.0, 100.0])
    assert 80 <= near.bottom < 91
    assert extent_of([99.0, 100.0]).bottom == extent_of([7.0]).bottom == 0.0
    assert extent_of([2.0**30, 3.1 * 2**30], unit=Unit.BYTES).top == 4 * 2**30


def test_wide_band_does_not_press_the_course_flat() -> None:
    """A band many times as high as all else reaches the upper edge and leaves the rest its room."""
    course = Course([100.0] * 30, [100.0] * 20, [0.0] * 20, [5000.0] * 20)
    rows = drawn(course, 50 + AXIS)
    assert sum(row[5] == "█" for row in rows) >= 4
    assert rows[0][-3:] == ABOVE * 3


def test_a_gap_is_no_zero() -> None:
    """Where nothing was measured nothing is filled, and a true zero shows."""
    rows = drawn(Course([5.0, math.nan, 0.0]), AXIS + 6, 4)
    assert [row[2:4] for row in rows] == ["  "] * 4
    assert rows[-1][4:] == "▁▁"


@given(
    st.lists(ANY, max_size=40),
    st.lists(ANY, max_size=30),
    st.integers(-3, 80),
    st.integers(-1, 14),
    st.lists(ANY, max_size=2),
    st.sampled_from(list(Worse)),
)
def test_a_plot_fits(
    past: list[float],
    ahead: list[float],
    width: int,
    height: int,
    limits: list[float],
    worse: Worse,
) -> None:
    """A drawing has as many rows as asked for, each no wider than the room, or is not there at all."""
    lines = tuple(Limit(v, "limit") for v in limits)
    course = Course(past, ahead, [v - 1 for v in ahead], [v + 1 for v in ahead], lines, worse)
    found = plot(course, width, height, Unit.SECONDS)
    if width < AXIS + 4 or height < 1:
        assert found.lines == []
    else:
        assert [text.length(row) for row in found.lines] == [width] * height


# Time axis


def test_clock_times_stand_at_round_hours() -> None:
    """Over hours the labels are round times of day at their place, and now is named."""
    at = 1_772_375_400.0  # 14:30 UTC
    axis = text.plain(time_axis(109, 9, 69, 360.0, at))
    assert axis.index("12:00") + 2 == 69 - 25
    assert axis.index("now") + 1 == 69
    assert "18:00" in axis


def test_short_spans_are_told_from_now() -> None:
    """Over minutes the labels are spans, which stay where they are while time goes on."""
    first = time_axis(80, 9, 50, 2.0, 1_772_375_400.0)
    assert first == time_axis(80, 9, 50, 2.0, 1_772_375_423.0)
    assert "-60 s" in text.plain(first)
    assert "+30 s" in text.plain(first)


@pytest.mark.parametrize("cell", [0.4, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0])
def test_no_two_ticks_read_the_same(cell: float) -> None:
    """Ticks stand at whole steps, seconds or minutes, each with its own text."""
    ticks = text.plain(time_axis(109, 9, 69, cell, 1_772_375_400.0)).replace("now", "").split("  ")
    named = [t.strip() for t in ticks if t.strip()]
    assert len(named) >= 2
    assert len(set(named)) == len(named)
    assert len({t[-1] for t in named}) == 1


@given(st.integers(-2, 200), st.integers(-5, 220), ANY, ANY)
def test_an_axis_fits(width: int, now: int, seconds: float, at: float) -> None:
    """Whatever the scale, the labels fit and none touches another."""
    line = time_axis(width, AXIS, now, seconds, at if math.isfinite(at) else 0.0)
    assert text.length(line) <= max(0, width)
