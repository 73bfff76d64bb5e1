"""What is written where the output's encoding cannot hold our glyphs."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys
import unicodedata

NAME = "capmon-plain"

_ALIKE = {
    "-": "─━╌–—",
    "|": "│┃▏▎▍‖",
    "+": "╭╮╰╯┌┐└┘├┤┬┴┼±",
    "#": "█▉▊▋▌",
    "_": "▁",
    ".": "▂·",
    ",": "▃",
    "~": "▄…≈",
    "=": "▅",
    "*": "▆●•",
    "%": "▇",
    "o": "○◌◐",
    "!": "◆◇",
    "^": "▲△↑",
    "v": "▼▽↓✓",
    ">": "→▸≥",
    "<": "←◂≤",
    "x": "×✗",
    "u": "µμ",
    "a": "α",
    "b": "β",
    "y": "γ",
    "s": "σ",
    '"': "“”",
    "'": "‘’",
}
_STAND_INS = {ord(theirs): ours for ours, all_ in _ALIKE.items() for theirs in all_}


def plainly(fault: UnicodeError) -> tuple[str, int]:
    """Stand-ins of the same width, for `codecs.register_error`."""
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return "".join(_stand_in(c) for c in fault.object[fault.start : fault.end]), fault.end


def _stand_in(character: str) -> str:
    found = character.translate(_STAND_INS)
    if found.isascii():
        return found
    base = unicodedata.normalize("NFKD", character)[0]
    if base.isascii():
        return base
    if unicodedata.combining(character):
        return ""
    if 0x2800 <= ord(character) <= 0x28FF:
        return " " if character == "\u2800" else ":"
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"


def tolerate() -> None:
    """Let standard output and error take any text, in whatever encoding they have."""
    codecs.register_error(NAME, plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError, OSError):
                stream.reconfigure(errors=NAME)
