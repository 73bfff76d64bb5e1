"""Chapter ten: what to do by when, each step with the figure that it follows from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from capmon.config.scaling import TargetSettings
from capmon.model.curves import Estimate
from capmon.model.forecasts import TimeToLimit
from capmon.model.metric import Unit
from capmon.model.plan import Chapter, Statement, Step
from capmon.model.units import show, span
from capmon.planning import alerting, cost, database, storage
from capmon.planning.amounts import spans
from capmon.planning.bounds import most_replicas, to_spare
from capmon.planning.connections import connections
from capmon.planning.evidence import Evidence
from capmon.planning.futures import said
from capmon.planning.infrastructure import losses, needed_then
from capmon.planning.load import scaled
from capmon.planning.replays import load_of
from capmon.planning.times import when_over
from capmon.planning.words import REQUESTS, day, ranged
from capmon.scaling.limits import plural, reach

KEY, TITLE = "steps", "Implementation plan"

MOST_MISSING = 5
"""Measurements to add that are named."""


def chapter(evidence: Evidence, chapters: tuple[Chapter, ...]) -> Chapter:
    """Steps with dates, the earliest to begin in front; then those that nothing presses.

    A step must be done when its limit is reached with 10 % probability, and begins its lead time
    before that; what is late already begins at once.

    Args:
        evidence: What everything rests on.
        chapters: The chapters before this one: what they could not say becomes the last step.
    """
    dated = [*_replicas(evidence), *_connections(evidence), *_disks(evidence), *_volume(evidence)]
    free = [*_cheaper(evidence, chapters), *_alerts(chapters), *_measure(chapters)]
    both = [*dated, *free]
    pressing = sorted(
        (s for s in both if s.by is not None), key=lambda s: (s.begin or 0.0, s.title)
    )
    found = (*pressing, *(s for s in both if s.by is None))
    return Chapter(
        KEY, TITLE, _answer(evidence, found), tuple(_late(evidence, found)), steps=found,
        missing=() if dated else _undated(evidence),
    )  # fmt: skip


def _answer(evidence: Evidence, steps: tuple[Step, ...]) -> str:
    pressing = [(s.begin, s.by, s) for s in steps if s.begin is not None and s.by is not None]
    if not pressing:
        if unknown := _undated(evidence):
            return f"Whether anything presses is not known: {unknown[0]}."
        within = span(evidence.question.horizon)
        return f"Nothing presses within {within}; {len(steps)} {'step is' if len(steps) == 1 else 'steps are'} worth doing."
    begin, by, first = pressing[0]
    begins = "now" if begin <= evidence.until else f"by {day(begin, evidence.zone)}"
    return f"{len(pressing)} of {len(steps)} steps have a date; begin {begins}: {first.title}, done by {day(by, evidence.zone)}."


def _late(evidence: Evidence, steps: tuple[Step, ...]) -> Iterator[Statement]:
    """What cannot be done in time any more."""
    for step in steps:
        if step.by is not None and step.begin is not None and step.by < evidence.until:
            yield Statement(f"Overdue: {step.title}.", "critical", step.why)
        elif step.begin is not None and step.begin < evidence.until:
            text = f"Begin at once: {step.title}; its lead time is longer than what is left."
            yield Statement(text, "high", step.why)


def _dates(evidence: Evidence, when: TimeToLimit, lead: float) -> tuple[float | None, float | None]:
    """By when, and when to begin; what has been reached is due at the end of the record."""
    if when.t10 is None:
        return None, None
    by = evidence.until + max(when.t10, 0.0)
    return by, by - lead


def _earliest(when: TimeToLimit) -> TimeToLimit:
    """The moment at which something has been reached is not before the record's end."""
    return when if when.t10 is None else replace(when, t10=max(when.t10, 0.0))


# Replicas


def _replicas(evidence: Evidence) -> Iterator[Step]:
    """More replicas before the load outgrows those of now, and a higher maximum before it outgrows that."""
    needed, each, now = needed_then(evidence), evidence.replica.carries, evidence.replicas_now
    if needed is None or each is None:
        return
    count, scaling = round(needed.value), evidence.settings.scaling
    spare = most_replicas(evidence, load_of(evidence)[0]) or count + 1
    lead = evidence.settings.plan.lead_times.replicas
    if now is not None and count > now:
        yield _outgrown(evidence, now, count, each)
    if spare > scaling.max:
        when = when_over(evidence, scaled(each, max(scaling.max - 1, 1)))
        by, begin = _dates(evidence, when, lead)
        yield Step(
            f"raise scaling.max from {scaling.max} to {spare}",
            by,
            begin,
            f"replicas at the horizon: {count}, with one to spare and the peaks {spare}; {scaling.max} with one lost no longer carry the busy hour: {spans(_earliest(when))}",
            (f"scaling.max: {spare}   # in capmon.yaml", *_maximum(scaling.target, spare), "capmon config check"),
            "scaling view: the bounds show the new maximum; `capmon config show` names the file",
            f"scaling.max: {scaling.max}",
        )  # fmt: skip
    if now is not None:
        yield from _spare(evidence, count)


def _outgrown(evidence: Evidence, now: int, count: int, each: Estimate) -> Step:
    lead = evidence.settings.plan.lead_times.replicas
    when = when_over(evidence, scaled(each, now))
    by, begin = _dates(evidence, when, lead)
    most = reach(evidence.settings.scaling)
    to = min(count, most)
    carried = ranged(scaled(each, now), REQUESTS)
    asks = (
        ""
        if to == count
        else f"; {count} are needed, {most} are allowed until the step that raises that"
    )
    return Step(
        f"run {to} replicas instead of {now} in the busy hour" if to > now else f"more replicas than {now}, once more than {most} are allowed",
        by,
        begin,
        f"{now} {plural(now)} carry {carried}; the busy hour passes that: {spans(_earliest(when))}{asks}",
        _scale(evidence.settings.scaling.target, to) if to > now else (),
        f"overview: replicas {to} of {to} ready; models: first limit above {ranged(evidence.load_then, REQUESTS)}",
        f"capmon scale to {now}",
    )  # fmt: skip


def _spare(evidence: Evidence, count: int) -> Iterator[Step]:
    """One more replica where one lost at the busy hour of now would be missed."""
    to, found = to_spare(evidence), losses(evidence, evidence.load_now)
    if to is None or to == count or not found or found[0].holds is None:
        return
    one, holds, scaling = found[0], found[0].holds, evidence.settings.scaling
    yield Step(
        f"keep {to} replicas in the busy hour, so that one may fail",
        evidence.until + evidence.settings.plan.lead_times.replicas,
        evidence.until,
        f"with one replica lost at the busy hour the other {one.left} hold with {said(holds)}",
        (f"scaling.min: {to}   # in capmon.yaml", *_scale(scaling.target, to)),
        f"chapter infrastructure: chance to carry the busy hour with one lost at least {said(evidence.question.probability)}",
        f"scaling.min: {scaling.min}",
    )  # fmt: skip


def _scale(target: TargetSettings, to: int) -> tuple[str, ...]:
    """Commands that set the count: capmon's own, and the target's."""
    own = f"capmon scale to {to}"
    match target.kind:
        case "kubernetes":
            where = f" -n {target.namespace}" if target.namespace else ""
            return own, f"kubectl scale {target.name or 'deployment/NAME'} --replicas={to}{where}"
        case "swarm":
            return own, f"docker service scale {target.service or 'SERVICE'}={to}"
        case "none":
            return (f"start {to} replicas; set scaling.target, and `capmon scale to {to}` does it",)
    return (own,)


def _maximum(target: TargetSettings, most: int) -> tuple[str, ...]:
    if target.kind == "kubernetes":
        return (f"capmon export hpa   # writes maxReplicas: {most}", "kubectl apply -f FILE")
    return ()


# What replicas share


def _connections(evidence: Evidence) -> Iterator[Step]:
    """A pooler, or smaller pools, before the replicas need more connections than there are."""
    found, needed, each = connections(evidence), needed_then(evidence), evidence.replica.carries
    if found.pool is None or found.admitted is None or found.fit is None:
        return
    if needed is None or each is None or found.fit >= round(needed.value):
        return
    when = when_over(evidence, scaled(each, max(found.fit, 1)))
    by, begin = _dates(evidence, when, evidence.settings.plan.lead_times.database)
    count = round(needed.value)
    pool = max(math.floor(found.admitted / count), 1)
    yield Step(
        "put a pooler before the database, or lower the pools",
        by,
        begin,
        f"{count} {plural(count)} at the horizon × {found.pool:g} = {count * found.pool:g} connections, {found.admitted:g} are admitted: {found.fit} fit; the busy hour takes more than {found.fit}: {spans(_earliest(when))}",
        (
            f"the service's pool: at most {pool} connections a replica",
            f"or PgBouncer: pool_mode = transaction, default_pool_size = {math.floor(found.admitted)}",
            "then scaling.limits: per_replica of what the database sees",
        ),
        "chapter database: share of those admitted at most 100 % at the horizon; db connections on the application view",
        f"the service's pool: {found.pool:g} connections; its URL back to the database itself",
    )  # fmt: skip


# Storage


def _disks(evidence: Evidence) -> Iterator[Step]:
    """Grow or clear each file system before its warning threshold."""
    limit = evidence.settings.thresholds.disk.warning
    for one in storage.filesystems(evidence):
        by, begin = _dates(evidence, one.warning, evidence.settings.plan.lead_times.disk)
        if by is None:
            continue
        size = "" if one.order is None else f" to {show(one.order, Unit.BYTES)}"
        used = "" if one.used.now is None else f"{show(one.used.now, Unit.RATIO)} used; "
        yield Step(
            f"grow file system {one.name}{size}, or clear it",
            by,
            begin,
            f"{used}{show(limit, Unit.RATIO)} (thresholds.disk.warning): {spans(one.warning)}; {one.used.evidence}",
            (f"du -xh --max-depth=2 {_word(one.name)} | sort -h | tail", "grow the volume, then resize2fs or xfs_growfs"),
            f"overview: disk {one.name} below {show(limit, Unit.RATIO)}; forecast view: no date before {day(evidence.horizon_at, evidence.zone)}",
            "none: a file system that has grown stays",
        )  # fmt: skip


def _word(text: str) -> str:
    """A path for a shell."""
    from shlex import quote

    return quote(text)


def _volume(evidence: Evidence) -> Iterator[Step]:
    """Grow the database's volume before its warning threshold."""
    volume = database.filling(evidence)
    if volume is None:
        return
    by, begin = _dates(evidence, volume.warning, evidence.settings.plan.lead_times.database)
    if by is None:
        return
    share = evidence.settings.thresholds.disk.warning
    then = volume.size.then
    size = (
        ""
        if then is None
        else f" to {show(max(volume.limit, (then.high or then.value) / share), Unit.BYTES)}"
    )
    yield Step(
        f"grow the database's volume{size}, or archive",
        by,
        begin,
        f"{show(share, Unit.RATIO)} of {show(volume.limit, Unit.BYTES)} ({volume.source}): {spans(volume.warning)}; full: {spans(volume.full)}; {volume.size.evidence}",
        ("drop or archive the oldest partitions of the largest tables, named in chapter database", "grow the volume at the provider, then the file system"),
        "chapter database: no date for the volume within the horizon",
        "none: a volume that has grown stays; archived tables can be restored",
    )  # fmt: skip


# What no date presses


def _cheaper(evidence: Evidence, chapters: tuple[Chapter, ...]) -> Iterator[Step]:
    """The cheapest plan that holds, where it is another than what runs."""
    load, step = load_of(evidence)
    made = next((c for c in chapters if c.key == cost.KEY), None)
    table = (
        None if made is None else next((t for t in made.tables if t.title == cost.OPTIONS), None)
    )
    if table is None or table.chosen is None:
        return
    options = cost.candidates(evidence, load, step)
    best = options[table.chosen]
    name, scaling = best.name, evidence.settings.scaling
    lead = evidence.settings.plan.lead_times
    how = [f"scaling.min: {best.plan.least}   # in capmon.yaml", f"scaling.max: {best.plan.most}"]
    raised = max(scaling.max, best.plan.most)
    if not best.plan.is_fixed:
        how += [
            f"scaling.hpa.cpu: {best.aim * 100:.0f}%",
            "capmon simulate   # on this record, before it acts",
            "capmon autoscale",
        ]
    if not best.size.present:
        how.insert(0, f"move replicas to {best.size.name}, one first; {best.size.how}")
    sum_ = (
        f"{best.hours:,.0f} replica-hours"
        if best.cost is None
        else f"{evidence.currency}{best.cost:,.0f}"
    )
    wait = span(lead.replicas if best.size.present else lead.tier)
    yield Step(
        f"run {name}",
        None,
        None,
        f"cheapest of {len(options)} plans tried: {sum_} a month, holds the objective with {said(best.probability)}; takes {wait}",
        tuple(how),
        "scaling view: replay and replicas; a month on, `capmon plan` again: surplus and chance to hold the objective in chapter cost",
        f"scaling.min: {max(scaling.min, to_spare(evidence) or 0)}, scaling.max: {raised}" + ("" if best.size.present else ", and the present size"),
    )  # fmt: skip


def _alerts(chapters: tuple[Chapter, ...]) -> Iterator[Step]:
    """Load the alerting rules, with the thresholds that did better."""
    made = next((c for c in chapters if c.key == alerting.KEY), None)
    if made is None:
        return
    better = [s for s in made.statements if s.severity == "medium"]
    # Two alerts may share one setting, which can take one value: the first, which stands for its metric's.
    settings = {s.evidence.rpartition("set ")[2]: _proposed(s.text) for s in reversed(better)}
    why = better[0].text if better else made.answer
    how = (
        "capmon export alerts -o capmon-alerts.yml",
        "promtool check rules capmon-alerts.yml",
        "add the file to rule_files and reload Prometheus",
    )
    yield Step(
        "load the alerting rules" + (f", {len(better)} with another threshold" if better else ""),
        None,
        None,
        why,
        (*(f"{key}: {value}" for key, value in reversed(settings.items())), *how),
        "Prometheus' page of alerts lists them as inactive; `capmon plan` a month on: false alarms in chapter alerting",
        "take the file out of rule_files; thresholds back",
    )  # fmt: skip


def _proposed(text: str) -> str:
    """The threshold that a statement proposes, as the configuration takes it: `57%`."""
    return text.partition(": ")[2].partition(" instead")[0].replace(" %", "%").replace(" ms", "ms")


def _measure(chapters: tuple[Chapter, ...]) -> Iterator[Step]:
    """What was missing for this plan to say more."""
    lacking = tuple(dict.fromkeys(m for c in chapters for m in c.missing))
    if not lacking:
        return
    yield Step(
        "measure what this plan could not say",
        None,
        None,
        f"{len(lacking)} {'thing' if len(lacking) == 1 else 'things'} not known, the first of them below",
        lacking[:MOST_MISSING],
        "`capmon plan` again: fewer lines under what is not known",
        "none needed: measuring changes nothing",
    )


def _undated(evidence: Evidence) -> tuple[str, ...]:
    if evidence.load_then is None:
        return (
            f"dates of the load: {evidence.reasons.get('load_then', 'the load at the horizon is not known')}",
        )
    if evidence.replica.carries is None:
        return (
            f"dates of the replicas: {evidence.replica.problem or 'what one carries is not known'}",
        )
    return ()
