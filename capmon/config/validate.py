"""Turn what was written into typed settings, driven by their type hints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from capmon.config.expand import expand
from capmon.config.faults import Faults, choices, nearest, printable, quoted
from capmon.config.nodes import DEFAULT, Items, Layer, Node, Place, Table, Text
from capmon.config.schema import Settings
from capmon.config.shape import (
    QUANTITIES,
    Hint,
    alternatives,
    expected,
    is_list,
    is_mapping,
    is_optional,
    is_section,
    least_whole,
    leaves,
    literals,
    member,
    settings_of,
)
from capmon.errors import QuantityError

T = TypeVar("T")

LONGEST_NUMBER = 32
"""Characters of a quantity; a longer text is none."""

BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""Words for a switch, as YAML 1.1 has them."""


class Unusable(Exception):
    """One value is not what its setting needs; the text says what is."""


class Reader:
    """Reads nodes into settings; faults are collected and the default stands in for the value."""

    def __init__(self, environ: Mapping[str, str], faults: Faults) -> None:
        self._environ = environ
        self._faults = faults
        self.places: dict[str, Place] = {}
        """Where each key was set, sections included; keys left to their default are absent."""
        self.leaves: dict[str, Place] = {}
        """Where each single value comes from, defaults included."""
        self.shown: dict[str, str] = {}
        """What to show for values that came from the environment, by key."""

    def settings(self, root: Node | None) -> Settings:
        """Read everything."""
        return self._section(Settings, root, "", Settings())

    def _section(self, cls: type[T], node: Node | None, key: str, default: T | None) -> T:
        table = self._table(node, key, cls)
        known = settings_of(cls)
        for name, entry in table.entries.items():
            if name not in known:
                self._unknown(entry.place, key, name, list(known))
        values: dict[str, Any] = {}
        for setting in known.values():
            at = f"{key}.{setting.key}" if key else setting.key
            entry_or_none = table.entries.get(setting.key)
            fallback = getattr(default, setting.attribute) if default is not None else None
            if entry_or_none is None:
                if default is None and setting.required:
                    self._faults.add(table.place, at, f"missing; expected {expected(setting.hint)}")
                values[setting.attribute] = self._absent(setting.hint, at, fallback)
            else:
                self.places[at] = entry_or_none.place
                values[setting.attribute] = self._value(
                    setting.hint, entry_or_none.node, at, fallback, entry_or_none.place
                )
        return cls(**values)

    def _absent(self, hint: Hint, key: str, default: Any) -> Any:
        if is_section(hint):
            return self._section(hint, None, key, default)
        self.leaves[key] = DEFAULT
        return default

    def _table(self, node: Node | None, key: str, hint: Hint) -> Table:
        if isinstance(node, Table):
            return node
        if node is not None and not (isinstance(node, Text) and node.empty):
            got = "a list" if isinstance(node, Items) else "a text"
            self._faults.add(node.place, key, f"expected {expected(hint)}, got {got}")
        return Table(node.place if node else DEFAULT)

    def _unknown(self, place: Place, key: str, name: str, known: list[str]) -> None:
        at = f"{key}.{name}" if key else name
        if self._faults.full:
            self._faults.add(place, at, "unknown key")
            return
        near = nearest(name, known) or _elsewhere(name)
        advice = f"did you mean {near}?" if near else f"expected {choices(known)}"
        self._faults.add(place, at, f"unknown key; {advice}")

    def _value(self, hint: Hint, node: Node, key: str, default: Any, place: Place) -> Any:
        """Read one value; `place` is that of its key, where a reader of the file looks for it."""
        if is_section(hint):
            return self._section(hint, node, key, default)
        self.leaves[key] = place
        if isinstance(node, Text) and node.empty:
            return self._nothing(hint, key, default, place)
        for option in alternatives(hint):
            if is_list(option) and isinstance(node, Items):
                return self._list(option, node, key)
            if is_mapping(option) and isinstance(node, Table):
                return self._mapping(option, node, key)
        try:
            return self._scalar(hint, node, key)
        except Unusable as error:
            self._faults.add(place, key, str(error))
            return default

    def _nothing(self, hint: Hint, key: str, default: Any, place: Place) -> Any:
        """A key with nothing after it: a list or a mapping whose lines are all commented out."""
        if is_optional(hint):
            return None
        if is_mapping(hint) or is_list(hint):
            self.leaves[key] = DEFAULT
        else:
            self._faults.add(place, key, f"expected {expected(hint)}, got nothing")
        return default

    def _list(self, hint: Hint, node: Items, key: str) -> tuple[Any, ...]:
        return tuple(
            self._value(member(hint), item, f"{key}[{i}]", None, item.place)
            for i, item in enumerate(node.items)
        )

    def _mapping(self, hint: Hint, node: Table, key: str) -> dict[str, Any]:
        of = member(hint)
        found = {}
        for name, entry in node.entries.items():
            at = f"{key}.{name}"
            self.places[at] = entry.place
            default = of() if is_section(of) else None
            found[name] = self._value(of, entry.node, at, default, entry.place)
        return found

    def _scalar(self, hint: Hint, node: Node, key: str) -> Any:
        if not isinstance(node, Text):
            got = "a list" if isinstance(node, Items) else "a section"
            raise Unusable(f"expected {expected(hint)}, got {got}")
        if is_mapping(hint) or is_list(hint):
            # The text may be a header or a command line, so it is not repeated.
            raise Unusable(f"expected {expected(hint)}, got a text")
        text, shown = node.text, None
        if node.place.layer is Layer.FILE:
            expanded = expand(text, self._environ)
            if expanded.problem:
                raise Unusable(expanded.problem)
            text, shown = expanded.text, expanded.shown
        if shown is not None:
            self.shown[key] = shown
        try:
            return convert(hint, text)
        except Unusable:
            if shown is None:
                raise
            raise Unusable(f"expected {expected(hint)}, got the value of {printable(shown)}") from None  # fmt: skip


def convert(hint: Hint, text: str) -> Any:
    """The value that a text stands for.

    Raises:
        Unusable: It stands for none; the text of the error repeats the value.
    """
    for option in alternatives(hint):
        if option is str:
            return text
        if option is bool and text.lower() in BOOLEANS:
            return BOOLEANS[text.lower()]
        if text in literals(option):
            return text
        if option in QUANTITIES:
            return _quantity(option, text)
        if option is float:
            return _number(text)
        if (least := least_whole(option)) is not None:
            return _whole(text, least)
    words = [word for option in alternatives(hint) for word in literals(option)]
    near = nearest(text, words) if words else ""
    advice = f"; did you mean {near}?" if near else ""
    raise Unusable(f"expected {expected(hint)}, got {quoted(text)}{advice}")


def _quantity(hint: Hint, text: str) -> float:
    quantity = QUANTITIES[hint]
    if len(text) > LONGEST_NUMBER:
        raise Unusable(f"expected {quantity.expected}, got {quoted(text)}")
    try:
        number = quantity.parse(text)
    except QuantityError as error:
        raise Unusable(str(error)) from None
    if not math.isfinite(number):
        raise Unusable(f"expected {quantity.expected}, got {quoted(text)}")
    return number


def _number(text: str) -> float:
    try:
        number = float(text) if len(text) <= LONGEST_NUMBER else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Unusable(f"expected a number, got {quoted(text)}")
    return number


def _whole(text: str, least: int) -> int:
    digits = text.strip()
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1
    if number < least:
        raise Unusable(f"expected a whole number of {least} or more, got {quoted(text)}")
    return number


def _elsewhere(name: str) -> str:
    """The full key of a setting that has this name in another section; empty if not exactly one."""
    found = [key for key in leaves(Settings) if key.rpartition(".")[2] == name and "." in key]
    return found[0] if len(found) == 1 else ""
