"""What does not fit together in the settings of scaling: policies, prices, budgets and tiers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from capmon.config.scaling import BehaviorSettings, LevelSettings, ScalingSettings, TierSettings
from capmon.config.write import number

if TYPE_CHECKING:
    from capmon.config.checks import Report
    from capmon.config.schema import Settings

LONGEST_PERIOD = 1800.0
"""Seconds of a rate's period at most, as Kubernetes has it for `periodSeconds`."""

LONGEST_WINDOW = 3600.0
"""Seconds of a stabilization window at most, as Kubernetes has it for `stabilizationWindowSeconds`."""

LONGEST_CURRENCY = 8
"""Characters of a currency."""

LEVELS = ("cpu", "memory", "latency_p95")
"""What the levels of a step are levels of."""


def check_scaling(settings: Settings, report: Report) -> None:
    """Record what is wrong with the settings of scaling, but for the target and what is shared."""
    scaling = settings.scaling
    _check_money(scaling, report)
    if scaling.startup <= 0:
        _at_least(report, "scaling.startup", "more than 0", report.shown("scaling.startup"))
    minute = scaling.overload_minute
    if minute is not None and minute < 0:
        _at_least(report, "scaling.overload_minute", "0 or more", number(minute))
    _check_hpa(scaling, report)
    _check_levels("scaling.step", scaling.step.up, scaling.step.down, report)
    _check_levels("scaling.vertical", scaling.vertical.up, scaling.vertical.down, report)
    _check_tiers(settings.tiers, report)
    _check_present_tier(settings, report)


def _at_least(report: Report, key: str, least: str, got: str) -> None:
    report.fault(key, f"expected {least}, got {got}")


def _check_money(scaling: ScalingSettings, report: Report) -> None:
    price, budget = "scaling.price_per_hour", "scaling.budget.per_hour"
    each, whole = scaling.price_per_hour, scaling.budget.per_hour
    if each is not None and each < 0:
        _at_least(report, price, "0 or more", number(each))
    if whole < 0:
        _at_least(report, budget, "0 or more, 0 for no limit", number(whole))
    elif whole > 0 and report.sound(price, budget):
        if not each:
            report.fault(budget, "needs scaling.price_per_hour: what one replica costs in an hour")
        elif (least := scaling.min * each) > whole * (1 + 1e-9) and report.sound("scaling.min"):
            text = (
                f"expected at least {least:.6g}, which is what min {scaling.min} × {each:.6g} cost"
            )
            report.fault(budget, f"{text}, got {whole:.6g}")
    currency = scaling.currency
    if not (currency.isprintable() and 0 < len(currency.strip()) <= LONGEST_CURRENCY):
        key = "scaling.currency"
        report.fault(key, f"expected a sign such as $ or EUR, got {report.repeat(key, currency)}")


def _check_hpa(scaling: ScalingSettings, report: Report) -> None:
    at, hpa = "scaling.hpa", scaling.hpa
    keys = [f"{at}.{name}" for name in ("cpu", "memory", "rate")]
    aims = (hpa.cpu, hpa.memory, hpa.rate)
    if all(aim is None for aim in aims) and report.sound(*keys):
        report.fault(at, "expected at least one of cpu, memory and rate to aim at, got none")
    for key, aim in zip(keys, aims, strict=True):
        if aim is not None and aim <= 0:
            got = number(aim) if key.endswith("rate") else "0%"
            _at_least(report, key, "more than 0, or null to leave it out", got)
    _check_behavior(f"{at}.up", hpa.up, report)
    _check_behavior(f"{at}.down", hpa.down, report)


def _check_behavior(at: str, behavior: BehaviorSettings, report: Report) -> None:
    """How fast HPA may follow in one direction."""
    key = f"{at}.tolerance"
    if behavior.tolerance >= 1:
        report.fault(key, f"expected less than 100%, got {report.shown(key)}; nothing would scale")
    key = f"{at}.stabilization"
    if behavior.stabilization > LONGEST_WINDOW:
        report.fault(key, f"expected at most 1h, got {report.shown(key)}")
    for i, rate in enumerate(behavior.rates):
        key = f"{at}.rates[{i}].per"
        if report.sound(key) and not 0 < rate.per <= LONGEST_PERIOD:
            report.fault(key, f"expected more than 0 and at most 30m, got {rate.per:g}s")


def _check_levels(at: str, up: LevelSettings, down: LevelSettings, report: Report) -> None:
    """A level for less at or above the one for more: what one adds, the other takes away."""
    for name in LEVELS:
        higher, lower = f"{at}.up.{name}", f"{at}.down.{name}"
        if getattr(down, name) < getattr(up, name) or not report.sound(higher, lower):
            continue
        key = report.culprit(lower, higher)
        other, side = (higher, "up") if key == lower else (lower, "down")
        word = "less" if key == lower else "more"
        report.fault(
            key,
            f"expected {word} than {report.shown(other)}, which is {side}.{name}"
            f"{report.origin(other)}, got {report.shown(key)}; else it would flap, up and down"
            " at the same level",
        )


def _check_tiers(tiers: tuple[TierSettings, ...], report: Report) -> None:
    names: dict[str, int] = {}
    for i, tier in enumerate(tiers):
        at = f"tiers[{i}]"
        if not report.sound(f"{at}.name"):
            continue
        if not tier.name:
            report.fault(f"{at}.name", "expected a name such as tier_2, got nothing")
        elif tier.name in names:
            text = f"expected another name than that of tiers[{names[tier.name]}]"
            report.fault(f"{at}.name", f"{text}, got {report.repeat(f'{at}.name', tier.name)}")
        names.setdefault(tier.name, i)
        _check_size(at, tier, report)
    for i, (smaller, larger) in enumerate(pairwise(tiers), 1):
        _check_ascent(i, smaller, larger, report)


def _check_size(at: str, tier: TierSettings, report: Report) -> None:
    """A tier's own figures."""
    for name, value in _figures(tier):
        key = f"{at}.{name}"
        if not report.sound(key) or value is None:
            continue
        if name == "price_per_hour" and value < 0:
            _at_least(report, key, "0 or more", number(value))
        elif name != "price_per_hour" and value <= 0:
            _at_least(report, key, "more than 0", number(value))


def _figures(tier: TierSettings) -> Iterable[tuple[str, float | None]]:
    yield "cores", tier.cores
    yield "memory", tier.memory
    yield "max_rps", tier.max_rps
    yield "max_users", tier.max_users
    yield "price_per_hour", tier.price_per_hour


def _check_ascent(i: int, smaller: TierSettings, larger: TierSettings, report: Report) -> None:
    """Tiers are told the smallest first."""
    both = [f"tiers[{n}].{name}" for n in (i - 1, i) for name in ("cores", "memory")]
    if not report.sound(*both):
        return
    from capmon.config.quantities import Size
    from capmon.config.write import quantity

    at, before = f"tiers[{i}]", f"tiers[{i - 1}]"
    if larger.cores < smaller.cores:
        text = f"expected {number(smaller.cores)} or more, as {before} has"
        report.fault(f"{at}.cores", f"{text}: the smallest tier comes first, got {number(larger.cores)}")  # fmt: skip
    if larger.memory < smaller.memory:
        most, got = (quantity(Size, float(tier.memory)) for tier in (smaller, larger))
        text = f"expected {most} or more, as {before} has"
        report.fault(f"{at}.memory", f"{text}: the smallest tier comes first, got {got}")
    if (larger.cores, larger.memory) == (smaller.cores, smaller.memory):
        report.fault(f"{at}.cores", f"expected more cores or memory than {before}, got the same")


def _check_present_tier(settings: Settings, report: Report) -> None:
    """The tier that is said to run now must be one of them."""
    from capmon.config.faults import choices

    key, tier = "scaling.vertical.tier", settings.scaling.vertical.tier
    if not tier or not report.sound(key, "tiers"):
        return
    names = [t.name for t in settings.tiers]
    if not names:
        report.fault(key, "names a tier, and there are none: list them under tiers")
    elif tier not in names:
        report.fault(key, f"expected {choices(names)}, got {report.repeat(key, tier)}")
