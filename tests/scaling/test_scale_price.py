"""Sums of money, and how many replicas they pay for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.scaling import BudgetSettings, ScalingSettings
from capmon.model.scaling import Cost
from capmon.scaling.price import HOURS_A_MONTH, affordable, cost_text, exact, monthly


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (Cost(372.3, 465.375, "$"), "$372 → $465 a month (+$93)"),
        (Cost(465.375, 372.3, "$"), "$465 → $372 a month (-$93)"),
        (Cost(372.4, 465.6, "$"), "$372 → $466 a month (+$94)"),
        (Cost(372.3, 372.3, "$"), "$372 a month"),
        (Cost(9.5, 19.0, "€"), "€9.50 → €19.00 a month (+€9.50)"),
        (Cost(0.0, 0.0073, "$"), "$0.0000 → $0.0073 a month (+$0.0073)"),
        (Cost(12000.0, 1240000.0, "EUR"), "12,000 EUR → 1,240,000 EUR a month (+1,228,000 EUR)"),
        (Cost(0.0, 0.0, ""), "0.00 a month"),
    ],
)
def test_cost_in_words(cost: Cost, text: str) -> None:
    """Before and after with as many digits as help, and a difference that adds up on the screen."""
    assert cost_text(cost) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.17, "$0.17"), (1.5, "$1.50"), (12.0, "$12"), (0.1775, "$0.1775"), (3 * 0.1, "$0.30"), (float("inf"), "–")],
)  # fmt: skip
def test_sums_for_arithmetic(value: float, text: str) -> None:
    """Digits as many as there are, so that a sum that is refused can be checked."""
    assert exact(value, "$") == text


def test_a_month_has_730_hours() -> None:
    """The month of a cloud bill."""
    cost = monthly(ScalingSettings(price_per_hour=1.0), 0, 2)
    assert cost == Cost(0.0, 2 * HOURS_A_MONTH, "$")
    assert monthly(ScalingSettings(price_per_hour=0.0), 2, 3) == Cost(0.0, 0.0, "$")


@given(price=st.floats(0.001, 100), replicas=st.integers(1, 500))
def test_a_budget_for_so_many_pays_for_so_many(price: float, replicas: int) -> None:
    """A budget of exactly n replicas pays for n, not for one less."""
    settings = ScalingSettings(
        price_per_hour=price, budget=BudgetSettings(per_hour=price * replicas)
    )
    assert affordable(settings) == replicas


def test_without_budget_or_price_anything_is_affordable() -> None:
    """No budget is no limit, and a price of nothing spends none."""
    assert affordable(ScalingSettings(price_per_hour=1.0)) is None
    assert affordable(ScalingSettings(budget=BudgetSettings(per_hour=1.0))) is None
    free = ScalingSettings(price_per_hour=0.0, budget=BudgetSettings(per_hour=1.0))
    assert affordable(free) is None
