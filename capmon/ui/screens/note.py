"""The note sheet: one line for the record, in somebody's own words."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from capmon.ui.screens.sheet import Page, Sheet

LONGEST = 500
"""Characters of a note at most."""

WIDTH = 84
"""Cells of the sheet where the terminal has them."""


class NoteScreen(Sheet[str]):
    """Ends with the note, or with an empty text when there is none."""

    AUTO_FOCUS = "#note"
    DEFAULT_CSS = """
    NoteScreen #note, NoteScreen #note:focus {
        width: 1fr;
        height: 1;
        border: none;
        padding: 0;
        background: $c-background;
        color: $c-ink;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__("note", "enter keeps it in the record · esc leave", WIDTH)

    def compose(self) -> ComposeResult:
        """A frame with one field in it."""
        field = Input(id="note", compact=True, max_length=LONGEST, placeholder="what happened")
        field.cursor_blink = False
        scroll = VerticalScroll(field, Page(), classes="sheet", can_focus=False)
        scroll.border_title = self._title
        scroll.border_subtitle = self._subtitle
        scroll.styles.width = self._width
        yield scroll

    def action_leave(self) -> None:
        """Keep nothing."""
        self.dismiss("")

    @on(Input.Submitted, "#note")
    def _done(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())
