"""`capmon import` writes all of a file, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from capmon.cli import main
from capmon.store.history_reader import HistoryReader

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an environment of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(main, ["import", *arguments], **options)


def test_readings_are_in_the_record(run: Run, tmp_path: Path) -> None:
    """As many as the table says, at their shifted times, under the name given."""
    rows = "".join(f"{1_700_000_000 + 60 * i},{0.1 + i / 1000}\n" for i in range(300))
    done = run("-", "--name", "old@x", "--ends", "now", input="time,cpu\n" + rows)
    assert done.exit_code == 0, done.output
    assert "system.cpu.utilization       300" in done.output
    reader = HistoryReader.open(tmp_path / "state" / "capmon" / "history.db", "old@x")
    minutes = reader.minutes("system.cpu.utilization", 0.0, time.time() + 3600)
    span = reader.span("system.cpu.utilization")
    reader.close()
    assert int(minutes.count.sum()) == 300
    assert minutes.max.max() == pytest.approx(0.399, rel=1e-3)
    assert span is not None and span[1] == pytest.approx(time.time(), abs=60)


def test_nothing_is_written_where_a_line_is_at_fault(run: Run, tmp_path: Path) -> None:
    """Unless it may be left out."""
    now = int(time.time())
    text = f"time,cpu\n{now - 9},0.5\n{now - 8},oops\n"
    done = run("-", input=text)
    assert done.exit_code == 1
    assert "standard input:3: column cpu: 'oops' is no number" in done.output
    assert "nothing was written" in done.output
    assert not (tmp_path / "state").exists()
    assert run("-", "--keep-going", input=text).exit_code == 0
    assert (tmp_path / "state" / "capmon" / "history.db").exists()


def test_a_dry_run_only_tells(run: Run, tmp_path: Path) -> None:
    """The table is there, the file is not."""
    done = run("-", "--dry-run", input=f"time,cpu\n{int(time.time()) - 9},0.5\n")
    assert done.exit_code == 0
    assert "dry run: nothing was written" in done.output
    assert not (tmp_path / "state").exists()


def test_what_would_be_forgotten_at_once_is_refused(run: Run) -> None:
    """With what to do about it."""
    done = run("-", input="time,cpu\n1400000000,0.5\n1400000060,0.6\n")
    assert done.exit_code == 1
    assert "--ends now" in done.output


def test_unknown_columns_alone_are_an_error(run: Run) -> None:
    """They are listed."""
    done = run("-", input="time,colour,taste\n1795000000,1,2\n", catch_exceptions=False)
    assert done.exit_code == 1
    assert "colour, taste" in done.output
