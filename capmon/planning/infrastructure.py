"""Chapter six: replicas, tiers, losses, network and storage that carry the load at the horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.names import CPU, LATENCY, RATE
from capmon.model.plan import Chapter, Column, Figure, Statement, Table
from capmon.model.units import show, span
from capmon.planning import storage
from capmon.planning.amounts import spans
from capmon.planning.evidence import Evidence
from capmon.planning.futures import chance, least, lost, needed, said, with_losses
from capmon.planning.tiers import Need, Size, need, sizes
from capmon.planning.words import REQUESTS, number, ranged
from capmon.scaling.limits import plural

KEY, TITLE = "infrastructure", "Infrastructure scaling"

FAST = 0.99
"""Share of the moments at which the load rises no faster than what is told."""

_STEP = 60.0
_LEAST_STEPS = 200


def chapter(evidence: Evidence) -> Chapter:
    """Tiers compared, one replica and one zone lost, lead time, network, storage."""
    needs = tier_needs(evidence)
    disks = storage.filesystems(evidence)
    net, net_text, net_missing = storage.network(evidence)
    rise = fastest_rise(evidence)
    tables = (_tiers(evidence, needs), _losses(evidence), storage.table(evidence, disks))
    found = [*_loss_statements(evidence), *_rise_statement(evidence, rise)]
    found += [s for d in disks if (s := _disk_statement(d)) is not None]
    found += [Statement(net_text + ".", evidence=net[0].evidence)] if net_text else []
    return Chapter(
        KEY,
        TITLE,
        _answer(evidence, needs),
        tuple(found),
        (*_figures(evidence), *_rise_figure(rise), *net),
        tuple(t for t in tables if t is not None),
        missing=(*_missing(evidence), *net_missing, *(() if disks else ("no file system is recorded: run capmon record on the host",))),
    )  # fmt: skip


def tier_needs(evidence: Evidence) -> tuple[tuple[Size, Need | None], ...]:
    """Every size, with the replicas that the load at the horizon takes of it."""
    load = evidence.load_then
    return tuple((s, None if load is None else need(evidence, s, load)) for s in sizes(evidence))


def cheapest(needs: tuple[tuple[Size, Need | None], ...]) -> int | None:
    """Index of the size that costs least with one replica to spare; None without prices."""
    priced = [
        (n.monthly, i) for i, (_, n) in enumerate(needs) if n is not None and n.monthly is not None
    ]
    return min(priced)[1] if priced else None


def needed_then(evidence: Evidence) -> Estimate | None:
    """Replicas of the present size for the load at the horizon, at the question's probability."""
    each, load = evidence.replica.carries, evidence.load_then
    if each is None or load is None or not evidence.replica.per_replica:
        return None
    return needed(load, each, evidence.question.probability)


def _answer(evidence: Evidence, needs: tuple[tuple[Size, Need | None], ...]) -> str:
    wanted = needed_then(evidence)
    if wanted is None:
        return f"How many replicas the horizon takes is not known: {_why_not(evidence)}."
    count, now = round(wanted.value), evidence.replicas_now
    have = "" if now is None else f", {now} {'run' if now != 1 else 'runs'} now"
    text = f"The busy hour in {span(evidence.question.horizon)} takes {count} {plural(count)} of the present size with {said(evidence.question.probability)}{have}; {count + 1} hold it with one lost."
    best = cheapest(needs)
    size, found = (None, None) if best is None else needs[best]
    if size is not None and found is not None and not size.present:
        text += f" {found.safe} × {size.name} would cost least."
    return text


def _why_not(evidence: Evidence) -> str:
    if evidence.load_then is None:
        return evidence.reasons.get("load_then", "the load at the horizon is not known")
    if evidence.replica.carries is None:
        return evidence.replica.problem or "what one replica carries is not known"
    return "replicas are not recorded, so that load is that of the whole service"


def _figures(evidence: Evidence) -> tuple[Figure, ...]:
    wanted, each = needed_then(evidence), evidence.replica.carries
    text = f"load at the horizon over what one replica carries, {said(evidence.question.probability)} probability; low and high are what the favourable and the unfavourable ends of both intervals take"
    what = "one replica carries" if evidence.replica.per_replica else "the whole service carries"
    reason = "" if each is not None else evidence.replica.problem or "no curve"
    binds = f"{evidence.replica.binds} binds first" if evidence.replica.binds else ""
    if evidence.replica.extrapolated:
        binds += ", beyond 1.3 times the load seen"
    return (
        Figure(what, each, REQUESTS, binds, reason),
        Figure("replicas at the horizon", wanted, "replicas", text, "" if wanted else _why_not(evidence)),
    )  # fmt: skip


def _tiers(evidence: Evidence, needs: tuple[tuple[Size, Need | None], ...]) -> Table | None:
    load = evidence.load_then
    if load is None or all(n is None for _, n in needs):
        return None
    zones = evidence.settings.plan.zones
    currency = f"{evidence.currency} a month"
    columns = (
        Column("size"), Column("one carries", REQUESTS), Column("how known"), Column("replicas", "replicas"),
        Column("with one lost", "replicas"), Column("with one zone lost" if zones is None else f"with one of {zones} zones lost", "replicas"),
        Column("cores", Unit.CORES), Column("cost with one lost", currency),
        Column("headroom left", Unit.RATIO), Column("one lost takes", Unit.RATIO), Column("chance to carry the busy hour"),
    )  # fmt: skip
    rows = tuple(_row(s, n, load) for s, n in needs)
    text = f"the load is {ranged(load, REQUESTS)}; headroom and chance are those of the count with one lost, all running"
    return Table("Sizes and counts for the horizon", columns, rows, text, cheapest(needs))


def _row(size: Size, found: Need | None, load: Estimate) -> tuple[str | float | int | None, ...]:
    if found is None or size.each is None:
        each = None if size.each is None else size.each.value
        return (size.name, each, size.how, *(None,) * 8)
    cores = None if size.cores is None else size.cores * found.safe
    left = found.safe * size.each.value / load.value - 1 if load.value > 0 else None
    holds = chance(found.safe, load, size.each)
    return (
        size.name, size.each.value, size.how, found.bare, found.safe, found.zoned, cores,
        found.monthly, left, 1 / found.safe, said(holds),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loss:
    """What is left when some replicas are lost at the busy hour."""

    what: str
    """`one replica`, `one of 3 zones`."""

    count: int
    """Replicas lost."""

    left: int
    """Replicas left."""

    cpu: Estimate | None
    """Busy share of the CPU of the rest; None where no curve tells."""

    p95: Estimate | None
    """Their response time; None where no curve tells."""

    holds: float | None
    """Probability that the rest carries the load; None where not known."""

    needed: int | None
    """Replicas so that the rest holds with the question's probability."""


def losses(evidence: Evidence, load: Estimate | None) -> tuple[Loss, ...]:
    """One replica and one zone lost at a load, with the replicas of now."""
    now, each = evidence.replicas_now, evidence.replica.carries
    if now is None or load is None or not evidence.replica.per_replica:
        return ()
    zones = evidence.settings.plan.zones
    cases: list[tuple[str, int, int | None]] = [("one replica", 1, None)]
    if zones is not None and zones > 1:
        cases.append((f"one of {zones} zones", lost(now, zones), zones))
    bare = None if each is None else least(load, each, evidence.question.probability)
    found = []
    for what, gone, among in cases:
        left = now - gone
        cpu, p95 = (_at(evidence, keys, load.value / left) if left > 0 else None for keys in (CPU, (LATENCY,)))  # fmt: skip
        holds = None if each is None else chance(left, load, each)
        wanted = None if bare is None else with_losses(bare, among)
        found.append(Loss(what, gone, left, cpu, p95, holds, wanted))
    return tuple(found)


def _at(evidence: Evidence, keys: tuple[str, ...], load: float) -> Estimate | None:
    for key in keys:
        for fit in evidence.fits:
            if fit.target == key and fit.per_replica and not fit.problem:
                return fit.band(load)
    return None


def _losses(evidence: Evidence) -> Table | None:
    cases = (("now", evidence.load_now), ("at the horizon", evidence.load_then))
    rows = tuple(
        (
            f"{one.what}, {when}",
            one.left,
            _known(one.cpu),
            _known(one.p95),
            None if one.holds is None else said(one.holds),
            one.needed,
        )
        for when, load in cases
        for one in losses(evidence, load)
    )
    if not rows:
        return None
    columns = (
        Column("lost at the busy hour"), Column("left", "replicas"), Column("cpu of the rest", Unit.RATIO),
        Column("p95 of the rest", Unit.SECONDS), Column("chance to carry it"), Column("replicas so that it holds", "replicas"),
    )  # fmt: skip
    text = "the curves at the load that the rest shares; a response time that is not given lies beyond the curve's pole"
    return Table("One replica or one zone lost", columns, rows, text)


def _known(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate is not None and math.isfinite(estimate.value) else None


def _loss_statements(evidence: Evidence) -> list[Statement]:
    found = []
    for one in losses(evidence, evidence.load_now):
        if one.holds is None or one.needed is None:
            continue
        wanted = evidence.question.probability
        now = evidence.replicas_now or 0
        if one.holds >= wanted:
            text = f"With {one.what} lost at the busy hour the other {one.left} hold with {said(one.holds)}."
            found.append(Statement(text))
        else:
            text = f"With {one.what} lost at the busy hour the other {one.left} hold with {said(one.holds)} only: {one.needed} replicas would, {one.needed - now} more than now."
            found.append(Statement(text, "high" if one.count == 1 else "medium"))
    return found


@dataclass(frozen=True, slots=True)
class Rise:
    """How fast the load rises against what a new replica takes."""

    lead: float
    """Seconds until a new replica serves."""

    rise: float
    """Requests per second that the load rises by in that time, at most in 99 of 100 moments."""

    n: int
    """Moments."""


def fastest_rise(evidence: Evidence) -> Rise | None:
    """The 99th percentile of the load's rise within a replica's start-up; None where minutes are few."""
    minutes = evidence.minutely.get(RATE)
    lead = max(evidence.lead_time, _STEP)
    if minutes is None or len(minutes.times) < _LEAST_STEPS:
        return None
    pace = float(np.median(np.diff(minutes.times)))
    ahead = max(1, math.ceil(lead / pace))
    place = np.rint((minutes.times - minutes.times[0]) / pace).astype(np.intp)
    course = np.full(int(place[-1]) + 1, math.nan)
    course[place] = minutes.mean
    after = np.fmax.reduce([course[i : len(course) - ahead + i] for i in range(1, ahead + 1)])
    rises = after - course[: len(course) - ahead]
    rises = rises[np.isfinite(rises)]
    if len(rises) < _LEAST_STEPS:
        return None
    return Rise(ahead * pace, max(float(np.quantile(rises, FAST)), 0.0), len(rises))


def _rise_figure(rise: Rise | None) -> tuple[Figure, ...]:
    name = "rise of the load while a replica starts"
    if rise is None:
        return (Figure(name, None, REQUESTS, "", f"needs {_LEAST_STEPS} minutes of load"),)
    text = f"99th percentile over {rise.n:,} moments of the rise within {span(rise.lead)}, as finely as the load is recorded"
    return (Figure(name, Estimate(rise.rise), REQUESTS, text, exact=True),)


def _rise_statement(evidence: Evidence, rise: Rise | None) -> list[Statement]:
    each, now = evidence.replica.carries, evidence.load_now
    if rise is None or each is None or now is None or not evidence.replica.per_replica:
        return []
    spare = math.ceil(rise.rise / each.value * (1 - 1e-9)) if each.value > 0 else 0
    text = f"Until a replica that is asked for serves ({span(rise.lead)}), the load rises by up to {number(rise.rise, REQUESTS)} in 99 of 100 moments: keep {spare} {plural(spare)} to spare, or scale on a forecast."
    return [Statement(text, evidence="recorded minutes of the load; scaling.startup")]


def _disk_statement(disk: storage.Filesystem) -> Statement | None:
    if disk.warning.t10 is None:
        return None
    order = (
        "" if disk.order is None else f"; {show(disk.order, Unit.BYTES)} would do for the horizon"
    )
    begun = disk.warning.t10 < 0
    severity = "high" if begun or disk.warning.t10 < 14 * 86400 else "medium"
    text = f"File system {disk.name} reaches its warning threshold: {spans(disk.warning)}; full: {spans(disk.full)}{order}."
    return Statement(
        text,
        severity,
        f"{disk.used.evidence}{'; ' + disk.used.caution if disk.used.caution else ''}",
    )


def _missing(evidence: Evidence) -> tuple[str, ...]:
    found = []
    if needed_then(evidence) is None:
        found.append(f"replicas at the horizon: {_why_not(evidence)}")
    if evidence.replicas_now is None:
        found.append(
            f"what is left with one replica lost: {evidence.reasons.get('replicas_now', 'replicas are not known')}"
        )
    zones = evidence.settings.plan.zones
    if zones is None:
        found.append("what a zone's loss would do: set plan.zones")
    elif zones == 1:
        found.append("what a zone's loss would leave: plan.zones is 1, so its loss leaves nothing")
    if not evidence.tiers:
        found.append("how other sizes compare: set tiers")
    return tuple(found)
