"""The capacity plan behind the screen: made in a thread on the first visit, and again when asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from capmon.clock import AUTO_ZONE, SystemClock, local_zone
from capmon.errors import CapmonError
from capmon.model.plan import Plan, PlanQuestion
from capmon.ui.panes.plan_shown import PlanShown
from capmon.ui.threads import Call, way_back

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.config.schema import Settings
    from capmon.model.frame import Frame
    from capmon.monitor.front import Front

HORIZON = 90 * 86400.0
"""Seconds ahead that the screen plans for, as `capmon plan` does unless told otherwise."""

OPENING, GATHERING = "opening the record", "gathering the evidence"

Tell = Callable[[str], None]
"""Is told what is being done."""


class Host(Protocol):
    """What the planner needs of the app."""

    monitor: Front
    """Where frames come from."""

    loaded: Loaded
    """The configuration."""

    @property
    def shown(self) -> Frame | None:
        """The frame that is shown."""

    @property
    def folder(self) -> Path:
        """Where files are written."""

    def notify(self, message: str, **options: Any) -> None:
        """Show a notice."""

    def call_later(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Run on the event loop, which calls it."""


class Planner:
    """Holds the newest plan, or why there is none."""

    def __init__(self, app: Host) -> None:
        self._app = app
        self._running = False
        self._listener: Callable[[], None] | None = None
        self.shown = PlanShown()

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Call this, on the event loop, whenever something else is to be shown; None calls nobody."""
        self._listener = listener

    def visit(self) -> None:
        """Make the plan, unless it was made or is being made."""
        if self.shown == PlanShown():
            self.again()

    def again(self) -> None:
        """Make the plan anew; the one before is shown until then."""
        if self._running:
            return
        frame = self._app.shown
        past = None if frame is None else frame.past
        if past is not None and past.kind == "file":
            self.take(PlanShown(problem="a snapshot is one moment; a plan needs a history"))
            return
        at = None if frame is None or past is None else frame.at
        where: tuple[Path | None, str | None] = getattr(self._app.monitor, "record", (None, None))
        self._running = True
        self.take(PlanShown(self.shown.plan, doing=OPENING))
        args = (self._app.loaded.settings, where, at, way_back(self._app))
        threading.Thread(target=self._make, args=args, daemon=True, name="capmon-plan").start()

    def take(self, shown: PlanShown) -> None:
        """Show this from now on."""
        self.shown = shown
        if self._listener is not None:
            self._listener()

    def _make(
        self,
        settings: Settings,
        where: tuple[Path | None, str | None],
        at: float | None,
        back: Call,
    ) -> None:
        before = self.shown.plan

        def tell(doing: str) -> None:
            back(self.take, PlanShown(before, doing=doing))

        try:
            made = PlanShown(planned(settings, where, at, tell))
        except CapmonError as fault:
            made = PlanShown(before, problem=str(fault))
        except Exception as fault:  # whatever it is, the monitor goes on
            made = PlanShown(before, problem=f"no plan: {type(fault).__name__}: {fault}")
        self._running = False
        back(self.take, made)

    def write(self) -> None:
        """Write the plan as Markdown, off the event loop, and say where."""
        made = self.shown.plan
        if made is None:
            self._app.notify("there is no plan to write yet", severity="warning")
            return
        threading.Thread(target=self._write, args=(made,), daemon=True).start()

    def _write(self, made: Plan) -> None:
        path = self._app.folder / "plan.md"
        try:
            from capmon.report.plan_markdown import as_markdown

            path.write_text(as_markdown(made), encoding="utf-8")
            said, options = str(path), {"title": "plan written"}
        except (ImportError, OSError) as fault:
            said, options = str(fault), {"title": "plan not written", "severity": "error"}
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._app.notify(said, **options)


def planned(
    settings: Settings, where: tuple[Path | None, str | None], at: float | None, tell: Tell
) -> Plan:
    """The plan of a record.

    Args:
        settings: All settings.
        where: History file and name of the record; None takes the configuration's.
        at: Unix time to plan from; None plans from now.
        tell: Is told what is being done.

    Raises:
        CapmonError: There is no record, or it does not carry a plan.
    """
    from capmon.recording.opening import open_record

    zone = settings.time_zone if settings.time_zone != AUTO_ZONE else local_zone()
    now = SystemClock().now() if at is None else at
    with contextlib.closing(open_record(settings, file=where[0], name=where[1])) as reader:
        tell(GATHERING)
        from capmon.planning.evidence import gather
        from capmon.planning.plan import plan

        return plan(gather(reader, settings, PlanQuestion(HORIZON), now, zone), tell)


_planners: WeakKeyDictionary[Host, Planner] = WeakKeyDictionary()


def planner(app: Host) -> Planner:
    """The planner of an app, which outlives the screens that show its plan."""
    found = _planners.get(app)
    if found is None:
        found = _planners[app] = Planner(app)
    return found
