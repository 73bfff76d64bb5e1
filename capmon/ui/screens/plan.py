"""The plan view: the capacity plan of what was recorded, chapter by chapter."""

from __future__ import annotations

import threading

from capmon.model.frame import Frame
from capmon.ui import boards, layout
from capmon.ui.panes.plan_chapter import ChapterPane
from capmon.ui.panes.plan_chapters import ChaptersPane
from capmon.ui.panes.plan_shown import SUMMARY, VIEW, PlanPane, chapters_of
from capmon.ui.planner import Planner, planner
from capmon.ui.screens.selecting import SelectingScreen
from capmon.ui.threads import Call, way_back
from capmon.ui.widgets import plot
from capmon.ui.widgets.pane import View


class PlanScreen(SelectingScreen):
    """Chapters, and the selected one."""

    name_of_view = VIEW
    panes = (ChaptersPane, ChapterPane)

    @staticmethod
    def place_panes(width: int, height: int, focus: str, maximised: str) -> layout.Board:
        """Where the panes stand."""
        return boards.plan(width, height, focus, maximised)

    def listed(self, frame: Frame) -> tuple[str, ...]:  # type: ignore[override]
        """Keys of the chapters; the frame holds no plan."""
        del frame
        found = self.planner.shown.plan
        return (SUMMARY,) if found is None else tuple(c.key for c in chapters_of(found))

    @property
    def planner(self) -> Planner:
        """What makes the plan."""
        return planner(self.app)  # type: ignore[arg-type]

    def on_mount(self) -> None:
        """Ask for the plan, and load what draws, without keeping the keys waiting."""
        self.planner.listen(self._changed)
        if not plot.ready():
            back = way_back(self.app)
            threading.Thread(
                target=self._load, args=(back,), daemon=True, name="capmon-plot"
            ).start()
        super().on_mount()

    def on_unmount(self) -> None:
        """Another view listens to nothing of this."""
        self.planner.listen(None)

    def apply(self, frame: Frame | None, view: View, key_names: dict[str, str]) -> None:
        """Show a frame; the first one begins the plan, for it tells which moment is looked at."""
        if frame is not None:
            self.planner.visit()
        for pane in self.query(PlanPane):
            pane.shown = self.planner.shown
        super().apply(frame, view, key_names)

    def _changed(self) -> None:
        if self.composed and self.is_attached:
            self._reapply()

    def _load(self, back: Call) -> None:
        plot.load()
        back(self._changed)

    # Keys

    def action_page(self, pages: int) -> None:
        """Scroll the chapter."""
        self.query_one(ChapterPane).scroll(pages)

    def action_plan_again(self) -> None:
        """Make the plan anew."""
        self.planner.again()

    def action_plan_write(self) -> None:
        """Write the plan as Markdown."""
        self.planner.write()
