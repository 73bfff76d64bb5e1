"""A titled grid that draws one part of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.content import Content

from capmon.model.frame import Frame
from capmon.ui.widgets.grid import Grid
from capmon.ui.widgets.text import Line, clean, plain


@dataclass(frozen=True, slots=True)
class View:
    """What the user chose to see, beside the frame itself."""

    filter: str = ""
    """Only lines that hold this text are shown, whatever their case."""

    window: str = "5m"
    """Name of the window that trends cover."""

    paused: bool = False
    """Whether the screen stands still."""

    maximised: str = ""
    """Id of the pane that fills the screen, or empty."""

    read_only: bool = False
    """Whether scale keys are hidden."""

    mode: str = "dry-run"
    """Scaling mode, for the replicas line."""

    objective: float = 0.25
    """Objective for the 95th percentile of the response time, seconds."""

    level: float = 0.95
    """Level of the prediction intervals."""

    capacity_target: float = 0.8
    """Utilization that headroom is counted against."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a pane shows."""

    title: str
    """Title in the border."""

    lines: list[Line]
    """Lines, the most important first."""

    fixed: int = 0
    """This many first lines stay when a filter is set: column heads."""


class Pane(Grid, can_focus=True):
    """A pane; subclasses say what it draws."""

    name_of_pane: ClassVar[str] = ""
    """Id of the pane in snapshots and settings."""

    def __init__(self) -> None:
        super().__init__(id=self.name_of_pane, classes="pane")
        self._frame: Frame | None = None
        self._view = View()
        self._title = ""

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """What to show of a frame in `width` by `height` cells."""
        raise NotImplementedError

    def apply(self, frame: Frame, view: View) -> None:
        """Show a frame."""
        self._frame, self._view = frame, view
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.content_size
        if self._frame is None or width <= 0 or height <= 0 or not self.display:
            return
        drawing = self.draw(self._frame, self._view, width, height)
        self._entitle(drawing.title)
        self.show(filtered(drawing, self._view.filter))

    def _entitle(self, title: str) -> None:
        """Titles are plain text: names with brackets are no markup."""
        if title != self._title:
            self._title = title
            self.border_title = Content(clean(title))  # type: ignore[assignment]

    def on_resize(self, event: events.Resize) -> None:
        """Draw again for the new size."""
        del event
        self._redraw()

    def on_mount(self) -> None:
        """Stand there by name until the first frame."""
        self._entitle(self.name_of_pane)


def filtered(drawing: Drawing, wanted: str) -> list[Line]:
    """The lines of a drawing that hold a text, whatever its case, behind the fixed ones."""
    if not wanted:
        return drawing.lines
    needle = wanted.casefold()
    head, rest = drawing.lines[: drawing.fixed], drawing.lines[drawing.fixed :]
    return head + [line for line in rest if needle in plain(line).casefold()]
