"""Samples of a few names read off a page in Prometheus' text format or OpenMetrics.

A page can hold a hundred thousand lines of which a dozen matter, so a line is looked at only when
it begins with a name that is wanted, and the labels of a series are taken apart once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_REST = re.compile(
    r"""
    (?P<labels>\{(?:[^"{}]++|"(?:[^"\\]|\\.)*+")*+\})?
    [ \t]*+
    (?P<value>[^\s#{]++)
    (?:[ \t]++[+-]?[0-9][0-9.eE+-]*+)?    # time
    [ \t]*+
    (?:\#.*)?                             # exemplar
    """,
    re.VERBOSE | re.ASCII,
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.ASCII)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a page."""

    series: str
    """Name and labels as they stand on the page; the same text is the same series."""

    labels: Mapping[str, str]
    """Labels, unescaped."""

    value: float
    """Any float: NaN and the infinities are legal on a page."""


@dataclass(slots=True)
class Samples:
    """What a page says under the names that were wanted."""

    by_name: dict[str, list[Sample]] = field(default_factory=dict)
    """Samples in the order of the page, by name; names without any are absent."""

    broken: dict[str, str] = field(default_factory=dict)
    """Names with a line that cannot be read, with that line's number."""


class SampleReader:
    """Reads pages of one exporter, which change little from one to the next."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        ordered = sorted(self.names, key=len, reverse=True)
        self._line = re.compile(
            rf"^[ \t]*+({'|'.join(map(re.escape, ordered)) or '(?!)'})(?=[ \t{{])([^\n]*)",
            re.MULTILINE,
        )
        self._known: dict[str, Mapping[str, str]] = {}

    def read(self, page: str) -> Samples:
        """The samples under the reader's names; a line that cannot be read spoils its name alone."""
        result = Samples()
        known, self._known = self._known, {}
        for match in self._line.finditer(page):
            name, rest = match.groups()
            sample = self._sample(name, rest.rstrip(), known)
            if sample is None:
                line = page.count("\n", 0, match.start(2)) + 1
                result.broken.setdefault(name, f"line {line} of the page cannot be read")
            else:
                result.by_name.setdefault(name, []).append(sample)
        return result

    def _sample(
        self, name: str, rest: str, known: Mapping[str, Mapping[str, str]]
    ) -> Sample | None:
        # Most lines are a series seen before, one space and a number.
        head, _, number = rest.rpartition(" ")
        series = name + head
        labels = known.get(series)
        if labels is None:
            match = _REST.fullmatch(rest if rest[:1] == "{" else rest.lstrip(" \t"))
            if match is None:
                return None
            text, number = match["labels"] or "", match["value"]
            series = name + text
            found = known[series] if series in known else _labels(text[1:-1])
            if found is None:
                return None
            labels = found
        value = _number(number)
        if value is None:
            return None
        self._known[series] = labels
        return Sample(series, labels, value)


def _number(text: str) -> float | None:
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _labels(text: str) -> Mapping[str, str] | None:
    labels: dict[str, str] = {}
    end = 0
    while end < len(text):
        match = _LABEL.match(text, end)
        if match is None or match[1] in labels:
            return None if text[end:].strip() else labels
        labels[match[1]] = match[2] if "\\" not in match[2] else _unescape(match[2])
        end = match.end()
    return labels or _NO_LABELS


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), text)
