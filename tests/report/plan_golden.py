"""Comparison with golden files of plans; `CAPMON_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "plan"


def compare(name: str, text: str) -> None:
    """Fail with the difference where a golden file holds something else."""
    path = FOLDER / name
    if os.environ.get("CAPMON_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
        return
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != golden:
        lines = difflib.unified_diff(
            golden.splitlines(), text.splitlines(), f"golden {name}", "made now", lineterm=""
        )
        pytest.fail("\n".join(list(lines)[:80]), pytrace=False)
