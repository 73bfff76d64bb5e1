"""The capacity guide's own examples: its value, the right one computed here, and why they differ."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from capmon.report.example import LEVEL, Example
from capmon.report.guide_decisions import autoscaler, bottlenecks
from capmon.report.guide_figures import capacity_for_growth, cost_of_a_request, limits, models
from capmon.report.guide_growth import growth
from capmon.report.guide_table import as_table

__all__ = ["as_document", "as_table", "examples"]


def examples() -> tuple[Example, ...]:
    """Every example, in the guide's order.

    Raises:
        NotEnoughData: An analysis finds that the guide's figures do not carry it.
    """
    return (
        *limits(),
        *cost_of_a_request(),
        *capacity_for_growth(),
        *models(),
        *growth(),
        *autoscaler(),
        *bottlenecks(),
    )


def as_document(found: tuple[Example, ...]) -> dict[str, Any]:
    """The examples for JSON; `level` is that of every interval."""
    return {"version": 1, "level": LEVEL, "examples": [asdict(e) for e in found]}
