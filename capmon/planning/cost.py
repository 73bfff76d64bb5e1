"""Chapter eight: what the load costs, what is wasted, and the cheapest way to hold the objective."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.windows import Vec
from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import Chapter, Column, Figure, Statement, Table
from capmon.model.units import percent, span
from capmon.planning.aim import aim_of
from capmon.planning.bounds import fixed_count, least_replicas, most_replicas, to_spare
from capmon.planning.evidence import Evidence
from capmon.planning.futures import said as chance_said
from capmon.planning.replays import (
    LEAST_DAYS,
    Plan,
    holds,
    load_of,
    months,
    noted,
    run,
)
from capmon.planning.tiers import Size, sizes
from capmon.planning.waste import Ran, ran, right_size, said, share
from capmon.scaling.price import HOURS_A_MONTH, exact

KEY, TITLE = "cost", "Cost"

OPTIONS = "Ways to hold the objective at the horizon"
"""Title of the table of plans."""

MILLION = 1e6
_FEW = 100.0
_SECONDS = 3600.0
_NOTHING = np.empty(0)


def chapter(evidence: Evidence) -> Chapter:
    """Price of each scenario, per million requests and a month; waste; right size; the cheapest plan."""
    load, step = load_of(evidence)
    paid, size = ran(evidence), right_size(evidence)
    options = candidates(evidence, load, step)
    best = cheapest(options, evidence.question.probability)
    found = [*_waste(evidence, paid), *_best(evidence, options, best)]
    if text := said(size):
        found.append(Statement(text, "", size.text))
    tables = (_scenarios(evidence, load), _options(evidence, options, best))
    return Chapter(
        KEY,
        TITLE,
        _answer(evidence, paid, options, best),
        tuple(found),
        (*_figures(evidence, paid), *_months(evidence, load, step), *_request(size.request.cores, size.request.memory, size.text)),
        tuple(t for t in tables if t is not None),
        missing=_missing(evidence, load, paid, size.text if not text else ""),
    )  # fmt: skip


def unit(evidence: Evidence) -> str:
    """What sums are told in."""
    priced = evidence.price_per_hour is not None
    return f"{evidence.currency} a month" if priced else "replica-hours a month"


def _worth(evidence: Evidence, hours: float) -> float:
    """Replica-hours of the present size as money where there is a price."""
    price = evidence.price_per_hour
    return hours if price is None else hours * price


def _money(evidence: Evidence, hours: float) -> str:
    if evidence.price_per_hour is None:
        return f"{hours:,.0f} replica-hours"
    value = hours * evidence.price_per_hour
    return exact(round(value, 0 if abs(value) >= _FEW else 2), evidence.currency)


@dataclass(frozen=True, slots=True)
class Option:
    """One size and one way to run it at the horizon."""

    size: Size
    """Size of a replica."""

    plan: Plan
    """Least and most replicas."""

    hours: float
    """Replica-hours a month at the expected load."""

    probability: float
    """Probability that it holds the objective."""

    aim: float = 0.7
    """Busy share of the CPU that HPA aims at."""

    @property
    def cost(self) -> float | None:
        """Price a month; None without a price of that size."""
        return None if self.size.price is None else self.hours * self.size.price

    @property
    def core_hours(self) -> float | None:
        """Core-hours a month; None where cores are not known."""
        return None if self.size.cores is None else self.hours * self.size.cores

    @property
    def name(self) -> str:
        """`7 × t1`, `HPA at 60 % CPU, 2–10 × t1`."""
        if self.plan.is_fixed:
            return f"{self.plan.least} × {self.size.name}"
        return f"HPA at {percent(self.aim)} % CPU, {self.plan.least}–{self.plan.most} × {self.size.name}"


def candidates(evidence: Evidence, load: Vec, step: float) -> tuple[Option, ...]:
    """Every size with a fixed count and with HPA from two minima up, judged on the replayed load."""
    now, then = evidence.load_now, evidence.load_then
    if now is None or then is None or now.value <= 0 or not len(load):
        return ()
    found = []
    for size in sizes(evidence):
        if size.each is None or size.each.value <= 0:
            continue
        for plan in _plans(evidence, load, size.each):
            result = run(evidence, plan, load * (then.value / now.value), step, size.each.value)
            chance = holds(evidence, plan, load, step, size.each)
            found.append(Option(size, plan, result.hours, chance, aim_of(evidence)))
    return tuple(found)


def _plans(evidence: Evidence, load: Vec, each: Estimate) -> tuple[Plan, ...]:
    """The least fixed count that holds with the question's probability, and HPA up to what is to be allowed."""
    count = fixed_count(evidence, load, each)
    if count is None:
        return ()
    most = max(most_replicas(evidence, load) or 0, count) if each is evidence.replica.carries else count + 1  # fmt: skip
    few = least_replicas(evidence)
    least = max(
        evidence.settings.scaling.min, 0 if few is None else few[0], to_spare(evidence) or 0
    )
    mins = sorted({min(least, count), min(max(least, math.ceil(count / 2)), count)})
    return (Plan(count, count), *(Plan(m, most) for m in mins if m < most))


def cheapest(options: tuple[Option, ...], probability: float) -> int | None:
    """Index of the cheapest option that holds with a probability; None where none does, or nothing compares them.

    By price where every option has one; else by core-hours, else, of one size, by replica-hours.
    """
    if not options:
        return None
    if all(o.cost is not None for o in options):
        rank = [o.cost for o in options]
    elif all(o.core_hours is not None for o in options):
        rank = [o.core_hours for o in options]
    elif len({o.size.name for o in options}) == 1:
        rank = [o.hours for o in options]
    else:
        return None
    able = [(r, i) for i, (r, o) in enumerate(zip(rank, options, strict=True)) if r is not None and o.probability >= probability]  # fmt: skip
    return min(able)[1] if able else None


def _answer(
    evidence: Evidence, paid: Ran | None, options: tuple[Option, ...], best: int | None
) -> str:
    parts = []
    if paid is not None:
        month = paid.paid / paid.hours * HOURS_A_MONTH
        parts.append(
            f"The replicas of now come to {_money(evidence, month)} a month, {percent(share(paid.surplus, paid.paid))} % of it above what the limits asked for"
        )
    if best is not None:
        option = options[best]
        cost = f"{option.hours:,.0f} replica-hours" if option.cost is None else exact(round(option.cost, 0 if option.cost >= _FEW else 2), evidence.currency)  # fmt: skip
        parts.append(
            f"{option.name} is the cheapest way to hold the objective in {span(evidence.question.horizon)} ({cost} a month, {chance_said(option.probability)})"
        )
    elif options:
        parts.append(
            f"nothing that was tried holds the objective with {chance_said(evidence.question.probability)}, or prices are missing to compare"
        )
    if not parts:
        return "What the load costs is not known."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _figures(evidence: Evidence, paid: Ran | None) -> tuple[Figure, ...]:
    if paid is None:
        reason = evidence.replica.problem or "replicas and load must be recorded together"
        return (Figure("replica-hours recorded", None, "replica-hours", "", reason, exact=True),)
    month = HOURS_A_MONTH / paid.hours
    figures = [
        Figure("replica-hours recorded", Estimate(paid.paid), "replica-hours", paid.text, exact=True),
        Figure("now", Estimate(_worth(evidence, paid.paid * month)), unit(evidence), f"replica-hours recorded over {span(paid.hours * _SECONDS)}, as a month of 730 h", exact=True),
        Figure("surplus", Estimate(_worth(evidence, paid.surplus * month)), unit(evidence), paid.text, exact=True),
        Figure("idle", Estimate(paid.idle), "hours", f"hours below 10 % of what the ready replicas carried, of {paid.hours:,.0f}", exact=True),
    ]  # fmt: skip
    if paid.requests > 0:
        each = _worth(evidence, paid.paid) / paid.requests * MILLION
        per = evidence.currency if evidence.price_per_hour is not None else "replica-hours"
        figures.append(Figure("a million requests", Estimate(each), f"{per} a million", f"{paid.requests:,.0f} requests served", exact=True))  # fmt: skip
    return tuple(figures)


def _months(evidence: Evidence, load: Vec, step: float) -> tuple[Figure, ...]:
    """A month at the horizon under HPA, with the interval of the load."""
    now, then, each = evidence.load_now, evidence.load_then, evidence.replica.carries
    name = "a month at the horizon, under HPA"
    if now is None or then is None or each is None or not len(load) or not evidence.replica.per_replica or now.value <= 0:  # fmt: skip
        return (
            Figure(name, None, unit(evidence), "", "needs two days of load, replicas and a curve"),
        )
    peak = float(np.nanmax(load)) / now.value

    def month(value: float) -> float:
        most = int(3 * peak * value / each.value) + evidence.settings.scaling.min + 1
        plan = Plan(evidence.settings.scaling.min, most)
        made = run(evidence, plan, load * (value / now.value), step, each.value)
        return _worth(evidence, made.hours)

    low, high = (None if v is None else month(v) for v in (then.low, then.high))
    text = f"the last {span(len(load) * step)} of load, grown to the horizon and to both ends of its interval, replayed: the interval is that of the load alone; {noted()}"
    return (Figure(name, Estimate(month(then.value), low, high, then.level), unit(evidence), text),)


def _request(cores: Estimate | None, memory: Estimate | None, text: str) -> tuple[Figure, ...]:
    return (
        Figure("cores that a replica should ask for", cores, Unit.CORES, text if cores else "", "" if cores else text),
        Figure("memory that a replica should ask for", memory, Unit.BYTES, text if memory else "", "" if memory else "use of memory is not recorded, or its size is not known"),
    )  # fmt: skip


def _scenarios(evidence: Evidence, load: Vec) -> Table | None:
    """Every policy on the load of now and of the horizon."""
    each, now, then = evidence.replica.carries, evidence.load_now, evidence.load_then
    if each is None or now is None or not len(load) or not evidence.replica.per_replica:
        return None
    today = months(evidence, 1.0, each.value)
    later = {} if then is None or now.value <= 0 else months(evidence, then.value / now.value, each.value)  # fmt: skip
    what = unit(evidence)
    per = what.removesuffix(" a month")
    columns = (
        Column("policy"), Column("now", what), Column("over capacity", Unit.RATIO), Column("a million requests", per),
        Column("at the horizon", what), Column("over capacity then", Unit.RATIO),
    )  # fmt: skip
    rows = []
    for name, one in today.items():
        after = later.get(name)
        rows.append(
            (
                name.replace("_", " "), _worth(evidence, one.hours), one.overload,
                _worth(evidence, one.hours) / one.requests * MILLION if one.requests > 0 else None,
                None if after is None else _worth(evidence, after.hours),
                None if after is None else after.overload,
            )
        )  # fmt: skip
    text = f"replicas × hours of the recorded load under each policy, replayed, as a month; look ahead knows the load and bounds them all; hpa aims as configured; {noted()}"
    return Table("Policies on the recorded load", columns, tuple(rows), text)


def _options(evidence: Evidence, options: tuple[Option, ...], best: int | None) -> Table | None:
    if not options:
        return None
    columns = (
        Column("plan"), Column("one carries", "req/s"), Column("how known"), Column("replica-hours", "replica-hours a month"),
        Column("core-hours", "core-hours a month"), Column("cost", f"{evidence.currency} a month"), Column("chance to hold the objective"),
    )  # fmt: skip
    rows = tuple(
        (o.name, o.size.each.value if o.size.each else None, o.size.how, o.hours, o.core_hours, o.cost, chance_said(o.probability))
        for o in options
    )  # fmt: skip
    text = f"4,000 futures drawn from the intervals of load and capacity with a fixed seed, against the greatest growth at which each plan holds in the replay; {noted()}"
    return Table(OPTIONS, columns, rows, text, best)


def _waste(evidence: Evidence, paid: Ran | None) -> list[Statement]:
    if paid is None or paid.paid <= 0:
        return []
    month = HOURS_A_MONTH / paid.hours
    part = share(paid.surplus, paid.paid)
    text = f"{_money(evidence, paid.surplus * month)} a month ({percent(part)} %) went into replicas above what the limits and scaling.min asked for; {paid.idle:,.0f} of {paid.hours:,.0f} hours were idle."
    return [Statement(text, "medium" if part > 0.3 else "", paid.text)]


def _best(evidence: Evidence, options: tuple[Option, ...], best: int | None) -> list[Statement]:
    if best is None:
        return []
    option = options[best]
    note = (
        ""
        if option.size.how == "measured"
        else f" What one {option.size.name} carries is {option.size.how}: try it before it is bought."
    )
    text = f"Cheapest plan with at least {chance_said(evidence.question.probability)}: {option.name}, {option.hours:,.0f} replica-hours a month, holds with {chance_said(option.probability)}.{note}"
    return [Statement(text, "", noted())]


def _missing(evidence: Evidence, load: Vec, paid: Ran | None, size: str) -> tuple[str, ...]:
    found = []
    if evidence.price_per_hour is None and not evidence.prices:
        found.append(
            "costs in money: set scaling.price_per_hour or tiers[].price_per_hour; replica-hours stand instead"
        )
    if not len(load):
        found.append(f"policies replayed: needs {LEAST_DAYS} days of load, has {evidence.days:.1f}")
    if paid is None:
        found.append("what ran and what was wasted: record replicas.ready beside the load")
    if size:
        found.append(f"the right size of a replica: {size}")
    return tuple(found)
