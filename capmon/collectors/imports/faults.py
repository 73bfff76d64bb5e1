"""What is wrong with a file that is imported: file, line, column, and a text."""

from __future__ import annotations

from capmon.errors import CapmonError

MOST = 20
"""Faults that are told in words; of more there is a count."""

SHOWN = 40
"""Characters of a foreign text that are shown."""


class Faulty(CapmonError):
    """Too much is wrong to read on."""


class Faults:
    """Gathers faults; without `keep_going`, reading ends when there are enough to be told."""

    def __init__(self, *, keep_going: bool = False) -> None:
        self.keep_going = keep_going
        self.lines: list[str] = []
        """The first of them, one line each: `load.csv:7: column cpu: 'x' is no number`."""
        self.count = 0
        """All of them."""

    def add(self, file: str, line: int | None, column: str, text: str) -> None:
        """Note a fault.

        Raises:
            Faulty: It is one too many.
        """
        self.count += 1
        place = f"{file}:{line}" if line is not None else file
        about = f"column {shown(column)}: " if column else ""
        if len(self.lines) < MOST:
            self.lines.append(f"{place}: {about}{text}")
        elif not self.keep_going:
            raise Faulty(f"more than {MOST} faults: the rest of {file} was not read")

    def told(self) -> list[str]:
        """The faults for a person, those not told in words counted at the end."""
        more = self.count - len(self.lines)
        return self.lines + ([f"and {more} more"] if more > 0 else [])


def cut(text: str) -> str:
    """A foreign text in quotes, printable and short."""
    return f"'{shown(text)}'"


def shown(text: str) -> str:
    """A foreign text, printable and short."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: SHOWN + 1])
    return clean if len(clean) <= SHOWN else clean[:SHOWN] + "…"
