"""A framed sheet over the screen: what dialogs and help are drawn on."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from capmon.ui.widgets.grid import Grid
from capmon.ui.widgets.text import Line, wrapped

__all__ = ["Page", "Sheet", "row", "wrapped"]

Result = TypeVar("Result")


class Page(Grid):
    """Lines as tall as they are many."""

    def __init__(self) -> None:
        super().__init__(id="page")
        self._content: list[Line] = []

    def put(self, lines: list[Line]) -> None:
        """Show these lines and take as much height as they need."""
        self._content = lines
        self.styles.height = max(1, len(lines))
        self.show(lines)

    def on_resize(self) -> None:
        """Draw again for the new size."""
        self.show(self._content)


class Sheet(ModalScreen[Result], Generic[Result]):
    """A scrolling sheet with a title."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ".sheet"

    def __init__(self, title: str, subtitle: str, width: int = 92) -> None:
        super().__init__()
        self._title, self._subtitle, self._width = title, subtitle, width

    def compose(self) -> ComposeResult:
        """A scroll with one page in it."""
        scroll = VerticalScroll(Page(), classes="sheet")
        scroll.border_title = self._title
        scroll.border_subtitle = self._subtitle
        scroll.styles.width = self._width
        yield scroll

    def retitle(self, subtitle: str) -> None:
        """Say something else in the frame below."""
        scroll = self.query_one(VerticalScroll)
        if scroll.border_subtitle != subtitle:
            scroll.border_subtitle = subtitle

    def put(self, lines: list[Line]) -> None:
        """Show these lines."""
        self.query_one(Page).put(lines)


def row(name: str, line: Line, width: int = 12) -> Line:
    """A dim name in a column, and what it stands for."""
    return [(f"{name:<{width}}", "dim"), *line]
