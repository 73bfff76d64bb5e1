"""The sheet that asks for a moment: what is written is read as it is typed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from capmon.errors import QuantityError
from capmon.model.frame import Event, Frame
from capmon.recording.moment import parse_moment
from capmon.ui.panes.figures import clock
from capmon.ui.panes.mark import apart
from capmon.ui.screens.sheet import Page, Sheet, row, wrapped
from capmon.ui.widgets.text import Line, bold, cut, dim, ink

WIDTH = 72
"""Cells of the sheet where the terminal has them."""

BESIDE = 7
"""Cells of a line that are not text: border, padding and scroll bar."""

NAMED = 9
"""Cells of a name and the gap after it."""

EXAMPLES = "14:05   -2h   -90s   yesterday 14:05   2026-03-01 14:05"

MOST_EVENTS = 6
"""Events that are told as places to go to."""


class JumpScreen(Sheet[float | None]):
    """One line to write a moment into; gives its Unix time, or None.

    Args:
        shown: What the screen shows: its events are places to go to.
        now: Unix time that spans are told from.
    """

    AUTO_FOCUS = "#moment"
    CSS = """
    #moment, #moment:focus { height: 1; border: none; padding: 0 1; margin: 1 0 0 0; background: $c-bar; color: $c-ink; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
    ]

    def __init__(self, shown: Frame, now: float) -> None:
        super().__init__("go to", "enter go · esc leave", WIDTH)
        self._shown, self._now = shown, now

    def compose(self) -> ComposeResult:
        """The line, and below it what it is read as."""
        field = Input(placeholder="14:05", id="moment", compact=True)
        scroll = VerticalScroll(field, Page(), classes="sheet")
        scroll.border_title, scroll.border_subtitle = self._title, self._subtitle
        scroll.styles.width = self._width
        yield scroll

    def on_mount(self) -> None:
        """Say what may be written."""
        self._tell("")

    def on_resize(self) -> None:
        """Fit to the new width."""
        self._tell(self.query_one(Input).value)

    @on(Input.Changed, "#moment")
    def _changed(self, event: Input.Changed) -> None:
        self._tell(event.value)

    @on(Input.Submitted, "#moment")
    def _done(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(parse_moment(event.value, self._now))
        except QuantityError:
            self._tell(event.value, asked=True)

    def action_leave(self) -> None:
        """Leave; nothing changes."""
        self.dismiss(None)

    def _tell(self, text: str, *, asked: bool = False) -> None:
        width = max(8, min(WIDTH, self.app.size.width) - BESIDE)
        self.put([*self._reading(text, width, asked=asked), [], *self._places(width), []])

    def _reading(self, text: str, width: int, *, asked: bool) -> list[Line]:
        """What the line is read as, or why it cannot be; always one line where there is room for it."""
        if not text.strip() and not asked:
            return [[dim(cut(f" {EXAMPLES}", width))]]
        try:
            at = parse_moment(text, self._now)
        except QuantityError as fault:
            tone = "warning" if asked else "dim"
            head, *rest = wrapped(str(fault), width - 3, tone)
            return [
                [("▲ " if asked else "  ", tone), *head],
                *([dim("  "), *line] for line in rest),
            ]
        return [[dim(" "), bold(full(at), "accent"), dim(f"  {self._ago(at)}{self._beyond(at)}")]]

    def _ago(self, at: float) -> str:
        gap = apart(self._now - at)
        past = self._shown.past
        replayed = past is not None and self._shown.recording is None
        return "after now" if at > self._now else f"{gap} before the end" if replayed else f"{gap} ago"  # fmt: skip

    def _beyond(self, at: float) -> str:
        past = self._shown.past
        if past is None or past.since <= at <= past.end:
            return ""
        return ", before the record begins" if at < past.since else ", after the record ends"

    def _places(self, width: int) -> list[Line]:
        """How far the record reaches, and events to go to."""
        past = self._shown.past
        lines: list[Line] = []
        if past is not None:
            lines.append(row(" record", [ink(full(past.since)), dim(" to "), ink(full(past.end))], NAMED))  # fmt: skip
        for i, event in enumerate(self._shown.events[:MOST_EVENTS]):
            lines.append(row(" events" if not i else "", self._event(event, width), NAMED))
        return lines

    def _event(self, event: Event, width: int) -> Line:
        at = clock(event.at, self._shown.at, seconds=True)
        return [ink(f"{at:<12} "), dim(cut(event.text, max(1, width - NAMED - 13)))]


def full(at: float) -> str:
    """A moment with its day, to the second; a dash where no calendar holds it."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return "–"
