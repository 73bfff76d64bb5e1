"""Writes what a monitor measures and finds into the history, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from capmon import __version__
from capmon.clock import Clock
from capmon.config.schema import Settings
from capmon.errors import CapmonError, HistoryBusy
from capmon.model.frame import Event, Frame, Recording
from capmon.model.sample import Batch
from capmon.monitor.front import Front
from capmon.monitor.monitor import Monitor
from capmon.recording.documents import Documents, document
from capmon.recording.naming import history_file, record_name, socket_path

if TYPE_CHECKING:
    from capmon.store.history_writer import HistoryWriter

BEAT = 1.0
"""Seconds between two looks at what is due."""

RETRY = 10.0
"""Seconds until a history that could not be opened is tried again."""

RETRY_AT_ONCE = 1.0
"""The same for a recorder: a screen that writes its record gives way."""

BY_HAND = frozenset({"note", "action"})
"""Events that are kept even where another process writes the record."""

WAITING = 3600
"""Readings, events and frames that may wait for the thread; beyond it the newest are dropped."""

PATIENCE = 0.8
"""Seconds that the end waits for the last flush."""

Write = Callable[["HistoryWriter"], None]


class Keeper:
    """Listens to a monitor, and keeps what it says.

    Where another process writes the history, nothing is written here until that one ends.

    Args:
        monitor: What is listened to.
        settings: All settings.
        clock: Time.
        gives_way: Whether a recorder that comes may write in its stead.
    """

    def __init__(
        self, monitor: Monitor, settings: Settings, clock: Clock, *, gives_way: bool = True
    ) -> None:
        self._settings = settings
        self._retry = RETRY if gives_way else RETRY_AT_ONCE
        self._gives_way = gives_way
        self._monitor: Front = monitor
        self._clock = clock
        self._path = history_file(settings)
        self._name = record_name(settings, socket.gethostname())
        self._kept = settings.history
        self._waiting: queue.Queue[Write | Event | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="capmon-history", daemon=True)
        self._tried = threading.Event()
        self._ending = threading.Event()
        self._dropped = False
        self._said = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._documents = Documents(clock)
        self._recording = Recording("off", "nothing is recorded: history.path is none")
        if self._path is None:
            monitor.recording = self._recording
            return
        monitor.on_batch(self._take_batch)
        monitor.on_event(self._take_event)
        monitor.on_frame(self._take_frame)

    @property
    def recording(self) -> Recording:
        """Who remembers what is measured, for the frame."""
        return self._recording

    def start(self) -> None:
        """Begin to write; what is wrong shows in `recording`."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        if self._path is not None and not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """Write what is still waiting, within a second."""
        self._ending.set()
        if not self._thread.is_alive():
            return
        self._put(None)
        self._thread.join(PATIENCE)

    def opened(self, seconds: float) -> bool:
        """Wait until the file was opened or could not be; whether it is being written."""
        self._tried.wait(seconds)
        return self._recording.state == "recording"

    # On the event loop

    def _take_batch(self, source: str, interval: float, batch: Batch) -> None:
        self._put(lambda w: w.batch(source, interval, batch.at, batch.values))

    def _take_event(self, event: Event) -> None:
        self._put(event if event.kind in BY_HAND else lambda w: w.event(event))

    def _take_frame(self, frame: Frame) -> None:
        found = self._documents.due(frame)
        if found is not None:
            self._put(lambda w: w.keep(found.at, document(found)))

    def _put(self, write: Write | Event | None) -> None:
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            self._dropped = True

    # In the thread

    def _run(self) -> None:
        writer: HistoryWriter | None = None
        opened = beaten = -RETRY
        while not (self._ending.is_set() and self._waiting.empty()):
            now = self._clock.monotonic()
            if writer is None and now - opened >= self._retry and not self._ending.is_set():
                opened, writer = now, self._open()
            write = self._next(beaten + BEAT - now)
            if isinstance(write, Event):
                writer = self._keep(writer, write)
            elif write is not None:
                writer = self._guarded(writer, write)
            if self._clock.monotonic() - beaten >= BEAT:
                beaten = self._clock.monotonic()
                writer = self._guarded(writer, self._beat)
                if writer is not None and self._recorder_came():
                    self._give_way(writer)
                    opened, writer = beaten, None
        if writer is not None:
            self._guarded(writer, self._close)

    def _next(self, seconds: float) -> Write | Event | None:
        try:
            return self._waiting.get(timeout=min(max(seconds, 0.01), BEAT))
        except queue.Empty:
            return None

    def _open(self) -> HistoryWriter | None:
        assert self._path is not None  # noqa: S101 - else the thread is not started
        # The first paint does not wait for numpy.
        from capmon.store.history_writer import HistoryWriter, Retention

        kept = self._kept
        retention = Retention(kept.raw, kept.minutes, kept.hours, int(kept.max_size))
        try:
            writer = HistoryWriter.open(self._path, self._clock, self._name, retention)
            writer.event(Event(self._clock.now(), "start", f"capmon {__version__} (pid {os.getpid()})"))  # fmt: skip
        except HistoryBusy as busy:
            self._say("elsewhere", str(busy))
            return None
        except Exception as fault:  # whatever is wrong with a file, the monitor goes on
            self._say("failing", _told(fault))
            return None
        else:
            self._said = 0
            self._say("recording", f"recorded as {self._name}")
        finally:
            self._tried.set()
        return writer

    def _guarded(self, writer: HistoryWriter | None, write: Write) -> HistoryWriter | None:
        """Do something with the writer; one that fails is closed, and opened again later."""
        if writer is None:  # what nobody can write down is forgotten
            return None
        try:
            write(writer)
        except Exception as fault:
            self._say("failing", _told(fault))
            with contextlib.suppress(Exception):
                writer.close()
            return None
        return writer

    def _keep(self, writer: HistoryWriter | None, event: Event) -> HistoryWriter | None:
        """Keep what a person did: beside another process that writes the record, if it must be."""
        if writer is not None:
            return self._guarded(writer, lambda w: w.event(event))
        assert self._path is not None  # noqa: S101 - else the thread is not started
        from capmon.store.history_aside import tell

        try:
            tell(self._path, self._name, event)
        except Exception as fault:
            self._note(f"not in the history: {event.text} ({_told(fault)})")
        return None

    def _recorder_came(self) -> bool:
        """Whether a recorder of this record listens: it writes on, also when nobody looks."""
        path = socket_path(self._settings, socket.gethostname())
        if not self._gives_way or not path.exists():
            return False
        from capmon.recording.link import recorder_pid

        return recorder_pid(self._settings) not in (None, os.getpid())

    def _give_way(self, writer: HistoryWriter) -> None:
        self._guarded(writer, self._close)
        self._say("elsewhere", f"{self._name} is written by the recorder")

    def _beat(self, writer: HistoryWriter) -> None:
        writer.beat()
        for notice in writer.notices[self._said :]:
            self._note(notice)
        self._said = len(writer.notices)
        if self._dropped:
            self._dropped = False
            self._note("the history is slower than the readings: some were not recorded")
        if writer.failing:
            self._say("failing", writer.failing)
        else:
            self._say("recording", f"recorded as {self._name}")

    def _close(self, writer: HistoryWriter) -> None:
        writer.event(
            Event(self._clock.now(), "stop", f"capmon (pid {os.getpid()}) wrote until here")
        )
        writer.close()

    def _say(self, state: str, text: str) -> None:
        before, self._recording = self._recording, Recording(state, text)
        self._monitor.recording = self._recording
        if state == "failing" and before.state != "failing":
            self._note(f"not recorded: {text}")
        if state == "recording" and before.state == "failing":
            self._note("recorded again")

    def _note(self, text: str) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: the program is leaving
                loop.call_soon_threadsafe(self._monitor.note, "notice", text)


def _told(fault: Exception) -> str:
    return str(fault) if isinstance(fault, CapmonError) else f"{type(fault).__name__}: {fault}"
