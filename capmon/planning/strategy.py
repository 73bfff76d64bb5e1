"""Chapter four: replicas or larger ones, how many, and who changes the count."""

from __future__ import annotations

from capmon.config.scaling import TierSettings
from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import Chapter, Column, Figure, Statement, Table
from capmon.model.units import percent, span
from capmon.planning.aim import hpa_target
from capmon.planning.bounds import least_replicas, most_replicas
from capmon.planning.counts import Count, at_busy_hour, at_horizon, replicas_for
from capmon.planning.evidence import Evidence
from capmon.planning.load import scaled
from capmon.planning.replaying import Replayed, replayed
from capmon.planning.replays import load_of
from capmon.planning.words import REQUESTS, counted, estimated, label, number, ranged
from capmon.scaling.limits import ceiling, fits, plural
from capmon.scaling.policies.tiers import running

KEY, TITLE = "strategy", "Scaling strategy"


def chapter(evidence: Evidence) -> Chapter:
    """Counts for each load, tiers beside them, the policy, and the settings that follow."""
    now, then, runs = at_busy_hour(evidence), at_horizon(evidence), replayed(evidence)
    tables = tuple(
        t
        for t in (
            _counts(evidence),
            _tiers(evidence),
            _policies(runs),
            _shared(evidence, then),
        )
        if t is not None
    )
    return Chapter(
        KEY, TITLE, _answer(evidence, now, then), _statements(evidence, now, then, runs),
        _figures(evidence, now, then), tables, missing=_missing(evidence, runs),
    )  # fmt: skip


def _answer(evidence: Evidence, now: Count | None, then: Count | None) -> str:
    if now is None:
        problem = evidence.replica.problem or "the replica count is not recorded"
        factor = _growth_of_whole(evidence)
        if factor is None:
            return f"How much capacity the load takes is not known: {problem}."
        return f"The service as a whole must carry {factor:.2f}× what it does within its limits: {problem}."
    sure = percent(evidence.question.probability)
    said = f"The busy hour takes {_said(now)}"
    if then is not None:
        said += f", the one in {span(evidence.question.horizon)} {_said(then)}"
    return f"{said}; with {sure} % probability {(then or now).sure} {plural((then or now).sure)} are enough."


def _growth_of_whole(evidence: Evidence) -> float | None:
    """Load at the horizon over what the service carries, where no replicas are known."""
    load, carries = evidence.load_then or evidence.load_now, evidence.replica.carries
    return (
        None
        if load is None or carries is None or carries.value <= 0
        else load.value / carries.value
    )


def _said(count: Count) -> str:
    interval = ""
    if count.low is not None and count.high is not None:
        interval = f" ({count.low}–{count.high})"
    return f"{count.median}{interval} {plural(count.median)}"


def _carried(evidence: Evidence) -> tuple[Figure, ...]:
    r = evidence.replica
    who = "one replica" if r.per_replica else "the service"
    target = percent(evidence.settings.utilization_target)
    text = "crossing of the fitted curve, 95 % interval for one new reading"
    objective = number(evidence.settings.objectives.latency_p95, Unit.SECONDS)
    beyond = "; beyond 1.3× the load seen" if r.extrapolated else ""
    return (
        estimated(f"{who} carries at {target} % CPU", r.at_target, REQUESTS, text, r.problem or "no limit by CPU"),
        estimated(f"{who} carries at p95 {objective}", r.at_objective, REQUESTS, text, r.problem or "no limit by response time"),
        estimated(f"{who} carries within all limits", r.carries, REQUESTS, text + beyond, r.problem),
    )  # fmt: skip


def _figures(evidence: Evidence, now: Count | None, then: Count | None) -> tuple[Figure, ...]:
    found = list(_carried(evidence))
    reason = evidence.replica.problem or evidence.reasons.get("replicas_now", "load is not known")
    for name, count in (
        ("busy hour", now),
        (f"busy hour in {span(evidence.question.horizon)}", then),
    ):
        value = None
        if count is not None:
            low, high = (None if v is None else float(v) for v in (count.low, count.high))
            value = Estimate(float(count.median), low, high)
        text = "load over what one replica carries, rounded up; ends from both intervals"
        found.append(estimated(f"replicas for the {name}", value, "replicas", text, reason))
    found += _settings(evidence, then or now)
    return tuple(found)


def _settings(evidence: Evidence, count: Count | None) -> tuple[Figure, ...]:
    """Least and most replicas and the HPA's target that follow."""
    carries = evidence.replica.carries
    if count is None or carries is None:
        return ()
    sure = percent(evidence.question.probability)
    most = most_replicas(evidence, load_of(evidence)[0]) or count.sure
    found = [
        counted(
            "most replicas (scaling.max)", most, "replicas",
            f"carries the busy hour at the horizon with {sure} % probability and one lost, and its peaks; configured: {evidence.settings.scaling.max}",
        )
    ]  # fmt: skip
    few = least_replicas(evidence)
    if few is not None:
        text = f"quiet hour, {number(few[1], REQUESTS)}: 5th percentile of hourly means; configured: {evidence.settings.scaling.min}"
        found.append(counted("least replicas (scaling.min)", few[0], "replicas", text))
    target, text, reason = hpa_target(evidence)
    found.append(counted("HPA's CPU target", target, Unit.RATIO, text, reason))
    return tuple(found)


def _counts(evidence: Evidence) -> Table | None:
    """Replicas for each load, by CPU, by the objective, and by all limits."""
    r = evidence.replica
    if r.carries is None or not r.per_replica:
        return None
    loads = [
        (s.name, Estimate(s.load))
        for s in evidence.loads
        if not s.name.startswith(("busy", "horizon"))
    ]
    if evidence.load_now is not None:
        loads.append(("busy hour", evidence.load_now))
    if evidence.load_then is not None:
        loads.append((f"busy hour in {span(evidence.question.horizon)}", evidence.load_then))
    rows = []
    for name, load in loads:
        by = [_median(load, c, evidence) for c in (r.at_target, r.at_objective)]
        every = replicas_for(load, r.carries, evidence.question.probability)
        if every is not None:
            rows.append(
                (name, ranged(load, REQUESTS), *by, _said(every).rpartition(" ")[0], every.sure)
            )
    columns = (
        Column("scenario"), Column("load"), Column("by CPU", "replicas"), Column("by p95", "replicas"),
        Column("by all limits"), Column(f"{percent(evidence.question.probability)} % sure", "replicas"),
    )  # fmt: skip
    text = f"now: {evidence.replicas_now} ready; {label(r.binds)} binds first" if r.binds else ""
    return Table(
        "Replicas against load", columns, tuple(rows), text, len(rows) - 1 if rows else None
    )


def _median(load: Estimate, carries: Estimate | None, evidence: Evidence) -> int | None:
    if carries is None:
        return None
    count = replicas_for(load, carries, evidence.question.probability)
    return None if count is None else count.median


def _tiers(evidence: Evidence) -> Table | None:
    """Replicas of each tier, by cores where a tier does not say what it carries."""
    tiers, carries = evidence.settings.tiers, evidence.replica.carries
    load = evidence.load_then or evidence.load_now
    if not tiers or carries is None or load is None or not evidence.replica.per_replica:
        return None
    now, problem = running(
        tiers, evidence.settings.scaling.vertical.tier, evidence.cores, evidence.memory
    )
    rows: list[tuple[str | float | int | None, ...]] = []
    for tier in tiers:
        each, how = _tier_carries(tier, now, carries, problem)
        count = None if each is None else replicas_for(load, each, evidence.question.probability)
        price = None
        if count is not None and tier.price_per_hour is not None:
            price = count.sure * tier.price_per_hour
        rows.append(
            (
                tier.name, tier.cores, number(tier.memory, Unit.BYTES),
                ranged(each, REQUESTS) if each is not None else "–",
                None if count is None else count.sure, price, how,
            )
        )  # fmt: skip
    prices = [r[5] for r in rows]
    known = [p for p in prices if isinstance(p, float)]
    chosen = prices.index(min(known)) if known else None
    columns = (
        Column("tier"), Column("cores"), Column("memory"), Column("one carries"),
        Column("replicas", "replicas"), Column("price an hour", evidence.currency), Column("how it is known"),
    )  # fmt: skip
    text = f"for {ranged(load, REQUESTS)} with {percent(evidence.question.probability)} % probability; the cheapest is chosen"
    return Table("Replicas or larger ones", columns, tuple(rows), text, chosen)


def _tier_carries(
    tier: TierSettings, now: TierSettings | None, carries: Estimate, problem: str
) -> tuple[Estimate | None, str]:
    """What one replica of a tier carries: measured for the one that runs, stated, or by cores."""
    if now is not None and tier.name == now.name:
        return carries, "measured"
    if tier.max_rps is not None:
        return Estimate(tier.max_rps), "stated: tiers.max_rps, not measured"
    if now is None:
        return None, f"which tier runs is not known: {problem}"
    ratio = tier.cores / now.cores
    return scaled(carries, ratio), f"measured × {ratio:g} by cores: holds while CPU is what limits"


def _policies(runs: Replayed) -> Table | None:
    if runs.table is None:
        return None
    rows = tuple(
        (
            r.policy,
            r.overload_percent,
            r.slo_minutes,
            r.replica_hours,
            r.relative_replica_hours,
            r.actions,
        )
        for r in runs.table.rows
    )
    columns = (
        Column("policy"), Column("overload", "% of time"), Column("over the objective", "minutes"),
        Column("replica-hours"), Column("× look-ahead"), Column("changes"),
    )  # fmt: skip
    chosen = next((i for i, r in enumerate(runs.table.rows) if r is runs.best), None)
    text = (
        f"replayed on {span(runs.table.seconds)} of the recorded load in steps of {span(runs.step)}, "
        f"the time before as history; one replica carries {number(runs.table.capacity, REQUESTS)}"
    )
    return Table("Policies on this very load", columns, rows, text, chosen)


def _shared(evidence: Evidence, then: Count | None) -> Table | None:
    """What replicas share, at the count that is needed."""
    limits, now = evidence.settings.scaling.limits, evidence.replicas_now
    if not limits or then is None:
        return None
    rows = tuple(
        (
            limit.name, limit.total, None if now is None else now * limit.per_replica,
            then.sure * limit.per_replica, fits(limit),
            "enough" if (most := fits(limit)) is None or then.sure <= most else f"short: {most} fit",
        )
        for limit in limits
    )  # fmt: skip
    columns = (
        Column("shared"), Column("total"), Column("taken now"), Column(f"taken by {then.sure}"),
        Column("replicas that fit", "replicas"), Column("verdict"),
    )  # fmt: skip
    return Table("What replicas share", columns, rows, "scaling.limits")


def _statements(
    evidence: Evidence, now: Count | None, then: Count | None, runs: Replayed
) -> tuple[Statement, ...]:
    found = []
    ready, scaling = evidence.replicas_now, evidence.settings.scaling
    if now is not None and ready is not None and now.median > ready:
        text = f"The busy hour takes {_said(now)}, {ready} {plural(ready)} are ready."
        found.append(Statement(text, "critical", "replicas against load"))
    if then is not None and then.sure > ceiling(scaling):
        text = f"{then.sure} replicas are needed by the horizon, and settings allow {ceiling(scaling)}."
        found.append(Statement(text, "high", "scaling.max, scaling.limits, scaling.budget"))
    best = runs.best
    if best is not None and runs.table is not None:
        change = "" if best.policy == scaling.policy else f" instead of {scaling.policy}"
        text = (
            f"Policy {best.policy}{change}: overloaded {best.overload_percent:.2g} % of the time "
            f"for {number(best.replica_hours, '')} replica-hours in {span(runs.table.seconds)}."
        )
        found.append(Statement(text, "medium" if change else "", "replay on the recorded load"))
        found += [Statement(note, "", "replay") for note in runs.table.notes]
    return tuple(found)


def _missing(evidence: Evidence, runs: Replayed) -> tuple[str, ...]:
    found = [
        evidence.reasons[k]
        for k in ("load_now", "load_then", "replicas_now", "replica")
        if k in evidence.reasons
    ]
    if runs.problem:
        found.append(f"replay of the policies: {runs.problem}")
    if not evidence.settings.tiers:
        found.append("larger or smaller replicas: set tiers")
    if not evidence.settings.scaling.limits:
        found.append("what replicas share, such as database connections: set scaling.limits")
    return tuple(dict.fromkeys(found))
