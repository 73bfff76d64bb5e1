"""Real shells complete capmon's commands, options, metrics and settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = {
    "bash": 'source "$1"; COMP_WORDS=({words} "{last}"); COMP_CWORD={at}; COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; _capmon_completion capmon "{last}" x; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": 'function compdef {{ : }}; function compadd {{ print -rl -- "${{completions[@]}}" }}; function _describe {{ print -rl -- "${{(@P)3}}" }}; words=({words} "{last}"); CURRENT=$(({at}+1)); source "$1"; _capmon_completion',
    "fish": 'source "$argv[1]"; complete -C "{line}"',
}
"""What each shell is told to do with the script, which is its first argument."""


def completed(shell: str, folder: Path, *words: str) -> set[str]:
    """The words that a shell offers for the last one."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    (folder / "capmon").write_text(f"#!{sys.executable}\nfrom capmon.cli import main\nmain()\n")
    (folder / "capmon").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    script = folder / "script"
    made = subprocess.run(["capmon", "completion", shell], env=environment, capture_output=True, cwd=folder, check=True)  # fmt: skip
    script.write_bytes(made.stdout)
    line = " ".join(("capmon", *words))
    asked = ASKED[shell].format(
        words=" ".join(("capmon", *words[:-1])), last=words[-1], at=len(words), line=line
    )
    flags = ["-f"] if shell == "zsh" else ["--norc"] if shell == "bash" else []
    tail = [str(script)] if shell == "fish" else ["x", str(script)]
    done = subprocess.run([program, *flags, "-c", asked, *tail], env=environment, capture_output=True, cwd=folder, timeout=30, check=False)  # fmt: skip
    assert done.stderr == b""
    told = done.stdout.decode().replace("\t", "\n").replace(":", "\n")
    return {word.strip() for word in told.splitlines()}


@pytest.mark.parametrize("shell", list(ASKED))
def test_commands_are_completed(shell: str, tmp_path: Path) -> None:
    """Those that begin so, and no others."""
    offered = completed(shell, tmp_path, "s")
    assert {"scale", "simulate", "snapshot"} <= offered
    assert "import" not in offered


@pytest.mark.parametrize("shell", list(ASKED))
def test_metrics_are_completed(shell: str, tmp_path: Path) -> None:
    """Keys of the catalogue stand behind --metric."""
    assert "system.cpu.load.15m" in completed(shell, tmp_path, "import", "--metric", "system.cpu.l")


@pytest.mark.parametrize("shell", list(ASKED))
def test_settings_are_completed(shell: str, tmp_path: Path) -> None:
    """Keys of the configuration stand behind --set."""
    assert "history.max_size=" in completed(shell, tmp_path, "doctor", "--set", "history.m")
