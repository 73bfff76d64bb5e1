"""What replicas cost, and sums of money as people write them."""

from __future__ import annotations

import math

from capmon.config.schema import ScalingSettings
from capmon.model.scaling import Cost
from capmon.model.units import UNKNOWN

HOURS_A_MONTH = 730.0
"""Hours of a mean month, as cloud providers bill it: 365 × 24 / 12."""


def monthly(settings: ScalingSettings, origin: int | None, to: int | None) -> Cost | None:
    """What `origin` and `to` replicas cost a month; None without a price or without both counts."""
    price = settings.price_per_hour
    if price is None or origin is None or to is None:
        return None
    each = price * HOURS_A_MONTH
    return Cost(origin * each, max(0, to) * each, settings.currency)


def affordable(settings: ScalingSettings) -> int | None:
    """The most replicas that the hourly budget pays for; None without a budget or a price."""
    price, budget = settings.price_per_hour, settings.budget.per_hour
    if not price or price <= 0 or budget <= 0:
        return None
    # 0.3 / 0.1 must give 3 although neither is exact in binary.
    return math.floor(budget / price * (1 + 1e-12))


def cost_text(cost: Cost) -> str:
    """`$372 → $465 a month (+$93)`; `$372 a month` where nothing changes."""
    places = _places(max(abs(cost.before), abs(cost.after)))
    before, after = round(cost.before, places), round(cost.after, places)
    if before == after:
        return f"{_sum(before, places, cost.currency)} a month"
    # The difference of what is shown: people add it up.
    change = _sum(abs(after - before), places, cost.currency)
    sign = "+" if after > before else "-"
    shown = (_sum(value, places, cost.currency) for value in (before, after))
    return f"{' → '.join(shown)} a month ({sign}{change})"


def exact(value: float, currency: str) -> str:
    """A sum for arithmetic, with as many digits as it has, six at most: `$0.17`, `$1.50`, `$12`."""
    if not math.isfinite(value):
        return UNKNOWN
    text = f"{value:.6g}"
    whole, dot, rest = text.partition(".")
    if dot and "e" not in text:
        text = f"{whole}.{rest:0<2}"
    return _with(text, currency)


def _places(size: float) -> int:
    """Digits behind the point: none from a hundred on, cents below, more below a tenth."""
    return 0 if size >= 99.995 else 2 if size >= 0.1 or size == 0 else 4


def _sum(value: float, places: int, currency: str) -> str:
    return _with(f"{value:,.{places}f}" if math.isfinite(value) else UNKNOWN, currency)


def _with(text: str, currency: str) -> str:
    """A sign stands before the number, a word behind it: `$372`, `372 EUR`."""
    if not currency:
        return text
    return f"{text} {currency}" if currency[0].isalpha() else f"{currency}{text}"
