"""The bottlenecks view: evidence, rank, advice and the guide for one; thresholds for all."""

from __future__ import annotations

from dataclasses import replace

import frames
import frames_analysis as made
import pytest
from frames import MEMORY, NOW, P95
from stage import Stage, staged

from capmon.model.bottlenecks import Bottleneck, Term, Trigger, When
from capmon.model.results import ReplicaState, Severity, TimeToLimit
from capmon.ui.panes import bottleneck_course, bottlenecks, guide_text, rank, todo, triggers
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, length, plain

PANES = {"ranked", "course", "rank", "todo", "guide", "triggers"}
MEMORY_ROW: Bottleneck = made.explained()[1]  # type: ignore[assignment]


def said(lines: list[Line]) -> list[str]:
    """Lines as plain text."""
    return [plain(line) for line in lines]


def sent(stage: Stage) -> int:
    """Cells called dirty in all panes so far."""
    return sum(pane.cells_sent for pane in stage.panes.values())


async def test_selection_shows_one_in_detail() -> None:
    """Down selects the next bottleneck, and every pane beside the list speaks of it."""
    async with staged(made.busy()) as stage:
        await stage.press("5")
        assert set(stage.panes) == PANES
        assert "▸ ◆ critical disk /var" in stage.text
        assert "it does not look at disk /var" in stage.text
        await stage.press("down")
        assert "▸ ▲ high" in stage.text
        assert "add memory now" in "".join(stage.lines("todo"))
        assert "Immediate memory scaling required" in "".join(stage.lines("guide"))
        assert "tasks waited" in "".join(stage.lines("rank"))
        assert "81 % > 80 % for 3 m" in "".join(stage.lines("course"))


async def test_selection_falls_back_to_the_worst() -> None:
    """When the selected bottleneck is over, the worst one is shown."""
    async with staged(made.busy()) as stage:
        await stage.press("5", "down", "down")
        assert "▸ ● medium" in stage.text
        await stage.give(replace(made.busy(), bottlenecks=made.busy().bottlenecks[:2]))
        assert "▸ ◆ critical" in stage.text


async def test_nothing_binds_gives_thresholds_the_room() -> None:
    """Without a bottleneck that is said, the nearest thresholds take the room, and each has its chart."""
    async with staged(made.calm()) as stage:
        await stage.press("5")
        assert set(stage.panes) == {"ranked", "triggers", "course"}
        assert "none now" in stage.text
        assert "▸ ● near" in stage.text
        await stage.press("down")
        assert "of 70 %" in stage.lines("course")[0]
        await stage.give(made.busy())
        assert set(stage.panes) == PANES
        for name in PANES:
            assert stage.lines(name), name
        await stage.give(made.calm())
        assert set(stage.panes) == {"ranked", "triggers", "course"}


async def test_what_is_past_but_not_for_long_enough_is_said_at_once() -> None:
    """An outage is no `none now`: the worst stands first, on the overview and in view 5."""
    async with staged(made.pending()) as stage:
        for pane, key in (("bottlenecks", "1"), ("ranked", "5")):
            await stage.press(key)
            lines = [line.strip() for line in stage.lines(pane)]
            assert lines[0].startswith("◐ errors 34 % > 1.0 %, 4 of 10 s")
            assert lines[1].startswith("◐ p95 latency 999 ms > 250 ms, 12 of 30 s")
            assert "none now" not in stage.text
        await stage.give(made.calm())
        assert "none now" in stage.text


def test_what_waits_stands_below_what_binds() -> None:
    """A row of its own hides it, a row of another does not, and too little room says how many more."""
    waiting = [replace(t, triggered=False) for t in made.TRIGGERS if t.component in ("latency", "cache", "memory")]  # fmt: skip
    frame = replace(made.busy(), bottlenecks=(MEMORY_ROW,), triggers=tuple(waiting))
    assert [line.split(",")[0] for line in said(bottlenecks.draw(frame, 100, 9))[1:3]] == [
        "◐ p95 latency 287 ms > 250 ms", "◐ cache 61 % < 70 %"]  # fmt: skip
    assert said(bottlenecks.draw(frame, 100, 2))[1].endswith("64 of 30 s, 1 more")
    assert len(said(bottlenecks.draw(frame, 100, 1))) == 1
    ranked = said(bottlenecks.ranked(frame, View(), 100, 9))
    assert [line[2:3] for line in ranked[:3]] == ["▲", "◐", "◐"]


def test_what_waits_is_told_in_its_own_words() -> None:
    """A state has no number, what rounds to its threshold no comparison, replicas their counts."""
    base = made.calm()
    failing = Trigger("database", "db.status", 0.0, 0.5, 1.0, False, 1.0, 4.0, None)
    close = Trigger("latency", P95, 0.25003, 0.25, 0.0001, False, 70.0, 600.0, None)
    frame = replace(base, triggers=(failing, close), replicas=ReplicaState("swarm", "web", 0, 4))
    assert said(bottlenecks.pending(frame, 9)) == [
        "◐ 0 of 4 replicas ready",
        "◐ database failing, 1 of 4 s",
        "◐ p95 latency just past 250 ms, 70 s of 10 m",
    ]
    unknown = replace(frame, triggers=(), replicas=ReplicaState("swarm", "web", None, 4))
    assert said(bottlenecks.draw(unknown, 100, 1)) == ["● none now"]


async def test_the_database_is_healthy_not_a_percentage() -> None:
    """Its chart and the line above it speak of the state in words."""
    async with staged(made.pending()) as stage:
        await stage.press("5")
        await stage.press(*["down"] * (len(made.pending().triggers) - 1))
        lines = stage.lines("course")
        assert lines[0].split() == ["healthy"]
        text = "".join(lines)
        assert "failing" in text
        assert "%" not in text
        assert "warning" not in text


async def test_a_change_of_the_board_ends_where_a_start_would() -> None:
    """After bottlenecks came and went the screen is that of a start."""
    async with staged(made.calm()) as stage:
        await stage.press("5")
        calm = stage.text
        await stage.give(made.busy())
        await stage.give(made.calm())
        assert stage.text == calm


async def test_equal_frames_send_nothing_and_a_tick_little() -> None:
    """The same frame again sends no cell; a second later a few numbers do."""
    async with staged(made.busy()) as stage:
        await stage.press("5", "down")
        before = sent(stage)
        await stage.give(replace(made.busy(), sequence=601))
        assert sent(stage) == before
        later = tuple(replace(t, sustained=t.sustained + 1) if t.sustained else t for t in made.TRIGGERS)  # fmt: skip
        await stage.give(replace(made.busy(), at=NOW + 1, triggers=later))
        assert 0 < sent(stage) - before < 30


@pytest.mark.parametrize("name", ["analysed", "quiet", "blind"])
async def test_every_pane_alone_on_a_small_screen(name: str) -> None:
    """At 40 by 12 tab shows each pane in turn, filled."""
    async with staged(frames.ALL[name](), (40, 12)) as stage:
        await stage.press("5")
        seen = set(stage.panes)
        assert seen == ({"triggers"} if name == "quiet" else {"ranked"})
        for _ in range(len(PANES)):
            await stage.press("tab")
            (shown,) = stage.panes
            assert stage.lines(shown)
            seen.add(shown)
        assert seen == PANES


# Evidence


def test_chart_has_both_thresholds_and_the_beginning() -> None:
    """Warning and critical lines are named, and the time axis marks since when."""
    lines = said(bottleneck_course.of_bottleneck(MEMORY_ROW, made.busy(), 70, 14))
    assert lines[0].startswith("▲ 81 % > 80 % for 3 m")
    assert lines[0].endswith("since 14:29:17")
    assert "memory pressure 1.0 % > 0.5 %" in lines[1]
    assert any("╌╌ warning ╌" in line for line in lines)
    assert any("╌╌ critical ╌" in line for line in lines)
    assert "▲ began" in lines[-2]
    assert lines[-1].startswith("behind it java 5.1 GiB")


def test_beginning_before_the_chart_is_not_marked() -> None:
    """What began before the shown window has its time in words alone."""
    old = replace(MEMORY_ROW, since=NOW - 7200)
    lines = said(bottleneck_course.of_bottleneck(old, made.busy(), 70, 14))
    assert "since 12:32:07" in lines[0]
    assert not any("began" in line for line in lines)


def test_no_history_says_why() -> None:
    """Without a trend the reason stands where the chart would."""
    frame = replace(made.busy(), trends={})
    lines = said(bottleneck_course.of_bottleneck(MEMORY_ROW, frame, 70, 14))
    assert "no history yet" in lines


# Rank


def test_terms_have_bar_share_and_words() -> None:
    """A known term has all three; an unknown one says why and is no zero."""
    known, unknown = said([rank.term_line(t, 60) for t in (made.TERMS[1], made.TERMS[4])])
    assert known.split()[0] == "headroom"
    assert "0.94  binds at 111 req/s, 0.94× now" in known
    assert "█" in known
    assert "–  no forecast of it yet" in unknown
    assert "█" not in unknown
    shares = {plain(rank.term_line(Term("x", s, "t"), 60)).index("t") for s in (None, 0.0, 0.01, 1.0)}  # fmt: skip
    assert len(shares) == 1


def test_where_it_binds_is_said_or_why_not() -> None:
    """Load and multiple with the interval, or that no model can tell."""
    assert plain(rank.binds(MEMORY_ROW)) == "binds at    111 req/s (104–119), 0.94× the load now"
    assert "no model can tell" in plain(rank.binds(replace(MEMORY_ROW, binds_at=None)))


# What to do, and the guide


def test_steps_stand_in_order_with_when() -> None:
    """Each step has when it should be done, said once where it stays; what would end it comes last."""
    lines = said(todo.draw(MEMORY_ROW, 8))
    assert [line[:12].strip() for line in lines] == [
        "▲ high", "immediate", "", "short term", "long term", "", "eases at", "",
    ]  # fmt: skip
    assert lines[-2].endswith("memory below 76 % for 30 s")
    short = said(todo.draw(MEMORY_ROW, 4))
    assert short[0].endswith("add memory now")
    assert short[-1].endswith("load below 111 req/s")


def test_guide_stands_beside_ours() -> None:
    """Its severity with glyph and word, its text word for word, and whether it differs."""
    lines = said(guide_text.draw(made.GUIDE, Severity.HIGH, 8))
    assert lines[0] == "◆ critical  Garbage collection pressure, potential OOM"
    assert [line[12:] for line in lines[1:5]] == list(made.GUIDE.recommendations)
    assert lines[-1] == "differs     it says critical, capmon high"
    agreed = said(guide_text.draw(made.GUIDE, Severity.CRITICAL, 8))
    assert agreed[-1].startswith("agrees")


# Thresholds


def row(trigger: Trigger, width: int = 116) -> str:
    """One row as text."""
    return plain(triggers.row(trigger, triggers.Columns.of(width)))


def test_thresholds_say_how_far_how_long_and_when() -> None:
    """Value, threshold, distance, time held of the time needed, time to it, and when to act."""
    latency, _, _, memory, cpu, *_ = made.TRIGGERS
    assert row(latency).split() == ["▲", "crossed", "latency", "287", "ms", ">", "250", "ms", "+15", "%", "██████", "64", "s", "of", "30", "s", "64", "s", "ago", "immediate"]  # fmt: skip
    assert "12 s of 30 s" in row(memory)
    assert row(memory).startswith("◐ past")
    assert "4 h (72 m–9 h)" in row(cpu)
    assert "-5.7 %" in row(cpu)
    assert "< " in row(made.TRIGGERS[1])


def test_the_sign_is_that_of_the_two_numbers() -> None:
    """What is back on the good side is easing, and no row says `73 % < 70 %`."""
    eased = made.trigger("cache", "cache.hit_ratio", 0.7, value=0.73, distance=-0.043, triggered=True)  # fmt: skip
    text = row(eased)
    assert text.startswith("◇ easing")
    assert text.split()[3:8] == ["73", "%", ">", "70", "%"]
    assert text.split()[-1] == "–"
    assert " < " in row(made.TRIGGERS[4])
    assert " = " in row(replace(eased, value=0.7, distance=0.0))


def test_act_is_said_where_a_breach_is_in_sight() -> None:
    """An urgency without a time to the threshold, on its good side, is nothing to act on."""
    cpu = made.TRIGGERS[5]
    assert row(cpu).startswith("◔ in sight")
    assert row(cpu).endswith("long term  ")
    blank = row(replace(cpu, reaches=None, urgency=When.IMMEDIATE))
    assert blank.startswith("· clear")
    assert "immediate" not in blank


def test_unknown_threshold_is_no_zero() -> None:
    """A metric without a value says so and draws an empty bar."""
    text = row(made.TRIGGERS[-1])
    assert text.startswith("○ unknown")
    assert "–" in text
    assert "█" not in text


def test_a_state_is_no_percentage() -> None:
    """The database is healthy or not: no number, no threshold, no distance."""
    found = Trigger("database", "db.status", 1.0, 0.5, -1.0, False, 0.0, 2.0, None)
    assert row(found).split() == ["·", "clear", "database", "healthy", "–", "······", "–", "of", "2", "s", "–", "–"]  # fmt: skip
    assert "failing" in row(replace(found, value=0.0, distance=1.0, triggered=True))[:50]


def test_a_time_that_has_passed_is_said_of_what_is_past_alone() -> None:
    """A forecast that is overtaken by a value on the good side of its threshold says nothing."""
    over = made.TRIGGERS[0]
    assert "64 s ago" in row(over)
    assert "ago" not in row(replace(over, value=0.2, distance=-0.2))


@pytest.mark.parametrize("width", [36, 60, 76, 100, 116, 156])
def test_thresholds_have_columns_that_do_not_move(width: int) -> None:
    """Rows are as wide as one another and as the head, and fit, whatever the values."""
    columns = triggers.Columns.of(width)
    rows = [triggers.row(t, columns) for t in made.TRIGGERS]
    rows.append(
        triggers.row(Trigger("x", "db.status", 0.0, 0.5, 1.0, True, 9.0, 2.0, None), columns)
    )
    rows.append(triggers.row(replace(made.TRIGGERS[0], value=1e9, distance=1e9, urgency=None), columns))  # fmt: skip
    assert len({length(r) for r in rows}) == 1
    assert length(rows[0]) + triggers.MARK <= width


def test_states_are_told_without_colour() -> None:
    """Crossed, easing, past, near, in sight, clear and unknown have words and glyphs of their own."""
    soon = TimeToLimit(None, 600.0, None)
    made_of = [
        Trigger("x", MEMORY, 0.79, 0.8, -0.01, True, 99.0, 30.0, None),
        Trigger("x", MEMORY, 0.1, 0.8, -0.9, False, 0.0, 30.0, When.IMMEDIATE, soon),
        Trigger("x", MEMORY, 0.9, 0.8, 0.1, True, 99.0, 30.0, When.IMMEDIATE),
        Trigger("x", MEMORY, 0.9, 0.8, 0.1, False, 9.0, 30.0, None),
        Trigger("x", MEMORY, 0.79, 0.8, -0.01, False, 0.0, 30.0, None),
        Trigger("x", MEMORY, 0.1, 0.8, -0.9, False, 0.0, 30.0, None),
        Trigger("x", MEMORY, None, 0.8, None, False, 0.0, 30.0, None),
    ]
    states = [triggers.state(t)[:2] for t in made_of]
    assert len({glyph for glyph, _ in states}) == len({word for _, word in states}) == 7


def test_list_of_thresholds_keeps_the_selected_one_in_view() -> None:
    """Where not all fit, the head stays and the selected row is among those shown."""
    frame = made.calm()
    view = View(selected={"bottlenecks": frame.triggers[-1].component})
    lines = said(triggers.draw(frame, view, 76, 5))
    assert "threshold of" in lines[0]
    assert lines[-1].startswith("▸")
