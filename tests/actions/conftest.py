"""Programs put on the PATH for one test."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[[str, str], Callable[[], list[list[str]]]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Make `program(name, body)`: Python that sees its arguments as `argv`; calls are recorded.

    The PATH holds nothing else. The result returns the argument lists of all calls so far.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str) -> Callable[[], list[list[str]]]:
        record = tmp_path / f"{name}.calls"
        script = folder / name
        script.write_text(
            f"#!{sys.executable} -IS\n"
            "import json, os, sys\n"
            "argv = sys.argv[1:]\n"
            f"with open({str(record)!r}, 'a') as f: f.write(json.dumps(argv) + '\\n')\n"
            f"{body}\n"
        )
        script.chmod(0o755)
        return lambda: [json.loads(line) for line in record.read_text().splitlines()]

    return make
