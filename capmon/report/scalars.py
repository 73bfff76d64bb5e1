"""Texts as YAML scalars and comments, so that no name from outside can change the document around it."""

from __future__ import annotations

import re

from capmon.model.text import one_line

_PLAIN = re.compile(r"[A-Za-z_](?:[\w./:-]*[\w/-])?", re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})


def scalar(text: str) -> str:
    """A text as a scalar that every YAML parser reads back as that text.

    Plain where nothing can be mistaken, else in single quotes, or in double quotes with escapes
    where it holds what does not print. Half of a surrogate pair becomes a question mark.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # fmt: skip


def comment(text: str, indent: int = 0) -> str:
    """One line of comment."""
    return f"{' ' * indent}# {one_line(text)}".rstrip()


def block(text: str, indent: int) -> str:
    """Lines of printable text as a literal block scalar, its header included; one line is a plain scalar."""
    lines = text.splitlines()
    if len(lines) == 1:
        return scalar(text)
    return "|-\n" + "\n".join(" " * indent + line for line in lines)
