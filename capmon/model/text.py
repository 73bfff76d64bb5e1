"""Foreign words made fit for one line of a screen, a log or a pipe."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Printable characters alone, on one line: names and reasons may hold anything.

    Whatever moves a cursor, turns the direction of writing or cannot be encoded is left out.
    """
    if text.isprintable():
        return text
    kept = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return kept.rstrip()
