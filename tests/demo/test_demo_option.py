"""What the command line offers of the demo."""

from __future__ import annotations

from capmon.cli.live import SCENARIOS
from capmon.demo.scenarios import names


def test_every_scenario_is_offered() -> None:
    """Each scenario of the demo can be named on the command line, and no other."""
    assert names() == SCENARIOS
