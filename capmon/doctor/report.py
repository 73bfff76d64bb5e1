"""What was found, as lines for a person and as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from capmon.model.text import one_line

NAME_WIDTH = 22
MOST = 160
"""Characters of a text that are shown."""


class State(StrEnum):
    """How something is."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


GLYPHS = {State.OK: "✓", State.NOTE: "●", State.BROKEN: "✗"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    state: State
    """How it is."""

    name: str
    """What it is."""

    text: str
    """What was found."""

    advice: str = ""
    """What to do; empty where nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together."""

    name: str
    """One word."""

    lines: tuple[Line, ...]
    """In a stable order."""


@dataclass(slots=True)
class Notes:
    """Lines while they are gathered."""

    lines: list[Line] = field(default_factory=list)
    """In the order they came."""

    def ok(self, name: str, text: str) -> None:
        """Note what is well."""
        self.lines.append(Line(State.OK, name, text))

    def note(self, name: str, text: str, advice: str = "") -> None:
        """Note what is less than it could be."""
        self.lines.append(Line(State.NOTE, name, text, advice))

    def broken(self, name: str, text: str, advice: str) -> None:
        """Note what is broken, and what to do."""
        self.lines.append(Line(State.BROKEN, name, text, advice))


def is_broken(sections: Iterable[Section]) -> bool:
    """Whether anything is."""
    return any(line.state is State.BROKEN for section in sections for line in section.lines)


def findings(sections: Iterable[Section]) -> list[Line]:
    """What needs someone, the broken first."""
    told = [n for s in sections for n in s.lines if n.state is State.BROKEN or n.advice]
    return sorted(told, key=lambda line: line.state is not State.BROKEN)


def as_text(sections: Sequence[Section], colour: Callable[[State, str], str]) -> str:
    """Findings first, then everything, aligned.

    Args:
        sections: What was found.
        colour: Gives a glyph its colour, or leaves it as it is.
    """
    told = findings(sections)
    lines = [_line(line, colour, advice=True) for line in told]
    if not told:
        lines.append(f"{colour(State.OK, GLYPHS[State.OK])} all is well")
    for section in sections:
        lines += ["", section.name, *(_line(line, colour, advice=False) for line in section.lines)]
    return "\n".join(lines) + "\n"


def _line(line: Line, colour: Callable[[State, str], str], *, advice: bool) -> str:
    text = _cut(line.text)
    if advice and line.advice:
        text += f"  → {_cut(line.advice)}"
    return f"{colour(line.state, GLYPHS[line.state])} {_cut(line.name).ljust(NAME_WIDTH)}  {text}"


def _cut(text: str) -> str:
    clean = one_line(text)
    return clean if len(clean) <= MOST else clean[: MOST - 1] + "…"


def as_document(sections: Sequence[Section]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "kind": "capmon.doctor",
        "version": 1,
        "broken": is_broken(sections),
        "findings": [_plain(line) for line in findings(sections)],
        "sections": {s.name: [_plain(line) for line in s.lines] for s in sections},
    }


def _plain(line: Line) -> dict[str, str]:
    return {"state": line.state.value, "name": one_line(line.name), "text": one_line(line.text), "advice": one_line(line.advice)}  # fmt: skip
