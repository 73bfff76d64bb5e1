"""The answer to what-if, in lines: each metric now and then, what binds, and how many replicas it takes."""

from __future__ import annotations

from capmon.model.metric import metric
from capmon.model.results import Estimate, Headroom, Predicted
from capmon.model.units import digits, show, show_metric
from capmon.model.whatif import WhatIf
from capmon.ui.panes.figures import spoken
from capmon.ui.panes.models import interval, limit_text, times, unit_of_load
from capmon.ui.widgets.text import Line, as_many, bold, cut, dim, fit, ink, length, padded

NAME = 12
NOW = 10
THEN = 10
INTERVAL = 18
NARROW = 44
"""Below this width only what would be is shown."""

FULL = ("full at", "cpu is full")
"""How reasons begin that are no lack of knowledge but the end of what can be served."""

MIDDLE = 52
"""From this width on limits stand beside verdicts."""

WIDE = 70
"""From this width on intervals stand beside values."""


def answer(found: WhatIf, width: int) -> list[Line]:
    """The lines, the warning last and never cut away by prose before it."""
    lines: list[Line] = [_heads(width)]
    limits = {h.target: h for h in found.headroom}
    lines += [_share(found, width)] if found.replicas is not None else []
    lines += [_metric(p, limits.get(p.metric), width) for p in found.predicted]
    if not found.predicted:
        lines = [[dim("no model yet")]]
    lines.append([])
    lines += _binding(found, width)
    lines += _needs(found, width)
    if found.beyond:
        lines += _told("beware", f"▲ {found.beyond}: not seen yet", "warning", width)
    return [fit(line, width) for line in lines]


def _heads(width: int) -> Line:
    now = f"{'now':>{NOW - 3}}   " if width >= NARROW else ""
    return fit([dim(f"{'':<{NAME}}{now}{'then':>{THEN - 1}}")], width)


def _share(found: WhatIf, width: int) -> Line:
    """Load of one replica, now and then."""
    unit = metric("load.per_replica").unit
    now, then = (
        show(load / count if load is not None and count else None, unit).number
        for load, count in ((found.load_now, found.replicas_now), (found.load, found.replicas))
    )
    line: Line = [padded("a replica", NAME, "dim")]
    if width >= NARROW:
        line += [ink(now.rjust(NOW - 4)), dim("     ")]
    return fit([*line, dim("→"), bold(then.rjust(THEN - 4)), dim(" req/s")], width)


def _metric(predicted: Predicted, room: Headroom | None, width: int) -> Line:
    """One metric: now, then with its interval, and whether that is within its limit."""
    name = spoken(predicted.metric)
    line: Line = [padded(name, NAME, "dim")]
    if width >= NARROW:
        before = show_metric(predicted.metric, predicted.before)
        line += [ink(before.number.rjust(NOW - 4)), dim(f" {before.unit:<3} ")]
    if predicted.after is None:
        problem = predicted.problem or "not known"
        full = problem.startswith(FULL)
        return fit(
            [*line, dim("→ "), bold(f"▲ {problem}", "warning") if full else dim(problem)], width
        )
    after = show_metric(predicted.metric, predicted.after.value)
    line += [dim("→"), bold(after.number.rjust(THEN - 4)), dim(f" {after.unit:<3} ")]
    if width >= WIDE:
        line.append(padded(between(predicted.metric, predicted.after), INTERVAL, "dim"))
    return fit([*line, *verdict(predicted.after, room, short=width < MIDDLE)], width)


def between(metric_key: str, estimate: Estimate) -> str:
    """`(140–160)`, in the unit of the value; with units where they differ; nothing without both ends."""
    if estimate.low is None or estimate.high is None:
        return ""
    unit = show_metric(metric_key, estimate.value).unit
    low, high = (show_metric(metric_key, v) for v in (max(estimate.low, 0.0), estimate.high))
    if high.unit == unit and (low.unit == unit or estimate.low <= 0):
        return f"({low.number}–{high.number})"
    return f"({low}–{high})"


def verdict(after: Estimate, room: Headroom | None, *, short: bool = False) -> Line:
    """Whether a value is within its limit, by sign, word and colour."""
    if room is None:
        return []
    limit = "" if short else f" {limit_text(room)}"
    if after.value > room.limit:
        return [bold(f"▲ beyond{limit}", "warning")]
    if after.high is not None and after.high > room.limit:
        return [("● ", "accent"), ink("may pass"), dim(limit)]
    return [("✓ ", "ok"), ink("within"), dim(limit)]


def _binding(found: WhatIf, width: int) -> list[Line]:
    """Which limit binds first at the replicas supposed, and which then."""
    known = [h for h in found.headroom if h.at is not None]
    if not known:
        why = next((h.problem for h in found.headroom if h.problem), "no limit can be told")
        return [_named("binds first", [dim(why)], width)]
    first = _room(known[0])
    if known[0].multiple is not None:
        tone = "warning" if known[0].multiple < 1 else "ink"
        mark = "▲ " if known[0].multiple < 1 else ""
        first.append([bold(f"{mark}{times(known[0].multiple)}", tone), dim(" that load")])
    out = [_named("binds first", as_many(first, max(0, width - NAME), "  "), width)]
    if len(known) > 1:
        out.append(_named("then", as_many(_room(known[1]), max(0, width - NAME), "  "), width))
    return out


def _room(room: Headroom) -> list[Line]:
    if room.at is None:
        return []
    guess = "~" if room.extrapolated else ""
    at: Line = [
        ink(f"{spoken(room.target)} "),
        dim("at "),
        bold(f"{guess}{digits(room.at.value)}"),
        dim(f" {unit_of_load(room.load)}"),
    ]
    return [at, [dim(interval(room.at))] if interval(room.at) else []]


def _needs(found: WhatIf, width: int) -> list[Line]:
    """What one replica carries, and the least replicas for the load supposed."""
    out: list[Line] = []
    if found.per_replica is not None:
        shown = show(found.per_replica.value, metric("load.per_replica").unit)
        out.append(_named("one carries", [bold(shown.number), dim(f" req/s {interval(found.per_replica)}".rstrip())], width))  # fmt: skip
    if found.needed is None:
        return [*out, *_told("needs", f"not known: {found.needed_reason}", "dim", width)]
    short = found.replicas is not None and found.needed > found.replicas
    noun = "replica" if found.needed == 1 else "replicas"
    head: Line = [bold(f"{'▲ ' if short else ''}{found.needed} {noun}", "warning" if short else "ink")]  # fmt: skip
    room = max(8, width - NAME)
    rest = wrapped_after(found.needed_reason, room, length(head) + 2)
    out.append([dim(f"{'needs':<{NAME}}"), *head, dim("  "), *rest[0]])
    return [*out, *([dim(" " * NAME), *line] for line in rest[1:])]


def wrapped_after(text: str, width: int, used: int) -> list[Line]:
    """Prose that begins behind something on its first line."""
    first: list[str] = []
    words = text.split()
    while words and used + len(" ".join([*first, words[0]])) <= width:
        first.append(words.pop(0))
    rest: list[Line] = []
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > width:
            rest.append([dim(line)])
            line = word
        else:
            line = f"{line} {word}".strip()
    return [[dim(" ".join(first))], *rest, *([[dim(cut(line, width))]] if line else [])]


def _named(name: str, line: Line, width: int) -> Line:
    return fit([dim(f"{name:<{NAME}}"), *line], width)


def _told(name: str, text: str, tone: str, width: int) -> list[Line]:
    """Prose behind a name, in as many lines as it takes."""
    lines = wrapped_after(text, max(8, width - NAME), 0)
    return [
        [dim(f"{name if not i else '':<{NAME}}"), *((part, tone) for part, _ in line)]
        for i, line in enumerate(lines)
    ]
