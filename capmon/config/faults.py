"""Everything that is wrong with a configuration, one line each, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable

from capmon.config.nodes import Place

MOST = 100
"""Faults that are listed; the rest are counted."""

LONGEST = 60
"""Characters of a key or a value that a fault repeats."""


def printable(text: str) -> str:
    """A text fit for a terminal: cut to size, control characters written as escapes."""
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def quoted(text: str) -> str:
    """A value in quotes, cut to size."""
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like another; empty when none is."""
    import difflib

    if len(word) > LONGEST:
        return ""
    folded = {k.lower().replace("-", "_"): k for k in known}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(folded), 1, 0.7)
    return folded[found[0]] if found else ""


def choices(words: Iterable[str]) -> str:
    """Words as a sentence lists them: `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


class Faults:
    """The faults found so far, and the keys that they spoil."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int, str]] = []
        self._keys: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether further faults are only counted, so that advice on them is wasted."""
        return len(self._found) >= MOST

    def add(self, place: Place, key: str, text: str) -> None:
        """Record that something is wrong with a key; an empty key means the place as a whole."""
        self._keys.add(key)
        where = f"{place}: {printable_key(key)}: " if key else f"{place}: "
        self._found.append((place.layer, place.line, where + text))

    def touches(self, key: str) -> bool:
        """Whether a key, a part of it or a section around it is already known to be wrong."""
        around = {key[:i] for i, c in enumerate(key) if c in ".["} | {key}
        inside = (f"{key}.", f"{key}[")
        return bool(around & self._keys) or any(k.startswith(inside) for k in self._keys)

    def lines(self) -> list[str]:
        """One line a fault: those of the file by line, then variables, then flags."""
        lines = [text for _, _, text in sorted(self._found, key=lambda fault: fault[:2])]
        more = len(lines) - MOST
        return [*lines[:MOST], f"and {more} more faults"] if more > 0 else lines


def printable_key(key: str) -> str:
    """A dotted key fit for a terminal: longer than a value may be, for metric names nest."""
    if len(key) > 2 * LONGEST:
        key = key[: 2 * LONGEST - 1] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in key)
