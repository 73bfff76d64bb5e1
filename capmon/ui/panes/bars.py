"""The lines at the edges: header, replicas, keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from capmon.model.frame import Frame, HostFacts
from capmon.model.metric import Unit, metric
from capmon.model.results import ActionState, Outcome, Predicted, SourceState
from capmon.model.units import show, show_metric, span
from capmon.ui.commands import offered
from capmon.ui.widgets.grid import Grid
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import Line, as_many, bold, dim, ink, join, length, spread

WIDE = 100
"""From this width on, the replicas line names limits and kind of the target."""

RECENT = 300.0
"""Seconds for which the last action's effect stands in place of the advice's."""

NARROW = 60
"""Below this width the replicas line leaves out its name, for the advice to fit."""


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
    if frame is not None and frame.host is not None:
        host = frame.host
        parts: list[Line] = [[ink(host.hostname)], [dim(system(host))], [dim(cores(host))]]
        parts += [[dim(memory(host))]]
        if host.boot_time is not None:
            parts.append([dim(f"up {span(frame.at - host.boot_time)}")])
        right = clock(frame, view)
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


def clock(frame: Frame, view: View) -> Line:
    """State of the whole, pace, window and time."""
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
    return [*filter_, state, dim(f"  {pace}{view.window}  {of}{moment:%H:%M:%S} UTC ")]


def replicas(frame: Frame | None, view: View, width: int) -> Line:
    """The scale target, the advice, what it would change, and the last action's effect."""
    if frame is None or frame.replicas is None:
        return [dim(" replicas  no scale target: set scaling.target in capmon.yaml")]
    state = frame.replicas
    ready = "–" if state.ready is None else str(state.ready)
    desired = "–" if state.desired is None else str(state.desired)
    last = frame.outcomes[0] if frame.outcomes else None
    fresh = last if last is not None and frame.at - last.at < RECENT else None
    limits = f", {state.minimum}–{state.maximum}" if width >= WIDE else ""
    if limits and fresh is None:
        limits += f", {state.kind}"
    name = " replicas " if width >= NARROW else " "
    line: Line = [dim(name), bold(ready), dim(f" of {desired} ready{limits}")]
    if state.ready is None:
        line += [("  ▲ ", "warning"), dim(state.reason or "count not known")]
    gap = "    " if width >= WIDE else "  "
    if fresh is not None:
        line = join([line, advice(frame)[:2] if _changes(frame) else [], effect(fresh)], "  ")
    elif frame.advice is not None:
        line = join([line, advice(frame)], gap)
    return spread(line, mode(view), width)


def _changes(frame: Frame) -> bool:
    """Whether the advice asks for anything."""
    state, found = frame.replicas, frame.advice
    return state is not None and found is not None and found.to not in (None, state.desired)


def mode(view: View) -> Line:
    """Whether keys act."""
    if view.read_only:
        return [bold("read-only ", "warning")]
    return [bold("dry-run ", "warning")] if view.mode == "dry-run" else [dim("acting ")]


def advice(frame: Frame) -> Line:
    """`advice +1 → 5  cpu 62 → 50 %, p95 187 → 149 ms (140–160)`."""
    found = frame.advice
    if found is None:
        return []
    if found.to is None or frame.replicas is None or frame.replicas.desired is None:
        return [dim(f"advice none: {found.reason}")]
    change = found.to - frame.replicas.desired
    if change == 0:
        return [dim("advice stay"), dim(f": {found.reason}" if found.reason else "")]
    line: Line = [dim("advice "), bold(f"{change:+d} → {found.to}", "accent")]
    effects = [effect_text(p) for p in told(found.predicted) if p.after is not None]
    return [*line, dim("  " + ", ".join(effects))]


def told(predicted: tuple[Predicted, ...]) -> list[Predicted]:
    """What fits into one line: memory follows users, who do not mind how many replicas there are."""
    return [p for p in predicted if "memory" not in p.metric]


def effect_text(predicted: Predicted) -> str:
    """`p95 187 → 149 ms (140–160)`."""
    entry = metric(predicted.metric)
    if predicted.after is None:
        return f"{entry.label} not known"
    before = show_metric(predicted.metric, predicted.before)
    after = show_metric(predicted.metric, predicted.after.value)
    if before.unit == after.unit:
        text = f"{entry.label} {before.number} → {after.number} {after.unit}"
    else:
        text = f"{entry.label} {before} → {after}"
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


def effect(outcome: Outcome) -> Line:
    """What the last action did: how far it is, then predicted against actual."""
    steps: Line = [dim("last "), bold(f"{outcome.origin} → {outcome.to}")]
    change: Line = [*steps, dim(f" {outcome.state.value}")]
    if outcome.state in (ActionState.FAILED, ActionState.REFUSED):
        return [*change, ("  " + outcome.detail, "warning")]
    if outcome.state is ActionState.DRY_RUN:
        return [*change, dim(", nothing was run")]
    if not outcome.settled:
        return [*change, dim(f", {outcome.detail}" if outcome.detail else ", settling")]
    return join([steps, *(against(p, dict(outcome.actual)) for p in told(outcome.predicted))], "  ")


def against(predicted: Predicted, actual: Mapping[str, float]) -> Line:
    """`p95 said 149, was 152 ms`: what was measured once the action had settled."""
    entry = metric(predicted.metric)
    seen = show_metric(predicted.metric, actual.get(predicted.metric))
    if predicted.after is None:
        return [dim(f"{entry.label} was "), bold(seen.number), dim(f" {seen.unit}")]
    said = show_metric(predicted.metric, predicted.after.value)
    low, high, value = predicted.after.low, predicted.after.high, actual.get(predicted.metric)
    inside = value is None or low is None or high is None or low <= value <= high
    return [
        dim(f"{entry.label} said {said.number}, was "),
        bold(seen.number, "ink" if inside else "warning"),
        dim(f" {seen.unit}" if inside else f" {seen.unit} ▲ off"),
    ]


def keys(view: View, width: int, names: Mapping[str, str]) -> Line:
    """As many keys as fit, the most needed first."""
    chosen = sorted((c for c in offered(read_only=view.read_only) if c.footer), key=lambda c: c.footer)  # fmt: skip
    parts: list[Line] = [
        [bold(names.get(c.id, c.shown), "accent"), dim(f" {c.label}")] for c in chosen
    ]
    parts.insert(4, [bold("1-5", "accent"), dim(" views")])
    return [dim(" "), *as_many(parts, width - 1, "  ")]
