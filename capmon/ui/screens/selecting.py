"""A live view of several things, one of which is selected and shown in detail."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.ui.layout import Arrange
from capmon.ui.screens.monitor import MonitorScreen
from capmon.ui.widgets.pane import Pane


class SelectingScreen(MonitorScreen):
    """Moves the selection by name, so that it stays on its thing when the order changes."""

    @staticmethod
    def listed(frame: Frame) -> tuple[str, ...]:
        """Names of what can be selected, in the order of the screen."""
        raise NotImplementedError

    def action_select(self, step: int) -> None:
        """Select the next or an earlier one; the ends hold."""
        names = list(dict.fromkeys(self.listed(self._frame))) if self._frame is not None else []
        if not names:
            return
        chosen = self._view.selected.get(self.name_of_view, "")
        at = names.index(chosen) if chosen in names else 0
        name = names[min(max(at + step, 0), len(names) - 1)]
        selected = {**self._view.selected, self.name_of_view: name}
        self.app.change_view(selected=selected)  # type: ignore[attr-defined]

    def follow(self, arrange: Arrange) -> None:
        """Place the panes by this function from now on, where it is another than before."""
        if self.board.board_layout.follow(arrange):
            self.board.place()
            # A board forgets where its panes stood when one of them asks for a layout.
            self.query(Pane).first().refresh(layout=True)
