"""The live monitor as a Textual app: frames in, keys out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import AppBlur, AppFocus
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen

from capmon.config.loaded import Loaded
from capmon.config.schema import WINDOWS
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.model.text import one_line
from capmon.monitor.front import Front
from capmon.ui import acting, leaving, palette, sharing, themes
from capmon.ui.commands import VIEWS, bindings, unknown
from capmon.ui.pacing import Pacer, backlog, collect_garbage_again
from capmon.ui.screens.monitor import MonitorScreen
from capmon.ui.screens.overview import OverviewScreen
from capmon.ui.screens.sheet import Sheet
from capmon.ui.screens.views import live_view
from capmon.ui.travelling import MINUTE, Travelling
from capmon.ui.widgets.pane import View

Background = Callable[[], Awaitable[None]]
"""Work that goes on beside the monitor and is cancelled with it."""


class CapmonApp(App[int]):
    """Shows frames, at most four a second, and turns keys into commands."""

    TITLE = "capmon"
    CSS_PATH = "capmon.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings())
    COMMANDS: ClassVar[set[Any]] = {palette.CapmonCommands}
    AUTO_FOCUS = ""
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        monitor: Front,
        loaded: Loaded,
        *,
        read_only: bool = False,
        beside: Background | None = None,
        painted: asyncio.Event | None = None,
        folder: Path | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class)
        settings = loaded.settings
        self.monitor = monitor
        self.loaded = loaded
        self.read_only = read_only
        self.pacer = Pacer()
        self._beside = beside
        self._painted = painted or asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._folder = folder
        self._blurred = False
        self._leaving = False
        self.last_resort: leaving.Exit | None = None
        self._held: Frame | None = None
        self.first_frame_drawn = False
        self.travelling = Travelling(self)
        self.view_state = View(
            window=settings.window,
            read_only=read_only,
            mode=settings.scaling.mode,
            objective=settings.objectives.latency_p95,
            level=settings.forecast.level,
            capacity_target=settings.utilization_target,
            scaling=settings.scaling,
            key_names={c: _shown(k) for c, k in settings.keys.items()},
        )
        self._key_names = dict(self.view_state.key_names)
        self._load_themes(settings.theme)
        if settings.keys:
            self.set_keymap(dict(settings.keys))

    # Life

    def _load_themes(self, wanted: str) -> None:
        found, failed = themes.load_all(themes.folders())
        for theme in found.values():
            self.register_theme(theme)
        self._theme_names = sorted(found)
        self.theme, missing = themes.choose(wanted, found, no_color=self.no_color)
        self._notices = [*failed, *missing]

    def get_line_filters(self) -> list[LineFilter]:
        """Without colour, an ANSI theme keeps the terminal's own: black on black otherwise."""
        filters = super().get_line_filters()
        if not self.native_ansi_color:
            return list(filters)
        return [NoColor() if isinstance(f, Monochrome) else f for f in filters]

    async def on_mount(self) -> None:
        """Start to collect at once, and the analysis after the first paint."""
        # Textual can switch only between screens that were pushed.
        self.push_screen(OverviewScreen())
        loop = asyncio.get_running_loop()
        self.monitor.on_frame(self._take)
        await self.monitor.start(host_first=True)
        if self._beside is not None:
            self._tasks.append(loop.create_task(self._run_beside(self._beside)))
        if not self.is_headless:
            self.set_interval(0.5, self._watch_terminal)
        for text in self._notices:
            self.notify(text, title="theme", severity="warning")
        for text in unknown(self.loaded.settings.keys):
            self.notify(text, title="keys", severity="warning")

    async def _run_beside(self, beside: Background) -> None:
        try:
            await beside()
        except CapmonError as fault:
            self.notify(str(fault), severity="error")

    def _take(self, frame: Frame) -> None:
        """A new frame from the monitor."""
        if frame.past is not None:  # someone waits for it, and no other comes by itself
            self.show_frame(frame)
        if frame.past is not None or self.view_state.paused or self.travelling.keeps(frame):
            return
        self._held = frame
        queued = backlog(self._driver)
        if self.pacer.may_draw(time.monotonic(), queued=queued, blurred=self._blurred):
            self._show()

    def on_monitor_screen_composed(self, event: MonitorScreen.Composed) -> None:
        """A view is ready to be filled."""
        del event
        self._show()

    def _show(self) -> None:
        screen = self.monitor_screen
        if screen is None or not screen.composed:
            return
        screen.apply(self._held, self.travelling.view(self.view_state), self._key_names)
        if self._held is not None and not self.first_frame_drawn:
            self.first_frame_drawn = True
            self.call_after_refresh(self._start_engine)

    def _start_engine(self) -> None:
        self._painted.set()
        collect_garbage_again()
        self.monitor.start_engine()

    @property
    def monitor_screen(self) -> MonitorScreen | None:
        """The live view that is shown, also while a sheet lies over it."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, MonitorScreen):
                return screen
        return None

    def _watch_terminal(self) -> None:
        """A terminal that is gone would otherwise keep the reader of its input spinning."""
        if leaving.hung_up():
            self.leave(129)

    def leave(self, status: int = 0) -> None:
        """End in order, and within a second in any case."""
        if self._leaving:
            return
        self._leaving = True
        if self.last_resort is not None:
            self.last_resort.soon(status)
        self.exit(status, return_code=status)

    async def on_unmount(self) -> None:
        """Stop what runs."""
        if self.last_resort is not None:
            self.last_resort.soon(self.return_code or 0)
        self.travelling.stop()
        for task in self._tasks:
            task.cancel()
        await self.monitor.stop()

    def on_app_blur(self, event: AppBlur) -> None:
        """Draw less while nobody looks."""
        del event
        self._blurred = True

    def on_app_focus(self, event: AppFocus) -> None:
        """Draw at once when somebody looks again."""
        del event
        self._blurred = False
        if not self.view_state.paused:
            self._show()

    def show_frame(self, frame: Frame | None) -> None:
        """Show this frame now, and go on from it."""
        self._held = frame
        self.change_view(paused=False)

    # Commands

    def change_view(self, **changes: Any) -> None:
        """Change what is shown and show it at once."""
        self.view_state = replace(self.view_state, **changes)
        self._show()

    def action_command_palette(self) -> None:
        """Find a command by name."""
        palette.show(self)

    async def action_quit(self) -> None:
        """Leave."""
        self.leave(0)

    def action_help(self) -> None:
        """Show help."""
        if isinstance(self.screen, Sheet):
            return
        from capmon.ui.screens.help import HelpScreen

        read_only = self.travelling.view(self.view_state).read_only
        self.push_screen(HelpScreen(self._held, self._key_names, read_only=read_only))

    def action_pause(self) -> None:
        """Hold the screen still, or let it go on with the newest frame; in the past, play it."""
        if self.travelling.away:
            self.travelling.play()
            return
        paused = not self.view_state.paused
        if not paused and self.monitor.frame is not None:
            self._held = self.monitor.frame
        self.change_view(paused=paused)

    async def action_filter(self) -> None:
        """Open the filter line."""
        screen = self.monitor_screen
        if screen is not None and self.screen is screen:
            await screen.open_filter(self.view_state.filter)

    def set_filter(self, text: str) -> None:
        """Show only lines that hold a text."""
        self.change_view(filter=text.strip())

    async def action_back(self) -> None:
        """Leave the filter, then a zoomed pane, then the view."""
        screen = self.monitor_screen
        if screen is None:
            return
        if screen.filtering:
            screen.close_filter()
            self.set_filter("")
        elif self.view_state.filter:
            self.set_filter("")
        elif self.view_state.maximised:
            self.change_view(maximised="")
        elif screen.name_of_view != VIEWS[0]:
            await self.action_view(VIEWS[0])
        else:
            screen.set_focus(None)

    async def action_view(self, name: str) -> None:
        """Change the view."""
        screen = self.monitor_screen
        if screen is None or screen is not self.screen or screen.name_of_view == name:
            return
        self.view_state = replace(self.view_state, maximised="")
        await self.switch_screen(live_view(name))

    def action_what_if(self) -> None:
        """Suppose another load, other replicas or another objective."""
        if self.screen is not self.monitor_screen:
            return
        from capmon.ui.screens.whatif import WhatIfScreen

        self.push_screen(WhatIfScreen(self.travelling.suppose))

    def action_zoom(self) -> None:
        """Let the focused pane fill the screen, and back."""
        screen = self.monitor_screen
        if screen is None or screen is not self.screen:
            return
        self.maximise("" if self.view_state.maximised else screen.focused_pane)

    def maximise(self, pane: str) -> None:
        """Let one pane fill the screen; an empty name shows all."""
        self.change_view(maximised=pane)

    def action_focus_next(self) -> None:
        """Move to the next pane."""
        self._cycle(1)

    def action_focus_previous(self) -> None:
        """Move to the pane before."""
        self._cycle(-1)

    def _cycle(self, step: int) -> None:
        screen = self.monitor_screen
        if screen is not None and screen is self.screen:
            screen.cycle(step)

    def action_window(self, step: int) -> None:
        """Show a shorter or longer window."""
        names = list(WINDOWS)
        at = names.index(self.view_state.window) + step
        if 0 <= at < len(names):
            self.monitor.set_window(WINDOWS[names[at]])
            self.change_view(window=names[at])
            self.travelling.renew()

    def action_next_theme(self) -> None:
        """Change to the next theme."""
        at = self._theme_names.index(self.theme) if self.theme in self._theme_names else -1
        self.theme = self._theme_names[(at + 1) % len(self._theme_names)]
        self.notify(f"theme {self.theme}", timeout=1.5)

    def action_export(self) -> None:
        """Write what is shown to a file, off the event loop."""
        sharing.export(self)

    def action_note(self) -> None:
        """Write a note into the record."""
        sharing.note(self)

    def action_copy(self) -> None:
        """Copy a summary of what is shown."""
        sharing.copy(self)

    # Time

    def action_step(self, direction: int) -> None:
        """Go one step through time."""
        self.travelling.step(direction)

    def action_minute(self, direction: int) -> None:
        """Go a minute through time."""
        self.travelling.step(direction, MINUTE)

    def action_event(self, direction: int) -> None:
        """Go from event to event."""
        self.travelling.event(direction)

    def action_jump(self) -> None:
        """Ask for a moment and go there."""
        self.travelling.jump()

    def action_now(self) -> None:
        """Back to now."""
        self.travelling.home()

    @property
    def shown(self) -> Frame | None:
        """The frame that is shown; None before the first."""
        return self._held

    @property
    def folder(self) -> Path:
        """Where files are written."""
        return self._folder or Path.cwd()

    # Scaling

    def action_scale(self, delta: int) -> None:
        """Propose replicas: the advised count, or one more or less."""
        if not self.travelling.refuses():
            acting.scale(self, delta)

    def action_rollback(self) -> None:
        """Propose to take the last action back."""
        if not self.travelling.refuses():
            acting.take_back(self)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside the screen until the end at the latest."""
        self._tasks.append(asyncio.create_task(work))

    def notify(self, message: str, **options: Any) -> None:
        """Show a notice: plain text, which may come from outside."""
        super().notify(one_line(message), **{"markup": False, **options})

    def get_system_commands(self, screen: Screen[Any]) -> list[SystemCommand]:
        """None of Textual's own: the palette holds what capmon can do."""
        del screen
        return []


def _shown(keys: str) -> str:
    """The first of some keys as a footer shows it."""
    return keys.split(",")[0].strip()
