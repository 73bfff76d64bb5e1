"""Options of `capmon autoscale`, `capmon scale` and `capmon simulate`: what is refused, and in which words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from capmon.cli import main
from capmon.model.policies import Replay, ReplayTable
from capmon.report.replay_table import NO_COST, as_text


def run(*arguments: str) -> tuple[int, str, str]:
    """Status, standard output and standard error of one command."""
    done = CliRunner().invoke(main, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["autoscale", "--every", "soon"], "Invalid value for --every: expected a duration"),
        (["autoscale", "--every", "0s"], "Invalid value for --every: expected 100ms or more, got '0s'"),
        (["autoscale", "--duration", "0"], "Invalid value for --duration: expected more than 0s"),
        (["simulate"], "which load? give --load FILE"),
        (["simulate", "--load", "x.csv", "--history", "3d"], "--load and --history exclude each other"),
        (["simulate", "--load", "x.csv", "--capacity", "nan"], "Invalid value for --capacity"),
        (["simulate", "--load", "x.csv", "--capacity", "inf"], "Invalid value for --capacity"),
        (["export", "alerts", "--window", "x"], "--window: expected a duration"),
        (["scale", "up", "--verify", "--no-wait"], "leave --no-wait out"),
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name that was typed, with what is expected, and the status of wrong usage."""
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_a_replay_that_is_none_is_named(tmp_path: Path) -> None:
    """The file that cannot be quoted stands in the error."""
    path = tmp_path / "replay.txt"
    path.write_text("policy overload")
    status, out, err = run("export", "hpa", "--replay", str(path))
    assert (status, out) == (1, "")
    assert err.startswith(f"capmon: {path}: not JSON")
    assert len(err.splitlines()) == 1


def place(folder: Path) -> Path:
    """A configuration whose target is a file with a count, written by `cp`; nothing else is watched."""
    (folder / "count").write_text("4")
    path = folder / "capmon.yaml"
    path.write_text(
        f"""app: {{source: none}}
scaling:
  mode: act
  cooldown: {{up: 1h, down: 1h}}
  target:
    kind: command
    read: [/bin/cat, {folder}/count]
    write: [/usr/bin/touch, "{folder}/asked-{{replicas}}"]
"""
    )
    path.chmod(0o600)
    return path


def test_nobody_to_ask_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and without --yes nothing is run, the status says so, and the text what to do."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    status, out, _ = run("scale", "up", "--config", str(place(tmp_path)))
    assert status == 1
    assert "not confirmed: nobody is there to ask: --yes carries it out, --dry-run" in out
    assert not (tmp_path / "asked-5").exists()


def test_a_dry_run_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes nothing, so it needs no yes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    status, out, _ = run("scale", "up", "--dry-run", "--config", str(place(tmp_path)))
    assert (status, out.splitlines()[-1].split(":")[0]) == (0, "dry-run")
    assert not (tmp_path / "asked-5").exists()


def test_a_cooldown_says_what_goes_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who must act now reads which option does, beside how long is left."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    asked = ("scale", "up", "--yes", "--config", str(place(tmp_path)))
    assert run(*asked)[0] == 0
    assert (tmp_path / "asked-5").exists()
    status, out, err = run(*asked)
    assert status == 1 and out.startswith("refused: cooldown: ")
    assert "--ignore-cooldown goes ahead all the same" in err


def test_a_replay_without_a_price_says_so() -> None:
    """A dash in the column of costs comes with the setting that fills it."""
    rows = (Replay("hpa", 0.1, 1.0, 10.0, 1.0, 3, 1, None),)
    text = as_text(ReplayTable(rows, 3600.0, 10.0, at=0.0))
    assert text.splitlines()[-1] == NO_COST
    assert "replica-h  × ideal" in text.splitlines()[0]
    priced = (Replay("hpa", 0.1, 1.0, 10.0, 1.0, 3, 1, 2.0),)
    assert NO_COST not in as_text(ReplayTable(priced, 3600.0, 10.0, at=0.0))


def test_an_autoscaler_that_is_told_to_stop_says_so(tmp_path: Path) -> None:
    """Its last line names the signal: one that was killed has no such line."""
    argv = [sys.executable, "-m", "capmon", "autoscale", "--config", str(place(tmp_path))]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        assert "started" in running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        rest = running.stdout.read().splitlines()
        assert running.wait(timeout=10) == 0
    assert rest[-1].endswith("stopped  asked to by SIGTERM")
