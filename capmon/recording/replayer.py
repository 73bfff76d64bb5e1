"""A record in place of a monitor: frames of the past through the same front, nothing to act on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from capmon.clock import Clock
from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.monitor.front import Front
from capmon.recording.seeker import Found, Open, Seeker, Wanted


class Replayer(Front):
    """Gives the frame of one moment after the other, as it is asked for them.

    Args:
        settings: All settings.
        clock: Time.
        open_: Opens the record.
        first: Gives the first moment from the record's last one.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        open_: Open,
        first: Callable[[float], float] = lambda end: end,
    ) -> None:
        super().__init__(settings, clock)
        self._seeker = Seeker(open_, self._given_in_thread)
        self._first = first
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_found: Callable[[Found], None] | None = None
        """Is told of every answer before its frame is given."""

    async def start(self, *, host_first: bool = False) -> None:
        """Show the first moment."""
        del host_first
        self._loop = asyncio.get_running_loop()
        self.seek(Wanted(self._first, self._window))

    def start_engine(self) -> None:
        """Nothing is analysed: what was found then stands in the record."""

    async def stop(self) -> None:
        """Let go of the record."""
        self._loop = None
        self._seeker.stop()

    def forget_models(self, reason: str) -> None:
        """The past forgets nothing."""

    def now(self) -> float:
        """Unix time of now, which no frame of the past tells."""
        return self._clock.now()

    def seek(self, wanted: Wanted) -> None:
        """Show another moment as soon as it is found."""
        self._seeker.seek(wanted)

    def _given_in_thread(self, found: Found) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: the program is leaving
                loop.call_soon_threadsafe(self._given, found)

    def _given(self, found: Found) -> None:
        if self.on_found is not None:
            self.on_found(found)
        if found.frame is None:
            return
        self.frame = found.frame
        for listener in self._listeners:
            with self._said("a listener"):
                listener(found.frame)


def once(open_: Open, first: Callable[[float], float], window: float) -> Found:
    """The answer for one moment, without a screen.

    Raises:
        CapmonError: Nothing is recorded, or it cannot be read.
    """
    from capmon.recording.seeker import answer

    timeline = open_()
    try:
        found = answer(timeline, Wanted(first, window))
    finally:
        timeline.close()
    if found.frame is None:
        raise CapmonError(found.fault)
    return found
