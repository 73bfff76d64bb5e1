"""Whether the last scale action worked: replicas asked for and ready, and each metric said against measured."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.results import ActionState, Outcome, Predicted
from capmon.model.units import UNKNOWN, show_metric, span
from capmon.ui.panes.bars import clauses, told
from capmon.ui.panes.figures import between, clock, spoken
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, Run, as_many, bold, dim, ink, join, length, padded

METRIC, BEFORE, SAID, WAS = 11, 10, 17, 10
"""Cells of the columns."""

WORDS = METRIC + SAID + WAS + 11
"""Cells from which the verdict has its word, and with the column of values before from so many more."""


class WorkedPane(Pane):
    """The last action's effect."""

    name_of_pane = "worked"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """What was asked for and came, then one line a metric, then the offer to take it back."""
        if not frame.outcomes:
            return Drawing("did it work", [_none(view, width)])
        last = frame.outcomes[0]
        title = f"did it work · {len(frame.outcomes)} at {clock(last.at, frame.at)}"
        return Drawing(title, draw(frame, view, width, height), fixed=1)


def _none(view: View, width: int) -> Line:
    """That nothing was done yet, and how it would be."""
    said: Line = [dim("no action in this session")]
    if view.read_only:
        return said
    up, down = (view.key_names.get(c, k) for c, k in (("up", "+"), ("down", "-")))
    keys: Line = [bold(up, "accent"), dim(" or "), bold(down, "accent"), dim(" proposes one")]
    return as_many([said, keys], width, ": ")


def draw(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines of the last action, those of earlier ones below where there is room."""
    last = frame.outcomes[0]
    lines = [came(last)]
    offer = _offer(last, view, width)
    room = height - len(lines) - len(offer)
    lines += table(last, width, room)
    lines += offer
    for earlier in frame.outcomes[1:]:
        if height - len(lines) < 3:
            break
        lines += [[], came(earlier), *table(earlier, width, height - len(lines) - 2)]
    return lines[:height]


def came(outcome: Outcome) -> Line:
    """`4 → 5  all 5 ready after 12 s`, or how far it is, or why it failed."""
    change: Line = [bold(_change(outcome)), dim("  ")]
    match outcome.state:
        case ActionState.FAILED | ActionState.REFUSED:
            return [*change, bold("▲ ", "warning"), ink(f"{outcome.state.value}: {outcome.detail}")]
        case ActionState.DRY_RUN:
            return [*change, dim("dry-run: it was logged, nothing was run")]
        case ActionState.DONE if outcome.ready_after is not None:
            head = f"all {outcome.to} ready after {span(outcome.ready_after)}"
            rest = _remark(outcome) if outcome.settled else "measuring the effect"
            return [*change, ink(head), dim(f"; {rest}" if rest else "")]
        case _:
            rest = f": {outcome.detail}" if outcome.detail else ""
            return [*change, ink(outcome.state.value), dim(rest)]


def _remark(outcome: Outcome) -> str:
    """What is said of it besides that it is ready, which stands before it."""
    parts = outcome.detail.split("; ")
    return "; ".join(p for p in parts if " ready after " not in p)


def _change(outcome: Outcome) -> str:
    origin, to = ("–" if n is None else str(n) for n in (outcome.origin, outcome.to))
    return f"{origin} → {to}"


def table(outcome: Outcome, width: int, height: int) -> list[Line]:
    """A head and one line a metric, once the effect was measured or while it is expected."""
    if height < 1 or outcome.state not in (
        ActionState.RUNNING,
        ActionState.ACCEPTED,
        ActionState.DONE,
    ):
        return []
    full = width >= WORDS + BEFORE
    actual = dict(outcome.actual)
    told_once = _told_once(outcome)
    rows = [row(p, actual.get(p.metric), width, settled=outcome.settled) for p in told_once]
    if len(rows) > height:
        # Without room for all, what came otherwise than it was said comes first.
        shown = sorted(told_once, key=lambda p: _surprise(p, actual.get(p.metric)))
        rows = [row(p, actual.get(p.metric), width, settled=outcome.settled) for p in shown]
    if len(rows) < height and rows:
        before = f"{'before':>{BEFORE}}" if full else ""
        rows.insert(0, [dim(f"{'':<{METRIC}}{before}{'said':>{SAID}}{'was':>{WAS}}")])
    return rows[:height]


def _told_once(outcome: Outcome) -> list[Predicted]:
    """A metric for each name: memory is told in bytes or as a share, whichever was predicted."""
    out: dict[str, Predicted] = {}
    for p in outcome.predicted:
        name = spoken(p.metric)
        if name not in out or (out[name].after is None and p.after is not None):
            out[name] = p
    return list(out.values())


def _surprise(predicted: Predicted, actual: float | None) -> int:
    """0 for what came otherwise than it was said, 1 for the rest."""
    return 0 if verdict(predicted, actual, settled=True)[1].startswith("warning") else 1


def row(predicted: Predicted, actual: float | None, width: int, *, settled: bool) -> Line:
    """Name, value before, what was said with its interval, what came, and whether it was inside."""
    line: Line = [padded(spoken(predicted.metric), METRIC - 1, "dim"), dim(" ")]
    beside = actual
    if width >= WORDS + BEFORE:
        line.append(dim(f"{_value(predicted.metric, predicted.before):>{BEFORE}}"[:BEFORE]))
        beside = predicted.before if actual is None else actual
    said = _said(predicted, beside)
    line.append(padded(f"{said:>{SAID}}", SAID, "dim"))
    known = actual is not None
    shown = _value(predicted.metric, actual) if known or settled else "…"
    line.append((f"{shown:>{WAS}}"[:WAS], "ink!" if known else "dim"))
    text, tone = verdict(predicted, actual, settled=settled)
    # Without room for its word the glyph alone stands.
    return [*line, dim("  "), (text if width >= WORDS else text[:1], tone)]


def _value(metric_key: str, value: float | None) -> str:
    return str(show_metric(metric_key, value)) if value is not None else UNKNOWN


def _said(predicted: Predicted, beside: float | None) -> str:
    """`149 (140–160)`, its unit only where it is not that of the value beside it."""
    if predicted.after is None:
        return "not known"
    shown = show_metric(predicted.metric, predicted.after.value)
    same = beside is not None and shown.unit == show_metric(predicted.metric, beside).unit
    number = shown.number if same else str(shown)
    low, high = predicted.after.low, predicted.after.high
    if low is None or high is None:
        return number
    return f"{number} ({between(predicted.metric, max(low, 0.0), high)})"


def verdict(predicted: Predicted, actual: float | None, *, settled: bool) -> Run:
    """`✓ inside` or `▲ outside`; blank where nothing can be judged."""
    after = predicted.after
    if after is None or after.low is None or after.high is None:
        return dim("")
    if actual is None:
        return dim("not measured" if settled else "")
    if after.low <= actual <= after.high:
        return "✓ inside", "ok"
    return bold("✗ outside", "warning")


def _offer(outcome: Outcome, view: View, width: int) -> list[Line]:
    """That the objective got worse, and the key that takes the action back."""
    if not outcome.worse:
        return []
    said: Line = [bold("▲ worse ", "warning"), ink(outcome.worse)]
    if outcome.rollback is None or view.read_only:
        return [said]
    key = view.key_names.get("rollback", "u")
    keys: Line = [bold(key, "accent"), dim(f" takes it back to {outcome.rollback}")]
    whole = join([said, keys], "  ")
    return [whole] if sum(len(t) for t, _ in whole) <= width else [said, [dim("  "), *keys]]


def brief(outcome: Outcome, width: int) -> Line:
    """`4 → 5 done in 12 s · cpu 84 → 67 % (said 66–70)`: as much as fits."""
    change: Line = [bold(_change(outcome))]
    state = outcome.state
    if state in (ActionState.FAILED, ActionState.REFUSED):
        return join([change, [(state.value, "warning")], [dim(outcome.detail)]], " ")
    if state is ActionState.DRY_RUN:
        return join([change, [dim("dry-run, nothing was run")]], " ")
    took = "" if outcome.ready_after is None else f" in {span(outcome.ready_after)}"
    head = join([change, [dim(f"{state.value}{took}")]], " ")
    if not outcome.settled:
        ready = state is ActionState.DONE
        return join([head, [dim("measuring the effect" if ready else outcome.detail)]], " · ")
    actual = dict(outcome.actual)
    known = [p for p in told(outcome.predicted) if p.metric in actual]
    worse = _worse(outcome, width - length(head) - 3)
    # What was said gives way before what came.
    for said in (True, False):
        parts = [_effect(p, actual[p.metric], said=said) for p in known]
        whole = as_many([head, *worse, *parts], width, " · ")
        if known and length(whole) >= length(join([head, *worse, parts[0]], " · ")):
            return whole
    return as_many([head, *worse], width, " · ") or head


def _worse(outcome: Outcome, width: int) -> list[Line]:
    """`▲ p95 274 → 287 ms`, without figures where they have no room; nothing where it got no worse."""
    if not outcome.worse:
        return []
    figures: Line = [bold("▲ ", "warning"), ink(clauses(outcome.worse)[0])]
    return [figures if length(figures) <= width else [bold("▲ worse", "warning")]]


def _effect(predicted: Predicted, actual: float, *, said: bool) -> Line:
    """`cpu 84 → 67 % (said 66–70)`; what lies outside stands out."""
    before, after = (show_metric(predicted.metric, v) for v in (predicted.before, actual))
    first = before.number if before.unit == after.unit else str(before)
    name = spoken(predicted.metric).removeprefix("app ")
    outside = verdict(predicted, actual, settled=True)[1].startswith("warning")
    line: Line = [dim(f"{name} {first} → "), bold(after.number, "warning" if outside else "ink")]
    line.append(dim(f" {after.unit}"))
    after_ = predicted.after
    if said and after_ is not None and after_.low is not None and after_.high is not None:
        line.append(dim(f" (said {between(predicted.metric, max(after_.low, 0.0), after_.high)})"))
    return line
