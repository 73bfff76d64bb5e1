"""Frames from a recorder instead of collectors; should it go, the screen goes on by collecting itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from capmon.clock import Clock
from capmon.config.schema import Settings
from capmon.errors import SnapshotError
from capmon.model.frame import Event, Frame, Recording
from capmon.model.text import one_line
from capmon.monitor.front import Front
from capmon.monitor.monitor import Monitor
from capmon.recording.link import Link, find
from capmon.recording.wire import changed, is_whole, unpack

MOST_BYTES = 64 << 20
"""Bytes of one line that is read at most; a whole frame of a large host has well under one million."""

SILENCE = 2.5
"""Seconds, or intervals where those are longer, without a word after which a recorder is asked for once more."""

TRIES = 4
"""How often a recorder that is gone is looked for: one that is restarted is back soon."""

BETWEEN = 0.5
"""Seconds between two tries."""

Find = Callable[[Settings], Link | str]


class Attached(Front):
    """Shows what a recorder finds, and acts through a target of its own.

    Args:
        link: Connection to the recorder.
        own: A monitor that has not started: whose target is acted on, and what collects once the
            recorder is gone.
        clock: Time.
        find: Looks for the recorder again.
    """

    def __init__(self, link: Link, own: Monitor, clock: Clock, *, find: Find = find) -> None:
        super().__init__(own.settings, clock, own.actuator, own.surroundings)
        self._link: Link | None = link
        self._own = own
        self._find = find
        self._engine_wanted = False
        self._alone = False
        self._writer: asyncio.StreamWriter | None = None
        self._following: asyncio.Task[None] | None = None
        self._sequence = 0
        self._untold: list[Event] = []
        own.on_frame(self._show)

    @property
    def attached(self) -> bool:
        """Whether frames come from a recorder now."""
        return not self._alone

    # Life

    async def start(self, *, host_first: bool = False) -> None:
        """Begin to read frames."""
        del host_first  # the recorder has read everything already
        self._following = asyncio.create_task(self._follow(), name="capmon-attached")

    def start_engine(self) -> None:
        """Nothing to load while the recorder does the analysis."""
        self._engine_wanted = True
        if self._alone:
            self._own.start_engine()

    async def stop(self) -> None:
        """Let go of the recorder, and of what was collected here."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if self._link is not None:
            self._link.sock.close()
        if self._alone:
            await self._own.stop()

    # What the screen asks for

    def set_window(self, seconds: float) -> None:
        """Have the recorder show this much history; whoever asks last decides for all."""
        super().set_window(seconds)
        self._own.set_window(seconds)
        self._ask({"window": seconds})

    def note(self, kind: str, text: str) -> None:
        """Have the recorder note an event: it comes back with the next frame."""
        if self._alone:
            self._own.note(kind, text)
        elif not self._ask({"note": [kind, one_line(text)]}):
            super().note(kind, text)
            self._untold.append(self._events[0])

    def forget_models(self, reason: str) -> None:
        """Have models start afresh."""
        self._own.forget_models(reason)
        self._ask({"forget": reason})

    def _wake(self, source: str) -> None:
        if self._alone:
            self._own.wake(source)
        else:
            self._ask({"wake": source})

    def _data_age(self, frame: Frame) -> float | None:
        if self._alone:
            self._measured = dict(self._own.measured)
        return super()._data_age(frame)

    def _ask(self, words: Mapping[str, Any]) -> bool:
        """Tell the recorder something; whether there is one."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return False
        writer.write(json.dumps(words, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        return True

    # Frames

    async def _follow(self) -> None:
        """Read frames until there is no recorder any more, then collect."""
        why = ""
        while self._link is not None:
            link = self._link
            try:
                why = await self._read(link)
            except Exception as fault:  # whatever it says, the screen goes on
                why = (
                    f"the recorder (pid {link.hello.pid}) is not understood: {type(fault).__name__}"
                )
            finally:
                self._writer = None
                link.sock.close()
            self._link = await self._again()
        await self._go_on_alone(why)

    async def _read(self, link: Link) -> str:
        """Read frames from one recorder; why that ended."""
        link.sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=link.sock, limit=MOST_BYTES)
        self._writer = writer
        who = f"the recorder (pid {link.hello.pid})"
        self._ask({"follow": True})
        self._ask({"window": self._window})
        self._tell_untold()
        frame: Frame | None = None
        try:
            while line := await self._line(reader):
                frame = self._taken(frame, json.loads(line))
                self._tell(frame, link.hello.pid)
        except TimeoutError:
            return f"{who} does not answer any more"
        except (OSError, ValueError, TypeError, KeyError, SnapshotError) as fault:
            return f"{who} is not understood: {type(fault).__name__}"
        finally:
            writer.transport.abort()
        return f"{who} is gone"

    def _tell_untold(self) -> None:
        """Have the recorder note what came while it was away: it comes back with its frames."""
        for event in self._untold:
            self._ask({"note": [event.kind, event.text]})
            self._events.remove(event)
        self._untold.clear()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """The next line.

        Raises:
            TimeoutError: There is none.
        """
        seconds = max(SILENCE, SILENCE * self.settings.interval)
        reading = asyncio.ensure_future(reader.readline())
        try:
            # Twice: a process that was stopped finds its patience at an end, and what came unread.
            for _ in range(2):
                done, _pending = await asyncio.wait({reading}, timeout=seconds)
                if done:
                    return reading.result()
        finally:
            reading.cancel()
        raise TimeoutError

    def _taken(self, before: Frame | None, words: Mapping[str, Any]) -> Frame:
        self._measured = {k: float(v) for k, v in words["measured"].items() if is_whole(v)}
        if "frame" in words:
            frame = unpack(words["frame"])
        else:
            frame = changed(before, words["change"]) if "change" in words else before
        if not isinstance(frame, Frame):
            raise TypeError("no frame")
        return frame

    def _tell(self, frame: Frame, pid: int) -> None:
        known = {k: r.value for k, r in frame.readings.items() if r.value is not None}
        outcomes = frame.outcomes
        if self._actuator is not None:
            with self._said("scaling"):
                self._actuator.observe(frame.replicas, known)
            outcomes = self._actuator.outcomes()
        # Notes from before the recorder could be told them.
        events = tuple(sorted((*self._events, *frame.events), key=lambda e: -e.at))
        recording = _recording(frame.recording, pid)
        self._show(replace(frame, outcomes=outcomes, events=events, recording=recording))

    def _show(self, frame: Frame) -> None:
        self._sequence += 1
        self.frame = frame = replace(frame, sequence=self._sequence)
        for listener in self._listeners:
            with self._said(f"a listener, {getattr(listener, '__qualname__', 'unnamed')},"):
                listener(frame)

    # Without a recorder

    async def _again(self) -> Link | None:
        """The recorder, should it come back at once."""
        for _ in range(TRIES):
            await asyncio.sleep(BETWEEN)
            found = await asyncio.to_thread(self._find, self.settings)
            if isinstance(found, Link):
                return found
            if found:  # it is back, and another
                return None
        return None

    async def _go_on_alone(self, why: str) -> None:
        if self.frame is not None:
            self._own.remember(e for e in self.frame.events if e not in self._untold)
        self._alone = True
        for event in self._untold:
            self._own.note(event.kind, event.text)
        self._untold.clear()
        self._own.note("notice", f"{why}: collecting here from now on")
        await self._own.start()
        if self._engine_wanted:
            self._own.start_engine()


def _recording(theirs: Recording | None, pid: int) -> Recording:
    """What to say of the record while it is the recorder's business."""
    if theirs is not None and theirs.state == "failing":
        return Recording("failing", f"the recorder (pid {pid}): {theirs.text}")
    return Recording("attached", f"read from the recorder (pid {pid})")
