"""Replicas over time with the load in the same columns, each action marked, and what came of it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from capmon.model.frame import Frame, Trend
from capmon.model.metric import Unit
from capmon.model.results import ActionState, Outcome
from capmon.model.units import show, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import clock, local_zone
from capmon.ui.panes.scaling_worked import brief
from capmon.ui.widgets.chart import AXIS
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.spark import spark_rows, top_of
from capmon.ui.widgets.steps import HEAVY, LIGHT, StepCanvas, Steps, Timeline, joined, mean
from capmon.ui.widgets.text import Line, Run, dim, join, plain
from capmon.ui.widgets.ticks import time_axis

READY, DESIRED = "replicas.ready", "replicas.desired"
RATE, EACH = "http.server.request.rate", "load.per_replica"

LEAST_FOR_MARKS = 9
"""Rows from which the numbers of actions have a row of their own above the time axis."""

LEAST_FOR_LOAD = 7
LEAST_FOR_BOTH = 18
"""Rows from which the load has a curve, and from which that of one replica has one too."""

TONES = {
    ActionState.REFUSED: "dim",
    ActionState.DRY_RUN: "dim",
    ActionState.FAILED: "warning!",
}
"""Tokens of an action's number; the others changed something."""


class CountsPane(Pane):
    """Replicas over time."""

    name_of_pane = "counts"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The chart, its time axis, and one line an action."""
        title = "replicas"
        if frame.trends.get(READY) is not None:
            title += f" · {HEAVY[0]} ready"
        if _differ(frame):
            title += f", {LIGHT[0]} asked for"
        if local_zone(frame):
            title += " · times in UTC"
        return Drawing(title, draw(frame, width, height), fixed=height)


def _differ(frame: Frame) -> bool:
    """Whether the line of what is asked for can be told from that of what is ready."""
    ready, desired = frame.trends.get(READY), frame.trends.get(DESIRED)
    if ready is None or desired is None:
        return False
    pairs = zip(ready.values, desired.values, strict=False)
    # A gap in both is no difference, though NaN is not equal to itself.
    return any(a != b and not (_gap(a) and _gap(b)) for a, b in pairs)


def _gap(value: float | None) -> bool:
    return value is None or math.isnan(value)


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines: the chart has what the actions leave."""
    told = numbered(frame.outcomes)
    rows = min(len(told), max(1, height // 4)) if height > 1 else 0
    foot = [_action(n, o, frame, width) for n, o in told[:rows]]
    trend = frame.trends.get(READY)
    if trend is None or not trend.values:
        return [_nothing(frame), *foot][:height]
    body = chart(frame, trend, told, width, height - len(foot))
    body += [[] for _ in range(height - len(foot) - len(body))]
    return [*body, *foot][:height]


def _nothing(frame: Frame) -> Line:
    """Why there is no chart."""
    state = frame.replicas
    if state is not None and state.ready is None and state.reason:
        return [("▲ ", "warning"), dim(f"not known: {state.reason}")]
    return [dim("no history yet" if frame.engine_ready else loading(frame))]


def numbered(outcomes: Sequence[Outcome]) -> list[tuple[int, Outcome]]:
    """Actions with their numbers, the latest first: the first of all is 1."""
    return [(len(outcomes) - i, outcome) for i, outcome in enumerate(outcomes)]


def _action(number: int, outcome: Outcome, frame: Frame, width: int) -> Line:
    """`2 14:02 4 → 5 done in 12 s · cpu 84 → 67 % (said 66–70)`."""
    head: Line = [
        (f"{number:>2} ", _tone(outcome)),
        dim(f"{clock(outcome.at, frame.at)} "),
    ]
    return [*head, *brief(outcome, width - 9)]


def _tone(outcome: Outcome) -> str:
    return TONES.get(outcome.state, "accent!")


def chart(
    frame: Frame, trend: Trend, told: Sequence[tuple[int, Outcome]], width: int, height: int
) -> list[Line]:
    """Stepped lines of the counts, the load below them, marks and times; nothing where there is no room."""
    room = width - AXIS
    line = Timeline.of(trend, frame.window, room)
    if room < 8 or height < 2 or not line.seconds:
        return []
    desired = line.values(frame.trends.get(DESIRED), lambda found: found[-1])
    reach = math.ceil(trend.step / line.seconds) if trend.step > 0 else 0
    marks: dict[int, tuple[int, Outcome]] = {}
    for n, outcome in reversed(told):
        x = line.place(outcome.at)
        if x is not None:
            marks[_turning(desired, x, min(reach, room))] = n, outcome
    own_row = height >= LEAST_FOR_MARKS
    below = _load(frame, line, height)
    rest = height - len(below) - 1 - own_row
    axis = _axis(line, width)
    numbers = _numbers(marks, room)
    if own_row:
        feet = [join([[dim(" " * AXIS)], joined(numbers)], ""), axis]
    else:
        feet = [_over(axis, numbers)]
    return [*_counts(frame, line.values(trend, min), desired, marks, rest), *below, *feet]


def _turning(course: Sequence[float], at: int, reach: int) -> int:
    """Where a course turns next to a moment: a cell of the history may hold the turn in its middle."""
    near = (at + off for step in range(reach + 1) for off in (step, -step))
    turns = (x for x in near if 0 < x < len(course) and course[x] != course[x - 1])
    found = next(turns, at)
    return at if math.isnan(course[found]) or math.isnan(course[found - 1]) else found


def _counts(
    frame: Frame,
    ready: Sequence[float],
    desired: Sequence[float],
    marks: dict[int, tuple[int, Outcome]],
    height: int,
) -> list[Line]:
    """What is asked for, dim, and what is ready over it."""
    steps = Steps.of((ready, desired), height)
    canvas = StepCanvas(steps, len(ready))
    state = frame.replicas
    if state is not None and state.minimum is not None:
        canvas.level(state.minimum, f"min {state.minimum}")
    if state is not None and state.maximum is not None:
        canvas.level(state.maximum, f"max {state.maximum}")
    for x in marks:
        canvas.pole(x)
    canvas.draw(desired, "dim")
    canvas.draw(ready, "accent", HEAVY)
    names = steps.names()
    return [[dim(f"{names.get(y, ''):>{AXIS - 1}} "), *row] for y, row in enumerate(canvas.lines())]


def _load(frame: Frame, line: Timeline, height: int) -> list[Line]:
    """The load as a small curve, the value of now at the left; that of one replica too where there is room."""
    if height < LEAST_FOR_LOAD:
        return []
    rows = 1 if height < LEAST_FOR_MARKS + 1 else 2
    keys = [k for k in (RATE, EACH) if k in frame.trends]
    if height < LEAST_FOR_BOTH:
        keys = keys[:1]
    out: list[Line] = []
    for key in keys:
        values = line.values(frame.trends.get(key), mean)
        shown = show(frame.value(key), Unit.PER_SECOND)
        heads = [f"{shown.number} {shown.unit}"]
        heads.append("each" if key == EACH else "load")
        for name, row in zip(heads, spark_rows(values, line.width, rows, top_of(values)), strict=False):  # fmt: skip
            out.append([dim(f"{name:>{AXIS - 1}} "[-AXIS:]), (row, "future")])
    return out


def _axis(line: Timeline, width: int) -> Line:
    """Times below the drawing, and where they have no room, what it covers."""
    found = time_axis(width, AXIS, AXIS + line.width, line.seconds, line.end)
    return found or [dim(" " * AXIS + f"last {span(line.seconds * line.width)}")]


def _numbers(marks: dict[int, tuple[int, Outcome]], room: int) -> list[Run]:
    """The number of each action below its moment; where two touch, the later one stands."""
    cells: list[Run] = [(" ", "ink")] * room
    free = room
    for x in sorted(marks, reverse=True):
        number, outcome = marks[x]
        text = str(number)
        at = min(x, room - len(text))
        if at + len(text) <= free:
            for i, char in enumerate(text):
                cells[at + i] = (char, _tone(outcome))
            free = at
    return cells


def _over(axis: Line, numbers: Sequence[Run]) -> Line:
    """Numbers on the time axis, for want of a row: labels that they would touch give way whole."""
    text = plain(axis).ljust(AXIS + len(numbers))
    taken = [AXIS + x for x, (char, _) in enumerate(numbers) if char != " "]
    cells: list[Run] = [(" ", "dim")] * len(text)
    for label in re.finditer(r"\S+(?: \S+)*", text):
        if not any(label.start() - 1 <= x <= label.end() for x in taken):
            cells[label.start() : label.end()] = [(char, "dim") for char in label[0]]
    for x in taken:
        cells[x] = numbers[x - AXIS]
    return joined(cells)
