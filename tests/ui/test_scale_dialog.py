"""The scale dialog: what it shows, what it lets happen, and how often."""

from __future__ import annotations

from dataclasses import replace

import frames
import pytest
from stage import FakeMonitor, Stage, staged

from capmon.model.results import ActionState, Estimate, Predicted, ScalePlan
from capmon.ui.screens.confirm import ConfirmScreen, lines
from capmon.ui.widgets.text import plain


def dialog(stage: Stage) -> ConfirmScreen:
    """The dialog that is open."""
    assert isinstance(stage.app.screen, ConfirmScreen)
    return stage.app.screen


def closed(stage: Stage) -> bool:
    """Whether no dialog is open."""
    return stage.app.screen is stage.app.monitor_screen


async def test_keys_propose() -> None:
    """S proposes the advised count, + one more, - one less; the dialog shows the whole of it."""
    async with staged(frames.busy(), (80, 24)) as stage:
        for key, to in (("S", 5), ("plus", 5), ("minus", 3)):
            await stage.press(key)
            assert dialog(stage).plan.to == to
            for wanted in (
                f"4 → {to}",
                "swarm web",
                "cpu binds first",
                "the cache starts cold",
                f"docker service scale web={to} --name 'two words'",
                "dry-run",
            ):
                assert wanted in stage.text
            await stage.press("escape")
            assert closed(stage)
        assert stage.monitor.executed == []


async def test_advice_that_says_nothing_proposes_what_is() -> None:
    """Without advice S opens the dialog at the count that is, which changes nothing."""
    frame = replace(frames.busy(), advice=None)
    async with staged(frame) as stage:
        await stage.press("S", "enter")
        assert dialog(stage).plan.to == 4
        assert stage.monitor.executed == []


async def test_without_a_target() -> None:
    """Where nothing is scaled a notice says what to set, and no dialog opens."""
    async with staged(frames.busy(), monitor=FakeMonitor(scaled=False)) as stage:
        for n, key in enumerate(("S", "plus", "minus"), 1):
            await stage.press(key)
            assert closed(stage)
            assert len(stage.notices) == n
            assert "scaling.target" in stage.notices[-1]


async def test_change_the_count() -> None:
    """+ - arrows and digits change the count; the plan is asked for anew each time."""
    async with staged(frames.busy()) as stage:
        await stage.press("plus")
        for key, to in (
            ("plus", 6),
            ("up", 7),
            ("right", 8),
            ("minus", 7),
            ("down", 6),
            ("left", 5),
            ("8", 8),
            ("minus", 7),
            ("1", 1),
            ("0", 10),
            ("plus", 11),
        ):
            await stage.press(key)
            assert dialog(stage).plan.to == to, key
            assert f"web={to} " in stage.text
        assert "11 is outside of 2 to 10" in stage.text
        await stage.press("0", "minus")
        assert dialog(stage).plan.to == 0


async def test_refused_plan_cannot_be_confirmed() -> None:
    """Enter on a refused plan does nothing; the reason is shown; esc and q leave."""
    async with staged(frames.busy()) as stage:
        for leave in ("escape", "q"):
            await stage.press("plus", "1")
            assert "1 is outside of 2 to 10" in stage.text
            await stage.press("enter", "y")
            assert dialog(stage).plan.to == 1
            await stage.press(leave)
            assert closed(stage)
            assert not stage.app._exit
        assert stage.monitor.executed == []


async def test_confirm_executes_once() -> None:
    """Enter twice, faster than the screen, carries the plan out once."""
    async with staged(frames.busy()) as stage:
        await stage.press("plus", "enter", "enter")
        assert closed(stage)
        assert [p.to for p in stage.monitor.executed] == [5]
        assert stage.notices == []
        await stage.press("minus", "y")
        assert [p.to for p in stage.monitor.executed] == [5, 3]


async def test_outcome_is_said() -> None:
    """An action that fails or is refused after all gives its reason; a dry run is said to be one."""
    async with staged(frames.busy()) as stage:
        for state, severity in (
            (ActionState.FAILED, "error"),
            (ActionState.REFUSED, "error"),
            (ActionState.DRY_RUN, "information"),
        ):
            stage.monitor.state = state
            stage.forget_notices()
            await stage.press("plus", "enter")
            (notice,) = stage.app._notifications
            assert (notice.title, notice.severity) == (state.value, severity)
            assert severity != "error" or notice.message == "the target said no"


async def test_acting_says_that_it_will_run() -> None:
    """In mode act the dialog does not speak of a dry run, and shows what the models expect."""
    expected = (Predicted(frames.P95, 0.187, Estimate(0.149, 0.140, 0.160)),)
    monitor = FakeMonitor(plan={"mode": "act", "predicted": expected})
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus")
        assert "will run" in stage.text
        assert "p95 187 → 149 ms (140–160)" in stage.text
        assert "dry-run: " not in stage.text


async def test_unknown_count_cannot_be_scaled() -> None:
    """An unknown count is said to be unknown, and nothing can be confirmed or changed."""
    plan = {"origin": None, "to": None, "refusals": ("the count is not known",), "argv": ()}
    async with staged(frames.busy(), monitor=FakeMonitor(plan=plan)) as stage:
        await stage.press("plus")
        assert "unknown → unknown" in stage.text
        await stage.press("plus", "minus", "enter")
        assert dialog(stage).plan.to is None
        assert stage.monitor.executed == []


async def test_command_is_shown_whole_in_a_narrow_terminal() -> None:
    """The command is wrapped, never cut: what runs is what was read."""
    argv = ("kubectl", "scale", "--namespace", "n" * 60, "deployment/web", "--replicas=5")
    async with staged(frames.busy(), (44, 30), monitor=FakeMonitor(plan={"argv": argv})) as stage:
        await stage.press("plus")
        shown = "".join("".join(row.strip("│╭╮╰╯─ ").split()) for row in stage.rows)
        assert "".join(argv) in shown
        await stage.resize(90, 30)
        assert "kubectl scale --namespace" in stage.text
        assert "n" * 60 in stage.text


async def test_long_dialog_scrolls() -> None:
    """In a terminal that is too low the rest of the dialog can be scrolled to."""
    monitor = FakeMonitor(plan={"warnings": tuple(f"warning {i}" for i in range(9))})
    async with staged(frames.busy(), (80, 10), monitor=monitor) as stage:
        await stage.press("plus")
        assert "enter to confirm" not in stage.text
        stage.app.animation_level = "none"
        await stage.press("pagedown", "pagedown")
        assert "enter to confirm" in stage.text


async def test_read_only_refuses() -> None:
    """A read-only screen shows no scale keys, opens no dialog, and says that it is read-only."""
    async with staged(frames.busy(), read_only=True) as stage:
        assert "scale" not in stage.bar("keys")
        assert "read-only" in stage.bar("replicas")
        for n, key in enumerate(("S", "plus", "minus"), 1):
            await stage.press(key)
            assert closed(stage)
            assert len(stage.notices) == n
        assert stage.monitor.executed == []


async def test_frames_go_on_behind_the_dialog() -> None:
    """A frame that comes while the dialog is open is shown when it closes."""
    async with staged(frames.busy()) as stage:
        await stage.press("plus")
        await stage.give(frames.app_down())
        assert dialog(stage)
        await stage.press("escape")
        assert "app failing" in stage.bar("header")
        assert "app failing" in stage.text


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12), (40, 8)])
async def test_what_enter_does_is_always_in_sight(size: tuple[int, int]) -> None:
    """Whatever the size, the frame says whether enter runs it, only logs it, or does nothing."""
    long = ("a warning that takes a line or two of a narrow dialog",) * 5
    for plan, key, said in (
        ({"mode": "act"}, "plus", "enter runs it"),
        ({}, "plus", "enter logs it (dry-run)"),
        ({}, "1", "refused: enter does nothing"),
        ({"to": 4, "refusals": ("nothing to change",)}, "plus", "nothing to run"),
    ):
        monitor = FakeMonitor(plan={"warnings": long, **plan})
        async with staged(frames.busy(), size, monitor=monitor) as stage:
            await stage.press("plus", key if key == "1" else "up")
            assert said in stage.text, (size, stage.text)
            assert "· esc" in stage.text


def test_few_rows_put_what_decides_first() -> None:
    """Where there are few rows, a refusal and what would run stand before the prose."""
    plan = ScalePlan(4, 12, ("cpu binds first",), ("12 is over the maximum of 10",), ("warm up",), ("scale", "12"))  # fmt: skip
    names = [plain(line)[:12].strip() for line in lines(plan, 30, short=True)]
    assert names.index("refused") < names.index("would run") < names.index("why")


@pytest.mark.parametrize(("advised", "said"), [(4, "4 replicas are what is advised"), (5, "4 replicas are asked for already")])  # fmt: skip
def test_no_change_is_no_refusal(advised: int, said: str) -> None:
    """The count that is there already is said to be so, and not called refused."""
    plan = ScalePlan(4, 4, (), ("nothing to change: 4 replicas asked for already",))
    text = "\n".join(plain(line) for line in lines(plan, 60, advised))
    assert f"nothing to change: {said}" in text
    assert "refused" not in text
