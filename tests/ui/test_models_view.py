"""The models view: what it shows of a curve, how it is walked through, and what it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import frames
import frames_models
import pytest
from hostile import NUMBERS
from stage import Stage, staged

from capmon.model.frame import Frame, Reading
from capmon.model.results import Candidate, Coefficient, Estimate, Fit, FitKind, Headroom
from capmon.ui.panes import candidates, coefficients, curve, curves, residuals
from capmon.ui.panes.models import formula, full_at
from capmon.ui.widgets import plot
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, length, plain

DOTS = re.compile("[\u2801-\u28ff]")
CPU, P95, RATE = frames.CPU, frames.P95, frames.RATE


def shown(lines: list[Line]) -> str:
    """Lines as one text."""
    return "\n".join(plain(line) for line in lines)


def drawn(frame: Frame, target: str = CPU, size: tuple[int, int] = (70, 20)) -> list[Line]:
    """The chart of one curve."""
    return curve.CurvePane().draw(frame, View(selected={"models": target}), *size).lines


def later(frame: Frame, **values: float) -> Frame:
    """The next frame, with some readings changed."""
    readings = {**frame.readings, **{k: Reading(v, frame.at + 1) for k, v in values.items()}}
    return replace(frame, at=frame.at + 1, sequence=frame.sequence + 1, readings=readings)


# Walking through


def marked(stage: Stage) -> str:
    """The line of the list that is selected."""
    (line,) = [text for text in stage.lines("curves") if text.startswith("▸")]
    return line


async def test_up_and_down_select_a_curve() -> None:
    """Down and n go to the next curve, up and p back, the ends hold, and every pane follows."""
    async with staged(frames_models.models()) as stage:
        await stage.press("3")
        assert marked(stage).startswith("▸ host cpu")
        for keys, name in ((("up",), "host cpu"), (("down",), "app mem"), (("down", "down", "down"), "p95"), (("p",), "app mem")):  # fmt: skip
            await stage.press(*keys)
            assert marked(stage).startswith(f"▸ {name}")
            for pane in ("curve", "candidates", "coefficients"):
                assert name in stage.panes[pane].texts()[0]


async def test_selection_outlives_the_view() -> None:
    """Coming back to the view finds the same curve selected, also in a frame that lost another."""
    async with staged(frames_models.models()) as stage:
        await stage.press("3", "down", "down", "1", "3")
        assert marked(stage).startswith("▸ p95")
        await stage.give(replace(frames_models.models(), fits=(frames_models.latency(),)))
        assert marked(stage).startswith("▸ p95")
        await stage.give(replace(frames_models.models(), fits=(frames_models.cpu(),)))
        assert marked(stage).startswith("▸ host cpu")


async def test_every_pane_can_be_reached_in_a_small_terminal() -> None:
    """Where one pane is shown at a time, tab goes through all five."""
    async with staged(frames_models.models(), (40, 12)) as stage:
        await stage.press("3")
        seen = set()
        for _ in range(5):
            await stage.press("tab")
            seen |= set(stage.panes)
            assert all(stage.lines(name) for name in stage.panes)
        assert seen == {"curves", "curve", "coefficients", "candidates", "residuals"}


# What it says


def test_the_chart_has_points_curve_band_limit_and_now() -> None:
    """Each of them is drawn in its own token, and the line above names them with their numbers."""
    lines = drawn(frames_models.models())
    assert plain(lines[0]) == "● now 73 % at 29.5   ◆ 80 % at 32.8 (30.5–35.2)   ┊ full at 42.6"
    tokens = {token for line in lines[1:] for text, token in line if DOTS.search(text)}
    assert tokens == {"accent", "future", "ink"}
    body = shown(lines[1:])
    assert all(sign in body for sign in "●◆━╌┊")
    assert "80 %" in body
    assert re.search(r"^ +0 +10 +20 +30 +40 +50$", plain(lines[-1]))


def test_marks_stand_where_the_numbers_say() -> None:
    """The crossing stands on the line of the limit, and now left of it and below."""
    rows = [plain(line) for line in drawn(frames_models.models())[1:]]
    at = {sign: next((y, row.index(sign)) for y, row in enumerate(rows) if sign in row) for sign in "●◆"}  # fmt: skip
    (limit,) = [y for y, row in enumerate(rows) if "╌╌╌" in row]
    assert at["◆"][0] == limit < at["●"][0]
    assert at["●"][1] < at["◆"][1]
    width = 70 - 9
    assert at["◆"][1] == 9 + int(32.75 / 50 * width)


def test_a_reason_stands_where_the_curve_would() -> None:
    """Without a curve there is the reason, beside such points as there are, and no line."""
    lines = drawn(frames_models.young())
    assert plain(lines[0]).startswith("needs 20 points, has 12")
    assert plain(lines[0]).count("needs 20") == 1
    tokens = {token for line in lines for text, token in line if DOTS.search(text)}
    assert tokens == {"accent"}
    assert "not reported" in shown(drawn(frames_models.young(), frames_models.MEMORY))
    assert "loading the models" in shown(drawn(frames.starting()))
    empty = replace(frames.starting(), engine_ready=True)
    assert "no model yet" in shown(drawn(empty))


def test_unknown_replicas_are_not_one() -> None:
    """Where the count is not known the point of now is not drawn, and the limit says why."""
    lines = drawn(frames_models.uncounted())
    assert "● now" not in plain(lines[0])
    assert "80 %: replica count is not known" in plain(lines[0])
    assert "●" not in shown(lines)


def test_headroom_of_every_curve() -> None:
    """The list has limit, crossing with interval, multiple and replicas of every curve."""
    lines = curves.draw(frames_models.models(), View(), 116)
    cpu, memory, p95 = (plain(line) for line in lines[1:])
    for text in ("linear", "2.04·x + 13.3 %", ".97", "80 %", "131 (122–141) req/s", "1.11×", "4 replicas", "█"):  # fmt: skip
        assert text in cpu
    assert "~256 (240 or more) users" in memory
    assert "1 replica " in memory
    assert "queue       queue, full at 41.2" in p95


@pytest.mark.parametrize("width", [30, 36, 48, 60, 78, 100, 116, 156])
def test_columns_do_not_move(width: int) -> None:
    """Whatever the numbers are, a column begins where it began, and no row is wider than the room."""
    before = frames_models.models()
    wide = Estimate(10234.0, 10012.0, 11304.0)
    after = replace(
        before,
        headroom=tuple(
            replace(h, at=wide if i else h.at, multiple=86.73, needs=1234) for i, h in enumerate(before.headroom)
        ),
    )  # fmt: skip
    starts = []
    for frame in (before, after):
        lines = curves.draw(frame, View(), width)
        assert all(length(line) <= width for line in lines)
        starts.append([plain(line).find("×") for line in lines[1:]])
        assert len({len(line) for line in lines[1:]}) == 1
    assert starts[0] == starts[1]


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_the_selected_curve_stays_in_sight(height: int) -> None:
    """However few rows there are, the curve that is selected has one."""
    for target in (CPU, frames_models.MEMORY, P95):
        view = View(selected={"models": target})
        found = curves.CurvesPane().draw(frames_models.models(), view, 78, height)
        assert len(found.lines) == height
        assert "▸" in shown(found.lines)


def test_points_are_seen_in_a_small_chart() -> None:
    """Where curve and points share their cells, the points have them."""
    lines = drawn(frames_models.models(), size=(40, 8))
    assert {token for line in lines for text, token in line if DOTS.search(text)} == {
        "accent",
        "ink",
    }
    assert plain(lines[1]).startswith("◆ 80 % at 32.8")


def test_coefficients_have_errors_and_units() -> None:
    """Slope, intercept, R², residual, points, load seen, what was left out, and since when."""
    text = shown(coefficients.lines(frames_models.models(), frames_models.cpu(), 40))
    for line in (
        "slope         2.04 ± 0.04 % per req/s",
        "intercept     13.3 ± 0.810 %",
        "R²            .974",
        "residual ±     2.5 %",
        "80 % at       32.8 (30.5–35.2) req/s",
        "full at       42.6 (40.1–45.4) req/s",
        "points         412 of the last 60 m",
        "load seen  8.00–31.0 req/s",
        "left out   12 points at the cap",
        "since      4 → 5 replicas at 14:02",
    ):
        assert line in text
    queue = shown(coefficients.lines(frames_models.models(), frames_models.latency(), 40))
    assert "capacity      41.2 ± 1.30 req/s" in queue
    assert "servers          2\n" in queue
    users = shown(coefficients.lines(frames_models.models(), frames_models.memory(), 40))
    assert "slope         24.0 ± 1.10 MiB per user" in users


KINDS = (
    (FitKind.LINEAR, CPU, {"slope": 0.0204, "intercept": -0.1}, "2.04·x - 10.0 %"),
    (FitKind.ROBUST, CPU, {"slope": 0.0204, "intercept": 0.1}, "2.04·x + 10.0 %"),
    (FitKind.EXPONENTIAL, P95, {"a": 0.07, "b": 0.0096}, "70.0·e^(0.0096·x) ms"),
    (FitKind.MMC, P95, {"base": 0.01, "scale": 0.02, "capacity": 41.2, "servers": 4.0}, "queue, full at 41.2"),
    (FitKind.KINGMAN, P95, {"base": 0.01, "scale": 0.02, "capacity": 41.2, "servers": 4.0}, "queue, full at 41.2"),
    (FitKind.USL, RATE, {"alpha": 0.02, "beta": 0.0003, "gamma": 12.0}, "usl α 0.02 β 0.0003"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "target", "values", "text"), KINDS)
def test_every_shape_has_a_formula(
    kind: FitKind, target: str, values: dict[str, float], text: str
) -> None:
    """Short in the list, and with every coefficient in the pane of numbers."""
    fit = Fit(target, "load.per_replica", kind, tuple(Coefficient(n, v, None) for n, v in values.items()))  # fmt: skip
    assert formula(fit) == text
    assert len(text) <= 20
    lines = coefficients.lines(replace(frames_models.models(), headroom=()), fit, 40)
    assert len(lines) == 1 + len(values) + 1


def test_throughput_is_over_requests_at_once() -> None:
    """The law of scalability is named by its axes; its end is told only where the points tell it."""
    fit = Fit("load.per_replica", "http.server.active_requests", FitKind.USL, tuple(Coefficient(n, v, None) for n, v in KINDS[-1][2].items()))  # fmt: skip
    assert curve.title(fit) == "throughput over requests at once"
    assert curve.title(frames_models.cpu()) == "host cpu over load · req/s per replica"
    for found, known in (
        (Estimate(40.0, 30.0, 50.0), True),
        (Estimate(40.0, 0.0, 50.0), False),
        (Estimate(40.0, 30.0, 120.0), False),
        (Estimate(40.0, 30.0, None), False),
        (Estimate(40.0), False),
    ):
        ending = replace(fit, saturates_at=found)
        assert (full_at(ending) is not None) is known
        text = shown(coefficients.lines(frames_models.models(), ending, 40))
        assert ("full at" in text) is known


def test_rivals_say_why() -> None:
    """The least error is taken, others say how much worse they are or why they were refused."""
    text = shown(candidates.draw(frames_models.latency(), 56, 12))
    assert "▸ m/m/c           7.1 % .96   least error" in text
    assert "kingman         7.4 % .96   4 % worse" in text
    assert "bends upward" in text
    narrow = candidates.draw(frames_models.latency(), 40, 12)
    assert all(length(line) <= 40 for line in narrow)
    assert "needs concurrency, which is not" in shown(narrow)
    assert shown(candidates.draw(frames_models.latency(), 40, 6)).count("\n") == 5
    assert "no shape was compared" in shown(candidates.draw(frames.FITS[0], 40, 6))
    simple = replace(frames_models.latency(), candidates=(
        Candidate(FitKind.ROBUST, 0.9), Candidate(FitKind.LINEAR, 1.0, chosen=True), Candidate(FitKind.USL, 1.001),
    ))  # fmt: skip
    text = shown(candidates.draw(simple, 60, 6))
    assert re.findall(r"verdict|10 % better|taken|as good", text) == ["verdict", "10 % better", "taken", "as good"]  # fmt: skip


def test_residuals_are_what_the_curve_leaves() -> None:
    """Points less the curve; for a relative fit, the share of the curve by which they miss it."""
    fit = replace(frames_models.cpu(), points=((10.0, 0.3867), (20.0, 0.5404)))
    assert [(x, pytest.approx(r, abs=1e-9)) for x, r in residuals.residuals(fit)] == [(10.0, 0.05), (20.0, 0.0)]  # fmt: skip
    queue = frames_models.latency()
    height = queue.predict(20.0) or 0.0
    found = residuals.residuals(replace(queue, points=((20.0, height * 1.1),)))
    assert found == [(20.0, pytest.approx(0.1))]
    assert residuals.residuals(replace(queue, problem="no load")) == []


# What it costs


async def test_an_unchanged_frame_sends_nothing() -> None:
    """The next tick of the same numbers sends no cell, and a moved load a few, without new dots."""
    async with staged(frames_models.models()) as stage:
        await stage.press("3")
        await stage.give(later(frames_models.models()))
        sent = {name: pane.cells_sent for name, pane in stage.panes.items()}
        rows = stage.panes["curve"]._cells  # type: ignore[attr-defined]
        await stage.give(later(frames_models.models()))
        assert {name: pane.cells_sent for name, pane in stage.panes.items()} == sent
        await stage.give(later(frames_models.models(), **{RATE: 112.0, CPU: 0.70}))
        moved = sum(pane.cells_sent for pane in stage.panes.values()) - sum(sent.values())
        assert 0 < moved < 40
        assert stage.panes["curve"]._cells is rows  # type: ignore[attr-defined]


async def test_scales_stand_still_while_points_come_and_go() -> None:
    """New points within the scale move no number beside the chart, and both charts have one scale."""
    async with staged(frames_models.models()) as stage:
        await stage.press("3")
        feet = [text for text in stage.lines("curve") if re.fullmatch(r"[\d ]+", text)]
        assert stage.lines("residuals")[-1] == feet[-1]
        heads = [row[:12] for row in stage.panes["curve"].texts()[2:]]
        for seed in (7, 8, 9):
            fits = (frames_models.cloud(frames_models.cpu(), 7.0, 30.0 + seed / 10, seed),)
            await stage.give(replace(frames_models.models(), fits=fits))
            assert [row[:12] for row in stage.panes["curve"].texts()[2:]] == heads
            assert stage.lines("residuals")[-1] == feet[-1]


@pytest.mark.parametrize("number", NUMBERS)
def test_points_that_nobody_should_send(number: float) -> None:
    """Whatever the points, coefficients and limits are, the chart is a chart."""
    fit = replace(
        frames_models.cpu(),
        points=((1.0, number), (number, 1.0), (number, number), (2.0, 0.5)),
        load_max=number,
        saturates_at=Estimate(number, number, number),
    )
    room = (Headroom(CPU, number, "x", RATE, Estimate(number, None, number), number, number),)
    frame = replace(later(frames_models.models(), **{RATE: number}), fits=(fit,), headroom=room)
    for pane in (curve.CurvePane(), residuals.ResidualsPane()):
        lines = pane.draw(frame, View(), 70, 20).lines
        assert len(lines) <= 20
        assert all(length(line) <= 70 for line in lines[1:])


# Before what draws is loaded

STAGED = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
import frames_models
from stage import staged
from capmon.ui.widgets import plot

async def main():
    async with staged(frames_models.models()) as stage:
        await stage.press("2", "1", "question_mark", "escape")
        assert "plotext" not in sys.modules
        assert not plot.ready()
        await stage.press("3")
        for _ in range(600):
            if plot.ready() and any("\\u2801" <= c <= "\\u28ff" for c in stage.text):
                break
            await asyncio.sleep(0.02)
            await stage.settle()
        print("drawn" if any("\\u2801" <= c <= "\\u28ff" for c in stage.text) else stage.text)

asyncio.run(main())
"""


def test_plotext_is_loaded_when_the_view_is_opened() -> None:
    """Not before, and beside the keys: the chart comes as soon as it can be drawn."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", STAGED, str(Path(__file__).parent)],
        capture_output=True, text=True, env={**os.environ, "TERM": "xterm-256color"}, timeout=60, check=False,
    )  # fmt: skip
    assert run.stdout.strip() == "drawn", run.stdout + run.stderr


def test_a_machine_without_charts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plotext has no compiled part the reason stands in place of the chart."""
    monkeypatch.setattr(plot._figure, "loaded", None)
    assert "loading the chart" in shown(drawn(frames_models.models()))
    monkeypatch.setattr(plot._figure, "problem", "plotext cannot draw: no kernel.so")
    plot.load()
    assert not plot.ready()
    text = shown(drawn(frames_models.models()))
    assert "plotext cannot draw: no kernel.so" in text
    assert "● now 73 %" in text


async def test_a_view_that_was_left_is_not_drawn_again() -> None:
    """What a resize has asked for may come when another view has taken the place: nothing happens."""
    async with staged(frames_models.models()) as stage:
        left = stage.app.monitor_screen
        assert left is not None
        await stage.press("3")
        left._reapply()
        assert stage.app.monitor_screen is not left
