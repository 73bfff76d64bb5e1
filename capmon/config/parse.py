"""YAML text to tables that know their lines; what is not fit for a configuration is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capmon.config.faults import Faults, printable, quoted
from capmon.config.nodes import Entry, Items, Layer, Node, Place, Table, Text

if TYPE_CHECKING:
    import yaml

DEEPEST = 32
"""Levels of nesting; settings need six."""

MOST_NODES = 50_000
"""Values in one text once its aliases are expanded, so that few lines cannot stand for millions."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class _Stop(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


@dataclass(slots=True)
class _Open:
    """A list or a table whose end is not yet reached."""

    place: Place
    path: str
    anchor: str | None
    is_table: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)
    key: Text | None = None
    awaits_value: bool = False
    size: int = 1


def parse(text: str, layer: Layer, name: str, faults: Faults) -> Node | None:
    """Read one YAML document.

    Every value stays text: the setting that it is for decides what it means, so that
    `name: no` is the word no. Anchors, aliases and merge keys work; tags do not.

    Returns:
        The root, or None for an empty document and for one that is not YAML.
    """
    try:
        return _Composer(text, layer, name, faults).compose()
    except _Stop as stop:
        faults.add(Place(layer, name, stop.line if layer is Layer.FILE else 0), "", stop.text)
        return None


class _Composer:
    """Builds nodes from YAML events; its stack is a list, so that no text can exhaust Python's."""

    def __init__(self, text: str, layer: Layer, name: str, faults: Faults) -> None:
        self._text = text
        self._layer = layer
        self._name = name
        self._faults = faults
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._root: Node | None = None
        self._count = 0
        self._documents = 0

    def compose(self) -> Node | None:
        """Read to the end."""
        self._refuse_control_characters()
        for event in self._events():
            self._take(event)
        if isinstance(self._root, Text) and self._root.empty:
            return None
        return self._root

    def _refuse_control_characters(self) -> None:
        found = _FORBIDDEN.search(self._text)
        if found:
            line = self._text.count("\n", 0, found.start()) + 1
            raise _Stop(line, f"not YAML: the control character {found[0]!r}")

    def _events(self) -> Iterator[yaml.Event]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            yield from yaml.parse(self._text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            raise _syntax(error, self._text) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _Stop(1, f"not YAML: {printable(str(error))}") from None

    def _take(self, event: yaml.Event) -> None:
        import yaml

        line = event.start_mark.line + 1 if event.start_mark else 1
        place = Place(self._layer, self._name, line if self._layer is Layer.FILE else 0)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _Stop(line, "a second document begins here; one is read")
            case yaml.ScalarEvent():
                self._untagged(event.tag, line)
                node = Text(place, event.value, plain=event.style in {None, ""})
                self._add(node, event.anchor, line)
            case yaml.AliasEvent():
                self._alias(str(event.anchor), line)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._untagged(event.tag, line)
                self._begin(place, event.anchor, isinstance(event, yaml.MappingStartEvent), line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end(line)

    def _untagged(self, tag: str | None, line: int) -> None:
        if tag is not None and tag != "!":
            short = tag.replace("tag:yaml.org,2002:", "!!")
            raise _Stop(line, f"the tag {quoted(short)} has no meaning here")

    def _alias(self, anchor: str, line: int) -> None:
        if any(opened.anchor == anchor for opened in self._stack):
            raise _Stop(line, f"*{printable(anchor)} would hold itself")
        if anchor not in self._anchors:
            raise _Stop(
                line, f"*{printable(anchor)} stands for nothing: no &{printable(anchor)} before it"
            )
        node, size = self._anchors[anchor]
        self._add(node, None, line, size, cost=size)

    def _begin(self, place: Place, anchor: str | None, is_table: bool, line: int) -> None:
        if len(self._stack) >= DEEPEST:
            raise _Stop(line, f"nested more than {DEEPEST} levels deep")
        self._stack.append(_Open(place, self._path(), anchor, is_table))

    def _path(self) -> str:
        """Dotted key of the value that comes next."""
        if not self._stack:
            return ""
        top = self._stack[-1]
        if not top.is_table:
            return f"{top.path}[{len(top.items)}]"
        key = top.key.text if top.key else "?"
        return f"{top.path}.{key}" if top.path else key

    def _end(self, line: int) -> None:
        done = self._stack.pop()
        node: Node
        if done.is_table:
            node = Table(done.place, self._with_merged(done))
        else:
            node = Items(done.place, tuple(done.items))
        self._add(node, done.anchor, line, done.size)

    def _with_merged(self, done: _Open) -> dict[str, Entry]:
        entries = dict(done.entries)
        for node in done.merged:
            for table in node.items if isinstance(node, Items) else (node,):
                if not isinstance(table, Table):
                    self._faults.add(table.place, done.path, "<<: expected a section to take over")
                    continue
                for key, entry in table.entries.items():
                    entries.setdefault(key, entry)
        return entries

    def _add(self, node: Node, anchor: str | None, line: int, size: int = 1, cost: int = 1) -> None:
        """Put a finished node where it belongs; `size` counts all values in it."""
        self._count += cost
        if self._count > MOST_NODES:
            raise _Stop(line, f"more than {MOST_NODES} values, aliases counted in full")
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        top.size += size
        if not top.is_table:
            top.items.append(node)
        elif not top.awaits_value:
            top.key, top.awaits_value = self._as_key(node, top.path), True
        else:
            top.awaits_value = False
            self._enter(top, node)

    def _as_key(self, node: Node, path: str) -> Text | None:
        if isinstance(node, Text):
            return node
        self._faults.add(node.place, path, "a key must be a word, not a list or a section")
        return None

    def _enter(self, top: _Open, node: Node) -> None:
        key = top.key
        if key is None:
            return
        if key.text == "<<" and key.plain:
            top.merged.append(node)
            return
        first = top.entries.get(key.text)
        if first:
            path = f"{top.path}.{key.text}" if top.path else key.text
            where = f", first in line {first.place.line}" if first.place.line else ""
            self._faults.add(key.place, path, f"written twice{where}")
            return
        top.entries[key.text] = Entry(key.place, node)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> _Stop:
    """What is wrong with text that is not YAML, in the words of someone who edits it."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    begun = error.context_mark.line + 1 if error.context_mark else line
    context, problem = error.context or "", error.problem or "not YAML"
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    indent = written[: len(written) - len(written.lstrip())]
    if "\t" in indent:
        return _Stop(line, "a tab cannot indent a line; use spaces")
    if "simple key" in context:
        return _Stop(begun, "not YAML: a key without ':' after it")
    if "mapping values are not allowed" in problem:
        return _Stop(line, "not YAML: a ':' too many, or a line indented too far; put a text that holds ': ' in quotes")  # fmt: skip
    if "cannot start any token" in problem:
        sign = written[mark.column : mark.column + 1] if mark else ""
        return _Stop(line, f"not YAML: a value cannot begin with {sign!r}; put it in quotes")
    if "quoted scalar" in context and "end of stream" in problem:
        return _Stop(begun, "not YAML: a quote opened here is never closed")
    if "flow sequence" in context or "flow mapping" in context:
        sign = "[" if "sequence" in context else "{"
        advice = "; put a value that holds ${…} in quotes" if "${" in written else ""
        return _Stop(
            line, f"not YAML: expected ',' or the end of the {sign} opened in line {begun}{advice}"
        )
    if "block mapping" in context or "block collection" in context:
        return _Stop(line, f"not YAML: indented unlike the lines it belongs to, which begin in line {begun}")  # fmt: skip
    return _Stop(line, f"not YAML: {printable(problem)}")
