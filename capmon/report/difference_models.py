"""Limits that moved, and forecasts that say something else."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

from capmon.model.curves import Estimate, Headroom
from capmon.model.forecasts import Forecast
from capmon.model.frame import Frame
from capmon.model.metric import Unit, label_of, metric
from capmon.model.units import UNKNOWN, digits, percent, show_metric, span, within
from capmon.report.difference_words import Among, Change, Figures, Turn, among

MOVED = 0.02
"""Share by which the first limit must move to be told."""

LIKELIER = 0.1
"""Points of probability by which a chance must change to be told."""

SOONER = 1.5
"""Factor by which the median time to a limit must change to be told."""


Ends = tuple[Estimate, Estimate]
"""The loads at which a limit was and is reached."""


def changed_limits(a: Frame, b: Frame) -> Iterator[Change]:
    """The first limit if it moved or is another, and each other one that moved beyond doubt."""
    firsts = tuple(next((h for h in f.headroom if h.at is not None), None) for f in (a, b))
    why = next((h.problem for h in (*b.headroom, *a.headroom) if h.problem), "")
    told = yield from _first(firsts[0], firsts[1], why)
    old = {h.target: h for h in a.headroom}
    for now in b.headroom:
        was = old.get(now.target)
        if was is None or now.target == told:
            continue
        if (was.at is None) != (now.at is None):
            yield _half_known(was, now)
        elif was.at is not None and now.at is not None and apart(was.at, now.at):
            yield _moved(was, now, (was.at, now.at), metric(now.target).label, 50)


def _first(was: Headroom | None, now: Headroom | None, why: str) -> Generator[Change, None, str]:
    """The limit that binds first; gives the metric that it has told of."""
    if was is None or now is None or was.at is None or now.at is None:
        if was is not now:
            old, new = ("unknown" if h is None else at_text(h) for h in (was, now))
            turn = Turn.WORSE if now is None else Turn.OTHER
            yield Change("limit", "first", turn, 66, old, new, remark=why)
        return ""
    if was.target != now.target:
        label = f"first: {metric(was.target).label} → {metric(now.target).label}"
        yield _moved(was, now, (was.at, now.at), label, 72)
    elif abs(now.at.value - was.at.value) > MOVED * abs(was.at.value) or was.limit != now.limit:
        yield _moved(was, now, (was.at, now.at), f"first: {metric(now.target).label}", 68)
    return now.target


def _moved(was: Headroom, now: Headroom, ends: Ends, name: str, weight: float) -> Change:
    found = _between(was, now, ends)
    sooner = ends[1].value < ends[0].value
    # A count of requests and one of users do not lie apart by any number.
    turn = (Turn.WORSE if sooner else Turn.BETTER) if was.load == now.load else Turn.OTHER
    limits = ""
    if was.target == now.target and was.limit != now.limit:
        limits = f"; the limit itself: {show_metric(was.target, was.limit)} → {show_metric(now.target, now.limit)}"  # fmt: skip
    return Change(
        "limit",
        name,
        turn,
        weight,
        at_text(was),
        at_text(now),
        found.absolute,
        found.relative,
        remark=doubt(*ends) + limits,
        figures=found.figures,
    )


def _between(was: Headroom, now: Headroom, ends: Ends) -> Among:
    if was.load != now.load:
        return Among("", "", Figures(None, None, Unit.COUNT.value))
    if "users" in now.load:
        return among(ends[0].value, ends[1].value, Unit.COUNT)
    return among(ends[0].value, ends[1].value, Unit.PER_SECOND, "req/s")


def _half_known(was: Headroom, now: Headroom) -> Change:
    turn = Turn.WORSE if now.at is None else Turn.OTHER
    name = metric(now.target).label
    remark = now.problem if now.at is None else was.problem
    return Change("limit", name, turn, 45, at_text(was), at_text(now), remark=remark)


def at_text(headroom: Headroom) -> str:
    """`128 (121–136) req/s`."""
    at = headroom.at
    if at is None:
        return "unknown"
    ends = (
        "" if at.low is None or at.high is None else f" ({within(digits(at.low), digits(at.high))})"
    )
    return f"{digits(at.value)}{ends} {'users' if 'users' in headroom.load else 'req/s'}"


def apart(was: Estimate, now: Estimate) -> bool:
    """Whether each lies outside of the other's interval; never where an interval is not known."""
    return _outside(now.value, was) and _outside(was.value, now)


def _outside(value: float, of: Estimate) -> bool:
    if of.low is None and of.high is None:
        return False
    return (of.low is not None and value < of.low) or (of.high is not None and value > of.high)


def doubt(was: Estimate, now: Estimate) -> str:
    """Whether a move is more than the models' own uncertainty."""
    if None in (was.low, was.high, now.low, now.high):
        known = apart(was, now)
        return "outside both intervals" if known else "an interval is not known"
    if apart(was, now):
        return "outside both intervals"
    if _outside(now.value, was) or _outside(was.value, now):
        return "outside one interval"
    return "within both intervals"


def changed_forecasts(a: Frame, b: Frame) -> Iterator[Change]:
    """Forecasts whose chance or time changed, and those that are no more."""
    old = {f.metric: f for f in a.forecasts}
    for now in b.forecasts:
        was = old.get(now.metric)
        if was is None:
            continue
        name = f"{metric(now.metric).label} {label_of(now.metric, 'mountpoint')}".rstrip()
        if bool(was.problem) != bool(now.problem):
            turn = Turn.WORSE if now.problem else Turn.OTHER
            yield Change("forecast", name, turn, 42, _chance(was), _chance(now), remark=now.problem or was.problem)  # fmt: skip
        elif not now.problem:
            yield from _forecast(was, now, name)


def _forecast(was: Forecast, now: Forecast, name: str) -> Iterator[Change]:
    p, q = was.breach_probability, now.breach_probability
    times = tuple(f.time_to_limit.t50 if f.time_to_limit else None for f in (was, now))
    likelier = p is not None and q is not None and abs(q - p) >= LIKELIER
    sooner = _shifted(*times)
    if not likelier and not sooner:
        return
    if likelier:
        worse = (q or 0.0) > (p or 0.0)
    else:
        worse = times[1] is not None and (times[0] is None or times[1] < times[0])
    change = among(p, q, Unit.RATIO) if likelier else Among("", "", Figures(p, q, "1"))
    limit = "" if now.limit is None else f"to pass {show_metric(now.metric, now.limit)}"
    yield Change(
        "forecast",
        name,
        Turn.WORSE if worse else Turn.BETTER,
        30 + 50 * abs((q or 0.0) - (p or 0.0)),
        _chance(was),
        _chance(now),
        change.absolute,
        remark=limit,
        figures=change.figures,
    )


def _shifted(was: float | None, now: float | None) -> bool:
    """Whether the median time to a limit is another: gone, there, past, or by a factor."""
    if was is None or now is None:
        return was is not now
    if was <= 0 or now <= 0:
        return (was <= 0) != (now <= 0)
    return not 1 / SOONER < now / was < SOONER


def _chance(forecast: Forecast) -> str:
    """`34 % in 6 h`, and when as a median: `80 % in 6 h, at 2 h`."""
    p = forecast.breach_probability
    if forecast.problem:
        return "unknown"
    if p is None or not math.isfinite(p):
        return "no limit" if forecast.limit is None else UNKNOWN
    text = f"{percent(p)} % in {span(forecast.horizon)}"
    t50 = forecast.time_to_limit.t50 if forecast.time_to_limit else None
    if t50 is None:
        return text
    return f"{text}, crossed" if t50 <= 0 else f"{text}, median {span(t50)}"
