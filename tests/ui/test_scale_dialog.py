"""The scale dialog: what it shows, what it lets happen, and how often."""

from __future__ import annotations

from dataclasses import replace

import frames
import pytest
from stage import FakeMonitor, Stage, staged

from capmon.model.policies import Verdict
from capmon.model.results import ActionState, Estimate, Predicted, ScalePlan
from capmon.model.scaling import Cost
from capmon.ui.screens.confirm import ConfirmScreen
from capmon.ui.screens.plan_lines import lines
from capmon.ui.screens.sheet import Page
from capmon.ui.widgets.text import Line, plain


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
                "31.2 req/s each = 4.4",
                "p95 alone would do with 4",
                "5 (cpu 84 % / 70 % × 4 = 4.8 → 5)",
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
        assert "11 is over the maximum of 10" in stage.text
        await stage.press("0", "minus")
        assert dialog(stage).plan.to == 0


async def test_refused_plan_cannot_be_confirmed() -> None:
    """Enter on a refused plan does nothing; the reason is shown; esc and q leave."""
    async with staged(frames.busy()) as stage:
        for leave in ("escape", "q"):
            await stage.press("plus", "1")
            assert "1 is under the minimum of 2" in stage.text
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
        assert "p95  187 ms → 149 ms (140–160)" in stage.text
        assert "dry-run: " not in stage.text


async def test_unknown_count_cannot_be_scaled() -> None:
    """An unknown count is said to be unknown, and nothing can be confirmed or changed."""
    plan = {"origin": None, "to": None, "refusals": ("the count is not known",), "argv": ()}
    async with staged(frames.busy(), monitor=FakeMonitor(plan=plan)) as stage:
        await stage.press("plus")
        assert "unknown → unknown replicas" in stage.text
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
        await stage.press("pagedown", "pagedown", "pagedown", "pagedown")
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


def names(shown: list[Line]) -> list[str]:
    """What stands in the column of names, top down."""
    return [name for line in shown if (name := plain(line)[:12].strip())]


FULL = ScalePlan(
    4,
    8,
    ("137 req/s expected / 31.2 each = 4.4", "p95 would do with 4", "tolerance 10 %"),
    ("8 is over the maximum of 6",),
    ("a roll-out is under way: 3 of 4 ready",),
    ("scale", "web=8"),
    (Predicted(frames.P95, 0.187, Estimate(0.149, 0.140, 0.160)),),
    target="web",
    binds="max 6",
    hpa=Verdict("hpa", 5, ("cpu 84 % / 70 % × 4 = 4.8 → 5",)),
    cost=Cost(372.3, 744.6, "$"),
)
"""A plan of which everything can be said."""


def test_the_order_is_always_the_same() -> None:
    """Counts, reasons, what to expect, HPA, cost, what binds, warnings, refusals, the command, the mode."""
    shown = lines(replace(FULL, refusals=()), 61)
    assert names(shown)[1:] == ["why", "expected", "HPA", "cost", "binds", "beware", "would run", "mode", "enter to con"]  # fmt: skip
    assert plain(shown[1]) == "4 → 8 replicas   web"
    assert "refused" in names(lines(FULL, 61))


@pytest.mark.parametrize("room", range(10, 22))
def test_prose_gives_way_and_nothing_else(room: int) -> None:
    """Down to the lines that decide, all of them stay; the reasons behind the first are counted."""
    shown = lines(FULL, 61, room=room)
    text = "\n".join(plain(line) for line in shown)
    for part in ("4 → 8", "31.2 each", "149 ms (140–160)", "4.8 → 5", "$372 → $745", "max 6", "3 of 4 ready", "over the maximum", "web=8"):  # fmt: skip
        assert part in text, part
    assert len(shown) <= room
    assert ("… 2 more" in text) == (room == 10)


def test_few_rows_put_what_decides_first() -> None:
    """Where even that is too much, a refusal and what would run stand before the rest."""
    found = names(lines(FULL, 30, room=9))
    assert found.index("refused") < found.index("would run") < found.index("beware")
    assert found.index("beware") < found.index("expected") < found.index("why")


def test_a_narrow_dialog_has_no_table() -> None:
    """Where a table has no room its lines are wrapped; no interval is cut off."""
    text = " ".join(plain(line).strip() for line in lines(FULL, 21, room=10))
    assert "p95 187 → 149 ms (140–160)" in text.replace("  ", " ")


def test_what_past_actions_taught_is_said() -> None:
    """A prediction that past actions widened says so, and one that nobody can make is named."""
    wider = replace(FULL.predicted[0], remark="wider: 2 past actions were off")
    plan = replace(FULL, predicted=(wider, Predicted(frames.CPU, 0.6, None, "no fit")))
    text = "\n".join(plain(line) for line in lines(plan, 61))
    assert "p95: wider: 2 past actions were off" in text
    assert "not known: host cpu" in text


@pytest.mark.parametrize(("advised", "said"), [(4, "4 replicas are what is advised"), (5, "4 replicas are asked for already")])  # fmt: skip
def test_no_change_is_no_refusal(advised: int, said: str) -> None:
    """The count that is there already is said to be so, and not called refused."""
    plan = ScalePlan(4, 4, (), ("nothing to change: 4 replicas asked for already",))
    text = "\n".join(plain(line) for line in lines(plan, 60, advised))
    assert f"nothing to change: {said}" in text
    assert "refused" not in text


# While it is open


async def test_it_follows_the_facts() -> None:
    """A cooldown that runs out is seen to, and then enter runs the plan; the same plan sends no cell."""
    monitor = FakeMonitor(plan={"mode": "act"}, since_action=200.0)
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus")
        assert "cooldown: 2 m of 5 m left before replicas may be added" in stage.text
        assert "refused: enter does nothing" in stage.text
        page = dialog(stage).query_one(Page)
        sent = page.cells_sent
        dialog(stage).follow()
        assert page.cells_sent == sent
        monitor.since_action = 290.0
        dialog(stage).follow()
        await stage.settle()
        assert "cooldown: 10 s of 5 m left" in stage.text
        assert 0 < page.cells_sent - sent < 200
        monitor.since_action = 300.0
        dialog(stage).follow()
        await stage.settle()
        assert "cooldown" not in stage.text
        assert "enter runs it" in stage.text
        await stage.press("enter")
        assert [p.to for p in monitor.executed] == [5]


async def test_a_timer_looks_twice_a_second() -> None:
    """The dialog asks again by itself, at most half a second after each frame."""
    async with staged(frames.busy()) as stage:
        await stage.press("plus")
        assert any(t._interval == 0.5 for t in dialog(stage)._timers)


async def test_a_count_that_changed_is_asked_about_again() -> None:
    """Where the count changed under the dialog, enter takes note first and runs the new plan after."""
    monitor = FakeMonitor(plan={"mode": "act"})
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus")
        monitor.count = 6
        dialog(stage).follow()
        await stage.settle()
        assert "6 → 5 replicas" in stage.text
        assert "the count was 4 when this was asked, it is 6 now" in stage.text
        assert "changed: enter asks again" in stage.text
        await stage.press("enter")
        assert monitor.executed == []
        assert "enter runs it" in stage.text
        assert "when this was asked" not in stage.text
        await stage.press("enter")
        assert [(p.origin, p.to) for p in monitor.executed] == [(6, 5)]


async def test_a_stale_plan_is_never_run() -> None:
    """A count that changed since the last look is seen by the very key that confirms."""
    monitor = FakeMonitor(plan={"mode": "act"})
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus")
        monitor.count = 6
        await stage.press("enter")
        assert monitor.executed == []
        assert "it is 6 now" in stage.text
        monitor.count = 7
        await stage.press("enter")
        assert monitor.executed == []
        assert "it is 7 now" in stage.text
        monitor.count = 4
        await stage.press("enter")
        assert [(p.origin, p.to) for p in monitor.executed] == [(4, 5)]


async def test_what_a_slow_terminal_missed_is_drawn_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the terminal lags nothing is drawn nor taken note of; what it missed is drawn after."""
    monitor = FakeMonitor(plan={"mode": "act"})
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus")
        with monkeypatch.context() as slow:
            slow.setattr("capmon.ui.screens.confirm.backlog", lambda driver: 9)
            monitor.count = 6
            dialog(stage).follow()
            await stage.settle()
            assert "4 → 5 replicas" in stage.text
        await stage.press("enter")
        assert monitor.executed == []
        assert "it is 6 now" in stage.text
        monitor.count = 7
        dialog(stage).follow()
        dialog(stage).follow()
        await stage.settle()
        assert "it is 7 now" in stage.text


async def test_a_count_that_comes_back_is_what_was_asked_for() -> None:
    """While the target is silent nothing can be run; when it answers the same count is proposed again."""
    monitor = FakeMonitor(plan={"mode": "act"})
    lost = {"origin": None, "to": None, "refusals": ("replica count is not known: no answer",)}
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("plus", "plus")
        monitor.plan = {"mode": "act", **lost}
        dialog(stage).follow()
        await stage.press("enter")
        assert monitor.executed == []
        assert "unknown → unknown" in stage.text
        monitor.plan = {"mode": "act"}
        dialog(stage).follow()
        await stage.settle()
        assert "4 → 6 replicas" in stage.text
        await stage.press("enter")
        assert [p.to for p in monitor.executed] == [6]


async def test_taking_back_is_named() -> None:
    """A rollback says in its frame what it is."""
    monitor = FakeMonitor(plan={"takes_back": "a1b2"})
    async with staged(frames.busy(), (80, 24), monitor=monitor) as stage:
        await stage.press("minus")
        assert "╭─ take back ─" in stage.text
