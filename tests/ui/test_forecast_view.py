"""The forecast view: what it says of the selected metric, of the past, and of the load's days."""

from __future__ import annotations

from dataclasses import replace

import frames
import frames_analysis as made
import pytest
from frames import NOW, P95, RATE
from stage import Stage, staged

from capmon.model.forecasts import Chance, Scored, TimeToLimit
from capmon.model.frame import Frame
from capmon.ui.panes import breach, expected, forecast, load_map, scenarios, scored
from capmon.ui.panes.figures import chance_text
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import length, plain

PANES = {"expected", "forecasts", "breach", "scored", "load", "scenarios"}
APP_CPU = "process.cpu.utilization"
BY_METRIC = {f.metric: f for f in reversed(made.FORECASTS)}


def sent(stage: Stage) -> int:
    """Cells called dirty in all panes so far."""
    return sum(pane.cells_sent for pane in stage.panes.values())


def said(lines: list[object]) -> list[str]:
    """Lines as plain text."""
    return [plain(line) for line in lines]  # type: ignore[arg-type]


async def test_every_part_is_there() -> None:
    """At 120 by 40 all panes are shown and say something."""
    async with staged(made.busy()) as stage:
        await stage.press("4")
        assert set(stage.panes) == PANES
        for name in PANES:
            assert stage.lines(name), name


async def test_selection_moves_and_holds_at_the_ends() -> None:
    """Down and n go on, up and p go back, the ends hold, and all panes follow."""
    async with staged(made.busy()) as stage:
        await stage.press("4")
        assert "▸ rate" in stage.text
        assert "rate · next 6 h" in stage.text
        await stage.press("up")
        assert "▸ rate" in stage.text
        await stage.press("down", "down")
        assert "▸ app cpu" in stage.text
        assert "app cpu · next 6 h" in stage.text
        assert "over 70 %" in stage.text
        await stage.press("p")
        assert "▸ p95" in stage.text
        await stage.press(*["down"] * 20)
        assert "▸ host cpu" in stage.text
        assert "not trusted" in "".join(stage.lines("scored"))


async def test_selection_stays_on_its_metric() -> None:
    """When the order changes, or another view was looked at, the same metric is selected."""
    async with staged(made.busy()) as stage:
        await stage.press("4", "down")
        await stage.give(replace(made.busy(), forecasts=made.FORECASTS[::-1]))
        assert "▸ p95" in stage.text
        await stage.press("1", "4")
        assert "▸ p95" in stage.text
        await stage.give(replace(made.busy(), forecasts=made.FORECASTS[:1]))
        assert "▸ rate" in stage.text


async def test_selection_works_while_paused_and_zoomed() -> None:
    """A held screen and a pane that fills the board follow the selection."""
    async with staged(made.busy()) as stage:
        await stage.press("4", "space", "tab", "tab", "z")
        assert len(stage.panes) == 1
        await stage.press("down")
        assert stage.app.view_state.selected == {"forecast": P95}


async def test_equal_frames_send_nothing_and_a_tick_little() -> None:
    """The same frame again sends no cell; a second later a few numbers do."""
    async with staged(made.busy()) as stage:
        await stage.press("4", "down")
        before = sent(stage)
        await stage.give(replace(made.busy(), sequence=601))
        assert sent(stage) == before
        values = frames.VALUES | {RATE: 121.0, P95: 0.291, frames.CPU: 0.66}
        await stage.give(replace(made.busy(), at=NOW + 1, readings=frames.known(values)))
        assert 0 < sent(stage) - before < 30


@pytest.mark.parametrize("name", ["analysed", "fresh", "blind", "quiet"])
async def test_every_pane_alone_on_a_small_screen(name: str) -> None:
    """At 40 by 12 tab shows each pane in turn, filled."""
    async with staged(frames.ALL[name](), (40, 12)) as stage:
        await stage.press("4")
        assert set(stage.panes) == {"expected"}
        seen = set()
        for _ in range(len(PANES)):
            await stage.press("tab")
            (shown,) = stage.panes
            assert stage.lines(shown)
            seen.add(shown)
        assert seen == PANES


# Chart


def test_chart_names_limit_now_and_what_it_is_made_of() -> None:
    """The chart has a limit line, a divider at now, a time axis, and its method below."""
    lines = said(expected.draw(BY_METRIC[APP_CPU], made.busy(), 80, 20))
    assert "70 % in 4 h" in lines[0]
    assert any("╌╌ limit ╌" in line for line in lines)
    assert all("│" in line for line in lines[1:-2])
    assert "now" in lines[-2]
    assert "18:00" in lines[-2]
    assert lines[-1].startswith("made of weighted medians, lines and seasons · 95 % band · repeats every 24 h")  # fmt: skip


def test_chart_of_a_problem_shows_the_past_and_why() -> None:
    """Without a forecast the past is drawn, and the reason stands above it."""
    lines = said(expected.draw(made.fresh().forecasts[1], made.fresh(), 80, 12))
    assert "needs 12 points, has 2" in lines[0]
    assert any("█" in line for line in lines)


# Breach


def test_breach_by_hour_in_bars_and_words() -> None:
    """Each hour has a clock time, a bar and a percentage; one, five and nine in ten are said in words."""
    lines = said(breach.draw(BY_METRIC[APP_CPU], made.busy(), 70, 6))
    assert [line[:5] for line in lines] == ["15:30", "16:30", "17:30", "18:30", "19:30", "20:30"]
    assert ["  4 %" in lines[0], " 18 %" in lines[1], " 62 %" in lines[5]] == [True] * 3
    assert "one in ten   by 15:42" in lines[0]
    assert "one in two   by 18:36" in lines[1]
    assert "nine in ten  not within 6 h" in lines[2]
    narrow = said(breach.draw(BY_METRIC[APP_CPU], made.busy(), 46, 4))
    assert narrow[0] == "1 in 10 by 15:42, 1 in 2 by 18:36"
    assert [line[:5] for line in narrow[1:]] == ["16:30", "18:30", "20:30"]


def test_bars_never_shrink_towards_the_horizon() -> None:
    """The bars of chances that never fall are never shorter further down."""
    lines = said(breach.draw(BY_METRIC[APP_CPU], made.busy(), 70, 6))
    filled = [line.count("█") for line in lines]
    assert filled == sorted(filled)
    assert filled[-1] > filled[0]


def test_breach_of_what_is_known_is_said_first() -> None:
    """A limit that is crossed is a fact, and so is one that is crossed since a known time."""
    crossed = said(breach.draw(BY_METRIC[frames.MEMORY], made.busy(), 46, 4))
    assert crossed[0] == "crossed 4 m ago"
    assert len(crossed) == 4
    over = said(breach.draw(BY_METRIC[P95], made.busy(), 46, 4))
    assert over[0] == "over it now"
    assert all("ms" in line for line in over[1:])


def test_metric_without_a_limit_says_what_is_expected_by_when() -> None:
    """There is no breach without a limit: values with their intervals take its place."""
    lines = said(breach.draw(BY_METRIC[RATE], made.busy(), 46, 4))
    assert len(lines) == 4
    assert all("req/s" in line and "–" in line for line in lines)


def test_nothing_within_the_horizon_is_said() -> None:
    """Where not even one in ten cases crosses, that is the sentence."""
    never = replace(BY_METRIC[APP_CPU], time_to_limit=TimeToLimit(None, None, None))
    assert plain(breach.sentence(never, made.busy(), 60)) == "fewer than 1 in 10 within 6 h"


@pytest.mark.parametrize(("chance", "text"), [(0.0, "0"), (0.004, "<1"), (0.34, "34"), (0.996, ">99"), (1.0, "100")])  # fmt: skip
def test_chance_is_never_rounded_to_certainty(chance: float, text: str) -> None:
    """Only what is certain says 0 or 100."""
    assert chance_text(chance) == text


# Past forecasts


def point(actual: float) -> Scored:
    """A point of an interval from 90 to 110."""
    return Scored(NOW, 600.0, 90.0, 100.0, 110.0, actual)


def test_misses_are_told_from_hits_and_from_each_other() -> None:
    """Inside, above and below have glyphs and words of their own; the ends are inside."""
    points = tuple(map(point, (90.0, 100.0, 110.0, 110.5, 89.0)))
    assert [scored.missed(p) for p in points] == [0, 0, 0, 1, -1]
    assert plain(scored.strip(points, 10)).strip() == "···▲▼"
    f = replace(BY_METRIC[RATE], scored=points)
    rows = said(scored.draw(f, made.busy(), 46, 9))
    assert [r.split()[-1] for r in rows[-5:]] == ["below", "above", "hit", "hit", "hit"]


def test_past_is_summed_up() -> None:
    """Share inside, points, MASE and the error against the last value stand above the marks."""
    rows = said(scored.draw(BY_METRIC[RATE], made.busy(), 70, 9))
    assert rows[0] == "95 % band held 94 % of 212 points, MASE 0.82, error 0.61× naive"


def test_rows_have_columns_that_do_not_move() -> None:
    """Every row of past forecasts is laid out alike, whatever its numbers."""
    f = BY_METRIC[APP_CPU]
    rows = [plain(r) for r in scored.table(f, made.busy(), 60, 20)]
    assert {row.index("–") + 3 for row in rows[1:]} == {rows[0].index("interval") + 8}
    marks = {max(row.rfind(glyph) for glyph in "·▲▼") for row in rows[1:]}
    assert len(marks) == 1


async def test_demoted_forecast_is_marked_everywhere() -> None:
    """It says that it is not to be trusted in its line, above its chart, by its past and in the overview."""
    async with staged(replace(made.busy(), forecasts=made.FORECASTS[5:6])) as stage:
        assert "▲ not trusted: band held 71 %" in stage.text
        await stage.press("4")
        for name in ("forecasts", "expected", "scored"):
            assert "▲ not trusted" in "".join(stage.lines(name)), name


def test_demoted_forecast_is_dim_and_facts_stand() -> None:
    """Its curves lose their colour; a limit that is crossed is still said."""
    f = BY_METRIC[frames.CPU]
    line = forecast.forecast_line(f, NOW, 70, 0.62)
    assert {"accent", "future"}.isdisjoint(tone for _, tone in line)
    assert "over 80 % now" in plain(forecast.forecast_line(f, NOW, 70, 0.85))


def test_a_doubt_ends_at_a_word_and_is_faint_where_nothing_hangs_on_it() -> None:
    """Half a sentence says nothing; far from its limit a poor forecast is only marked."""
    f = replace(BY_METRIC[frames.CPU], demoted="error 2.0× that of the last value")
    for width, end in ((80, "that of the last value"), (33, "error 2.0×"), (16, "not trusted")):
        assert plain(forecast.verdict(f, NOW, 0.7, width)).endswith(end)
    calm = forecast.verdict(replace(f, breach_probability=0.004), NOW, 0.25, 34)
    assert calm[0] == ("▲ ", "dim")
    assert "<1 % over 80 % by" in plain(calm)
    near = replace(f, breach_probability=0.004)
    assert "not trusted" in plain(forecast.verdict(near, NOW, 0.7, 34))


def test_spans_that_differ_do_not_read_the_same() -> None:
    """Below ten minutes rows, answers and words are told apart by seconds."""
    close = replace(
        BY_METRIC[APP_CPU],
        step=5.0,
        median=(0.6,) * 32,
        breach_by=(Chance(120.0, 0.35), Chance(140.0, 0.9)),
        breach_probability=0.9,
        time_to_limit=TimeToLimit(110.0, 130.0, 150.0),
    )
    lines = said(breach.draw(close, made.busy(), 70, 6))
    assert [line[:11].rstrip() for line in lines[:2]] == ["in 2 m", "in 2 m 20 s"]
    assert "one in ten   in 1 m 50 s" in lines[0]
    assert "one in two   in 2 m 10 s" in lines[1]
    assert plain(forecast.answer(close, NOW)) == "70 % in 130 s (110–150 s)"


def test_host_and_application_are_told_apart() -> None:
    """No line is named `cpu` or `mem` where both have one."""
    names = [forecast.name_of(f) for f in frames.FORECASTS]
    assert {"host cpu", "host mem", "app cpu"} <= set(names)
    assert not {"cpu", "mem", "memory"} & set(names)
    assert all(len(name) < forecast.LABEL for name in names)


# Load


def test_load_before_two_days_says_what_is_missing() -> None:
    """In plain words: what it needs, and what it has."""
    lines = said(load_map.draw(made.fresh().patterns, made.fresh(), 60, 12))  # type: ignore[arg-type]
    assert lines[0] == "needs 2 days, has 3 h"
    assert said(scenarios.draw(made.fresh(), 60, 12))[0] == "needs 2 days, has 3 h"


async def test_without_a_map_the_others_have_its_room() -> None:
    """While the history is too short for days the chart is higher; later it gives way to the map."""
    async with staged(made.fresh()) as stage:
        await stage.press("4")
        assert set(stage.panes) == PANES
        high = stage.panes["expected"].outer_size.height
        await stage.give(made.busy())
        assert stage.panes["expected"].outer_size.height < high
        assert stage.panes["load"].outer_size.height >= 13
        for name in PANES:
            assert stage.lines(name), name


def test_load_map_has_a_row_a_day_and_names_its_peak() -> None:
    """Monday first, seven rows of 24 hours, the peak below its hours, and the scale with its unit."""
    frame = made.busy()
    lines = said(load_map.draw(made.PATTERNS, frame, 56, 14))
    assert [line[:3] for line in lines[1:8]] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert {len(line) for line in lines[1:8]} == {load_map.DAY + 48}
    assert "peak" in lines[8]
    assert "20.9 ░░ 54.0 ▒▒ 87.1 ▓▓ 120 ██ 153 req/s" in lines[9]
    assert "sun 15 h  usually 75.3 req/s, is 118 req/s" in lines[10]
    assert "12–17 h at 138 req/s, on 88 % of days" in lines[11]
    assert "day explains 83 %, p <.001 · week not found, p .340" in lines[12]


def test_load_map_takes_what_is_missing() -> None:
    """All equal, all unknown, one value and short rows are drawn, or the reason is."""
    frame = made.busy()
    for week in (
        ((5.0,) * 24,) * 7,
        ((None,) * 24,) * 7,
        ((None,) * 23 + (3.0,), *((None,) * 24,) * 6),
        ((1.0, 2.0),) * 7,
        ((1e308, -1e308) * 12,) * 7,
        (),
    ):
        found = replace(made.PATTERNS, week=week)
        for width in (1, 20, 28, 56, 120):
            for height in (1, 3, 8, 12, 20):
                assert load_map.draw(found, frame, width, height)
    assert "all 5.00 req/s" in "".join(said(load_map.draw(replace(made.PATTERNS, week=((5.0,) * 24,) * 7), frame, 56, 12)))  # fmt: skip


def test_unknown_time_zone_leaves_out_now() -> None:
    """A zone that this machine does not know names no hour of now."""
    found = replace(made.PATTERNS, time_zone="Nowhere/Nothing")
    assert not any("usually" in line for line in said(load_map.draw(found, made.busy(), 56, 14)))


def test_scenarios_mark_the_one_to_size_for() -> None:
    """Five loads with their factor, the aim marked; growth with its interval, or why there is none."""
    lines = said(scenarios.draw(made.busy(), 80, 14))
    assert [line[0] for line in lines[:5]] == [" ", " ", " ", "▸", " "]
    assert "205 req/s" in lines[3]
    assert "2.89×" in lines[3]
    assert "load outruns new replicas, by hand next cycle" in lines[5]
    assert "every 30 s: load grows 12 %" in lines[6]
    assert lines[8].split(maxsplit=1)[1].startswith("+1.2 % a day (0.4–2.0), doubles in 58 d")
    assert "+0.3 points a day (0.2–0.4)" in lines[9]
    assert "needs 3 points, has 2" in lines[10]


def test_lines_are_cut_by_their_pane_alone() -> None:
    """Scenario lines and rows of past forecasts fit their pane at 120 by 40."""
    frame: Frame = made.busy()
    for line in scenarios.draw(frame, 56, 12):
        assert length(line) <= 56
    for line in scored.draw(BY_METRIC[RATE], frame, 46, 8):
        assert length(line) <= 46


def test_list_keeps_the_selected_one_in_view() -> None:
    """Where not all metrics fit, the selected one is among those shown."""
    last = made.FORECASTS[-2].metric
    view = View(selected={"forecast": last})
    lines = said(forecast.listed(made.busy(), view, 60, 3))
    assert len(lines) == 3
    assert [line for line in lines if line.startswith("▸")] == [lines[-1]]
