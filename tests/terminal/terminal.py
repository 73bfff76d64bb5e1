"""A real pseudo-terminal with a program in it, seen as its user sees it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
import pyte
import pytest
from _pytest.mark.structures import ParameterSet

PATIENCE = 15.0
"""Seconds after which waiting for the program is given up."""

ANSWERS = {
    b"\x1b[c": b"\x1b[?62;c",
    b"\x1b[0c": b"\x1b[?62;c",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
}
"""Device queries that a terminal answers."""

UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?\d+\$p")
"""Keyboard protocol and mode queries, which pyte would print as text."""

PRIVATE_MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
KEYBOARD = re.compile(rb"\x1b\[([<>])[0-9]*u")

ON_AT_REST = {7, 25}
"""Private modes that a terminal has on when nobody uses it: line wrap, cursor."""


class Terminal:
    """Runs a program in a pseudo-terminal; whoever holds it must read it: see `pump`.

    Args:
        argv: Program and arguments.
        columns: Width.
        rows: Height.
        environment: The whole environment.
        folder: Working directory.
        controlling: Whether the terminal controls the program, which is then sent SIGHUP when
            the terminal goes away.
        shell: Words of the shell before the program starts, such as `trap '' HUP;`.
        redirect: Redirections of the program's streams, in the shell's words.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        columns: int = 120,
        rows: int = 40,
        folder: Path | None = None,
        controlling: bool = True,
        shell: str = "",
        redirect: str = "",
    ) -> None:
        self.master, self._slave = pty.openpty()
        self.before = termios.tcgetattr(self._slave)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._carry = b""
        self.raw = bytearray()
        """Everything that was read."""
        self._set_size(columns, rows)
        # A session leader that opens a terminal by name gets it as its controlling terminal.
        name = os.ttyname(self._slave)
        streams = f"<>{name} >&0 2>&0" if controlling else ""
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f'{shell} exec "$@" {streams} {redirect}', "sh", *argv],
            stdin=subprocess.DEVNULL if controlling else self._slave,
            stdout=subprocess.DEVNULL if controlling else self._slave,
            stderr=subprocess.DEVNULL if controlling else self._slave,
            start_new_session=True,
            env=dict(environment),
            cwd=folder,
        )
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill what still runs and let go of the terminal."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a connection that drops does."""
        for name in ("master", "_slave"):
            descriptor = getattr(self, name)
            if descriptor >= 0:
                os.close(descriptor)
                setattr(self, name, -1)

    # Reading

    def pump(self, seconds: float, limit: int | None = None) -> int:
        """Read for some seconds, or until `limit` bytes came; how many bytes came."""
        start = len(self.raw)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            room = 65536 if limit is None else limit - (len(self.raw) - start)
            if room <= 0 or not self._read(min(left, 0.05), room):
                break
        return len(self.raw) - start

    def _read(self, seconds: float, room: int) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.master, room)
        except OSError:
            return False
        self.raw += chunk
        for query, answer in ANSWERS.items():
            if query in chunk:
                os.write(self.master, answer)
        self._feed(chunk)
        return bool(chunk)

    def _feed(self, chunk: bytes) -> None:
        text = self._carry + chunk
        # A sequence may be cut in two by the read: what is incomplete waits for its rest.
        at = text.rfind(b"\x1b")
        cut = at >= 0 and not re.match(rb"\x1b(\[[0-9;?<>=$ ]*[A-Za-z@`~p]|[^\[])", text[at:])
        self._carry = text[at:] if cut else b""
        self._stream.feed(UNKNOWN_TO_PYTE.sub(b"", text[:at] if cut else text))

    @property
    def lines(self) -> list[str]:
        """The rows of the screen."""
        return list(self.screen.display)

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    def first_rows(self, start: int) -> list[str]:
        """The first row of the screen after each update that came from byte `start` on."""
        screen = pyte.Screen(self.screen.columns, self.screen.lines)
        stream = pyte.ByteStream(screen)
        stream.feed(UNKNOWN_TO_PYTE.sub(b"", bytes(self.raw[:start])))
        rows = []
        for update in bytes(self.raw[start:]).split(b"\x1b[?2026l"):
            stream.feed(UNKNOWN_TO_PYTE.sub(b"", update))
            rows.append("".join(screen.buffer[0][x].data for x in range(screen.columns)))
        return rows

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Read until the screen matches a regular expression.

        Raises:
            AssertionError: It did not in time, or the program ended; with the screen.
        """
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                return found
            gone = self.process.poll() is not None
            self.pump(0.05)
            if re.search(pattern, self.text) is None and (gone or time.monotonic() > end):
                state = f"ended with {self.process.returncode}" if gone else "runs"
                raise AssertionError(f"no {pattern!r}; the program {state}\n{self.text}")

    def wait_exit(self, seconds: float = PATIENCE, *, read: bool = True) -> int | None:
        """Wait for the end, reading or not; the exit status, or None when it goes on."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            if read:
                self.pump(0.02)
            else:
                time.sleep(0.01)
        if read and self.master >= 0:
            self.pump(0.05)
        return self.process.returncode

    def wait_status(self, status: str, seconds: float = PATIENCE) -> None:
        """Read until the process is in a state that psutil names."""
        process = psutil.Process(self.process.pid)
        end = time.monotonic() + seconds
        while process.status() != status:
            assert time.monotonic() < end, f"{process.status()}, not {status}"
            self.pump(0.05)
        self.pump(0.1)

    # Doing

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self.process.send_signal(number)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # What it leaves behind

    def modes_left(self) -> set[int]:
        """Private modes that are not as a terminal has them at rest."""
        last: dict[int, bool] = {}
        for numbers, letter in PRIVATE_MODES.findall(bytes(self.raw)):
            for number in numbers.split(b";"):
                last[int(number)] = letter == b"h"
        return {n for n, on in last.items() if on != (n in ON_AT_REST)}

    def keyboard_depth(self) -> int:
        """Keyboard protocols pushed and not popped."""
        kinds = KEYBOARD.findall(bytes(self.raw))
        return kinds.count(b">") - kinds.count(b"<")

    def attributes(self) -> list[Any]:
        """The terminal's line settings now."""
        return termios.tcgetattr(self._slave)

    def nonblocking(self) -> bool:
        """Whether somebody left the terminal in a state in which the next reader fails."""
        return not os.get_blocking(self._slave)

    def children(self) -> list[int]:
        """Ids of the processes that the program has started."""
        return [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids: Sequence[int], seconds: float) -> bool:
    """Wait until none of the processes runs; False when one stays."""
    end = time.monotonic() + seconds
    while any(runs(p) for p in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def slow(*values: object) -> ParameterSet:
    """A case for the long suite alone: it differs little from its neighbour."""
    return pytest.param(*values, marks=pytest.mark.slow)
