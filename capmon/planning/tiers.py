"""What a replica of another size would carry, and how many of them a load takes."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.config.scaling import TierSettings
from capmon.model.curves import Estimate
from capmon.model.names import CPU
from capmon.planning.evidence import Evidence
from capmon.planning.futures import least, with_losses
from capmon.planning.load import scaled
from capmon.scaling.policies.tiers import by_size, running
from capmon.scaling.price import HOURS_A_MONTH

PRESENT = "the present size"
"""Name of the present size where no tier is known to run."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size that a replica can have, and what one of it carries."""

    name: str
    """Name of the tier."""

    each: Estimate | None
    """Requests per second of one replica; None where that cannot be told."""

    how: str
    """How that is known: `measured`, or by which proportion; the reason where it is not."""

    cores: float | None
    """Cores; None where not known."""

    price: float | None
    """Price of an hour; None without one."""

    present: bool = False
    """Whether it is the one that runs."""


@dataclass(frozen=True, slots=True)
class Need:
    """How many replicas of one size a load takes."""

    size: Size
    """The size."""

    bare: int
    """Fewest that carry the load with the question's probability."""

    safe: int
    """Fewest that do so with one replica lost."""

    zoned: int | None
    """Fewest that do so with one zone lost; None where zones are not known."""

    @property
    def monthly(self) -> float | None:
        """Price of `safe` replicas a month; None without a price."""
        return None if self.size.price is None else self.safe * self.size.price * HOURS_A_MONTH


def present(evidence: Evidence) -> tuple[TierSettings | None, str]:
    """The tier that runs now, or None with the reason."""
    if not evidence.tiers:
        return None, "no tiers are configured"
    name = evidence.settings.scaling.vertical.tier
    # An application's own share of its CPU says nothing of the cores that it is a share of.
    own = CPU[0] in evidence.keys
    size = (None, None) if own else (evidence.cores, evidence.memory)
    return running(evidence.tiers, name, *size)


def sizes(evidence: Evidence) -> tuple[Size, ...]:
    """The present size and every tier, the smallest first, with what one replica carries.

    What is measured holds for the present size. Another carries in proportion to its cores, where
    CPU or response time binds; no more than its own `max_rps`.
    """
    tier, why = present(evidence)
    measured = evidence.replica.carries if evidence.replica.per_replica else None
    found = []
    if tier is None:
        problem = evidence.replica.problem or "replicas are not known: load is that of the whole service"  # fmt: skip
        how = "measured" if measured is not None else problem
        found.append(Size(PRESENT, measured, how, None, evidence.price_per_hour, present=True))
    found += [_size(other, tier, measured, why, evidence) for other in by_size(evidence.tiers)]
    return tuple(found)


def _size(
    other: TierSettings,
    tier: TierSettings | None,
    measured: Estimate | None,
    why: str,
    evidence: Evidence,
) -> Size:
    price = other.price_per_hour
    if tier is not None and other.name == tier.name:
        price = evidence.price_per_hour if price is None else price
        if measured is not None:
            return Size(other.name, measured, "measured", other.cores, price, present=True)
    each, how = None, f"which tier runs is not known: {why}"
    if tier is not None and measured is not None:
        ratio = other.cores / tier.cores
        if evidence.replica.binds not in (*CPU, "http.server.request.duration.p95"):
            ratio = min(ratio, other.memory / tier.memory)
        each, how = scaled(measured, ratio), f"{ratio:.3g} × what {tier.name} was measured to carry"
    if other.max_rps is not None and (each is None or other.max_rps < each.value):
        each, how = Estimate(other.max_rps), "max_rps of the configuration, not measured"
    known = tier is not None and other.name == tier.name
    return Size(other.name, each, how, other.cores, price, present=known)


def need(evidence: Evidence, size: Size, load: Estimate) -> Need | None:
    """Replicas of a size for a load; None where that cannot be told."""
    if size.each is None or size.each.value <= 0:
        return None
    bare = least(load, size.each, evidence.question.probability)
    if bare is None:
        return None
    zones = evidence.settings.plan.zones
    zoned = with_losses(bare, zones) if zones is not None and zones > 1 else None
    return Need(size, bare, with_losses(bare, None), zoned)
