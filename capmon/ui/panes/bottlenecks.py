"""Bottlenecks, the worst first: what, how we know, what it does, who causes it, what to do."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Worse, metric
from capmon.model.results import Bottleneck, Priority, SourceState, Trigger
from capmon.model.units import digits, show_metric, span
from capmon.ui.panes import todo
from capmon.ui.panes.chosen import MARK, bottleneck_of, marked, window
from capmon.ui.panes.common import loading
from capmon.ui.panes.triggers import STATES
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink, join, length, padded

ALONE = 60
"""Below this width no other pane stands beside the list."""

EVIDENCE = 26
"""Cells of `81 % > 80 % for 4 m` and what may follow it."""

IMPACT = 38
CULPRIT = 20
STEP = 36
"""Cells of a usual first thing to do."""

LEAST_LISTED = 3
"""Rows from which what binds next stands below the verdict, in columns."""

COMPONENT = 13
"""Cells of `cpu pressure` and the gap after it."""


class BottlenecksPane(Pane):
    """Bottlenecks."""

    name_of_pane = "bottlenecks"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line each, then what to do where there is room."""
        title = "bottlenecks"
        if frame.priority is not Priority.NONE:
            title += f" · scaling priority {frame.priority.value}"
        return Drawing(title, draw(frame, width, height))


class RankedPane(Pane):
    """The bottlenecks to choose from."""

    name_of_pane = "ranked"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line each, the selected one marked and always in view."""
        title = "bottlenecks"
        if frame.priority is not Priority.NONE:
            title += f" · scaling priority {frame.priority.value}"
        return Drawing(title, ranked(frame, view, width, height))


def ranked(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines, the worst bottleneck first."""
    chosen = bottleneck_of(frame, view)
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    if chosen is None:
        return _calm(frame, height)
    at = next(i for i, b in enumerate(frame.bottlenecks) if b is chosen)
    widest = max(len(todo_of(b)) for b in frame.bottlenecks)
    lines = [
        marked(row(b, width - MARK, widest), selected=b is chosen)
        for b in window(frame.bottlenecks, at, height)
    ]
    waiting = pending(frame, height - len(lines))
    lines += [marked(line, selected=False) for line in waiting]
    # Alone on a small screen, the list says what it can of the selected one.
    return (
        [*lines, [], *todo.draw(chosen, height - len(lines) - 1)][:height]
        if width < ALONE
        else lines
    )


def _calm(frame: Frame, height: int) -> list[Line]:
    """The verdict where nothing binds, and what binds next as far as there is room."""
    head = _verdict(frame, height)
    room = height - len(head)
    rest = _next(frame)
    if room >= len(rest) or len(rest) < 2:
        lines = [*head, *rest]
    elif len(head) > 1:
        lines = [*head, [dim("next"), *rest[1]]]
    elif height >= LEAST_LISTED:
        lines = [join([*head, [dim("what binds next:")]], "   "), *rest[1:]]
    else:
        lines = [join([*head, [dim("next"), *rest[1]]], "   "), *rest[2:]]
    return lines[:height]


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines."""
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    if not frame.bottlenecks:
        head = _verdict(frame, height)
        return [*head, *([[], *_next(frame)] if height > len(head) + 2 else [])][:height]
    widest = max(len(todo_of(b)) for b in frame.bottlenecks)
    lines = [row(b, width, widest) for b in frame.bottlenecks]
    lines += pending(frame, height - len(lines))
    room = height - len(lines)
    if room >= 2:
        lines += advice_lines(frame, room)
    return lines[:height]


def _verdict(frame: Frame, height: int) -> list[Line]:
    """Nothing binds, as far as is known: what does not answer cannot be judged, and what is past waits."""
    silent = [h for h in frame.health if h.state in (SourceState.FAILING, SourceState.LATE)]
    if not silent:
        return pending(frame, height) or [[("● ", "ok"), ink("none now")]]
    names = ", ".join(f"{h.source} {h.state.value}" for h in silent)
    unknown: Line = [("◐ ", "warning"), ink("none known"), dim(f": {names}, so not judged")]
    return [*pending(frame, height - 1), unknown]


def pending(frame: Frame, room: int) -> list[Line]:
    """What is past its threshold but not yet for its time, the worst first, in so many lines."""
    known = {b.component for b in frame.bottlenecks}
    past = [
        (-t.distance, t)
        for t in frame.triggers
        if not t.triggered
        and t.distance is not None
        and t.distance > 0
        and t.component not in known
    ]
    lines = [_waiting(t) for _, t in sorted(past, key=lambda pair: pair[0])]
    state = frame.replicas
    if state is not None and "replicas" not in known and None not in (state.ready, state.desired):
        ready, desired = state.ready or 0, state.desired or 0
        if ready < desired:
            at = 0 if not ready else len(lines)
            lines.insert(at, [("◐ ", "warning"), ink(f"{ready} of {desired} replicas ready")])
    if len(lines) <= room:
        return lines
    more = len(lines) - room
    return [*lines[: room - 1], [*lines[room - 1], dim(f", {more} more")]] if room > 0 else []


def _waiting(trigger: Trigger) -> Line:
    """`◐ p95 latency 999 ms > 250 ms, 12 of 30 s`."""
    entry = metric(trigger.metric)
    name = "p95 latency" if trigger.component == "latency" else trigger.component
    value = show_metric(trigger.metric, trigger.value)
    limit = show_metric(trigger.metric, trigger.threshold)
    sign = "<" if entry.worse is Worse.LOW else ">"
    said = f"{value} {sign} {limit}" if str(value) != str(limit) else f"just past {limit}"
    if trigger.metric in STATES:
        said = STATES[trigger.metric][0]
    held, needed = span(trigger.sustained), span(trigger.sustain)
    if held.split()[-1] == needed.split()[-1]:
        held = held.split()[0]
    return [("◐ ", "warning"), ink(f"{name} {said}"), dim(f", {held} of {needed}")]


def _next(frame: Frame) -> list[Line]:
    """What load would bind next, the nearest first."""
    known = [h for h in frame.headroom if h.at is not None]
    if not known:
        return [[dim("what load binds next is not known yet")]]
    lines: list[Line] = [[dim("binds next")]]
    for h in known:
        if h.at is None:
            continue
        entry = metric(h.target)
        limit = show_metric(h.target, h.limit)
        unit = "users" if "users" in h.load else "req/s"
        at = f"{limit} at {digits(h.at.value)} {unit}"
        line: Line = [dim("  "), (padded(entry.label, 12)[0], "ink!"), padded(at, 24)]
        if h.multiple is not None:
            tone = "warning" if h.multiple < 1.1 else "ink"
            line += [bold(f"{h.multiple:.2f}×".rjust(6), tone), dim(" the load now")]
        if h.extrapolated:
            line.append(dim(", beyond the load seen"))
        lines.append(line)
    return lines


def todo_of(bottleneck: Bottleneck) -> str:
    """The first thing to do about it."""
    if bottleneck.recovering:
        return "wait until it is over"
    return bottleneck.recommendations[0].text if bottleneck.recommendations else ""


def row(bottleneck: Bottleneck, width: int, widest: int = STEP) -> Line:
    """Severity, what, evidence, impact, culprit, what to do, in columns of fixed width.

    Args:
        bottleneck: What to show.
        width: Cells.
        widest: Cells that the longest thing to do of all rows takes.
    """
    glyph, tone = SEVERITY[bottleneck.severity]
    word = bottleneck.severity.value
    if bottleneck.recovering:
        glyph, tone, word = "◇", "dim", "easing"
    line: Line = [bold(f"{glyph} {word:<9}", tone)]
    line += _named(bottleneck.component, "ink!")
    evidence = bottleneck.evidence[0].text if bottleneck.evidence else ""
    line.append(padded(evidence, min(EVIDENCE, max(12, width - length(line)))))
    room = width - length(line)
    if room < 22:
        return line
    # Prose gives way first: the impact, then the culprit, never what to do.
    prose = room - widest - 2
    if prose >= IMPACT + CULPRIT:
        line.append((padded("  " + bottleneck.impact, IMPACT)[0], "dim"))
        line.append((padded("  " + bottleneck.culprit, prose - IMPACT)[0], "dim"))
    elif prose >= CULPRIT:
        line.append((padded("  " + (bottleneck.culprit or bottleneck.impact), prose)[0], "dim"))
    return [*line, dim("  "), ink(todo_of(bottleneck))]


def advice_lines(frame: Frame, room: int) -> list[Line]:
    """The next recommendations of each bottleneck, most urgent first."""
    shown = {b.recommendations[0].text for b in frame.bottlenecks if b.recommendations}
    rest = [r for r in frame.recommendations if r.text not in shown][: room - 1]
    if not rest:
        return []
    return [
        [],
        *([dim(f"  {r.when.value:<11}"), *_named(r.component, "dim"), ink(r.text)] for r in rest),
    ]


def _named(component: str, tone: str) -> Line:
    """What it is about, in a column that ends in a gap however long the name is."""
    return [(padded(component, COMPONENT - 1)[0], tone), ink(" ")]
