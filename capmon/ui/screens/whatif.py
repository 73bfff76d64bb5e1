"""The what-if sheet: suppose another load, other replicas or another objective, and see it at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from capmon.model.metric import Unit
from capmon.model.units import show
from capmon.model.whatif import Question, WhatIf
from capmon.ui.pacing import FEW, backlog
from capmon.ui.panes.answers import answer
from capmon.ui.screens.sheet import Sheet
from capmon.ui.widgets.text import Line, bold, dim, length, padded

Ask = Callable[[Question], WhatIf | None]
"""The answer to a question; None while there is nothing to answer from."""

WIDTH = 84
"""Cells of the sheet where the terminal has them."""

BESIDE = 7
"""Cells of a line that are not text: border, padding and scroll bar."""

FIELDS = ("load", "replicas", "objective")
GROWTH = (0.1, 100.0)
OBJECTIVE = (0.001, 600.0)
MOST_REPLICAS = 9999
PACE = 1.0
"""Seconds between two looks at the models."""


class WhatIfScreen(Sheet[None]):
    """Three fields and their answer, which follows the models while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,w", "leave", show=False, priority=True),
        Binding("up,shift+tab", "field(-1)", show=False, priority=True),
        Binding("down,tab", "field(1)", show=False, priority=True),
        Binding("right,plus", "change(1)", show=False, priority=True),
        Binding("left,minus", "change(-1)", show=False, priority=True),
        Binding("backspace", "rub", show=False, priority=True),
        Binding("r", "reset", show=False, priority=True),
    ]

    def __init__(self, ask: Ask) -> None:
        super().__init__("what if", "← → change · ↑ ↓ field · r reset · esc leave", WIDTH)
        self._ask = ask
        self._field = 0
        self._typed = ""
        self.question = Question()

    def on_mount(self) -> None:
        """Answer at once, and again when the models know more."""
        self._show()
        self.set_interval(PACE, self._follow)

    def on_resize(self) -> None:
        """Wrap the prose anew."""
        self._show()

    def _follow(self) -> None:
        """A new answer, unless the screen stands still or the terminal lags behind."""
        held = getattr(getattr(self.app, "view_state", None), "paused", False)
        if not held and backlog(self.app._driver) <= FEW:
            self._show()

    def _show(self) -> None:
        width = max(8, min(WIDTH, self.app.size.width) - BESIDE)
        found = self._ask(self.question)
        body = [[dim("nothing was measured yet")]] if found is None else answer(found, width)
        self.put([[], *(_fitted(line, width) for line in self._fields(found)), [], *body, []])

    def _fields(self, found: WhatIf | None) -> list[Line]:
        """The three values that can be changed, and what each starts from."""
        replicas = self.question.replicas
        now = None if found is None else found.replicas_now
        objective = None if found is None else found.objective
        count = replicas if replicas is not None else now
        values = (
            f"{self.question.growth:.2f} ×",
            "–" if count is None else f"{count}",
            str(show(objective, Unit.SECONDS)),
        )
        notes = (_load(found), _count(replicas, now), _objective(self.question))
        return [
            self._line(i, name, value, note)
            for i, (name, value, note) in enumerate(zip(FIELDS, values, notes, strict=True))
        ]

    def _line(self, index: int, name: str, value: str, note: str) -> Line:
        here = index == self._field
        text = f"{self._typed}_" if here and self._typed else value
        edge = "accent!" if here else "faint"
        return [
            ("▸ " if here else "  ", "accent!"),
            padded(name, 10, "ink" if here else "dim"),
            ("◂ ", edge),
            bold(f"{text:>9}", "accent" if here else "ink"),
            (" ▸", edge),
            dim(f"   {note}"),
        ]

    # Keys

    def action_leave(self) -> None:
        """Leave; nothing was changed but the question."""
        self.dismiss(None)

    def action_field(self, step: int) -> None:
        """Move to another value."""
        self._field = (self._field + step) % len(FIELDS)
        self._typed = ""
        self._show()

    def action_reset(self) -> None:
        """Suppose nothing."""
        self._typed = ""
        self.question = Question()
        self._show()

    def action_change(self, step: int) -> None:
        """One step more or less of the value."""
        self._typed = ""
        asked = self.question
        if self._field == 0:
            self._put(load=round(asked.growth + 0.1 * step, 2))
        elif self._field == 1:
            count = asked.replicas if asked.replicas is not None else self._now()
            if count is None:
                self.app.bell()  # a step from what is not known leads nowhere; a count can be typed
                return
            self._put(replicas=count + step)
        else:
            found = self._ask(asked)
            objective = asked.objective or (found.objective if found else None)
            if objective is not None:
                self._put(objective=objective * 1.1**step)

    def action_rub(self) -> None:
        """Take back what was typed last."""
        self._typed = self._typed[:-1]
        self._take()

    def on_key(self, event: events.Key) -> None:
        """Digits type a value: a factor, a count, or milliseconds."""
        char = event.character or ""
        if not char.isascii() or not (char.isdigit() or (char == "." and self._field != 1)):
            return
        event.stop()
        if char != "." or "." not in self._typed:
            self._typed = (self._typed + char)[-7:]
        self._take()

    def _take(self) -> None:
        """Suppose what was typed, as far as it is a number."""
        try:
            value = float(self._typed)
        except ValueError:
            self._show()
            return
        if self._field == 0:
            self._put(load=value)
        elif self._field == 1:
            self._put(replicas=int(value))
        else:
            self._put(objective=value / 1e3)

    def _put(
        self,
        *,
        load: float | None = None,
        replicas: int | None = None,
        objective: float | None = None,
    ) -> None:
        """Change one value, within what can be meant, and answer."""
        asked = self.question
        self.question = Question(
            asked.growth if load is None else min(max(load, GROWTH[0]), GROWTH[1]),
            asked.replicas if replicas is None else min(max(replicas, 1), MOST_REPLICAS),
            asked.objective if objective is None else min(max(objective, OBJECTIVE[0]), OBJECTIVE[1]),
        )  # fmt: skip
        self._show()

    def _now(self) -> int | None:
        found = self._ask(self.question)
        return None if found is None else found.replicas_now


def _fitted(line: Line, width: int) -> Line:
    """The line without its note where half of the note would be another note."""
    return line if length(line) <= width else line[:-1]


def _load(found: WhatIf | None) -> str:
    if found is None or found.load_now is None or found.load is None:
        return "load is not known"
    now, then = (show(v, Unit.PER_SECOND).number for v in (found.load_now, found.load))
    return f"{now} → {then} req/s" if found.load != found.load_now else f"{now} req/s, as now"


def _count(wanted: int | None, now: int | None) -> str:
    if now is None:
        return "not known now" if wanted is not None else "not known: type a number"
    return "as now" if wanted in (None, now) else f"{now} now"


def _objective(asked: Question) -> str:
    return "p95, as configured" if asked.objective is None else "p95"
