"""Keys that go through time: step, jump, play, from event to event, and back to now."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from capmon.clock import SystemClock
from capmon.config.schema import WINDOWS, Settings
from capmon.model.frame import Frame
from capmon.model.whatif import Question, WhatIf
from capmon.recording.naming import record_name
from capmon.recording.replayer import Replayer
from capmon.recording.seeker import Found, Seeker, Wanted
from capmon.ui.panes import bars
from capmon.ui.panes.bars import Bar
from capmon.ui.widgets.pane import View

if TYPE_CHECKING:
    from capmon.recording.timeline import Timeline
    from capmon.ui.app import CapmonApp

MINUTE = 60.0
CELLS = 120
"""Cells of a trend, one of which is a step."""

BRIEF = 2.0
"""Seconds that a notice of an end stays."""

TICK = 1.0
"""Seconds between two looks at how long ago a moment was."""

STRANGE = "nothing of this is recorded: another process writes the record {0!r} of its own service; capmon replay --name {0} shows it"
"""Why there is no way back where the record is not of what is shown."""

CLOSE = 0.001
"""Seconds by which two moments may differ and be the same."""


class Travelling:
    """Where in time the screen is. While it is live, what is measured goes on behind the past."""

    def __init__(self, app: CapmonApp) -> None:
        self._app = app
        self._seeker: Seeker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: Wanted | None = None
        self._at: float | None = None
        self._playing: Timer | None = None
        self._ticking: Timer | None = None
        self._replayer = app.monitor if isinstance(app.monitor, Replayer) else None
        if self._replayer is not None:
            self._replayer.on_found = self._found

    # Where it is

    @property
    def away(self) -> bool:
        """Whether another moment than now is shown."""
        shown = self._app.shown
        return shown is not None and shown.past is not None

    def keeps(self, frame: Frame) -> bool:
        """Whether the screen stays with what it shows when this frame comes."""
        return self.away and frame.past is None

    def view(self, view: View) -> View:
        """The view of what is shown: nothing is scaled in the past, which stands still until it is played."""
        if not self.away:
            return view
        return replace(view, read_only=True, paused=self._playing is None, now=self._now())

    def refuses(self) -> bool:
        """Whether nothing can be done from here, which is said."""
        if not self.away:
            return False
        back = "" if self._replayer is not None or self._is_file() else f": {self._key('now', 'home')} goes back to now"  # fmt: skip
        what = "this is a snapshot" if self._is_file() else "this is the past"
        self._say(f"{what}, nothing is scaled from here{back}")
        return True

    def suppose(self, question: Question) -> WhatIf | None:
        """What the models that are shown say to a supposition."""
        shown = self._app.shown
        if not self.away or shown is None:
            return self._app.monitor.what_if(question)
        from capmon.analysis.whatif import what_if

        return what_if(self._app.loaded.settings, shown, question)

    # Keys

    def step(self, direction: int, seconds: float = 0.0) -> None:
        """Go one cell of the trends forward or back, or so many seconds."""
        at = self._from()
        if at is None:
            return
        if direction > 0 and not self.away:
            self._say("this is now")
            return
        self._seek(at + direction * (seconds or self._cell()))

    def event(self, direction: int) -> None:
        """Go to the next event, or to the one before."""
        at = self._from()
        if at is None:
            return
        if direction > 0 and not self.away:
            self._say("this is now")
            return
        self._seek(at, event=direction)

    def jump(self) -> None:
        """Ask for a moment and go there."""
        shown = self._app.shown
        if shown is None or self._from() is None:
            return
        from capmon.ui.screens.jump import JumpScreen

        def decided(at: float | None) -> None:
            if at is not None:
                self._seek(at)

        self._app.push_screen(JumpScreen(shown, self._told_from(shown)), decided)

    def home(self) -> None:
        """Back to now; in a replay, to the end of the record."""
        if not self.away:
            if self._app.view_state.paused:
                self._app.action_pause()
            else:
                self._say("this is now")
            return
        if self._is_file():
            self._say("a snapshot is one moment")
            return
        self._stand()
        if self._replayer is not None:
            self._seek_for(Wanted(lambda end: end, self._window()))
            return
        self._at = self._wanted = None
        self._app.show_frame(self._app.monitor.frame)

    def play(self) -> None:
        """Let the past go on at its own pace, or stand still."""
        if self._is_file():
            self._say("a snapshot is one moment")
            return
        if self._playing is not None:
            self._stand()
        else:
            pace = self._app.loaded.settings.interval
            self._playing = self._app.set_interval(pace, lambda: self._play_on(pace))
        self._app.change_view()

    def renew(self) -> None:
        """Show the same moment for another window."""
        if self.away and not self._is_file() and self._at is not None:
            self._seek(self._at)

    def stop(self) -> None:
        """Let go of the record."""
        self._stand()
        if self._seeker is not None:
            self._seeker.stop()

    # To the record and back

    def _play_on(self, pace: float) -> None:
        if self.away and self._at is not None:
            self._seek(self._at + pace)

    def _stand(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.stop()

    def _from(self) -> float | None:
        """The moment that a step starts from; None where there is nowhere to go, which is said."""
        shown = self._app.shown
        if shown is None or self._app.screen is not self._app.monitor_screen:
            return None
        if self._is_file():
            self._say("a snapshot is one moment")
            return None
        if self._strange(shown):
            whose = record_name(self._app.loaded.settings, socket.gethostname())
            self._say(STRANGE.format(whose), severity="warning")
            return None
        return (
            shown.at if self._at is None or (not self.away and self._wanted is None) else self._at
        )

    def _strange(self, shown: Frame) -> bool:
        """Whether the record is of another service: another start is one, and somebody else writes it."""
        kept = shown.recording
        return (
            self._replayer is None
            and not self._app.loaded.settings.history.resume
            and kept is not None
            and kept.state == "elsewhere"
        )

    def _is_file(self) -> bool:
        shown = self._app.shown
        return shown is not None and shown.past is not None and shown.past.kind == "file"

    def _told_from(self, shown: Frame) -> float:
        """The moment that spans are told from: now, or the end of what is replayed."""
        if self._replayer is not None and shown.past is not None:
            return shown.past.end
        return self._now() or shown.at

    def _now(self) -> float | None:
        """Unix time of now; None where nobody tells it."""
        if self._replayer is not None:
            return self._replayer.now()
        live = self._app.monitor.frame
        return None if live is None or live.past is not None else live.at

    def _tick_on(self) -> None:
        self._ticking = self._ticking or self._app.set_interval(TICK, self._tick)

    def _tick(self) -> None:
        """Tell anew how long ago the moment was that is shown: what stands still grows older."""
        screen, shown = self._app.monitor_screen, self._app.shown
        if screen is not None and screen.composed and self.away and not self._is_file():
            view = self.view(self._app.view_state)
            screen.query_one("#header", Bar).show([bars.header(shown, view, screen.size.width)])

    def _window(self) -> float:
        return WINDOWS[self._app.view_state.window]

    def _cell(self) -> float:
        """Seconds of a cell of the trends that are shown, an interval at least."""
        shown = self._app.shown
        steps = [t.step for t in shown.trends.values()] if shown is not None else []
        cell = min(steps, default=self._window() / CELLS)
        return max(cell, self._app.loaded.settings.interval)

    def _seek(self, at: float, event: int = 0) -> None:
        self._at = at
        self._seek_for(Wanted(at, self._window(), event))

    def _seek_for(self, wanted: Wanted) -> None:
        self._wanted = wanted
        if self._replayer is not None:
            self._replayer.seek(wanted)
            return
        if self._seeker is None:
            self._loop = asyncio.get_running_loop()
            self._seeker = Seeker(opener(self._app.loaded.settings), self._found_in_thread)
        self._seeker.seek(wanted)

    def _found_in_thread(self, found: Found) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: the app has ended
                self._loop.call_soon_threadsafe(self._arrived, found)

    def _arrived(self, found: Found) -> None:
        """Show what the record says, unless something else was asked for since."""
        if found.wanted is not self._wanted:
            return
        self._found(found)
        if found.frame is not None:
            live = self._app.monitor.frame
            recording = None if live is None else live.recording
            self._app.show_frame(replace(found.frame, recording=recording))

    def _found(self, found: Found) -> None:
        """Say what there is to say of an answer."""
        frame = found.frame
        if self._ticking is None:
            self._app.call_later(self._tick_on)  # a timer needs the app's own context
        if frame is None:
            self._stand()
            self._at = self._app.shown.at if self.away and self._app.shown else None
            self._wanted = None if self._at is None else self._wanted
            self._say(found.fault, severity="warning")
            return
        self._at = frame.at
        if found.event is not None:
            self._say(found.event.text, title=found.event.kind)
        elif abs(found.at - frame.at) > CLOSE:
            self._stand()
            self._say("the record ends here" if found.at > frame.at else "the record begins here")
        elif frame.past is not None and all(r.value is None for r in frame.readings.values()):
            self._say(frame.past.note.partition(";")[0])

    def _key(self, command: str, default: str) -> str:
        return self._app.view_state.key_names.get(command, default)

    def _say(self, text: str, *, title: str = "", severity: str = "information") -> None:
        """One notice at a time: keys repeat faster than notices go."""
        self._app.clear_notifications()
        timeout = BRIEF if severity == "information" else 2 * BRIEF
        self._app.notify(text, title=title, severity=severity, timeout=timeout)


def opener(settings: Settings) -> Callable[[], Timeline]:
    """What opens the record that this monitor writes, or that is written of what it shows."""

    def open_() -> Timeline:
        from capmon.recording.opening import open_record
        from capmon.recording.timeline import Timeline

        return Timeline(open_record(settings), settings, SystemClock())

    return open_
