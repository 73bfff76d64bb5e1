"""What all live screens share: bars at the edges, a board of panes, and the filter line."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from capmon.model.frame import Frame
from capmon.ui.compositor import CellCompositor
from capmon.ui.layout import Arrange, Board, BoardLayout
from capmon.ui.panes import bars
from capmon.ui.panes.bars import Bar
from capmon.ui.widgets.pane import Pane, View


class BoardContainer(Widget):
    """Holds the panes; its layout is a pure function of its size."""

    def __init__(self, arrange: Arrange, panes: list[Pane]) -> None:
        super().__init__(*panes, id="board")
        self.board_layout = BoardLayout(arrange)

    @property
    def layout(self) -> BoardLayout:
        """The board's own layout: styles know only Textual's by name."""
        return self.board_layout

    def place(self) -> None:
        """Show the panes that have a place, framed as the board says."""
        board = self.board_layout.board(self.size)
        for pane in self.query(Pane):
            pane.display = pane.id in board.places
            pane.kind = board.kind
        self.refresh(layout=True)

    def on_resize(self, event: events.Resize) -> None:
        """Arrange anew for the new size."""
        del event
        self.place()


class MonitorScreen(Screen[None]):
    """A live view."""

    name_of_view: ClassVar[str] = ""
    panes: ClassVar[tuple[Callable[[], Pane], ...]] = ()

    ALLOW_SELECT = False
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = CellCompositor()
        self._frame: Frame | None = None
        self._view = View()
        self._key_names: dict[str, str] = {}
        self.composed = False
        """Whether its panes are there to be filled."""

    class Composed(Message):
        """The panes are there."""

    def on_mount(self) -> None:
        """Ask to be filled."""
        self.composed = True
        self.post_message(self.Composed())

    def compose(self) -> ComposeResult:
        """Header, board, replicas, keys."""
        yield Bar(id="header")
        yield BoardContainer(self.place_panes, [make() for make in self.panes])
        yield Bar(id="replicas")
        yield Bar(id="keys")

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> Board:
        """Where the panes stand."""
        raise NotImplementedError

    @property
    def board(self) -> BoardContainer:
        """The panes' container."""
        return self.query_one(BoardContainer)

    def apply(self, frame: Frame | None, view: View, key_names: dict[str, str]) -> None:
        """Show a frame; None before the first."""
        self._frame, self._view, self._key_names = frame, view, key_names
        layout = self.board.board_layout
        if layout.maximised != view.maximised:
            layout.maximised = view.maximised
            self.board.place()
        self._show_bars()
        if frame is not None:
            for pane in self.query(Pane):
                if pane.display:
                    pane.apply(frame, view)

    def _show_bars(self) -> None:
        frame, view = self._frame, self._view
        width = self.size.width
        self.query_one("#header", Bar).show([bars.header(frame, view, width)])
        self.query_one("#replicas", Bar).show([bars.replicas(frame, view, width)])
        self.query_one("#keys", Bar).show([bars.keys(view, width, self._key_names, frame)])

    def on_resize(self, event: events.Resize) -> None:
        """Fit the bars to the new width."""
        del event
        self.call_after_refresh(self._reapply)

    def _reapply(self) -> None:
        if not self.query(BoardContainer):
            return  # another view has taken its place since the resize
        self.apply(self._frame, self._view, self._key_names)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """In a small terminal the focused pane is the one that is shown."""
        pane = event.widget
        if isinstance(pane, Pane) and pane.id:
            layout = self.board.board_layout
            layout.focus = pane.id
            if layout.board(self.board.size).kind == "single":
                self._only(pane)

    def _only(self, pane: Pane) -> None:
        self.board.place()
        if self._frame is not None:
            pane.apply(self._frame, self._view)

    def cycle(self, step: int) -> None:
        """Move to the next or the previous pane, hidden ones included in a small terminal."""
        panes = [p for p in self.query(Pane) if p.id]
        layout = self.board.board_layout
        single = layout.board(self.board.size).kind == "single" or bool(layout.maximised)
        shown = panes if single else [p for p in panes if p.display]
        if not shown:
            return
        names = [p.id for p in shown]
        now = self.focused.id if isinstance(self.focused, Pane) else layout.focus
        at = (names.index(now) + step) % len(names) if now in names else 0
        chosen = shown[at]
        layout.focus = chosen.id or ""
        if layout.maximised:
            self.app.maximise(chosen.id or "")  # type: ignore[attr-defined]
        chosen.display = True
        self.set_focus(chosen)
        if single and not layout.maximised:
            self._only(chosen)

    @property
    def focused_pane(self) -> str:
        """Id of the pane that has the focus, or that stands alone."""
        if isinstance(self.focused, Pane):
            return self.focused.id or ""
        return self.board.board_layout.focus

    # Filter

    async def open_filter(self, text: str) -> None:
        """Show the filter line, made when it is first wanted."""
        if not self.query("#filter"):
            await self.mount(Input(placeholder="text to look for", id="filter", compact=True))
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        self.add_class("-filtering")
        field.value = text
        field.focus()

    def close_filter(self) -> None:
        """Hide the filter line."""
        self.query_one("#filter", Input).remove_class("-open")
        self.remove_class("-filtering")
        self.set_focus(None)

    @property
    def filtering(self) -> bool:
        """Whether the filter line is open."""
        return self.has_class("-filtering")

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        if self.filtering:
            self.app.set_filter(event.value)  # type: ignore[attr-defined]

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.close_filter()
