"""A titled grid that draws one part of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from textual import events

from capmon.config.scaling import ScalingSettings
from capmon.model.frame import Frame
from capmon.ui.widgets.border import framed, inner
from capmon.ui.widgets.grid import Grid
from capmon.ui.widgets.text import Line, dim, plain, wrapped


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

    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    """Cooldowns, bounds and budgets, which countdowns are shown against."""

    key_names: Mapping[str, str] = field(default_factory=dict)
    """Keys as they are shown, by command; a command without one has its default."""

    now: float | None = None
    """Unix time of now while another moment is shown, which tells how long ago that was."""

    selected: Mapping[str, str] = field(default_factory=dict)
    """Name of what is selected, by view; a view without one shows the first."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a pane shows."""

    title: str
    """Title in the border."""

    lines: list[Line]
    """Lines, the most important first."""

    fixed: int = 0
    """This many first lines stay when a filter is set: column heads."""


STRICT = False
"""Whether a fault in a drawing ends the app, as tests want it."""


class Pane(Grid, can_focus=True):
    """A pane; subclasses say what it draws."""

    name_of_pane: ClassVar[str] = ""
    """Id of the pane in snapshots and settings."""

    def __init__(self) -> None:
        super().__init__(id=self.name_of_pane, classes="pane")
        self._frame: Frame | None = None
        self._view = View()
        self._fault = ""
        self.kind = "wide"
        """How it is framed; see `border.Kind`."""

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """What to show of a frame in `width` by `height` cells."""
        raise NotImplementedError

    def apply(self, frame: Frame, view: View) -> None:
        """Show a frame."""
        self._frame, self._view = frame, view
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.size
        if width <= 0 or height <= 0 or not self.display:
            return
        room, rows = inner(self.kind, width, height)
        drawing = Drawing(self.name_of_pane, [])
        if self._frame is not None and room > 0 and rows > 0:
            drawing = self._drawn(self._frame, room, rows)
        lines = filtered(drawing, self._view.filter)
        title, focused = drawing.title, self.has_focus
        self.show(framed(self.kind, title, lines, width, height, focused=focused))

    def _drawn(self, frame: Frame, width: int, height: int) -> Drawing:
        """What it draws; a fault of one pane is shown in its place, and the others live on."""
        try:
            return self.draw(frame, self._view, width, height)
        except Exception as fault:
            if STRICT:
                raise
            said = f"this pane failed: {type(fault).__name__}: {fault}"
            if said != self._fault:
                self._fault = said
                self.app.notify(f"{self.name_of_pane}: {said}", severity="error")
            return Drawing(self.name_of_pane, wrapped(said, width, "critical"))

    def on_resize(self, event: events.Resize) -> None:
        """Draw again for the new size."""
        del event
        self._redraw()

    def on_focus(self) -> None:
        """Show the focus in the border."""
        self._redraw()

    def on_blur(self) -> None:
        """Show that the focus is elsewhere."""
        self._redraw()


def filtered(drawing: Drawing, wanted: str) -> list[Line]:
    """The lines of a drawing that hold a text, whatever its case, behind the fixed ones."""
    if not wanted:
        return drawing.lines
    needle = wanted.casefold()
    head, rest = drawing.lines[: drawing.fixed], drawing.lines[drawing.fixed :]
    found = [line for line in rest if needle in plain(line).casefold()]
    return head + (found or [[dim(f"no line holds {wanted}")]])
