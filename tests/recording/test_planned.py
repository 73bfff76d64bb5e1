"""The plan made by another process: the same plan, every chapter told, faults in words, no process left."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from capmon.clock import ManualClock
from capmon.config.schema import HistorySettings, Settings
from capmon.errors import CapmonError
from capmon.model.plan import PlanQuestion
from capmon.recording import planned as module
from capmon.recording.planned import Asked, planned, planned_aside
from capmon.store.history_writer import HistoryWriter, Retention

DAY = 86400.0
NOW = 1_772_409_600.0


def asked(folder: Path) -> Asked:
    """The plan of two days of CPU."""
    path = folder / "history.db"
    times = NOW - 300.0 * np.arange(576, 0, -1)
    kept = Retention(raw=DAY, minutes=30 * DAY, hours=700 * DAY, max_size=2**26)
    writer = HistoryWriter.open(path, ManualClock(NOW), "web@small-02", kept)
    writer.add("system.cpu.utilization", times, 0.3 + 0.1 * np.sin(times / 13751), 300.0)
    writer.close()
    settings = Settings(history=HistorySettings(path=str(path), name="web@small-02"))
    return Asked(settings, PlanQuestion(90 * DAY), at=NOW)


def test_another_process_makes_the_same_plan(tmp_path: Path) -> None:
    """What it makes and what it tells is what is made here, chapter by chapter."""
    wanted, here, there = asked(tmp_path), [], []
    assert planned_aside(wanted, there.append) == planned(wanted, here.append)
    assert there == here
    assert [text.split(",")[0] for text in there[1:]] == [f"writing chapter {i}" for i in range(1, 11)]  # fmt: skip


def test_why_there_is_no_plan_is_told(tmp_path: Path) -> None:
    """A missing record and a process that breaks are one clear line."""
    settings = Settings(history=HistorySettings(path=str(tmp_path / "none.db")))
    with pytest.raises(CapmonError, match="there is no history yet"):
        planned_aside(Asked(settings, PlanQuestion(DAY)), str)


def test_a_process_that_breaks_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says what it ended with."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nread -r line\nexit 7\n", encoding="ascii")
    script.chmod(0o700)
    monkeypatch.setattr(module.sys, "executable", str(script))
    with pytest.raises(CapmonError, match=r"its process ended with (7|-9)"):
        planned_aside(Asked(Settings(), PlanQuestion(DAY)), str)


def test_without_another_process_there_is_a_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where none can be started, it is made here."""
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "missing"))
    assert len(planned_aside(asked(tmp_path), str).chapters) == 10


def test_it_ends_with_who_asked(tmp_path: Path) -> None:
    """Its standard input closed, it is gone before the plan is made, and says nothing on the terminal."""
    process = module._begun()
    assert process.stdin is not None
    pickle.dump(asked(tmp_path), process.stdin)
    process.stdin.close()
    assert process.wait(20) == 0
    with pytest.raises(EOFError):
        while True:
            assert isinstance(pickle.load(process.stdout), str), "no plan"
    process.stdout.close()
