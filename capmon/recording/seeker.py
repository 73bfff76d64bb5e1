"""Frames of the past on request, made in a thread of their own; the newest request wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capmon.errors import CapmonError
from capmon.model.frame import Event, Frame

if TYPE_CHECKING:
    from capmon.recording.timeline import Timeline

Open = Callable[[], "Timeline"]
"""Opens a record; called in the thread, which owns what it gives."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    at: float | Callable[[float], float]
    """Unix time; or what gives it, once the record's last moment is known."""

    window: float
    """Seconds that trends cover."""

    event: int = 0
    """1 for the moment of the next event after `at`, -1 for that of the last one before it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to the newest request."""

    wanted: Wanted
    """What was looked for."""

    frame: Frame | None = None
    """What is shown of it; None where nothing can be."""

    at: float = 0.0
    """Unix time asked for: another than the frame's where the record ends before it."""

    event: Event | None = None
    """The event whose moment it is."""

    fault: str = ""
    """Why there is no frame."""


class Seeker:
    """Answers the newest request; those before it that wait are dropped.

    Args:
        open_: Opens the record, with the first request.
        give: Takes answers, in the seeker's thread.
    """

    def __init__(self, open_: Open, give: Callable[[Found], None]) -> None:
        self._open = open_
        self._give = give
        self._wanted: Wanted | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def seek(self, wanted: Wanted) -> None:
        """Look for this, and for nothing that was asked before."""
        with self._changed:
            self._wanted = wanted
            self._changed.notify()
        if self._thread is None:
            # A daemon: a record on a dead network drive must not keep the program from its end.
            self._thread = threading.Thread(target=self._run, name="capmon-past", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let go of the record; no answer is waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _next(self) -> Wanted | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._wanted is not None)
            wanted, self._wanted = self._wanted, None
            return None if self._stopped else wanted

    def _run(self) -> None:
        timeline: Timeline | None = None
        while (wanted := self._next()) is not None:
            try:
                if timeline is None:
                    timeline = self._open()
                found = answer(timeline, wanted)
            except Exception as fault:  # a damaged record must not leave the screen without a word
                said = str(fault) if isinstance(fault, CapmonError) else f"{type(fault).__name__}: {fault}"  # fmt: skip
                found = Found(wanted, fault=said)
            with self._changed:
                stale = self._wanted is not None or self._stopped
            if not stale:
                self._give(found)
        if timeline is not None:
            timeline.close()


def answer(timeline: Timeline, wanted: Wanted) -> Found:
    """The frame that is looked for.

    Raises:
        CapmonError: Nothing is recorded, or there is no such event.
    """
    timeline.renew()
    at = wanted.at(timeline.end) if callable(wanted.at) else wanted.at
    event = None
    if wanted.event:
        event = timeline.event_beside(at, wanted.event)
        if event is None:
            where = "after" if wanted.event > 0 else "before"
            raise CapmonError(f"the record knows of no event {where} this")
        at = event.at
    return Found(wanted, timeline.frame_at(at, wanted.window), at, event)
