"""The scaling view: policies, replicas over time, whether it worked, countdowns, the replay, the audit log."""

from __future__ import annotations

import math
from dataclasses import replace

import frames
import frames_scaling as made
import pytest
from frames import NOW, P95
from stage import FakeMonitor, Stage, staged

from capmon.config.scaling import BudgetSettings, HpaSettings, ScalingSettings
from capmon.config.schema import Settings
from capmon.model.frame import Frame
from capmon.model.policies import Replay, Verdict, Wait
from capmon.model.results import ActionState, Estimate, Predicted
from capmon.ui.acting import why_not
from capmon.ui.panes import (
    scaling_audit,
    scaling_replay,
    scaling_verdicts,
    scaling_waits,
    scaling_worked,
)
from capmon.ui.panes.scaling_counts import CountsPane
from capmon.ui.screens.confirm import ConfirmScreen
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, length, plain

PANES = {"verdicts", "counts", "worked", "waits", "replay", "audit"}


def said(lines: list[Line]) -> list[str]:
    """Lines as plain text."""
    return [plain(line) for line in lines]


def sent(stage: Stage) -> int:
    """Cells called dirty in all panes so far."""
    return sum(pane.cells_sent for pane in stage.panes.values())


def later(frame: Frame, seconds: float) -> Frame:
    """A frame some seconds on: every countdown has gone down."""
    found = frame.scaling
    assert found is not None

    def less(waits: tuple[Wait, ...]) -> tuple[Wait, ...]:
        return tuple(replace(w, seconds=w.seconds - seconds) for w in waits)

    verdicts = tuple(replace(v, waits=less(v.waits)) for v in found.verdicts)
    scaling = replace(found, waits=less(found.waits), verdicts=verdicts)
    return replace(frame, at=frame.at + seconds, scaling=scaling)


# The view


async def test_every_pane_has_something_to_say() -> None:
    """Where there is room all panes stand side by side, filled."""
    async with staged(made.scaled()) as stage:
        await stage.press("6")
        assert set(stage.panes) == PANES
        for name in PANES:
            assert stage.lines(name), name


async def test_selection_shows_one_policy_in_full() -> None:
    """The policy that is followed comes first and is marked; the next ones follow, the models last."""
    async with staged(made.scaled()) as stage:
        await stage.press("6")
        assert "▸ ◉ predictive  ↑ 6" in stage.text
        assert "binds  connections 25 × 6 of 150" in stage.text
        await stage.press("down", "down")
        assert "▸   hpa         = 4" in stage.text
        text = "\n".join(stage.lines("verdicts"))
        assert "why    cpu 66 % of 70 % asks for 4\n118 req/s of 30 a replica asks for 4" in text
        assert "waits  stabilization 3:20 before taking away" in text
        await stage.press("down", "down", "down")
        assert "▸   models      ↑ 5" in stage.text


async def test_without_a_target_one_pane_says_how_to_have_one() -> None:
    """No six empty boxes: a sentence and two lines to copy; with a target all panes are there."""
    async with staged(made.unscaled()) as stage:
        await stage.press("6")
        assert set(stage.panes) == {"verdicts"}
        assert "nothing is scaled" in stage.text
        assert "target: {kind: swarm, service: web}" in stage.text
        await stage.give(made.scaled())
        assert set(stage.panes) == PANES
        assert "nothing is scaled" not in stage.text


async def test_a_target_that_has_not_answered_yet_is_none_that_is_missing() -> None:
    """With a target in the settings the panes stand from the first frame on."""
    settings = Settings(scaling=ScalingSettings(target=replace(ScalingSettings().target, kind="http")))  # fmt: skip
    async with staged(made.unscaled(), settings=settings) as stage:
        await stage.press("6")
        assert set(stage.panes) == PANES


async def test_a_second_costs_a_few_cells() -> None:
    """An equal frame sends nothing; a second later little more than the digits of the countdowns."""
    async with staged(made.scaled()) as stage:
        await stage.press("6")
        before = sent(stage)
        await stage.give(replace(made.scaled(), sequence=601))
        assert sent(stage) == before
        await stage.give(later(made.scaled(), 1.0))
        assert 0 < sent(stage) - before < 30


@pytest.mark.parametrize("name", ["scaled", "settling", "silent"])
async def test_every_pane_alone_on_a_small_screen(name: str) -> None:
    """At 40 by 12 tab shows each pane in turn, filled."""
    async with staged(frames.ALL[name](), (40, 12)) as stage:
        await stage.press("6")
        seen = set(stage.panes)
        assert seen == {"verdicts"}
        for _ in range(len(PANES)):
            await stage.press("tab")
            (shown,) = stage.panes
            assert stage.lines(shown)
            seen.add(shown)
        assert seen == PANES


async def test_read_only_names_no_key_that_acts() -> None:
    """Where keys cannot act none is offered, and the one that takes back only says so."""
    async with staged(made.scaled(), read_only=True) as stage:
        await stage.press("6")
        assert "takes it back" not in stage.text
        assert "▲ worse" in stage.text
        await stage.press("u")
        assert stage.app.screen is stage.app.monitor_screen
        assert "read-only" in stage.notices[-1]
    assert len(said([scaling_worked._none(View(read_only=True), 60)])[0]) < 30


# Taking back


async def test_the_last_action_is_taken_back_through_the_same_dialog() -> None:
    """U proposes the count before and says so to the monitor; another count is an action of its own."""
    monitor = FakeMonitor(plan={"mode": "act"})
    async with staged(made.scaled(), monitor=monitor) as stage:
        await stage.press("6", "u")
        dialog = stage.app.screen
        assert isinstance(dialog, ConfirmScreen)
        assert (dialog.plan.to, dialog.plan.takes_back) == (3, "b3")
        await stage.press("minus")
        assert (dialog.plan.to, dialog.plan.takes_back) == (2, "")
        await stage.press("plus", "enter")
        assert [(p.to, p.takes_back) for p in monitor.executed] == [(3, "b3")]


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        ((), "no action of this session changed the replicas"),
        ((made.FAILED,), "no action of this session changed the replicas"),
        ((replace(made.WORSE, settled=False, rollback=None),), "has not settled yet"),
        ((made.EARLIER, made.WORSE), "5 → 3 made the objective no worse"),
    ],
)
async def test_nothing_to_take_back_is_said(outcomes: tuple[object, ...], text: str) -> None:
    """Without an offer a notice says why, and no dialog opens; a later action ends an older offer."""
    async with staged(replace(made.scaled(), outcomes=outcomes)) as stage:
        await stage.press("u")
        assert stage.app.screen is stage.app.monitor_screen
        assert text in stage.notices[-1]


def test_what_was_only_logged_ends_no_offer() -> None:
    """A dry-run after an action leaves the action to be taken back."""
    assert why_not(None).startswith("no action")
    dry = replace(made.EARLIER, state=ActionState.DRY_RUN)
    text = said(scaling_worked.draw(replace(made.scaled(), outcomes=(dry,)), View(), 60, 8))
    assert text == ["5 → 3  dry-run: it was logged, nothing was run"]


# Policies


def row(verdict: Verdict, width: int = 76, frame: Frame | None = None) -> str:
    """One row as text."""
    return plain(scaling_verdicts.row(verdict, frame or made.scaled(), width))


def test_rows_say_direction_reason_and_what_holds() -> None:
    """More, fewer, the same and not known have signs of their own; a wait comes before what binds."""
    assert "↓ 3 " in row(Verdict("x", 3))
    assert "= 4 " in row(Verdict("x", 4))
    assert "– " in row(Verdict("x", None))
    assert row(Verdict("x", 10, (), "max 10")).endswith("max 10")
    assert row(Verdict("x", 10, (), "max 10", made.COOLDOWN)).endswith("cooldown  5:43")
    cut = row(Verdict("x", 5, ("the strongest reason of all", "y" * 80)))
    assert "the strongest reason of all" in cut
    assert "…" in cut


@pytest.mark.parametrize("width", [30, 48, 58, 62, 76, 120])
def test_rows_do_not_move(width: int) -> None:
    """Rows are as wide as one another whatever they say, and the same a second later."""
    rows = [scaling_verdicts.row(v, made.scaled(), width) for v in made.VERDICTS]
    rows.append(scaling_verdicts.row(Verdict("x" * 40, None, ("y" * 200,), "z" * 90), made.scaled(), width))  # fmt: skip
    assert len({length(r) for r in rows}) == 1
    assert length(rows[0]) <= width


def test_detail_that_has_no_room_says_so() -> None:
    """The last line that fits ends with an ellipsis."""
    whole = scaling_verdicts.detail(made.VERDICTS[2], made.scaled(), 60)
    assert scaling_verdicts.ended(whole, 99, 60) == whole
    cut = said(scaling_verdicts.ended(whole, 3, 60))
    assert len(cut) == 3
    assert cut[-1].endswith("…")


def test_tier_advice_is_one_line() -> None:
    """From, to, what it costs and why; a tier that stays and one that is not known are said."""
    tier = made.TIER
    text = plain(scaling_verdicts.tier_line(tier, "€", 95))
    assert "tier_2 → tier_3  costs €0.34 an hour  memory 81 % > 80 % for 15 m; cpu 66 %" in text
    assert "saves €1.20 an hour" in plain(scaling_verdicts.tier_line(replace(tier, saving_per_hour=1.2), "€", 90))  # fmt: skip
    assert "= tier_2" in plain(scaling_verdicts.tier_line(replace(tier, to="tier_2"), "$", 90))
    assert "–  memory" in plain(scaling_verdicts.tier_line(replace(tier, to=None, saving_per_hour=None), "$", 90))  # fmt: skip


# Countdowns


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (0.2, "0:01"), (59.9, "1:00"), (200, "3:20"), (5999, "99:59"), (6001, "2h"), (-5, "0:00"), (math.nan, "–"), (math.inf, "–")],
)  # fmt: skip
def test_countdown(seconds: float, text: str) -> None:
    """Minutes and seconds, never wider than five cells, never over before its time."""
    assert scaling_waits.countdown(seconds) == text


def test_waits_have_their_places_whatever_waits() -> None:
    """Cooldowns stand first, free or not; what the followed policy waits for comes after them."""
    frame = made.scaled()
    settings = ScalingSettings(policy="hpa", hpa=HpaSettings(), budget=BudgetSettings(turns=2))
    lines = said(scaling_waits.draw(frame, View(scaling=settings), 60))
    assert [line.split()[:2] for line in lines[:3]] == [["cooldown", "↑"], ["cooldown", "↓"], ["stabilization", "↓"]]  # fmt: skip
    assert lines[0].endswith("0:43 of 5:00")
    assert lines[2].endswith("free")
    assert lines[3].endswith("2 of 2")
    assert "31 s (28–40 s) measured" in lines[4]
    hpa = replace(frame, scaling=replace(frame.scaling, policy="hpa", waits=()))  # type: ignore[type-var]
    lines = said(scaling_waits.draw(hpa, View(scaling=settings), 60))
    assert lines[0].endswith("free")
    assert lines[2].endswith("3:20 of 5:00")


def test_turns_count_changes_of_direction_within_the_hour() -> None:
    """Down after up and up after down, of what was accepted, is counted from the audit log."""
    assert scaling_waits.turned(made.scaled()) == 2
    assert scaling_waits.turned(replace(made.scaled(), at=NOW + 1700)) == 1
    assert scaling_waits.turned(made.unscaled()) is None


@pytest.mark.parametrize("width", [24, 32, 44, 62, 90])
def test_countdowns_do_not_move(width: int) -> None:
    """A second changes digits and parts of bars, and no place."""
    before, after = (
        scaling_waits.draw(f, View(), width) for f in (made.scaled(), later(made.scaled(), 1.0))
    )
    assert [length(line) for line in before] == [length(line) for line in after]


def test_waits_of_nobody_are_not_known() -> None:
    """While no policy has spoken a cooldown is a dash, not free."""
    frame = replace(made.scaled(), scaling=None)
    lines = said(scaling_waits.draw(frame, View(), 60))
    assert all("free" not in line for line in lines)
    assert next(x for x in lines if x.startswith("turns")).endswith("–")
    assert next(x for x in lines if x.startswith("autoscaler")).endswith("not looked for yet")


@pytest.mark.parametrize("policy", ["hpa", "predictive"])
def test_stabilization_keeps_its_row_and_its_length(policy: str) -> None:
    """Whoever waits as Kubernetes does has the row with a full length, waiting or not."""
    settings = ScalingSettings(policy=policy)
    frame = made.scaled()
    assert frame.scaling is not None
    waiting = Verdict(policy, 4, waits=(made.STABILIZATION,))
    floor = Verdict(policy, 4, waits=(Wait("floor", False, 100.0),))
    rows = []
    for verdict in (Verdict(policy, 4), waiting, floor):
        scaling = replace(frame.scaling, policy=policy, waits=(), verdicts=(verdict,))
        lines = said(
            scaling_waits.draw(replace(frame, scaling=scaling), View(scaling=settings), 60)
        )
        rows.append(lines[2])
        assert lines[3].startswith("turns")
    assert rows[0].startswith("stabilization ↓") and rows[0].endswith("free")
    assert rows[1].startswith("stabilization ↓") and rows[1].endswith("3:20 of 5:00")
    assert rows[2].startswith("floor ↓") and rows[2].endswith("1:40 of 5:00")


def test_who_acts_is_named_without_what_the_row_says() -> None:
    """Process, account and since when have the room; another text stands as it is."""
    frame = made.scaled()
    assert frame.scaling is not None
    named = "an autoscaler (pid 7, root, since 2026-03-01T14:32:07Z) acts on this target"
    for actor, shown in (
        (named, "pid 7, root, since 2026-03-01T14:32:07Z"),
        ("not known", "not known"),
    ):
        other = replace(frame, scaling=replace(frame.scaling, actor=actor))
        lines = said(scaling_waits.draw(other, View(), 60))
        assert lines[-1].split(maxsplit=1) == ["autoscaler", shown]


def test_stabilization_of_a_blind_policy_is_not_known() -> None:
    """A policy that cannot tell does not say that nothing holds it; the cooldowns are still known."""
    frame = made.scaled()
    assert frame.scaling is not None
    blind = replace(frame.scaling, policy="hpa", waits=(), verdicts=(Verdict("hpa", None),))
    settings = ScalingSettings(policy="hpa")
    lines = said(scaling_waits.draw(replace(frame, scaling=blind), View(scaling=settings), 60))
    assert lines[0].endswith("free")
    assert lines[2].startswith("stabilization ↓") and lines[2].endswith("–")


@pytest.mark.parametrize("width", [24, 34, 44, 60])
def test_turns_say_of_how_many(width: int) -> None:
    """A count without its budget says little: the budget stays where the bar gives way."""
    lines = said(scaling_waits.draw(made.scaled(), View(), width))
    assert next(x for x in lines if x.startswith("turns")).endswith("2 of 6")


def test_a_wait_behind_a_move_holds_back_more_of_it() -> None:
    """Who wants fewer at once, and waits for fewer still, does not wait before taking away."""
    fewer = said(
        scaling_verdicts.detail(Verdict("hpa", 3, waits=(made.STABILIZATION,)), made.scaled(), 60)
    )
    same = said(
        scaling_verdicts.detail(Verdict("hpa", 4, waits=(made.STABILIZATION,)), made.scaled(), 60)
    )
    assert fewer[-1].endswith("before taking away more")
    assert same[-1].endswith("before taking away")


def test_gaps_in_both_counts_are_no_difference() -> None:
    """The title speaks of what is asked for where it differs from what is ready, not where both are unknown."""
    frame = made.scaled()
    values = (math.nan, 4.0, 4.0, math.nan)
    trend = replace(frame.trends["replicas.ready"], values=values)
    same = {
        **frame.trends,
        "replicas.ready": trend,
        "replicas.desired": replace(trend, values=tuple(values)),
    }
    other = {**same, "replicas.desired": replace(trend, values=(math.nan, 4.0, 5.0, math.nan))}
    assert "asked for" not in CountsPane().draw(replace(frame, trends=same), View(), 60, 12).title
    assert "asked for" in CountsPane().draw(replace(frame, trends=other), View(), 60, 12).title


# Did it work


def test_each_metric_is_held_against_what_was_said() -> None:
    """Before, said, was, and whether it was inside; what had no model has no verdict."""
    lines = said(scaling_worked.draw(made.scaled(), View(), 72, 9))
    assert lines[0] == "3 → 4  all 4 ready after 12 s"
    assert lines[2].split() == ["app", "cpu", "84", "%", "68", "(66–70)", "67", "%", "✓", "inside"]
    assert lines[3].split() == ["p95", "274", "ms", "181", "(160–204)", "287", "ms", "✗", "outside"]
    assert lines[4].split() == ["app", "memory", "3.10", "GiB", "not", "known", "3.04", "GiB"]
    assert lines[5] == "▲ worse p95 274 → 287 ms, over 250 ms  u takes it back to 3"


def test_what_came_otherwise_comes_first_where_there_is_little_room() -> None:
    """With one line for metrics it is the one that lies outside; the offer stays."""
    lines = said(scaling_worked.draw(made.scaled(), View(), 44, 4))
    assert "287 ms" in lines[1]
    assert "takes it back" in lines[-1]


def test_an_action_under_way_expects_and_judges_nothing() -> None:
    """Before it has settled what is said stands beside dots, without a verdict."""
    frame = made.settling()
    text = "\n".join(said(scaling_worked.draw(frame, View(), 60, 7)))
    assert "4 → 5  accepted: 4 of 5 ready after 21 s" in text
    assert text.splitlines()[3].split() == ["p95", "187", "ms", "149", "(140–160)", "…"]
    assert "side" not in text


def test_a_remark_on_the_load_is_kept() -> None:
    """What the verification says besides readiness stands behind it."""
    known = replace(made.WORSE, detail="4 of 4 ready after 12 s; load is 20 % higher than when predicted")  # fmt: skip
    assert plain(scaling_worked.came(known)) == "3 → 4  all 4 ready after 12 s; load is 20 % higher than when predicted"  # fmt: skip


def test_brief_says_as_much_as_fits() -> None:
    """State and time first, then each metric with what was said, which gives way before what came."""
    good = replace(made.EARLIER, worse="")
    assert plain(scaling_worked.brief(good, 70)) == "5 → 3 done in 2 s · cpu 84 → 69 % (said 66–70)"
    assert plain(scaling_worked.brief(good, 40)) == "5 → 3 done in 2 s · cpu 84 → 69 %"
    assert plain(scaling_worked.brief(good, 20)) == "5 → 3 done in 2 s"
    assert plain(scaling_worked.brief(made.WORSE, 44)).endswith("s · ▲ p95 274 → 287 ms")
    assert plain(scaling_worked.brief(made.WORSE, 36)).endswith("s · ▲ worse")
    assert "failed no such service" in plain(scaling_worked.brief(made.FAILED, 44))
    open_ended = replace(good, predicted=(Predicted(P95, None, Estimate(0.2)),), actual=((P95, 0.19),))  # fmt: skip
    assert plain(scaling_worked.brief(open_ended, 70)).endswith("p95 – → 190 ms")


# Replay and audit


def test_figures_stand_below_one_another() -> None:
    """Every row is as wide as the head, whatever its figures; the followed policy is marked."""
    lines = said(scaling_replay.draw(made.REPLAY, made.scaled(), View(), 62, 9))
    assert lines[0].split() == ["policy", "overload", "p95", "over", "hours", "changes", "turns", "cost"]  # fmt: skip
    assert {len(line) for line in lines[:7]} == {62}
    assert [line[0] for line in lines[1:7]] == [" ", " ", " ", " ", "◉", " "]
    assert lines[2].split() == ["step", "3.2", "%", "14.2", "m", "1.19×", "21", "9", "74.8"]
    assert lines[7] == "a replica carries 31.2 req/s · tried 3 m ago · cost in $"
    wild = scaling_replay.row(Replay("x" * 90, 1e9, None, 1e9, 1e9, 10**9, 10**9, 1e9), scaling_replay.COLUMNS, followed=True)  # fmt: skip
    assert length(wild) == 62


def test_little_room_keeps_the_policy_that_is_followed() -> None:
    """Columns go one by one, the rarest first; of rows the followed one stays."""
    lines = said(scaling_replay.draw(made.REPLAY, made.scaled(), View(), 44, 3))
    assert lines[0].split() == ["policy", "overload", "p95", "over", "hours"]
    assert lines[1].startswith("◉ predictive")
    assert "<0.1 %" in plain(scaling_replay.row(Replay("x", 0.01, 0, 1, 1, 0, 0, None), scaling_replay.COLUMNS, followed=False))  # fmt: skip


async def test_a_replay_that_was_not_tried_says_why() -> None:
    """Its problem stands in its place, or that it was not tried."""
    async with staged(made.settling()) as stage:
        await stage.press("6")
        assert stage.lines("replay") == ["not tried yet: needs 1 h of load, has 2 m"]
        await stage.give(made.silent())
        assert stage.lines("replay") == ["not tried yet"]


def test_audit_says_who_and_what() -> None:
    """Time, user, change, event and text; older than a day the date; the user gives way first."""
    frame = made.scaled()
    texts = [plain(scaling_audit.row(a, frame, 70)) for a in made.AUDIT]
    assert texts[0].split(maxsplit=6) == ["14:31:25", "olaf", "3", "→", "4", "verified", "p95 274 → 287 ms".ljust(36)]  # fmt: skip
    assert texts[-1].startswith("28 Feb   olaf")
    assert "olaf" not in plain(scaling_audit.row(made.AUDIT[0], frame, 40))
    assert len({len(t) for t in texts}) == 1
