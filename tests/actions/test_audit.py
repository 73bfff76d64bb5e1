"""The record of every attempt to change something."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from capmon.actions import audit as audit_module
from capmon.actions.audit import Audit, default_path
from capmon.clock import ManualClock
from capmon.errors import CapmonError
from capmon.model.results import Estimate, Predicted, ScalePlan

PLAN = ScalePlan(
    origin=4,
    to=5,
    why=("p95 187 of 250 ms",),
    argv=("curl", "-H", "Authorization: Bearer S3CRETS3CRET", "x\ny\x1b[2J"),
    predicted=(Predicted("system.cpu.utilization", 0.7, Estimate(0.6, 0.5, float("inf"))),),
    mode="act",
    target="web",
)


def made(folder: Path, **environment: str) -> Audit:
    """A log in a folder that is not there yet."""
    return Audit(folder / "capmon" / "audit.jsonl", ManualClock(), environment)


def test_one_line_says_who_what_and_why(tmp_path: Path) -> None:
    """A record is one JSON line with everything a reader needs, and no secret."""
    audit = made(tmp_path, SUDO_USER="ali\x07ce")
    assert audit.record("accepted", "a1", PLAN, detail="password=S3CRET") == ""
    text = audit.path.read_text()
    assert text.count("\n") == 1
    assert "S3CRET" not in text
    assert text.isascii()
    entry = json.loads(text)
    assert entry.pop("user")
    assert entry == {
        "time": "2023-11-14T22:13:20.000Z",
        "boot": "boot-1",
        "uptime": 1000.0,
        "id": "a1",
        "sudo_user": "ali ce",
        "event": "accepted",
        "mode": "act",
        "target": "web",
        "from": 4,
        "to": 5,
        "argv": ["curl", "-H", "Authorization: ***", "x\\ny\\x1b[2J"],
        "why": ["p95 187 of 250 ms"],
        "detail": "password=***",
        "predicted": [
            {
                "metric": "system.cpu.utilization",
                "before": 0.7,
                "after": 0.6,
                "low": 0.5,
                "high": None,
            }
        ],
        "actual": {},
    }


def test_facts_of_an_event_stand_beside_it(tmp_path: Path) -> None:
    """What an event found out is kept, with null for a number that JSON cannot hold."""
    audit = made(tmp_path)
    learned = Predicted("p95", 0.2, Estimate(0.3, 0.2, 0.4), model=Estimate(0.25), remark="moved")
    plan = replace(PLAN, takes_back="a0", predicted=(learned,))
    facts = {"ready_after": 4.0, "load_change": float("nan"), "compared": [{"low": float("-inf")}]}
    assert audit.record("verified", "a1", plan, facts=facts) == ""
    (entry,) = audit.tail(1)
    assert entry["takes_back"] == "a0"
    assert (entry["ready_after"], entry["load_change"]) == (4.0, None)
    assert entry["compared"] == [{"low": None}]
    assert entry["predicted"][0]["model"] == 0.25
    assert entry["predicted"][0]["remark"] == "moved"


def test_file_is_private(tmp_path: Path) -> None:
    """Nobody else may read the file or its folder, whatever the umask and an older mode say."""
    audit = made(tmp_path)
    before = os.umask(0)
    try:
        audit.record("attempt", "a1", PLAN)
        assert audit.path.stat().st_mode & 0o777 == 0o600
        assert audit.path.parent.stat().st_mode & 0o777 == 0o700
        audit.path.chmod(0o644)
        audit.record("attempt", "a2", PLAN)
    finally:
        os.umask(before)
    assert audit.path.stat().st_mode & 0o777 == 0o600


def test_links_and_strange_files_are_refused(tmp_path: Path) -> None:
    """The record is never written through a link, nor into a pipe or a folder."""
    audit = made(tmp_path)
    audit.path.parent.mkdir()
    victim = tmp_path / "victim"
    audit.path.symlink_to(victim)
    assert "symbolic link" in audit.record("attempt", "a1", PLAN)
    assert not victim.exists()
    with pytest.raises(CapmonError, match="symbolic link"):
        audit.tail(5)
    audit.path.unlink()
    os.mkfifo(audit.path)
    assert "no regular file" in audit.record("attempt", "a1", PLAN)
    audit.path.unlink()
    audit.path.mkdir()
    assert str(audit.path) in audit.record("attempt", "a1", PLAN)


def test_folder_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    """A path that cannot be is a reason in words, not an exception."""
    (tmp_path / "capmon").write_text("")
    assert "File exists" in made(tmp_path).record("attempt", "a1", PLAN)


def test_full_disk_is_a_reason_and_harms_no_other_record(tmp_path: Path) -> None:
    """A line torn by a full disk is reported, and the next one stands on a line of its own."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from capmon.actions.audit import Audit\n"
        "from capmon.clock import ManualClock\n"
        "from capmon.model.results import ScalePlan\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (450, resource.RLIM_INFINITY))\n"
        "audit = Audit(Path(sys.argv[1]), ManualClock(), {})\n"
        "plan = ScalePlan(4, 5, ())\n"
        "for n in '123': print(audit.record('attempt', n, plan))\n"
    )
    audit = made(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", code, str(audit.path)], capture_output=True, text=True, check=True
    )
    first, second, third = ran.stdout.splitlines()
    assert first == ""
    assert "the disk is full" in second
    assert "File too large" in third
    assert audit.path.stat().st_size == 450
    assert audit.record("attempt", "4", PLAN) == ""
    assert [e["id"] for e in audit.tail(9)] == ["1", "4"]


def test_tail_goes_back_over_the_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest records come oldest first, from the renamed file too where they are there."""
    monkeypatch.setattr(audit_module, "ROTATE_AT", 1000)
    audit = made(tmp_path)
    for n in range(4):
        assert audit.record("attempt", str(n), PLAN) == ""
    rotated = audit.path.with_name("audit.jsonl.1")
    assert rotated.exists()
    assert audit.path.stat().st_size <= 1000
    assert rotated.stat().st_mode & 0o777 == 0o600
    assert [e["id"] for e in audit.tail(3)] == ["1", "2", "3"]
    assert [e["id"] for e in audit.tail(1)] == ["3"]
    assert audit.tail(0) == []
    assert made(tmp_path / "other").tail(3) == []


def test_tail_of_a_long_file_reads_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end is read, and the line that this cuts is left out."""
    audit = made(tmp_path)
    for n in range(5):
        audit.record("attempt", str(n), PLAN)
    line = audit.path.stat().st_size // 5
    monkeypatch.setattr(audit_module, "TAIL_BYTES", line * 2 + 10)
    assert [e["id"] for e in audit.tail(5)] == ["3", "4"]


def _write_many(path: Path, name: str) -> None:
    audit_module.ROTATE_AT = 30_000
    audit = Audit(path, ManualClock(), {})
    for n in range(60):
        assert audit.record("attempt", f"{name}{n}", PLAN) == ""


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    """Two processes at once leave whole lines, also while one of them rotates the file."""
    path = made(tmp_path).path
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, name)) for name in "ab"]
    for w in writers:
        w.start()
    for w in writers:
        w.join(30)
    assert [w.exitcode for w in writers] == [0, 0]
    lines = path.read_text().splitlines()
    lines += path.with_name("audit.jsonl.1").read_text().splitlines()
    assert {json.loads(line)["id"] for line in lines} == {
        f"{w}{n}" for w in "ab" for n in range(60)
    }


def test_revision_tells_of_writers(tmp_path: Path) -> None:
    """The revision moves with every record."""
    audit = made(tmp_path)
    seen = {audit.revision()}
    for n in "12":
        audit.record("attempt", n, PLAN)
        seen.add(audit.revision())
    assert len(seen) == 3


@pytest.mark.parametrize("given", ["", "relative/path"])
def test_default_path(given: str) -> None:
    """The XDG state folder is used, and a relative one passed over."""
    assert default_path({"XDG_STATE_HOME": "/s"}) == Path("/s/capmon/audit.jsonl")
    expected = Path.home() / ".local/state/capmon/audit.jsonl"
    assert default_path({"XDG_STATE_HOME": given}) == expected
