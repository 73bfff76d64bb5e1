"""Advice that takes replicas away only when fewer have been enough for a while."""

from __future__ import annotations

from capmon.analysis.stabilize import ASKS, HELD, WINDOW, Stabilizer
from capmon.model.results import Advice, Bottleneck, ReplicaState, Severity


def state(ready: int | None) -> ReplicaState:
    """A target with so many replicas."""
    return ReplicaState("http", "web", ready, ready)


def bottleneck(severity: Severity) -> Bottleneck:
    """Something that binds."""
    return Bottleneck("database", severity, "db.status", None, None, 0.0, 60.0, "errors")


def test_more_is_advised_at_once() -> None:
    """Scaling out does not wait."""
    got = Stabilizer().apply(Advice(6, "cpu"), state(4), (), 0.0)
    assert got == Advice(6, "cpu")


def test_one_odd_ask_adds_nothing() -> None:
    """More must have been asked for several times in a row."""
    one = Stabilizer()
    for t in range(10):
        one.apply(Advice(4, "cpu"), state(4), (), float(t))
    got = [one.apply(Advice(6, "cpu"), state(4), (), 10.0 + t) for t in range(ASKS)]
    assert [g.to for g in got] == [4, 4, 6]
    assert "6 asked for just now" in got[0].reason


def test_more_stands_for_a_minute() -> None:
    """The most that was asked for does not waver with every tick, and lapses in the end."""
    one = Stabilizer()
    asks = [6, 6, 6, *([4, 5] * 60)]
    got = [one.apply(Advice(to, f"{to}"), state(4), (), float(t)) for t, to in enumerate(asks)]
    assert {g.to for g in got[: int(HELD)]} == {6}
    assert got[int(HELD) - 1].reason == "6"
    assert {g.to for g in got[int(HELD) + ASKS :]} == {4}


def test_what_was_asked_for_is_met() -> None:
    """Once there are as many as were asked for, nothing more is advised."""
    one = Stabilizer()
    for t in range(5):
        one.apply(Advice(6, "cpu"), state(4), (), float(t))
    assert one.apply(Advice(6, "cpu"), state(6), (), 6.0).to == 6


def test_fewer_waits_for_the_whole_window() -> None:
    """Five minutes of the same advice, and not one less, take a replica away."""
    one = Stabilizer()
    seen = [one.apply(Advice(3, "cpu"), state(4), (), float(t)).to for t in range(int(WINDOW) + 2)]
    assert set(seen[: int(WINDOW)]) == {4}
    assert seen[-1] == 3


def test_one_higher_advice_holds_the_count() -> None:
    """The most of the window counts, so that noise takes nothing away."""
    one = Stabilizer()
    for t in range(400):
        wanted = 4 if t == 390 else 2
        got = one.apply(Advice(wanted, "cpu"), state(4), (), float(t))
    assert got.to == 4
    assert "2 would do" in got.reason
    for t in range(400, 400 + int(WINDOW)):
        got = one.apply(Advice(3 if t == 500 else 2, "cpu"), state(4), (), float(t))
    assert got.to == 3


def test_nothing_is_taken_away_while_something_binds() -> None:
    """A bottleneck of medium severity or worse keeps all replicas; a low one does not."""
    one = Stabilizer()
    for t in range(400):
        got = one.apply(Advice(3, "cpu"), state(4), (bottleneck(Severity.MEDIUM),), float(t))
    assert got.to == 4
    assert "database binds" in got.reason
    assert one.apply(Advice(3, "cpu"), state(4), (bottleneck(Severity.LOW),), 401.0).to == 3


def test_an_unknown_count_begins_anew() -> None:
    """What was watched before the count was lost says nothing of what came meanwhile."""
    one = Stabilizer()
    for t in range(400):
        one.apply(Advice(3, "cpu"), state(4), (), float(t))
    assert one.apply(Advice(None, "unknown"), state(None), (), 401.0).to is None
    assert one.apply(Advice(3, "cpu"), state(4), (), 402.0).to == 4
