"""The lines at the edges: header, replicas, keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from capmon.model.frame import Frame, HostFacts
from capmon.model.metric import Unit
from capmon.model.results import ActionState, Outcome, Predicted, ReplicaState, SourceState
from capmon.model.units import show, show_metric, span
from capmon.ui.commands import COMMANDS, VIEWS, offered
from capmon.ui.panes.figures import spoken
from capmon.ui.panes.mark import NARROW, WIDE, mark, recorded
from capmon.ui.widgets.grid import Grid
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import (
    Line,
    as_many,
    bold,
    dim,
    fit,
    ink,
    join,
    length,
    spread,
)

RECENT = 300.0
"""Seconds for which the last action's effect stands in place of the advice's."""

UNREACHED = ("connection", "connect ", "no answer in", "timed out", "unreachable")
"""What errors say, each in its way, when nothing is heard of the target."""


class Bar(Grid):
    """One line that fills the width."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Show a line, now or as soon as there is room for it."""
        self._content = list(lines)
        super().show(lines)

    def on_resize(self) -> None:
        """Show the line again: while it was hidden, there was no room for it."""
        self.show(self._content)


def header(frame: Frame | None, view: View, width: int) -> Line:
    """Who this is, and whether what is shown is live."""
    left: Line = [bold(" capmon", "accent")]
    if frame is not None and frame.host is None and frame.past is not None:
        return spread([*left, dim("  "), ink(frame.past.name)], clock(frame, view, width), width)
    if frame is not None and frame.host is not None:
        host = frame.host
        parts: list[Line] = [[ink(host.hostname)], [dim(system(host))], [dim(cores(host))]]
        parts += [[dim(memory(host))]]
        if host.boot_time is not None:
            parts.append([dim(f"up {span(frame.at - host.boot_time)}")])
        right = clock(frame, view, width)
        return spread([*left, dim("  "), *as_many(parts, width - 9 - length(right), " · ")], right, width)  # fmt: skip
    return [*left, dim("  reading this host")]


def system(host: HostFacts) -> str:
    """Name and version without what everybody knows: `Debian 12`."""
    return host.system.partition(" (")[0].replace("GNU/Linux ", "")


def cores(host: HostFacts) -> str:
    """`2 cores`, and the cgroup's share of them where there is one."""
    text = f"{host.cores} core{'s' if host.cores != 1 else ''}"
    if host.cpu_limit_origin != "machine":
        text += f", cgroup {host.cpu_limit:g}"
    return text


def memory(host: HostFacts) -> str:
    """Memory that may be used, and whose limit that is."""
    text = str(show(host.memory_limit, Unit.BYTES))
    return text if host.memory_limit_origin == "machine" else f"cgroup {text}"


def clock(frame: Frame, view: View, width: int = WIDE) -> Line:
    """State of the whole, pace, window and time; of the past, which moment it is."""
    if frame.past is not None:
        found = [bold(f"/{view.filter}  ", "accent")] if view.filter else []
        return [*found, *mark(frame, frame.past, view, width), dim(" ")]
    moment = datetime.fromtimestamp(frame.at, UTC)
    bad = [h for h in frame.health if h.state in (SourceState.FAILING, SourceState.LATE)]
    if view.paused:
        state = bold("‖ paused", "warning")
    elif bad:
        state = ("◐ ", "warning")[0] + f"{bad[0].source} {bad[0].state.value}", "warning!"
    else:
        state = ("● live", "ok")
    # The pace beside a held screen would read as its age.
    pace = "" if view.paused else f"{frame.interval:g} s  "
    of = "at " if view.paused else ""
    filter_ = [bold(f"/{view.filter}  ", "accent")] if view.filter else []
    kept = recorded(frame.recording)
    return [*filter_, state, *kept, dim(f"  {pace}{view.window}  {of}{moment:%H:%M:%S} UTC ")]


def replicas(frame: Frame | None, view: View, width: int) -> Line:
    """The scale target, the advice, what it would change, and the last action's effect."""
    if frame is None or frame.replicas is None:
        return fit([dim(" replicas  no scale target: set scaling.target in capmon.yaml")], width)
    state = frame.replicas
    last = frame.outcomes[0] if frame.outcomes else None
    fresh = last if last is not None and frame.at - last.at < RECENT else None
    parts = advice(frame)
    if fresh is not None:
        # Beside the last action the next one is named; what it would change waits.
        parts = parts[:1] if _changes(frame) else []
        done = effect(fresh)
        parts += [[dim("  "), *done[0]] if parts else done[0], *done[1:]]
    # A count that is not known says more than that nothing is advised.
    least = min(len(parts), 0 if state.ready is None else 1)
    bounds = "" if state.minimum is None else f", {state.minimum}–{state.maximum}, {state.kind}"
    # That nothing can be done here is said before why one would.
    right = ([], False) if frame.past is not None else (mode(view), view.read_only)
    return _fitted(state, bounds, parts, least, right, width)


def _fitted(
    state: ReplicaState,
    bounds: str,
    parts: list[Line],
    least: int,
    right: tuple[Line, bool],
    width: int,
) -> Line:
    """As much as there is room for, in whole parts: bounds give way first, then the mode, then what is said.

    Args:
        state: The scale target.
        bounds: Its bounds and kind.
        parts: The answer and what is said to it, the weightiest first; each begins with its gap.
        least: So many of the parts stay as long as any.
        right: What stands at the right end, and whether it stays as long as the answer does.
        width: Cells.
    """
    gap = "    " if width >= WIDE else "  "
    for kept in range(len(parts), least - 1, -1):
        said = [run for part in parts[:kept] for run in part]
        whole = bounds if kept == len(parts) else ""
        bare = right[0] if right[1] else []
        for limits, end in ((whole, right[0]), ("", right[0]), ("", bare)):
            left = join([_count(state, limits, width), said], gap)
            if length(left) + length(end) < width:
                return spread(left, end, width)
    said = [run for part in parts[:least] for run in part]
    return fit([dim(" "), *said] if said else _count(state, "", width), width)


def _count(state: ReplicaState, limits: str, width: int) -> Line:
    """`replicas 4 of 4 ready, 2–10, swarm`, or why that is not known."""
    ready = "–" if state.ready is None else str(state.ready)
    desired = "–" if state.desired is None else str(state.desired)
    name = " replicas " if width >= NARROW else " "
    line: Line = [dim(name), bold(ready), dim(f" of {desired} ready{limits}")]
    if state.ready is None:
        line += [("  ▲ ", "warning"), dim(_silence(state.reason))]
    return line


def _silence(reason: str) -> str:
    """Why a count is not known, in few words; the sources have the whole of it."""
    if any(sign in reason.lower() for sign in UNREACHED):
        return "target does not answer"
    # Which request it was says less here than what came of it.
    said = re.sub(r"^[A-Z]+ \S+: ", "", reason)
    return clauses(said)[0] if said else "count not known"


def _changes(frame: Frame) -> bool:
    """Whether the advice asks for anything."""
    state, found = frame.replicas, frame.advice
    return state is not None and found is not None and found.to not in (None, state.desired)


def mode(view: View) -> Line:
    """Whether keys act."""
    if view.read_only:
        return [bold("read-only ", "warning")]
    return [bold("dry-run ", "warning")] if view.mode == "dry-run" else [dim("scaling on ")]


def advice(frame: Frame) -> list[Line]:
    """`advice +1 → 5: 137 req/s take 5  cpu 62 → 50 %, p95 187 → 149 ms (140–160)` in parts.

    The first is the answer; each part after it can go without those behind it.
    """
    found = frame.advice
    if found is None:
        return []
    said = clauses(found.reason)
    if found.to is None or frame.replicas is None or frame.replicas.desired is None:
        return [[dim("advice none")], *_told(said)]
    change = found.to - frame.replicas.desired
    if change == 0:
        return [[dim("advice stay")], *_told(said)]
    head: Line = [dim("advice "), bold(f"{change:+d} → {found.to}", "accent")]
    effects = [effect_text(p) for p in told(found.predicted) if p.after is not None]
    texts = [f"{', ' if i else '  '}{text}" for i, text in enumerate(effects)]
    return [head, *_told(said[:1]), *([dim(text)] for text in texts)]


def _told(said: list[str]) -> list[Line]:
    """A reason behind the answer, a part for each clause."""
    return [[dim(f": {text}" if not i else text)] for i, text in enumerate(said)]


def clauses(reason: str) -> list[str]:
    """A sentence in parts, each of which says something true together with those before it.

    A clause that turns round what stands before it stays with it: `3 would do, but cpu binds`.
    """
    return [part for part in re.split(r"(?=[;:,] (?!but |watched ))", reason) if part]


def told(predicted: tuple[Predicted, ...]) -> list[Predicted]:
    """What fits into one line: memory follows users, who do not mind how many replicas there are."""
    return [p for p in predicted if "memory" not in p.metric]


def effect_text(predicted: Predicted) -> str:
    """`p95 187 → 149 ms (140–160)`."""
    name = spoken(predicted.metric)
    if predicted.after is None:
        return f"{name} not known"
    before = show_metric(predicted.metric, predicted.before)
    after = show_metric(predicted.metric, predicted.after.value)
    if before.unit == after.unit:
        text = f"{name} {before.number} → {after.number} {after.unit}"
    else:
        text = f"{name} {before} → {after}"
    low, high = predicted.after.low, predicted.after.high
    if low is None or high is None:
        return text
    return f"{text} {_span(predicted.metric, max(low, 0.0), high, after.unit)}"


def _span(metric_key: str, low: float, high: float, unit: str) -> str:
    """`(140–160)`, with units where they are not the value's."""
    first, last = show_metric(metric_key, low), show_metric(metric_key, high)
    # Zero has no natural unit, and takes the value's.
    if last.unit == unit and (first.unit == unit or low == 0):
        return f"({first.number}–{last.number})"
    return f"({first}–{last})"


def effect(outcome: Outcome) -> list[Line]:
    """What the last action did, in parts: how far it is, then predicted against actual."""
    steps: Line = [dim("last "), bold(f"{outcome.origin} → {outcome.to}")]
    change: Line = [*steps, dim(f" {outcome.state.value}")]
    if outcome.state in (ActionState.FAILED, ActionState.REFUSED):
        said = clauses(outcome.detail) or [""]
        return [change, [("  " + said[0], "warning")], *([(t, "warning")] for t in said[1:])]
    if outcome.state is ActionState.DRY_RUN:
        return [change, [dim(", nothing was run")]]
    if not outcome.settled:
        return [change, [dim(f", {outcome.detail}" if outcome.detail else ", settling")]]
    actual = dict(outcome.actual)
    return [steps, *([dim("  "), *against(p, actual)] for p in told(outcome.predicted))]


def against(predicted: Predicted, actual: Mapping[str, float]) -> Line:
    """`p95 said 149 (140–160), was 152 ms ✓`: what was measured once the action had settled."""
    name = spoken(predicted.metric)
    value = actual.get(predicted.metric)
    seen = show_metric(predicted.metric, value)
    if predicted.after is None:
        return [dim(f"{name} was "), bold(seen.number), dim(f" {seen.unit}")]
    said = show_metric(predicted.metric, predicted.after.value)
    low, high = predicted.after.low, predicted.after.high
    told_ = said.number if said.unit == seen.unit else str(said)
    if low is None or high is None or value is None:
        return [dim(f"{name} said {told_}, was "), bold(seen.number), dim(f" {seen.unit}")]
    inside = low <= value <= high
    span_ = _span(predicted.metric, max(low, 0.0), high, said.unit)
    return [
        dim(f"{name} said {told_} {span_}, was "),
        bold(seen.number, "ink" if inside else "warning"),
        dim(f" {seen.unit} "),
        ("✓", "ok") if inside else bold("▲ outside", "warning"),
    ]


def keys(view: View, width: int, names: Mapping[str, str], frame: Frame | None = None) -> Line:
    """As many keys as fit, the most needed first."""
    views: Line = [bold(f"1-{len(VIEWS)}", "accent"), dim(" views")]
    past = None if frame is None else frame.past
    if past is not None:
        through = [] if past.kind == "file" else THROUGH_TIME
        labels = {"pause": "play" if view.paused else "stand"}
        parts = [_key(ids, names, labels.get(ids[0], label)) for ids, label in (*through, *IN_THE_PAST)]  # fmt: skip
        parts.insert(len(through) + 2, views)
        return [dim(" "), *as_many(parts, width - 1, "  ")]
    chosen = sorted((c for c in offered(read_only=view.read_only) if c.footer), key=lambda c: c.footer)  # fmt: skip
    parts = [_key((c.id,), names, c.label) for c in chosen]
    parts.insert(4, views)
    return [dim(" "), *as_many(parts, width - 1, "  ")]


THROUGH_TIME: list[tuple[tuple[str, ...], str]] = [
    (("now",), "now"),
    (("step_back", "step_forward"), "step"),
    (("pause",), "play"),
    (("jump",), "go to"),
    (("event_before", "event_next"), "events"),
]
"""Commands that go through time, and what the footer calls them together."""

IN_THE_PAST: list[tuple[tuple[str, ...], str]] = [
    (("help",), "help"),
    (("quit",), "quit"),
    (("window_less", "window_more"), "window"),
    (("what_if",), "what-if"),
    (("filter",), "filter"),
    (("copy",), "copy"),
    (("export",), "export"),
]
"""Commands behind them: nothing is scaled in the past."""


def _key(ids: Sequence[str], names: Mapping[str, str], text: str) -> Line:
    """The keys of some commands, and what they do together."""
    shown = {c.id: c.shown for c in COMMANDS}
    return [bold(" ".join(names.get(i, shown[i]) for i in ids), "accent"), dim(f" {text}")]
