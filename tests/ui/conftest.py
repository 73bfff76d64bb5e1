"""A terminal of 16 million colours, and a user without settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from capmon.ui.widgets import pane, plot


@pytest.fixture(autouse=True, scope="session")
def charts() -> None:
    """Charts are drawn at once: what draws them is loaded before and not beside the tests."""
    plot.load()
    assert plot.ready(), plot.problem()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the app reads of its environment does not depend on who runs the tests."""
    monkeypatch.setattr(pane, "STRICT", True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "absent"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "stateless"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
