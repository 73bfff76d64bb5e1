"""Gauges, sparks, charts and lines of text as pure functions."""

from __future__ import annotations

import math

import frames
import pytest
from hostile import NUMBERS
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from capmon.model.frame import Trend
from capmon.model.metric import Unit
from capmon.model.results import Severity
from capmon.model.text import one_line
from capmon.ui.panes import bottlenecks, common
from capmon.ui.screens.sheet import wrapped
from capmon.ui.widgets import text
from capmon.ui.widgets.chart import AXIS, chart, nice_top
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.spark import BLOCKS, cells, spark, spark_rows, top_of

CPU = "system.cpu.utilization"
HITS = "cache.hit_ratio"
RATE = "http.server.request.rate"
ANY = st.one_of(st.floats(), st.sampled_from(NUMBERS))
WORDS = st.text(st.sampled_from("ab 日本…é█"), max_size=30)
LINES = st.lists(st.tuples(WORDS, st.just("ink")), max_size=6)


def drawn(level: float | None, width: int) -> str:
    """A bar as text."""
    return text.plain(bar(level, width))


# Gauge


def test_bar_bounds() -> None:
    """Nothing is an empty bar, everything a full one, and beyond either end is the end."""
    assert drawn(0.0, 10) == "·" * 10
    assert drawn(1.0, 10) == "█" * 10
    assert drawn(7.0, 10) == drawn(math.inf, 10) == drawn(1.0, 10)
    assert drawn(-1.0, 10) == drawn(-math.inf, 10) == drawn(0.0, 10)
    assert drawn(0.5, 10) == "█████·····"


def test_bar_that_is_not_known_is_empty() -> None:
    """Unknown and NaN fill nothing and carry no colour of a level."""
    assert bar(None, 6) == bar(math.nan, 6) == [("······", "faint")]


def test_bar_of_no_width() -> None:
    """There is no bar in no room."""
    assert bar(0.5, 0) == bar(0.5, -3) == []


@given(st.floats(0, 1), st.integers(1, 60))
def test_bar_says_a_little_and_almost(level: float, width: int) -> None:
    """Anything above zero shows an eighth, and only a full level fills the bar."""
    shown = drawn(level, width)
    assert cell_len(shown) == width
    assert ("·" * width == shown) == (level == 0)
    assert ("█" * width == shown) == (level == 1)


def test_bar_steps_by_eighths() -> None:
    """A cell fills in eight steps."""
    assert [drawn(i / 16, 2)[0] for i in range(1, 9)] == list("▏▎▍▌▋▊▉█")


# Spark


def trend(values: list[float], last: int) -> Trend:
    """A trend whose last cell ends at a count of steps."""
    return Trend(end=last * 5.0, step=5.0, values=tuple(values))


def test_groups_do_not_slide() -> None:
    """A spike stays in its group of four while time goes on, and no other group takes it."""
    spike, n = 1000, 61
    groups = set()
    for last in range(spike + 1, spike + n + 1):
        values = [1.0 if at == spike else 0.0 for at in range(last - n, last)]
        shown = cells(trend(values, last), 20, CPU)
        assert sum(shown) == 1.0
        groups.add((last - n) // 4 + shown.index(1.0))
    assert groups == {spike // 4}


@given(st.lists(ANY, min_size=1, max_size=80), st.integers(2, 40), st.integers(0, 10**6))
def test_cells_fit_and_keep_the_worst(values: list[float], width: int, last: int) -> None:
    """No more cells than asked for, and the worst value is among them."""
    shown = cells(trend(values, last), width, CPU)
    known = [v for v in values if not math.isnan(v)]
    assert len(shown) <= max(width, 0)
    if known:
        assert max(v for v in shown if not math.isnan(v)) == max(known)
    else:
        assert all(math.isnan(v) for v in shown)


def test_time_near_zero() -> None:
    """A clock that starts at 1970 gives a spark as any other."""
    assert cells(trend([0.1, 0.9, 0.3, 0.2], 2), 1, CPU) == [0.3]


def test_worst_depends_on_the_metric() -> None:
    """The worst is the greatest for CPU, the least for a hit ratio, the mean where neither is bad."""
    values = [0.1, 0.9]
    assert cells(trend(values, 2), 1, CPU) == [0.9]
    assert cells(trend(values, 2), 1, HITS) == [0.1]
    assert cells(trend(values, 2), 1, RATE) == [0.5]


def test_no_trend_no_cells() -> None:
    """Without a trend, values or room there is no spark."""
    assert (
        cells(None, 9, CPU) == cells(trend([], 5), 9, CPU) == cells(trend([1.0], 5), 0, CPU) == []
    )


def test_gap_is_blank() -> None:
    """A gap is drawn as a blank, zero as the lowest block, the top as the highest."""
    assert spark([0.0, math.nan, 0.5, 1.0], 4, 1.0) == "▁ ▄█"


def test_spark_is_right_aligned() -> None:
    """A short history stands at the right, where now is; a long one loses its beginning."""
    assert spark([1.0], 3, 1.0) == "  █"
    assert spark([1.0, 0.0, 0.0], 2, 1.0) == "▁▁"


def test_spark_without_a_scale() -> None:
    """Nothing but zeros is a line at the bottom, not an empty row."""
    assert spark([0.0, 0.0], 2, 0.0) == "▁▁"


def test_spark_rows_continue_each_other() -> None:
    """Several rows are one column: the lower one is full before the upper one begins."""
    assert spark_rows([0.25, 0.5, 0.75, 1.0], 4, 2, 1.0) == ["  ▄█", "▄███"]


@given(st.lists(ANY, max_size=30), st.integers(1, 30), st.integers(1, 4))
def test_spark_rows_take_any_number(values: list[float], width: int, height: int) -> None:
    """Whatever comes, there are as many rows and columns as asked for, of blocks alone."""
    rows = spark_rows(values, width, height, top_of(values))
    assert [len(row) for row in rows] == [width] * height
    assert set("".join(rows)) <= set(BLOCKS)


def test_top_of_passes_over_what_is_no_number() -> None:
    """The scale comes from finite values alone."""
    assert top_of([1.0, math.nan, math.inf, 3.0]) == 3.0
    assert top_of([]) == 0.0
    assert top_of([math.nan], 2.0) == 2.0


# Chart


@pytest.mark.parametrize(("value", "top"), [(0, 1), (-4, 1), (math.nan, 1), (math.inf, 1), (0.9, 1), (1, 1), (1.01, 2), (2.2, 2.5), (118, 200), (260, 500), (700, 1000)])  # fmt: skip
def test_scale_ends_at_a_round_number(value: float, top: float) -> None:
    """The scale ends at 1, 2, 2.5 or 5 times a power of ten."""
    assert nice_top(value) == pytest.approx(top)


@given(
    st.lists(ANY, max_size=40),
    st.integers(-3, 60),
    st.integers(-1, 12),
    st.sampled_from([None, 0.0, 0.25, 1e300]),
)
def test_chart_fits(values: list[float], width: int, height: int, limit: float | None) -> None:
    """A chart has as many rows as asked for, each as wide as the room, or is not there at all."""
    rows = chart(values, width, height, Unit.SECONDS, limit)
    if width < AXIS + 4 or height < 1:
        assert rows == []
    else:
        assert [text.length(row) - width for row in rows] == [0] * height


def test_limit_stands_at_its_height() -> None:
    """The dashed line and its name stand where the limit is, and what lies over it stands out."""
    rows = chart([0.1, 0.5], 40, 10, Unit.SECONDS, 0.25)
    dashed = [y for y, row in enumerate(rows) if "╌" in text.plain(row)]
    assert dashed == [4]
    assert text.plain(rows[4]).startswith("  250 ms")
    assert any("█" in run and tone == "warning" for run, tone in rows[4])
    assert all(tone != "warning" for row in rows[5:] for _, tone in row)


# Text


@given(LINES, st.integers(0, 40))
def test_fit_is_no_wider(line: text.Line, width: int) -> None:
    """A fitted line is never wider than the room, and one that fits is left alone."""
    fitted = text.fit(line, width)
    assert text.length(fitted) <= width
    if text.length(line) <= width:
        assert text.plain(fitted) == text.plain(line)


@given(WORDS, st.integers(0, 30))
def test_cut_says_that_something_is_missing(word: str, width: int) -> None:
    """A text is cut with an ellipsis, or left as it is."""
    short = text.cut(word, width)
    assert cell_len(short) <= width
    assert short == word or width == 0 or short.endswith("…")


@given(WORDS, st.integers(0, 30))
def test_padded_and_label_have_one_width(word: str, width: int) -> None:
    """Columns are as wide as they say, wide characters or not."""
    assert cell_len(text.padded(word, width)[0]) == width
    assert cell_len(text.label(word, width)[0]) == width


@given(LINES, LINES, st.integers(1, 60))
def test_spread_fills_the_width(left: text.Line, right: text.Line, width: int) -> None:
    """Two lines at both ends fill the width exactly while the right one fits."""
    line = text.spread(left, right, width)
    assert text.length(line) <= width
    if text.length(right) < width:
        assert text.length(line) == width
        assert text.plain(line).endswith(text.plain(right))


@given(st.lists(LINES, max_size=6), st.integers(0, 60))
def test_as_many_takes_whole_parts(parts: list[text.Line], width: int) -> None:
    """Parts are taken whole, from the first, and as many as fit."""
    line = text.as_many(parts, width)
    assert text.length(line) <= width
    options = [text.plain(text.join(parts[:n])) for n in range(len(parts) + 1)]
    assert text.plain(line) in options


def test_number_columns_do_not_move() -> None:
    """A value takes the same room whatever it is, known or not."""
    values = (None, 0.0, 0.004, 0.62, 1.0, 7.5)
    assert {text.length(text.value(v, Unit.RATIO)) for v in values} == {7}


@example("a \u0eb4 b", 3)  # a mark without width, alone
@given(st.text(max_size=60), st.integers(1, 20))
def test_wrapped_is_no_wider_and_loses_nothing(prose: str, width: int) -> None:
    """Wrapped prose fits, and every visible character of it is there."""
    rows = wrapped(prose, max(2, width))
    assert all(text.length(row) <= max(2, width) for row in rows)
    assert "".join("".join(text.plain(r).split()) for r in rows) == "".join(one_line(prose).split())


# Colour never speaks alone


@pytest.mark.parametrize("severity", list(Severity))
def test_severity_is_glyph_word_and_token(severity: Severity) -> None:
    """Each severity is said by glyph, by word and by colour, at every width that holds them."""
    glyph, token = text.SEVERITY[severity]
    found = frames.bottleneck("cpu", severity, CPU)
    for line in (
        common.state_word(found),
        *(bottlenecks.row(found, width) for width in (12, 24, 40, 80, 160)),
    ):
        assert line[0] == (f"{glyph} {severity.value}".ljust(len(line[0][0])), token + "!")


def test_severities_differ_without_colour() -> None:
    """Glyphs and tokens are all different, and critical is critical."""
    assert len({glyph for glyph, _ in text.SEVERITY.values()}) == 4
    assert len({token for _, token in text.SEVERITY.values()}) == 4
    assert text.SEVERITY[Severity.CRITICAL][1] == "critical"


def test_states_of_sources_differ_without_colour() -> None:
    """Every state of a source is said in a word beside its glyph."""
    for health in frames.app_down().health:
        shown = text.plain(common.health_line(health, frames.NOW))
        assert shown.startswith(f"{common.STATE[health.state][0]} {health.state.value}")
    assert len({glyph for glyph, _ in common.STATE.values()}) == len(common.STATE)
