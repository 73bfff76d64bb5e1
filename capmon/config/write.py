"""Write values the way a configuration file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from capmon.config.shape import QUANTITIES, Hint, alternatives, is_optional, literals, member

_BARE = re.compile(r"[A-Za-z/_][\w/.:@+=-]*(?<!:)(?: [A-Za-z/_][\w/.-]*)*", re.ASCII)
_WORDS_WITH_MEANING = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
"""Texts that other readers of YAML take for something else."""


def written(hint: Hint, value: Any) -> str:
    """A value as text that reads back as the same value."""
    if value is None:
        return "null" if is_optional(hint) else ""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            word = value in literals(alternatives(hint)[0])
            return value if word else quote(value.replace("${", "$${"))
        case tuple():
            of = next((member(h) for h in alternatives(hint) if member(h)), str)
            return f"[{', '.join(written(of, v) for v in value)}]"
        case Mapping():
            return "{}" if not value else _flow(member(hint), value)
    option = alternatives(hint)[0]
    if option in QUANTITIES:
        return quantity(option, float(value))
    return number(value)


def _flow(of: Hint, value: Mapping[str, Any]) -> str:
    return f"{{{', '.join(f'{quote(k)}: {written(of, v)}' for k, v in value.items())}}}"


def number(value: float) -> str:
    """A number without a superfluous fraction: 25, 0.5."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def quantity(hint: Hint, value: float) -> str:
    """A quantity in the greatest unit that keeps it round: 90s, 5m, 250ms, 70%."""
    kind = QUANTITIES[hint]
    if value == 0 and not kind.fallback:
        return "0%"
    if value == 0:
        return f"0{kind.fallback}"
    for suffix, worth in kind.suffixes.items():
        text = f"{value / worth:.6g}"
        short = text.isdigit() or suffix in {"%", "ms"}
        if short and "e" not in text and kind.parse(text + suffix) == value:
            return text + suffix
    return f"{value!r}{kind.fallback}"


def quote(text: str) -> str:
    """A text, in double quotes where YAML would otherwise read something else."""
    if _BARE.fullmatch(text) and text.lower() not in _WORDS_WITH_MEANING:
        return text
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(char: str) -> str:
    if char in {'"', "\\"}:
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # fmt: skip
