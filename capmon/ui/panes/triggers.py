"""Every threshold that is watched, the nearest to harm first."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.frame import Frame
from capmon.model.results import Trigger
from capmon.model.units import UNKNOWN, show_metric, span
from capmon.ui.panes.chosen import MARK, marked, trigger_of, window
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import share_text
from capmon.ui.panes.forecast import range_of
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, Run, bold, cut, dim, padded

NEAR = -0.1
"""From this distance on, a threshold is called near."""

URGENT = {"immediate": "critical", "short term": "warning", "long term": "ink"}


STATE, VALUE, LIMIT, LEFT, HELD, REACHES, ACT = 11, 11, 12, 10, 14, 16, 11
"""Cells of the columns; of the component and the bar they depend on the room."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns that depend on the room; 0 leaves one out."""

    component: int
    limit: int
    state: int
    bar: int
    held: int
    reaches: int
    act: int

    @classmethod
    def of(cls, width: int) -> Columns:
        """As many columns as there is room for: what says most stays longest."""
        component = 12 if width < 60 else 21 if width >= 100 else 18
        left = width - MARK - component - VALUE - LEFT
        taken: dict[str, int] = {}
        for name, size in (("limit", LIMIT), ("state", STATE), ("act", ACT), ("held", HELD), ("reaches", REACHES)):  # fmt: skip
            taken[name] = size if left >= size else 0
            left -= taken[name]
        return cls(component, bar=min(left - 2, 16) if left >= 8 else 0, **taken)


class TriggersPane(Pane):
    """Thresholds."""

    name_of_pane = "triggers"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A head and one line a threshold."""
        title = "thresholds · the nearest first"
        return Drawing(title, draw(frame, view, width, height), fixed=1)


def draw(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines."""
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    if not frame.triggers:
        return [[dim("no threshold is watched yet")]]
    columns = Columns.of(width)
    chosen = trigger_of(frame, view)
    at = next((i for i, t in enumerate(frame.triggers) if t is chosen), 0)
    rows = [
        marked(row(t, columns), selected=t is chosen)
        for t in window(frame.triggers, at, max(1, height - 1))
    ]
    return [head(columns), *rows] if height > 1 else rows[:1]


def head(columns: Columns) -> Line:
    """Names of the columns."""
    parts = [
        " " * MARK + f"{'state':<{columns.state}}"[: columns.state],
        f"{'threshold of':<{columns.component}}"[: columns.component],
        f"{'now':>6}".ljust(VALUE),
        f"{'limit':>8}".ljust(LIMIT) if columns.limit else "",
        f"{'past by':>{LEFT - 2}}  ",
        " " * (columns.bar + 2 if columns.bar else 0),
        f"{'held of':<{HELD}}" if columns.held else "",
        f"{'reaches it in':<{REACHES}}" if columns.reaches else "",
        "act" if columns.act else "",
    ]
    return [dim("".join(parts))]


def row(trigger: Trigger, columns: Columns) -> Line:
    """One threshold: state, value, threshold, distance, how long it held, when it is reached."""
    line: Line = []
    if columns.state:
        glyph, word, tone = state(trigger)
        line.append(bold(f"{glyph} {word:<{columns.state - 2}}"[: columns.state], tone))
    name = padded(trigger.component, columns.component - 1, "ink!")
    line += [name, dim(" "), *_value(trigger.metric, trigger.value, "ink", VALUE)]
    if columns.limit:
        line += [
            dim(f"{_sign(trigger)} "),
            *_value(trigger.metric, trigger.threshold, "dim", LIMIT - 2),
        ]
    line.append(_distance(trigger))
    if columns.bar:
        line += [*_nearness(trigger, columns.bar), dim("  ")]
    if columns.held:
        line.append(padded(_held(trigger), HELD, "dim"))
    if columns.reaches:
        line.append(padded(_reaches(trigger), REACHES, _tone(trigger)))
    if columns.act:
        line.append(_act(trigger))
    return line


def state(trigger: Trigger) -> tuple[str, str, str]:
    """Glyph, word and token."""
    if trigger.distance is None:
        return "○", "unknown", "dim"
    if trigger.triggered:
        # Back on the good side it still counts until it has been there for its time.
        past = trigger.distance > 0
        return ("▲", "crossed", "warning") if past else ("◇", "easing", "dim")
    if trigger.distance > 0:
        return "◐", "past", "warning"
    if trigger.distance >= NEAR:
        return "●", "near", "accent"
    return ("◔", "in sight", "accent") if _urgent(trigger) else ("·", "clear", "dim")


STATES = {"db.status": ("failing", "healthy")}
"""Metrics that are states: what 0 and 1 are called."""


def _sign(trigger: Trigger) -> str:
    """How value and threshold stand to each other as they are shown, whichever side does harm."""
    if trigger.value is None or trigger.metric in STATES:
        return " "
    shown = (show_metric(trigger.metric, v) for v in (trigger.value, trigger.threshold))
    if len(set(shown)) == 1:
        return "="
    return ">" if trigger.value > trigger.threshold else "<"


def _value(metric_key: str, value: float | None, tone: str, width: int) -> Line:
    words = STATES.get(metric_key)
    if words is not None and value is not None:
        # A threshold between two states would say nothing.
        said = "" if 0 < value < 1 else words[value >= 1]
        return [(cut(said.rjust(width - 1), width - 1).ljust(width), tone)]
    shown = show_metric(metric_key, value)
    number = f"{shown.number:>6}"
    tail = f" {shown.unit}".replace("req/s", "/s")
    number_run = (number, tone if tone == "dim" else f"{tone}!")
    return [number_run, dim(cut(tail, width - len(number)).ljust(width - len(number)))]


def _distance(trigger: Trigger) -> Run:
    if trigger.distance is None or trigger.metric in STATES:
        return dim(f"{'–':>{LEFT - 2}}  ")
    tone = "warning!" if trigger.distance > 0 else "ink!"
    return cut(share_text(trigger.distance), LEFT - 2).rjust(LEFT - 2) + "  ", tone


def _nearness(trigger: Trigger, width: int) -> Line:
    """How much of the way to the threshold is gone; full from there on."""
    if trigger.distance is None or trigger.metric in STATES:
        return bar(None, width)
    tone = "warning" if trigger.distance > 0 else "accent"
    return bar(min(1.0, 1 + trigger.distance), width, tone)


def _held(trigger: Trigger) -> str:
    """`4 m of 30 s`, or how long it must hold."""
    if trigger.sustained > 0:
        return f"{span(trigger.sustained)} of {span(trigger.sustain)}"
    return f"– of {span(trigger.sustain)}"


def _reaches(trigger: Trigger) -> str:
    """`12 d (9–18 d)`; a time that has passed is said of what is past its threshold alone."""
    found = trigger.reaches
    if found is None or found.t50 is None:
        return UNKNOWN
    beyond = trigger.distance is not None and trigger.distance > 0
    if found.t50 < 0.5:
        ago = f"{span(found.t50)} ago" if found.t50 <= -0.5 else "now"
        return ago if beyond else UNKNOWN
    text = span(found.t50)
    if found.t10 is not None and found.t90 is not None:
        return f"{text} ({range_of(found.t10, found.t90)})"
    return text


def _tone(trigger: Trigger) -> str:
    return "dim" if _reaches(trigger) == UNKNOWN else "ink"


def _urgent(trigger: Trigger) -> bool:
    """Whether a breach is there or in sight: only then there is something to do."""
    past = trigger.distance is not None and trigger.distance > 0
    return trigger.urgency is not None and (past or _reaches(trigger) != UNKNOWN)


def _act(trigger: Trigger) -> Run:
    if trigger.urgency is None or not _urgent(trigger):
        return dim("–".ljust(ACT))
    return trigger.urgency.value.ljust(ACT), f"{URGENT.get(trigger.urgency.value, 'ink')}!"
