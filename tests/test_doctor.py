"""`capmon doctor` finds what is broken, says what to do, and never hangs."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from capmon.cli import main
from capmon.doctor.examine import within
from capmon.doctor.report import Line, Section, State, as_text, findings

Run = Callable[..., Result]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an environment of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["doctor", "--quick", *arguments])


def test_a_host_alone_is_well(doctor: Run) -> None:
    """Status 0, and its files are among what was read."""
    done = doctor("--json", "--set", "app.source=none")
    content = json.loads(done.stdout)
    assert (done.exit_code, content["broken"]) == (0, False)
    names = {line["name"] for line in content["sections"]["host"]}
    assert {"/proc/stat", "collector host", "collector processes"} <= names


def test_an_application_that_is_down_is_broken_and_keeps_its_secrets(doctor: Run) -> None:
    """Status 1; the finding comes first, without the password of the URL."""
    done = doctor("--set", "app.url=http://me:hunter2@127.0.0.1:9/api/v1")
    first = done.stdout.splitlines()[0]
    assert done.exit_code == 1
    assert first.startswith("✗ json") and "refused" in first and "→" in first
    assert "hunter2" not in done.output
    assert "\x1b" not in done.stdout


def test_a_configuration_at_fault_is_a_finding(doctor: Run, tmp_path: Path) -> None:
    """The rest is looked at all the same."""
    (tmp_path / "capmon.yaml").write_text("interval: soon\n")
    done = doctor()
    assert done.exit_code == 1
    assert "capmon.yaml:1" in done.stdout
    assert "✓ /proc/stat" in done.stdout


def test_a_folder_that_others_can_write_is_broken(doctor: Run, tmp_path: Path) -> None:
    """With the command that mends it."""
    folder = tmp_path / "state" / "capmon"
    folder.mkdir(parents=True)
    os.chmod(folder, 0o777)
    done = doctor("--set", "app.source=none")
    assert done.exit_code == 1
    assert f"chmod go-w {folder}" in done.stdout


def test_a_damaged_history_is_broken(doctor: Run, tmp_path: Path) -> None:
    """And is left as it is."""
    path = tmp_path / "state" / "capmon" / "history.db"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(b"no database " * 500)
    path.chmod(0o600)
    done = doctor("--set", "app.source=none")
    assert done.exit_code == 1
    assert "✗ records" in done.stdout
    assert path.read_bytes() == b"no database " * 500


def test_what_hangs_is_left_behind() -> None:
    """What was found before it hung is still told."""
    never = threading.Event()

    def look(notes: object) -> None:
        notes.ok("first", "read")  # type: ignore[attr-defined]
        never.wait()

    lines = within("disk", 0.05, look)
    never.set()
    assert [line.state for line in lines] == [State.OK, State.BROKEN]
    assert "no answer within 0.05 s" in lines[1].text


def test_the_broken_come_first_and_foreign_text_cannot_act() -> None:
    """Control characters do not reach the terminal."""
    note = Line(State.NOTE, "a", "less", "more")
    bad = Line(State.BROKEN, "b", "red\x1b[31m\nnext", "mend")
    sections = [Section("s", (note, bad))]
    assert findings(sections) == [bad, note]
    assert "\x1b" not in as_text(sections, lambda _, glyph: glyph)
