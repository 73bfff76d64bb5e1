"""Programs in terminals and on pipes, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal

ROOT = Path(__file__).parents[2]
CAPMON = (sys.executable, "-m", "capmon")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user with a UTF-8 terminal of 16 million colours, and no configuration."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def screen(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start capmon in a terminal; it is ended after the test."""
    started: list[Terminal] = []

    def start(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Terminal:
        chosen = environment | (env or {})
        argv = (*CAPMON, *arguments)
        made = Terminal(argv, environment=chosen, folder=tmp_path, **options)
        started.append(made)
        return made

    yield start
    for one in started:
        one.end()


@pytest.fixture
def capmon(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run capmon without a terminal and give what it wrote."""

    def run(
        *arguments: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*CAPMON, *arguments],
            env=environment | (env or {}),
            cwd=tmp_path,
            timeout=40,
            check=False,
            **({"stdin": subprocess.DEVNULL, "capture_output": True} | options),
        )

    return run
