"""What was done to one target lately, by this session and by every other one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capmon.actions.audit import Audit
from capmon.actions.record import LATELY, OWN_KEPT, Record
from capmon.clock import ManualClock
from capmon.model.results import ScalePlan


def plan(origin: int, to: int, target: str = "web", mode: str = "act") -> ScalePlan:
    """A change."""
    return ScalePlan(origin, to, (), mode=mode, target=target)


class Log:
    """A log with a record of `web` that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.audit = Audit(folder / "audit.jsonl", self.clock, {})
        self.record = Record(self.audit, self.clock, "web")

    def done_elsewhere(self, action: str, change: ScalePlan) -> None:
        """An action of another session."""
        for event in ("attempt", "accepted"):
            assert self.audit.record(event, action, change) == ""


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """An empty log."""
    return Log(tmp_path)


def test_changes_of_all_sessions_stand_in_order(log: Log) -> None:
    """Our own, those of others, and those that the count alone tells of; each once."""
    log.record.observe(4, 10.0)
    log.done_elsewhere("a", plan(4, 6))
    log.clock.advance(5)
    log.record.observe(6, 10.0)
    log.clock.advance(95)
    log.record.begin("b")
    log.record.changed("b", 6, 5)
    log.audit.record("accepted", "b", plan(6, 5))
    log.clock.advance(5)
    log.record.observe(5, 10.0)
    log.clock.advance(45)
    log.record.observe(None, 10.0)
    log.record.observe(8, 10.0)
    log.clock.advance(50)
    assert log.record.changes() == ((200.0, 4, 6), (100.0, 6, 5), (50.0, 5, 8))
    assert log.record.since() == 100.0
    log.clock.advance(LATELY - 100)
    assert log.record.changes() == ((LATELY, 6, 5), (LATELY - 50, 5, 8))


def test_an_action_of_another_session_is_under_way_until_its_end(log: Log) -> None:
    """Or until it must have been cut short; one that began after our own waits for ours."""
    assert log.audit.record("attempt", "a", plan(4, 6)) == ""
    assert log.record.under_way(20.0) == "4 → 6 in another session"
    log.clock.advance(51)
    assert log.record.under_way(20.0) == ""
    log.audit.record("attempt", "b", plan(6, 7))
    assert log.record.under_way(20.0) == "6 → 7 in another session"
    log.audit.record("accepted", "b", plan(6, 7))
    assert log.record.under_way(20.0) == ""
    log.record.begin("ours")
    log.audit.record("attempt", "ours", plan(7, 8))
    log.audit.record("attempt", "c", plan(7, 9))
    assert log.record.under_way(20.0) == ""


def test_only_real_changes_of_this_target_count(log: Log) -> None:
    """Dry runs, other targets and what was refused leave no trace."""
    log.done_elsewhere("a", plan(4, 6, target="api"))
    log.done_elsewhere("b", plan(4, 6, mode="dry-run"))
    log.audit.record("attempt", "c", plan(4, 6))
    log.audit.record("refused", "c", plan(4, 6))
    assert (log.record.changes(), log.record.since(), log.record.last()) == ((), None, None)


def test_the_last_action_is_the_last_to_take_effect(log: Log) -> None:
    """Of two at once it is the one accepted later; one of ours that is under way does not count."""
    log.audit.record("attempt", "a", plan(4, 6))
    log.audit.record("attempt", "b", plan(4, 5))
    log.audit.record("accepted", "b", plan(4, 5))
    log.audit.record("accepted", "a", plan(5, 6))
    log.record.begin("mine")
    log.audit.record("attempt", "mine", plan(6, 7))
    last = log.record.last()
    assert last is not None
    assert (last.id, last.origin, last.to) == ("a", 5, 6)
    log.record.changed("mine", 6, 7)
    last = log.record.last()
    assert last is not None
    assert last.id == "mine"


@pytest.mark.parametrize("step", [-3600.0, 3600.0, 10 * 365 * 86400.0])
def test_a_stepping_clock_moves_no_age(log: Log, step: float) -> None:
    """Within one start of the machine ages come from its uptime, in every session."""
    log.done_elsewhere("a", plan(4, 6))
    log.clock.advance(60)
    log.clock.step(step)
    assert log.record.since() == 60.0
    assert Record(log.audit, log.clock, "web").since() == 60.0


def test_a_malformed_line_is_passed_over(log: Log) -> None:
    """A record without a time, or with texts where counts belong, breaks nothing."""
    log.done_elsewhere("a", plan(4, 6))
    with log.audit.path.open("a") as file:
        for wrong in (
            {"event": "accepted", "mode": "act", "target": "web", "id": "x"},
            {"event": "accepted", "mode": "act", "target": "web", "time": "soon"},
        ):
            file.write(json.dumps(wrong) + "\n")
        odd = {"id": "o", "time": "2023-11-14T22:13:19Z", "from": "4", "to": [], "uptime": "x"}
        file.write(json.dumps({"event": "accepted", "mode": "act", "target": "web"} | odd) + "\n")
    assert log.record.changes() == ((0.0, 4, 6),)
    last = log.record.last()
    assert last is not None
    assert (last.id, last.origin, last.to, last.uptime) == ("o", None, None, None)


def test_a_log_that_cannot_be_read_leaves_what_is_known(log: Log) -> None:
    """Our own actions are remembered without it."""
    log.audit.path.mkdir()
    log.record.begin("b")
    log.record.changed("b", 6, 5)
    log.clock.advance(10)
    assert (log.record.since(), log.record.last()) == (10.0, None)


def test_memory_is_bounded(log: Log) -> None:
    """A session of months keeps only so many identifiers."""
    for n in range(OWN_KEPT + 10):
        log.record.begin(str(n))
    log.record.changed("last", 4, 5)
    assert len(log.record._own) <= OWN_KEPT + 1
