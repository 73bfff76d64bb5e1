"""Markdown that any renderer shows alike and that reads well as it stands: escapes, wrapping, tables, fences."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from capmon.model.text import one_line

WIDTH = 96
"""Columns that prose is wrapped to."""

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SPECIAL = re.compile(r"[\\`*\[\]<|~]|\$(?=[^\s.,;:)])|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"(?P<mark>[-+>#=]|\d+(?=[.)](?:\s|$)))")
_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def escaped(text: str) -> str:
    """Words of others as text of one line that no renderer takes for marks; pairs of backticks stay code."""
    text = one_line(text)
    out: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        out += [_marks(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*out, _marks(text[end:])])


def _marks(text: str) -> str:
    return _SPECIAL.sub(lambda m: "\\" + m[0], text)


def prose(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """A paragraph in lines of at most `WIDTH` columns, as far as words allow.

    Args:
        text: Escaped already.
        indent: What lines begin with.
        first: What the first line begins with, where that is something else: `- `.
    """
    begin = indent if first is None else first
    width = max(20, WIDTH - len(indent))
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    guarded = [_guarded(line) for line in lines] or [""]
    return [(begin if i == 0 else indent) + line for i, line in enumerate(guarded)]


def _guarded(line: str) -> str:
    """A line that begins neither a list, a heading nor a quotation where none is meant."""
    found = _START.match(line)
    if found is None:
        return line
    if found["mark"].isdigit():
        return f"{found['mark']}\\{line[found.end() :]}"
    return "\\" + line


def bullet(text: str) -> list[str]:
    """One entry of a list."""
    return prose(text, "  ", "- ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """A table whose columns are aligned as text too.

    Args:
        heads: Names of the columns, escaped.
        rows: Cells, escaped.
        right: Which columns are numbers.
    """
    widths = [max(3, *(_cells(row[i]) for row in [heads, *rows])) for i in range(len(heads))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    return [
        _row(heads, widths, right),
        "| " + " | ".join(rule) + " |",
        *(_row(row, widths, right) for row in rows),
    ]


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    filled = (
        " " * (w - _cells(c)) + c if r else c + " " * (w - _cells(c))
        for c, w, r in zip(cells, widths, right, strict=True)
    )
    return "| " + " | ".join(filled) + " |"


def _cells(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fence(lines: Sequence[str], language: str = "text") -> list[str]:
    """Lines as they stand; whatever they hold, they end only with the fence."""
    longest = max((len(m) for line in lines for m in re.findall("`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return [f"{ticks}{language}", *(one_line(line) for line in lines), ticks]


def raised(n: int) -> str:
    """A number as it stands behind what it annotates: `¹²`."""
    return str(n).translate(_DIGITS)


def anchor(heading: str) -> str:
    """What a link to a heading holds, as GitHub and GitLab make it."""
    words = re.sub(r"[^\w\- ]", "", heading.lower())
    return re.sub(r"-{2,}", "-", words.replace(" ", "-"))


class Notes:
    """Evidence, told once for all that rest on it, and numbered in the order of its first use."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def mark(self, text: str) -> str:
        """The number of a note with a blank before it; nothing for an empty one."""
        if not text.strip():
            return ""
        return " " + raised(self._known.setdefault(text, len(self._known) + 1))

    def lines(self) -> Iterator[str]:
        """The notes, a line of a list for each."""
        for text, n in self._known.items():
            yield from prose(f"{raised(n)} {escaped(text)}", "  ", "- ")
