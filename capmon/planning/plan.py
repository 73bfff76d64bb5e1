"""The capacity plan: ten chapters from one body of evidence, and the answers in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from capmon.model.bottlenecks import Severity
from capmon.model.names import RATE
from capmon.model.plan import Chapter, Plan, Statement
from capmon.model.units import span
from capmon.planning.counts import at_busy_hour, at_horizon
from capmon.planning.evidence import Evidence
from capmon.planning.times import reaches
from capmon.planning.words import REQUESTS, label, number, ranged, when
from capmon.scaling.limits import plural

MOST = 6
"""Statements of a summary."""

FIRST = ("baseline", "models", "growth", "strategy", "bottlenecks")
"""Chapters on load."""

LATER = ("infrastructure", "database", "cost", "alerting")
"""Chapters that follow those on load, in the guide's order."""


def plan(evidence: Evidence, tell: Callable[[str], None] = lambda _: None) -> Plan:
    """All ten chapters in the guide's order, and the summary; `tell` hears which is written."""
    chapters: list[Chapter] = []
    for i, name in enumerate((*FIRST, *LATER), 1):
        tell(f"writing chapter {i}, {name}")
        chapters.append(_chapter(name, evidence))
    tell(f"writing chapter {len(chapters) + 1}, steps")
    steps = import_module("capmon.planning.steps")
    chapters.append(_checked("steps", steps.chapter(evidence, tuple(chapters))))
    if evidence.brief:
        chapters = [replace(c, statements=_calm(c.statements)) for c in chapters]
    return Plan(
        evidence.now,
        evidence.name,
        evidence.question,
        evidence.since,
        evidence.until,
        summary(evidence, tuple(chapters)),
        tuple(chapters),
    )


def _chapter(name: str, evidence: Evidence) -> Chapter:
    return _checked(name, import_module(f"capmon.planning.{name}").chapter(evidence))


def _checked(name: str, found: object) -> Chapter:
    if not isinstance(found, Chapter):
        raise TypeError(f"planning.{name} made {type(found).__name__} and not a chapter")
    return found


def summary(evidence: Evidence, chapters: tuple[Chapter, ...] = ()) -> tuple[Statement, ...]:
    """At most six statements that answer the five questions, the most urgent first.

    What binds, how much is left, when it runs out, what to do, and how well the past foretells;
    then the worst that another chapter says and these do not.
    """
    own = [s for s in (_room(evidence), _time(evidence), _todo(evidence)) if s is not None]
    others = [
        s
        for c in chapters
        if c.key in LATER
        for s in c.statements
        if s.severity in ("critical", "high") and s.text not in {o.text for o in own}
    ]
    trust = _trust(evidence)
    room = MOST - len(own) - (trust is not None)
    found = [*own, *sorted(others, key=_rank)[:room]]
    # A plain sort keeps the order of the questions among what is equally urgent.
    told = (*sorted(found, key=_rank), *(() if trust is None else (trust,)))
    return _calm(told) if evidence.brief else told


def _calm(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """What is said of less than a day is news, and no alarm."""
    return tuple(
        replace(s, severity="low") if s.severity in ("critical", "high", "medium") else s
        for s in statements
    )


def _rank(statement: Statement) -> int:
    return -Severity(statement.severity).rank if statement.severity else 1


def _room(evidence: Evidence) -> Statement | None:
    """What binds, and how much is left."""
    now = evidence.load_now
    if now is None:
        return Statement(f"No load is known: {evidence.load_text}.", "medium")
    first = next((h for h in evidence.headroom if h.at is not None and h.load == RATE), None)
    if first is None or first.at is None:
        return Statement(
            f"The busy hour carries {ranged(now, REQUESTS)}; what binds is not known: "
            f"{evidence.replica.problem}.", "medium", evidence.load_text,
        )  # fmt: skip
    times = first.at.value / now.value
    severity = (
        "critical" if times < 1 else "high" if times < 1.2 else "medium" if times < 1.5 else ""
    )
    text = (
        f"{label(first.target)} binds first, at {ranged(first.at, REQUESTS)}: {times:.2f}× the busy "
        f"hour of {number(now.value, REQUESTS)}."
    )
    return Statement(text, severity, evidence.load_text)


def _time(evidence: Evidence) -> Statement | None:
    """When the next limit is reached."""
    found = reaches(evidence)
    met = [r for r in found if r.when.t50 is not None]
    # What binds today is said already: what comes next is news.
    first = next(
        (r for r in met if r.when.t50 is not None and r.when.t50 > 0), next(iter(met), None)
    )
    horizon = span(evidence.question.horizon)
    if first is None or first.when.t50 is None:
        if not found:
            problem = evidence.reasons.get("load_then", "no limit is known")
            return Statement(f"When a limit is reached is not known: {problem}.", "low")
        return Statement(
            f"No limit is likely to be reached within {horizon}.", "", found[0].evidence
        )
    if first.when.t50 <= 0:
        return Statement(f"{first.name} is reached already.", "critical", first.evidence)
    soon = first.when.t50 <= max(evidence.lead_time, 7 * 86400.0)
    text = (
        f"{first.name} is reached {when(first.when.t50, evidence.until, evidence.zone)}; with 10 % "
        f"probability {when(first.when.t10, evidence.until, evidence.zone)}."
    )
    return Statement(text, "high" if soon else "medium", first.evidence)


def _todo(evidence: Evidence) -> Statement | None:
    """How many replicas, now and at the horizon."""
    if evidence.brief and evidence.load_now is not None:
        length = span(evidence.until - evidence.since)
        text = f"How many replicas it takes is not known yet: {length} of record, a busy hour shows in a day."
        return Statement(text, "low", "chapter strategy counts for what was seen so far")
    now, then, ready = at_busy_hour(evidence), at_horizon(evidence), evidence.replicas_now
    count = then or now
    if count is None:
        reason = evidence.reasons.get("replicas_now") or evidence.replica.problem
        return (
            Statement(f"How many replicas it takes is not known: {reason}.", "low")
            if reason
            else None
        )
    by = f"in {span(evidence.question.horizon)}" if then is not None else "now"
    text = (
        f"{count.sure} {plural(count.sure)} carry the busy hour {by} with "
        f"{evidence.question.probability * 100:g} % probability; {ready} are ready."
    )
    if now is not None and now is not count:
        text = text.replace(f"{ready} are ready", f"now it takes {now.sure}, {ready} are ready")
    short = ready is not None and now is not None and now.median > ready
    severity = "critical" if short else "medium" if ready is not None and count.sure > ready else ""
    return Statement(text, severity, "replicas against load")


def _trust(evidence: Evidence) -> Statement | None:
    """What the plan rests on, where that is little."""
    if evidence.ahead.caution:
        return Statement(f"Take the horizon with care: {evidence.ahead.caution}.", "low")
    return None
