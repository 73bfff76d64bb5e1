"""`capmon plan`: what it takes, what it refuses, and where it writes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from capmon.cli import main
from capmon.cli.plan import PERIODS, growth_rate
from capmon.clock import ManualClock
from capmon.store.history_writer import HistoryWriter, Retention

DAY, STEP = 86400.0, 300.0
UNTIL = 1_772_409_600.0
NAME = "web@small-01"
UPDATE = bool(os.environ.get("CAPMON_UPDATE_GOLDEN"))
EXAMPLE = Path(__file__).parents[1] / "docs" / "plan-example.md"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No configuration and no history but those of a test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("CAPMON_CONFIG", raising=False)
    monkeypatch.delenv("CAPMON_UPDATE_GOLDEN", raising=False)  # it would be a setting
    monkeypatch.chdir(tmp_path)
    yield


def run(*arguments: str) -> Result:
    """The command's end."""
    return CliRunner().invoke(main, ["plan", *arguments])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a record of two days of the host alone."""
    path = tmp_path_factory.mktemp("history") / "history.db"
    times = UNTIL - STEP * np.arange(round(2 * DAY / STEP), 0, -1)
    kept = Retention(raw=DAY, minutes=30 * DAY, hours=700 * DAY, max_size=2**26)
    writer = HistoryWriter.open(path, ManualClock(UNTIL), NAME, kept)
    cpu = 0.3 + 0.1 * np.sin(2 * math.pi * times / DAY)
    writer.add("system.cpu.utilization", times, cpu, STEP)
    writer.close()
    return path


# What is refused


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--growth", "0"), "expected a factor above 0"),
        (("--growth", "-1"), "expected a factor above 0"),
        (("--growth", "nan"), "expected a factor above 0"),
        (("--growth", "2", "--growth-rate", "5%/month"), "exclude each other"),
        (("--growth-rate", "5"), "such as 5%/month"),
        (("--growth-rate", "5%/fortnight"), "'fortnight' is no period"),
        (("--growth-rate", "-100%/month"), "expected more than -100%"),
        (("--horizon", "0"), "expected from 1d"),
        (("--horizon", "soon"), "expected a duration"),
        (("--horizon", "90y"), "not a unit of time"),
        (("--probability", "100%"), "less than 100%"),
        (("--probability", "95"), "write 95%"),
        (("--objective", "p95=0s"), "expected more than 0"),
        (("--objective", "fast"), "p95=250ms"),
        (("--at", "half past"), "--at"),
        (("-o", "plan.pdf"), "neither .md nor .json"),
        (("--json", "-o", "plan.md"), "which of the two"),
        (("--example", "--growth", "2"), "--example has its own data"),
    ],
)
def test_a_wrong_value_is_named(arguments: tuple[str, ...], text: str) -> None:
    """Exit status 2, what was wrong, and what would be right; nothing is read or written."""
    found = run(*arguments)
    assert found.exit_code == 2
    assert text in " ".join(found.output.split())
    assert not list(Path.cwd().glob("plan.*"))


def test_without_a_history_it_says_how_to_get_one() -> None:
    """Exit status 1, and both ways: to record and to import."""
    found = run()
    assert found.exit_code == 1
    assert "capmon record" in found.output
    assert "capmon import" in found.output


def test_another_name_lists_those_there_are(history: Path) -> None:
    """Exit status 1, and the names of the records."""
    found = run("--file", str(history), "--name", "nobody")
    assert found.exit_code == 1
    assert NAME in found.output


def test_a_moment_before_the_record_is_refused(history: Path) -> None:
    """Nothing is planned from nothing."""
    found = run("--file", str(history), "--at", "2001-01-01 00:00")
    assert found.exit_code == 1
    assert "nothing was recorded before" in found.output


@given(st.floats(-99, 999), st.sampled_from(sorted(PERIODS)))
def test_a_growth_rate_is_read_back(rate: float, period: str) -> None:
    """Any rate for any period, with or without blanks."""
    found = growth_rate(f" {rate:.3f} % / {period} ")
    assert found[0] == pytest.approx(rate / 100, abs=1e-5)
    assert found[1] == PERIODS[period]


# What is written


def test_markdown_goes_to_standard_output(history: Path) -> None:
    """The whole plan as text, with its ten chapters, and what is not known said."""
    found = run("--file", str(history), "--growth-rate", "5%/month", "--horizon", "30d")
    assert found.exit_code == 0, found.output
    text = found.stdout
    assert text.startswith(f"# Capacity plan: {NAME}\n")
    assert "load +5.00 % a month, as assumed" in text
    assert "\n## 10. " in text
    assert "### Not known" in text


def test_the_suffix_says_what_is_written(history: Path, tmp_path: Path) -> None:
    """JSON under .json, with the moment and the question that were given; the path on standard error."""
    path = tmp_path / "plan.json"
    at = ("--at", "2026-03-01 12:00", "--growth", "2", "-o", str(path))
    found = run("--file", str(history), *at)
    assert found.exit_code == 0, found.output
    assert found.stdout == ""
    assert str(path) in found.stderr
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["kind"] == "capmon.plan"
    assert document["plan"]["question"]["growth"] == 2.0
    assert document["plan"]["made_at"] == "2026-03-01T12:00:00.000Z"
    assert document["plan"]["until"] <= "2026-03-01T12:00:01.000Z"


def test_the_guides_example_has_both_figures() -> None:
    """Three readings carry little, which is said; the guide's figures stand beside the right ones."""
    found = run("--example")
    assert found.exit_code == 0, found.output
    assert "load ×3 by then, as assumed" in found.stdout
    assert found.stdout.count("The guide's figures beside the right ones") >= 5
    assert "9,600" in found.stdout
    assert "14,400" in found.stdout
    if UPDATE:
        EXAMPLE.write_text(found.stdout, encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8") == found.stdout, "run: make golden"
