"""What this terminal can show."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import sys

from capmon.clock import Clock
from capmon.doctor.report import Notes

ANSWER = 0.3
"""Seconds that a terminal may take to answer; over a slow link it is taken for one that does not."""

_SYNCHRONIZED = "\x1b[?2026$p\x1b[c"
"""DECRQM of mode 2026, then device attributes, which every terminal answers."""

_MODE = re.compile(rb"\x1b\[\?2026;(\d)\$y")
_ATTRIBUTES = re.compile(rb"\x1b\[\?[\d;]*c")


def terminal(notes: Notes, clock: Clock) -> None:
    """Colours, characters, size, and what else the screen would use."""
    term = os.environ.get("TERM", "")
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        notes.ok("terminal", "none here, as on a pipe: capmon prints its summary")
    elif term in ("", "dumb"):
        notes.note("TERM", term or "not set", "set TERM, such as xterm-256color, or capmon only prints its summary")  # fmt: skip
    else:
        _screen(notes, clock)
    notes.ok("TERM", term or "not set")
    notes.ok("colours", _colours(term))
    encoding = (sys.stdout.encoding or "ascii").lower()
    if encoding.replace("-", "") == "utf8":
        notes.ok("characters", "UTF-8")
    else:
        notes.note("characters", f"{encoding}: stand-ins are shown", "set LANG to a UTF-8 locale, such as C.UTF-8")  # fmt: skip
    _around(notes)


def _screen(notes: Notes, clock: Clock) -> None:
    columns, lines = shutil.get_terminal_size((80, 24))
    notes.ok("size", f"{columns}×{lines}")
    answer = _asked(clock)
    if answer is None:
        notes.note("synchronized", "the terminal did not answer in time")
    elif answer in (b"1", b"2", b"3"):
        notes.ok("synchronized", "frames are shown whole (mode 2026)")
    else:
        notes.note("synchronized", "not known here: a slow link may show half a frame")


def _asked(clock: Clock) -> bytes | None:
    """The state of mode 2026, `0` where it is unknown to the terminal; None without an answer."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        return None
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        os.write(sys.stdout.fileno(), _SYNCHRONIZED.encode())
        said = _read(descriptor, clock)
    except OSError:
        return None
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
    if _ATTRIBUTES.search(said) is None:
        return None
    mode = _MODE.search(said)
    return mode[1] if mode else b"0"


def _read(descriptor: int, clock: Clock) -> bytes:
    said, end = b"", clock.monotonic() + ANSWER
    while _ATTRIBUTES.search(said) is None and len(said) < 4096:
        left = end - clock.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            break
        part = os.read(descriptor, 1024)
        if not part:
            break
        said += part
    return said


def _colours(term: str) -> str:
    if os.environ.get("NO_COLOR"):
        return "none: NO_COLOR is set"
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "16 million"
    return "256; COLORTERM=truecolor gives more where the terminal can" if "256" in term else "16"


def _around(notes: Notes) -> None:
    """Multiplexers and remote shells, which decide over the clipboard."""
    if os.environ.get("TMUX"):
        notes.ok("tmux", "y copies through it where `set -g set-clipboard on` stands in tmux.conf")
    elif os.environ.get("STY"):
        notes.ok("screen", "it passes no clipboard on: y writes a file")
    else:
        notes.ok("clipboard", "y copies by OSC 52, which some terminals ask to be allowed")
    if os.environ.get("SSH_CONNECTION"):
        notes.ok("ssh", "COLORTERM is not passed on unless SendEnv and AcceptEnv name it")
