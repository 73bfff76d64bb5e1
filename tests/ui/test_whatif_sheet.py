"""The what-if sheet: its fields, its keys, and its answer that follows the models."""

from __future__ import annotations

from dataclasses import replace

import frames
import frames_models
import pytest
from stage import FakeMonitor, Stage, staged

from capmon.analysis.whatif import what_if
from capmon.config.schema import Settings
from capmon.model.results import Estimate, Headroom
from capmon.model.whatif import Question, WhatIf
from capmon.ui.panes.answers import answer, between, verdict, wrapped_after
from capmon.ui.screens.sheet import Page
from capmon.ui.screens.whatif import WhatIfScreen
from capmon.ui.widgets.text import length, plain

CPU, P95, RATE = frames.CPU, frames.P95, frames.RATE


def sheet(stage: Stage) -> WhatIfScreen:
    """The sheet that is open."""
    assert isinstance(stage.app.screen, WhatIfScreen)
    return stage.app.screen


def lines(stage: Stage) -> list[str]:
    """What the sheet says, without blank lines."""
    return [text.strip() for text in sheet(stage).query_one(Page).texts() if text.strip()]


def line(stage: Stage, name: str) -> str:
    """The line of one name, marked or not."""
    (found,) = [text for text in lines(stage) if text.removeprefix("▸ ").startswith(name)]
    return found


async def test_w_opens_and_many_keys_leave() -> None:
    """W opens the sheet over any view, and esc, enter, q and w leave it, and not the app."""
    async with staged(frames_models.models()) as stage:
        for view in ("1", "2", "3"):
            await stage.press(view)
            before = stage.text
            for key in ("escape", "enter", "q", "w"):
                await stage.press("w")
                assert sheet(stage)
                await stage.press(key)
                assert stage.app.screen is stage.app.monitor_screen, key
                assert stage.text == before
        assert not stage.app._exit


async def test_arrows_change_the_value_under_the_mark() -> None:
    """Right and left step the growth by a tenth, replicas by one, and the objective by a tenth of itself."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w", "right", "right", "left")
        assert sheet(stage).question.growth == pytest.approx(1.1)
        assert "118 → 130 req/s" in line(stage, "load")
        await stage.press("down", "right", "right")
        assert sheet(stage).question.replicas == 6
        assert line(stage, "replicas").endswith("4 now")
        await stage.press("down", "left")
        assert sheet(stage).question.objective == pytest.approx(0.25 / 1.1)
        assert "227 ms" in line(stage, "objective")
        await stage.press("down")
        assert line(stage, "load").startswith("▸")
        await stage.press("up", "up")
        assert line(stage, "replicas").startswith("▸")
        await stage.press("r")
        assert sheet(stage).question == Question()
        assert "as now" in line(stage, "replicas")


async def test_digits_type_a_value() -> None:
    """Digits type a factor, a count, milliseconds; backspace takes back; what is no number waits."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w", *"1.45", "backspace")
        assert sheet(stage).question.growth == 1.4
        assert "1.4_" in line(stage, "load")
        await stage.press("down", *"12")
        assert sheet(stage).question.replicas == 12
        assert "1.40 ×" in line(stage, "load")
        await stage.press(".", "a", "é", "²", "down", *"80")
        assert sheet(stage).question == Question(1.4, 12, 0.08)
        assert "▲ beyond 80.0 ms" in line(stage, "p95")
        await stage.press("up", "up", ".")
        assert sheet(stage).question.growth == 1.4


async def test_values_stay_within_what_can_be_meant() -> None:
    """Growth from a tenth to a hundred, one replica at least, an objective of a millisecond at least."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w", *"0", "down", *"0", "down", *"0")
        assert sheet(stage).question == Question(0.1, 1, 0.001)
        await stage.press("r", "up", "up", *"9999999", "down", *"9999999", "down", *"9999999")
        assert sheet(stage).question == Question(100.0, 9999, 600.0)


async def test_the_answer_is_there_at_once() -> None:
    """Each metric now and then, what binds, what one carries, how many it takes, and what was not seen."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w")
        assert "✓ within 3.20 GiB" in line(stage, "app memory")
        assert "29.5" in line(stage, "a replica")
        assert "req/s, as now" in line(stage, "load")
        assert line(stage, "needs").startswith("needs       4 replicas")
        assert not any(text.startswith("beware") for text in lines(stage))
        await stage.press("right")
        assert "● may pass 250 ms" in line(stage, "p95")
        await stage.press("right", "right", "right")
        assert "→ ▲ full at 41.2 req/s a replica" in line(stage, "p95")
        assert "▲ beyond 80 %" in line(stage, "host cpu")
        assert "▲ 6 replicas" in line(stage, "needs")
        assert "▲ 0." in line(stage, "binds first")
        assert "41.3 req/s a replica is 1.3× the load seen: not seen yet" in line(stage, "beware")
        await stage.press("down", "right", "right")
        assert "✓ within 250 ms" in line(stage, "p95") or "● may pass 250 ms" in line(stage, "p95")
        assert "▲" not in line(stage, "needs")


async def test_it_follows_the_models() -> None:
    """A new frame is answered while the sheet is open; the same one sends no cell; a held screen holds."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w")
        before = lines(stage)
        page = sheet(stage).query_one(Page)
        sent = page.cells_sent
        sheet(stage)._follow()
        assert page.cells_sent == sent
        busier = replace(
            frames_models.models(),
            headroom=tuple(replace(h, now=130.0) if h.load == RATE else h for h in frames_models.HEADROOM),
        )  # fmt: skip
        stage.monitor.frame = busier
        stage.app.view_state = replace(stage.app.view_state, paused=True)
        sheet(stage)._follow()
        assert lines(stage) == before
        stage.app.view_state = replace(stage.app.view_state, paused=False)
        sheet(stage)._follow()
        assert "130 req/s, as now" in line(stage, "load")
        assert 0 < page.cells_sent - sent < 120


async def test_the_timer_looks_every_second() -> None:
    """The sheet asks again by itself."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w")
        assert [t._interval for t in sheet(stage)._timers if not t.name.startswith("_")]
        assert any(t._interval == 1.0 for t in sheet(stage)._timers)


async def test_unknown_replicas_are_said() -> None:
    """A step from what is not known changes nothing; a typed count is answered."""
    async with staged(frames_models.uncounted()) as stage:
        await stage.press("w")
        assert "not known: type a number" in line(stage, "replicas")
        assert "replica count is not known" in line(stage, "host cpu")
        await stage.press("down", "right", "left")
        assert sheet(stage).question.replicas is None
        await stage.press("5")
        assert "not known now" in line(stage, "replicas")
        assert "✓ within 80 %" in line(stage, "host cpu")


async def test_before_anything_is_known() -> None:
    """Without a frame, and without models, the sheet opens and says what is missing."""
    async with staged() as stage:
        await stage.press("w")
        assert "nothing was measured yet" in lines(stage)
        await stage.press("right", "down", "right", "down", "right", "5", "r")
    async with staged(frames.starting()) as stage:
        await stage.press("w")
        assert "load is not known" in line(stage, "load")
        assert "the models are loading" in line(stage, "needs")


async def test_no_column_moves() -> None:
    """Whatever is supposed, values, arrows and verdicts stand in the same columns."""
    async with staged(frames_models.models()) as stage:
        await stage.press("w")
        seen = set()
        for key in ("right", "right", "left", *"0.1", "r", "down", "right", *"900", "r", "left"):
            await stage.press(key)
            rows = sheet(stage).query_one(Page).texts()
            seen |= {row.index("→") for row in rows if "→" in row and "req/s" not in row[-30:]}
            seen |= {-row.index("◂") for row in rows if "◂" in row}
            seen |= {-row.index("▸", 10) for row in rows if "◂" in row}
        assert len(seen) == 3


SMALL = what_if(Settings(), frames_models.models(), Question(1.5))


@pytest.mark.parametrize("width", [1, 8, 20, 33, 44, 51, 52, 69, 70, 77])
def test_answer_fits(width: int) -> None:
    """At every width the lines fit, and verdicts are words, whole."""
    rows = answer(SMALL, width)
    assert all(length(row) <= width for row in rows)
    if width >= 33:
        assert sum("beyond" in plain(row) for row in rows) >= 1


def test_verdicts() -> None:
    """Within, may pass, beyond: by sign and word, whatever the colour."""
    room = Headroom(P95, 0.25, "objectives.latency_p95", RATE, None, None)
    words = [plain(verdict(Estimate(v, 0.0, high), room)) for v, high in ((0.2, 0.24), (0.2, 0.3), (0.3, 0.4), (0.2, None))]  # fmt: skip
    assert words == ["✓ within 250 ms", "● may pass 250 ms", "▲ beyond 250 ms", "✓ within 250 ms"]
    assert verdict(Estimate(1.0), None) == []


def test_intervals_name_units_where_they_differ() -> None:
    """An interval is in the unit of its value, or says its units."""
    assert between(P95, Estimate(0.149, 0.14, 0.16)) == "(140–160)"
    assert between(P95, Estimate(9.5, 9.0, 12.0)) == "(9000 ms–12.0 s)"
    assert between(CPU, Estimate(0.5, -0.1, 0.6)) == "(0–60)"
    assert between(CPU, Estimate(0.5, None, 0.6)) == ""


@pytest.mark.parametrize("used", [0, 10, 30])
def test_prose_goes_on_below(used: int) -> None:
    """Every word is there, and no line is wider than the room."""
    text = "cpu reaches 80 % at 32.7 req/s a replica, but the most allowed is 10"
    rows = [plain(row) for row in wrapped_after(text, 30, used)]
    assert " ".join(rows).split() == text.split()
    assert all(len(row) <= 30 for row in rows)
    assert len(rows[0]) <= 30 - used


async def test_a_monitor_without_an_answer() -> None:
    """A question that has no answer yet is asked again, and shows so."""

    class Silent(FakeMonitor):
        def what_if(self, question: Question) -> WhatIf | None:
            return None

    async with staged(frames.busy(), monitor=Silent()) as stage:
        await stage.press("w", "down", "right", "down", "right", "right")
        assert "nothing was measured yet" in lines(stage)
