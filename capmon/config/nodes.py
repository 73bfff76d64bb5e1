"""A configuration as written: texts, lists and tables that each know where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Layer(IntEnum):
    """Who set a value; a later one overrides an earlier one."""

    DEFAULT = 0
    FILE = 1
    ENVIRONMENT = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written."""

    layer: Layer
    """Who wrote it."""

    name: str
    """The file, the variable or the flag."""

    line: int = 0
    """Line in the file, counted from 1; 0 outside a file."""

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


DEFAULT = Place(Layer.DEFAULT, "default")
"""The place of a value that nobody set."""


@dataclass(frozen=True, slots=True)
class Text:
    """One value; what it means is decided by the setting that it is for."""

    place: Place
    """Where it stands."""

    text: str
    """The value, without its quotes."""

    plain: bool = False
    """Written without quotes, so that `null` and nothing at all mean none."""

    @property
    def empty(self) -> bool:
        """Whether nothing was written."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    """Where it begins."""

    items: tuple[Node, ...]
    """Its members."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a table with its value."""

    place: Place
    """Where the key stands."""

    node: Node
    """The value."""


@dataclass(frozen=True, slots=True)
class Table:
    """Keys with values."""

    place: Place
    """Where it begins."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By key, in the order written."""


Node = Text | Items | Table
"""Anything that can be written."""


def merge(low: Table, high: Table) -> Table:
    """One table with the entries of both; where both have a value, that of `high`."""
    entries = dict(low.entries)
    for key, entry in high.entries.items():
        under = entries.get(key)
        if under and isinstance(under.node, Table) and isinstance(entry.node, Table):
            entry = Entry(entry.place, merge(under.node, entry.node))
        entries[key] = entry
    return Table(low.place, entries)
